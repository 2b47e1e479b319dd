//! Registers to values and back. Pure, total: any words give a value, a missing value with its reason, or a fault.
//!
//! `value = raw × scale + offset`. What a device calls invalid, and what cannot be believed, never becomes a number.

use crate::fault::Fault;
use crate::reading::{Quality, Value};
use facility_config::limits::TEXT_BYTES_MAX;
use facility_config::profile::{RegisterPoint, RegisterType, WordOrder};
use facility_config::series::Type;
use std::sync::Arc;

/// The value of a point from its registers, first register first; a bit is a word of 0 or 1. `status` is the word of
/// the point's status register, if it has one.
///
/// # Errors
/// [`Fault::Malformed`] if `words` is not as wide as the type; [`Fault::BadText`] if the raw value has no word in the map.
pub fn decode(point: &RegisterPoint, words: &[u16], status: Option<u16>) -> Result<Value, Fault> {
    let bits = join(point, words).ok_or(Fault::Malformed)?;
    if let Some(check) = point.status {
        match status {
            None => return Ok(Value::Missing(Quality::CommError)),
            Some(status) if status & check.mask == check.bad => return Ok(Value::Missing(Quality::SensorError)),
            Some(_) => {}
        }
    }
    let raw = number(point.ty, bits);
    if point.invalid.contains(&bits) || !raw.is_finite() {
        return Ok(Value::Missing(Quality::SensorError));
    }
    if point.point.info().ty == Type::Text {
        return word(point, raw).map(Value::Text).ok_or(Fault::BadText);
    }
    let scaled = scale(raw, point.scale) + point.offset;
    if !scaled.is_finite() || point.range.is_some_and(|(low, high)| scaled < low || scaled > high) {
        return Ok(Value::Missing(Quality::OutOfRange));
    }
    Ok(match point.point.info().ty {
        Type::Float => Value::Float(scaled),
        Type::Int => Value::Int(scaled.round() as i64),
        Type::Bool | Type::Text => Value::Bool(scaled != 0.0),
    })
}

/// The registers that [`decode`] to `value`: what a simulated device holds. A missing value becomes the first raw value
/// that the device calls invalid. `None` if no registers stand for the value.
#[must_use]
pub fn encode(point: &RegisterPoint, value: &Value) -> Option<Vec<u16>> {
    let scaled = match value {
        Value::Missing(_) => return point.invalid.first().map(|bits| split(point, *bits)),
        Value::Text(text) => {
            let (raw, _) = point.map.iter().find(|(_, word)| **word == **text)?;
            return raw_bits(point.ty, *raw as f64).map(|bits| split(point, bits));
        }
        Value::Bool(yes) => {
            let raw = [0.0, 1.0].into_iter().find(|raw| (raw * point.scale + point.offset != 0.0) == *yes)?;
            return raw_bits(point.ty, raw).map(|bits| split(point, bits));
        }
        Value::Float(scaled) => *scaled,
        Value::Int(scaled) => *scaled as f64,
    };
    raw_bits(point.ty, (scaled - point.offset) / point.scale).map(|bits| split(point, bits))
}

fn join(point: &RegisterPoint, words: &[u16]) -> Option<u32> {
    match (point.ty.width(), words) {
        (1, [word]) => Some(u32::from(*word)),
        (2, [first, second]) => {
            let (high, low) = match point.order {
                WordOrder::HighFirst => (first, second),
                WordOrder::LowFirst => (second, first),
            };
            Some(u32::from(*high) << 16 | u32::from(*low))
        }
        _ => None,
    }
}

fn split(point: &RegisterPoint, bits: u32) -> Vec<u16> {
    let (high, low) = ((bits >> 16) as u16, bits as u16);
    match (point.ty.width(), point.order) {
        (1, _) => vec![low],
        (_, WordOrder::HighFirst) => vec![high, low],
        (_, WordOrder::LowFirst) => vec![low, high],
    }
}

fn number(ty: RegisterType, bits: u32) -> f64 {
    match ty {
        RegisterType::Bool => f64::from(u8::from(bits != 0)),
        RegisterType::U16 | RegisterType::U32 => f64::from(bits),
        RegisterType::I16 => f64::from(bits as u16 as i16),
        RegisterType::I32 => f64::from(bits as i32),
        RegisterType::F32 => f64::from(f32::from_bits(bits)),
    }
}

fn raw_bits(ty: RegisterType, raw: f64) -> Option<u32> {
    if ty == RegisterType::F32 {
        let single = raw as f32;
        return single.is_finite().then(|| single.to_bits());
    }
    let whole = raw.round();
    let (low, high) = match ty {
        RegisterType::Bool => (0.0, 1.0),
        RegisterType::U16 => (0.0, f64::from(u16::MAX)),
        RegisterType::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        RegisterType::U32 | RegisterType::F32 => (0.0, f64::from(u32::MAX)),
        RegisterType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
    };
    if !(low..=high).contains(&whole) {
        return None;
    }
    Some(match ty {
        RegisterType::I16 => u32::from(whole as i16 as u16),
        _ => whole as i64 as u32,
    })
}

/// `raw × factor`, but by division where the factor is one over a whole number: 3 × 0.1 is then 0.3, as the maker's
/// table says, and not 0.30000000000000004.
fn scale(raw: f64, factor: f64) -> f64 {
    let divisor = (1.0 / factor).round();
    if divisor.abs() > 1.0 && 1.0 / divisor == factor { raw / divisor } else { raw * factor }
}

fn word(point: &RegisterPoint, raw: f64) -> Option<Arc<str>> {
    let (_, word) = point.map.iter().find(|(code, _)| *code as f64 == raw)?;
    (word.len() <= TEXT_BYTES_MAX).then(|| Arc::from(&**word))
}

#[cfg(test)]
mod tests;
