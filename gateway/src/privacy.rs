//! What is the trace of a household, and so stays here. Pure; the one place that decides it.
//!
//! 个人信息保护法 (PIPL, 2021) art. 6: only what the purpose needs, in the way that touches people least. Art. 28: traces of
//! where somebody was (行踪轨迹) are sensitive. When which compartment of a parcel locker was filled and emptied is such a trace
//! of the household that uses it, without any name in it (DOMAIN §7). So of what people do at a locker only that it happened
//! is kept, and only here; the database gets the counts (`locker_5m`). What is wrong with a locker is about no person: it
//! keeps its compartment and goes out.
//!
//! What is taken away here is no fault and is not counted as dropped: it was never to be taken.

use crate::store::record::MetricName;
use facility_config::{Kind, Measurement, Part, Point};
use facility_drivers::Batch;

/// Events of a locker that are about the machine. An allow-list: a word nobody knows is taken for something people did.
const TECHNICAL: [&str; 10] = [
    "alarm_cleared",
    "alarm_raised",
    "boot",
    "config_changed",
    "door_ajar",
    "lock_fault",
    "open_fail",
    "power_lost",
    "power_restored",
    "tamper",
];

/// Fields of an event that tell one household from another.
const TELLING: [Point; 3] = [Point::EventTarget, Point::EventCode, Point::EventAmount];

/// Whether an event of this type, at a device of this kind, is something people did there.
#[must_use]
pub fn is_household(kind: Kind, event: Part) -> bool {
    kind == Kind::Locker && !TECHNICAL.contains(&event.as_str())
}

/// Whether it depends on the event what becomes of this point at a device of this kind.
#[must_use]
pub fn is_split(kind: Kind, point: Point) -> bool {
    kind == Kind::Locker && point.measurement() == Measurement::Event
}

/// Whether a point of an event tells one household from another.
#[must_use]
pub fn is_telling(point: Point) -> bool {
    TELLING.contains(&point)
}

/// Type of the event a batch is about, if it is about one.
#[must_use]
pub fn event_of(batch: &Batch) -> Option<Part> {
    let event = batch.readings.iter().find(|reading| reading.metric.point.measurement() == Measurement::Event);
    event.map(|reading| reading.metric.part)
}

/// Takes out of a household's event what tells which household, before anything of it is stored.
pub fn strip(kind: Kind, batch: &mut Batch) {
    batch.readings.retain(|reading| !(TELLING.contains(&reading.metric.point) && is_household(kind, reading.metric.part)));
}

/// Whether values of a device of this kind never leave the gateway.
#[must_use]
pub fn stays_here(kind: Option<Kind>, point: Point, part: Part) -> bool {
    let is_event = point.measurement() == Measurement::Event;
    // Which compartment stood open, and from when to when, is a trace too; that one did is not.
    let is_compartment = point == Point::AlarmTarget && kind == Some(Kind::Locker);
    point.stays_here() || is_compartment || (is_event && kind.is_some_and(|kind| is_household(kind, part)))
}

/// The same for a stored series and the tags of who recorded it. A field that only another version knows stays if its
/// measurement does.
#[must_use]
pub fn is_kept_back(tags: &str, metric: &MetricName) -> bool {
    match metric.point {
        Some(point) if matches!(point.measurement(), Measurement::Event | Measurement::Alarm) => {
            stays_here(kind_of(tags), point, metric.part)
        }
        Some(point) => point.stays_here(),
        None => {
            let measurement = metric.name.split_once('.').map_or("", |(measurement, _)| measurement);
            let sibling = Point::ALL.iter().find(|point| point.measurement().info().name == measurement);
            sibling.is_some_and(|sibling| match sibling.measurement() {
                // Any of its fields but the key, which stays everywhere.
                Measurement::Event => stays_here(kind_of(tags), Point::EventCount, metric.part),
                _ => sibling.stays_here(),
            })
        }
    }
}

/// Kind of a device, from its tags.
fn kind_of(tags: &str) -> Option<Kind> {
    let word = tags.split(',').find_map(|tag| tag.strip_prefix("kind="))?;
    [Kind::Gateway, Kind::Locker, Kind::Cabinet, Kind::Vending, Kind::Meter].into_iter().find(|kind| kind.as_str() == word)
}

#[cfg(test)]
mod tests;
