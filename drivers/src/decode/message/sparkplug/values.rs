//! Metrics to JSON values, by the data types of the specification (6.4.16).

use super::births::Device;
use super::payload::{Metric, Raw};
use super::{BD_SEQ, CONTROLS};
use crate::decode::message::value::NOT_FINITE;
use facility_config::limits::JSON_DEPTH_MAX;
use serde_json::{Map, Number, Value};

/// The values of a message, in objects by the `/` in their names. Of two for one metric the last is the newest.
pub(super) fn of(device: &Device, metrics: Vec<Metric>) -> Map<String, Value> {
    let mut values = Map::new();
    for metric in metrics {
        if metric.is_historical() {
            continue;
        }
        let Some((name, defined)) = device.definition(&metric) else { continue };
        if name == BD_SEQ || name.starts_with(CONTROLS) || name.split('/').count() >= JSON_DEPTH_MAX {
            continue;
        }
        let datatype = if metric.datatype() == 0 { defined } else { metric.datatype() };
        let value = if metric.is_null() { Some(Value::Null) } else { metric.value.and_then(|raw| value(datatype, raw)) };
        if let Some(value) = value {
            place(&mut values, name, value);
        }
    }
    values
}

/// Puts a value where its name says. One that would stand in the way of another, as `a` and `a/b` do, has no place.
fn place(values: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('/') {
        Some((group, rest)) => {
            let group = values.entry(group).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(group) = group {
                place(group, rest, value);
            }
        }
        None if values.get(name).is_some_and(Value::is_object) => {}
        None => drop(values.insert(name.to_owned(), value)),
    }
}

/// `None` for types that are no value of ours, and for values that are not of their type.
fn value(datatype: u32, raw: Raw) -> Option<Value> {
    match (datatype, raw) {
        (1, raw) => signed(raw, 8),
        (2, raw) => signed(raw, 16),
        (3, raw) => signed(raw, 32),
        (4, raw) => signed(raw, 64),
        (5, raw) => unsigned(raw, 8),
        (6, raw) => unsigned(raw, 16),
        (7, raw) => unsigned(raw, 32),
        // 13: Unix ms.
        (8 | 13, raw) => unsigned(raw, 64),
        (9, Raw::Float(number)) => Some(real(number.into())),
        (10, Raw::Double(number)) => Some(real(number)),
        (11, Raw::Boolean(yes)) => Some(Value::Bool(yes)),
        // String, Text, UUID.
        (12 | 14 | 15, Raw::Text(text)) => Some(Value::String(text)),
        _ => None,
    }
}

/// A signed number in two's complement, as wide as its type or, as other encoders write it, as the field.
fn signed(raw: Raw, bits: u32) -> Option<Value> {
    let (number, field_bits) = match raw {
        Raw::Int(number) => (u64::from(number), 32),
        Raw::Long(number) => (number, 64),
        _ => return None,
    };
    let extend = |bits: u32| ((number << (64 - bits)) as i64) >> (64 - bits);
    let as_type = extend(bits.min(field_bits));
    let is_of_type = bits >= field_bits || number >> bits == 0 || extend(field_bits) == as_type;
    is_of_type.then(|| as_type.into())
}

fn unsigned(raw: Raw, bits: u32) -> Option<Value> {
    let number = match raw {
        Raw::Int(number) => u64::from(number),
        Raw::Long(number) => number,
        _ => return None,
    };
    (bits == 64 || number >> bits == 0).then(|| number.into())
}

fn real(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(NOT_FINITE.to_owned()), Value::Number)
}
