//! Records to one write request. Pure: the same records from the same position give the same bytes.
//!
//! Never splits a line over two requests and never changes the order. Bounded by the lines and bytes of a request
//! and by [`FORWARD_POINTS_MAX`] points looked at.

use super::budget::{Leaves, Level, Thinner, is_short};
use super::line::{Name, has_value, later_ms, push_field, push_series};
use crate::privacy::is_kept_back;
use crate::store::record::{KEEP, MetricName, Origin};
use crate::store::{Page, Record, Seq};
use facility_config::Part;
use facility_config::limits::FORWARD_POINTS_MAX;
use facility_config::series::Class;
use facility_config::site::{Revisions, Selection};
use std::fmt::Write;
use std::ops::Range;

/// How large a request may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Lines.
    pub lines: usize,
    /// Bytes before compression. A single line that is longer goes alone.
    pub bytes: usize,
}

/// What a part of the log amounts to for the reader's cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Where to read on when this part is done.
    pub next: Seq,
    /// Points that are sent.
    pub points: u64,
    /// Points with nothing to send: without a value (represented by absence), of a class this lane does not send, or such as
    /// never leave the gateway.
    pub passed: u64,
    /// Points that were gone before they could be read.
    pub lost: u64,
    /// Points older than the destination keeps.
    pub expired: u64,
    /// Points that a budget leaves out.
    pub over_budget: u64,
}

impl Share {
    fn add(&mut self, other: Self) {
        self.next = self.next.max(other.next);
        self.points = self.points.saturating_add(other.points);
        self.passed = self.passed.saturating_add(other.passed);
        self.lost = self.lost.saturating_add(other.lost);
        self.expired = self.expired.saturating_add(other.expired);
        self.over_budget = self.over_budget.saturating_add(other.over_budget);
    }
}

/// One line of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    /// End in the body, line feed included.
    end: usize,
    share: Share,
}

/// Lines of one write request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    body: String,
    lines: Vec<Line>,
    /// Set if there is no line at all, but points were left behind.
    passed: Option<Share>,
}

impl Batch {
    /// Lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is nothing to send; [`passed`](Self::passed) may still move the cursor.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What was left behind without sending anything.
    #[must_use]
    pub fn passed(&self) -> Option<Share> {
        self.passed
    }

    /// The text of some lines.
    #[must_use]
    pub fn text(&self, lines: Range<usize>) -> &str {
        let end_of = |line: usize| line.checked_sub(1).and_then(|line| self.lines.get(line)).map_or(0, |line| line.end);
        self.body.get(end_of(lines.start)..end_of(lines.end)).unwrap_or_default()
    }

    /// What some lines amount to.
    #[must_use]
    pub fn share(&self, lines: Range<usize>) -> Share {
        let mut sum = Share::default();
        for line in self.lines.get(lines).unwrap_or_default() {
            sum.add(line.share);
        }
        sum
    }
}

/// A line that may still get fields.
#[derive(Debug, Default)]
struct Open {
    origin: u32,
    part: Part,
    at_ms: i64,
    /// How much later the line is stamped than its points, ms.
    later_ms: i64,
    measurement: String,
    /// Metrics it has, by id: a repeated field begins another line.
    metrics: Vec<u32>,
    text: String,
    share: Share,
}

impl Open {
    /// Empty, with room for what the next line will need.
    fn clear(&mut self) {
        self.measurement.clear();
        self.later_ms = 0;
        self.metrics.clear();
        self.text.clear();
        self.share = Share::default();
    }

    fn continues(&self, record: &Record, part: Part, name: &Name<'_>) -> bool {
        self.origin == record.origin
            && self.at_ms == record.at_ms
            && self.part == part
            && self.measurement == name.measurement
            && !self.metrics.contains(&record.metric)
            // The revision ends its row, whatever comes behind it.
            && self.later_ms == 0
    }
}

