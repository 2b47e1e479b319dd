//! A line of the cold-chain log: one JSON object with fixed keys in a fixed order and fixed decimals, and in it the hash of
//! the line before. Pure.
//!
//! `hash` is the SHA-256 of the line as it would be without it, so anybody can check a line without this program:
//! ```text
//! sed -n 7p 2026-09.jsonl | sed 's/,"hash":"[0-9a-f]*"}$/}/' | tr -d '\n' | sha256sum
//! ```
//! must print the `hash` of line 7, which must be the `prev` of line 8; the first line of a month has the `hash` of the last
//! line of the month before, the first of all says `first`. What was not observed is `null`, never 0.

use super::hour::{Figures, HOUR_MS, coverage, quality};
use crate::store::Seq;
use facility_config::Device;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, de};
use std::fmt::Write as _;

/// `prev` of the first record of a chain.
pub const FIRST: &str = "first";
/// What stands between a record and its hash, and how many characters follow.
pub(super) const HASH: &str = ",\"hash\":\"";
const HASH_CHARS: usize = 64;
/// From there to the end of the line.
pub(super) const HASH_END: usize = HASH.len() + HASH_CHARS + 2;
/// Local time of the records: China has one zone and no summer time.
pub const LOCAL: Offset = Offset::constant(8);

/// What ties a record to the others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Link {
    /// Its number in the chain, from 1.
    pub n: u64,
    /// Position in the readings log that it covers.
    pub upto: Seq,
    /// Hash of the record before.
    pub prev: String,
    /// Its own.
    pub hash: String,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// An hour, written when it closed.
    Hour(Box<Hour>),
    /// An hour, computed again because something came late for it. It stands beside the one it supersedes.
    Revision(Box<Hour>),
    /// A month was deleted because it was older than what is to be kept.
    Removed(Removed),
    /// Something came late for an hour and is in none of its figures: the readings log no longer held all of that time.
    LateUnread(LateUnread),
}

/// Figures of an hour.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Hour {
    /// Version of the format, 1.
    pub v: u32,
    /// Device id.
    pub device: String,
    /// Start, Unix ms; written as RFC 3339 in UTC.
    #[serde(rename = "hour", deserialize_with = "unix_ms")]
    pub hour_ms: i64,
    /// The same in local time.
    pub local: String,
    /// 0, then 1 more with each revision.
    pub rev: u32,
    /// Hash of the record it takes the place of.
    pub supersedes: Option<String>,
    /// Cold-chain class and its limit, °C.
    pub class: String,
    /// Limit of the class, °C.
    pub limit_c: f64,
    /// `good`, `uncertain` or `insufficient`.
    pub quality: String,
    /// Share of the hour that was observed.
    pub coverage: f64,
    /// Seconds observed.
    pub observed_s: f64,
    /// Readings of that time are known to be lost.
    pub gap: bool,
    /// Air temperatures that were read.
    pub samples: u64,
    /// Air temperature, °C.
    pub air_min_c: Option<f64>,
    /// Its time-weighted mean.
    pub air_mean_c: Option<f64>,
    /// Highest.
    pub air_max_c: Option<f64>,
    /// Mean kinetic temperature.
    pub mkt_c: Option<f64>,
    /// Product temperature, °C.
    pub product_min_c: Option<f64>,
    /// Highest.
    pub product_max_c: Option<f64>,
    /// Minutes above the limit.
    pub above_min: Option<f64>,
    /// The same with defrosts left out.
    pub above_adjusted_min: Option<f64>,
    /// Degree-minutes above the limit.
    pub degree_min: Option<f64>,
    /// Minutes with the door open.
    pub door_min: Option<f64>,
    /// Times it was opened.
    pub door_openings: Option<u64>,
    /// Minutes of defrost.
    pub defrost_min: Option<f64>,
    /// Alarms raised in the hour.
    pub alarms_raised: u64,
    /// Alarms cleared in the hour.
    pub alarms_cleared: u64,
    /// Day of the last calibration of its probes, as it was declared then.
    pub calibrated: Option<String>,
    /// Its place in the chain.
    #[serde(flatten)]
    pub link: Link,
}

