//! A closed day of one device, computed again from the log: as it was told before, as it is now, and what differs.
//!
//! As it was told the first time: its records in the order of the log, through the same states as the first time. As it is
//! now: the same records in the order of their times, as if none had come late. Nothing is guessed about what a late record
//! may change. Pure; the memory is that of the records, which the caller bounds, and a number for each.

use super::calendar::{Calendar, Long, Moment, Span};
use super::days::DaySums;
use super::device::State;
use super::hold::{Sample, Terms};
use super::late::DueDay;
use super::row::Row;
use super::{Fold, TIME_MS_MAX};
use facility_config::limits::{LATE_LEAD_MS, LATE_READINGS_PER_STEP};
use facility_config::{DeviceIx, Point};
use facility_drivers::{Batch, Metric, Subject, Value};

/// One record of a device.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) log_ms: i64,
    pub(crate) at_ms: i64,
    pub(crate) metric: Metric,
    pub(crate) value: Value,
}

/// What has become of a day.
#[derive(Debug)]
pub(crate) struct Again {
    /// What the day was made of when it was told.
    pub(crate) before: DaySums,
    pub(crate) sums: DaySums,
    /// The windows and hours that differ from what was told before, and the day.
    pub(crate) batches: Vec<Batch>,
}

impl Fold {
    /// A day of a device, from everything that the log has of it by now, in the log's order: to be done in steps.
    pub(crate) fn again<'f>(&'f self, device: DeviceIx, due: DueDay, heard: &'f [Heard]) -> Option<Redo<'f>> {
        let terms = *self.terms.get(device.at())?;
        let mut in_time: Vec<(i64, usize)> = heard.iter().enumerate().map(|(nth, heard)| (self.believed(heard), nth)).collect();
        // Stable: of two values of one moment the later one in the log counts, as it did the first time.
        in_time.sort_by_key(|(at_ms, _)| *at_ms);
        let before = Run::new(self, device, terms, due.day);
        let now = Run::new(self, device, terms, due.day);
        Some(Redo { heard, in_time, since_ms: due.since_ms, before, now, next: 0 })
    }

    /// Whether the day begins with the difference of a counter whose last value before it is not among the records.
    pub(crate) fn lacks_a_beginning(&self, day: Span, heard: &[Heard]) -> bool {
        let is_total = |point: Point| point.info().field.ends_with("_total");
        let (mut before, mut within) = (Vec::new(), Vec::new());
        for heard in heard.iter().filter(|heard| is_total(heard.metric.point) && !matches!(heard.value, Value::Missing(_))) {
            let seen = if self.believed(heard) < day.start_ms { &mut before } else { &mut within };
            if !seen.contains(&heard.metric.point) {
                seen.push(heard.metric.point);
            }
        }
        within.iter().any(|point| !before.contains(point))
    }

    /// The time of a value: one from the future gets the log's.
    fn believed_ms(&self, at_ms: i64, log_ms: i64) -> i64 {
        if at_ms > log_ms.saturating_add(self.grid.ahead_ms) { log_ms } else { at_ms.max(-TIME_MS_MAX) }
    }

    fn believed(&self, heard: &Heard) -> i64 {
        self.believed_ms(heard.at_ms, heard.log_ms)
    }
}

/// The work on a day: a way through the records as it was told, and one as it is now.
pub(crate) struct Redo<'f> {
    heard: &'f [Heard],
    /// Time and place of each record, in the order of the times.
    in_time: Vec<(i64, usize)>,
    since_ms: i64,
    before: Run<'f>,
    now: Run<'f>,
    /// Records taken, of both ways.
    next: usize,
}

impl<'f> Redo<'f> {
    /// Takes some more records; false when that was the last of them.
    pub(crate) fn step(&mut self) -> bool {
        let all = 2 * self.heard.len();
        let until = all.min(self.next + LATE_READINGS_PER_STEP);
        for next in self.next..until {
            match next.checked_sub(self.heard.len()) {
                None => self.take_before(next),
                Some(next) => {
                    if let Some((at_ms, heard)) = self.in_time(next) {
                        self.now.take(at_ms, at_ms, heard);
                    }
                }
            }
        }
        self.next = until;
        until < all
    }

