//! Values to registers: what a simulated device holds. Pure, total.

use super::bits::{self, Raw};
use super::{has_its_width, is_clock, is_plain, is_yes, text};
use crate::reading::Value;
use facility_config::profile::{Polarity, RegisterPoint, RegisterType};

/// The registers that [`decode`](super::decode) to `value`, in bits that are not the point's zero. A missing value becomes the
/// first raw value that the device calls invalid. A board whose polarity nobody knows is taken as one with
/// [`Polarity::Set`]: a simulated one must have some. `None` if no registers stand for the value.
#[must_use]
pub fn encode(point: &RegisterPoint, value: &Value) -> Option<Vec<u16>> {
    let bits = match (point.ty, value) {
        _ if !has_its_width(point) => return None,
        (RegisterType::Text, Value::Text(text)) => return text::encode(point, text),
        (RegisterType::Text, Value::Missing(_)) => return Some(vec![0; usize::from(point.length)]),
        (RegisterType::Count, Value::Int(count)) => return counted(point, *count),
        (RegisterType::Text | RegisterType::Count, _) => return None,
        (_, Value::Missing(_)) => *point.invalid.first()?,
        _ => bits::write(point, raw(point, value)?).filter(|bits| !point.invalid.contains(bits))?,
    };
    Some(bits::split(point, bits))
}

/// Which bits of its registers are the point's own: several points may share a register. All of a word in the tables of bits.
#[must_use]
pub fn bits_of(point: &RegisterPoint) -> Vec<u16> {
    let length = usize::from(point.length);
    match point.ty {
        _ if point.table.is_bits() => vec![0xFFFF; length],
        RegisterType::Text => vec![text::mask(point.layout); length],
        RegisterType::Count => filled(point, point.bits),
        ty if bits::is_real(ty) => vec![0xFFFF; length],
        _ => bits::split(point, point.mask.unwrap_or(u64::MAX)),
    }
}

fn raw(point: &RegisterPoint, value: &Value) -> Option<Raw> {
    let number = match value {
        Value::Missing(_) => return None,
        Value::Text(text) => {
            let (code, _) = point.map.iter().find(|(_, word)| **word == **text)?;
            return Some(Raw::Whole(i128::from(*code)));
        }
        Value::Bool(yes) => return yes_or_no(point, *yes),
        Value::Int(ms) if is_clock(point) => {
            let unit_ms = if point.ty == RegisterType::EpochS { 1000 } else { 1 };
            return Some(Raw::Whole(i128::from(ms.div_euclid(unit_ms))));
        }
        Value::Int(whole) if is_plain(point) => return Some(Raw::Whole(i128::from(*whole))),
        Value::Int(whole) => *whole as f64,
        Value::Float(number) => *number,
    };
    let raw = (number - point.offset) / point.scale;
    // A scale of 0 has no way back.
    raw.is_finite().then(|| if bits::is_real(point.ty) { Raw::Real(raw) } else { Raw::Whole(raw.round() as i128) })
}

/// The first raw value that says so: 0 and 1, what the profile calls yes, what it cannot have called yes, and single bits,
/// because a mask may leave nothing else.
fn yes_or_no(point: &RegisterPoint, yes: bool) -> Option<Raw> {
    let says = yes == (point.polarity != Polarity::Clear);
    let named = point.yes.iter().map(|yes| i128::from(*yes));
    let whole = [0, 1].into_iter().chain(named).chain(2..=point.yes.len() as i128 + 1).map(Raw::Whole);
    let single = (0..u64::BITS).filter_map(|bit| bits::read(point, 1 << bit));
    let fits = |raw: Raw| bits::write(point, raw).is_some_and(|bits| !point.invalid.contains(&bits));
    whole.chain(single).find(|raw| is_yes(point, *raw) == says && fits(*raw))
}

/// So many of the first bits set (or clear) as say `count`.
fn counted(point: &RegisterPoint, count: i64) -> Option<Vec<u16>> {
    let raw = if is_plain(point) { count } else { ((count as f64 - point.offset) / point.scale).round() as i64 };
    let count = u16::try_from(raw).ok().filter(|count| *count <= point.bits)?;
    let all = filled(point, point.bits);
    let set = filled(point, count);
    match point.polarity {
        Polarity::Clear => Some(all.iter().zip(&set).map(|(all, set)| all & !set).collect()),
        Polarity::Set | Polarity::Commissioned => Some(set),
    }
}

/// The registers of a count with its first `bits` bits set.
fn filled(point: &RegisterPoint, bits: u16) -> Vec<u16> {
    let per_word = if point.table.is_bits() { 1 } else { 16 };
    let word = |at: u16| {
        let here = u32::from(bits.saturating_sub(at.saturating_mul(per_word)).min(per_word));
        let word = ((1_u32 << here) - 1) as u16;
        if per_word == 1 { word } else { point.order.join(&word.to_be_bytes()) as u16 }
    };
    (0..point.length).map(word).collect()
}
