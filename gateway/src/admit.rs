//! Decides what a batch is worth before it is stored: which time it gets, whether it was here before, what of it may be kept,
//! what is counted.
//!
//! Pure. Never drops a reading without a counted reason, never touches an acknowledgement: a refused message is
//! acknowledged in its turn like any other.

use crate::latest::Latest;
use crate::parcels::Parcels;
use crate::privacy;
use crate::telemetry::Intake;
use facility_config::limits::{BUILD_TIME_MS, CLOCK_AHEAD_MS_MAX, READING_AGE_MS_MAX};
use facility_config::{Point, Site};
use facility_drivers::{Batch, Fault, Metric, Reading, Subject, Value};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Time a reading is recorded under, and why not the device's own.
///
/// A device that stores and forwards may be days late and is believed; one whose clock is ahead, or stands before
/// this software was built, is not.
#[must_use]
pub fn settle_time(device_ms: Option<i64>, received_ms: i64, clock_is_set: bool) -> (i64, Option<Fault>) {
    match device_ms {
        // Of two clocks the one that is set is right.
        Some(at) if !clock_is_set && at >= BUILD_TIME_MS => (at, None),
        _ if !clock_is_set => (received_ms, Some(Fault::ClockUnset)),
        None => (received_ms, None),
        Some(at) if at > received_ms.saturating_add(CLOCK_AHEAD_MS_MAX) => (received_ms, Some(Fault::ClockAhead)),
        Some(at) if at < BUILD_TIME_MS || at < received_ms.saturating_sub(READING_AGE_MS_MAX) => (received_ms, Some(Fault::ClockBehind)),
        Some(at) => (at, None),
    }
}

/// What admission looks at and counts.
#[derive(Debug)]
pub struct Admission<'a> {
    /// What is declared.
    pub site: &'a Site,
    /// What was here before.
    pub latest: &'a mut Latest,
    /// Deposits that wait for their pick-up.
    pub parcels: &'a mut Parcels,
    /// Counters.
    pub intake: &'a Intake,
    /// Whether the gateway knows the time.
    pub clock_is_set: bool,
}

impl Admission<'_> {
    /// Settles time, finds duplicates and counts. Afterwards the batch holds exactly the readings to store, and nothing that
    /// could link them to a parcel.
    pub fn admit(&mut self, batch: &mut Batch) {
        let (intake, received_ms) = (self.intake, batch.at_ms);
        if is_message(batch) {
            intake.messages.add(1);
        }
        if let Some(fault) = batch.refused {
            intake.refused.add(fault, 1);
            batch.readings.clear();
            batch.parcel.clear();
            return;
        }
        let (at_ms, clock) = settle_time(batch.device_ms, received_ms, self.clock_is_set);
        // By what it said, which is more than what is kept of it.
        let is_repeated = self.is_repeated(batch, clock.is_none());
        if let Some(device) = batch.device.and_then(|device| self.site.device(device)) {
            privacy::strip(device.kind, batch);
        }
        count(batch, intake);
        batch.at_ms = at_ms;
        batch.provisional = clock == Some(Fault::ClockUnset);
        if let Some(fault) = clock {
            intake.dropped.add(fault, 1);
        }
        let is_repeated = self.drop_repeated(batch, is_repeated, clock.is_none());
        self.settle(batch, is_repeated, received_ms);
        intake.stored.add(batch.readings.len() as u64);
    }

    /// What depends on the messages before it.
    fn settle(&mut self, batch: &mut Batch, is_repeated: bool, now_ms: i64) {
        let found = batch.readings.len();
        self.parcels.link(batch, now_ms);
        self.intake.readings.add(batch.readings.len().saturating_sub(found) as u64);
        let Some(device) = batch.device else { return };
        if let Some(number) = batch.seq.filter(|_| is_message(batch)) {
            self.latest.count(device, number, is_repeated);
        }
        let surplus = self.latest.confine(device, &mut batch.readings, now_ms);
        self.intake.dropped.add(Fault::TooManySeries, surplus as u64);
        if batch.subject == Subject::Event {
            batch.at_ms = self.latest.moment(device, batch.at_ms);
        }
    }

    /// Takes out what was here before: all of a message that comes again, and of one that comes again after a restart what
    /// the log has of it. Says whether anything was.
    fn drop_repeated(&mut self, batch: &mut Batch, is_repeated: bool, is_stamp_believed: bool) -> bool {
        let found = batch.readings.len();
        match (batch.device, batch.device_ms.filter(|_| is_stamp_believed)) {
            _ if is_repeated => batch.readings.clear(),
            (Some(device), Some(stamp)) if batch.subject == Subject::Telemetry => {
                self.latest.drop_recorded(device, stamp, &mut batch.readings)
            }
            _ => {}
        }
        let repeated = found - batch.readings.len();
        self.intake.dropped.add(Fault::Duplicate, repeated as u64);
        is_repeated || repeated > 0
    }

    /// A QoS 1 message that comes again has the id, or the device, the time stamp and the series, or the number and the
    /// content of the first. A stamp the device cannot be trusted with (see [`settle_time`]) proves nothing. Numbers are not stored: after a
    /// restart they prove nothing either.
    fn is_repeated(&mut self, batch: &Batch, is_stamp_believed: bool) -> bool {
        let Some(device) = batch.device.filter(|_| is_message(batch) && !batch.readings.is_empty()) else { return false };
        let has_id = batch.subject == Subject::Event && own_id(batch).is_some();
        match (batch.device_ms.filter(|_| is_stamp_believed).or(has_id.then_some(0)), batch.seq) {
            (Some(stamp), _) => {
                let (stamp, key) = identity(batch, stamp);
                self.latest.seen(device, batch.subject, stamp, key)
            }
            (None, Some(number)) => self.latest.seen_number(device, number, content(batch)),
            (None, None) => false,
        }
    }
}

