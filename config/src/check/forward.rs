//! Destinations: where each is, who the gateway is there, and what it gets.

use super::platform::platform;
use super::wires::check_name;
use super::{file, plain_text, unencrypted};
use crate::destination::{Database, Files, Forward, Login, Revisions, Selection, Target, WriteApi};
use crate::device::Kind;
use crate::limits::DESTINATIONS_MAX;
use crate::problem;
use crate::raw::{self, Protocol, Raw};
use crate::report::{Complaint, Report, join};
use crate::secret::{Ground, Role};
use crate::series::{Class, Measurement};
use crate::site::{Broker, Gateway, Tls};
use std::time::Duration;

/// Destinations by name; those with problems are left out.
pub(super) fn destinations(raw: &Raw, gateway: Option<&Gateway>, brokers: &[Broker], ground: &Ground, report: &mut Report) -> Vec<Forward> {
    if raw.forward.len() > DESTINATIONS_MAX {
        let message = format!("{} destinations are declared, {DESTINATIONS_MAX} are possible", raw.forward.len());
        report.key("forward", Complaint::new(problem::OUT_OF_RANGE, message).hint("each holds its own place in the stores; remove some"));
    }
    let mut found: Vec<Forward> = Vec::new();
    for (name, forward) in &raw.forward {
        let path = join("forward", name);
        check_name(&path, name, report);
        let target = match forward.protocol {
            Protocol::Influx2 | Protocol::Influx1 => {
                database(&path, forward, ground, report).map(|database| Target::Database(Box::new(database)))
            }
            Protocol::Mqtt => gateway
                .and_then(|gateway| platform(name, &path, forward, gateway, brokers, ground, report))
                .map(|platform| Target::Platform(Box::new(platform))),
            Protocol::File => files(&path, forward, raw.store.free_bytes_min, ground, report).map(Target::Files),
        };
        let Some(forward) = destination(name, &path, forward, target, report) else { continue };
        let same = |known: &&Forward| is_same(&known.target, &forward.target);
        if let Some(known) = found.iter().find(same) {
            let message = format!(
                "`{path}` and `forward.{}` are the same place: everything would be sent twice, or each would throw the other out",
                known.name
            );
            report.key(&path, Complaint::new(problem::DUPLICATE, message).hint("remove one of them"));
        }
        found.push(forward);
    }
    found
}

fn is_same(one: &Target, other: &Target) -> bool {
    match (one, other) {
        (Target::Database(one), Target::Database(other)) => one.url == other.url && one.api == other.api,
        // One broker under one client id, or on one topic.
        (Target::Platform(one), Target::Platform(other)) => {
            one.broker.endpoints == other.broker.endpoints && (one.broker.client_id == other.broker.client_id || one.topic == other.topic)
        }
        // Files have the destination's name.
        _ => false,
    }
}

fn destination(name: &str, path: &str, raw: &raw::Forward, target: Option<Target>, report: &mut Report) -> Option<Forward> {
    foreign_keys(path, raw, report);
    let readings = selection(path, raw, report);
    if !(raw.metrics || raw.events || raw.raw) {
        let message = format!("`{path}` gets nothing: metrics, events and raw are all off");
        report.key(path, Complaint::new(problem::CONFLICT, message).hint("turn one of them on, or remove the destination"));
    }
    Some(Forward {
        name: name.into(),
        target: target?,
        metrics: raw.metrics,
        // A metered line has no room for them: of fifty devices they are four fifths of a month's bytes.
        short_windows: raw.short_windows.unwrap_or(raw.mb_per_month.is_none()),
        revisions: match raw.revisions {
            raw::Revisions::Over => Revisions::Over,
            raw::Revisions::Beside => Revisions::Beside,
        },
        events: raw.events,
        raw: raw.raw.then_some(readings),
        start_now: raw.start == raw::Start::Now,
        retention: raw.retention_d.map(|days| Duration::from_secs(days * 86_400)),
        priority: raw.priority.unwrap_or(1),
        live_share_pct: raw.live_share_pct,
        bytes_per_s: raw.bytes_per_s,
        bytes_per_month: raw.mb_per_month.map(|mb| mb * 1_000_000),
        lines_max: raw.lines_max,
        bytes_max: raw.bytes_max,
        delay: Duration::from_millis(raw.delay_ms),
    })
}

fn files(path: &str, raw: &raw::Forward, free_bytes_min: u64, ground: &Ground, report: &mut Report) -> Option<Files> {
    Some(Files {
        dir: ground.base.join(needed(&join(path, "dir"), raw.dir.as_ref(), report)?),
        file_bytes_max: raw.file_bytes_max,
        file_age_max: Duration::from_secs(raw.file_h_max * 3_600),
        files_max: raw.files_max,
        free_bytes_min,
    })
}

