//! One client of the simulated broker: bytes to packets, packets to the shared state and back.
//!
//! Never waits while it holds the state. Bounded by the packet limit; a client that sends anything unexpected is
//! disconnected without a word, as MQTT 3.1.1 demands.

use super::Shared;
use super::state::Admission;
use bytes::BytesMut;
use facility_config::limits::MQTT_POISON_BYTES_MAX;
use rumqttc::mqttbytes::v4::{ConnAck, Connect, ConnectReturnCode, LastWill, Packet, PubAck, Publish, UnsubAck};
use rumqttc::mqttbytes::{self, QoS};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A client must introduce itself within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Twice what the gateway accepts at its second look, so that a test can send what nobody takes.
const PACKET_BYTES_MAX: usize = 2 * MQTT_POISON_BYTES_MAX;

/// A client that was let in.
struct Client {
    id: String,
    connection: u64,
    will: Option<LastWill>,
    /// Silence after which it is gone; a keep-alive of 0 means never.
    patience: Option<Duration>,
}

/// Serves one client until either side ends it.
pub(super) async fn serve(mut stream: TcpStream, state: Shared, stop: CancellationToken) {
    let mut input = BytesMut::new();
    let first = tokio::select! {
        first = tokio::time::timeout(CONNECT_TIMEOUT, introduction(&mut stream, &mut input)) => first,
        () = stop.cancelled() => return,
    };
    let Ok(Some(connect)) = first else { return };
    let admitted = state.lock().connect(&connect);
    let Some(Admission { connection, session_present, wake }) = admitted else {
        // The answer is a courtesy: the client is refused whether it hears it or not.
        drop(send(&mut stream, [Packet::ConnAck(ConnAck::new(ConnectReturnCode::ServiceUnavailable, false))]).await);
        return;
    };
    let patience = (connect.keep_alive > 0).then(|| Duration::from_millis(1_500 * u64::from(connect.keep_alive)));
    let mut client = Client { id: connect.client_id, connection, will: connect.last_will, patience };
    let hello = Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, session_present));
    if send(&mut stream, [hello]).await.is_ok() {
        converse(&mut stream, &mut input, &state, &stop, &wake, &mut client).await;
    }
    let mut state = state.lock();
    state.disconnect(&client.id, client.connection);
    if let Some(will) = client.will {
        let publish = Publish { retain: will.retain, ..Publish::from_bytes(will.topic, will.qos, will.message) };
        state.publish(publish);
    }
}

async fn introduction(stream: &mut TcpStream, input: &mut BytesMut) -> Option<Connect> {
    stream.set_nodelay(true).ok()?;
    loop {
        match Packet::read(input, PACKET_BYTES_MAX) {
            Ok(Packet::Connect(connect)) => return Some(connect),
            Err(mqttbytes::Error::InsufficientBytes(_)) => {}
            Ok(_) | Err(_) => return None,
        }
        if stream.read_buf(input).await.ok()? == 0 {
            return None;
        }
    }
}

async fn converse(
    stream: &mut TcpStream,
    input: &mut BytesMut,
    state: &Shared,
    stop: &CancellationToken,
    wake: &tokio::sync::Notify,
    client: &mut Client,
) {
    let mut heard = Instant::now();
    loop {
        let Some(mut replies) = answer(input, state, client) else { return };
        {
            let mut state = state.lock();
            if !state.owns(&client.id, client.connection) {
                return;
            }
            replies.extend(state.due(&client.id, client.connection));
        }
        let silence = client.patience.map_or(Instant::now() + CONNECT_TIMEOUT, |patience| heard + patience);
        tokio::select! {
            sent = send(stream, replies) => if sent.is_err() { return },
            () = stop.cancelled() => return,
        }
        tokio::select! {
            read = stream.read_buf(input) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => heard = Instant::now(),
            },
            () = wake.notified() => {}
            () = tokio::time::sleep_until(silence), if client.patience.is_some() => return,
            () = stop.cancelled() => return,
        }
    }
}

/// Handles every complete packet. `None` ends the connection.
fn answer(input: &mut BytesMut, state: &Shared, client: &mut Client) -> Option<Vec<Packet>> {
    let mut replies = Vec::new();
    loop {
        let packet = match Packet::read(input, PACKET_BYTES_MAX) {
            Ok(packet) => packet,
            Err(mqttbytes::Error::InsufficientBytes(more)) => {
                input.reserve(more);
                return Some(replies);
            }
            Err(_) => return None,
        };
        let mut state = state.lock();
        match packet {
            Packet::Publish(publish) => {
                match publish.qos {
                    QoS::AtMostOnce => {}
                    QoS::AtLeastOnce => replies.push(Packet::PubAck(PubAck::new(publish.pkid))),
                    QoS::ExactlyOnce => return None,
                }
                state.publish(publish);
            }
            Packet::PubAck(ack) => state.acknowledged(&client.id, client.connection, ack.pkid),
            Packet::Subscribe(subscribe) => {
                replies.push(Packet::SubAck(state.subscribe(&client.id, client.connection, &subscribe)));
            }
            Packet::Unsubscribe(unsubscribe) => {
                state.unsubscribe(&client.id, client.connection, &unsubscribe.topics);
                replies.push(Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)));
            }
            Packet::PingReq => replies.push(Packet::PingResp),
            Packet::Disconnect => {
                client.will = None;
                return None;
            }
            _ => return None,
        }
    }
}

async fn send(stream: &mut TcpStream, packets: impl IntoIterator<Item = Packet>) -> std::io::Result<()> {
    let mut output = BytesMut::new();
    for packet in packets {
        packet.write(&mut output, usize::MAX).map_err(std::io::Error::other)?;
    }
    if output.is_empty() { Ok(()) } else { stream.write_all(&output).await }
}
