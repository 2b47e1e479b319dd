//! `modbus guess`: the register that holds what a display shows. Reads a device's registers once and tries every usual way
//! to understand them; a second look at another moment leaves the true one.

mod collect;
mod file;

use super::line::{self, LineArgs};
use super::table::columns;
use super::{EXIT_CODES, UNAVAILABLE, print, print_json, tell, usage};
use crate::cli::Exit;
use clap::Args;
use collect::Area;
use facility_drivers::modbus::Tap;
use facility_drivers::scan::{GUESSES_MAX, Guess, Registers, Shown, guess as solve};
use serde_json::json;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// Guesses that are shown, and those that are shown as lines for a profile.
const SHOWN_MAX: usize = 20;
const PASTED_MAX: usize = 3;

/// Arguments of `modbus guess`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway modbus guess --port /dev/ttyUSB0 --unit 3 --shows -18.5 --save now.json\n  facility-gateway modbus guess --port /dev/ttyUSB0 --unit 3 --shows -17.2 --before now.json --showed -18.5\n  facility-gateway modbus guess --tcp 192.168.1.20:502 --unit 1 --shows 229.5 --in input:0-199 --tolerance 2\n\nLook again when the display has changed: --before leaves what fits both times.\n\n{EXIT_CODES}")
)]
pub struct GuessArgs {
    #[command(flatten)]
    line: LineArgs,
    /// Unit id
    #[arg(long, value_name = "ID")]
    unit: u8,
    /// What the display shows; may be given again for other values of the same device
    #[arg(long, value_name = "NUMBER", required = true, allow_hyphen_values = true)]
    shows: Vec<f64>,
    /// Where to look; may be given again [default: holding:0-999, input:0-999, holding:2000-2999]
    #[arg(long = "in", value_name = "TABLE:FIRST-LAST")]
    areas: Vec<Area>,
    /// How far the display may be off
    #[arg(long, value_name = "NUMBER", default_value_t = 0.05)]
    tolerance: f64,
    /// Keep the registers in this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Registers that were kept earlier
    #[arg(long, value_name = "FILE", requires = "showed")]
    before: Option<PathBuf>,
    /// What the display showed then, in the order of --shows
    #[arg(long, value_name = "NUMBER", requires = "before", allow_hyphen_values = true)]
    showed: Vec<f64>,
    /// Name of the point in the lines that are printed
    #[arg(long, value_name = "POINT", default_value = "cabinet.air_c")]
    point: String,
    /// Wait for an answer, ms
    #[arg(long, value_name = "MS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(10..=5000))]
    timeout: u64,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn guess(args: &GuessArgs) -> Result<Exit, Exit> {
    if args.before.is_some() && args.showed.len() != args.shows.len() {
        return Err(usage("as many --showed as --shows, in the same order"));
    }
    if args.shows.iter().chain(&args.showed).chain([&args.tolerance]).any(|number| !number.is_finite()) || args.tolerance < 0.0 {
        return Err(usage("--shows, --showed and --tolerance are numbers, the tolerance not below 0"));
    }
    let before = args.before.as_deref().map(file::read).transpose()?;
    let bus = args.line.find(None)?.bus;
    let areas = if args.areas.is_empty() { collect::usual() } else { args.areas.clone() };
    let mut inquiry = line::open(&bus, Tap::new()).await?;
    let now = collect::collect(&mut inquiry, args.unit, &areas, Duration::from_millis(args.timeout))
        .await
        .map_err(|error| line::not_open(&bus, &error))?;
    if now.is_empty() {
        return Err(Exit::Start {
            code: UNAVAILABLE,
            message: format!("unit {} gave no register in these ranges; try --in, or `modbus scan`", args.unit),
        });
    }
    tell(&format!("{} registers read", now.len()));
    if let Some(path) = &args.save {
        file::write(path, args.unit, &now)?;
    }
    show(args, &now, before.as_ref())
}

fn show(args: &GuessArgs, now: &Registers, before: Option<&Registers>) -> Result<Exit, Exit> {
    let shown = |value: f64| Shown { value, tolerance: args.tolerance };
    let all: Vec<(f64, Vec<Guess>)> = args
        .shows
        .iter()
        .enumerate()
        .map(|(nth, value)| {
            let then = before.zip(args.showed.get(nth).copied()).map(|(before, showed)| (before, shown(showed)));
            (*value, solve(now, shown(*value), then))
        })
        .collect();
    if args.json {
        let guess = |guess: &Guess| {
            json!({ "table": guess.table.as_str(), "address": guess.address, "type": guess.ty.as_str(), "order": guess.order.to_string(),
                "scale": guess.scale, "value": guess.value, "cost": guess.cost })
        };
        let of = |(value, guesses): &(f64, Vec<Guess>)| json!({ "shows": value, "guesses": guesses.iter().map(guess).collect::<Vec<_>>() });
        print_json(&all.iter().map(of).collect::<Vec<_>>())?;
    } else {
        print(&all.iter().map(|(value, guesses)| text(*value, guesses, &args.point)).collect::<String>())?;
    }
    Ok(if all.iter().any(|(_, guesses)| guesses.is_empty()) { Exit::Found(66) } else { Exit::Done })
}

fn text(shows: f64, guesses: &[Guess], point: &str) -> String {
    if guesses.is_empty() {
        return format!("{shows}: nothing fits. Widen --in or --tolerance, and read while the display does not change.\n");
    }
    let head = ["table", "address", "type", "order", "scale", "value"].map(str::to_owned).to_vec();
    let row = |guess: &Guess| {
        let value = format!("{}", (guess.value * 1e6).round() / 1e6);
        vec![
            guess.table.as_str().into(),
            guess.address.to_string(),
            guess.ty.as_str().into(),
            guess.order.to_string(),
            guess.scale.to_string(),
            value,
        ]
    };
    let some = guesses.iter().take(SHOWN_MAX);
    let mut out = format!("{shows}: the likeliest first\n{}", columns(&std::iter::once(head).chain(some.map(row)).collect::<Vec<_>>()));
    let left = guesses.len().saturating_sub(SHOWN_MAX);
    if left > 0 {
        let more = if guesses.len() >= GUESSES_MAX { "or more " } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "and {left} {more}others; look again later with --before to tell chance from truth");
    }
    out.push('\n');
    guesses.iter().take(PASTED_MAX).for_each(|guess| {
        let _ = writeln!(out, "{}", guess.to_toml(point));
    });
    out
}
