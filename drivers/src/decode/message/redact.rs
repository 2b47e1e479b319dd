//! What may be kept of a message that was refused: an allow-list over its text, sign by sign, because much of what is refused
//! cannot be read otherwise.
//!
//! Kept are punctuation, short numbers, names of members that are harmless, and values of members the profile names, if they
//! are what the profile says. Everything else becomes `"…"` or 0. Of what is no JSON only the punctuation is kept, of binary
//! bodies nothing. Never panics; bounded by the payload and cut at [`LETTER_BYTES_MAX`].

use super::Arrival;
use super::open::{self, Body};
use super::personal::{NUMBER_DIGITS_MAX, Names, is_code, is_word};
use super::repair;
use super::router::{Pattern, Router};
use super::shape::{ROOT, Shape, Use};
use super::topic;
use super::value::Scalar;
use facility_config::limits::{FREE_TEXT_DIGITS_MAX, JSON_DEPTH_MAX, LETTER_BYTES_MAX};
use facility_config::profile::Format;
use std::borrow::Cow;

/// Times further from the time of receipt than a year are not kept.
const ABOUT_NOW_MS: u64 = 366 * 24 * 3_600_000;
/// Stands for a text that is not kept.
const GONE: &str = "…";

/// The text that may be kept, and whether that is the whole message.
pub(super) fn redact(router: &Router, names: &Names, arrival: &Arrival<'_>) -> (String, bool) {
    let pattern = router.patterns.iter().find(|pattern| topic::fits(&pattern.levels, arrival.topic));
    let format = pattern.map_or(Format::Json, |pattern| pattern.format);
    // Depth is no matter here: nothing recurses deeper than the profile's own tree.
    let readable = if format == Format::Json { Format::Plain } else { format };
    let Ok(Body::Text(text)) = open::open(readable, arrival.payload).map(|opened| opened.body) else { return (String::new(), false) };
    if matches!(format, Format::Sparkplug | Format::Dts | Format::Cbor) {
        return (String::new(), false);
    }
    let here: Vec<Here<'_>> = pattern.map_or_else(Vec::new, |pattern| {
        pattern.messages.iter().map(|message| Here { shape: &router.shapes[message.shape], node: ROOT }).collect()
    });
    let page = Page { router, names, pattern, now_ms: arrival.now_ms };
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    let kept = match format {
        Format::Plain if page.keeps_text(&here, text.trim()) => text.to_string(),
        Format::Json if looks_like_json => page.json(&text, here),
        _ if matches!(text.trim(), "online" | "offline" | "") => text.to_string(),
        _ => punctuation(&text),
    };
    let is_whole = kept == *text && kept.len() <= LETTER_BYTES_MAX;
    (cut(kept), is_whole)
}

fn cut(mut text: String) -> String {
    if text.len() > LETTER_BYTES_MAX {
        let end = (0..=LETTER_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// A text that is no JSON, without its letters and digits.
fn punctuation(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        let plain = c.is_ascii_punctuation() || matches!(c, ' ' | '\r' | '\n' | '\t');
        if plain {
            kept.push(c);
        } else if !kept.ends_with(GONE) {
            kept.push_str(GONE);
        }
    }
    kept
}

/// A place in one of the messages that the text may be.
#[derive(Debug, Clone, Copy)]
struct Here<'a> {
    shape: &'a Shape,
    node: usize,
}

impl<'a> Here<'a> {
    /// Down to a member; nowhere if the profile does not name it.
    fn member(self, name: &str) -> Option<Self> {
        let node = &self.shape.nodes[self.node];
        let node = node.member(name).or(node.star)?;
        Some(Self { node, ..self })
    }

    fn element(self) -> Option<Self> {
        Some(Self { node: self.shape.nodes[self.node].star?, ..self })
    }

    fn node(&self) -> &'a super::shape::Node {
        &self.shape.nodes[self.node]
    }
}

/// What is known about the text as a whole.
struct Page<'a> {
    router: &'a Router,
    names: &'a Names,
    pattern: Option<&'a Pattern>,
    now_ms: i64,
}

/// An object or a list that is open.
struct Open<'a> {
    here: Vec<Here<'a>>,
    is_object: bool,
}

