//! Nothing personal is left of what public documents show locker and vending boards to send (DOMAIN §3, §7).

use super::dialect::{SHARED, TOPIC, decoder, everything, one, telemetry, with};
use crate::decode::message::fixture::{CABINET_EXAMPLE, CABINET_TOPIC, EVENT_EXAMPLE, EVENT_TOPIC, EXAMPLE_MS, LOCKER_TOPIC, field, site};
use crate::decode::message::{Arrival, MessageDecoder};
use crate::fault::Fault::{self, *};
use facility_config::Point;
use facility_config::limits::LETTER_BYTES_MAX;
use facility_config::profile::{Message, PartOf};

/// Whether six digits in a row of what was sent are still there.
fn leaks(sent: &str, shown: &str) -> Option<String> {
    let digits: Vec<&str> = sent.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= 6).collect();
    let windows = digits.iter().flat_map(|run| (0..=run.len() - 6).map(|at| &run[at..at + 6]));
    windows.into_iter().find(|window| shown.contains(*window)).map(ToOwned::to_owned)
}

#[test]
fn free_texts_with_somebodys_number() {
    let rows: &[(Point, &str, Result<(), Fault>)] = &[
        (Point::EventTarget, "A-7", Ok(())),
        (Point::EventTarget, "12345", Ok(())),
        (Point::EventTarget, "123456", Err(Personal)),
        (Point::EventTarget, "139 0000 0000", Err(Personal)),
        (Point::EventTarget, "139-0000.0000", Err(Personal)),
        (Point::EventTarget, "(139)/00_00+0", Err(Personal)),
        (Point::EventTarget, "１３９０００", Err(Personal)),
        (Point::EventTarget, "139\u{3000}000", Err(Personal)),
        (Point::EventTarget, "139\u{200b}000", Err(Personal)),
        (Point::EventTarget, "SF1234567890123", Err(Personal)),
        (Point::EventTarget, "35020319900101123X", Err(Personal)),
        (Point::EventTarget, "12a34b56c78", Ok(())),
        (Point::EventTarget, "door 12 lane 34567", Ok(())),
        (Point::EventCode, "E:04#2_b+1", Ok(())),
        // Names, addresses, and numbers that are masked or written apart.
        (Point::EventTarget, "door 12, lane 34567", Err(Personal)),
        (Point::EventTarget, "door  12", Err(Personal)),
        (Point::EventTarget, "王小明", Err(Personal)),
        (Point::EventTarget, "王小明 138****8000", Err(Personal)),
        (Point::EventCode, "3栋2单元502", Err(Personal)),
        (Point::EventCode, "138****8000", Err(Personal)),
        (Point::EventCode, "138,0013,8000", Err(Personal)),
        (Point::EventCode, "138:0013:8000", Err(Personal)),
        (Point::EventCode, "138，0013，8000", Err(Personal)),
        (Point::EventCode, "138#0013#8000", Err(Personal)),
        (Point::HealthFirmware, "2026.09.01-12", Ok(())),
        (Point::HealthFirmware, "v13900000000", Err(Personal)),
    ];
    for (point, text, expected) in rows {
        let payload = serde_json::json!({ "x": text }).to_string();
        assert_eq!(one(field("/x", *point), &payload).map(|_| ()), *expected, "{text}");
    }
    // A control character or too many bytes are no text at all.
    assert_eq!(one(field("/x", Point::EventTarget), r#"{"x":"a\u0000b"}"#), Err(BadText));
    assert_eq!(one(field("/x", Point::EventTarget), &format!(r#"{{"x":"{}"}}"#, "x".repeat(65))), Err(BadText));
}

#[test]
fn names_of_people_are_no_parts() {
    for (name, expected) in
        [("open", Ok(())), ("A-7", Ok(())), ("张三", Err(Personal)), ("3栋2单元502", Err(Personal)), ("1,380,013", Err(Personal))]
    {
        let payload = serde_json::json!({ "machine": "vm-1", "method": 4, "type": name, "door": "A" }).to_string();
        let arrival = Arrival { topic: SHARED, payload: payload.as_bytes(), retained: false, now_ms: EXAMPLE_MS };
        let mut decoder = decoder(everything());
        assert_eq!(decoder.decode(&arrival).refused.map_or(Ok(()), Err), expected, "{name}");
        assert_eq!(decoder.redact(&arrival).0.contains(name), expected.is_ok() && name.len() <= 5, "{name}");
    }
    // What a profile says may be in any script.
    let fields = vec![with("/x", Point::VendingStatus, |field| field.words = vec!["售罄".into()])];
    let part = PartOf { place: "/door".into(), values: vec![("左".into(), "左门".into())] };
    let message = Message { part: Some(part), ..telemetry("up/{device}/data", fields) };
    let batch = decoder(vec![message]).decode(&Arrival {
        topic: TOPIC,
        payload: r#"{"x":"售罄","door":"左"}"#.as_bytes(),
        retained: false,
        now_ms: EXAMPLE_MS,
    });
    assert_eq!((batch.refused, batch.readings[0].metric.part.to_string()), (None, "左门".to_owned()));
}

#[test]
fn a_letter_keeps_numbers_that_would_be_readings() {
    let fields = vec![
        with("/total", Point::LockerTotal, |field| field.range = Some((0.0, 2000.0))),
        field("/energy", Point::EnergyTotal),
        with("/rssi", Point::HealthRssi, |field| {
            field.loose = true;
            field.range = Some((-150.0, -1.0));
        }),
    ];
    let message = Message { seq: Some("/n".into()), required: vec!["/ts".into()], ..telemetry("up/{device}/data", fields) };
    let decoder = decoder(vec![message]);
    let rows = [
        (r#"{"n":1234567890}"#, r#"{"n":1234567890}"#),
        (r#"{"n":13812345678}"#, r#"{"n":0}"#),
        (r#"{"total":60}"#, r#"{"total":60}"#),
        (r#"{"total":286633}"#, r#"{"total":0}"#),
        (r#"{"total":13812345678}"#, r#"{"total":0}"#),
        (r#"{"energy":9641250.123456}"#, r#"{"energy":9641250.123456}"#),
        (r#"{"energy":13812345678}"#, r#"{"energy":0}"#),
        (r#"{"energy":13812345678e0}"#, r#"{"energy":0}"#),
        (r#"{"rssi":"-67.125125"}"#, r#"{"rssi":"-67.125125"}"#),
        (r#"{"rssi":"13812345678"}"#, r#"{"rssi":"…"}"#),
        (r#"{"rssi":-286633}"#, r#"{"rssi":0}"#),
    ];
    for (payload, expected) in rows {
        let arrival = Arrival { topic: TOPIC, payload: payload.as_bytes(), retained: false, now_ms: EXAMPLE_MS };
        assert_eq!(decoder.redact(&arrival), (expected.to_owned(), payload == expected), "{payload}");
    }
}

#[test]
fn no_six_digits_of_a_public_document_survive() {
    let phone = r#"{"machine":"vm-1","method":"heartbeat","phone":"13900000000","rssi":{"tel":13912345678},"fw":"13900000000",
"13912345678":"x","data":"{\"note\":\"13900000000\",\"mobile\":\"13912345678\",\"13900000000\":1}","lanes":[{"no":"13900000000","state":1}]}"#;
    let event = r#"{"machine":"vm-1","method":4,"type":"open","id":"ORDER13900000000","waybill":"SF1390000000012","door":"286633",
"user":{"card":["6222021234567890123"],"code":286633}}"#;
    let texts = ["51#8888#13900000000#4055#0#", "6002#1#8#286633#", phone, event];
    let broken: Vec<String> =
        texts.iter().flat_map(|text| [format!("{text}}}"), text.replacen(',', "", 3), text[..text.len() - 2].to_owned()]).collect();
    let quoted = texts.map(|text| serde_json::json!({ "text": text, "level": text, text: text }).to_string());
    let bare = r#"{"level" 13900000000 "text":13912345678,"level":1:13900000000,[13900000000 "x"}, phone:13900000000, '13900000000'"#;
    let all = texts.iter().copied().chain(broken.iter().map(|text| &**text)).chain(quoted.iter().map(|text| &**text)).chain([bare]);
    for text in all {
        for topic in [SHARED, TOPIC, "up/new/data", "nobody/here", LOCKER_TOPIC] {
            let mut decoder = decoder(everything());
            let arrival = Arrival { topic, payload: text.as_bytes(), retained: false, now_ms: EXAMPLE_MS };
            let batch = decoder.decode(&arrival);
            let (explained, story) = decoder.explain(&arrival);
            let (letter, is_whole) = decoder.redact(&arrival);
            let heard = decoder.heard();
            for shown in [format!("{batch:?}"), format!("{explained:?}"), format!("{story:?}"), format!("{heard:?}"), letter.clone()] {
                assert_eq!(leaks(text, &shown.replace(&EXAMPLE_MS.to_string(), "")), None, "{topic} {text} -> {shown}");
            }
            assert!(!is_whole, "{topic} {text} -> {letter}");
        }
    }
}

#[test]
fn a_letter_keeps_what_the_profile_names() {
    let decoder = decoder(everything());
    let redact = |text: &str| decoder.redact(&Arrival { topic: SHARED, payload: text.as_bytes(), retained: false, now_ms: EXAMPLE_MS });
    let same = [
        r#"{"machine":"vm-1","method":"heartbeat","t":1788220800000,"n":12345678,"rssi":"-67","data":{"air":-18.5}}"#,
        r#"{"machine":"vm-1","method":"heartbeat","rssi":-67,"rssi":-68}"#,
        r#"{"method":4,"alarms":[1,2,null,true],"lanes":[{"state":2}]"#,
        r#"{"method":"heartbeat","rssi":NaN,}"#,
        "{}",
        "",
    ];
    for text in same {
        assert_eq!(redact(text), (text.to_owned(), true));
    }
    let changed = [
        (r#"{"machine":"vm-9","t":12}"#, r#"{"machine":"…","t":12}"#),
        (r#"{"t":13900000000,"phone":"1","x":1390000}"#, r#"{"t":0,"phone":"…","x":0}"#),
        (r#"{"fw":"1.2","data":{"note":"hello"},"name":"王小明"}"#, r#"{"fw":"…","data":{"note":"…"},"name":"…"}"#),
        (r#"{"data":"{\"air\":4.5,\"tel\":\"139\"}"}"#, r#"{"data":"{\"air\":4.5,\"tel\":\"…\"}"}"#),
        (r#"{"rssi":-67,"fw":"unfinished"#, r#"{"rssi":-67,"fw":"…""#),
        (r#"{rssi:-67,'fw':1}"#, r#"{"…":-67,"…":1}"#),
        ("51#8888#13900000000#4055#0#", "…#…#…#…#…#"),
        ("hello 13900000000", "… …"),
        (r#"{"rssi":"13 900 000 000"}"#, r#"{"rssi":"…"}"#),
    ];
    for (text, expected) in changed {
        assert_eq!(redact(text), (expected.to_owned(), false));
    }
    // What kind of message it is, in a word; a number stays out, and so does what is no word.
    for (method, kept) in [("client.order.create", true), ("286633", false), ("A7B9", false), ("王小明", false), ("out of order", false)]
    {
        let text = format!(r#"{{"method":"{method}"}}"#);
        assert_eq!(redact(&text).1, kept, "{method}");
    }
    for binary in [&b"\xff\xfe{\0"[..], b"\x1f\x8b\x08", b"\xa1\x61x\x01\xff"] {
        let (text, is_whole) = decoder.redact(&Arrival { topic: SHARED, payload: binary, retained: false, now_ms: 0 });
        assert!(!is_whole && (text.is_empty() || text.is_ascii() || text.contains('…')), "{text}");
    }
    let many = format!("[{}1]", "\"温\",".repeat(LETTER_BYTES_MAX));
    let (text, is_whole) = redact(&many);
    assert!(!is_whole && text.len() <= LETTER_BYTES_MAX && text.len() > LETTER_BYTES_MAX - 8);
    let long = format!("[{}1]", "1,".repeat(LETTER_BYTES_MAX));
    assert!(!redact(&long).1, "cut, so not whole");
}

#[test]
fn examples_of_the_schemas_are_whole_where_they_hold_no_free_text() {
    let decoder = MessageDecoder::new(&site(), 0);
    let redact = |topic, text: &str| decoder.redact(&Arrival { topic, payload: text.as_bytes(), retained: false, now_ms: EXAMPLE_MS });
    let quality = r#","quality":{"temps.product":"sensor_error"}"#;
    let whole = CABINET_EXAMPLE.replace(quality, "");
    assert_eq!(redact(CABINET_TOPIC, &whole), (whole, true));
    let (event, is_whole) = redact(EVENT_TOPIC, EVENT_EXAMPLE);
    assert!(!is_whole && !event.contains("01J6Z3K9QW8V") && event.contains("gl-junmen-lk-01") && event.contains("\"fail\""), "{event}");
}
