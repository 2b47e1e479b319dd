//! What the demonstration shows: one screen that redraws itself, or a line per event where output is no terminal.
//!
//! Only prints; everything it shows comes from the status snapshot and from what the neighbourhood tells.

use super::demo::Told;
use crate::health::Severity;
use crate::status::{DeviceInfo, Status};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The built-in database's books.
#[derive(Debug, Clone, Default)]
pub(super) struct Sink {
    /// Lines taken.
    pub lines: u64,
    /// Field values taken.
    pub points: u64,
    /// Points that came again unchanged.
    pub duplicates: u64,
    /// Points that came again with another value.
    pub conflicts: u64,
    /// Request bytes taken.
    pub bytes: u64,
}

/// Lines of story kept on the screen.
const STORY_LINES: usize = 7;
/// Device lines on the screen; a fleet of hundreds does not fit.
const DEVICE_LINES: usize = 8;
/// Frames between two summary lines of the plain form: five seconds.
const PLAIN_EVERY: u32 = 10;

/// Where the demonstration is shown.
pub(super) struct Screen {
    live: bool,
    json: bool,
    page: Option<SocketAddr>,
    log: PathBuf,
    frames: u32,
    told: usize,
    alarms: BTreeSet<(String, &'static str)>,
}

impl Screen {
    pub(super) fn new(plain: bool, json: bool, page: Option<SocketAddr>, log: PathBuf) -> Self {
        let live = !plain && !json && std::io::stdout().is_terminal();
        Self { live, json, page, log, frames: 0, told: 0, alarms: BTreeSet::new() }
    }

    pub(super) fn frame(&mut self, status: &Status, told: &Told) {
        if self.live {
            let text = self.draw(status, told);
            // Home, the text with every line cleared to its end, then everything below.
            show(&format!("\x1b[H{}\x1b[J", text.replace('\n', "\x1b[K\n")));
        } else {
            self.plain(status, told);
        }
        self.frames += 1;
    }

    /// The account, and the database's side of it.
    pub(super) fn end(&mut self, status: &Status, told: &Told) {
        if self.json {
            let database = told.database.as_ref().map(|sink| {
                serde_json::json!({"lines": sink.lines, "points": sink.points, "duplicates": sink.duplicates, "conflicts": sink.conflicts, "bytes": sink.bytes})
            });
            let account = serde_json::json!({"accounts": status.accounts, "published": told.published, "database": database});
            show(&format!("{account}\n"));
            return;
        }
        let mut text = String::from("\nThe account 收支平衡: received = delivered + buffered + dropped{reason} + dead-lettered\n");
        for row in &status.accounts {
            let verdict = if row.missing() == 0 { "balances" } else { "DOES NOT BALANCE" };
            line(&mut text, format_args!("  {row}   {verdict}"));
        }
        line(&mut text, format_args!("  the devices published {} messages over MQTT", told.published));
        if let Some(sink) = &told.database {
            line(
                &mut text,
                format_args!(
                    "  the database took {} points in {} lines, {} bytes on the wire; {} came twice unchanged, {} with another value",
                    sink.points, sink.lines, sink.bytes, sink.duplicates, sink.conflicts
                ),
            );
        }
        for sentence in &told.left_out {
            line(&mut text, format_args!("  not shown in this run: {} {}", sentence.en, sentence.zh));
        }
        show(&text);
    }

    fn draw(&self, status: &Status, told: &Told) -> String {
        let mut text = String::new();
        let gateway = &status.gateway;
        let clock = jiff::Timestamp::from_millisecond(gateway.now_ms).map_or_else(|_| String::new(), |at| local(at, "%F %H:%M"));
        line(
            &mut text,
            format_args!(
                "\x1b[1mfacility-gateway demo\x1b[0m  {} {}  {} devices  {clock} (simulated)",
                gateway.district_name,
                gateway.community.as_deref().unwrap_or_default(),
                status.devices.len()
            ),
        );
        if let Some(page) = self.page {
            line(
                &mut text,
                format_args!("status page 状态页  \x1b[4mhttp://{page}/\x1b[0m   log {}   end with ctrl-c", self.log.display()),
            );
        }
        text.push('\n');
        text.push_str(&figures(status, told));
        text.push('\n');
        for device in status.devices.iter().take(DEVICE_LINES) {
            line(&mut text, format_args!("{}", device_line(device)));
        }
        if status.devices.len() > DEVICE_LINES {
            line(&mut text, format_args!("  … and {} more on the status page", status.devices.len() - DEVICE_LINES));
        }
        text.push('\n');
        for alarm in status.raised().take(4) {
            line(&mut text, format_args!("\x1b[31m▲ {} {}  {}  {}\x1b[0m", alarm.zh, alarm.en, alarm.device, alarm_value(alarm)));
        }
        for condition in status.conditions.iter().filter(|condition| condition.severity != Severity::Info).take(3) {
            line(&mut text, format_args!("\x1b[33m! {} {}  {}\x1b[0m", condition.code.as_str(), condition.en, condition.zh));
        }
        text.push('\n');
        for (at_s, sentence) in told.story.iter().rev().take(STORY_LINES).rev() {
            line(&mut text, format_args!("{:>3} s  {}  {}", at_s, sentence.en, sentence.zh));
        }
        text
    }

