//! Which bytes on a line are the answer to a question. Pure.
//!
//! tokio-modbus accepts an answer of the wrong length, gives up after twenty bytes of junk and loses its place after an
//! error (CRATES §3). So it never sees the line: a [`Question`] finds its own answer among all that was heard, and
//! only that is passed on. Transaction, unit, function, byte count and checksum must all be right.

use crate::fault::Fault;
use std::ops::Range;

/// How frames lie on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Header with transaction and length (Modbus TCP).
    Mbap,
    /// Unit first, CRC last, nothing in between tells the length (RTU, on a serial line or through TCP).
    Rtu,
}

impl Framing {
    /// Bytes of a read question.
    pub(crate) fn question_len(self) -> usize {
        match self {
            Self::Mbap => 12,
            Self::Rtu => 8,
        }
    }
}

/// A read question as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    framing: Framing,
    wire: Vec<u8>,
    transaction: [u8; 2],
    unit: u8,
    function: u8,
    data_bytes: usize,
}

/// What was heard so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// No answer yet.
    Nothing,
    /// The answer, complete.
    Answer(Range<usize>),
    /// The place where frames begin is lost (Modbus TCP); only a new connection helps.
    Lost,
}

impl Question {
    /// Understands a question. `None` for anything but a read (functions 1 to 4) of 1 to 250 bytes of data: nothing else
    /// may leave the gateway.
    pub(crate) fn read(framing: Framing, wire: &[u8]) -> Option<Self> {
        let (transaction, pdu) = match (framing, wire) {
            (Framing::Mbap, [t0, t1, 0, 0, 0, 6, pdu @ ..]) => ([*t0, *t1], pdu),
            (Framing::Rtu, [pdu @ .., _, _]) if crc_is_right(wire) => ([0, 0], pdu),
            _ => return None,
        };
        let [unit, function, _, _, c0, c1] = *pdu else { return None };
        let count = usize::from(u16::from_be_bytes([c0, c1]));
        let data_bytes = match function {
            1 | 2 => count.div_ceil(8),
            3 | 4 => count * 2,
            _ => return None,
        };
        (1..=250).contains(&data_bytes).then(|| Self { framing, wire: wire.to_vec(), transaction, unit, function, data_bytes })
    }

    /// Looks for the answer.
    pub(crate) fn find(&self, heard: &[u8]) -> Found {
        match self.framing {
            Framing::Rtu => (0..heard.len())
                .find_map(|at| self.answer_len(&heard[at..]).map(|len| Found::Answer(at..at + len)))
                .unwrap_or(Found::Nothing),
            Framing::Mbap => {
                let mut at = 0;
                loop {
                    match mbap_len(&heard[at..]) {
                        Some(0) => return Found::Lost,
                        None => return Found::Nothing,
                        Some(len) if self.is_mbap_answer(&heard[at..at + len]) => return Found::Answer(at..at + len),
                        Some(len) => at += len,
                    }
                }
            }
        }
    }

    /// Names everything in `heard`, none of which is the answer: one fault per frame, one per stretch of junk.
    pub(crate) fn faults(&self, heard: &[u8]) -> Vec<Fault> {
        match self.framing {
            Framing::Rtu => rtu_faults(heard, |frame| self.rtu_fault(frame)),
            Framing::Mbap => {
                let mut faults = Vec::new();
                let mut rest = heard;
                while let Some(len @ 1..) = mbap_len(rest) {
                    faults.push(self.mbap_fault(&rest[..len]));
                    rest = &rest[len..];
                }
                faults.extend((!rest.is_empty()).then_some(Fault::Malformed));
                faults
            }
        }
    }

    /// Length of the RTU answer that starts here.
    fn answer_len(&self, heard: &[u8]) -> Option<usize> {
        let len = match heard {
            [unit, function, bytes, ..] if *unit == self.unit && *function == self.function && usize::from(*bytes) == self.data_bytes => {
                5 + self.data_bytes
            }
            [unit, function, ..] if *unit == self.unit && *function == self.function | 0x80 => 5,
            _ => return None,
        };
        heard.get(..len).is_some_and(crc_is_right).then_some(len)
    }

    fn rtu_fault(&self, frame: &[u8]) -> Fault {
        let ours = frame[0] == self.unit && frame[1] & 0x7f == self.function;
        if ours && frame != self.wire { Fault::Malformed } else { Fault::Foreign }
    }

    fn is_mbap_answer(&self, frame: &[u8]) -> bool {
        frame[..2] == self.transaction
            && match &frame[6..] {
                [unit, function, bytes, data @ ..] if *function == self.function => {
                    *unit == self.unit && usize::from(*bytes) == self.data_bytes && data.len() == self.data_bytes
                }
                [unit, function, _] => *unit == self.unit && *function == self.function | 0x80,
                _ => false,
            }
    }

    fn mbap_fault(&self, frame: &[u8]) -> Fault {
        let ours = frame[..2] == self.transaction && frame[6] == self.unit && frame[7] & 0x7f == self.function;
        if ours { Fault::Malformed } else { Fault::Foreign }
    }
}

/// Names what was heard while nothing had been asked: a whole frame came too late, anything else is junk.
pub(crate) fn unasked(heard: &[u8]) -> Vec<Fault> {
    rtu_faults(heard, |_| Fault::Late)
}

/// CRC-16/MODBUS (Modbus over serial line V1.02, 6.2.2), low byte first on the wire.
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    bytes
        .iter()
        .fold(0xFFFF, |crc, byte| (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 }))
}

/// Whether the last two bytes are the checksum of the others.
pub(crate) fn crc_is_right(frame: &[u8]) -> bool {
    matches!(frame.split_last_chunk::<2>(), Some((body, crc)) if !body.is_empty() && crc16(body) == u16::from_le_bytes(*crc))
}

fn rtu_faults(heard: &[u8], fault_of: impl Fn(&[u8]) -> Fault) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut rest = heard;
    let mut in_junk = false;
    while !rest.is_empty() {
        let len = rtu_len(rest);
        match len {
            Some(len) => faults.push(fault_of(&rest[..len])),
            None if !in_junk => faults.push(Fault::Malformed),
            None => {}
        }
        in_junk = len.is_none();
        rest = &rest[len.unwrap_or(1)..];
    }
    faults
}

/// Length of the RTU frame that starts here: an answer to a read, a refusal, or a question (ours come back from an
/// adapter that echoes).
fn rtu_len(heard: &[u8]) -> Option<usize> {
    let answer = match heard {
        [_, 1..=4, bytes, ..] => Some(5 + usize::from(*bytes)),
        [_, 0x80..=0xFF, ..] => Some(5),
        _ => None,
    };
    [answer, Some(8)].into_iter().flatten().find(|len| heard.get(..*len).is_some_and(crc_is_right))
}

/// Length of the Modbus TCP frame that starts here; 0 if no frame can start like this.
fn mbap_len(heard: &[u8]) -> Option<usize> {
    let [_, _, p0, p1, l0, l1, ..] = *heard else { return None };
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    if [p0, p1] != [0, 0] || !(3..=254).contains(&len) {
        return Some(0);
    }
    (heard.len() >= 6 + len).then_some(6 + len)
}

#[cfg(test)]
mod tests;
