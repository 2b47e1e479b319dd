//! Strangers, dropped places and the steps of an explanation: what is shown besides readings, and that it never is a value.

use super::dialect::{SHARED, TOPIC, decoder, everything, site_with, telemetry};
use crate::decode::message::fixture::{CABINET_EXAMPLE, CABINET_TOPIC, EVENT_EXAMPLE, EVENT_TOPIC, STATUS_TOPIC, arrival, field, site};
use crate::decode::message::open::OPENED;
use crate::decode::message::{Arrival, Fate, MessageDecoder};
use crate::fault::Fault::{self, *};
use crate::reading::{Metric, Value};
use facility_config::limits::{DROPPED_PLACES_MAX, STRANGER_PLACES_MAX, STRANGERS_MAX};
use facility_config::profile::{Format, Message};
use facility_config::{DeviceIx, Point, Source};

fn at<'a>(topic: &'a str, payload: &'a str, now_ms: i64) -> Arrival<'a> {
    Arrival { topic, payload: payload.as_bytes(), retained: false, now_ms }
}

#[test]
fn a_stranger_is_shown_by_shape_and_never_by_value() {
    let mut decoder = MessageDecoder::new(&site(), 0);
    let topic = "scf/v1/fz-gl/cabinet/tj-new-fz-09/telemetry";
    let payload = CABINET_EXAMPLE.replacen('{', r#"{"phone":"13900000000","13900000000":{"a":1},"王小明":[{"b":"x"},{"b":2}],"#, 1);
    let refused = decoder.decode(&at(topic, &payload, 5_000));
    assert_eq!((refused.device, refused.refused), (None, Some(UnknownDevice)));
    let heard = decoder.heard().unwrap();
    let [stranger] = &*heard.strangers else { panic!("{heard:?}") };
    assert_eq!((&*stranger.id, &*stranger.topic, &*stranger.profile), ("tj-new-fz-09", topic, "cabinet"));
    assert_eq!((stranger.first_ms, stranger.last_ms, stranger.messages), (5_000, 5_000, 1));
    for place in ["/phone text", "/temps/air number", "/temps/product null", "/state/compressor yes or no", "/alarms list"] {
        assert!(stranger.shape.iter().any(|known| **known == *place), "{place} in {:?}", stranger.shape);
    }
    let shown = format!("{heard:?}");
    for value in ["13900000000", "王小明", "19.4", "90412", "cooling", "228.4", "2026-09"] {
        assert!(!shown.contains(value), "{value} in {shown}");
    }
    assert_eq!(stranger.shape.iter().filter(|place| place.starts_with("/~")).count(), 3, "{:?}", stranger.shape);
    assert_eq!(decoder.heard(), None, "nothing new");
    let _ = decoder.decode(&at(topic, "{}", 7_000));
    let again = decoder.heard().unwrap().strangers;
    assert_eq!((again[0].first_ms, again[0].last_ms, again[0].messages, again[0].shape.len()), (5_000, 7_000, 2, 0));
}

#[test]
fn strangers_of_shared_topics_and_the_one_heard_longest_ago() {
    let mut decoder = decoder(everything());
    for n in 0..STRANGERS_MAX as i64 + 2 {
        let _ = decoder.decode(&at("shared/13900000000/up", &format!(r#"{{"machine":"id-{n}","method":"heartbeat"}}"#), n * 10_000));
    }
    // Names that could not be configured, topics that are nobody's, and a device that is declared.
    let long = format!(r#"{{"machine":"{}","method":"heartbeat"}}"#, "x".repeat(65));
    for payload in [&*long, r#"{"machine":"a\u0007","method":"heartbeat"}"#, r#"{"machine":"","method":"heartbeat"}"#, r#"{"a":1}"#, "{"] {
        assert!(decoder.decode(&at(SHARED, payload, 999_000)).refused.is_some());
    }
    let _ = decoder.decode(&at("nobody", "{}", 999_000));
    let _ = decoder.decode(&at(SHARED, r#"{"machine":"vm-1","method":"heartbeat"}"#, 999_000));
    let strangers = decoder.heard().unwrap().strangers;
    assert_eq!(strangers.len(), STRANGERS_MAX);
    assert!(strangers.iter().all(|stranger| *stranger.id != *"id-0" && *stranger.id != *"id-1"));
    assert!(strangers.iter().all(|stranger| stranger.topic.starts_with("shared/~") && stranger.topic.ends_with("/up")));
    let many: Vec<String> = (0..100).map(|n| format!(r#""f{n}":{n}"#)).collect();
    let _ = decoder.decode(&at("up/new/data", &format!("{{{}}}", many.join(",")), 1_000_000));
    let strangers = decoder.heard().unwrap().strangers;
    assert_eq!(strangers.iter().find(|stranger| *stranger.id == *"new").unwrap().shape.len(), STRANGER_PLACES_MAX);
}

#[test]
fn dropped_places_are_counted_by_path() {
    let mut decoder = decoder(everything());
    let heartbeat = |members: &str| format!(r#"{{"machine":"vm-1","method":"heartbeat",{members}}}"#);
    let bad = r#""phone":"13900000000","13900000000":1,"rssi":"far","fw":"1.0 13900000000","data":{"air":"x","name":"y"},"t":"later""#;
    for now_ms in [1_000, 2_000] {
        let _ = decoder.decode(&at(SHARED, &heartbeat(bad), now_ms));
    }
    // A message that is refused as a whole has no places, but counts as one.
    let _ = decoder.decode(&at(SHARED, &heartbeat(r#""phone":1,"rssi":1,"rssi":2"#), 3_000));
    let (wholes, places): (Vec<_>, Vec<_>) = decoder.heard().unwrap().places.into_iter().partition(|place| place.place.is_empty());
    assert_eq!(wholes.iter().map(|whole| (whole.fault, whole.count)).collect::<Vec<_>>(), [(Undecodable, 1)]);
    let mut found: Vec<(&str, Fault)> = places.iter().map(|place| (&*place.place, place.fault)).collect();
    found.sort_unstable();
    let expected: [(&str, Fault); 7] = [
        ("/data/air", WrongType),
        ("/data/name", UnknownField),
        ("/fw", Personal),
        ("/phone", UnknownField),
        ("/rssi", WrongType),
        ("/t", WrongType),
        ("/~", UnknownField),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.0.starts_with(expected.0) && found.1 == expected.1, "{found:?}");
    }
    assert!(places.iter().all(|place| (place.device, place.count, place.first_ms, place.last_ms) == (DeviceIx(1), 2, 1_000, 2_000)));
    assert!(!format!("{places:?}").contains("13900000000"));
}

/// A body that is one value has no place in it, and a message that is refused has none either: they must not be taken for each other.
#[test]
fn the_place_of_a_plain_value_is_its_topic() {
    let message = Message { format: Format::Plain, ..telemetry("temp/{device}", vec![field("", Point::VendingAir)]) };
    let mut decoder = decoder(vec![message]);
    for body in [&b"4.5 C"[..], b"\xff"] {
        let _ = decoder.decode(&arrival("temp/vm-1", body));
    }
    let mut found: Vec<_> = decoder.heard().unwrap().places.into_iter().map(|place| (place.place, place.fault)).collect();
    found.sort();
    assert_eq!(found, [("".into(), Undecodable), ("temp/{device}".into(), WrongType)]);
}

#[test]
fn places_are_bounded_and_the_rest_is_counted_together() {
    let mut decoder = decoder(everything());
    for n in 0..DROPPED_PLACES_MAX + 50 {
        let _ = decoder.decode(&at(TOPIC, &format!(r#"{{"f{n}":1}}"#), 1_000));
    }
    let _ = decoder.decode(&at("up/vm-2/data", r#"{"x":1,"y":2}"#, 2_000));
    let places = decoder.heard().unwrap().places;
    assert_eq!(places.len(), DROPPED_PLACES_MAX + 2);
    assert_eq!((&*places[0].place, places[0].device, places[0].count), ("…", DeviceIx(2), 2));
    let rest = places.iter().find(|place| *place.place == *"…" && place.device == DeviceIx(1)).unwrap();
    assert_eq!(rest.count, 50);
    let _ = decoder.decode(&at(TOPIC, r#"{"f0":1,"f1":1}"#, 3_000));
    assert_eq!(decoder.heard().unwrap().places[0].count, 2);
}

#[test]
fn every_step_is_explained() {
    let mut decoder = decoder(everything());
    let payload = r#"{"machine":"vm-1","method":"heartbeat","t":1788220800,"n":7,"sku":"6901","phone":"13900000000","rssi":"-67",
"data":"{\"air\":4.5,\"note\":\"call 139-0000-0000\"}","alarms":[1,2],"lanes":[{"no":"A1","state":2},{"state":1},{"no":"A3","state":3}]}"#;
    let (batch, story) = decoder.explain(&arrival(SHARED, payload.as_bytes()));
    let route = story.route.unwrap();
    assert_eq!((route.device, &*route.profile, &*route.template), (DeviceIx(1), "vending", "shared/{maker}/up"));
    assert_eq!((&*story.format, story.unpacked_bytes, story.refused), ("json", payload.len(), None));
    assert_eq!((story.device_ms, story.seq), (Some(1_788_220_800_000), Some(7)));
    let reading = |point, part: &str, value| Fate::Reading(Metric { point, part: super::part(part) }, value);
    let expected = [
        ("/machine", "text", Fate::Used("id")),
        ("/method", "text", Fate::Used("condition")),
        ("/t", "number", Fate::Used("time")),
        ("/n", "number", Fate::Used("seq")),
        ("/sku", "text", Fate::Ignored),
        ("/phone", "text", Fate::Dropped(UnknownField)),
        ("/rssi", "text", reading(Point::HealthRssi, "", Value::Float(-67.0))),
        ("/data/air", "number", reading(Point::VendingAir, "", Value::Float(4.5))),
        ("/data/note", "text", Fate::Dropped(Personal)),
        ("/alarms", "list", reading(Point::VendingOutages, "", Value::Int(2))),
        ("/lanes/1/no", "text", Fate::Used("part")),
        ("/lanes/1/state", "number", reading(Point::LaneFault, "A1", Value::Bool(true))),
        ("/lanes/2/state", "number", Fate::Dropped(MissingField)),
        ("/lanes/3/no", "text", Fate::Used("part")),
        ("/lanes/3/state", "number", Fate::Ignored),
    ];
    let found: Vec<_> = story.steps.iter().map(|step| (&*step.place, step.found, step.fate.clone())).collect();
    assert_eq!(found[..10], expected[..10]);
    assert_eq!(found[10..], expected[10..]);
    assert_eq!((batch.readings.len(), batch.faults), (4, vec![UnknownField, Personal, MissingField]));

    let refused = decoder.explain(&arrival(SHARED, br#"{"machine":"vm-1","method":"heartbeat","rssi":1,"rssi":2}"#)).1;
    assert_eq!((refused.refused, refused.steps.len()), (Some(Undecodable), 3));
    assert_eq!(refused.steps[2].fate, Fate::Dropped(Undecodable));
    let nobody = decoder.explain(&arrival(CABINET_TOPIC, b"{}")).1;
    assert_eq!((nobody.route, nobody.refused, nobody.steps.len()), (None, Some(UnknownDevice), 0));
}

#[test]
fn what_a_message_says_as_a_whole_is_explained_too() {
    for (text, is_online) in [("online", true), ("offline", false)] {
        let (batch, story) = MessageDecoder::new(&site(), 0).explain(&arrival(STATUS_TOPIC, text.as_bytes()));
        let expected = Fate::Reading(Point::HealthOnline.into(), Value::Bool(is_online));
        let found: Vec<_> = story.steps.iter().map(|step| (&*step.place, step.found, step.fate.clone())).collect();
        assert_eq!((found, batch.readings.len()), (vec![("", "message", expected)], 1));
    }
    let (batch, story) = MessageDecoder::new(&site(), 0).explain(&arrival(EVENT_TOPIC, EVENT_EXAMPLE.as_bytes()));
    let readings = story.steps.iter().filter(|step| matches!(step.fate, Fate::Reading(..)) || step.fate == Fate::Used("key"));
    assert_eq!(readings.count(), batch.readings.len());
}

#[test]
fn explaining_changes_nothing() {
    for (topic, payload) in super::random::EXAMPLES {
        let arrival = arrival(topic, payload.as_bytes());
        let (decoded, mut decoder) = (super::decode(topic, payload), MessageDecoder::new(&site(), 0));
        let (explained, story) = decoder.explain(&arrival);
        assert_eq!(super::readings(&explained), super::readings(&decoded));
        assert_eq!((explained.faults, explained.device_ms), (decoded.faults, decoded.device_ms));
        assert!(story.steps.len() >= decoded.readings.len());
    }
}

#[test]
fn a_name_that_may_be_a_persons_number_is_counted_and_not_shown() {
    for (id, is_shown) in [
        ("gl-junmen-lk-01", true),
        ("1520164", true),
        ("VM-20817", true),
        ("490154203237518", true),  // an IMEI
        ("490154203237519", false), // fifteen digits, but not the check digit of one
        ("13812345678", false),     // a mobile number
        ("138-1234-5678", false),
        ("7351628940517", false),      // a waybill
        ("350102199001011234", false), // an identity card
    ] {
        let mut decoder = MessageDecoder::new(&site(), 0);
        let batch = decoder.decode(&at(&format!("scf/v1/fz-gl/cabinet/{id}/telemetry"), "{}", 1));
        assert_eq!(batch.refused, Some(UnknownDevice), "{id}");
        assert_eq!(decoder.heard().is_some_and(|heard| heard.strangers.iter().any(|stranger| *stranger.id == *id)), is_shown, "{id}");
    }
}

#[test]
fn a_flood_of_strangers_is_opened_once_a_second() {
    let mut decoder = MessageDecoder::new(&site(), 0);
    for (id, now_ms, is_opened) in [
        ("fz-09", 1_000, true),
        ("fz-09", 1_001, false),
        ("fz-09", 1_999, false),
        ("fz-10", 1_999, true),
        ("fz-09", 2_000, true),
        ("13812345678", 9_000, false),
        (&"x".repeat(65), 9_000, false),
    ] {
        let before = OPENED.get();
        let topic = format!("scf/v1/fz-gl/cabinet/{id}/telemetry");
        assert_eq!(decoder.decode(&at(&topic, CABINET_EXAMPLE, now_ms)).refused, Some(UnknownDevice));
        assert_eq!(OPENED.get() - before, usize::from(is_opened), "{id} at {now_ms}");
    }
}

#[test]
fn topics_are_shown_without_anybodys_number() {
    let message = || telemetry("device/lock/{device}/{lock}/info", vec![field("/x", Point::VendingAir)]);
    let shared = || Message { device: Some("{imei}".into()), ..telemetry("client/{imei}/{what}", vec![field("/x", Point::VendingAir)]) };
    let mut site = site_with(vec![message(), shared()], 2);
    site.devices[2].source = Source::Mqtt { broker: 0, topic_id: "13800138000".into() };
    let decoder = MessageDecoder::new(&site, 0);
    let rows = [
        ("device/lock/vm-1/2/info", "device/lock/vm-1/2/info"),
        ("device/lock/vm-1/13812345671/info", "device/lock/vm-1/~/info"),
        ("device/lock/vm-1/王小明/info", "device/lock/vm-1/~/info"),
        ("device/lock/vm-7/2/info", "device/lock/vm-7/2/info"),
        ("device/lock/13812345671/2/info", "device/lock/~/2/info"),
        ("device/lock/13800138000/2/info", "device/lock/13800138000/2/info"),
        ("client/13800138000/air", "client/13800138000/air"),
        ("client/13812345671/air", "client/~/air"),
        ("client/vm-1/13812345671", "client/vm-1/~"),
        ("nobody/13812345671/up", "nobody/~/up"),
    ];
    for (topic, expected) in rows {
        let shown = decoder.shown_topic(topic);
        let parts = shown.split('/').map(|part| if part.starts_with('~') { "~" } else { part });
        assert_eq!(parts.collect::<Vec<_>>().join("/"), expected, "{topic}");
    }
}

#[test]
fn a_device_that_floods_is_a_place_of_its_own() {
    let mut decoder = MessageDecoder::new(&site(), 0);
    let flood = facility_config::limits::MESSAGES_BURST + 3;
    let refused = (0..flood).filter(|_| decoder.decode(&at(CABINET_TOPIC, CABINET_EXAMPLE, 1)).refused == Some(RateLimited)).count();
    let places = decoder.heard().unwrap().places;
    let place = places.iter().find(|place| place.fault == RateLimited).unwrap();
    assert_eq!((refused, place.count, &*place.place, place.last_ms), (3, 3, "", 1));
}

#[test]
fn what_was_refused_as_a_whole_is_told_of_its_device() {
    let rows = [("not json", Undecodable), ("{}", MissingField), (r#"{"id":"another","ts":1}"#, ForeignId)];
    for (payload, fault) in rows {
        let mut decoder = MessageDecoder::new(&site(), 0);
        let batch = decoder.decode(&at(CABINET_TOPIC, payload, 9));
        assert_eq!(batch.refused, Some(fault), "{payload}");
        let places = decoder.heard().expect(payload).places;
        let told = places.iter().map(|place| (Some(place.device), &*place.place, place.fault, place.count));
        assert_eq!(told.collect::<Vec<_>>(), [(batch.device, "", fault, 1)], "{payload}");
    }
    let mut decoder = MessageDecoder::new(&site(), 0);
    let _ = decoder.decode(&Arrival { retained: true, ..at(CABINET_TOPIC, CABINET_EXAMPLE, i64::MAX) });
    assert!(decoder.heard().is_none_or(|heard| heard.places.is_empty()), "an old message says nothing of the device");
}