/// That an hour's figures lack something that came late. Said once of an hour; its record stands as it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LateUnread {
    /// Version of the format, 2: the first that knows this record.
    pub v: u32,
    /// Device id.
    pub device: String,
    /// Start of the hour, Unix ms; written as RFC 3339 in UTC.
    #[serde(rename = "hour", deserialize_with = "unix_ms")]
    pub hour_ms: i64,
    /// The same in local time.
    pub local: String,
    /// Its place in the chain.
    #[serde(flatten)]
    pub link: Link,
}

/// What is left of a month.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Removed {
    /// Version of the format, 1.
    pub v: u32,
    /// Device id.
    pub device: String,
    /// The month.
    pub month: String,
    /// Hash of its last record, the `prev` of the oldest that is still there.
    pub last: String,
    /// Its place in the chain.
    #[serde(flatten)]
    pub link: Link,
}

impl Record {
    /// Reads a line without its line feed. Says nothing about whether its hash is right.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// Its place in the chain.
    #[must_use]
    pub fn link(&self) -> &Link {
        match self {
            Self::Hour(hour) | Self::Revision(hour) => &hour.link,
            Self::Removed(removed) => &removed.link,
            Self::LateUnread(unread) => &unread.link,
        }
    }

    /// The hour it is about.
    #[must_use]
    pub fn hour(&self) -> Option<&Hour> {
        match self {
            Self::Hour(hour) | Self::Revision(hour) => Some(hour),
            Self::Removed(_) | Self::LateUnread(_) => None,
        }
    }

    /// The device it is about.
    #[must_use]
    pub fn device(&self) -> &str {
        match self {
            Self::Hour(hour) | Self::Revision(hour) => &hour.device,
            Self::Removed(removed) => &removed.device,
            Self::LateUnread(unread) => &unread.device,
        }
    }

    /// Whether this program knows the version of its format. Each kind has its own.
    #[must_use]
    pub fn is_known(&self) -> bool {
        match self {
            Self::Hour(hour) | Self::Revision(hour) => hour.v == 1,
            Self::Removed(removed) => removed.v == 1,
            Self::LateUnread(unread) => unread.v == 2,
        }
    }
}

/// What an hour's record says before its place in the chain. `supersedes` is the hash and the revision of an older record
/// of the same hour.
#[must_use]
pub fn hour_body(device: &Device, hour_ms: i64, figures: &Figures, gap: bool, is_late: bool, supersedes: Option<&(String, u32)>) -> String {
    let coverage = coverage(figures.observed_ms);
    let (class, limit_c) = device.cold.map_or(("", 0.0), |cold| (cold.as_str(), cold.limit_c()));
    let kind = if is_late { "revision" } else { "hour" };
    let mut out = format!("{{\"v\":1,\"kind\":\"{kind}\",\"device\":\"{}\"", device.id);
    let mut put = |key: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = write!(out, ",\"{key}\":{value}");
    };
    let quoted = |text: &str| format!("\"{text}\"");
    put("hour", quoted(&utc(hour_ms)));
    put("local", quoted(&local(hour_ms)));
    put("rev", supersedes.map_or(0, |(_, rev)| rev.saturating_add(1)).to_string());
    put("supersedes", supersedes.map_or("null".to_owned(), |(hash, _)| quoted(hash)));
    put("class", quoted(class));
    put("limit_c", decimals(limit_c, 1));
    put("quality", quoted(quality(coverage)));
    put("coverage", decimals(coverage, 4));
    put("observed_s", decimals(figures.observed_ms as f64 / 1e3, 3));
    put("gap", gap.to_string());
    put("samples", figures.samples.to_string());
    let celsius = |value: Option<f64>| optional(value, 3);
    let minutes = |ms: Option<i64>| optional(ms.map(|ms| ms as f64 / 60_000.0), 3);
    put("air_min_c", celsius(figures.air.map(|air| air.min_c)));
    put("air_mean_c", celsius(figures.air.map(|air| air.mean_c)));
    put("air_max_c", celsius(figures.air.map(|air| air.max_c)));
    put("mkt_c", celsius(figures.air.map(|air| air.mkt_c)));
    put("product_min_c", celsius(figures.product_c.map(|[min_c, _]| min_c)));
    put("product_max_c", celsius(figures.product_c.map(|[_, max_c]| max_c)));
    put("above_min", minutes(figures.air.map(|air| air.above_ms)));
    put("above_adjusted_min", minutes(figures.above_adjusted_ms));
    put("degree_min", celsius(figures.air.map(|air| air.degree_min)));
    put("door_min", minutes(figures.door.map(|(open_ms, _)| open_ms)));
    put("door_openings", figures.door.map_or("null".to_owned(), |(_, openings)| openings.to_string()));
    put("defrost_min", minutes(figures.defrost_ms));
    put("alarms_raised", figures.alarms[0].to_string());
    put("alarms_cleared", figures.alarms[1].to_string());
    put("calibrated", device.calibration.at.map_or("null".to_owned(), |day| quoted(&day.to_string())));
    out
}

