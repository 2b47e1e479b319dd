//! How one device model speaks: registers, serial frames or JSON fields to points. Data from TOML, never code.

mod frame;
mod message;
mod order;
mod registers;
mod types;

pub use crate::profiles::{builtin, builtin_ids, builtin_text, hex_of, to_csv, to_toml};
pub use frame::{Check, Coding, Cut, Field, FrameMap, FramePoint, Packing, Template};
pub use message::{Format, ListUse, Mapped, Message, MessageField, MessageKind, MqttMap, PartOf, TimeFormat, When};
pub use order::ByteOrder;
pub use registers::{Expect, Golden, Mark, ModbusMap, RegisterPoint, SerialDefaults, Span, StatusCheck, Table};
pub use types::{Encoding, Group, Layout, Polarity, RegisterType};

use crate::device::Kind;
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
    /// Messages of an MQTT broker.
    Mqtt(MqttMap),
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
            Self::Mqtt(_) => "mqtt",
            Self::Internal => "internal",
        }
    }

    /// Points that are mapped.
    #[must_use]
    pub fn point_count(&self) -> usize {
        match self {
            Self::Modbus(map) => map.points.len(),
            Self::Frame(map) => map.points.len(),
            Self::Mqtt(map) => map.messages.iter().map(|message| message.fields.len()).sum(),
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
