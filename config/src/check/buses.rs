//! Buses: how each is connected, and that no two use one line.

use super::wires::{check_name, missing};
use crate::address;
use crate::problem;
use crate::raw::{self, TransportKind};
use crate::report::{Complaint, Report, join};
use crate::site::{Bus, Framing, HostPort, Parity, Rs485, SerialLine, Transport};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Speeds that serial ports have.
const BAUD_RATES: [u32; 10] = [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 921_600];
/// Pause on a serial line: devices of this kind need a breath between an answer and the next request.
const SERIAL_PAUSE_MS: u64 = 20;
/// Longest registration or heartbeat of a DTU, bytes.
const PACKET_BYTES_MAX: usize = 128;

/// Buses by name; those with problems are left out.
pub(super) fn buses(raw: &BTreeMap<String, raw::Bus>, report: &mut Report) -> Vec<Bus> {
    let mut buses: Vec<Bus> = Vec::new();
    for (name, raw) in raw {
        let path = join("bus", name);
        check_name(&path, name, report);
        let Some(bus) = bus(name, &path, raw, report) else { continue };
        // Several gateways' worth of connections fit a Modbus TCP server; a serial line has one master.
        if let Some(known) = buses.iter().find(|known| shares_line(known, &bus)) {
            report.key(&path, same_line(&path, known));
        }
        buses.push(bus);
    }
    buses
}

fn bus(name: &str, path: &str, raw: &raw::Bus, report: &mut Report) -> Option<Bus> {
    let kind = raw.transport?;
    let framing = match kind {
        TransportKind::Tcp => Framing::Tcp,
        TransportKind::Rtu | TransportKind::RtuOverTcp => Framing::Rtu,
        TransportKind::Ascii | TransportKind::AsciiOverTcp => Framing::Ascii,
    };
    let serial = matches!(kind, TransportKind::Rtu | TransportKind::Ascii);
    foreign_keys(path, raw, serial, report);
    foreign_to_framing(path, raw, framing, report);
    let transport = match serial {
        true => Transport::Serial(serial_line(path, raw, framing, report)?),
        false if raw.listen.is_some() => listen(path, raw, report)?,
        false => dial(path, raw, report)?,
    };
    let usual = if framing == Framing::Tcp { 0 } else { SERIAL_PAUSE_MS };
    Some(Bus {
        name: name.into(),
        framing,
        transport,
        pause: Duration::from_millis(raw.pause_ms.unwrap_or(usual)),
        gap: raw.gap_us.map(Duration::from_micros),
        connect_delay: Duration::from_millis(raw.connect_delay_ms.unwrap_or(0)),
        idle_close: raw.idle_close_s.map(Duration::from_secs),
        echo: raw.echo.unwrap_or(false),
    })
}

/// A setting that has no meaning with this transport was meant for something else.
fn foreign_keys(path: &str, raw: &raw::Bus, serial: bool, report: &mut Report) {
    let of_serial = [
        ("path", raw.path.is_some()),
        ("baud", raw.baud.is_some()),
        ("parity", raw.parity.is_some()),
        ("data_bits", raw.data_bits.is_some()),
        ("stop_bits", raw.stop_bits.is_some()),
        ("rs485", raw.rs485.is_some()),
    ];
    let of_tcp = [
        ("address", raw.address.is_some()),
        ("backup", raw.backup.is_some()),
        ("listen", raw.listen.is_some()),
        ("registration", raw.registration.is_some()),
        ("heartbeat", raw.heartbeat.is_some()),
        ("idle_close_s", raw.idle_close_s.is_some()),
    ];
    let (keys, other): (&[_], _) = match serial {
        true => (&of_tcp, "a transport through TCP (`tcp`, `rtu_over_tcp`, `ascii_over_tcp`)"),
        false => (&of_serial, "`transport = \"rtu\"` or `\"ascii\"`"),
    };
    for (key, _) in keys.iter().filter(|(_, given)| *given) {
        report.key(&join(path, key), only_for(&join(path, key), other));
    }
    let of_rs485 = [
        ("rs485_rts_high", raw.rs485_rts_high.is_some()),
        ("rs485_before_ms", raw.rs485_before_ms.is_some()),
        ("rs485_after_ms", raw.rs485_after_ms.is_some()),
        ("rs485_hear_self", raw.rs485_hear_self.is_some()),
    ];
    for (key, _) in of_rs485.iter().filter(|(_, given)| *given && raw.rs485 != Some(true)) {
        report.key(&join(path, key), only_for(&join(path, key), "`rs485 = true`"));
    }
    let with_listen = [("registration", raw.registration.is_some()), ("heartbeat", raw.heartbeat.is_some())];
    for (key, _) in with_listen.iter().filter(|(_, given)| *given && !serial && raw.listen.is_none()) {
        report.key(&join(path, key), only_for(&join(path, key), "`listen`"));
    }
    let with_address = [("address", raw.address.is_some()), ("backup", raw.backup.is_some())];
    for (key, _) in with_address.iter().filter(|(_, given)| *given && raw.listen.is_some()) {
        report.key(
            &join(path, key),
            Complaint::new(problem::CONFLICT, format!("`{path}` has both `listen` and `{key}`"))
                .hint("either the gateway connects (`address`) or the other side does (`listen`)"),
        );
    }
}

