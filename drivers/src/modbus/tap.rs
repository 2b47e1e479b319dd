//! Watching a bus while it is polled: every frame, both ways, for whoever listens. Costs nothing while nobody does.
//!
//! A watcher that is too slow misses the oldest frames and is told how many; the bus never waits for one.

use super::trace::{Dir, Wire};
use facility_config::limits::MODBUS_TRACE_LEN;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::broadcast;

/// Where the frames of one bus can be seen.
#[derive(Debug, Clone)]
pub struct Tap {
    to: broadcast::Sender<Arc<Wire>>,
    began: Instant,
}

impl Tap {
    /// A tap nobody listens at yet.
    #[must_use]
    pub fn new() -> Self {
        Self { to: broadcast::channel(MODBUS_TRACE_LEN).0, began: Instant::now() }
    }

    /// Everything from now on. Times count from the making of the tap.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Arc<Wire>> {
        self.to.subscribe()
    }

    /// Shows bytes to those who watch.
    pub(crate) fn send(&self, dir: Dir, bytes: &[u8]) {
        if self.to.receiver_count() > 0 && !bytes.is_empty() {
            let at_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
            // Nobody is left to see it: no harm.
            let _: Result<usize, _> = self.to.send(Arc::new(Wire { at_us, dir, bytes: bytes.to_vec() }));
        }
    }
}

impl Default for Tap {
    fn default() -> Self {
        Self::new()
    }
}
