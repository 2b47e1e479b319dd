//! Which line: one that a configuration declares, or one named by hand.

use super::{UNAVAILABLE, usage};
use crate::cli::{Exit, check};
use clap::Args;
use facility_config::device::Source;
use facility_config::profile::{Dialect, Profile, builtin};
use facility_config::site::{Bus, Framing, HostPort, Parity, SerialLine, Transport};
use facility_config::{Device, Site};
use facility_drivers::modbus::{Inquiry, Tap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const CONFIG: &str = "/etc/facility-gateway/gateway.toml";
/// Pause between two questions on a line named by hand, as on a declared one.
const PAUSE: Duration = Duration::from_millis(20);
const BAUD: u32 = 9600;

/// Where the devices are.
#[derive(Debug, Clone, Args)]
pub(super) struct LineArgs {
    /// Configuration that declares the bus [default: /etc/facility-gateway/gateway.toml]
    #[arg(long, short, value_name = "FILE", help_heading = "Line", conflicts_with_all = ["port", "tcp", "rtu_over_tcp"])]
    pub(super) config: Option<PathBuf>,
    /// Bus of the configuration; not needed if it has one only
    #[arg(long, value_name = "NAME", help_heading = "Line", conflicts_with_all = ["port", "tcp", "rtu_over_tcp"])]
    pub(super) bus: Option<String>,
    /// Serial port 串口
    #[arg(long, value_name = "PATH", help_heading = "Line", conflicts_with_all = ["tcp", "rtu_over_tcp"])]
    pub(super) port: Option<PathBuf>,
    /// Bits per second, for --port [default: 9600; a scan tries the usual ones]
    #[arg(long, value_name = "RATE", help_heading = "Line", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1200..=921_600))]
    pub(super) baud: Vec<u32>,
    /// Parity, for --port: none, even, odd [default: none; a scan tries none and even]
    #[arg(long, value_name = "PARITY", help_heading = "Line", value_delimiter = ',', value_parser = parity)]
    pub(super) parity: Vec<Parity>,
    /// Stop bits, for --port
    #[arg(long, value_name = "1|2", help_heading = "Line", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(super) stop_bits: u8,
    /// Modbus TCP device or gateway
    #[arg(long, value_name = "HOST:PORT", help_heading = "Line", value_parser = host_port, conflicts_with = "rtu_over_tcp")]
    pub(super) tcp: Option<HostPort>,
    /// Serial server that hands RTU frames through
    #[arg(long, value_name = "HOST:PORT", help_heading = "Line", value_parser = host_port)]
    pub(super) rtu_over_tcp: Option<HostPort>,
    /// Frames are Modbus ASCII, for --port and --rtu-over-tcp
    #[arg(long, help_heading = "Line")]
    pub(super) ascii: bool,
    /// The adapter hands back what it sends
    #[arg(long, help_heading = "Line")]
    pub(super) echo: bool,
}

/// A line, and the site it belongs to, if it does to one.
pub(super) struct Found {
    pub(super) bus: Bus,
    pub(super) site: Option<Site>,
}

impl LineArgs {
    /// Whether the line is named by hand.
    pub(super) fn is_by_hand(&self) -> bool {
        self.port.is_some() || self.tcp.is_some() || self.rtu_over_tcp.is_some()
    }

    /// The line; of a declared one, the one `device` is on, if it is named.
    pub(super) fn find(&self, device: Option<&str>) -> Result<Found, Exit> {
        if self.baud.len() > 1 || self.parity.len() > 1 {
            return Err(usage("one --baud and one --parity; only a scan tries several"));
        }
        let (baud, parity) = (self.baud.first().copied().unwrap_or(BAUD), self.parity.first().copied().unwrap_or(Parity::None));
        match self.by_hand(baud, parity) {
            Some(_) if device.is_some() => Err(usage("--device names a device of a configuration: give --config, not a line by hand")),
            Some(bus) => Ok(Found { bus, site: None }),
            None => self.declared(device),
        }
    }

    /// The line as the options name it, with these settings if it is a serial one.
    pub(super) fn by_hand(&self, baud: u32, parity: Parity) -> Option<Bus> {
        let dial = |address: &HostPort| Transport::Dial { address: address.clone(), backup: None };
        let framing = if self.ascii { Framing::Ascii } else { Framing::Rtu };
        let (framing, transport) = match (&self.port, &self.tcp, &self.rtu_over_tcp) {
            (Some(path), ..) => {
                let (path, data_bits, stop_bits) = (path.clone(), 8, self.stop_bits);
                (framing, Transport::Serial(SerialLine { path, baud, parity, data_bits, stop_bits, rs485: None }))
            }
            (None, Some(address), _) => (Framing::Tcp, dial(address)),
            (None, None, Some(address)) => (framing, dial(address)),
            (None, None, None) => return None,
        };
        let pause = if framing == Framing::Tcp { Duration::ZERO } else { PAUSE };
        Some(Bus { pause, echo: self.echo, ..Bus::plain("line1", framing, transport) })
    }

    fn declared(&self, device: Option<&str>) -> Result<Found, Exit> {
        if !self.baud.is_empty() || !self.parity.is_empty() {
            return Err(usage("--baud and --parity are for --port; the configuration says them itself"));
        }
        let site = load(self.config.as_deref())?;
        let at = match (device, &self.bus) {
            (Some(id), _) => bus_of(&site, find_device(&site, id)?)?,
            (None, Some(name)) => site.buses.iter().position(|bus| *bus.name == **name).ok_or_else(|| no_bus(&site, name))?,
            (None, None) if site.buses.len() == 1 => 0,
            (None, None) => return Err(no_bus(&site, "")),
        };
        let bus = site.buses.get(at).cloned().ok_or_else(|| no_bus(&site, ""))?;
        Ok(Found { bus, site: Some(site) })
    }
}

/// Reads a configuration; its problems go to the person at the terminal.
pub(super) fn load(config: Option<&Path>) -> Result<Site, Exit> {
    let path = config.unwrap_or(Path::new(CONFIG));
    if config.is_none() && !path.exists() {
        return Err(usage(format!(
            "which line? Name it by hand (--port /dev/…, --tcp host:502, --rtu-over-tcp host:port) or give --config FILE; {CONFIG} does not exist"
        )));
    }
    Ok(check::valid(path)?.site)
}

/// A device of the site by its id.
pub(super) fn find_device<'a>(site: &'a Site, id: &str) -> Result<&'a Device, Exit> {
    site.devices.iter().find(|device| *device.id == *id).ok_or_else(|| {
        let ids = site.devices.iter().filter(|device| matches!(device.source, Source::Bus { .. })).map(|device| &*device.id);
        usage(format!("there is no device {id:?} in this configuration; on its buses are: {}", listed(ids)))
    })
}

