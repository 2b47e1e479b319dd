//! How one device model speaks: registers or JSON fields to points. Data from TOML, never code.

pub use crate::profiles::{builtin, builtin_ids};

use crate::device::Kind;
use crate::series::Point;
use std::time::Duration;

/// One device model.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Name that devices refer to, e.g. `danfoss-ekc202d`.
    pub id: Box<str>,
    /// What it is a profile of.
    pub kind: Kind,
    /// Maker and model, for people.
    pub title: Box<str>,
    /// Where its addresses or fields come from (manual, standard).
    pub origin: Box<str>,
    /// Expected time between readings unless the device says otherwise.
    pub interval: Duration,
    /// How it is read.
    pub dialect: Dialect,
}

/// The language a model speaks.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialect {
    /// Registers.
    Modbus(ModbusMap),
    /// JSON payloads.
    Json(JsonMap),
    /// The gateway's own figures; no wire.
    Internal,
}

/// Register map of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusMap {
    /// Most registers one request may ask for; 1 for controllers that refuse blocks.
    pub registers_max: u16,
    /// Unused registers that may be read along to save a request.
    pub gap_max: u16,
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// Registers to points.
    pub points: Vec<RegisterPoint>,
}

/// Which table a register lives in; decides the function code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
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

/// How the bits of a value lie in its registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterType {
    /// One bit: a coil, a discrete input, or a register that is not zero.
    Bool,
    /// One register, unsigned.
    U16,
    /// One register, two's complement.
    I16,
    /// Two registers, unsigned.
    U32,
    /// Two registers, two's complement.
    I32,
    /// Two registers, IEEE 754 single.
    F32,
}

impl RegisterType {
    /// Registers (or bits) it takes.
    #[must_use]
    pub fn width(self) -> u16 {
        match self {
            Self::Bool | Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
        }
    }
}

/// Order of the two registers of a 32-bit value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordOrder {
    /// High word first (ABCD), Modbus' own habit.
    #[default]
    HighFirst,
    /// Low word first (CDAB), e.g. PZEM-016.
    LowFirst,
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
    /// Where.
    pub table: Table,
    /// Protocol address, 0-based.
    pub address: u16,
    /// How.
    pub ty: RegisterType,
    /// For 32-bit types.
    pub order: WordOrder,
    /// value = raw × scale + offset
    pub scale: f64,
    /// value = raw × scale + offset
    pub offset: f64,
    /// Raw values (as unsigned of the type's width) that mean "no valid measurement".
    pub invalid: Vec<u32>,
    /// Raw value to word, for points of type text.
    pub map: Vec<(i64, Box<str>)>,
    /// Lowest and highest believable value, in the point's unit; outside it is `out_of_range`.
    pub range: Option<(f64, f64)>,
    /// Where the controller says that the value is not valid.
    pub status: Option<StatusCheck>,
}

/// Field map of a JSON payload.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonMap {
    /// What a message of this shape is.
    pub messages: Vec<JsonMessage>,
}

/// What a message stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A snapshot of the device.
    Telemetry,
    /// Something that happened at one moment.
    Event,
    /// `online` / `offline` as plain text, retained, set as the last will.
    Status,
}

/// One message of a JSON dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonMessage {
    /// What it stands for.
    pub kind: MessageKind,
    /// Topic template with the parts `{site}`, `{kind}`, `{device}`; `+` for parts that do not matter.
    pub topic: Box<str>,
    /// JSON pointer of the device's time stamp, if it sends one.
    pub time: Option<Box<str>>,
    /// JSON pointer that must equal the device's topic id, if the payload repeats it.
    pub id: Option<Box<str>>,
    /// JSON pointer of an event's own id. Only a short hash of it is kept, and only here.
    pub key: Option<Box<str>>,
    /// JSON pointer of the part's name in an event (becomes the part of every reading of the message).
    pub part: Option<Box<str>>,
    /// JSON pointers that must be present.
    pub required: Vec<Box<str>>,
    /// JSON pointers that may be present and are not used (schema version, sequence number, stock keeping unit).
    pub ignored: Vec<Box<str>>,
    /// JSON pointer of a map from field path to quality, if the payload has one (cabinet schema `quality`).
    pub quality: Option<Box<str>>,
    /// Fields to points. Anything else in the payload is dropped at decode and counted.
    pub fields: Vec<JsonField>,
}

/// One field of a payload.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonField {
    /// JSON pointer. One `*` may stand for every element of an array or every key of an object.
    pub pointer: Box<str>,
    /// With `*` over an array: the member that names the part (lane number). Over an object the key is the name.
    pub part: Option<Box<str>>,
    /// What it is.
    pub point: Point,
    /// value = raw × scale
    pub scale: f64,
    /// Lowest and highest believable value.
    pub range: Option<(f64, f64)>,
    /// Words a text may be.
    pub words: Vec<Box<str>>,
}
