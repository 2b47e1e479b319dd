//! A configuration text and the way from a byte of it to a line and column that may be shown.
//!
//! Never shows what looks like a secret: the value of any setting named like one, what a DTU registers with, and the user
//! part of an address, are blanked out before a line leaves this file. Columns stay true.

use crate::problem::Place;
use std::ops::Range;

/// Longest line that is shown, bytes; of a longer one only the position is told.
const SHOWN_BYTES_MAX: usize = 400;
/// Parts of names whose values are never shown; a typing mistake in one (`pasword`) is caught by [`is_secret_name`].
const SECRET_WORDS: [&str; 5] = ["password", "passwd", "token", "secret", "passphrase"];

/// One text with its name.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) name: String,
    pub(crate) body: String,
    line_starts: Vec<usize>,
}

impl Text {
    /// A byte order mark is taken off: every position counts from behind it.
    pub(crate) fn new(name: &str, body: &str) -> Self {
        let body = body.strip_prefix('\u{feff}').unwrap_or(body).to_owned();
        let line_starts = std::iter::once(0).chain(body.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name: name.to_owned(), body, line_starts }
    }

    /// Where a span of bytes is. Spans that end on a later line are cut at the end of the first.
    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let start = self.floor(span.start);
        let index = self.line_starts.partition_point(|line| *line <= start).saturating_sub(1);
        let line_start = self.line_starts.get(index).copied().unwrap_or(0);
        let next = self.line_starts.get(index + 1).copied().unwrap_or(self.body.len());
        let line = self.body.get(line_start..next).unwrap_or("").trim_end_matches(['\n', '\r']);
        let end = self.floor(span.end).clamp(start, line_start + line.len().max(start - line_start));
        let chars = |from: usize, to: usize| self.body.get(from..to).map_or(0, |part| part.chars().count());
        Place {
            file: self.name.clone(),
            line: index + 1,
            column: chars(line_start, start) + 1,
            len: chars(start, end).max(1),
            text: if line.len() > SHOWN_BYTES_MAX { String::new() } else { without_secrets(line) },
        }
    }

    /// The last character boundary at or before a byte.
    fn floor(&self, at: usize) -> usize {
        (0..=at.min(self.body.len())).rev().find(|at| self.body.is_char_boundary(*at)).unwrap_or(0)
    }
}

/// Whether a setting of that name would hold a secret; `password_file` holds a path.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.trim_matches(['"', '\'']).to_ascii_lowercase();
    if name.ends_with("_file") {
        return false;
    }
    let last = name.rsplit(['.', '_', '-']).next().unwrap_or_default();
    SECRET_WORDS.iter().any(|word| name.contains(word) || strsim::osa_distance(last, word) <= 2)
}

/// Whether the value of a setting of that name is not shown. A registration is no secret, but some use a password for it.
fn is_hidden(name: &str) -> bool {
    is_secret_name(name) || name.rsplit('.').next() == Some("registration")
}

/// Blanks out the value of every such setting and the user part of every address.
fn without_secrets(line: &str) -> String {
    let mut shown: Vec<char> = line.chars().collect();
    for at in 0..shown.len() {
        let hidden = match shown.get(at..).unwrap_or_default() {
            ['=', value @ ..] if is_hidden(&name_before(&shown, at)) => {
                value_chars(value).map(|chars| at + 1 + chars.start..at + 1 + chars.end)
            }
            [':', '/', '/', rest @ ..] => {
                let end = rest.iter().position(|c| matches!(c, '"' | '\'' | ' ')).unwrap_or(rest.len());
                rest.iter().take(end).rposition(|c| *c == '@').map(|user| at + 3..at + 3 + user)
            }
            _ => None,
        };
        shown
            .iter_mut()
            .enumerate()
            .filter(|(at, _)| hidden.as_ref().is_some_and(|hidden| hidden.contains(at)))
            .for_each(|(_, c)| *c = '*');
    }
    shown.into_iter().collect()
}

/// The setting's name in front of an equals sign.
fn name_before(line: &[char], equals: usize) -> String {
    let before: String = line.iter().take(equals).collect();
    let name = before.trim_end();
    let start = name.rfind(|c: char| c.is_whitespace() || matches!(c, '{' | ',')).map_or(0, |at| at + 1);
    name.get(start..).unwrap_or(name).to_owned()
}

/// The characters of a value behind an equals sign. Without a closing quote everything that follows is part of it.
fn value_chars(after: &[char]) -> Option<Range<usize>> {
    let start = after.iter().position(|c| !c.is_whitespace())?;
    let inside = after.get(start + 1..).unwrap_or_default();
    let end = match after.get(start) {
        Some(quote @ ('"' | '\'')) => inside.iter().position(|c| c == quote).map_or(after.len(), |at| start + 2 + at),
        _ => after.len(),
    };
    Some(start..end)
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
