//! Parcel locker figures of a window: occupancy, compartments out of order, counts (DOMAIN §4).
//!
//! Occupancy is observed only while all its inputs stand together. Compartment-seconds are exact integers.

use super::calendar::{Long, Moment};
use super::cascade::{Add as _, Cascade, Greatest, Last, sums};
use super::counter::{Counter, Wrap};
use super::dwell::Dwell;
use super::hold::{Frame, Held, Sample, Terms, walk};
use super::overdue::{Cohort, Due};
use super::retry::Retries;
use super::row::{Row, Rows};
use super::save::saved;
use super::sizes::{BySize, Size, Sizes};
use facility_config::Point;
use facility_config::limits::{DWELL_PARCELS_MIN, OVERDUE_UNKNOWN_SHARE};
use facility_drivers::Value;

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
    retries: Retries,
    cohort: Cohort,
    sizes: Sizes,
    slots: [Slot; 2],
    long: Cascade<Slot>,
}

/// Times are compartment-milliseconds, except `observed_ms`.
#[derive(Debug, Default)]
pub(super) struct Slot {
    observed_ms: i64,
    occupied_ms: i64,
    usable_ms: i64,
    faulted_ms: i64,
    installed_ms: i64,
    deposits: Option<i64>,
    pickups: Option<i64>,
    /// Time the pick-ups were counted over, as with [`Counted`](super::counter::Counted).
    pickups_over_ms: i64,
    open_cmds: Option<i64>,
    open_fails: Option<i64>,
    open_retries: i64,
    /// Times one of these counters went back.
    resets: i64,
    /// Parcels whose deadline is in it.
    due: Due,
    sizes: BySize,
    /// Highest occupancy of the short windows in it.
    peak: Greatest,
    /// Occupied of installed compartments at its end, in thousandths.
    at_end: Last,
    /// The same at 08:00 and at 20:00.
    am: Last,
    pm: Last,
    dwell: Dwell,
}

