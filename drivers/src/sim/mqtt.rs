//! A simulated device's side of MQTT: publishes with QoS 1, keeps what is not acknowledged and sends it again after a
//! reconnect, as a good device does.
//!
//! Never subscribes. Bounded by a window of unacknowledged messages; a publish that finds it full waits.

use crate::backoff::Backoff;
use bytes::{Bytes, BytesMut};
use facility_config::limits::{MQTT_POISON_BYTES_MAX, SIM_PUBLISH_WINDOW};
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, LastWill, Packet, Publish};
use rumqttc::mqttbytes::{self, QoS};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[cfg(test)]
mod tests;

/// Written without waiting for more once this much is collected.
const WRITE_BYTES: usize = 16 * 1024;
/// Time limit of one attempt to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Waits between attempts.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// A connected device. Its waits can be dropped and taken up again: nothing is lost.
#[derive(Debug)]
pub struct Publisher {
    addr: SocketAddr,
    client_id: String,
    will: Option<LastWill>,
    stream: Option<TcpStream>,
    input: BytesMut,
    output: BytesMut,
    /// Not acknowledged, oldest first.
    window: VecDeque<Publish>,
    last_pkid: u16,
    acked: u64,
    backoff: Backoff,
}

impl Publisher {
    /// Connects with a persistent session. The will, if any, is retained: topic and payload.
    ///
    /// # Errors
    /// If the broker cannot be reached or refuses.
    pub async fn connect(addr: SocketAddr, client_id: &str, will: Option<(String, Bytes)>) -> io::Result<Self> {
        let will = will.map(|(topic, message)| LastWill { topic, message, qos: QoS::AtLeastOnce, retain: true });
        let seed = client_id.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mut publisher = Self {
            addr,
            client_id: client_id.to_owned(),
            will,
            stream: None,
            input: BytesMut::new(),
            output: BytesMut::new(),
            window: VecDeque::new(),
            last_pkid: 0,
            acked: 0,
            backoff: Backoff::new(BACKOFF.0, BACKOFF.1, seed),
        };
        publisher.dial().await?;
        Ok(publisher)
    }

    /// Messages acknowledged since it was made.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.acked
    }

    /// Publishes and waits until everything published so far is acknowledged, over reconnects if need be.
    pub async fn publish(&mut self, topic: &str, payload: impl Into<Bytes>) {
        self.publish_nowait(topic, payload).await;
        self.flush().await;
    }

    /// The same for a message that the broker keeps for those who subscribe later.
    pub async fn publish_retained(&mut self, topic: &str, payload: impl Into<Bytes>) {
        self.enqueue(topic, payload.into(), true).await;
        self.flush().await;
    }

    /// The same without waiting for the acknowledgement, as [`publish_nowait`](Self::publish_nowait).
    pub async fn publish_retained_nowait(&mut self, topic: &str, payload: impl Into<Bytes>) {
        self.enqueue(topic, payload.into(), true).await;
    }

    /// Publishes without waiting for the acknowledgement; waits only while the window is full. What is written is
    /// collected: [`flush`](Self::flush) at the end.
    pub async fn publish_nowait(&mut self, topic: &str, payload: impl Into<Bytes>) {
        self.enqueue(topic, payload.into(), false).await;
    }

    /// Waits until everything published so far is acknowledged.
    pub async fn flush(&mut self) {
        while !self.window.is_empty() {
            self.step().await;
        }
    }

    /// Says goodbye: the broker does not publish the will.
    pub async fn disconnect(mut self) {
        self.flush().await;
        if let Some(mut stream) = self.stream.take() {
            let mut bye = BytesMut::new();
            // Whether the broker still hears it makes no difference to a client that is leaving.
            if Packet::Disconnect.write(&mut bye, usize::MAX).is_ok() && stream.write_all(&bye).await.is_ok() {
                drop(stream.shutdown().await);
            }
        }
    }

    async fn enqueue(&mut self, topic: &str, payload: Bytes, retain: bool) {
        while self.window.len() >= SIM_PUBLISH_WINDOW {
            self.step().await;
        }
        let pkid = self.free_pkid();
        let publish = Publish { pkid, retain, ..Publish::from_bytes(topic, QoS::AtLeastOnce, payload) };
        if self.stream.is_some() {
            encode(Packet::Publish(publish.clone()), &mut self.output);
        }
        self.window.push_back(publish);
        while self.output.len() >= WRITE_BYTES {
            self.step().await;
        }
    }

    fn free_pkid(&mut self) -> u16 {
        loop {
            self.last_pkid = self.last_pkid.checked_add(1).unwrap_or(1);
            if !self.window.iter().any(|publish| publish.pkid == self.last_pkid) {
                return self.last_pkid;
            }
        }
    }

    /// One read or write, whichever is possible first; a broken connection is made anew.
    async fn step(&mut self) {
        let Some(stream) = &mut self.stream else { return self.redial().await };
        let (mut reader, mut writer) = stream.split();
        let moved = tokio::select! {
            read = reader.read_buf(&mut self.input) => read,
            written = writer.write_buf(&mut self.output), if !self.output.is_empty() => written,
        };
        if !matches!(moved, Ok(1..)) || !self.take_acks() {
            self.stream = None;
        }
    }

    /// False if the broker sent something else.
    fn take_acks(&mut self) -> bool {
        loop {
            match Packet::read(&mut self.input, MQTT_POISON_BYTES_MAX) {
                Ok(Packet::PubAck(ack)) => {
                    let Some(at) = self.window.iter().position(|publish| publish.pkid == ack.pkid) else { continue };
                    self.window.remove(at);
                    self.acked += 1;
                }
                Err(mqttbytes::Error::InsufficientBytes(_)) => return true,
                Ok(_) | Err(_) => return false,
            }
        }
    }

    async fn redial(&mut self) {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.dial()).await {
            Ok(Ok(())) => self.backoff.reset(),
            Ok(Err(_)) | Err(_) => tokio::time::sleep(self.backoff.next_wait()).await,
        }
    }

    /// Connects and queues what was not acknowledged, marked as a duplicate.
    async fn dial(&mut self) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.addr).await?;
        stream.set_nodelay(true)?;
        let mut connect = Connect::new(self.client_id.clone());
        connect.clean_session = false;
        // No keep-alive: a device of the simulation sleeps for as long as its clock says.
        connect.keep_alive = 0;
        connect.last_will.clone_from(&self.will);
        let mut hello = BytesMut::new();
        encode(Packet::Connect(connect), &mut hello);
        stream.write_all(&hello).await?;
        self.input.clear();
        loop {
            match Packet::read(&mut self.input, MQTT_POISON_BYTES_MAX) {
                Ok(Packet::ConnAck(connack)) if connack.code == ConnectReturnCode::Success => break,
                Err(mqttbytes::Error::InsufficientBytes(_)) => {}
                Ok(packet) => return Err(io::Error::other(format!("the broker refused: {packet:?}"))),
                Err(error) => return Err(io::Error::other(error)),
            }
            if stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.output.clear();
        for publish in &mut self.window {
            publish.dup = true;
            encode(Packet::Publish(publish.clone()), &mut self.output);
        }
        self.stream = Some(stream);
        Ok(())
    }
}

/// Packets made here always fit: the limit is the reader's.
fn encode(packet: Packet, output: &mut BytesMut) {
    if let Err(error) = packet.write(output, usize::MAX) {
        tracing::warn!(%error, "simulated device made a packet that is not MQTT");
    }
}
