//! What one cabinet's hour comes to (DOMAIN §4): temperatures weighted by time, time above the limit with and without
//! defrosts, door, and how much of the hour was seen at all.
//!
//! A value stands until the next one or for three intervals; "no value" ends it, and so does one no probe can have. Nothing is interpolated and nothing is
//! carried across a gap; what was not observed is absent, never 0. Two hours are open at most.

use crate::aggregate::save::saved;
use crate::aggregate::{Defrost, Held, flag, mode_is_defrost, probe_c};
use facility_config::Point;
use facility_drivers::Value;

/// Length of a record, ms.
pub const HOUR_MS: i64 = 3_600_000;
/// Heat of activation over the gas constant, K: the usual 83.144 kJ/mol (DOMAIN §4, MKT).
const MKT_K: f64 = 10_000.0;
/// 0 °C in K.
const ZERO_C_K: f64 = 273.15;

/// What the configuration says about one device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// How long a value stands without a successor, ms.
    pub(super) hold_ms: i64,
    /// Upper air-temperature limit of its class, °C.
    pub(super) limit_c: f64,
}

/// Figures of one hour of one device.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Time with a valid air temperature, ms.
    pub observed_ms: i64,
    /// Air temperature; absent if none was seen.
    pub air: Option<Air>,
    /// Time above the limit outside of defrosts, ms; absent if nothing was seen outside of them.
    pub above_adjusted_ms: Option<i64>,
    /// Lowest and highest product temperature, °C.
    pub product_c: Option<[f64; 2]>,
    /// Time with the door open, ms, and how often it was opened; absent if the door was not seen.
    pub door: Option<(i64, i64)>,
    /// Time in defrost, ms; absent if nobody said whether there was one.
    pub defrost_ms: Option<i64>,
    /// Air temperatures that were read.
    pub samples: i64,
    /// Alarms raised and cleared.
    pub alarms: [i64; 2],
}

/// Air temperature of an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Air {
    /// Lowest, °C.
    pub min_c: f64,
    /// Mean over the observed time, °C.
    pub mean_c: f64,
    /// Highest, °C.
    pub max_c: f64,
    /// Mean kinetic temperature, °C.
    pub mkt_c: f64,
    /// Time above the limit, ms.
    pub above_ms: i64,
    /// ∫(T − limit) dt above the limit, °C·min.
    pub degree_min: f64,
}

/// How much of an hour was seen, 0 to 1.
#[must_use]
pub fn coverage(observed_ms: i64) -> f64 {
    observed_ms as f64 / HOUR_MS as f64
}

/// Word for a coverage: what is below 0.80 says little, below 0.95 it is uncertain (DOMAIN §4, policy values).
#[must_use]
pub fn quality(coverage: f64) -> &'static str {
    match coverage {
        seen if seen >= 0.95 => "good",
        seen if seen >= 0.80 => "uncertain",
        _ => "insufficient",
    }
}

/// Mean kinetic temperature in °C of temperatures with their weights; `None` without any weight.
#[must_use]
pub fn mkt_c(weighted: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weight) =
        weighted.into_iter().fold((0.0, 0.0), |(sum, all), (air_c, weight)| (sum + weight * arrhenius(air_c), all + weight));
    (weight > 0.0).then(|| mkt_of(sum, weight))
}

fn arrhenius(air_c: f64) -> f64 {
    (-MKT_K / (air_c + ZERO_C_K)).exp()
}

fn mkt_of(sum: f64, weight: f64) -> f64 {
    MKT_K / -(sum / weight).ln() - ZERO_C_K
}

/// Everything that is known about one device.
#[derive(Debug, Default)]
pub(super) struct State {
    clock_ms: i64,
    air: Held<f64>,
    product: Held<f64>,
    door: Held<bool>,
    defrosting: Held<bool>,
    has_flag: bool,
    defrost: Defrost,
    slots: [Slot; 2],
}

#[derive(Debug, Default)]
struct Slot {
    observed_ms: i64,
    /// ∫T dt, °C·ms, and ∫e^(−10000/T) dt.
    sum: f64,
    kinetic: f64,
    min_c: Option<f64>,
    max_c: Option<f64>,
    above_ms: i64,
    /// ∫(T − limit) dt above the limit, °C·ms.
    excess: f64,
    adj_observed_ms: i64,
    adj_above_ms: i64,
    product_min_c: Option<f64>,
    product_max_c: Option<f64>,
    door_observed_ms: i64,
    door_open_ms: i64,
    openings: i64,
    defrost_observed_ms: i64,
    defrost_ms: i64,
    samples: i64,
    raised: i64,
    cleared: i64,
}

saved!(Slot {
    observed_ms,
    sum,
    kinetic,
    min_c,
    max_c,
    above_ms,
    excess,
    adj_observed_ms,
    adj_above_ms,
    product_min_c,
    product_max_c,
    door_observed_ms,
    door_open_ms,
    openings,
    defrost_observed_ms,
    defrost_ms,
    samples,
    raised,
    cleared,
});
saved!(State { clock_ms, air, product, door, defrosting, has_flag, defrost, slots });

/// Whether a point is of any use here.
pub(super) fn is_followed(point: Point) -> bool {
    matches!(
        point,
        Point::CabinetAir
            | Point::VendingAir
            | Point::CabinetProduct
            | Point::CabinetDoor
            | Point::CabinetDefrost
            | Point::CabinetMode
            | Point::AlarmState
    )
}

