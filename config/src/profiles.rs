//! The device models this gateway knows, embedded in the binary and parsed once.
//!
//! Never reads a file and never guesses: a profile that names an unknown point, a pointer without a slash or a range
//! upside down does not parse. The embedded ones are all parsed by a test, so at run time they cannot fail.

use crate::device::Kind;
use crate::limits::MODBUS_REGISTERS_MAX;
use crate::profile::{Dialect, JsonField, JsonMap, JsonMessage, MessageKind, ModbusMap, Profile, RegisterPoint, RegisterType};
use crate::profile::{StatusCheck, Table, WordOrder};
use crate::series::{Class, Point, Type};
use serde::Deserialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Every embedded profile: id and text. The id is the file's name, and a test holds it to that.
const EMBEDDED: &[(&str, &str)] = &[
    ("cabinet", include_str!("../profiles/cabinet.toml")),
    ("danfoss-ekc202d", include_str!("../profiles/danfoss-ekc202d.toml")),
    ("dixell-xjp60d", include_str!("../profiles/dixell-xjp60d.toml")),
    ("eastron-sdm120", include_str!("../profiles/eastron-sdm120.toml")),
    ("locker", include_str!("../profiles/locker.toml")),
    ("vending", include_str!("../profiles/vending.toml")),
];

/// The profile of that id; `None` if this gateway has none. All callers share one copy.
#[must_use]
pub fn builtin(id: &str) -> Option<Arc<Profile>> {
    static PARSED: OnceLock<BTreeMap<&'static str, Arc<Profile>>> = OnceLock::new();
    PARSED.get_or_init(parse_embedded).get(id).cloned()
}

/// Ids of all embedded profiles, in order.
pub fn builtin_ids() -> impl Iterator<Item = &'static str> {
    EMBEDDED.iter().map(|(id, _)| *id)
}

fn parse_embedded() -> BTreeMap<&'static str, Arc<Profile>> {
    EMBEDDED.iter().filter_map(|(id, text)| Some((*id, Arc::new(parse(text).ok()?)))).collect()
}

