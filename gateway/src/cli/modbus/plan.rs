//! `modbus plan`: how devices are polled and what it costs, by the same arithmetic as the driver's. Asks nothing of any
//! device.

use super::line::{self, LineArgs};
use super::table::columns;
use super::{EXIT_CODES, print, print_json, usage};
use crate::cli::Exit;
use crate::learned;
use clap::Args;
use facility_config::device::Source;
use facility_config::profile::{Dialect, ModbusMap, Span, Table};
use facility_config::site::{Bus, Framing, SerialLine, Transport};
use facility_drivers::decode::frames;
use facility_drivers::modbus::{Speech, Unit};
use facility_drivers::plan::{Ask, Explained, Learned, LeftOut, Line, explain};
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// Arguments of `modbus plan`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway modbus plan fz-0001 --config site.toml\n  facility-gateway modbus plan --config site.toml --bus kitchen\n  facility-gateway modbus plan fz-0001 --config site.toml --learned\n  facility-gateway modbus plan --profile danfoss-ekc202d --baud 9600\n\nA share above 100 % means that the intervals cannot be kept.\n\n{EXIT_CODES}")
)]
pub struct PlanArgs {
    /// Device of the configuration; all of a bus without it
    #[arg(value_name = "DEVICE", conflicts_with = "profile")]
    device: Option<String>,
    /// A model instead of a site's device
    #[arg(long, value_name = "ID", conflicts_with_all = ["config", "bus"])]
    profile: Option<String>,
    #[command(flatten)]
    line: LineArgs,
    /// Print what the device taught as lines for its profile
    #[arg(long, conflicts_with = "profile")]
    learned: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// One device and how it is polled.
#[derive(Serialize)]
struct Planned {
    device: String,
    unit: u8,
    profile: String,
    #[serde(flatten)]
    what: What,
    #[serde(skip)]
    learned: Learned,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Registers(Explained),
    Board { bytes_out: usize, interval_s: f64 },
}

pub(super) fn plan(args: &PlanArgs) -> Result<Exit, Exit> {
    let (bus, planned) = match &args.profile {
        Some(id) => of_profile(args, id)?,
        None => of_site(args)?,
    };
    if args.learned {
        print(&planned.iter().map(learned_toml).collect::<String>())?;
    } else if args.json {
        print_json(&planned)?;
    } else {
        print(&text(&bus, &planned))?;
    }
    Ok(Exit::Done)
}

fn of_profile(args: &PlanArgs, id: &str) -> Result<(Bus, Vec<Planned>), Exit> {
    let profile = line::find_profile(id)?;
    let serial = match &profile.dialect {
        Dialect::Modbus(map) => map.serial,
        Dialect::Frame(map) => map.serial,
        Dialect::Mqtt(_) | Dialect::Internal => None,
    };
    let baud = args.line.baud.first().copied().or(serial.map(|serial| serial.baud)).unwrap_or(9600);
    let parity = args.line.parity.first().copied().or(serial.map(|serial| serial.parity)).unwrap_or(facility_config::site::Parity::None);
    let imagined = || {
        let stop_bits = serial.map_or(args.line.stop_bits, |serial| serial.stop_bits);
        let line = SerialLine { path: "a serial port".into(), baud, parity, data_bits: 8, stop_bits, rs485: None };
        let framing = if args.line.ascii { Framing::Ascii } else { Framing::Rtu };
        Bus { pause: Duration::from_millis(20), ..Bus::plain("line1", framing, Transport::Serial(line)) }
    };
    let bus = args.line.by_hand(baud, parity).unwrap_or_else(imagined);
    let what = match &profile.dialect {
        Dialect::Modbus(map) => registers(map, &bus, profile.interval, map.slow, &Learned::default()),
        Dialect::Frame(map) => What::Board { bytes_out: frames::question(map, 1).len(), interval_s: profile.interval.as_secs_f64() },
        Dialect::Mqtt(_) | Dialect::Internal => return Err(usage(format!("{id} is on no bus"))),
    };
    Ok((bus, vec![Planned { device: "any".into(), unit: 1, profile: id.into(), what, learned: Learned::default() }]))
}

fn of_site(args: &PlanArgs) -> Result<(Bus, Vec<Planned>), Exit> {
    if args.line.is_by_hand() {
        return Err(usage("a line by hand has no devices: give --config, or --profile to plan for a model"));
    }
    let found = args.line.find(args.device.as_deref())?;
    let Some(site) = &found.site else { return Err(usage("give --config FILE or --profile ID")) };
    let index = site.buses.iter().position(|bus| bus.name == found.bus.name);
    // What was learned of another model is not true of this one, and is left out.
    let notes = learned::notes(site, &learned::read(&site.store.dir));
    let is_wanted = |device: &facility_config::Device| {
        let on_bus = matches!(device.source, Source::Bus { bus, .. } if Some(bus) == index);
        on_bus && args.device.as_ref().is_none_or(|id| **id == *device.id)
    };
    let mut planned = Vec::new();
    for (ix, device) in site.indexed().filter(|(_, device)| is_wanted(device)) {
        let Some(unit) = Unit::of(ix, device) else { continue };
        let profile = device.profile.as_ref().map_or("", |profile| &*profile.id).to_owned();
        let learned = notes.get(&ix).cloned().unwrap_or_default();
        let what = match &unit.speech {
            Speech::Modbus(map) => registers(map, &found.bus, unit.interval, unit.slow(), &learned),
            Speech::Board(map) => {
                What::Board { bytes_out: frames::question(map, unit.unit).len(), interval_s: unit.interval.as_secs_f64() }
            }
        };
        planned.push(Planned { device: device.id.to_string(), unit: unit.unit, profile, what, learned });
    }
    if planned.is_empty() { Err(usage(format!("no device is on the bus {}", found.bus.name))) } else { Ok((found.bus, planned)) }
}

fn registers(map: &ModbusMap, bus: &Bus, interval: Duration, slow: Duration, learned: &Learned) -> What {
    What::Registers(explain(map, interval, slow, &Line::of(bus, map.turnaround), learned))
}

fn text(bus: &Bus, planned: &[Planned]) -> String {
    let mut out = String::new();
    let mut share_pct = 0.0;
    for planned in planned {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}, unit {}, {}", planned.device, planned.unit, planned.profile);
        match &planned.what {
            What::Registers(explained) => {
                share_pct += explained.share_pct;
                out += &explained_text(explained);
            }
            What::Board { bytes_out, interval_s } => {
                let _ = writeln!(out, "  one question of {bytes_out} bytes for all channels, every {interval_s} s");
            }
        }
        out.push('\n');
    }
    if planned.len() > 1 {
        let over = if share_pct > 100.0 { ": more than there is, the intervals cannot be kept" } else { "" };
        let _ = writeln!(out, "Bus {}: {} devices, {share_pct:.1} % of the line{over}", bus.name, planned.len());
    }
    out
}

