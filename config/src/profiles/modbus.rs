//! Profiles of devices that speak Modbus: what their TOML may say, and its check. The points are in `point.rs`.

use super::address::counted;
use super::fault::{Faults, each};
use super::point::{RawRegister, order};
use super::{DELAY_MS_MAX, RawGolden, RawSerial};
use crate::limits::{MODBUS_BITS_MAX, MODBUS_REGISTERS_MAX};
use crate::profile::{Expect, Golden, Mark, ModbusMap, RegisterPoint, RegisterType, Span, Table};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::Spanned;

/// Slow points are read this much less often than the others, unless the profile says otherwise.
pub(super) const SLOW_FACTOR: u32 = 10;
/// Longest time between two reads of slow points, s.
const SLOW_S_MAX: u64 = 7 * 86_400;
/// Time to an answer that is assumed where nobody has measured it, ms.
pub(super) const TURNAROUND_MS: u64 = 10;
/// Functions that read. A question of any other is not sent, not even from a manual.
const READS: RangeInclusive<u8> = 1..=4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModbus {
    registers_max: u16,
    #[serde(default = "bits_max")]
    bits_max: u16,
    #[serde(default)]
    gap_max: u16,
    timeout_ms: u64,
    #[serde(default = "turnaround_ms")]
    turnaround_ms: u64,
    slow_s: Option<u64>,
    /// 1 if the addresses are numbered from 1, as some manuals do; of points, status, fingerprint and `unreadable`.
    #[serde(default)]
    address_base: u16,
    serial: Option<RawSerial>,
    #[serde(default)]
    unreadable: Vec<Spanned<Span>>,
    #[serde(default)]
    fingerprint: Vec<Spanned<RawMark>>,
    #[serde(default)]
    golden: Vec<Spanned<RawGolden>>,
    #[serde(default)]
    quirks: Box<str>,
    point: Vec<Spanned<RawRegister>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMark {
    table: Table,
    address: u16,
    count: Option<u16>,
    r#type: Option<RegisterType>,
    order: Option<String>,
    range: Option<(f64, f64)>,
    refused: Option<u8>,
}

fn bits_max() -> u16 {
    MODBUS_BITS_MAX
}

fn turnaround_ms() -> u64 {
    TURNAROUND_MS
}

impl RawModbus {
    pub(super) fn check(self, interval: Duration) -> Result<ModbusMap, Faults> {
        self.check_head()?;
        let base = self.address_base;
        let max = |point: &RegisterPoint| if point.table.is_bits() { self.bits_max } else { self.registers_max };
        let points = each(self.point, |point| {
            let point = point.check(base)?;
            match point.length > max(&point) {
                true => Err(format!("{}: wider than one request may be, a counter would be torn", point.point)),
                false => Ok(point),
            }
        })?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = points.iter().find(|point| !seen.insert((point.point, point.part))) {
            return Err(format!("{} is mapped twice", super::named(twice.point, twice.part)).into());
        }
        Ok(ModbusMap {
            registers_max: self.registers_max,
            bits_max: self.bits_max,
            gap_max: self.gap_max,
            timeout: Duration::from_millis(self.timeout_ms),
            turnaround: Duration::from_millis(self.turnaround_ms),
            slow: self.slow_s.map_or(interval * SLOW_FACTOR, Duration::from_secs).max(interval),
            serial: self.serial.map(RawSerial::check).transpose()?,
            unreadable: each(self.unreadable, |span| unreadable(span, base))?,
            fingerprint: each(self.fingerprint, |mark| mark.check(base))?,
            golden: each(self.golden, |golden| golden.check().and_then(only_read))?,
            quirks: super::lines(&self.quirks)?,
            points,
        })
    }

    fn check_head(&self) -> Result<(), String> {
        let within = |name: &str, value: u64, allowed: RangeInclusive<u64>| match allowed.contains(&value) {
            true => Ok(()),
            false => Err(format!("{name} must be {} to {}, not {value}", allowed.start(), allowed.end())),
        };
        within("registers_max", self.registers_max.into(), 1..=MODBUS_REGISTERS_MAX.into())?;
        within("bits_max", self.bits_max.into(), 1..=MODBUS_BITS_MAX.into())?;
        within("gap_max", self.gap_max.into(), 0..=MODBUS_BITS_MAX.into())?;
        within("timeout_ms", self.timeout_ms, 1..=DELAY_MS_MAX)?;
        within("turnaround_ms", self.turnaround_ms, 0..=DELAY_MS_MAX)?;
        within("address_base", self.address_base.into(), 0..=1)?;
        within("slow_s", self.slow_s.unwrap_or(1), 1..=SLOW_S_MAX)?;
        match self.point.is_empty() {
            true => Err("no point is mapped".into()),
            false => Ok(()),
        }
    }
}

impl RawMark {
    fn check(self, base: u16) -> Result<Mark, String> {
        let place = format!("fingerprint at {} {}", self.table.as_str(), self.address);
        let of_place = |error: String| format!("{place}: {error}");
        let expect = match (self.range, self.refused) {
            (Some((low, high)), None) if low <= high => {
                let ty = self.r#type.ok_or_else(|| of_place("`type` is missing".into()))?;
                if ty.width().is_none() || self.table.is_bits() && ty != RegisterType::Bool {
                    return Err(of_place(format!("a {} is no number to look for there", ty.as_str())));
                }
                Expect::Number { ty, order: order(ty, self.order.as_deref()).map_err(of_place)?, low, high }
            }
            (None, Some(code)) => Expect::Refused(code),
            _ => return Err(of_place("say either a range (low, high) or the exception code it is refused with".into())),
        };
        let width = if self.table.is_bits() { 1 } else { self.r#type.and_then(RegisterType::width).unwrap_or(1) };
        let count = self.count.unwrap_or(width);
        if !(width..=self.table.count_max()).contains(&count) {
            return Err(of_place(format!("`count` must be {width} to {}, not {count}", self.table.count_max())));
        }
        let address = counted(self.address, base).map_err(of_place)?;
        Ok(Mark { table: self.table, address, count, expect })
    }
}

fn unreadable(span: Span, base: u16) -> Result<Span, String> {
    if span.first > span.last {
        return Err(format!("unreadable {} to {}: the end lies before the beginning", span.first, span.last));
    }
    Ok(Span { table: span.table, first: counted(span.first, base)?, last: counted(span.last, base)? })
}

/// A frame of a profile may be sent, by a scan or a simulator: it must not change anything.
fn only_read(golden: Golden) -> Result<Golden, String> {
    match golden.question.get(1) {
        Some(function) if READS.contains(function) => Ok(golden),
        Some(function) => Err(format!("golden: function {function} does not read; only functions 1 to 4 have a place in a profile")),
        None => Err("golden: the question is missing".into()),
    }
}
