//! The device models this gateway knows, embedded in the binary and parsed once, and the reading of others.
//!
//! Never reads a file and never guesses: a profile that names an unknown point, a pointer without a slash or a range
//! upside down does not parse. The embedded ones are all parsed by a test, so at run time they cannot fail.

mod address;
mod fault;
mod fields;
mod frame;
mod known;
mod message;
mod modbus;
mod point;
mod sheet;
mod write;

use crate::device::Kind;
use crate::profile::{Dialect, Golden, Profile, SerialDefaults};
use crate::series::{Class, Part, Point};
use crate::site::Parity;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use toml::Spanned;

pub(crate) use fault::Faults;
pub(crate) use known::Known;
pub(crate) use sheet::from_sheet;
pub use sheet::to_csv;
pub use write::{hex_of, to_toml};

/// Longest id of a profile, bytes.
const ID_BYTES_MAX: usize = 64;
/// Longest maker, model and origin of a profile, bytes.
const WORDS_BYTES_MAX: usize = 1024;
/// Longest interval of a profile, s.
const INTERVAL_S_MAX: u64 = 86_400;
/// Longest timeout and turnaround of a profile, ms; as long as a device's own may be.
const DELAY_MS_MAX: u64 = 60_000;

/// Every embedded profile: id and text. The id is the file's name, and a test holds it to that.
const EMBEDDED: &[(&str, &str)] = &[
    ("cabinet", include_str!("../profiles/cabinet.toml")),
    ("carel-easy", include_str!("../profiles/carel-easy.toml")),
    ("carel-ir33", include_str!("../profiles/carel-ir33.toml")),
    ("chint-ddsu666", include_str!("../profiles/chint-ddsu666.toml")),
    ("chint-dtsu666", include_str!("../profiles/chint-dtsu666.toml")),
    ("danfoss-ak-cc55", include_str!("../profiles/danfoss-ak-cc55.toml")),
    ("danfoss-ekc202d", include_str!("../profiles/danfoss-ekc202d.toml")),
    ("danfoss-ekc204a1", include_str!("../profiles/danfoss-ekc204a1.toml")),
    ("danfoss-erc211", include_str!("../profiles/danfoss-erc211.toml")),
    ("danfoss-erc213", include_str!("../profiles/danfoss-erc213.toml")),
    ("danfoss-erc214", include_str!("../profiles/danfoss-erc214.toml")),
    ("dixell-xjp60d", include_str!("../profiles/dixell-xjp60d.toml")),
    ("dixell-xr", include_str!("../profiles/dixell-xr.toml")),
    ("eastron-sdm120", include_str!("../profiles/eastron-sdm120.toml")),
    ("eastron-sdm630", include_str!("../profiles/eastron-sdm630.toml")),
    ("eliwell-idplus", include_str!("../profiles/eliwell-idplus.toml")),
    ("fif-le01mp", include_str!("../profiles/fif-le01mp.toml")),
    ("lock-8a80", include_str!("../profiles/lock-8a80.toml")),
    ("lock-cu48", include_str!("../profiles/lock-cu48.toml")),
    ("lock-wkly", include_str!("../profiles/lock-wkly.toml")),
    ("lock-yt", include_str!("../profiles/lock-yt.toml")),
    ("locker", include_str!("../profiles/locker.toml")),
    ("locker-parkbike", include_str!("../profiles/locker-parkbike.toml")),
    ("pzem-016", include_str!("../profiles/pzem-016.toml")),
    ("sparkplug-cabinet", include_str!("../profiles/sparkplug-cabinet.toml")),
    ("vending", include_str!("../profiles/vending.toml")),
    ("vending-awish", include_str!("../profiles/vending-awish.toml")),
    ("vending-dts", include_str!("../profiles/vending-dts.toml")),
    ("vending-showdoc", include_str!("../profiles/vending-showdoc.toml")),
    ("vending-xuwei", include_str!("../profiles/vending-xuwei.toml")),
    ("xy-md02", include_str!("../profiles/xy-md02.toml")),
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

/// The text of an embedded profile, with its comments.
#[must_use]
pub fn builtin_text(id: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|(known, _)| *known == id).map(|(_, text)| *text)
}

