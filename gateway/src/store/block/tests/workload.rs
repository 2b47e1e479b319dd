//! The workload the store is measured with (devices of ten metrics, one message a minute each).

use super::*;
use std::sync::Arc;

const PERIOD_MS: i64 = 60_000;

struct Device {
    tenths: [i64; 4],
    volts: f64,
    counts: [i64; 2],
    bools: [bool; 2],
    state: usize,
}

impl Device {
    fn new(rng: &mut fastrand::Rng) -> Self {
        Self {
            tenths: [rng.i64(0..100), rng.i64(-200..-150), rng.i64(200..300), rng.i64(500..700)],
            volts: 228.0 + rng.f64() * 4.0,
            counts: [rng.i64(0..100_000), rng.i64(0..10_000_000)],
            bools: [rng.bool(), rng.bool()],
            state: 0,
        }
    }

    /// Four random walks with one decimal, one 32-bit float of noise, two counters, two bools and a state that rarely
    /// change.
    fn say(&mut self, rng: &mut fastrand::Rng, states: &[Arc<str>]) -> [Value; 10] {
        self.tenths.iter_mut().for_each(|tenth| *tenth += rng.i64(-3..=3));
        self.counts[0] += rng.i64(0..4);
        self.counts[1] += rng.i64(0..=20);
        self.bools.iter_mut().for_each(|on| *on ^= rng.u8(..100) == 0);
        if rng.u8(..100) == 0 {
            self.state = rng.usize(..states.len());
        }
        let [a, b, c, d] = self.tenths.map(|tenth| Value::Float(tenth as f64 / 10.0));
        let volts = Value::Float(f64::from((self.volts + 5.0 * (rng.f64() - 0.5)) as f32));
        let [vends, pulses] = self.counts.map(Value::Int);
        let [door, light] = self.bools.map(Value::Bool);
        [a, b, c, d, volts, vends, pulses, door, light, Value::Text(states[self.state].clone())]
    }
}

/// Points as they come in from so many devices, every one at its own time in the minute, 200 ms early or late.
pub(super) fn points(devices: usize, points: usize, points_per_commit: usize) -> Vec<Record> {
    let mut rng = fastrand::Rng::with_seed(2);
    let states = ["in_service", "out_of_service", "defrost", "door_open"].map(Arc::from);
    let mut all: Vec<Device> = (0..devices).map(|_| Device::new(&mut rng)).collect();
    let mut records = Vec::with_capacity(points + 10);
    let mut minute_ms = NOW_MS;
    while records.len() < points {
        let mut times: Vec<(i64, usize)> =
            (0..devices).map(|device| (minute_ms + device as i64 * PERIOD_MS / devices as i64 + rng.i64(-200..=200), device)).collect();
        times.sort_unstable();
        for (at_ms, device) in times {
            for (metric, value) in (0..).zip(all[device].say(&mut rng, &states)) {
                let commit = records.len() / points_per_commit;
                let log_ms = NOW_MS + (commit + 1) as i64 * points_per_commit as i64 * PERIOD_MS / (devices as i64 * 10);
                records.push(Record { origin: device as u32, metric, at_ms, log_ms, flags: 0, value });
            }
        }
        minute_ms += PERIOD_MS;
    }
    records.truncate(points);
    records
}
