//! A closed day of one device, computed again from the log: as it was told before, as it is now, and what differs.
//!
//! As it was told the first time: its records in the order of the log, through the same states as the first time. As it is
//! now: the same records in the order of their times, as if none had come late. Nothing is guessed about what a late record
//! may change. Pure; the memory is that of the records, which the caller bounds.

use super::calendar::{Calendar, Long, Moment, Span};
use super::days::DaySums;
use super::device::State;
use super::hold::{Sample, Terms};
use super::late::DueDay;
use super::row::Row;
use super::{Fold, TIME_MS_MAX};
use facility_config::limits::LATE_LEAD_MS;
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
    /// A day of a device, from everything that the log has of it by now, in the log's order; `None` if nothing is different.
    pub(crate) fn again(&self, device: DeviceIx, due: DueDay, heard: &[Heard]) -> Option<Again> {
        let mut in_time: Vec<(i64, &Heard)> = heard.iter().map(|heard| (self.believed(heard), heard)).collect();
        // Stable: of two values of one moment the later one in the log counts, as it did the first time.
        in_time.sort_by_key(|(at_ms, _)| *at_ms);
        let before = if due.since_ms == 0 {
            self.run(device, due.day, heard.iter().map(|heard| (heard.log_ms, self.believed(heard), heard)))?
        } else {
            let known = in_time.iter().filter(|(_, heard)| heard.log_ms < due.since_ms);
            self.run(device, due.day, known.map(|(at_ms, heard)| (*at_ms, *at_ms, *heard)))?
        };
        let now = self.run(device, due.day, in_time.iter().map(|(at_ms, heard)| (*at_ms, *at_ms, *heard)))?;
        let differs = now.batches.into_iter().zip(before.batches).filter(|(now, before)| now.readings != before.readings);
        let batches: Vec<Batch> = differs.map(|(now, _)| now).collect();
        (!batches.is_empty()).then_some(Again { before: before.sums, sums: now.sums, batches })
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

    /// One way through the records: each with the time of the log, its own, and itself.
    fn run<'h>(&self, device: DeviceIx, day: Span, heard: impl Iterator<Item = (i64, i64, &'h Heard)>) -> Option<Again> {
        let terms = *self.terms.get(device.at())?;
        let lead_ms = self.grid.short_around(day.start_ms.saturating_sub(LATE_LEAD_MS));
        // Of the time before the first window nothing was told.
        let open_ms = lead_ms.max(self.progress.began_ms);
        let calendar = Calendar::around(open_ms, &self.site.zone);
        let out = Again { before: DaySums::default(), sums: DaySums::default(), batches: Vec::new() };
        let mut run = Run { fold: self, device, terms, day, state: State::default(), open_ms, calendar, out };
        for (log_ms, at_ms, heard) in heard {
            while self.grid.is_due(run.open_ms, log_ms) && run.is_unfinished() {
                run.close_one();
            }
            let frame = self.grid.frame(run.open_ms);
            run.state.observe(&heard.metric, &Sample { frame, terms, at_ms, log_ms, value: &heard.value });
        }
        while run.is_unfinished() {
            run.close_one();
        }
        Some(run.out)
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

impl Run<'_> {
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
