//! The whole list, from a checked configuration. Pure.

use super::fields::{Field, Outlet, Rows, from};
use crate::app::stores::tags_of;
use facility_config::profile::{Dialect, Message};
use facility_config::site::{Forward, Target, Transport, Wire, WriteApi};
use facility_config::{Device, DeviceIx, Profile, Site};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything a configuration can store or send.
#[derive(Debug, Serialize)]
pub(super) struct Audit {
    pub(super) gateway: String,
    pub(super) store: String,
    pub(super) databases: Vec<Database>,
    /// Whom else the gateway talks to, and what about.
    pub(super) contacts: Vec<Contact>,
    pub(super) models: Vec<Model>,
}

/// Where fields are sent.
#[derive(Debug, Serialize)]
pub(super) struct Database {
    pub(super) name: String,
    pub(super) url: String,
    /// `org O, bucket B`, or `db D`.
    pub(super) into: String,
    /// Figures.
    pub(super) metrics: bool,
    /// Alarms and events.
    pub(super) events: bool,
    /// Readings, or some of them.
    pub(super) raw: bool,
    /// Of readings only these measurements and kinds of devices; all, if there are none.
    pub(super) only: Vec<&'static str>,
}

/// Somebody at the other end of a wire.
#[derive(Debug, Serialize)]
pub(super) struct Contact {
    pub(super) what: &'static str,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) does: &'static str,
}

/// Devices of one model.
#[derive(Debug, Serialize)]
pub(super) struct Model {
    pub(super) profile: String,
    pub(super) title: String,
    pub(super) kind: &'static str,
    pub(super) zh: &'static str,
    pub(super) devices: Vec<String>,
    /// Tags of the first of them; the others have the same keys.
    pub(super) tags: String,
    pub(super) fields: Vec<Field>,
    /// Read, used at once, and not kept as it is.
    pub(super) used: Vec<Used>,
    /// Named by the model so that nobody asks, and dropped.
    pub(super) ignored: Vec<Place>,
}

/// A place of a payload.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Place {
    pub(super) from: String,
    pub(super) place: String,
}

/// A place that is read and not kept.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Used {
    pub(super) from: String,
    pub(super) place: String,
    pub(super) use_en: &'static str,
    pub(super) use_zh: &'static str,
}

impl Audit {
    pub(super) fn of(site: &Site) -> Self {
        let outlet = match &site.forward[..] {
            [] => Outlet::Nothing,
            all if all.iter().any(|forward| forward.raw.is_some()) => Outlet::Readings,
            _ => Outlet::Figures,
        };
        let mut models = gateway_itself(site, outlet).map_or_else(Vec::new, |gateway| vec![gateway]);
        let mut by_profile: BTreeMap<&str, (&Profile, Vec<&Device>)> = BTreeMap::new();
        for device in &site.devices {
            if let Some(profile) = device.profile.as_deref() {
                by_profile.entry(&profile.id).or_insert_with(|| (profile, Vec::new())).1.push(device);
            }
        }
        models.extend(by_profile.into_values().map(|(profile, devices)| model(site, outlet, profile, &devices)));
        Self {
            gateway: site.gateway.id.to_string(),
            store: site.store.dir.display().to_string(),
            databases: site.forward.iter().map(database).collect(),
            contacts: contacts(site),
            models,
        }
    }
}

fn database(forward: &Forward) -> Database {
    let into = match &forward.target {
        Target::Database(database) => match &database.api {
            WriteApi::Influx2 { org, bucket } => format!("org {org}, bucket {bucket}"),
            WriteApi::Influx1 { db, .. } => format!("db {db}"),
        },
        Target::Platform(platform) => format!("topic {}", platform.topic),
        Target::Files(_) => "files".to_owned(),
    };
    Database {
        name: forward.name.to_string(),
        url: forward.address(),
        into,
        metrics: forward.metrics,
        events: forward.events,
        raw: forward.raw.is_some(),
        only: forward.raw.as_ref().map_or_else(Vec::new, |only| {
            let measurements = only.measurements.iter().map(|measurement| measurement.info().name);
            measurements.chain(only.kinds.iter().map(|kind| kind.as_str())).collect()
        }),
    }
}

