//! How one device model speaks: registers, serial frames or JSON fields to points. Data from TOML, never code.

mod frame;
mod order;
mod registers;
mod types;

pub use crate::profiles::{builtin, builtin_ids, builtin_text, hex_of, to_csv, to_toml};
pub use frame::{Check, Coding, Cut, Field, FrameMap, FramePoint, Packing, Template};
pub use order::ByteOrder;
pub use registers::{Expect, Golden, Mark, ModbusMap, RegisterPoint, SerialDefaults, Span, StatusCheck, Table};
pub use types::{Encoding, Group, Layout, Polarity, RegisterType};

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
    /// Who makes it.
    pub maker: Box<str>,
    /// What the maker calls it.
    pub model: Box<str>,
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
    /// Frames of a serial board that does not speak Modbus.
    Frame(FrameMap),
    /// JSON payloads.
    Json(JsonMap),
    /// The gateway's own figures; no wire.
    Internal,
}

impl Dialect {
    /// Word in profiles and commands.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Modbus(_) => "modbus",
            Self::Frame(_) => "frame",
            Self::Json(_) => "json",
            Self::Internal => "internal",
        }
    }

    /// Points that are mapped.
    #[must_use]
    pub fn point_count(&self) -> usize {
        match self {
            Self::Modbus(map) => map.points.len(),
            Self::Frame(map) => map.points.len(),
            Self::Json(map) => map.messages.iter().map(|message| message.fields.len()).sum(),
            Self::Internal => 0,
        }
    }
}

impl Profile {
    /// Maker and model, for people.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.maker, self.model)
    }
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
