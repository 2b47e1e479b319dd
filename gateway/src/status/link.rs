//! A connection as it is shown: never with a credential, whatever the configuration holds. Pure.

use facility_config::site::{self, Framing, Transport};
use facility_drivers::{Fault, Link, LinkState};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// What a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// An MQTT broker.
    Broker,
    /// A Modbus bus.
    Bus,
    /// The time-series database.
    Database,
}

/// One connection.
#[derive(Debug, Clone, Serialize)]
pub struct LinkInfo {
    /// To what.
    pub kind: LinkKind,
    /// Key in the configuration.
    pub name: String,
    /// Where, without credentials.
    pub address: String,
    /// What it is doing.
    #[serde(serialize_with = "link_state")]
    pub state: LinkState,
    /// Since when, Unix ms.
    pub since_ms: i64,
    /// Address it is up through, if that is not the first of those configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Last error, in words.
    pub error: Option<String>,
    /// Connections made since start.
    pub connects: u64,
    /// Faults since start, by reason.
    pub faults: BTreeMap<&'static str, u64>,
    /// Of a bus: share of the last minute in which a question was under way, %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy_pct: Option<f64>,
    /// Of a bus: devices that answer, but are polled much less often than they should be.
    #[serde(skip_serializing_if = "is_zero")]
    pub late_units: usize,
}

impl LinkInfo {
    /// A link as its driver sees it.
    #[must_use]
    pub fn new(kind: LinkKind, name: &str, address: String, link: &Link) -> Self {
        let counted = Fault::ALL.into_iter().map(|fault| (fault.label(), link.faults[fault as usize]));
        Self {
            kind,
            name: name.to_owned(),
            address,
            state: link.state,
            since_ms: link.since_ms,
            via: link.via.clone(),
            error: link.error.clone(),
            connects: link.connects,
            faults: counted.filter(|(_, n)| *n > 0).collect(),
            busy_pct: link.load.map(|load| (load.busy * 1000.0).round() / 10.0),
            late_units: link.load.map_or(0, |load| load.late_units),
        }
    }

    /// A broker's link.
    #[must_use]
    pub fn broker(broker: &site::Broker, link: &Link) -> Self {
        let address = broker.endpoints.first().map(ToString::to_string).unwrap_or_default();
        Self::new(LinkKind::Broker, &broker.name, address, link)
    }

    /// A bus's link.
    #[must_use]
    pub fn bus(bus: &site::Bus, link: &Link) -> Self {
        let address = match &bus.transport {
            Transport::Dial { address, .. } => format!("{}://{}", scheme(bus.framing), host_port(&address.host, address.port)),
            Transport::Listen { address, .. } => format!("{}://{address} (listens)", scheme(bus.framing)),
            Transport::Serial(line) => format!("{} {} Bd", line.path.display(), line.baud),
        };
        Self::new(LinkKind::Bus, &bus.name, address, link)
    }

    /// A destination's link.
    #[must_use]
    pub fn database(forward: &site::Forward, link: &Link) -> Self {
        Self::new(LinkKind::Database, &forward.name, without_credentials(&forward.address()), link)
    }

    /// Whether it works.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state == LinkState::Up
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn scheme(framing: Framing) -> &'static str {
    match framing {
        Framing::Tcp => "tcp",
        Framing::Rtu => "rtu+tcp",
        Framing::Ascii => "ascii+tcp",
    }
}

/// Word for a link's state, as in the JSON.
#[must_use]
pub fn link_state_name(state: LinkState) -> &'static str {
    match state {
        LinkState::Connecting => "connecting",
        LinkState::Up => "up",
        LinkState::Denied => "denied",
        LinkState::Stopped => "stopped",
    }
}

fn link_state<S: Serializer>(state: &LinkState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(link_state_name(*state))
}

pub(super) fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A base address without user, password, query and fragment: only scheme, host, port and path are shown.
pub(super) fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.rsplit('@').next().unwrap_or_default().to_owned();
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let slash = if path.is_empty() { "" } else { "/" };
    format!("{scheme}://{host}{slash}{path}")
}