fn gateway_itself(site: &Site, outlet: Outlet) -> Option<Model> {
    let device = site.device(DeviceIx::GATEWAY)?;
    let mut rows = Rows::new(device.kind, outlet);
    rows.add_gateway(device);
    Some(Model {
        profile: "-".to_owned(),
        title: "the gateway itself".to_owned(),
        kind: device.kind.as_str(),
        zh: device.kind.zh(),
        devices: vec![device.id.to_string()],
        tags: tags_of(site, device),
        fields: rows.fields,
        used: Vec::new(),
        ignored: Vec::new(),
    })
}

fn model(site: &Site, outlet: Outlet, profile: &Profile, devices: &[&Device]) -> Model {
    let mut rows = Rows::new(profile.kind, outlet);
    rows.add_model(profile, devices);
    let (mut used, mut ignored) = (Vec::new(), Vec::new());
    if let Dialect::Mqtt(map) = &profile.dialect {
        for message in &map.messages {
            used.extend(used_of(message));
            ignored.extend(message.ignored.iter().map(|place| Place { from: from(message), place: place.to_string() }));
        }
    }
    Model {
        profile: profile.id.to_string(),
        title: profile.title(),
        kind: profile.kind.as_str(),
        zh: profile.kind.zh(),
        devices: devices.iter().map(|device| device.id.to_string()).collect(),
        tags: devices.first().map_or_else(String::new, |device| tags_of(site, device)),
        fields: rows.fields,
        used,
        ignored,
    }
}

fn used_of(message: &Message) -> Vec<Used> {
    let Message { device, time, id, key, seq, parcel, part, quality, .. } = message;
    let single = [
        (device, "device's name: finds the declared device, is not kept", "设备名：仅用于查找已登记设备"),
        (time, "time: becomes the time stamp", "时间：作为时间戳"),
        (id, "device's id: must be the declared one, is not kept", "设备编号：仅作核对"),
        (seq, "message number: counts lost messages, is not kept", "消息序号：仅用于统计丢失"),
        (key, "event's own id: a hash of 32 bits stays here", "事件编号：仅在本机保留 32 位哈希"),
        (
            parcel,
            "parcel: a keyed hash in memory only, at most 5 days, links a pick-up to its deposit",
            "包裹：仅在内存中保留带密钥哈希，最长五天",
        ),
        (quality, "quality of other fields", "数据质量"),
    ];
    let part = part.as_ref().filter(|part| part.place.starts_with(['/', '{'])).map(|part| &part.place);
    let part = part.map(|place| (&**place, "name of the part, or type of the event: becomes a tag", "部件名或事件类型：作为标签"));
    let when = message.when.iter().map(|when| (&*when.place, "tells which message it is, is not kept", "区分消息，不保留"));
    let single = single.into_iter().filter_map(|(place, en, zh)| Some((place.as_deref()?, en, zh)));
    let used = single.chain(part).chain(when);
    used.map(|(place, use_en, use_zh)| Used { from: from(message), place: place.to_owned(), use_en, use_zh }).collect()
}

fn contacts(site: &Site) -> Vec<Contact> {
    let mut contacts = Vec::new();
    for broker in &site.brokers {
        for endpoint in &broker.endpoints {
            let does = match endpoint.wire {
                Wire::Tls | Wire::WebsocketTls => "listens, encrypted; publishes nothing",
                Wire::Tcp | Wire::Websocket => "listens, NOT encrypted; publishes nothing",
            };
            contacts.push(Contact { what: "broker", name: broker.name.to_string(), address: endpoint.to_string(), does });
        }
    }
    for bus in &site.buses {
        let (addresses, does) = match &bus.transport {
            Transport::Dial { address, backup } => {
                let all = std::iter::once(address).chain(backup).map(|at| format!("{}:{}", at.host, at.port));
                (all.collect(), "asks; writes nothing")
            }
            Transport::Listen { address, .. } => (vec![address.to_string()], "is dialled in to, asks; writes nothing"),
            Transport::Serial(line) => (vec![line.path.display().to_string()], "asks; writes nothing"),
        };
        let add = |address| contacts.push(Contact { what: "bus", name: bus.name.to_string(), address, does });
        addresses.into_iter().for_each(add);
    }
    if let Some(listen) = site.api.listen {
        contacts.push(Contact {
            what: "page",
            name: String::new(),
            address: listen.to_string(),
            does: "shows everything stored and what messages become, to this machine only",
        });
    }
    contacts.push(Contact {
        what: "log",
        name: String::new(),
        address: "journal or standard error".to_owned(),
        does: "tells names, addresses, reasons and counts; never what is in a message",
    });
    contacts
}
