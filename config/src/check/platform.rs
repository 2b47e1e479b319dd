//! A destination that is the broker of a platform: where it is, who the gateway is there, and what its topics are made of.
//!
//! Never the broker of devices: what is published there, a device could take for an order.

use super::forward::needed;
use super::wires;
use crate::address::is_local;
use crate::destination::{Format, Platform};
use crate::limits::UPLINK_TOPIC_BYTES_MAX;
use crate::problem;
use crate::raw;
use crate::report::{Complaint, Report, join};
use crate::secret::Ground;
use crate::site::{Broker, Endpoint, Gateway, Retained};
use std::time::Duration;

/// Each gateway has topics of its own, each measurement a topic below: what access rules and subscriptions need.
const TOPIC: &str = "facility/{gateway}/{measurement}";
/// Filled in for each line.
const OF_LINE: [&str; 3] = ["measurement", "kind", "device"];

/// Where and how it is published; `None` if that cannot be said.
pub(super) fn platform(
    name: &str,
    path: &str,
    raw: &raw::Forward,
    gateway: &Gateway,
    devices: &[Broker],
    ground: &Ground,
    report: &mut Report,
) -> Option<Platform> {
    needed(&join(path, "url"), raw.url.as_ref(), report)?;
    let topic = topic(&join(path, "topic"), raw.topic.as_deref().unwrap_or(TOPIC), gateway, report);
    let client_id = format!("{}-{name}", gateway.id);
    let broker = wires::broker(name, path, &as_broker(raw), &client_id, ground, report)?;
    if let Some(known) =
        devices.iter().find(|known| known.endpoints.iter().any(|one| broker.endpoints.iter().any(|other| is_one(one, other))))
    {
        let message = format!("`{path}` is the broker of devices, `mqtt.{}`: the gateway publishes nothing there", known.name);
        let hint = "a platform has a broker of its own; what this one has to hand on, it can with a bridge";
        report.key(&join(path, "url"), Complaint::new(problem::CONFLICT, message).hint(hint));
    }
    Some(Platform {
        broker,
        topic: topic?,
        prescribed_id: raw.client_id.is_some(),
        format: match raw.format {
            raw::Format::Line => Format::Line,
            raw::Format::Json => Format::Json,
        },
        message_bytes_max: raw.message_bytes_max,
        timeout: Duration::from_millis(raw.timeout_ms),
    })
}

/// Whether two addresses are one broker, as far as their words tell.
fn is_one(one: &Endpoint, other: &Endpoint) -> bool {
    let both_here = is_local(&one.host) && is_local(&other.host);
    one.port == other.port && (both_here || one.host.eq_ignore_ascii_case(&other.host))
}

/// The settings that it has in common with a broker of devices.
fn as_broker(raw: &raw::Forward) -> raw::Mqtt {
    raw::Mqtt {
        url: raw.url.clone(),
        client_id: raw.client_id.clone(),
        username: raw.username.clone(),
        password_file: raw.password_file.clone(),
        ca_file: raw.ca_file.clone(),
        cert_file: raw.cert_file.clone(),
        key_file: raw.key_file.clone(),
        crl_file: None,
        keep_alive_s: raw.keep_alive_s,
        window: 1,
        retained: Retained::default(),
    }
}

/// The topic with the sender's names filled in.
fn topic(key: &str, text: &str, gateway: &Gateway, report: &mut Report) -> Option<String> {
    let filled = text.replace("{gateway}", &gateway.id).replace("{site}", &gateway.site).replace("{district}", &gateway.district);
    let bare = OF_LINE.iter().fold(filled.clone(), |text, name| text.replace(&format!("{{{name}}}"), "x"));
    let fault = if bare.contains(['{', '}']) {
        Some(("names something in braces that there is not", "{gateway} {site} {district} {measurement} {kind} {device}"))
    } else if bare.is_empty() || bare.contains(|char: char| matches!(char, '+' | '#') || char.is_control()) {
        Some(("is no topic to publish to", "names with / between them; + and # are for those who subscribe"))
    } else if filled.len() > UPLINK_TOPIC_BYTES_MAX / 2 {
        Some(("is too long", "half of 256 bytes, the other half is for what is filled in"))
    } else {
        None
    };
    if let Some((what, hint)) = fault {
        report.value(key, Complaint::new(problem::NOT_A_CHOICE, format!("`{key}` {what}")).hint(hint));
        return None;
    }
    Some(filled)
}
