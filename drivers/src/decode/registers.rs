//! Registers to values and back. Pure, total: any words give a value, a missing value with its reason, or a fault.
//!
//! A number: `value = round((raw & mask >> shift) × scale + offset)`. The bytes come in the profile's order. The raw value
//! is two's complement where its type says so and no mask is set; masked, it is unsigned. A map turns it into a word, a
//! list of yes values or "not zero" into yes or no, polarity turns that round. A count is the set (or clear) bits.
//!
//! What a device calls invalid, and what cannot be believed, never becomes a number. Nothing here allocates more than
//! the words it was handed.

mod bits;
mod encode;
mod text;

pub use encode::{bits_of, encode};

use crate::fault::Fault;
use crate::reading::{Quality, Value};
use bits::Raw;
use facility_config::limits::TEXT_BYTES_MAX;
use facility_config::profile::{Polarity, RegisterPoint, RegisterType};
use facility_config::series::Type;

/// Decimals a float can have at all; more change nothing.
const DECIMALS_MAX: u8 = 15;
/// From here on a float has no decimals to round (2^53).
const WHOLE_FROM: f64 = 9_007_199_254_740_992.0;

/// The value of a point from its registers, first register first; a bit is a word of 0 or 1. `status` is the word of
/// the point's status register, if it has one. A clock (see [`is_clock`]) becomes Unix ms, whatever its point.
///
/// # Errors
/// [`Fault::Malformed`] if `words` is not as wide as the type; [`Fault::BadText`] if the raw value has no word in the map,
/// or a text is not in its encoding, not printable, or longer than [`TEXT_BYTES_MAX`].
pub fn decode(point: &RegisterPoint, words: &[u16], status: Option<u16>) -> Result<Value, Fault> {
    if words.len() != usize::from(point.length) || !has_its_width(point) {
        return Err(Fault::Malformed);
    }
    let yes_or_no = point.point.info().ty == Type::Bool || point.ty == RegisterType::Count;
    if let Some(why) = bad_status(point, status) {
        return Ok(Value::Missing(why));
    }
    if yes_or_no && point.polarity == Polarity::Commissioned {
        return Ok(Value::Missing(Quality::Uncertain));
    }
    let raw = match point.ty {
        RegisterType::Text => return text::decode(point, words),
        RegisterType::Count => return value(point, Raw::Whole(count(point, words)), Polarity::Set),
        _ => bits::join(point, words),
    };
    match bits::read(point, raw).filter(|_| !point.invalid.contains(&raw)) {
        None => Ok(Value::Missing(Quality::SensorError)),
        Some(Raw::Whole(time)) if is_clock(point) => Ok(clock(point.ty, time)),
        Some(raw) => value(point, raw, point.polarity),
    }
}

/// Whether the registers hold the device's clock; its driver makes an offset of it. Scale, offset and range do not apply.
#[must_use]
pub fn is_clock(point: &RegisterPoint) -> bool {
    matches!(point.ty, RegisterType::EpochS | RegisterType::EpochMs)
}

/// Whether the point takes as many registers as its type has; texts and counts have any number.
fn has_its_width(point: &RegisterPoint) -> bool {
    point.ty.width().is_none_or(|width| width == point.length)
}

fn bad_status(point: &RegisterPoint, status: Option<u16>) -> Option<Quality> {
    let check = point.status?;
    match status {
        None => Some(Quality::CommError),
        Some(status) => (status & check.mask == check.bad).then_some(Quality::SensorError),
    }
}

fn value(point: &RegisterPoint, raw: Raw, polarity: Polarity) -> Result<Value, Fault> {
    match point.point.info().ty {
        Type::Text => word(point, raw).ok_or(Fault::BadText),
        Type::Bool => Ok(Value::Bool(is_yes(point, raw) == (polarity == Polarity::Set))),
        Type::Int | Type::Float => Ok(number(point, raw)),
    }
}

fn number(point: &RegisterPoint, raw: Raw) -> Value {
    let scaled = rounded(scaled(point, raw), point.round);
    if !scaled.is_finite() || point.range.is_some_and(|(low, high)| scaled < low || scaled > high) {
        return Value::Missing(Quality::OutOfRange);
    }
    if point.point.info().ty == Type::Float {
        return Value::Float(scaled);
    }
    // A count of 64 bits has more digits than a float: as long as nothing is done to it, it stays whole.
    let whole = match raw {
        Raw::Whole(whole) if is_plain(point) => whole,
        _ => scaled.round() as i128,
    };
    i64::try_from(whole).map_or(Value::Missing(Quality::OutOfRange), Value::Int)
}

/// Whether the raw value is the value.
fn is_plain(point: &RegisterPoint) -> bool {
    point.scale == 1.0 && point.offset == 0.0
}

/// `raw × scale + offset`, but by division where the scale is one over a whole number: 3 × 0.1 is then 0.3, as the maker's
/// table says, and not 0.30000000000000004.
fn scaled(point: &RegisterPoint, raw: Raw) -> f64 {
    if is_plain(point) {
        // Adding 0 makes one zero of two.
        return raw.as_f64() + 0.0;
    }
    let (raw, factor) = (raw.as_f64(), point.scale);
    let divisor = (1.0 / factor).round();
    let scaled = if divisor.abs() > 1.0 && 1.0 / divisor == factor { raw / divisor } else { raw * factor };
    scaled + point.offset
}

fn rounded(value: f64, decimals: Option<u8>) -> f64 {
    let Some(decimals) = decimals else { return value };
    let factor = 10_f64.powi(i32::from(decimals.min(DECIMALS_MAX)));
    let shifted = value * factor;
    // Adding 0 makes one zero of two.
    if shifted.abs() < WHOLE_FROM { shifted.round() / factor + 0.0 } else { value }
}

fn is_yes(point: &RegisterPoint, raw: Raw) -> bool {
    if point.yes.is_empty() { scaled(point, raw) != 0.0 } else { point.yes.iter().any(|yes| raw.is(*yes)) }
}

fn word(point: &RegisterPoint, raw: Raw) -> Option<Value> {
    let (_, word) = point.map.iter().find(|(code, _)| raw.is(*code))?;
    (word.len() <= TEXT_BYTES_MAX).then(|| Value::Text((&**word).into()))
}

fn clock(ty: RegisterType, time: i128) -> Value {
    let ms = if ty == RegisterType::EpochS { time * 1000 } else { time };
    i64::try_from(ms).map_or(Value::Missing(Quality::OutOfRange), Value::Int)
}

/// Bits that say what the polarity asks for, among those that count.
fn count(point: &RegisterPoint, words: &[u16]) -> i128 {
    let per_word = if point.table.is_bits() { 1 } else { 16 };
    let bits = words.iter().flat_map(|word| {
        let word = if per_word == 1 { u16::from(*word != 0) } else { point.order.join(&word.to_be_bytes()) as u16 };
        (0..per_word).map(move |bit| word >> bit & 1 == 1)
    });
    let wanted = point.polarity == Polarity::Set;
    bits.take(usize::from(point.bits)).filter(|set| *set == wanted).count() as i128
}

#[cfg(test)]
mod tests;
