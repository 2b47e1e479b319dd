//! The one place every batch passes: time, duplicates, alarms, the table of newest values, then the store.
//!
//! Owns the state it changes; nobody else writes it. Never decodes, never waits for the network. When the store takes
//! nothing, this waits, the queue behind it fills, and the brokers keep their messages.

use crate::admit::{Admission, identity, is_message};
use crate::alarm::Engine;
use crate::latest::Latest;
use crate::parcels::Parcels;
use crate::status::WearInfo;
use crate::store::{Append, Page, Store, StoreClosed};
use crate::telemetry::Telemetry;
use facility_config::limits::{BATCHES_PER_APPEND_MAX, READ_POINTS_MAX};
use facility_config::series::Class;
use facility_config::{DeviceIx, Point, Site, Source};
use facility_drivers::{Batch, Clock, Metric, Subject, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// How often alarms are looked at and the picture is published, real time.
const TICK: Duration = Duration::from_millis(500);
/// Longest time without a heartbeat in the log; windows close by the log's own time.
const HEARTBEAT_MS_MAX: i64 = 60_000;
/// Points read back at start to know what was just received.
const WARM_POINTS: u64 = 50_000;

/// What the status page shows of the pipeline's state, published every [`TICK`].
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// When, Unix ms.
    pub now_ms: i64,
    /// Newest values.
    pub devices: Vec<crate::latest::DeviceLatest>,
    /// Alarms that stand.
    pub alarms: Vec<crate::alarm::Active>,
}

/// The task.
pub struct Pipeline {
    site: Arc<Site>,
    clock: Clock,
    telemetry: Arc<Telemetry>,
    queue: mpsc::Receiver<Batch>,
    readings: Store,
    outbox: Store,
    picture: watch::Sender<Arc<Picture>>,
    wear: watch::Receiver<WearInfo>,
    stop: CancellationToken,
    latest: Latest,
    parcels: Parcels,
    alarms: Engine,
    heartbeat_ms: i64,
}

/// What a pipeline is made of.
pub struct Parts {
    /// What is declared.
    pub site: Arc<Site>,
    /// Time.
    pub clock: Clock,
    /// What is counted.
    pub telemetry: Arc<Telemetry>,
    /// Batches from all drivers.
    pub queue: mpsc::Receiver<Batch>,
    /// Where readings go.
    pub readings: Store,
    /// Where alarms go.
    pub outbox: Store,
    /// Where the picture is published.
    pub picture: watch::Sender<Arc<Picture>>,
    /// The card the stores are on, for the gateway's own reading.
    pub wear: watch::Receiver<WearInfo>,
    /// Ends the task after the queue is empty.
    pub stop: CancellationToken,
}

