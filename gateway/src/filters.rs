//! Filters that a broker's session may still hold from an earlier configuration: kept over restarts, so that they are given
//! back. MQTT has no way to ask a broker for them.
//!
//! A cache, as JSON, beside the stores: a file that is missing or broken costs messages that nobody reads, nothing else.
//! Written before anything is subscribed to. Never more than [`FORMER_FILTERS_MAX`] for a broker, the newest; a broker that
//! is no longer declared is forgotten.

use facility_config::Site;
use facility_config::limits::{FORMER_FILTERS_BYTES_MAX, FORMER_FILTERS_MAX};
use facility_drivers::mqtt::filters;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

/// Name of the file in the store's folder.
const FILE: &str = "mqtt-filters.json";

/// By the broker's name, the newest last.
type Known = BTreeMap<String, Vec<String>>;

/// What to give back at each broker of a site, and notes what it will subscribe to now.
#[must_use]
pub fn renew(site: &Site) -> Vec<Vec<String>> {
    let path = site.store.dir.join(FILE);
    let before = read(&path).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "earlier subscriptions are not known; those that stand bring messages nobody reads");
        Known::new()
    });
    let (mut now, mut former) = (Known::new(), Vec::new());
    for (index, broker) in site.brokers.iter().enumerate() {
        let wanted: Vec<String> = filters(site, index);
        let mut old = before.get(&*broker.name).cloned().unwrap_or_default();
        old.retain(|filter| !wanted.contains(filter));
        old.drain(..old.len().saturating_sub(FORMER_FILTERS_MAX));
        former.push(old.clone());
        old.extend(wanted);
        now.insert(broker.name.to_string(), old);
    }
    if now != before
        && let Err(error) = write(&path, &now)
    {
        tracing::warn!(path = %path.display(), %error, "subscriptions are not noted; they stay at the broker when the configuration changes");
    }
    former
}

fn read(path: &Path) -> io::Result<Known> {
    let mut text = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file.take(FORMER_FILTERS_BYTES_MAX).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Known::new()),
        Err(error) => return Err(error),
    };
    Ok(serde_json::from_slice(&text)?)
}

fn write(path: &Path, known: &Known) -> io::Result<()> {
    let next = path.with_extension("json.next");
    std::fs::write(&next, serde_json::to_vec_pretty(known)?)?;
    std::fs::rename(&next, path)
}

#[cfg(test)]
mod tests;
