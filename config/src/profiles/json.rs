//! Profiles of devices that speak JSON: what their TOML may say, and its check.

use super::fault::{Faults, each};
use super::{check_range, is_event, one, reading_point};
use crate::profile::{JsonField, JsonMap, JsonMessage, MessageKind};
use serde::Deserialize;
use toml::Spanned;

/// Longest topic template, bytes.
const TOPIC_BYTES_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawJson {
    message: Vec<Spanned<RawMessage>>,
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
    field: Vec<Spanned<RawField>>,
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

impl RawJson {
    pub(super) fn check(self) -> Result<JsonMap, Faults> {
        if self.message.is_empty() {
            return Err(String::from("no message is mapped").into());
        }
        let (mut messages, mut faults) = (Vec::new(), Vec::new());
        for message in self.message {
            match super::within(message, RawMessage::check) {
                Ok(message) => messages.push(message),
                Err(more) => faults.extend(more.0),
            }
        }
        if faults.is_empty() { Ok(JsonMap { messages }) } else { Err(Faults(faults)) }
    }
}

impl RawMessage {
    fn check(self) -> Result<JsonMessage, Faults> {
        let single = self.time.iter().chain(&self.id).chain(&self.key).chain(&self.part).chain(&self.quality);
        for pointer in single.chain(&self.required).chain(&self.ignored) {
            check_pointer(pointer)?;
        }
        check_topic(&self.topic)?;
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
            fields: each(self.field, RawField::check)?,
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

/// A template that makes a topic a broker takes, and that tells the devices apart.
fn check_topic(topic: &str) -> Result<(), String> {
    let level = |level: &str| {
        let bare = ["{site}", "{kind}", "{device}"].iter().fold(level.to_owned(), |bare, blank| bare.replace(blank, ""));
        level == "+" || !level.is_empty() && !bare.contains(['+', '#', '{', '}'])
    };
    let why = if topic.len() > TOPIC_BYTES_MAX || topic.starts_with('$') || topic.chars().any(char::is_control) {
        "cannot be subscribed to"
    } else if !topic.split('/').all(level) {
        "has levels that are neither `+` nor words with `{site}`, `{kind}` or `{device}`"
    } else if topic.matches("{device}").count() != 1 {
        "does not name the device, once, as `{device}`"
    } else {
        return Ok(());
    };
    Err(format!("topic `{topic}` {why}"))
}

fn check_pointer(pointer: &str) -> Result<(), String> {
    match pointer.starts_with('/') && pointer.matches('*').count() <= 1 {
        true => Ok(()),
        false => Err(format!("`{pointer}` is no JSON pointer with at most one `*`")),
    }
}
