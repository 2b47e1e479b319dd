//! A store with nothing sent of it yet, filled with the reference load.

use facility_drivers::Clock;
use facility_drivers::sim::workload::{POINTS, START_MS, Workload};
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
    /// What the devices say in so many seconds.
    pub(crate) fn of_seconds(seconds: u64) -> Self {
        Self::of_points(seconds * u64::from(DEVICES) * POINTS.len() as u64 / 60)
    }

    /// So many points.
    pub(crate) fn of_points(points: u64) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = Clock::manual(START_MS);
        let Opened { store, thread, .. } =
            open(options(dir.path(), Workload::tags(DEVICES)), clock.clone(), RealDisk).expect("the store opens");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut load = Workload::new(DEVICES, 3, START_MS);
        let mut messages = points / POINTS.len() as u64;
        let backlog = Self { dir, points: messages * POINTS.len() as u64, messages };
        while messages > 0 {
            let some = messages.min(PORTION as u64);
            messages -= some;
            let batches = (0..some).map(|_| load.next_batch()).collect();
            clock.set(load.now_ms());
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

/// A store that is never full, with one reader.
pub(crate) fn options(dir: &Path, origins: Vec<String>) -> Options {
    Options {
        dir: dir.join("store"),
        name: crate::sender::STORE,
        commit_delay: Duration::from_millis(20),
        bytes_max: 64 << 30,
        free_bytes_min: 0,
        overflow: facility_config::Overflow::DropOldest,
        early_acks: 1,
        origins,
        sinks: vec![Sink::Forward],
        destinations: Vec::new(),
    }
}