/// Reads one profile. The error is one line for the author of the profile.
fn parse(text: &str) -> Result<Profile, String> {
    let raw: RawProfile = toml::from_str(text).map_err(|error| error.to_string())?;
    let dialect = match (raw.modbus, raw.json) {
        (Some(map), None) => Dialect::Modbus(map.check()?),
        (None, Some(map)) => Dialect::Json(map.check()?),
        _ => return Err("a profile has either [modbus] or [json]".into()),
    };
    if raw.interval_s == 0 {
        return Err("interval_s must be at least 1".into());
    }
    let interval = Duration::from_secs(raw.interval_s);
    Ok(Profile { id: raw.id, kind: raw.kind, title: raw.title, origin: raw.origin, interval, dialect })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    id: Box<str>,
    kind: Kind,
    title: Box<str>,
    origin: Box<str>,
    interval_s: u64,
    modbus: Option<RawModbus>,
    json: Option<RawJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModbus {
    registers_max: u16,
    gap_max: u16,
    timeout_ms: u64,
    point: Vec<RawRegister>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRegister {
    point: String,
    table: Table,
    address: u16,
    r#type: RegisterType,
    #[serde(default)]
    order: WordOrder,
    #[serde(default = "one")]
    scale: f64,
    #[serde(default)]
    offset: f64,
    #[serde(default)]
    invalid: Vec<u32>,
    #[serde(default)]
    map: BTreeMap<String, Box<str>>,
    range: Option<(f64, f64)>,
    status: Option<RawStatus>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStatus {
    address: u16,
    mask: u16,
    bad: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawJson {
    message: Vec<RawMessage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMessage {
    kind: MessageKind,
    topic: Box<str>,
    time: Option<Box<str>>,
    id: Option<Box<str>>,
    key: Option<Box<str>>,
    part: Option<Box<str>>,
    #[serde(default)]
    required: Vec<Box<str>>,
    #[serde(default)]
    ignored: Vec<Box<str>>,
    quality: Option<Box<str>>,
    #[serde(default)]
    field: Vec<RawField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    pointer: Box<str>,
    part: Option<Box<str>>,
    point: String,
    #[serde(default = "one")]
    scale: f64,
    range: Option<(f64, f64)>,
    #[serde(default)]
    words: Vec<Box<str>>,
}

fn one() -> f64 {
    1.0
}

impl RawModbus {
    fn check(self) -> Result<ModbusMap, String> {
        if !(1..=MODBUS_REGISTERS_MAX).contains(&self.registers_max) || self.timeout_ms == 0 || self.point.is_empty() {
            return Err("registers_max, timeout_ms or the points are missing or out of range".into());
        }
        let points: Vec<_> = self.point.into_iter().map(RawRegister::check).collect::<Result<_, _>>()?;
        if let Some(wide) = points.iter().find(|point| point.ty.width() > self.registers_max) {
            return Err(format!("{}: wider than registers_max, a counter would be torn", wide.point));
        }
        let timeout = Duration::from_millis(self.timeout_ms);
        Ok(ModbusMap { registers_max: self.registers_max, gap_max: self.gap_max, timeout, points })
    }
}

impl RawRegister {
    fn check(self) -> Result<RegisterPoint, String> {
        let point = reading_point(&self.point)?;
        check_range(point, self.range)?;
        let bits = matches!(self.table, Table::Coil | Table::Discrete);
        if bits && self.r#type != RegisterType::Bool {
            return Err(format!("{point}: a coil or discrete input is a bool"));
        }
        if (point.info().ty == Type::Text) == self.map.is_empty() {
            return Err(format!("{point}: a text point has a map of words, no other has"));
        }
        let map = self.map.into_iter().map(|(raw, word)| match raw.parse() {
            Ok(raw) => Ok((raw, word)),
            Err(_) => Err(format!("{point}: map key `{raw}` is no whole number")),
        });
        let mut map: Vec<(i64, Box<str>)> = map.collect::<Result<_, _>>()?;
        map.sort_unstable_by_key(|(raw, _)| *raw);
        Ok(RegisterPoint {
            point,
            table: self.table,
            address: self.address,
            ty: self.r#type,
            order: self.order,
            scale: self.scale,
            offset: self.offset,
            invalid: self.invalid,
            map,
            range: self.range,
            status: self.status.map(|status| StatusCheck { address: status.address, mask: status.mask, bad: status.bad }),
        })
    }
}

impl RawJson {
    fn check(self) -> Result<JsonMap, String> {
        Ok(JsonMap { messages: self.message.into_iter().map(RawMessage::check).collect::<Result<_, _>>()? })
    }
}

impl RawMessage {
    fn check(self) -> Result<JsonMessage, String> {
        let single = self.time.iter().chain(&self.id).chain(&self.key).chain(&self.part).chain(&self.quality);
        for pointer in single.chain(&self.required).chain(&self.ignored) {
            check_pointer(pointer)?;
        }
        if !self.topic.contains("{device}") {
            return Err(format!("topic `{}` does not name the device", self.topic));
        }
        Ok(JsonMessage {
            kind: self.kind,
            topic: self.topic,
            time: self.time,
            id: self.id,
            key: self.key,
            part: self.part,
            required: self.required,
            ignored: self.ignored,
            quality: self.quality,
            fields: self.field.into_iter().map(RawField::check).collect::<Result<_, _>>()?,
        })
    }
}

impl RawField {
    fn check(self) -> Result<JsonField, String> {
        let point = reading_point(&self.point)?;
        check_pointer(&self.pointer)?;
        check_range(point, self.range)?;
        if self.pointer.contains('*') != point.measurement().info().part_tag.is_some_and(|_| !is_event(point)) {
            return Err(format!("{point}: `*` goes with a point that has parts, and only with it"));
        }
        Ok(JsonField { pointer: self.pointer, part: self.part, point, scale: self.scale, range: self.range, words: self.words })
    }
}

/// A device can only deliver readings and its own events; metrics, alarms and gaps are the gateway's.
fn reading_point(name: &str) -> Result<Point, String> {
    let point = Point::from_name(name).ok_or_else(|| format!("there is no point `{name}`"))?;
    match point.measurement().info().class == Class::Reading || is_event(point) {
        true => Ok(point),
        false => Err(format!("{point}: a device does not deliver this")),
    }
}

fn is_event(point: Point) -> bool {
    point.measurement() == crate::series::Measurement::Event
}

fn check_range(point: Point, range: Option<(f64, f64)>) -> Result<(), String> {
    match range {
        Some((low, high)) if low.partial_cmp(&high) != Some(Ordering::Less) => Err(format!("{point}: the range is empty")),
        _ => Ok(()),
    }
}

fn check_pointer(pointer: &str) -> Result<(), String> {
    match pointer.starts_with('/') && pointer.matches('*').count() <= 1 {
        true => Ok(()),
        false => Err(format!("`{pointer}` is no JSON pointer with at most one `*`")),
    }
}

#[cfg(test)]
#[path = "profiles_tests.rs"]
mod tests;
