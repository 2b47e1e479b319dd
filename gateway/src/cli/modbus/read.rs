//! `modbus read`: registers as they are, or every point of a device as its profile understands it.

mod board;
mod model;
mod raw;

use super::line::{self, Found, LineArgs};
use super::{EXIT_CODES, UNAVAILABLE, print, print_json, usage};
use crate::cli::Exit;
use clap::Args;
use facility_config::device::{Polling, Source};
use facility_config::profile::{Dialect, Table};
use facility_drivers::Clock;
use facility_drivers::modbus::{Speech, Tap};
use serde_json::Value;
use std::time::Duration;

/// Time between two reads with --watch.
const EVERY: Duration = Duration::from_secs(1);

/// Arguments of `modbus read`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway modbus read --port /dev/ttyUSB0 --parity even --unit 3 holding 2531\n  facility-gateway modbus read --tcp 192.168.1.20:502 --unit 1 input 0 20\n  facility-gateway modbus read --port /dev/ttyUSB0 --unit 3 --profile danfoss-ekc202d\n  facility-gateway modbus read --config site.toml --device fz-0001 --watch\n\nAddresses count from 0, as on the line (0x9E3 or 2531).\nLock boards: open one door with --watch and look which bit changes; that decides `door_open_is`.\n\n{EXIT_CODES}")
)]
pub struct ReadArgs {
    #[command(flatten)]
    line: LineArgs,
    /// Unit id, or address of a lock board
    #[arg(long, value_name = "ID", required_unless_present = "device")]
    unit: Option<u8>,
    /// Read every point of this model
    #[arg(long, value_name = "ID", conflicts_with_all = ["table", "device"])]
    profile: Option<String>,
    /// Read every point of this device of the configuration
    #[arg(long, value_name = "ID", conflicts_with_all = ["table", "unit"])]
    device: Option<String>,
    /// coil, discrete, holding or input
    #[arg(value_name = "TABLE", value_parser = table, requires = "address", required_unless_present_any = ["profile", "device"])]
    table: Option<Table>,
    /// First address
    #[arg(value_name = "ADDRESS", value_parser = address)]
    address: Option<u16>,
    /// How many
    #[arg(value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=2000))]
    count: u16,
    /// Wait for an answer, ms [default: the profile's, or 500]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=60_000))]
    timeout: Option<u64>,
    /// Read every second and mark what has changed, until ctrl-c
    #[arg(long)]
    watch: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What is read.
enum Subject {
    Raw(raw::Raw),
    Model(model::Model),
    Board(board::Board),
}

/// One reading of everything: rows and a sentence for people, values for programs, and whether anything was answered.
struct Seen {
    rows: Vec<Vec<String>>,
    note: Option<String>,
    json: Value,
    answered: bool,
}

pub(super) async fn read(args: &ReadArgs) -> Result<Exit, Exit> {
    let found = args.line.find(args.device.as_deref())?;
    let (unit, subject) = subject(args, &found)?;
    let mut inquiry = line::open(&found.bus, Tap::new()).await?;
    let mut last: Option<Seen> = None;
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let seen = match &subject {
            Subject::Raw(raw) => raw.read(&mut inquiry, unit).await,
            Subject::Model(model) => model.read(&mut inquiry, unit).await,
            Subject::Board(board) => board.read(&mut inquiry, unit).await,
        };
        let seen = seen.map_err(|error| line::not_open(&found.bus, &error))?;
        show(args, &seen, last.as_ref())?;
        if !args.watch {
            return Ok(if seen.answered { Exit::Done } else { Exit::Found(UNAVAILABLE) });
        }
        last = Some(seen);
    }
}

fn subject(args: &ReadArgs, found: &Found) -> Result<(u8, Subject), Exit> {
    let wait = args.timeout.map(Duration::from_millis);
    if let (Some(table), Some(address), Some(unit)) = (args.table, args.address, args.unit) {
        if args.count > table.count_max() || u32::from(address) + u32::from(args.count) > 0x1_0000 {
            return Err(usage(format!("{} of these can be read at once, up to address 65535", table.count_max())));
        }
        return Ok((unit, Subject::Raw(raw::Raw::new(table, address, args.count, wait))));
    }
    let (unit, speech, polling) = match (&args.device, &found.site, args.unit, &args.profile) {
        (Some(id), Some(site), ..) => {
            let device = line::find_device(site, id)?;
            let Source::Bus { unit, .. } = device.source else { return Err(usage(format!("{id} is on no bus"))) };
            let dialect = device.profile.as_deref().map(|profile| profile.dialect.clone());
            (unit, dialect.and_then(speech), device.polling.clone())
        }
        (None, _, Some(unit), Some(id)) => (unit, speech(line::find_profile(id)?.dialect.clone()), Polling::default()),
        _ => return Err(usage("what to read? Give TABLE ADDRESS, --profile or --device")),
    };
    match speech {
        Some(Speech::Modbus(map)) => Ok((unit, Subject::Model(model::Model::new(map, &found.bus, &polling, wait)))),
        Some(Speech::Board(map)) => Ok((unit, Subject::Board(board::Board::new(map, &polling, wait)))),
        None => Err(usage("this device is on no bus")),
    }
}

fn speech(dialect: Dialect) -> Option<Speech> {
    match dialect {
        Dialect::Modbus(map) => Some(Speech::Modbus(map)),
        Dialect::Frame(map) => Some(Speech::Board(map)),
        Dialect::Mqtt(_) | Dialect::Internal => None,
    }
}

fn show(args: &ReadArgs, seen: &Seen, last: Option<&Seen>) -> Result<(), Exit> {
    if args.json {
        return if args.watch { print(&format!("{}\n", seen.json)) } else { print_json(&seen.json) };
    }
    let changed = |at: usize, row: &Vec<String>| last.is_some_and(|last| last.rows.get(at) != Some(row));
    let marked = seen.rows.iter().enumerate().map(|(at, row)| {
        let mark = if changed(at, row) { "*" } else { "" };
        if args.watch { [&[mark.to_owned()], row.as_slice()].concat() } else { row.clone() }
    });
    let text = super::table::columns(&marked.collect::<Vec<_>>());
    let note = seen.note.as_ref().map(|note| format!("{note}\n")).unwrap_or_default();
    if args.watch { print(&format!("{}\n{text}{note}\n", moment())) } else { print(&(text + &note)) }
}

fn moment() -> String {
    jiff::Timestamp::from_millisecond(Clock::system().now_ms()).map_or_else(|_| String::new(), |time| format!("{time:.0}"))
}

fn table(text: &str) -> Result<Table, String> {
    Table::ALL.into_iter().find(|table| table.as_str() == text).ok_or_else(|| "coil, discrete, holding or input".into())
}

pub(super) fn address(text: &str) -> Result<u16, String> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "an address is 0 to 65535, or 0x0 to 0xFFFF".into())
}
