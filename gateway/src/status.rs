//! What the gateway shows of itself: one plain snapshot, published about once a second.
//!
//! The app fills it from what the parts already publish; the API, the page and `/metrics` only read it. It holds no
//! credential, no payload and no field a profile did not allow. Bounded by the site: one entry per declared device,
//! link, store, known part and active alarm.

mod rates;

pub use rates::{Rate, Rates, Totals};

use crate::health::{self, Condition};
use crate::ledger::{Account, Books};
use crate::telemetry::{Delivery, Intake};
use facility_config::alarm::RuleKind;
use facility_config::limits::{WAL_SEGMENT_BYTES, WAL_SEGMENTS};
use facility_config::site::{self, Transport};
use facility_config::{Device, Kind, Site, Source};
use facility_drivers::clock::Clock;
use facility_drivers::link::{Link, LinkState};
use facility_drivers::{Fault, Metric, Value};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Bytes of a point in a sealed block are known once this much is on flash; before that [`POINT_BYTES_UNKNOWN`] is
/// assumed.
const SAMPLE_BYTES_MIN: u64 = 1024 * 1024;
/// Bytes of a point as rows, before blocks compress it to one or two (BUFFER §6): the careful guess.
const POINT_BYTES_UNKNOWN: f64 = 5.0;
/// No forecast before this long: metrics come in bursts every five minutes.
const FORECAST_UPTIME_S_MIN: u64 = 900;

/// The snapshot.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Who, where, since when.
    pub gateway: GatewayInfo,
    /// How fast.
    pub rates: Rate,
    /// The account: messages, readings, metrics.
    pub accounts: [Account; 3],
    /// Times taken from the gateway because the device's clock was wrong, by reason; the readings were kept.
    pub corrected: BTreeMap<&'static str, u64>,
    /// The sending side; `None` if no database is configured.
    pub forward: Option<ForwardInfo>,
    /// Logs on flash.
    pub stores: Vec<StoreInfo>,
    /// Brokers, buses and the database.
    pub links: Vec<LinkInfo>,
    /// Devices, by id, without the gateway itself.
    pub devices: Vec<DeviceInfo>,
    /// Alarms that are raised or on their way to it.
    pub alarms: Vec<ActiveAlarm>,
    /// What is wrong with the gateway and its connections, worst first; see [`Status::judged`].
    pub conditions: Vec<Condition>,
}

/// Who and where the gateway is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GatewayInfo {
    /// `gw_id`.
    pub id: String,
    /// `site_id`.
    pub site: String,
    /// GB/T 2260 code or `FZ-GX`.
    pub district: String,
    /// Its Chinese name; empty if the code is not one of Fuzhou's.
    pub district_name: &'static str,
    /// 社区.
    pub community: Option<String>,
    /// Version of this program.
    pub version: &'static str,
    /// Start of the process, Unix ms, by today's clock.
    pub started_ms: i64,
    /// When the snapshot was taken, Unix ms.
    pub now_ms: i64,
    /// The same on the clock that never steps; the API tells the snapshot's age by it.
    pub mono_ms: i64,
    /// Seconds since start.
    pub uptime_s: u64,
    /// Whether `now_ms` can be believed.
    pub clock_set: bool,
}

/// What the forwarder did, since start.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ForwardInfo {
    /// Write requests sent.
    pub requests: u64,
    /// Requests that had to be repeated.
    pub retries: u64,
    /// Lines the database took.
    pub lines: u64,
    /// Points the database took.
    pub points: u64,
    /// Points it refused for good.
    pub dead_lettered: u64,
    /// Bytes of request bodies, compressed.
    pub wire_bytes: u64,
}

