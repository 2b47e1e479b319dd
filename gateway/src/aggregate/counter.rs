//! Cumulative counters: what was added between two values, also across a gap, a rollover and a reset. Of one that went back
//! and did not begin anew nothing is added for that step; what it went back by counts again on its way up.
//!
//! The first value ever gives no difference. A value older than the newest known one is not looked at: it would pass
//! for a reset. Holds one value per counter.

use super::cascade::Add;
use super::column::{Cell, Cells, Keep, Kept, MS_PER_S, Name, rounded};
use super::hold::Sample;
use super::save::saved;

/// EVA-DTS counters go from 99,999,999 to 0 and are never extended (EVA-DTS 6.2, §5.1.6).
const DEX_RANGE: i64 = 100_000_000;
/// A counter that goes back rolled over if that means an increase below a tenth of the range; otherwise it was reset.
const DEX_ROLLOVER_STEP_MAX: i64 = DEX_RANGE / 10;
/// A meter may step back by its last digit (0.01 kWh) or by the rounding of a 32-bit float without a reset.
const KWH_JITTER: f64 = 0.01;
const KWH_JITTER_SHARE: f64 = 1e-6;
/// Who starts again is below this part of what he had counted. Who is not was set to another value, or two messages have changed
/// places: a machine's whole life is not what it counted since its last message.
const ANEW_BELOW: f64 = 0.5;
/// mWh in a kWh.
const MILLI_WH: f64 = 1e6;
/// mWh in a Wh.
const MILLI_WH_PER_WH: i64 = 1000;

/// Whether a counter rolls over or only ever starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    /// As far as a program counts.
    Never,
    /// EVA-DTS: eight digits.
    Dex,
}

/// A counter of whole things.
#[derive(Debug)]
pub(super) struct Counter {
    at_ms: i64,
    last: Option<i64>,
}

saved!(Counter { at_ms, last });

impl Default for Counter {
    fn default() -> Self {
        Self { at_ms: i64::MIN, last: None }
    }
}

/// What a counter's new value adds to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) added: i64,
    /// Time between the two, ms.
    pub(super) over_ms: i64,
    /// It went back, and not through its end: what was counted before is missing.
    pub(super) is_reset: bool,
}

/// What a counter counted in one window, and over how long: to the window's last value from the value before its first, so
/// that windows that follow each other share no time and leave none out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    pub(super) added: Option<i64>,
    pub(super) over_ms: i64,
}

saved!(Counted { added, over_ms });

impl Counted {
    pub(super) fn take(&mut self, step: Step) {
        self.added.take_in(&Some(step.added));
        self.over_ms.take_in(&step.over_ms);
    }
}

impl Add for Counted {
    fn take_in(&mut self, later: &Self) {
        self.added.take_in(&later.added);
        self.over_ms.take_in(&later.over_ms);
    }
}

/// Its time in seconds.
impl Keep for Counted {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        cells.push((Name::part(field, "added"), Cell::Int(self.added)));
        cells.push((Name::part(field, "over_s"), Cell::Int(Some(rounded(self.over_ms, MS_PER_S)))));
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        let over_s = row.int(Name::part(field, "over_s")).unwrap_or(0);
        Self { added: row.int(Name::part(field, "added")), over_ms: over_s.saturating_mul(MS_PER_S) }
    }
}

impl Counter {
    /// Hands on what was counted since the last value, if there was one. False if a newer value is known already.
    pub(super) fn take(&mut self, sample: &Sample<'_>, wrap: Wrap, book: impl FnOnce(Step)) -> bool {
        let Some(count) = sample.count() else { return true };
        if sample.at_ms < self.at_ms {
            return false;
        }
        if let Some(last) = self.last {
            let (added, is_reset) = added(last, count, wrap);
            book(Step { added, over_ms: sample.at_ms.saturating_sub(self.at_ms), is_reset });
        }
        *self = Self { at_ms: sample.at_ms, last: Some(count) };
        true
    }
}

