//! Questions as a simulated device hears them, and the frames of its answers. Pure.
//!
//! Finds a question among junk, in all three framings, and never looks further back than the longest frame. Of the
//! driver's code it uses the checksum of RTU and nothing else, so that the two check each other.

use crate::modbus::{crc_is_right, crc16};
use facility_config::site::Framing;

/// Longest frame of all framings: Modbus ASCII, two characters to a byte (Modbus over serial line V1.02, 2.5.2.1).
pub(super) const WIRE_BYTES_MAX: usize = 513;

/// A question, whole and with the right checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) framing: Framing,
    /// As it was heard.
    pub(super) wire: Vec<u8>,
    pub(super) unit: u8,
    /// Function and what belongs to it. Empty: not Modbus, but a question that the line's other boards understand.
    pub(super) pdu: Vec<u8>,
}

/// What was heard so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// No question yet.
    Nothing,
    /// A question; it and what came before it is gone from what was heard.
    Asked(Asked),
    /// The place where frames begin is lost (Modbus TCP); only a new connection helps.
    Lost,
}

/// Takes the first question out of what was heard. `other` gives unit and length of a question that is not Modbus and
/// with which the bytes begin.
pub(super) fn take(framing: Framing, heard: &mut Vec<u8>, other: impl Fn(&[u8]) -> Option<(u8, usize)>) -> Heard {
    if framing == Framing::Tcp {
        return tcp(heard);
    }
    for at in 0..heard.len() {
        let rest = &heard[at..];
        let known = other(rest).and_then(|(unit, len)| Some((unit, Vec::new(), rest.get(..len)?)));
        let Some((unit, pdu, wire)) = known.or_else(|| if framing == Framing::Rtu { rtu(rest) } else { ascii(rest) }) else { continue };
        let asked = Asked { framing, wire: wire.to_vec(), unit, pdu };
        heard.drain(..at + asked.wire.len());
        return Heard::Asked(asked);
    }
    // A question that has begun is within the longest frame's length.
    heard.drain(..heard.len().saturating_sub(WIRE_BYTES_MAX));
    Heard::Nothing
}

fn tcp(heard: &mut Vec<u8>) -> Heard {
    let [_, _, p0, p1, l0, l1, unit, ..] = *heard.as_slice() else { return Heard::Nothing };
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    if [p0, p1] != [0, 0] || !(2..=254).contains(&len) {
        return Heard::Lost;
    }
    if heard.len() < 6 + len {
        return Heard::Nothing;
    }
    let wire: Vec<u8> = heard.drain(..6 + len).collect();
    Heard::Asked(Asked { framing: Framing::Tcp, unit, pdu: wire[7..].to_vec(), wire })
}

/// The RTU question that starts here: nothing but function and checksum tell its length.
fn rtu(heard: &[u8]) -> Option<(u8, Vec<u8>, &[u8])> {
    let [unit, function, ..] = *heard else { return None };
    let len = match function {
        1..=6 | 8 => 8,
        15 | 16 => 9 + usize::from(*heard.get(6)?),
        22 => 10,
        23 => 13 + usize::from(*heard.get(10)?),
        43 => 7,
        0 | 0x80.. => return None,
        _ => 4,
    };
    let wire = heard.get(..len).filter(|wire| crc_is_right(wire))?;
    Some((unit, wire[1..len - 2].to_vec(), wire))
}

/// The ASCII question that starts here.
fn ascii(heard: &[u8]) -> Option<(u8, Vec<u8>, &[u8])> {
    let end = heard.iter().take(WIRE_BYTES_MAX).position(|byte| *byte == b'\n')?;
    let digits = heard[..end].strip_prefix(b":")?.strip_suffix(b"\r")?;
    let bytes: Vec<u8> = digits.chunks(2).map(hex_byte).collect::<Option<_>>()?;
    let [unit, pdu @ .., lrc] = bytes.as_slice() else { return None };
    let right = !pdu.is_empty() && *lrc == lrc_of(&bytes[..bytes.len() - 1]);
    right.then(|| (*unit, pdu.to_vec(), &heard[..=end]))
}

fn hex_byte(pair: &[u8]) -> Option<u8> {
    let [high, low] = *pair else { return None };
    let digit = |character: u8| char::from(character).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// Longitudinal redundancy check (Modbus over serial line V1.02, 6.2.1): all bytes and it add up to 0.
fn lrc_of(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

impl Asked {
    /// Whether it was put to a board that does not speak Modbus.
    pub(super) fn is_foreign(&self) -> bool {
        self.pdu.is_empty()
    }

    /// Function code; 0 for a question that is not Modbus.
    pub(super) fn function(&self) -> u8 {
        self.pdu.first().copied().unwrap_or(0)
    }

    /// Puts an answer into a frame. What is not Modbus is a frame already.
    pub(super) fn framed(&self, unit: u8, body: &[u8]) -> Vec<u8> {
        let plain = [&[unit], body].concat();
        match (self.framing, self.wire.as_slice()) {
            _ if self.is_foreign() => body.to_vec(),
            (Framing::Tcp, [t0, t1, ..]) => {
                let [l0, l1] = (plain.len() as u16).to_be_bytes();
                [&[*t0, *t1, 0, 0, l0, l1], plain.as_slice()].concat()
            }
            (Framing::Tcp | Framing::Rtu, _) => [plain.as_slice(), &crc16(&plain).to_le_bytes()].concat(),
            (Framing::Ascii, _) => {
                let digits: String = plain.iter().chain(&[lrc_of(&plain)]).map(|byte| format!("{byte:02X}")).collect();
                format!(":{digits}\r\n").into_bytes()
            }
        }
    }
}

#[cfg(test)]
mod tests;
