#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::decode::message::Matched;
use facility_drivers::{Fault, Metric, Quality, Value};

fn told() -> Told {
    let lane = Metric { point: Point::LaneLevel, part: Part::new("A1").unwrap() };
    let step = |place: &str, found, fate| Step { place: place.into(), found, fate };
    let steps = vec![
        step("/ts", "text", Fate::Used("time")),
        step("/status", "text", Fate::Reading(Point::VendingStatus.into(), Value::Text("in_service".into()))),
        step("/lanes/0/level", "number", Fate::Reading(lane, Value::Int(5))),
        step("/temps/air", "null", Fate::Reading(Point::VendingAir.into(), Value::Missing(Quality::SensorError))),
        step("/v", "number", Fate::Ignored),
        step("/owner", "text", Fate::Dropped(Fault::UnknownField)),
    ];
    let route = Matched { device: DeviceIx(1), profile: "vending".into(), template: "t/{device}".into() };
    let explained = Explained {
        route: Some(route),
        format: "json".into(),
        unpacked_bytes: 240,
        steps,
        refused: None,
        device_ms: Some(7),
        seq: Some(3),
    };
    Told { at_ms: 9, topic: "t/VM01".into(), bytes: 250, qos: 1, retained: false, explained }
}

#[test]
fn a_message_is_shown_as_published() {
    let devices = [("gw-01".into(), Kind::Gateway), ("vm-01".into(), Kind::Vending)];
    let line = Line::of(&told(), &devices);
    let json = serde_json::to_value(&line).unwrap();
    assert_eq!((json["device"].as_str(), json["seq"].as_u64(), json["bytes"].as_u64()), (Some("vm-01"), Some(3), Some(250)));
    let expected = serde_json::json!([
        {"place": "/ts", "found": "text", "fate": "used", "what": "time"},
        {"place": "/status", "found": "text", "fate": "reading", "point": "vending.status", "part": "", "value": "in_service", "quality": "good"},
        {"place": "/lanes/0/level", "found": "number", "fate": "reading", "point": "lane.level", "part": "A1", "value": 5, "quality": "good"},
        {"place": "/temps/air", "found": "null", "fate": "reading", "point": "vending.air_c", "part": "", "value": null, "quality": "sensor_error"},
        {"place": "/v", "found": "number", "fate": "ignored"},
        {"place": "/owner", "found": "text", "fate": "dropped", "reason": "unknown_field"},
    ]);
    assert_eq!(json["steps"], expected);
    assert_eq!(serde_json::from_value::<Line>(json).unwrap(), line, "what reads it reads all of it");
    assert!(line.drops());
}

#[test]
fn a_message_of_nobody_has_no_names_and_is_a_drop() {
    let mut told = told();
    told.explained.route = None;
    told.explained.refused = Some(Fault::UnknownDevice);
    told.explained.steps.clear();
    let line = Line::of(&told, &[]);
    assert_eq!((line.device.as_deref(), line.refused.as_deref()), (None, Some("unknown_device")));
    assert!(line.drops());
    told.explained.refused = None;
    assert!(!Line::of(&told, &[]).drops());
}

#[test]
fn which_compartment_people_used_is_not_shown_and_which_one_is_broken_is() {
    for (kind, event, is_shown) in
        [(Kind::Locker, "deposit", false), (Kind::Locker, "lock_fault", true), (Kind::Vending, "vend_fail", true)]
    {
        let part = Part::new(event).unwrap();
        let step = |point, value| Step { place: "/x".into(), found: "text", fate: Fate::Reading(Metric { point, part }, value) };
        let mut told = told();
        told.explained.steps =
            vec![step(Point::EventTarget, Value::Text("A07".into())), step(Point::EventOutcome, Value::Text("ok".into()))];
        let text = serde_json::to_string(&Line::of(&told, &[("gw-01".into(), Kind::Gateway), ("x-01".into(), kind)])).unwrap();
        assert_eq!(text.contains("A07"), is_shown, "{text}");
        assert!(text.contains("event.target") && text.contains(r#""value":"ok""#), "{text}");
    }
}
