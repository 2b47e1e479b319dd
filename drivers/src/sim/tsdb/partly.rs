//! Answers of databases that store a part of a request and refuse the rest. Pure.

use serde_json::{Value, json};

/// Whose way of saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partly {
    /// InfluxDB 1: how many lines were dropped, not which.
    Counted,
    /// InfluxDB 3: each refused line with its number.
    Listed,
}

/// The lines to store, and the body of the answer if any was refused.
pub(super) fn parted(text: &str, refused: &str, how: Partly) -> (String, Option<Value>) {
    let (mut good, mut bad) = (String::new(), Vec::new());
    for (line, nth) in text.lines().zip(1..) {
        if line.contains(refused) {
            bad.push(json!({ "original_line": line, "line_number": nth, "error_message": "field type conflict" }));
        } else {
            good.push_str(line);
            good.push('\n');
        }
    }
    let body = match how {
        _ if bad.is_empty() => None,
        Partly::Counted => Some(json!({ "error": format!("partial write: field type conflict dropped={}", bad.len()) })),
        Partly::Listed => Some(json!({ "error": "partial write of line protocol occurred", "data": bad })),
    };
    (good, body)
}
