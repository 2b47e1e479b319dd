//! What must be known about a payload before and after a strict JSON reader sees it: how deep it nests, and whether it
//! was refused only for numbers that no float can hold.
//!
//! Allocates only for payloads that were refused. Bounded by the payload's own limit.

use super::value::NOT_FINITE;
use facility_config::limits::JSON_DEPTH_MAX;

/// Whether a payload nests deeper than allowed. Counting brackets clears almost every payload at once; only those with
/// many are scanned. serde_json's own limit does not hold for values that are skipped.
pub(super) fn is_too_deep(text: &str) -> bool {
    // One bit tells `[` from `{`; in pieces of so few bytes a byte counts, sixteen at a time on most processors.
    let count = |piece: &[u8]| piece.iter().fold(0_u8, |count, byte| count.wrapping_add(u8::from(byte | 0x20 == b'{')));
    let opened: usize = text.as_bytes().chunks(128).map(|piece| usize::from(count(piece))).sum();
    opened > JSON_DEPTH_MAX && deepest(text) > JSON_DEPTH_MAX
}

fn deepest(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The payload with every bare `NaN`, `-Infinity` (Python writes them) and `1e400` replaced by a marker that decodes to
/// "not finite", so that one such value costs one field and not the message. `None` if there is none.
pub(super) fn without_infinities(text: &str) -> Option<String> {
    let mut repaired = String::with_capacity(text.len() + 64);
    let mut rest = text;
    let mut found = false;
    while let Some(first) = rest.bytes().next() {
        let taken = match first {
            b'"' => string_len(rest),
            b if is_token(b) => rest.bytes().take_while(|b| is_token(*b)).count(),
            _ => rest.bytes().take_while(|b| *b != b'"' && !is_token(*b)).count(),
        };
        let (piece, after) = rest.split_at_checked(taken)?;
        if is_token(first) && piece.parse::<f64>().is_ok_and(|n| !n.is_finite()) {
            repaired.push_str("\"\\u0000");
            repaired.push_str(NOT_FINITE.trim_start_matches('\0'));
            repaired.push('"');
            found = true;
        } else {
            repaired.push_str(piece);
        }
        rest = after;
    }
    found.then_some(repaired)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Length of the string literal that `text` begins with, quotes included; all of it if it does not end.
pub(super) fn string_len(text: &str) -> usize {
    let mut escaped = true;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
