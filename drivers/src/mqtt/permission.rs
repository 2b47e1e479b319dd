//! Asks a platform's broker whether its access rules let messages through, by publishing them over MQTT 5.
//!
//! An acknowledgement of MQTT 3.1.1 has no reason: mosquitto 2.0.11 gives it for what its rules forbid and throws that away, and
//! everything would count as delivered that nobody gets. In MQTT 5 it says so. Never takes silence, or a broker that speaks only
//! 3.1.1, for a no. One connection, nothing subscribed, at most [`UPLINK_WINDOW`] messages under way.

use super::uplink::{GOODBYE, Message};
use facility_config::limits::{MQTT_CONNECT_TIMEOUT_S, UPLINK_WINDOW};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode, Packet, PubAckReason};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions as NewerOptions, StateError};
use rumqttc::{MqttOptions, NetworkOptions, Outgoing};
use std::io::ErrorKind;
use std::time::Duration;

/// Longer than any of these connections lasts.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// What the broker says of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Permission {
    /// All of them are taken: published, and acknowledged.
    Granted,
    /// It forbids a message of this topic; others may have arrived.
    Refused(String),
    /// It does not speak MQTT 5.
    CannotSay,
    /// It was not reached, did not let the client in, or did not answer in time.
    Unanswered,
}

/// Publishes messages over a connection of MQTT 5 to where `options` point. `timeout` is for [`UPLINK_WINDOW`] of them at a time.
pub(super) async fn ask(options: &MqttOptions, messages: &[Message], timeout: Duration) -> Permission {
    let (client, line) = AsyncClient::new(newer(options), UPLINK_WINDOW);
    let mut asking = Asking { line, welcomed: false, numbers: Vec::new(), waiting: 0 };
    for window in messages.chunks(UPLINK_WINDOW) {
        let queued = |message: &Message| {
            client.try_publish(message.topic.clone(), QoS::AtLeastOnce, false, message.payload.clone()).map_err(|_| Permission::Unanswered)
        };
        let connect = if asking.welcomed { Duration::ZERO } else { Duration::from_secs(MQTT_CONNECT_TIMEOUT_S) };
        let answered = async {
            window.iter().try_for_each(queued)?;
            tokio::time::timeout(connect + timeout, asking.answers(window)).await.unwrap_or(Err(Permission::Unanswered))
        };
        if let Err(permission) = answered.await {
            return permission;
        }
    }
    if client.try_disconnect().is_ok() {
        // So that the broker does not take it for a failure; how it ends does not matter any more.
        let _ = tokio::time::timeout(GOODBYE, async { while asking.line.poll().await.is_ok() {} }).await;
    }
    Permission::Granted
}

/// A connection and how far it has come.
struct Asking {
    line: EventLoop,
    /// The broker has let the client in: it speaks MQTT 5.
    welcomed: bool,
    /// Numbers of the messages of this window, and how many are not acknowledged.
    numbers: Vec<u16>,
    waiting: usize,
}

impl Asking {
    /// Waits until each of the messages that were handed over is taken.
    async fn answers(&mut self, window: &[Message]) -> Result<(), Permission> {
        (self.numbers, self.waiting) = (Vec::with_capacity(window.len()), window.len());
        while self.waiting > 0 {
            match self.line.poll().await {
                Ok(event) => self.note(&event, window)?,
                Err(error) => {
                    // What was received together with the end still counts.
                    while let Some(event) = self.line.state.events.pop_front() {
                        self.note(&event, window)?;
                    }
                    return if self.waiting == 0 { Ok(()) } else { Err(judged(&error, self.welcomed, window)) };
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, event: &Event, window: &[Message]) -> Result<(), Permission> {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => self.welcomed = true,
            Event::Outgoing(Outgoing::Publish(number)) => self.numbers.push(*number),
            Event::Incoming(Packet::PubAck(ack)) => {
                self.waiting = self.waiting.saturating_sub(1);
                let message = self.numbers.iter().position(|number| *number == ack.pkid).and_then(|at| window.get(at));
                taken(ack.reason, message.map_or("", |message| &message.topic))?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The same broker, client and way in.
fn newer(options: &MqttOptions) -> NewerOptions {
    let (host, port) = options.broker_address();
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(MQTT_CONNECT_TIMEOUT_S).set_tcp_nodelay(true);
    let mut newer = NewerOptions::new(options.client_id(), host, port);
    newer
        .set_transport(options.transport())
        .set_network_options(network)
        .set_connection_timeout(MQTT_CONNECT_TIMEOUT_S)
        .set_clean_start(true)
        .set_keep_alive(KEEP_ALIVE)
        .set_outgoing_inflight_upper_limit(u16::try_from(UPLINK_WINDOW).unwrap_or(u16::MAX));
    if let Some(login) = options.credentials() {
        newer.set_credentials(login.username, login.password);
    }
    newer
}

fn taken(reason: PubAckReason, topic: &str) -> Result<(), Permission> {
    match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Ok(()),
        PubAckReason::NotAuthorized | PubAckReason::TopicNameInvalid => Err(Permission::Refused(topic.to_owned())),
        // A quota, or a defect of the broker: not for ever.
        _ => Err(Permission::Unanswered),
    }
}

fn judged(error: &ConnectionError, welcomed: bool, window: &[Message]) -> Permission {
    use DisconnectReasonCode::{NotAuthorized, TopicNameInvalid};
    match error {
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code: NotAuthorized | TopicNameInvalid, .. }) => {
            let topics: Vec<&str> = window.iter().map(|message| &*message.topic).collect();
            Permission::Refused(topics.join("`, `"))
        }
        ConnectionError::ConnectionRefused(ConnectReturnCode::UnsupportedProtocolVersion | ConnectReturnCode::RefusedProtocolVersion) => {
            Permission::CannotSay
        }
        // The ways in which brokers of 3.1.1 end a conversation that they do not understand.
        ConnectionError::NotConnAck(_) | ConnectionError::MqttState(_) if !welcomed => Permission::CannotSay,
        ConnectionError::Io(error) if !welcomed && has_hung_up(error.kind()) => Permission::CannotSay,
        _ => Permission::Unanswered,
    }
}

fn has_hung_up(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe)
}

#[cfg(test)]
#[path = "permission_tests.rs"]
mod tests;
