//! Listens to one MQTT broker: every message becomes one [`Batch`], acknowledged when its readings are durable.
//!
//! Toward devices it never publishes (`uplink.rs` and `permission.rs` publish to platforms, and to nobody else), never gives up: it ends only when it is told to stop. One task owns the client: it alone polls,
//! decodes and acknowledges, so a connection's generation is a plain number and acknowledgements keep the order of
//! receipt. Bounded by the batch queue on one side, by the acknowledgement queue on the other, and by the packet limit.
//!
//! `places.rs` says which address is next, `dial.rs` and `certificates.rs` how it is called, `line.rs` is one connection, `ears.rs`
//! listens on it, `again.rs` knows what comes twice, `intake.rs` takes what is heard. Nothing but what `Ears` holds outlives a connection.

mod again;
mod certificates;
mod dial;
mod ears;
mod files;
mod intake;
mod line;
mod permission;
mod places;
mod subscriptions;
mod tap;
mod trouble;
mod uplink;

#[cfg(test)]
mod tests;

use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::decode::message::topic;
use crate::heard::{Heard, Letter};
use crate::link::{Link, LinkState};
use crate::reading::Batch;
use ears::{Ears, End};
use facility_config::Site;
use facility_config::limits::BACKOFF_MS_MAX;
use facility_config::site::Broker;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use tap::{Tap, Told};
pub use uplink::{Message, Unsent, Uplink};

/// What the devices of a site need to be subscribed to at one of its brokers.
#[must_use]
pub fn filters(site: &Site, broker: usize) -> Vec<String> {
    topic::filters(site, broker).into_iter().map(|wanted| wanted.filter).collect()
}

/// First ceiling of the wait between two connections.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// Everything one broker's task needs. [`run`](Self::run) it once; its supervisor makes a new one.
#[derive(Debug)]
pub struct BrokerTask {
    /// Where and how to connect.
    pub broker: Broker,
    /// Its index in [`Site::brokers`].
    pub index: usize,
    /// Filters that its session may hold from an earlier configuration and that are given back.
    pub former: Vec<String>,
    /// The devices that speak through it.
    pub site: Arc<Site>,
    /// Decoded messages, in order of receipt.
    pub out: mpsc::Sender<Batch>,
    /// What the status page shows.
    pub link: watch::Sender<Link>,
    /// What the messages show besides readings, renewed about once a second.
    pub heard: watch::Sender<Arc<Heard>>,
    /// Messages that could not be decoded. When it is full, more of them are only counted.
    pub letters: mpsc::Sender<Letter>,
    /// Shows every message to whoever watches.
    pub tap: Tap,
    /// Stamps receipt.
    pub clock: Clock,
    /// Ends the task.
    pub stop: CancellationToken,
    /// Of the waits between connections.
    pub seed: u64,
}

impl BrokerTask {
    /// Connects, listens and reconnects until it is told to stop.
    pub async fn run(self) {
        let stop = self.stop.clone();
        let link = self.link.clone();
        let clock = self.clock.clone();
        let mut backoff = Backoff::new(BACKOFF_FIRST, Duration::from_millis(BACKOFF_MS_MAX), self.seed);
        let mut ears = Ears::new(self);
        while !stop.is_cancelled() {
            let trouble = match ears.connection(&mut backoff).await {
                End::Stopped => break,
                End::Again(_) => continue,
                End::Lost(trouble) => trouble,
            };
            let wait = backoff.next_wait();
            ears.lost(trouble, wait, backoff.attempts());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => break,
            }
        }
        link.send_modify(|link| {
            set_state(link, LinkState::Stopped, &clock);
            link.via = None;
        });
    }
}

fn set_state(link: &mut Link, state: LinkState, clock: &Clock) {
    if link.state != state {
        link.state = state;
        link.since_ms = clock.now_ms();
    }
}
