//! A store with nothing sent of it yet, filled with ten values a message of fifty devices.
//!
//! Two loads: that of the comparison with others, smooth, in two lines a message; and the reference load of the store, in
//! five lines, with noise to the last bit of a float and times off their beat.

use facility_config::{DeviceIx, Point};
use facility_drivers::sim::workload::{POINTS, START_MS, Workload};
use facility_drivers::{Batch, Clock, Subject, Value};
use facility_gateway::store::{Append, Opened, Options, RealDisk, Sink, open};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Devices, each with ten points a minute.
pub(crate) const DEVICES: u16 = 50;
/// Messages handed over at once.
const PORTION: usize = 500;

/// A closed store.
#[derive(Debug)]
pub(crate) struct Backlog {
    dir: TempDir,
    pub(crate) points: u64,
    pub(crate) messages: u64,
}

impl Backlog {
    /// So many messages of the comparison with others.
    pub(crate) fn of_peers(messages: u64) -> Self {
        let mut nth = 0;
        let next = move || {
            nth += 1;
            (START_MS + nth, peers_batch(nth))
        };
        Self::filled(messages, next)
    }

    /// What the devices of the reference load say in so many seconds.
    pub(crate) fn of_seconds(seconds: u64) -> Self {
        let mut load = Workload::new(DEVICES, 3, START_MS);
        Self::filled(seconds * u64::from(DEVICES) / 60, move || (load.now_ms(), load.next_batch()))
    }

    fn filled(mut messages: u64, mut next: impl FnMut() -> (i64, Batch)) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = Clock::manual(START_MS);
        let Opened { store, thread, .. } =
            open(options(dir.path(), Workload::tags(DEVICES)), clock.clone(), RealDisk).expect("the store opens");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let backlog = Self { dir, points: messages * POINTS.len() as u64, messages };
        while messages > 0 {
            let some = messages.min(PORTION as u64);
            messages -= some;
            let mut batches = Vec::with_capacity(PORTION);
            for _ in 0..some {
                let (now_ms, batch) = next();
                clock.set(now_ms);
                batches.push(batch);
            }
            runtime.block_on(store.append(Append { batches, mark: None })).expect("the store runs");
        }
        runtime.block_on(store.close()).expect("the store runs");
        thread.join().expect("the store's thread ends well");
        backlog
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// The message of the load on a whole gateway (`tests/bench.sh`), decoded.
fn peers_batch(nth: i64) -> Batch {
    let wave = (nth / i64::from(DEVICES) % 600) as f64 / 100.0;
    let to = |value: f64, steps: f64| (value * steps).round() / steps;
    let values = [
        (Point::CabinetAir, to(-22.0 + wave, 10.0)),
        (Point::CabinetProduct, to(-20.0 + wave / 2.0, 10.0)),
        (Point::CabinetEvap, to(-28.0 + wave, 10.0)),
        (Point::CabinetCond, to(36.0 + wave, 10.0)),
        (Point::CabinetAmbient, to(26.0 + wave / 4.0, 10.0)),
        (Point::CabinetSetpoint, -20.0),
        (Point::EnergyVoltage, to(226.0 + wave, 10.0)),
        (Point::EnergyCurrent, to(2.1 + wave / 50.0, 100.0)),
        (Point::EnergyActive, to(470.0 + wave * 5.0, 10.0)),
        (Point::EnergyTotal, to(1374.5 + nth as f64 / 1e4, 100.0)),
    ];
    let mut batch = Batch::new(DeviceIx((nth % i64::from(DEVICES)) as u16), Subject::Telemetry, START_MS + nth);
    for (point, value) in values {
        batch.push(point, Value::Float(value));
    }
    batch
}

/// A store that is never full, with one reader.
pub(crate) fn options(dir: &Path, origins: Vec<String>) -> Options {
    Options {
        dir: dir.join("store"),
        name: crate::sender::STORE,
        commit_delay: Duration::from_millis(1),
        bytes_max: 64 << 30,
        free_bytes_min: 0,
        overflow: facility_config::Overflow::DropOldest,
        early_acks: 1,
        origins,
        sinks: vec![Sink::Forward],
        destinations: Vec::new(),
    }
}