/// Gaps and echoes are matters of a line.
fn foreign_to_framing(path: &str, raw: &raw::Bus, framing: Framing, report: &mut Report) {
    if raw.gap_us.is_some() && framing != Framing::Rtu {
        report.key(&join(path, "gap_us"), only_for(&join(path, "gap_us"), "`rtu` and `rtu_over_tcp`"));
    }
    if raw.echo.is_some() && framing == Framing::Tcp {
        report.key(&join(path, "echo"), only_for(&join(path, "echo"), "a serial line, also one behind a serial server"));
    }
    if raw.rs485_hear_self == Some(true) && raw.echo != Some(true) {
        let message = format!("`{path}` hears itself, but does not expect it");
        report.key(
            &join(path, "rs485_hear_self"),
            Complaint::new(problem::CONFLICT, message).hint("set echo = true, so that what is sent is taken out of what is heard"),
        );
    }
}

fn dial(path: &str, raw: &raw::Bus, report: &mut Report) -> Option<Transport> {
    let key = join(path, "address");
    let Some(text) = &raw.address else {
        missing(&key, "host:port of the device or serial server; or `listen`, where a DTU connects to the gateway", report);
        return None;
    };
    let address = host_port(&key, text, report);
    let backup = match &raw.backup {
        Some(text) => Some(host_port(&join(path, "backup"), text, report)?),
        None => None,
    };
    if backup.is_some() && backup == address {
        let message = format!("`{path}` has the same `address` and `backup`");
        report
            .key(&join(path, "backup"), Complaint::new(problem::CONFLICT, message).hint("remove it, or name the other way to the device"));
    }
    Some(Transport::Dial { address: address?, backup })
}

fn host_port(key: &str, text: &str, report: &mut Report) -> Option<HostPort> {
    match address::host_and_port(key, text, None) {
        Ok((host, port)) => Some(HostPort { host, port }),
        Err(fault) => {
            report.value(key, fault);
            None
        }
    }
}

fn listen(path: &str, raw: &raw::Bus, report: &mut Report) -> Option<Transport> {
    let key = join(path, "listen");
    let address = raw.listen.as_deref()?.parse::<SocketAddr>().ok().filter(|address| address.port() != 0).ok_or(());
    if address.is_err() {
        let message = format!("`{key}` must be a numeric address and a port");
        report.value(
            &key,
            Complaint::new(problem::BAD_ADDRESS, message).hint("for example 0.0.0.0:5020, or the address of the VPN the DTU is in"),
        );
    }
    let registration = packet(&join(path, "registration"), raw.registration.as_deref(), report);
    let heartbeat = packet(&join(path, "heartbeat"), raw.heartbeat.as_deref(), report);
    Some(Transport::Listen { address: address.ok()?, registration: registration.ok()?, heartbeat: heartbeat.ok()? })
}

/// Text as it is, or bytes after `hex:`.
fn packet(key: &str, text: Option<&str>, report: &mut Report) -> Result<Option<Box<[u8]>>, ()> {
    let Some(text) = text else { return Ok(None) };
    let bytes = match text.strip_prefix("hex:") {
        Some(digits) => crate::profiles::hex(digits).ok(),
        None => Some(text.as_bytes().to_vec()),
    };
    match bytes.filter(|bytes| (1..=PACKET_BYTES_MAX).contains(&bytes.len())) {
        Some(bytes) => Ok(Some(bytes.into())),
        None => {
            let message = format!("`{key}` must be 1 to {PACKET_BYTES_MAX} bytes, as text or as hex:…");
            report.value(key, Complaint::new(problem::BAD_NAME, message).hint("for example the IMEI of the modem, or hex:48 45 4C 4C 4F"));
            Err(())
        }
    }
}