fn database(path: &str, raw: &raw::Forward, ground: &Ground, report: &mut Report) -> Option<Database> {
    let at = |key: &str| join(path, key);
    let url = needed(&at("url"), raw.url.as_ref(), report).and_then(|text| {
        let url = crate::address::url(&at("url"), text, &[("http", 80), ("https", 443)]);
        url.map_err(|fault| report.value(&at("url"), fault)).ok()
    });
    let api = match raw.protocol {
        Protocol::Influx2 => {
            let (org, bucket) = (needed(&at("org"), raw.org.as_ref(), report), needed(&at("bucket"), raw.bucket.as_ref(), report));
            org.zip(bucket).map(|(org, bucket)| WriteApi::Influx2 { org: org.clone(), bucket: bucket.clone() })
        }
        Protocol::Influx1 | Protocol::Mqtt | Protocol::File => {
            needed(&at("db"), raw.db.as_ref(), report).map(|db| WriteApi::Influx1 { db: db.clone(), rp: raw.rp.clone() })
        }
    };
    let login = login(path, raw, ground, report);
    let tls = tls(path, raw, ground, report);
    let proxy = raw.proxy.as_deref().and_then(|text| {
        let proxy = crate::address::url(&at("proxy"), text, &[("http", 3128)]);
        proxy.map_err(|fault| report.value(&at("proxy"), fault)).ok().map(|_| text.to_owned())
    });
    let url = url?;
    if url.scheme == "http" && login != Login::None && !url.is_local() {
        report.key(&at("url"), plain_text("the token or password", "https"));
    }
    let of_tls = [("ca_file", &raw.ca_file), ("cert_file", &raw.cert_file), ("key_file", &raw.key_file), ("server_name", &raw.server_name)];
    for (key, _) in of_tls.iter().filter(|(_, given)| url.scheme == "http" && given.is_some()) {
        report.key(&at(key), unencrypted(&at(key), "https"));
    }
    Some(Database {
        url: raw.url.clone()?,
        api: api?,
        login,
        tls,
        timeout: Duration::from_millis(raw.timeout_ms),
        proxy,
        server_name: server_name(path, raw, report),
    })
}

/// The name under which a database that is reached in a roundabout way is known to its certificate.
fn server_name(path: &str, raw: &raw::Forward, report: &mut Report) -> Option<String> {
    let (key, name) = (join(path, "server_name"), raw.server_name.as_ref()?);
    if raw.proxy.is_some() {
        let message = format!("`{path}` has both a proxy and a server name");
        report.key(&key, Complaint::new(problem::CONFLICT, message).hint("the proxy looks the host up: write that name into the url"));
    }
    let fault = match crate::address::host_and_port(&key, name, Some(443)) {
        Ok((host, _)) if host == *name && host.contains(|char: char| char.is_ascii_alphabetic()) && !host.contains(':') => {
            return Some(host);
        }
        Ok(_) => Complaint::new(problem::BAD_ADDRESS, format!("`{key}` is no name")).hint("a name as in a certificate, without a port"),
        Err(fault) => fault,
    };
    report.value(&key, fault);
    None
}

fn login(path: &str, raw: &raw::Forward, ground: &Ground, report: &mut Report) -> Login {
    let at = |key: &str| join(path, key);
    let token = file(&at("token_file"), raw.token_file.as_deref(), Role::Secret, ground, report);
    let password = file(&at("password_file"), raw.password_file.as_deref(), Role::Secret, ground, report);
    if raw.username.is_some() && raw.token_file.is_some() {
        let message = format!("`{path}` has both a token and a user name");
        report.key(&at("username"), Complaint::new(problem::CONFLICT, message).hint("a database wants one of them; remove the other"));
    }
    let hint = "a user needs a password, and a password its user";
    both(path, [("username", &raw.username), ("password_file", &raw.password_file)], hint, report);
    match (token, raw.username.clone().zip(password)) {
        (Some(file), _) => Login::Token(file),
        (None, Some((user, file))) => Login::Password { user, file },
        (None, None) => Login::None,
    }
}

fn tls(path: &str, raw: &raw::Forward, ground: &Ground, report: &mut Report) -> Tls {
    let at = |key: &str| join(path, key);
    let hint = "a client certificate needs its key, and a key its certificate";
    both(path, [("cert_file", &raw.cert_file), ("key_file", &raw.key_file)], hint, report);
    Tls {
        ca_file: file(&at("ca_file"), raw.ca_file.as_deref(), Role::Certificates, ground, report),
        cert_file: file(&at("cert_file"), raw.cert_file.as_deref(), Role::Certificates, ground, report),
        key_file: file(&at("key_file"), raw.key_file.as_deref(), Role::PrivateKey, ground, report),
        crl_file: None,
    }
}

/// Two settings that mean something only together.
fn both(path: &str, [one, other]: [(&str, &Option<String>); 2], hint: &str, report: &mut Report) {
    for (have, need) in [(one, other), (other, one)] {
        let key = join(path, need.0);
        if have.1.is_some() && need.1.is_none() && !report.is_bad(&key) {
            report.key(&key, Complaint::new(problem::MISSING, format!("`{key}` is missing")).hint(hint));
        }
    }
}

