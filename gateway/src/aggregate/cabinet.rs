//! Refrigerated cabinet figures of a window: air temperature, compliance with and without defrosts, door, compressor
//! (DOMAIN §4).
//!
//! Limits come from the cold-chain class; a cabinet without one has temperatures and no compliance. Defrosts are never
//! forgiven at the product probe.

use super::calendar::Long;
use super::cascade::{Area, Cascade, Greatest, Range, sums};
use super::defrost::Defrost;
use super::hold::{Frame, Held, Sample, Terms, walk};
use super::kinetic::Kinetic;
use super::row::{Row, Rows};
use super::save::saved;
use facility_config::Point;
use facility_drivers::Value;

#[derive(Debug, Default)]
pub(super) struct Cabinet {
    clock_ms: i64,
    air: Held<f64>,
    product: Held<f64>,
    door: Held<bool>,
    compressor: Held<bool>,
    defrost: Defrost,
    /// How long the door has been open without a gap, ms.
    door_run_ms: i64,
    kinetic: Kinetic,
    slots: [Slot; 2],
    long: Cascade<Slot>,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    air: Range,
    air_sum: Area,
    kinetic: Area,
    observed_ms: i64,
    compliant_ms: i64,
    /// ∫(T − limit) dt where T is above the limit.
    excess: Area,
    adj_observed_ms: i64,
    adj_compliant_ms: i64,
    product: Range,
    product_observed_ms: i64,
    product_compliant_ms: i64,
    openings: i64,
    door_observed_ms: i64,
    door_open_ms: i64,
    door_longest_ms: Greatest,
    compressor_observed_ms: i64,
    compressor_ms: i64,
    /// The same two without defrosts.
    duty_observed_ms: i64,
    duty_ms: i64,
    starts: i64,
    defrost_ms: i64,
}

sums!(Slot {
    air,
    air_sum,
    kinetic,
    observed_ms,
    compliant_ms,
    excess,
    adj_observed_ms,
    adj_compliant_ms,
    product,
    product_observed_ms,
    product_compliant_ms,
    openings,
    door_observed_ms,
    door_open_ms,
    door_longest_ms,
    compressor_observed_ms,
    compressor_ms,
    duty_observed_ms,
    duty_ms,
    starts,
    defrost_ms,
});
saved!(Cabinet { clock_ms, air, product, door, compressor, defrost, door_run_ms, kinetic, slots, long });

impl Cabinet {
    /// False if the record is older than what is known.
    pub(super) fn observe(&mut self, point: Point, sample: &Sample<'_>) -> bool {
        self.advance(sample.at_ms, sample.frame, sample.terms);
        let (at_ms, hold_ms) = (sample.at_ms, sample.terms.hold_ms());
        match point {
            Point::CabinetAir => self.air.set(at_ms, hold_ms, sample.probe_c()),
            Point::CabinetProduct => self.product.set(at_ms, hold_ms, sample.probe_c()),
            Point::CabinetDefrost => self.defrost.flag(at_ms, hold_ms, sample.flag()),
            Point::CabinetMode => self.defrost.mode(at_ms, hold_ms, mode_is_defrost(sample.value)),
            Point::CabinetCompressor => {
                let slot = &mut self.slots[sample.slot_or_oldest()];
                begun(&mut self.compressor, sample, &mut slot.starts)
            }
            Point::CabinetDoor => {
                let slot = &mut self.slots[sample.slot_or_oldest()];
                begun(&mut self.door, sample, &mut slot.openings)
            }
            _ => true,
        }
    }

    fn advance(&mut self, to_ms: i64, frame: Frame, terms: Terms) {
        let Self { clock_ms, air, product, door, compressor, defrost, door_run_ms, kinetic, slots, .. } = self;
        let forgiven_until_ms = defrost.forgiven_until_ms();
        let defrosts = defrost.on();
        let edges_ms = [air.until_ms(), product.until_ms(), door.until_ms(), compressor.until_ms(), defrosts.until_ms(), forgiven_until_ms];
        walk(clock_ms, to_ms, frame, &edges_ms, |slot, from_ms, step_ms| {
            let slot = &mut slots[slot];
            if let Some(air_c) = air.at(from_ms) {
                slot.add_air(air_c, step_ms, terms.limit_c, from_ms >= forgiven_until_ms);
                slot.kinetic.hold(kinetic.of(air_c), step_ms);
            }
            if let Some(product_c) = product.at(from_ms) {
                slot.product.widen(product_c);
                slot.product_observed_ms += step_ms;
                slot.product_compliant_ms += if terms.limit_c.is_some_and(|limit_c| product_c <= limit_c) { step_ms } else { 0 };
            }
            *door_run_ms = slot.add_door(door.at(from_ms), step_ms, *door_run_ms);
            slot.add_compressor(compressor.at(from_ms), defrosts.at(from_ms) == Some(true), step_ms);
        });
    }

