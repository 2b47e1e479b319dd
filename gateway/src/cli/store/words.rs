//! Numbers, sizes and moments for people. Pure.

use jiff::Timestamp;
use std::borrow::Cow;

/// A number with its digits in groups of three.
pub(in crate::cli) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A size in bytes.
pub(super) fn bytes(number: u64) -> String {
    match number {
        0..=9_999 => format!("{number} B"),
        10_000..=1_048_575 => format!("{:.1} KiB", number as f64 / 1024.0),
        1_048_576..=1_073_741_823 => format!("{:.1} MiB", number as f64 / 1_048_576.0),
        _ => format!("{:.2} GiB", number as f64 / 1_073_741_824.0),
    }
}

/// A moment in UTC, to the millisecond; a number no calendar has as it is.
pub(in crate::cli) fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |time| format!("{time:.3}"))
}

/// `1 point`, `2 points`.
pub(super) fn points(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "point" } else { "points" })
}

/// Tags as pairs, in the order the store keeps them: `device_id=a\,b,kind=cabinet` is (`device_id`, `a,b`) and so on.
pub(super) fn tags(stored: &str) -> Vec<(String, String)> {
    let mut pairs = vec![(String::new(), None::<String>)];
    let mut chars = stored.chars();
    while let Some(char) = chars.next() {
        let Some((key, value)) = pairs.last_mut() else { continue };
        match char {
            ',' => pairs.push((String::new(), None)),
            '=' if value.is_none() => *value = Some(String::new()),
            '\\' => value.as_mut().unwrap_or(key).extend(chars.next()),
            char => value.as_mut().unwrap_or(key).push(char),
        }
    }
    pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// The device of a tag set.
pub(in crate::cli) fn device(stored: &str) -> Option<String> {
    tags(stored).into_iter().find(|(key, _)| key == "device_id").map(|(_, value)| value)
}

/// Text that cannot move the cursor of a terminal, whatever a damaged card says.
pub(in crate::cli) fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        return text.chars().map(|char| if char.is_control() { '�' } else { char }).collect();
    }
    text.into()
}
