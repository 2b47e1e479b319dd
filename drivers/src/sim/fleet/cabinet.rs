//! A refrigerated cabinet: thermostat, defrosts, customers at the door, and a compressor that can be made to fail.
//!
//! A failed compressor shows as it does on site: the controller keeps asking for cold, the power is missing, the air
//! climbs about 5 K in the first ten minutes and levels out above the goods. The controller cannot see the cause.

use super::day::{self, HOUR_MS, MINUTE_MS, SECOND_MS};
use super::thermal::{Control, Thermal, ThermalSpec};
use crate::reading::{Metric, Value};
use facility_config::Point;
use facility_config::device::ColdClass;
use serde_json::json;

/// From the start of one defrost to the next (EKC 202D d03, DOMAIN §2.2).
const DEFROST_EVERY_MS: i64 = 8 * HOUR_MS;
/// Compressor, fan and heater stand still so that the water runs off (easy dd, DOMAIN §2.4).
const DRIP_MS: i64 = 2 * MINUTE_MS;
/// The controller's own alarm: delay A03, and A12 after a defrost (DOMAIN §2.2).
const ALARM_DELAY_MS: i64 = 30 * MINUTE_MS;
const ALARM_DELAY_AFTER_DEFROST_MS: i64 = 90 * MINUTE_MS;
/// Customers at the door per hour while the shop is open.
const CUSTOMERS_PER_HOUR: f64 = 5.0;
const COMPRESSOR_W: f64 = 420.0;
const FAN_W: f64 = 38.0;
const HEATER_W: f64 = 560.0;
const LIGHT_W: f64 = 24.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Cooling,
    Defrost {
        until_ms: i64,
    },
    Drip {
        until_ms: i64,
    },
    /// Cooling down after a defrost, until the thermostat is content once.
    Recovery,
}

/// One cabinet.
#[derive(Debug)]
pub struct Cabinet {
    thermal: Thermal,
    alarm_limit_c: f64,
    phase: Phase,
    next_defrost_ms: i64,
    defrost_every_ms: i64,
    door_until_ms: Option<i64>,
    door_left_open: bool,
    warm_since_ms: Option<i64>,
    quiet_until_ms: i64,
    shop_c: f64,
    energy_kwh: f64,
    now_ms: i64,
    random: fastrand::Rng,
}

impl Cabinet {
    /// A cabinet in the middle of its work. Its first defrost is at least two and a half hours after `start_ms`.
    #[must_use]
    pub fn new(class: ColdClass, seed: u64, start_ms: i64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let (spec, alarm_limit_c) = built_for(class);
        let thermal = Thermal::new(spec, &mut random, start_ms);
        let next_defrost_ms = start_ms + random.i64(150 * MINUTE_MS..DEFROST_EVERY_MS);
        let energy_kwh = day::between(&mut random, 900.0, 2_600.0);
        Self {
            thermal,
            alarm_limit_c,
            phase: Phase::Cooling,
            next_defrost_ms,
            defrost_every_ms: DEFROST_EVERY_MS,
            door_until_ms: None,
            door_left_open: false,
            warm_since_ms: None,
            quiet_until_ms: start_ms,
            shop_c: shop_c(start_ms),
            energy_kwh,
            now_ms: start_ms,
            random,
        }
    }

    /// Defrosts begin this long after each other from the next one on, ms; eight hours unless told otherwise.
    pub fn defrost_every(&mut self, every_ms: i64) {
        self.defrost_every_ms = every_ms;
    }

    /// The compressor stops turning, whatever the controller asks for.
    pub fn fail_compressor(&mut self) {
        self.thermal.broken = true;
    }

    /// The compressor turns again when asked to.
    pub fn repair(&mut self) {
        self.thermal.broken = false;
    }

    /// Somebody opens the door and walks away.
    pub fn leave_door_open(&mut self) {
        self.door_left_open = true;
    }

    /// The door is closed.
    pub fn close_door(&mut self) {
        self.door_left_open = false;
        self.door_until_ms = None;
    }

    /// Lives through one tick.
    pub fn tick(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.shop_c = shop_c(now_ms);
        self.move_door();
        self.move_phase();
        let control = match self.phase {
            Phase::Cooling | Phase::Recovery => Control::Thermostat,
            Phase::Defrost { .. } => Control::Defrost,
            Phase::Drip { .. } => Control::Drip,
        };
        self.thermal.tick(now_ms, self.shop_c, self.door_open(), control);
        self.watch();
        self.energy_kwh += self.active_w() * super::TICK_MS as f64 / HOUR_MS as f64 / 1e3;
    }

    /// What it takes from the mains now, W.
    #[must_use]
    pub fn active_w(&self) -> f64 {
        let parts = [(self.thermal.turning(), COMPRESSOR_W), (self.fan(), FAN_W), (self.defrosting(), HEATER_W), (self.light(), LIGHT_W)];
        parts.into_iter().filter(|(on, _)| *on).map(|(_, watts)| watts).sum()
    }

    /// Air temperature as its probe shows it, °C to 0.1.
    #[must_use]
    pub fn air_c(&self) -> f64 {
        day::rounded(self.thermal.air_c, 1)
    }

