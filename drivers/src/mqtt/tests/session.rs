//! Acknowledgements, sessions and reconnects.

use super::{GRANTED, Rig, TOPIC, number, numbered, scripted};
use crate::decode::message::fixture::{STATUS_TOPIC, broker};
use crate::fault::Fault;
use crate::link::LinkState;
use crate::reading::Subject;
use crate::sim::broker::Broker;
use crate::sim::broker::wire::Wire;
use crate::sim::mqtt::Publisher;
use facility_config::limits::LETTERS_PER_HOUR_MAX;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish, SubscribeReasonCode};

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_released() {
    let broker = Broker::with_window(([127, 0, 0, 1], 0).into(), 2).unwrap();
    let mut rig = Rig::start(broker.addr().port());
    rig.link("up", |link| link.state == LinkState::Up).await;
    let mut device = Publisher::connect(broker.addr(), "device", None).await.unwrap();
    for n in 0..4 {
        device.publish(TOPIC, numbered(n)).await;
    }
    let (first, second) = (rig.batch().await, rig.batch().await);
    assert_eq!((broker.counts().sent, broker.counts().acknowledged), (2, 0));
    first.ack.unwrap().release();
    assert_eq!(number(&rig.batch().await), 2);
    assert_eq!((broker.counts().sent, broker.counts().acknowledged), (3, 1));
    drop(second);
    rig.end().await;
}

#[tokio::test]
async fn acknowledgements_keep_their_order() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (mut wire, connect) = Wire::welcome(&listener, false).await;
    assert!(!connect.clean_session);
    assert_eq!((connect.client_id.as_str(), connect.keep_alive, connect.login), ("facility-gw-1", 5, None));
    wire.grant(GRANTED).await;
    let pkids = [7, 3, 65535, 1];
    for (n, pkid) in pkids.into_iter().enumerate() {
        wire.publish(pkid, TOPIC, numbered(n)).await;
    }
    wire.publish(0, TOPIC, numbered(4)).await;
    let mut acks = Vec::new();
    for n in 0..4 {
        let batch = rig.batch().await;
        assert_eq!((number(&batch), batch.at_ms), (n, 1_000));
        acks.push(batch.ack.unwrap());
    }
    assert!(rig.batch().await.ack.is_none(), "QoS 0 has no acknowledgement");
    acks.into_iter().for_each(crate::reading::Ack::release);
    for pkid in pkids {
        assert!(matches!(wire.receive().await, Packet::PubAck(ack) if ack.pkid == pkid));
    }
    rig.stop.cancel();
    assert_eq!(wire.receive().await, Packet::Disconnect);
    assert_eq!(rig.link("stopped", |link| link.state == LinkState::Stopped).await.connects, 1);
    rig.end().await;
}

#[tokio::test]
async fn acknowledgements_that_are_ready_leave_together() {
    const BURST: u16 = 100;
    let (listener, port) = scripted().await;
    let mut rig = Rig::with(broker(port), 256);
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(GRANTED).await;
    let mut acks = Vec::new();
    for pkid in 1..=BURST {
        wire.publish(pkid, TOPIC, numbered(usize::from(pkid))).await;
        acks.push(rig.batch().await.ack.unwrap());
    }
    let before = wire.reads;
    // One commit releases them without a pause.
    acks.into_iter().for_each(crate::reading::Ack::release);
    for pkid in 1..=BURST {
        assert!(matches!(wire.receive().await, Packet::PubAck(ack) if ack.pkid == pkid));
    }
    assert_eq!(wire.reads - before, 1, "one write on their side");
    drop(wire);
    rig.end().await;
}

#[tokio::test]
async fn a_level_of_service_below_what_was_asked_for_works_and_is_said() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(SubscribeReasonCode::Success(QoS::AtMostOnce)).await;
    let link = rig.link("up", |link| link.state == LinkState::Up).await;
    assert!(link.error.is_some_and(|error| error.contains("QoS 0") && error.contains("locker/+/telemetry")));
    wire.publish(1, TOPIC, numbered(1)).await;
    rig.batch().await.ack.unwrap().release();
    assert!(matches!(wire.receive().await, Packet::PubAck(_)));
    assert!(rig.link.borrow().error.is_some(), "as long as it is so");
    drop(wire);
    rig.end().await;
}

