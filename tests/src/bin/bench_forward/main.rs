//! Measures the forwarder alone and prints its figures next to their goals.
//!
//! ```text
//! facility-bench-forward [null|victoria|influx|drain|month] [--json] [--days N]
//!   null      messages of ten readings to an endpoint that only counts: rate, processor time, bytes on the wire
//!   victoria  the same to a real VictoriaMetrics
//!   influx    the same to a real InfluxDB 1
//!   drain     a backlog of seven days of 50 devices: rate against the rate at which it came, memory
//!   month     what leaves a site of 50 devices that forwards metrics and events only, in a simulated month
//! ```
//! Without a name all of them. The forwarder and its store have a process of their own, and so has every endpoint: time and
//! memory are the forwarder's, the reading of the store included. Bytes are counted at the endpoint's socket, headers
//! included. Of the month three days are lived and the rest is taken to be like them; `--days` makes them more.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::expect_used, clippy::panic, reason = "a measuring program")]

mod backlog;
mod endpoint;
mod figures;
mod month;
mod sender;

use backlog::Backlog;
use endpoint::{Counted, Endpoint};
use facility_tests::table::Table;
use facility_tests::{Influx, Victoria};
use figures::{DRAIN_LIVE, DRAIN_MEMORY, DRAIN_RATE, DRAIN_RSS, DRAIN_WIRE, INFLUX, NULL, NULL_HEAD, NULL_WIRE, Rate, VICTORIA};
use sender::{Answer, To};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Messages of a run.
const MESSAGES: u64 = 500_000;
/// A backlog of seven days.
const BACKLOG_S: u64 = 7 * 86_400;

#[derive(Debug)]
struct Arguments {
    what: Option<String>,
    json: bool,
    days: u32,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", "endpoint"] => return endpoint::serve(),
        ["child", "send", dir, to] => return sender::child(Path::new(dir), to),
        _ => {}
    }
    let arguments = arguments(words.into_iter());
    let asked = |name: &str| arguments.what.as_deref().is_none_or(|what| what == name);
    let mut table = Table::default();
    if asked("null") {
        let endpoint = Endpoint::start();
        let (answer, _) = send(&mut table, &NULL, &To::of(&endpoint.url()));
        add_wire(&mut table, &answer, endpoint.counted());
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if asked("victoria") {
        let database = runtime.block_on(Victoria::start());
        let (answer, backlog) = send(&mut table, &VICTORIA, &To::of(&database.url()));
        let held: usize =
            runtime.block_on(database.series("cabinet_air_c", "device_id")).values().map(std::collections::BTreeMap::len).sum();
        assert_eq!((held as u64, answer.dead_lettered), (backlog.messages, 0), "the database holds every point of one field");
    }
    if asked("influx") {
        let database = runtime.block_on(Influx::start());
        let to = To { password_file: Some(database.password_file()), ..To::of(&database.url()) };
        let (answer, _) = send(&mut table, &INFLUX, &to);
        assert_eq!(answer.dead_lettered, 0, "refused");
    }
    if asked("drain") {
        drain(&mut table);
    }
    if asked("month") {
        month::measure(&mut table, arguments.days);
    }
    if arguments.json { table.print_json() } else { table.print() }
}

/// Sends a backlog and says at what rate and cost.
fn send(table: &mut Table, rate: &'static Rate, to: &To) -> (Answer, Backlog) {
    let backlog = Backlog::of_peers(MESSAGES);
    let answer = ask(&["send", &path(backlog.dir()), &to.to_word()]);
    let answer = Answer::from_json(&answer);
    assert_eq!((answer.points, answer.lines), (backlog.points, 2 * backlog.messages), "everything was sent");
    table.add(&rate.messages, backlog.messages as f64 / answer.wall_s / 1e3);
    table.add(&rate.lines, answer.lines as f64 / answer.wall_s / 1e3);
    table.add(&rate.cpu, answer.cpu_s / answer.lines as f64 * 1e6);
    table.add(&rate.store_cpu, answer.store_cpu_s / answer.lines as f64 * 1e6);
    (answer, backlog)
}

fn add_wire(table: &mut Table, answer: &Answer, counted: Counted) {
    table.add(&NULL_WIRE, 10.0 * counted.bytes() as f64 / answer.points as f64);
    table.add(&NULL_HEAD, counted.head_bytes as f64 / counted.requests as f64);
}

fn drain(table: &mut Table) {
    let backlog = Backlog::of_seconds(BACKLOG_S);
    let endpoint = Endpoint::start();
    let answer = Answer::from_json(&ask(&["send", &path(backlog.dir()), &To::of(&endpoint.url()).to_word()]));
    assert_eq!(answer.points, backlog.points, "everything was sent");
    table.add(&DRAIN_RATE, answer.wall_s);
    table.add(&DRAIN_LIVE, BACKLOG_S as f64 / answer.wall_s);
    table.add(&DRAIN_WIRE, 10.0 * endpoint.counted().bytes() as f64 / answer.points as f64);
    table.add(&DRAIN_RSS, answer.peak_mb);
    table.add(&DRAIN_MEMORY, answer.peak_mb - answer.tenth_mb);
    table.note(format!("drain: {} points of {} devices in seven days", backlog.points, backlog::DEVICES));
}

/// Runs a child to its end; it answers with one line of JSON.
fn ask(words: &[&str]) -> Value {
    let output = child(words).stdout(Stdio::piped()).spawn().and_then(Child::wait_with_output).expect("a child");
    assert!(output.status.success(), "the child failed: {words:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("the child said: {}", String::from_utf8_lossy(&output.stdout)))
}

/// This program again, with `child` as its first argument.
fn child(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("path of this program"));
    command.arg("child").args(words);
    command
}

fn arguments(mut words: impl Iterator<Item = String>) -> Arguments {
    let mut found = Arguments { what: None, json: false, days: 3 };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => found.json = true,
            "--days" => found.days = words.next().and_then(|text| text.parse().ok()).unwrap_or_else(|| misused("--days needs a number")),
            "null" | "victoria" | "influx" | "drain" | "month" => found.what = Some(word),
            _ => misused(&format!("not understood: {word}")),
        }
    }
    found
}

fn misused(why: &str) -> ! {
    eprintln!("{why}; the head of tests/bench.sh says how it is used");
    std::process::exit(64)
}

fn path(path: &Path) -> String {
    PathBuf::from(path).display().to_string()
}
