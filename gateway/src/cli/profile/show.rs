//! `profile show`: what is known about a model, for somebody who stands in front of one.

use super::table::{Table, shown};
use super::{EXIT_CODES, Site, dialect, put, shapes};
use crate::cli::Exit;
use clap::Args;
use facility_config::profile::{Dialect, Encoding, Expect, Golden, Layout, Mark, ModbusMap, Polarity, RegisterPoint, RegisterType, hex_of};
use facility_config::{Part, Point, Profile};
use std::fmt::Write as _;

/// Columns of a paragraph.
const COLUMNS: usize = 100;

/// Arguments of `profile show`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway profile show danfoss-ekc202d\n  facility-gateway profile show own-meter --config site.toml\n\nAddresses are those of the protocol, counted from 0: 40001 of a manual is holding 0.\n\n{EXIT_CODES}")
)]
pub struct ShowArgs {
    /// Which model; see `profile list`
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    site: Site,
}

pub(super) fn show(args: &ShowArgs) -> Result<Exit, Exit> {
    let models = args.site.models();
    let (profile, builtin) = models.find(&args.id)?;
    put(&page(profile, builtin), None)?;
    Ok(models.end())
}

/// Everything about one model.
pub(super) fn page(profile: &Profile, builtin: bool) -> String {
    let from = if builtin { "" } else { ", from profiles.d" };
    let kind = profile.kind;
    let mut out = format!("{}  {} ({} {}{from})\n", profile.id, profile.title(), kind.as_str(), kind.zh());
    row(&mut out, "origin", &profile.origin);
    row(&mut out, "heard every", &format!("{} s, unless the device has an interval_s of its own", profile.interval.as_secs()));
    match &profile.dialect {
        Dialect::Modbus(map) => add_map(&mut out, map),
        Dialect::Frame(map) => shapes::add_frames(&mut out, map),
        Dialect::Mqtt(map) => dialect::add_messages(&mut out, map),
        Dialect::Internal => {}
    }
    out
}

fn add_map(out: &mut String, map: &ModbusMap) {
    let most = match (map.points.iter().any(|point| !point.table.is_bits()), map.points.iter().any(|point| point.table.is_bits())) {
        (true, true) => format!("{} registers or {} bits", map.registers_max, map.bits_max),
        (false, true) => format!("{} bits", map.bits_max),
        _ if map.registers_max == 1 => "one register".to_owned(),
        _ => format!("{} registers", map.registers_max),
    };
    row(out, "slow points", &format!("every {} s", map.slow.as_secs()));
    row(out, "requests", &format!("of at most {most}; up to {} unused in a row are read along", map.gap_max));
    row(out, "answers", &format!("after about {} ms, given up after {} ms", map.turnaround.as_millis(), map.timeout.as_millis()));
    if let Some(serial) = map.serial {
        row(out, "serial", &serial_words(serial));
    }
    for span in &map.unreadable {
        row(out, "refuses", &format!("{} {} to {}", span.table.as_str(), span.first, span.last));
    }
    map.fingerprint.iter().for_each(|mark| row(out, "known by", &mark_words(mark)));
    add_golden(out, &map.golden);
    add_quirks(out, &map.quirks);
    let mut table =
        Table::new(&["POINT", "PART", "TABLE", "ADDR", "HEX", "TYPE", "ORDER", "SCALE", "UNIT", "RANGE", "GROUP", "ALSO", "MAKER'S NAME"]);
    map.points.iter().for_each(|point| table.row(point_row(point)));
    out.push('\n');
    out.push_str(&table.render("  "));
    for point in map.points.iter().filter(|point| !point.map.is_empty()) {
        let words: Vec<String> = point.map.iter().map(|(raw, word)| format!("{raw} {word}")).collect();
        let _ = writeln!(out, "\n  {}", name(point.point, point.part));
        row(out, "", &words.join(" · "));
    }
}

/// `9600 8E1`.
pub(super) fn serial_words(serial: facility_config::profile::SerialDefaults) -> String {
    let parity = serial.parity.as_str().chars().next().unwrap_or('n').to_ascii_uppercase();
    format!("{} 8{parity}{} as it leaves the factory", serial.baud, serial.stop_bits)
}

