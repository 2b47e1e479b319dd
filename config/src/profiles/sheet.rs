//! A Modbus profile as a spreadsheet, for people who live in one: one row a point, the model's own data in rows above.
//!
//! Made to survive Excel, WPS and LibreOffice: UTF-8 with a byte order mark; a head row begins with `#` in its first cell; a
//! cell that a spreadsheet would turn into a number, a date or a formula begins with an apostrophe; bits have a column of
//! their own, because 256.10 would become 256.1; raw values are hexadecimal, because 20 digits would be rounded.

mod cells;
mod head;
mod read;

pub(crate) use read::from_sheet;

use super::fields::{Cell, FIELDS, ORIGIN, of_point};
use super::modbus::SLOW_FACTOR;
use super::named;
use super::write::{hex_of, meaning};
use crate::profile::{Dialect, Expect, Golden, Mark, ModbusMap, Profile, RegisterPoint};
use std::borrow::Cow;

/// Column for people; whatever begins with `#` is not read back.
const MEANING: &str = "#meaning";
/// Between the values of one cell.
const BETWEEN: &str = "|";
/// Digits that spreadsheets show as they are; more become a power of ten.
const COUNT_DIGITS_MAX: usize = 9;
/// What spreadsheets in English and those in most other languages make of a text that begins like a month.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A Modbus profile as CSV; `None` for one that speaks something else. [`import_csv`](crate::import_csv) reads it back.
#[must_use]
pub fn to_csv(profile: &Profile) -> Option<String> {
    let Dialect::Modbus(map) = &profile.dialect else { return None };
    let mut rows = head(profile, map);
    rows.push(columns().map(str::to_owned).collect());
    rows.extend(map.points.iter().map(row));
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut writer = csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for mut row in rows {
        // Some programs guess the number of columns from the first row.
        row.resize(width, String::new());
        writer.write_record(row).ok()?;
    }
    let body = String::from_utf8(writer.into_inner().ok()?).ok()?;
    Some(format!("\u{feff}{body}"))
}

fn columns() -> impl Iterator<Item = &'static str> {
    FIELDS.into_iter().chain([ORIGIN, MEANING])
}

/// Rows of the model itself.
fn head(profile: &Profile, map: &ModbusMap) -> Vec<Vec<String>> {
    let one = |key: &str, value: &str| vec![format!("#{key}"), guarded(value).into_owned()];
    let number = |key: &str, value: u64| vec![format!("#{key}"), value.to_string()];
    let mut rows = vec![
        one("id", &profile.id),
        one("kind", profile.kind.as_str()),
        one("maker", &profile.maker),
        one("model", &profile.model),
        one("origin", &profile.origin),
        number("interval_s", profile.interval.as_secs()),
        number("registers_max", map.registers_max.into()),
        number("bits_max", map.bits_max.into()),
        number("gap_max", map.gap_max.into()),
        number("timeout_ms", map.timeout.as_millis() as u64),
        number("turnaround_ms", map.turnaround.as_millis() as u64),
    ];
    if map.slow != profile.interval * SLOW_FACTOR {
        rows.push(number("slow_s", map.slow.as_secs()));
    }
    if let Some(serial) = map.serial {
        rows.push(number("baud", serial.baud.into()));
        rows.push(one("parity", serial.parity.as_str()));
        rows.push(number("stop_bits", serial.stop_bits.into()));
    }
    if !map.quirks.is_empty() {
        rows.push(one("quirks", &map.quirks));
    }
    let span = |span: &crate::profile::Span| {
        vec!["#unreadable".to_owned(), span.table.as_str().to_owned(), span.first.to_string(), span.last.to_string()]
    };
    rows.extend(map.unreadable.iter().map(span));
    rows.extend(map.fingerprint.iter().map(mark));
    rows.extend(map.golden.iter().map(golden));
    rows
}

fn mark(mark: &Mark) -> Vec<String> {
    let mut row = vec!["#fingerprint".to_owned(), mark.table.as_str().to_owned(), mark.address.to_string(), mark.count.to_string()];
    match &mark.expect {
        Expect::Number { ty, order, low, high } => {
            row.extend([ty.as_str().to_owned(), order.to_string(), guarded(&format!("{low}..{high}")).into_owned()]);
        }
        Expect::Refused(code) => row.extend([String::new(), String::new(), format!("refused {code}")]),
    }
    row
}

fn golden(golden: &Golden) -> Vec<String> {
    let frames = [hex_of(&golden.question), hex_of(&golden.answer), golden.origin.to_string()];
    let values = golden.values.iter().map(|(point, part, value)| format!("{}={value}", named(*point, *part)));
    let cells = frames.into_iter().chain(values).map(|cell| guarded(&cell).into_owned());
    std::iter::once("#golden".to_owned()).chain(cells).collect()
}

fn row(point: &RegisterPoint) -> Vec<String> {
    let fields = of_point(point);
    let cell = |name: &str| match fields.iter().find(|(field, _)| *field == name) {
        Some((_, cell)) => shown(cell),
        None if name == MEANING => meaning(point.point),
        None => String::new(),
    };
    columns().map(cell).collect()
}

fn shown(cell: &Cell<'_>) -> String {
    let joined = |parts: Vec<String>| parts.join(BETWEEN);
    let text = match cell {
        Cell::Whole(number) => return number.to_string(),
        Cell::Number(number) => return number.to_string(),
        Cell::Bits(bits) => return format!("0x{bits:04X}"),
        Cell::Raw(values) => return joined(values.iter().map(|value| format!("0x{value:04X}")).collect()),
        Cell::Word(text) => text.to_string(),
        Cell::Free(text) => (*text).to_owned(),
        Cell::Range(low, high) => format!("{low}..{high}"),
        Cell::Wholes(values) => joined(values.iter().map(i64::to_string).collect()),
        Cell::Map(words) => joined(words.iter().map(|(raw, word)| format!("{raw}={}", escaped(word))).collect()),
        Cell::Status(status) => format!("{}&{}={}", status.address, status.mask, status.bad),
    };
    guarded(&text).into_owned()
}

/// A word inside a list of words.
fn escaped(word: &str) -> String {
    word.replace('\\', "\\\\").replace(BETWEEN, "\\|")
}

/// An apostrophe in front of text that a spreadsheet would take for a number, a date or a formula.
fn guarded(text: &str) -> Cow<'_, str> {
    let lower = text.get(..3).map(str::to_ascii_lowercase).unwrap_or_default();
    let is_date = MONTHS.contains(&lower.as_str()) && text.bytes().any(|byte| byte.is_ascii_digit());
    let is_bool = text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
    let is_word = text.chars().next().is_none_or(char::is_alphabetic) && !is_date && !is_bool;
    let is_count =
        text.len() <= COUNT_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_word || is_count { Cow::Borrowed(text) } else { Cow::Owned(format!("'{text}")) }
}
