//! Files that change while a connection stands.

use super::setup::TempFile;
use super::{GRANTED, Rig, TOPIC, numbered, scripted};
use crate::decode::message::fixture::broker;
use crate::link::LinkState;
use crate::sim::broker::wire::Wire;
use rumqttc::mqttbytes::v4::{Connect, Packet};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// A gateway with a password file, connected, and the time in the test's hands.
async fn connected(name: &str) -> (TempFile, Rig, TcpListener, Wire) {
    let (listener, port) = scripted().await;
    let password = TempFile::new(name, "one");
    let mut config = broker(port);
    config.username = Some("gw".to_owned());
    config.password_file = Some(password.0.clone());
    let mut rig = Rig::with(config, 64);
    let (mut wire, connect) = Wire::welcome(&listener, false).await;
    assert_eq!(password_of(connect), "one");
    wire.grant(GRANTED).await;
    rig.link("up", |link| link.state == LinkState::Up).await;
    tokio::time::pause();
    (password, rig, listener, wire)
}

fn password_of(connect: Connect) -> String {
    connect.login.unwrap().password
}

#[tokio::test]
async fn a_new_password_is_used_once_what_is_outstanding_is_acknowledged() {
    let (password, mut rig, listener, mut wire) = connected("rotated").await;
    let since = Instant::now();
    wire.publish(1, TOPIC, numbered(1)).await;
    let ack = rig.out.recv().await.unwrap().ack.unwrap();
    std::fs::write(&password.0, "number two").unwrap();
    let released = async {
        // The gateway has looked at its files by then, and waits for this before it says goodbye.
        tokio::time::sleep_until(since + Duration::from_secs(62)).await;
        ack.release();
    };
    let (packet, ()) = tokio::join!(wire.next_packet(), released);
    assert!(matches!(&packet, Some(Packet::PubAck(ack)) if ack.pkid == 1), "{packet:?}");
    assert_eq!(wire.next_packet().await, Some(Packet::Disconnect));
    tokio::time::resume();
    drop(wire);
    let (mut wire, connect) = Wire::welcome(&listener, true).await;
    assert_eq!(password_of(connect), "number two");
    wire.publish(2, TOPIC, numbered(2)).await;
    rig.batch().await.ack.unwrap().release();
    assert!(matches!(wire.receive().await, Packet::PubAck(ack) if ack.pkid == 2), "a kept session is not subscribed again");
    let link = rig.link.borrow().clone();
    assert_eq!((link.state, link.error, link.connects), (LinkState::Up, None, 2));
    drop(wire);
    rig.end().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_leaves_the_connection_alone_and_is_said() {
    let (password, mut rig, listener, mut wire) = connected("half-written").await;
    std::fs::write(&password.0, [0xff, 0xfe]).unwrap();
    let mut says = rig.link.clone();
    let said = says.wait_for(|link| link.error.as_ref().is_some_and(|error| error.contains("half-written") && error.contains("goes on")));
    let link = tokio::select! {
        link = said => link.unwrap().clone(),
        packet = wire.next_packet() => panic!("{packet:?}"),
    };
    assert_eq!((link.state, link.connects), (LinkState::Up, 1));
    // What was there before is as good as ever.
    std::fs::write(&password.0, "three").unwrap();
    assert_eq!(wire.next_packet().await, Some(Packet::Disconnect));
    tokio::time::resume();
    drop(wire);
    let (mut wire, connect) = Wire::welcome(&listener, true).await;
    assert_eq!(password_of(connect), "three");
    wire.publish(1, TOPIC, numbered(1)).await;
    rig.batch().await.ack.unwrap().release();
    rig.link("well", |link| link.error.is_none()).await;
    drop(wire);
    rig.end().await;
}
