//! `modbus sim`: devices that are not there, for trying a configuration or a tool without hardware. Loopback and pseudo
//! terminals only.

use super::line;
use super::{EXIT_CODES, print, usage};
use crate::cli::{Exit, run};
use clap::Args;
use facility_config::Part;
use facility_config::Point;
use facility_config::profile::{Dialect, Profile};
use facility_config::series::Type;
use facility_config::site::Framing;
use facility_drivers::Value;
use facility_drivers::sim::modbus::{Bank, Pty, Script, Server, Source};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// Arguments of `modbus sim`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway modbus sim --profile danfoss-ekc202d --tcp 127.0.0.1:5020\n  facility-gateway modbus sim --profile danfoss-ekc202d@1 --profile eastron-sdm120@2 --pty /tmp/line1\n  facility-gateway modbus sim --profile danfoss-ekc202d --pty /tmp/line1 --set cabinet.air_c=-18.5 --fault \"crc every 10\"\n\nFaults: silence, late TIME, foreign, doubled, echo, truncated, length, crc, bit, noise BYTES, function, transaction, busy,\nexception CODE, hangup, bytes TIME; each with unit N, at N, from N, every N, times N.\n\n{EXIT_CODES}")
)]
pub struct SimArgs {
    /// Model and unit id; may be given again
    #[arg(long, value_name = "ID[@UNIT]", required = true)]
    profile: Vec<Served>,
    /// Unit id of a model that names none
    #[arg(long, value_name = "ID", default_value_t = 1)]
    unit: u8,
    #[command(flatten)]
    place: ServeArgs,
    /// What goes wrong; may be given again
    #[arg(long, value_name = "CLAUSE")]
    fault: Vec<String>,
    /// Value of a point, of one unit or of all that have it; may be given again
    #[arg(long, value_name = "POINT[#PART][@UNIT]=VALUE")]
    set: Vec<Setting>,
}

/// Where simulated devices can be reached.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true)]
pub(super) struct ServeArgs {
    /// Modbus TCP on this loopback address
    #[arg(long, value_name = "ADDR:PORT", conflicts_with_all = ["rtu_over_tcp", "pty"])]
    tcp: Option<SocketAddr>,
    /// RTU frames on this loopback address
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "pty")]
    rtu_over_tcp: Option<SocketAddr>,
    /// A pseudo terminal under this path
    #[arg(long, value_name = "PATH")]
    pty: Option<PathBuf>,
    /// Frames are Modbus ASCII, for --pty and --rtu-over-tcp
    #[arg(long)]
    ascii: bool,
}

/// A model and its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Served {
    profile: String,
    unit: Option<u8>,
}

impl FromStr for Served {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((profile, unit)) = text.split_once('@') else { return Ok(Self { profile: text.into(), unit: None }) };
        let unit = unit.parse().map_err(|_| format!("{unit:?} is no unit id, 0 to 255"))?;
        Ok(Self { profile: profile.into(), unit: Some(unit) })
    }
}

/// A value that a point shall have.
#[derive(Debug, Clone, PartialEq)]
struct Setting {
    point: Point,
    part: Part,
    unit: Option<u8>,
    value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("write POINT=VALUE, such as cabinet.air_c=-18.5")?;
        let (name, unit) = match name.split_once('@') {
            Some((name, unit)) => (name, Some(unit.parse().map_err(|_| format!("{unit:?} is no unit id, 0 to 255"))?)),
            None => (name, None),
        };
        let (name, part) = name.split_once('#').unwrap_or((name, ""));
        let point = Point::from_name(name).ok_or_else(|| format!("there is no point {name:?}"))?;
        let part = Part::new(part).ok_or_else(|| format!("{part:?} is no part"))?;
        Ok(Self { point, part, unit, value: value.into() })
    }
}

