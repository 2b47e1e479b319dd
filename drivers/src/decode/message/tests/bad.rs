//! What is wrong with a payload, what it costs, and what is kept beside it (RELIABILITY F18, F23, F24).

use super::{decode, readings};
use crate::decode::message::fixture::{
    CABINET, CABINET_EXAMPLE, CABINET_TOPIC, EVENT_TOPIC, LOCKER, LOCKER_EXAMPLE, LOCKER_TOPIC, STATUS_TOPIC, VENDING_TOPIC,
};
use crate::fault::Fault::{self, *};
use crate::reading::{Quality, Subject, Value};
use facility_config::Point::{self, *};
use facility_config::limits::{JSON_DEPTH_MAX, PAYLOAD_BYTES_MAX, READINGS_PER_MESSAGE_MAX};

/// A cabinet's payload with these members beside a good evaporator temperature.
fn cabinet(members: &str) -> String {
    format!(r#"{{"v":1,"id":"tj-aofengzhou-fz-02","ts":1788220800,"temps":{{"evaporator":-27.1{members}}}}}"#)
}

#[test]
fn one_bad_value_costs_one_value() {
    let air = |value: &str| cabinet(&format!(r#","air":{value}"#));
    let missing = |quality| Some(Value::Missing(quality));
    let cases: &[(String, &[Fault], Option<Value>)] = &[
        (air("-0"), &[], Some(Value::Float(0.0))),
        (air("-0.0"), &[], Some(Value::Float(0.0))),
        (air("4"), &[], Some(Value::Float(4.0))),
        (air("null"), &[], missing(Quality::SensorError)),
        (air("80.1"), &[], missing(Quality::OutOfRange)),
        (air("123456789012345678901234567890"), &[], missing(Quality::OutOfRange)),
        (air("18446744073709551615"), &[], missing(Quality::OutOfRange)),
        (air("1e400"), &[NotFinite], None),
        (air("-1E+999"), &[NotFinite], None),
        (air("NaN"), &[NotFinite], None),
        (air("-Infinity"), &[NotFinite], None),
        (air(r#""NaN""#), &[NotFinite], None),
        (air(r#""3.5""#), &[WrongType], None),
        (air(r#""3.5°C""#), &[WrongType], None),
        (air(r#""""#), &[WrongType], None),
        (air("true"), &[WrongType], None),
        (air("[1,2,{\"x\":3}]"), &[WrongType], None),
        (air("{\"value\":3}"), &[WrongType], None),
        (cabinet(r#","phone":"13800138000""#), &[UnknownField], None),
        (cabinet(r#","phone":{"a":["\ud800"],"b":1e999}"#), &[UnknownField], None),
        (cabinet(r#","a":1,"b":2,"a":3"#), &[UnknownField; 3], None),
    ];
    for (payload, faults, air) in cases {
        let batch = decode(CABINET_TOPIC, payload);
        assert_eq!((batch.refused, &*batch.faults), (None, *faults), "{payload}");
        let mut expected: Vec<_> = air.iter().map(|value| (CabinetAir, String::new(), value.clone())).collect();
        expected.push((CabinetEvap, String::new(), Value::Float(-27.1)));
        assert_eq!(readings(&batch), expected, "{payload}");
    }
    // −0 has the bytes of 0.
    let batch = decode(CABINET_TOPIC, air("-0.0"));
    let zero = batch.readings.iter().find(|reading| reading.metric.point == CabinetAir).map(|reading| reading.value.clone());
    assert!(matches!(zero, Some(Value::Float(zero)) if zero.is_sign_positive()));
}

#[test]
fn counts_booleans_and_words_are_strict() {
    let state = |point: Point, member: &str, expected: Result<Value, Fault>| (point, member.to_owned(), expected);
    let long = format!(r#""target":"{}""#, "x".repeat(65));
    let cases = [
        (LOCKER_TOPIC, state(LockerTotal, r#""compartments":{"total":2.6}"#, Err(WrongType))),
        (LOCKER_TOPIC, state(LockerTotal, r#""compartments":{"total":2.0}"#, Err(WrongType))),
        (LOCKER_TOPIC, state(LockerTotal, r#""compartments":{"total":true}"#, Err(WrongType))),
        (LOCKER_TOPIC, state(LockerTotal, r#""compartments":{"total":-0}"#, Ok(Value::Int(0)))),
        (LOCKER_TOPIC, state(LockerTotal, r#""compartments":{"total":9223372036854775808}"#, Ok(Value::Missing(Quality::OutOfRange)))),
        (LOCKER_TOPIC, state(LockerTotal, r#""compartments":{"total":1e400}"#, Err(NotFinite))),
        (LOCKER_TOPIC, state(LockerMainsOk, r#""compartments":{},"env":{"mains_ok":"true"}"#, Err(WrongType))),
        (LOCKER_TOPIC, state(LockerMainsOk, r#""compartments":{},"env":{"mains_ok":1}"#, Err(WrongType))),
        (LOCKER_TOPIC, state(LockerOccupancySource, r#""compartments":{"occupancy_source":"guess"}"#, Err(BadText))),
        (LOCKER_TOPIC, state(LockerOccupancySource, r#""compartments":{"occupancy_source":5}"#, Err(WrongType))),
        (EVENT_TOPIC, state(EventTarget, r#""type":"boot","target":"A-7""#, Ok(Value::Text("A-7".into())))),
        (EVENT_TOPIC, state(EventTarget, &format!(r#""type":"boot",{long}"#), Err(BadText))),
        (EVENT_TOPIC, state(EventTarget, r#""type":"boot","target":"a\nb""#, Err(BadText))),
        // A telephone number has no business in a compartment's name.
        (EVENT_TOPIC, state(EventTarget, r#""type":"boot","target":"13800138000""#, Err(Personal))),
    ];
    for (topic, (point, members, expected)) in cases {
        let batch = decode(topic, format!(r#"{{"v":1,"id":"gl-junmen-lk-01","ts":0,{members}}}"#));
        assert_eq!(batch.refused, None, "{members}");
        let value = batch.readings.iter().find(|reading| reading.metric.point == point).map(|reading| reading.value.clone());
        assert_eq!(value.ok_or_else(|| batch.faults.first().copied()), expected.clone().map_err(Some), "{members}");
        assert_eq!(batch.faults.len(), usize::from(expected.is_err()), "{members}");
    }
}

#[test]
fn one_bad_message_costs_one_message() {
    let id = r#""v":1,"id":"tj-aofengzhou-fz-02","ts":0"#;
    let temps = |inside: &str| format!("{{{id},\"temps\":{inside}}}").into_bytes();
    let deep = |depth: usize| temps(&format!("{{\"x\":{}{}}}", "[".repeat(depth - 2), "]".repeat(depth - 2)));
    let utf16: Vec<u8> = CABINET_EXAMPLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: Vec<(&str, Vec<u8>, Fault)> = vec![
        ("empty", Vec::new(), Undecodable),
        ("text", b"hello".to_vec(), Undecodable),
        ("scalar", b"5".to_vec(), Undecodable),
        ("null", b"null".to_vec(), Undecodable),
        ("list", b"[1]".to_vec(), Undecodable),
        ("not UTF-8", temps("{\"air\":1,\"x\":\"\u{1}\"}").iter().map(|b| if *b == 1 { 0xff } else { *b }).collect(), Undecodable),
        ("UTF-16", utf16, Undecodable),
        ("BOM", [b"\xef\xbb\xbf", CABINET_EXAMPLE.as_bytes()].concat(), Undecodable),
        ("truncated", CABINET_EXAMPLE.as_bytes()[..200].to_vec(), Undecodable),
        ("trailing garbage", [CABINET_EXAMPLE.as_bytes(), b"}"].concat(), Undecodable),
        ("two documents", [CABINET_EXAMPLE.as_bytes(), b"{}"].concat(), Undecodable),
        ("lone surrogate", format!(r#"{{{id},"temps":{{}},"state":{{"mode":"\ud800"}}}}"#).into_bytes(), Undecodable),
        ("same name twice", temps(r#"{"air":1,"air":2}"#), Undecodable),
        ("same name twice, first null", temps(r#"{"air":null,"air":2}"#), Undecodable),
        ("100,000 brackets", "[".repeat(100_000).into_bytes(), Undecodable),
        ("100,000 brackets in an unknown field", format!("{{\"x\":{}", "[".repeat(100_000)).into_bytes(), Undecodable),
        ("100,000 braces", "{\"temps\":".repeat(25_000).into_bytes(), Undecodable),
        ("one level too deep", deep(JSON_DEPTH_MAX + 1), Undecodable),
        ("truncated NaN", br#"{"temps":{"air":NaN"#.to_vec(), Undecodable),
        ("too many bytes", vec![b' '; PAYLOAD_BYTES_MAX + 1], Oversize),
        ("another device's id", cabinet("").replace("fz-02", "fz-03").into_bytes(), ForeignId),
        ("no id in the id", cabinet("").replace("\"tj-aofengzhou-fz-02\"", "{}").into_bytes(), ForeignId),
        ("no id", format!("{{{},\"temps\":{{}}}}", r#""v":1,"ts":0"#).into_bytes(), MissingField),
        ("no temperatures", format!("{{{id}}}").into_bytes(), MissingField),
    ];
    for (name, payload, fault) in cases {
        let batch = decode(CABINET_TOPIC, payload);
        assert_eq!((batch.refused, batch.device), (Some(fault), Some(CABINET)), "{name}");
        assert_eq!((batch.readings.len(), batch.faults.len()), (0, 0), "{name}");
    }
    let allowed = decode(CABINET_TOPIC, deep(JSON_DEPTH_MAX));
    assert_eq!((allowed.refused, &*allowed.faults), (None, &[UnknownField][..]));
    let brackets = format!("\"{}\\\"{{{{\"", "[{".repeat(100));
    let quoted = decode(CABINET_TOPIC, temps(&format!("{{\"air\":1,\"x\":{brackets}}}")));
    assert_eq!((quoted.refused, quoted.readings.len()), (None, 1), "brackets in a text do not nest");
}

#[test]
fn an_event_without_a_type_is_refused() {
    let event = |members: &str| decode(EVENT_TOPIC, format!(r#"{{"v":1,"id":"gl-junmen-lk-01","ts":0{members}}}"#)).refused;
    assert_eq!(event(""), Some(MissingField));
    assert_eq!(event(r#","type":null"#), Some(WrongType));
    assert_eq!(event(r#","type":"""#), Some(BadText));
    assert_eq!(event(r#","type":["boot"]"#), Some(WrongType));
    assert_eq!(event(r#","type":"a name that is longer than a part""#), Some(BadText));
    assert_eq!(event(r#","type":"boot""#), None);
}

#[test]
fn a_time_that_is_none_is_a_fault_and_the_readings_stay() {
    let times = [r#""yesterday""#, r#""2026-09-01T08:00:00""#, r#""2026-13-01T08:00:00Z""#, "-5", "1e20", "true", "{}", r#""""#, "1e400"];
    for time in times {
        let batch = decode(CABINET_TOPIC, cabinet("").replace("1788220800", time));
        assert_eq!((batch.refused, batch.device_ms, &*batch.faults), (None, None, &[WrongType][..]), "{time}");
        assert_eq!(batch.readings.len(), 1, "{time}");
    }
}

#[test]
fn a_quality_that_is_none_is_a_fault_and_the_reading_stays() {
    let cases = [
        (r#"{"temps.evaporator":"broken"}"#, BadText),
        (r#"{"temps.evaporator":3}"#, WrongType),
        (r#"{"temps.evaporator":["stale"]}"#, WrongType),
        (r#"{"temps.nothing":"stale"}"#, UnknownField),
        (r#""stale""#, WrongType),
    ];
    for (quality, fault) in cases {
        let payload = cabinet("").replace("\"temps\"", &format!("\"quality\":{quality},\"temps\""));
        let batch = decode(CABINET_TOPIC, &payload);
        assert_eq!((batch.refused, &*batch.faults), (None, &[fault][..]), "{quality}");
        assert_eq!(readings(&batch), [(CabinetEvap, String::new(), Value::Float(-27.1))], "{quality}");
    }
}

#[test]
fn a_lane_without_a_name_of_its_own_is_dropped_and_the_others_stay() {
    let cases: &[(&str, &[Fault], &[&str])] = &[
        (r#"[{"no":"A1","level":1,"par":2},{"level":3,"par":4}]"#, &[MissingField, MissingField], &["A1", "A1"]),
        (r#"[{"no":"A1","level":1},{"no":"A1","level":3}]"#, &[Duplicate], &["A1"]),
        (r#"[{"no":"A1","level":1},{"no":null,"level":3}]"#, &[WrongType], &["A1"]),
        (r#"[{"no":"A1","level":1},{"no":"","level":3}]"#, &[BadText], &["A1"]),
        (r#"[{"no":"a lane with a far too long name","level":1},{"no":"A2","level":1}]"#, &[BadText], &["A2"]),
        (r#"[5,{"no":"A2","level":1},[]]"#, &[WrongType, WrongType], &["A2"]),
        (r#"[{},{"no":"A2","level":1}]"#, &[MissingField], &["A2"]),
        (r#"[{"no":"A2","level":"x"}]"#, &[WrongType], &[]),
        (r#"{"no":"A2"}"#, &[WrongType], &[]),
        ("[]", &[], &[]),
    ];
    for (lanes, faults, parts) in cases {
        let batch = decode(VENDING_TOPIC, format!(r#"{{"v":1,"id":"cs-jinzhou-vm-03","ts":0,"lanes":{lanes}}}"#));
        assert_eq!((batch.refused, &*batch.faults), (None, *faults), "{lanes}");
        assert_eq!(batch.readings.iter().map(|reading| reading.metric.part.to_string()).collect::<Vec<_>>(), *parts, "{lanes}");
    }
}

#[test]
fn a_size_twice_keeps_the_first() {
    let sizes = r#"{"s":{"total":30},"s":{"total":31},"m":{"total":20}}"#;
    let payload = format!(r#"{{"v":1,"id":"gl-junmen-lk-01","ts":0,"compartments":{{"by_size":{sizes}}}}}"#);
    let batch = decode(LOCKER_TOPIC, payload);
    assert_eq!(&*batch.faults, [Duplicate]);
    let expected = [(SizeTotal, "m".to_owned(), Value::Int(20)), (SizeTotal, "s".to_owned(), Value::Int(30))];
    assert_eq!(readings(&batch), expected);
}

#[test]
fn a_flood_of_readings_is_one_oversize_message() {
    let lanes = |n: usize| (0..n).map(|lane| format!(r#"{{"no":"{lane}","level":1}}"#)).collect::<Vec<_>>().join(",");
    let message = |n| decode(VENDING_TOPIC, format!(r#"{{"v":1,"id":"cs-jinzhou-vm-03","ts":0,"lanes":[{}]}}"#, lanes(n)));
    assert_eq!(message(READINGS_PER_MESSAGE_MAX).readings.len(), READINGS_PER_MESSAGE_MAX);
    let flood = message(READINGS_PER_MESSAGE_MAX + 1);
    assert_eq!((flood.refused, flood.readings.len()), (Some(Oversize), 0));
}

#[test]
fn a_status_is_one_of_two_words() {
    for payload in ["Online", "\"online\"", "{}", "on"] {
        let batch = decode(STATUS_TOPIC, payload);
        assert_eq!((batch.refused, batch.device), (Some(Undecodable), Some(LOCKER)), "{payload:?}");
    }
    let cleared = decode(STATUS_TOPIC, "");
    assert_eq!((cleared.refused, cleared.subject, cleared.readings.len()), (None, Subject::Health, 0), "a retained one was cleared");
}

#[test]
fn personal_data_is_not_in_what_is_kept() {
    // Members as locker and vending boards send them (DOMAIN §3, §7).
    let payload = LOCKER_EXAMPLE.replacen(
        '{',
        r#"{"phone":"13800138000","pickup_code":"482913","waybill":"SF1234567890123","user":{"name":"王小明","openid":"oX4f"},"#,
        1,
    );
    let batch = decode(LOCKER_TOPIC, &payload);
    assert_eq!((batch.refused, &*batch.faults), (None, &[UnknownField; 4][..]));
    assert_eq!(readings(&batch), readings(&decode(LOCKER_TOPIC, LOCKER_EXAMPLE)));
    let kept = format!("{batch:?}");
    for secret in ["13800138000", "482913", "1234567890123", "王小明", "oX4f"] {
        assert!(!kept.contains(secret), "{secret}");
    }
}
