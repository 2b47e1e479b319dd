//! An energy meter in front of cabinets: what they draw, and the mains as it is.
//!
//! Power, voltage, current and power factor always fit together, and the energy is the sum of the power.

use super::TICK_MS;
use super::day::{self, HOUR_MS};
use crate::reading::{Metric, Value};
use facility_config::Point;

/// Nominal voltage of the street, V, and how far it wanders within one step.
const MAINS_V: f64 = 228.0;
const WANDER_V: f64 = 0.35;
/// Controllers, meter and router.
const BASE_W: f64 = 31.0;

/// One meter.
#[derive(Debug)]
pub struct Meter {
    voltage_v: f64,
    frequency_hz: f64,
    active_w: f64,
    energy_kwh: f64,
    random: fastrand::Rng,
}

impl Meter {
    /// A meter that has counted for some months.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let energy_kwh = day::between(&mut random, 1_200.0, 4_800.0);
        Self { voltage_v: MAINS_V, frequency_hz: 50.0, active_w: BASE_W, energy_kwh, random }
    }

    /// Lives through one tick, with `load_w` behind it.
    pub fn tick(&mut self, load_w: f64) {
        self.active_w = BASE_W + load_w * day::between(&mut self.random, 0.985, 1.015);
        self.energy_kwh += self.active_w * TICK_MS as f64 / HOUR_MS as f64 / 1e3;
        let pull_back = (MAINS_V - self.voltage_v) * 0.01;
        self.voltage_v += pull_back + day::between(&mut self.random, -WANDER_V, WANDER_V);
        self.frequency_hz = 50.0 + day::between(&mut self.random, -0.03, 0.03);
    }

    /// What its registers hold, in canonical points.
    #[must_use]
    pub fn values(&self) -> Vec<(Metric, Value)> {
        let pf = self.power_factor();
        let apparent_va = self.active_w / pf;
        let float = |value: f64, decimals| Value::Float(day::rounded(value, decimals));
        vec![
            (Point::EnergyVoltage.into(), float(self.voltage_v, 1)),
            (Point::EnergyCurrent.into(), float(apparent_va / self.voltage_v, 3)),
            (Point::EnergyActive.into(), float(self.active_w, 1)),
            (Point::EnergyReactive.into(), float((apparent_va.powi(2) - self.active_w.powi(2)).sqrt(), 1)),
            (Point::EnergyPowerFactor.into(), float(pf, 3)),
            (Point::EnergyFrequency.into(), float(self.frequency_hz, 2)),
            (Point::EnergyTotal.into(), float(self.energy_kwh, 3)),
        ]
    }

    /// The more motors run, the further the current lags.
    fn power_factor(&self) -> f64 {
        0.96 - 0.15 * (self.active_w / (self.active_w + 400.0))
    }
}
