//! Brokers and buses: what devices are reached through.

use super::{file, plain_text, unencrypted};
use crate::address;
use crate::problem;
use crate::raw::{self, TransportKind};
use crate::report::{Complaint, Report, join};
use crate::secret::{Ground, Role};
use crate::site::{Broker, Bus, Parity, Tls, Transport};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Speeds that serial ports have.
const BAUD_RATES: [u32; 9] = [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400];
/// Pause on a serial line: devices of this kind need a breath between an answer and the next request.
const SERIAL_PAUSE_MS: u64 = 20;
/// Longest name of a broker or bus.
const NAME_BYTES_MAX: usize = 64;

/// Brokers by name; those with problems are left out.
pub(super) fn brokers(raw: &BTreeMap<String, raw::Mqtt>, gateway_id: &str, ground: &Ground, report: &mut Report) -> Vec<Broker> {
    let mut brokers: Vec<Broker> = Vec::new();
    for (name, raw) in raw {
        let path = join("mqtt", name);
        check_name(&path, name, report);
        let Some(broker) = broker(name, &path, raw, gateway_id, ground, report) else { continue };
        let same = |known: &&Broker| (&known.host, known.port, &known.client_id) == (&broker.host, broker.port, &broker.client_id);
        if let Some(known) = brokers.iter().find(same) {
            let message =
                format!("`{path}` and `mqtt.{}` log in to one broker under one client_id: each would throw the other out", known.name);
            report.key(&path, Complaint::new(problem::DUPLICATE, message).hint("remove one, or give it a client_id of its own"));
        }
        brokers.push(broker);
    }
    brokers
}

fn broker(name: &str, path: &str, raw: &raw::Mqtt, gateway_id: &str, ground: &Ground, report: &mut Report) -> Option<Broker> {
    let at = |key: &str| join(path, key);
    let tls = tls(path, raw, ground, report);
    let password_file = file(&at("password_file"), raw.password_file.as_deref(), Role::Secret, ground, report);
    if raw.password_file.is_some() && raw.username.is_none() && !report.is_bad(&at("username")) {
        let message = format!("`{path}` has a password but no `username`");
        report.key(&at("password_file"), Complaint::new(problem::CONFLICT, message).hint("MQTT sends a password only with a user name"));
    }
    let key = at("url");
    let url = match address::url(&key, raw.url.as_deref()?, &[("mqtt", 1883), ("mqtts", 8883)]) {
        Ok(url) if url.path.is_empty() => url,
        Ok(_) => {
            report.value(&key, Complaint::new(problem::BAD_ADDRESS, format!("`{key}` can have no path")).hint("write mqtt://host:1883"));
            return None;
        }
        Err(fault) => {
            report.value(&key, fault);
            return None;
        }
    };
    let encrypted = url.scheme == "mqtts";
    if !encrypted && raw.password_file.is_some() && !url.is_local() {
        report.key(&key, plain_text("the password", "mqtts"));
    }
    let tls_keys = [("ca_file", &raw.ca_file), ("cert_file", &raw.cert_file), ("key_file", &raw.key_file)];
    for (key, _) in tls_keys.iter().filter(|(_, value)| !encrypted && value.is_some()) {
        report.key(&at(key), unencrypted(&at(key), "mqtts"));
    }
    Some(Broker {
        name: name.into(),
        host: url.host,
        port: url.port,
        tls: encrypted.then_some(tls),
        client_id: raw.client_id.clone().unwrap_or_else(|| gateway_id.to_owned()),
        username: raw.username.clone(),
        password_file,
        keep_alive: Duration::from_secs(raw.keep_alive_s),
        window: raw.window,
    })
}

fn tls(path: &str, raw: &raw::Mqtt, ground: &Ground, report: &mut Report) -> Tls {
    let at = |key: &str| join(path, key);
    for (have, other, need) in [(&raw.cert_file, &raw.key_file, "key_file"), (&raw.key_file, &raw.cert_file, "cert_file")] {
        if have.is_some() && other.is_none() && !report.is_bad(&at(need)) {
            let message = format!("`{}` is missing", at(need));
            report.key(
                &at(need),
                Complaint::new(problem::MISSING, message).hint("a client certificate needs its key, and a key its certificate"),
            );
        }
    }
    Tls {
        ca_file: file(&at("ca_file"), raw.ca_file.as_deref(), Role::Certificates, ground, report),
        cert_file: file(&at("cert_file"), raw.cert_file.as_deref(), Role::Certificates, ground, report),
        key_file: file(&at("key_file"), raw.key_file.as_deref(), Role::PrivateKey, ground, report),
    }
}