/// What a protocol cannot do without.
pub(super) fn needed<'a>(key: &str, value: Option<&'a String>, report: &mut Report) -> Option<&'a String> {
    if value.is_none() && !report.is_bad(key) {
        let hint = "see the sample configuration for what each protocol needs";
        report.key(key, Complaint::new(problem::MISSING, format!("`{key}` is missing")).hint(hint));
    }
    value
}

/// A setting that has no meaning with this protocol was meant for something else.
fn foreign_keys(path: &str, raw: &raw::Forward, report: &mut Report) {
    use Protocol::{File, Influx1, Influx2, Mqtt};
    let of: [(&str, bool, &[Protocol]); 16] = [
        ("url", raw.url.is_some(), &[Influx2, Influx1, Mqtt]),
        ("org", raw.org.is_some(), &[Influx2]),
        ("bucket", raw.bucket.is_some(), &[Influx2]),
        ("db", raw.db.is_some(), &[Influx1]),
        ("rp", raw.rp.is_some(), &[Influx1]),
        ("token_file", raw.token_file.is_some(), &[Influx2, Influx1]),
        ("username", raw.username.is_some(), &[Influx1, Mqtt]),
        ("password_file", raw.password_file.is_some(), &[Influx1, Mqtt]),
        ("ca_file", raw.ca_file.is_some(), &[Influx2, Influx1, Mqtt]),
        ("cert_file", raw.cert_file.is_some(), &[Influx2, Influx1, Mqtt]),
        ("key_file", raw.key_file.is_some(), &[Influx2, Influx1, Mqtt]),
        ("proxy", raw.proxy.is_some(), &[Influx2, Influx1]),
        ("server_name", raw.server_name.is_some(), &[Influx2, Influx1]),
        ("topic", raw.topic.is_some(), &[Mqtt]),
        ("client_id", raw.client_id.is_some(), &[Mqtt]),
        ("dir", raw.dir.is_some(), &[File]),
    ];
    for (key, _, protocols) in of.iter().filter(|(_, given, protocols)| *given && !protocols.contains(&raw.protocol)) {
        let words: Vec<String> = protocols.iter().map(|protocol| format!("`protocol = \"{}\"`", protocol.as_str())).collect();
        report.key(&join(path, key), only_with(&join(path, key), &words.join(" or ")));
    }
    let of_way = [("bytes_per_s", raw.bytes_per_s), ("mb_per_month", raw.mb_per_month), ("priority", raw.priority.map(u64::from))];
    for (key, _) in of_way.iter().filter(|(_, given)| given.is_some() && raw.protocol == File) {
        report.key(&join(path, key), only_with(&join(path, key), "a destination on the network"));
    }
    let of_raw = [("raw_measurements", raw.raw_measurements.is_some()), ("raw_kinds", raw.raw_kinds.is_some())];
    for (key, _) in of_raw.iter().filter(|(_, given)| *given && !raw.raw) {
        report.key(&join(path, key), only_with(&join(path, key), "`raw = true`"));
    }
}

fn only_with(key: &str, other: &str) -> Complaint {
    Complaint::new(problem::CONFLICT, format!("`{key}` has a meaning only with {other}")).hint("remove it, or change the other")
}

/// Which readings are sent.
fn selection(path: &str, raw: &raw::Forward, report: &mut Report) -> Selection {
    let readings: Vec<(&str, Measurement)> =
        Measurement::ALL.iter().filter(|one| one.info().class == Class::Reading).map(|one| (one.info().name, *one)).collect();
    let kinds = [Kind::Gateway, Kind::Locker, Kind::Cabinet, Kind::Vending, Kind::Meter].map(|kind| (kind.as_str(), kind));
    Selection {
        measurements: words(&join(path, "raw_measurements"), raw.raw_measurements.as_deref(), &readings, report),
        kinds: words(&join(path, "raw_kinds"), raw.raw_kinds.as_deref(), &kinds, report),
    }
}

/// The known words of a list with commas or blanks in between.
fn words<T: Copy + PartialEq>(key: &str, text: Option<&str>, known: &[(&str, T)], report: &mut Report) -> Vec<T> {
    let mut found = Vec::new();
    for word in text.unwrap_or_default().split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        match known.iter().find(|(name, _)| *name == word) {
            Some((_, one)) if found.contains(one) => {}
            Some((_, one)) => found.push(*one),
            None => {
                let names = || known.iter().map(|(name, _)| *name);
                let near = crate::keys::nearest(word, names()).map(|near| format!("did you mean \"{near}\"?"));
                let word: String = word.chars().take(80).collect();
                let message = format!("`{key}` names \"{word}\", which there is not");
                let hint = near.unwrap_or_else(|| format!("known: {}", names().collect::<Vec<_>>().join(", ")));
                report.value(key, Complaint::new(problem::NOT_A_CHOICE, message).hint(hint));
            }
        }
    }
    found
}
