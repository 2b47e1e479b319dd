//! What a question looks like on a line, and which bytes are its answer. Pure.
//!
//! The only place where a frame is put together, and it can put together reads only: functions 1 to 4, by table. An
//! answer is one only if transaction, unit, function, byte count and checksum are all right; whatever else was heard is
//! named, for the counters. tokio-modbus gives the names of functions and exceptions; its client is not used, because it
//! takes late and short answers for right ones (CRATES §3), and knows neither ASCII nor frames of other makers.

use crate::fault::Fault;
use crate::plan::Request;
use facility_config::profile::Table;
use facility_config::site::Framing;
use std::ops::Range;
use tokio_modbus::FunctionCode;

/// Unit, function, byte count and checksum around the data of an RTU answer.
const RTU_AROUND: usize = 5;
/// Bytes of an RTU refusal, and of an RTU read question.
const RTU_REFUSAL: usize = 5;
const RTU_QUESTION: usize = 8;
/// Header of Modbus TCP without the unit (Modbus messaging on TCP/IP V1.0b, 3.1.3).
const HEADER: usize = 6;
/// A transaction this far back is one of ours, given up before.
const TRANSACTIONS_BACK: u16 = 64;

/// A read question as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    framing: Framing,
    wire: Vec<u8>,
    transaction: u16,
    unit: u8,
    function: u8,
    data_bytes: usize,
    count: usize,
}

/// What was heard so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// No answer yet.
    Nothing,
    /// The answer, complete; what is before it is something else.
    Answer(Range<usize>),
    /// The place where frames begin is lost (Modbus TCP); only a new connection helps.
    Lost,
}

impl Question {
    /// The question for a request. `transaction` travels on Modbus TCP only.
    pub(crate) fn new(framing: Framing, unit: u8, request: &Request, transaction: u16) -> Self {
        let function = function(request.table).value();
        let [a0, a1] = request.address.to_be_bytes();
        let [c0, c1] = request.count.to_be_bytes();
        let body = [unit, function, a0, a1, c0, c1];
        let (data_bytes, count) = (request.data_bytes(), usize::from(request.count));
        Self { framing, wire: enclose(framing, transaction, &body), transaction, unit, function, data_bytes, count }
    }

    /// As it goes out.
    pub(crate) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Bytes of a right answer on the wire.
    pub(crate) fn answer_len(&self) -> usize {
        match self.framing {
            Framing::Tcp => HEADER + 3 + self.data_bytes,
            Framing::Rtu => RTU_AROUND + self.data_bytes,
            Framing::Ascii => 1 + 2 * (4 + self.data_bytes) + 2,
        }
    }

    /// Looks for the answer.
    pub(crate) fn find(&self, heard: &[u8]) -> Found {
        match self.framing {
            Framing::Tcp => self.find_tcp(heard),
            Framing::Rtu => {
                let found = (0..heard.len()).find_map(|at| Some(at..at + self.rtu_answer_len(&heard[at..])?));
                found.map_or(Found::Nothing, Found::Answer)
            }
            Framing::Ascii => {
                let right = |line: &Range<usize>| unascii(&heard[line.clone()]).is_ok_and(|body| self.is_answer(&body));
                lines(heard).find(right).map_or(Found::Nothing, Found::Answer)
            }
        }
    }

