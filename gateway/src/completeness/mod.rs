//! The ledger of what is missing: every interval in which nothing came from a device that should have, with the reason, as
//! data. A pure fold over the readings log.
//!
//! Never reads a clock and never waits; the same log gives the same rows. An interval begins where a device's time online
//! ends, two expected intervals after it was heard, and ends with its next message. It is divided by its reasons
//! ([`Reason`]), and each part is a row of measurement `missing`, told once: at the gateway's first heartbeat after the device
//! was heard, for only that knows whether the gateway itself had been away, and at the end of a local day, so that
//! a long one is told day by day. Messages that are missing one at a time are told together at the end of the day, and so is how much
//! of what was told came after all: a row that was told stays. With them goes how much of the day's loss has a reason. Over a day, `expected` of all rows is what was expected less what
//! was received, give or take one.
//!
//! Bounded per device and link by `MISSING_SPANS_MAX`, `MISSING_TOLD_MAX` and what waits for a heartbeat.

mod causes;
mod device;
mod reason;
mod spans;

#[cfg(test)]
mod tests;

pub use device::Missing;
pub use reason::Reason;

use crate::aggregate::save::{Save, saved, seal_as, unseal_as};
use crate::aggregate::{Long, Span, online_ms, span_ms};
use causes::Causes;
use device::{Ended, OfDay, Sum, Terms, Watch};
use facility_config::limits::{CLOCK_AHEAD_MS_MAX, CLOCK_STEP_MS, DEVICES_MAX, MISSING_TOLD_MAX, WINDOW_GRACE_MS_MAX};
use facility_config::{DeviceIx, Part, Point, Site};
use facility_drivers::{Batch, Metric, Subject, Value};
use spans::{Piece, Spans, Stretch, pieces};
use std::sync::Arc;

/// Raise it with any change of what is saved: an older snapshot is then refused and the log replayed.
const MAGIC: &[u8; 4] = b"MISS";
const VERSION: u8 = 2;
/// A local day with an hour more, and what a device may be late for.
const LONGEST_DAY_MS: i64 = 26 * 3_600_000;
/// Far beyond any clock, near enough that sums of two times never overflow.
const TIME_MS_MAX: i64 = 1 << 60;

/// How far it has come.
#[derive(Debug, Default)]
struct Progress {
    /// Newest time of the log.
    log_ms: i64,
    /// The local day that is open; none before the first record.
    day: Option<Span>,
}

saved!(Progress { log_ms, day });

/// Readings to what is missing of them.
#[derive(Debug)]
pub struct Ledger {
    site: Arc<Site>,
    /// By device: expected time between two messages, and its link.
    terms: Vec<(i64, Option<usize>)>,
    /// By device; none before it has been asked for the first time.
    devices: Vec<Option<Box<Watch>>>,
    causes: Causes,
    progress: Progress,
    /// Every device is watched.
    has_begun: bool,
}

impl Ledger {
    /// A ledger that has seen nothing.
    #[must_use]
    pub fn new(site: Arc<Site>) -> Self {
        let causes = Causes::new(&site);
        let terms = site.devices.iter().map(|device| (span_ms(device.interval), causes.link(&site, &device.source))).collect();
        let devices = site.devices.iter().map(|_| None).collect();
        Self { terms, devices, causes, progress: Progress::default(), has_begun: false, site }
    }

    /// A ledger that continues where a [`snapshot`](Self::snapshot) was taken; `None` if it is damaged or of another version.
    /// A device that is new is asked for from now on, one that is gone is forgotten.
    #[must_use]
    pub fn restore(site: Arc<Site>, bytes: &[u8]) -> Option<Self> {
        let mut ledger = Self::new(site);
        let input = &mut unseal_as(MAGIC, VERSION, bytes)?;
        ledger.progress = Progress::load(input)?;
        ledger.causes.load(input)?;
        let count = u64::load(input)?;
        if count > DEVICES_MAX as u64 + 1 {
            return None;
        }
        for _ in 0..count {
            let (id, watch) = (Box::<str>::load(input)?, Box::<Watch>::load(input)?);
            let at = ledger.site.devices.iter().position(|device| device.id == id);
            if let Some(place) = at.and_then(|at| ledger.devices.get_mut(at)) {
                *place = Some(watch);
            }
        }
        input.is_empty().then_some(ledger)
    }

