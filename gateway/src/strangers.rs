//! Devices that nobody declared, kept over restarts: a kiosk that speaks once a day is still listed when a technician comes.
//!
//! Holds what [`Stranger`] holds: names, times and shapes, never a value. A cache, as JSON, beside the stores: a file that is
//! missing or broken costs the list, nothing else. Written at most once a minute and only when it has changed, beside the
//! old one, then renamed. Bounded by [`STRANGERS_MAX`] for each broker and by [`FORGOTTEN_AFTER_MS`].

use facility_config::limits::STRANGERS_MAX;
use facility_config::{Site, Source};
use facility_drivers::Clock;
use facility_drivers::heard::{Heard, Stranger};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Name of the file in the store's folder.
pub const FILE: &str = "strangers.json";
/// A device that has not been heard for this long has gone, or was a mistake.
pub const FORGOTTEN_AFTER_MS: i64 = 30 * 24 * 3_600_000;
/// Shortest time between two writes of the file.
const WRITE_EVERY: Duration = Duration::from_secs(60);
/// Largest file that is read: [`STRANGERS_MAX`] for each of some brokers, with long topics and names.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// By name of the broker.
pub type Known = BTreeMap<String, Vec<Stranger>>;

/// Reads the file of a store folder; empty if there is none that can be read.
#[must_use]
pub fn read(store_dir: &Path) -> Known {
    let path = store_dir.join(FILE);
    let text = match read_bounded(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Known::new(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the list of unknown devices cannot be read; it begins anew");
            return Known::new();
        }
    };
    let mut known: Known = serde_json::from_slice(&text).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), line = error.line(), "the list of unknown devices is not understood; it begins anew");
        Known::new()
    });
    known.values_mut().for_each(|strangers| strangers.truncate(STRANGERS_MAX));
    known
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::Error::other("it is too large"));
    }
    std::fs::read(path)
}

/// What was known before this start and is still strange: brokers and devices that are declared by now are left out.
#[must_use]
pub fn still_strange(site: &Site, mut known: Known) -> Known {
    let declared: BTreeSet<(&str, &str)> = site
        .devices
        .iter()
        .filter_map(|device| match &device.source {
            Source::Mqtt { broker, topic_id } => Some((&*site.brokers.get(*broker)?.name, &**topic_id)),
            _ => None,
        })
        .collect();
    known.retain(|broker, strangers| {
        strangers.retain(|stranger| !declared.contains(&(broker.as_str(), &*stranger.id)));
        !strangers.is_empty() && site.brokers.iter().any(|one| *one.name == **broker)
    });
    known
}

/// What is known of one broker's strangers: from before this start, and heard since. By id.
#[must_use]
pub fn merged(before: &[Stranger], heard: &[Stranger], now_ms: i64) -> Vec<Stranger> {
    let mut all: BTreeMap<&str, Stranger> = before.iter().map(|stranger| (&*stranger.id, stranger.clone())).collect();
    for stranger in heard {
        let mut now = stranger.clone();
        if let Some(old) = all.get(&*stranger.id) {
            now.first_ms = now.first_ms.min(old.first_ms);
            now.messages = now.messages.saturating_add(old.messages);
        }
        all.insert(&stranger.id, now);
    }
    let mut all: Vec<Stranger> = all.into_values().filter(|one| now_ms.saturating_sub(one.last_ms) < FORGOTTEN_AFTER_MS).collect();
    if all.len() > STRANGERS_MAX {
        all.sort_by_key(|one| std::cmp::Reverse(one.last_ms));
        all.truncate(STRANGERS_MAX);
        all.sort_by(|one, other| one.id.cmp(&other.id));
    }
    all
}

/// Writes the file when the list has changed.
#[derive(Debug, Clone)]
pub struct Keeper {
    /// Whose brokers they are.
    pub site: Arc<Site>,
    /// What was known when the gateway started.
    pub before: Arc<Known>,
    /// What the brokers show, in the order of [`Site::brokers`].
    pub heard: Vec<watch::Receiver<Arc<Heard>>>,
    /// Tells who has gone for good.
    pub clock: Clock,
    /// Ends it, after a last look.
    pub stop: CancellationToken,
}

impl Keeper {
    /// Runs until told to stop.
    pub async fn run(self) {
        let mut every = tokio::time::interval(WRITE_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut written = (*self.before).clone();
        loop {
            let stopped = tokio::select! {
                _ = every.tick() => false,
                () = self.stop.cancelled() => true,
            };
            let known = self.known();
            if known != written {
                let dir = self.site.store.dir.clone();
                let text = serde_json::to_vec(&known).map_err(io::Error::from);
                // Aside: a disk that hangs must not hold up the data path.
                let done = tokio::task::spawn_blocking(move || write(&dir, &text?)).await;
                if let Ok(Err(error)) = done {
                    tracing::warn!(%error, "the list of unknown devices is not kept over a restart");
                }
                written = known;
            }
            if stopped {
                return;
            }
        }
    }

    fn known(&self) -> Known {
        let now_ms = self.clock.now_ms();
        let of = |(broker, heard): (&facility_config::site::Broker, &watch::Receiver<Arc<Heard>>)| {
            let before = self.before.get(&*broker.name).map_or(&[][..], Vec::as_slice);
            (broker.name.to_string(), merged(before, &heard.borrow().strangers, now_ms))
        };
        self.site.brokers.iter().zip(&self.heard).map(of).filter(|(_, strangers)| !strangers.is_empty()).collect()
    }
}

fn write(store_dir: &Path, text: &[u8]) -> io::Result<()> {
    let path = store_dir.join(FILE);
    let next = path.with_extension("json.next");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
    file.write_all(text)?;
    std::fs::rename(&next, &path)
}

#[cfg(test)]
mod tests;
