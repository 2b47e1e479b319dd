//! A device as it is shown, with its newest values and its alarms. Pure.

use super::LinkKind;
use crate::alarm::{Active, Held};
use crate::completeness::Missing;
use facility_config::alarm::RuleKind;
use facility_config::{Device, Kind, Site, Source};
use facility_drivers::{Metric, Value};
use serde::Serialize;

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
    /// Air temperature above which a cabinet's alarm is raised, °C.
    pub alarm_c: Option<f64>,
    /// Heard within two intervals.
    pub online: bool,
    /// Not heard yet and not due either: the gateway has only just started.
    pub waiting: bool,
    /// When it was last heard, Unix ms.
    pub last_seen_ms: Option<i64>,
    /// Messages since start that are missing in the device's own count of them.
    pub lost_messages: u64,
    /// The newest interval in which nothing came from it; the one that lasts, if it is silent.
    pub missing: Option<MissingInfo>,
    /// Closed days of its figures that stay without what came late for them: the log no longer has all of their readings.
    pub unrevised_days: u64,
    /// Newest values.
    pub values: Vec<ValueInfo>,
    /// Rules with a raised alarm.
    pub alarms: Vec<&'static str>,
}

/// An interval without data, and why.
#[derive(Debug, Clone, Serialize)]
pub struct MissingInfo {
    /// Its start, Unix ms.
    pub from_ms: i64,
    /// Its end, Unix ms; null while it lasts.
    pub to_ms: Option<i64>,
    /// Word of the `reason` tag.
    pub reason: &'static str,
    /// The reason in words.
    pub en: &'static str,
    /// The same in Chinese.
    pub zh: &'static str,
}

impl From<Missing> for MissingInfo {
    fn from(Missing { from_ms, to_ms, reason }: Missing) -> Self {
        Self { from_ms, to_ms, reason: reason.as_str(), en: reason.en(), zh: reason.zh() }
    }
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
    /// Its lane, compartment, probe or phase; empty for the whole device.
    pub target: String,
    /// `warning`, `alarm` or `critical`.
    pub severity: &'static str,
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
    /// Somebody has said that he has seen it.
    pub acknowledged: bool,
    /// Why it is held back, if it is: `maintenance`, `shelved` or `link`.
    pub held: Option<&'static str>,
    /// The value that decided.
    pub value: Option<f64>,
    /// The limit it was held against.
    pub limit: Option<f64>,
}

impl DeviceInfo {
    /// A declared device nobody has heard yet; the caller adds what it knows.
    #[must_use]
    pub fn new(site: &Site, device: &Device) -> Self {
        let link = match &device.source {
            Source::Gateway => None,
            Source::Mqtt { broker, .. } => site.brokers.get(*broker).map(|broker| (LinkKind::Broker, broker.name.to_string())),
            Source::Bus { bus, .. } => site.buses.get(*bus).map(|bus| (LinkKind::Bus, bus.name.to_string())),
        };
        let (link_kind, link) = link.unzip();
        Self {
            id: device.id.to_string(),
            name: device.name.as_deref().map(str::to_owned),
            kind: device.kind.as_str(),
            zh: device.kind.zh(),
            profile: device.profile.as_ref().map(|profile| profile.title()),
            link_kind,
            link,
            interval_s: device.interval.as_secs_f64(),
            limit_c: device.cold.filter(|_| device.kind == Kind::Cabinet).map(|class| class.limit_c()),
            alarm_c: device
                .rules
                .iter()
                .find(|rule| matches!(rule.kind, RuleKind::FrozenHigh | RuleKind::ChilledHigh))
                .map(|rule| rule.limit),
            online: false,
            waiting: true,
            last_seen_ms: None,
            lost_messages: 0,
            missing: None,
            unrevised_days: 0,
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
        let (value, quality) = shown(value);
        Self { name: info.name, field: info.field, part: metric.part.to_string(), en: info.en, zh: info.zh, value, quality, at_ms }
    }
}

/// A value as JSON, null if there is none; and `good`, or why there is none.
pub(crate) fn shown(value: &Value) -> (serde_json::Value, &'static str) {
    match value {
        Value::Float(number) => (serde_json::Value::from(*number), "good"),
        Value::Int(number) => (serde_json::Value::from(*number), "good"),
        Value::Bool(yes) => (serde_json::Value::from(*yes), "good"),
        Value::Text(word) => (serde_json::Value::from(&**word), "good"),
        Value::Missing(quality) => (serde_json::Value::Null, quality.as_str()),
    }
}

impl ActiveAlarm {
    /// An alarm of a device that stands.
    #[must_use]
    pub fn new(device: &Device, alarm: &Active) -> Self {
        let info = alarm.rule.info();
        Self {
            device: device.id.to_string(),
            device_name: device.name.as_deref().map(str::to_owned),
            rule: info.name,
            target: alarm.part.to_string(),
            severity: info.severity.as_str(),
            en: info.en,
            zh: info.zh,
            unit: info.unit,
            since_ms: alarm.since_ms,
            raised: true,
            acknowledged: alarm.is_acknowledged,
            held: alarm.held.map(Held::as_str),
            value: alarm.value,
            limit: alarm.value.map(|_| alarm.limit),
        }
    }

    /// Whether its delay is over and it is not held back.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.raised && self.held.is_none()
    }
}
