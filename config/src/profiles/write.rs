//! A Modbus profile as TOML, in an order that does not change, so that two versions can be compared line by line.

use super::fields::{Cell, of_point, quoted};
use super::modbus::{SLOW_FACTOR, TURNAROUND_MS};
use super::named;
use crate::limits::MODBUS_BITS_MAX;
use crate::profile::{Dialect, Expect, Golden, Mark, ModbusMap, Profile, RegisterPoint};
use crate::series::Point;
use std::fmt::{self, Write};
use std::time::Duration;

/// The profile as TOML that reads back as the same profile. Of profiles that do not speak Modbus only the head is written.
#[must_use]
pub fn to_toml(profile: &Profile) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_profile(&mut out, profile);
    out
}

fn write_profile(out: &mut String, profile: &Profile) -> fmt::Result {
    let head = [("maker", &profile.maker), ("model", &profile.model), ("origin", &profile.origin)];
    writeln!(out, "id = {}", quoted(&profile.id))?;
    writeln!(out, "kind = {}", quoted(profile.kind.as_str()))?;
    for (key, text) in head {
        writeln!(out, "{key} = {}", quoted(text))?;
    }
    writeln!(out, "interval_s = {}", profile.interval.as_secs())?;
    match &profile.dialect {
        Dialect::Modbus(map) => write_map(out, map, profile.interval),
        _ => Ok(()),
    }
}

fn write_map(out: &mut String, map: &ModbusMap, interval: Duration) -> fmt::Result {
    writeln!(out, "\n[modbus]")?;
    writeln!(out, "registers_max = {}", map.registers_max)?;
    if map.bits_max != MODBUS_BITS_MAX {
        writeln!(out, "bits_max = {}", map.bits_max)?;
    }
    writeln!(out, "gap_max = {}", map.gap_max)?;
    writeln!(out, "timeout_ms = {}", map.timeout.as_millis())?;
    if map.turnaround != Duration::from_millis(TURNAROUND_MS) {
        writeln!(out, "turnaround_ms = {}", map.turnaround.as_millis())?;
    }
    if map.slow != interval * SLOW_FACTOR {
        writeln!(out, "slow_s = {}", map.slow.as_secs())?;
    }
    if let Some(serial) = map.serial {
        let parity = quoted(serial.parity.as_str());
        writeln!(out, "serial = {{ baud = {}, parity = {parity}, stop_bits = {} }}", serial.baud, serial.stop_bits)?;
    }
    if !map.unreadable.is_empty() {
        writeln!(out, "unreadable = [")?;
        for span in &map.unreadable {
            writeln!(out, "    {{ table = \"{}\", first = {}, last = {} }},", span.table.as_str(), span.first, span.last)?;
        }
        writeln!(out, "]")?;
    }
    if !map.quirks.is_empty() {
        writeln!(out, "quirks = {}", lines(&map.quirks))?;
    }
    map.fingerprint.iter().try_for_each(|mark| write_mark(out, mark))?;
    map.golden.iter().try_for_each(|golden| write_golden(out, golden))?;
    map.points.iter().try_for_each(|point| write_point(out, point))
}

fn write_mark(out: &mut String, mark: &Mark) -> fmt::Result {
    writeln!(out, "\n[[modbus.fingerprint]]\ntable = \"{}\"\naddress = {}\ncount = {}", mark.table.as_str(), mark.address, mark.count)?;
    match &mark.expect {
        Expect::Number { ty, order, low, high } => {
            writeln!(out, "type = \"{}\"\norder = \"{order}\"\nrange = [{low:?}, {high:?}]", ty.as_str())
        }
        Expect::Refused(code) => writeln!(out, "refused = {code}"),
    }
}

fn write_golden(out: &mut String, golden: &Golden) -> fmt::Result {
    writeln!(out, "\n[[modbus.golden]]\nquestion = \"{}\"", hex_of(&golden.question))?;
    if !golden.answer.is_empty() {
        writeln!(out, "answer = \"{}\"", hex_of(&golden.answer))?;
    }
    writeln!(out, "origin = {}", quoted(&golden.origin))?;
    if !golden.values.is_empty() {
        writeln!(out, "[modbus.golden.values]")?;
    }
    golden.values.iter().try_for_each(|(point, part, value)| writeln!(out, "{} = {}", quoted(&named(*point, *part)), quoted(value)))
}

fn write_point(out: &mut String, point: &RegisterPoint) -> fmt::Result {
    writeln!(out, "\n[[modbus.point]] # {}", meaning(point.point))?;
    let fields = of_point(point);
    for (key, cell) in &fields {
        let value = match cell {
            // A table of its own, behind everything else.
            Cell::Map(_) => continue,
            Cell::Word(text) => quoted(text),
            Cell::Free(text) => quoted(text),
            Cell::Whole(number) => number.to_string(),
            Cell::Number(number) => format!("{number:?}"),
            Cell::Range(low, high) => format!("[{low:?}, {high:?}]"),
            Cell::Bits(bits) => format!("{bits:#06X}").replace("0X", "0x"),
            Cell::Raw(values) => list(values),
            Cell::Wholes(values) => list(values),
            Cell::Status(status) => format!("{{ address = {}, mask = {}, bad = {} }}", status.address, status.mask, status.bad),
        };
        writeln!(out, "{key} = {value}")?;
    }
    for (_, cell) in &fields {
        if let Cell::Map(words) = cell {
            writeln!(out, "[modbus.point.map]")?;
            words.iter().try_for_each(|(raw, word)| writeln!(out, "{raw} = {}", quoted(word)))?;
        }
    }
    Ok(())
}

/// What a point is, in both languages, with its unit.
pub(super) fn meaning(point: Point) -> String {
    let (info, unit) = (point.info(), point.unit());
    let unit = if unit.is_empty() { String::new() } else { format!(", {unit}") };
    format!("{} {}{unit}", info.en, info.zh)
}

/// Bytes as pairs of hexadecimal digits, a blank in between.
#[must_use]
pub fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

fn list<T: ToString>(values: &[T]) -> String {
    format!("[{}]", values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// Text of several lines as several lines, if TOML can hold it so.
fn lines(text: &str) -> String {
    let plain = |c: char| c == '\n' || !c.is_control() && !matches!(c, '"' | '\\');
    if text.contains('\n') && text.chars().all(plain) { format!("\"\"\"\n{text}\"\"\"") } else { quoted(text) }
}
