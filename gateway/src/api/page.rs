//! The page: four embedded files, and a summary for browsers without scripts.
//!
//! Nothing is fetched from elsewhere: a board in a cupboard has no internet. Everything that comes from a
//! configuration or a device is escaped.

use crate::health::{Condition, Severity};
use crate::status::{DeviceInfo, Status};
use std::fmt::Write;

/// The page's script.
pub(super) const SCRIPT: &str = include_str!("ui/app.js");
/// The chart of one value, which the script imports.
pub(super) const CHART: &str = include_str!("ui/chart.js");
/// The page's style.
pub(super) const STYLE: &str = include_str!("ui/app.css");
const PAGE: &str = include_str!("ui/index.html");
/// Where the summary goes, inside `<noscript>`.
const SUMMARY: &str = "<!--summary-->";

/// The page, with a summary of `status` for browsers without scripts.
pub(super) fn render(status: &Status, stalled: Option<&Condition>) -> String {
    PAGE.replacen(SUMMARY, &summary(status, stalled), 1)
}

fn summary(status: &Status, stalled: Option<&Condition>) -> String {
    let mut html = String::new();
    let found: Vec<&Condition> = stalled.into_iter().chain(&status.conditions).collect();
    let needs = found.iter().filter(|one| one.severity != Severity::Info).count() + status.raised().count();
    paragraph(&mut html, &format!("{} · {}", status.gateway.id, status.gateway.site));
    paragraph(
        &mut html,
        &if needs == 0 {
            "All well. 一切正常。".to_owned()
        } else {
            format!("Needs attention: {needs}. 需要处理：{needs} 项。")
        },
    );
    let conditions = found.iter().map(|one| format!("{} {} {} — {} {}", one.code.as_str(), one.en, one.hint_en, one.zh, one.hint_zh));
    list(&mut html, conditions);
    list(
        &mut html,
        status.raised().map(|alarm| format!("{} · {} · {}", alarm.en, alarm.zh, alarm.device_name.as_ref().unwrap_or(&alarm.device))),
    );
    list(&mut html, status.devices.iter().map(device));
    list(&mut html, status.strangers.iter().map(|one| format!("{} · unknown device 未登记设备 · {}", one.stranger.id, one.adopt)));
    list(&mut html, status.accounts.iter().map(ToString::to_string));
    html
}

fn device(device: &DeviceInfo) -> String {
    let state = if device.online {
        "online 在线"
    } else if device.waiting {
        "waiting 等待中"
    } else {
        "silent 无数据"
    };
    format!("{} {} · {} · {state}", device.zh, device.id, device.name.as_deref().unwrap_or_default())
}

fn paragraph(html: &mut String, text: &str) {
    // Writing to memory does not fail.
    let _ = writeln!(html, "<p>{}</p>", escaped(text));
}

fn list(html: &mut String, items: impl Iterator<Item = String>) {
    html.push_str("<ul>\n");
    for item in items {
        let _ = writeln!(html, "<li>{}</li>", escaped(&item));
    }
    html.push_str("</ul>\n");
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