    fn plain(&mut self, status: &Status, told: &Told) {
        if self.json {
            return;
        }
        let mut text = String::new();
        if self.frames == 0
            && let Some(page) = self.page
        {
            line(&mut text, format_args!("status page http://{page}/   log {}", self.log.display()));
        }
        for (at_s, sentence) in told.story.iter().skip(self.told) {
            line(&mut text, format_args!("{at_s:>3} s  {}  {}", sentence.en, sentence.zh));
        }
        self.told = told.story.len();
        let raised: BTreeSet<_> = status.raised().map(|alarm| (alarm.device.clone(), alarm.rule)).collect();
        for (device, rule) in raised.difference(&self.alarms) {
            line(&mut text, format_args!("       alarm raised  {rule}  {device}"));
        }
        for (device, rule) in self.alarms.difference(&raised) {
            line(&mut text, format_args!("       alarm cleared {rule}  {device}"));
        }
        self.alarms = raised;
        if self.frames % PLAIN_EVERY == PLAIN_EVERY - 1 {
            text.push_str(&figures(status, told));
        }
        show(&text);
    }
}

/// Rates, durable, backlog, delivered: the same in both forms.
fn figures(status: &Status, told: &Told) -> String {
    let mut text = String::new();
    let durable: u64 = status.stores.iter().map(|store| store.end).sum();
    let written: u64 = status.stores.iter().map(|store| store.bytes_written).sum();
    let commits: u64 = status.stores.iter().map(|store| store.commits).sum();
    let backlog: u64 = status.accounts.iter().map(|row| row.buffered).sum();
    line(
        &mut text,
        format_args!(
            "received 接收  {:>7.1} messages/s {:>8.1} readings/s   durable 落盘 {durable} points, {commits} commits, {} written",
            status.rates.messages_per_s,
            status.rates.readings_per_s,
            bytes(written)
        ),
    );
    let sent = |figure: fn(&crate::status::ForwardInfo) -> u64| status.forward.iter().map(figure).sum::<u64>();
    line(
        &mut text,
        format_args!(
            "backlog 积压   {backlog:>7} points{:>21}  delivered 送达 {} points in {} lines, {} on the wire, {} retries",
            "",
            sent(|forward| forward.points),
            sent(|forward| forward.lines),
            bytes(sent(|forward| forward.wire_bytes)),
            sent(|forward| forward.retries)
        ),
    );
    line(
        &mut text,
        format_args!("alarms 报警    {:>7} raised{:>21}  published by the devices {}", status.raised().count(), "", told.published),
    );
    text
}

fn device_line(device: &DeviceInfo) -> String {
    let (mark, word) = match (device.online, device.waiting) {
        (true, _) => ("\x1b[32m●\x1b[0m", ""),
        (false, true) => ("○", "  waiting 等待"),
        (false, false) => ("\x1b[31m○\x1b[0m", "  \x1b[31msilent 失联\x1b[0m"),
    };
    let mut text = format!("{mark} {:<16} {}{word}", device.id, device.zh);
    let shown = match device.kind {
        "locker" => ["comp_occupied", "comp_total", "comp_faulted"].as_slice(),
        "cabinet" => ["air_c", "setpoint_c", "door_open", "mode"].as_slice(),
        "vending" => ["status", "vends_total", "sales_fen_total"].as_slice(),
        _ => ["active_w", "energy_kwh_total", "voltage_v"].as_slice(),
    };
    for field in shown {
        if let Some(value) = device.values.iter().find(|value| value.field == *field && value.part.is_empty()) {
            let shown = if value.value.is_null() { value.quality.to_owned() } else { short(&value.value) };
            // Writing to a string cannot fail.
            let _ = write!(text, "  {field} {shown}");
        }
    }
    text
}

fn short(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(number) if number.is_f64() => format!("{:.1}", number.as_f64().unwrap_or_default()),
        serde_json::Value::String(word) => word.clone(),
        other => other.to_string(),
    }
}

fn alarm_value(alarm: &crate::status::ActiveAlarm) -> String {
    match (alarm.value, alarm.limit) {
        (Some(value), Some(limit)) if !alarm.unit.is_empty() => {
            format!("{value:.1} {} {} {limit:.1} {}", alarm.unit, if value < limit { '<' } else { '>' }, alarm.unit)
        }
        _ => String::new(),
    }
}

fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

fn local(at: jiff::Timestamp, form: &str) -> String {
    // The neighbourhood lives in Fuzhou; its clock has no summer time.
    at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).strftime(form).to_string()
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(line);
    text.push('\n');
}

fn show(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe is the reader's decision, not an error of the demonstration.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
