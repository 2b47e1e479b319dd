//! Mean kinetic temperature: the steady temperature that would have done the same harm (DOMAIN §4). For information: the
//! limits of food are not written in it.

use super::save::saved;

/// Activation energy over the gas constant, K (83.144 kJ/mol, as pharmacopoeias take it).
const ENERGY_K: f64 = 10_000.0;
const ZERO_C_K: f64 = 273.15;
/// -40 °C.
const REFERENCE_K: f64 = 233.15;

/// Rate of decay at a temperature, and the last one that was asked for: an air temperature is asked for at every step and
/// changes at few.
#[derive(Debug)]
pub(super) struct Kinetic {
    air_c: f64,
    rate: f64,
}

saved!(Kinetic { air_c, rate });

impl Default for Kinetic {
    fn default() -> Self {
        Self { air_c: REFERENCE_K - ZERO_C_K, rate: 1.0 }
    }
}

impl Kinetic {
    /// Rate at a temperature, as a multiple of that at -40 °C: above 1 wherever food is kept, so that sums in millionths are
    /// exact enough. Nothing is colder than absolute zero.
    #[expect(clippy::float_cmp, reason = "the very value that was asked for before")]
    pub(super) fn of(&mut self, air_c: f64) -> f64 {
        if air_c != self.air_c {
            let kelvin = (air_c + ZERO_C_K).max(1.0);
            *self = Self { air_c, rate: (ENERGY_K / REFERENCE_K - ENERGY_K / kelvin).exp() };
        }
        self.rate
    }

    /// The temperature at which the rate would have been the mean of the rates, °C.
    pub(super) fn mean_c(rate: f64) -> f64 {
        ENERGY_K / (ENERGY_K / REFERENCE_K - rate.ln()) - ZERO_C_K
    }
}
