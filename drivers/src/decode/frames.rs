//! Frames of serial boards that do not speak Modbus: the question, the answer among all that was heard, and its channels.
//!
//! Pure, total: any bytes give an answer or none. Knows no command but the profile's one question, so it can open no lock.
//! What it allocates is bounded by the frames of the profile and by what was heard.

use crate::modbus::crc16;
use crate::reading::{Metric, Quality, Value};
use facility_config::profile::{Check, Coding, Cut, Field, FrameMap, FramePoint, Packing, Polarity, Template};
use facility_config::series::Type;
use std::ops::Range;

/// Most characters of one number in [`Packing::List`], its comma included.
const LIST_ITEM_BYTES_MAX: usize = 4;

/// Where an answer lies in what was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// All of it.
    pub at: Range<usize>,
    /// Its channels, for [`channels`].
    pub data: Range<usize>,
}

/// The question to the board at an address.
#[must_use]
pub fn question(map: &FrameMap, unit: u8) -> Vec<u8> {
    render(&map.ask, map.packing, unit, &[])
}

/// The answer of a board at an address whose channels are these: what a simulated board sends.
#[must_use]
pub fn answer(map: &FrameMap, unit: u8, channels: &[bool]) -> Vec<u8> {
    let mut channels = channels.to_vec();
    if let Some(bytes) = fixed_data(&map.answer) {
        let room = match map.packing {
            Packing::BitsFirst | Packing::BitsLast => bytes * 8,
            Packing::Bytes | Packing::Digits => bytes,
            Packing::List => bytes.div_ceil(2),
        };
        channels.resize(room, false);
    }
    let data = pack(map.packing, &channels);
    render(&map.answer, map.packing, unit, &data)
}

/// The first complete and right answer of the board at an address: prefix, address, length and checksum are what they must
/// be. Our own question, come back from an adapter that echoes, is none.
#[must_use]
pub fn find(map: &FrameMap, unit: u8, heard: &[u8]) -> Option<Answer> {
    let asked = question(map, unit);
    (0..heard.len()).find_map(|from| {
        let data = data_at(map, unit, &heard[from..], &asked)?;
        let end = from + around(&map.answer, unit) + data.len();
        Some(Answer { at: from..end, data: from + data.start..from + data.end })
    })
}

/// The channels in an answer's data, the first one first; `true` is not zero. Fewer than the map's if the board has fewer;
/// `None` if the data is nonsense.
#[must_use]
pub fn channels(map: &FrameMap, data: &[u8]) -> Option<Vec<bool>> {
    let bits = |byte: &u8| (0..8).map(|bit| byte >> bit & 1 == 1).collect::<Vec<_>>();
    let mut channels: Vec<bool> = match map.packing {
        Packing::BitsFirst => data.iter().flat_map(bits).collect(),
        Packing::BitsLast => data.iter().rev().flat_map(bits).collect(),
        Packing::Bytes => data.iter().map(|byte| *byte != 0).collect(),
        Packing::Digits => data.iter().map(|digit| digit.is_ascii_digit().then_some(*digit != b'0')).collect::<Option<_>>()?,
        Packing::List => {
            let text = std::str::from_utf8(data).ok()?;
            text.split(',').map(|number| number.trim().parse::<u32>().ok().map(|number| number != 0)).collect::<Option<_>>()?
        }
    };
    channels.truncate(usize::from(map.channels));
    (!channels.is_empty()).then_some(channels)
}

/// What the channels say. `used` of them, from the first on, are the device's: all that the board shows if that is as many as
/// the map has. `open_is_set` is what commissioning found out about a polarity nobody can know before. What is not known
/// is uncertain, never yes, no or a count.
#[must_use]
pub fn values(map: &FrameMap, channels: &[bool], used: u16, open_is_set: Option<bool>) -> Vec<(Metric, Value)> {
    // A board that shows fewer channels than the device uses hides some: no count is right.
    let mine = if used >= map.channels { Some(channels) } else { channels.get(..usize::from(used)) };
    let points = map.points.iter().filter(|point| point.channel <= used);
    points
        .map(|point| {
            let value = value(point, channels, mine, open_is_set).unwrap_or(Value::Missing(Quality::Uncertain));
            (Metric { point: point.point, part: point.part }, value)
        })
        .collect()
}

fn value(point: &FramePoint, channels: &[bool], mine: Option<&[bool]>, open_is_set: Option<bool>) -> Option<Value> {
    let wanted = match point.polarity {
        Polarity::Set => true,
        Polarity::Clear => false,
        Polarity::Commissioned => open_is_set?,
    };
    match (point.point.info().ty, usize::from(point.channel).checked_sub(1)) {
        (Type::Bool, Some(at)) => channels.get(at).map(|set| Value::Bool(*set == wanted)),
        (Type::Int, None) => mine.map(|mine| Value::Int(mine.iter().filter(|set| **set == wanted).count() as i64)),
        _ => None,
    }
}

