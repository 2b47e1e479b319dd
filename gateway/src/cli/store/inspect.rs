//! `store inspect`: what a card holds, from heads and cursors; no value is read.

use super::words::{bytes, count, plain, points, time};
use super::{EXIT_CODES, Found, Place, no_output};
use crate::cli::Exit;
use crate::store::card::facts::{DeviceFacts, Facts};
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;

/// Arguments of `store inspect`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway store inspect\n  facility-gateway store inspect /media/card/facility-gateway --series\n  facility-gateway store inspect --store readings --json | jq '.[0].devices[].points'\n\n{EXIT_CODES}")
)]
pub struct InspectArgs {
    #[command(flatten)]
    place: Place,
    /// Also count every series of every device
    #[arg(long)]
    series: bool,
    /// Print the result as JSON, times in milliseconds since 1970.
    #[arg(long)]
    json: bool,
}

/// One store, as JSON shows it.
#[derive(Serialize)]
struct Row {
    store: &'static str,
    dir: String,
    #[serde(flatten)]
    facts: Facts,
}

pub(super) fn inspect(args: &InspectArgs) -> Result<Exit, Exit> {
    let mut all = Vec::new();
    for Found { which, dir, mut card } in args.place.open()? {
        let mut facts = card.facts();
        if !args.series {
            facts.devices.iter_mut().for_each(|device| device.series.clear());
        }
        all.push(Row { store: which.as_str(), dir: dir.display().to_string(), facts });
    }
    let text = if args.json {
        serde_json::to_string_pretty(&all).map_or_else(|_| String::new(), |text| text + "\n")
    } else {
        all.iter().map(table).collect()
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| no_output(&error))?;
    Ok(Exit::Done)
}

fn table(Row { store, dir, facts }: &Row) -> String {
    let mut out = String::new();
    let mut row = |head: &str, text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {head:<10} {text}");
    };
    let format = facts.format.map_or_else(|| "FORMAT unreadable".to_owned(), |version| format!("format {version}"));
    let made = facts.created_ms.map_or_else(String::new, |ms| format!(", made {}", time(ms)));
    let holder = facts.held_by.map_or_else(String::new, |pid| format!(", in use by process {pid}"));
    row("store", format!("{format}{made}, opening {}{holder}", count(facts.openings.into())));
    row("points", format!("{} held; positions {} to {}", count(facts.points), count(facts.start), count(facts.end)));
    row("values", facts.at_ms.map_or_else(|| "none".to_owned(), |(from, to)| format!("{} to {}", time(from), time(to))));
    row("committed", facts.committed_ms.map_or_else(|| "nothing".to_owned(), |(from, to)| format!("{} to {}", time(from), time(to))));
    row("blocks", blocks(facts));
    row("ring", ring(facts));
    for reader in &facts.readers {
        let also =
            [(reader.dead_lettered, "refused"), (reader.lost, "gone before it came"), (reader.over_budget, "left out for the budget")];
        let also: String = also.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {} {what}", count(*n))).collect();
        row("reader", format!("{} at {}, {} waiting{also}", reader.reader, count(reader.next), count(reader.waiting)));
    }
    let given_up = [(facts.evicted, "deleted for room"), (facts.thinned, "thinned out for room"), (facts.no_disk, "without a disk")];
    if given_up.iter().any(|(n, _)| *n > 0) {
        let parts: Vec<String> = given_up.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))).collect();
        row("given up", format!("unread: {}", parts.join(", ")));
    }
    for gap in &facts.gaps {
        row(
            "gap",
            format!("{} {}, {} to {}, not told to the destination yet", points(gap.points), gap.reason, time(gap.from_ms), time(gap.to_ms)),
        );
    }
    if facts.missing > 0 || facts.blocks.unreadable > 0 {
        let blocks = facts.blocks.unreadable;
        row("damage", format!("{} missing, {blocks} blocks with an unreadable head; `store verify` tells all", points(facts.missing)));
    }
    if facts.guessed_times > 0 {
        row("clock", format!("{} openings with a clock that is not set yet: their times are a guess", facts.guessed_times));
    }
    row("last run", ended(facts));
    if !facts.foreign_files.is_empty() {
        row("foreign", plain(&facts.foreign_files.join(", ")).into_owned());
    }
    for device in &facts.devices {
        add_device(&mut out, device);
    }
    format!("{store}  {}\n{out}", plain(dir))
}

fn blocks(facts: &Facts) -> String {
    let blocks = &facts.blocks;
    let per_point = if blocks.points == 0 { 0.0 } else { blocks.bytes as f64 / blocks.points as f64 };
    let thinned = if blocks.thinned > 0 { format!(", {} thinned out", count(blocks.thinned as u64)) } else { String::new() };
    format!(
        "{} in {} files, {}, {} ({} reserved), {per_point:.2} bytes per point{thinned}",
        count(blocks.blocks as u64),
        count(blocks.files as u64),
        points(blocks.points),
        bytes(blocks.bytes),
        bytes(blocks.bytes_reserved)
    )
}

fn ring(facts: &Facts) -> String {
    let ring = &facts.ring;
    let frames = count(ring.frames as u64);
    format!("{} of {} segments in use, {frames} frames, {}, {}", ring.segments_used, ring.segments, points(ring.points), bytes(ring.bytes))
}

fn ended(facts: &Facts) -> String {
    if facts.held_by.is_some() {
        return "goes on".to_owned();
    }
    if facts.closed_in_order {
        return "ended in order".to_owned();
    }
    match facts.cut {
        0 => "was cut off; nothing that was acknowledged is affected by that".to_owned(),
        cut => format!("was cut off in a commit: {} in it were never acknowledged", points(cut)),
    }
}

fn add_device(out: &mut String, device: &DeviceFacts) {
    let tags = device.tags.as_deref().map_or_else(|| "(name lost)".into(), plain);
    let _ = writeln!(out, "  {:>14}  {tags}", count(device.points));
    for series in &device.series {
        let name = series.name.as_deref().map_or_else(|| "(name lost)".into(), plain);
        let part = if series.part.is_empty() { String::new() } else { format!(" [{}]", plain(&series.part)) };
        let _ = writeln!(out, "  {:>14}      {name}{part}", count(series.points));
    }
}