    /// What the answer says: registers, or bits as words of 0 and 1; the inner error is the exception code. Only for
    /// bytes that [`Question::find`] found.
    pub(crate) fn words(&self, answer: &[u8]) -> Result<Vec<u16>, u8> {
        let decoded;
        let body = match self.framing {
            Framing::Tcp => answer.get(HEADER..).unwrap_or_default(),
            Framing::Rtu => answer,
            Framing::Ascii => {
                decoded = unascii(answer).unwrap_or_default();
                &decoded
            }
        };
        match body {
            [_, function, code, ..] if *function == self.function | 0x80 => Err(*code),
            [_, _, _, data @ ..] if self.function <= 2 => {
                Ok((0..self.count).map(|bit| u16::from(data.get(bit / 8).copied().unwrap_or_default() >> (bit % 8) & 1)).collect())
            }
            [_, _, _, data @ ..] => {
                Ok(data[..self.data_bytes].chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
            }
            // Never: an answer has a unit, a function and a byte count.
            _ => Ok(vec![0; self.count]),
        }
    }

    /// Whether an answer to this question has arrived at full length, but damaged: nothing better will come.
    pub(crate) fn damaged(&self, heard: &[u8]) -> bool {
        // Our own question, come back, is no answer of any kind.
        let heard = heard.strip_prefix(&*self.wire).unwrap_or(heard);
        match self.framing {
            Framing::Tcp => false,
            Framing::Rtu => (0..heard.len()).any(|at| self.is_damaged_rtu(&heard[at..])),
            Framing::Ascii => lines(heard).any(|line| unascii(&heard[line]).is_err()),
        }
    }

    /// Names everything in bytes that hold no answer.
    pub(crate) fn faults(&self, heard: &[u8]) -> Vec<Fault> {
        match self.framing {
            Framing::Tcp => self.tcp_faults(heard),
            Framing::Rtu => self.rtu_faults(heard),
            Framing::Ascii => ascii_faults(heard, |line, body| if line == self.wire { Fault::Echoed } else { self.fault_of(body) }),
        }
    }

    /// Whether unit, function and byte count are those of the answer, or it is a refusal of this question. Without
    /// checksum.
    fn is_answer(&self, body: &[u8]) -> bool {
        match body {
            [unit, function, bytes, data @ ..] if *function == self.function => {
                *unit == self.unit && usize::from(*bytes) == self.data_bytes && data.len() == self.data_bytes
            }
            [unit, function, _] => *unit == self.unit && *function == self.function | 0x80,
            _ => false,
        }
    }

    /// What a whole frame is that is not the answer.
    fn fault_of(&self, body: &[u8]) -> Fault {
        match body {
            [unit, function, ..] if *unit == self.unit && function & 0x7f == self.function => Fault::WrongLength,
            _ => Fault::Foreign,
        }
    }

    fn find_tcp(&self, heard: &[u8]) -> Found {
        let mut at = 0;
        while let Some(len) = tcp_len(&heard[at..]) {
            if len == 0 {
                return Found::Lost;
            }
            let frame = &heard[at..at + len];
            if frame[..2] == self.transaction.to_be_bytes() && self.is_answer(&frame[HEADER..]) {
                return Found::Answer(at..at + len);
            }
            at += len;
        }
        Found::Nothing
    }

    fn tcp_faults(&self, heard: &[u8]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut rest = heard;
        while let Some(len @ 1..) = tcp_len(rest) {
            faults.push(self.tcp_fault(&rest[..len]));
            rest = &rest[len..];
        }
        let cut_off = rest.len() >= 2 && rest[..2] == self.transaction.to_be_bytes() && tcp_len(rest).is_none();
        faults.extend((!rest.is_empty()).then_some(if cut_off { Fault::Truncated } else { Fault::Malformed }));
        faults
    }

    fn tcp_fault(&self, frame: &[u8]) -> Fault {
        let transaction = u16::from_be_bytes([frame[0], frame[1]]);
        match self.transaction.wrapping_sub(transaction) {
            0 => self.fault_of(&frame[HEADER..]),
            1..=TRANSACTIONS_BACK => Fault::Late,
            _ => Fault::Foreign,
        }
    }

    /// Length of the RTU answer that starts here.
    fn rtu_answer_len(&self, heard: &[u8]) -> Option<usize> {
        let len = match heard {
            [unit, function, bytes, ..] if *unit == self.unit && *function == self.function && usize::from(*bytes) == self.data_bytes => {
                RTU_AROUND + self.data_bytes
            }
            [unit, function, ..] if *unit == self.unit && *function == self.function | 0x80 => RTU_REFUSAL,
            _ => return None,
        };
        heard.get(..len).is_some_and(crc_is_right).then_some(len)
    }

    fn is_damaged_rtu(&self, heard: &[u8]) -> bool {
        let begins = matches!(heard, [unit, function, bytes, ..]
            if *unit == self.unit && *function == self.function && usize::from(*bytes) == self.data_bytes);
        begins && heard.len() >= RTU_AROUND + self.data_bytes && !crc_is_right(&heard[..RTU_AROUND + self.data_bytes])
    }

    fn rtu_faults(&self, heard: &[u8]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut rest = heard;
        let mut in_junk = false;
        while !rest.is_empty() {
            let (fault, len) = self.rtu_fault(rest);
            if fault != Fault::Malformed || !in_junk {
                faults.push(fault);
            }
            in_junk = fault == Fault::Malformed;
            rest = &rest[len.min(rest.len())..];
        }
        faults
    }

    /// What starts here, and its length.
    fn rtu_fault(&self, heard: &[u8]) -> (Fault, usize) {
        if heard.starts_with(&self.wire) {
            return (Fault::Echoed, self.wire.len());
        }
        if let Some(len) = rtu_len(heard) {
            return (self.fault_of(&heard[..len - 2]), len);
        }
        if self.is_damaged_rtu(heard) {
            return (Fault::BadChecksum, RTU_AROUND + self.data_bytes);
        }
        let cut_off = matches!(heard, [unit, function, bytes, ..]
            if *unit == self.unit && *function == self.function && usize::from(*bytes) == self.data_bytes);
        if cut_off { (Fault::Truncated, heard.len()) } else { (Fault::Malformed, 1) }
    }
}

/// Names what was heard while nothing had been asked, or after the answer. `last` is the last answer taken.
pub(crate) fn unasked(framing: Framing, heard: &[u8], last: &[u8]) -> Vec<Fault> {
    let name = |frame: &[u8]| if frame == last { Fault::Doubled } else { Fault::Late };
    match framing {
        Framing::Tcp => {
            let (mut faults, mut rest) = (Vec::new(), heard);
            while let Some(len @ 1..) = tcp_len(rest) {
                faults.push(name(&rest[..len]));
                rest = &rest[len..];
            }
            faults.extend((!rest.is_empty()).then_some(Fault::Malformed));
            faults
        }
        Framing::Rtu => {
            let (mut faults, mut rest, mut in_junk) = (Vec::new(), heard, false);
            while !rest.is_empty() {
                let len = rtu_len(rest);
                match len {
                    Some(len) => faults.push(name(&rest[..len])),
                    None if !in_junk => faults.push(Fault::Malformed),
                    None => {}
                }
                in_junk = len.is_none();
                rest = &rest[len.unwrap_or(1)..];
            }
            faults
        }
        Framing::Ascii => ascii_faults(heard, |line, _| name(line)),
    }
}

/// The function that reads a table: the only four functions this crate can ask for.
fn function(table: Table) -> FunctionCode {
    match table {
        Table::Coil => FunctionCode::ReadCoils,
        Table::Discrete => FunctionCode::ReadDiscreteInputs,
        Table::Holding => FunctionCode::ReadHoldingRegisters,
        Table::Input => FunctionCode::ReadInputRegisters,
    }
}

/// Puts unit, function and data into a frame.
pub(crate) fn enclose(framing: Framing, transaction: u16, body: &[u8]) -> Vec<u8> {
    match framing {
        Framing::Tcp => {
            let ([t0, t1], [l0, l1]) = (transaction.to_be_bytes(), (body.len() as u16).to_be_bytes());
            [&[t0, t1, 0, 0, l0, l1], body].concat()
        }
        Framing::Rtu => [body, &crc16(body).to_le_bytes()].concat(),
        Framing::Ascii => {
            let digits = body.iter().copied().chain([lrc(body)]).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
            [b':'].into_iter().chain(digits).chain(*b"\r\n").collect()
        }
    }
}

/// CRC-16/MODBUS (Modbus over serial line V1.02, 6.2.2), low byte first on the wire.
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| crc >> 8 ^ CRC[usize::from((crc ^ u16::from(*byte)) & 0xFF)])
}

