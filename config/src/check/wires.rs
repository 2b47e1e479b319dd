//! Brokers: what devices are reached through, and the names of wires.

use super::{file, plain_text, unencrypted};
use crate::address;
use crate::problem;
use crate::raw;
use crate::report::{Complaint, Report, join};
use crate::secret::{Ground, Role};
use crate::site::{Broker, Tls};
use std::collections::BTreeMap;
use std::time::Duration;

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

pub(super) fn check_name(path: &str, name: &str, report: &mut Report) {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(inner) {
        let complaint = Complaint::new(problem::BAD_NAME, format!("`{path}` has a name that can not be used"));
        report.key(path, complaint.hint(format!("1 to {NAME_BYTES_MAX} of a-z, 0-9, - and _")));
    }
}

pub(super) fn missing(key: &str, hint: &str, report: &mut Report) {
    if !report.is_bad(key) {
        report.key(key, Complaint::new(problem::MISSING, format!("`{key}` is missing")).hint(hint));
    }
}
