//! `modbus scan`: who is on a line, which models they can be, what is probably wrong with the wires.
//!
//! Asks short reads only. Bounded: says at the start how long it takes at most, and ends with the first setting of the port
//! under which somebody answers.

mod found;
mod sweep;

use super::line::{self, LineArgs};
use super::{EXIT_CODES, UNAVAILABLE, print, print_json, tell};
use crate::cli::Exit;
use crate::cli::store::progress::Progress;
use clap::Args;
use facility_config::site::{Bus, Parity, Transport};
use facility_drivers::modbus::Tap;
use facility_drivers::scan::{Heard, diagnose};
use found::Report;
use std::str::FromStr;
use std::time::Duration;
use sweep::Sweep;

/// Speeds in the order in which devices leave their factories.
const BAUDS: [u32; 6] = [9600, 19_200, 38_400, 4800, 2400, 115_200];
const PARITIES: [Parity; 2] = [Parity::None, Parity::Even];

/// Arguments of `modbus scan`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway modbus scan --port /dev/ttyUSB0\n  facility-gateway modbus scan --port /dev/ttyUSB0 --baud 9600 --units 1-247\n  facility-gateway modbus scan --rtu-over-tcp 192.168.1.20:4001 --json\n  facility-gateway modbus scan --config site.toml --bus kitchen\n\nOnly reads are asked, so nothing is changed. Prints lines for the configuration at the end.\n\n{EXIT_CODES}")
)]
pub struct ScanArgs {
    #[command(flatten)]
    line: LineArgs,
    /// Unit ids to ask
    #[arg(long, value_name = "LIST", default_value = "1-32")]
    units: Units,
    /// Wait for an answer, ms; 40 is enough for most devices
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(10..=5000))]
    timeout: u64,
    /// Try every speed and parity, also after somebody answered
    #[arg(long)]
    all: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Unit ids, in the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Units(Vec<u8>);

impl FromStr for Units {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut units = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Ok(first), Ok(last)) = (first.trim().parse::<u8>(), last.trim().parse::<u8>()) else {
                return Err(format!("{part:?} is no unit id; write 1-32 or 1-32,250"));
            };
            units.extend((first..=last).filter(|unit| !units.contains(unit)).collect::<Vec<_>>());
        }
        if units.is_empty() { Err("no unit ids; write 1-32".into()) } else { Ok(Self(units)) }
    }
}

pub(super) async fn scan(args: &ScanArgs) -> Result<Exit, Exit> {
    let settings = settings(&args.line)?;
    let wait = Duration::from_millis(args.timeout);
    let longest: Duration = settings.iter().map(|bus| sweep::longest(bus, &args.units.0, wait)).sum();
    let early = if settings.len() > 1 && !args.all { "; ends with the first setting under which somebody answers" } else { "" };
    let (place, tries, units) = (settings.first().map(line::place).unwrap_or_default(), settings.len(), args.units.0.len());
    let tries = if tries == 1 { String::new() } else { format!("{tries} settings of ") };
    tell(&format!("{tries}{place}, {units} unit ids: at most {}, and a few seconds for each unit that answers{early}", time(longest)));
    let total = settings.iter().map(|bus| sweep::questions(bus, &args.units.0)).sum();
    let (mut progress, mut done) = (Progress::new(true), 0);
    let mut report = Report::default();
    let mut lost = None;
    for bus in &settings {
        let inquiry = line::open(bus, Tap::new()).await?;
        let mut sweep = Sweep::new(inquiry, bus, wait);
        let outcome = sweep
            .run(&args.units.0, &mut |nth, units| progress.show(done + nth, total, 0, &format!("{}, {units} found", setting(bus))))
            .await;
        done += sweep::questions(bus, &args.units.0);
        let (units, heard) = sweep.end();
        report.take(bus, units, heard);
        if let Err(error) = outcome {
            // What was found until then is not lost with the connection.
            lost = Some(line::not_open(bus, &error));
            break;
        }
        if report.is_found() && !args.all {
            break;
        }
    }
    progress.clear();
    report.troubles = diagnose(&report.heard);
    if args.json {
        print_json(&report.to_json())?
    } else {
        print(&report.to_text())?
    }
    if let Some(lost) = lost {
        return Err(lost);
    }
    Ok(if report.is_found() { Exit::Done } else { Exit::Found(UNAVAILABLE) })
}

/// Every setting of the port to try; a declared line and one behind a network has one.
fn settings(line: &LineArgs) -> Result<Vec<Bus>, Exit> {
    if line.port.is_none() {
        let mut bus = line.find(None)?.bus;
        bus.pause = sweep::PAUSE.min(bus.pause);
        return Ok(vec![bus]);
    }
    let bauds = if line.baud.is_empty() { BAUDS.to_vec() } else { line.baud.clone() };
    let parities = if line.parity.is_empty() { PARITIES.to_vec() } else { line.parity.clone() };
    let both = bauds.iter().flat_map(|baud| parities.iter().map(move |parity| (*baud, *parity)));
    let buses = both.filter_map(|(baud, parity)| line.by_hand(baud, parity));
    Ok(buses.map(|bus| Bus { pause: sweep::PAUSE, ..bus }).collect())
}

/// Speed and parity, for people.
fn setting(bus: &Bus) -> String {
    match &bus.transport {
        Transport::Serial(line) => format!("{} {}", line.baud, line.parity.as_str()),
        Transport::Dial { .. } | Transport::Listen { .. } => line::place(bus),
    }
}

fn nothing_heard(bus: &Bus) -> Heard {
    match &bus.transport {
        Transport::Serial(line) => Heard::nothing(line.baud, line.parity),
        Transport::Dial { .. } | Transport::Listen { .. } => Heard::nothing(0, Parity::None),
    }
}

fn time(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{} s", seconds + 1),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests;