impl State {
    /// Takes a value while the hour that begins at `open_ms` is the oldest open one. False if it comes too late to be used
    /// as it should: its hour is closed, or a newer value of its point is known.
    pub(super) fn observe(&mut self, point: Point, at_ms: i64, value: &Value, open_ms: i64, terms: Terms) -> bool {
        let slot = usize::from(at_ms >= open_ms + HOUR_MS);
        if point == Point::AlarmState {
            self.slots[slot].raised += i64::from(is_word(value, "raised"));
            self.slots[slot].cleared += i64::from(is_word(value, "cleared"));
            return true;
        }
        self.advance(at_ms, open_ms, terms);
        let is_open = at_ms >= open_ms;
        let hold_ms = terms.hold_ms;
        let taken = match point {
            Point::CabinetAir | Point::VendingAir => {
                let air_c = probe_c(value);
                self.slots[slot].samples += i64::from(is_open && air_c.is_some());
                self.air.set(at_ms, hold_ms, air_c)
            }
            Point::CabinetProduct => self.product.set(at_ms, hold_ms, probe_c(value)),
            Point::CabinetDefrost => {
                self.has_flag = true;
                self.defrosting.set(at_ms, hold_ms, flag(value));
                self.defrost.flag(at_ms, hold_ms, flag(value))
            }
            Point::CabinetMode => {
                if !self.has_flag {
                    self.defrosting.set(at_ms, hold_ms, mode_is_defrost(value));
                }
                self.defrost.mode(at_ms, hold_ms, mode_is_defrost(value))
            }
            Point::CabinetDoor => {
                let before = self.door.before(at_ms);
                let taken = self.door.set(at_ms, hold_ms, flag(value));
                self.slots[slot].openings += i64::from(is_open && taken && before == Some(false) && flag(value) == Some(true));
                taken
            }
            _ => true,
        };
        taken && is_open
    }

    /// Figures of the oldest open hour; the next one takes its place.
    pub(super) fn close(&mut self, open_ms: i64, terms: Terms) -> Figures {
        self.advance(open_ms + HOUR_MS, open_ms, terms);
        let [oldest, next] = &mut self.slots;
        std::mem::replace(oldest, std::mem::take(next)).figures()
    }

    /// Adds up until `to_ms`, in steps inside which nothing changes.
    fn advance(&mut self, to_ms: i64, open_ms: i64, terms: Terms) {
        let Self { clock_ms, air, product, door, defrosting, defrost, slots, .. } = self;
        let forgiven_ms = defrost.forgiven_until_ms();
        let edges = [open_ms + HOUR_MS, air.until_ms(), product.until_ms(), door.until_ms(), defrosting.until_ms(), forgiven_ms];
        *clock_ms = (*clock_ms).max(open_ms);
        while *clock_ms < to_ms {
            let from_ms = *clock_ms;
            let end_ms = edges.into_iter().filter(|edge_ms| *edge_ms > from_ms).fold(to_ms, i64::min);
            let (slot, step_ms) = (&mut slots[usize::from(from_ms >= open_ms + HOUR_MS)], end_ms - from_ms);
            if let Some(air_c) = air.at(from_ms) {
                slot.add_air(air_c, step_ms, terms.limit_c, from_ms < forgiven_ms);
            }
            if let Some(product_c) = product.at(from_ms) {
                widen(&mut slot.product_min_c, &mut slot.product_max_c, product_c);
            }
            if let Some(open) = door.at(from_ms) {
                slot.door_observed_ms += step_ms;
                slot.door_open_ms += if open { step_ms } else { 0 };
            }
            if let Some(on) = defrosting.at(from_ms) {
                slot.defrost_observed_ms += step_ms;
                slot.defrost_ms += if on { step_ms } else { 0 };
            }
            *clock_ms = end_ms;
        }
    }
}

impl Slot {
    fn add_air(&mut self, air_c: f64, step_ms: i64, limit_c: f64, is_forgiven: bool) {
        let (weight, is_above) = (step_ms as f64, air_c > limit_c);
        self.observed_ms += step_ms;
        self.sum += air_c * weight;
        self.kinetic += arrhenius(air_c) * weight;
        widen(&mut self.min_c, &mut self.max_c, air_c);
        if is_above {
            self.above_ms += step_ms;
            self.excess += (air_c - limit_c) * weight;
        }
        if !is_forgiven {
            self.adj_observed_ms += step_ms;
            self.adj_above_ms += if is_above { step_ms } else { 0 };
        }
    }

    fn figures(self) -> Figures {
        let observed = self.observed_ms as f64;
        let air = self.min_c.zip(self.max_c).map(|(min_c, max_c)| Air {
            min_c,
            mean_c: self.sum / observed,
            max_c,
            mkt_c: mkt_of(self.kinetic, observed),
            above_ms: self.above_ms,
            degree_min: self.excess / 60_000.0,
        });
        Figures {
            observed_ms: self.observed_ms,
            air,
            above_adjusted_ms: (self.adj_observed_ms > 0).then_some(self.adj_above_ms),
            product_c: self.product_min_c.zip(self.product_max_c).map(|(min_c, max_c)| [min_c, max_c]),
            door: (self.door_observed_ms > 0).then_some((self.door_open_ms, self.openings)),
            defrost_ms: (self.defrost_observed_ms > 0).then_some(self.defrost_ms),
            samples: self.samples,
            alarms: [self.raised, self.cleared],
        }
    }
}

fn widen(min: &mut Option<f64>, max: &mut Option<f64>, value: f64) {
    *min = Some(min.map_or(value, |min| min.min(value)));
    *max = Some(max.map_or(value, |max| max.max(value)));
}

fn is_word(value: &Value, word: &str) -> bool {
    matches!(value, Value::Text(text) if &**text == word)
}
