//! Parcel locker figures of a window: occupancy, compartments out of order, counts (DOMAIN §4).
//!
//! Occupancy is observed only while all its inputs stand together. Compartment-seconds are exact integers.

use super::counter::{Counter, Wrap};
use super::hold::{Frame, Held, Sample, walk};
use super::row::Row;
use super::save::saved;
use facility_config::Point;

#[derive(Debug, Default)]
pub(super) struct Locker {
    clock_ms: i64,
    total: Held<i64>,
    occupied: Held<i64>,
    faulted: Held<i64>,
    disabled: Held<i64>,
    deposits: Counter,
    pickups: Counter,
    open_cmds: Counter,
    open_fails: Counter,
    slots: [Slot; 2],
}

/// Times are compartment-milliseconds, except `observed_ms`.
#[derive(Debug, Default)]
struct Slot {
    observed_ms: i64,
    occupied_ms: i64,
    usable_ms: i64,
    faulted_ms: i64,
    installed_ms: i64,
    deposits: Option<i64>,
    pickups: Option<i64>,
    open_cmds: Option<i64>,
    open_fails: Option<i64>,
}

saved!(Slot { observed_ms, occupied_ms, usable_ms, faulted_ms, installed_ms, deposits, pickups, open_cmds, open_fails });
saved!(Locker { clock_ms, total, occupied, faulted, disabled, deposits, pickups, open_cmds, open_fails, slots });

impl Locker {
    /// False if the record is older than what is known.
    pub(super) fn observe(&mut self, point: Point, sample: &Sample<'_>) -> bool {
        self.advance(sample.at_ms, sample.frame);
        let (at_ms, hold_ms) = (sample.at_ms, sample.terms.hold_ms());
        let slot = &mut self.slots[sample.slot_or_oldest()];
        match point {
            Point::LockerTotal => self.total.set(at_ms, hold_ms, sample.count()),
            Point::LockerOccupied => self.occupied.set(at_ms, hold_ms, sample.count()),
            Point::LockerFaulted => self.faulted.set(at_ms, hold_ms, sample.count()),
            Point::LockerDisabled => self.disabled.set(at_ms, hold_ms, sample.count()),
            Point::LockerDeposits => self.deposits.take(sample, Wrap::Never, &mut slot.deposits),
            Point::LockerPickups => self.pickups.take(sample, Wrap::Never, &mut slot.pickups),
            Point::LockerOpenCmds => self.open_cmds.take(sample, Wrap::Never, &mut slot.open_cmds),
            Point::LockerOpenFails => self.open_fails.take(sample, Wrap::Never, &mut slot.open_fails),
            _ => true,
        }
    }

    fn advance(&mut self, to_ms: i64, frame: Frame) {
        let Self { clock_ms, total, occupied, faulted, disabled, slots, .. } = self;
        let edges_ms = [total.until_ms(), occupied.until_ms(), faulted.until_ms(), disabled.until_ms()];
        walk(clock_ms, to_ms, frame, &edges_ms, |slot, from_ms, step_ms| {
            let slot = &mut slots[slot];
            let Some(total) = total.at(from_ms) else { return };
            if let Some(faulted) = faulted.at(from_ms) {
                slot.installed_ms = slot.installed_ms.saturating_add(total.saturating_mul(step_ms));
                slot.faulted_ms = slot.faulted_ms.saturating_add(faulted.saturating_mul(step_ms));
            }
            let out_of_use = none_if_never_told(faulted, from_ms).zip(none_if_never_told(disabled, from_ms));
            let Some((occupied, (faulted, disabled))) = occupied.at(from_ms).zip(out_of_use) else { return };
            let usable = total.saturating_sub(faulted).saturating_sub(disabled).max(0);
            slot.observed_ms += step_ms;
            slot.occupied_ms = slot.occupied_ms.saturating_add(occupied.saturating_mul(step_ms));
            slot.usable_ms = slot.usable_ms.saturating_add(usable.saturating_mul(step_ms));
        });
    }

    /// Writes the oldest window's figures and makes room for the next.
    pub(super) fn close(&mut self, frame: Frame, row: &mut Row<'_>) {
        self.advance(frame.open_end_ms(), frame);
        let slot = super::shift(&mut self.slots);
        if slot.observed_ms > 0 {
            // A parcel can lie in a compartment that is out of order: then more are occupied than usable.
            row.share(Point::Locker5mOccupancy, slot.occupied_ms.min(slot.usable_ms), slot.usable_ms);
            row.seconds(Point::Locker5mOccupiedS, slot.occupied_ms);
            row.seconds(Point::Locker5mUsableS, slot.usable_ms);
        }
        row.share(Point::Locker5mFaultedShare, slot.faulted_ms, slot.installed_ms);
        row.counted(Point::Locker5mDeposits, slot.deposits);
        row.counted(Point::Locker5mPickups, slot.pickups);
        row.counted(Point::Locker5mOpenCmds, slot.open_cmds);
        row.counted(Point::Locker5mOpenFails, slot.open_fails);
        row.coverage(Point::Locker5mCoverage, slot.observed_ms);
    }
}

/// Compartments faulted or disabled: a locker that never speaks of them has none that are known; one that did and
/// fell silent leaves the figure open.
fn none_if_never_told(count: &Held<i64>, ms: i64) -> Option<i64> {
    if count.is_known() { count.at(ms) } else { Some(0) }
}
