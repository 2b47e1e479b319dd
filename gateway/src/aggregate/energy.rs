//! Energy figures of a window, for a meter and for any device that measures its own.
//!
//! Energy is the meter's own count, never the integral of power. A day's energy is put to the time between the values it is
//! the difference of: the count goes on in a gap, coverage does not.

use super::calendar::Long;
use super::cascade::{Area, Cascade, sums};
use super::counter::{Meter, Metered};
use super::hold::{Frame, Held, Sample, Terms, walk};
use super::row::{Row, Rows};
use super::save::saved;
use facility_config::Point;

/// Litres in a cubic metre.
const M3_L: f64 = 1e3;

#[derive(Debug, Default)]
pub(super) struct Energy {
    clock_ms: i64,
    active_w: Held<f64>,
    /// Only for how long the total stands: coverage must not depend on a power reading.
    total_kwh: Held<f64>,
    meter: Meter,
    slots: [Slot; 2],
    long: Cascade<Slot>,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    metered: Metered,
    observed_ms: i64,
    power_observed_ms: i64,
    /// ∫P dt.
    power_sum: Area,
}

sums!(Slot { metered, observed_ms, power_observed_ms, power_sum });
saved!(Energy { clock_ms, active_w, total_kwh, meter, slots, long });

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
                slot.power_sum.hold(active_w, step_ms);
            }
            if active_w.at(from_ms).or(total_kwh.at(from_ms)).is_some() {
                slot.observed_ms += step_ms;
            }
        });
    }

    /// Writes the oldest window's figures and makes room for the next.
    pub(super) fn close(&mut self, frame: Frame, terms: Terms, rows: &mut Rows<'_>) {
        self.advance(frame.open_end_ms(), frame);
        let base = super::shift(&mut self.slots);
        if let Some(row) = &mut rows.minute {
            base.write_long(terms, row);
        }
        let Some((slot, row)) = self.long.step(&base, rows) else { return };
        slot.write(row);
        self.long.add(&slot);
    }

    /// Writes a long window's figures and begins the next.
    pub(super) fn close_long(&mut self, long: Long, terms: Terms, row: &mut Row<'_>) -> Slot {
        let sums = self.long.close(long);
        sums.write_long(terms, row);
        sums
    }
}

impl Slot {
    fn write(&self, row: &mut Row<'_>) {
        row.known(Point::Energy5mKwh, self.metered.kwh());
        row.known(Point::Energy5mPowerMean, self.power_sum.mean(self.power_observed_ms));
        if self.power_observed_ms > 0 {
            row.seconds(Point::Energy5mPowerObservedS, self.power_observed_ms);
        }
        if self.metered.kwh().is_some() {
            row.int(Point::Energy5mResets, self.metered.resets);
        }
        row.coverage(Point::Energy5mCoverage, self.observed_ms);
    }

    pub(super) fn write_long(&self, terms: Terms, row: &mut Row<'_>) {
        if let Some(kwh) = self.metered.kwh() {
            row.float(Point::EnergyKpiKwh, kwh);
            row.seconds(Point::EnergyKpiMeteredS, self.metered.over_ms);
            let per_day_kwh = row.per_day(kwh, self.metered.over_ms);
            row.known(Point::EnergyKpiPerDay, per_day_kwh);
            let per_litre = per_day_kwh.zip(terms.net_volume_l).map(|(kwh, volume_l)| kwh / f64::from(volume_l));
            row.known(Point::EnergyKpiPerDayVolume, per_litre.map(|kwh| kwh * M3_L));
            row.int(Point::EnergyKpiResets, self.metered.resets);
        }
        row.known(Point::EnergyKpiPowerMean, self.power_sum.mean(self.power_observed_ms));
        if self.power_observed_ms > 0 {
            row.seconds(Point::EnergyKpiPowerObservedS, self.power_observed_ms);
        }
        if self.observed_ms > 0 {
            row.seconds(Point::EnergyKpiObservedS, self.observed_ms);
        }
        row.coverage(Point::EnergyKpiCoverage, self.observed_ms);
        row.quality(Point::EnergyKpiQuality, self.observed_ms);
    }
}
