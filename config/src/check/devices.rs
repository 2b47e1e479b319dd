//! Devices: profile, way, interval, cold-chain class, rules; and that no two answer to one name.

use super::id_fault;
use super::ingest::{ingest, keys_of_a_broker, topic_id};
use super::measures;
use crate::alarm::{Rule, RuleKind, Suits};
use crate::device::{Calibration, ColdClass, Device, Ingest, Kind, Polling, Source};
use crate::keys::nearest;
use crate::limits::DEVICES_MAX;
use crate::problem;
use crate::profile::{Dialect, Polarity, Profile};
use crate::profiles::Known;
use crate::raw::{self, Raw, TransportKind};
use crate::report::{Complaint, Report, join};
use crate::rules;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How often the gateway tells its own figures.
const GATEWAY_INTERVAL: Duration = Duration::from_secs(60);

/// The gateway, then the devices by id; those with problems are left out.
pub(super) fn devices(raw: &Raw, known: &Known, report: &mut Report) -> Vec<Device> {
    let gateway_id = raw.gateway.id.as_deref().unwrap_or_default();
    let mut devices = vec![gateway(gateway_id, &raw.alarm)];
    let mut taken: BTreeMap<(Source, Box<str>), &str> = BTreeMap::new();
    for (id, raw_device) in &raw.device {
        let path = join("device", id);
        if let Some(fault) = id_fault(id) {
            report.key(&path, fault);
        }
        if id == gateway_id {
            let message = format!("`{id}` is the gateway's own id");
            report.key(&path, Complaint::new(problem::DUPLICATE, message).hint("give the device another id"));
        }
        let Some(device) = device(id, &path, raw_device, raw, known, report) else { continue };
        if let Some(other) = taken.insert((device.source.clone(), language(&device)), id) {
            report.key(&source_key(&path, raw_device, &device.source), same_source(other, &device.source));
        }
        devices.push(device);
    }
    check_groups(&raw.alarm, known, report);
    warn_unused(raw, report);
    if raw.device.len() > DEVICES_MAX {
        let message = format!("{} devices are declared; one gateway serves {DEVICES_MAX}", raw.device.len());
        report.key("device", Complaint::new(problem::TOO_MANY, message).hint("put the others on a second gateway"));
    }
    devices
}

fn gateway(id: &str, alarm: &raw::Alarm) -> Device {
    let subject = rules::Subject { kind: Kind::Gateway, cold: None, profile: "", is_polled: false };
    Device {
        id: id.into(),
        name: None,
        kind: Kind::Gateway,
        profile: None,
        source: Source::Gateway,
        interval: GATEWAY_INTERVAL,
        polling: Polling::default(),
        ingest: Ingest::default(),
        cold: None,
        calibration: Calibration::default(),
        keep: measures::KEEP_DEFAULT,
        net_volume_l: None,
        rules: rules::in_force(subject, alarm, &raw::Rules::default()),
    }
}

fn device(id: &str, path: &str, raw: &raw::Device, site: &Raw, known: &Known, report: &mut Report) -> Option<Device> {
    let profile = profile(path, raw, known, report);
    let source = source(id, path, raw, profile.as_deref(), site, report);
    let profile = profile?;
    let cold = cold(path, raw, profile.kind, report);
    let calibration = measures::calibration(path, raw, report);
    check_overrides(path, profile.kind, cold, report);
    let subject = rules::Subject { kind: profile.kind, cold, profile: &profile.id, is_polled: matches!(source, Some(Source::Bus { .. })) };
    let rules = rules::in_force(subject, &site.alarm, &raw.alarm);
    check_limits(path, subject, &rules, report);
    let polling = polling(path, raw, profile.as_ref(), report);
    let ingest = ingest(path, raw, report);
    Some(Device {
        id: id.into(),
        name: raw.name.as_deref().map(Box::from),
        kind: profile.kind,
        source: source?,
        interval: raw.interval_s.map_or(profile.interval, Duration::from_secs),
        polling,
        ingest,
        cold,
        calibration,
        keep: measures::keep(path, raw, profile.kind, report),
        net_volume_l: measures::net_volume_l(path, raw, profile.kind, report),
        rules,
        profile: Some(profile),
    })
}

fn profile(path: &str, raw: &raw::Device, known: &Known, report: &mut Report) -> Option<Arc<Profile>> {
    let id = raw.profile.as_deref()?;
    let profile = known.get(id);
    // What is wrong with a profile of the site's own is told where it stands.
    if profile.is_none() && !known.is_faulty(id) {
        report.value(&join(path, "profile"), no_such("profile", id, known.ids()));
    }
    profile
}

