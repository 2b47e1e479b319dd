#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::profile::{Message, MessageKind, MqttMap};
use crate::series::Measurement;

fn json(id: &str) -> MqttMap {
    match &builtin(id).unwrap().dialect {
        Dialect::Mqtt(map) => map.clone(),
        other => panic!("{id}: {other:?}"),
    }
}

#[test]
fn every_embedded_profile_parses_under_its_own_id_and_names_its_origin() {
    for (id, text) in EMBEDDED {
        let profile = parse(text).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(*profile.id, **id);
        assert!(profile.origin.len() > 10 && !profile.title().is_empty(), "{id}");
        assert_eq!(builtin(id).as_deref(), Some(&profile));
    }
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles")).unwrap().count();
    assert_eq!(files, EMBEDDED.len(), "a profile is not embedded");
    assert!(builtin("no-such-model").is_none());
}

#[test]
fn a_profile_maps_each_point_once() {
    for id in builtin_ids() {
        let mut points: Vec<(usize, Point, Part)> = match &builtin(id).unwrap().dialect {
            Dialect::Modbus(map) => map.points.iter().map(|register| (0, register.point, register.part)).collect(),
            Dialect::Frame(map) => map.points.iter().map(|channel| (0, channel.point, channel.part)).collect(),
            // Once in each message: which one it is decides.
            Dialect::Mqtt(map) => {
                let fields = |(at, message): (usize, &Message)| -> Vec<_> {
                    message.fields.iter().map(|field| (at, field.point, Part::WHOLE)).collect()
                };
                map.messages.iter().enumerate().flat_map(fields).collect()
            }
            Dialect::Internal => panic!("{id}"),
        };
        let all = points.len();
        points.sort_unstable();
        points.dedup();
        assert_eq!(points.len(), all, "{id}");
    }
}

/// Every pointer of the payload examples is a field, is ignored on purpose or is part of the envelope.
#[test]
fn every_field_of_the_payload_examples_is_known() {
    let examples: serde_json::Value = serde_json::from_str(include_str!("../tests/payloads.json")).unwrap();
    for (id, kind) in [
        ("locker", MessageKind::Telemetry),
        ("cabinet", MessageKind::Telemetry),
        ("vending", MessageKind::Telemetry),
        ("locker", MessageKind::Event),
    ] {
        let map = json(id);
        let message = map.messages.iter().find(|message| message.kind == kind).unwrap();
        let payload = &examples[if kind == MessageKind::Event { "event" } else { id }];
        assert_known(message, payload, id);
        for required in &message.required {
            assert!(payload.pointer(required).is_some(), "{id}: {required}");
        }
    }
}

/// Every sample of the makers' dialects is one message of its profile, and the profile knows every place in it.
#[test]
fn every_field_of_the_dialects_samples_is_known() {
    let samples: serde_json::Value = serde_json::from_str(include_str!("../tests/dialects.json")).unwrap();
    for sample in samples.as_array().unwrap().iter().filter(|sample| sample["refused"].is_null()) {
        let id = sample["profile"].as_str().unwrap();
        let payload: serde_json::Value = serde_json::from_str(sample["payload"].as_str().unwrap()).unwrap();
        let said = |pointer: &str| payload.pointer(pointer).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let topic = sample["topic"].as_str().unwrap();
        let fits = |template: &str| {
            let levels = template.split('/').zip(topic.split('/'));
            template.split('/').count() == topic.split('/').count()
                && levels.into_iter().all(|(level, part)| level == part || level.contains(['{', '+']))
        };
        let holds = |when: &crate::profile::When| said(&when.place).as_deref() == Some(&*when.equals);
        let is_it = |message: &&Message| fits(&message.topic) && message.when.iter().all(holds);
        let map = json(id);
        let message = map.messages.iter().find(is_it).unwrap_or_else(|| panic!("{id}: {payload}"));
        assert_known(message, &payload, id);
        assert!(message.required.iter().all(|required| payload.pointer(required).is_some()), "{id}: {payload}");
    }
}

