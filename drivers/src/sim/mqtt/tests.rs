//! A simulated device against the simulated broker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::Publisher;
use crate::sim::broker::Broker;
use crate::sim::broker::wire::Wire;
use facility_config::limits::SIM_PUBLISH_WINDOW;
use rumqttc::mqttbytes::v4::{ConnAck, ConnectReturnCode, Packet};
use tokio::net::TcpListener;

#[tokio::test]
async fn many_messages_arrive_in_order() {
    let broker = Broker::start(([127, 0, 0, 1], 0).into()).unwrap();
    let (mut ear, _) = Wire::client(broker.addr(), "ear").await;
    ear.subscribe("a").await;
    let mut device = Publisher::connect(broker.addr(), "device", None).await.unwrap();
    let count = 20_000_u32;
    let publishing = async {
        for n in 0..count {
            device.publish_nowait("a", n.to_be_bytes().to_vec()).await;
        }
        device.flush().await;
        device.acked()
    };
    let listening = async {
        for n in 0..count {
            let publish = ear.received_publish().await;
            assert_eq!(publish.payload[..], n.to_be_bytes());
            ear.acknowledge(publish.pkid).await;
        }
    };
    let (acked, ()) = tokio::join!(publishing, listening);
    assert_eq!((acked, broker.counts().dropped), (u64::from(count), 0));
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let playing = async {
        let (mut first, connect) = Wire::welcome(&listener, false).await;
        assert!(!connect.clean_session);
        let sent = first.received_publish().await;
        assert!(!sent.dup);
        drop(first);
        // Refused once, then let in.
        let mut refusing = Wire::accept(&listener).await;
        assert!(matches!(refusing.receive().await, Packet::Connect(_)));
        refusing.send(Packet::ConnAck(ConnAck::new(ConnectReturnCode::ServiceUnavailable, false))).await;
        let (mut second, _) = Wire::welcome(&listener, true).await;
        let again = second.received_publish().await;
        assert_eq!((again.dup, again.pkid, &again.payload), (true, sent.pkid, &sent.payload));
        // An acknowledgement of something never sent changes nothing.
        second.acknowledge(again.pkid + 1).await;
        second.acknowledge(again.pkid).await;
        second
    };
    let publishing = async {
        let mut device = Publisher::connect(addr, "device", None).await.unwrap();
        device.publish("a", "x").await;
        device
    };
    let (_broker, device) = tokio::join!(playing, publishing);
    assert_eq!(device.acked(), 1);
}

#[tokio::test]
async fn a_full_window_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (broker, device) = tokio::join!(Wire::welcome(&listener, false), Publisher::connect(addr, "device", None));
    let (mut broker, mut device) = (broker.0, device.unwrap());
    let publishing = async {
        for _ in 0..=SIM_PUBLISH_WINDOW {
            device.publish_nowait("a", "x").await;
        }
        device.acked()
    };
    let playing = async {
        let first = broker.received_publish().await;
        for _ in 1..SIM_PUBLISH_WINDOW {
            broker.received_publish().await;
        }
        broker.acknowledge(first.pkid).await;
    };
    let (acked, ()) = tokio::join!(publishing, playing);
    assert_eq!(acked, 1);
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    assert!(Publisher::connect(addr, "device", None).await.is_err());
}