#[tokio::test]
async fn whether_a_message_was_kept_by_the_broker_is_passed_on() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let mut watch = rig.watch();
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(GRANTED).await;
    for retain in [true, false] {
        wire.send(Packet::Publish(Publish { retain, pkid: 1, ..Publish::new(TOPIC, QoS::AtLeastOnce, numbered(1)) })).await;
        rig.batch().await;
        let told = watch.recv().await.unwrap();
        assert_eq!((told.retained, &*told.topic, told.qos), (retain, TOPIC, 1));
    }
    drop(wire);
    rig.end().await;
}

#[tokio::test]
async fn what_cannot_be_decoded_is_a_letter() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(GRANTED).await;
    wire.publish(1, "scf/v1/fz-gl/locker/nobody/telemetry", "{}").await;
    for pkid in 2..12 {
        wire.publish(pkid, TOPIC, "garbage").await;
    }
    for _ in 0..11 {
        rig.batch().await;
    }
    let letters: Vec<_> = std::iter::from_fn(|| rig.letters.try_recv().ok()).collect();
    assert_eq!(letters.len() as u32, LETTERS_PER_HOUR_MAX, "a few of many: {letters:?}");
    for letter in letters {
        assert_eq!((letter.fault, &*letter.broker, &*letter.topic, letter.bytes), (Fault::Undecodable, "site", TOPIC, 7));
        assert!(letter.device.is_some());
    }
    drop(wire);
    rig.end().await;
}

#[tokio::test]
async fn every_message_is_a_batch_even_a_useless_one() {
    let broker = Broker::start(([127, 0, 0, 1], 0).into()).unwrap();
    let mut rig = Rig::start(broker.addr().port());
    rig.link("up", |link| link.state == LinkState::Up).await;
    let mut device = Publisher::connect(broker.addr(), "device", None).await.unwrap();
    device.publish("scf/v1/fz-gl/locker/nobody/telemetry", "{}").await;
    device.publish(TOPIC, "garbage").await;
    device.publish(STATUS_TOPIC, "offline").await;
    for expected in [Some(Fault::UnknownDevice), Some(Fault::Undecodable), None] {
        let batch = rig.batch().await;
        assert_eq!(batch.refused, expected);
        batch.ack.unwrap().release();
    }
    device.publish(STATUS_TOPIC, "online").await;
    let batch = rig.batch().await;
    assert_eq!((batch.subject, broker.counts().acknowledged), (Subject::Health, 3));
    rig.end().await;
}

#[tokio::test]
async fn an_unreleased_message_comes_again_after_a_restart_of_the_broker() {
    let broker = Broker::start(([127, 0, 0, 1], 0).into()).unwrap();
    let mut rig = Rig::start(broker.addr().port());
    rig.link("up", |link| link.state == LinkState::Up).await;
    let mut device = Publisher::connect(broker.addr(), "device", None).await.unwrap();
    device.publish(TOPIC, numbered(1)).await;
    drop(rig.batch().await);
    broker.stop().await;
    let down = rig.link("down", |link| link.state == LinkState::Connecting).await;
    assert_eq!((down.faults[Fault::Disconnected as usize], down.error.is_some()), (1, true));
    broker.resume().unwrap();
    let again = rig.batch().await;
    assert_eq!((number(&again), broker.counts().redelivered), (1, 1));
    again.ack.unwrap().release();
    // What works again has no error any more.
    let up = rig.link("proven", |link| link.error.is_none()).await;
    assert_eq!((up.state, up.connects), (LinkState::Up, 2));
    rig.end().await;
}

#[tokio::test]
async fn a_stale_acknowledgement_is_never_sent() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(GRANTED).await;
    wire.publish(1, TOPIC, numbered(1)).await;
    let stale = rig.batch().await.ack.unwrap();
    drop(wire);
    // A new session counts its packets from 1 again: the same id stands for another message.
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(GRANTED).await;
    wire.publish(1, TOPIC, numbered(2)).await;
    wire.publish(2, TOPIC, numbered(3)).await;
    let _unreleased = rig.batch().await;
    stale.release();
    rig.batch().await.ack.unwrap().release();
    assert!(matches!(wire.receive().await, Packet::PubAck(ack) if ack.pkid == 2));
    rig.end().await;
}

