//! What is published counts as published when the broker says so for each message, and not before.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::decode::message::fixture::broker;
use crate::sim::broker::wire::Wire;
use rumqttc::mqttbytes::v4::{ConnAck, ConnectReturnCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const LONG: Duration = Duration::from_secs(20);

struct Rig {
    listener: TcpListener,
    uplink: Arc<Uplink>,
}

impl Rig {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broker = broker(listener.local_addr().unwrap().port());
        Self::of(listener, broker)
    }

    /// These brokers speak MQTT 3.1.1 only and are not asked for more.
    fn of(listener: TcpListener, broker: Broker) -> Self {
        Self::with(listener, Mouth { allowed: None, ..Mouth::new(broker, Clock::manual(0)) })
    }

    fn with(listener: TcpListener, mouth: Mouth) -> Self {
        let (orders, taken) = mpsc::channel(1);
        tokio::spawn(mouth.serve(taken));
        Self { listener, uplink: Arc::new(Uplink { orders }) }
    }

    fn publish(&self, count: usize, timeout: Duration) -> JoinHandle<Result<(), Unsent>> {
        let message = |nth| Message { topic: "t".to_owned(), payload: format!("{nth}").into() };
        let (uplink, messages) = (Arc::clone(&self.uplink), (0..count).map(message).collect());
        tokio::spawn(async move { uplink.publish(messages, timeout).await })
    }
}

/// Takes messages as a broker until the next one would be number `end`; acknowledges them in the given order.
async fn take(wire: &mut Wire, from: usize, end: usize, backwards: bool) {
    let mut numbers = Vec::new();
    for nth in from..end {
        let publish = wire.received_publish().await;
        assert_eq!((&publish.payload[..], publish.qos, publish.retain), (nth.to_string().as_bytes(), QoS::AtLeastOnce, false));
        numbers.push(publish.pkid);
    }
    if backwards {
        numbers.reverse();
    }
    for number in numbers {
        wire.acknowledge(number).await;
    }
}

#[tokio::test]
async fn no_more_than_a_window_is_under_way_in_whatever_order_it_is_acknowledged() {
    let rig = Rig::start().await;
    let total = UPLINK_WINDOW * 10 + 3;
    let done = rig.publish(total, LONG);
    let (mut wire, connect) = Wire::welcome(&rig.listener, false).await;
    assert!(connect.clean_session);
    for from in (0..total).step_by(UPLINK_WINDOW) {
        take(&mut wire, from, (from + UPLINK_WINDOW).min(total), from % 2 == 0).await;
    }
    assert_eq!(done.await.unwrap(), Ok(()));
    // The connection stays.
    let done = rig.publish(1, LONG);
    take(&mut wire, 0, 1, false).await;
    assert_eq!(done.await.unwrap(), Ok(()));
    // And ends with a goodbye.
    drop(rig.uplink);
    assert_eq!(wire.receive().await, Packet::Disconnect);
}

