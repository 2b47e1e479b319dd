//! One connection of the MQTT client, and the only place that writes to it.
//!
//! The client (rumqttc 0.25) is known to lose or repeat requests over a reconnect, to hang on a collision of packet ids, to hold
//! acknowledgements back behind other requests and to reconnect without a pause. None of that can happen to a client that lives
//! for one connection and whose queue stays empty: what is to be said is written here, past its queue, all of it in one flush.
//!
//! **Why [`next`](Line::next) may be dropped while the connection stands.** With an empty queue the client's `poll` waits at four
//! places. (1) For bytes: what was read stays in the frame buffer. (2) After reading up to nine packets, for its flush: the
//! packets are in `state.events` by then, and the next poll hands those out first. (3) For its keep-alive timer, which it keeps.
//! (4) For the flush after a ping: the ping is in the write buffer, and whoever flushes next sends it. Before the connection
//! stands it waits for the connect itself, and dropping that gives it up; therefore nobody drops `next` while
//! [`is_up`](Line::is_up) is false, except to end the task.

use facility_config::limits::MQTT_CONNECT_TIMEOUT_S;
use rumqttc::{ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet, Publish, Request, StateError};
use std::time::Duration;

/// Time limit for what is written to leave: as long as the client gives its own pings.
const WRITE_TIMEOUT: Duration = Duration::from_secs(MQTT_CONNECT_TIMEOUT_S);

/// A connection, from dialling to its end.
pub(super) struct Line(EventLoop);

impl Line {
    /// A connection that is dialled by the first [`next`](Self::next).
    pub(super) fn new(options: MqttOptions) -> Self {
        let mut client = EventLoop::new(options, 1);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(MQTT_CONNECT_TIMEOUT_S).set_tcp_nodelay(true);
        client.set_network_options(network);
        Self(client)
    }

    /// Whether it stands.
    pub(super) fn is_up(&self) -> bool {
        self.0.network.is_some()
    }

    /// Waits for what comes next: the answer to CONNECT first. Sends a ping whenever the keep-alive time has passed.
    ///
    /// # Errors
    /// When the connection has ended; what was received before is still [`buffered`](Self::buffered).
    pub(super) async fn next(&mut self) -> Result<Event, ConnectionError> {
        let event = self.0.poll().await?;
        if matches!(event, Event::Incoming(_)) {
            // Whoever speaks is alive, though the answer to the last ping may lie behind many messages.
            self.0.state.await_pingresp = false;
        }
        Ok(event)
    }

    /// What was received together with the last event.
    pub(super) fn buffered(&mut self) -> Option<Event> {
        self.0.state.events.pop_front()
    }

    /// Gives a message of our own its number, which the client expects an acknowledgement for. `None` if it is still waiting for
    /// that of an older one with this number: not as long as no more are under way than it was set to.
    ///
    /// # Errors
    /// As the client says.
    pub(super) fn numbered(&mut self, publish: Publish) -> Result<Option<Packet>, StateError> {
        self.0.state.handle_outgoing_packet(Request::Publish(publish))
    }

    /// Writes packets and waits until they have left. Nothing is read meanwhile.
    ///
    /// # Errors
    /// When the connection is broken, or the broker does not read for 10 s.
    pub(super) async fn send(&mut self, packets: impl IntoIterator<Item = Packet>) -> Result<(), ConnectionError> {
        let Some(network) = self.0.network.as_mut() else { return Ok(()) };
        let written = async {
            for packet in packets {
                network.write(packet).await?;
            }
            network.flush().await
        };
        match tokio::time::timeout(WRITE_TIMEOUT, written).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(ConnectionError::FlushTimeout),
        }
    }

    /// Nothing is read for a while: the answer to the last ping lies unread behind the messages, and must not be missed.
    pub(super) fn excuse_ping(&mut self) {
        self.0.state.await_pingresp = false;
    }
}
