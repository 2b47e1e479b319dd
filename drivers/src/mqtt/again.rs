//! Knows the messages of a session that the broker sends again although they are durable here: it had not read our
//! acknowledgements when the connection broke. The pipeline knows the last 128 of a device by what they say; brokers have been
//! seen to send two thousand again.
//!
//! A message that is marked as sent before (DUP), has the number of one that was acknowledged in the same session (MQTT 3.1.1,
//! 4.4), its topic and its body, is that one, if the body has a time or a number that tells it from others that are alike. (A
//! device whose clock stands still has none; two of its messages that are alike are taken for one.) One that is not durable yet
//! is none of these: if it comes on another connection, it may have to be stored after all.
//! Bounded: four bytes for each number there is, 256 KiB.

use crate::reading::Released;
use rumqttc::Publish;

/// The messages of one session: by packet id the last message under it, as far as one was used.
#[derive(Debug, Default)]
pub(super) struct Again(Vec<u32>);

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

/// Bit of a message that is durable.
const DURABLE: u32 = 1;
/// Bits of the connection it came on, its lowest.
const GENERATION: u32 = 0xfe;
/// Bits of its topic and body.
const MARK: u32 = !0xff;

impl Again {
    /// The session is another one: its numbers mean other messages.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Whether a message was here before. Remembers it if not.
    pub(super) fn see(&mut self, publish: &Publish, generation: u64) -> Seen {
        let at = usize::from(publish.pkid);
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        let (mark, connection) = (mark(publish), connection(generation));
        let known = &mut self.0[at];
        let is_it = publish.dup && *known & MARK == mark;
        match (is_it, *known & DURABLE != 0, *known & GENERATION == connection) {
            (true, true, _) => Seen::Durable,
            (true, false, true) => Seen::Waiting,
            _ => {
                *known = mark | connection;
                Seen::New
            }
        }
    }

    /// A message is durable, on whichever connection it came.
    pub(super) fn durable(&mut self, released: &Released) {
        if let Some(known) = self.0.get_mut(usize::from(released.packet_id))
            && *known & GENERATION == connection(released.generation)
        {
            *known |= DURABLE;
        }
    }
}

fn connection(generation: u64) -> u32 {
    (generation << 1) as u32 & GENERATION
}

/// Tells messages of one number apart. Who forges a collision loses a message of their own.
fn mark(publish: &Publish) -> u32 {
    let topic = publish.topic.as_bytes();
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(topic), &(topic.len() as u32).to_le_bytes()), &publish.payload) & MARK
}

#[cfg(test)]
mod tests;
