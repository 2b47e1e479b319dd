//! A message on one line of a terminal. Pure.

use crate::api::{Became, Line};
use crate::cli::store::words::{plain, time};
use crate::status::reason;
use std::fmt::Write as _;

/// Time, device, topic, what became of each field, the reason for every drop in words.
pub(super) fn text(line: &Line) -> String {
    let who = line.device.as_deref().unwrap_or("?");
    let mut text = format!("{} {} {}", time(line.at_ms), plain(who), plain(&line.topic));
    if line.retained {
        text.push_str(" (retained)");
    }
    if let Some(label) = &line.refused {
        let _ = write!(text, " · REFUSED: {} ({label})", reason::of_label(label));
    }
    let readings: Vec<String> = line.steps.iter().filter_map(|step| reading(&step.became)).collect();
    if !readings.is_empty() {
        let _ = write!(text, " · {}", readings.join(" "));
    }
    for step in &line.steps {
        if let Became::Dropped { reason: label } = &step.became {
            let _ = write!(text, " · DROPPED {} ({}): {} ({label})", plain(&step.place), plain(&step.found), reason::of_label(label));
        }
    }
    text
}

/// A reading as `point=value`, with the part it is about.
pub(super) fn reading(became: &Became) -> Option<String> {
    let Became::Reading { point, part, value, quality } = became else { return None };
    let part = if part.is_empty() { String::new() } else { format!("[{}]", plain(part)) };
    let value = match value {
        serde_json::Value::Null => format!("– {quality}"),
        serde_json::Value::String(word) => plain(word).into_owned(),
        other => other.to_string(),
    };
    Some(format!("{point}{part}={value}"))
}
