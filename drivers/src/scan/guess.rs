//! Where in a device's registers a number lies that its display shows. Pure.
//!
//! Every type, every usual order of bytes and a few scales are tried at every address that could be read. What fits is
//! ranked: how makers usually do it comes first. Bounded by [`GUESSES_MAX`]; a second look at another moment is what
//! tells chance from truth.

use super::registers::Registers;
use crate::decode::registers::decode;
use crate::reading::Value;
use facility_config::Point;
use facility_config::profile::{ByteOrder, RegisterPoint, RegisterType, Table};

/// Guesses that are kept, the best ones.
pub const GUESSES_MAX: usize = 200;
/// Between two rounds of throwing the worst away.
const HELD_MAX: usize = 4096;
/// Types that hold a number, and how unusual they are for what a display shows.
const TYPES: [(RegisterType, u32); 20] = [
    (RegisterType::I16, 0),
    (RegisterType::U16, 1),
    (RegisterType::F32, 4),
    (RegisterType::I32, 6),
    (RegisterType::U32, 7),
    (RegisterType::I8Lo, 12),
    (RegisterType::U8Lo, 13),
    (RegisterType::I8Hi, 14),
    (RegisterType::U8Hi, 15),
    (RegisterType::Bcd16, 16),
    (RegisterType::Bcd32, 17),
    (RegisterType::F64, 18),
    (RegisterType::I64, 20),
    (RegisterType::U64, 21),
    (RegisterType::U48, 22),
    (RegisterType::F16, 24),
    (RegisterType::I24, 26),
    (RegisterType::U24, 27),
    (RegisterType::Bcd8, 28),
    (RegisterType::Bcd24, 29),
];
/// Scales, and how unusual they are for whole numbers.
const SCALES: [(f64, u32); 5] = [(0.1, 0), (1.0, 1), (0.01, 2), (0.001, 5), (10.0, 12)];
/// What an order other than the usual costs, by its place in [`ByteOrder::usual`].
const ORDER_COST: u32 = 5;
/// What a value costs that is off by the whole tolerance.
const INEXACT_COST: f64 = 8.0;
/// What a float costs that has another scale than 1.
const SCALED_FLOAT_COST: u32 = 10;
/// What a register costs without a neighbour that could be read.
const ALONE_COST: u32 = 1;

/// A number a display shows, and how far it may be off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown {
    /// The number.
    pub value: f64,
    /// How far the value of the registers may be away from it.
    pub tolerance: f64,
}

/// A place that fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// Table.
    pub table: Table,
    /// Address, 0-based.
    pub address: u16,
    /// How its bits lie.
    pub ty: RegisterType,
    /// In which order.
    pub order: ByteOrder,
    /// value = raw × scale
    pub scale: f64,
    /// What it makes now.
    pub value: f64,
    /// How unusual it would be: the lower, the likelier.
    pub cost: u32,
}

impl Guess {
    /// The lines of a profile that read it.
    #[must_use]
    pub fn to_toml(&self, point: &str) -> String {
        let order = if self.order == ByteOrder::big(self.order.len()) { String::new() } else { format!("order = \"{}\"\n", self.order) };
        let scale = if self.scale == 1.0 { String::new() } else { format!("scale = {}\n", self.scale) };
        format!(
            "[[modbus.point]]\npoint = \"{point}\"\ntable = \"{}\"\naddress = {}\ntype = \"{}\"\n{order}{scale}",
            self.table.as_str(),
            self.address,
            self.ty.as_str()
        )
    }

    /// Whether it also made another number at another time.
    fn fits(&self, at: &Registers, shown: Shown) -> bool {
        let point = plain(self.table, self.address, self.ty, self.order);
        value(&point, at).is_some_and(|raw| near(raw * self.scale, shown).is_some())
    }
}