fn mark_words(mark: &Mark) -> String {
    let place = format!("{} {} × {}", mark.table.as_str(), mark.address, mark.count);
    match &mark.expect {
        Expect::Number { ty, order, low, high } => format!("{place} is a {} {order} between {low} and {high}", ty.as_str()),
        Expect::Refused(code) => format!("{place} is refused with exception {code}"),
    }
}

/// Frames that were seen.
pub(super) fn add_golden(out: &mut String, golden: &[Golden]) {
    for golden in golden {
        row(out, "asked", &format!("{}  ({})", hex_of(&golden.question), golden.origin));
        if !golden.answer.is_empty() {
            row(out, "answered", &hex_of(&golden.answer));
        }
        for (point, part, value) in &golden.values {
            row(out, "says", &format!("{} = {value}", name(*point, *part)));
        }
    }
}

/// What a technician has to know.
pub(super) fn add_quirks(out: &mut String, quirks: &str) {
    quirks.lines().filter(|line| !line.trim().is_empty()).for_each(|line| row(out, "know", line));
}

fn point_row(point: &RegisterPoint) -> Vec<String> {
    let sum = match (point.scale, point.offset) {
        (1.0, 0.0) => String::new(),
        (scale, 0.0) => format!("×{scale}"),
        (scale, offset) => format!("×{scale} {offset:+}"),
    };
    let is_usual = point.order == facility_config::profile::ByteOrder::big(point.order.len());
    let ty = match point.ty {
        RegisterType::Text => format!("text[{}]", point.length),
        RegisterType::Count => format!("count[{}]", point.bits),
        ty => ty.as_str().to_owned(),
    };
    vec![
        point.point.to_string(),
        point.part.to_string(),
        point.table.as_str().to_owned(),
        point.address.to_string(),
        format!("{:04X}", point.address),
        ty,
        if is_usual { String::new() } else { point.order.to_string() },
        sum,
        point.point.unit().to_owned(),
        point.range.map_or_else(String::new, |(low, high)| format!("{low}..{high}")),
        if point.group == Default::default() { "" } else { point.group.as_str() }.to_owned(),
        also(point),
        point.origin.to_string(),
    ]
}

/// What else decides about the value.
fn also(point: &RegisterPoint) -> String {
    let mut words = Vec::new();
    match point.mask {
        Some(mask) if mask.is_power_of_two() && mask.trailing_zeros() == u32::from(point.shift) => {
            words.push(format!("bit {}", point.shift))
        }
        Some(mask) => words.push(format!("mask {mask:X} >> {}", point.shift)),
        None if point.shift > 0 => words.push(format!(">> {}", point.shift)),
        None => {}
    }
    if !point.map.is_empty() {
        words.push(format!("{} words", point.map.len()));
    }
    if !point.yes.is_empty() {
        words.push(format!("yes: {}", point.yes.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")));
    }
    match point.polarity {
        Polarity::Set => {}
        Polarity::Clear => words.push("set is no".to_owned()),
        Polarity::Commissioned => words.push("door_open_is".to_owned()),
    }
    if let Some(status) = point.status {
        words.push(format!("bad if {} & {} = {}", status.address, status.mask, status.bad));
    }
    if !point.invalid.is_empty() {
        words.push(format!("none: {}", point.invalid.iter().map(|raw| format!("{raw:X}h")).collect::<Vec<_>>().join(" ")));
    }
    if let Some(round) = point.round {
        words.push(format!("{round} decimals"));
    }
    if point.ty == RegisterType::Text && (point.layout, point.encoding) != (Layout::Both, Encoding::Ascii) {
        words.push(format!("{} {}", point.encoding.as_str(), point.layout.as_str()));
    }
    words.join(", ")
}

/// A point and its part.
fn name(point: Point, part: Part) -> String {
    if part.is_whole() { point.to_string() } else { format!("{point}#{part}") }
}

/// A heading and a paragraph beside it.
pub(super) fn row(out: &mut String, head: &str, text: &str) {
    let mut line = String::new();
    let mut head = head;
    for word in text.split_whitespace() {
        if !line.is_empty() && shown(&line) + 1 + shown(word) > COLUMNS {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  {head:<12} {line}");
            head = "";
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "  {head:<12} {line}");
}