/// Where the data of an answer lies that begins with the first byte heard.
fn data_at(map: &FrameMap, unit: u8, heard: &[u8], asked: &[u8]) -> Option<Range<usize>> {
    let Some(Field::Bytes(prefix)) = map.answer.0.first() else { return None };
    if !heard.starts_with(prefix) {
        return None;
    }
    let around = around(&map.answer, unit);
    let start = before(&map.answer, unit, |field| matches!(field, Field::Data(_)))?;
    let right = |len: &usize| {
        let Some(frame) = heard.get(..around + len) else { return false };
        frame != asked && render(&map.answer, map.packing, unit, &frame[start..start + len]) == frame
    };
    lengths(map, unit, heard).find(right).map(|len| start..start + len)
}

/// Bytes the data of the answer may have.
fn lengths(map: &FrameMap, unit: u8, heard: &[u8]) -> Range<usize> {
    let only = |len: usize| len..len + 1;
    if let Some(bytes) = fixed_data(&map.answer) {
        return only(bytes);
    }
    if let Some(at) = length_ahead(&map.answer, unit) {
        let total = heard.get(at).map_or(0, |total| usize::from(*total));
        return total.checked_sub(around(&map.answer, unit)).filter(|len| *len > 0).map_or(0..0, only);
    }
    let channels = usize::from(map.channels);
    let most = match map.packing {
        Packing::BitsFirst | Packing::BitsLast => channels.div_ceil(8),
        Packing::Bytes | Packing::Digits => channels,
        Packing::List => channels * LIST_ITEM_BYTES_MAX,
    };
    // A checksum of one byte right behind the data is right for some shorter data by chance.
    let behind = map.answer.0.iter().skip_while(|field| !matches!(field, Field::Data(_))).nth(1);
    if matches!(behind, Some(Field::Bytes(_))) { 1..most + 1 } else { only(most) }
}

/// The frame of a template.
fn render(template: &Template, packing: Packing, unit: u8, data: &[u8]) -> Vec<u8> {
    let total = around(template, unit) + data.len();
    let mut frame = Vec::with_capacity(total);
    for field in &template.0 {
        match field {
            Field::Bytes(bytes) => frame.extend_from_slice(bytes),
            Field::Unit(Coding::Byte) => frame.push(unit),
            Field::Unit(Coding::Decimal) => frame.extend_from_slice(unit.to_string().as_bytes()),
            // No board has longer frames than its own length can say.
            Field::Length => frame.push(u8::try_from(total).unwrap_or(0)),
            Field::Count => frame.push(u8::try_from(count(packing, data)).unwrap_or(0)),
            Field::Data(_) => frame.extend_from_slice(data),
            Field::Check(Check::Xor) => frame.push(frame.iter().fold(0, |xor, byte| xor ^ byte)),
            Field::Check(Check::Sum) => frame.push(frame.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))),
            // The star that announces it is not covered.
            Field::Check(Check::CrcHex) => {
                let crc = crc16(frame.strip_suffix(b"*").unwrap_or(&frame));
                frame.extend_from_slice(format!("{crc:04X}").as_bytes());
            }
        }
    }
    frame
}

/// Bytes of a frame without its data.
fn around(template: &Template, unit: u8) -> usize {
    template.0.iter().map(|field| bytes_of(field, unit)).sum()
}

/// Bytes in front of the first such field.
fn before(template: &Template, unit: u8, is_it: impl Fn(&Field) -> bool) -> Option<usize> {
    let at = template.0.iter().position(is_it)?;
    Some(template.0[..at].iter().map(|field| bytes_of(field, unit)).sum())
}

/// Where the length stands, if it stands in front of the data.
fn length_ahead(template: &Template, unit: u8) -> Option<usize> {
    let data = before(template, unit, |field| matches!(field, Field::Data(_)))?;
    before(template, unit, |field| *field == Field::Length).filter(|at| *at < data)
}

fn fixed_data(template: &Template) -> Option<usize> {
    template.0.iter().find_map(|field| if let Field::Data(Cut::Bytes(bytes)) = field { Some(usize::from(*bytes)) } else { None })
}

fn bytes_of(field: &Field, unit: u8) -> usize {
    match field {
        Field::Bytes(bytes) => bytes.len(),
        Field::Unit(Coding::Decimal) => 1 + usize::from(unit > 9) + usize::from(unit > 99),
        Field::Unit(Coding::Byte) | Field::Length | Field::Count | Field::Check(Check::Xor | Check::Sum) => 1,
        Field::Check(Check::CrcHex) => 4,
        Field::Data(_) => 0,
    }
}

/// Channels that data tells about.
fn count(packing: Packing, data: &[u8]) -> usize {
    match packing {
        Packing::BitsFirst | Packing::BitsLast => data.len() * 8,
        Packing::Bytes | Packing::Digits => data.len(),
        Packing::List => data.iter().filter(|byte| **byte == b',').count() + 1,
    }
}

fn pack(packing: Packing, channels: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, set| byte << 1 | u8::from(*set));
    match packing {
        Packing::BitsFirst => channels.chunks(8).map(byte).collect(),
        Packing::BitsLast => channels.chunks(8).rev().map(byte).collect(),
        Packing::Bytes => channels.iter().map(|set| u8::from(*set)).collect(),
        Packing::Digits => channels.iter().map(|set| b'0' + u8::from(*set)).collect(),
        Packing::List => channels.iter().map(|set| if *set { "1" } else { "0" }).collect::<Vec<_>>().join(",").into_bytes(),
    }
}

#[cfg(test)]
mod tests;
