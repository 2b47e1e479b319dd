//! One field of a message: what its TOML may say, and its check.
//!
//! A setting that would have no effect is refused: whoever wrote it expected one.

use super::place::Places;
use super::{Scalar, personal};
use crate::limits::TEXT_BYTES_MAX;
use crate::profile::{Format, ListUse, Mapped, MessageField, MessageKind};
use crate::profiles::fault::Faults;
use crate::profiles::{check_range, checked, is_event, one, part_named, reading_point};
use crate::series::{Measurement, Point, Type};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawField {
    pointer: Box<str>,
    part: Option<Box<str>>,
    point: Spanned<String>,
    #[serde(default = "one")]
    scale: f64,
    #[serde(default)]
    offset: f64,
    range: Option<(f64, f64)>,
    #[serde(default)]
    words: Vec<Box<str>>,
    #[serde(default)]
    values: BTreeMap<Box<str>, Scalar>,
    #[serde(default)]
    silent: Vec<Scalar>,
    loose: Option<bool>,
    list: Option<ListUse>,
}

/// What the message says that a field belongs to.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub(super) kind: MessageKind,
    pub(super) format: Format,
    pub(super) loose: bool,
    /// Whether it names the part that all its readings are about.
    pub(super) has_part: bool,
}

impl RawField {
    pub(super) fn check(mut self, owner: Owner) -> Result<MessageField, Faults> {
        let name = std::mem::replace(&mut self.point, Spanned::new(0..0, String::new()));
        let point = checked(name, |name| reading_point(&name))?;
        Ok(self.of(point, owner)?)
    }

    fn of(self, point: Point, owner: Owner) -> Result<MessageField, String> {
        let of_point = |fault: String| format!("{point}: {fault}");
        let places = Places { format: owner.format, levels: Vec::new() };
        places.value("a field", &self.pointer, true).map_err(of_point)?;
        check_kind(point, owner.kind).map_err(of_point)?;
        check_range(point, self.range)?;
        self.check_part(point, owner.has_part).map_err(of_point)?;
        self.check_use(point.info().ty).map_err(of_point)?;
        let values = values(self.values, point.info().ty).map_err(of_point)?;
        let silent: Vec<Box<str>> = self.silent.iter().map(Scalar::text).collect::<Result<_, _>>().map_err(of_point)?;
        if let Some(word) = silent.iter().find(|word| values.iter().any(|(known, _)| known == *word)) {
            return Err(of_point(format!("`{word}` has a value and is silent")));
        }
        Ok(MessageField {
            pointer: self.pointer,
            part: self.part,
            point,
            scale: self.scale,
            offset: self.offset,
            range: self.range,
            words: self.words,
            values,
            silent,
            loose: self.list.is_none() && self.loose.unwrap_or(owner.loose),
            list: self.list,
        })
    }

    /// Whether it is known which part of the device a value is about, if it has parts.
    fn check_part(&self, point: Point, has_part: bool) -> Result<(), String> {
        let (has_star, tag) = (self.pointer.contains('*'), point.measurement().info().part_tag.filter(|_| !is_event(point)));
        match (tag, has_star, &self.part) {
            (None, true, _) => Err("`*` goes with a point that has parts, and only with it".into()),
            (None, false, Some(_)) => Err("`part` goes with a point that has parts, and only with it".into()),
            (None, false, None) if has_part && !is_event(point) => Err("has no parts, but the message says `part`".into()),
            (Some(tag), false, None) if !has_part => {
                Err(format!("whose {tag} is it? Use `*` in the pointer, or `part`, here or for the whole message"))
            }
            (Some(_), true, _) | (Some(_), _, Some(_)) if has_part => Err("the message's `part` names it already".into()),
            (Some(_), true, Some(member)) => match personal::is_personal(member) {
                true => Err(personal::refusal("a part", member)),
                false if member.is_empty() || member.contains('/') => Err(format!("`part` {member:?} is no member of the element")),
                false => Ok(()),
            },
            (Some(_), false, Some(name)) if name.is_empty() => Err("`part` is empty".into()),
            (Some(_), false, Some(name)) => part_named(name).map(drop),
            _ => Ok(()),
        }
    }

