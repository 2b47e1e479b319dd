//! Which topics are whose, and what is subscribed to.

use super::decode;
use crate::decode::message::MessageDecoder;
use crate::decode::message::fixture::{CABINET_EXAMPLE, arrival, device, field, locker, message, site, site_of};
use crate::decode::message::topic::{Filter, matches};
use crate::fault::Fault;
use facility_config::profile::{Message, MessageKind, MqttMap};
use facility_config::{DeviceIx, Kind, Point, Site, Source};

#[test]
fn only_declared_devices_are_heard() {
    let foreign = [
        "scf/v1/fz-gl/cabinet/tj-aofengzhou-fz-03/telemetry",
        "scf/v1/fz-xx/cabinet/tj-aofengzhou-fz-02/telemetry",
        "scf/v1/fz-gl/locker/tj-aofengzhou-fz-02/telemetry",
        "scf/v1/fz-gl/cabinet/tj-aofengzhou-fz-02/event",
        "scf/v1/fz-gl/cabinet/tj-aofengzhou-fz-02/telemetry/x",
        "scf/v1/fz-gl/cabinet/+/telemetry",
        "",
        "市/\0",
    ];
    for topic in foreign {
        let batch = decode(topic, CABINET_EXAMPLE);
        assert_eq!((batch.device, batch.refused), (None, Some(Fault::UnknownDevice)), "{topic}");
    }
}

#[test]
fn a_broker_speaks_only_for_its_own_devices() {
    let mut site = site();
    site.devices[2].source = Source::Mqtt { broker: 1, topic_id: "tj-aofengzhou-fz-02".into() };
    let topic = "scf/v1/fz-gl/cabinet/tj-aofengzhou-fz-02/telemetry";
    assert_eq!(MessageDecoder::new(&site, 0).decode(&arrival(topic, CABINET_EXAMPLE.as_bytes())).refused, Some(Fault::UnknownDevice));
    assert_eq!(MessageDecoder::new(&site, 1).decode(&arrival(topic, CABINET_EXAMPLE.as_bytes())).refused, None);
    assert_eq!(filters(&site, 1), ["scf/v1/fz-gl/cabinet/+/telemetry"]);
    assert!(filters(&site, 2).is_empty());
}

/// The filters alone.
fn filters(site: &Site, broker: usize) -> Vec<String> {
    crate::decode::message::topic::filters(site, broker).into_iter().map(|filter: Filter| filter.filter).collect()
}

fn vendor(template: &str) -> MqttMap {
    let fields = vec![field("/level", Point::LaneLevel)];
    let message = Message { topic: template.into(), required: Vec::new(), ..message(MessageKind::Telemetry, "", fields) };
    MqttMap { messages: vec![message] }
}

#[test]
fn levels_that_do_not_matter_are_not_compared() {
    let ids = ["vm-1", "vm-2"];
    let site = site_of(ids.map(|id| device(Kind::Vending, id, vendor("+/vending/dev-{device}/+"))).into());
    let mut decoder = MessageDecoder::new(&site, 0);
    let mut heard = |topic| decoder.decode(&arrival(topic, br#"{"level":1}"#)).device;
    assert_eq!(heard("acme/vending/dev-vm-2/up"), Some(DeviceIx(2)));
    assert_eq!(heard("other/vending/dev-vm-1/x"), Some(DeviceIx(1)));
    assert_eq!(heard("acme/vending/vm-2/up"), None);
    assert_eq!(heard("acme/vending/dev-vm-3/up"), None);
    assert_eq!(heard("acme/vending/dev-vm-2/up/x"), None);
    assert_eq!(heard("$SYS/vending/dev-vm-2/up"), None);
    assert_eq!(filters(&site, 0), ["+/vending/+/+"]);
}

#[test]
fn as_few_filters_as_possible() {
    let hundred = |kind: Kind| (0..100).map(move |n| device(kind, &format!("{}-{n}", kind.as_str()), locker()));
    let site = site_of(hundred(Kind::Locker).chain(hundred(Kind::Vending)).collect());
    let expected =
        ["event", "status", "telemetry"].map(|suffix| ["locker", "vending"].map(|kind| format!("scf/v1/fz-gl/{kind}/+/{suffix}")));
    let mut expected: Vec<_> = expected.into_iter().flatten().collect();
    expected.sort();
    assert_eq!(filters(&site, 0), expected);

    let templates = ["a/{device}/x", "a/+/+", "a/b/{site}", "a/{device}", "c"];
    let site = site_of(templates.iter().enumerate().map(|(n, t)| device(Kind::Vending, &format!("d{n}"), vendor(t))).collect());
    assert_eq!(filters(&site, 0), ["a/+", "a/+/+", "c"]);
}

#[test]
fn wildcards_match_as_the_standard_says() {
    let cases = [
        ("a/b", "a/b", true),
        ("a/+", "a/b", true),
        ("a/+", "a/", true),
        ("a/+", "a", false),
        ("a/+", "a/b/c", false),
        ("a/#", "a/b/c", true),
        ("a/#", "a", true),
        ("#", "a/b", true),
        ("+/+", "/x", true),
        ("/+", "/x", true),
        ("+", "/x", false),
        ("#", "$SYS/x", false),
        ("+/x", "$SYS/x", false),
        ("$SYS/#", "$SYS/x", true),
        ("温/+", "温/度", true),
    ];
    for (filter, topic, expected) in cases {
        assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
    }
}
