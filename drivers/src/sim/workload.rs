//! The reference load of the store: what its figures are measured with.
//!
//! Two hundred devices report ten points a minute each, 33 points a second, 2.88 million a day. One message is ten
//! points of one device at one time; devices are spread evenly over the minute and ±200 ms off their beat. Pure and
//! seeded: the same seed says the same, whoever measures. Other sizes of the fleet keep everything but the pace.
//!
//! What is in a message, and how much of it nobody can foretell:
//!
//! | points | values | bits |
//! |---|---|---|
//! | 4 temperatures | one decimal, ±0.5 K a minute in steps of 0.1, within 5 K of their middle | 4 × 3.5 |
//! | voltage | a Modbus float32, 230 ± 8 V, noise to its last bit | 20 |
//! | 2 counters | +0 to +31; +55 to +60 | 5 + 2.6 |
//! | compressor, door | turn once in 50, in 100 minutes | 0.2 |
//! | mode | one of four words, another one once in 100 minutes | 0.1 |
//! | time | ±200 ms | 8.6 |
//!
//! That is 50.4 bits or 0.63 bytes a point, the bound of every lossless store.

use crate::{Batch, Subject, Value};
use facility_config::{DeviceIx, Point};
use fastrand::Rng;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Points of one message, in its order.
pub const POINTS: [Point; 10] = [
    Point::CabinetAir,
    Point::CabinetEvap,
    Point::CabinetCond,
    Point::CabinetAmbient,
    Point::EnergyVoltage,
    Point::VendingVends,
    Point::HealthPollsOk,
    Point::CabinetCompressor,
    Point::CabinetDoor,
    Point::CabinetMode,
];
/// Devices of the reference load.
pub const DEVICES: u16 = 200;
/// A device's message comes again after this, ms.
pub const ROUND_MS: i64 = 60_000;
/// A message is this far off its beat at most, ms.
pub const JITTER_MS: i64 = 200;
/// When the load begins: 2026-09-01T00:00:00+08:00.
pub const START_MS: i64 = 1_788_192_000_000;

/// Middle of each temperature, tenths of a degree.
const MIDDLES: [i32; 4] = [-220, -280, 360, 260];
const SPAN: i32 = 50;
const STEP: i32 = 5;
const MODES: [&str; 4] = ["cooling", "standby", "defrost", "fault"];

/// What one device would say next.
#[derive(Debug, Clone)]
struct State {
    tenths: [i32; MIDDLES.len()],
    vends: i64,
    polls: i64,
    compressor: bool,
    door: bool,
    mode: usize,
}

impl State {
    fn new(rng: &mut Rng) -> Self {
        Self {
            tenths: MIDDLES.map(|middle| middle + rng.i32(-SPAN..=SPAN)),
            vends: rng.i64(10_000..1_000_000),
            polls: rng.i64(10_000..1_000_000),
            compressor: rng.bool(),
            door: false,
            mode: 0,
        }
    }

    fn step(&mut self, rng: &mut Rng) {
        for (now, middle) in self.tenths.iter_mut().zip(MIDDLES) {
            *now = (*now + rng.i32(-STEP..=STEP)).clamp(middle - SPAN, middle + SPAN);
        }
        self.vends += rng.i64(0..32);
        self.polls += rng.i64(55..=60);
        self.compressor ^= rng.u8(0..50) == 0;
        self.door ^= rng.u8(0..100) == 0;
        if rng.u8(0..100) == 0 {
            self.mode = rng.usize(0..MODES.len());
        }
    }
}

/// An endless run of messages.
#[derive(Debug, Clone)]
pub struct Workload {
    rng: Rng,
    states: Vec<State>,
    modes: [Arc<str>; MODES.len()],
    start_ms: i64,
    said: u64,
}

impl Workload {
    /// A fleet of `devices` (at least one) that begins to report at `start_ms`, Unix ms.
    #[must_use]
    pub fn new(devices: u16, seed: u64, start_ms: i64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let states = (0..devices.max(1)).map(|_| State::new(&mut rng)).collect();
        Self { rng, states, modes: MODES.map(Arc::from), start_ms, said: 0 }
    }

    /// Tag set of each device, in line-protocol form.
    #[must_use]
    pub fn tags(devices: u16) -> Vec<String> {
        let tags = |device| format!("device_id=fz-{device:04},district=350102,gw_id=gw-junmen-01,kind=cabinet,site_id=gl-junmen");
        (0..devices.max(1)).map(tags).collect()
    }

    /// When the next message is due by the beat, Unix ms: a clock that follows the load.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let devices = self.states.len() as u64;
        let (round, device) = (self.said / devices, self.said % devices);
        self.start_ms + round as i64 * ROUND_MS + device as i64 * ROUND_MS / devices as i64
    }

    /// The next message.
    #[must_use]
    pub fn next_batch(&mut self) -> Batch {
        let at = (self.said % self.states.len() as u64) as usize;
        let at_ms = self.now_ms() + self.rng.i64(-JITTER_MS..=JITTER_MS);
        self.said += 1;
        let state = &mut self.states[at];
        state.step(&mut self.rng);
        let voltage = 222.0 + 16.0 * self.rng.f32();
        let mut batch = Batch::new(DeviceIx(at as u16), Subject::Telemetry, at_ms);
        batch.readings.reserve_exact(POINTS.len());
        for (point, tenths) in POINTS.into_iter().zip(state.tenths) {
            batch.push(point, Value::Float(f64::from(tenths) / 10.0));
        }
        let others = [
            Value::Float(f64::from(voltage)),
            Value::Int(state.vends),
            Value::Int(state.polls),
            Value::Bool(state.compressor),
            Value::Bool(state.door),
            Value::Text(self.modes[state.mode].clone()),
        ];
        for (point, value) in POINTS.into_iter().skip(MIDDLES.len()).zip(others) {
            batch.push(point, value);
        }
        batch
    }
}
