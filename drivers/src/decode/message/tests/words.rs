//! Every word of the mapping language, good and bad (RELIABILITY F24).

use super::dialect::{TOPIC, decoder, one, outcome, telemetry, values, with};
use super::{readings, text};
use crate::decode::message::fixture::{arrival, field};
use crate::fault::Fault::{self, *};
use crate::reading::{Quality, Subject, Value};
use Value::{Bool, Float, Int};
use facility_config::Point::{self, *};
use facility_config::profile::{Format, ListUse, Mapped, Message, MessageField, MessageKind, PartOf};

/// Made of a field, what a value at its place becomes.
type Row<'a> = (&'a str, Result<Option<Value>, Fault>);

#[track_caller]
fn assert_rows(field: &MessageField, rows: &[Row<'_>]) {
    for (value, expected) in rows {
        assert_eq!(one(field.clone(), &format!(r#"{{"x":{value}}}"#)), *expected, "{value}");
    }
}

#[test]
fn values_and_silent_codes() {
    let table = [("0", Mapped::Bool(false)), ("1", Mapped::Bool(true)), ("run", Mapped::Bool(true)), ("true", Mapped::Bool(true))];
    let lane = with("/x", CabinetDoor, |f| {
        f.values = values(&table);
        f.silent = vec!["2".into(), "boot".into()];
    });
    assert_rows(
        &lane,
        &[
            ("0", Ok(Some(Bool(false)))),
            ("1.0", Ok(Some(Bool(true)))),
            (r#""1""#, Ok(Some(Bool(true)))),
            (r#""run""#, Ok(Some(Bool(true)))),
            ("true", Ok(Some(Bool(true)))),
            ("2", Ok(None)),
            (r#""boot""#, Ok(None)),
            ("null", Ok(Some(Value::Missing(Quality::SensorError)))),
            ("3", Err(BadText)),
            ("1.5", Err(BadText)),
            ("-1", Err(BadText)),
            (r#""RUN""#, Err(BadText)),
            (r#""13800138000""#, Err(BadText)),
            ("[]", Err(WrongType)),
        ],
    );
    let words = with("/x", VendingStatus, |f| f.values = values(&[("4", Mapped::Text("sold_out".into()))]));
    assert_rows(&words, &[("4", Ok(Some(text("sold_out")))), (r#""4""#, Ok(Some(text("sold_out")))), ("5", Err(BadText))]);
    // A code that a float point takes from a whole number, and a code without a table of values.
    let level = with("/x", CabinetAir, |f| f.values = values(&[("low", Mapped::Int(-5))]));
    assert_rows(&level, &[(r#""low""#, Ok(Some(Float(-5.0))))]);
    let broken = with("/x", CabinetAir, |f| f.silent = vec!["-999".into()]);
    assert_rows(&broken, &[("-999", Ok(None)), ("-999.0", Ok(None)), ("-9", Ok(Some(Float(-9.0))))]);
}

#[test]
fn loose_numbers_and_yes_and_no() {
    let loose = |point| with("/x", point, |f| f.loose = true);
    assert_rows(
        &loose(CabinetAir),
        &[
            (r#""-18.5""#, Ok(Some(Float(-18.5)))),
            (r#"" 4 ""#, Ok(Some(Float(4.0)))),
            ("-18.5", Ok(Some(Float(-18.5)))),
            (r#""3.5°C""#, Err(WrongType)),
            (r#""""#, Err(WrongType)),
            (r#""NaN""#, Err(NotFinite)),
            (r#""1e999""#, Err(NotFinite)),
            ("true", Err(WrongType)),
        ],
    );
    assert_rows(
        &loose(VendingVends),
        &[
            (r#""86400""#, Ok(Some(Int(86400)))),
            (r#""2.6""#, Err(WrongType)),
            ("2.6", Err(WrongType)),
            ("41.0", Ok(Some(Int(41)))),
            (r#"" 41.0 ""#, Ok(Some(Int(41)))),
            ("-0.0", Ok(Some(Int(0)))),
            ("1e300", Err(WrongType)),
            (r#""18446744073709551615""#, Ok(Some(Value::Missing(Quality::OutOfRange)))),
        ],
    );
    let yes = |yes| Ok(Some(Bool(yes)));
    assert_rows(
        &loose(CabinetDoor),
        &[
            ("1", yes(true)),
            ("0", yes(false)),
            (r#""On""#, yes(true)),
            (r#""OFF""#, yes(false)),
            (r#""true""#, yes(true)),
            (r#""No""#, yes(false)),
            (r#"" yes ""#, yes(true)),
            (r#""0""#, yes(false)),
            ("2", Err(WrongType)),
            (r#""open""#, Err(WrongType)),
        ],
    );
    assert_rows(&loose(EventTarget), &[("17", Ok(Some(text("17")))), ("138001", Err(Personal))]);
    // Without the word everything stays as strict as it was.
    let strict = [(CabinetAir, r#""-18.5""#), (VendingVends, r#""1""#), (CabinetDoor, "1"), (CabinetDoor, r#""on""#), (EventTarget, "17")];
    for (point, value) in strict {
        assert_rows(&field("/x", point), &[(value, Err(WrongType))]);
    }
}

#[test]
fn scale_and_offset() {
    let scaled = |point, scale, offset| with("/x", point, |f| (f.scale, f.offset) = (scale, offset));
    assert_rows(&scaled(CabinetAir, 0.1, -40.0), &[("250", Ok(Some(Float(-15.0)))), ("-1e9", Ok(Some(Float(-1e8 - 40.0))))]);
    assert_rows(&scaled(VendingSales, 100.0, 0.0), &[("12.34", Ok(Some(Int(1234)))), ("12.345", Err(WrongType))]);
    assert_rows(&scaled(VendingVends, 1.0, -1.0), &[("5", Ok(Some(Int(4))))]);
}

#[test]
fn lists_and_constant_parts() {
    let any = with("/x", CabinetAlarm, |f| f.list = Some(ListUse::Any));
    let yes = |yes| Ok(Some(Bool(yes)));
    assert_rows(&any, &[("[]", yes(false)), (r#"[{"a":[1]}]"#, yes(true)), ("true", Err(WrongType)), ("{}", Err(WrongType))]);
    let count = with("/x", VendingFails, |f| f.list = Some(ListUse::Count));
    assert_rows(&count, &[("[]", Ok(Some(Int(0)))), ("[1,null,{}]", Ok(Some(Int(3)))), (r#""3""#, Err(WrongType))]);

    let lock = |pointer, part: &str| with(pointer, ProbeTemp, |f| f.part = Some(part.into()));
    let both = vec![lock("/a", "1"), lock("/b", "2"), field("/c", CabinetAir)];
    let batch = decoder(vec![telemetry("up/{device}/data", both)]).decode(&arrival(TOPIC, br#"{"a":1.5,"b":2.5,"c":3.5}"#));
    let expected = [(CabinetAir, "", 3.5), (ProbeTemp, "1", 1.5), (ProbeTemp, "2", 2.5)];
    assert_eq!(readings(&batch), expected.map(|(point, part, value)| (point, part.to_owned(), Float(value))));
}

#[test]
fn parts_of_a_whole_message() {
    let place = |place: &str, values: &[(&str, &str)]| PartOf {
        place: place.into(),
        values: values.iter().map(|(word, name)| ((*word).into(), (*name).into())).collect(),
    };
    let rows: &[(PartOf, &str, Result<&str, Fault>)] = &[
        (place("main", &[]), r#"{"x":true}"#, Ok("main")),
        (place("/lock", &[]), r#"{"x":true,"lock":2}"#, Ok("2")),
        (place("/lock", &[]), r#"{"lock":"A-7","x":true}"#, Ok("A-7")),
        (place("/lock", &[("1", "left"), ("r", "right")]), r#"{"x":true,"lock":1}"#, Ok("left")),
        (place("/lock", &[("1", "left"), ("r", "right")]), r#"{"x":true,"lock":"r"}"#, Ok("right")),
        (place("/lock", &[("1", "left")]), r#"{"x":true,"lock":3}"#, Err(BadText)),
        (place("/lock", &[]), r#"{"x":true,"lock":"13800138000"}"#, Err(Personal)),
        (place("/lock", &[]), r#"{"x":true,"lock":138001}"#, Err(Personal)),
        (place("/lock", &[]), r#"{"x":true,"lock":1.5}"#, Err(WrongType)),
        (place("/lock", &[]), r#"{"x":true}"#, Err(MissingField)),
        (place("{door}", &[]), r#"{"x":true}"#, Ok("7")),
        (place("{door}", &[("7", "seven")]), r#"{"x":true}"#, Ok("seven")),
    ];
    for (part, payload, expected) in rows {
        let message = telemetry("up/{device}/{door}", vec![field("/x", CompartmentDoor)]);
        let message = Message { part: Some(part.clone()), ..message };
        let batch = decoder(vec![message]).decode(&arrival("up/vm-1/7", payload.as_bytes()));
        let name = batch.readings.first().map(|reading| reading.metric.part.to_string());
        assert_eq!(batch.refused.map_or(Ok(name.as_deref().unwrap_or_default()), Err), *expected, "{part:?} {payload}");
    }
}

#[test]
fn texts_that_are_json() {
    let message = || Message {
        nested: vec!["/d".into(), "/d/e".into()],
        ..telemetry("up/{device}/data", vec![field("/d/air", CabinetAir), field("/d/e/rh", CabinetHumidity)])
    };
    let deep = format!(r#"{{"d":"{}"}}"#, "[".repeat(100_000));
    let rows: &[(&str, Option<Fault>, &[Fault], &[f64])] = &[
        (r#"{"d":"{\"air\":4.5}"}"#, None, &[], &[4.5]),
        (r#"{"d":{"air":4.5}}"#, None, &[], &[4.5]),
        (r#"{"d":"{\"air\":4.5,\"e\":\"{\\\"rh\\\":50}\"}"}"#, None, &[], &[4.5, 50.0]),
        (r#"{"d":"{\"air\":NaN,\"e\":{\"rh\":50}}"}"#, None, &[NotFinite], &[50.0]),
        (r#"{"d":"{\"phone\":\"13800138000\",\"air\":1}"}"#, None, &[UnknownField], &[1.0]),
        (r#"{"d":"{\"air\":4.5,"}"#, None, &[BadText], &[]),
        (r#"{"d":"hello"}"#, None, &[BadText], &[]),
        (r#"{"d":"5"}"#, None, &[WrongType], &[]),
        (r#"{"d":5}"#, None, &[WrongType], &[]),
        (r#"{"d":null}"#, None, &[], &[]),
        (r#"{"d":"{\"air\":1,\"air\":2}"}"#, Some(Undecodable), &[], &[]),
        (&deep, None, &[BadText], &[]),
    ];
    for (payload, refused, faults, floats) in rows {
        let batch = decoder(vec![message()]).decode(&arrival(TOPIC, payload.as_bytes()));
        let found: Vec<f64> = batch.readings.iter().filter_map(|r| if let Float(x) = r.value { Some(x) } else { None }).collect();
        assert_eq!((batch.refused, &*batch.faults, &*found), (*refused, *faults, *floats), "{}", &payload[..payload.len().min(80)]);
    }
    // A text that is itself, again and again.
    let mut text = r#"{"air":1}"#.to_owned();
    for _ in 0..10 {
        text = serde_json::Value::String(text).to_string();
    }
    let root = Message { nested: vec!["".into()], ..telemetry("up/{device}/data", vec![field("/air", CabinetAir)]) };
    assert_eq!(decoder(vec![root]).decode(&arrival(TOPIC, text.as_bytes())).faults, [BadText]);
}

#[test]
fn a_text_that_turns_out_to_be_broken_said_nothing() {
    let message = Message {
        nested: vec!["/d".into()],
        time: Some("/d/t".into()),
        seq: Some("/d/n".into()),
        parcel: Some("/d/w".into()),
        id: Some("/d/id".into()),
        quality: Some("/d/q".into()),
        ..telemetry("up/{device}/data", vec![field("/d/air", CabinetAir), field("/rh", CabinetHumidity)])
    };
    let inside = r#"{"air":4.5,"n":7,"t":1788220800,"w":"SF1","id":"vm-9","q":{"rh":"stale"},"deep":{"#;
    let payload = serde_json::json!({ "d": inside, "rh": 50.0 }).to_string();
    let mut lenient = decoder(vec![message.clone()]);
    let (batch, story) = lenient.explain(&arrival(TOPIC, payload.as_bytes()));
    assert_eq!((batch.refused, batch.seq, batch.device_ms, batch.parcel.len()), (None, None, None, 0));
    assert_eq!((&*batch.faults, readings(&batch)), (&[BadText][..], vec![(CabinetHumidity, String::new(), Float(50.0))]));
    assert_eq!(story.steps.iter().map(|step| &*step.place).collect::<Vec<_>>(), ["/d", "/rh"]);
    let needs = |required: &str, part: &str| {
        let message = Message { required: vec![required.into()], part: (!part.is_empty()).then(|| part.into()), ..message.clone() };
        decoder(vec![message]).decode(&arrival(TOPIC, payload.as_bytes())).refused
    };
    assert_eq!([needs("/d", ""), needs("/d/air", ""), needs("/d", "/d/n")], [None, Some(MissingField), Some(MissingField)]);
}

#[test]
fn a_message_that_is_one_value() {
    let plain = |point| Message { format: Format::Plain, ..telemetry("up/{device}/{what}", vec![field("", point)]) };
    let rows: &[(Point, &str, Result<Option<Value>, Fault>)] = &[
        (CabinetAir, "-18.5", Ok(Some(Float(-18.5)))),
        (CabinetAir, " 4\n", Ok(Some(Float(4.0)))),
        (CabinetAir, "4 C", Err(WrongType)),
        (CabinetAir, "nan", Err(NotFinite)),
        (CabinetDoor, "ON", Ok(Some(Bool(true)))),
        (VendingStatus, "in_service", Ok(Some(text("in_service")))),
        (VendingStatus, "13800138000", Err(Personal)),
    ];
    for (point, payload, expected) in rows {
        assert_eq!(outcome(&decoder(vec![plain(*point)]).decode(&arrival(TOPIC, payload.as_bytes()))), *expected, "{payload}");
    }
    // A bare number is JSON too; an object is not what was meant.
    assert_eq!(one(field("", CabinetAir), "4.5"), Ok(Some(Float(4.5))));
    assert_eq!(one(field("", CabinetAir), r#"{"x":1}"#), Err(WrongType));
}

#[test]
fn several_fields_of_one_place_and_a_status_that_says_more() {
    let fault = with("/x", CabinetAlarm, |f| f.values = values(&[("0", Mapped::Bool(false)), ("3", Mapped::Bool(true))]));
    let mode = with("/x", CabinetMode, |f| {
        f.values = values(&[("0", Mapped::Text("cooling".into()))]);
        f.silent = vec!["3".into()];
    });
    let status = Message { kind: MessageKind::Status, ..telemetry("up/{device}/data", vec![fault, mode, field("/online", HealthOnline)]) };
    let mut decoder = decoder(vec![status]);
    let batch = decoder.decode(&arrival(TOPIC, br#"{"x":0,"online":true}"#));
    assert_eq!((batch.subject, batch.refused), (Subject::Health, None));
    let named = |rows: &[(Point, Value)]| rows.iter().map(|(point, value)| (*point, String::new(), value.clone())).collect::<Vec<_>>();
    assert_eq!(readings(&batch), named(&[(HealthOnline, Bool(true)), (CabinetMode, text("cooling")), (CabinetAlarm, Bool(false))]));
    let batch = decoder.decode(&arrival(TOPIC, br#"{"x":3}"#));
    assert_eq!((&*batch.faults, readings(&batch)), (&[][..], named(&[(CabinetAlarm, Bool(true))])));
}

#[test]
fn numbers_of_messages_and_links_of_parcels() {
    let message =
        Message { seq: Some("/n".into()), parcel: Some("/w".into()), ..telemetry("up/{device}/data", vec![field("/a", CabinetAir)]) };
    let mut decoder = decoder(vec![message]);
    let mut seen = |members: &str| {
        let batch = decoder.decode(&arrival(TOPIC, format!(r#"{{"a":1,{members}}}"#).as_bytes()));
        (batch.seq, batch.parcel, batch.faults)
    };
    let seqs: [(&str, Option<u64>, &[Fault]); 7] = [
        ("18231", Some(18231), &[]),
        (r#""18231""#, Some(18231), &[]),
        ("18446744073709551615", Some(u64::MAX), &[]),
        ("null", None, &[]),
        ("-1", None, &[WrongType]),
        ("1.5", None, &[WrongType]),
        ("[1]", None, &[WrongType]),
    ];
    for (number, seq, faults) in seqs {
        assert_eq!(seen(&format!(r#""n":{number}"#)), (seq, Vec::new(), faults.to_vec()), "{number}");
    }
    let (_, deposit, _) = seen(r#""w":"SF1234567890123""#);
    assert_eq!(deposit.len(), 1);
    assert_eq!(seen(r#""w":" SF1234567890123 ""#).1, deposit);
    assert_ne!(seen(r#""w":"SF1234567890124""#).1, deposit);
    assert_eq!(seen(r#""w":1234567890123"#).1, seen(r#""w":"1234567890123""#).1);
    let nothing: [(&str, &[Fault]); 4] = [("null", &[]), (r#""""#, &[]), ("true", &[WrongType]), ("{}", &[WrongType])];
    for (parcel, faults) in nothing {
        assert_eq!(seen(&format!(r#""w":{parcel}"#)), (None, Vec::new(), faults.to_vec()), "{parcel}");
    }
}