    /// Writes the oldest window's figures and makes room for the next.
    pub(super) fn close(&mut self, frame: Frame, terms: Terms, rows: &mut Rows<'_>) {
        self.advance(frame.open_end_ms(), frame, terms);
        let base = super::shift(&mut self.slots);
        if let Some(row) = &mut rows.minute {
            base.write_long(terms, row);
        }
        let Some((slot, row)) = self.long.step(&base, rows) else { return };
        slot.write(terms, row);
        self.long.add(&slot);
    }

    /// Writes a long window's figures and begins the next.
    pub(super) fn close_long(&mut self, long: Long, terms: Terms, row: &mut Row<'_>) -> Slot {
        let sums = self.long.close(long);
        sums.write_long(terms, row);
        sums
    }
}

/// Takes the state of a door or a relay; counts it if it has just become true. False if the record is older than what is known.
fn begun(state: &mut Held<bool>, sample: &Sample<'_>, count: &mut i64) -> bool {
    let before = state.before(sample.at_ms);
    let taken = state.set(sample.at_ms, sample.terms.hold_ms(), sample.flag());
    if taken && before == Some(false) && sample.flag() == Some(true) {
        *count += 1;
    }
    taken
}

impl Slot {
    fn add_air(&mut self, air_c: f64, step_ms: i64, limit_c: Option<f64>, is_judged: bool) {
        self.observed_ms += step_ms;
        self.air_sum.hold(air_c, step_ms);
        self.air.widen(air_c);
        let Some(limit_c) = limit_c else { return };
        let compliant_ms = if air_c <= limit_c { step_ms } else { 0 };
        self.compliant_ms += compliant_ms;
        if air_c > limit_c {
            self.excess.hold(air_c - limit_c, step_ms);
        }
        if is_judged {
            self.adj_observed_ms += step_ms;
            self.adj_compliant_ms += compliant_ms;
        }
    }

    /// Returns for how long the door has been open now.
    fn add_door(&mut self, open: Option<bool>, step_ms: i64, run_ms: i64) -> i64 {
        let Some(open) = open else { return 0 };
        self.door_observed_ms += step_ms;
        if !open {
            return 0;
        }
        self.door_open_ms += step_ms;
        self.door_longest_ms.take((run_ms + step_ms) as f64);
        run_ms + step_ms
    }

    fn add_compressor(&mut self, running: Option<bool>, is_defrost: bool, step_ms: i64) {
        self.defrost_ms += if is_defrost { step_ms } else { 0 };
        let Some(running) = running else { return };
        let running_ms = if running { step_ms } else { 0 };
        self.compressor_observed_ms += step_ms;
        self.compressor_ms += running_ms;
        if !is_defrost {
            self.duty_observed_ms += step_ms;
            self.duty_ms += running_ms;
        }
    }

    fn write(&self, terms: Terms, row: &mut Row<'_>) {
        self.write_temperatures([Point::Cabinet5mAirMean, Point::Cabinet5mAirMin, Point::Cabinet5mAirMax], row);
        if self.observed_ms > 0 && terms.limit_c.is_some() {
            row.share(Point::Cabinet5mCompliance, self.compliant_ms, self.observed_ms);
            row.share(Point::Cabinet5mComplianceAdj, self.adj_compliant_ms, self.adj_observed_ms);
            row.seconds(Point::Cabinet5mCompliantS, self.compliant_ms);
            row.seconds(Point::Cabinet5mObservedS, self.observed_ms);
            if self.adj_observed_ms > 0 {
                row.seconds(Point::Cabinet5mAdjCompliantS, self.adj_compliant_ms);
                row.seconds(Point::Cabinet5mAdjObservedS, self.adj_observed_ms);
            }
            row.float(Point::Cabinet5mDegreeMin, self.excess.minutes());
        }
        if self.door_observed_ms > 0 {
            row.seconds(Point::Cabinet5mDoorOpenS, self.door_open_ms);
            row.seconds(Point::Cabinet5mDoorObservedS, self.door_observed_ms);
            row.int(Point::Cabinet5mDoorOpenings, self.openings);
        }
        if self.compressor_observed_ms > 0 {
            row.seconds(Point::Cabinet5mCompressorS, self.compressor_ms);
            row.seconds(Point::Cabinet5mCompressorObservedS, self.compressor_observed_ms);
        }
        row.coverage(Point::Cabinet5mCoverage, self.observed_ms);
    }

