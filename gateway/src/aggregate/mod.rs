//! Metrics: a pure fold over the readings log, in windows of [`Site::window`].
//!
//! Never reads a clock and never waits: time is what the records say (`at_ms`) and what the store stamped on them
//! (`log_ms`). The same log gives the same batches, byte for byte, however it is cut into pages. Memory is bounded per
//! device: the newest value of each followed point, lanes up to [`LANES_MAX`](facility_config::limits::LANES_MAX), and
//! the sums of two windows.
//!
//! A window `[a, b)` closes for all devices at once, when the log's time reaches `b` plus a grace. A record whose
//! window is closed is counted as late: its value stands from now on, a difference of a counter is booked in the
//! oldest open window, and nothing else of it is used, until its day is worked over ([`late`], [`again`]). A record older than the newest of its point is not used at all;
//! one older than another point of its measurement counts from that one's time on.

mod again;
mod cabinet;
mod calendar;
mod cascade;
mod column;
mod counter;
mod days;
mod defrost;
mod device;
mod dwell;
mod energy;
mod fault;
mod grid;
mod hold;
mod kinetic;
mod late;
mod locker;
mod online;
mod overdue;
mod retry;
mod row;
pub(crate) mod save;
mod sizes;
mod vending;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub(crate) use again::Heard;
pub(crate) use cabinet::mode_is_defrost;
pub(crate) use calendar::{Long, Span};
pub(crate) use column::{Cell, Cells, Kept, Name};
pub(crate) use days::{DaySums, Turn};
pub(crate) use defrost::Defrost;
pub(crate) use device::{FIGURES_OF_ALL, figures_of, is_followed};
pub(crate) use hold::{Held, flag, float, probe_c};
pub(crate) use late::DueDay;
pub(crate) use online::{Sign, online_ms, sign};
pub(crate) use retry::{OPEN_FAIL, Retries};
pub(crate) use row::revise;

use calendar::{Calendar, Moment};
use device::State;
use facility_config::limits::{CLOCK_STEP_MS, DEVICES_MAX, FOLD_BATCHES_PER_CLOSE, LATE_DEVICES_PER_CLOSE};
use facility_config::{Device, DeviceIx, Site};
use facility_drivers::{Batch, Metric, Subject, Value};
use grid::Grid;
use hold::{Frame, Sample, Terms};
use late::Late;
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
    /// Windows left out because the log itself was silent for longer than
    /// [`SILENT_WINDOWS_MAX`](facility_config::limits::SILENT_WINDOWS_MAX) of them.
    pub skipped_windows: u64,
    /// Days that something came late for and that could not be worked over: the log no longer has all of their readings, or
    /// has too many.
    pub unrevised: u64,
}

saved!(Irregular { late, ahead, outdated, skipped_windows, unrevised });

/// Readings to metrics.
#[derive(Debug)]
pub struct Fold {
    site: Arc<Site>,
    terms: Vec<Terms>,
    grid: Grid,
    progress: Progress,
    devices: Vec<State>,
    /// Days of each device that something came late for.
    late: Vec<Late>,
    /// Closed and not handed out yet.
    closed: Vec<Batch>,
    turns: Vec<Turn>,
}

/// How far the fold has come.
#[derive(Debug, Default)]
struct Progress {
    /// Start of the oldest open window; none before the first record.
    open_ms: Option<i64>,
    /// Start of the first window of all.
    began_ms: i64,
    /// The hour, day, month, quarter and year it is in.
    calendar: Calendar,
    /// Newest time of the log.
    log_ms: i64,
    /// Windows closed since the last record.
    silent_windows: u64,
    irregular: Irregular,
}

saved!(Progress { open_ms, began_ms, calendar, log_ms, silent_windows, irregular });

