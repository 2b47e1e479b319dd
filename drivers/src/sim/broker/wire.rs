//! One end of an MQTT connection, packet by packet, for tests that play a client or a broker that misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::v4::{ConnAck, Connect, ConnectReturnCode, Packet, PubAck, Publish, SubAck, Subscribe, SubscribeReasonCode};
use rumqttc::mqttbytes::{Error, QoS};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Longest that any test waits for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
const PACKET_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Room for one read, so that what the other side wrote at once is read at once.
const READ_BYTES: usize = 64 * 1024;

pub(crate) struct Wire {
    stream: TcpStream,
    input: BytesMut,
    /// Reads that brought something.
    pub(crate) reads: usize,
    /// Pings answered.
    pub(crate) pings: usize,
}

impl Wire {
    fn new(stream: TcpStream) -> Self {
        Self { stream, input: BytesMut::new(), reads: 0, pings: 0 }
    }

    /// Waits for a client.
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = tokio::time::timeout(DEADLINE, listener.accept()).await.expect("a client").unwrap();
        Self::new(stream)
    }

    /// Waits for a client, lets it in, and returns how it introduced itself.
    pub(crate) async fn welcome(listener: &TcpListener, session_present: bool) -> (Self, Connect) {
        let mut wire = Self::accept(listener).await;
        let Packet::Connect(connect) = wire.receive().await else { panic!("no CONNECT") };
        wire.send(Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, session_present))).await;
        (wire, connect)
    }

    /// Connects as a client with a lasting session and returns whether it was there before.
    pub(crate) async fn client(addr: SocketAddr, client_id: &str) -> (Self, bool) {
        let mut wire = Self::new(TcpStream::connect(addr).await.unwrap());
        let mut connect = Connect::new(client_id);
        connect.clean_session = false;
        wire.send(Packet::Connect(connect)).await;
        let Packet::ConnAck(connack) = wire.receive().await else { panic!("no CONNACK") };
        (wire, connack.session_present)
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        let mut output = BytesMut::new();
        packet.write(&mut output, usize::MAX).unwrap();
        self.send_raw(&output).await;
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn publish(&mut self, pkid: u16, topic: &str, payload: impl Into<Bytes>) {
        self.send(publish(pkid, topic, payload)).await;
    }

    pub(crate) async fn acknowledge(&mut self, pkid: u16) {
        self.send(Packet::PubAck(PubAck::new(pkid))).await;
    }

    /// The next packet but pings, which are answered.
    pub(crate) async fn receive(&mut self) -> Packet {
        self.try_receive().await.expect("a packet, not the end of the connection")
    }

    /// The same; `None` if the connection has ended.
    pub(crate) async fn try_receive(&mut self) -> Option<Packet> {
        // Around the whole: a peer that only pings is as silent as one that says nothing.
        tokio::time::timeout(DEADLINE, self.next_packet()).await.expect("something within the deadline")
    }

    /// The same without a deadline, for tests that hold the time themselves.
    pub(crate) async fn next_packet(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.input, PACKET_BYTES_MAX) {
                Ok(Packet::PingReq) => {
                    self.pings += 1;
                    self.send(Packet::PingResp).await;
                }
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {
                    self.input.reserve(READ_BYTES);
                    if !matches!(self.stream.read_buf(&mut self.input).await, Ok(1..)) {
                        return None;
                    }
                    self.reads += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) async fn received_publish(&mut self) -> Publish {
        match self.receive().await {
            Packet::Publish(publish) => publish,
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// As a client: subscribes to one filter and waits until it is granted.
    pub(crate) async fn subscribe(&mut self, filter: &str) {
        let mut subscribe = Subscribe::new(filter, QoS::AtLeastOnce);
        subscribe.pkid = 1;
        self.send(Packet::Subscribe(subscribe)).await;
        assert!(matches!(self.receive().await, Packet::SubAck(_)));
    }

    /// As a broker: waits for a SUBSCRIBE, answers every filter with `code`, returns the filters.
    pub(crate) async fn grant(&mut self, code: SubscribeReasonCode) -> Vec<String> {
        let Packet::Subscribe(subscribe) = self.receive().await else { panic!("no SUBSCRIBE") };
        self.send(Packet::SubAck(SubAck::new(subscribe.pkid, vec![code; subscribe.filters.len()]))).await;
        subscribe.filters.into_iter().map(|filter| filter.path).collect()
    }
}

pub(crate) fn publish(pkid: u16, topic: &str, payload: impl Into<Bytes>) -> Packet {
    let qos = if pkid == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    Packet::Publish(Publish { pkid, ..Publish::from_bytes(topic, qos, payload.into()) })
}
