#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT
const DATE_MS: i64 = 784_111_777_000;

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Stored => "stored",
        Outcome::Retry { suspicious: false, .. } => "retry",
        Outcome::Retry { suspicious: true, .. } => "suspicious",
        Outcome::TooLarge { .. } => "too large",
        Outcome::Refused { .. } => "refused",
        Outcome::Partial { .. } => "partial",
        Outcome::Hold { token: false, .. } => "hold",
        Outcome::Hold { token: true, .. } => "hold token",
    }
}

#[test]
fn only_a_database_s_word_counts() {
    let json = br#"{"code":"invalid","message":"unable to parse"}"#.as_slice();
    let page = b"<html>login</html>".as_slice();
    let table = [
        (204, b"".as_slice(), "stored"),
        (200, b"", "stored"),
        (200, page, "hold"),
        (200, b"{}", "hold"),
        (201, b"", "hold"),
        (206, b"", "hold"),
        (301, b"", "hold"),
        (307, b"", "hold"),
        (400, json, "refused"),
        (400, b"", "refused"),
        (422, json, "refused"),
        (400, b" \r\n<!DOCTYPE html>", "hold"),
        (401, json, "hold token"),
        (403, json, "hold token"),
        (404, json, "hold"),
        (405, b"", "hold"),
        (408, b"", "retry"),
        (413, page, "too large"),
        (415, b"", "hold"),
        (429, b"", "retry"),
        (500, json, "suspicious"),
        (502, page, "retry"),
        (503, b"", "retry"),
        (599, b"", "retry"),
        (600, b"", "hold"),
        (101, b"", "hold"),
    ];
    for (status, body, expected) in table {
        assert_eq!(kind(&classify(status, None, body, 0)), expected, "{status} {}", String::from_utf8_lossy(body));
    }
}

#[test]
fn obeys_a_pause_in_seconds_or_as_a_date_within_reason() {
    let table = [
        (Some("7"), Some(7_000)),
        (Some(" 0 "), Some(0)),
        (Some("86400"), Some(RETRY_AFTER_MS_MAX)),
        (Some("99999999999999999999"), None),
        (Some("Sun, 06 Nov 1994 08:49:37 GMT"), Some(10_000)),
        (Some("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0)),
        (Some("Sat, 06 Nov 2094 08:49:37 GMT"), Some(RETRY_AFTER_MS_MAX)),
        (Some("-1"), None),
        (Some("soon"), None),
        (None, None),
    ];
    for (header, expected) in table {
        let Outcome::Retry { after, .. } = classify(503, header, b"", DATE_MS - 10_000) else { panic!("{header:?}") };
        assert_eq!(after.map(|after| after.as_millis() as u64), expected, "{header:?}");
    }
}

#[test]
fn keeps_the_reason_on_one_line_and_short() {
    let long = "x".repeat(100_000);
    let table = [
        (r#"{"code":"invalid","message":"bad\nline"}"#, "400: the database refuses the data: bad line"),
        (r#"{"error":"partial write"}"#, "400: the database refuses the data: partial write"),
        ("plain\u{1b}[31m words\n", "400: the database refuses the data: plain [31m words"),
        ("", "400: the database refuses the data"),
    ];
    for (body, expected) in table {
        assert_eq!(classify(400, None, body.as_bytes(), 0), Outcome::Refused { why: expected.to_owned() });
    }
    let Outcome::Hold { why, .. } = classify(415, None, b"gzip encoding is not supported", 0) else { panic!("hold") };
    assert!(why.contains("compressed") && why.ends_with("gzip encoding is not supported"), "{why}");
    let Outcome::Refused { why } = classify(400, None, long.as_bytes(), 0) else { panic!("refused") };
    assert!(why.len() < FORWARD_REASON_CHARS_MAX + 64);
    let Outcome::Refused { why } = classify(422, None, &[0xff; 40], 0) else { panic!("refused") };
    assert!(why.starts_with("422"));
}

#[test]
fn a_list_of_refused_lines_is_believed_only_if_it_is_whole() {
    let one = |nth: u64| format!(r#"{{"original_line":"m,t=a v=x {nth}","line_number":{nth},"error_message":"no\nfield"}}"#);
    let body = |error: &str, data: String| format!(r#"{{"error":"{error}","data":[{data}]}}"#);
    let partial = "partial write of line protocol occurred";
    let many = |count: u64| (1..=count).map(one).collect::<Vec<_>>().join(",");
    let table = [
        (body(partial, one(1)), vec![0]),
        (body(partial, [one(2), one(7)].join(",")), vec![1, 6]),
        (body(partial, many(99)), (0..99).collect()),
        // May be cut short; not in order; before the first line; another error; nothing listed; no list.
        (body(partial, many(100)), vec![]),
        (body(partial, [one(7), one(2)].join(",")), vec![]),
        (body(partial, [one(2), one(2)].join(",")), vec![]),
        (body(partial, one(0)), vec![]),
        (body("parsing failed", one(1)), vec![]),
        (body(partial, String::new()), vec![]),
        (r#"{"error":"partial write: field type conflict: input field \"v\" dropped=1"}"#.to_owned(), vec![]),
        (body(partial, r#"{"line_number":1}"#.to_owned()), vec![]),
    ];
    for (body, expected) in table {
        let outcome = classify(400, None, body.as_bytes(), 0);
        let Outcome::Partial { refused } = outcome else {
            assert!(expected.is_empty() && kind(&outcome) == "refused", "{body:.200}: {outcome:?}");
            continue;
        };
        assert_eq!(refused.iter().map(|one| one.nth).collect::<Vec<_>>(), expected, "{body:.200}");
        assert!(refused.iter().all(|one| one.why == "400: the database refuses the line: no field" && one.line.starts_with("m,t=a v=x ")));
    }
}
