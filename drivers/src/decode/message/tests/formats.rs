//! Bodies that are no JSON go through the same walk: trees of CBOR, and what Sparkplug reports say about devices and nodes.

use super::dialect::{decoder, telemetry};
use super::readings;
use crate::decode::message::MessageDecoder;
use crate::decode::message::body::tests::bytes;
use crate::decode::message::fixture::{EXAMPLE_MS, arrival, field};
use crate::decode::message::sparkplug::{Kind, Report};
use crate::fault::Fault::{self, *};
use crate::reading::{Batch, Subject, Value};
use facility_config::DeviceIx;
use facility_config::Point::{CabinetAir, CabinetDoor, HealthOnline};
use facility_config::profile::{Format, Message};
use serde_json::json;

#[test]
fn cbor_is_walked_like_json() {
    let message = Message {
        format: Format::Cbor,
        time: Some("/t".into()),
        device: Some("/id".into()),
        required: vec!["/t".into()],
        ..telemetry("cbor/up", vec![field("/temps/air", CabinetAir), field("/door", CabinetDoor)])
    };
    let mut decoder = decoder(vec![message]);
    let mut decode = |body: &serde_json::Value| {
        let mut bytes = Vec::new();
        ciborium::into_writer(body, &mut bytes).unwrap();
        decoder.decode(&arrival("cbor/up", &bytes))
    };
    let batch = decode(&json!({"id": "vm-2", "t": EXAMPLE_MS, "temps": {"air": -18.5}, "door": "shut", "phone": "13900000000"}));
    assert_eq!((batch.device, batch.device_ms, &*batch.faults), (Some(DeviceIx(2)), Some(EXAMPLE_MS), &[WrongType, UnknownField][..]));
    assert_eq!(readings(&batch), [(CabinetAir, String::new(), Value::Float(-18.5))]);
    let rows: [(serde_json::Value, Option<DeviceIx>, Fault); 3] = [
        (json!({"id": "vm-2"}), Some(DeviceIx(2)), MissingField),
        (json!({"id": "vm-9", "t": 1}), None, UnknownDevice),
        (json!([1, 2]), None, MissingField),
    ];
    for (body, device, fault) in rows {
        let batch = decode(&body);
        assert_eq!((batch.device, batch.refused), (device, Some(fault)), "{body}");
    }
    assert_eq!(decoder.decode(&arrival("cbor/up", b"\xff")).refused, Some(Undecodable));
    assert_eq!(decoder.heard().unwrap().strangers[0].shape, ["/id text".into(), "/t number".into()]);
}

/// A Sparkplug device whose air temperature is wanted.
fn sparkplug() -> MessageDecoder {
    let topic = "spBv1.0/{group}/+/{node}/{device}";
    decoder(vec![Message { format: Format::Sparkplug, ..telemetry(topic, vec![field("/temps/air", CabinetAir)]) }])
}

fn reported(decoder: &mut MessageDecoder, topic: &str, report: Result<Kind, Fault>) -> Batch {
    let values = json!({"temps": {"air": 4.5}, "serial": "13900000000"});
    let report = report.map(|kind| Report { kind, values, time_ms: Some(EXAMPLE_MS), seq: Some(255), gone: Vec::new() });
    decoder.sort(&arrival(topic, b""), &Some(report), None)
}