/// Buses by name; those with problems are left out.
pub(super) fn buses(raw: &BTreeMap<String, raw::Bus>, report: &mut Report) -> Vec<Bus> {
    let mut buses: Vec<Bus> = Vec::new();
    for (name, raw) in raw {
        let path = join("bus", name);
        check_name(&path, name, report);
        let Some(transport) = transport(&path, raw, report) else { continue };
        // Several gateways' worth of connections fit a Modbus TCP server; a serial line has one master.
        let exclusive = |known: &&Bus| shares_line(&known.transport, &transport);
        if let Some(known) = buses.iter().find(exclusive) {
            let message = format!("`{path}` and `bus.{}` are the same line: their requests would collide", known.name);
            report.key(&path, Complaint::new(problem::DUPLICATE, message).hint("declare the line once and put all its devices on it"));
        }
        let usual = if matches!(transport, Transport::Tcp { .. }) { 0 } else { SERIAL_PAUSE_MS };
        let pause = Duration::from_millis(raw.pause_ms.unwrap_or(usual));
        buses.push(Bus { name: name.as_str().into(), transport, pause });
    }
    buses
}

fn shares_line(one: &Transport, other: &Transport) -> bool {
    match (one, other) {
        (Transport::Rtu { path: one, .. }, Transport::Rtu { path: other, .. }) => one == other,
        (Transport::RtuOverTcp { .. }, other) => one == other,
        _ => false,
    }
}

fn transport(path: &str, raw: &raw::Bus, report: &mut Report) -> Option<Transport> {
    let at = |key: &str| join(path, key);
    let transport = raw.transport?;
    let serial = transport == TransportKind::Rtu;
    let serial_keys = [
        ("path", raw.path.is_some()),
        ("baud", raw.baud.is_some()),
        ("parity", raw.parity.is_some()),
        ("stop_bits", raw.stop_bits.is_some()),
    ];
    for (key, _) in serial_keys.iter().filter(|(_, given)| !serial && *given) {
        report.key(&at(key), only_for(&at(key), "transport = \"rtu\""));
    }
    if serial {
        if raw.address.is_some() {
            report.key(&at("address"), only_for(&at("address"), "transport = \"tcp\" or \"rtu_over_tcp\""));
        }
        return serial_line(path, raw, report);
    }
    let Some(text) = &raw.address else {
        missing(&at("address"), "host:port of the device or serial server", report);
        return None;
    };
    match (address::host_and_port(&at("address"), text, None), transport) {
        (Ok((host, port)), TransportKind::RtuOverTcp) => Some(Transport::RtuOverTcp { host, port }),
        (Ok((host, port)), _) => Some(Transport::Tcp { host, port }),
        (Err(fault), _) => {
            report.value(&at("address"), fault);
            None
        }
    }
}

fn serial_line(path: &str, raw: &raw::Bus, report: &mut Report) -> Option<Transport> {
    let at = |key: &str| join(path, key);
    let baud = raw.baud.unwrap_or(9600);
    if !BAUD_RATES.contains(&baud) {
        let message = format!("`{}` must be a usual speed, not {baud}", at("baud"));
        report.value(&at("baud"), Complaint::new(problem::NOT_A_CHOICE, message).hint(BAUD_RATES.map(|rate| rate.to_string()).join(", ")));
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
    Some(Transport::Rtu {
        path: PathBuf::from(port),
        baud,
        parity: raw.parity.unwrap_or(Parity::None),
        stop_bits: raw.stop_bits.unwrap_or(1),
    })
}

fn check_name(path: &str, name: &str, report: &mut Report) {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(inner) {
        let complaint = Complaint::new(problem::BAD_NAME, format!("`{path}` has a name that can not be used"));
        report.key(path, complaint.hint(format!("1 to {NAME_BYTES_MAX} of a-z, 0-9, - and _")));
    }
}

fn missing(key: &str, hint: &str, report: &mut Report) {
    if !report.is_bad(key) {
        report.key(key, Complaint::new(problem::MISSING, format!("`{key}` is missing")).hint(hint));
    }
}

fn only_for(key: &str, other: &str) -> Complaint {
    Complaint::new(problem::CONFLICT, format!("`{key}` has a meaning only with {other}")).hint("remove it, or change the transport")
}
