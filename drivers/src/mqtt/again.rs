//! Knows the messages of a session that the broker sends again although they are durable here: it had not read our
//! acknowledgements when the connection broke. The pipeline knows the last 128 of a device by what they say; brokers have been
//! seen to send two thousand again.
//!
//! A message that is marked as sent before (DUP), has the number of one that was acknowledged in the same session (MQTT 3.1.1,
//! 4.4), its topic and its body, is that one. One that is not durable yet is none of these: it may have to be stored after all.
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
    // Eight bytes at a time: it is done for every message.
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, word: u64| (sum.rotate_left(23) ^ word).wrapping_mul(ODD);
    let fold = |sum: u64, bytes: &[u8]| {
        let (words, rest) = bytes.as_chunks::<8>();
        let sum = words.iter().fold(mix(sum, bytes.len() as u64), |sum, word| mix(sum, u64::from_le_bytes(*word)));
        rest.iter().fold(sum, |sum, byte| mix(sum, u64::from(*byte)))
    };
    let sum = fold(fold(0, publish.topic.as_bytes()), &publish.payload);
    (sum >> 32) as u32
}

#[cfg(test)]
mod tests;
