//! Vending machine figures of a window: availability, sales, lanes without stock (DOMAIN §4).
//!
//! Offline is unknown, not down: connectivity is counted by the online rate. Lanes are bounded by
//! [`LANES_MAX`](facility_config::limits::LANES_MAX) and forgotten at the end of a window in which they fell silent.

use super::counter::{Counter, Wrap};
use super::hold::{Frame, Held, Sample, walk};
use super::row::Row;
use super::save::saved;
use facility_config::limits::LANES_MAX;
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
    slots: [Slot; 2],
}

/// One lane; the list is sorted by name.
#[derive(Debug)]
struct Lane {
    part: Part,
    clock_ms: i64,
    empty: Held<bool>,
}

#[derive(Debug, Default)]
struct Slot {
    observed_ms: i64,
    in_service_ms: i64,
    vends: Option<i64>,
    sales_fen: Option<i64>,
    fails: Option<i64>,
    lane_observed_ms: i64,
    lane_empty_ms: i64,
}

saved!(Slot { observed_ms, in_service_ms, vends, sales_fen, fails, lane_observed_ms, lane_empty_ms });
saved!(Lane { part, clock_ms, empty });
saved!(Vending { clock_ms, in_service, vends, sales_fen, fails, lanes, guess, slots });

impl Vending {
    /// False if the record is older than what is known.
    pub(super) fn observe(&mut self, point: Point, sample: &Sample<'_>) -> bool {
        self.advance(sample.at_ms, sample.frame);
        let slot = &mut self.slots[sample.slot_or_oldest()];
        match point {
            Point::VendingStatus => self.in_service.set(sample.at_ms, sample.terms.hold_ms(), in_service(sample.value)),
            Point::VendingVends => self.vends.take(sample, Wrap::Dex, &mut slot.vends),
            Point::VendingSales => self.sales_fen.take(sample, Wrap::Dex, &mut slot.sales_fen),
            Point::VendingFails => self.fails.take(sample, Wrap::Dex, &mut slot.fails),
            _ => true,
        }
    }

    /// Takes the level of a lane. False if the record is older than what is known, or the lane is one too many.
    pub(super) fn observe_level(&mut self, part: Part, sample: &Sample<'_>) -> bool {
        let Some(at) = self.lane_index(part) else { return false };
        let lane = &mut self.lanes[at];
        lane.advance(sample.at_ms, sample.frame, &mut self.slots);
        lane.empty.set(sample.at_ms, sample.terms.hold_ms(), sample.count().map(|level| level == 0))
    }

    fn lane_index(&mut self, part: Part) -> Option<usize> {
        let guess = self.guess as usize;
        if self.lanes.get(guess).is_none_or(|lane| lane.part != part) {
            match self.lanes.binary_search_by(|lane| lane.part.cmp(&part)) {
                Ok(found) => self.guess = found as u64,
                Err(_) if self.lanes.len() >= LANES_MAX => return None,
                Err(place) => {
                    self.lanes.insert(place, Lane { part, clock_ms: i64::MIN, empty: Held::default() });
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
    pub(super) fn close(&mut self, frame: Frame, row: &mut Row<'_>) {
        let end_ms = frame.open_end_ms();
        self.advance(end_ms, frame);
        self.lanes.iter_mut().for_each(|lane| lane.advance(end_ms, frame, &mut self.slots));
        self.lanes.retain(|lane| lane.empty.at(end_ms).is_some());
        let slot = super::shift(&mut self.slots);
        row.share(Point::Vending5mAvailability, slot.in_service_ms, slot.observed_ms);
        if slot.observed_ms > 0 {
            row.seconds(Point::Vending5mInServiceS, slot.in_service_ms);
            row.seconds(Point::Vending5mObservedS, slot.observed_ms);
        }
        row.counted(Point::Vending5mVends, slot.vends);
        row.counted(Point::Vending5mSales, slot.sales_fen);
        row.counted(Point::Vending5mFails, slot.fails);
        if slot.lane_observed_ms > 0 {
            row.seconds(Point::Vending5mLaneEmptyS, slot.lane_empty_ms);
            row.seconds(Point::Vending5mLaneObservedS, slot.lane_observed_ms);
        }
        row.coverage(Point::Vending5mCoverage, slot.observed_ms);
    }
}

impl Lane {
    fn advance(&mut self, to_ms: i64, frame: Frame, slots: &mut [Slot; 2]) {
        let Self { clock_ms, empty, .. } = self;
        walk(clock_ms, to_ms, frame, &[empty.until_ms()], |slot, from_ms, step_ms| {
            if let Some(empty) = empty.at(from_ms) {
                slots[slot].lane_observed_ms += step_ms;
                slots[slot].lane_empty_ms += if empty { step_ms } else { 0 };
            }
        });
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