/// Index of the bus a device is on.
pub(super) fn bus_of(site: &Site, device: &Device) -> Result<usize, Exit> {
    match device.source {
        Source::Bus { bus, .. } if bus < site.buses.len() => Ok(bus),
        _ => Err(usage(format!("{} is on no bus", device.id))),
    }
}

fn no_bus(site: &Site, name: &str) -> Exit {
    let names = listed(site.buses.iter().map(|bus| &*bus.name));
    match (site.buses.is_empty(), name) {
        (true, _) => usage("this configuration has no bus; name the line by hand with --port, --tcp or --rtu-over-tcp"),
        (false, "") => usage(format!("which bus? Give --bus; there are: {names}")),
        (false, name) => usage(format!("there is no bus {name:?}; there are: {names}")),
    }
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// A profile that is spoken on a bus: one that ships, or a file of one's own (`….toml`).
pub(super) fn find_profile(id: &str) -> Result<Arc<Profile>, Exit> {
    let on_bus = |profile: &Arc<Profile>| matches!(profile.dialect, Dialect::Modbus(_) | Dialect::Frame(_));
    if id.ends_with(".toml") {
        let own = facility_config::check_profile(Path::new(id)).map_err(|problems| usage(problems.render(false)))?;
        return Some(own).filter(on_bus).ok_or_else(|| usage(format!("{id} is no profile for a bus")));
    }
    builtin(id).filter(on_bus).ok_or_else(|| {
        let known = facility_config::profile::builtin_ids().filter(|id| builtin(id).as_ref().is_some_and(on_bus));
        usage(format!("there is no profile {id:?} for a bus; name a file of your own as NAME.toml; those that ship: {}", listed(known)))
    })
}

/// Opens a line. Who else has it, and what to do, is in the error.
pub(super) async fn open(bus: &Bus, tap: Tap) -> Result<Inquiry, Exit> {
    Inquiry::open(bus, tap).await.map_err(|error| not_open(bus, &error))
}

/// Why a line cannot be opened.
pub(super) fn not_open(bus: &Bus, error: &io::Error) -> Exit {
    let place = place(bus);
    match (error.kind(), &bus.transport) {
        (io::ErrorKind::WouldBlock, _) => Exit::Start {
            code: 75,
            message: format!(
                "{place}: {error}. Stop the gateway (systemctl stop facility-gateway), or watch the line while it runs: facility-gateway modbus trace --config FILE --bus NAME"
            ),
        },
        (_, Transport::Listen { .. }) => Exit::Start {
            code: 78,
            message: format!(
                "{place}: a DTU connects here to the running gateway; watch it there: facility-gateway modbus trace --config FILE --bus {}",
                bus.name
            ),
        },
        (io::ErrorKind::PermissionDenied, _) => {
            Exit::Start { code: 77, message: format!("{place}: {error}; run this as root, or as a user of the group dialout") }
        }
        (io::ErrorKind::NotFound, Transport::Serial(_)) => Exit::Start {
            code: 66,
            message: format!("{place}: {error}; is the adapter plugged in? `ls /dev/serial/by-id` lists those there are"),
        },
        _ => Exit::Start { code: UNAVAILABLE, message: format!("{place}: {error}; check power, cable and address") },
    }
}

/// The line, for people.
pub(super) fn place(bus: &Bus) -> String {
    match &bus.transport {
        Transport::Dial { address: HostPort { host, port }, .. } => format!("{host}:{port}"),
        Transport::Listen { address, .. } => address.to_string(),
        Transport::Serial(line) => line.path.display().to_string(),
    }
}

fn parity(text: &str) -> Result<Parity, String> {
    [Parity::None, Parity::Even, Parity::Odd].into_iter().find(|parity| parity.as_str() == text).ok_or_else(|| "none, even or odd".into())
}

pub(super) fn host_port(text: &str) -> Result<HostPort, String> {
    let (host, port) = text.rsplit_once(':').ok_or("write host:port, such as 192.168.1.20:502")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match port.parse() {
        Ok(port) if port > 0 && !host.is_empty() => Ok(HostPort { host: host.into(), port }),
        _ => Err("write host:port, such as 192.168.1.20:502".into()),
    }
}

#[cfg(test)]
mod tests;
