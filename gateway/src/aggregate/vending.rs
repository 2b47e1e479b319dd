//! Vending machine figures of a window: availability, sales, lanes without stock (DOMAIN §4).
//!
//! Offline is unknown, not down: connectivity is counted by the online rate. Lanes are bounded by
//! [`LANES_MAX`](facility_config::limits::LANES_MAX) and forgotten at the end of a window in which they fell silent.

use super::calendar::Long;
use super::cascade::{Add as _, AtEnd, Cascade, sums};
use super::counter::{Counted, Counter, Step, Wrap};
use super::hold::{Frame, Held, Sample, walk};
use super::row::{DAY_MS, Row, Rows};
use super::save::saved;
use facility_config::limits::{LANES_MAX, SUPPLY_DAYS, SUPPLY_DAYS_MIN};
use facility_config::{Part, Point};
use facility_drivers::Value;

#[derive(Debug, Default)]
pub(super) struct Vending {
    clock_ms: i64,
    in_service: Held<bool>,
    vends: Counter,
    sales_fen: Counter,
    fails: Counter,
    lanes: Vec<Lane>,
    /// Where the lane after the last one was: machines report their lanes in the same order every time.
    guess: u64,
    /// Vends of the newest closed days, the oldest first.
    days: Vec<Counted>,
    slots: [Slot; 2],
    long: Cascade<Slot>,
}

/// One lane; the list is sorted by name.
#[derive(Debug)]
struct Lane {
    part: Part,
    clock_ms: i64,
    level: Held<i64>,
    /// What it should hold after a refill; changes with the goods, not with the hours.
    par: Option<i64>,
    /// The level that asks for a refill; the same.
    min: Option<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    observed_ms: i64,
    in_service_ms: i64,
    vends: Counted,
    sales_fen: Counted,
    fails: Option<i64>,
    /// Times one of these counters went back.
    resets: i64,
    lane_observed_ms: i64,
    lane_empty_ms: i64,
    /// Of the lanes that name a level that asks for a refill.
    min_observed_ms: i64,
    below_min_ms: i64,
    /// Item-milliseconds in the lanes that name a par, and at par.
    level_ms: i64,
    par_ms: i64,
    /// Items in the lanes at its end.
    stock: AtEnd,
}

sums!(Slot {
    observed_ms,
    in_service_ms,
    vends,
    sales_fen,
    fails,
    resets,
    lane_observed_ms,
    lane_empty_ms,
    min_observed_ms,
    below_min_ms,
    level_ms,
    par_ms,
    stock,
});
saved!(Lane { part, clock_ms, level, par, min });
saved!(Vending { clock_ms, in_service, vends, sales_fen, fails, lanes, guess, days, slots, long });

impl Vending {
    /// False if the record is older than what is known.
    pub(super) fn observe(&mut self, point: Point, sample: &Sample<'_>) -> bool {
        self.advance(sample.at_ms, sample.frame);
        let slot = &mut self.slots[sample.slot_or_oldest()];
        match point {
            Point::VendingStatus => self.in_service.set(sample.at_ms, sample.terms.hold_ms(), in_service(sample.value)),
            Point::VendingVends => self.vends.take(sample, Wrap::Dex, |step| slot.count(step, |slot| slot.vends.take(step))),
            Point::VendingSales => self.sales_fen.take(sample, Wrap::Dex, |step| slot.count(step, |slot| slot.sales_fen.take(step))),
            Point::VendingFails => {
                self.fails.take(sample, Wrap::Dex, |step| slot.count(step, |slot| slot.fails.take_in(&Some(step.added))))
            }
            _ => true,
        }
    }

    /// Takes the level of a lane. False if the record is older than what is known, or the lane is one too many.
    pub(super) fn observe_level(&mut self, part: Part, sample: &Sample<'_>) -> bool {
        let Some(at) = self.lane_index(part) else { return false };
        let lane = &mut self.lanes[at];
        lane.advance(sample.at_ms, sample.frame, &mut self.slots);
        lane.level.set(sample.at_ms, sample.terms.hold_ms(), sample.count())
    }

    /// Takes the par of a lane. False if the lane is one too many.
    pub(super) fn observe_par(&mut self, part: Part, sample: &Sample<'_>) -> bool {
        let Some(at) = self.lane_index(part) else { return false };
        let lane = &mut self.lanes[at];
        lane.advance(sample.at_ms, sample.frame, &mut self.slots);
        lane.par = sample.count().filter(|par| *par > 0);
        true
    }

