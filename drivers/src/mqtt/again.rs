//! Knows the messages of a session that the broker sends again although they are durable here: it had not read our
//! acknowledgements when the connection broke. The pipeline knows the last 128 of a device by what they say; brokers have been
//! seen to send two thousand again.
//!
//! A message that is marked as sent before (DUP), has the number of one that was acknowledged in the same session (MQTT 3.1.1,
//! 4.4), its topic and its body, is that one, if something in the body tells it from others that are alike. One that is not durable yet is none of these: it may have to be stored after all.
//! Bounded: eight bytes for each number there is, 512 KiB.

use crate::reading::Released;
use rumqttc::Publish;

/// The messages of one session.
#[derive(Debug, Default)]
pub(super) struct Again {
    /// By packet id, as far as one was used.
    known: Vec<Known>,
}

/// The last message under a packet id.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// Of topic and body; the lowest bit is set once it is durable.
    mark: u32,
    /// The connection it came on, its lowest bits.
    generation: u32,
}

/// Bit of [`Known::mark`].
const DURABLE: u32 = 1;

impl Again {
    /// The session is another one: its numbers mean other messages.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Whether the message was here before and is durable. Remembers it if not.
    pub(super) fn is_known(&mut self, publish: &Publish, generation: u64) -> bool {
        let (at, mark) = (usize::from(publish.pkid), mark(publish) & !DURABLE);
        if self.known.len() <= at {
            self.known.resize(at + 1, Known::default());
        }
        let known = &mut self.known[at];
        if publish.dup && known.mark == mark | DURABLE {
            return true;
        }
        *known = Known { mark, generation: generation as u32 };
        false
    }

    /// A message is durable, on whichever connection it came.
    pub(super) fn durable(&mut self, released: &Released) {
        if let Some(known) = self.known.get_mut(usize::from(released.packet_id))
            && known.generation == released.generation as u32
        {
            known.mark |= DURABLE;
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
