//! What the log says at start: newest values, messages that a broker may send again, alarms.
//!
//! Nothing is told from here: an alarm that stood before the restart was told then. Time is the log's, never that of a
//! reading, which may be a device's own. Bounded by [`WARM_POINTS`], and by [`REPLAY_POINTS_MAX`] or two of [`REPEAT_MS`],
//! within which all that stands is told again.

use super::Pipeline;
use crate::admit::identity;
use crate::aggregate::span_ms;
use crate::alarm::REPEAT_MS;
use crate::store::{Page, Seq, StoreClosed};
use facility_config::limits::READ_POINTS_MAX;
use facility_config::series::Class;
use facility_config::{Measurement, Source};
use facility_drivers::{Batch, Metric, Subject};

/// Points read back to know what was just received.
const WARM_POINTS: u64 = 50_000;
/// Points read back at most for delays that were running: four hours of 200 devices.
const REPLAY_POINTS_MAX: u64 = 500_000;

/// A batch as the log has it.
struct Told {
    /// Position of its first point.
    first: Seq,
    /// When it was committed, Unix ms.
    log_ms: i64,
    batch: Batch,
}

impl Pipeline {
    /// Reads the end of the log back: the page shows the last values at once, a message that the broker sends again after a
    /// crash is recognised, and alarms go on from where they were.
    pub(super) async fn warm_up(&mut self) -> Result<(), StoreClosed> {
        let (start, end) = {
            let durable = self.readings.durable();
            let durable = durable.borrow();
            (durable.start, durable.end)
        };
        let values_from = start.max(end.saturating_sub(WARM_POINTS));
        let oldest = start.max(end.saturating_sub(REPLAY_POINTS_MAX));
        // One from so long ago, or whose log is gone, knows of alarms whose end nobody would read.
        let kept = self.keeper.load(&self.site, end).await.filter(|(_, at)| *at >= oldest);
        let alarms_from = match kept {
            Some((alarms, at)) => {
                self.alarms = alarms;
                at
            }
            None => self.before_what_matters(start, oldest, end).await?,
        };
        let mut at = alarms_from.min(values_from);
        let mut points = 0;
        while at < end {
            // Never across where one of them begins: a message is either in the snapshot or not.
            let border = [alarms_from, values_from].into_iter().filter(|border| *border > at).min().unwrap_or(end);
            let page = self.readings.read(at, READ_POINTS_MAX.min(usize::try_from(border - at).unwrap_or(usize::MAX))).await?;
            if page.next == at {
                break;
            }
            let mut told = told_by(&page);
            at = page.next;
            // The last one may go on in the next page.
            if at < border && told.len() > 1 {
                at = told.pop().map_or(at, |last| last.first);
            }
            points += told.iter().map(|one| one.batch.readings.len()).sum::<usize>();
            let mut heard_ms = None;
            for at in 0..told.len() {
                let Told { first, log_ms, ref batch } = told[at];
                if first >= alarms_from {
                    if heard_ms.replace(log_ms) != Some(log_ms) {
                        // What was taken just before a step of the clock was committed after it, with the heartbeat.
                        told[at..].iter().take_while(|one| one.log_ms == log_ms).for_each(|one| self.alarms.beat(&one.batch));
                    }
                    self.alarms.replay(batch, log_ms);
                }
                if first >= values_from && !is_of_alarms(batch) {
                    self.recognise(batch);
                    self.latest.observe(batch, batch.at_ms);
                }
            }
        }
        if points > 0 {
            tracing::info!(points, alarms = self.alarms.active().len(), "read back the newest readings");
        }
        Ok(())
    }