#[test]
fn a_sparkplug_device_is_born_speaks_and_dies() {
    let mut decoder = sparkplug();
    let air = (CabinetAir, String::new(), Value::Float(4.5));
    let online = |yes| (HealthOnline, String::new(), Value::Bool(yes));
    let birth = reported(&mut decoder, "spBv1.0/g/DBIRTH/edge/vm-1", Ok(Kind::Birth));
    assert_eq!((birth.device, birth.device_ms, birth.seq), (Some(DeviceIx(1)), Some(EXAMPLE_MS), None));
    assert_eq!((birth.subject, readings(&birth)), (Subject::Telemetry, vec![online(true), air.clone()]));
    assert_eq!(birth.faults, [UnknownField]);
    let data = reported(&mut decoder, "spBv1.0/g/DDATA/edge/vm-1", Ok(Kind::Data));
    assert_eq!(readings(&data), [air]);
    let death = reported(&mut decoder, "spBv1.0/g/DDEATH/edge/vm-1", Ok(Kind::Death));
    assert_eq!((death.subject, readings(&death)), (Subject::Health, vec![online(false)]));
    let early = reported(&mut decoder, "spBv1.0/g/DDATA/edge/vm-2", Err(NoBirth));
    assert_eq!((early.device, early.refused), (Some(DeviceIx(2)), Some(NoBirth)));
}

#[test]
fn nodes_and_strangers_of_sparkplug() {
    let mut decoder = sparkplug();
    let node = reported(&mut decoder, "spBv1.0/g/NBIRTH/edge", Ok(Kind::Birth));
    assert_eq!((node.device, node.refused, node.readings.len()), (Some(DeviceIx::GATEWAY), None, 0));
    let command = reported(&mut decoder, "spBv1.0/g/NCMD/edge", Err(UnknownMessage));
    assert_eq!((command.device, command.refused), (None, Some(UnknownMessage)));
    assert_eq!(decoder.heard(), None);
    let stranger = reported(&mut decoder, "spBv1.0/g/DBIRTH/edge/new", Ok(Kind::Birth));
    assert_eq!((stranger.device, stranger.refused), (None, Some(UnknownDevice)));
    let heard = decoder.heard().unwrap();
    assert_eq!((&*heard.strangers[0].id, &*heard.strangers[0].topic), ("new", "spBv1.0/g/DBIRTH/edge/new"));
    assert_eq!(heard.strangers[0].shape, ["/serial text".into(), "/temps/air number".into()]);
    assert!(!format!("{heard:?}").contains("13900000000"));
    decoder.connected(true);
    decoder.connected(false);
}

/// The last will of a node is the only one there is: whatever it was speaking for is gone with it.
#[test]
fn the_death_of_a_node_is_that_of_its_devices() {
    let mut decoder = sparkplug();
    let mut hear = |topic: &str, body: String| {
        let batch = decoder.decode(&arrival(topic, &bytes(&body)));
        let refused = [("nobody", UnknownDevice), ("NDATA/edge", NoBirth)].into_iter().find(|(end, _)| topic.ends_with(end));
        assert_eq!(batch.refused, refused.map(|(_, fault)| fault), "{topic}");
        decoder.also().collect::<Vec<_>>()
    };
    let life = |number: u8| format!("12 0b 0a05 6264536571 20 08 58 {number:02x}");
    assert!(hear("spBv1.0/g/NBIRTH/edge", format!("{} 18 00", life(7))).is_empty());
    for (seq, device) in [(1, "vm-2"), (2, "vm-1"), (3, "nobody")] {
        let air = "12 14 0a09 74656d70732f616972 10 01 20 09 65 00009040";
        assert!(hear(&format!("spBv1.0/g/DBIRTH/edge/{device}"), format!("{air} 18 {seq:02x}")).is_empty());
    }
    assert!(hear("spBv1.0/g/NDEATH/edge", life(6)).is_empty(), "that of an earlier connection");
    // A message that was missed ends what is known of their metrics, and nobody's life.
    assert!(hear("spBv1.0/g/NDATA/edge", "18 09".to_owned()).is_empty());
    let gone = hear("spBv1.0/g/NDEATH/edge", life(7));
    let found: Vec<_> = gone.iter().map(|batch| (batch.device, batch.subject, readings(batch))).collect();
    let offline = || vec![(HealthOnline, String::new(), Value::Bool(false))];
    assert_eq!(found, [1, 2].map(|at| (Some(DeviceIx(at)), Subject::Health, offline())));
    assert!(hear("spBv1.0/g/NDEATH/edge", life(7)).is_empty(), "nobody is left");
}
