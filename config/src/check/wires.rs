//! Brokers: what devices are reached through, and the names of wires.

use super::{file, plain_text, unencrypted};
use crate::address;
use crate::problem;
use crate::raw;
use crate::report::{Complaint, Report, join};
use crate::secret::{Ground, Role};
use crate::site::{Broker, Endpoint, Tls, Wire};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest name of a broker or bus.
const NAME_BYTES_MAX: usize = 64;
/// Ways to a broker, and their usual ports.
const SCHEMES: [(Wire, u16); 4] = [(Wire::Tcp, 1883), (Wire::Tls, 8883), (Wire::Websocket, 80), (Wire::WebsocketTls, 443)];
const SCHEMES_HINT: &str = "write mqtt://host:1883, or mqtts://host:8883 for TLS";

/// Brokers by name; those with problems are left out.
pub(super) fn brokers(raw: &BTreeMap<String, raw::Mqtt>, gateway_id: &str, ground: &Ground, report: &mut Report) -> Vec<Broker> {
    let mut brokers: Vec<Broker> = Vec::new();
    for (name, raw) in raw {
        let path = join("mqtt", name);
        check_name(&path, name, report);
        let Some(broker) = broker(name, &path, raw, gateway_id, ground, report) else { continue };
        let same = |known: &&Broker| {
            known.client_id == broker.client_id
                && known.endpoints.iter().any(|one| broker.endpoints.iter().any(|other| (&one.host, one.port) == (&other.host, other.port)))
        };
        if let Some(known) = brokers.iter().find(same) {
            let message =
                format!("`{path}` and `mqtt.{}` log in to one broker under one client_id: each would throw the other out", known.name);
            report.key(&path, Complaint::new(problem::DUPLICATE, message).hint("remove one, or give it a client_id of its own"));
        }
        brokers.push(broker);
    }
    brokers
}

pub(super) fn broker(name: &str, path: &str, raw: &raw::Mqtt, gateway_id: &str, ground: &Ground, report: &mut Report) -> Option<Broker> {
    let at = |key: &str| join(path, key);
    let tls = tls(path, raw, ground, report);
    let password_file = file(&at("password_file"), raw.password_file.as_deref(), Role::Secret, ground, report);
    if raw.password_file.is_some() && raw.username.is_none() && !report.is_bad(&at("username")) {
        let message = format!("`{path}` has a password but no `username`");
        report.key(&at("password_file"), Complaint::new(problem::CONFLICT, message).hint("MQTT sends a password only with a user name"));
    }
    let endpoints = endpoints(&at("url"), raw.url.as_deref()?, report)?;
    check_encryption(path, raw, &endpoints, report);
    Some(Broker {
        name: name.into(),
        endpoints,
        tls,
        client_id: raw.client_id.clone().unwrap_or_else(|| gateway_id.to_owned()),
        username: raw.username.clone(),
        password_file,
        keep_alive: Duration::from_secs(raw.keep_alive_s),
        window: raw.window,
        retained: raw.retained,
    })
}

/// The addresses, in the order they are written in; `None` if one of them is no good.
fn endpoints(key: &str, text: &str, report: &mut Report) -> Option<Vec<Endpoint>> {
    let words = text.split([',', ' ', '\t']).filter(|word| !word.is_empty());
    let fault = match words.map(|word| endpoint(key, word)).collect::<Result<Vec<_>, _>>() {
        Ok(found) if found.is_empty() => Complaint::new(problem::BAD_ADDRESS, format!("`{key}` holds no address")).hint(SCHEMES_HINT),
        Ok(found) => match twice(&found) {
            Some(endpoint) => Complaint::new(problem::DUPLICATE, format!("`{key}` has {endpoint} twice"))
                .hint("a second address is for a second broker; remove one of them"),
            None => return Some(found),
        },
        Err(fault) => fault,
    };
    report.value(key, fault);
    None
}

fn endpoint(key: &str, word: &str) -> Result<Endpoint, Complaint> {
    let url = address::url(key, word, &SCHEMES.map(|(wire, port)| (wire.scheme(), port)))?;
    let wire = SCHEMES.iter().map(|(wire, _)| *wire).find(|wire| wire.scheme() == url.scheme).unwrap_or(Wire::Tcp);
    if !url.path.is_empty() && !matches!(wire, Wire::Websocket | Wire::WebsocketTls) {
        let message = format!("`{key}` can have a path only with ws:// and wss://");
        return Err(Complaint::new(problem::BAD_ADDRESS, message).hint("write mqtt://host:1883"));
    }
    Ok(Endpoint { wire, host: url.host, port: url.port, path: url.path.into() })
}

/// An address that stands there a second time, whatever it is spoken with.
fn twice(endpoints: &[Endpoint]) -> Option<&Endpoint> {
    let place = |endpoint: &Endpoint| (endpoint.host.to_ascii_lowercase(), endpoint.port, endpoint.path.clone());
    endpoints.iter().enumerate().find(|(at, one)| endpoints.iter().take(*at).any(|other| place(one) == place(other))).map(|(_, one)| one)
}

/// What is meant to be secret or proven, and is not on one of the addresses.
fn check_encryption(path: &str, raw: &raw::Mqtt, endpoints: &[Endpoint], report: &mut Report) {
    let key = join(path, "url");
    for open in endpoints.iter().filter(|endpoint| !endpoint.wire.is_encrypted() && !address::is_local(&endpoint.host)) {
        let encrypted = if open.wire == Wire::Websocket { "wss" } else { "mqtts" };
        if raw.password_file.is_some() {
            report.key(&key, plain_text(&format!("the password for {open}"), encrypted));
        }
        if raw.key_file.is_some() && endpoints.iter().any(|endpoint| endpoint.wire.is_encrypted()) {
            let message = format!("{open} is not encrypted: the client key is of no use there, and everything can be read on the way");
            report.key(&key, Complaint::new(problem::PLAIN_TEXT_SECRET, message).hint(format!("use {encrypted}://")));
        }
    }
    if endpoints.iter().any(|endpoint| endpoint.wire.is_encrypted()) {
        return;
    }
    let tls = [("ca_file", &raw.ca_file), ("cert_file", &raw.cert_file), ("key_file", &raw.key_file), ("crl_file", &raw.crl_file)];
    for (key, _) in tls.iter().filter(|(_, value)| value.is_some()) {
        report.key(&join(path, key), unencrypted(&join(path, key), "mqtts"));
    }
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
        crl_file: file(&at("crl_file"), raw.crl_file.as_deref(), Role::Withdrawn, ground, report),
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
