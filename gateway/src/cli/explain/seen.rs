//! The part of a status snapshot that an explanation needs, as the running gateway sends it. Pure.
//!
//! What is not there takes its default: the gateway that answers may be of another version.

use crate::status::StrangerInfo;
use serde::Deserialize;

/// A snapshot, and the newest windows of the device.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    pub(super) gateway: Gateway,
    pub(super) forward: Vec<Forward>,
    pub(super) stores: Vec<Store>,
    pub(super) links: Vec<Link>,
    pub(super) devices: Vec<Heard>,
    pub(super) alarms: Vec<Alarm>,
    pub(super) strangers: Vec<StrangerInfo>,
    pub(super) dropped: Vec<Dropped>,
    pub(super) letters: Letters,
    pub(super) conditions: Vec<Condition>,
    /// Start, Unix ms, and coverage of the device's windows of late, asked of the gateway's history; `None` if it does
    /// not say.
    #[serde(skip)]
    pub(super) windows: Option<Vec<(i64, f64)>>,
}

/// Who answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Gateway {
    pub(super) started_ms: i64,
    pub(super) now_ms: i64,
    pub(super) uptime_s: u64,
    pub(super) clock_set: bool,
}

/// The sending side.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Forward {
    pub(super) points: u64,
    pub(super) dead_lettered: u64,
}

/// A log on flash.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Store {
    pub(super) name: String,
    pub(super) backlog: u64,
    pub(super) evicted_since_start: u64,
    pub(super) thinned_since_start: u64,
    pub(super) no_disk_since_start: u64,
    pub(super) full: bool,
    pub(super) fault: Option<String>,
}

/// A connection.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Link {
    /// `broker`, `bus` or `database`.
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) address: String,
    /// `up`, `connecting`, `denied` or `stopped`.
    pub(super) state: String,
    pub(super) since_ms: i64,
    pub(super) error: Option<String>,
}

/// A device.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Heard {
    pub(super) id: String,
    pub(super) link_kind: Option<String>,
    pub(super) link: Option<String>,
    pub(super) interval_s: f64,
    pub(super) online: bool,
    pub(super) waiting: bool,
    pub(super) last_seen_ms: Option<i64>,
    pub(super) lost_messages: u64,
    pub(super) missing: Option<Missing>,
    #[serde(default)]
    pub(super) unrevised_days: u64,
    pub(super) values: Vec<Shown>,
}

/// The newest interval without data.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Missing {
    pub(super) from_ms: i64,
    /// None while it lasts.
    pub(super) to_ms: Option<i64>,
    pub(super) en: String,
    pub(super) zh: String,
}

/// A newest value.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) part: String,
    /// `good`, or why there is no value.
    pub(super) quality: String,
}

/// An alarm.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Alarm {
    pub(super) device: String,
    pub(super) rule: String,
    pub(super) en: String,
    pub(super) zh: String,
    pub(super) raised: bool,
    pub(super) since_ms: i64,
    /// Why it is kept quiet, if it is.
    pub(super) held: Option<String>,
}

/// A place whose values are dropped; empty for whole messages.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Dropped {
    pub(super) device: String,
    pub(super) place: String,
    pub(super) reason: String,
    pub(super) en: String,
    pub(super) zh: String,
    pub(super) count: u64,
    pub(super) last_ms: i64,
}

/// Messages that could not be decoded, of all devices.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Letters {
    pub(super) kept: u64,
}

/// What the gateway itself says is wrong.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    pub(super) code: String,
    pub(super) subject: String,
    pub(super) en: String,
    pub(super) zh: String,
}

impl Seen {
    /// The device, if the gateway knows it.
    pub(super) fn device(&self, id: &str) -> Option<&Heard> {
        self.devices.iter().find(|device| device.id == id)
    }

    /// The link a device hangs on.
    pub(super) fn link_of(&self, device: &Heard) -> Option<&Link> {
        let of = |link: &&Link| Some(&link.kind) == device.link_kind.as_ref() && Some(&link.name) == device.link.as_ref();
        self.links.iter().find(of)
    }

    /// One of the two logs.
    pub(super) fn store(&self, name: &str) -> Option<&Store> {
        self.stores.iter().find(|store| store.name == name)
    }

    /// What the gateway says of a subject under one of these codes, in both languages.
    pub(super) fn says(&self, subject: &str, codes: &[crate::health::Code]) -> Option<(String, String)> {
        let known = |code: &str| codes.iter().any(|wanted| wanted.as_str() == code);
        let said = self.conditions.iter().find(|condition| condition.subject == subject && known(&condition.code))?;
        Some((said.en.clone(), said.zh.clone()))
    }

    /// Seconds from a moment until the snapshot.
    pub(super) fn ago_s(&self, at_ms: i64) -> u64 {
        u64::try_from(self.gateway.now_ms.saturating_sub(at_ms) / 1000).unwrap_or(0)
    }
}
