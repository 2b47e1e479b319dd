//! Knows the messages of a session that the broker sends again although they are durable here: it had not read our
//! acknowledgements when the connection broke. The pipeline knows the last 128 of a device by what they say; brokers have been
//! seen to send two thousand again.
//!
//! A message that is marked as sent before (DUP), has the number of one that was acknowledged in the same session (MQTT 3.1.1,
//! 4.4), its topic and its body, is that one, if the body has a time or a number that tells it from others that are alike. (A
//! device whose clock stands still has none; two of its messages that are alike are taken for one.) One that is not durable yet
//! is none of these: if it comes on another connection, it may have to be stored after all.
//! Bounded: the newest [`KNOWN_MAX`] messages of a session, 32 KiB.

use crate::reading::Released;
use rumqttc::Publish;

/// Messages of a session that are known; brokers number them in order, or use few numbers again and again.
const KNOWN_MAX: u16 = 4096;

/// The messages of one session, by packet id modulo [`KNOWN_MAX`].
#[derive(Debug, Default)]
pub(super) struct Again(Vec<Known>);

/// The last message in a place.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// Of topic and body.
    mark: u32,
    /// 0, which no message has, if there was none.
    packet_id: u16,
    /// The connection it came on, its lowest bits.
    generation: u8,
    is_durable: bool,
}

/// What is known of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing, or it was never said to be durable.
    New,
    /// It came on this connection already and waits for its acknowledgement: one is enough.
    Waiting,
    /// It is durable.
    Durable,
}

impl Again {
    /// The session is another one: its numbers mean other messages.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Whether a message was here before. Remembers it if not.
    pub(super) fn see(&mut self, publish: &Publish, generation: u64) -> Seen {
        let now = Known { mark: mark(publish), packet_id: publish.pkid, generation: generation as u8, is_durable: false };
        if self.0.is_empty() {
            self.0.resize(usize::from(KNOWN_MAX), Known::default());
        }
        let known = &mut self.0[usize::from(now.packet_id % KNOWN_MAX)];
        let is_it = publish.dup && (known.packet_id, known.mark) == (now.packet_id, now.mark);
        match is_it {
            true if known.is_durable => Seen::Durable,
            true if known.generation == now.generation => Seen::Waiting,
            _ => {
                *known = now;
                Seen::New
            }
        }
    }

    /// A message is durable, on whichever connection it came.
    pub(super) fn durable(&mut self, released: &Released) {
        let Released { generation, packet_id } = *released;
        if let Some(known) = self.0.get_mut(usize::from(packet_id % KNOWN_MAX))
            && (known.packet_id, known.generation) == (packet_id, generation as u8)
        {
            known.is_durable = true;
        }
    }
}

/// Tells messages of one number apart. Who forges a collision loses a message of their own.
fn mark(publish: &Publish) -> u32 {
    let topic = publish.topic.as_bytes();
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(topic), &(topic.len() as u32).to_le_bytes()), &publish.payload)
}

#[cfg(test)]
mod tests;