    fn write_temperatures(&self, [mean, min, max]: [Point; 3], row: &mut Row<'_>) {
        row.known(mean, self.air_sum.mean(self.observed_ms));
        row.known(min, self.air.0.map(|(low_c, _)| low_c));
        row.known(max, self.air.0.map(|(_, high_c)| high_c));
    }

    pub(super) fn write_long(&self, terms: Terms, row: &mut Row<'_>) {
        if self.observed_ms > 0 {
            self.write_temperatures([Point::CabinetKpiAirMean, Point::CabinetKpiAirMin, Point::CabinetKpiAirMax], row);
            row.known(Point::CabinetKpiMkt, self.kinetic.mean(self.observed_ms).filter(|rate| *rate > 0.0).map(Kinetic::mean_c));
            let is_judged = terms.limit_c.is_some();
            if is_judged {
                row.share(Point::CabinetKpiCompliance, self.compliant_ms, self.observed_ms);
                row.share(Point::CabinetKpiComplianceAdj, self.adj_compliant_ms, self.adj_observed_ms);
                row.seconds(Point::CabinetKpiCompliantS, self.compliant_ms);
            }
            row.seconds(Point::CabinetKpiObservedS, self.observed_ms);
            if is_judged {
                row.seconds(Point::CabinetKpiAdjCompliantS, self.adj_compliant_ms);
                row.seconds(Point::CabinetKpiAdjObservedS, self.adj_observed_ms);
                row.float(Point::CabinetKpiDegreeMin, self.excess.minutes());
            }
        }
        self.write_product(terms, row);
        if self.door_observed_ms > 0 {
            row.seconds(Point::CabinetKpiDoorOpenS, self.door_open_ms);
            row.seconds(Point::CabinetKpiDoorObservedS, self.door_observed_ms);
            row.int(Point::CabinetKpiDoorOpenings, self.openings);
            row.float(Point::CabinetKpiDoorLongestS, self.door_longest_ms.0.unwrap_or(0.0) / 1e3);
        }
        if self.compressor_observed_ms > 0 {
            row.seconds(Point::CabinetKpiCompressorS, self.duty_ms);
            row.seconds(Point::CabinetKpiCompressorObservedS, self.duty_observed_ms);
            row.share(Point::CabinetKpiDuty, self.duty_ms, self.duty_observed_ms);
            row.int(Point::CabinetKpiStarts, self.starts);
        }
        if self.defrost_ms > 0 {
            row.seconds(Point::CabinetKpiDefrostS, self.defrost_ms);
        }
        row.coverage(Point::CabinetKpiCoverage, self.observed_ms);
        row.quality(Point::CabinetKpiQuality, self.observed_ms);
    }

    fn write_product(&self, terms: Terms, row: &mut Row<'_>) {
        row.known(Point::CabinetKpiProductMin, self.product.0.map(|(low_c, _)| low_c));
        row.known(Point::CabinetKpiProductMax, self.product.0.map(|(_, high_c)| high_c));
        if terms.limit_c.is_some() && self.product_observed_ms > 0 {
            row.share(Point::CabinetKpiProductCompliance, self.product_compliant_ms, self.product_observed_ms);
            row.seconds(Point::CabinetKpiProductCompliantS, self.product_compliant_ms);
            row.seconds(Point::CabinetKpiProductObservedS, self.product_observed_ms);
        }
    }
}

/// Whether the controller's mode is a defrost; `None` without a mode.
pub(crate) fn mode_is_defrost(mode: &Value) -> Option<bool> {
    match mode {
        Value::Text(word) if &**word == "unknown" => None,
        Value::Text(word) => Some(&**word == "defrost"),
        _ => None,
    }
}
