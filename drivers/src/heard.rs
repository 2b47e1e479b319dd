//! What the messages of one broker showed besides readings, for people: devices nobody declared, places in payloads whose
//! values were dropped, messages that could not be decoded.
//!
//! Never holds a value of a payload. Bounded: [`STRANGERS_MAX`], [`DROPPED_PLACES_MAX`], [`LETTER_BYTES_MAX`]; names that come
//! out of payloads are cut and made harmless before they are kept.
//!
//! [`STRANGERS_MAX`]: facility_config::limits::STRANGERS_MAX
//! [`DROPPED_PLACES_MAX`]: facility_config::limits::DROPPED_PLACES_MAX
//! [`LETTER_BYTES_MAX`]: facility_config::limits::LETTER_BYTES_MAX

use crate::fault::Fault;
use facility_config::DeviceIx;

/// One broker's, published about once a second when it has changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    /// Devices that are not in the configuration, by id.
    pub strangers: Vec<Stranger>,
    /// Places whose values were dropped, the most recent first.
    pub places: Vec<DroppedPlace>,
}

/// A device that is not in the configuration: enough to adopt it, never a value it sent.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Stranger {
    /// Its name in topics or payloads; what `topic_id` has to be.
    pub id: Box<str>,
    /// The topic it was last heard on.
    pub topic: Box<str>,
    /// The model whose topic it is.
    pub profile: Box<str>,
    /// Unix ms.
    pub first_ms: i64,
    /// Unix ms.
    pub last_ms: i64,
    /// Messages since it was first heard.
    pub messages: u64,
    /// Places in its last payload with the type of what stands there: `/temps/air number`.
    pub shape: Vec<Box<str>>,
}

/// A place in the payloads of a device whose values are dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct DroppedPlace {
    /// Whose.
    pub device: DeviceIx,
    /// Pointer, or topic template where the body is one value; empty for messages that were refused as a whole. Of fields the profile does not name the last part may be a hash, `/~5f2a01c3`, if the name itself may be
    /// personal.
    pub place: Box<str>,
    /// Why.
    pub fault: Fault,
    /// Values since start.
    pub count: u64,
    /// Unix ms.
    pub first_ms: i64,
    /// Unix ms.
    pub last_ms: i64,
}

/// A message that was refused as a whole, on its way to the dead letters.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Time of receipt, Unix ms.
    pub at_ms: i64,
    /// Name of the broker.
    pub broker: Box<str>,
    /// Topic.
    pub topic: Box<str>,
    /// Whose it is, if that is known.
    pub device: Option<DeviceIx>,
    /// Why it was refused.
    pub fault: Fault,
    /// Its size as it came, bytes.
    pub bytes: usize,
    /// What may be kept of it; see [`MessageDecoder::redact`](crate::decode::message::MessageDecoder::redact).
    pub body: String,
    /// Whether `body` is the whole message, so that it can be decoded again.
    pub is_whole: bool,
}
