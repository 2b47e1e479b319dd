//! Refrigerated cabinet figures of a window: air temperature, compliance with and without defrosts, door, compressor
//! (DOMAIN §4).
//!
//! Limits come from the cold-chain class; a cabinet without one has temperatures and no compliance. The product probe
//! is not judged here.

use super::defrost::Defrost;
use super::hold::{Frame, Held, Sample, Terms, walk};
use super::row::Row;
use super::save::saved;
use facility_config::Point;
use facility_drivers::Value;

#[derive(Debug, Default)]
pub(super) struct Cabinet {
    clock_ms: i64,
    air: Held<f64>,
    door: Held<bool>,
    compressor: Held<bool>,
    defrost: Defrost,
    slots: [Slot; 2],
}

#[derive(Debug, Default)]
struct Slot {
    air: Air,
    adj_observed_ms: i64,
    adj_compliant_ms: i64,
    openings: i64,
    door_observed_ms: i64,
    door_open_ms: i64,
    compressor_observed_ms: i64,
    compressor_ms: i64,
}

/// Air temperature over the observed time.
#[derive(Debug, Default)]
struct Air {
    observed_ms: i64,
    /// ∫T dt, °C·ms.
    sum: f64,
    min_c: Option<f64>,
    max_c: Option<f64>,
    compliant_ms: i64,
    /// ∫(T − limit) dt where T is above the limit, °C·ms.
    excess: f64,
}

saved!(Air { observed_ms, sum, min_c, max_c, compliant_ms, excess });
saved!(Slot { air, adj_observed_ms, adj_compliant_ms, openings, door_observed_ms, door_open_ms, compressor_observed_ms, compressor_ms });
saved!(Cabinet { clock_ms, air, door, compressor, defrost, slots });

impl Cabinet {
    /// False if the record is older than what is known.
    pub(super) fn observe(&mut self, point: Point, sample: &Sample<'_>) -> bool {
        self.advance(sample.at_ms, sample.frame, sample.terms);
        let (at_ms, hold_ms) = (sample.at_ms, sample.terms.hold_ms());
        match point {
            Point::CabinetAir => self.air.set(at_ms, hold_ms, sample.float()),
            Point::CabinetCompressor => self.compressor.set(at_ms, hold_ms, sample.flag()),
            Point::CabinetDefrost => self.defrost.flag(at_ms, hold_ms, sample.flag()),
            Point::CabinetMode => self.defrost.mode(at_ms, hold_ms, mode_is_defrost(sample.value)),
            Point::CabinetDoor => {
                let before = self.door.before(at_ms);
                let taken = self.door.set(at_ms, hold_ms, sample.flag());
                if taken && before == Some(false) && sample.flag() == Some(true) {
                    self.slots[sample.slot_or_oldest()].openings += 1;
                }
                taken
            }
            _ => true,
        }
    }

    fn advance(&mut self, to_ms: i64, frame: Frame, terms: Terms) {
        let Self { clock_ms, air, door, compressor, defrost, slots } = self;
        let forgiven_until_ms = defrost.forgiven_until_ms();
        let edges_ms = [air.until_ms(), door.until_ms(), compressor.until_ms(), forgiven_until_ms];
        walk(clock_ms, to_ms, frame, &edges_ms, |slot, from_ms, step_ms| {
            let slot = &mut slots[slot];
            if let Some(air_c) = air.at(from_ms) {
                slot.air.add(air_c, step_ms, terms.limit_c);
                if let Some(limit_c) = terms.limit_c.filter(|_| from_ms >= forgiven_until_ms) {
                    slot.adj_observed_ms += step_ms;
                    slot.adj_compliant_ms += if air_c <= limit_c { step_ms } else { 0 };
                }
            }
            if let Some(open) = door.at(from_ms) {
                slot.door_observed_ms += step_ms;
                slot.door_open_ms += if open { step_ms } else { 0 };
            }
            if let Some(running) = compressor.at(from_ms) {
                slot.compressor_observed_ms += step_ms;
                slot.compressor_ms += if running { step_ms } else { 0 };
            }
        });
    }

    /// Writes the oldest window's figures and makes room for the next.
    pub(super) fn close(&mut self, frame: Frame, terms: Terms, row: &mut Row<'_>) {
        self.advance(frame.open_end_ms(), frame, terms);
        let slot = super::shift(&mut self.slots);
        slot.air.write_temperatures(row);
        if terms.limit_c.is_some() && slot.air.observed_ms > 0 {
            slot.write_compliance(row);
        }
        if slot.door_observed_ms > 0 {
            row.seconds(Point::Cabinet5mDoorOpenS, slot.door_open_ms);
            row.int(Point::Cabinet5mDoorOpenings, slot.openings);
        }
        if slot.compressor_observed_ms > 0 {
            row.seconds(Point::Cabinet5mCompressorS, slot.compressor_ms);
        }
        row.coverage(Point::Cabinet5mCoverage, slot.air.observed_ms);
    }
}

impl Slot {
    fn write_compliance(&self, row: &mut Row<'_>) {
        row.share(Point::Cabinet5mCompliance, self.air.compliant_ms, self.air.observed_ms);
        row.share(Point::Cabinet5mComplianceAdj, self.adj_compliant_ms, self.adj_observed_ms);
        row.seconds(Point::Cabinet5mCompliantS, self.air.compliant_ms);
        row.seconds(Point::Cabinet5mObservedS, self.air.observed_ms);
        if self.adj_observed_ms > 0 {
            row.seconds(Point::Cabinet5mAdjCompliantS, self.adj_compliant_ms);
            row.seconds(Point::Cabinet5mAdjObservedS, self.adj_observed_ms);
        }
        row.float(Point::Cabinet5mDegreeMin, self.air.excess / 60_000.0);
    }
}

impl Air {
    fn add(&mut self, air_c: f64, step_ms: i64, limit_c: Option<f64>) {
        self.observed_ms += step_ms;
        self.sum += air_c * step_ms as f64;
        self.min_c = Some(self.min_c.map_or(air_c, |min_c| min_c.min(air_c)));
        self.max_c = Some(self.max_c.map_or(air_c, |max_c| max_c.max(air_c)));
        match limit_c {
            Some(limit_c) if air_c <= limit_c => self.compliant_ms += step_ms,
            Some(limit_c) => self.excess += (air_c - limit_c) * step_ms as f64,
            None => {}
        }
    }

    fn write_temperatures(&self, row: &mut Row<'_>) {
        let (Some(min_c), Some(max_c)) = (self.min_c, self.max_c) else { return };
        row.float(Point::Cabinet5mAirMean, self.sum / self.observed_ms as f64);
        row.float(Point::Cabinet5mAirMin, min_c);
        row.float(Point::Cabinet5mAirMax, max_c);
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