impl Fold {
    /// A fold that has seen nothing.
    #[must_use]
    pub fn new(site: Arc<Site>) -> Self {
        Self {
            grid: Grid::of(&site),
            terms: site.devices.iter().map(terms).collect(),
            devices: site.devices.iter().map(|_| State::default()).collect(),
            late: site.devices.iter().map(|_| Late::default()).collect(),
            progress: Progress::default(),
            closed: Vec::new(),
            turns: Vec::new(),
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
        if (i64::load(input)?, i64::load(input)?) != (fold.grid.base_ms, fold.grid.short_ms) {
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
            let (state, late) = (State::load(input)?, Late::load(input)?);
            if let Some(at) = by_id.get(&*id) {
                (fold.devices[*at], fold.late[*at]) = (state, late);
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
        let mut open_ms = self.first_open_ms(log_ms);
        while self.grid.is_due(open_ms, log_ms) {
            open_ms = self.close_one(open_ms, log_ms);
        }
        self.progress.silent_windows = 0;
        let (Some(state), Some(terms)) = (self.devices.get_mut(device.at()), self.terms.get(device.at())) else { return };

        let irregular = &mut self.progress.irregular;
        let is_ahead = at_ms > log_ms.saturating_add(self.grid.ahead_ms);
        irregular.ahead += u64::from(is_ahead);
        let at_ms = if is_ahead { log_ms } else { at_ms.max(-TIME_MS_MAX) };
        if at_ms < open_ms {
            irregular.late += 1;
            let until_ms = open_ms.max(device::reach_ms(&metric, at_ms, *terms));
            self.late[device.at()].mark(at_ms, until_ms, log_ms, &self.site.zone);
        }
        let frame = self.grid.frame(open_ms);
        if !state.observe(&metric, &Sample { frame, terms: *terms, at_ms, log_ms, value }) {
            irregular.outdated += 1;
        }
    }

    /// Batches of windows that are due when the log's time is `log_ms`: per window one batch for each device, in the
    /// order of the site, stamped with the window's start. Ask again until it returns nothing; one call returns about
    /// [`FOLD_BATCHES_PER_CLOSE`] batches. `log_ms` must come from the log, like that of a record.
    pub fn close(&mut self, log_ms: i64) -> Vec<Batch> {
        let log_ms = self.log_time(log_ms);
        if let Some(mut open_ms) = self.progress.open_ms {
            while self.closed.len() < FOLD_BATCHES_PER_CLOSE && self.grid.is_due(open_ms, log_ms) {
                open_ms = self.close_one(open_ms, log_ms);
            }
        }
        std::mem::take(&mut self.closed)
    }

    /// Days that have ended since this was asked before: to be archived before the batches of [`close`](Self::close) leave.
    pub(crate) fn turns(&mut self) -> Vec<Turn> {
        std::mem::take(&mut self.turns)
    }

    /// The figures of a month, a quarter or a year of one device, from its archived days.
    pub(crate) fn long_row(&self, device: DeviceIx, (long, span): (Long, Span), sums: &DaySums) -> Batch {
        let mut batch = Batch::new(device, Subject::Metric, span.start_ms);
        if let Some(terms) = self.terms.get(device.at()) {
            sums.write(*terms, &mut Row::long(&mut batch, long, span));
        }
        batch
    }

    /// Closed days that have to be worked over now, by device: those of the devices whose first such day is the oldest, and of
    /// not too many at a time. To be asked when windows were closed, and by the log alone.
    pub(crate) fn due_days(&mut self) -> Vec<(DeviceIx, Vec<DueDay>)> {
        let log_ms = self.progress.log_ms;
        let Some(first_ms) = self.late.iter().filter_map(|late| late.first_due_ms(log_ms)).min() else { return Vec::new() };
        let of_first = self.late.iter_mut().enumerate().filter(|(_, late)| late.first_due_ms(log_ms) == Some(first_ms));
        of_first.take(LATE_DEVICES_PER_CLOSE).map(|(at, late)| (DeviceIx(at as u16), late.due(log_ms))).collect()
    }

    /// A day of [`due_days`](Self::due_days) stays as it is.
    pub(crate) fn unrevised(&mut self, device: DeviceIx) {
        self.progress.irregular.unrevised += 1;
        if let Some(late) = self.late.get_mut(device.at()) {
            late.unrevised += 1;
        }
    }

    /// How many days that was, by device.
    pub(crate) fn unrevised_days(&self) -> Vec<u64> {
        self.late.iter().map(|late| late.unrevised).collect()
    }

    /// The month, quarter and year that a day is in, as far as they are over.
    pub(crate) fn ended_around(&self, day: Span) -> Vec<(Long, Span)> {
        let open_ms = self.progress.open_ms.unwrap_or(0);
        let around = [Long::Month, Long::Quarter, Long::Year].map(|long| (long, long.around(day.start_ms, &self.site.zone)));
        around.into_iter().filter(|(_, span)| span.end_ms <= open_ms).collect()
    }

    /// Start of the oldest open window, Unix ms; none before the first record.
    #[must_use]
    pub fn open_ms(&self) -> Option<i64> {
        self.progress.open_ms
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
        if !self.closed.is_empty() || !self.turns.is_empty() {
            return Vec::new();
        }
        let mut body = Vec::new();
        self.grid.base_ms.save(&mut body);
        self.grid.short_ms.save(&mut body);
        self.progress.save(&mut body);
        (self.devices.len() as u64).save(&mut body);
        for (device, (state, late)) in self.site.devices.iter().zip(self.devices.iter().zip(&self.late)) {
            device.id.save(&mut body);
            state.save(&mut body);
            late.save(&mut body);
        }
        seal(&body)
    }

    /// The log's time. It only steps back when the clock had been far ahead; then everything begins anew, which
    /// depends on the log alone and so replays the same.
    fn log_time(&mut self, log_ms: i64) -> i64 {
        if log_ms.saturating_add(CLOCK_STEP_MS) < self.progress.log_ms {
            let (closed, turns) = (std::mem::take(&mut self.closed), std::mem::take(&mut self.turns));
            *self = Self { closed, turns, ..Self::new(self.site.clone()) };
        }
        self.progress.log_ms = self.progress.log_ms.max(log_ms.min(TIME_MS_MAX));
        self.progress.log_ms
    }

    /// Start of the oldest open window. The first record opens the one its log time is in: of the time before there
    /// is nothing to tell, not even that a device was away.
    fn first_open_ms(&mut self, log_ms: i64) -> i64 {
        if let Some(open_ms) = self.progress.open_ms {
            return open_ms;
        }
        let open_ms = self.grid.base_around(log_ms);
        self.progress.open_ms = Some(open_ms);
        self.progress.began_ms = open_ms;
        self.progress.calendar = Calendar::around(open_ms, &self.site.zone);
        open_ms
    }

    /// Closes the oldest window, or steps over all that are due if the log was silent for too long. Returns the start
    /// of the window that is the oldest then.
    fn close_one(&mut self, open_ms: i64, log_ms: i64) -> i64 {
        let frame = self.grid.frame(open_ms);
        let mut next_ms = frame.open_end_ms();
        let beyond_ms = self.grid.short_around(log_ms - self.grid.grace_ms);
        if self.progress.silent_windows >= self.grid.silent_max() && self.grid.is_edge(open_ms) && beyond_ms > open_ms {
            next_ms = beyond_ms;
            self.progress.irregular.skipped_windows += ((beyond_ms - open_ms) / self.grid.short_ms).unsigned_abs();
        } else {
            self.progress.silent_windows += 1;
            self.write_window(frame);
        }
        if self.grid.is_edge(next_ms) {
            self.close_long(next_ms);
        }
        self.progress.open_ms = Some(next_ms);
        next_ms
    }

    /// Closes the long windows that have ended by the end of a short one, the shorter first. Of those longer than a day only
    /// the end is told: they are sums of archived days.
    fn close_long(&mut self, until_ms: i64) {
        for long in Long::ALL {
            let span = self.progress.calendar.span(long);
            if span.end_ms > until_ms {
                continue;
            }
            match long {
                Long::Hour => drop(self.write_long(long, span)),
                Long::Day => {
                    let sums = self.write_long(long, span);
                    self.turns.push(Turn { day: span, sums, ended: Vec::new() });
                }
                Long::Month | Long::Quarter | Long::Year => {
                    if let Some(turn) = self.turns.last_mut() {
                        turn.ended.push((long, span));
                    }
                }
            }
            self.progress.calendar.turn(long, until_ms, &self.site.zone);
        }
    }

    fn write_long(&mut self, long: Long, span: Span) -> Vec<DaySums> {
        let mut all = Vec::with_capacity(self.devices.len());
        for (at, (state, terms)) in self.devices.iter_mut().zip(&self.terms).enumerate() {
            let mut batch = Batch::new(DeviceIx(at as u16), Subject::Metric, span.start_ms);
            all.push(state.close_long(long, *terms, &mut Row::long(&mut batch, long, span)));
            if !batch.readings.is_empty() {
                self.closed.push(batch);
            }
        }
        all
    }

    fn write_window(&mut self, frame: Frame) {
        let moment = Moment::at(frame.open_end_ms(), &self.site.zone);
        for (at, (state, terms)) in self.devices.iter_mut().zip(&self.terms).enumerate() {
            self.grid.close(state, DeviceIx(at as u16), frame, *terms, moment, &mut self.closed);
        }
    }
}

fn terms(device: &Device) -> Terms {
    Terms {
        interval_ms: span_ms(device.interval),
        limit_c: device.cold.map(facility_config::device::ColdClass::limit_c),
        keep_ms: span_ms(device.keep),
        net_volume_l: device.net_volume_l,
    }
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