/// What the record of an hour that lacks something says before its place in the chain.
#[must_use]
pub fn unread_body(device: &Device, hour_ms: i64) -> String {
    let (id, hour, local) = (&device.id, utc(hour_ms), local(hour_ms));
    format!("{{\"v\":2,\"kind\":\"late_unread\",\"device\":\"{id}\",\"hour\":\"{hour}\",\"local\":\"{local}\"")
}

/// What the record of a deleted month says before its place in the chain.
#[must_use]
pub fn removed_body(device: &str, month: Month, last: &str) -> String {
    format!("{{\"v\":1,\"kind\":\"removed\",\"device\":\"{device}\",\"month\":\"{month}\",\"last\":\"{last}\"")
}

/// Puts a record into its place: the line with its line feed, and its hash.
#[must_use]
pub fn sealed(body: &str, n: u64, upto: Seq, prev: &str) -> (String, String) {
    let mut line = format!("{body},\"n\":{n},\"upto\":{upto},\"prev\":\"{prev}\"}}");
    let hash = sha256(line.as_bytes());
    line.pop();
    line.push_str(HASH);
    line.push_str(&hash);
    line.push_str("\"}\n");
    (line, hash)
}

/// Whether a line, without its line feed, has the hash that it says.
#[must_use]
pub fn is_whole(line: &[u8]) -> bool {
    let Some(at) = line.len().checked_sub(HASH_END) else { return false };
    let (before, after) = line.split_at(at);
    let Some(hash) = after.strip_prefix(HASH.as_bytes()).and_then(|rest| rest.strip_suffix(b"\"}")) else { return false };
    sha256(&[before, b"}"].concat()).as_bytes() == hash
}

/// SHA-256 in small hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::with_capacity(HASH_CHARS), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// RFC 3339 in UTC, to the second.
#[must_use]
pub fn utc(ms: i64) -> String {
    format!("{}Z", civil(ms, Offset::UTC).strftime("%Y-%m-%dT%H:%M:%S"))
}

/// RFC 3339 in local time, to the second.
#[must_use]
pub fn local(ms: i64) -> String {
    format!("{}+08:00", civil(ms, LOCAL).strftime("%Y-%m-%dT%H:%M:%S"))
}

/// Calendar and clock at a place; the end of time for what no calendar has.
#[must_use]
pub fn civil(ms: i64, offset: Offset) -> DateTime {
    offset.to_datetime(Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX))
}

fn unix_ms<'de, D: Deserializer<'de>>(input: D) -> Result<i64, D::Error> {
    let text = String::deserialize(input)?;
    text.parse::<Timestamp>().map(Timestamp::as_millisecond).map_err(de::Error::custom)
}

/// Whether the hour at `hour_ms` is the last of a local day.
#[must_use]
pub fn ends_day(hour_ms: i64) -> bool {
    civil(hour_ms.saturating_add(HOUR_MS), LOCAL).hour() == 0
}

/// A local month: one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    /// The month an hour is in.
    #[must_use]
    pub fn of(hour_ms: i64) -> Self {
        let date = civil(hour_ms, LOCAL).date();
        Self(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }

    /// From `2026-09`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-').filter(|_| text.len() == 7)?;
        let (year, month): (i32, i32) = (year.parse().ok()?, month.parse().ok()?);
        ((1..=12).contains(&month) && (1..=9999).contains(&year)).then_some(Self(year * 12 + month - 1))
    }

    /// So many months earlier.
    #[must_use]
    pub fn before(self, months: u16) -> Self {
        Self(self.0 - i32::from(months))
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

fn optional(value: Option<f64>, places: usize) -> String {
    value.map_or("null".to_owned(), |value| decimals(value, places))
}

/// Fixed decimals; nothing is ever `-0.000`.
fn decimals(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|char| matches!(char, '0' | '.')) => rest.to_owned(),
        _ => text,
    }
}
