//! Merged settings to a [`Site`]: everything that concerns more than one value. Pure but for looking at secret files.
//!
//! Types, bounds and required settings are already judged when a value gets here; a setting that was complained about
//! is absent and is not complained about again. Nothing stops at the first problem.

mod buses;
mod devices;
mod forward;
mod ingest;
mod measures;
mod platform;
mod wires;

use crate::place::{CircleType, DISTRICTS, district_name};
use crate::problem;
use crate::profiles::Known;
use crate::raw::{self, Raw};
use crate::report::{Complaint, Report};
use crate::secret::{Ground, Role};
use crate::site::{Api, ColdChain, Gateway, Site, Store};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The site, or `None` if the report has errors.
pub(crate) fn site(raw: &Raw, ground: &Ground, known: &Known, report: &mut Report) -> Option<Site> {
    let gateway = gateway(&raw.gateway, report);
    let store = store(&raw.store, ground);
    let (window, zone) = (window(&raw.metrics, report), zone(&raw.metrics, report));
    let client_id = raw.gateway.id.as_deref().unwrap_or_default();
    let brokers = wires::brokers(&raw.mqtt, client_id, ground, report);
    let buses = buses::buses(&raw.bus, report);
    let devices = devices::devices(raw, known, report);
    let forward = forward::destinations(raw, gateway.as_ref(), &brokers, ground, report);
    let api = api(&raw.api, report);
    if report.has_errors() {
        return None;
    }
    let coldchain = ColdChain { keep_months: raw.coldchain.keep_months };
    Some(Site {
        gateway: gateway?,
        store,
        brokers,
        buses,
        devices,
        forward,
        api: api?,
        window,
        minutes: raw.metrics.minutes,
        zone: zone?,
        coldchain,
    })
}

/// Why a name can not be an id of the registry, if it can not.
pub(crate) fn id_fault(id: &str) -> Option<Complaint> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (3..=64).contains(&id.len()) && id.chars().all(inner) && !id.starts_with('-');
    let complaint = || {
        Complaint::new(problem::BAD_NAME, format!("`{}` is no id", id.chars().take(80).collect::<String>()))
            .hint("3 to 64 of a-z, 0-9 and -, beginning with a letter or digit")
    };
    (!fits).then(complaint)
}

fn gateway(raw: &raw::Gateway, report: &mut Report) -> Option<Gateway> {
    for (key, id) in [("gateway.id", &raw.id), ("gateway.site", &raw.site)] {
        if let Some(fault) = id.as_deref().and_then(id_fault) {
            report.value(key, fault);
        }
    }
    if let Some(code) = raw.district.as_deref().filter(|code| district_name(code).is_none()) {
        let known = DISTRICTS.iter().map(|(code, name)| format!("{code} {name}")).collect::<Vec<_>>().join(", ");
        let message = format!("`gateway.district` must be a district of Fuzhou, not \"{code}\"");
        report.value("gateway.district", Complaint::new(problem::NOT_A_CHOICE, message).hint(known));
    }
    let circle_type: Option<CircleType> = raw.circle_type;
    let boxed = |text: &Option<String>| text.as_deref().map(Box::from);
    Some(Gateway {
        id: boxed(&raw.id)?,
        site: boxed(&raw.site)?,
        district: boxed(&raw.district)?,
        community: boxed(&raw.community),
        circle_type,
    })
}

fn store(raw: &raw::Store, ground: &Ground) -> Store {
    Store {
        dir: ground.base.join(&raw.dir),
        commit_delay: Duration::from_millis(raw.commit_delay_ms),
        readings_bytes_max: raw.readings_bytes_max,
        outbox_bytes_max: raw.outbox_bytes_max,
        overflow: raw.overflow,
        free_bytes_min: raw.free_bytes_min,
        card_cycles: raw.card_cycles,
    }
}

fn zone(raw: &raw::Metrics, report: &mut Report) -> Option<jiff::tz::TimeZone> {
    let zone = crate::zone::time_zone(&raw.zone);
    if zone.is_none() {
        let message = format!("`metrics.zone` is no zone this system knows: {}", raw.zone);
        let hint = "`Asia/Shanghai`, or an offset such as `+08:00`; names need the package tzdata";
        report.value("metrics.zone", Complaint::new(problem::OUT_OF_RANGE, message).hint(hint));
    }
    zone
}

fn window(raw: &raw::Metrics, report: &mut Report) -> Duration {
    if raw.window_s == 0 || !3600_u64.is_multiple_of(raw.window_s) {
        let message = format!("`metrics.window_s` must divide an hour (3600), {} does not", raw.window_s);
        report.value("metrics.window_s", Complaint::new(problem::OUT_OF_RANGE, message).hint("300 is five minutes"));
    }
    if raw.minutes && !raw.window_s.is_multiple_of(60) {
        let message = format!("`metrics.minutes` needs windows of whole minutes, `metrics.window_s` is {}", raw.window_s);
        report.value("metrics.minutes", Complaint::new(problem::OUT_OF_RANGE, message).hint("300 is five minutes"));
    }
    Duration::from_secs(raw.window_s)
}

fn api(raw: &raw::Api, report: &mut Report) -> Option<Api> {
    if raw.listen == "off" {
        return Some(Api { listen: None });
    }
    let fault = match raw.listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => return Some(Api { listen: Some(address) }),
        Ok(_) => {
            Complaint::new(problem::NOT_LOOPBACK, "`api.listen` must stay on this machine: the page has no password and no encryption")
                .hint("keep 127.0.0.1 and reach it through SSH (ssh -L 8600:127.0.0.1:8600 …) or a reverse proxy with TLS and login")
        }
        Err(_) => Complaint::new(problem::BAD_ADDRESS, "`api.listen` must be a numeric address and a port, or off")
            .hint("for example 127.0.0.1:8600 or [::1]:8600"),
    };
    report.value("api.listen", fault);
    None
}

/// The file a setting refers to, if it does and the file is fit.
fn file(key: &str, reference: Option<&str>, role: Role, ground: &Ground, report: &mut Report) -> Option<PathBuf> {
    match ground.file(key, reference?, role) {
        Ok(path) => Some(path),
        Err(fault) => {
            report.value(key, fault);
            None
        }
    }
}

fn plain_text(what: &str, scheme: &str) -> Complaint {
    Complaint::new(problem::PLAIN_TEXT_SECRET, format!("{what} crosses the network unencrypted")).hint(format!("use {scheme}://"))
}

fn unencrypted(key: &str, scheme: &str) -> Complaint {
    Complaint::new(problem::CONFLICT, format!("`{key}` has no meaning on an unencrypted connection"))
        .hint(format!("use {scheme}://, or remove it"))
}