fn serial_line(path: &str, raw: &raw::Bus, framing: Framing, report: &mut Report) -> Option<SerialLine> {
    let at = |key: &str| join(path, key);
    let baud = raw.baud.unwrap_or(9600);
    if !BAUD_RATES.contains(&baud) {
        let message = format!("`{}` must be a usual speed, not {baud}", at("baud"));
        report.value(&at("baud"), Complaint::new(problem::NOT_A_CHOICE, message).hint(BAUD_RATES.map(|rate| rate.to_string()).join(", ")));
    }
    if raw.data_bits == Some(7) && framing != Framing::Ascii {
        report.key(&at("data_bits"), only_for(&format!("{} = 7", at("data_bits")), "`transport = \"ascii\"`"));
    }
    let Some(port) = &raw.path else {
        missing(&at("path"), "the serial port; see ls /dev/serial/by-id", report);
        return None;
    };
    if ["/dev/ttyUSB", "/dev/ttyACM"].iter().any(|unstable| port.starts_with(unstable)) {
        let message = format!("{port} may be another adapter after a restart or re-plug");
        report.key(
            &at("path"),
            Complaint::new(problem::UNSTABLE_PATH, message).hint("use the name in /dev/serial/by-id or /dev/serial/by-path"),
        );
    }
    let rs485 = Rs485 {
        rts_high: raw.rs485_rts_high.unwrap_or(true),
        before_ms: raw.rs485_before_ms.unwrap_or(0),
        after_ms: raw.rs485_after_ms.unwrap_or(0),
        hear_self: raw.rs485_hear_self.unwrap_or(false),
    };
    Some(SerialLine {
        path: PathBuf::from(port),
        baud,
        parity: raw.parity.unwrap_or(Parity::None),
        data_bits: raw.data_bits.unwrap_or(8),
        stop_bits: raw.stop_bits.unwrap_or(1),
        rs485: (raw.rs485 == Some(true)).then_some(rs485),
    })
}

/// Modbus TCP addresses are meant to be shared; everything else has one master.
fn shares_line(one: &Bus, other: &Bus) -> bool {
    match (&one.transport, &other.transport) {
        (Transport::Serial(one), Transport::Serial(other)) => one.path == other.path,
        (Transport::Dial { address: first, backup: first_backup }, Transport::Dial { address: second, backup: second_backup }) => {
            let ends = |address, backup: &Option<HostPort>| [Some(address), backup.clone()].into_iter().flatten().collect::<Vec<_>>();
            let (first, second) = (ends(first.clone(), first_backup), ends(second.clone(), second_backup));
            let both_tcp = one.framing == Framing::Tcp && other.framing == Framing::Tcp;
            !both_tcp && first.iter().any(|end| second.contains(end))
        }
        (
            Transport::Listen { address: first, registration: named, .. },
            Transport::Listen { address: second, registration: other_named, .. },
        ) => listens_twice(first, second) || first == second && !tells_apart(named.as_deref(), other_named.as_deref()),
        _ => false,
    }
}

/// Whether one address is every address of the board, and so takes the port from the other.
fn listens_twice(one: &SocketAddr, other: &SocketAddr) -> bool {
    one != other && one.port() == other.port() && (one.ip().is_unspecified() || other.ip().is_unspecified())
}

/// Whether what two DTUs send first says which is which. A stream has no ends: `GW1` could be the beginning of `GW12`.
fn tells_apart(one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if !one.starts_with(other) && !other.starts_with(one))
}

fn same_line(path: &str, known: &Bus) -> Complaint {
    match &known.transport {
        Transport::Listen { address, .. } => {
            let message = format!("`{path}` and `bus.{}` both listen on {address}: nobody can tell their DTUs apart", known.name);
            Complaint::new(problem::DUPLICATE, message)
                .hint("give each its own `registration`, none the beginning of another, or another port")
        }
        _ => {
            let message = format!("`{path}` and `bus.{}` are the same line: their requests would collide", known.name);
            Complaint::new(problem::DUPLICATE, message).hint("declare the line once and put all its devices on it")
        }
    }
}

fn only_for(key: &str, other: &str) -> Complaint {
    Complaint::new(problem::CONFLICT, format!("`{key}` has a meaning only with {other}")).hint("remove it, or change the transport")
}
