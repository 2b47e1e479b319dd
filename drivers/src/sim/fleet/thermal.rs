//! A cold box: air, goods, evaporator, and a thermostat with a differential.
//!
//! First order: the air gains heat from the shop, from an open door and from the goods, and loses it to the
//! evaporator. Three rates per box; nothing here knows what is in it.

use super::TICK_MS;
use super::day::MINUTE_MS;

/// Shortest stop of a compressor (ERC 211 parameter C02, DOMAIN §2.3).
const COMPRESSOR_STOP_MS: i64 = 2 * MINUTE_MS;
/// Time constant of air to shop through an open door, minutes: an upright cabinet with an air curtain.
const DOOR_MIN: f64 = 50.0;
/// Minutes for the goods to follow the air: a full cabinet warms through in a day.
const GOODS_MIN: f64 = 1_200.0;
/// With the fan standing still the air near the goods mixes this much less.
const STILL_AIR: f64 = 0.35;
/// What a defrost heater adds to the air, K per minute.
const HEATER_K_MIN: f64 = 0.05;

/// What a box is built for.
#[derive(Debug, Clone, Copy)]
pub(super) struct ThermalSpec {
    /// Compressor stops here, °C.
    pub(super) setpoint_c: f64,
    /// Compressor starts this far above, K.
    pub(super) differential_k: f64,
    /// Time constant of air to shop, minutes.
    pub(super) shop_min: f64,
    /// Time constant of air to goods, minutes.
    pub(super) goods_min: f64,
    /// What the compressor takes out of the air, K per minute.
    pub(super) pull_k_min: f64,
}

/// Who decides about the compressor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    /// The thermostat; the fan runs.
    Thermostat,
    /// A defrost: heater on, compressor and fan off.
    Defrost,
    /// Dripping off: everything off.
    Drip,
}

#[derive(Debug)]
pub(super) struct Thermal {
    pub(super) spec: ThermalSpec,
    pub(super) air_c: f64,
    pub(super) evap_c: f64,
    /// The controller asks for cold.
    pub(super) relay: bool,
    /// The compressor does not start, whatever the relay says.
    pub(super) broken: bool,
    goods_c: f64,
    stopped_ms: i64,
}

impl Thermal {
    /// A box that has been running for a long time, at a random place of its cycle.
    pub(super) fn new(spec: ThermalSpec, random: &mut fastrand::Rng, start_ms: i64) -> Self {
        let air_c = spec.setpoint_c + random.f64() * spec.differential_k;
        let goods_c = spec.setpoint_c + spec.differential_k / 2.0;
        let stopped_ms = start_ms - COMPRESSOR_STOP_MS;
        Self { spec, air_c, evap_c: air_c - 4.0, relay: random.bool(), broken: false, goods_c, stopped_ms }
    }

    /// Whether the compressor really turns.
    pub(super) fn turning(&self) -> bool {
        self.relay && !self.broken
    }

    pub(super) fn tick(&mut self, now_ms: i64, shop_c: f64, door_open: bool, control: Control) {
        self.switch(now_ms, control);
        let minutes = TICK_MS as f64 / MINUTE_MS as f64;
        let mixing = if control == Control::Thermostat { 1.0 } else { STILL_AIR };
        let mut gain_k_min = mixing * ((shop_c - self.air_c) / self.spec.shop_min + (self.goods_c - self.air_c) / self.spec.goods_min);
        if door_open {
            gain_k_min += (shop_c - self.air_c) / DOOR_MIN;
        }
        if self.turning() {
            gain_k_min -= self.spec.pull_k_min;
        }
        let (evap_aim_c, evap_min) = match control {
            Control::Defrost => (8.0, 9.0),
            Control::Thermostat if self.turning() => (self.air_c - 7.0, 3.0),
            Control::Thermostat | Control::Drip => (self.air_c - 0.5, 4.0),
        };
        if control == Control::Defrost {
            gain_k_min += HEATER_K_MIN;
        }
        self.goods_c += (self.air_c - self.goods_c) / GOODS_MIN * minutes;
        self.air_c += gain_k_min * minutes;
        self.evap_c += (evap_aim_c - self.evap_c) / evap_min * minutes;
    }

    fn switch(&mut self, now_ms: i64, control: Control) {
        let was_on = self.relay;
        self.relay = match control {
            Control::Defrost | Control::Drip => false,
            Control::Thermostat if self.relay => self.air_c > self.spec.setpoint_c,
            Control::Thermostat => {
                self.air_c >= self.spec.setpoint_c + self.spec.differential_k && now_ms - self.stopped_ms >= COMPRESSOR_STOP_MS
            }
        };
        if was_on && !self.relay {
            self.stopped_ms = now_ms;
        }
    }
}