    /// The whole state, sealed. A cache: replaying the log gives the same rows.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut body = Vec::new();
        self.progress.save(&mut body);
        self.causes.save(&mut body);
        (self.devices.iter().flatten().count() as u64).save(&mut body);
        for (device, watch) in self.site.devices.iter().zip(&self.devices) {
            if let Some(watch) = watch {
                device.id.save(&mut body);
                watch.save(&mut body);
            }
        }
        seal_as(MAGIC, VERSION, &body)
    }

    /// Records before the next one are lost.
    pub fn lost(&mut self) {
        self.causes.lost();
    }

    /// Takes the next record of the log: committed at `log_ms`, its value of `at_ms`, both Unix ms; `is_provisional` if the
    /// clock was not set then. What is to be told goes to `rows`.
    pub fn observe(&mut self, log_ms: i64, is_provisional: bool, of: (DeviceIx, Metric), at_ms: i64, value: &Value, rows: &mut Vec<Batch>) {
        let log_ms = self.log_time(log_ms);
        self.begin(log_ms);
        let (device, metric) = of;
        let at_ms = if at_ms > log_ms.saturating_add(CLOCK_AHEAD_MS_MAX) { log_ms } else { at_ms.max(-TIME_MS_MAX) };
        let zone = &self.site.zone;
        if let (Some(Some(watch)), Some((interval_ms, _))) = (self.devices.get_mut(device.at()), self.terms.get(device.at())) {
            watch.observe(metric, at_ms, value, Terms { interval_ms: *interval_ms, zone });
            if watch.waiting.len() >= MISSING_TOLD_MAX {
                self.tell(device.at(), rows);
            }
        }
        if device == DeviceIx::GATEWAY && self.causes.observe(metric, at_ms, value, is_provisional) {
            self.turn(log_ms, rows);
        }
    }

    /// The newest missing interval of every device when the log's time is what it is now: the one that lasts, or the last that
    /// was told. A silence is one from its device's own cut-off after the gateway's start on.
    #[must_use]
    pub fn newest(&self) -> Vec<Option<Missing>> {
        let newest = |at: usize| {
            let watch = self.devices.get(at)?.as_ref()?;
            let Some(open) = watch.open(self.progress.log_ms) else { return watch.newest };
            let last = self.pieces(at, open).pop()?;
            // Whoever has not listened for as long as a device may be silent does not know that it is.
            let least_ms = self.terms.get(at).map_or(0, |(interval_ms, _)| online_ms(*interval_ms));
            let listened_ms = self.progress.log_ms - self.causes.started_ms().unwrap_or(self.progress.log_ms).max(last.from_ms);
            let is_new = !watch.was_heard() || last.reason == Reason::Silent && open.from_ms == last.from_ms;
            if is_new && listened_ms < least_ms {
                return watch.newest;
            }
            Some(Missing { from_ms: open.from_ms, to_ms: None, reason: last.reason })
        };
        (0..self.devices.len()).map(newest).collect()
    }

    /// Newest time of the log, Unix ms.
    #[must_use]
    pub fn log_ms(&self) -> i64 {
        self.progress.log_ms
    }

    /// Tells what waits, and ends the days that are over.
    fn turn(&mut self, log_ms: i64, rows: &mut Vec<Batch>) {
        let zone = self.site.zone.clone();
        let is_over = |day: &Span| day.end_ms.saturating_add(WINDOW_GRACE_MS_MAX) <= log_ms;
        let over = self.progress.day.filter(is_over).map(|_| Long::Day.around(log_ms - WINDOW_GRACE_MS_MAX, &zone));
        for at in 0..self.devices.len() {
            if let (Some(today), Some(Some(watch)), Some((interval_ms, _))) = (over, self.devices.get_mut(at), self.terms.get(at)) {
                watch.days_until(today.start_ms, Terms { interval_ms: *interval_ms, zone: &zone });
            }
            self.tell(at, rows);
            if let (Some(today), Some(Some(watch))) = (over, self.devices.get_mut(at)) {
                rows.extend(watch.account.before(today.start_ms).into_iter().map(|of| explained(DeviceIx(at as u16), of)));
            }
        }
        if let Some(today) = over {
            self.progress.day = Some(today);
            self.causes.forget_before(today.start_ms);
            self.devices.iter_mut().flatten().for_each(|watch| watch.forget_before(today.start_ms));
        }
    }

    /// Tells what waits of a device.
    fn tell(&mut self, at: usize, rows: &mut Vec<Batch>) {
        let Some(Some(watch)) = self.devices.get_mut(at) else { return };
        let (waiting, sums) = (std::mem::take(&mut watch.waiting), std::mem::take(&mut watch.sums));
        let device = DeviceIx(at as u16);
        for ended in waiting {
            let pieces = self.pieces(at, ended.whole);
            let interval_ms = self.terms.get(at).map_or(1, |(interval_ms, _)| *interval_ms);
            let Some(Some(watch)) = self.devices.get_mut(at) else { return };
            let terms = Terms { interval_ms, zone: &self.site.zone };
            for (piece, messages) in shares(&ended, &pieces, terms) {
                // Days of a long absence that are told together are no day.
                if ended.whole.to_ms - ended.whole.from_ms <= LONGEST_DAY_MS {
                    watch.account.add(ended.day_ms, piece.reason, messages);
                }
                rows.push(told(device, &ended, piece, messages));
            }
            if let Some(last) = pieces.last() {
                watch.newest = Some(Missing { from_ms: last.from_ms, to_ms: Some(last.to_ms), reason: last.reason });
            }
        }
        for sum in sums {
            if let Some(Some(watch)) = self.devices.get_mut(at) {
                watch.account.add(sum.day_ms, sum.reason, sum.messages);
            }
            rows.push(summed(device, sum));
        }
    }

    /// The reasons of an interval of a device.
    fn pieces(&self, at: usize, whole: Stretch) -> Vec<Piece> {
        let (Some(Some(watch)), Some((interval_ms, link))) = (self.devices.get(at), self.terms.get(at)) else { return Vec::new() };
        let mut causes: Vec<(Reason, &Spans)> = self.causes.of_gateway().to_vec();
        causes.extend(self.causes.of_link(*link));
        causes.extend([
            (Reason::SaidOffline, &watch.offline),
            (Reason::Refused, &watch.refusing),
            (Reason::CommError, &watch.failing),
            self.causes.of_store(),
        ]);
        causes.push((Reason::Maintenance, &watch.maintenance));
        pieces(whole, online_ms(*interval_ms), &causes)
    }

    /// Devices are asked for from the start of the window the log's time is in, like their figures.
    fn begin(&mut self, log_ms: i64) {
        if self.has_begun {
            return;
        }
        let window_ms = span_ms(self.site.window);
        self.begin_at(log_ms.div_euclid(window_ms) * window_ms);
    }

    fn begin_at(&mut self, from_ms: i64) {
        self.has_begun = true;
        self.progress.day.get_or_insert_with(|| Long::Day.around(from_ms, &self.site.zone));
        for watch in &mut self.devices {
            watch.get_or_insert_with(|| Box::new(Watch::new(from_ms, &self.site.zone)));
        }
    }

    /// The log's time. It steps back only when the clock had been far ahead; then everything begins anew, which depends on
    /// the log alone.
    fn log_time(&mut self, log_ms: i64) -> i64 {
        if log_ms.saturating_add(CLOCK_STEP_MS) < self.progress.log_ms {
            *self = Self::new(self.site.clone());
            // Not from the start of the window: what was missing then may have been told before.
            self.begin_at(log_ms);
        }
        self.progress.log_ms = self.progress.log_ms.max(log_ms.min(TIME_MS_MAX));
        self.progress.log_ms
    }
}

