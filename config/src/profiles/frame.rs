//! Profiles of serial boards that do not speak Modbus: what their TOML may say, and its check.

use super::fault::{Faults, each};
use super::{DELAY_MS_MAX, RawGolden, RawSerial, check_part, hex, named, part_named, reading_point};
use crate::profile::{Check, Coding, Cut, Field, FrameMap, FramePoint, Packing, Polarity, Template};
use crate::series::Type;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;
use toml::Spanned;

/// Most channels of a board: as many as a device may say it has.
const CHANNELS_MAX: u16 = 2000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFrame {
    timeout_ms: u64,
    turnaround_ms: u64,
    serial: Option<RawSerial>,
    units: (u8, u8),
    channels: u16,
    format: Format,
    ask: String,
    answer: String,
    packing: RawPacking,
    #[serde(default)]
    golden: Vec<Spanned<RawGolden>>,
    #[serde(default)]
    quirks: Box<str>,
    point: Vec<Spanned<RawFramePoint>>,
}

/// How the two templates are written.
#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// Pairs of hexadecimal digits.
    Hex,
    /// Characters.
    Text,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum RawPacking {
    BitsFirst,
    BitsLast,
    Bytes,
    Digits,
    List,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFramePoint {
    point: String,
    #[serde(default)]
    part: String,
    #[serde(default)]
    channel: u16,
    #[serde(default)]
    polarity: Polarity,
}

impl RawFrame {
    pub(super) fn check(self) -> Result<FrameMap, Faults> {
        self.check_head()?;
        let (ask, answer) = (template(&self.ask, self.format)?, template(&self.answer, self.format)?);
        let packing = match self.packing {
            RawPacking::BitsFirst => Packing::BitsFirst,
            RawPacking::BitsLast => Packing::BitsLast,
            RawPacking::Bytes => Packing::Bytes,
            RawPacking::Digits => Packing::Digits,
            RawPacking::List => Packing::List,
        };
        check_data(&ask, &answer, packing, self.channels)?;
        let points = each(self.point, |point| point.check(self.channels))?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = points.iter().find(|point| !seen.insert((point.point, point.part))) {
            return Err(format!("{} is mapped twice", named(twice.point, twice.part)).into());
        }
        Ok(FrameMap {
            timeout: Duration::from_millis(self.timeout_ms),
            turnaround: Duration::from_millis(self.turnaround_ms),
            serial: self.serial.map(RawSerial::check).transpose()?,
            units: self.units.0..=self.units.1,
            channels: self.channels,
            ask,
            answer,
            packing,
            golden: each(self.golden, RawGolden::check)?,
            quirks: super::lines(&self.quirks)?,
            points,
        })
    }

    fn check_head(&self) -> Result<(), String> {
        if !(1..=DELAY_MS_MAX).contains(&self.timeout_ms) || self.turnaround_ms > DELAY_MS_MAX {
            return Err(format!("timeout_ms and turnaround_ms are at most {DELAY_MS_MAX}, the first at least 1"));
        }
        if !(1..=CHANNELS_MAX).contains(&self.channels) {
            return Err(format!("channels must be 1 to {CHANNELS_MAX}, not {}", self.channels));
        }
        if self.units.0 > self.units.1 {
            return Err(format!("units {} to {}: the end lies before the beginning", self.units.0, self.units.1));
        }
        match self.point.is_empty() {
            true => Err("no point is mapped".into()),
            false => Ok(()),
        }
    }
}

/// The data is in the answer, once, and holds every channel.
fn check_data(ask: &Template, answer: &Template, packing: Packing, channels: u16) -> Result<(), String> {
    let cuts = |template: &Template| -> Vec<Cut> {
        let cut = |field: &Field| if let Field::Data(cut) = field { Some(*cut) } else { None };
        template.0.iter().filter_map(cut).collect()
    };
    let (asked, answered) = (cuts(ask), cuts(answer));
    let ([], [cut]) = (asked.as_slice(), answered.as_slice()) else {
        return Err("the answer has `{data}` once, the question never".into());
    };
    let holds = |bytes: u16| match packing {
        Packing::BitsFirst | Packing::BitsLast => u32::from(bytes) * 8,
        Packing::Bytes | Packing::Digits => u32::from(bytes),
        Packing::List => u32::MAX,
    };
    match cut {
        Cut::Bytes(bytes) if holds(*bytes) < u32::from(channels) => Err(format!("{bytes} bytes of data do not hold {channels} channels")),
        _ => Ok(()),
    }
}

impl RawFramePoint {
    fn check(self, channels: u16) -> Result<FramePoint, String> {
        let point = reading_point(&self.point)?;
        let part = part_named(&self.part)?;
        check_part(point, part)?;
        match (point.info().ty, self.channel) {
            (Type::Int, 0) => {}
            (Type::Bool, 1..) if self.channel <= channels => {}
            _ => return Err(format!("{point}: a whole number counts all channels, a yes or no names one of 1 to {channels}")),
        }
        Ok(FramePoint { point, part, channel: self.channel, polarity: self.polarity })
    }
}

/// Literal pieces, and fields in braces: `{unit}`, `{len}`, `{count}`, `{data}` or `{data:3}`, `{xor}`, `{sum}`, `{crc}`.
fn template(text: &str, format: Format) -> Result<Template, String> {
    let mut fields = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').ok_or_else(|| format!("`{text}`: a brace is not closed"))? + open;
        literal(&rest[..open], format, &mut fields)?;
        fields.push(field(&rest[open + 1..close], format).ok_or_else(|| format!("`{text}`: there is no field `{}`", &rest[open..=close]))?);
        rest = &rest[close + 1..];
    }
    literal(rest, format, &mut fields)?;
    match fields.first() {
        Some(Field::Bytes(_)) => Ok(Template(fields)),
        _ => Err(format!("`{text}`: a frame begins with bytes of its own")),
    }
}

fn literal(text: &str, format: Format, fields: &mut Vec<Field>) -> Result<(), String> {
    let bytes = if format == Format::Hex { hex(text)? } else { text.as_bytes().to_vec() };
    if !bytes.is_empty() {
        fields.push(Field::Bytes(bytes));
    }
    Ok(())
}

fn field(name: &str, format: Format) -> Option<Field> {
    Some(match name {
        "unit" => Field::Unit(if format == Format::Hex { Coding::Byte } else { Coding::Decimal }),
        "len" => Field::Length,
        "count" => Field::Count,
        "data" => Field::Data(Cut::Rest),
        "xor" => Field::Check(Check::Xor),
        "sum" => Field::Check(Check::Sum),
        "crc" => Field::Check(Check::CrcHex),
        _ => Field::Data(Cut::Bytes(name.strip_prefix("data:")?.parse().ok().filter(|bytes| *bytes > 0)?)),
    })
}