/// One log on flash.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StoreInfo {
    /// `readings` or `outbox`.
    pub name: &'static str,
    /// Points since the log was created.
    pub end: u64,
    /// Oldest point still held.
    pub start: u64,
    /// Points in memory, not on flash yet.
    pub pending: u64,
    /// Durable points not delivered yet.
    pub backlog: u64,
    /// About how much of the budget the backlog takes, bytes.
    pub backlog_bytes: u64,
    /// Byte budget.
    pub bytes_max: u64,
    /// Bytes on disk.
    pub bytes_on_disk: u64,
    /// Bytes written since start.
    pub bytes_written: u64,
    /// Group commits since start.
    pub commits: u64,
    /// Points deleted unread by the byte budget, since the log was created.
    pub evicted: u64,
    /// Those of this run.
    pub evicted_since_start: u64,
    /// Points lost to damage found at open.
    pub damaged: u64,
    /// Why nothing can be written.
    pub fault: Option<String>,
    /// How long the backlog may go on growing at the mean rate since start before the oldest points are deleted,
    /// seconds; `None` while there is no rate to go by.
    pub room_s: Option<u64>,
}

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
    /// Key in the configuration; `database` for the database.
    pub name: String,
    /// Where, without credentials.
    pub address: String,
    /// What it is doing.
    #[serde(serialize_with = "link_state")]
    pub state: LinkState,
    /// Since when, Unix ms.
    pub since_ms: i64,
    /// Last error, in words.
    pub error: Option<String>,
    /// Connections made since start.
    pub connects: u64,
    /// Faults since start, by reason.
    pub faults: BTreeMap<&'static str, u64>,
}

/// One device.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceInfo {
    /// `device_id`.
    pub id: String,
    /// Name for people.
    pub name: Option<String>,
    /// `locker`, `cabinet`, `vending` or `meter`.
    pub kind: &'static str,
    /// Chinese name of the kind.
    pub zh: &'static str,
    /// Maker and model.
    pub profile: Option<String>,
    /// Kind of the link it is reached by; `None` for the gateway.
    pub link_kind: Option<LinkKind>,
    /// Name of that link.
    pub link: Option<String>,
    /// Expected time between two readings, seconds.
    pub interval_s: f64,
    /// Upper air-temperature limit of a cabinet's class, °C.
    pub limit_c: Option<f64>,
    /// Heard within two intervals.
    pub online: bool,
    /// Not heard yet and not due either: the gateway has only just started.
    pub waiting: bool,
    /// When it was last heard, Unix ms.
    pub last_seen_ms: Option<i64>,
    /// Newest values.
    pub values: Vec<ValueInfo>,
    /// Rules with a raised alarm.
    pub alarms: Vec<&'static str>,
}

/// The newest value of one metric.
#[derive(Debug, Clone, Serialize)]
pub struct ValueInfo {
    /// `measurement.field`; the field ends in its unit where it has one.
    pub name: &'static str,
    /// Field alone.
    pub field: &'static str,
    /// Part of the device; empty for the whole.
    pub part: String,
    /// Meaning.
    pub en: &'static str,
    /// Meaning in Chinese.
    pub zh: &'static str,
    /// The value; null unless `quality` is `good`.
    pub value: serde_json::Value,
    /// `good`, or why there is no value.
    pub quality: &'static str,
    /// Time of the value, Unix ms.
    pub at_ms: i64,
}

/// One alarm.
#[derive(Debug, Clone, Serialize)]
pub struct ActiveAlarm {
    /// `device_id`.
    pub device: String,
    /// Its name for people.
    pub device_name: Option<String>,
    /// Name of the rule.
    pub rule: &'static str,
    /// The rule in words.
    pub en: &'static str,
    /// The rule in Chinese.
    pub zh: &'static str,
    /// Unit of `value` and `limit`; empty if they have none.
    pub unit: &'static str,
    /// Since when the condition holds, Unix ms.
    pub since_ms: i64,
    /// False while its delay is still running.
    pub raised: bool,
    /// The value that decided.
    pub value: Option<f64>,
    /// The limit it was held against.
    pub limit: Option<f64>,
}

impl Status {
    /// A gateway that has not looked around yet.
    #[must_use]
    pub fn starting(gateway: GatewayInfo) -> Self {
        let empty = Books::default();
        Self {
            gateway,
            rates: Rate::default(),
            accounts: crate::ledger::accounts(&Intake::default(), &empty, &empty),
            corrected: BTreeMap::new(),
            forward: None,
            stores: Vec::new(),
            links: Vec::new(),
            devices: Vec::new(),
            alarms: Vec::new(),
            conditions: Vec::new(),
        }
    }

