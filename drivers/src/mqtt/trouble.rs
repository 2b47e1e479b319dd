//! What went wrong with a connection, in words for people and as a fault for the counters.
//!
//! Never repeats what was sent: no credential and no payload can end up in a message.

use crate::fault::Fault;
use crate::link::LinkState;
use crate::tls;
use facility_config::limits::MQTT_CONNECT_TIMEOUT_S;
use facility_config::site::Broker;
use rumqttc::{ConnectReturnCode, ConnectionError, StateError, TlsError, mqttbytes};
use std::io;

/// Why a connection ended, or did not begin.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) state: LinkState,
    pub(super) words: String,
    pub(super) fault: Option<Fault>,
    pub(super) cause: Cause,
}

/// What the next connection has to avoid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing in particular.
    Other,
    /// A packet of this many bytes.
    Oversize(usize),
    /// A packet that cannot be read, on a connection that stood.
    Malformed,
}

impl Trouble {
    /// Something is missing here, the broker was not asked.
    pub(super) fn local(words: String) -> Self {
        Self { state: LinkState::Connecting, words, fault: None, cause: Cause::Other }
    }

    /// The broker used a service level nobody asked for.
    pub(super) fn exactly_once() -> Self {
        let words = "the broker sent a message with QoS 2 although QoS 1 was asked for; it breaks the protocol".to_owned();
        Self { state: LinkState::Connecting, words, fault: Some(Fault::Malformed), cause: Cause::Malformed }
    }

    /// The broker still holds the line, but does nothing that is asked of it.
    pub(super) fn no_progress(what: &str) -> Self {
        Self::link(Fault::Timeout, format!("{what}; the connection is made anew"))
    }

    /// What the client reported at the broker's address number `at`. `connected` tells a broken session from a failed connect.
    pub(super) fn of(error: &ConnectionError, connected: bool, broker: &Broker, at: usize) -> Self {
        let at = broker.endpoints.get(at).map(ToString::to_string).unwrap_or_default();
        if let Some(failure) = tls::failure(error) {
            return Self::tls(failure, &at);
        }
        match error {
            ConnectionError::ConnectionRefused(code) => refused(*code, broker),
            ConnectionError::NetworkTimeout => Self::link(Fault::Timeout, format!("no answer from {at} within {MQTT_CONNECT_TIMEOUT_S} s")),
            ConnectionError::FlushTimeout => Self::link(Fault::Timeout, format!("{at} does not read what is sent")),
            ConnectionError::Io(error) => Self::io(error, connected, &at),
            ConnectionError::Tls(TlsError::Io(error)) => Self::io(error, connected, &at),
            ConnectionError::Tls(error) => Self::link(Fault::Disconnected, format!("TLS with {at} failed: {error}")),
            ConnectionError::NotConnAck(_) => {
                Self::link(Fault::Malformed, format!("{at} did not answer as an MQTT broker; check host and port"))
            }
            ConnectionError::Websocket(_)
            | ConnectionError::WsConnect(_)
            | ConnectionError::InvalidUrl(_)
            | ConnectionError::ResponseValidation(_) => {
                Self::link(Fault::Malformed, format!("{at} does not speak MQTT over a websocket there: {error}; check the path"))
            }
            ConnectionError::RequestsDone => Self::link(Fault::Disconnected, "the client has ended".to_owned()),
            ConnectionError::MqttState(error) => Self::state(error, connected, &at),
        }
    }

    fn state(error: &StateError, connected: bool, at: &str) -> Self {
        match error {
            StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)) => Self::io(error, connected, at),
            StateError::ConnectionAborted if connected => Self::link(Fault::Disconnected, format!("{at} closed the connection")),
            StateError::ConnectionAborted => Self::hung_up(at, ""),
            StateError::AwaitPingResp | StateError::CollisionTimeout => {
                Self::link(Fault::Timeout, format!("{at} did not answer within the keep-alive"))
            }
            StateError::Deserialization(mqttbytes::Error::PayloadSizeLimitExceeded(bytes)) if connected => Self {
                cause: Cause::Oversize(*bytes),
                ..Self::link(Fault::Oversize, format!("{at} sent a packet of {bytes} bytes, more than is accepted"))
            },
            // The session sends such a packet again and again. An answer that nobody asked for is only said once.
            StateError::Deserialization(_) if connected => Self {
                cause: Cause::Malformed,
                ..Self::link(Fault::Malformed, format!("{at} sent something that is not MQTT 3.1.1: {error}"))
            },
            error => Self::link(Fault::Malformed, format!("{at} sent something that is not MQTT 3.1.1: {error}")),
        }
    }

    fn io(error: &io::Error, connected: bool, at: &str) -> Self {
        // Whoever is spoken to in TLS and knows none, or the other way round, throws the line down.
        let is_thrown_down =
            matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe);
        match (connected, is_thrown_down) {
            (true, _) => Self::link(Fault::Disconnected, format!("the connection to {at} broke: {error}")),
            (false, true) => Self::hung_up(at, &format!(" ({error})")),
            (false, false) => Self::link(Fault::Disconnected, format!("no connection to {at}: {error}")),
        }
    }

    fn hung_up(at: &str, how: &str) -> Self {
        let words = format!("{at} closed the connection without an answer{how}; check credentials and whether the port speaks TLS");
        Self::link(Fault::Disconnected, words)
    }

    fn tls(failure: &rustls::Error, at: &str) -> Self {
        let words = format!("no connection to {at}: {}", tls::words(failure));
        match failure {
            rustls::Error::AlertReceived(_) => {
                let words = format!("{words}; check `cert_file` and `key_file`");
                Self { state: LinkState::Denied, ..Self::link(Fault::Exception, words) }
            }
            _ => Self::link(Fault::Disconnected, words),
        }
    }

    fn link(fault: Fault, words: String) -> Self {
        Self { state: LinkState::Connecting, words, fault: Some(fault), cause: Cause::Other }
    }
}

fn refused(code: ConnectReturnCode, broker: &Broker) -> Trouble {
    let client = &broker.client_id;
    let (denied, words) = match code {
        ConnectReturnCode::BadUserNamePassword => (true, "the broker refuses user name or password; check `password_file`".to_owned()),
        // Mosquitto says so of a wrong password, too.
        ConnectReturnCode::NotAuthorized => {
            let check = if broker.username.is_some() { "`username`, `password_file`" } else { "whether it wants a `username`" };
            (true, format!("the broker does not admit client `{client}`; check {check} and its access rules"))
        }

        ConnectReturnCode::BadClientId => (true, format!("the broker refuses the client id `{client}`")),
        ConnectReturnCode::RefusedProtocolVersion => (true, "the broker does not speak MQTT 3.1.1".to_owned()),
        ConnectReturnCode::ServiceUnavailable => (false, "the broker says that it is not available".to_owned()),
        ConnectReturnCode::Success => (false, "the broker refused and accepted at once".to_owned()),
    };
    let state = if denied { LinkState::Denied } else { LinkState::Connecting };
    Trouble { state, ..Trouble::link(Fault::Exception, words) }
}

/// Subscriptions that the broker's access rules do not allow.
pub(super) fn refused_filters(filters: &[&str], client_id: &str) -> String {
    format!("the broker refuses to send `{}` to client `{client_id}`; check its access rules", filters.join("`, `"))
}

/// Subscriptions that the broker serves with less than was asked for.
pub(super) fn lowered_filters(filters: &[&str]) -> String {
    format!(
        "the broker sends `{}` with QoS 0 although QoS 1 was asked for: what it sends while the gateway is away is lost",
        filters.join("`, `")
    )
}
