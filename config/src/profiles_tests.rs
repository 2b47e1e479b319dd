#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::series::Measurement;

fn json(id: &str) -> JsonMap {
    match &builtin(id).unwrap().dialect {
        Dialect::Json(map) => map.clone(),
        other => panic!("{id}: {other:?}"),
    }
}

fn modbus(id: &str) -> ModbusMap {
    match &builtin(id).unwrap().dialect {
        Dialect::Modbus(map) => map.clone(),
        other => panic!("{id}: {other:?}"),
    }
}

#[test]
fn every_embedded_profile_parses_under_its_own_id_and_names_its_origin() {
    for (id, text) in EMBEDDED {
        let profile = parse(text).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(*profile.id, **id);
        assert!(profile.origin.len() > 10 && !profile.title.is_empty(), "{id}");
        assert_eq!(builtin(id).as_deref(), Some(&profile));
    }
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles")).unwrap().count();
    assert_eq!(files, EMBEDDED.len(), "a profile is not embedded");
    assert!(builtin("no-such-model").is_none());
}

#[test]
fn a_profile_maps_each_point_once() {
    for id in builtin_ids() {
        let mut points: Vec<Point> = match &builtin(id).unwrap().dialect {
            Dialect::Modbus(map) => map.points.iter().map(|register| register.point).collect(),
            Dialect::Json(map) => map.messages.iter().flat_map(|message| message.fields.iter().map(|field| field.point)).collect(),
            Dialect::Internal => panic!("{id}"),
        };
        let all = points.len();
        points.sort_unstable();
        points.dedup();
        assert_eq!(points.len(), all, "{id}");
    }
}

/// Registers as DOMAIN §2 has them: point, address, scale.
#[test]
fn registers_are_where_the_makers_put_them() {
    let ekc: &[(Point, u16, f64)] = &[
        (Point::CabinetAir, 2531, 0.1),
        (Point::CabinetEvap, 1010, 0.1),
        (Point::CabinetSetpoint, 2545, 0.1),
        (Point::CabinetMode, 2006, 1.0),
        (Point::CabinetCompressor, 2509, 1.0),
        (Point::CabinetFan, 2510, 1.0),
        (Point::CabinetDefrost, 2511, 1.0),
        (Point::CabinetDoor, 2001, 1.0),
        (Point::CabinetLight, 2583, 1.0),
        (Point::CabinetAlarm, 2540, 1.0),
    ];
    let sdm: &[(Point, u16, f64)] = &[
        (Point::EnergyVoltage, 0, 1.0),
        (Point::EnergyCurrent, 6, 1.0),
        (Point::EnergyActive, 12, 1.0),
        (Point::EnergyReactive, 24, 1.0),
        (Point::EnergyPowerFactor, 30, 1.0),
        (Point::EnergyFrequency, 70, 1.0),
        (Point::EnergyTotal, 72, 1.0),
    ];
    let cases = [
        ("danfoss-ekc202d", ekc, Table::Holding, 1),
        ("dixell-xjp60d", &[(Point::CabinetAir, 256, 0.1)][..], Table::Holding, 1),
        ("eastron-sdm120", sdm, Table::Input, 80),
    ];
    for (id, expected, table, registers_max) in cases {
        let map = modbus(id);
        let found: Vec<_> = map.points.iter().map(|register| (register.point, register.address, register.scale)).collect();
        assert_eq!(found, expected, "{id}");
        assert!(map.points.iter().all(|register| register.table == table), "{id}");
        assert_eq!(map.registers_max, registers_max, "{id}");
    }
    assert!(
        modbus("eastron-sdm120").points.iter().all(|register| register.ty == RegisterType::F32 && register.order == WordOrder::HighFirst)
    );
    assert_eq!(modbus("dixell-xjp60d").points[0].status, Some(StatusCheck { address: 257, mask: 3, bad: 3 }));
}

#[test]
fn control_states_become_modes_of_the_data_model() {
    let map = modbus("danfoss-ekc202d");
    let modes = &map.points.iter().find(|register| register.point == Point::CabinetMode).unwrap().map;
    let words = json("cabinet").messages[0].fields.iter().find(|field| field.point == Point::CabinetMode).unwrap().words.clone();
    assert!(modes.iter().all(|(_, word)| words.contains(word)), "{modes:?}");
    let mode = |state: i64| modes.iter().find(|(raw, _)| *raw == state).map(|(_, word)| &**word);
    let expected = [(0, "cooling"), (4, "drip"), (10, "off"), (11, "idle"), (14, "defrost"), (17, "idle"), (20, "fault"), (29, "cleaning")];
    for (state, word) in expected {
        assert_eq!(mode(state), Some(word), "state {state}");
    }
    assert_eq!(mode(13), None);
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
        let mut found = Vec::new();
        leaves(payload, String::new(), &mut found);
        for pointer in found {
            let known = message
                .fields
                .iter()
                .map(|field| &field.pointer)
                .chain(&message.ignored)
                .chain(&message.time)
                .chain(&message.id)
                .chain(&message.key)
                .chain(&message.part);
            let parts = message.fields.iter().any(|field| field.part.as_deref().is_some_and(|part| pointer == format!("/lanes/*/{part}")));
            let quality = message.quality.as_deref().is_some_and(|quality| pointer.starts_with(quality));
            assert!(parts || quality || known.into_iter().any(|known| matches(known, &pointer)), "{id}: {pointer}");
        }
        for required in &message.required {
            assert!(payload.pointer(required).is_some(), "{id}: {required}");
        }
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
        assert_eq!(event.part.as_deref(), Some("/type"));
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
        ("[modbus]", "[json]\nmessage = []\n[modbus]", "either"),
    ];
    for (from, to, reason) in cases {
        assert!(good.contains(from), "{from}");
        let error = parse(&good.replace(from, to)).unwrap_err();
        assert!(error.contains(reason), "{to}: {error}");
    }
}