/// Whether the last two bytes are the checksum of the others.
pub(crate) fn crc_is_right(frame: &[u8]) -> bool {
    matches!(frame.split_last_chunk::<2>(), Some((body, crc)) if !body.is_empty() && crc16(body) == u16::from_le_bytes(*crc))
}

/// Remainders of every byte.
const CRC: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u16, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// Longitudinal redundancy check (Modbus over serial line V1.02, 6.2.1).
fn lrc(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

fn digit(nibble: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(nibble & 15)]
}

/// Frames of Modbus ASCII, from the colon to the line feed.
fn lines(heard: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let end = at + heard.get(at..)?.iter().position(|byte| *byte == b'\n')? + 1;
        // A colon begins a frame anew, wherever it stands (Modbus over serial line V1.02, 2.5.2.1).
        let start = heard[at..end].iter().rposition(|byte| *byte == b':').map_or(at, |colon| at + colon);
        at = end;
        Some(start..end)
    })
}

/// Unit, function and data of a line of Modbus ASCII.
fn unascii(line: &[u8]) -> Result<Vec<u8>, Fault> {
    let digits = line.strip_prefix(b":").and_then(|line| line.strip_suffix(b"\r\n")).ok_or(Fault::Malformed)?;
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| Some((nibble(pair[0])? << 4 | nibble(*pair.get(1)?)?) as u8);
    let mut body = digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>().ok_or(Fault::Malformed)?;
    match body.pop() {
        Some(check) if !body.is_empty() && check == lrc(&body) => Ok(body),
        _ => Err(Fault::BadChecksum),
    }
}

fn ascii_faults(heard: &[u8], name: impl Fn(&[u8], &[u8]) -> Fault) -> Vec<Fault> {
    let mut end = 0;
    let mut faults: Vec<Fault> = lines(heard)
        .map(|line| {
            end = line.end;
            let line = &heard[line];
            unascii(line).map_or_else(|fault| fault, |body| name(line, &body))
        })
        .collect();
    let rest = &heard[end..];
    faults.extend((!rest.is_empty()).then_some(if rest.contains(&b':') { Fault::Truncated } else { Fault::Malformed }));
    faults
}

/// Length of the RTU frame that starts here: an answer to a read, a refusal, or a question (ours come back from an
/// adapter that echoes).
fn rtu_len(heard: &[u8]) -> Option<usize> {
    let answer = match heard {
        [_, 1..=4, bytes, ..] => Some(RTU_AROUND + usize::from(*bytes)),
        [_, 0x80..=0xFF, ..] => Some(RTU_REFUSAL),
        _ => None,
    };
    [answer, Some(RTU_QUESTION)].into_iter().flatten().find(|len| heard.get(..*len).is_some_and(crc_is_right))
}

/// Length of the Modbus TCP frame that starts here; 0 if no frame can start like this.
fn tcp_len(heard: &[u8]) -> Option<usize> {
    let [_, _, p0, p1, l0, l1, ..] = *heard else { return None };
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    if [p0, p1] != [0, 0] || !(3..=254).contains(&len) {
        return Some(0);
    }
    (heard.len() >= HEADER + len).then_some(HEADER + len)
}

#[cfg(test)]
mod tests;
