//! Which of a broker's addresses is dialled next, and what each of them has taught. Pure but for the time between two discards.
//!
//! The next address has its turn when a connect has failed, or a connection ended before it had proven itself. After a
//! connection that had, the first address is tried first: that is the way back to it. A connection that works is never given
//! up only because the first address might work again.

use super::trouble::Cause;
use facility_config::limits::{MQTT_MALFORMED_MAX, MQTT_PACKET_BYTES_MAX, MQTT_POISON_BYTES_MAX};
use std::time::Duration;
use tokio::time::Instant;

/// A session is discarded at most this often: a poisonous retained message comes back with every new session, and
/// throwing the queue away again would only lose data.
const DISCARD_PAUSE: Duration = Duration::from_secs(600);

/// The addresses of one broker.
pub(super) struct Places {
    all: Vec<Place>,
    at: usize,
}

/// What the next connection to an address has to avoid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Largest packet that is taken.
    pub(super) packet_bytes_max: usize,
    /// Connect only to throw the broker's session away.
    pub(super) discard: bool,
    /// Connections in a row that died of a malformed packet.
    malformed: u32,
    discarded: Option<Instant>,
}

impl Places {
    /// As many as the broker has addresses, and at least one, which then cannot be dialled.
    pub(super) fn new(len: usize) -> Self {
        let place = Place { packet_bytes_max: MQTT_PACKET_BYTES_MAX, discard: false, malformed: 0, discarded: None };
        Self { all: vec![place; len.max(1)], at: 0 }
    }

    /// Which one is dialled now.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn place(&self) -> Place {
        self.all[self.at]
    }

    /// The connection works.
    pub(super) fn proven(&mut self) {
        self.all[self.at].malformed = 0;
    }

    /// The session was thrown away. The next connection starts one that lasts.
    pub(super) fn discarded(&mut self) {
        self.all[self.at].discard = false;
    }

    /// A connection ended, or did not begin. Prepares the next one so that it does not end in the same way, and says so.
    pub(super) fn lost(&mut self, proven: bool, cause: Cause, words: String) -> String {
        let place = &mut self.all[self.at];
        place.packet_bytes_max = MQTT_PACKET_BYTES_MAX;
        match cause {
            Cause::Other => {
                self.at = if proven { 0 } else { (self.at + 1) % self.all.len() };
                return words;
            }
            Cause::Oversize(bytes) if bytes <= MQTT_POISON_BYTES_MAX => {
                place.packet_bytes_max = bytes;
                return format!("{words}; it is taken once, to be counted and acknowledged");
            }
            Cause::Oversize(_) => {}
            Cause::Malformed => {
                place.malformed += 1;
                if place.malformed < MQTT_MALFORMED_MAX {
                    return words;
                }
            }
        }
        if place.discarded.is_some_and(|at| at.elapsed() < DISCARD_PAUSE) {
            // Nothing more can be done about this one for a while: the others have their turn.
            self.at = (self.at + 1) % self.all.len();
            return format!("{words}, again; remove the message from the broker, it may be a retained one");
        }
        *place = Place { malformed: 0, discarded: Some(Instant::now()), discard: true, ..*place };
        format!("{words}; the broker's session is discarded, with what it had queued for this gateway")
    }
}
