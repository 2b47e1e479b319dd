//! Decides what a batch is worth before it is stored: which time it gets, whether it was here before, what is counted.
//!
//! Pure. Never drops a reading without a counted reason, never touches an acknowledgement: a refused message is
//! acknowledged in its turn like any other.

use crate::latest::Latest;
use crate::telemetry::Intake;
use facility_config::Point;
use facility_config::limits::{BUILD_TIME_MS, CLOCK_AHEAD_MS_MAX, READING_AGE_MS_MAX};
use facility_drivers::{Batch, Fault, Reading, Subject, Value};
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

/// Settles time, finds duplicates and counts. Afterwards the batch holds exactly the readings to store.
pub fn admit(batch: &mut Batch, latest: &mut Latest, intake: &Intake, clock_is_set: bool) {
    if is_message(batch) {
        intake.messages.add(1);
    }
    if let Some(fault) = batch.refused {
        intake.refused.add(fault, 1);
        batch.readings.clear();
        return;
    }
    for fault in &batch.faults {
        intake.dropped.add(*fault, 1);
    }
    let dropped = batch.faults.iter().filter(|fault| !fault.keeps_reading()).count();
    intake.readings.add((batch.readings.len() + dropped) as u64);

    let (at_ms, clock) = settle_time(batch.device_ms, batch.at_ms, clock_is_set);
    batch.at_ms = at_ms;
    batch.provisional = clock == Some(Fault::ClockUnset);
    if let Some(fault) = clock {
        intake.dropped.add(fault, 1);
    }
    if clock.is_none() && is_repeated(batch, latest) {
        intake.dropped.add(Fault::Duplicate, batch.readings.len() as u64);
        batch.readings.clear();
    }
    if batch.subject == Subject::Event
        && let Some(device) = batch.device
    {
        batch.at_ms = latest.moment(device, batch.at_ms);
    }
    intake.stored.add(batch.readings.len() as u64);
}

/// Whether a batch is something a device said; what drivers and the gateway know themselves is no message.
#[must_use]
pub fn is_message(batch: &Batch) -> bool {
    matches!(batch.subject, Subject::Telemetry | Subject::Event)
}

/// A QoS 1 message that comes again has the device and the time stamp of the first. A stamp the device cannot be
/// trusted with (see [`settle_time`]) proves nothing.
fn is_repeated(batch: &Batch, latest: &mut Latest) -> bool {
    match (batch.device, batch.device_ms) {
        (Some(device), Some(stamp)) if !batch.readings.is_empty() => {
            let (stamp, key) = identity(batch, stamp);
            latest.seen(device, batch.subject, stamp, key)
        }
        _ => false,
    }
}

/// What tells a message from all others of its device: telemetry its time stamp; an event its own id, or, if it has
/// none, time stamp and content, for several may share a moment.
#[must_use]
pub fn identity(batch: &Batch, stamp: i64) -> (i64, u64) {
    if batch.subject != Subject::Event {
        return (stamp, 0);
    }
    if let Some(own) = batch.readings.iter().find(|reading| reading.metric.point == Point::EventKey) {
        return (0, reading_key(own));
    }
    // Added up, so that the order in which the fields come back from the log does not matter.
    (stamp, batch.readings.iter().map(reading_key).fold(0, u64::wrapping_add))
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
