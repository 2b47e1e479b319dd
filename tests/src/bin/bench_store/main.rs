//! Measures the store alone, under the reference load (`facility_drivers::sim::workload`), and prints its figures next
//! to their goals and to what others reached.
//!
//! ```text
//! facility-bench-store [write|size|day|reopen|query] [--json] [--points N] [--dir DIR] [--real-time SECONDS]
//!   write    device bytes and processor time per point at 10, 100 and 1000 points a commit
//!   size     bytes of a sealed point, with 200, 2000 and 10 000 series
//!   day      device bytes a day at one commit a second; with --real-time also measured, so many seconds
//!   reopen   60 million points (--points), killed, opened again: time and memory; --dir keeps the store there
//!   query    one series over 24 h of that store
//! ```
//! Without a name all of them. Device bytes need root, for a loop device. Processor time and bytes carry over to
//! another machine of this kind, elapsed times hardly.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::expect_used, clippy::panic, reason = "a measuring program")]

mod day;
mod feed;
mod figures;
mod place;
mod query;
mod reopen;
mod size;
mod table;
mod write;

use reopen::Filled;
use std::path::{Path, PathBuf};
use table::Table;

#[derive(Debug)]
struct Arguments {
    what: Option<String>,
    json: bool,
    points: u64,
    dir: Option<PathBuf>,
    real_time_s: Option<u64>,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [child, what, dir, points] = &words[..]
        && child == "child"
    {
        return be_child(what, Path::new(dir), number(points));
    }
    let arguments = arguments(words.into_iter());
    let asked = |name: &str| arguments.what.as_deref().is_none_or(|what| what == name);
    let mut table = Table::default();
    if asked("write") {
        write::measure(&mut table);
    }
    if asked("size") {
        size::measure(&mut table);
    }
    if asked("day") {
        day::compute(&mut table);
        arguments.real_time_s.into_iter().for_each(|seconds| day::measure(&mut table, seconds));
    }
    if asked("reopen") || asked("query") {
        let filled = Filled::new(&mut table, arguments.points, arguments.dir.as_deref());
        if asked("reopen") {
            filled.reopen(&mut table);
        }
        if asked("query") {
            filled.query(&mut table);
        }
    }
    if arguments.json { table.print_json() } else { table.print() }
}

fn be_child(what: &str, dir: &Path, points: u64) {
    match what {
        "fill" => reopen::fill(dir, points),
        "open" => reopen::open(dir),
        "query" => query::child(dir),
        _ => panic!("no such child: {what}"),
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Arguments {
    let mut found = Arguments { what: None, json: false, points: reopen::POINTS, dir: None, real_time_s: None };
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| misused(&format!("{word} needs a value")));
        match word.as_str() {
            "--json" => found.json = true,
            "--points" => found.points = number(&value()),
            "--dir" => found.dir = Some(value().into()),
            "--real-time" => found.real_time_s = Some(number(&value())),
            "write" | "size" | "day" | "reopen" | "query" => found.what = Some(word),
            _ => misused(&format!("not understood: {word}")),
        }
    }
    found
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| misused(&format!("not a number: {text}")))
}

fn misused(why: &str) -> ! {
    eprintln!("{why}; the head of tests/bench.sh says how it is used");
    std::process::exit(64)
}