impl Pipeline {
    /// A pipeline that has seen nothing yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { site, clock, telemetry, queue, readings, outbox, picture, wear, stop } = parts;
        Self {
            latest: Latest::new(&site),
            parcels: Parcels::default(),
            alarms: Engine::new(site.clone()),
            heartbeat_ms: 0,
            site,
            clock,
            telemetry,
            queue,
            readings,
            outbox,
            picture,
            wear,
            stop,
        }
    }

    /// Runs until stopped and the queue is empty, or until a store has ended.
    pub async fn run(mut self) {
        if let Err(error) = self.follow().await {
            tracing::error!(%error, "GW-P001 the pipeline cannot go on");
        }
    }

    async fn follow(&mut self) -> Result<(), StoreClosed> {
        self.warm_up().await?;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let stop = self.stop.clone();
        let mut batches = Vec::with_capacity(BATCHES_PER_APPEND_MAX);
        loop {
            tokio::select! {
                taken = self.queue.recv_many(&mut batches, BATCHES_PER_APPEND_MAX) => {
                    if taken == 0 {
                        // Every driver has ended, which they do when the gateway stops: our turn comes.
                        stop.cancelled().await;
                        break;
                    }
                    self.take(std::mem::replace(&mut batches, Vec::with_capacity(BATCHES_PER_APPEND_MAX))).await?;
                }
                _ = tick.tick() => self.on_tick().await?,
                () = stop.cancelled() => break,
            }
        }
        while let Ok(batch) = self.queue.try_recv() {
            self.take(vec![batch]).await?;
        }
        self.on_tick().await
    }

    async fn take(&mut self, mut batches: Vec<Batch>) -> Result<(), StoreClosed> {
        let now_ms = self.clock.now_ms();
        let clock_is_set = self.clock.is_set();
        let mut events = Vec::new();
        for batch in &mut batches {
            let (latest, parcels, intake) = (&mut self.latest, &mut self.parcels, &self.telemetry.intake);
            Admission { site: &self.site, latest, parcels, intake, clock_is_set }.admit(batch);
            // Asked twice: the reading that begins an excursion belongs to it, and so does the one that ends it.
            let was_uneasy = self.is_uneasy(batch);
            events.extend(self.alarms.observe(batch, now_ms));
            batch.keep |= was_uneasy || self.is_uneasy(batch);
            self.latest.observe(batch, now_ms);
        }
        let accepted = batches.iter().filter(|batch| is_message(batch) && batch.refused.is_none()).count();
        // Before the wait: whoever looks at the account meanwhile finds both of its sides.
        self.telemetry.intake.accepted.add(accepted as u64);
        self.readings.append(Append { batches, mark: None }).await?;
        self.emit(events).await
    }

    fn is_uneasy(&self, batch: &Batch) -> bool {
        batch.device.is_some_and(|device| self.alarms.is_uneasy(device))
    }

    async fn emit(&self, mut events: Vec<Batch>) -> Result<(), StoreClosed> {
        if events.is_empty() {
            return Ok(());
        }
        let provisional = !self.clock.is_set();
        events.iter_mut().for_each(|event| event.provisional = provisional);
        self.telemetry.intake.produced.add(events.iter().map(|event| event.readings.len() as u64).sum());
        self.outbox.append(Append { batches: events, mark: None }).await
    }

    async fn on_tick(&mut self) -> Result<(), StoreClosed> {
        let now_ms = self.clock.now_ms();
        let events = self.alarms.tick(now_ms);
        self.emit(events).await?;
        let every_ms = HEARTBEAT_MS_MAX.min(self.site.window.as_millis() as i64 / 5);
        if (now_ms - self.heartbeat_ms).abs() >= every_ms {
            self.heartbeat_ms = now_ms;
            let heartbeat = self.heartbeat(now_ms);
            self.take(vec![heartbeat]).await?;
        }
        let picture = Picture { now_ms, devices: self.latest.snapshot(), alarms: self.alarms.active() };
        self.picture.send_replace(Arc::new(picture));
        Ok(())
    }

    /// The gateway's own reading: carries the log's time forward when every device is silent.
    fn heartbeat(&self, now_ms: i64) -> Batch {
        let intake = &self.telemetry.intake;
        let mut batch = Batch::new(DeviceIx::GATEWAY, Subject::Health, now_ms);
        let count = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        batch.push(Point::GatewayUptime, Value::Int(self.clock.mono_ms() / 1000));
        batch.push(Point::GatewayMessages, count(intake.messages.get()));
        batch.push(Point::GatewayReadings, count(intake.readings.get()));
        batch.push(Point::GatewayDropped, count(intake.dropped.lost()));
        if let Some(usage) = crate::process::usage() {
            batch.push(Point::GatewayRss, count(usage.rss_bytes));
        }
        let wear = self.wear.borrow();
        if let Some(bytes) = wear.written_bytes_per_day {
            batch.push(Point::GatewayCardWritten, count(bytes));
        }
        if let Some(used) = wear.life_used {
            batch.push(Point::GatewayCardLifeUsed, Value::Float(f64::from(used.from_pct)));
        }
        batch
    }

    /// Reads the end of the log back: the page shows the last values at once, and a message that the broker sends
    /// again after a crash is recognised. Alarms older than [`WARM_POINTS`] are forgotten.
    async fn warm_up(&mut self) -> Result<(), StoreClosed> {
        let (start, end) = {
            let durable = self.readings.durable();
            let durable = durable.borrow();
            (durable.start, durable.end)
        };
        let mut at = start.max(end.saturating_sub(WARM_POINTS));
        let mut points = 0;
        while at < end {
            let page = self.readings.read(at, READ_POINTS_MAX).await?;
            if page.next == at {
                break;
            }
            at = page.next;
            points += page.records.len();
            for batch in batches_of(&page) {
                self.recognise(&batch);
                self.latest.observe(&batch, batch.at_ms);
                // An alarm that stood before the restart stands: it was told then and is not told again.
                drop(self.alarms.observe(&batch, batch.at_ms));
            }
        }
        if points > 0 {
            tracing::info!(points, "read back the newest readings");
        }
        Ok(())
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

/// Records of one device and time, together again as the batches they came in.
fn batches_of(page: &Page) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for record in &page.records {
        let device = page.names.origins.get(record.origin as usize).and_then(|origin| origin.device);
        let metric = page.names.metrics.get(record.metric as usize).and_then(|name| Some(Metric { point: name.point?, part: name.part }));
        let (Some(device), Some(metric)) = (device, metric) else { continue };
        let subject = match metric.point.measurement().info().class {
            Class::Event => Subject::Event,
            Class::Metric => Subject::Metric,
            Class::Reading if metric.point.measurement() == facility_config::Measurement::DeviceHealth => Subject::Health,
            Class::Reading => Subject::Telemetry,
        };
        match batches.last_mut() {
            Some(last) if last.device == Some(device) && last.at_ms == record.at_ms && last.subject == subject => {
                last.push(metric, record.value.clone())
            }
            _ => {
                let mut batch = Batch::new(device, subject, record.at_ms);
                batch.push(metric, record.value.clone());
                batches.push(batch);
            }
        }
    }
    batches
}

#[cfg(test)]
#[path = "pipeline/heartbeat_tests.rs"]
mod heartbeat_tests;
#[cfg(test)]
mod tests;
