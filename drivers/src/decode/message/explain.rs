//! What becomes of one message, step by step, for people: `mqtt explain` and `mqtt tail`.
//!
//! Shows values only where a profile names the field; of everything else the place and the type.

use crate::fault::Fault;
use crate::reading::{Batch, Metric, Value};
use facility_config::{DeviceIx, Point};
use std::collections::HashSet;

/// A message as it arrives.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Body, as it came.
    pub payload: &'a [u8],
    /// Whether the broker had kept it for new subscribers.
    pub retained: bool,
    /// Time of receipt, Unix ms.
    pub now_ms: i64,
}

/// The whole story of one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// Whose it is and which message of the profile it was taken for, if that was found out.
    pub route: Option<Matched>,
    /// How the body was written: `json`, `gzip, json`, `sparkplug`.
    pub format: Box<str>,
    /// Size of the body, unpacked, bytes.
    pub unpacked_bytes: usize,
    /// What was found, in the order of the payload.
    pub steps: Vec<Step>,
    /// Why the whole message was refused, if it was.
    pub refused: Option<Fault>,
    /// The device's time stamp, Unix ms.
    pub device_ms: Option<i64>,
    /// The device's number of the message.
    pub seq: Option<u64>,
}

impl Explained {
    /// Of a message that nobody has looked into.
    pub(crate) fn unread(bytes: usize) -> Self {
        Self { route: None, format: "".into(), unpacked_bytes: bytes, steps: Vec::new(), refused: None, device_ms: None, seq: None }
    }

    /// Adds what the message says without a place of its own: that its device is there, that something happened.
    pub(super) fn add_implied(&mut self, batch: &Batch) {
        let told: HashSet<Metric> = self.steps.iter().filter_map(|step| step.fate.reading()).collect();
        // An event's key has its place: it was used there.
        let is_implied = |metric: Metric| metric.point != Point::EventKey && !told.contains(&metric);
        let implied = batch.readings.iter().filter(|reading| is_implied(reading.metric));
        let step = |metric, value: &Value| Step { place: "".into(), found: "message", fate: Fate::Reading(metric, value.clone()) };
        self.steps.extend(implied.map(|reading| step(reading.metric, &reading.value)));
    }
}

/// Where a message belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Whose it is.
    pub device: DeviceIx,
    /// Model.
    pub profile: Box<str>,
    /// Topic template of the message.
    pub template: Box<str>,
}

/// One place of a payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Pointer, with the number or name of an element instead of `*`; empty for what the message as a whole says.
    pub place: Box<str>,
    /// What stands there: a type (`number`, `text`, `yes or no`, `null`, `list`, `object`, `message`), never a value.
    pub found: &'static str,
    /// What it is for, or what became of it.
    pub fate: Fate,
}

/// What became of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// A reading.
    Reading(Metric, Value),
    /// Not a reading, but used: `time`, `id`, `seq`, `part`, `key`, `parcel`, `quality`, `condition`.
    Used(&'static str),
    /// The profile knows it and does not want it.
    Ignored,
    /// Dropped, and counted.
    Dropped(Fault),
}

impl Fate {
    fn reading(&self) -> Option<Metric> {
        if let Self::Reading(metric, _) = self { Some(*metric) } else { None }
    }
}