    fn check_use(&self, ty: Type) -> Result<(), String> {
        let (is_number, is_mapped) = (matches!(ty, Type::Float | Type::Int), !self.values.is_empty());
        let is_scaled = self.scale != 1.0 || self.offset != 0.0;
        if !self.scale.is_finite() || self.scale == 0.0 || !self.offset.is_finite() {
            return Err("scale and offset are numbers, and scale is not 0".into());
        }
        if is_scaled && (!is_number || is_mapped) {
            return Err("scale and offset go with numbers that are taken as they come".into());
        }
        if self.range.is_some() && (!is_number || is_mapped) {
            return Err("range goes with numbers that are taken as they come".into());
        }
        if !self.words.is_empty() && (ty != Type::Text || is_mapped) {
            return Err("words go with a text; `values` are words of their own".into());
        }
        self.words.iter().try_for_each(|word| short(word))?;
        if self.loose == Some(true) && ty == Type::Text {
            return Err("loose goes with numbers, and with yes and no".into());
        }
        match self.list {
            None => Ok(()),
            Some(_) if is_mapped || is_scaled || !self.silent.is_empty() || self.loose == Some(true) => {
                Err("of a list only `any` or `count` is made: no values, silent, scale, offset, loose".into())
            }
            Some(ListUse::Any) if ty != Type::Bool => Err("list = \"any\" makes yes or no, which this point is not".into()),
            Some(ListUse::Count) if ty != Type::Int => Err("list = \"count\" makes a whole number, which this point is not".into()),
            Some(_) => Ok(()),
        }
    }
}

/// A snapshot has readings, an event what belongs to it, a birth what it says about the device.
fn check_kind(point: Point, kind: MessageKind) -> Result<(), String> {
    match (kind, point.measurement()) {
        _ if point == Point::EventKey => Err("comes from `key` of the message".into()),
        _ if point == Point::EventCount => Err("is always 1".into()),
        (MessageKind::Event, Measurement::Event) | (MessageKind::Status, Measurement::DeviceHealth) => Ok(()),
        (MessageKind::Event, _) => Err("an event has only event.… fields".into()),
        (MessageKind::Status, _) => Err("a status has only device_health.… fields".into()),
        (MessageKind::Telemetry, Measurement::Event) => Err("goes with kind = \"event\"".into()),
        (MessageKind::Telemetry, _) => Ok(()),
    }
}

/// The maker's words, each with a value of the point's type.
fn values(raw: BTreeMap<Box<str>, Scalar>, ty: Type) -> Result<Vec<(Box<str>, Mapped)>, String> {
    let typed = |(word, value): (Box<str>, Scalar)| {
        short(&word)?;
        let value = match (ty, value) {
            (Type::Bool, Scalar::Bool(yes)) => Mapped::Bool(yes),
            (Type::Int, Scalar::Int(number)) => Mapped::Int(number),
            (Type::Float, Scalar::Int(number)) => Mapped::Float(number as f64),
            (Type::Float, Scalar::Float(number)) if number.is_finite() => Mapped::Float(number),
            (Type::Text, Scalar::Text(text)) => {
                short(&text)?;
                Mapped::Text(text)
            }
            (ty, _) => return Err(format!("the value of `{word}` is not {}", type_words(ty))),
        };
        Ok((word, value))
    };
    raw.into_iter().map(typed).collect()
}

fn type_words(ty: Type) -> &'static str {
    match ty {
        Type::Float => "a number",
        Type::Int => "a whole number",
        Type::Bool => "true or false",
        Type::Text => "a text",
    }
}

/// A word of a maker, or one of ours.
fn short(word: &str) -> Result<(), String> {
    match word.is_empty() || word.len() > TEXT_BYTES_MAX || word.chars().any(char::is_control) {
        true => Err(format!("`{word}` is not 1 to {TEXT_BYTES_MAX} bytes of text")),
        false => Ok(()),
    }
}
