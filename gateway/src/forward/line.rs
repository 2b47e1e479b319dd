//! Values to InfluxDB line protocol. Pure; checked value by value against InfluxData's own parser.
//!
//! Never writes NaN, an infinity, an empty tag, or a control character: one line is one physical line, whatever a
//! device says, so no value can end a line or begin another one.

use crate::store::record::MetricName;
use facility_config::limits::REVISION_MS_MAX;
use facility_config::series::{Class, Type};
use facility_config::{Measurement, Part};
use facility_drivers::Value;

/// Below this many ten-thousandths a double holds them apart, so that a decimal that reads back is the shortest.
const DECIMAL_MAX: f64 = (1u64 << 48) as f64;
/// Figures are sent in ten-thousandths of their unit: more digits of a mean say nothing and are a tenth of a month's bytes.
const FIGURE_PARTS: f64 = 1e4;

/// Where a stored metric belongs in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// Measurement.
    pub measurement: &'a str,
    /// Tag that tells the parts of a device apart.
    pub part_tag: &'a str,
    /// Field.
    pub field: &'a str,
    /// Where the measurement's rows come from; `None` if this version does not know the measurement.
    pub class: Option<Class>,
    /// Type of the field's values; `None` if this version does not know the point.
    pub ty: Option<Type>,
}

impl<'a> Name<'a> {
    /// The name of a stored metric. A point of another version is taken by its words; `None` if they are not
    /// `measurement.field`.
    #[must_use]
    pub fn of(metric: &'a MetricName) -> Option<Self> {
        if let Some(point) = metric.point {
            let (info, measurement) = (point.info(), point.measurement().info());
            return Some(Self {
                measurement: measurement.name,
                part_tag: measurement.part_tag.unwrap_or("part"),
                field: info.field,
                class: Some(measurement.class),
                ty: Some(info.ty),
            });
        }
        let (measurement, field) =
            metric.name.split_once('.').filter(|(measurement, field)| !measurement.is_empty() && !field.is_empty())?;
        let known = Measurement::ALL.iter().map(|known| known.info()).find(|known| known.name == measurement);
        Some(Self {
            measurement,
            part_tag: known.and_then(|known| known.part_tag).unwrap_or("part"),
            field,
            class: known.map(|known| known.class),
            ty: None,
        })
    }
}

/// Renders tags as the store keeps them: escaped, sorted by key, `a=1,b=2`, pairs without a value left out.
#[must_use]
pub fn tags<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<_> = pairs.into_iter().filter(|(key, value)| !key.is_empty() && !value.is_empty()).collect();
    pairs.sort_unstable();
    let mut out = String::new();
    for (key, value) in pairs {
        if !out.is_empty() {
            out.push(',');
        }
        push_name(&mut out, key);
        out.push('=');
        push_name(&mut out, value);
    }
    out
}

/// Begins a line: measurement, the origin's tags and the part, which comes last.
pub fn push_series(out: &mut String, name: &Name<'_>, tags: &str, part: Part) {
    push_name(out, name.measurement);
    if !tags.is_empty() {
        out.push(',');
        out.push_str(tags);
    }
    if !part.is_whole() {
        out.push(',');
        push_name(out, name.part_tag);
        out.push('=');
        push_name(out, part.as_str());
    }
}

/// Whether there is anything to write: a missing value is represented by absence.
#[must_use]
pub fn has_value(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::Int(_) | Value::Bool(_) | Value::Text(_) => true,
        Value::Missing(_) => false,
    }
}

/// How much later than its window begins a figure's row is stamped that stands beside earlier issues, ms: what its `rev` says, 0 for
/// every other field.
#[must_use]
pub fn later_ms(name: &Name<'_>, value: &Value) -> i64 {
    match value {
        Value::Int(rev) if name.class == Some(Class::Metric) && name.field == "rev" => (*rev).clamp(0, REVISION_MS_MAX),
        _ => 0,
    }
}

/// Writes `field=value`. The caller has asked [`has_value`].
pub fn push_field(out: &mut String, name: &Name<'_>, value: &Value) {
    push_name(out, name.field);
    out.push('=');
    match (value, name.ty) {
        (Value::Float(number), _) if name.class == Some(Class::Metric) => push_float(out, rounded(*number)),
        (Value::Float(number), _) => push_float(out, *number),
        // One type per field, for ever: a database refuses the second type it sees.
        (Value::Int(number), Some(Type::Float)) => push_float(out, *number as f64),
        (Value::Int(number), _) => {
            out.push_str(itoa::Buffer::new().format(*number));
            out.push('i');
        }
        (Value::Bool(yes), _) => out.push_str(if *yes { "true" } else { "false" }),
        (Value::Text(text), _) => push_text(out, text),
        (Value::Missing(_), _) => {}
    }
}

/// A figure as it is sent.
fn rounded(number: f64) -> f64 {
    let parts = (number * FIGURE_PARTS).round();
    // Nothing below zero is left of what is rounded to it.
    if parts.abs() < DECIMAL_MAX { parts / FIGURE_PARTS + 0.0 } else { number }
}

/// The shortest form that reads back exactly, with a point or an exponent; of what a device said in 32 bits as such, for it said
/// seven digits and not seventeen. Only for finite numbers.
fn push_float(out: &mut String, number: f64) {
    // Nearly every value has few decimal places. A negative zero is none of them. The first number of places that gives back the same bits is the shortest form.
    for (places, ten) in [1.0, 10.0, 100.0, 1e3, 1e4].into_iter().enumerate() {
        let scaled = (number * ten).round();
        if scaled.abs() < DECIMAL_MAX && (scaled as i64 as f64 / ten).to_bits() == number.to_bits() {
            return push_decimal(out, scaled as i64, places);
        }
    }
    let short = number as f32;
    let mut digits = ryu::Buffer::new();
    out.push_str(if f64::from(short).to_bits() == number.to_bits() { digits.format_finite(short) } else { digits.format_finite(number) });
}

/// A whole number of ones, or of tenths down to ten-thousandths.
fn push_decimal(out: &mut String, scaled: i64, places: usize) {
    let (mut digit, count) = (10_u64.pow(places as u32), scaled.unsigned_abs());
    if scaled < 0 {
        out.push('-');
    }
    out.push_str(itoa::Buffer::new().format(count / digit));
    out.push('.');
    if places == 0 {
        out.push('0');
    }
    while digit > 1 {
        digit /= 10;
        out.push(char::from(b'0' + (count / digit % 10) as u8));
    }
}

/// Measurement, tag or field key, tag value. A backslash becomes a slash: InfluxData's two parsers read a backslash
/// there differently and one of them takes it, at the end, for the escape of the separator behind it.
fn push_name(out: &mut String, name: &str) {
    // Nearly every name is one of our own words.
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return out.push_str(name);
    }
    for char in name.chars() {
        match char {
            ',' | '=' | ' ' => {
                out.push('\\');
                out.push(char);
            }
            '\\' => out.push('/'),
            char if char.is_control() => out.push('_'),
            char => out.push(char),
        }
    }
}

/// A quoted string. A control character is shown as its escape (`\n` arrives as a backslash and an n), because some
/// databases cut the request into lines before they look at quotes.
fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => {
                out.push('\\');
                out.push(char);
            }
            char if char.is_control() => {
                out.push('\\');
                out.extend(char.escape_default());
            }
            char => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