fn parse_embedded() -> BTreeMap<&'static str, Arc<Profile>> {
    EMBEDDED.iter().filter_map(|(id, text)| Some((*id, Arc::new(parse(text).ok()?)))).collect()
}

/// Reads one profile. The error is one line for its author.
pub(crate) fn parse(text: &str) -> Result<Profile, String> {
    read(text).map_err(|faults| faults.to_string())
}

/// Reads one profile, or says everything that is wrong with it and where.
pub(crate) fn read(text: &str) -> Result<Profile, Faults> {
    let raw: RawProfile = toml::from_str(text)?;
    raw.check()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    id: Spanned<Box<str>>,
    kind: Spanned<Kind>,
    maker: Spanned<Box<str>>,
    model: Spanned<Box<str>>,
    origin: Spanned<Box<str>>,
    interval_s: Spanned<u64>,
    modbus: Option<Spanned<modbus::RawModbus>>,
    frame: Option<Spanned<frame::RawFrame>>,
    mqtt: Option<Spanned<message::RawMqtt>>,
}

impl RawProfile {
    fn check(self) -> Result<Profile, Faults> {
        let interval_s = checked(self.interval_s, |interval_s| match interval_s {
            1..=INTERVAL_S_MAX => Ok(interval_s),
            _ => Err(format!("interval_s must be at least 1 and at most {INTERVAL_S_MAX}")),
        })?;
        let interval = Duration::from_secs(interval_s);
        let dialect = match (self.modbus, self.frame, self.mqtt) {
            (Some(map), None, None) => within(map, |map| map.check(interval)).map(Dialect::Modbus)?,
            (None, Some(map), None) => within(map, frame::RawFrame::check).map(Dialect::Frame)?,
            (None, None, Some(map)) => within(map, message::RawMqtt::check).map(Dialect::Mqtt)?,
            _ => return Err(String::from("a profile has one of [modbus], [frame] and [mqtt]").into()),
        };
        Ok(Profile {
            id: checked(self.id, |id| if is_id(&id) { Ok(id) } else { Err(format!("`id` is 1 to {ID_BYTES_MAX} of a-z, 0-9 and -")) })?,
            kind: checked(self.kind, |kind| match kind {
                Kind::Gateway => Err("`kind` gateway is this gateway itself".into()),
                kind => Ok(kind),
            })?,
            maker: checked(self.maker, |text| words("maker", text))?,
            model: checked(self.model, |text| words("model", text))?,
            origin: checked(self.origin, |text| words("origin", text))?,
            interval,
            dialect,
        })
    }
}

/// One value and its place.
fn checked<T, U>(value: Spanned<T>, check: impl FnOnce(T) -> Result<U, String>) -> Result<U, Faults> {
    within(value, |value| check(value).map_err(Faults::from))
}

/// A part of the text: faults without a place are somewhere in it.
fn within<T, U>(value: Spanned<T>, check: impl FnOnce(T) -> Result<U, Faults>) -> Result<U, Faults> {
    let span = value.span();
    check(value.into_inner()).map_err(|faults| faults.within(&span))
}

/// Whether a profile can be called that; its file has the same name.
pub(crate) fn is_id(id: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.chars().all(inner) && !id.starts_with('-')
}

/// What a technician has to know; any number of lines.
fn lines(text: &str) -> Result<Box<str>, String> {
    let text = text.replace("\r\n", "\n");
    match text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        true => Err("`quirks` has control characters".into()),
        false => Ok(text.into()),
    }
}

/// One line or nothing.
fn line(key: &str, text: Box<str>) -> Result<Box<str>, String> {
    if text.is_empty() { Ok(text) } else { words(key, text) }
}