fn source(id: &str, path: &str, raw: &raw::Device, profile: Option<&Profile>, site: &Raw, report: &mut Report) -> Option<Source> {
    let at = |key: &str| join(path, key);
    let speaks_json = profile.map(|profile| matches!(profile.dialect, Dialect::Mqtt(_)));
    match (&raw.mqtt, &raw.bus) {
        (Some(_), Some(_)) => {
            let message = format!("`{path}` has both `mqtt` and `bus`");
            report.key(&at("bus"), Complaint::new(problem::CONFLICT, message).hint("a device is reached in one way; remove the other"));
            None
        }
        (None, None) => {
            if !report.is_bad(&at("mqtt")) && !report.is_bad(&at("bus")) {
                let message = format!("`{path}` says neither `mqtt` nor `bus`");
                let hint = match speaks_json {
                    Some(false) => "its profile speaks on a bus: name a bus and a unit",
                    Some(true) => "its profile speaks MQTT: name a broker",
                    None => "name a broker (`mqtt`), or a bus and a unit (`bus`, `unit`)",
                };
                report.key(path, Complaint::new(problem::MISSING, message).hint(hint));
            }
            None
        }
        (Some(broker), None) => {
            wrong_dialect(&at("mqtt"), speaks_json == Some(false), "on a bus", "`bus` and `unit`", report);
            for (key, given) in keys_of_a_bus(raw) {
                foreign(&at(key), given, "on a bus", report);
            }
            let broker = index(&at("mqtt"), "mqtt", "broker", broker, &site.mqtt, report);
            let topic_id = topic_id(id, &at("topic_id"), raw, profile, report);
            Some(Source::Mqtt { broker: broker?, topic_id: topic_id? })
        }
        (None, Some(bus)) => {
            wrong_dialect(&at("bus"), speaks_json == Some(true), "MQTT", "`mqtt`", report);
            for (key, given) in keys_of_a_broker(raw) {
                foreign(&at(key), given, "on a broker", report);
            }
            if raw.unit.is_none() && !report.is_bad(&at("unit")) {
                let message = format!("`{}` is missing", at("unit"));
                report.key(&at("unit"), Complaint::new(problem::MISSING, message).hint("the device's Modbus unit id, 1 to 247"));
            }
            let index = index(&at("bus"), "bus", "bus", bus, &site.bus, report);
            let unit = unit(&at("unit"), raw.unit?, profile, site.bus.get(bus), report);
            Some(Source::Bus { bus: index?, unit: unit? })
        }
    }
}

/// The unit id, if this bus and this model can have it.
fn unit(key: &str, unit: u8, profile: Option<&Profile>, bus: Option<&raw::Bus>, report: &mut Report) -> Option<u8> {
    let tcp = bus.is_some_and(|bus| bus.transport == Some(TransportKind::Tcp));
    let units = match profile.map(|profile| &profile.dialect) {
        Some(Dialect::Frame(map)) => map.units.clone(),
        _ if tcp => 0..=255,
        _ => 1..=247,
    };
    if let (Some(Dialect::Frame(_)), true) = (profile.map(|profile| &profile.dialect), tcp) {
        let message = format!("`{key}`: a board with frames of its own cannot be behind Modbus TCP");
        report.key(
            key,
            Complaint::new(problem::CONFLICT, message)
                .hint("use transport = \"rtu\" or \"rtu_over_tcp\": the bytes go through as they are"),
        );
        return None;
    }
    if !units.contains(&unit) {
        let message = format!("`{key}` must be {} to {} here, not {unit}", units.start(), units.end());
        report.value(
            key,
            Complaint::new(problem::OUT_OF_RANGE, message)
                .hint("0 and 248 to 255 are answered by some devices behind transport = \"tcp\" only"),
        );
        return None;
    }
    Some(unit)
}

