//! One scalar of a payload, and what it is for besides readings: a name, an id, a number. Pure; allocates nothing.

use super::personal::part_name;
use crate::fault::Fault;
use facility_config::Part;
use std::io::Write as _;

/// Stands in a repaired payload for a number that no float can hold (see `repair`). Not printable, so no word of a
/// profile can be equal to it.
pub(super) const NOT_FINITE: &str = "\0not finite";

/// A scalar as it stands in a payload.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer above `i64::MAX`.
    Huge(u64),
    Float(f64),
    Text(&'a str),
}

impl<'a> Scalar<'a> {
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(n as f64),
            Self::Huge(n) => Some(n as f64),
            Self::Float(n) => Some(n),
            Self::Null | Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// A number that was written as a text. `None` for what is no number or not finite.
    pub(super) fn of_number(text: &str) -> Option<Self> {
        let whole = || text.parse().map(Self::Int).or_else(|_| text.parse().map(Self::Huge)).ok();
        let finite = || text.parse().ok().filter(|n: &f64| n.is_finite()).map(Self::Float);
        whole().or_else(finite)
    }

    /// As profiles write it: texts as they are, numbers without decimals if they have none (`4`), `true`, `false`.
    pub(super) fn as_text<'s>(self, buffer: &'s mut [u8; 40]) -> Option<&'s str>
    where
        'a: 's,
    {
        let mut rest = &mut buffer[..];
        let written = match self {
            Self::Null => return None,
            Self::Text(text) => return Some(text),
            Self::Bool(yes) => write!(rest, "{yes}"),
            Self::Int(n) => write!(rest, "{n}"),
            Self::Huge(n) => write!(rest, "{n}"),
            Self::Float(n) => write!(rest, "{}", n + 0.0),
        };
        let left = rest.len();
        written.ok().and_then(|()| std::str::from_utf8(&buffer[..40 - left]).ok())
    }

    /// What it is, for people.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "yes or no",
            Self::Int(_) | Self::Huge(_) | Self::Float(_) => "number",
            Self::Text(_) => "text",
        }
    }
}

/// A part's name: a text or a whole number.
pub(super) fn part(scalar: Scalar<'_>) -> Result<Part, Fault> {
    match scalar {
        Scalar::Text(text) => part_name(text),
        Scalar::Int(_) => scalar.as_text(&mut [0; 40]).ok_or(Fault::BadText).and_then(part_name),
        _ => Err(Fault::WrongType),
    }
}

/// A part's name by the maker's word for it; as it stands if the profile has no words of its own.
pub(super) fn part_by(values: &[(Box<str>, Part)], scalar: Scalar<'_>) -> Result<Part, Fault> {
    if values.is_empty() {
        return part(scalar);
    }
    let mut digits = [0; 40];
    let word = scalar.as_text(&mut digits).ok_or(Fault::WrongType)?;
    values.iter().find(|(known, _)| **known == *word).map(|(_, part)| *part).ok_or(Fault::BadText)
}

/// A short hash (FNV-1a, 32 bits) of an event's own id: enough to know the event again among the last few, too little
/// to tell what the id was.
pub(super) fn key(scalar: Scalar<'_>) -> Result<i64, Fault> {
    let fnv = |bytes: &[u8]| bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    match scalar {
        Scalar::Text(text) => Ok(i64::from(fnv(text.as_bytes()))),
        Scalar::Int(n) => Ok(i64::from(fnv(&n.to_le_bytes()))),
        _ => Err(Fault::WrongType),
    }
}

/// The device's own number of the message; some makers write it as a text.
pub(super) fn seq(scalar: Scalar<'_>) -> Result<Option<u64>, Fault> {
    match scalar {
        Scalar::Null => Ok(None),
        Scalar::Int(n) => u64::try_from(n).map(Some).map_err(|_| Fault::WrongType),
        Scalar::Huge(n) => Ok(Some(n)),
        Scalar::Text(text) => text.trim().parse().map(Some).map_err(|_| Fault::WrongType),
        Scalar::Bool(_) | Scalar::Float(_) => Err(Fault::WrongType),
    }
}

/// Whether a payload's id is the one in the topic.
pub(super) fn is_id(scalar: Scalar<'_>, topic_id: &str) -> bool {
    match scalar {
        Scalar::Text(text) => text == topic_id,
        Scalar::Int(n) => topic_id.parse() == Ok(n),
        Scalar::Huge(n) => topic_id.parse() == Ok(n),
        Scalar::Null | Scalar::Bool(_) | Scalar::Float(_) => false,
    }
}
