//! Parcels at their deadline: which window it falls in, and whether they were gone by then (DOMAIN §4, overdue rate).
//!
//! Parcels have no names here. A deposit is known by its time; a pick-up whose `dur_s` is known says the time of its
//! deposit. One that is not (its deposit came before a restart, or the kiosk sends no reference) was of some parcel that
//! waited: the oldest is taken out as unknown, so that in any sum of windows the overdue ones are neither too many nor, with
//! the unknown ones, too few. Bounded by [`PARCELS_DUE_MAX`]; of more parcels nothing is known.

use super::cascade::Add;
use super::column::{Cell, Cells, Keep, Kept, Name};
use super::save::saved;
use facility_config::limits::PARCELS_DUE_MAX;

/// Kiosks that tell the duration themselves tell whole seconds, and if their clock is wrong both events have the time of their
/// receipt: the deposit that is nearest, but no farther than this.
const LINK_MS: i64 = 60_000;

/// Parcels whose deadline is still to come, by the time of their deposit.
#[derive(Debug, Default)]
pub(super) struct Cohort {
    parcels: Vec<Parcel>,
    /// Some pick-up was linked: a locker that never links any knows nothing of its parcels.
    has_linked: bool,
    /// Pick-ups of one moment less durations told at it: the two come in either order.
    unpaired: i64,
    moment_ms: i64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Parcel {
    deposit_ms: i64,
    is_gone: bool,
    /// Time of the pick-up that may have been of this one; 0 if there is none.
    doubt_ms: i64,
}

/// Parcels whose deadline was in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Due {
    pub(super) parcels: i64,
    pub(super) overdue: i64,
    pub(super) unknown: i64,
}

saved!(Due { parcels, overdue, unknown });
saved!(Parcel { deposit_ms, is_gone, doubt_ms });
saved!(Cohort { parcels, has_linked, unpaired, moment_ms });

impl Add for Due {
    fn take_in(&mut self, later: &Self) {
        self.parcels.take_in(&later.parcels);
        self.overdue.take_in(&later.overdue);
        self.unknown.take_in(&later.unknown);
    }
}

impl Keep for Due {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        let Self { parcels, overdue, unknown } = *self;
        for (part, count) in [("parcels", parcels), ("overdue", overdue), ("unknown", unknown)] {
            cells.push((Name::part(field, part), Cell::Int(Some(count))));
        }
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        let count = |part| row.int(Name::part(field, part)).unwrap_or(0);
        Self { parcels: count("parcels"), overdue: count("overdue"), unknown: count("unknown") }
    }
}

impl Cohort {
    /// A parcel was put in. False if it is one too many.
    pub(super) fn deposit(&mut self, at_ms: i64) -> bool {
        if self.parcels.len() >= PARCELS_DUE_MAX {
            return false;
        }
        let place = self.parcels.partition_point(|parcel| parcel.deposit_ms <= at_ms);
        self.parcels.insert(place, Parcel { deposit_ms: at_ms, ..Parcel::default() });
        true
    }

    /// A parcel was taken out.
    pub(super) fn taken(&mut self, at_ms: i64, keep_ms: i64) {
        self.turn(at_ms);
        self.unpaired += 1;
        if self.unpaired > 0 {
            self.doubt(at_ms, keep_ms);
        }
    }

    /// The one that was taken out had lain so long.
    pub(super) fn linked(&mut self, at_ms: i64, lay_ms: i64, keep_ms: i64) {
        self.turn(at_ms);
        self.has_linked = true;
        if self.unpaired > 0
            && let Some(doubtful) = self.parcels.iter_mut().rfind(|parcel| parcel.doubt_ms == at_ms)
        {
            doubtful.doubt_ms = 0;
        }
        self.unpaired -= 1;
        if lay_ms > keep_ms {
            return;
        }
        let deposit_ms = at_ms.saturating_sub(lay_ms);
        let from = self.parcels.partition_point(|parcel| parcel.deposit_ms < deposit_ms - LINK_MS);
        let near = self.parcels.iter_mut().skip(from).take_while(|parcel| parcel.deposit_ms <= deposit_ms + LINK_MS);
        let Some(parcel) = near.filter(|parcel| !parcel.is_gone).min_by_key(|parcel| (parcel.deposit_ms - deposit_ms).abs()) else {
            // Its deposit came before the others that are known, or has another time: then it was one of them.
            if self.parcels.first().is_some_and(|oldest| oldest.deposit_ms <= deposit_ms) {
                self.doubt(at_ms, keep_ms);
            }
            return;
        };
        parcel.is_gone = true;
        // It was not the one that an earlier pick-up may have been of: that was another.
        let doubt_ms = std::mem::take(&mut parcel.doubt_ms);
        if doubt_ms != 0 {
            self.doubt(doubt_ms, keep_ms);
        }
    }

    /// Takes out the parcels whose deadline comes before `end_ms`.
    pub(super) fn close(&mut self, end_ms: i64, keep_ms: i64) -> Due {
        let passed = self.parcels.partition_point(|parcel| parcel.deposit_ms.saturating_add(keep_ms) < end_ms);
        let mut due = Due::default();
        for parcel in self.parcels.drain(..passed) {
            due.parcels += 1;
            if !parcel.is_gone && (parcel.doubt_ms != 0 || !self.has_linked) {
                due.unknown += 1;
            } else if !parcel.is_gone {
                due.overdue += 1;
            }
        }
        due
    }

    /// Some parcel that was there at a moment, and not past its deadline, is gone: the oldest may be it.
    fn doubt(&mut self, at_ms: i64, keep_ms: i64) {
        let was_there = |parcel: &&mut Parcel| parcel.deposit_ms <= at_ms && at_ms <= parcel.deposit_ms.saturating_add(keep_ms);
        let mut waiting = self.parcels.iter_mut().filter(|parcel| !parcel.is_gone && parcel.doubt_ms == 0);
        if let Some(parcel) = waiting.find(was_there) {
            parcel.doubt_ms = at_ms;
        }
    }

    fn turn(&mut self, at_ms: i64) {
        if self.moment_ms != at_ms {
            (self.moment_ms, self.unpaired) = (at_ms, 0);
        }
    }
}

#[cfg(test)]
#[path = "overdue_tests.rs"]
mod tests;
