//! A made-up dialect that uses every word of the language, for the tables beside it. Tests only.

use crate::decode::message::MessageDecoder;
use crate::decode::message::fixture::{arrival, device, field, site_of};
use crate::fault::Fault;
use crate::reading::{Batch, Value};
use facility_config::profile::{ListUse, Mapped, Message, MessageField, MessageKind, MqttMap, When};
use facility_config::{Kind, Point, Site};

pub(super) const TOPIC: &str = "up/vm-1/data";
pub(super) const SHARED: &str = "shared/acme/up";

/// A field, changed.
pub(super) fn with(pointer: &str, point: Point, change: impl FnOnce(&mut MessageField)) -> MessageField {
    let mut field = field(pointer, point);
    change(&mut field);
    field
}

pub(super) fn telemetry(topic: &str, fields: Vec<MessageField>) -> Message {
    Message { fields, ..Message::plain(MessageKind::Telemetry, topic) }
}

pub(super) fn when(conditions: &[(&str, &str)]) -> Vec<When> {
    conditions.iter().map(|(place, equals)| When { place: (*place).into(), equals: (*equals).into() }).collect()
}

pub(super) fn values(table: &[(&str, Mapped)]) -> Vec<(Box<str>, Mapped)> {
    table.iter().map(|(raw, value)| ((*raw).into(), value.clone())).collect()
}

/// Vending machines `vm-1`, `vm-2` and so on that speak so.
pub(super) fn site_with(messages: Vec<Message>, devices: usize) -> Site {
    let mut first = device(Kind::Vending, "vm-1", MqttMap { messages });
    let mut all = Vec::new();
    for n in 1..=devices {
        first.id = format!("vm-{n}").into();
        first.source = facility_config::Source::Mqtt { broker: 0, topic_id: first.id.clone() };
        all.push(first.clone());
    }
    site_of(all)
}

pub(super) fn decoder(messages: Vec<Message>) -> MessageDecoder {
    MessageDecoder::new(&site_with(messages, 2), 0)
}

/// What a message of one field makes of a payload.
pub(super) fn one(field: MessageField, payload: &str) -> Result<Option<Value>, Fault> {
    let batch = decoder(vec![telemetry("up/{device}/data", vec![field])]).decode(&arrival(TOPIC, payload.as_bytes()));
    outcome(&batch)
}

/// The only value, or the only fault.
pub(super) fn outcome(batch: &Batch) -> Result<Option<Value>, Fault> {
    assert!(batch.readings.len() + batch.faults.len() <= 1, "{batch:?}");
    match batch.refused.or_else(|| batch.faults.first().copied()) {
        Some(fault) => Err(fault),
        None => Ok(batch.readings.first().map(|reading| reading.value.clone())),
    }
}

/// Every word at once.
pub(super) fn everything() -> Vec<Message> {
    let shared = "shared/{maker}/up";
    let state = |field: &mut MessageField| {
        field.values = values(&[("1", Mapped::Bool(false)), ("2", Mapped::Bool(true))]);
        field.silent = vec!["3".into()];
    };
    let heartbeat = Message {
        device: Some("/machine".into()),
        when: when(&[("/method", "heartbeat")]),
        time: Some("/t".into()),
        seq: Some("/n".into()),
        nested: vec!["/data".into()],
        ignored: vec!["/sku".into()],
        fields: vec![
            with("/rssi", Point::HealthRssi, |f| f.loose = true),
            field("/fw", Point::HealthFirmware),
            field("/data/air", Point::VendingAir),
            field("/data/note", Point::VendingStatus),
            with("/alarms", Point::VendingOutages, |f| f.list = Some(ListUse::Count)),
            with("/lanes/*/state", Point::LaneFault, |f| {
                f.part = Some("no".into());
                state(f);
            }),
        ],
        ..Message::plain(MessageKind::Telemetry, shared)
    };
    let event = Message {
        device: Some("/machine".into()),
        when: when(&[("/method", "4"), ("{maker}", "acme")]),
        parcel: Some("/waybill".into()),
        key: Some("/id".into()),
        part: Some("/type".into()),
        fields: vec![field("/door", Point::EventTarget)],
        ..Message::plain(MessageKind::Event, shared)
    };
    vec![heartbeat, event, telemetry("up/{device}/data", vec![field("/text", Point::EventCode), field("/level", Point::VendingVends)])]
}
