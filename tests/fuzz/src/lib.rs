//! What is fuzzed, one function per target. `drivers/tests/corpus.rs` runs the same functions over the committed inputs, so
//! that the ordinary suite guards whatever was found once.
//!
//! Each panics if a decoder does, or if it breaks one of its bounds.

use facility_config::profile::{Dialect, Message, Profile, builtin, builtin_ids};
use facility_config::{Kind, Site, from_toml, limits};
use facility_drivers::decode::message::sparkplug::Nodes;
use facility_drivers::decode::message::{Arrival, MessageDecoder, body, cbor, dts, topic as topics};
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

/// 2026-09-01T08:00:00+08:00, Unix ms.
const NOW_MS: i64 = 1_788_220_800_000;

/// Topics and filters: `FILTER \n TOPIC`; the topic also goes to whoever routes by it.
pub fn topic(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (filter, topic) = text.split_once('\n').unwrap_or(("+/+", &text));
    let _ = topics::matches(filter, topic);
    let (site, _) = everyone();
    decode(site, topic, br#"{"v":1}"#);
    let _ = Nodes::new().read(topic, b"");
}

/// A message of one of the devices of all built-in profiles: one byte that says on which topic, and the body.
pub fn payload(input: &[u8]) {
    let [which, body @ ..] = input else { return };
    let (_, topics) = everyone();
    let (owner, topic) = &topics[usize::from(*which) % topics.len()];
    decode(&alone()[*owner], topic, body);
}

/// Compressed bodies.
pub fn body(input: &[u8]) {
    if let Ok((plain, _)) = body::unpack(input) {
        assert!(plain.len() <= limits::PAYLOAD_BYTES_MAX);
    }
}

/// CBOR.
pub fn cbor(input: &[u8]) {
    if let Ok(value) = cbor::read(input) {
        assert_bounded(&value);
    }
}

/// EVA-DTS audit files: as they are, and as the inside of a whole one without a checksum.
pub fn dts(input: &[u8]) {
    for file in [input, &[b"ST*001*0001\r\n", input, b"\r\nSE\r\n"].concat()] {
        if let Ok(value) = dts::read(file) {
            assert_bounded(&value);
        }
    }
}

/// Messages of Sparkplug nodes, one after the other: a byte for the topic, a byte for the length, and the payload.
pub fn sparkplug(input: &[u8]) {
    const KINDS: [&str; 6] = ["NBIRTH/n", "DBIRTH/n/d", "NDATA/n", "DDATA/n/d", "NDEATH/n", "DDEATH/n/d"];
    let mut nodes = Nodes::new();
    let mut rest = input;
    while let [kind, length, more @ ..] = rest {
        let (payload, behind) = more.split_at(more.len().min(usize::from(*length)));
        let topic = format!("spBv1.0/g/{}", KINDS[usize::from(*kind) % KINDS.len()]);
        if let Ok(report) = nodes.read(&topic, payload) {
            assert_bounded(&report.values);
        }
        rest = behind;
    }
}

fn decode(site: &Site, topic: &str, payload: &[u8]) {
    let mut decoder = MessageDecoder::new(site, 0);
    for retained in [false, true] {
        let arrival = Arrival { topic, payload, retained, now_ms: NOW_MS };
        let batch = decoder.decode(&arrival);
        assert!(batch.readings.len() <= limits::READINGS_PER_MESSAGE_MAX);
        assert!(batch.refused.is_none() || batch.readings.is_empty());
        let (_, explained) = decoder.explain(&arrival);
        assert!(explained.unpacked_bytes <= limits::PAYLOAD_BYTES_MAX.max(payload.len()));
        let (redacted, _) = decoder.redact(&arrival);
        assert!(redacted.len() <= limits::LETTER_BYTES_MAX);
    }
    if let Some(heard) = decoder.heard() {
        assert!(heard.strangers.len() <= limits::STRANGERS_MAX && heard.places.len() <= limits::DROPPED_PLACES_MAX * 2);
    }
}

/// No deeper and with no more values than any body may have.
fn assert_bounded(value: &Value) {
    let mut left = vec![(value, 1)];
    let mut values = 0;
    while let Some((value, depth)) = left.pop() {
        values += 1;
        assert!(depth <= limits::JSON_DEPTH_MAX + 1 && values <= limits::PAYLOAD_BYTES_MAX);
        match value {
            Value::Array(items) => left.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(members) => left.extend(members.values().map(|item| (item, depth + 1))),
            _ => {}
        }
    }
}

/// A site with a device of every built-in profile that speaks MQTT, and all topics they speak on, with the number of the profile.
fn everyone() -> &'static (Site, Vec<(usize, String)>) {
    static SITE: OnceLock<(Site, Vec<(usize, String)>)> = OnceLock::new();
    SITE.get_or_init(|| {
        let profiles = profiles();
        let topics = profiles.iter().enumerate().flat_map(|(at, profile)| topics_of(profile).into_iter().map(move |topic| (at, topic)));
        (site(&profiles), topics.collect())
    })
}

/// A site for each of these profiles alone: a decoder is made for every input, and a small one is made quickly.
fn alone() -> &'static [Site] {
    static SITES: OnceLock<Vec<Site>> = OnceLock::new();
    SITES.get_or_init(|| profiles().iter().map(|profile| site(std::slice::from_ref(profile))).collect())
}

fn profiles() -> Vec<Arc<Profile>> {
    builtin_ids().filter_map(builtin).filter(|profile| matches!(profile.dialect, Dialect::Mqtt(_))).collect()
}

fn site(profiles: &[Arc<Profile>]) -> Site {
    let mut text =
        String::from("[gateway]\nid = \"gw-fuzz\"\nsite = \"fuzz\"\ndistrict = \"350102\"\n[mqtt.b]\nurl = \"mqtt://127.0.0.1\"\n");
    for profile in profiles {
        let (id, kind) = (&profile.id, profile.kind);
        write!(text, "[device.d-{id}]\nprofile = \"{id}\"\nmqtt = \"b\"\n").expect("a text takes everything");
        if kind == Kind::Cabinet {
            text.push_str("cold = \"frozen\"\n");
        }
    }
    from_toml("fuzz", &text).expect("a configuration without mistakes")
}

fn topics_of(profile: &Profile) -> Vec<String> {
    let Dialect::Mqtt(map) = &profile.dialect else { return Vec::new() };
    let device = format!("d-{}", profile.id);
    let known = [("{site}", "fuzz"), ("{kind}", profile.kind.as_str()), ("{device}", &device)];
    // A level that does not matter is the one that matters in Sparkplug.
    let level = |level: &str| match level {
        "+" => "DBIRTH".to_owned(),
        level if level.starts_with('{') => "x".to_owned(),
        level => level.to_owned(),
    };
    let topic = |message: &Message| {
        let topic = known.iter().fold(message.topic.to_string(), |topic, (part, name)| topic.replace(part, name));
        topic.split('/').map(level).collect::<Vec<_>>().join("/")
    };
    map.messages.iter().map(topic).collect()
}
