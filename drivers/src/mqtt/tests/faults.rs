//! Brokers that refuse, keep silent, talk nonsense or hold a message nobody can take.

use super::{GRANTED, Rig, TOPIC, number, numbered, scripted};
use crate::fault::Fault;
use crate::link::LinkState;
use crate::sim::broker::Broker;
use crate::sim::broker::wire::{Wire, publish};
use crate::sim::mqtt::Publisher;
use bytes::BytesMut;
use facility_config::limits::{MQTT_MALFORMED_MAX, MQTT_PACKET_BYTES_MAX, MQTT_POISON_BYTES_MAX};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{ConnAck, ConnectReturnCode, Packet, Publish, SubscribeReasonCode};

#[tokio::test]
async fn a_refused_connection_says_who_has_to_act() {
    let cases = [
        (ConnectReturnCode::BadUserNamePassword, LinkState::Denied, "password"),
        (ConnectReturnCode::NotAuthorized, LinkState::Denied, "whether it wants a `username`"),
        (ConnectReturnCode::BadClientId, LinkState::Denied, "facility-gw-1"),
        (ConnectReturnCode::RefusedProtocolVersion, LinkState::Denied, "3.1.1"),
        (ConnectReturnCode::ServiceUnavailable, LinkState::Connecting, "not available"),
    ];
    for (code, state, words) in cases {
        let (listener, port) = scripted().await;
        let mut rig = Rig::start(port);
        let mut wire = Wire::accept(&listener).await;
        assert!(matches!(wire.receive().await, Packet::Connect(_)));
        wire.send(Packet::ConnAck(ConnAck::new(code, false))).await;
        let link = rig.link("refused", |link| link.error.is_some()).await;
        assert_eq!((link.state, link.faults[Fault::Exception as usize], link.connects), (state, 1, 0), "{code:?}");
        assert!(link.error.as_ref().is_some_and(|error| error.contains(words)), "{link:?}");
        // It goes on trying, and works when it is let in.
        let (mut wire, _) = Wire::welcome(&listener, false).await;
        wire.grant(GRANTED).await;
        rig.link("up", |link| link.state == LinkState::Up).await;
        rig.end().await;
    }
}

#[tokio::test]
async fn a_refused_subscription_is_visible_and_the_others_work() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(SubscribeReasonCode::Failure).await;
    let link = rig.link("denied", |link| link.state == LinkState::Denied).await;
    assert!(link.error.is_some_and(|error| error.contains("scf/v1/fz-gl/locker/+/telemetry")));
    wire.publish(1, TOPIC, numbered(1)).await;
    rig.batch().await.ack.unwrap().release();
    assert!(matches!(wire.receive().await, Packet::PubAck(_)));
    assert_eq!(rig.link.borrow().state, LinkState::Denied, "traffic does not hide what is refused");
    rig.end().await;
}

#[tokio::test]
async fn garbage_instead_of_an_answer() {
    let cases: [(&[u8], Fault, &str); 4] = [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n", Fault::Malformed, "MQTT"),
        (&[0x20, 0x02, 0x00, 0x09], Fault::Malformed, "MQTT"),
        (&[0xff; 64], Fault::Malformed, "MQTT"),
        (b"", Fault::Disconnected, "without an answer"),
    ];
    for (bytes, fault, words) in cases {
        let (listener, port) = scripted().await;
        let mut rig = Rig::start(port);
        let mut wire = Wire::accept(&listener).await;
        assert!(matches!(wire.receive().await, Packet::Connect(_)));
        wire.send_raw(bytes).await;
        drop(wire);
        let link = rig.link("an error", |link| link.error.is_some()).await;
        assert_eq!((link.state, link.faults[fault as usize]), (LinkState::Connecting, 1), "{link:?}");
        assert!(link.error.as_ref().is_some_and(|error| error.contains(words)), "{link:?}");
        rig.end().await;
    }
}

/// What a port does that speaks TLS when it is not spoken to in TLS, and the other way round.
#[tokio::test]
async fn a_line_that_is_thrown_down_instead_of_an_answer() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (stream, _) = listener.accept().await.unwrap();
    // Closed with something unread: a reset.
    stream.readable().await.unwrap();
    drop(stream);
    let link = rig.link("an error", |link| link.error.is_some()).await;
    assert_eq!((link.state, link.faults[Fault::Disconnected as usize]), (LinkState::Connecting, 1), "{link:?}");
    assert!(link.error.as_ref().is_some_and(|error| error.contains("whether the port speaks TLS")), "{link:?}");
    rig.end().await;
}

#[tokio::test]
async fn silence_instead_of_an_answer() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let mut wire = Wire::accept(&listener).await;
    assert!(matches!(wire.receive().await, Packet::Connect(_)));
    let link = rig.link("an error", |link| link.error.is_some()).await;
    assert_eq!((link.faults[Fault::Timeout as usize], link.connects), (1, 0));
    rig.end().await;
}

