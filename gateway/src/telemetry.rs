//! The gateway's own counters. Created once in `App::build`, handed to whoever counts, rendered by the API.

use crate::completeness::Missing;
use facility_drivers::Fault;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// A number that only grows, shared between the thread that counts and the one that shows it.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The total.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A count per reason.
#[derive(Debug, Default)]
pub struct ByFault([Count; Fault::ALL.len()]);

impl ByFault {
    /// Counts one drop.
    pub fn add(&self, fault: Fault, n: u64) {
        self.0[fault as usize].add(n);
    }

    /// All reasons that happened.
    #[must_use]
    pub fn counted(&self) -> BTreeMap<&'static str, u64> {
        Fault::ALL.into_iter().map(|fault| (fault.label(), self.0[fault as usize].get())).filter(|(_, n)| *n > 0).collect()
    }

    /// Reasons that did not lose the reading: its time was corrected.
    #[must_use]
    pub fn corrected(&self) -> BTreeMap<&'static str, u64> {
        let kept = Fault::ALL.into_iter().filter(|fault| fault.keeps_reading());
        kept.map(|fault| (fault.label(), self.0[fault as usize].get())).filter(|(_, n)| *n > 0).collect()
    }

    /// Sum over the reasons that lose a reading (not those that only correct its time).
    #[must_use]
    pub fn lost(&self) -> u64 {
        Fault::ALL.into_iter().filter(|fault| !fault.keeps_reading()).map(|fault| self.0[fault as usize].get()).sum()
    }
}

/// What came in and what was not taken, since start.
#[derive(Debug, Default)]
pub struct Intake {
    /// MQTT messages and Modbus poll results.
    pub messages: Count,
    /// Messages refused as a whole, by reason.
    pub refused: ByFault,
    /// Messages taken: counted where their batch is handed on, not where they arrive, so that `messages` can be held
    /// against `accepted` and `refused`.
    pub accepted: Count,
    /// Values in all accepted messages, dropped ones included.
    pub readings: Count,
    /// Values dropped, by reason.
    pub dropped: ByFault,
    /// Values handed to the readings store.
    pub stored: Count,
    /// Metric and event points handed to the outbox.
    pub produced: Count,
}

/// What the forwarder of one destination did, since start.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Write requests sent.
    pub requests: Count,
    /// Requests that have to be repeated.
    pub retries: Count,
    /// Lines accepted by the destination.
    pub lines: Count,
    /// Points accepted by the destination.
    pub points: Count,
    /// Points refused for good.
    pub dead_lettered: Count,
    /// Bytes of request bodies, compressed.
    pub wire_bytes: Count,
    /// What it is at: a backlog, an order to send again, its budget.
    pub shown: watch::Sender<crate::forward::shown::Shown>,
}

/// Commands of operators, since start.
#[derive(Debug, Default)]
pub struct Operators {
    /// Done, and durable.
    pub done: Count,
    /// Refused.
    pub refused: Count,
}

/// Every counter of the process.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// Incoming side.
    pub intake: Intake,
    /// What people wanted.
    pub operator: Operators,
    /// What is missing, as the roll-up sees it.
    pub missing: watch::Sender<Arc<Shown>>,
}

/// The newest missing interval of every device, and what stays missing from its figures.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Log's time of it, Unix ms.
    pub log_ms: i64,
    /// By device.
    pub newest: Vec<Option<Missing>>,
    /// By device: closed days that stay without what came late for them.
    pub unrevised_days: Vec<u64>,
}
