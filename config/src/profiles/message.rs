//! Profiles of devices that speak on a broker: what their TOML may say, and its check. Fields are in `field.rs`.
//!
//! Nothing is guessed: a place that its topic does not have, a use that has no effect and a name that is about a person are
//! refused where they stand.

mod field;
mod personal;
mod place;
mod time;
mod whole;

use super::checked;
use super::fault::{Faults, each};
use crate::limits::TEXT_BYTES_MAX;
use crate::profile::{Format, Message, MessageKind, MqttMap, PartOf, TimeFormat, When};
use field::{Owner, RawField};
use place::Places;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

type Word = Spanned<Box<str>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMqtt {
    message: Vec<Spanned<RawMessage>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMessage {
    kind: MessageKind,
    #[serde(default)]
    format: Format,
    topic: Word,
    qos: Option<Spanned<u8>>,
    device: Option<Word>,
    when: Option<Spanned<BTreeMap<Box<str>, Scalar>>>,
    time: Option<Word>,
    time_format: Option<Word>,
    time_zone: Option<Word>,
    id: Option<Word>,
    key: Option<Word>,
    seq: Option<Word>,
    parcel: Option<Word>,
    part: Option<Word>,
    part_values: Option<Spanned<BTreeMap<Box<str>, Box<str>>>>,
    #[serde(default)]
    required: Vec<Word>,
    #[serde(default)]
    ignored: Vec<Word>,
    #[serde(default)]
    nested: Vec<Word>,
    quality: Option<Word>,
    #[serde(default)]
    loose: bool,
    #[serde(default)]
    field: Vec<Spanned<RawField>>,
}

/// A value in TOML that stands for one in a payload.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, a number, true or false")]
enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
}

impl Scalar {
    /// As payloads are compared with it: whole numbers without decimals.
    fn text(&self) -> Result<Box<str>, String> {
        match self {
            Self::Bool(yes) => Ok(yes.to_string().into()),
            Self::Int(number) => Ok(number.to_string().into()),
            Self::Float(number) if number.is_finite() => Ok(number.to_string().into()),
            Self::Float(_) => Err("no payload holds NaN or infinity".into()),
            Self::Text(text) if text.len() <= TEXT_BYTES_MAX => Ok(text.clone()),
            Self::Text(text) => Err(format!("`{text}` is longer than {TEXT_BYTES_MAX} bytes")),
        }
    }
}

impl RawMqtt {
    pub(super) fn check(self) -> Result<MqttMap, Faults> {
        if self.message.is_empty() {
            return Err(String::from("no message is mapped").into());
        }
        let (mut messages, mut faults) = (Vec::new(), Vec::new());
        for message in self.message {
            let checked = super::within(message, |message| {
                let message = message.check()?;
                whole::check_neighbours(&messages, &message)?;
                Ok(message)
            });
            match checked {
                Ok(message) => messages.push(message),
                Err(more) => faults.extend(more.0),
            }
        }
        if faults.is_empty() { Ok(MqttMap { messages }) } else { Err(Faults(faults)) }
    }
}

impl RawMessage {
    fn check(mut self) -> Result<Message, Faults> {
        let owner = Owner { kind: self.kind, format: self.format, loose: self.loose, has_part: self.part.is_some() };
        let fields = each(std::mem::take(&mut self.field), |field| field.check(owner));
        let message = match (self.head(), fields) {
            (Ok(message), Ok(fields)) => Message { fields, ..message },
            (Err(mut one), Err(other)) => {
                one.0.extend(other.0);
                return Err(one);
            }
            (Err(faults), _) | (_, Err(faults)) => return Err(faults),
        };
        whole::check_uses(&message)?;
        whole::check_nested(&message)?;
        Ok(message)
    }

