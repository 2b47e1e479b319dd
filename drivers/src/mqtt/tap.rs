//! Watching a broker's messages while they are decoded, for whoever listens. Costs nothing while nobody does.
//!
//! A watcher that is too slow misses the oldest messages and is told how many; nothing waits for one.

use crate::decode::message::Explained;
use facility_config::limits::MQTT_TAIL_LEN;
use std::sync::Arc;
use tokio::sync::broadcast;

/// One message, as it is shown.
#[derive(Debug)]
pub struct Told {
    /// Time of receipt, Unix ms.
    pub at_ms: i64,
    /// Topic; levels that may be personal are hashes.
    pub topic: Box<str>,
    /// Size as it came, bytes.
    pub bytes: usize,
    /// Quality of service it came with.
    pub qos: u8,
    /// Whether the broker had kept it.
    pub retained: bool,
    /// What becomes of it.
    pub explained: Explained,
}

/// Where the messages of one broker can be seen.
#[derive(Debug, Clone)]
pub struct Tap(broadcast::Sender<Arc<Told>>);

impl Tap {
    /// A tap nobody listens at yet.
    #[must_use]
    pub fn new() -> Self {
        Self(broadcast::channel(MQTT_TAIL_LEN).0)
    }

    /// Everything from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Arc<Told>> {
        self.0.subscribe()
    }

    /// Whether anybody does.
    pub(crate) fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    pub(crate) fn send(&self, told: Told) {
        // Nobody is left to see it: no harm.
        let _: Result<usize, _> = self.0.send(Arc::new(told));
    }
}

impl Default for Tap {
    fn default() -> Self {
        Self::new()
    }
}
