//! The newest value of everything, for the status page; and the memory that recognises a message that comes twice.
//!
//! Never judges and never waits. Bounded per device: as many metrics as one message may carry, and the time stamps of
//! the last [`STAMPS_REMEMBERED`] messages.

use crate::aggregate::{Sign, online_ms, sign, span_ms};
use facility_config::limits::{CLOCK_STEP_MS, READINGS_PER_MESSAGE_MAX, STAMPS_REMEMBERED};
use facility_config::{DeviceIx, Site};
use facility_drivers::{Batch, Metric, Subject, Value};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Events of one device that share a time stamp are moved apart within this.
const EVENT_BURST_MS: i64 = 1_000;

/// A value and its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Newest {
    /// The value, or the reason why there is none.
    pub value: Value,
    /// When, Unix ms.
    pub at_ms: i64,
}

/// What is known of one device.
#[derive(Debug, Clone, Default)]
pub struct DeviceLatest {
    /// Newest value of each metric.
    pub values: BTreeMap<Metric, Newest>,
    /// When it was last heard, Unix ms. What a driver counts about a device is not the device being heard.
    pub last_seen_ms: Option<i64>,
    /// Messages and poll results, those read back from the log at start included.
    pub messages: u64,
    online_until_ms: Option<i64>,
    interval_ms: i64,
}

impl DeviceLatest {
    /// Whether it was heard within two intervals and its broker has not declared it gone since.
    #[must_use]
    pub fn online(&self, now_ms: i64) -> bool {
        self.online_until_ms.is_some_and(|until_ms| now_ms < until_ms)
    }
}

/// The newest values of a site, and which messages were here before.
#[derive(Debug)]
pub struct Latest {
    devices: Vec<DeviceLatest>,
    stamps: Vec<Stamps>,
}

impl Latest {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(site: &Arc<Site>) -> Self {
        let devices = site.devices.iter().map(|device| DeviceLatest { interval_ms: span_ms(device.interval), ..Default::default() });
        Self { devices: devices.collect(), stamps: site.devices.iter().map(|_| Stamps::default()).collect() }
    }

    /// Takes what a device said, once the pipeline has settled its time. `now_ms` tells what lies in the future.
    pub fn observe(&mut self, batch: &Batch, now_ms: i64) {
        let Some(device) = batch.device.and_then(|ix| self.devices.get_mut(ix.at())) else { return };
        device.forget_future(now_ms);
        let mut was_heard = false;
        for reading in &batch.readings {
            match sign(reading.metric.point, &reading.value) {
                Sign::Message | Sign::Heard => was_heard = true,
                Sign::Gone => device.gone(batch.at_ms),
                Sign::Nothing => {}
            }
            device.remember(reading.metric, &reading.value, batch.at_ms);
        }
        if was_heard {
            device.heard(batch.at_ms);
            device.messages += u64::from(matches!(batch.subject, Subject::Telemetry | Subject::Event));
        }
    }

    /// What is known of a device.
    #[must_use]
    pub fn device(&self, ix: DeviceIx) -> Option<&DeviceLatest> {
        self.devices.get(ix.at())
    }

    /// A copy of everything, in the order of the site's devices.
    #[must_use]
    pub fn snapshot(&self) -> Vec<DeviceLatest> {
        self.devices.clone()
    }

    /// A moment of its own for an event: several of one burst are moved apart by a millisecond, or the database would
    /// keep only the last of them.
    pub fn moment(&mut self, device: DeviceIx, at_ms: i64) -> i64 {
        let Some(stamps) = self.stamps.get_mut(device.at()) else { return at_ms };
        let burst = at_ms..at_ms.saturating_add(EVENT_BURST_MS);
        let moment = if burst.contains(&stamps.last_event_ms) { stamps.last_event_ms + 1 } else { at_ms };
        stamps.last_event_ms = moment;
        moment
    }

    /// Whether this message was here before, and remembers it if not. Telemetry is known by its device's time stamp
    /// alone; events, of which several may share a millisecond, by their time stamp and `content_key` (a hash of type,
    /// target, outcome and code). What is made here (health, metrics) is never a repetition.
    pub fn seen(&mut self, device: DeviceIx, subject: Subject, device_ms: i64, content_key: u64) -> bool {
        let Some(stamps) = self.stamps.get_mut(device.at()) else { return false };
        match subject {
            Subject::Telemetry => stamps.telemetry.seen(device_ms, 0),
            Subject::Event => stamps.events.seen(device_ms, content_key),
            Subject::Health | Subject::Metric => false,
        }
    }
}

impl DeviceLatest {
    /// After a clock that was far ahead is set right, what is newest is what comes now.
    fn forget_future(&mut self, now_ms: i64) {
        let limit_ms = now_ms.saturating_add(CLOCK_STEP_MS);
        if self.last_seen_ms.is_some_and(|seen_ms| seen_ms > limit_ms) {
            self.values.retain(|_, newest| newest.at_ms <= limit_ms);
            (self.last_seen_ms, self.online_until_ms) = (None, None);
        }
    }

    fn heard(&mut self, at_ms: i64) {
        if self.last_seen_ms.is_none_or(|seen_ms| seen_ms <= at_ms) {
            self.last_seen_ms = Some(at_ms);
            self.online_until_ms = Some(at_ms.saturating_add(online_ms(self.interval_ms)));
        }
    }

    fn gone(&mut self, at_ms: i64) {
        if self.last_seen_ms.is_none_or(|seen_ms| seen_ms <= at_ms) {
            self.online_until_ms = Some(at_ms);
        }
    }

    fn remember(&mut self, metric: Metric, value: &Value, at_ms: i64) {
        let is_full = self.values.len() >= READINGS_PER_MESSAGE_MAX;
        match self.values.get_mut(&metric) {
            Some(newest) if newest.at_ms <= at_ms => *newest = Newest { value: value.clone(), at_ms },
            Some(_) => {}
            None if is_full => {}
            None => {
                self.values.insert(metric, Newest { value: value.clone(), at_ms });
            }
        }
    }
}

/// The last messages of one device.
#[derive(Debug, Default)]
struct Stamps {
    telemetry: Memory,
    events: Memory,
    /// When the last event was recorded.
    last_event_ms: i64,
}

/// Exact memory of the last [`STAMPS_REMEMBERED`] messages, oldest first.
#[derive(Debug, Default)]
struct Memory {
    known: VecDeque<(i64, u64)>,
    newest_ms: Option<i64>,
}

impl Memory {
    fn seen(&mut self, device_ms: i64, key: u64) -> bool {
        // Nearly every message is newer than all before it and needs no search.
        let is_newest = self.newest_ms.is_none_or(|newest_ms| device_ms > newest_ms);
        if !is_newest && self.known.contains(&(device_ms, key)) {
            return true;
        }
        self.newest_ms = self.newest_ms.max(Some(device_ms));
        if self.known.len() == STAMPS_REMEMBERED {
            self.known.pop_front();
        }
        self.known.push_back((device_ms, key));
        false
    }
}

#[cfg(test)]
mod tests;