/// What was expected in each piece of an interval: it goes to where it was expected, and adds up to what the interval lacks.
fn shares<'p>(ended: &Ended, pieces: &'p [Piece], terms: Terms<'_>) -> Vec<(&'p Piece, i64)> {
    let mut before = 0;
    let share = |(nth, piece): (usize, &'p Piece)| {
        let until = match nth + 1 == pieces.len() {
            true => ended.expected,
            false => terms.expected(ended.counted_ms, piece.to_ms).clamp(before, ended.expected.max(before)),
        };
        (piece, until - std::mem::replace(&mut before, until))
    };
    pieces.iter().enumerate().map(share).collect()
}

/// The row of a reason.
fn told(device: DeviceIx, ended: &Ended, piece: &Piece, messages: i64) -> Batch {
    let mut batch = Batch::new(device, Subject::Event, piece.from_ms);
    let part = Part::new(piece.reason.as_str()).unwrap_or_default();
    let mut push = |point, value| batch.push(Metric { point, part }, value);
    push(Point::MissingDurationS, Value::Float((piece.to_ms - piece.from_ms) as f64 / 1e3));
    push(Point::MissingExpected, Value::Int(messages));
    push(Point::MissingSince, Value::Int(ended.since_ms));
    push(Point::MissingOver, Value::Bool(ended.is_over && piece.to_ms == ended.whole.to_ms));
    batch
}

/// How much of what a day lacks has a reason: two fields more of the day's row.
fn explained(device: DeviceIx, of: OfDay) -> Batch {
    let mut batch = Batch::new(device, Subject::Metric, of.day_ms);
    let part = Part::new(Long::Day.as_str()).unwrap_or_default();
    batch.push(Metric { point: Point::DeviceKpiMissing, part }, Value::Int(of.missing));
    batch.push(Metric { point: Point::DeviceKpiExplained, part }, Value::Float(of.explained as f64 / of.missing as f64));
    batch
}

/// The row of single messages of a day, stamped with its start.
fn summed(device: DeviceIx, sum: Sum) -> Batch {
    let mut batch = Batch::new(device, Subject::Event, sum.day_ms);
    let point = if sum.reason == Reason::LateFilled { Point::MissingFilled } else { Point::MissingExpected };
    batch.push(Metric { point, part: Part::new(sum.reason.as_str()).unwrap_or_default() }, Value::Int(sum.messages));
    batch
}
