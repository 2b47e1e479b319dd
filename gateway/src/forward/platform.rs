//! A destination that is the broker of a platform: a batch is published with QoS 1 and is stored when every message of it is
//! acknowledged.
//!
//! Never knows more than the broker says. An acknowledgement of MQTT 3.1.1 says nothing about access rules, so the first message of
//! each topic goes by MQTT 5 where the broker speaks it (`drivers/src/mqtt/permission.rs`); where it does not, only a subscriber
//! can tell. What is not acknowledged in time is sent again, the same bytes.

use super::NotReady;
use super::message::messages;
use super::outcome::Outcome;
use facility_config::site;
use facility_drivers::Clock;
use facility_drivers::mqtt::{Message, Uplink};
use std::sync::Arc;

/// The way to one platform.
#[derive(Debug)]
pub struct Platform {
    settings: site::Platform,
    /// Made with the first message.
    uplink: Option<Uplink>,
}

impl Platform {
    /// Looks whether password and certificates can be read; dials nothing.
    ///
    /// # Errors
    /// [`NotReady::Broker`] in words for the technician.
    pub fn open(settings: &site::Platform) -> Result<Self, NotReady> {
        Uplink::check(&settings.broker).map_err(NotReady::Broker)?;
        Ok(Self { settings: settings.clone(), uplink: None })
    }

    /// The messages of some lines.
    #[must_use]
    pub fn messages(&self, lines: &str) -> Arc<[Message]> {
        let site::Platform { topic, format, message_bytes_max, .. } = &self.settings;
        messages(lines, topic, *format, *message_bytes_max).into()
    }

    /// Publishes them and waits for their acknowledgements.
    pub async fn send(&mut self, messages: Arc<[Message]>, clock: &Clock) -> Outcome {
        let uplink = self.uplink.get_or_insert_with(|| Uplink::start(self.settings.broker.clone(), clock.clone()));
        match uplink.publish(messages, self.settings.timeout).await {
            Ok(()) => Outcome::Stored,
            // Password and certificates are read for every connection.
            Err(unsent) if unsent.denied => Outcome::Hold { why: unsent.words, token: false },
            Err(unsent) => Outcome::unanswered(unsent.words),
        }
    }

    /// Whether one of its addresses is reached through TLS, which needs a clock that is right.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.settings.broker.endpoints.iter().any(|endpoint| endpoint.wire.is_encrypted())
    }
}