sums!(Slot {
    observed_ms,
    occupied_ms,
    usable_ms,
    faulted_ms,
    installed_ms,
    deposits,
    pickups,
    pickups_over_ms,
    open_cmds,
    open_fails,
    open_retries,
    resets,
    due,
    sizes,
    peak,
    at_end,
    am,
    pm,
    dwell,
});
saved!(Locker {
    clock_ms,
    total,
    occupied,
    faulted,
    disabled,
    deposits,
    pickups,
    open_cmds,
    open_fails,
    retries,
    cohort,
    sizes,
    slots,
    long
});

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
            Point::LockerDeposits => count(&mut self.deposits, sample, &mut slot.deposits, &mut slot.resets),
            Point::LockerPickups => self.pickups.take(sample, Wrap::Never, |step| {
                slot.pickups.take_in(&Some(step.added));
                slot.pickups_over_ms.take_in(&step.over_ms);
                slot.resets += i64::from(step.is_reset);
            }),
            Point::LockerOpenCmds => count(&mut self.open_cmds, sample, &mut slot.open_cmds, &mut slot.resets),
            Point::LockerOpenFails => count(&mut self.open_fails, sample, &mut slot.open_fails, &mut slot.resets),
            _ => true,
        }
    }

    /// Takes what is said of the compartments of one size. False if the record is older than what is known.
    pub(super) fn observe_size(&mut self, point: Point, size: Size, sample: &Sample<'_>) -> bool {
        self.sizes.observe(point, size, sample)
    }

    /// A parcel was put in.
    pub(super) fn observe_deposit(&mut self, sample: &Sample<'_>) {
        if !self.cohort.deposit(sample.at_ms) {
            let due = &mut self.slots[sample.slot_or_oldest()].due;
            due.parcels += 1;
            due.unknown += 1;
        }
    }

    /// A parcel was taken out.
    pub(super) fn observe_taken(&mut self, sample: &Sample<'_>) {
        self.cohort.taken(sample.at_ms, sample.terms.keep_ms);
    }

    /// Takes how long the parcel lay that was taken out at that moment.
    pub(super) fn observe_linked(&mut self, sample: &Sample<'_>) {
        if let Some(seconds) = sample.float().filter(|seconds| *seconds >= 0.0) {
            // A float that is too large for the cast stops at its limit.
            self.cohort.linked(sample.at_ms, (seconds * 1e3).round() as i64, sample.terms.keep_ms);
        }
    }

    /// Takes which compartment did not open.
    pub(super) fn observe_failed(&mut self, sample: &Sample<'_>) {
        if let Value::Text(compartment) = sample.value
            && self.retries.take(compartment, sample.at_ms)
        {
            self.slots[sample.slot_or_oldest()].open_retries += 1;
        }
    }

    /// Takes how long a parcel lay that was just picked up by its addressee.
    pub(super) fn observe_dwell(&mut self, sample: &Sample<'_>) {
        if let Some(seconds) = sample.float().filter(|seconds| *seconds >= 0.0) {
            self.slots[sample.slot_or_oldest()].dwell.take(seconds);
        }
    }

    fn advance(&mut self, to_ms: i64, frame: Frame) {
        let Self { clock_ms, total, occupied, faulted, disabled, slots, .. } = self;
        let edges_ms = [total.until_ms(), occupied.until_ms(), faulted.until_ms(), disabled.until_ms()];
        walk(clock_ms, to_ms, frame, &edges_ms, |slot, from_ms, step_ms| {
            let ends = from_ms + step_ms == frame.open_end_ms() + slot as i64 * frame.window_ms;
            let slot = &mut slots[slot];
            let Some(total) = total.at(from_ms) else { return };
            if ends && let Some(occupied) = occupied.at(from_ms).filter(|_| total > 0) {
                slot.at_end = Last(Some(occupied.saturating_mul(1000) / total));
            }
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
    pub(super) fn close(&mut self, frame: Frame, terms: Terms, moment: Option<Moment>, rows: &mut Rows<'_>) {
        self.advance(frame.open_end_ms(), frame);
        let mut base = super::shift(&mut self.slots);
        base.due.take_in(&self.cohort.close(frame.open_end_ms(), terms.keep_ms));
        base.sizes = self.sizes.close(frame);
        if let Some(row) = &mut rows.minute {
            base.write_long(row);
        }
        let Some((mut slot, row)) = self.long.step(&base, rows) else { return };
        // What stood earlier in the window is not what stands at its end.
        slot.at_end = base.at_end;
        if slot.usable_ms > 0 {
            slot.peak.take(slot.occupied_ms.min(slot.usable_ms) as f64 / slot.usable_ms as f64);
        }
        match moment {
            Some(Moment::Am) => slot.am = slot.at_end,
            Some(Moment::Pm) => slot.pm = slot.at_end,
            None => {}
        }
        slot.write(row);
        self.long.add(&slot);
    }

    /// Writes a long window's figures and begins the next.
    pub(super) fn close_long(&mut self, long: Long, row: &mut Row<'_>) -> Slot {
        let sums = self.long.close(long);
        sums.write_long(row);
        sums
    }
}

impl Slot {
    fn write(&self, row: &mut Row<'_>) {
        if self.observed_ms > 0 {
            // A parcel can lie in a compartment that is out of order: then more are occupied than usable.
            row.share(Point::Locker5mOccupancy, self.occupied_ms.min(self.usable_ms), self.usable_ms);
            row.seconds(Point::Locker5mOccupiedS, self.occupied_ms);
            row.seconds(Point::Locker5mUsableS, self.usable_ms);
        }
        if self.installed_ms > 0 {
            row.share(Point::Locker5mFaultedShare, self.faulted_ms, self.installed_ms);
            row.seconds(Point::Locker5mFaultedS, self.faulted_ms);
            row.seconds(Point::Locker5mInstalledS, self.installed_ms);
        }
        row.counted(Point::Locker5mDeposits, self.deposits);
        row.counted(Point::Locker5mPickups, self.pickups);
        row.counted(Point::Locker5mOpenCmds, self.open_cmds);
        row.counted(Point::Locker5mOpenFails, self.open_fails);
        row.coverage(Point::Locker5mCoverage, self.observed_ms);
    }

    pub(super) fn write_long(&self, row: &mut Row<'_>) {
        if self.observed_ms > 0 {
            // As long as more are occupied than usable the locker is full, but no window of a year has more than all.
            row.share(Point::LockerKpiOccupancy, self.occupied_ms.min(self.usable_ms), self.usable_ms);
            row.seconds(Point::LockerKpiOccupiedS, self.occupied_ms);
            row.seconds(Point::LockerKpiUsableS, self.usable_ms);
            row.known(Point::LockerKpiPeak, self.peak.0);
        }
        if row.long == Some(Long::Day) {
            row.known(Point::LockerKpiUtilizationAm, self.am.0.map(|thousandths| thousandths as f64 / 10.0));
            row.known(Point::LockerKpiUtilizationPm, self.pm.0.map(|thousandths| thousandths as f64 / 10.0));
        }
        if self.installed_ms > 0 {
            row.share(Point::LockerKpiFaultedShare, self.faulted_ms, self.installed_ms);
            row.seconds(Point::LockerKpiFaultedS, self.faulted_ms);
            row.seconds(Point::LockerKpiInstalledS, self.installed_ms);
        }
        row.counted(Point::LockerKpiDeposits, self.deposits);
        row.counted(Point::LockerKpiPickups, self.pickups);
        self.write_turnover(row);
        if row.long >= Some(Long::Day) && self.dwell.count() >= DWELL_PARCELS_MIN {
            row.known(Point::LockerKpiDwellP50, self.dwell.quantile_h(0.5));
            row.known(Point::LockerKpiDwellP90, self.dwell.quantile_h(0.9));
            row.int(Point::LockerKpiDwellParcels, self.dwell.count());
        }
        if row.long >= Some(Long::Day) {
            self.write_due(row);
        }
        row.counted(Point::LockerKpiOpenCmds, self.open_cmds);
        row.counted(Point::LockerKpiOpenFails, self.open_fails);
        if let Some((fails, commands)) = self.open_fails.zip(self.open_cmds) {
            let retries = self.open_retries.min(fails);
            row.share(Point::LockerKpiOpenFailRate, fails.min(commands) - retries.min(commands), commands - retries.min(commands));
        }
        if self.open_retries > 0 {
            row.int(Point::LockerKpiOpenRetries, self.open_retries);
        }
        if self.deposits.or(self.pickups).or(self.open_cmds).or(self.open_fails).is_some() {
            row.int(Point::LockerKpiResets, self.resets);
        }
        if self.observed_ms > 0 {
            row.seconds(Point::LockerKpiObservedS, self.observed_ms);
        }
        row.coverage(Point::LockerKpiCoverage, self.observed_ms);
        row.quality(Point::LockerKpiQuality, self.observed_ms);
        if row.long >= Some(Long::Day) {
            self.sizes.write_long(row);
        }
    }

    /// Pick-ups are counted through gaps in which nobody knows what was usable: so over as many compartments as there were on
    /// average while it was known.
    fn write_turnover(&self, row: &mut Row<'_>) {
        let Some(pickups) = self.pickups else { return };
        row.seconds(Point::LockerKpiPickupsCountedS, self.pickups_over_ms);
        if self.usable_ms > 0 {
            let usable = self.usable_ms as f64 / self.observed_ms as f64;
            row.known(Point::LockerKpiTurnover, row.per_day(pickups as f64 / usable, self.pickups_over_ms));
        }
    }

    fn write_due(&self, row: &mut Row<'_>) {
        let Due { parcels, overdue, unknown } = self.due;
        if parcels == 0 {
            return;
        }
        row.int(Point::LockerKpiDue, parcels);
        row.int(Point::LockerKpiOverdue, overdue);
        row.int(Point::LockerKpiOverdueUnknown, unknown);
        if unknown.saturating_mul(OVERDUE_UNKNOWN_SHARE) <= parcels {
            row.share(Point::LockerKpiOverdueRate, overdue, parcels - unknown);
        }
    }
}

/// Takes the value of a counter. False if the record is older than what is known.
fn count(counter: &mut Counter, sample: &Sample<'_>, sum: &mut Option<i64>, resets: &mut i64) -> bool {
    counter.take(sample, Wrap::Never, |step| {
        sum.take_in(&Some(step.added));
        *resets += i64::from(step.is_reset);
    })
}

/// Compartments faulted or disabled: a locker that never speaks of them has none that are known; one that did and
/// fell silent leaves the figure open.
fn none_if_never_told(count: &Held<i64>, ms: i64) -> Option<i64> {
    if count.is_known() { count.at(ms) } else { Some(0) }
}
