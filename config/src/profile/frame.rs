//! The words of a serial board that does not speak Modbus: one question, one answer, bits in between. Queries only.

use super::{Golden, Polarity, SerialDefaults};
use crate::series::{Part, Point};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How a board is asked for all its channels at once.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameMap {
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// How long the board usually thinks before it answers.
    pub turnaround: Duration,
    /// How the maker sets its serial port.
    pub serial: Option<SerialDefaults>,
    /// Board addresses that exist.
    pub units: RangeInclusive<u8>,
    /// Channels (locks) of the board; a device may say that it uses fewer.
    pub channels: u16,
    /// The question.
    pub ask: Template,
    /// The answer.
    pub answer: Template,
    /// How the channels lie in the answer's data.
    pub packing: Packing,
    /// Frames from a manual or a live bus.
    pub golden: Vec<Golden>,
    /// What a technician has to know. Empty if nothing.
    pub quirks: Box<str>,
    /// Channels to points.
    pub points: Vec<FramePoint>,
}

/// A frame with blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(pub Vec<Field>);

impl fmt::Display for Template {
    /// As profiles write it: literal bytes, blanks in braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_text = self.0.iter().any(|field| matches!(field, Field::Unit(Coding::Decimal) | Field::Check(Check::CrcHex)));
        for field in &self.0 {
            match field {
                Field::Bytes(bytes) if is_text => write!(f, "{}", bytes.escape_ascii())?,
                Field::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))?,
                Field::Unit(_) => f.write_str("{unit}")?,
                Field::Length => f.write_str("{len}")?,
                Field::Count => f.write_str("{count}")?,
                Field::Data(Cut::Rest) => f.write_str("{data}")?,
                Field::Data(Cut::Bytes(bytes)) => write!(f, "{{data:{bytes}}}")?,
                Field::Check(Check::Xor) => f.write_str("{xor}")?,
                Field::Check(Check::Sum) => f.write_str("{sum}")?,
                Field::Check(Check::CrcHex) => f.write_str("{crc}")?,
            }
        }
        Ok(())
    }
}

/// A piece of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The board's address.
    Unit(Coding),
    /// Length of the whole frame in bytes, one byte.
    Length,
    /// How many channels the data tells about, one byte; each has a byte of the data.
    Count,
    /// The channels.
    Data(Cut),
    /// A checksum over everything before it.
    Check(Check),
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// One byte.
    Byte,
    /// Decimal digits.
    Decimal,
}

/// Where the channels end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// After so many bytes.
    Bytes(u16),
    /// Where the rest of the template begins; as long as the frame's length field says, if it has one.
    Rest,
}

/// A checksum of a serial frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// All bytes before it, combined with exclusive or; one byte.
    Xor,
    /// The low byte of their sum.
    Sum,
    /// CRC-16/MODBUS as four hexadecimal digits, upper case, high byte first; the `*` that announces it does not count.
    CrcHex,
}

/// How channels lie in data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// A bit each, eight to a byte, lowest bit first; the first channels in the first byte.
    BitsFirst,
    /// A bit each, eight to a byte, lowest bit first; the first channels in the last byte.
    BitsLast,
    /// A byte each.
    Bytes,
    /// A character each, `0` or `1`.
    Digits,
    /// Numbers with commas in between.
    List,
}

/// What is made of the channels.
#[derive(Debug, Clone, PartialEq)]
pub struct FramePoint {
    /// What it is: a count of channels for a whole number, one channel for yes or no.
    pub point: Point,
    /// Of which part of the device.
    pub part: Part,
    /// Which channel, from 1; 0 for all of them together.
    pub channel: u16,
    /// What a channel that is not zero says.
    pub polarity: Polarity,
}
