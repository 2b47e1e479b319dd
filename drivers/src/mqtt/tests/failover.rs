//! A broker with several addresses: who is called when, and that nothing of one session is believed of another.

use super::{GRANTED, Rig, TOPIC, number, numbered, scripted};
use crate::decode::message::fixture::broker;
use crate::link::LinkState;
use crate::mqtt::places::Places;
use crate::mqtt::trouble::Cause;
use crate::sim::broker::wire::Wire;
use facility_config::limits::{MQTT_MALFORMED_MAX, MQTT_PACKET_BYTES_MAX, MQTT_POISON_BYTES_MAX};
use facility_config::site::Broker;
use rumqttc::mqttbytes::v4::Packet;

fn of_two(first: u16, second: u16) -> Broker {
    let mut config = broker(first);
    config.endpoints.extend(broker(second).endpoints);
    config
}

#[tokio::test]
async fn the_second_address_takes_over_and_the_first_gets_it_back() {
    let ((first, first_port), (second, second_port)) = (scripted().await, scripted().await);
    let mut rig = Rig::with(of_two(first_port, second_port), 64);
    drop(Wire::accept(&first).await);
    // A session of the same name may be there too; what this process was granted is not in it.
    let (mut wire, _) = Wire::welcome(&second, true).await;
    assert_eq!(wire.grant(GRANTED).await.len(), 5);
    let link = rig.link("up", |link| link.state == LinkState::Up).await;
    assert_eq!(link.via, Some(format!("mqtt://127.0.0.1:{second_port}")));
    wire.publish(1, TOPIC, numbered(1)).await;
    let batch = rig.batch().await;
    assert_eq!(number(&batch), 1);
    batch.ack.unwrap().release();
    assert!(matches!(wire.receive().await, Packet::PubAck(_)));
    drop(wire);

    let (mut wire, _) = Wire::welcome(&first, true).await;
    assert_eq!(wire.grant(GRANTED).await.len(), 5);
    let link = rig.link("up again", |link| link.state == LinkState::Up && link.connects == 2).await;
    assert_eq!(link.via, None);
    drop(wire);
    rig.end().await;
}

#[tokio::test]
async fn an_address_that_hangs_up_at_once_does_not_keep_the_others_from_their_turn() {
    let ((first, first_port), (second, second_port)) = (scripted().await, scripted().await);
    let mut rig = Rig::with(of_two(first_port, second_port), 64);
    for _ in 0..2 {
        drop(Wire::welcome(&first, false).await);
        drop(Wire::welcome(&second, false).await);
    }
    let (mut wire, _) = Wire::welcome(&first, false).await;
    wire.grant(GRANTED).await;
    rig.link("up", |link| link.state == LinkState::Up && link.via.is_none()).await;
    drop(wire);
    rig.end().await;
}

#[tokio::test]
async fn an_acknowledgement_never_goes_to_another_broker() {
    let ((first, first_port), (second, second_port)) = (scripted().await, scripted().await);
    let mut rig = Rig::with(of_two(first_port, second_port), 64);
    let (mut wire, _) = Wire::welcome(&first, false).await;
    wire.grant(GRANTED).await;
    wire.publish(1, TOPIC, numbered(1)).await;
    let stale = rig.batch().await.ack.unwrap();
    drop(wire);
    let (mut wire, _) = Wire::welcome(&second, false).await;
    wire.grant(GRANTED).await;
    wire.publish(1, TOPIC, numbered(2)).await;
    wire.publish(2, TOPIC, numbered(3)).await;
    let _unreleased = rig.batch().await;
    stale.release();
    rig.batch().await.ack.unwrap().release();
    assert!(matches!(wire.receive().await, Packet::PubAck(ack) if ack.pkid == 2));
    drop(wire);
    rig.end().await;
}

#[test]
fn whose_turn_it_is() {
    let poison = Cause::Oversize(MQTT_PACKET_BYTES_MAX + 1);
    // Proven or not, why it ended, and which of three addresses is next.
    let ends = [
        (false, Cause::Other, 1),
        (false, Cause::Other, 2),
        (true, Cause::Other, 0),
        (true, Cause::Other, 0),
        (false, Cause::Other, 1),
        (false, poison, 1),
        (true, Cause::Malformed, 1),
        (false, Cause::Other, 2),
        (false, Cause::Other, 0),
    ];
    let mut places = Places::new(3);
    for (n, (proven, cause, next)) in ends.into_iter().enumerate() {
        places.lost(proven, cause, String::new());
        assert_eq!(places.at(), next, "end {n}");
        let taken = if cause == poison { MQTT_PACKET_BYTES_MAX + 1 } else { MQTT_PACKET_BYTES_MAX };
        assert_eq!(places.place().packet_bytes_max, taken, "end {n}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_with_a_poison_that_nothing_helps_against_gives_way_to_the_others() {
    let mut places = Places::new(2);
    let beyond = Cause::Oversize(MQTT_POISON_BYTES_MAX + 1);
    for next in [0, 1, 1, 0] {
        places.lost(true, beyond, String::new());
        assert_eq!(places.at(), next);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_discarded_rarely() {
    let mut places = Places::new(1);
    let beyond = Cause::Oversize(MQTT_POISON_BYTES_MAX + 1);
    assert!(places.lost(true, beyond, String::new()).contains("discarded"));
    assert!(places.place().discard);
    places.discarded();
    assert!(places.lost(true, beyond, String::new()).contains("again"));
    for _ in 0..MQTT_MALFORMED_MAX {
        places.lost(true, Cause::Malformed, String::new());
    }
    assert!(!places.place().discard, "twice within ten minutes helps nobody");
    tokio::time::advance(std::time::Duration::from_secs(600)).await;
    places.lost(true, beyond, String::new());
    assert!(places.place().discard);
}
