//! Places of a message: levels of its topic, and pointers into its body. Which may be written where, for each format.

use super::personal;
use crate::profile::Format;

/// Longest topic template, bytes.
const TOPIC_BYTES_MAX: usize = 256;
/// Longest pointer, bytes.
const POINTER_BYTES_MAX: usize = 256;
/// Parts of a topic that the configuration knows.
const KNOWN: [&str; 3] = ["{site}", "{kind}", "{device}"];

/// What the places of one message can refer to.
pub(super) struct Places<'m> {
    pub(super) format: Format,
    /// Levels with a name, `{…}`, which the profile has chosen.
    pub(super) levels: Vec<&'m str>,
}

/// A template that makes a topic a broker takes. What tells the devices apart is checked apart.
pub(super) fn check_topic(topic: &str) -> Result<(), String> {
    let mut levels = topic.split('/');
    // Many makers begin their topics with a slash: an empty first level.
    let is_rooted = topic.starts_with('/') && levels.next().is_some();
    let why = if topic.len() > TOPIC_BYTES_MAX || topic.starts_with('$') || topic.chars().any(char::is_control) {
        "cannot be subscribed to"
    } else if topic.contains('#') {
        "has a `#`: it would hear more than the profile knows; name every level, or `+`"
    } else if is_rooted && topic.len() == 1 || !levels.all(is_level) {
        "has levels that are neither `+`, nor a name in braces, nor words with `{site}`, `{kind}` or `{device}`"
    } else if let Some(name) = named(topic).find(|name| topic.matches(name).count() > 1) {
        return Err(format!("topic `{topic}` has the level `{name}` twice"));
    } else {
        return Ok(());
    };
    Err(format!("topic `{topic}` {why}"))
}

fn is_level(level: &str) -> bool {
    let bare = KNOWN.iter().fold(level.to_owned(), |bare, known| bare.replace(known, ""));
    level == "+" || is_name(level) || !level.is_empty() && !bare.contains(['+', '{', '}'])
}

/// Whether it is a name in braces that a profile may choose.
fn is_name(level: &str) -> bool {
    let name = level.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=32).contains(&name.len()) && name.chars().all(inner) && !KNOWN.contains(&level)
}

/// Levels of a topic that are names of the profile's choice.
pub(super) fn named(topic: &str) -> impl Iterator<Item = &str> {
    topic.split('/').filter(|level| is_name(level))
}

/// The template of a Sparkplug device: `spBv1.0/GROUP/+/NODE/{device}` (Sparkplug 3.0, 4.1).
pub(super) fn check_sparkplug_topic(topic: &str) -> Result<(), String> {
    let levels: Vec<&str> = topic.split('/').collect();
    match levels[..] {
        ["spBv1.0", group, "+", node, "{device}"] if !group.contains("{device}") && !node.contains("{device}") => Ok(()),
        _ => Err(format!(
            "topic `{topic}`: of Sparkplug devices it is spBv1.0/GROUP/+/NODE/{{device}}, group and node a word, `+` or a name"
        )),
    }
}

impl Places<'_> {
    /// Where a value of the body stands that a message or a field is about.
    pub(super) fn value(&self, used_as: &str, pointer: &str, star: bool) -> Result<(), String> {
        self.pointer(used_as, pointer, star)?;
        match personal::name_in(pointer) {
            Some(name) => Err(personal::refusal(used_as, name)),
            None => Ok(()),
        }
    }

    /// The same, or a level of the topic.
    pub(super) fn value_or_level(&self, used_as: &str, place: &str) -> Result<(), String> {
        if !place.starts_with('{') {
            return self.value(used_as, place, false);
        }
        match self.levels.contains(&place) {
            true => Ok(()),
            false => Err(format!("{used_as}: the topic has no level `{place}`")),
        }
    }

    /// A pointer that this format can have; `star` if it may stand for many places.
    pub(super) fn pointer(&self, used_as: &str, pointer: &str, star: bool) -> Result<(), String> {
        let fault = |why: &str| Err(format!("{used_as}: `{pointer}` {why}"));
        if pointer.len() > POINTER_BYTES_MAX || pointer.chars().any(char::is_control) {
            return fault("is too long, or not text");
        }
        if self.format == Format::Plain {
            return if pointer.is_empty() { Ok(()) } else { fault("points into a body that is one value: its pointer is empty, \"\"") };
        }
        let tokens: Vec<&str> = pointer.split('/').skip(1).collect();
        let stars = tokens.iter().filter(|token| **token == "*").count();
        if !pointer.starts_with('/') || tokens.iter().any(|token| token.contains('*') && *token != "*" || !is_escaped(token)) {
            return fault("is no pointer: write /name/name, `*` for every element, ~1 for / and ~0 for ~ in a name");
        }
        if stars > usize::from(star) {
            return fault(if star { "has more than one `*`" } else { "has a `*`, but only one place can be meant" });
        }
        // A segment as a whole can only be left aside.
        let is_aside = used_as == "ignored" && matches!(&*tokens, [segment] if is_segment(segment));
        if self.format == Format::Dts && !is_aside && !is_dts(&tokens) {
            return fault("is no place of an audit file: write /VA1/02, /PA1/*/04 or /EA2/EJB/03");
        }
        Ok(())
    }
}

/// `~` stands before 0 or 1 only (RFC 6901, 3).
fn is_escaped(token: &str) -> bool {
    token.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

/// Segment, position; where a segment is there many times, what tells them apart in between (EVA-DTS 6.1). When the machine
/// was read is put together from two elements.
fn is_dts(tokens: &[&str]) -> bool {
    let is_position = |token: &str| token.len() == 2 && token.bytes().all(|byte| byte.is_ascii_digit()) && token != "00";
    match tokens {
        ["ID5", "time"] => true,
        [segment, position] | [segment, _, position] => is_segment(segment) && is_position(position),
        _ => false,
    }
}

/// Two letters and a number.
fn is_segment(token: &str) -> bool {
    let letters = token.trim_end_matches(|c: char| c.is_ascii_digit());
    letters.len() == 2 && letters.bytes().all(|byte| byte.is_ascii_uppercase()) && (3..=4).contains(&token.len())
}
