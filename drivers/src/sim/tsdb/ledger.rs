//! What the database got: counts, repetitions and contradictions, and the newest lines.
//!
//! A request is taken as a whole or not at all. Bounded memory unless a test keeps everything.

use axum::body::Bytes;
use facility_config::limits::{SIM_TSDB_LINES_SHOWN, SIM_TSDB_MEASUREMENTS_MAX, SIM_TSDB_POINTS_REMEMBERED, SIM_TSDB_REQUESTS_KEPT};
use influxdb_line_protocol::{FieldValue, ParsedLine, parse_lines};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

/// Series (`measurement,tag=value,…`, tags sorted, nothing escaped), field, time in Unix ms.
pub type PointKey = (String, String, i64);

/// Why a request was not stored, as InfluxDB words it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// The whole body, if it is not code and message.
    pub(super) body: Option<serde_json::Value>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), body: None }
    }
}

/// What the database got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Write requests, refused and unanswered ones included.
    pub requests: u64,
    /// Lines stored.
    pub lines: u64,
    /// Field values stored, repetitions included.
    pub points: u64,
    /// Field values that repeated what was there.
    pub duplicates: u64,
    /// Field values that contradicted what was there.
    pub conflicts: u64,
    /// Bytes of request bodies as they came in.
    pub wire_bytes: u64,
    /// Field values by measurement.
    pub measurements: BTreeMap<String, u64>,
    /// Newest lines, oldest first.
    pub last_lines: VecDeque<String>,
}

/// A write request as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// When its answer was decided.
    pub at: Instant,
    /// Status of the answer, whether it was sent or lost.
    pub status: u16,
    /// The body, still compressed.
    pub body: Bytes,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) summary: Summary,
    pub(super) keep_all: bool,
    pub(super) count_only: bool,
    pub(super) points: BTreeMap<PointKey, String>,
    pub(super) requests: VecDeque<Request>,
    /// Hash of a point's key to hash of its value, and the keys by age.
    recent: HashMap<u64, u64>,
    ages: VecDeque<u64>,
}

impl Ledger {
    /// Stores all lines, or none and says which is bad.
    pub(super) fn take(&mut self, text: &str, precision: &str, now_ms: i64) -> Result<(), Refusal> {
        if self.count_only {
            self.count(text);
            return Ok(());
        }
        let mut lines = Vec::new();
        for line in parse_lines(text) {
            let line = line.map_err(|error| Refusal::new(400, "invalid", &format!("unable to parse line {}: {error}", lines.len() + 1)))?;
            let at_ms = line.timestamp.map_or(Some(now_ms), |at| to_ms(at, precision));
            let at_ms = at_ms.ok_or_else(|| Refusal::new(400, "invalid", "time or precision out of range"))?;
            lines.push((line, at_ms));
        }
        for (line, at_ms) in lines {
            self.store(&line, at_ms);
        }
        Ok(())
    }

    /// By bytes: a field has one `=`. Texts are not looked into, so a line with one may count too many.
    fn count(&mut self, text: &str) {
        for line in text.lines() {
            let fields = line.split_once(' ').map_or("", |(_, fields)| fields);
            self.summary.lines += 1;
            self.summary.points += fields.bytes().filter(|byte| *byte == b'=').count() as u64;
        }
    }

    pub(super) fn note(&mut self, status: u16, body: Bytes) {
        self.summary.requests += 1;
        self.summary.wire_bytes += body.len() as u64;
        if self.keep_all {
            push_bounded(&mut self.requests, Request { at: Instant::now(), status, body }, SIM_TSDB_REQUESTS_KEPT);
        }
    }

    fn store(&mut self, line: &ParsedLine<'_>, at_ms: i64) {
        let series = series(line);
        self.summary.lines += 1;
        push_bounded(&mut self.summary.last_lines, line.to_string(), SIM_TSDB_LINES_SHOWN);
        for (field, value) in &line.field_set {
            self.summary.points += 1;
            let value = value_text(value);
            match self.remember(&(&series, field.as_str(), at_ms), &value) {
                Some(true) => self.summary.duplicates += 1,
                Some(false) => self.summary.conflicts += 1,
                None => {}
            }
            if self.keep_all {
                self.points.insert((series.clone(), field.to_string(), at_ms), value);
            }
        }
        let measurements = &mut self.summary.measurements;
        let measurement = line.series.measurement.as_str();
        if measurements.len() < SIM_TSDB_MEASUREMENTS_MAX || measurements.contains_key(measurement) {
            *measurements.entry(measurement.to_owned()).or_default() += line.field_set.len() as u64;
        }
    }

    /// Whether the point was there with the same value; `None` if it is new or long ago.
    fn remember(&mut self, key: &(&String, &str, i64), value: &str) -> Option<bool> {
        if self.keep_all {
            let key = (key.0.clone(), key.1.to_owned(), key.2);
            return self.points.get(&key).map(|before| before == value);
        }
        let (key, value) = (hash(key), hash(&value));
        let before = self.recent.insert(key, value);
        if before.is_none() {
            self.ages.push_back(key);
            if self.ages.len() > SIM_TSDB_POINTS_REMEMBERED
                && let Some(oldest) = self.ages.pop_front()
            {
                self.recent.remove(&oldest);
            }
        }
        before.map(|before| before == value)
    }
}

fn series(line: &ParsedLine<'_>) -> String {
    let mut tags: Vec<_> = line.series.tag_set.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    tags.sort_unstable();
    let tags: String = tags.iter().map(|(key, value)| format!(",{key}={value}")).collect();
    format!("{}{tags}", line.series.measurement)
}

fn value_text(value: &FieldValue<'_>) -> String {
    match value {
        FieldValue::F64(value) => format!("{value:?}"),
        FieldValue::I64(value) => format!("{value}i"),
        FieldValue::U64(value) => format!("{value}u"),
        FieldValue::Boolean(value) => value.to_string(),
        FieldValue::String(value) => format!("\"{value}\""),
    }
}

fn to_ms(at: i64, precision: &str) -> Option<i64> {
    match precision {
        "s" => at.checked_mul(1_000),
        "ms" => Some(at),
        "us" => Some(at.div_euclid(1_000)),
        "ns" => Some(at.div_euclid(1_000_000)),
        _ => None,
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, len_max: usize) {
    if queue.len() >= len_max {
        queue.pop_front();
    }
    queue.push_back(item);
}