/// Builds one batch from pages.
#[derive(Debug)]
pub struct Packer<'a> {
    classes: &'a [Class],
    /// Which readings; `None` for all.
    only: Option<&'a Selection>,
    /// Points before this time are not sent, Unix ms.
    not_before_ms: i64,
    /// Windows shorter than an hour are passed over.
    no_short: bool,
    revisions: Revisions,
    /// Only points of this time, Unix ms.
    of_ms: Range<i64>,
    /// What a budget leaves, and what is known of readings that were sent.
    budget: Option<(Level, &'a mut Thinner)>,
    bounds: Bounds,
    from: Seq,
    batch: Batch,
    /// Points since the last line that belong to no line.
    loose: Share,
    open: Option<Open>,
    /// The line before, for its memory.
    spare: Option<Open>,
    full: bool,
}

impl<'a> Packer<'a> {
    /// A batch of points of the given classes, from a position of the log on.
    #[must_use]
    pub fn new(from: Seq, classes: &'a [Class], bounds: Bounds) -> Self {
        let loose = Share { next: from, ..Share::default() };
        Self {
            classes,
            only: None,
            not_before_ms: i64::MIN,
            no_short: false,
            revisions: Revisions::Over,
            of_ms: i64::MIN..i64::MAX,
            budget: None,
            bounds,
            from,
            batch: Batch::default(),
            loose,
            open: None,
            spare: None,
            full: false,
        }
    }

    /// In the memory of a batch that is done: most are alike, and pages given back are dear to get again.
    #[must_use]
    pub fn in_room_of(mut self, done: Batch) -> Self {
        self.batch = done;
        self.batch.body.clear();
        self.batch.lines.clear();
        self.batch.passed = None;
        self
    }

    /// Of readings only these.
    #[must_use]
    pub fn only(mut self, selection: &'a Selection) -> Self {
        self.only = Some(selection);
        self
    }

    /// No points before this time, Unix ms: the destination would not keep them.
    #[must_use]
    pub fn not_before(mut self, at_ms: i64) -> Self {
        self.not_before_ms = at_ms;
        self
    }

    /// No windows that are shorter than an hour.
    #[must_use]
    pub fn no_short_windows(mut self) -> Self {
        self.no_short = true;
        self
    }

    /// Where rows stand whose window was computed again.
    #[must_use]
    pub fn revisions(mut self, revisions: Revisions) -> Self {
        self.revisions = revisions;
        self
    }

    /// Only points of this time, Unix ms; the others are passed over.
    #[must_use]
    pub fn of(mut self, span_ms: Range<i64>) -> Self {
        self.of_ms = span_ms;
        self
    }

    /// Only what a budget leaves; `thinner` knows of readings that were sent.
    #[must_use]
    pub fn within(mut self, level: Level, thinner: &'a mut Thinner) -> Self {
        self.budget = Some((level, thinner));
        self
    }

    /// Where to read on.
    #[must_use]
    pub fn position(&self) -> Seq {
        self.open.as_ref().map_or(self.loose.next, |open| open.share.next)
    }

    /// Whether nothing more is taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Takes what fits of a page that was read from [`position`](Self::position).
    pub fn take(&mut self, page: &Page) {
        let gap = page.first.saturating_sub(self.position());
        let lost_before = page.lost.min(gap);
        if gap > 0 {
            self.leave(page.first, lost_before);
        }
        for (seq, record) in (page.first..).zip(&page.records) {
            if self.full {
                return;
            }
            let names = (page.names.origins.get(record.origin as usize), page.names.metrics.get(record.metric as usize));
            match names {
                (Some(origin), Some(metric)) => self.push(record, origin, metric, seq),
                _ => self.pass(seq),
            }
        }
        let lost_behind = page.lost - lost_before;
        if !self.full && (lost_behind > 0 || page.next > self.position()) {
            self.leave(page.next, lost_behind);
        }
    }

    /// Ends the batch.
    #[must_use]
    pub fn finish(mut self) -> Batch {
        self.close();
        match self.batch.lines.last_mut() {
            Some(last) => last.share.add(self.loose),
            None => self.batch.passed = (self.loose.next > self.from).then_some(self.loose),
        }
        self.batch
    }

    /// Steps over a hole in the log.
    fn leave(&mut self, next: Seq, lost: u64) {
        self.close();
        if !self.full {
            self.loose.add(Share { next, lost, ..Share::default() });
        }
    }