    /// Where the log has to be read from when no snapshot says how the alarms stood: what stands was told within the last
    /// hour that the gateway was there, and whatever is older than the longest delay of any rule decides nothing any more.
    async fn before_what_matters(&self, start: Seq, oldest: Seq, end: Seq) -> Result<Seq, StoreClosed> {
        let newest = self.readings.read(end.saturating_sub(1), 1).await?;
        let Some(newest_ms) = newest.records.first().map(|record| record.log_ms) else {
            // The end is held back while the clock is not set.
            return Ok(oldest.max(end.saturating_sub(WARM_POINTS)));
        };
        let delays = self.site.devices.iter().flat_map(|device| {
            let hold_ms = 3 * span_ms(device.interval);
            device.rules.iter().map(move |rule| hold_ms + span_ms(rule.on_delay) + span_ms(rule.off_delay) + span_ms(rule.defrost_delay))
        });
        let delays = self.committed_since(newest_ms.saturating_sub(delays.max().unwrap_or(0)), oldest, end).await?;
        let repeated = self.committed_since(newest_ms.saturating_sub(2 * REPEAT_MS), start, end).await?;
        Ok(delays.min(repeated))
    }

    /// First position between two that was committed at a time or later.
    async fn committed_since(&self, from_ms: i64, mut low: Seq, end: Seq) -> Result<Seq, StoreClosed> {
        let mut high = end;
        while low < high {
            let middle = low + (high - low) / 2;
            let page = self.readings.read(middle, 1).await?;
            match page.records.first() {
                Some(record) if record.log_ms < from_ms => low = page.next.max(middle + 1),
                _ => high = middle,
            }
        }
        Ok(low.min(end))
    }

    /// Remembers what a broker may send again. What a device says about its own health stands apart in the log.
    fn recognise(&mut self, batch: &Batch) {
        let Some(device) = batch.device else { return };
        let is_from_broker = self.site.device(device).is_some_and(|device| matches!(device.source, Source::Mqtt { .. }));
        match batch.subject {
            Subject::Event => {
                let (stamp, key) = identity(batch, batch.at_ms);
                self.latest.seen(device, batch.subject, stamp, key);
            }
            Subject::Telemetry | Subject::Health if is_from_broker => self.latest.recorded(device, batch.at_ms, &batch.readings),
            Subject::Telemetry | Subject::Health | Subject::Metric => {}
        }
    }
}

fn is_of_alarms(batch: &Batch) -> bool {
    batch.readings.first().is_some_and(|reading| reading.metric.point.measurement() == Measurement::Alarm)
}

/// Records of one device, time and subject, together again as the batches they came in. A series that comes a second time
/// begins another batch.
fn told_by(page: &Page) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    for (seq, record) in (page.first..).zip(&page.records) {
        let device = page.names.origins.get(record.origin as usize).and_then(|origin| origin.device);
        let metric = page.names.metrics.get(record.metric as usize).and_then(|name| Some(Metric { point: name.point?, part: name.part }));
        let (Some(device), Some(metric)) = (device, metric) else { continue };
        let measurement = metric.point.measurement();
        let subject = match measurement.info().class {
            Class::Event => Subject::Event,
            Class::Metric => Subject::Metric,
            Class::Reading if matches!(measurement, Measurement::DeviceHealth | Measurement::Link) => Subject::Health,
            Class::Reading => Subject::Telemetry,
        };
        let goes_on = |Told { log_ms, batch, .. }: &Told| {
            (batch.device, batch.at_ms, batch.subject, *log_ms) == (Some(device), record.at_ms, subject, record.log_ms)
                && (subject != Subject::Event || is_one_event(batch, metric))
        };
        match all.last_mut().filter(|last| goes_on(last)) {
            Some(last) => last.batch.push(metric, record.value.clone()),
            None => {
                let mut batch = Batch::new(device, subject, record.at_ms);
                batch.push(metric, record.value.clone());
                all.push(Told { first: seq, log_ms: record.log_ms, batch });
            }
        }
    }
    all
}

/// Fields of one event have one measurement and one part, and each is there once.
fn is_one_event(batch: &Batch, metric: Metric) -> bool {
    let is_alike = |known: Metric| known.part == metric.part && known.point.measurement() == metric.point.measurement();
    batch.readings.iter().all(|known| is_alike(known.metric) && known.metric != metric)
}