fn keys_of_a_bus(raw: &raw::Device) -> [(&'static str, bool); 10] {
    [
        ("unit", raw.unit.is_some()),
        ("slow_interval_s", raw.slow_interval_s.is_some()),
        ("timeout_ms", raw.timeout_ms.is_some()),
        ("retries", raw.retries.is_some()),
        ("retries_damaged", raw.retries_damaged.is_some()),
        ("retries_busy", raw.retries_busy.is_some()),
        ("offline_after", raw.offline_after.is_some()),
        ("offline_max_s", raw.offline_max_s.is_some()),
        ("door_open_is", raw.door_open_is.is_some()),
        ("channels", raw.channels.is_some()),
    ]
}

fn polling(path: &str, raw: &raw::Device, profile: &Profile, report: &mut Report) -> Polling {
    let doors = doors_of(profile);
    if doors == 0 {
        foreign(&join(path, "door_open_is"), raw.door_open_is.is_some(), "for a lock board", report);
        foreign(&join(path, "channels"), raw.channels.is_some(), "for a lock board", report);
    } else if raw.door_open_is.is_none() && raw.bus.is_some() {
        let message = format!("`{path}`: nobody has said what an open door looks like to this board: its doors are not reported");
        let hint = "open one door, look at `modbus read`, then set door_open_is = \"set\" or \"clear\"";
        report.key(path, Complaint::new(problem::NO_DOOR_POLARITY, message).hint(hint));
    }
    if raw.channels.is_some_and(|channels| doors > 0 && channels > doors) {
        let message = format!("`{}`: this board has {doors} channels", join(path, "channels"));
        report.value(&join(path, "channels"), Complaint::new(problem::OUT_OF_RANGE, message).hint("count the locks that are connected"));
    }
    let usual = Polling::default();
    Polling {
        timeout: raw.timeout_ms.map(Duration::from_millis),
        slow: raw.slow_interval_s.map(Duration::from_secs),
        retries: raw.retries.unwrap_or(usual.retries),
        retries_damaged: raw.retries_damaged.unwrap_or(usual.retries_damaged),
        retries_busy: raw.retries_busy.unwrap_or(usual.retries_busy),
        offline_after: raw.offline_after.unwrap_or(usual.offline_after),
        offline_max: raw.offline_max_s.map_or(usual.offline_max, Duration::from_secs),
        door_open_is_set: raw.door_open_is.map(|bit| bit == raw::DoorBit::Set),
        channels: raw.channels,
    }
}

/// Channels whose meaning is known only on site; 0 for a device that is no lock board.
fn doors_of(profile: &Profile) -> u16 {
    match &profile.dialect {
        Dialect::Modbus(map) => {
            let doors = map.points.iter().filter(|point| point.polarity == Polarity::Commissioned);
            doors.map(|point| point.bits.max(1)).max().unwrap_or(0)
        }
        Dialect::Frame(map) if map.points.iter().any(|point| point.polarity == Polarity::Commissioned) => map.channels,
        _ => 0,
    }
}

/// Position of a declared name, in the order in which brokers and buses are listed.
fn index<T>(key: &str, table: &str, what: &str, name: &str, declared: &BTreeMap<String, T>, report: &mut Report) -> Option<usize> {
    let found = declared.keys().position(|known| known == name);
    if found.is_none() {
        let fault = no_such(what, name, declared.keys().map(String::as_str));
        let fault = if fault.hint.is_none() { fault.hint(format!("declare it: `[{table}.{name}]`")) } else { fault };
        report.value(key, fault);
    }
    found
}

fn no_such<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> Complaint {
    let known: Vec<&str> = known.collect();
    let complaint = Complaint::new(problem::UNKNOWN_REFERENCE, format!("there is no {what} `{name}`"));
    match nearest(name, known.iter().copied()) {
        Some(near) => complaint.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => complaint,
        None => complaint.hint(format!("there are: {}", known.into_iter().take(12).collect::<Vec<_>>().join(", "))),
    }
}

fn wrong_dialect(key: &str, wrong: bool, speaks: &str, instead: &str, report: &mut Report) {
    if wrong {
        let message = format!("`{key}`: the profile of this device speaks {speaks}");
        report.key(key, Complaint::new(problem::CONFLICT, message).hint(format!("use {instead}, or another profile")));
    }
}

pub(super) fn foreign(key: &str, given: bool, only: &str, report: &mut Report) {
    if given {
        let complaint = Complaint::new(problem::CONFLICT, format!("`{key}` has a meaning only {only}"));
        report.key(key, complaint.hint("remove it"));
    }
}

fn cold(path: &str, raw: &raw::Device, kind: Kind, report: &mut Report) -> Option<ColdClass> {
    let key = join(path, "cold");
    match (kind, raw.cold) {
        (Kind::Cabinet, None) if !report.is_bad(&key) => {
            let message = format!("`{path}` has no cold-chain class: its temperature is not judged");
            report.key(&key, Complaint::new(problem::NO_COLD_CLASS, message).hint("add cold = \"frozen\", \"chilled\" or \"fresh\""));
        }
        (Kind::Cabinet, _) | (_, None) => {}
        (other, Some(_)) => {
            let message = format!("`{key}` is for cabinets, this is a {}", other.as_str());
            report.key(&key, Complaint::new(problem::CONFLICT, message).hint("remove it"));
        }
    }
    raw.cold
}

/// A rule that can never apply was meant for something else.
fn check_overrides(path: &str, kind: Kind, cold: Option<ColdClass>, report: &mut Report) {
    if report.is_bad(&join(path, "cold")) {
        return;
    }
    unsuited(&join(path, "alarm"), "this device", |suits| suits.fits(kind, cold), report);
}

/// The settings of kinds and profiles, which no single device is asked for.
fn check_groups(raw: &raw::Alarm, known: &Known, report: &mut Report) {
    for kind in [Kind::Locker, Kind::Cabinet, Kind::Vending, Kind::Meter] {
        unsuited(&join("alarm.kind", kind.as_str()), "this kind", |suits| fits_some(suits, kind), report);
    }
    for id in raw.profile.keys() {
        let path = join("alarm.profile", id);
        match known.get(id) {
            Some(profile) => unsuited(&path, "this profile", |suits| fits_some(suits, profile.kind), report),
            None if known.is_faulty(id) => {}
            None => report.key(&path, no_such("profile", id, known.ids())),
        }
    }
}

fn fits_some(suits: Suits, kind: Kind) -> bool {
    [None, Some(ColdClass::Frozen), Some(ColdClass::Chilled)].into_iter().any(|cold| suits.fits(kind, cold))
}

fn unsuited(alarm: &str, whom: &str, fits: impl Fn(Suits) -> bool, report: &mut Report) {
    for rule in RuleKind::ALL.iter().filter(|rule| !fits(rule.info().suits)) {
        let key = join(alarm, rule.as_str());
        if report.spot(&key).is_some() && !report.is_bad(&key) {
            let message = format!("rule `{}` does not apply to {whom}", rule.as_str());
            let hint = format!("it needs {}", rule.info().suits.needs());
            report.key(&key, Complaint::new(problem::CONFLICT, message).hint(hint));
        }
    }
}

/// Of two limits the lower is the lower one. What was set nearest to the device is pointed at, and only once if it is set for
/// many.
fn check_limits(path: &str, subject: rules::Subject<'_>, rules: &[Rule], report: &mut Report) {
    let groups = [join("alarm.profile", subject.profile), join("alarm.kind", subject.kind.as_str()), "alarm".to_owned()];
    for rule in rules {
        let gap = rule.low.map(|low| rule.limit - low);
        if gap.is_none_or(|gap| gap > 2.0 * rule.deadband) {
            continue;
        }
        let complaint = Complaint::new(
            problem::OUT_OF_RANGE,
            format!("rule `{}` of `{path}` leaves nothing between its two limits and their deadbands", rule.kind.as_str()),
        )
        .hint("low_v must be below high_v by more than two deadbands");
        let mut tables = std::iter::once(join(path, "alarm")).chain(groups.iter().cloned()).map(|alarm| join(&alarm, rule.kind.as_str()));
        // A variable of the environment sets one key of a table that stands nowhere.
        let is_set = |table: &String| ["low_v", "high_v", "deadband_v"].iter().any(|key| report.spot(&join(table, key)).is_some());
        match tables.find(is_set) {
            Some(table) if report.is_bad(&table) => {}
            Some(table) if report.spot(&table).is_some() => report.table(&table, complaint),
            _ => report.key(path, complaint),
        }
    }
}

/// Units of one number are told apart by what they understand: a lock board's frames are none of Modbus' business.
fn language(device: &Device) -> Box<str> {
    match device.profile.as_deref() {
        Some(Profile { dialect: Dialect::Frame(_), id, .. }) => id.clone(),
        _ => "".into(),
    }
}

/// The setting to point at when two devices have one source.
fn source_key(path: &str, raw: &raw::Device, source: &Source) -> String {
    match source {
        Source::Bus { .. } => join(path, "unit"),
        Source::Mqtt { .. } if raw.topic_id.is_some() => join(path, "topic_id"),
        _ => path.to_owned(),
    }
}

fn same_source(other: &str, source: &Source) -> Complaint {
    let (message, hint) = match source {
        Source::Bus { unit, .. } => (
            format!("unit {unit} of this bus is device `{other}` already"),
            "two devices with one unit id answer at once; give one of them another",
        ),
        _ => (format!("device `{other}` has this topic_id on this broker already"), "give each device a topic_id of its own"),
    };
    Complaint::new(problem::DUPLICATE, message).hint(hint)
}

fn warn_unused(raw: &Raw, report: &mut Report) {
    if raw.device.is_empty() && report.spot("device").is_none() {
        report.nowhere(
            "device",
            Complaint::new(problem::NO_DEVICES, "no device is declared: there is nothing to read")
                .hint("add a [device.ID] table, here or in conf.d"),
        );
    }
    let used: BTreeSet<(&str, &str)> = raw
        .device
        .values()
        .flat_map(|device| [("mqtt", device.mqtt.as_deref()), ("bus", device.bus.as_deref())])
        .filter_map(|(table, name)| Some((table, name?)))
        .collect();
    let declared = raw.mqtt.keys().map(|name| ("mqtt", name)).chain(raw.bus.keys().map(|name| ("bus", name)));
    for (table, name) in declared.filter(|(table, name)| !used.contains(&(*table, name.as_str()))) {
        let message = format!("no device uses `{table}.{name}`");
        report.key(&join(table, name), Complaint::new(problem::UNUSED, message).hint("remove it, or declare its devices"));
    }
}
