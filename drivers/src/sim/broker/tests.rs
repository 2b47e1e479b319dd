//! The simulated broker as its clients see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::Broker;
use super::wire::{DEADLINE, Wire};
use crate::sim::mqtt::Publisher;
use bytes::Bytes;
use facility_config::limits::SIM_SESSION_QUEUE_LEN;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish, Unsubscribe};
use std::io;
use std::time::Duration;

pub(crate) fn start() -> Broker {
    Broker::start(([127, 0, 0, 1], 0).into()).unwrap()
}

/// Waits until something is so; panics with `what` if it never is.
async fn until(what: &str, so: impl Fn() -> bool) {
    let polled = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(DEADLINE, polled).await.unwrap_or_else(|_| panic!("never {what}"));
}

#[tokio::test]
async fn only_loopback_is_served() {
    let refused = Broker::start(([0, 0, 0, 0], 0).into()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn the_window_holds_until_acknowledged() {
    let broker = Broker::with_window(([127, 0, 0, 1], 0).into(), 2).unwrap();
    let (mut ear, _) = Wire::client(broker.addr(), "ear").await;
    ear.subscribe("a/+").await;
    let mut mouth = Publisher::connect(broker.addr(), "mouth", None).await.unwrap();
    for n in 0..4_u8 {
        mouth.publish("a/b", vec![n]).await;
    }
    let pkids = [ear.received_publish().await.pkid, ear.received_publish().await.pkid];
    assert_eq!((broker.counts().sent, broker.waiting("ear")), (2, 4));
    ear.acknowledge(pkids[0]).await;
    assert_eq!(ear.received_publish().await.payload[..], [2]);
    assert_eq!((broker.counts().sent, broker.counts().acknowledged), (3, 1));
}

#[tokio::test]
async fn a_session_outlives_its_connection_and_a_stop() {
    let broker = start();
    let (mut ear, present) = Wire::client(broker.addr(), "ear").await;
    assert!(!present);
    ear.subscribe("a/#").await;
    let mut mouth = Publisher::connect(broker.addr(), "mouth", None).await.unwrap();
    mouth.publish("a/1", "one").await;
    let first = ear.received_publish().await;
    assert!(!first.dup);
    broker.stop().await;
    assert!(ear.try_receive().await.is_none());
    broker.resume().unwrap();
    mouth.publish("a/2", "two").await;
    let (mut ear, present) = Wire::client(broker.addr(), "ear").await;
    assert!(present);
    let again = ear.received_publish().await;
    assert_eq!((again.dup, again.pkid, &again.payload), (true, first.pkid, &first.payload));
    let second = ear.received_publish().await;
    assert_eq!((second.dup, &second.payload[..]), (false, &b"two"[..]));
    for pkid in [again.pkid, second.pkid] {
        ear.acknowledge(pkid).await;
    }
    until("acknowledged", || broker.waiting("ear") == 0).await;
    broker.forget_sessions();
    assert!(ear.try_receive().await.is_none());
    assert!(!Wire::client(broker.addr(), "ear").await.1);
}

#[tokio::test]
async fn a_second_connection_takes_the_session_over() {
    let broker = start();
    let (mut old, _) = Wire::client(broker.addr(), "ear").await;
    old.subscribe("a").await;
    let (mut new, present) = Wire::client(broker.addr(), "ear").await;
    assert!(present);
    assert!(old.try_receive().await.is_none());
    Publisher::connect(broker.addr(), "mouth", None).await.unwrap().publish("a", "x").await;
    assert_eq!(new.received_publish().await.payload, "x");
}

#[tokio::test]
async fn births_are_retained_and_wills_replace_them() {
    let broker = start();
    let will = ("a/status".to_owned(), Bytes::from("offline"));
    let mut device = Publisher::connect(broker.addr(), "device", Some(will.clone())).await.unwrap();
    device.publish_retained("a/status", "online").await;
    let (mut ear, _) = Wire::client(broker.addr(), "ear").await;
    ear.subscribe("+/status").await;
    let birth = ear.received_publish().await;
    assert_eq!((birth.retain, &birth.payload[..]), (true, &b"online"[..]));
    drop(device);
    let death = ear.received_publish().await;
    assert_eq!((death.retain, &death.payload[..]), (false, &b"offline"[..]));
    // A device that says goodbye has no will; an empty message clears what was retained.
    let mut device = Publisher::connect(broker.addr(), "device", Some(will)).await.unwrap();
    device.publish_retained("a/status", Bytes::new()).await;
    device.disconnect().await;
    until("gone", || !broker.is_connected("device")).await;
    assert!(ear.received_publish().await.payload.is_empty());
    let (mut late, _) = Wire::client(broker.addr(), "late").await;
    late.subscribe("+/status").await;
    Publisher::connect(broker.addr(), "other", None).await.unwrap().publish("b/status", "news").await;
    assert_eq!(late.received_publish().await.payload, "news");
}

#[tokio::test]
async fn quality_of_service_is_the_lower_of_both_and_never_two() {
    let broker = start();
    let (mut ear, _) = Wire::client(broker.addr(), "ear").await;
    ear.subscribe("a").await;
    let (mut mouth, _) = Wire::client(broker.addr(), "mouth").await;
    mouth.publish(0, "a", "zero").await;
    let zero = ear.received_publish().await;
    assert_eq!((zero.qos, zero.pkid), (QoS::AtMostOnce, 0));
    ear.send(Packet::Unsubscribe(Unsubscribe { pkid: 2, topics: vec!["a".to_owned()] })).await;
    assert!(matches!(ear.receive().await, Packet::UnsubAck(_)));
    mouth.send(Packet::Publish(Publish { pkid: 1, ..Publish::new("a", QoS::ExactlyOnce, "two") })).await;
    assert!(mouth.try_receive().await.is_none());
    assert_eq!((broker.counts().sent, broker.counts().received), (1, 1));
}

#[tokio::test]
async fn a_full_queue_drops_and_counts() {
    let broker = start();
    let (mut ear, _) = Wire::client(broker.addr(), "ear").await;
    ear.subscribe("a").await;
    drop(ear);
    until("gone", || !broker.is_connected("ear")).await;
    let mut mouth = Publisher::connect(broker.addr(), "mouth", None).await.unwrap();
    for _ in 0..SIM_SESSION_QUEUE_LEN + 7 {
        mouth.publish_nowait("a", "x").await;
    }
    mouth.flush().await;
    assert_eq!((broker.counts().dropped, broker.waiting("ear")), (7, SIM_SESSION_QUEUE_LEN));
}

#[tokio::test]
async fn garbage_ends_a_connection_and_nothing_else() {
    let broker = start();
    for garbage in [&[0x00, 0x01, 0x00][..], &[0x10, 0xff, 0xff, 0xff, 0xff, 0x01], &[0xf0, 0x00], &[0x82, 0x01, 0x00]] {
        let (mut client, _) = Wire::client(broker.addr(), "fool").await;
        client.send_raw(garbage).await;
        assert!(client.try_receive().await.is_none(), "{garbage:?}");
    }
    Wire::client(broker.addr(), "sane").await;
}