    /// What its controller knows, in canonical points.
    #[must_use]
    pub fn values(&self) -> Vec<(Metric, Value)> {
        vec![
            (Point::CabinetAir.into(), Value::Float(self.air_c())),
            (Point::CabinetEvap.into(), Value::Float(day::rounded(self.thermal.evap_c, 1))),
            (Point::CabinetSetpoint.into(), Value::Float(self.thermal.spec.setpoint_c)),
            (Point::CabinetMode.into(), Value::Text(self.mode().into())),
            (Point::CabinetCompressor.into(), Value::Bool(self.thermal.relay)),
            (Point::CabinetFan.into(), Value::Bool(self.fan())),
            (Point::CabinetDefrost.into(), Value::Bool(self.defrosting())),
            (Point::CabinetDoor.into(), Value::Bool(self.door_open())),
            (Point::CabinetLight.into(), Value::Bool(self.light())),
            (Point::CabinetAlarm.into(), Value::Bool(self.alarm())),
        ]
    }

    /// What it would say over MQTT; shape of `cabinet.telemetry.v1`.
    #[must_use]
    pub fn payload(&self, id: &str, seq: u64) -> serde_json::Value {
        let volts = 228.0;
        let alarms: &[&str] = if self.alarm() { &["temp_high"] } else { &[] };
        json!({
            "v": 1, "id": id, "ts": day::rfc3339(self.now_ms), "seq": seq,
            "temps": {
                "air": self.air_c(),
                "evaporator": day::rounded(self.thermal.evap_c, 1),
                "ambient": day::rounded(self.shop_c, 1),
                "setpoint": self.thermal.spec.setpoint_c,
            },
            "state": {
                "mode": self.mode(), "compressor": self.thermal.relay, "evap_fan": self.fan(), "defrost": self.defrosting(),
                "door_open": self.door_open(), "light": self.light(),
            },
            "alarms": alarms,
            "power": {
                "voltage_v": volts,
                "current_a": day::rounded(self.active_w() / volts / 0.85, 2),
                "active_w": day::rounded(self.active_w(), 1),
                "energy_kwh_total": day::rounded(self.energy_kwh, 2),
            },
        })
    }

    fn move_door(&mut self) {
        if self.door_until_ms.is_some_and(|until| self.now_ms >= until) {
            self.door_until_ms = None;
        }
        let comes = day::happens(&mut self.random, CUSTOMERS_PER_HOUR) && shop_open(self.now_ms);
        if comes && self.door_until_ms.is_none() {
            self.door_until_ms = Some(self.now_ms + self.random.i64(8 * SECOND_MS..35 * SECOND_MS));
        }
    }

    fn move_phase(&mut self) {
        self.phase = match self.phase {
            Phase::Defrost { until_ms } if self.now_ms >= until_ms => Phase::Drip { until_ms: self.now_ms + DRIP_MS },
            Phase::Drip { until_ms } if self.now_ms >= until_ms => {
                self.quiet_until_ms = self.now_ms + ALARM_DELAY_AFTER_DEFROST_MS;
                Phase::Recovery
            }
            Phase::Recovery if self.thermal.air_c <= self.thermal.spec.setpoint_c => Phase::Cooling,
            Phase::Cooling | Phase::Recovery if self.now_ms >= self.next_defrost_ms => {
                self.next_defrost_ms = self.now_ms + self.defrost_every_ms;
                Phase::Defrost { until_ms: self.now_ms + self.random.i64(22 * MINUTE_MS..28 * MINUTE_MS) }
            }
            same => same,
        };
    }

    /// The controller's own watch over the temperature.
    fn watch(&mut self) {
        let warm = self.thermal.air_c > self.alarm_limit_c && self.now_ms >= self.quiet_until_ms && !self.defrosting();
        self.warm_since_ms = warm.then(|| self.warm_since_ms.unwrap_or(self.now_ms));
    }

    fn alarm(&self) -> bool {
        self.warm_since_ms.is_some_and(|since| self.now_ms - since >= ALARM_DELAY_MS)
    }

    fn mode(&self) -> &'static str {
        match self.phase {
            Phase::Defrost { .. } => "defrost",
            Phase::Drip { .. } => "drip",
            Phase::Recovery => "recovery",
            Phase::Cooling if self.thermal.relay => "cooling",
            Phase::Cooling => "idle",
        }
    }

    fn defrosting(&self) -> bool {
        matches!(self.phase, Phase::Defrost { .. })
    }

    fn fan(&self) -> bool {
        matches!(self.phase, Phase::Cooling | Phase::Recovery)
    }

    pub(super) fn door_open(&self) -> bool {
        self.door_left_open || self.door_until_ms.is_some()
    }

    fn light(&self) -> bool {
        shop_open(self.now_ms)
    }
}

/// Rates of a class, and the limit of the controller's own alarm (DOMAIN §5). A frozen cabinet at −20 °C whose
/// compressor fails is at −15 °C after about ten minutes; its compressor starts about seven times an hour.
fn built_for(class: ColdClass) -> (ThermalSpec, f64) {
    match class {
        ColdClass::Frozen => {
            (ThermalSpec { setpoint_c: -21.0, differential_k: 1.3, shop_min: 73.0, goods_min: 30.0, pull_k_min: 0.88 }, -15.0)
        }
        ColdClass::Chilled => {
            (ThermalSpec { setpoint_c: 3.0, differential_k: 2.0, shop_min: 120.0, goods_min: 40.0, pull_k_min: 0.5 }, 8.0)
        }
        ColdClass::Fresh => (ThermalSpec { setpoint_c: 1.0, differential_k: 1.5, shop_min: 120.0, goods_min: 40.0, pull_k_min: 0.5 }, 4.0),
    }
}

/// A shop with air conditioning: 26.5 °C at night, 28.5 °C in the afternoon.
fn shop_c(now_ms: i64) -> f64 {
    27.5 - day::warmth_angle(now_ms).cos()
}

fn shop_open(now_ms: i64) -> bool {
    (7..22).contains(&day::hour(now_ms))
}
