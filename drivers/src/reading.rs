//! The words between drivers and gateway: a [`Batch`] is what one device said at one moment.

use crate::fault::Fault;
use crate::pseudonym::Pseudonym;
use facility_config::{DeviceIx, Part, Point};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Why a point has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Quality {
    /// The device says that its probe is broken, or sent null.
    SensorError = 1,
    /// The device could not be asked.
    CommError = 2,
    /// The value cannot be believed.
    OutOfRange = 3,
    /// The device repeats an old value and says so.
    Stale = 4,
    /// The device says that the value may be wrong.
    Uncertain = 5,
}

impl Quality {
    /// Word in payloads and on the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SensorError => "sensor_error",
            Self::CommError => "comm_error",
            Self::OutOfRange => "out_of_range",
            Self::Stale => "stale",
            Self::Uncertain => "uncertain",
        }
    }

    /// From its number in the store.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::SensorError, Self::CommError, Self::OutOfRange, Self::Stale, Self::Uncertain]
            .into_iter()
            .find(|quality| *quality as u8 == code)
    }
}

/// A value, or the reason why there is none. A point without good quality never carries 0 or its last value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Finite, always.
    Float(f64),
    /// Count or code.
    Int(i64),
    /// Yes or no.
    Bool(bool),
    /// One word, at most [`TEXT_BYTES_MAX`](facility_config::limits::TEXT_BYTES_MAX) bytes.
    Text(Arc<str>),
    /// No value.
    Missing(Quality),
}

/// A point of the whole device or of one of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metric {
    /// What.
    pub point: Point,
    /// Of which part.
    pub part: Part,
}

impl Metric {
    /// A point of the whole device.
    #[must_use]
    pub fn whole(point: Point) -> Self {
        Self { point, part: Part::WHOLE }
    }
}

impl From<Point> for Metric {
    fn from(point: Point) -> Self {
        Self::whole(point)
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Of what.
    pub metric: Metric,
    /// How much.
    pub value: Value,
}

/// What a batch is about; decides how its time stamp identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A snapshot: one per device and time stamp.
    Telemetry,
    /// Something that happened: several may share a moment, they are moved apart by a millisecond.
    Event,
    /// What the driver itself knows about the device (round-trip times, online by last will).
    Health,
    /// Computed here.
    Metric,
}

/// What one device said at one moment, or why a message was refused. Every message received becomes exactly one
/// batch, so that acknowledgements keep the order of receipt.
#[derive(Debug)]
pub struct Batch {
    /// Who; `None` if the message was refused before that was known.
    pub device: Option<DeviceIx>,
    /// What it is about.
    pub subject: Subject,
    /// When, by the device's own clock, Unix ms, as it was sent. The pipeline decides whether to believe it.
    pub device_ms: Option<i64>,
    /// Its number in the device's own count of messages, if it sends one: jumps are lost messages.
    pub seq: Option<u64>,
    /// What links a pick-up to its deposit: the parcel's pseudonym under each key that is still kept, the newest first.
    pub parcel: Vec<Pseudonym>,
    /// When, for the record, Unix ms: time of receipt until the pipeline has looked at `device_ms`.
    pub at_ms: i64,
    /// What.
    pub readings: Vec<Reading>,
    /// `at_ms` is a guess of a clock that is not set; the store puts it right when it is.
    pub provisional: bool,
    /// What was dropped, a fault per value; with `refused`, the whole message was.
    pub faults: Vec<Fault>,
    /// The whole message was refused for this reason.
    pub refused: Option<Fault>,
    /// More than routine (an event, an excursion): when room is short it is deleted later. Events are from the beginning;
    /// the pipeline decides for the rest.
    pub keep: bool,
    /// To be released when the readings are durable.
    pub ack: Option<Ack>,
}

impl Batch {
    /// An empty batch of a device, received now.
    #[must_use]
    pub fn new(device: DeviceIx, subject: Subject, at_ms: i64) -> Self {
        Self {
            device: Some(device),
            subject,
            device_ms: None,
            seq: None,
            parcel: Vec::new(),
            at_ms,
            readings: Vec::new(),
            faults: Vec::new(),
            refused: None,
            keep: subject == Subject::Event,
            provisional: false,
            ack: None,
        }
    }

    /// A message that was refused as a whole.
    #[must_use]
    pub fn refused(device: Option<DeviceIx>, fault: Fault, at_ms: i64) -> Self {
        Self { refused: Some(fault), device, ..Self::new(DeviceIx::GATEWAY, Subject::Telemetry, at_ms) }
    }

    /// Adds a reading.
    pub fn push(&mut self, metric: impl Into<Metric>, value: Value) {
        self.readings.push(Reading { metric: metric.into(), value });
    }
}

/// The promise to acknowledge one message once it is durable. Dropped unreleased, the message is never acknowledged
/// and its broker sends it again.
#[derive(Debug)]
pub struct Ack {
    to: mpsc::Sender<Vec<Released>>,
    released: Released,
}

/// A message that may now be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// Connection it came on; acknowledgements of an older one are stale.
    pub generation: u64,
    /// MQTT packet identifier.
    pub packet_id: u16,
}

impl Ack {
    /// A promise to answer on `to`.
    #[must_use]
    pub fn new(to: mpsc::Sender<Vec<Released>>, generation: u64, packet_id: u16) -> Self {
        Self { to, released: Released { generation, packet_id } }
    }

    /// Keeps the promise, as [`release_all`](Self::release_all) does.
    pub fn release(self) {
        Self::release_all([self]);
    }

    /// Keeps promises, in their order. Each connection is told once of all of its own: whoever is told is woken, and
    /// waking a thread costs more than an acknowledgement.
    ///
    /// Never waits: the queue holds more than can be outstanding; if its reader is gone there is nobody to acknowledge to.
    pub fn release_all(promises: impl IntoIterator<Item = Self>) {
        let mut told: Vec<(mpsc::Sender<Vec<Released>>, Vec<Released>)> = Vec::new();
        for Self { to, released } in promises {
            match told.iter_mut().find(|(known, _)| known.same_channel(&to)) {
                Some((_, all)) => all.push(released),
                None => told.push((to, vec![released])),
            }
        }
        for (to, all) in told {
            if to.try_send(all).is_err() {
                tracing::debug!("acknowledgements not taken: broker connection is gone");
            }
        }
    }
}
