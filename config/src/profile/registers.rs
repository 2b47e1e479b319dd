//! The words of a Modbus register map: where a value lies, how its bits lie there, what they mean.

use super::{ByteOrder, Encoding, Group, Layout, Polarity, RegisterType};
use crate::limits::{MODBUS_BITS_MAX, MODBUS_REGISTERS_MAX};
use crate::series::{Part, Point};
use crate::site::Parity;
use std::time::Duration;

/// Register map of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusMap {
    /// Most registers one request may ask for, 1 to 125; 1 for controllers that refuse blocks.
    pub registers_max: u16,
    /// Most coils or discrete inputs one request may ask for, 1 to 2000.
    pub bits_max: u16,
    /// Unused registers (or bits) in a row that may be read along to save a request.
    pub gap_max: u16,
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// How long the device usually thinks before it answers; only the plan's arithmetic and the simulator use it.
    pub turnaround: Duration,
    /// Time between two reads of the points of [`Group::Slow`].
    pub slow: Duration,
    /// How the maker sets its serial port.
    pub serial: Option<SerialDefaults>,
    /// Addresses the device is known to refuse; never read along.
    pub unreadable: Vec<Span>,
    /// How a scan recognises the model: all of these hold. Empty: it cannot.
    pub fingerprint: Vec<Mark>,
    /// Frames from a manual or a live bus, checksum included.
    pub golden: Vec<Golden>,
    /// What a technician has to know: settings on the device, traps, doubts. Empty if nothing.
    pub quirks: Box<str>,
    /// Registers to points.
    pub points: Vec<RegisterPoint>,
}

impl ModbusMap {
    /// A map without limits of its own beyond the protocol's, without gaps, fingerprint and golden frames.
    #[must_use]
    pub fn plain(points: Vec<RegisterPoint>, timeout: Duration) -> Self {
        Self {
            registers_max: MODBUS_REGISTERS_MAX,
            bits_max: MODBUS_BITS_MAX,
            gap_max: 0,
            timeout,
            turnaround: Duration::ZERO,
            slow: Duration::from_secs(600),
            serial: None,
            unreadable: Vec::new(),
            fingerprint: Vec::new(),
            golden: Vec::new(),
            quirks: "".into(),
            points,
        }
    }
}

/// Settings of a device's serial port as it leaves the factory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SerialDefaults {
    /// Bits per second.
    pub baud: u32,
    /// Parity bit.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
}

/// Which table a register lives in; decides the function code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Function 1.
    Coil,
    /// Function 2.
    Discrete,
    /// Function 3.
    Holding,
    /// Function 4.
    Input,
}

impl Table {
    /// Every table, by function code.
    pub const ALL: [Self; 4] = [Self::Coil, Self::Discrete, Self::Holding, Self::Input];

    /// Word in profiles and commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coil => "coil",
            Self::Discrete => "discrete",
            Self::Holding => "holding",
            Self::Input => "input",
        }
    }

    /// Whether its addresses are single bits.
    #[must_use]
    pub fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }

    /// Most addresses one request may ask for (Modbus application protocol V1.1b3, 6.1 to 6.4).
    #[must_use]
    pub fn count_max(self) -> u16 {
        if self.is_bits() { MODBUS_BITS_MAX } else { MODBUS_REGISTERS_MAX }
    }
}

/// Addresses of one table, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
pub struct Span {
    /// Table.
    pub table: Table,
    /// First address, 0-based.
    pub first: u16,
    /// Last address.
    pub last: u16,
}

/// A status register beside a value: some controllers say there, not in the value, that a probe is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCheck {
    /// Protocol address, 0-based, same table as the value.
    pub address: u16,
    /// Bits that count.
    pub mask: u16,
    /// Masked value that means the value is not valid (`sensor_error`).
    pub bad: u16,
}

/// One value of a register map.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisterPoint {
    /// What it is.
    pub point: Point,
    /// Of which part of the device.
    pub part: Part,
    /// Where.
    pub table: Table,
    /// Protocol address, 0-based.
    pub address: u16,
    /// Registers (or bits, in the tables of bits) it takes.
    pub length: u16,
    /// How.
    pub ty: RegisterType,
    /// Bits of a [`RegisterType::Count`]; 0 for other types.
    pub bits: u16,
    /// Of its bytes on the wire.
    pub order: ByteOrder,
    /// Bits of the raw value that count, for whole numbers and yes or no. What is left is unsigned.
    pub mask: Option<u64>,
    /// Places the masked value is moved down.
    pub shift: u8,
    /// value = raw × scale + offset
    pub scale: f64,
    /// value = raw × scale + offset
    pub offset: f64,
    /// Decimals kept.
    pub round: Option<u8>,
    /// Raw values (as unsigned of the type's width, before mask and shift) that mean "no valid measurement".
    pub invalid: Vec<u64>,
    /// Raw value to word, for points of type text.
    pub map: Vec<(i64, Box<str>)>,
    /// For points of yes or no: raw values that mean yes. Empty: whatever is not zero.
    pub yes: Vec<i64>,
    /// For points of yes or no, and counts of bits.
    pub polarity: Polarity,
    /// Lowest and highest believable value, in the point's unit; outside it is `out_of_range`.
    pub range: Option<(f64, f64)>,
    /// Where the controller says that the value is not valid.
    pub status: Option<StatusCheck>,
    /// For texts.
    pub layout: Layout,
    /// For texts.
    pub encoding: Encoding,
    /// How often.
    pub group: Group,
    /// The maker's own name of the register (`PNU 2532 u17`); empty if it has none.
    pub origin: Box<str>,
}

impl RegisterPoint {
    /// A point of the whole device with the plainest reading of its registers: most significant byte first, no scale, no
    /// conditions. Types without a width of their own take one register.
    #[must_use]
    pub fn plain(point: Point, table: Table, address: u16, ty: RegisterType) -> Self {
        let length = ty.width().unwrap_or(1);
        Self {
            point,
            part: Part::WHOLE,
            table,
            address,
            length,
            ty,
            bits: 0,
            order: ByteOrder::big(usize::from(length) * 2),
            mask: None,
            shift: 0,
            scale: 1.0,
            offset: 0.0,
            round: None,
            invalid: Vec::new(),
            map: Vec::new(),
            yes: Vec::new(),
            polarity: Polarity::Set,
            range: None,
            status: None,
            layout: Layout::Both,
            encoding: Encoding::Ascii,
            group: Group::Fast,
            origin: "".into(),
        }
    }
}

/// Something that holds for a model and for few others.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Table to read.
    pub table: Table,
    /// Protocol address, 0-based.
    pub address: u16,
    /// Addresses to read.
    pub count: u16,
    /// What has to come back.
    pub expect: Expect,
}

/// What a read for a fingerprint has to bring.
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    /// A raw number (before scale) between these two, ends included.
    Number {
        /// How the bits lie.
        ty: RegisterType,
        /// In which order.
        order: ByteOrder,
        /// Lowest.
        low: f64,
        /// Highest.
        high: f64,
    },
    /// A refusal with this exception code.
    Refused(u8),
}

/// A question and, where it is known, its answer, as they were on a wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// RTU frame of the question, checksum included.
    pub question: Vec<u8>,
    /// RTU frame of the answer; empty if only the question is known.
    pub answer: Vec<u8>,
    /// What the answer says: point, part, and the value as text.
    pub values: Vec<(Point, Part, Box<str>)>,
    /// Where the frames were seen.
    pub origin: Box<str>,
}
