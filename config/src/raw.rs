//! The configuration as serde sees it, after the layers are merged: a mirror of [`keys`](crate::keys), no logic.
//!
//! Everything that has a default is filled in before; what is left optional here may really be absent.

use crate::device::ColdClass;
use crate::place::CircleType;
use crate::site::{Overflow, Parity, Retained};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
pub(crate) struct Raw {
    pub(crate) gateway: Gateway,
    pub(crate) store: Store,
    pub(crate) metrics: Metrics,
    pub(crate) coldchain: ColdChain,
    pub(crate) mqtt: BTreeMap<String, Mqtt>,
    pub(crate) bus: BTreeMap<String, Bus>,
    pub(crate) device: BTreeMap<String, Device>,
    pub(crate) alarm: Alarm,
    pub(crate) forward: BTreeMap<String, Forward>,
    pub(crate) api: Api,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Gateway {
    pub(crate) id: Option<String>,
    pub(crate) site: Option<String>,
    pub(crate) district: Option<String>,
    pub(crate) community: Option<String>,
    pub(crate) circle_type: Option<CircleType>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Store {
    pub(crate) dir: String,
    pub(crate) commit_delay_ms: u64,
    pub(crate) readings_bytes_max: u64,
    pub(crate) outbox_bytes_max: u64,
    pub(crate) overflow: Overflow,
    pub(crate) free_bytes_min: u64,
    pub(crate) card_cycles: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Metrics {
    pub(crate) window_s: u64,
    pub(crate) minutes: bool,
    pub(crate) zone: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ColdChain {
    pub(crate) keep_months: u16,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Mqtt {
    pub(crate) url: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password_file: Option<String>,
    pub(crate) ca_file: Option<String>,
    pub(crate) cert_file: Option<String>,
    pub(crate) key_file: Option<String>,
    pub(crate) crl_file: Option<String>,
    pub(crate) keep_alive_s: u64,
    pub(crate) window: u16,
    pub(crate) retained: Retained,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TransportKind {
    Tcp,
    RtuOverTcp,
    AsciiOverTcp,
    Rtu,
    Ascii,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DoorBit {
    Set,
    Clear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StampClock {
    Own,
    Gateway,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Bus {
    pub(crate) transport: Option<TransportKind>,
    pub(crate) address: Option<String>,
    pub(crate) backup: Option<String>,
    pub(crate) listen: Option<String>,
    pub(crate) registration: Option<String>,
    pub(crate) heartbeat: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) baud: Option<u32>,
    pub(crate) parity: Option<Parity>,
    pub(crate) data_bits: Option<u8>,
    pub(crate) stop_bits: Option<u8>,
    pub(crate) rs485: Option<bool>,
    pub(crate) rs485_rts_high: Option<bool>,
    pub(crate) rs485_before_ms: Option<u32>,
    pub(crate) rs485_after_ms: Option<u32>,
    pub(crate) rs485_hear_self: Option<bool>,
    pub(crate) echo: Option<bool>,
    pub(crate) pause_ms: Option<u64>,
    pub(crate) gap_us: Option<u64>,
    pub(crate) connect_delay_ms: Option<u64>,
    pub(crate) idle_close_s: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Device {
    pub(crate) profile: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) mqtt: Option<String>,
    pub(crate) topic_id: Option<String>,
    pub(crate) clock: Option<StampClock>,
    pub(crate) clock_offset_s: Option<i64>,
    pub(crate) messages_per_s_max: Option<u32>,
    pub(crate) series_max: Option<u32>,
    pub(crate) bus: Option<String>,
    pub(crate) unit: Option<u8>,
    pub(crate) interval_s: Option<u64>,
    pub(crate) slow_interval_s: Option<u64>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) retries: Option<u8>,
    pub(crate) retries_damaged: Option<u8>,
    pub(crate) retries_busy: Option<u8>,
    pub(crate) offline_after: Option<u32>,
    pub(crate) offline_max_s: Option<u64>,
    pub(crate) door_open_is: Option<DoorBit>,
    pub(crate) channels: Option<u16>,
    pub(crate) cold: Option<ColdClass>,
    pub(crate) calibrated: Option<String>,
    pub(crate) calibration_months: Option<u16>,
    pub(crate) keep_h: Option<u16>,
    pub(crate) net_volume_l: Option<u32>,
    #[serde(default)]
    pub(crate) alarm: Rules,
}

/// Settings of rules by their name.
pub(crate) type Rules = BTreeMap<String, Rule>;

/// Settings of the site's rules, and of those of a kind and of a profile.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Alarm {
    #[serde(default)]
    pub(crate) kind: BTreeMap<String, Rules>,
    #[serde(default)]
    pub(crate) profile: BTreeMap<String, Rules>,
    #[serde(flatten)]
    pub(crate) rules: Rules,
}

/// Settings of one rule; which of them a rule has is decided by the table of keys.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Rule {
    pub(crate) enabled: Option<bool>,
    pub(crate) limit_c: Option<f64>,
    pub(crate) limit_pct: Option<f64>,
    pub(crate) low_v: Option<f64>,
    pub(crate) high_v: Option<f64>,
    pub(crate) silent_intervals: Option<u32>,
    pub(crate) polls: Option<u32>,
    pub(crate) fails: Option<u32>,
    pub(crate) starts_per_h: Option<u32>,
    pub(crate) parcels: Option<u32>,
    pub(crate) deadband_c: Option<f64>,
    pub(crate) deadband_pct: Option<f64>,
    pub(crate) deadband_v: Option<f64>,
    pub(crate) deadband_starts: Option<u32>,
    pub(crate) on_delay_s: Option<u64>,
    pub(crate) off_delay_s: Option<u64>,
    pub(crate) defrost_delay_s: Option<u64>,
    pub(crate) grace_s: Option<u64>,
    pub(crate) latch: Option<bool>,
    pub(crate) re_alarm_s: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Protocol {
    Influx2,
    Influx1,
    Mqtt,
    File,
}

impl Protocol {
    /// As it is written.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Influx2 => "influx2",
            Self::Influx1 => "influx1",
            Self::Mqtt => "mqtt",
            Self::File => "file",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Start {
    Oldest,
    Now,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Line,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Revisions {
    Over,
    Beside,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Forward {
    pub(crate) protocol: Protocol,
    pub(crate) url: Option<String>,
    pub(crate) org: Option<String>,
    pub(crate) bucket: Option<String>,
    pub(crate) db: Option<String>,
    pub(crate) rp: Option<String>,
    pub(crate) token_file: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password_file: Option<String>,
    pub(crate) ca_file: Option<String>,
    pub(crate) cert_file: Option<String>,
    pub(crate) key_file: Option<String>,
    pub(crate) proxy: Option<String>,
    pub(crate) server_name: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) format: Format,
    pub(crate) client_id: Option<String>,
    pub(crate) keep_alive_s: u64,
    pub(crate) message_bytes_max: usize,
    pub(crate) dir: Option<String>,
    pub(crate) file_bytes_max: u64,
    pub(crate) file_h_max: u64,
    pub(crate) files_max: u64,
    pub(crate) metrics: bool,
    pub(crate) short_windows: Option<bool>,
    pub(crate) revisions: Revisions,
    pub(crate) events: bool,
    pub(crate) raw: bool,
    pub(crate) raw_measurements: Option<String>,
    pub(crate) raw_kinds: Option<String>,
    pub(crate) start: Start,
    pub(crate) retention_d: Option<u64>,
    pub(crate) priority: Option<u8>,
    pub(crate) live_share_pct: u8,
    pub(crate) bytes_per_s: Option<u64>,
    pub(crate) mb_per_month: Option<u64>,
    pub(crate) lines_max: usize,
    pub(crate) bytes_max: usize,
    pub(crate) delay_ms: u64,
    pub(crate) timeout_ms: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Api {
    pub(crate) listen: String,
}
