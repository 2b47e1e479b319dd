//! Measures the Modbus driver (`facility_drivers::modbus`) and prints its figures next to their goals.
//!
//! ```text
//! facility-bench-modbus [line|dead|tcp|requests] [--json] [--seconds N]
//!   line      one unit of 20 registers asked without pause, 9600 and 115200 baud: share of what the wire allows
//!   dead      ten units at 9600 baud, one of them dead, then one of them slow: what it costs the others
//!   tcp       polls per second and processor time per poll on loopback, against a bare tokio-modbus loop
//!   requests  requests and bytes of one round of each embedded profile, against one request per value
//! ```
//! Without a name all of them. `--seconds` is the length of each run of `line`, `dead` and `tcp`. On a machine that does
//! other work the ratios count, not the rates; under `chrt -f 10` (as root) a line is not kept waiting by it.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::expect_used, clippy::panic, reason = "a measuring program")]

mod client;
mod dead;
mod figures;
mod line;
mod requests;
mod responder;
mod tcp;
mod wire;

use facility_tests::table::Table;
use std::time::Duration;

#[derive(Debug)]
struct Arguments {
    what: Option<String>,
    json: bool,
    seconds: Option<u64>,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "respond") {
        return responder::run();
    }
    let arguments = arguments(words.into_iter());
    let asked = |name: &str| arguments.what.as_deref().is_none_or(|what| what == name);
    let span = |usual: u64| Duration::from_secs(arguments.seconds.unwrap_or(usual));
    let mut table = Table::default();
    if asked("requests") {
        requests::count(&mut table);
    }
    if asked("line") {
        line::measure(&mut table, span(20));
    }
    if asked("tcp") {
        tcp::measure(&mut table, span(3));
    }
    if asked("dead") {
        dead::measure(&mut table, span(60));
    }
    if arguments.json { table.print_json() } else { table.print() }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Arguments {
    let mut found = Arguments { what: None, json: false, seconds: None };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => found.json = true,
            "--seconds" => {
                let seconds = words.next().and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
                found.seconds = Some(seconds.unwrap_or_else(|| misused("--seconds needs a number")));
            }
            "line" | "dead" | "tcp" | "requests" => found.what = Some(word),
            _ => misused(&format!("not understood: {word}")),
        }
    }
    found
}

fn misused(why: &str) -> ! {
    eprintln!("{why}; the head of tests/bench.sh says how it is used");
    std::process::exit(64)
}
