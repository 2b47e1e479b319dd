//! What was learned about devices on buses, kept over restarts: registers a device refuses, how much it answers at once.
//!
//! A cache, as JSON, beside the stores: a file that is missing or broken costs some refused questions, nothing else. What
//! belongs to another profile than the device has now is left out. Written whole, beside the old one, then renamed.

use facility_config::{DeviceIx, Site};
use facility_drivers::modbus::Notes;
use facility_drivers::plan::Learned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Name of the file in the store's folder.
pub const FILE: &str = "modbus-learned.json";

/// What is known of one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Profile it was learned with.
    pub profile: String,
    /// What was learned.
    pub learned: Learned,
}

/// By device id.
pub type Known = BTreeMap<String, Entry>;

/// Reads the file of a store folder; empty if there is none that can be read.
#[must_use]
pub fn read(store_dir: &Path) -> Known {
    let path = store_dir.join(FILE);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Known::new(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "what was learned about devices cannot be read; it is learned again");
            return Known::new();
        }
    };
    serde_json::from_slice(&text).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "what was learned about devices is not understood; it is learned again");
        Known::new()
    })
}

/// What is known of the devices of a site as it is declared now.
#[must_use]
pub fn notes(site: &Site, known: &Known) -> Notes {
    let of = |(ix, device): (DeviceIx, &facility_config::Device)| {
        let entry = known.get(&*device.id)?;
        (entry.profile == *device.profile.as_ref()?.id).then(|| (ix, entry.learned.clone()))
    };
    site.indexed().filter_map(of).collect()
}

/// Writes the file whenever a bus has learned something.
#[derive(Debug, Clone)]
pub struct Keeper {
    /// Whose devices they are.
    pub site: Arc<Site>,
    /// What the buses know, all together.
    pub notes: watch::Receiver<Notes>,
    /// Ends it.
    pub stop: CancellationToken,
}

impl Keeper {
    /// Runs until told to stop.
    pub async fn run(mut self) {
        let stop = self.stop.clone();
        stop.run_until_cancelled(async {
            while self.notes.changed().await.is_ok() {
                if let Err(error) = self.write() {
                    tracing::warn!(%error, "what was learned about devices is not kept; it is learned again after a restart");
                }
            }
            std::future::pending::<()>().await;
        })
        .await;
    }

    fn write(&self) -> io::Result<()> {
        let mut known = read(&self.site.store.dir);
        for (ix, learned) in self.notes.borrow().clone() {
            let Some((device, profile)) = self.site.device(ix).and_then(|device| Some((device, device.profile.as_ref()?))) else {
                continue;
            };
            known.insert(device.id.to_string(), Entry { profile: profile.id.to_string(), learned });
        }
        let path: PathBuf = self.site.store.dir.join(FILE);
        let next = path.with_extension("json.next");
        std::fs::write(&next, serde_json::to_vec_pretty(&known)?)?;
        std::fs::rename(&next, &path)
    }
}

#[cfg(test)]
mod tests;
