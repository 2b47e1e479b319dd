//! What brokers showed besides readings, as it is shown: devices that nobody declared, and places whose values are dropped.
//! Pure. Bounded by what a broker's task keeps; never a value.

use super::reason;
use facility_config::Site;
use facility_drivers::Fault;
use facility_drivers::heard::{DroppedPlace, Stranger};
use serde::{Deserialize, Serialize};

/// A device that is not declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrangerInfo {
    /// Broker it speaks on.
    pub broker: String,
    /// Who.
    #[serde(flatten)]
    pub stranger: Stranger,
    /// Command that declares it.
    pub adopt: String,
}

/// A place in the payloads of a device whose values are dropped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DroppedInfo {
    /// `device_id`.
    pub device: String,
    /// Broker it speaks on.
    pub broker: String,
    /// Pointer; empty for the message as a whole.
    pub place: String,
    /// Why.
    #[serde(serialize_with = "label")]
    pub reason: Fault,
    /// The same in words.
    pub en: &'static str,
    /// The same in Chinese.
    pub zh: &'static str,
    /// Values since start.
    pub count: u64,
    /// Unix ms.
    pub first_ms: i64,
    /// Unix ms.
    pub last_ms: i64,
}

impl StrangerInfo {
    /// A stranger on a broker.
    #[must_use]
    pub fn new(broker: &str, stranger: Stranger) -> Self {
        let adopt = format!("facility-gateway mqtt adopt {}", quoted(&stranger.id));
        Self { broker: broker.to_owned(), stranger, adopt }
    }
}

impl DroppedInfo {
    /// A place with the name of its device; nothing for one that is not declared.
    #[must_use]
    pub fn new(site: &Site, broker: &str, place: &DroppedPlace) -> Option<Self> {
        let (en, zh) = reason::words(place.fault);
        Some(Self {
            device: site.device(place.device)?.id.to_string(),
            broker: broker.to_owned(),
            place: place.place.to_string(),
            reason: place.fault,
            en,
            zh,
            count: place.count,
            first_ms: place.first_ms,
            last_ms: place.last_ms,
        })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference.
fn label<S: serde::Serializer>(fault: &Fault, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(fault.label())
}

/// A word of a command line: a stranger chooses its own name, and this one is copied into a shell.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b':');
    if !word.is_empty() && !word.starts_with('-') && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("-- '{}'", word.replace('\'', "'\\''"))
}
