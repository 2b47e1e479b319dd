//! Lines of a batch to messages for a platform: each line to the topic that its names make, lines of one topic together.
//! Pure: the same lines give the same bytes.
//!
//! Reads only what `line.rs` wrote. Never changes a number: it is copied as it stands. The order of lines is kept within a
//! topic, which is all that a broker keeps. Bounded by the batch; a line is copied once.

use facility_config::limits::UPLINK_TOPIC_BYTES_MAX;
use facility_config::site::Format;
use facility_drivers::mqtt::Message;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;

/// A line of line protocol, cut into its parts. Values of fields and the time in ms are as they were written.
#[derive(Debug, PartialEq)]
struct Parts<'a> {
    measurement: Cow<'a, str>,
    tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    fields: Vec<(Cow<'a, str>, &'a str)>,
    at_ms: &'a str,
}

impl<'a> Parts<'a> {
    /// `None` if it is no line that this gateway wrote.
    fn of(line: &'a str) -> Option<Self> {
        let (head, rest) = cut(line, b' ', false)?;
        let (body, at_ms) = cut(rest, b' ', true)?;
        at_ms.parse::<i64>().ok()?;
        let (measurement, mut left) = cut(head, b',', false).unwrap_or((head, ""));
        let mut parts = Self { measurement: plain(measurement), tags: Vec::new(), fields: Vec::new(), at_ms };
        while !left.is_empty() {
            let (tag, rest) = cut(left, b',', false).unwrap_or((left, ""));
            let (key, value) = cut(tag, b'=', false)?;
            parts.tags.push((plain(key), plain(value)));
            left = rest;
        }
        left = body;
        while !left.is_empty() {
            let (field, rest) = cut(left, b',', true).unwrap_or((left, ""));
            let (key, value) = cut(field, b'=', false)?;
            parts.fields.push((plain(key), value));
            left = rest;
        }
        (!parts.fields.is_empty()).then_some(parts)
    }

    fn tag(&self, key: &str) -> &str {
        self.tags.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value)
    }

    /// The topic, names filled in; nothing of a name can make another level of it.
    fn topic(&self, template: &str) -> String {
        let filled = [("{measurement}", &*self.measurement), ("{kind}", self.tag("kind")), ("{device}", self.tag("device_id"))];
        let mut topic = template.to_owned();
        for (place, name) in filled {
            if topic.contains(place) {
                topic = topic.replace(place, &level(name));
            }
        }
        topic
    }

    /// The line as an object, with its line feed.
    fn json(&self) -> String {
        let mut out = String::from("{\"measurement\":");
        push_text(&mut out, &self.measurement);
        out.push_str(",\"tags\":{");
        for (nth, (key, value)) in self.tags.iter().enumerate() {
            push_key(&mut out, nth, key);
            push_text(&mut out, value);
        }
        out.push_str("},\"fields\":{");
        for (nth, (key, value)) in self.fields.iter().enumerate() {
            push_key(&mut out, nth, key);
            match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(text) => push_text(&mut out, &plain(text)),
                // `5i` is a whole number, which JSON knows by itself; nothing else ends in an i.
                None => out.push_str(value.strip_suffix('i').unwrap_or(value)),
            }
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "}},\"time\":{}}}", self.at_ms);
        out
    }
}

/// Messages of some lines, in the order in which their topics come up.
#[must_use]
pub(super) fn messages(lines: &str, topic: &str, format: Format, bytes_max: usize) -> Vec<Message> {
    let mut open: HashMap<String, usize> = HashMap::new();
    let mut texts: Vec<(String, String)> = Vec::new();
    for line in lines.split_inclusive('\n') {
        let parts = Parts::of(line.trim_end_matches('\n'));
        let topic = parts.as_ref().map_or_else(|| topic.replace(['{', '}'], ""), |parts| parts.topic(topic));
        let text = match (format, &parts) {
            (Format::Json, Some(parts)) => Cow::Owned(parts.json()),
            // Not ours to leave out.
            _ => Cow::Borrowed(line),
        };
        let at = open.get(&topic).copied().filter(|at| texts.get(*at).is_some_and(|(_, held)| held.len() + text.len() <= bytes_max));
        match at.and_then(|at| texts.get_mut(at)) {
            Some((_, held)) => held.push_str(&text),
            None => {
                open.insert(topic.clone(), texts.len());
                texts.push((topic, text.into_owned()));
            }
        }
    }
    texts.into_iter().map(|(topic, text)| Message { topic, payload: text.into() }).collect()
}

/// What stands before and behind the first separator that is neither escaped nor, where there are such, inside quotes.
fn cut(text: &str, separator: u8, has_quotes: bool) -> Option<(&str, &str)> {
    let (mut escaped, mut quoted) = (false, false);
    let at = text.bytes().position(|byte| {
        if escaped {
            escaped = false;
            return false;
        }
        escaped = byte == b'\\';
        quoted ^= has_quotes && byte == b'"';
        byte == separator && !quoted
    })?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Without its escapes.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        out.extend(if char == '\\' { chars.next() } else { Some(char) });
    }
    Cow::Owned(out)
}

/// A name as one level of a topic.
fn level(name: &str) -> String {
    let short = |(at, _): &(usize, char)| *at < UPLINK_TOPIC_BYTES_MAX / 8;
    let inner = |char: char| if matches!(char, '/' | '+' | '#' | '{' | '}') || char.is_control() { '_' } else { char };
    let level: String = name.char_indices().take_while(short).map(|(_, char)| inner(char)).collect();
    if level.is_empty() { "_".to_owned() } else { level }
}

fn push_key(out: &mut String, nth: usize, key: &str) {
    if nth > 0 {
        out.push(',');
    }
    push_text(out, key);
    out.push(':');
}

fn push_text(out: &mut String, text: &str) {
    // Text is always JSON.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