/// Every place whose value is what the display shows, the likeliest first. With `before`, only those that also were what
/// it showed then.
#[must_use]
pub fn guess(now: &Registers, shown: Shown, before: Option<(&Registers, Shown)>) -> Vec<Guess> {
    let mut found = Vec::new();
    for (table, address, _) in now.iter().filter(|(table, ..)| !table.is_bits()) {
        let beside = [address.checked_sub(1), address.checked_add(1)].into_iter().flatten();
        let alone = if beside.into_iter().any(|beside| now.get(table, beside, 1).is_some()) { 0 } else { ALONE_COST };
        // Types that make the same of the same registers are one guess: the usual one.
        let mut seen: Vec<(u16, f64)> = Vec::new();
        for (point, cost) in readings(table, address) {
            let Some(raw) = value(&point, now).filter(|raw| !seen.contains(&(point.length, *raw))) else { continue };
            seen.push((point.length, raw));
            let fits_before = |guess: &Guess| before.is_none_or(|(at, shown)| guess.fits(at, shown));
            found.extend(scaled(raw, shown, &point, cost + alone).filter(fits_before));
        }
        if found.len() > HELD_MAX {
            keep_best(&mut found);
        }
    }
    keep_best(&mut found);
    found
}

/// Every way to read a number at an address, and how unusual it is.
fn readings(table: Table, address: u16) -> impl Iterator<Item = (RegisterPoint, u32)> {
    TYPES.into_iter().flat_map(move |(ty, cost)| {
        let big = ByteOrder::big(usize::from(ty.width().unwrap_or(1)) * 2);
        let others = if has_order(ty) { ByteOrder::usual(big.len()) } else { Vec::new() };
        let orders = std::iter::once(big).chain(others.into_iter().skip(1));
        orders.enumerate().map(move |(nth, order)| (plain(table, address, ty, order), cost + ORDER_COST * nth as u32))
    })
}

/// The scales with which a raw value is what is shown.
fn scaled<'a>(raw: f64, shown: Shown, point: &'a RegisterPoint, cost: u32) -> impl Iterator<Item = Guess> + 'a {
    let is_float = matches!(point.ty, RegisterType::F16 | RegisterType::F32 | RegisterType::F64);
    // Nothing is nothing with any scale.
    let scales = SCALES.into_iter().filter(move |(scale, _)| raw != 0.0 || *scale == 1.0);
    scales.filter_map(move |(scale, scale_cost)| {
        let value = raw * scale;
        let off = near(value, shown)?;
        let scale_cost = match is_float {
            true if scale == 1.0 => 0,
            true => SCALED_FLOAT_COST + scale_cost,
            false => scale_cost,
        };
        let cost = cost + scale_cost + (off * INEXACT_COST) as u32;
        Some(Guess { table: point.table, address: point.address, ty: point.ty, order: point.order, scale, value, cost })
    })
}

/// How far off a value is, from 0 to 1; `None` if it is another number.
fn near(value: f64, shown: Shown) -> Option<f64> {
    // A display that shows one decimal is right about the value of a register with one: 185 × 0.1 is not 18.5 in floats.
    let slack = shown.value.abs() * 1e-9;
    let off = (value - shown.value).abs() - slack;
    (off <= shown.tolerance).then(|| if shown.tolerance > 0.0 { (off.max(0.0) / shown.tolerance).min(1.0) } else { 0.0 })
}

fn value(point: &RegisterPoint, at: &Registers) -> Option<f64> {
    let words = at.get(point.table, point.address, point.length)?;
    match decode(point, &words, None) {
        Ok(Value::Float(value)) => Some(value),
        _ => None,
    }
}

fn plain(table: Table, address: u16, ty: RegisterType, order: ByteOrder) -> RegisterPoint {
    RegisterPoint { order, ..RegisterPoint::plain(Point::ProbeTemp, table, address, ty) }
}

/// Whether makers are known to swap the bytes of such a type.
fn has_order(ty: RegisterType) -> bool {
    !matches!(ty, RegisterType::I8Hi | RegisterType::I8Lo | RegisterType::U8Hi | RegisterType::U8Lo | RegisterType::Bcd8)
}

fn keep_best(found: &mut Vec<Guess>) {
    found.sort_by_key(|guess| (guess.cost, guess.table, guess.address));
    found.truncate(GUESSES_MAX);
}

#[cfg(test)]
mod tests;
