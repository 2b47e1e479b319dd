//! What a simulated device says: telemetry, events, register values. Bytes as the schemas of DOMAIN §3 want them.
//!
//! Carries nothing about people: no phone, no pickup code, no parcel number is ever made up here.

use super::day;
use crate::reading::{Metric, Value};
use serde_json::{Map, json};
use std::sync::Arc;

/// One utterance.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A message for the broker, QoS 1, not retained.
    Mqtt {
        /// Id of the device.
        device: Arc<str>,
        /// `scf/v1/{site}/{kind}/{device}/telemetry` or `…/event`.
        topic: String,
        /// JSON.
        payload: Vec<u8>,
    },
    /// What a unit answers from now on.
    Registers {
        /// Id of the device.
        device: Arc<str>,
        /// Which server, from 0.
        bus: usize,
        /// Unit id, 1 to 247.
        unit: u8,
        /// In the points' own units; the profile says how they lie in registers.
        values: Vec<(Metric, Value)>,
    },
}

/// What happened at a device: the words of the event schema that the fleet uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A courier put a parcel in.
    Deposit,
    /// A resident took one out.
    Pickup,
    /// The courier took one back.
    ReturnToCourier,
    /// A door command without an open door.
    OpenFail,
    /// A compartment is out of order.
    LockFault,
    /// A compartment door stands open.
    DoorAjar,
    /// A service door was opened.
    DoorOpen,
    /// A door that stood open was closed.
    DoorClosed,
    /// An item was sold.
    VendOk,
    /// An item was paid and did not drop.
    VendFail,
    /// A machine was refilled.
    Refill,
}

impl EventKind {
    /// The schema's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Pickup => "pickup",
            Self::ReturnToCourier => "return_to_courier",
            Self::OpenFail => "open_fail",
            Self::LockFault => "lock_fault",
            Self::DoorAjar => "door_ajar",
            Self::DoorOpen => "door_open",
            Self::DoorClosed => "door_closed",
            Self::VendOk => "vend_ok",
            Self::VendFail => "vend_fail",
            Self::Refill => "refill",
        }
    }
}

/// Something that happened at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, Unix ms.
    pub at_ms: i64,
    /// What.
    pub kind: EventKind,
    /// Compartment or lane. Left out for parcels: who takes what when is nobody's business (DOMAIN §7).
    pub target: Option<String>,
    /// `ok`, `fail` or `timeout`.
    pub outcome: Option<&'static str>,
    /// Locker controller's word or EVA-DTS event code (appendix C).
    pub code: Option<&'static str>,
    /// Amount, fen.
    pub amount_fen: Option<u32>,
    /// How long it took, seconds.
    pub dur_s: Option<f64>,
}

impl Event {
    /// An event that says no more than what and when.
    #[must_use]
    pub fn new(at_ms: i64, kind: EventKind) -> Self {
        Self { at_ms, kind, target: None, outcome: None, code: None, amount_fen: None, dur_s: None }
    }

    /// The message a device with this id sends as its `number`-th event.
    #[must_use]
    pub fn payload(&self, id: &str, number: u64) -> Vec<u8> {
        let mut message = Map::new();
        message.insert("v".into(), json!(1));
        message.insert("eid".into(), json!(format!("{id}.{number}")));
        message.insert("id".into(), json!(id));
        message.insert("ts".into(), json!(day::rfc3339(self.at_ms)));
        message.insert("type".into(), json!(self.kind.as_str()));
        let details = [
            ("target", self.target.as_ref().map(|target| json!(target))),
            ("outcome", self.outcome.map(|outcome| json!(outcome))),
            ("code", self.code.map(|code| json!(code))),
            ("amount_fen", self.amount_fen.map(|amount| json!(amount))),
            ("dur_s", self.dur_s.map(|dur| json!(dur))),
        ];
        message.extend(details.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        serde_json::Value::Object(message).to_string().into_bytes()
    }
}
