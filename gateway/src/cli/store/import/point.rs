//! One line of an export as a point. Takes any text; what it returns can be written to a store or into a line as it is.

use super::super::words;
use crate::forward::line::{self, Name};
use crate::store::record::{KEEP, MetricName, PROVISIONAL};
use facility_config::limits::TEXT_BYTES_MAX;
use facility_config::{Part, Point};
use facility_drivers::{Quality, Value};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest tag set, bytes.
const TAGS_BYTES_MAX: usize = 4096;
/// Longest name of a series, bytes.
const SERIES_BYTES_MAX: usize = 256;
/// The store itself cuts longer texts.
const STORED_TEXT_BYTES_MAX: usize = 64 * TEXT_BYTES_MAX;

/// A point.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli::store) struct Imported {
    pub(in crate::cli::store) at_ms: i64,
    /// As a store keeps them.
    pub(in crate::cli::store) tags: String,
    pub(in crate::cli::store) metric: MetricName,
    pub(in crate::cli::store) flags: u8,
    pub(in crate::cli::store) value: Value,
}

#[derive(Deserialize)]
struct Row<'a> {
    at_ms: i64,
    tags: Tags,
    #[serde(borrow)]
    series: Cow<'a, str>,
    #[serde(borrow, default)]
    part: Cow<'a, str>,
    float: Option<Number>,
    int: Option<i64>,
    bool: Option<bool>,
    text: Option<String>,
    missing: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    Pairs(BTreeMap<String, String>),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Named(String),
}

/// Reads a line.
pub(in crate::cli::store) fn parse(text: &str) -> Result<Imported, String> {
    let row: Row<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let part = Part::new(&row.part).ok_or("part is too long or holds a control character")?;
    let metric = MetricName { name: Arc::from(&*row.series), part, point: Point::from_name(&row.series) };
    if Name::of(&metric).is_none() || row.series.len() > SERIES_BYTES_MAX {
        return Err("series is no measurement.field".to_owned());
    }
    let flags = row.flags.iter().try_fold(0, |flags, word| Ok::<u8, String>(flags | flag_of(word)?))?;
    let (at_ms, tags) = (row.at_ms, tags_of(&row.tags)?);
    Ok(Imported { at_ms, tags, metric, flags, value: value_of(row)? })
}

/// Written anew, so that no text can end a line of line protocol.
fn tags_of(tags: &Tags) -> Result<String, String> {
    let pairs = match tags {
        Tags::Pairs(pairs) => pairs.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        Tags::Text(text) => words::tags(text),
    };
    let tags = line::tags(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    if tags.len() > TAGS_BYTES_MAX { Err("tags are too long".to_owned()) } else { Ok(tags) }
}

fn flag_of(word: &str) -> Result<u8, String> {
    match word {
        "keep" => Ok(KEEP),
        "time_corrected" => Ok(PROVISIONAL),
        other => Err(format!("there is no flag {other:?}")),
    }
}

fn value_of(row: Row<'_>) -> Result<Value, String> {
    let float = row.float.map(|number| match number {
        Number::Finite(number) => Ok(Value::Float(number)),
        Number::Named(name) if matches!(&*name, "NaN" | "inf" | "-inf") => name.parse().map(Value::Float).map_err(|_| String::new()),
        Number::Named(name) => Err(format!("{name:?} is no number")),
    });
    let text = row.text.map(|text| match text.len() {
        ..=STORED_TEXT_BYTES_MAX => Ok(Value::Text(text.into())),
        _ => Err("text is too long".to_owned()),
    });
    let missing = row.missing.map(|why| {
        let known = (0..=u8::MAX).filter_map(Quality::from_code).find(|quality| quality.as_str() == why);
        known.map(Value::Missing).ok_or_else(|| format!("there is no quality {why:?}"))
    });
    let values = [float, row.int.map(|int| Ok(Value::Int(int))), row.bool.map(|yes| Ok(Value::Bool(yes))), text, missing];
    let mut values = values.into_iter().flatten();
    match (values.next(), values.next()) {
        (Some(value), None) => value,
        _ => Err("one of float, int, bool, text and missing is needed".to_owned()),
    }
}
