//! Brokers that hold the line and do nothing, and a pipeline that takes its time. Time is held by the tests once a connection
//! stands: it then moves in steps of the gateway's own timers.

use super::{GRANTED, Rig, TOPIC, number, numbered, scripted};
use crate::decode::message::fixture::broker;
use crate::fault::Fault;
use crate::link::LinkState;
use crate::mqtt::line::Line;
use crate::sim::broker::wire::{DEADLINE, Wire, publish};
use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{Packet, PubAck};
use rumqttc::{ConnectionError, Event, MqttOptions};
use std::time::Duration;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_subscribe_that_is_never_answered_ends_the_connection() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    assert!(matches!(wire.receive().await, Packet::Subscribe(_)));
    tokio::time::pause();
    assert_eq!(timeout(LONG, wire.next_packet()).await.expect("an end"), None);
    assert!(wire.pings >= 4, "alive all the time: {} pings", wire.pings);
    let mut link = rig.link.clone();
    let link = link.wait_for(|link| link.error.is_some()).await.unwrap().clone();
    assert_eq!((link.state, link.faults[Fault::Timeout as usize]), (LinkState::Connecting, 1));
    assert!(link.error.is_some_and(|error| error.contains("SUBSCRIBE")));
    tokio::time::resume();
    drop(wire);
    let (mut wire, _) = Wire::welcome(&listener, true).await;
    wire.grant(GRANTED).await;
    rig.link("up", |link| link.state == LinkState::Up).await;
    drop(wire);
    rig.end().await;
}

#[tokio::test]
async fn a_half_open_link_is_noticed_within_two_keep_alives() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::start(port);
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(GRANTED).await;
    rig.link("up", |link| link.state == LinkState::Up).await;
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let mut link = rig.link.clone();
    let link = link.wait_for(|link| link.error.is_some()).await.unwrap().clone();
    assert_eq!(link.faults[Fault::Timeout as usize], 1);
    assert!(began.elapsed() <= 2 * broker(0).keep_alive + Duration::from_secs(1), "{:?}", began.elapsed());
    tokio::time::resume();
    rig.end().await;
}

#[tokio::test]
async fn a_pipeline_that_takes_its_time_does_not_cost_the_connection() {
    let (listener, port) = scripted().await;
    let mut rig = Rig::with(broker(port), 1);
    let (mut wire, _) = Wire::welcome(&listener, false).await;
    wire.grant(GRANTED).await;
    rig.link("up", |link| link.state == LinkState::Up).await;
    for n in 0..4 {
        wire.publish(n + 1, TOPIC, numbered(usize::from(n))).await;
    }
    tokio::time::pause();
    assert!(timeout(10 * broker(0).keep_alive, wire.next_packet()).await.is_err(), "nothing but pings, and no end");
    assert!(wire.pings >= 10, "{} pings", wire.pings);
    tokio::time::resume();
    for n in 0..4 {
        let batch = rig.batch().await;
        assert_eq!(number(&batch), n);
        batch.ack.unwrap().release();
        assert!(matches!(wire.receive().await, Packet::PubAck(ack) if i64::from(ack.pkid) == n + 1));
    }
    assert_eq!(rig.link.borrow().connects, 1);
    drop(wire);
    rig.end().await;
}

/// A connection without a gateway around it.
async fn line() -> (Line, Wire) {
    let (listener, port) = scripted().await;
    let mut options = MqttOptions::new("gw", "127.0.0.1", port);
    options.set_manual_acks(true);
    let mut line = Line::new(options);
    let (event, (wire, _)) = tokio::join!(line.next(), Wire::welcome(&listener, false));
    assert!(matches!(event, Ok(Event::Incoming(Packet::ConnAck(_)))) && line.is_up());
    (line, wire)
}

fn ack(pkid: u16) -> Packet {
    Packet::PubAck(PubAck::new(pkid))
}

#[tokio::test]
async fn a_wait_that_is_given_up_loses_nothing() {
    const MESSAGES: u16 = 200;
    let (mut line, mut wire) = line().await;
    let mut bytes = BytesMut::new();
    for pkid in 1..=MESSAGES {
        publish(pkid, TOPIC, numbered(usize::from(pkid))).write(&mut bytes, usize::MAX).unwrap();
    }
    let mut random = fastrand::Rng::with_seed(7);
    let mut heard = Vec::new();
    let note = |heard: &mut Vec<u16>, event: Result<Event, ConnectionError>| {
        if let Event::Incoming(Packet::Publish(publish)) = event.unwrap() {
            heard.push(publish.pkid);
        }
    };
    let mut n = 0;
    while !bytes.is_empty() {
        n += 1;
        let piece = random.usize(1..=1_500).min(bytes.len());
        wire.send_raw(&bytes.split_to(piece)).await;
        // A wait that ends in the middle of a packet more often than not, and something said in between.
        while let Ok(event) = timeout(Duration::ZERO, line.next()).await {
            note(&mut heard, event);
        }
        line.send([ack(n)]).await.unwrap();
        assert_eq!(wire.receive().await, ack(n));
    }
    while heard.len() < usize::from(MESSAGES) {
        note(&mut heard, timeout(DEADLINE, line.next()).await.expect("the rest"));
    }
    assert_eq!(heard, (1..=MESSAGES).collect::<Vec<_>>());
}

#[tokio::test]
async fn acknowledgements_that_nobody_reads_end_in_time() {
    let (mut line, wire) = line().await;
    tokio::time::pause();
    let blocked = line.send(std::iter::repeat_with(|| ack(1))).await;
    assert!(matches!(blocked, Err(ConnectionError::FlushTimeout)), "{blocked:?}");
    drop(wire);
}
