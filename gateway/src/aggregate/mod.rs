//! Metrics: a pure fold over the readings log, in windows of [`Site::window`].
//!
//! Never reads a clock and never waits: time is what the records say (`at_ms`) and what the store stamped on them
//! (`log_ms`). The same log gives the same batches, byte for byte, however it is cut into pages. Memory is bounded per
//! device: the newest value of each followed point, lanes up to [`LANES_MAX`](facility_config::limits::LANES_MAX), and
//! the sums of two windows.
//!
//! A window `[a, b)` closes for all devices at once, when the log's time reaches `b` plus a grace. A record whose
//! window is closed is counted as late: its value stands from now on, a difference of a counter is booked in the
//! oldest open window, and nothing else of it is used. A record older than the newest of its point is not used at all;
//! one older than another point of its measurement counts from that one's time on.

mod cabinet;
mod calendar;
mod cascade;
mod counter;
mod defrost;
mod device;
mod dwell;
mod energy;
mod hold;
mod kinetic;
mod locker;
mod online;
mod row;
pub(crate) mod save;
mod vending;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub(crate) use cabinet::mode_is_defrost;
pub(crate) use calendar::{Long, Span};
pub(crate) use defrost::Defrost;
pub(crate) use device::{FIGURES_OF_ALL, figures_of};
pub(crate) use hold::{Held, flag, float};
pub(crate) use online::{Sign, online_ms, sign};

use calendar::{Calendar, Moment};
use device::State;
use facility_config::limits::{
    CLOCK_AHEAD_MS_MAX, CLOCK_STEP_MS, DEVICES_MAX, FOLD_BATCHES_PER_CLOSE, SILENT_WINDOWS_MAX, WINDOW_GRACE_MS_MAX,
};
use facility_config::{Device, DeviceIx, Site};
use facility_drivers::{Batch, Metric, Subject, Value};
use hold::{Frame, Sample, Terms};
use row::Row;
use save::{Save, saved, seal, unseal};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Far beyond any clock, near enough that sums of two times never overflow.
const TIME_MS_MAX: i64 = 1 << 60;
/// Longest interval or window that is taken at its word.
const SPAN_MS_MAX: i64 = 366 * 24 * 3_600_000;

/// What the fold could not use as it came. Counted since the log was created, as far as the fold has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Irregular {
    /// Records whose window was closed.
    pub late: u64,
    /// Records from further in the future than a device's clock may be ahead; the log's time was used.
    pub ahead: u64,
    /// Records older than the newest of their point, or of one lane too many; not used.
    pub outdated: u64,
    /// Windows left out because the log itself was silent for longer than [`SILENT_WINDOWS_MAX`] of them.
    pub skipped_windows: u64,
}

saved!(Irregular { late, ahead, outdated, skipped_windows });

/// Readings to metrics.
#[derive(Debug)]
pub struct Fold {
    site: Arc<Site>,
    terms: Vec<Terms>,
    window_ms: i64,
    grace_ms: i64,
    ahead_ms: i64,
    progress: Progress,
    devices: Vec<State>,
    /// Closed and not handed out yet.
    closed: Vec<Batch>,
}

/// How far the fold has come.
#[derive(Debug, Default)]
struct Progress {
    /// Start of the oldest open window; none before the first record.
    open_ms: Option<i64>,
    /// The hour, day, month, quarter and year it is in.
    calendar: Calendar,
    /// Newest time of the log.
    log_ms: i64,
    /// Windows that end here or before are in the outbox already.
    emitted_until_ms: i64,
    /// Windows closed since the last record.
    silent_windows: u64,
    irregular: Irregular,
}

saved!(Progress { open_ms, calendar, log_ms, emitted_until_ms, silent_windows, irregular });

impl Fold {
    /// A fold that has seen nothing.
    #[must_use]
    pub fn new(site: Arc<Site>) -> Self {
        let window_ms = span_ms(site.window);
        Self {
            terms: site.devices.iter().map(terms).collect(),
            devices: site.devices.iter().map(|_| State::default()).collect(),
            window_ms,
            // Half a window at most: then no record can fall behind the second open window.
            grace_ms: WINDOW_GRACE_MS_MAX.min(window_ms / 2),
            ahead_ms: CLOCK_AHEAD_MS_MAX.min(window_ms / 2),
            progress: Progress::default(),
            closed: Vec::new(),
            site,
        }
    }

