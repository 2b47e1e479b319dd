//! What an answer of the database means. Pure: status, `Retry-After` and the beginning of the body in, a decision out.
//!
//! Only 204, or 200 without a body, counts as stored: a captive portal answers 200 with a page. Nothing is ever given
//! up because of credentials, addresses or proxies; only the database's word about the lines themselves can do that.

use facility_config::limits::{FORWARD_REASON_CHARS_MAX, RETRY_AFTER_MS_MAX};
use std::time::Duration;

/// InfluxDB 3 lists no more refused lines than this; a list of that many may be cut short.
const LISTED_MAX: usize = 100;

/// A line that a database refused while it stored the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Place in the request, from 0.
    pub nth: usize,
    /// The line, or its beginning, as the database names it; may be empty.
    pub line: String,
    /// Its reason.
    pub why: String,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The database has the lines.
    Stored,
    /// The same bytes may be accepted later.
    Retry {
        /// The database asked for at least this pause.
        after: Option<Duration>,
        /// In words.
        why: String,
        /// Status 500: when it keeps coming, the lines may be to blame.
        suspicious: bool,
    },
    /// The request is larger than the database takes.
    TooLarge {
        /// In words.
        why: String,
    },
    /// The database finds fault with the lines.
    Refused {
        /// Its reason.
        why: String,
    },
    /// The database stored the others and names the lines it refused: by their place in the request, in order, each with
    /// its reason and with the line as the database read it.
    Partial {
        /// At least one.
        refused: Vec<Rejected>,
    },
    /// Somebody has to act; nothing is lost meanwhile.
    Hold {
        /// What and where, in words.
        why: String,
        /// The token was refused: it may have been replaced on disk.
        token: bool,
    },
}

impl Outcome {
    /// The request got no answer.
    #[must_use]
    pub fn unanswered(why: String) -> Self {
        Self::Retry { after: None, why, suspicious: false }
    }
}

/// Decides by status, the `Retry-After` header, and the beginning of the body.
#[must_use]
pub fn classify(status: u16, retry_after: Option<&str>, body: &[u8], now_ms: i64) -> Outcome {
    let said = words(body);
    let why = |what: &str| if said.is_empty() { format!("{status}: {what}") } else { format!("{status}: {what}: {said}") };
    let hold = |what: &str| Outcome::Hold { why: why(what), token: false };
    match status {
        204 => Outcome::Stored,
        200 if body.is_empty() => Outcome::Stored,
        200..=299 => hold("this answer is not a database's; is there a login page on the way, or is forward.url wrong?"),
        300..=399 => hold("redirected, which is not followed; set forward.url to the address of the database itself"),
        400 | 422 if is_page(body) => hold("a web page answers instead of a database; check forward.url"),
        400 if let Some(refused) = rejected(body) => Outcome::Partial { refused },
        400 | 422 => Outcome::Refused { why: why("the database refuses the data") },
        401 | 403 => {
            Outcome::Hold { why: why("the database refuses the token; check forward.token_file and its write permission"), token: true }
        }
        404 => hold("no such bucket, organisation or address; check forward.bucket, forward.org and forward.url"),
        413 => Outcome::TooLarge { why: why("the request is too large for the database") },
        415 => hold("the database does not take compressed requests; a QuestDB does from 9.1 on"),
        408 | 425 | 429 | 500..=599 => Outcome::Retry {
            after: retry_after.and_then(|text| pause(text, now_ms)),
            why: why("the database asks to try later"),
            suspicious: status == 500,
        },
        _ => hold("the database does not take writes here; check forward.url"),
    }
}

/// A `Retry-After` of seconds or a date (RFC 9110, 10.2.3), at most [`RETRY_AFTER_MS_MAX`].
fn pause(text: &str, now_ms: i64) -> Option<Duration> {
    let text = text.trim();
    let ms = match text.parse::<u64>() {
        Ok(seconds) => seconds.saturating_mul(1_000),
        Err(_) => {
            let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            date.as_millisecond().saturating_sub(now_ms).max(0).unsigned_abs()
        }
    };
    Some(Duration::from_millis(ms.min(RETRY_AFTER_MS_MAX)))
}

/// The list of refused lines that InfluxDB 3 sends with a partial write. `None` if it may not be the whole list: then the
/// lines to blame are found one by one.
fn rejected(body: &[u8]) -> Option<Vec<Rejected>> {
    let json = serde_json::from_slice::<serde_json::Value>(body).ok()?;
    let is_partial = json.get("error")?.as_str()?.contains("partial write");
    let listed = json.get("data")?.as_array()?;
    if !is_partial || !(1..LISTED_MAX).contains(&listed.len()) {
        return None;
    }
    let mut found = Vec::with_capacity(listed.len());
    for one in listed {
        let nth = usize::try_from(one.get("line_number")?.as_u64()?).ok()?.checked_sub(1)?;
        let why = one_line(one.get("error_message")?.as_str()?);
        let line = one.get("original_line").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        found.push(Rejected { nth, line, why: format!("400: the database refuses the line: {why}") });
    }
    found.is_sorted_by(|one, next| one.nth < next.nth).then_some(found)
}

fn one_line(text: &str) -> String {
    let one_line = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    one_line.take(FORWARD_REASON_CHARS_MAX).collect::<String>().trim().to_owned()
}

fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// The reason in an answer: `message` or `error` of a JSON object, or the text itself; nothing of a web page.
fn words(body: &[u8]) -> String {
    if is_page(body) {
        return String::new();
    }
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let said = json.as_ref().and_then(|json| json.get("message").or_else(|| json.get("error"))).and_then(serde_json::Value::as_str);
    let text = said.map_or_else(|| String::from_utf8_lossy(body), Into::into);
    one_line(&text)
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