    /// The same with `conditions` filled in; the last thing to do before publishing.
    #[must_use]
    pub fn judged(mut self) -> Self {
        self.conditions = health::conditions(&self);
        self
    }

    /// A device by its id.
    #[must_use]
    pub fn device(&self, id: &str) -> Option<&DeviceInfo> {
        self.devices.iter().find(|device| device.id == id)
    }

    /// Alarms whose delay is over.
    pub fn raised(&self) -> impl Iterator<Item = &ActiveAlarm> {
        self.alarms.iter().filter(|alarm| alarm.raised)
    }
}

impl GatewayInfo {
    /// This gateway at this moment.
    #[must_use]
    pub fn new(gateway: &site::Gateway, clock: &Clock) -> Self {
        let (now_ms, mono_ms) = (clock.now_ms(), clock.mono_ms());
        Self {
            id: gateway.id.to_string(),
            site: gateway.site.to_string(),
            district: gateway.district.to_string(),
            district_name: facility_config::place::district_name(&gateway.district).unwrap_or_default(),
            community: gateway.community.as_deref().map(str::to_owned),
            version: env!("CARGO_PKG_VERSION"),
            started_ms: now_ms.saturating_sub(mono_ms),
            now_ms,
            mono_ms,
            uptime_s: u64::try_from(mono_ms / 1000).unwrap_or(0),
            clock_set: clock.is_set(),
        }
    }
}

impl ForwardInfo {
    /// The forwarder's counters now.
    #[must_use]
    pub fn of(delivery: &Delivery) -> Self {
        Self {
            requests: delivery.requests.get(),
            retries: delivery.retries.get(),
            lines: delivery.lines.get(),
            points: delivery.points.get(),
            dead_lettered: delivery.dead_lettered.get(),
            wire_bytes: delivery.wire_bytes.get(),
        }
    }
}

impl StoreInfo {
    /// A log, from the same books as its account.
    #[must_use]
    pub fn new(name: &'static str, bytes_max: u64, books: &Books, uptime_s: u64) -> Self {
        let durable = &books.durable;
        let backlog = books.waiting();
        let ring = (WAL_SEGMENT_BYTES * WAL_SEGMENTS) as u64;
        let sealed = durable.bytes_on_disk.saturating_sub(ring);
        let held = durable.end.saturating_sub(durable.start);
        let point_bytes = if sealed >= SAMPLE_BYTES_MIN && held > 0 { sealed as f64 / held as f64 } else { POINT_BYTES_UNKNOWN };
        let backlog_bytes = (backlog as f64 * point_bytes) as u64;
        let appended = durable.end.saturating_sub(books.at_start.end);
        let bytes_per_s = appended as f64 * point_bytes / uptime_s.max(1) as f64;
        let room = bytes_max.saturating_sub(ring).saturating_sub(backlog_bytes) as f64;
        let foreseeable = uptime_s >= FORECAST_UPTIME_S_MIN && appended > 0;
        Self {
            name,
            end: durable.end,
            start: durable.start,
            pending: durable.pending,
            backlog,
            backlog_bytes,
            bytes_max,
            bytes_on_disk: durable.bytes_on_disk,
            bytes_written: durable.bytes_written,
            commits: durable.commits,
            evicted: durable.evicted,
            evicted_since_start: durable.evicted.saturating_sub(books.at_start.evicted),
            damaged: durable.damaged,
            fault: durable.fault.clone(),
            room_s: foreseeable.then(|| (room / bytes_per_s) as u64),
        }
    }
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
            error: link.error.clone(),
            connects: link.connects,
            faults: counted.filter(|(_, n)| *n > 0).collect(),
        }
    }

    /// A broker's link.
    #[must_use]
    pub fn broker(broker: &site::Broker, link: &Link) -> Self {
        let scheme = if broker.tls.is_some() { "mqtts" } else { "mqtt" };
        Self::new(LinkKind::Broker, &broker.name, format!("{scheme}://{}", host_port(&broker.host, broker.port)), link)
    }

    /// A bus's link.
    #[must_use]
    pub fn bus(bus: &site::Bus, link: &Link) -> Self {
        let address = match &bus.transport {
            Transport::Tcp { host, port } => format!("tcp://{}", host_port(host, *port)),
            Transport::RtuOverTcp { host, port } => format!("rtu+tcp://{}", host_port(host, *port)),
            Transport::Rtu { path, baud, .. } => format!("{} {baud} Bd", path.display()),
        };
        Self::new(LinkKind::Bus, &bus.name, address, link)
    }

    /// The database's link.
    #[must_use]
    pub fn database(forward: &site::Forward, link: &Link) -> Self {
        Self::new(LinkKind::Database, "database", without_credentials(&forward.url), link)
    }

    /// Whether it works.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state == LinkState::Up
    }
}