    /// A fold that continues where a [`snapshot`](Self::snapshot) was taken; `None` if the bytes are damaged, of
    /// another version or for another window length. Devices are found by their id: one that is new starts empty, one
    /// that is gone is forgotten.
    #[must_use]
    pub fn restore(site: Arc<Site>, bytes: &[u8]) -> Option<Self> {
        let mut fold = Self::new(site);
        let input = &mut unseal(bytes)?;
        if i64::load(input)? != fold.window_ms {
            return None;
        }
        fold.progress = Progress::load(input)?;
        let by_id: BTreeMap<&str, usize> = fold.site.devices.iter().enumerate().map(|(at, device)| (&*device.id, at)).collect();
        let count = u64::load(input)?;
        if count > DEVICES_MAX as u64 + 1 {
            return None;
        }
        for _ in 0..count {
            let id = Box::<str>::load(input)?;
            let state = State::load(input)?;
            if let Some(place) = by_id.get(&*id).and_then(|at| fold.devices.get_mut(*at)) {
                *place = state;
            }
        }
        input.is_empty().then_some(fold)
    }

    /// Takes the next record of the log. `log_ms` is its commit time, `at_ms` the time of its value, both Unix ms.
    /// A device that is not of this site is ignored.
    ///
    /// Closes windows that are due by `log_ms` if [`close`](Self::close) was not asked before; their batches wait.
    pub fn observe(&mut self, log_ms: i64, device: DeviceIx, metric: Metric, at_ms: i64, value: &Value) {
        let log_ms = self.log_time(log_ms);
        let mut open_ms = self.open_ms(log_ms);
        while self.due(open_ms, log_ms) {
            open_ms = self.close_one(open_ms, log_ms);
        }
        self.progress.silent_windows = 0;
        let (Some(state), Some(terms)) = (self.devices.get_mut(device.at()), self.terms.get(device.at())) else { return };

        let irregular = &mut self.progress.irregular;
        let mut at_ms = at_ms.max(-TIME_MS_MAX);
        if at_ms > log_ms.saturating_add(self.ahead_ms) {
            irregular.ahead += 1;
            at_ms = log_ms;
        }
        if at_ms < open_ms {
            irregular.late += 1;
        }
        let frame = Frame { open_ms, window_ms: self.window_ms };
        if !state.observe(&metric, &Sample { frame, terms: *terms, at_ms, value }) {
            irregular.outdated += 1;
        }
    }

    /// Batches of windows that are due when the log's time is `log_ms`: per window one batch for each device, in the
    /// order of the site, stamped with the window's start. Ask again until it returns nothing; one call returns about
    /// [`FOLD_BATCHES_PER_CLOSE`] batches. `log_ms` must come from the log, like that of a record.
    pub fn close(&mut self, log_ms: i64) -> Vec<Batch> {
        let log_ms = self.log_time(log_ms);
        if let Some(mut open_ms) = self.progress.open_ms {
            while self.closed.len() < FOLD_BATCHES_PER_CLOSE && self.due(open_ms, log_ms) {
                open_ms = self.close_one(open_ms, log_ms);
            }
        }
        std::mem::take(&mut self.closed)
    }

    /// End of the newest window whose batches were handed out (once [`close`](Self::close) has returned them), Unix
    /// ms: to be kept beside them in the outbox. 0 before the first.
    #[must_use]
    pub fn emitted_until_ms(&self) -> i64 {
        self.progress.emitted_until_ms.max(self.progress.open_ms.unwrap_or(0))
    }

    /// Keeps back every window that ends at or before this time: its batches are in the outbox already. The state
    /// advances all the same.
    pub fn skip_until(&mut self, emitted_until_ms: i64) {
        self.progress.emitted_until_ms = self.progress.emitted_until_ms.max(emitted_until_ms);
    }

    /// What could not be used as it came.
    #[must_use]
    pub fn irregular(&self) -> Irregular {
        self.progress.irregular
    }

