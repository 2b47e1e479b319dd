//! What a scan found, for people, for programs, and as lines for the configuration. Pure, but for the names of the port.

use super::super::table::columns;
use super::setting;
use super::sweep::UnitFound;
use facility_config::profile::{Dialect, builtin};
use facility_config::site::{Bus, Framing, HostPort, Transport};
use facility_drivers::scan::{Heard, Trouble};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where the system keeps names of serial ports that survive a re-plug.
const BY_ID: &str = "/dev/serial/by-id";

/// All of a scan.
#[derive(Default)]
pub(super) struct Report {
    found: Vec<(Bus, Vec<UnitFound>)>,
    pub(super) heard: Vec<Heard>,
    pub(super) troubles: Vec<Trouble>,
}

impl Report {
    pub(super) fn take(&mut self, bus: &Bus, units: Vec<UnitFound>, heard: Heard) {
        if !units.is_empty() {
            self.found.push((bus.clone(), units));
        }
        self.heard.push(heard);
    }

    pub(super) fn is_found(&self) -> bool {
        !self.found.is_empty()
    }

    pub(super) fn to_json(&self) -> Value {
        let unit = |bus: &Bus, found: &UnitFound| {
            let (baud, parity) = match &bus.transport {
                Transport::Serial(line) => (Some(line.baud), Some(line.parity.as_str())),
                Transport::Dial { .. } | Transport::Listen { .. } => (None, None),
            };
            json!({ "unit": found.unit, "baud": baud, "parity": parity, "slow": found.is_slow, "answers": found.answers, "models": found.models })
        };
        let units: Vec<Value> = self.found.iter().flat_map(|(bus, units)| units.iter().map(move |found| unit(bus, found))).collect();
        let trouble = |trouble: &Trouble| {
            let mut value = json!(trouble);
            value["en"] = trouble.en().into();
            value["zh"] = trouble.zh().into();
            value
        };
        json!({ "units": units, "troubles": self.troubles.iter().map(trouble).collect::<Vec<_>>(), "toml": self.to_toml() })
    }

    pub(super) fn to_text(&self) -> String {
        let mut out = String::new();
        if self.is_found() {
            out += &columns(&self.rows());
        }
        for trouble in &self.troubles {
            // Writing to a String cannot fail.
            let _ = write!(out, "\n{}\n{}\n", trouble.en(), trouble.zh());
        }
        if self.is_found() {
            let _ = write!(out, "\nFor the configuration:\n\n{}", self.to_toml());
        }
        out
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let head = ["unit", "line", "answers", "likely model"].map(str::to_owned).to_vec();
        let row = |bus: &Bus, found: &UnitFound| {
            let slow = if found.is_slow { " (slow)" } else { "" };
            let models: Vec<String> = found.models.iter().map(|model| format!("{} ({})", model.title, model.profile)).collect();
            let models = if models.is_empty() { "unknown: try `modbus guess`".into() } else { models.join(", or ") };
            vec![found.unit.to_string(), setting(bus), found.answers.join(", ") + slow, models]
        };
        std::iter::once(head).chain(self.found.iter().flat_map(|(bus, units)| units.iter().map(move |found| row(bus, found)))).collect()
    }

    /// Lines that declare what was found. A unit whose model is not known is left to the reader.
    fn to_toml(&self) -> String {
        let mut out = String::new();
        for (nth, (bus, units)) in self.found.iter().enumerate() {
            let name = if nth == 0 { bus.name.to_string() } else { format!("{}-{}", bus.name, nth + 1) };
            out += &bus_toml(&name, bus, self.troubles.iter().any(|trouble| matches!(trouble, Trouble::Echo)));
            units.iter().for_each(|found| out += &device_toml(&name, found));
        }
        out
    }
}

fn bus_toml(name: &str, bus: &Bus, echo: bool) -> String {
    let over = |word: &str, address: &HostPort| {
        let HostPort { host, port } = address;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("transport = \"{word}\"\naddress = \"{host}:{port}\"\n")
    };
    let way = match (&bus.transport, bus.framing) {
        (Transport::Serial(line), framing) => {
            let word = if framing == Framing::Ascii { "ascii" } else { "rtu" };
            let path = by_id(&line.path, Path::new(BY_ID)).unwrap_or_else(|| line.path.clone());
            let stop = if line.stop_bits == 1 { String::new() } else { format!("stop_bits = {}\n", line.stop_bits) };
            format!(
                "transport = \"{word}\"\npath = \"{}\"\nbaud = {}\nparity = \"{}\"\n{stop}",
                path.display(),
                line.baud,
                line.parity.as_str()
            )
        }
        (Transport::Dial { address, .. }, Framing::Tcp) => over("tcp", address),
        (Transport::Dial { address, .. }, Framing::Rtu) => over("rtu_over_tcp", address),
        (Transport::Dial { address, .. }, Framing::Ascii) => over("ascii_over_tcp", address),
        (Transport::Listen { address, .. }, _) => format!("listen = \"{address}\"\n"),
    };
    format!("[bus.{name}]\n{way}{}\n", if echo || bus.echo { "echo = true\n" } else { "" })
}

fn device_toml(bus: &str, found: &UnitFound) -> String {
    let Some(best) = found.models.first() else {
        return format!("# Unit {} answers, but no profile fits.\n\n", found.unit);
    };
    let others: Vec<&str> = found.models.iter().skip(1).map(|model| &*model.profile).collect();
    let others = if others.is_empty() { String::new() } else { format!("  # or {}", others.join(", ")) };
    let is_board = builtin(&best.profile).is_some_and(|profile| matches!(profile.dialect, Dialect::Frame(_)));
    let device = if is_board { "board" } else { "unit" };
    format!("[device.{bus}-{device}-{0}]\nprofile = \"{1}\"{others}\nbus = \"{bus}\"\nunit = {0}\n\n", found.unit, best.profile)
}

/// The name of a port that survives a re-plug, if it has one.
fn by_id(path: &Path, names: &Path) -> Option<PathBuf> {
    let port = std::fs::canonicalize(path).ok()?;
    let entries = std::fs::read_dir(names).ok()?;
    entries.filter_map(|entry| Some(entry.ok()?.path())).find(|name| std::fs::canonicalize(name).is_ok_and(|of| of == port))
}
