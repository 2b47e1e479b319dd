//! One value of a Modbus profile: what its TOML may say, and its check.
//!
//! A setting that would have no effect is refused: whoever wrote it expected one.

use super::address::RawAddress;
use super::{check_part, check_range, named, one, part_named, reading_point};
use crate::limits::{MODBUS_TEXT_REGISTERS_MAX, TEXT_BYTES_MAX};
use crate::profile::{ByteOrder, Encoding, Group, Layout, Polarity, RegisterPoint, RegisterType, StatusCheck, Table};
use crate::series::{Point, Type};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Decimals a value may be rounded to.
const ROUND_MAX: u8 = 9;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRegister {
    point: String,
    #[serde(default)]
    part: String,
    table: Option<Table>,
    address: RawAddress,
    r#type: RegisterType,
    length: Option<u16>,
    bits: Option<u16>,
    order: Option<String>,
    bit: Option<u8>,
    mask: Option<u64>,
    shift: Option<u8>,
    #[serde(default = "one")]
    scale: f64,
    divisor: Option<f64>,
    #[serde(default)]
    offset: f64,
    round: Option<u8>,
    #[serde(default)]
    invalid: Vec<u64>,
    #[serde(default)]
    map: BTreeMap<String, Box<str>>,
    #[serde(default)]
    yes: Vec<i64>,
    #[serde(default)]
    polarity: Polarity,
    range: Option<(f64, f64)>,
    status: Option<RawStatus>,
    #[serde(default)]
    layout: Layout,
    #[serde(default)]
    encoding: Encoding,
    #[serde(default)]
    group: Group,
    #[serde(default)]
    origin: Box<str>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct RawStatus {
    address: u16,
    mask: u16,
    bad: u16,
}

impl RawRegister {
    pub(super) fn check(self, base: u16) -> Result<RegisterPoint, String> {
        let point = reading_point(&self.point)?;
        let part = part_named(&self.part)?;
        check_part(point, part)?;
        check_range(point, self.range)?;
        let name = named(point, part);
        self.build(point, base).map_err(|error| format!("{name}: {error}")).map(|register| RegisterPoint { part, ..register })
    }

    fn build(self, point: Point, base: u16) -> Result<RegisterPoint, String> {
        let place = self.address.place(self.table, base)?;
        let ty = self.r#type;
        let (length, bits) = length(ty, place.table, self.length, self.bits)?;
        if u32::from(place.address) + u32::from(length) > 0x1_0000 {
            return Err(format!("address {}: its {length} addresses end behind 65535", place.address));
        }
        let (mask, shift) = mask(self.bit.or(place.bit), self.mask, self.shift)?;
        self.check_type(point, place.table)?;
        self.check_bits(place.table, mask, shift)?;
        self.check_numbers(point)?;
        Ok(RegisterPoint {
            table: place.table,
            address: place.address,
            length,
            bits,
            order: order(ty, self.order.as_deref())?,
            mask,
            shift,
            scale: self.divisor.map_or(self.scale, |divisor| self.scale / divisor),
            offset: self.offset,
            round: self.round,
            map: words(self.map)?,
            status: status(self.status, place.table, base)?,
            invalid: self.invalid,
            yes: self.yes,
            polarity: self.polarity,
            range: self.range,
            layout: self.layout,
            encoding: self.encoding,
            group: self.group,
            origin: super::line("origin", self.origin)?,
            ..RegisterPoint::plain(point, place.table, place.address, ty)
        })
    }

    /// Whether the type fits the table and the point.
    fn check_type(&self, point: Point, table: Table) -> Result<(), String> {
        let ty = self.r#type;
        let (text, boolean) = (point.info().ty == Type::Text, point.info().ty == Type::Bool);
        if table.is_bits() && !matches!(ty, RegisterType::Bool | RegisterType::Count) {
            return Err("a coil or discrete input is a bool, or several are a count".into());
        }
        if ty == RegisterType::Text && !text {
            return Err("is not a text".into());
        }
        if (text && ty != RegisterType::Text) == self.map.is_empty() {
            return Err("a number that becomes a text has a map of words, nothing else has".into());
        }
        if !self.yes.is_empty() && !boolean {
            return Err("`yes` goes with points of yes or no".into());
        }
        if self.polarity != Polarity::Set && !boolean && ty != RegisterType::Count {
            return Err("`polarity` goes with points of yes or no, and with a count".into());
        }
        let of_text = self.layout != Layout::default() || self.encoding != Encoding::default();
        if of_text && ty != RegisterType::Text {
            return Err("`layout` and `encoding` go with type text".into());
        }
        Ok(())
    }

    /// Whether bits and raw values that are named exist.
    fn check_bits(&self, table: Table, mask: Option<u64>, shift: u8) -> Result<(), String> {
        let width = if table.is_bits() { None } else { whole_bits(self.r#type) };
        let fits = |value: u64| width.is_some_and(|width| width == 64 || value >> width == 0);
        match mask {
            Some(mask) if !fits(mask) || mask >> shift == 0 => {
                return Err("`bit`, `mask` and `shift` name bits that the value does not have".into());
            }
            None if shift > 0 && width.is_none_or(|width| u32::from(shift) >= width) => {
                return Err("`shift` moves everything out of the value".into());
            }
            _ => {}
        }
        let raw_width = if table.is_bits() { None } else { self.r#type.width().map(|_| raw_bits(self.r#type)) };
        let holds = |value: u64| raw_width.is_some_and(|width| width == 64 || value >> width == 0);
        match self.invalid.iter().find(|value| !holds(**value)) {
            Some(value) => Err(format!("`invalid` has {value}, which a {} can not be", self.r#type.as_str())),
            None => Ok(()),
        }
    }

    /// Whether the arithmetic can be done, and has a number to be done with.
    fn check_numbers(&self, point: Point) -> Result<(), String> {
        let divisor = self.divisor.unwrap_or(1.0);
        let scale = self.scale / divisor;
        if divisor == 0.0 || scale == 0.0 {
            return Err("scale and divisor cannot be 0".into());
        }
        if !scale.is_finite() || !self.offset.is_finite() {
            return Err("scale, divisor and offset must be numbers".into());
        }
        if self.round.is_some_and(|round| round > ROUND_MAX) {
            return Err(format!("`round` is 0 to {ROUND_MAX} decimals"));
        }
        let arithmetic = scale != 1.0 || self.offset != 0.0 || self.round.is_some() || self.range.is_some();
        if arithmetic && matches!(point.info().ty, Type::Text | Type::Bool) {
            return Err("`scale`, `divisor`, `offset`, `round` and `range` go with numbers".into());
        }
        Ok(())
    }
}

/// Addresses a value takes, and the bits of a count.
fn length(ty: RegisterType, table: Table, length: Option<u16>, bits: Option<u16>) -> Result<(u16, u16), String> {
    match (ty, length, bits) {
        (RegisterType::Count, None, Some(bits @ 1..)) if table.is_bits() => Ok((bits, bits)),
        (RegisterType::Count, None, Some(bits @ 1..)) => Ok((bits.div_ceil(16), bits)),
        (RegisterType::Count, ..) => Err("a count says how many `bits` it counts".into()),
        (RegisterType::Text, Some(length @ 1..=MODBUS_TEXT_REGISTERS_MAX), None) => Ok((length, 0)),
        (RegisterType::Text, ..) => Err(format!("a text says its `length`, 1 to {MODBUS_TEXT_REGISTERS_MAX} registers")),
        (_, None, None) => Ok((ty.width().unwrap_or(1), 0)),
        _ => Err("`length` goes with a text, `bits` with a count".into()),
    }
}

/// Bits of a raw value, as `invalid` compares it.
fn raw_bits(ty: RegisterType) -> u32 {
    match ty {
        RegisterType::U8Hi | RegisterType::U8Lo | RegisterType::I8Hi | RegisterType::I8Lo | RegisterType::Bcd8 => 8,
        RegisterType::U24 | RegisterType::I24 | RegisterType::Bcd24 => 24,
        _ => 16 * u32::from(ty.width().unwrap_or(0)),
    }
}

/// Bits that a mask may choose from; `None` for what is no whole number.
fn whole_bits(ty: RegisterType) -> Option<u32> {
    match ty {
        RegisterType::F16 | RegisterType::F32 | RegisterType::F64 | RegisterType::Text | RegisterType::Count => None,
        _ => Some(raw_bits(ty)),
    }
}

fn mask(bit: Option<u8>, mask: Option<u64>, shift: Option<u8>) -> Result<(Option<u64>, u8), String> {
    match (bit, mask, shift) {
        (Some(bit @ 0..=63), None, None) => Ok((Some(1 << bit), bit)),
        (Some(_), ..) => Err("`bit` is 0 to 63, and stands without `mask` and `shift`".into()),
        (None, Some(0), _) => Err("`mask` lets nothing through".into()),
        (None, _, Some(64..)) => Err("`shift` is 0 to 63".into()),
        // Without a shift of its own the lowest bit of the mask counts as 1.
        (None, Some(mask), None) => Ok((Some(mask), mask.trailing_zeros() as u8)),
        (None, mask, shift) => Ok((mask, shift.unwrap_or(0))),
    }
}

/// The map by raw value.
fn words(map: BTreeMap<String, Box<str>>) -> Result<Vec<(i64, Box<str>)>, String> {
    let mut words = BTreeMap::new();
    for (raw, word) in map {
        let number: i64 = raw.parse().map_err(|_| format!("map key `{raw}` is no whole number"))?;
        if word.is_empty() || word.trim() != &*word || word.len() > TEXT_BYTES_MAX || word.chars().any(char::is_control) {
            return Err(format!("the word of {number} must be 1 to {TEXT_BYTES_MAX} bytes of text"));
        }
        if words.insert(number, word).is_some() {
            return Err(format!("the map has {number} twice"));
        }
    }
    Ok(words.into_iter().collect())
}

fn status(raw: Option<RawStatus>, table: Table, base: u16) -> Result<Option<StatusCheck>, String> {
    let Some(RawStatus { address, mask, bad }) = raw else { return Ok(None) };
    if table.is_bits() {
        return Err("a status is a register beside registers".into());
    }
    if mask == 0 || bad & !mask != 0 {
        return Err(format!("the status can never be {bad} behind the mask {mask}"));
    }
    Ok(Some(StatusCheck { address: super::address::counted(address, base)?, mask, bad }))
}

/// The order of a type's bytes; without letters, the usual one.
pub(super) fn order(ty: RegisterType, letters: Option<&str>) -> Result<ByteOrder, String> {
    let bytes = usize::from(ty.width().unwrap_or(1)) * 2;
    let Some(letters) = letters else { return Ok(ByteOrder::big(bytes)) };
    if ty == RegisterType::Text {
        return Err("a text has a `layout`, not an order".into());
    }
    let order = ByteOrder::parse(letters).filter(|order| order.len() == bytes);
    order.ok_or_else(|| {
        format!("order `{letters}` must be the first {bytes} letters, A the most significant byte, as they come on the wire")
    })
}