pub(super) async fn sim(args: &SimArgs) -> Result<Exit, Exit> {
    let script: Script = args.fault.join(", ").parse().map_err(|error| usage(format!("--fault: {error}")))?;
    let bank = Bank::new();
    let mut units: Vec<(u8, Arc<Profile>)> = Vec::new();
    for served in &args.profile {
        let (profile, unit) = (line::find_profile(&served.profile)?, served.unit.unwrap_or(args.unit));
        if units.iter().any(|(taken, _)| *taken == unit) {
            return Err(usage(format!("two devices have unit {unit}: write --profile {}@{}", served.profile, unit.wrapping_add(1))));
        }
        bank.serve(unit, &profile);
        units.push((unit, profile));
    }
    args.set.iter().try_for_each(|setting| set(&bank, &units, setting))?;
    bank.script(script);
    let (_serving, words) = args.place.serve(bank).await?;
    // The profile as it was named here: a file of one's own is read by its file.
    let lines = args.profile.iter().zip(&units).map(|(served, (unit, profile))| {
        format!("unit {unit}: {}\n  facility-gateway modbus read {words} --unit {unit} --profile {}\n", profile.title(), served.profile)
    });
    print(&(lines.collect::<String>() + "ctrl-c ends\n"))?;
    run::terminated().await;
    Ok(Exit::Done)
}

/// Something that serves for as long as it lives.
pub(super) struct Serving {
    _server: Server,
    _pty: Option<Pty>,
}

impl ServeArgs {
    /// How frames lie on the wire here.
    pub(super) fn framing(&self) -> Framing {
        match (&self.tcp, self.ascii) {
            (Some(_), _) => Framing::Tcp,
            (None, true) => Framing::Ascii,
            (None, false) => Framing::Rtu,
        }
    }

    /// Serves, and says with which options it is read.
    pub(super) async fn serve(&self, source: impl Into<Source>) -> Result<(Serving, String), Exit> {
        let framing = self.framing();
        let ascii = if framing == Framing::Ascii { " --ascii" } else { "" };
        if let Some(link) = &self.pty {
            let failed = |error: std::io::Error| usage(format!("{}: {error}", link.display()));
            let (pty, near) = Pty::open_at(link).map_err(failed)?;
            let server = Server::line(near, framing, source);
            return Ok((Serving { _server: server, _pty: Some(pty) }, format!("--port {}{ascii}", link.display())));
        }
        let (bind, word) = match (self.tcp, self.rtu_over_tcp) {
            (Some(bind), _) => (bind, "--tcp"),
            (None, Some(bind)) => (bind, "--rtu-over-tcp"),
            (None, None) => return Err(usage("where? Give --tcp, --rtu-over-tcp or --pty")),
        };
        let server = Server::listen(bind, framing, source).await.map_err(|error| usage(format!("{bind}: {error}")))?;
        let words = format!("{word} {}{ascii}", server.addr());
        Ok((Serving { _server: server, _pty: None }, words))
    }
}

/// Gives a point of every unit that has it its value.
fn set(bank: &Bank, units: &[(u8, Arc<Profile>)], setting: &Setting) -> Result<(), Exit> {
    let name = setting.point;
    let mut found = false;
    for (unit, profile) in units.iter().filter(|(unit, _)| setting.unit.is_none_or(|wanted| wanted == *unit)) {
        let Dialect::Modbus(map) = &profile.dialect else { continue };
        for point in map.points.iter().filter(|point| point.point == setting.point && point.part == setting.part) {
            let value = value(point.point, &setting.value).ok_or_else(|| usage(format!("{:?} is no value of {name}", setting.value)))?;
            if !bank.set_point(*unit, point, &value) {
                return Err(usage(format!("no register of {} stands for {name} = {}", profile.id, setting.value)));
            }
            found = true;
        }
    }
    if found {
        Ok(())
    } else {
        Err(usage(format!("none of these devices has {name}{}", if setting.part.is_whole() { "" } else { " of that part" })))
    }
}

/// Reads a value of the point's type; `missing` is a broken probe.
fn value(point: Point, text: &str) -> Option<Value> {
    if text == "missing" {
        return Some(Value::Missing(facility_drivers::Quality::SensorError));
    }
    match point.info().ty {
        Type::Float => text.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float),
        Type::Int => text.parse().ok().map(Value::Int),
        Type::Bool => match text {
            "yes" | "true" | "1" => Some(Value::Bool(true)),
            "no" | "false" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        Type::Text => Some(Value::Text(text.into())),
    }
}

#[cfg(test)]
mod tests;