/// What was added between two values, neither negative, and whether it started again in between.
fn added(last: i64, count: i64, wrap: Wrap) -> (i64, bool) {
    if count >= last {
        return (count - last, false);
    }
    if wrap == Wrap::Dex && last < DEX_RANGE {
        let through_zero = DEX_RANGE - last + count;
        if through_zero < DEX_ROLLOVER_STEP_MAX {
            return (through_zero, false);
        }
    }
    (if is_anew(last as f64, count as f64) { count } else { 0 }, true)
}

/// Whether what went back began at nothing, so that what it has now was counted since.
fn is_anew(last: f64, now: f64) -> bool {
    now < last * ANEW_BELOW
}

/// An energy meter's total.
#[derive(Debug)]
pub(super) struct Meter {
    at_ms: i64,
    last_kwh: Option<f64>,
}

saved!(Meter { at_ms, last_kwh });

impl Default for Meter {
    fn default() -> Self {
        Self { at_ms: i64::MIN, last_kwh: None }
    }
}

/// What a meter counted in one window.
#[derive(Debug, Default)]
pub(super) struct Metered {
    /// Energy in mWh, once there were two values to take the difference of: whole numbers, so that sums are exact.
    milli_wh: Option<i64>,
    /// Time it was counted over, ms: as with [`Counted`].
    pub(super) over_ms: i64,
    /// Times the total went back.
    pub(super) resets: i64,
}

saved!(Metered { milli_wh, over_ms, resets });

impl Metered {
    /// Energy, kWh.
    pub(super) fn kwh(&self) -> Option<f64> {
        self.milli_wh.map(|milli_wh| milli_wh as f64 / MILLI_WH)
    }

    fn add_kwh(&mut self, kwh: f64) {
        let milli_wh = self.milli_wh.get_or_insert(0);
        // A float that is too large for the cast stops at its limit.
        *milli_wh = milli_wh.saturating_add((kwh * MILLI_WH).round() as i64);
    }
}

impl Add for Metered {
    fn take_in(&mut self, later: &Self) {
        self.milli_wh.take_in(&later.milli_wh);
        self.over_ms.take_in(&later.over_ms);
        self.resets.take_in(&later.resets);
    }
}

/// Kept in Wh and seconds.
impl Keep for Metered {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        let watt_hours = self.milli_wh.map(|milli_wh| rounded(milli_wh, MILLI_WH_PER_WH));
        cells.push((Name::part(field, "wh"), Cell::Int(watt_hours)));
        cells.push((Name::part(field, "over_s"), Cell::Int(Some(rounded(self.over_ms, MS_PER_S)))));
        cells.push((Name::part(field, "resets"), Cell::Int(Some(self.resets))));
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        let milli_wh = row.int(Name::part(field, "wh")).map(|watt_hours| watt_hours.saturating_mul(MILLI_WH_PER_WH));
        let over_ms = row.int(Name::part(field, "over_s")).unwrap_or(0).saturating_mul(MS_PER_S);
        Self { milli_wh, over_ms, resets: row.int(Name::part(field, "resets")).unwrap_or(0) }
    }
}

impl Meter {
    /// Adds the energy since the last value to `sum`. False if a newer value is known already.
    pub(super) fn take(&mut self, sample: &Sample<'_>, sum: &mut Metered) -> bool {
        let Some(kwh) = sample.float().filter(|kwh| *kwh >= 0.0) else { return true };
        if sample.at_ms < self.at_ms {
            return false;
        }
        let over_ms = sample.at_ms.saturating_sub(std::mem::replace(&mut self.at_ms, sample.at_ms));
        let Some(last_kwh) = self.last_kwh else {
            self.last_kwh = Some(kwh);
            return true;
        };
        sum.over_ms.take_in(&over_ms);
        sum.add_kwh(0.0);
        if kwh >= last_kwh {
            sum.add_kwh(kwh - last_kwh);
        } else if last_kwh - kwh <= KWH_JITTER.max(last_kwh * KWH_JITTER_SHARE) {
            // The higher value stays the mark, or the jitter would be counted again on its way up.
            return true;
        } else {
            sum.add_kwh(if is_anew(last_kwh, kwh) { kwh } else { 0.0 });
            sum.resets = sum.resets.saturating_add(1);
        }
        self.last_kwh = Some(kwh);
        true
    }
}