/// Values as they came in, those that were dropped at decode included.
fn count(batch: &Batch, intake: &Intake) {
    for fault in &batch.faults {
        intake.dropped.add(*fault, 1);
    }
    let dropped = batch.faults.iter().filter(|fault| !fault.keeps_reading()).count();
    intake.readings.add((batch.readings.len() + dropped) as u64);
}

/// Whether a batch is something a device said; what drivers and the gateway know themselves is no message.
#[must_use]
pub fn is_message(batch: &Batch) -> bool {
    matches!(batch.subject, Subject::Telemetry | Subject::Event)
}

/// What tells a message from all others of its device: telemetry its time stamp and which series it has values of, for many
/// devices send each part of themselves on its own; an event its own id, or, if it has none, time stamp and content, for
/// several may share a moment. Of a household's event the log holds less than it said: one
/// without an id that the broker sends again after a crash is counted twice, here and nowhere else.
#[must_use]
pub fn identity(batch: &Batch, stamp: i64) -> (i64, u64) {
    if batch.subject != Subject::Event {
        return (stamp, added_up(batch, |reading| metric_key(reading.metric)));
    }
    match own_id(batch) {
        Some(own) => (0, reading_key(own)),
        None => (stamp, content(batch)),
    }
}

fn own_id(batch: &Batch) -> Option<&Reading> {
    batch.readings.iter().find(|reading| reading.metric.point == Point::EventKey)
}

fn content(batch: &Batch) -> u64 {
    added_up(batch, reading_key)
}

/// So that the order of the fields, in a message or in the log, does not matter.
fn added_up(batch: &Batch, key: impl Fn(&Reading) -> u64) -> u64 {
    batch.readings.iter().map(key).fold(0, u64::wrapping_add)
}

/// A number for a series of a device.
#[must_use]
pub fn metric_key(metric: Metric) -> u64 {
    let bytes = if metric.part.is_whole() { &[] } else { metric.part.as_str().as_bytes() };
    bytes.iter().fold(mixed(metric.point as u64), |key, byte| mixed(key ^ u64::from(*byte)))
}

/// Spreads a number over all bits (the finaliser of SplitMix64), so that sums of such numbers tell sets apart.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn reading_key(reading: &Reading) -> u64 {
    let mut hasher = DefaultHasher::new();
    reading.metric.hash(&mut hasher);
    match &reading.value {
        Value::Float(v) => v.to_bits().hash(&mut hasher),
        Value::Int(v) => v.hash(&mut hasher),
        Value::Bool(v) => v.hash(&mut hasher),
        Value::Text(v) => v.hash(&mut hasher),
        Value::Missing(quality) => quality.hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