/// Who, what, from where: said in one line.
fn words(key: &str, text: Box<str>) -> Result<Box<str>, String> {
    match text.trim().is_empty() || text.len() > WORDS_BYTES_MAX || text.chars().any(char::is_control) {
        true => Err(format!("`{key}` is one line of 1 to {WORDS_BYTES_MAX} bytes")),
        false => Ok(text),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSerial {
    baud: u32,
    parity: Parity,
    stop_bits: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGolden {
    question: String,
    #[serde(default)]
    answer: String,
    origin: Box<str>,
    /// `point` or `point#part` to the value as text.
    #[serde(default)]
    values: BTreeMap<String, Box<str>>,
}

fn one() -> f64 {
    1.0
}

impl RawSerial {
    fn check(self) -> Result<SerialDefaults, String> {
        if !(300..=4_000_000).contains(&self.baud) {
            return Err(format!("baud must be 300 to 4000000, not {}", self.baud));
        }
        match self.stop_bits {
            1 | 2 => Ok(SerialDefaults { baud: self.baud, parity: self.parity, stop_bits: self.stop_bits }),
            other => Err(format!("stop_bits must be 1 or 2, not {other}")),
        }
    }
}

impl RawGolden {
    fn check(self) -> Result<Golden, String> {
        let values = self.values.into_iter().map(|(name, value)| {
            let (point, part) = name.split_once('#').unwrap_or((&name, ""));
            Ok((reading_point(point)?, part_named(part)?, line("values", value)?))
        });
        let values = values.collect::<Result<_, String>>()?;
        Ok(Golden { question: hex(&self.question)?, answer: hex(&self.answer)?, values, origin: line("origin", self.origin)? })
    }
}

/// Bytes written as pairs of hexadecimal digits, blanks in between or not.
pub(crate) fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().filter(|_| pair.len() == 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    digits.chunks(2).map(byte).collect::<Option<_>>().ok_or_else(|| format!("`{text}` is not pairs of hexadecimal digits"))
}

pub(crate) fn part_named(name: &str) -> Result<Part, String> {
    Part::new(name).ok_or_else(|| format!("`{name}` is too long for a part"))
}

/// A point of a measurement with parts names its part, no other does.
pub(crate) fn check_part(point: Point, part: Part) -> Result<(), String> {
    match (point.measurement().info().part_tag, part.is_whole()) {
        (Some(tag), true) => Err(format!("{point}: `part` is missing, it names the {tag}")),
        (None, false) => Err(format!("{point}: has no parts")),
        _ => Ok(()),
    }
}

/// A point and its part as `point#part`.
pub(crate) fn named(point: Point, part: Part) -> String {
    if part.is_whole() { point.to_string() } else { format!("{point}#{part}") }
}

/// A device can only deliver readings and its own events; metrics, alarms and gaps are the gateway's.
pub(crate) fn reading_point(name: &str) -> Result<Point, String> {
    let point = Point::from_name(name).ok_or_else(|| {
        let hint = match crate::nearest(name, Point::ALL.iter().map(|point| point.info().name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "the names are in SERIES.md".to_owned(),
        };
        format!("there is no point `{name}`; {hint}")
    })?;
    match point.measurement().info().class == Class::Reading || is_event(point) {
        true => Ok(point),
        false => Err(format!("{point}: a device does not deliver this")),
    }
}

pub(crate) fn is_event(point: Point) -> bool {
    point.measurement() == crate::series::Measurement::Event
}

pub(crate) fn check_range(point: Point, range: Option<(f64, f64)>) -> Result<(), String> {
    match range {
        Some((low, high)) if !(low < high && low.is_finite() && high.is_finite()) => Err(format!("{point}: the range is empty")),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "profiles_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "profiles/devices_tests.rs"]
mod devices_tests;
#[cfg(test)]
#[path = "profiles/message_tests.rs"]
mod message_tests;
#[cfg(test)]
#[path = "profiles/words_tests.rs"]
mod words_tests;
#[cfg(test)]
#[path = "profiles/written_tests.rs"]
mod written_tests;