#[tokio::test]
async fn one_message_that_is_not_acknowledged_is_told_and_everything_goes_over_a_new_connection() {
    let rig = Rig::start().await;
    let done = rig.publish(3, Duration::from_millis(300));
    let (mut wire, _) = Wire::welcome(&rig.listener, false).await;
    take(&mut wire, 0, 2, false).await;
    let unsent = done.await.unwrap().unwrap_err();
    assert!(!unsent.denied && unsent.words.contains("acknowledges nothing within 300ms"), "{unsent:?}");
    let done = rig.publish(3, LONG);
    let (mut wire, _) = Wire::welcome(&rig.listener, false).await;
    take(&mut wire, 0, 3, false).await;
    assert_eq!(done.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_broker_that_hangs_up_on_a_message_is_told_with_what_to_look_at() {
    let rig = Rig::start().await;
    let done = rig.publish(2, LONG);
    let (mut wire, _) = Wire::welcome(&rig.listener, false).await;
    take(&mut wire, 0, 1, false).await;
    drop(wire);
    let unsent = done.await.unwrap().unwrap_err();
    assert!(unsent.words.contains("`topic`") && unsent.words.contains("`message_bytes_max`"), "{unsent:?}");
}

#[tokio::test]
async fn a_broker_that_hangs_up_again_and_again_is_for_somebody_to_mend_until_it_takes_something() {
    let rig = Rig::start().await;
    for denied in [false, false, true, true] {
        let done = rig.publish(1, LONG);
        let (mut wire, _) = Wire::welcome(&rig.listener, false).await;
        wire.received_publish().await;
        drop(wire);
        assert_eq!(done.await.unwrap().unwrap_err().denied, denied);
    }
    let done = rig.publish(1, LONG);
    let (mut wire, _) = Wire::welcome(&rig.listener, false).await;
    take(&mut wire, 0, 1, false).await;
    assert_eq!(done.await.unwrap(), Ok(()));
    let done = rig.publish(1, LONG);
    wire.received_publish().await;
    drop(wire);
    assert!(!done.await.unwrap().unwrap_err().denied);
}

/// It lets a client of MQTT 5 in and has another trouble with every message; over MQTT 3.1.1 it takes them.
#[tokio::test]
async fn a_broker_that_answers_no_question_is_not_asked_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mouth = Mouth::new(broker(listener.local_addr().unwrap().port()), Clock::manual(0));
    let rig = Rig::with(listener, mouth);
    let mut line: Option<Wire> = None;
    for _ in 0..UPLINK_HANG_UPS_MAX {
        drop(line.take());
        let done = rig.publish(1, LONG);
        let (mut question, _) = rig.listener.accept().await.unwrap();
        for answer in [&[0x20, 3, 0, 0, 0][..], &[0x40, 4, 0, 1, 0x97, 0]] {
            assert!(question.read(&mut [0; 1_024]).await.unwrap() > 0);
            question.write_all(answer).await.unwrap();
        }
        let (mut wire, _) = Wire::welcome(&rig.listener, false).await;
        take(&mut wire, 0, 1, false).await;
        assert_eq!(done.await.unwrap(), Ok(()));
        line = Some(wire);
    }
    let done = rig.publish(1, LONG);
    take(line.as_mut().unwrap(), 0, 1, false).await;
    assert_eq!(done.await.unwrap(), Ok(()), "over the connection that stands");
}

#[tokio::test]
async fn a_refused_login_is_for_somebody_to_mend() {
    let rig = Rig::start().await;
    let table = [
        (ConnectReturnCode::BadUserNamePassword, true, "`password_file`"),
        (ConnectReturnCode::NotAuthorized, true, "access rules"),
        (ConnectReturnCode::BadClientId, true, "client id"),
        (ConnectReturnCode::ServiceUnavailable, false, "not available"),
    ];
    for (code, denied, words) in table {
        let done = rig.publish(1, LONG);
        let mut wire = Wire::accept(&rig.listener).await;
        assert!(matches!(wire.receive().await, Packet::Connect(_)));
        wire.send(Packet::ConnAck(ConnAck::new(code, false))).await;
        let unsent = done.await.unwrap().unwrap_err();
        assert!(unsent.denied == denied && unsent.words.contains(words), "{code:?}: {unsent:?}");
    }
}

#[tokio::test]
async fn whoever_stops_waiting_takes_what_was_on_its_way_along() {
    let rig = Rig::start().await;
    let done = rig.publish(1, LONG);
    let (mut wire, _) = Wire::welcome(&rig.listener, false).await;
    let late = wire.received_publish().await.pkid;
    done.abort();
    let _ = done.await;
    assert_eq!(wire.try_receive().await, None);
    let done = rig.publish(1, LONG);
    let (mut wire, _) = Wire::welcome(&rig.listener, false).await;
    assert_eq!(wire.received_publish().await.pkid, late);
    assert!(!done.is_finished());
    wire.acknowledge(late).await;
    assert_eq!(done.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn the_next_address_has_its_turn_when_one_does_not_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut both = broker(listener.local_addr().unwrap().port());
    let dead = broker(1).endpoints.remove(0);
    both.endpoints.insert(0, dead);
    let rig = Rig::of(listener, both);
    assert!(rig.publish(1, LONG).await.unwrap().unwrap_err().words.contains("refused"));
    let done = rig.publish(1, LONG);
    let (mut wire, _) = Wire::welcome(&rig.listener, false).await;
    take(&mut wire, 0, 1, false).await;
    assert_eq!(done.await.unwrap(), Ok(()));
}
