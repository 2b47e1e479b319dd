//! What only devices on a broker have: their name in topics and payloads, whose clock counts, how much is taken of them.

use crate::device::Ingest;
use crate::problem;
use crate::profile::{Dialect, Profile};
use crate::raw;
use crate::report::{Complaint, Report, join};

/// Longest name in a topic or payload, bytes.
const TOPIC_ID_BYTES_MAX: usize = 64;

/// Keys that mean nothing to a device on a bus, and whether they are given.
pub(super) fn keys_of_a_broker(raw: &raw::Device) -> [(&'static str, bool); 5] {
    [
        ("topic_id", raw.topic_id.is_some()),
        ("clock", raw.clock.is_some()),
        ("clock_offset_s", raw.clock_offset_s.is_some()),
        ("messages_per_s_max", raw.messages_per_s_max.is_some()),
        ("series_max", raw.series_max.is_some()),
    ]
}

/// How its messages are taken.
pub(super) fn ingest(path: &str, raw: &raw::Device, report: &mut Report) -> Ingest {
    let usual = Ingest::default();
    let own_clock = raw.clock.map_or(usual.own_clock, |clock| clock == raw::StampClock::Own);
    let key = join(path, "clock_offset_s");
    if !own_clock && raw.clock_offset_s.is_some() && !report.is_bad(&key) {
        let message = format!("`{key}` has no meaning with clock = \"gateway\": the device's time is not used");
        report.key(&key, Complaint::new(problem::CONFLICT, message).hint("remove one of them"));
    }
    Ingest {
        own_clock,
        clock_offset_ms: raw.clock_offset_s.map_or(usual.clock_offset_ms, |offset_s| offset_s * 1000),
        messages_per_s_max: raw.messages_per_s_max.unwrap_or(usual.messages_per_s_max),
        series_max: raw.series_max.unwrap_or(usual.series_max),
    }
}

/// The name in topics and payloads. In a topic it must be one level and no wildcard, in a payload it can be anything short.
pub(super) fn topic_id(id: &str, key: &str, raw: &raw::Device, profile: Option<&Profile>, report: &mut Report) -> Option<Box<str>> {
    let Some(topic_id) = raw.topic_id.as_deref() else { return (!report.is_bad(key)).then(|| id.into()) };
    let is_level = profile.is_none_or(named_in_topics);
    if topic_id.len() > TOPIC_ID_BYTES_MAX || is_level && topic_id.contains(['/', '+', '#', '$', ' ']) {
        let (what, hint) = match is_level {
            true => ("one level of a topic", format!("up to {TOPIC_ID_BYTES_MAX} bytes without /, +, #, $ and blanks")),
            false => ("short", format!("up to {TOPIC_ID_BYTES_MAX} bytes")),
        };
        report.value(key, Complaint::new(problem::BAD_NAME, format!("`{key}` must be {what}")).hint(hint));
        return None;
    }
    Some(topic_id.into())
}

/// Whether devices of this model are told apart by a level of their topics, not by a place in their payloads only.
fn named_in_topics(profile: &Profile) -> bool {
    match &profile.dialect {
        Dialect::Mqtt(map) => map.messages.iter().any(|message| message.device.as_deref().is_none_or(|place| place.starts_with('{'))),
        _ => true,
    }
}
