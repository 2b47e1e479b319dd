//! The words of an MQTT dialect: which topic, how the body is written, where in it each value stands, what it means.

use crate::series::Point;

/// How a model speaks on a broker.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttMap {
    /// Its messages. Where several share a topic, the first whose [`Message::when`] holds is meant.
    pub messages: Vec<Message>,
}

/// What a message stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A snapshot of the device.
    Telemetry,
    /// Something that happened at one moment.
    Event,
    /// Birth and last will: with fields, what they say; without, `online` / `offline` as plain text.
    Status,
}

/// How a body is written. Bodies compressed with gzip or zstd are known by their first bytes, whatever the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// JSON (RFC 8259).
    #[default]
    Json,
    /// CBOR (RFC 8949); pointers as in JSON.
    Cbor,
    /// One value as text; its pointer is empty.
    Plain,
    /// An EVA-DTS (DEX) audit file; fields are given by segment and position: `/VA1/02`, `/PA1/*/01`.
    Dts,
    /// Sparkplug B; a field's pointer is `/` and the metric's name, which may hold `/`.
    Sparkplug,
}

/// One message of a dialect.
///
/// Where a *place* is asked for it is a JSON pointer (`/a/b`), or `{name}` for a level of the topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What it stands for.
    pub kind: MessageKind,
    /// How the body is written.
    pub format: Format,
    /// Topic template: levels with the parts `{site}`, `{kind}`, `{device}`, which the configuration knows; whole levels
    /// `{name}` of any other name, which the places below can refer to; `+` for levels that do not matter.
    pub topic: Box<str>,
    /// Quality of service that is subscribed with: 0 or 1.
    pub qos: u8,
    /// Place of the device's name, on a topic that several devices share (which then has no `{device}`).
    pub device: Option<Box<str>>,
    /// All of them must hold for the message to be this one.
    pub when: Vec<When>,
    /// JSON pointer of the device's time stamp, if it sends one.
    pub time: Option<Box<str>>,
    /// How that is written.
    pub time_format: TimeFormat,
    /// JSON pointer that must equal the device's topic id, if the payload repeats it.
    pub id: Option<Box<str>>,
    /// JSON pointer of an event's own id. Only a short hash of it is kept, and only here.
    pub key: Option<Box<str>>,
    /// JSON pointer of the number that grows by one with every message of the device; jumps are counted as lost messages.
    pub seq: Option<Box<str>>,
    /// JSON pointer of what tells a parcel from all others. Never kept: it only links a pick-up to its deposit, in memory,
    /// as a keyed hash.
    pub parcel: Option<Box<str>>,
    /// The part that all readings of the message are about; for an event, its type.
    pub part: Option<PartOf>,
    /// JSON pointers that must be present.
    pub required: Vec<Box<str>>,
    /// JSON pointers that may be present and are not used (schema version, stock keeping unit).
    pub ignored: Vec<Box<str>>,
    /// JSON pointers of texts that are JSON themselves; pointers go on inside them.
    pub nested: Vec<Box<str>>,
    /// JSON pointer of a map from field path to quality, if the payload has one (cabinet schema `quality`).
    pub quality: Option<Box<str>>,
    /// Fields to points. Anything else in the payload is dropped at decode and counted.
    pub fields: Vec<MessageField>,
}

impl Message {
    /// A message of a topic, without anything in it.
    #[must_use]
    pub fn plain(kind: MessageKind, topic: &str) -> Self {
        Self {
            kind,
            format: Format::Json,
            topic: topic.into(),
            qos: 1,
            device: None,
            when: Vec::new(),
            time: None,
            time_format: TimeFormat::Auto,
            id: None,
            key: None,
            seq: None,
            parcel: None,
            part: None,
            required: Vec::new(),
            ignored: Vec::new(),
            nested: Vec::new(),
            quality: None,
            fields: Vec::new(),
        }
    }
}

/// A condition on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// Place of the value.
    pub place: Box<str>,
    /// What it must be, as text (`"4"` for the number 4).
    pub equals: Box<str>,
}

/// Where the name of a part comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartOf {
    /// Its place; or, without `/` and `{`, the name itself.
    pub place: Box<str>,
    /// The maker's words to ours. Empty: the name is taken as it is. Otherwise other words are not taken.
    pub values: Vec<(Box<str>, Box<str>)>,
}

impl From<&str> for PartOf {
    fn from(place: &str) -> Self {
        Self { place: place.into(), values: Vec::new() }
    }
}

/// How a time stamp is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// RFC 3339, or a number since 1970 whose size tells seconds from milliseconds, microseconds and nanoseconds.
    #[default]
    Auto,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
    /// Nanoseconds since 1970.
    Nanos,
    /// A text.
    Pattern {
        /// As for `strftime`: `%Y-%m-%d %H:%M:%S`.
        pattern: Box<str>,
        /// Time zone of texts that name none: `Asia/Shanghai`, `+08:00`.
        zone: Box<str>,
    },
}

/// One field of a payload.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageField {
    /// Its pointer. One `*` may stand for every element of an array or every key of an object.
    pub pointer: Box<str>,
    /// With `*` over an array: the member that names the part (lane number); over an object the key is the name.
    /// Without `*`: the name of the part itself.
    pub part: Option<Box<str>>,
    /// What it is.
    pub point: Point,
    /// value = raw × scale + offset
    pub scale: f64,
    /// See `scale`.
    pub offset: f64,
    /// Lowest and highest believable value.
    pub range: Option<(f64, f64)>,
    /// Words a text may be.
    pub words: Vec<Box<str>>,
    /// The maker's words or codes, as text, to values. Empty: the value is taken as it is.
    pub values: Vec<(Box<str>, Mapped)>,
    /// Words or codes that say nothing about this point: no value, and no fault either.
    pub silent: Vec<Box<str>>,
    /// Numbers may come as text (`"-18.5"`), whole ones with decimals that are nought (`41.0`), yes and no as 0 and 1, on and off,
    /// true and false, in any case.
    pub loose: bool,
    /// The value is a list, and this is made of it.
    pub list: Option<ListUse>,
}

impl MessageField {
    /// A field that is taken as it is.
    #[must_use]
    pub fn plain(pointer: &str, point: Point) -> Self {
        Self {
            pointer: pointer.into(),
            part: None,
            point,
            scale: 1.0,
            offset: 0.0,
            range: None,
            words: Vec::new(),
            values: Vec::new(),
            silent: Vec::new(),
            loose: false,
            list: None,
        }
    }
}

/// What a word of the maker stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Mapped {
    /// Yes or no.
    Bool(bool),
    /// A count or code.
    Int(i64),
    /// A quantity.
    Float(f64),
    /// A word.
    Text(Box<str>),
}

/// What is made of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListUse {
    /// Whether there is anything in it; for yes and no.
    Any,
    /// How much is in it; for whole numbers.
    Count,
}