#[tokio::test]
async fn a_poisonous_message_is_taken_once_and_the_next_ones_flow() {
    let broker = Broker::start(([127, 0, 0, 1], 0).into()).unwrap();
    let mut rig = Rig::start(broker.addr().port());
    rig.link("up", |link| link.state == LinkState::Up).await;
    let mut device = Publisher::connect(broker.addr(), "device", None).await.unwrap();
    device.publish(TOPIC, vec![b' '; 2 * MQTT_PACKET_BYTES_MAX]).await;
    device.publish(TOPIC, numbered(1)).await;
    let poison = rig.batch().await;
    assert_eq!(poison.refused, Some(Fault::Oversize));
    let link = rig.link.borrow().clone();
    assert_eq!((link.faults[Fault::Oversize as usize], link.connects), (1, 2));
    assert!(link.error.is_some_and(|error| error.contains("bytes")));
    poison.ack.unwrap().release();
    let next = rig.batch().await;
    assert_eq!(number(&next), 1);
    next.ack.unwrap().release();
    rig.link("proven", |link| link.error.is_none()).await;
    rig.end().await;
    assert_eq!(broker.waiting("facility-gw-1"), 0);
}

#[tokio::test]
async fn a_message_beyond_all_bounds_costs_the_session_and_the_next_ones_flow() {
    let broker = Broker::start(([127, 0, 0, 1], 0).into()).unwrap();
    let mut rig = Rig::start(broker.addr().port());
    rig.link("up", |link| link.state == LinkState::Up).await;
    let mut device = Publisher::connect(broker.addr(), "device", None).await.unwrap();
    device.publish(TOPIC, vec![b' '; MQTT_POISON_BYTES_MAX + 1]).await;
    let link = rig.link("hit", |link| link.faults[Fault::Oversize as usize] == 1).await;
    assert!(link.error.is_some_and(|error| error.contains("discarded")));
    rig.link("up again", |link| link.state == LinkState::Up && link.connects == 2).await;
    device.publish(TOPIC, numbered(1)).await;
    let next = rig.batch().await;
    assert_eq!(number(&next), 1);
    next.ack.unwrap().release();
    rig.link("proven", |link| link.error.is_none()).await;
    rig.end().await;
}

/// A good message and then, in the same breath, nonsense.
fn good_then(nonsense: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    publish(1, TOPIC, numbered(1)).write(&mut bytes, usize::MAX).unwrap();
    bytes.extend_from_slice(nonsense);
    bytes
}

#[tokio::test]
async fn a_session_that_sends_nonsense_for_ever_is_discarded_and_the_next_messages_flow() {
    let impossible_service_level = &[0x36, 0x05, 0x00, 0x01, b'a', 0x00, 0x02];
    let topic_that_is_no_text = &[0x32, 0x06, 0x00, 0x02, 0xff, 0xfe, 0x00, 0x02];
    let topic_longer_than_its_packet = &[0x32, 0x04, 0xff, 0xff, b'a', b'b'];
    tokio::join!(discards(impossible_service_level), discards(topic_that_is_no_text), discards(topic_longer_than_its_packet));
}

async fn discards(nonsense: &[u8]) {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    for _ in 0..MQTT_MALFORMED_MAX {
        let (mut wire, connect) = Wire::welcome(&listener, false).await;
        assert!(!connect.clean_session);
        wire.grant(GRANTED).await;
        wire.send_raw(&good_then(nonsense)).await;
        // What stands before the nonsense is kept, though it cannot be acknowledged on this connection.
        assert_eq!(number(&rig.batch().await), 1);
    }
    let link = rig.link("discarded", |link| link.faults[Fault::Malformed as usize] == u64::from(MQTT_MALFORMED_MAX)).await;
    assert!(link.error.is_some_and(|error| error.contains("discarded")));
    let (mut wire, connect) = Wire::welcome(&listener, false).await;
    assert!(connect.clean_session);
    assert_eq!(wire.receive().await, Packet::Disconnect);
    drop(wire);
    let (mut wire, connect) = Wire::welcome(&listener, false).await;
    assert!(!connect.clean_session);
    wire.grant(GRANTED).await;
    wire.publish(1, TOPIC, numbered(2)).await;
    assert_eq!(number(&rig.batch().await), 2);
    drop(wire);
    rig.end().await;
}

#[tokio::test]
async fn answers_that_nobody_asked_for_cost_a_connection_and_never_the_session() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    for n in 0..MQTT_MALFORMED_MAX + 1 {
        let (mut wire, connect) = Wire::welcome(&listener, true).await;
        assert!(!connect.clean_session);
        if n == 0 {
            wire.grant(GRANTED).await;
        }
        wire.publish(1, TOPIC, numbered(1)).await;
        wire.acknowledge(5).await;
        assert_eq!(number(&rig.batch().await), 1);
        assert!(wire.try_receive().await.is_none());
    }
    let link = rig.link("told", |link| link.faults[Fault::Malformed as usize] == u64::from(MQTT_MALFORMED_MAX) + 1).await;
    assert!(link.error.is_some_and(|error| error.contains("unsolicited") && !error.contains("discarded")));
    rig.end().await;
}

#[tokio::test]
async fn a_service_level_nobody_asked_for_is_a_fault_of_the_broker() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(GRANTED).await;
    wire.send(Packet::Publish(Publish { pkid: 1, ..Publish::new(TOPIC, QoS::ExactlyOnce, numbered(1)) })).await;
    let link = rig.link("an error", |link| link.error.is_some()).await;
    assert_eq!(link.faults[Fault::Malformed as usize], 1);
    rig.end().await;
}