    /// All but the fields.
    fn head(self) -> Result<Message, Faults> {
        let topic = checked(self.topic, |topic| place::check_topic(&topic).map(|()| topic))?;
        let places = Places { format: self.format, levels: place::named(&topic).collect() };
        let value = |used_as: &'static str| {
            let places = &places;
            move |word: Word| checked(word, |place| places.value(used_as, &place, false).map(|()| place))
        };
        let anything = |used_as: &'static str, words: Vec<Word>| {
            let anything = |word| checked(word, |place: Box<str>| places.pointer(used_as, &place, true).map(|()| place));
            words.into_iter().map(anything).collect::<Result<Vec<_>, _>>()
        };
        let parcel = |word: Word| checked(word, |place| places.pointer("parcel", &place, false).map(|()| place));
        let message = Message {
            kind: self.kind,
            format: self.format,
            qos: self.qos.map_or(Ok(1), |qos| checked(qos, qos_of))?,
            device: device(self.device, &topic, &places)?,
            when: self.when.map_or_else(|| Ok(Vec::new()), |when| checked(when, |when| conditions(when, &places)))?,
            time_format: time_format(self.time_format, self.time_zone, self.time.is_some())?,
            time: self.time.map(value("time")).transpose()?,
            id: self.id.map(value("id")).transpose()?,
            key: self.key.map(value("key")).transpose()?,
            seq: self.seq.map(value("seq")).transpose()?,
            parcel: self.parcel.map(parcel).transpose()?,
            part: part(self.part, self.part_values, &places)?,
            required: anything("required", self.required)?,
            ignored: anything("ignored", self.ignored)?,
            nested: anything("nested", self.nested)?,
            quality: self.quality.map(value("quality")).transpose()?,
            fields: Vec::new(),
            topic: topic.clone(),
        };
        whole::check_kind(&message)?;
        whole::check_format(&message)?;
        Ok(message)
    }
}

fn qos_of(qos: u8) -> Result<u8, String> {
    match qos {
        0 | 1 => Ok(qos),
        _ => Err("qos is 0 or 1: a message that comes twice is known here, which is what 2 would be for".into()),
    }
}

/// Where the device's name stands: in its topic, once, or where the profile says.
fn device(place: Option<Word>, topic: &str, places: &Places<'_>) -> Result<Option<Box<str>>, Faults> {
    let in_topic = topic.matches("{device}").count();
    let Some(place) = place else {
        return match in_topic {
            1 => Ok(None),
            _ => Err(format!("topic `{topic}` does not name the device, once, as `{{device}}`; if the payload does, say `device`").into()),
        };
    };
    checked(place, |place| match in_topic {
        1 if &*place == "{device}" => Ok(None),
        0 => places.value_or_level("device", &place).map(|()| Some(place)),
        _ => Err("`device` is for topics without `{device}`".into()),
    })
}

fn conditions(when: BTreeMap<Box<str>, Scalar>, places: &Places<'_>) -> Result<Vec<When>, String> {
    let condition = |(place, equals): (Box<str>, Scalar)| {
        places.value_or_level("when", &place)?;
        Ok(When { equals: equals.text()?, place })
    };
    when.into_iter().map(condition).collect()
}

fn time_format(word: Option<Word>, zone: Option<Word>, has_time: bool) -> Result<TimeFormat, Faults> {
    let zone = zone.map(|zone| checked(zone, |zone| time::check_zone(&zone).map(|()| zone))).transpose()?;
    match word {
        Some(word) => checked(word, |word| match has_time {
            true => time::time_format(&word, zone.as_deref()),
            false => Err("time_format goes with `time`".into()),
        }),
        None if zone.is_some() => Err(String::from("time_zone goes with a time_format that is a pattern").into()),
        None => Ok(TimeFormat::Auto),
    }
}

fn part(place: Option<Word>, values: Option<Spanned<BTreeMap<Box<str>, Box<str>>>>, places: &Places<'_>) -> Result<Option<PartOf>, Faults> {
    let part = place.map(|place| {
        checked(place, |place| match place.starts_with(['/', '{']) {
            true => places.value_or_level("part", &place).map(|()| place),
            false => part_name(&place).map(|()| place),
        })
    });
    let Some(values) = values else { return Ok(part.transpose()?.map(|place| PartOf { place, values: Vec::new() })) };
    let place = part.transpose()?;
    checked(values, |values| match place {
        Some(place) if place.starts_with(['/', '{']) => {
            values.values().try_for_each(|name| part_name(name))?;
            Ok(Some(PartOf { place, values: values.into_iter().collect() }))
        }
        _ => Err("part_values goes with a `part` that is a place in the payload or topic".into()),
    })
}

fn part_name(name: &str) -> Result<(), String> {
    match super::part_named(name)?.is_whole() {
        true => Err("the name of a part is empty".into()),
        false => Ok(()),
    }
}