#[tokio::test]
async fn a_lost_session_is_subscribed_again() {
    let broker = Broker::start(([127, 0, 0, 1], 0).into()).unwrap();
    let mut rig = Rig::start(broker.addr().port());
    rig.link("up", |link| link.state == LinkState::Up).await;
    broker.stop().await;
    broker.forget_sessions();
    broker.resume().unwrap();
    rig.link("up again", |link| link.state == LinkState::Up && link.connects == 2).await;
    let mut device = Publisher::connect(broker.addr(), "device", None).await.unwrap();
    device.publish(TOPIC, numbered(5)).await;
    assert_eq!(number(&rig.batch().await), 5);
    rig.end().await;
}

#[tokio::test]
async fn an_old_session_is_subscribed_once_because_the_configuration_may_be_new() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (mut wire, _) = Wire::welcome(&listener, true).await;
    // The connection breaks before the answer: the subscription is not granted.
    assert!(matches!(wire.receive().await, Packet::Subscribe(_)));
    drop(wire);
    let (mut wire, _) = Wire::welcome(&listener, true).await;
    let filters = wire.grant(GRANTED).await;
    assert_eq!(filters.len(), 5);
    assert!(filters.contains(&"scf/v1/fz-gl/locker/+/status".to_owned()), "{filters:?}");
    rig.link("up", |link| link.state == LinkState::Up).await;
    drop(wire);
    let (mut wire, _) = Wire::welcome(&listener, true).await;
    wire.publish(9, TOPIC, numbered(1)).await;
    rig.batch().await.ack.unwrap().release();
    assert!(matches!(wire.receive().await, Packet::PubAck(ack) if ack.pkid == 9), "no second SUBSCRIBE");
    rig.end().await;
}

#[tokio::test]
async fn a_slow_pipeline_loses_nothing() {
    let broker_sim = Broker::start(([127, 0, 0, 1], 0).into()).unwrap();
    let mut rig = Rig::with(broker(broker_sim.addr().port()), 1);
    rig.link("up", |link| link.state == LinkState::Up).await;
    let mut device = Publisher::connect(broker_sim.addr(), "device", None).await.unwrap();
    for n in 0..500 {
        device.publish_nowait(TOPIC, numbered(n)).await;
    }
    device.flush().await;
    for n in 0..500 {
        let batch = rig.batch().await;
        assert_eq!(number(&batch), n);
        batch.ack.unwrap().release();
    }
    rig.end().await;
    assert_eq!(broker_sim.counts().redelivered, 0);
}

#[tokio::test]
async fn what_is_durable_and_comes_again_is_counted_and_not_stored_again() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(GRANTED).await;
    let mut watch = rig.watch();
    // The third has no time and no number: two that are alike may be two.
    let message = |pkid: u16| match pkid {
        3 => (STATUS_TOPIC, "online".to_owned()),
        _ => (TOPIC, numbered(usize::from(pkid))),
    };
    for pkid in [1, 3, 2] {
        let (topic, body) = message(pkid);
        wire.publish(pkid, topic, body).await;
    }
    let (first, unstamped, second) = (rig.batch().await, rig.batch().await, rig.batch().await);
    first.ack.unwrap().release();
    unstamped.ack.unwrap().release();
    // The acknowledgement is on its way, and the broker dies without having read it.
    assert!(matches!(wire.receive().await, Packet::PubAck(ack) if ack.pkid == 1));
    assert!(matches!(wire.receive().await, Packet::PubAck(ack) if ack.pkid == 3));
    drop(wire);
    let (mut wire, _) = Wire::welcome(&listener, true).await;
    for pkid in [1, 3, 2] {
        let (topic, body) = message(pkid);
        let message = Publish::new(topic, QoS::AtLeastOnce, body);
        wire.send(Packet::Publish(Publish { dup: true, pkid, ..message })).await;
    }
    let (again, alike, late) = (rig.batch().await, rig.batch().await, rig.batch().await);
    assert_eq!((again.device, again.refused, again.readings.len()), (first.device, Some(Fault::Duplicate), 0));
    assert_eq!((alike.refused, alike.readings.len()), (None, 1));
    assert_eq!((late.refused, number(&late)), (None, 2), "it was never said to be durable");
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(watch.recv().await.unwrap().explained.refused);
    }
    assert_eq!(told, [None, None, None, Some(Fault::Duplicate), None, None], "mqtt tail shows it");
    drop(second);
    [again, alike, late].into_iter().for_each(|batch| batch.ack.unwrap().release());
    for pkid in [1, 3, 2] {
        assert!(matches!(wire.receive().await, Packet::PubAck(ack) if ack.pkid == pkid));
    }
    drop(wire);
    rig.end().await;
}