    /// Takes the level at which a lane asks for a refill. False if the lane is one too many.
    pub(super) fn observe_min(&mut self, part: Part, sample: &Sample<'_>) -> bool {
        let Some(at) = self.lane_index(part) else { return false };
        let lane = &mut self.lanes[at];
        lane.advance(sample.at_ms, sample.frame, &mut self.slots);
        lane.min = sample.count().filter(|min| *min > 0);
        true
    }

    fn lane_index(&mut self, part: Part) -> Option<usize> {
        let guess = self.guess as usize;
        if self.lanes.get(guess).is_none_or(|lane| lane.part != part) {
            match self.lanes.binary_search_by(|lane| lane.part.cmp(&part)) {
                Ok(found) => self.guess = found as u64,
                Err(_) if self.lanes.len() >= LANES_MAX => return None,
                Err(place) => {
                    self.lanes.insert(place, Lane { part, clock_ms: i64::MIN, level: Held::default(), par: None, min: None });
                    self.guess = place as u64;
                }
            }
        }
        let found = self.guess as usize;
        self.guess += 1;
        Some(found)
    }

    fn advance(&mut self, to_ms: i64, frame: Frame) {
        let Self { clock_ms, in_service, slots, .. } = self;
        walk(clock_ms, to_ms, frame, &[in_service.until_ms()], |slot, from_ms, step_ms| {
            if let Some(in_service) = in_service.at(from_ms) {
                slots[slot].observed_ms += step_ms;
                slots[slot].in_service_ms += if in_service { step_ms } else { 0 };
            }
        });
    }

    /// Writes the oldest window's figures and makes room for the next.
    pub(super) fn close(&mut self, frame: Frame, rows: &mut Rows<'_>) {
        let end_ms = frame.open_end_ms();
        self.advance(end_ms, frame);
        self.lanes.iter_mut().for_each(|lane| lane.advance(end_ms, frame, &mut self.slots));
        self.lanes.retain(|lane| lane.level.at(end_ms).is_some());
        let base = super::shift(&mut self.slots);
        if let Some(row) = &mut rows.minute {
            base.write_long(None, row);
        }
        let Some((slot, row)) = self.long.step(&base, rows) else { return };
        slot.write(row);
        self.long.add(&slot);
    }

    /// Writes a long window's figures and begins the next.
    pub(super) fn close_long(&mut self, long: Long, row: &mut Row<'_>) -> Slot {
        let sums = self.long.close(long);
        if long == Long::Day {
            self.keep_day(sums.vends);
        }
        let supply_days = sums.stock.0.and_then(|stock| self.days_of_supply(stock));
        sums.write_long(supply_days, row);
        sums
    }

    fn keep_day(&mut self, vends: Counted) {
        if vends.added.is_some() {
            self.days.drain(..self.days.len().saturating_sub(SUPPLY_DAYS - 1));
            self.days.push(vends);
        }
    }

    /// For how many days a stock lasts, if the coming ones are like the last; unknown until a week was counted, or if nothing
    /// is sold.
    fn days_of_supply(&self, stock: i64) -> Option<f64> {
        let mut counted = Counted::default();
        self.days.iter().for_each(|day| counted.take_in(day));
        let vends = counted.added.filter(|vends| *vends > 0)?;
        let days = counted.over_ms as f64 / DAY_MS;
        (days >= SUPPLY_DAYS_MIN as f64).then(|| stock as f64 * days / vends as f64)
    }
}

impl Slot {
    /// Takes a step of one of its counters.
    fn count(&mut self, step: Step, book: impl FnOnce(&mut Self)) {
        self.resets += i64::from(step.is_reset);
        book(self);
    }

    fn write(&self, row: &mut Row<'_>) {
        row.share(Point::Vending5mAvailability, self.in_service_ms, self.observed_ms);
        if self.observed_ms > 0 {
            row.seconds(Point::Vending5mInServiceS, self.in_service_ms);
            row.seconds(Point::Vending5mObservedS, self.observed_ms);
        }
        row.counted(Point::Vending5mVends, self.vends.added);
        row.counted(Point::Vending5mSales, self.sales_fen.added);
        row.counted(Point::Vending5mFails, self.fails);
        if self.lane_observed_ms > 0 {
            row.seconds(Point::Vending5mLaneEmptyS, self.lane_empty_ms);
            row.seconds(Point::Vending5mLaneObservedS, self.lane_observed_ms);
        }
        row.coverage(Point::Vending5mCoverage, self.observed_ms);
    }

