//! From an answer and what goes wrong with it to bytes and their times. Pure.

use super::asked::Asked;
use super::faults::Trouble;
use facility_config::site::Framing;
use std::time::Duration;

/// Modbus exception: come back later.
const BUSY: u8 = 6;
/// Bytes of a Modbus TCP frame that a receiver can check.
const TCP_HEAD_BYTES: usize = 8;

/// Something a device does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// These bytes go out.
    Send(Vec<u8>),
    /// The connection is closed.
    Hangup,
}

/// What is done in answer to one question, each so long after it.
pub(super) type Play = Vec<(Duration, Act)>;

/// The body of the refusal that a trouble makes of any answer.
pub(super) fn refusal(trouble: Option<Trouble>, function: u8) -> Option<Vec<u8>> {
    match trouble? {
        Trouble::Busy => Some(vec![function | 0x80, BUSY]),
        Trouble::Exception(code) => Some(vec![function | 0x80, code]),
        _ => None,
    }
}

/// Plays an answer, `delay` after its question.
pub(super) fn play(trouble: Option<Trouble>, asked: &Asked, delay: Duration, body: &[u8], random: &mut fastrand::Rng) -> Play {
    let right = asked.framed(asked.unit, body);
    let modbus = !asked.is_foreign();
    let wire = match trouble {
        Some(Trouble::Silence) => return Vec::new(),
        Some(Trouble::Hangup) => return vec![(delay, Act::Hangup)],
        Some(Trouble::Late(more)) => return vec![(delay + more, Act::Send(right))],
        Some(Trouble::Echo) => return vec![(Duration::ZERO, Act::Send(asked.wire.clone())), (delay, Act::Send(right))],
        Some(Trouble::ByteByByte(step)) => {
            return right.into_iter().zip(1..).map(|(byte, nth)| (delay + step * nth, Act::Send(vec![byte]))).collect();
        }
        Some(Trouble::Foreign) if modbus => asked.framed(asked.unit.wrapping_add(1), body),
        Some(Trouble::Doubled) => [right.as_slice(), &right].concat(),
        Some(Trouble::Truncated) => right[..random.usize(1..right.len().max(2))].to_vec(),
        Some(Trouble::WrongLength) if modbus => asked.framed(asked.unit, &longer(body)),
        Some(Trouble::BadChecksum) if asked.framing != Framing::Tcp => wrong_checksum(asked, right),
        Some(Trouble::BitFlip) => flipped(asked.framing, right, random),
        Some(Trouble::Noise(bytes)) => (0..bytes).map(|_| random.u8(..)).chain(right).collect(),
        Some(Trouble::WrongFunction) if modbus => asked.framed(asked.unit, &other_function(body)),
        Some(Trouble::WrongTransaction) if asked.framing == Framing::Tcp => older(right),
        _ => right,
    };
    vec![(delay, Act::Send(wire))]
}

/// A register more; a byte more for bits; a byte more for a refusal, which has no count.
fn longer(body: &[u8]) -> Vec<u8> {
    let mut longer = body.to_vec();
    let more = match body {
        [1 | 2, ..] => 1,
        [3 | 4, ..] => 2,
        _ => 0,
    };
    if let Some(count) = longer.get_mut(1) {
        *count = count.wrapping_add(more);
    }
    longer.resize(body.len() + usize::from(more.max(1)), 0);
    longer
}

/// The last byte of the checksum, in ASCII its last digit, is another one.
fn wrong_checksum(asked: &Asked, mut wire: Vec<u8>) -> Vec<u8> {
    let last = if asked.framing == Framing::Ascii && !asked.is_foreign() { wire.len().checked_sub(3) } else { wire.len().checked_sub(1) };
    if let Some(byte) = last.and_then(|last| wire.get_mut(last)) {
        // Another digit is a digit still.
        *byte = match *byte {
            b'0' if asked.framing == Framing::Ascii => b'1',
            _ if asked.framing == Framing::Ascii => b'0',
            other => other ^ 0x5A,
        };
    }
    wire
}

fn flipped(framing: Framing, mut wire: Vec<u8>, random: &mut fastrand::Rng) -> Vec<u8> {
    let bytes = if framing == Framing::Tcp { TCP_HEAD_BYTES.min(wire.len()) } else { wire.len() };
    if bytes > 0 {
        wire[random.usize(..bytes)] ^= 1 << random.u8(..8);
    }
    wire
}

fn other_function(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    if let Some(function) = body.first_mut() {
        *function = match *function & 0x7f {
            1 | 2 => *function ^ 3,
            3 | 4 => *function ^ 7,
            _ => *function ^ 1,
        };
    }
    body
}

fn older(mut wire: Vec<u8>) -> Vec<u8> {
    if let [t0, t1, ..] = wire.as_mut_slice() {
        [*t0, *t1] = u16::from_be_bytes([*t0, *t1]).wrapping_sub(1).to_be_bytes();
    }
    wire
}