    fn push(&mut self, record: &Record, origin: &Origin, metric: &MetricName, seq: Seq) {
        let Some(name) = Name::of(metric) else { return self.pass(seq) };
        if self.open.as_ref().is_some_and(|open| !open.continues(record, metric.part, &name)) {
            self.close();
            if self.full {
                return;
            }
        }
        // Also what an older version, or a card of another gateway, has put into the store.
        let stays = is_kept_back(&origin.tags, metric)
            || name.class.is_some_and(|class| !self.classes.contains(&class))
            || self.only.is_some_and(|only| name.class == Some(Class::Reading) && !is_selected(only, origin, metric))
            || self.no_short && is_short(&name);
        if stays || !has_value(&record.value) || !self.of_ms.contains(&record.at_ms) {
            return self.pass(seq);
        }
        if record.at_ms < self.not_before_ms {
            return self.leave_behind(Share { next: seq + 1, expired: 1, ..Share::default() });
        }
        if !self.is_left(record, metric, &name) {
            return self.leave_behind(Share { next: seq + 1, over_budget: 1, ..Share::default() });
        }
        let open = self.open.get_or_insert_with(|| {
            let mut open = self.spare.take().unwrap_or_default();
            (open.origin, open.part, open.at_ms) = (record.origin, metric.part, record.at_ms);
            open.measurement.push_str(name.measurement);
            push_series(&mut open.text, &name, &origin.tags, metric.part);
            open
        });
        open.text.push(if open.metrics.is_empty() { ' ' } else { ',' });
        push_field(&mut open.text, &name, &record.value);
        if self.revisions == Revisions::Beside {
            open.later_ms += later_ms(&name, &record.value);
        }
        open.metrics.push(record.metric);
        open.share.add(Share { next: seq + 1, points: 1, ..Share::default() });
    }

    /// Whether the budget leaves a point.
    fn is_left(&mut self, record: &Record, metric: &MetricName, name: &Name<'_>) -> bool {
        let Some((level, thinner)) = &mut self.budget else { return true };
        match level.leaves(name, metric.part) {
            Leaves::All => true,
            Leaves::Thinned if record.flags & KEEP != 0 => true,
            Leaves::Thinned => thinner.takes(record.origin, record.metric, record.at_ms),
            Leaves::Nothing => false,
        }
    }

    /// Leaves a point behind that has nothing to send.
    fn pass(&mut self, seq: Seq) {
        self.leave_behind(Share { next: seq + 1, passed: 1, ..Share::default() });
    }

    fn leave_behind(&mut self, point: Share) {
        let share = self.open.as_mut().map_or(&mut self.loose, |open| &mut open.share);
        share.add(point);
        self.full |= self.open.is_none() && self.loose.next.saturating_sub(self.from) >= FORWARD_POINTS_MAX as u64;
    }

    /// Ends the open line. If it does not fit any more it is forgotten here and begins the next batch.
    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        // Writing to a String cannot fail.
        let _ = writeln!(open.text, " {}", open.at_ms.saturating_add(open.later_ms));
        let bytes = self.batch.body.len() + open.text.len();
        if bytes > self.bounds.bytes && !self.batch.lines.is_empty() {
            self.full = true;
            return;
        }
        self.batch.body.push_str(&open.text);
        let mut share = std::mem::take(&mut self.loose);
        share.add(open.share);
        self.loose.next = share.next;
        let lines = &mut self.batch.lines;
        if lines.len() == lines.capacity() {
            // As a vector grows by itself, but hardly beyond what a request can have.
            lines.reserve_exact(lines.len().clamp(4, self.bounds.lines.saturating_sub(lines.len()).max(4)));
        }
        lines.push(Line { end: self.batch.body.len(), share });
        open.clear();
        self.spare = Some(open);
        self.full = self.batch.lines.len() >= self.bounds.lines || share.next.saturating_sub(self.from) >= FORWARD_POINTS_MAX as u64;
    }
}

fn is_selected(only: &Selection, origin: &Origin, metric: &MetricName) -> bool {
    let of_measurement = || metric.point.is_some_and(|point| only.measurements.contains(&point.measurement()));
    let kind = || origin.tags.split(',').find_map(|tag| tag.strip_prefix("kind="));
    let of_kind = || kind().is_some_and(|kind| only.kinds.iter().any(|one| one.as_str() == kind));
    (only.measurements.is_empty() || of_measurement()) && (only.kinds.is_empty() || of_kind())
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