/// Every place of a payload is a field, is ignored on purpose or is part of the envelope.
fn assert_known(message: &Message, payload: &serde_json::Value, id: &str) {
    let single = [&message.time, &message.id, &message.key, &message.seq, &message.parcel, &message.device];
    let part = message.part.as_ref().map(|part| &part.place);
    let known = single.into_iter().flatten().chain(part).chain(&message.ignored).chain(message.when.iter().map(|when| &when.place));
    let known: Vec<&str> = known.chain(message.fields.iter().map(|field| &field.pointer)).map(|place| &**place).collect();
    let mut found = Vec::new();
    leaves(payload, String::new(), &mut found);
    // A payload without anything in it has nothing to know.
    for pointer in found.into_iter().filter(|pointer| !pointer.is_empty()) {
        let parts = message.fields.iter().any(|field| field.part.as_deref().is_some_and(|part| pointer == format!("/lanes/*/{part}")));
        let quality = message.quality.as_deref().is_some_and(|quality| pointer.starts_with(quality));
        assert!(parts || quality || known.iter().any(|known| matches(known, &pointer)), "{id}: {pointer}");
    }
}

fn leaves(value: &serde_json::Value, at: String, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(object) if !object.is_empty() => {
            object.iter().for_each(|(key, value)| leaves(value, format!("{at}/{key}"), found))
        }
        serde_json::Value::Array(items) if items.iter().any(serde_json::Value::is_object) => {
            items.iter().for_each(|item| leaves(item, format!("{at}/*"), found))
        }
        _ => found.push(at),
    }
}

/// Whether a pointer of a payload is what a pointer with at most one `*` means.
fn matches(known: &str, pointer: &str) -> bool {
    let (known, pointer): (Vec<_>, Vec<_>) = (known.split('/').collect(), pointer.split('/').collect());
    known.len() == pointer.len() && known.iter().zip(&pointer).all(|(known, part)| known == part || *known == "*")
}

#[test]
fn references_of_people_and_goods_are_no_points() {
    let pointers: Vec<String> = ["locker", "cabinet", "vending"]
        .iter()
        .flat_map(|id| json(id).messages)
        .flat_map(|message| message.fields.into_iter().map(|field| field.pointer.into_string()))
        .collect();
    for private in ["ref", "eid", "sku", "phone", "code_pickup"] {
        assert!(pointers.iter().all(|pointer| pointer.rsplit('/').next() != Some(private)), "{private}");
    }
}

#[test]
fn each_mqtt_profile_has_its_three_messages() {
    for id in ["locker", "cabinet", "vending"] {
        let kinds: Vec<_> =
            json(id).messages.iter().map(|message| (message.kind, message.topic.rsplit('/').next().unwrap().to_owned())).collect();
        let expected =
            [(MessageKind::Telemetry, "telemetry".into()), (MessageKind::Event, "event".into()), (MessageKind::Status, "status".into())];
        assert_eq!(kinds, expected, "{id}");
        let event = &json(id).messages[1];
        assert_eq!(event.part.as_ref().map(|part| &*part.place), Some("/type"));
        assert!(event.fields.iter().all(|field| field.point.measurement() == Measurement::Event));
    }
}

#[test]
fn a_faulty_profile_is_refused_with_its_reason() {
    let good = include_str!("../profiles/dixell-xjp60d.toml");
    let cases = [
        ("point = \"cabinet.air_c\"", "point = \"cabinet.air\"", "no point `cabinet.air`"),
        ("point = \"cabinet.air_c\"", "point = \"cabinet_5m.air_mean_c\"", "does not deliver"),
        ("point = \"cabinet.air_c\"", "point = \"cabinet.mode\"", "map of words"),
        ("registers_max = 1", "registers_max = 126", "registers_max"),
        ("type = \"i16\"", "type = \"i32\"", "torn"),
        ("table = \"holding\"", "table = \"coil\"", "bool"),
        ("range = [-60.0, 80.0]", "range = [80.0, -60.0]", "range is empty"),
        ("interval_s = 60", "interval_s = 0", "interval_s"),
        ("gap_max = 0", "gap = 0", "unknown field"),
        ("[modbus]", "[mqtt]\nmessage = []\n[modbus]", "one of"),
    ];
    for (from, to, reason) in cases {
        assert!(good.contains(from), "{from}");
        let error = parse(&good.replace(from, to)).unwrap_err();
        assert!(error.contains(reason), "{to}: {error}");
    }
}