impl DeviceInfo {
    /// A declared device nobody has heard yet; the caller adds what it knows.
    #[must_use]
    pub fn new(site: &Site, device: &Device) -> Self {
        let link = match &device.source {
            Source::Gateway => None,
            Source::Mqtt { broker, .. } => site.brokers.get(*broker).map(|broker| (LinkKind::Broker, broker.name.to_string())),
            Source::Modbus { bus, .. } => site.buses.get(*bus).map(|bus| (LinkKind::Bus, bus.name.to_string())),
        };
        let (link_kind, link) = link.unzip();
        Self {
            id: device.id.to_string(),
            name: device.name.as_deref().map(str::to_owned),
            kind: device.kind.as_str(),
            zh: device.kind.zh(),
            profile: device.profile.as_ref().map(|profile| profile.title.to_string()),
            link_kind,
            link,
            interval_s: device.interval.as_secs_f64(),
            limit_c: device.cold.filter(|_| device.kind == Kind::Cabinet).map(|class| class.limit_c()),
            online: false,
            waiting: true,
            last_seen_ms: None,
            values: Vec::new(),
            alarms: Vec::new(),
        }
    }

    /// The same with what was heard: `online` as the pipeline judges it, at `uptime_s` of the gateway.
    #[must_use]
    pub fn heard(mut self, online: bool, last_seen_ms: Option<i64>, uptime_s: u64) -> Self {
        self.online = online;
        self.last_seen_ms = last_seen_ms;
        self.waiting = !online && last_seen_ms.is_none() && (uptime_s as f64) < 3.0 * self.interval_s;
        self
    }

    /// Due and not heard.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        !self.online && !self.waiting
    }
}

impl ValueInfo {
    /// A value of a metric at `at_ms`.
    #[must_use]
    pub fn new(metric: Metric, value: &Value, at_ms: i64) -> Self {
        let info = metric.point.info();
        let (value, quality) = match value {
            Value::Float(number) => (serde_json::Value::from(*number), "good"),
            Value::Int(number) => (serde_json::Value::from(*number), "good"),
            Value::Bool(yes) => (serde_json::Value::from(*yes), "good"),
            Value::Text(word) => (serde_json::Value::from(&**word), "good"),
            Value::Missing(quality) => (serde_json::Value::Null, quality.as_str()),
        };
        Self { name: info.name, field: info.field, part: metric.part.to_string(), en: info.en, zh: info.zh, value, quality, at_ms }
    }
}

impl ActiveAlarm {
    /// An alarm of a device whose condition holds since `since_ms`.
    #[must_use]
    pub fn new(device: &Device, rule: RuleKind, since_ms: i64, raised: bool, value: Option<f64>, limit: Option<f64>) -> Self {
        let (en, unit) = match rule {
            RuleKind::FrozenHigh => ("Frozen cabinet too warm", "°C"),
            RuleKind::ChilledHigh => ("Chilled cabinet too warm", "°C"),
            RuleKind::DoorOpen => ("Door standing open", ""),
            RuleKind::CommLoss => ("Nothing heard from the device", ""),
        };
        Self {
            device: device.id.to_string(),
            device_name: device.name.as_deref().map(str::to_owned),
            rule: rule.as_str(),
            en,
            zh: rule.zh(),
            unit,
            since_ms,
            raised,
            value,
            limit,
        }
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

fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A base address without user, password, query and fragment: only scheme, host, port and path are shown.
fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.rsplit('@').next().unwrap_or_default().to_owned();
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let slash = if path.is_empty() { "" } else { "/" };
    format!("{scheme}://{host}{slash}{path}")
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