    /// The whole state, sealed. It is only a cache: replaying the log gives the same batches. Empty, and so refused by
    /// [`restore`](Self::restore), while closed windows wait to be handed out: they are not part of it.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        if !self.closed.is_empty() {
            return Vec::new();
        }
        let mut body = Vec::new();
        self.window_ms.save(&mut body);
        self.progress.save(&mut body);
        (self.devices.len() as u64).save(&mut body);
        for (device, state) in self.site.devices.iter().zip(&self.devices) {
            device.id.save(&mut body);
            state.save(&mut body);
        }
        seal(&body)
    }

    /// The log's time. It only steps back when the clock had been far ahead; then everything begins anew, which
    /// depends on the log alone and so replays the same.
    fn log_time(&mut self, log_ms: i64) -> i64 {
        if log_ms.saturating_add(CLOCK_STEP_MS) < self.progress.log_ms {
            let closed = std::mem::take(&mut self.closed);
            *self = Self { closed, ..Self::new(self.site.clone()) };
        }
        self.progress.log_ms = self.progress.log_ms.max(log_ms.min(TIME_MS_MAX));
        self.progress.log_ms
    }

    /// Start of the oldest open window. The first record opens the one its log time is in: of the time before there
    /// is nothing to tell, not even that a device was away.
    fn open_ms(&mut self, log_ms: i64) -> i64 {
        if let Some(open_ms) = self.progress.open_ms {
            return open_ms;
        }
        let open_ms = log_ms.div_euclid(self.window_ms) * self.window_ms;
        self.progress.open_ms = Some(open_ms);
        self.progress.calendar = Calendar::around(open_ms, &self.site.zone);
        open_ms
    }

    fn due(&self, open_ms: i64, log_ms: i64) -> bool {
        open_ms + self.window_ms + self.grace_ms <= log_ms
    }

    /// Closes the oldest window, or steps over all that are due if the log was silent for too long. Returns the start
    /// of the window that is the oldest then.
    fn close_one(&mut self, open_ms: i64, log_ms: i64) -> i64 {
        let frame = Frame { open_ms, window_ms: self.window_ms };
        let mut next_ms = frame.open_end_ms();
        if self.progress.silent_windows >= u64::from(SILENT_WINDOWS_MAX) {
            let skipped = (log_ms - self.grace_ms - open_ms).div_euclid(self.window_ms);
            next_ms = open_ms + skipped * self.window_ms;
            self.progress.irregular.skipped_windows += skipped.unsigned_abs();
        } else {
            self.progress.silent_windows += 1;
            self.write_window(frame);
        }
        self.close_long(next_ms);
        self.progress.open_ms = Some(next_ms);
        next_ms
    }

    /// Closes the long windows that have ended by the end of a short one, the shorter first.
    fn close_long(&mut self, until_ms: i64) {
        for long in Long::ALL {
            let span = self.progress.calendar.span(long);
            if span.end_ms > until_ms {
                continue;
            }
            let wanted = until_ms > self.progress.emitted_until_ms;
            let window_ms = span.end_ms - span.start_ms;
            for (at, (state, terms)) in self.devices.iter_mut().zip(&self.terms).enumerate() {
                let mut batch = Batch::new(DeviceIx(at as u16), Subject::Metric, span.start_ms);
                state.close_long(long, *terms, &mut Row { batch: &mut batch, window_ms, long: Some(long) });
                if wanted && !batch.readings.is_empty() {
                    self.closed.push(batch);
                }
            }
            self.progress.calendar.turn(long, until_ms, &self.site.zone);
        }
    }

    fn write_window(&mut self, frame: Frame) {
        let wanted = frame.open_end_ms() > self.progress.emitted_until_ms;
        let moment = Moment::at(frame.open_end_ms(), &self.site.zone);
        for (at, (state, terms)) in self.devices.iter_mut().zip(&self.terms).enumerate() {
            let mut batch = Batch::new(DeviceIx(at as u16), Subject::Metric, frame.open_ms);
            state.close(frame, *terms, moment, &mut Row { batch: &mut batch, window_ms: frame.window_ms, long: None });
            if wanted {
                self.closed.push(batch);
            }
        }
    }
}

fn terms(device: &Device) -> Terms {
    Terms { interval_ms: span_ms(device.interval), limit_c: device.cold.map(facility_config::device::ColdClass::limit_c) }
}

/// A configured span in ms, at least one.
pub(crate) fn span_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(SPAN_MS_MAX).clamp(1, SPAN_MS_MAX)
}

/// Takes the oldest window's sums and moves the next window's into their place.
fn shift<T: Default>(slots: &mut [T; 2]) -> T {
    let [oldest, next] = slots;
    std::mem::replace(oldest, std::mem::take(next))
}
