//! Energy figures of a window, for a meter and for any device that measures its own.
//!
//! Energy is the meter's own count, never the integral of power.

use super::counter::{Meter, Metered};
use super::hold::{Frame, Held, Sample, walk};
use super::row::Row;
use super::save::saved;
use facility_config::Point;

#[derive(Debug, Default)]
pub(super) struct Energy {
    clock_ms: i64,
    active_w: Held<f64>,
    /// Only for how long the total stands: coverage must not depend on a power reading.
    total_kwh: Held<f64>,
    meter: Meter,
    slots: [Slot; 2],
}

#[derive(Debug, Default)]
struct Slot {
    metered: Metered,
    observed_ms: i64,
    power_observed_ms: i64,
    /// ∫P dt, W·ms.
    power_sum: f64,
}

saved!(Slot { metered, observed_ms, power_observed_ms, power_sum });
saved!(Energy { clock_ms, active_w, total_kwh, meter, slots });

impl Energy {
    /// False if the record is older than what is known.
    pub(super) fn observe(&mut self, point: Point, sample: &Sample<'_>) -> bool {
        self.advance(sample.at_ms, sample.frame);
        let hold_ms = sample.terms.hold_ms();
        match point {
            Point::EnergyActive => self.active_w.set(sample.at_ms, hold_ms, sample.float()),
            Point::EnergyTotal => {
                let metered = &mut self.slots[sample.slot_or_oldest()].metered;
                self.total_kwh.set(sample.at_ms, hold_ms, sample.float()) && self.meter.take(sample, metered)
            }
            _ => true,
        }
    }

    fn advance(&mut self, to_ms: i64, frame: Frame) {
        let Self { clock_ms, active_w, total_kwh, slots, .. } = self;
        walk(clock_ms, to_ms, frame, &[active_w.until_ms(), total_kwh.until_ms()], |slot, from_ms, step_ms| {
            let slot = &mut slots[slot];
            if let Some(active_w) = active_w.at(from_ms) {
                slot.power_observed_ms += step_ms;
                slot.power_sum += active_w * step_ms as f64;
            }
            if active_w.at(from_ms).or(total_kwh.at(from_ms)).is_some() {
                slot.observed_ms += step_ms;
            }
        });
    }

    /// Writes the oldest window's figures and makes room for the next.
    pub(super) fn close(&mut self, frame: Frame, row: &mut Row<'_>) {
        self.advance(frame.open_end_ms(), frame);
        let slot = super::shift(&mut self.slots);
        if let Some(kwh) = slot.metered.kwh {
            row.float(Point::Energy5mKwh, kwh);
        }
        if slot.power_observed_ms > 0 {
            row.float(Point::Energy5mPowerMean, slot.power_sum / slot.power_observed_ms as f64);
        }
        if slot.metered.kwh.is_some() {
            row.int(Point::Energy5mResets, slot.metered.resets);
        }
        row.coverage(Point::Energy5mCoverage, slot.observed_ms);
    }
}
