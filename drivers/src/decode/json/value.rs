//! One JSON scalar to one value, or to the reason why not. Pure; allocates only for free texts.

use super::shape::Leaf;
use crate::fault::Fault;
use crate::reading::{Quality, Value};
use facility_config::Part;
use facility_config::limits::{PERSONAL_DIGITS, TEXT_BYTES_MAX};
use facility_config::series::Type;
use std::io::Write as _;
use std::sync::Arc;

/// Stands in a repaired payload for a number that no float can hold (see `repair`). Not printable, so no word of a
/// profile can be equal to it.
pub(super) const NOT_FINITE: &str = "\0not finite";

/// Numbers at or above it are milliseconds, below it seconds: 10¹¹ s is the year 5138, 10¹¹ ms is March 1973.
const EPOCH_MS_MIN: f64 = 1e11;
/// Above it neither seconds nor milliseconds make sense.
const EPOCH_MS_MAX: f64 = 1e14;
/// How far a scaled integer may be from a whole number: a yuan amount with two decimals becomes fen exactly.
const WHOLE_TOLERANCE: f64 = 1e-6;
/// Integers beyond it are not exact as floats.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

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

impl Scalar<'_> {
    fn number(self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(n as f64),
            Self::Huge(n) => Some(n as f64),
            Self::Float(n) => Some(n),
            Self::Null | Self::Bool(_) | Self::Text(_) => None,
        }
    }
}

/// The value of a field. Out of range is a value that is missing, not a fault: one value counts once.
pub(super) fn reading(leaf: &Leaf, scalar: Scalar<'_>) -> Result<Value, Fault> {
    match (leaf.ty, scalar) {
        (_, Scalar::Null) => Ok(Value::Missing(Quality::SensorError)),
        (_, Scalar::Text(NOT_FINITE)) => Err(Fault::NotFinite),
        (Type::Bool, Scalar::Bool(yes)) => Ok(Value::Bool(yes)),
        (Type::Text, Scalar::Text(text)) => word(leaf, text).map(Value::Text),
        (Type::Float, number) => float(leaf, number),
        (Type::Int, number) => integer(leaf, number),
        (Type::Bool | Type::Text, _) => Err(Fault::WrongType),
    }
}

fn float(leaf: &Leaf, scalar: Scalar<'_>) -> Result<Value, Fault> {
    let number = scalar.number().ok_or_else(|| not_a_number(scalar))? * leaf.scale;
    if !number.is_finite() {
        return Err(Fault::NotFinite);
    }
    // Adding zero turns −0 into 0, so that equal values have equal bytes.
    Ok(if believable(leaf, number) { Value::Float(number + 0.0) } else { Value::Missing(Quality::OutOfRange) })
}

fn integer(leaf: &Leaf, scalar: Scalar<'_>) -> Result<Value, Fault> {
    #[expect(clippy::float_cmp, reason = "a scale of exactly 1 means no scaling")]
    if leaf.scale != 1.0 {
        return scaled_integer(leaf, scalar);
    }
    match scalar {
        Scalar::Int(n) if believable(leaf, n as f64) => Ok(Value::Int(n)),
        Scalar::Int(_) | Scalar::Huge(_) => Ok(Value::Missing(Quality::OutOfRange)),
        // `-0` is the one integer that serde_json reports as a float.
        Scalar::Float(n) if n == 0.0 && n.is_sign_negative() => Ok(Value::Int(0)),
        // A count that comes as 2.6 or 2.0 is another quantity than the profile says, or a broken device.
        other => Err(not_a_number(other)),
    }
}

fn scaled_integer(leaf: &Leaf, scalar: Scalar<'_>) -> Result<Value, Fault> {
    let number = scalar.number().ok_or_else(|| not_a_number(scalar))? * leaf.scale;
    if !number.is_finite() {
        return Err(Fault::NotFinite);
    }
    if (number - number.round()).abs() > WHOLE_TOLERANCE {
        return Err(Fault::WrongType);
    }
    let fits = number.abs() <= WHOLE_MAX && believable(leaf, number);
    Ok(if fits { Value::Int(number.round() as i64) } else { Value::Missing(Quality::OutOfRange) })
}

fn believable(leaf: &Leaf, number: f64) -> bool {
    leaf.range.is_none_or(|(low, high)| (low..=high).contains(&number))
}

/// Words for "no number" (`"NaN"`, `"-inf"`) are not finite; any other text is of the wrong type.
fn not_a_number(scalar: Scalar<'_>) -> Fault {
    match scalar {
        Scalar::Text(text) if text.parse::<f64>().is_ok_and(|n| !n.is_finite()) => Fault::NotFinite,
        _ => Fault::WrongType,
    }
}

fn word(leaf: &Leaf, text: &str) -> Result<Arc<str>, Fault> {
    if leaf.words.is_empty() {
        return if text.len() <= TEXT_BYTES_MAX && is_plain(text) { Ok(text.into()) } else { Err(Fault::BadText) };
    }
    leaf.words.iter().find(|word| ***word == *text).cloned().ok_or(Fault::BadText)
}

/// A part's name: a text or a whole number.
pub(super) fn part(scalar: Scalar<'_>) -> Result<Part, Fault> {
    match scalar {
        Scalar::Text(text) => part_name(text),
        Scalar::Int(n) => numbered_part(n),
        _ => Err(Fault::WrongType),
    }
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

/// A part named by a text; never empty, because that stands for the whole device.
pub(super) fn part_name(text: &str) -> Result<Part, Fault> {
    Part::new(text).filter(|part| !part.is_whole() && is_plain(text)).ok_or(Fault::BadText)
}

/// A part named by a number, written without an allocation.
pub(super) fn numbered_part(n: i64) -> Result<Part, Fault> {
    let mut digits = [0_u8; 20];
    let mut rest = &mut digits[..];
    let written = write!(rest, "{n}").map(|()| 20 - rest.len()).map_err(|_| Fault::BadText)?;
    std::str::from_utf8(&digits[..written]).map_err(|_| Fault::BadText).and_then(part_name)
}

/// Whether a free text can be kept: printable, and without a run of digits long enough to be a telephone, waybill or
/// identity card number. Lockers' protocols carry all three.
pub(in crate::decode) fn is_plain(text: &str) -> bool {
    let mut run = 0;
    text.chars().all(|c| {
        run = if c.is_ascii_digit() { run + 1 } else { 0 };
        run < PERSONAL_DIGITS && !c.is_control()
    })
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

/// A device's time stamp, Unix ms: RFC 3339, or seconds or milliseconds since 1970 as a number or as digits.
pub(super) fn device_ms(scalar: Scalar<'_>) -> Result<Option<i64>, Fault> {
    match scalar {
        Scalar::Null => Ok(None),
        Scalar::Text(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            text.parse().map_err(|_| Fault::WrongType).and_then(epoch_ms).map(Some)
        }
        Scalar::Text(text) => text.parse::<jiff::Timestamp>().map(|time| Some(time.as_millisecond())).map_err(|_| Fault::WrongType),
        other => other.number().ok_or(Fault::WrongType).and_then(epoch_ms).map(Some),
    }
}

fn epoch_ms(number: f64) -> Result<i64, Fault> {
    match number {
        n if !(0.0..EPOCH_MS_MAX).contains(&n) => Err(Fault::WrongType),
        n if n < EPOCH_MS_MIN => Ok((n * 1e3).round() as i64),
        n => Ok(n.round() as i64),
    }
}