fn explained_text(explained: &Explained) -> String {
    let head = ["  group", "table", "from", "count", "along", "bytes", "ms", "points"].map(str::to_owned).to_vec();
    let row = |ask: &Ask| {
        let ms = format!("{:.1}", ask.time_us as f64 / 1000.0);
        let bytes = format!("{}+{}", ask.bytes_out, ask.bytes_in);
        let (from, count) = (ask.address.to_string(), ask.count.to_string());
        vec![format!("  {}", ask.group), ask.table.as_str().into(), from, count, ask.along.to_string(), bytes, ms, ask.points.join(", ")]
    };
    let mut out = columns(&std::iter::once(head).chain(explained.asks.iter().map(row)).collect::<Vec<_>>());
    for rate in &explained.rates {
        let every = rate.every_s.map_or_else(|| "once".to_owned(), |every| format!("every {every} s"));
        let _ = writeln!(
            out,
            "  {}: {every}, {} requests in {:.1} ms, {:.1} % of the line; one for each point: {} requests, {:.1} ms, {:.1} %",
            rate.group,
            rate.requests,
            rate.time_us as f64 / 1000.0,
            rate.share_pct,
            rate.singly_requests,
            rate.singly_time_us as f64 / 1000.0,
            rate.singly_share_pct
        );
    }
    for LeftOut { point, why } in &explained.left_out {
        let _ = writeln!(out, "  not asked for: {point} ({})", words(*why));
    }
    out
}

fn words(why: facility_drivers::plan::Why) -> &'static str {
    use facility_drivers::plan::Why;
    match why {
        Why::Refused => "the device refused it when it was asked for alone",
        Why::Unreadable => "it lies where the device refuses reads",
        Why::Beyond => "it reaches beyond address 65535",
        Why::TooWide => "it is wider than a request may be",
    }
}

/// What was learned, as the profile would say it.
fn learned_toml(planned: &Planned) -> String {
    let learned = &planned.learned;
    let mut out = format!(
        "# {}, unit {}: what it taught, for [modbus] of {}\n# Addresses count from 0; with address_base = 1 add 1 to each.\n",
        planned.device, planned.unit, planned.profile
    );
    if *learned == Learned::default() {
        return out + "# nothing yet\n\n";
    }
    if let Some(registers_max) = learned.registers_max {
        let _ = writeln!(out, "registers_max = {registers_max}");
    }
    if let Some(bits_max) = learned.bits_max {
        let _ = writeln!(out, "bits_max = {bits_max}");
    }
    let span = |span: &Span| format!("{{ table = \"{}\", first = {}, last = {} }}", span.table.as_str(), span.first, span.last);
    if !learned.unreadable.is_empty() {
        let _ = writeln!(out, "unreadable = [{}]", learned.unreadable.iter().map(span).collect::<Vec<_>>().join(", "));
    }
    for (table, address) in &learned.refused {
        let _ = writeln!(out, "# remove the point at {} {address}: the device refuses it", Table::as_str(*table));
    }
    out.push('\n');
    out
}