    pub(super) fn write_long(&self, supply_days: Option<f64>, row: &mut Row<'_>) {
        if self.observed_ms > 0 {
            row.share(Point::VendingKpiAvailability, self.in_service_ms, self.observed_ms);
            row.seconds(Point::VendingKpiInServiceS, self.in_service_ms);
            row.seconds(Point::VendingKpiObservedS, self.observed_ms);
        }
        row.counted(Point::VendingKpiVends, self.vends.added);
        row.counted(Point::VendingKpiSales, self.sales_fen.added);
        per_day(self.vends, Point::VendingKpiPerDayVends, Point::VendingKpiVendsCountedS, row);
        per_day(self.sales_fen, Point::VendingKpiPerDaySales, Point::VendingKpiSalesCountedS, row);
        row.counted(Point::VendingKpiFails, self.fails);
        if self.vends.added.or(self.sales_fen.added).or(self.fails).is_some() {
            row.int(Point::VendingKpiResets, self.resets);
        }
        if let Some((vends, fails)) = self.vends.added.zip(self.fails) {
            row.share(Point::VendingKpiSuccess, vends, vends.saturating_add(fails));
        }
        if self.lane_observed_ms > 0 {
            row.share(Point::VendingKpiStockOut, self.lane_empty_ms, self.lane_observed_ms);
            row.seconds(Point::VendingKpiLaneEmptyS, self.lane_empty_ms);
            row.seconds(Point::VendingKpiLaneObservedS, self.lane_observed_ms);
        }
        if self.min_observed_ms > 0 {
            row.share(Point::VendingKpiBelowMin, self.below_min_ms, self.min_observed_ms);
            row.seconds(Point::VendingKpiBelowMinS, self.below_min_ms);
            row.seconds(Point::VendingKpiMinObservedS, self.min_observed_ms);
        }
        if self.par_ms > 0 {
            row.share(Point::VendingKpiFill, self.level_ms, self.par_ms);
            row.seconds(Point::VendingKpiLevelS, self.level_ms);
            row.seconds(Point::VendingKpiParS, self.par_ms);
        }
        if row.long == Some(Long::Day) {
            row.counted(Point::VendingKpiStock, self.stock.0);
            row.known(Point::VendingKpiSupply, supply_days);
        }
        row.coverage(Point::VendingKpiCoverage, self.observed_ms);
        row.quality(Point::VendingKpiQuality, self.observed_ms);
    }
}

impl Lane {
    fn advance(&mut self, to_ms: i64, frame: Frame, slots: &mut [Slot; 2]) {
        let Self { clock_ms, level, par, min, .. } = self;
        walk(clock_ms, to_ms, frame, &[level.until_ms()], |slot, from_ms, step_ms| {
            let Some(level) = level.at(from_ms) else { return };
            let ends = from_ms + step_ms == frame.open_end_ms() + slot as i64 * frame.window_ms;
            let slot = &mut slots[slot];
            slot.lane_observed_ms += step_ms;
            slot.lane_empty_ms += if level == 0 { step_ms } else { 0 };
            if let Some(min) = *min {
                slot.min_observed_ms += step_ms;
                slot.below_min_ms += if level < min { step_ms } else { 0 };
            }
            if ends {
                slot.stock = AtEnd(Some(slot.stock.0.unwrap_or(0).saturating_add(level)));
            }
            if let Some(par) = *par {
                slot.level_ms = slot.level_ms.saturating_add(level.saturating_mul(step_ms));
                slot.par_ms = slot.par_ms.saturating_add(par.saturating_mul(step_ms));
            }
        });
    }
}

/// Writes what was counted per day, and over how long it was counted.
fn per_day(counted: Counted, per_day: Point, counted_s: Point, row: &mut Row<'_>) {
    if let Some(added) = counted.added {
        row.known(per_day, row.per_day(added as f64, counted.over_ms));
        row.seconds(counted_s, counted.over_ms);
    }
}

/// Sold out, locked out, door open and fault are down; unknown is unknown.
fn in_service(status: &Value) -> Option<bool> {
    match status {
        Value::Text(word) if &**word == "unknown" => None,
        Value::Text(word) => Some(&**word == "in_service"),
        _ => None,
    }
}
