//! Topics that several devices or messages share: whose a message is, and which.

use super::dialect::{SHARED, decoder, everything, site_with, telemetry, when};
use crate::decode::message::MessageDecoder;
use crate::decode::message::fixture::{CABINET_TOPIC, arrival, device, field, site_of};
use crate::decode::message::topic::{Filter, filters};
use crate::fault::Fault::{self, *};
use crate::reading::Subject;
use facility_config::profile::{Format, Message, MessageKind, MqttMap};
use facility_config::{DeviceIx, Kind, Point, Source};

#[test]
fn device_and_message_are_known_by_what_the_payload_says() {
    let mut decoder = decoder(everything());
    let event = Subject::Event;
    let rows: &[(&str, &str, Option<DeviceIx>, Result<Subject, Fault>)] = &[
        (SHARED, r#"{"machine":"vm-1","method":"heartbeat"}"#, Some(DeviceIx(1)), Ok(Subject::Telemetry)),
        (SHARED, r#"{"method":"heartbeat","rssi":"-67","machine":"vm-2"}"#, Some(DeviceIx(2)), Ok(Subject::Telemetry)),
        (SHARED, r#"{"machine":"vm-1","method":4,"type":"boot"}"#, Some(DeviceIx(1)), Ok(event)),
        (SHARED, r#"{"machine":"vm-1","method":"4","type":"boot"}"#, Some(DeviceIx(1)), Ok(event)),
        ("shared/other/up", r#"{"machine":"vm-1","method":4,"type":"boot"}"#, Some(DeviceIx(1)), Err(UnknownMessage)),
        (SHARED, r#"{"machine":"vm-1","method":"x"}"#, Some(DeviceIx(1)), Err(UnknownMessage)),
        (SHARED, r#"{"machine":"vm-1"}"#, Some(DeviceIx(1)), Err(UnknownMessage)),
        (SHARED, r#"{"machine":"vm-1","method":["heartbeat"]}"#, Some(DeviceIx(1)), Err(UnknownMessage)),
        (SHARED, r#"{"machine":"vm-3","method":"heartbeat"}"#, None, Err(UnknownDevice)),
        (SHARED, r#"{"method":"heartbeat"}"#, None, Err(MissingField)),
        (SHARED, r#"{"machine":null,"method":"heartbeat"}"#, None, Err(MissingField)),
        (SHARED, r#"{"machine":"vm-1","method":"heartbeat""#, None, Err(Undecodable)),
        (SHARED, r#"{"machine":"vm-1","machine":"vm-2","method":"heartbeat"}"#, Some(DeviceIx(1)), Err(Undecodable)),
        // One number that is none costs one value here too.
        (SHARED, r#"{"machine":"vm-1","method":"heartbeat","rssi":NaN}"#, Some(DeviceIx(1)), Ok(Subject::Telemetry)),
        ("shared/acme/down", r#"{"machine":"vm-1","method":"heartbeat"}"#, None, Err(UnknownDevice)),
    ];
    for (topic, payload, device, expected) in rows {
        let batch = decoder.decode(&arrival(topic, payload.as_bytes()));
        assert_eq!((batch.device, batch.refused.map_or(Ok(batch.subject), Err)), (*device, *expected), "{topic} {payload}");
    }
}

#[test]
fn ids_are_texts_or_whole_numbers() {
    let message =
        Message { device: Some("/d/macno".into()), nested: vec!["/d".into()], ..telemetry("up", vec![field("/a", Point::CabinetAir)]) };
    let mut site = site_with(vec![message], 2);
    for (at, id) in [(1, "1520164"), (2, "柜一")] {
        site.devices[at].source = Source::Mqtt { broker: 0, topic_id: id.into() };
    }
    let mut decoder = MessageDecoder::new(&site, 0);
    let rows = [
        (r#"{"d":{"macno":1520164},"a":1}"#, Some(DeviceIx(1))),
        (r#"{"d":{"macno":"1520164"},"a":1}"#, Some(DeviceIx(1))),
        (r#"{"d":{"macno":1520164.0},"a":1}"#, Some(DeviceIx(1))),
        (r#"{"d":"{\"macno\":1520164}","a":1}"#, Some(DeviceIx(1))),
        (r#"{"d":{"macno":"柜一"},"a":1}"#, Some(DeviceIx(2))),
        (r#"{"d":{"macno":true},"a":1}"#, None),
        (r#"{"d":[1520164],"a":1}"#, None),
    ];
    for (payload, device) in rows {
        let batch = decoder.decode(&arrival("up", payload.as_bytes()));
        assert_eq!((batch.device, batch.readings.len()), (device, usize::from(device.is_some())), "{payload}");
    }
}

#[test]
fn a_level_of_the_topic_can_be_the_device_or_the_condition() {
    let named = |kind: &str, point| Message {
        device: Some("{imei}".into()),
        when: when(&[("{what}", kind)]),
        ..telemetry("client/{imei}/{what}", vec![field("/v", point)])
    };
    let mut decoder = decoder(vec![named("air", Point::VendingAir), named("vends", Point::VendingVends)]);
    let mut point = |topic| {
        let batch = decoder.decode(&arrival(topic, br#"{"v":5}"#));
        batch.refused.map_or_else(|| Ok((batch.device, batch.readings[0].metric.point)), Err)
    };
    assert_eq!(point("client/vm-2/air"), Ok((Some(DeviceIx(2)), Point::VendingAir)));
    assert_eq!(point("client/vm-1/vends"), Ok((Some(DeviceIx(1)), Point::VendingVends)));
    assert_eq!(point("client/vm-1/coins"), Err(UnknownMessage));
    assert_eq!(point("client/vm-9/air"), Err(UnknownDevice));
    assert_eq!(point("client/vm-1"), Err(UnknownDevice));
}

#[test]
fn two_models_may_share_a_topic() {
    let map = |point| MqttMap { messages: vec![telemetry("up/{device}", vec![field("/v", point)])] };
    let mut other = device(Kind::Vending, "vm-b", map(Point::VendingSetpoint));
    other.source = Source::Mqtt { broker: 0, topic_id: "b".into() };
    let shared = |point| MqttMap { messages: vec![Message { device: Some("/id".into()), ..telemetry("all", vec![field("/v", point)]) }] };
    let all = vec![
        device(Kind::Vending, "vm-a", map(Point::VendingAir)),
        other,
        device(Kind::Cabinet, "fz-a", shared(Point::CabinetAir)),
        device(Kind::Cabinet, "fz-b", shared(Point::CabinetSetpoint)),
    ];
    let mut decoder = MessageDecoder::new(&site_of(all), 0);
    let mut point = |topic, payload: &str| decoder.decode(&arrival(topic, payload.as_bytes())).readings.first().map(|r| r.metric.point);
    assert_eq!(point("up/vm-a", r#"{"v":1}"#), Some(Point::VendingAir));
    assert_eq!(point("up/b", r#"{"v":1}"#), Some(Point::VendingSetpoint));
    assert_eq!(point("all", r#"{"id":"fz-a","v":1}"#), Some(Point::CabinetAir));
    assert_eq!(point("all", r#"{"id":"fz-b","v":1}"#), Some(Point::CabinetSetpoint));
    assert_eq!(decoder.heard(), None, "a device of the other model is no stranger");
}

#[test]
fn filters_ask_for_the_quality_of_service_that_is_needed() {
    let message = |topic: &str, qos| Message { qos, ..telemetry(topic, vec![field("/v", Point::VendingAir)]) };
    let filter = |filter: &str, qos| Filter { filter: filter.to_owned(), qos };
    let site = |messages| site_with(messages, 3);
    let rows = [
        (vec![message("a/{device}", 0), message("b/{device}", 1)], vec![filter("a/+", 0), filter("b/+", 1)]),
        (vec![message("a/{device}/x", 0), message("a/{device}/{what}", 0)], vec![filter("a/+/+", 0)]),
        (vec![message("a/{device}/x", 1), message("a/{device}/{what}", 0)], vec![filter("a/+/+", 1)]),
        (vec![message("a/{device}", 0), message("a/+", 1)], vec![filter("a/+", 1)]),
        (
            vec![Message { format: Format::Sparkplug, ..message("spBv1.0/{group}/+/{node}/{device}", 0) }],
            vec![filter("spBv1.0/+/+/+", 0), filter("spBv1.0/+/+/+/+", 0)],
        ),
    ];
    for (messages, expected) in rows {
        assert_eq!(filters(&site(messages), 0), expected);
    }
}

#[test]
fn a_topic_may_be_anything() {
    let mut messages = everything();
    messages.push(telemetry("$dev/{device}", vec![field("/v", Point::VendingAir)]));
    messages.push(telemetry("{any}/{device}/x", vec![field("/v", Point::VendingAir)]));
    let mut decoder = decoder(messages);
    let long = "a/".repeat(32_767);
    let nobody =
        ["", "/", "//", "#", "+", "up/+/data", "up//data", "up/\0/data", "$SYS/vm-1/x", "$share/g/up/vm-1/data", CABINET_TOPIC, &long];
    for topic in nobody {
        let batch = decoder.decode(&arrival(topic, br#"{"v":1}"#));
        assert_eq!((batch.device, batch.refused), (None, Some(UnknownDevice)), "{}", &topic[..topic.len().min(40)]);
    }
    assert_eq!(decoder.decode(&arrival("$dev/vm-1", br#"{"v":1}"#)).device, Some(DeviceIx(1)));
    assert_eq!(decoder.decode(&arrival("q/vm-1/x", br#"{"v":1}"#)).device, Some(DeviceIx(1)));
}

#[test]
fn a_status_stays_what_it_was_beside_other_messages() {
    let mut messages = everything();
    messages.push(Message::plain(MessageKind::Status, "up/{device}/status"));
    let batch = decoder(messages).decode(&arrival("up/vm-2/status", b"offline"));
    assert_eq!((batch.device, batch.subject, batch.readings.len()), (Some(DeviceIx(2)), Subject::Health, 1));
}