impl Page<'_> {
    fn json(&self, text: &str, root: Vec<Here<'_>>) -> String {
        let mut kept = String::with_capacity(text.len().min(LETTER_BYTES_MAX));
        let mut open: Vec<Open<'_>> = Vec::new();
        // Where the next value stands, and whether there may be one: two in a row without a comma are no JSON.
        let (mut here, mut due) = (root, true);
        let mut rest = text;
        while let Some(first) = rest.chars().next().filter(|_| kept.len() <= LETTER_BYTES_MAX) {
            let length = token_len(rest, first);
            let (token, after) = rest.split_at(length);
            rest = after;
            match first {
                '{' | '[' => {
                    let is_object = first == '{';
                    let element = if is_object { here.clone() } else { here.iter().filter_map(|at| at.element()).collect() };
                    // Deeper than any payload may be, nothing is known any more.
                    let known = if open.len() < JSON_DEPTH_MAX { element } else { Vec::new() };
                    here.clone_from(&known);
                    open.push(Open { here: known, is_object });
                    kept.push(first);
                    due = true;
                }
                '}' | ']' => {
                    open.pop();
                    here = Vec::new();
                    kept.push(first);
                    due = false;
                }
                ',' | ':' => {
                    if first == ',' {
                        here = open.last().map_or_else(Vec::new, |open| open.here.clone());
                    }
                    kept.push(first);
                    due = true;
                }
                ' ' | '\r' | '\n' | '\t' => kept.push(first),
                _ if !due => {
                    gone(&mut kept);
                    here = Vec::new();
                }
                '"' if open.last().is_some_and(|open| open.is_object) && rest.trim_start().starts_with(':') => {
                    here = self.name(&mut kept, token, open.last());
                    due = false;
                }
                '"' => {
                    self.string(&mut kept, token, &std::mem::take(&mut here));
                    due = false;
                }
                _ => {
                    self.bare(&mut kept, token, &std::mem::take(&mut here));
                    due = false;
                }
            }
        }
        kept
    }

    /// Writes a member's name; where its value stands.
    fn name<'a>(&self, kept: &mut String, literal: &str, open: Option<&Open<'a>>) -> Vec<Here<'a>> {
        let Ok(name) = serde_json::from_str::<Cow<'_, str>>(literal) else {
            gone(kept);
            return Vec::new();
        };
        let here: Vec<Here<'a>> = open.map_or_else(Vec::new, |open| open.here.iter().filter_map(|at| at.member(&name)).collect());
        let is_named = open.is_some_and(|open| open.here.iter().any(|at| at.node().member(&name).is_some()));
        if is_named {
            kept.push_str(literal);
        } else {
            kept.push('"');
            kept.push_str(&self.names.harmless(&name));
            kept.push('"');
        }
        here
    }

    /// Writes a text that is a value.
    fn string(&self, kept: &mut String, literal: &str, here: &[Here<'_>]) {
        let Ok(text) = serde_json::from_str::<Cow<'_, str>>(literal) else { return gone(kept) };
        if self.keeps_text(here, &text) {
            return kept.push_str(literal);
        }
        let nested: Vec<Here<'_>> = here.iter().copied().filter(|at| at.node().nested).collect();
        if nested.is_empty() || !text.trim_start().starts_with(['{', '[']) || repair::is_too_deep(&text) {
            return gone(kept);
        }
        // Inside, the text stands for itself: the same rule, one level on. Each level is shorter than the one around it.
        let inner = self.json(&text, nested);
        if inner == text { kept.push_str(literal) } else { kept.push_str(&serde_json::Value::String(inner).to_string()) }
    }

    /// Whether a text may be kept as the value of these places.
    fn keeps_text(&self, here: &[Here<'_>], text: &str) -> bool {
        let scalar = Scalar::Text(text);
        let declared = || self.pattern.is_some_and(|pattern| self.router.is_declared(pattern, text));
        here.iter().any(|at| {
            let node = at.node();
            let used = node.uses.iter().any(|what| match what {
                Use::Time => self.is_time(at, scalar),
                Use::Id | Use::Owner => declared(),
                Use::Clue(_) => self.pattern.is_some_and(|pattern| pattern.expects(text)) || is_word(text),
                Use::MessagePart | Use::ElementPart => text.len() <= FREE_TEXT_DIGITS_MAX && is_code(text),
                Use::Key | Use::Seq | Use::Parcel | Use::Quality => false,
            });
            used || node.leaves.iter().any(|leaf| leaf.knows(text))
        })
    }

    /// Writes a number or a bare word.
    fn bare(&self, kept: &mut String, token: &str, here: &[Here<'_>]) {
        let digits = token.bytes().filter(u8::is_ascii_digit).count();
        match token {
            "true" | "false" | "null" | "NaN" | "Infinity" | "-Infinity" => kept.push_str(token),
            _ if token.parse::<f64>().is_err() => gone(kept),
            _ if digits <= FREE_TEXT_DIGITS_MAX || here.iter().any(|at| self.keeps_number(at, token)) => kept.push_str(token),
            _ => kept.push('0'),
        }
    }

    fn keeps_number(&self, at: &Here<'_>, token: &str) -> bool {
        let node = at.node();
        let number = || Scalar::of_number(token).unwrap_or(Scalar::Null);
        let declared = || self.pattern.is_some_and(|pattern| self.router.is_declared(pattern, token));
        node.leaves.iter().any(|leaf| leaf.believes_number(token))
            || node.uses.iter().any(|what| match what {
                Use::Seq => token.len() <= NUMBER_DIGITS_MAX,
                Use::Time => self.is_time(at, number()),
                Use::Id | Use::Owner => declared(),
                _ => false,
            })
    }

    /// Whether it is a time of about now: a telephone number could be one, too, some centuries away.
    fn is_time(&self, at: &Here<'_>, scalar: Scalar<'_>) -> bool {
        let about_now = |ms: i64| ms.abs_diff(self.now_ms) < ABOUT_NOW_MS;
        at.shape.time.read(scalar).is_ok_and(|ms| ms.is_some_and(about_now))
    }
}

fn gone(kept: &mut String) {
    let literal = format!("\"{GONE}\"");
    if !kept.ends_with(&literal) {
        kept.push_str(&literal);
    }
}

/// Length of the token that a text begins with, bytes; never 0.
fn token_len(text: &str, first: char) -> usize {
    let is_bare = |c: char| !matches!(c, '{' | '}' | '[' | ']' | ',' | ':' | '"' | ' ' | '\r' | '\n' | '\t');
    match first {
        '"' => repair::string_len(text),
        first if is_bare(first) => text.find(|c| !is_bare(c)).unwrap_or(text.len()),
        first => first.len_utf8(),
    }
}
