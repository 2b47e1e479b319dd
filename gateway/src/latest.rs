//! The newest value of everything, for the status page; and the memory that recognises a message that comes twice.
//!
//! Never judges and never waits. Bounded per device: as many series as its [`Ingest`] allows, and the time stamps of the last
//! [`STAMPS_REMEMBERED`] messages. What the log had at start is bounded by how much of it is read back, and forgotten once as many
//! messages have come.

mod numbers;

use crate::admit::metric_key;
use crate::aggregate::{Sign, online_ms, sign, span_ms};
use facility_config::device::Ingest;
use facility_config::limits::{CLOCK_STEP_MS, STAMPS_REMEMBERED};
use facility_config::{DeviceIx, Site};
use facility_drivers::{Batch, Metric, Reading, Subject, Value};
use numbers::Numbers;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

/// Events of one device that share a time stamp are moved apart within this.
const EVENT_BURST_MS: i64 = 1_000;
/// A series that was silent for this long gives its place to a new one, if there is no other.
const SERIES_SILENT_MS: i64 = 24 * 3_600_000;
/// How often a device that has used up its series is looked through for such, at most.
const SERIES_LOOK_MS: i64 = 60_000;

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
    /// Messages since start that are missing in the device's own count of them. One that came and was refused is missing
    /// there too: its number was not read.
    pub lost_messages: u64,
    online_until_ms: Option<i64>,
    interval_ms: i64,
    series_max: usize,
    /// When silent series were looked for.
    looked_ms: Option<i64>,
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
        let devices = site.devices.iter().map(|device| DeviceLatest {
            interval_ms: span_ms(device.interval),
            series_max: series_max(device.ingest),
            ..Default::default()
        });
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

    /// Whether this message was here before, and remembers it if not. Several of one device may share a millisecond: they are
    /// told apart by `key` (see [`identity`](crate::admit::identity)). What is made here (health, metrics) is never a repetition.
    pub fn seen(&mut self, device: DeviceIx, subject: Subject, device_ms: i64, key: u64) -> bool {
        let Some(stamps) = self.stamps.get_mut(device.at()) else { return false };
        match subject {
            Subject::Telemetry => {
                if stamps.telemetry.known.len() == STAMPS_REMEMBERED {
                    stamps.recorded = HashSet::new();
                }
                stamps.telemetry.seen(device_ms, key)
            }
            Subject::Event => stamps.events.seen(device_ms, key),
            Subject::Health | Subject::Metric => false,
        }
    }

    /// Remembers what the log has of a device at one time. The log keeps values and not messages: where one of several ends
    /// that share a time stamp, and what of it was not kept, cannot be told from it.
    pub fn recorded(&mut self, device: DeviceIx, at_ms: i64, readings: &[Reading]) {
        if let Some(stamps) = self.stamps.get_mut(device.at()) {
            stamps.recorded.extend(readings.iter().map(|reading| (at_ms, metric_key(reading.metric))));
        }
    }

    /// Takes out what the log had of that time when it was read back at start.
    pub fn drop_recorded(&self, device: DeviceIx, at_ms: i64, readings: &mut Vec<Reading>) {
        if let Some(stamps) = self.stamps.get(device.at()).filter(|stamps| !stamps.recorded.is_empty()) {
            readings.retain(|reading| !stamps.recorded.contains(&(at_ms, metric_key(reading.metric))));
        }
    }

    /// The same for a message without a time stamp, by its number and content: a device that has started to count anew says
    /// something else under the same numbers.
    pub fn seen_number(&mut self, device: DeviceIx, number: u64, content_key: u64) -> bool {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.stamps.get_mut(device.at()).is_some_and(|stamps| stamps.numbered.seen(number, content_key))
    }

    /// Takes the number of a message into the device's account of lost ones; `is_repeated` if its content was here before.
    pub fn count(&mut self, device: DeviceIx, number: u64, is_repeated: bool) {
        if let (Some(stamps), Some(device)) = (self.stamps.get_mut(device.at()), self.devices.get_mut(device.at())) {
            match is_repeated {
                true => stamps.numbers.take_repeated(number),
                false => stamps.numbers.take(number),
            }
            device.lost_messages = stamps.numbers.lost();
        }
    }

    /// Takes out what would be a series too many for its device, and says how many values that were. What is known goes on;
    /// series that were silent for a day make room.
    pub fn confine(&mut self, device: DeviceIx, readings: &mut Vec<Reading>, now_ms: i64) -> usize {
        self.devices.get_mut(device.at()).map_or(0, |device| device.confine(readings, now_ms))
    }
}

fn series_max(ingest: Ingest) -> usize {
    usize::try_from(ingest.series_max).unwrap_or(usize::MAX)
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

    fn confine(&mut self, readings: &mut Vec<Reading>, now_ms: i64) -> usize {
        // Nearly always there is room for all, known or not.
        if self.values.len() + readings.len() <= self.series_max {
            return 0;
        }
        let before = readings.len();
        let new = readings.iter().filter(|reading| !self.values.contains_key(&reading.metric)).count();
        if self.values.len() + new > self.series_max {
            self.forget_silent(now_ms);
        }
        let mut room = self.series_max.saturating_sub(self.values.len());
        readings.retain(|reading| {
            let fits = self.values.contains_key(&reading.metric) || room > 0;
            room -= usize::from(fits && !self.values.contains_key(&reading.metric));
            fits
        });
        before - readings.len()
    }

    fn forget_silent(&mut self, now_ms: i64) {
        if self.looked_ms.is_none_or(|looked_ms| now_ms.saturating_sub(looked_ms).abs() >= SERIES_LOOK_MS) {
            self.looked_ms = Some(now_ms);
            self.values.retain(|_, newest| now_ms.saturating_sub(newest.at_ms) < SERIES_SILENT_MS);
        }
    }

    fn remember(&mut self, metric: Metric, value: &Value, at_ms: i64) {
        let is_full = self.values.len() >= self.series_max;
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
    /// Time and series of what was read back from the log.
    recorded: HashSet<(i64, u64)>,
    events: Memory,
    /// Of messages without a time stamp.
    numbered: Memory,
    numbers: Numbers,
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
