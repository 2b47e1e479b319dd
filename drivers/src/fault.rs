//! Why something a device said was not taken as a reading. Closed: each is a label of a counter.

/// Reason of a drop. The label is stable: dashboards and the account depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The payload is not what its profile says it is (not JSON, not UTF-8, truncated).
    Undecodable,
    /// The payload is larger than [`PAYLOAD_BYTES_MAX`](facility_config::limits::PAYLOAD_BYTES_MAX) or has more values than allowed.
    Oversize,
    /// No configured device has this topic.
    UnknownDevice,
    /// The id in the payload is not the id in the topic.
    ForeignId,
    /// A required field is missing.
    MissingField,
    /// On a topic that several messages share: none of them looks like this one.
    UnknownMessage,
    /// A message the broker had kept for new subscribers, too old to say anything about now.
    Retained,
    /// The device sends more than it may; see [`Ingest`](facility_config::Ingest).
    RateLimited,
    /// A Sparkplug device has not introduced itself since the connection, or messages of it were lost since.
    NoBirth,
    /// Already stored: the same device sent this time stamp before (QoS 1 redelivery).
    Duplicate,
    /// A field that the profile does not name. Dropped unread.
    UnknownField,
    /// A field of another type than the profile says.
    WrongType,
    /// NaN or infinite, or a number no float can hold.
    NotFinite,
    /// Outside the range the profile believes.
    OutOfRange,
    /// A text that is too long or not one of the profile's words.
    BadText,
    /// A text with so many digits that it may be a telephone, waybill or identity card number, or a pick-up code.
    Personal,
    /// A point or part beyond the number that one device may have.
    TooManySeries,
    /// The device's clock is ahead; the gateway's time was used. The reading is kept.
    ClockAhead,
    /// The device's clock is in the distant past; the gateway's time was used. The reading is kept.
    ClockBehind,
    /// The gateway's own clock is not set and the device sent no time: the time is a guess. The reading is kept.
    ClockUnset,
    /// No answer in time.
    Timeout,
    /// The device refused the request (Modbus exception).
    Exception,
    /// An answer that came after its request was given up; thrown away.
    Late,
    /// An answer with another unit, function or transaction than asked; thrown away.
    Foreign,
    /// The same answer once more; thrown away.
    Doubled,
    /// Our own question came back: an adapter that echoes, or two wires in one loop; thrown away.
    Echoed,
    /// An answer that ends too early; thrown away.
    Truncated,
    /// A whole answer of another length than asked for; thrown away.
    WrongLength,
    /// An answer with a bad checksum; thrown away.
    BadChecksum,
    /// Bytes that are no frame at all: noise, or wrong line settings; thrown away.
    Malformed,
    /// The line to the device is down.
    Disconnected,
}

impl Fault {
    /// Every fault, in order.
    pub const ALL: [Self; 31] = [
        Self::Undecodable,
        Self::Oversize,
        Self::UnknownDevice,
        Self::ForeignId,
        Self::MissingField,
        Self::UnknownMessage,
        Self::Retained,
        Self::RateLimited,
        Self::NoBirth,
        Self::Duplicate,
        Self::UnknownField,
        Self::WrongType,
        Self::NotFinite,
        Self::OutOfRange,
        Self::BadText,
        Self::Personal,
        Self::TooManySeries,
        Self::ClockAhead,
        Self::ClockBehind,
        Self::ClockUnset,
        Self::Timeout,
        Self::Exception,
        Self::Late,
        Self::Foreign,
        Self::Doubled,
        Self::Echoed,
        Self::Truncated,
        Self::WrongLength,
        Self::BadChecksum,
        Self::Malformed,
        Self::Disconnected,
    ];

    /// Label in metrics, in the account and in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Oversize => "oversize",
            Self::UnknownDevice => "unknown_device",
            Self::ForeignId => "foreign_id",
            Self::MissingField => "missing_field",
            Self::UnknownMessage => "unknown_message",
            Self::Retained => "retained",
            Self::RateLimited => "rate_limited",
            Self::NoBirth => "no_birth",
            Self::Duplicate => "duplicate",
            Self::UnknownField => "unknown_field",
            Self::WrongType => "wrong_type",
            Self::NotFinite => "not_finite",
            Self::OutOfRange => "out_of_range",
            Self::BadText => "bad_text",
            Self::Personal => "personal",
            Self::TooManySeries => "too_many_series",
            Self::ClockAhead => "clock_ahead",
            Self::ClockBehind => "clock_behind",
            Self::ClockUnset => "clock_unset",
            Self::Timeout => "timeout",
            Self::Exception => "exception",
            Self::Late => "late",
            Self::Foreign => "foreign",
            Self::Doubled => "doubled",
            Self::Echoed => "echoed",
            Self::Truncated => "truncated",
            Self::WrongLength => "wrong_length",
            Self::BadChecksum => "bad_checksum",
            Self::Malformed => "malformed",
            Self::Disconnected => "disconnected",
        }
    }

    /// Whether it is an answer, or noise, that was thrown away on a bus.
    #[must_use]
    pub fn is_discarded(self) -> bool {
        (Self::Late..=Self::Malformed).contains(&self)
    }

    /// Whether the reading was kept all the same (its time was corrected).
    #[must_use]
    pub fn keeps_reading(self) -> bool {
        matches!(self, Self::ClockAhead | Self::ClockBehind | Self::ClockUnset)
    }
}