    /// As it was told the first time: in the log's order. As it was told since: in that of the times, as far as it was known.
    fn take_before(&mut self, next: usize) {
        if self.since_ms == 0 {
            if let Some(heard) = self.heard.get(next) {
                self.before.take(heard.log_ms, self.before.fold.believed(heard), heard);
            }
        } else if let Some((at_ms, heard)) = self.in_time(next).filter(|(_, heard)| heard.log_ms < self.since_ms) {
            self.before.take(at_ms, at_ms, heard);
        }
    }

    fn in_time(&self, next: usize) -> Option<(i64, &'f Heard)> {
        let (at_ms, nth) = *self.in_time.get(next)?;
        Some((at_ms, self.heard.get(nth)?))
    }

    /// Takes what is left; `None` if nothing is different.
    pub(crate) fn end(mut self) -> Option<Again> {
        while self.step() {}
        let (before, now) = (self.before.end(), self.now.end());
        let differs = now.batches.into_iter().zip(before.batches).filter(|(now, before)| now.readings != before.readings);
        let batches: Vec<Batch> = differs.map(|(now, _)| now).collect();
        (!batches.is_empty()).then_some(Again { before: before.sums, sums: now.sums, batches })
    }
}

struct Run<'f> {
    fold: &'f Fold,
    device: DeviceIx,
    terms: Terms,
    day: Span,
    state: State,
    open_ms: i64,
    calendar: Calendar,
    out: Again,
}

impl<'f> Run<'f> {
    fn new(fold: &'f Fold, device: DeviceIx, terms: Terms, day: Span) -> Self {
        let lead_ms = fold.grid.short_around(day.start_ms.saturating_sub(LATE_LEAD_MS));
        // Of the time before the first window nothing was told.
        let open_ms = lead_ms.max(fold.progress.began_ms);
        let calendar = Calendar::around(open_ms, &fold.site.zone);
        let out = Again { before: DaySums::default(), sums: DaySums::default(), batches: Vec::new() };
        Self { fold, device, terms, day, state: State::default(), open_ms, calendar, out }
    }

    /// Takes a record, with the time of the log and its own.
    fn take(&mut self, log_ms: i64, at_ms: i64, heard: &Heard) {
        while self.fold.grid.is_due(self.open_ms, log_ms) && self.is_unfinished() {
            self.close_one();
        }
        let frame = self.fold.grid.frame(self.open_ms);
        self.state.observe(&heard.metric, &Sample { frame, terms: self.terms, at_ms, log_ms, value: &heard.value });
    }

    fn end(mut self) -> Again {
        while self.is_unfinished() {
            self.close_one();
        }
        self.out
    }

    /// Hours do not end with the day in every zone.
    fn is_unfinished(&self) -> bool {
        self.open_ms < self.day.end_ms || self.calendar.span(Long::Hour).start_ms < self.day.end_ms
    }

    fn close_one(&mut self) {
        let frame = self.fold.grid.frame(self.open_ms);
        let end_ms = frame.open_end_ms();
        let (moment, mut batches) = (Moment::at(end_ms, &self.fold.site.zone), Vec::new());
        self.fold.grid.close(&mut self.state, self.device, frame, self.terms, moment, &mut batches);
        batches.into_iter().for_each(|batch| self.put(Span { start_ms: batch.at_ms, end_ms }, batch));
        self.open_ms = end_ms;
        if self.fold.grid.is_edge(end_ms) {
            self.close_long(end_ms);
        }
    }

    fn close_long(&mut self, end_ms: i64) {
        for long in [Long::Hour, Long::Day] {
            let span = self.calendar.span(long);
            if span.end_ms > end_ms {
                continue;
            }
            let mut batch = Batch::new(self.device, Subject::Metric, span.start_ms);
            let sums = self.state.close_long(long, self.terms, &mut Row::long(&mut batch, long, span));
            if long == Long::Day && span == self.day {
                self.out.sums = sums;
            }
            self.put(span, batch);
            self.calendar.turn(long, end_ms, &self.fold.site.zone);
        }
    }

    /// Keeps what is of the day.
    fn put(&mut self, span: Span, batch: Batch) {
        let is_longer = span.start_ms < self.day.start_ms && span.end_ms >= self.day.end_ms;
        if span.start_ms < self.day.end_ms && span.end_ms > self.day.start_ms && !is_longer {
            self.out.batches.push(batch);
        }
    }
}
