//! What a register point says, field by field, as both ways of writing it need it: TOML and spreadsheets.

use crate::profile::{ByteOrder, Encoding, Layout, Polarity, RegisterPoint, RegisterType, StatusCheck};
use std::borrow::Cow;

/// One field of a point.
#[derive(Debug, PartialEq)]
pub(super) enum Cell<'p> {
    /// A word of this language.
    Word(Cow<'p, str>),
    /// Anything a person wrote.
    Free(&'p str),
    /// A count.
    Whole(u64),
    /// A quantity.
    Number(f64),
    /// Lowest and highest.
    Range(f64, f64),
    /// Bits.
    Bits(u64),
    /// Raw values as they are on the wire.
    Raw(&'p [u64]),
    /// Raw values as numbers.
    Wholes(&'p [i64]),
    /// Raw values and their words.
    Map(&'p [(i64, Box<str>)]),
    /// A status register.
    Status(StatusCheck),
}

/// Every field of `[[modbus.point]]`, in the order in which it is written.
pub(super) const FIELDS: [&str; 24] = [
    "point", "part", "table", "address", "type", "length", "bits", "order", "bit", "mask", "shift", "scale", "divisor", "offset", "round",
    "invalid", "map", "yes", "polarity", "range", "status", "layout", "encoding", "group",
];
/// The field that comes last: the maker's name is the longest.
pub(super) const ORIGIN: &str = "origin";

/// What differs from what would be assumed without it.
pub(super) fn of_point(point: &RegisterPoint) -> Vec<(&'static str, Cell<'_>)> {
    let word = |word: &'static str| Cell::Word(Cow::Borrowed(word));
    let mut fields = vec![("point", word(point.point.info().name))];
    let bytes = usize::from(point.ty.width().unwrap_or(1)) * 2;
    let (bit, mask, shift) = bits(point);
    let optional = [
        (!point.part.is_whole()).then_some(("part", Cell::Free(point.part.as_str()))),
        Some(("table", word(point.table.as_str()))),
        Some(("address", Cell::Whole(point.address.into()))),
        Some(("type", word(point.ty.as_str()))),
        (point.ty == RegisterType::Text).then_some(("length", Cell::Whole(point.length.into()))),
        (point.ty == RegisterType::Count).then_some(("bits", Cell::Whole(point.bits.into()))),
        (point.order != ByteOrder::big(bytes)).then(|| ("order", Cell::Word(point.order.to_string().into()))),
        bit.map(|bit| ("bit", Cell::Whole(bit))),
        mask.map(|mask| ("mask", Cell::Bits(mask))),
        shift.map(|shift| ("shift", Cell::Whole(shift))),
        (point.scale != 1.0).then_some(("scale", Cell::Number(point.scale))),
        (point.offset != 0.0).then_some(("offset", Cell::Number(point.offset))),
        point.round.map(|round| ("round", Cell::Whole(round.into()))),
        (!point.invalid.is_empty()).then_some(("invalid", Cell::Raw(&point.invalid))),
        (!point.map.is_empty()).then_some(("map", Cell::Map(&point.map))),
        (!point.yes.is_empty()).then_some(("yes", Cell::Wholes(&point.yes))),
        (point.polarity != Polarity::default()).then_some(("polarity", word(point.polarity.as_str()))),
        point.range.map(|(low, high)| ("range", Cell::Range(low, high))),
        point.status.map(|status| ("status", Cell::Status(status))),
        (point.layout != Layout::default()).then_some(("layout", word(point.layout.as_str()))),
        (point.encoding != Encoding::default()).then_some(("encoding", word(point.encoding.as_str()))),
        (point.group != Default::default()).then_some(("group", word(point.group.as_str()))),
        (!point.origin.is_empty()).then_some((ORIGIN, Cell::Free(&point.origin))),
    ];
    fields.extend(optional.into_iter().flatten());
    fields
}

/// Mask and shift in the shortest words: `bit`, or `mask`, or both or either with `shift`.
fn bits(point: &RegisterPoint) -> (Option<u64>, Option<u64>, Option<u64>) {
    let shift = u64::from(point.shift);
    match point.mask {
        Some(mask) if mask.trailing_zeros() == u32::from(point.shift) && mask.is_power_of_two() => (Some(shift), None, None),
        Some(mask) if mask.trailing_zeros() == u32::from(point.shift) => (None, Some(mask), None),
        Some(mask) => (None, Some(mask), Some(shift)),
        None => (None, None, (shift > 0).then_some(shift)),
    }
}

/// Text with what a TOML basic string cannot hold escaped, in quotes, on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
