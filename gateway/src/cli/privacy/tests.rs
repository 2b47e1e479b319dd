//! The list against the parts it speaks about: what the roll-up makes and the forwarder sends is in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::audit::{Audit, Model};
use super::fields::{Outlet, Rows, Sent};
use super::words;
use crate::aggregate::{FIGURES_OF_ALL, Fold, figures_of, fixture};
use crate::forward::batch::{Bounds, Packer};
use crate::privacy::is_kept_back;
use crate::store::record::{MetricName, Origin};
use crate::store::{Names, Page, Record};
use facility_config::profile::{Dialect, builtin, builtin_ids};
use facility_config::series::{Class, Type};
use facility_config::{Device, DeviceIx, Kind, Measurement, Part, Point, Site};
use facility_drivers::{Batch, Metric, Value};
use std::sync::Arc;
use std::time::Duration;

const SITE: &str = r#"
[gateway]
id = "gw-test-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:1883"
[forward.main]
url = "https://tsdb.example.cn/base"
org = "fz"
bucket = "fz15"
[device.fz-001]
profile = "cabinet"
mqtt = "kiosk"
cold = "frozen"
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
"#;

fn small() -> Site {
    facility_config::from_toml("gateway.toml", SITE).unwrap()
}

/// A device of every built-in model behind the small site's own gateway, with the cabinet's rules.
fn large() -> Arc<Site> {
    let mut site = small();
    let frozen = site.devices.iter().find(|device| device.kind == Kind::Cabinet).unwrap();
    let (rules, cold) = (frozen.rules.clone(), frozen.cold);
    site.devices.truncate(1);
    for (nth, profile) in builtin_ids().filter_map(builtin).enumerate() {
        let device = fixture::device(&format!("d-{nth:03}"), profile.kind, 60);
        site.devices.push(Device {
            cold: cold.filter(|_| profile.kind == Kind::Cabinet),
            profile: Some(profile),
            rules: rules.clone(),
            ..device
        });
    }
    Arc::new(site)
}

fn lists(model: &Model, point: Point) -> bool {
    model.fields.iter().any(|field| field.point == point)
}

#[test]
fn every_measurement_that_is_made_here_is_listed_with_all_its_fields() {
    let audit = Audit::of(&large());
    for measurement in Measurement::ALL.iter().copied() {
        let is_made_here = measurement.info().class != Class::Reading
            || matches!(measurement, Measurement::Gateway | Measurement::DeviceHealth | Measurement::Link);
        let fields = Point::ALL.iter().copied().filter(|point| point.measurement() == measurement);
        let missing: Vec<Point> = fields.filter(|point| !audit.models.iter().any(|model| lists(model, *point))).collect();
        // The only events from outside: parcels are linked only where a model has a parcel to link.
        let missing: Vec<Point> = missing.into_iter().filter(|point| *point != Point::EventDuration).collect();
        assert!(!is_made_here || missing.is_empty(), "{measurement:?}: {missing:?}");
    }
    let gateway = &audit.models[0];
    let alarm = gateway.fields.iter().find(|field| field.point == Point::AlarmActive).unwrap();
    assert_eq!((gateway.kind, alarm.part.as_deref()), ("gateway", Some("rule = link_down uplink_reliability")));
}

#[test]
fn whatever_is_folded_only_listed_figures_come_out() {
    let site = large();
    let audit = Audit::of(&site);
    let mut fold = Fold::new(site.clone());
    let mut made: Vec<Batch> = Vec::new();
    for step in 0..40_i64 {
        let at_ms = fixture::T0 + step * 60_000;
        for (device, declared) in site.indexed() {
            let Some(profile) = &declared.profile else { continue };
            let model = audit.models.iter().find(|model| *model.profile == *profile.id).unwrap();
            for field in model.fields.iter().filter(|field| field.point.measurement().info().class == Class::Reading) {
                let value = match field.point.info().ty {
                    Type::Float => Value::Float(step as f64),
                    Type::Int => Value::Int(step),
                    Type::Bool => Value::Bool(step % 3 == 0),
                    Type::Text => Value::Text("in_service".into()),
                };
                fixture::drain(&mut fold, at_ms + 1000, &mut made);
                fold.observe(at_ms + 1000, device, Metric::whole(field.point), at_ms, &value);
            }
        }
    }
    assert!(made.len() > site.devices.len() * 5);
    for batch in &made {
        let declared = site.device(batch.device.unwrap()).unwrap();
        let profile = declared.profile.as_ref().map_or("-", |profile| &profile.id);
        let model = audit.models.iter().find(|model| model.profile == profile).unwrap();
        for reading in &batch.readings {
            let field = model.fields.iter().find(|field| field.point == reading.metric.point);
            assert_eq!(field.map(|field| field.sent), Some(Sent::Always), "{profile}: {}", reading.metric.point);
        }
    }
}

#[test]
fn figures_of_any_reading_are_those_the_table_names() {
    let site = fixture::site(Duration::from_secs(300), vec![fixture::cabinet(facility_config::device::ColdClass::Frozen)]);
    for readings in Measurement::ALL.iter().copied().filter(|measurement| measurement.info().class == Class::Reading) {
        let mut fold = Fold::new(site.clone());
        let mut made = Vec::new();
        for step in 0..20_i64 {
            let at_ms = fixture::T0 + step * 60_000;
            for point in Point::ALL.iter().copied().filter(|point| point.measurement() == readings) {
                fixture::drain(&mut fold, at_ms, &mut made);
                fold.observe(at_ms, DeviceIx(1), Metric::whole(point), at_ms, &Value::Float(step as f64));
                fold.observe(at_ms, DeviceIx(1), Metric { point, part: Part::new("1").unwrap() }, at_ms, &Value::Int(step));
            }
        }
        let points = made.iter().flat_map(|batch| &batch.readings).map(|reading| reading.metric.point);
        let measurements: std::collections::BTreeSet<_> = points.map(Point::measurement).collect();
        let known = |made: &Measurement| FIGURES_OF_ALL.contains(made) || figures_of(readings).contains(made);
        assert!(measurements.iter().all(known), "{readings:?}: {measurements:?}");
    }
}

/// Whether the forwarder of such a site sends a value of a point, however it got into the stores.
fn is_sent(outlet: Outlet, kind: Kind, point: Point, part: &str) -> bool {
    let class = point.measurement().info().class;
    // As `App` sets the lanes up: readings are in one store, figures and events come into the other.
    let lanes: &[Class] = match (outlet, class) {
        (Outlet::Nothing, _) | (Outlet::Figures, Class::Reading) => return false,
        (_, Class::Reading) => &[Class::Reading],
        (_, Class::Metric | Class::Event) => &[Class::Reading, Class::Metric, Class::Event],
    };
    let tags = format!("device_id=d-1,kind={}", kind.as_str());
    let metric = MetricName { name: point.info().name.into(), part: Part::new(part).unwrap(), point: Some(point) };
    let passed_on = class != Class::Event || !is_kept_back(&tags, &metric);
    let names = Arc::new(Names { origins: vec![Origin { tags: tags.into(), device: None }], metrics: vec![metric] });
    let record = Record { origin: 0, metric: 0, flags: 0, at_ms: 1, log_ms: 1, value: Value::Int(7) };
    let mut packer = Packer::new(0, lanes, Bounds { lines: 9, bytes: 9_999 });
    packer.take(&Page { first: 0, next: 1, lost: 0, records: vec![record], names });
    let is_sent = !packer.finish().is_empty();
    assert!(passed_on || !is_sent, "{point}: two minds about it");
    is_sent
}

#[test]
fn what_the_list_says_of_a_point_is_what_the_forwarder_does() {
    for outlet in [Outlet::Nothing, Outlet::Figures, Outlet::Readings] {
        for kind in [Kind::Gateway, Kind::Locker, Kind::Cabinet, Kind::Vending, Kind::Meter] {
            let rows = Rows::new(kind, outlet);
            for point in Point::ALL.iter().copied() {
                let (of_people, of_machine) = (is_sent(outlet, kind, point, "pickup"), is_sent(outlet, kind, point, "lock_fault"));
                let expected = match (of_people, of_machine) {
                    (true, true) => Sent::Always,
                    (false, true) => Sent::OfMachine,
                    (false, false) => Sent::Never,
                    (true, false) => panic!("{kind:?} {point}: people's only"),
                };
                assert_eq!(rows.sent(point), expected, "{outlet:?} {kind:?} {point}");
            }
        }
    }
}

#[test]
fn texts_of_registers_are_guarded_as_those_of_payloads() {
    for (point, rule) in [(Point::EventCode, "at most 64 bytes and 5 digits"), (Point::HealthFirmware, "at most 64 bytes and 10 digits")] {
        let mut profile = builtin("danfoss-ekc202d").unwrap().as_ref().clone();
        let Dialect::Modbus(map) = &mut profile.dialect else { panic!("it is on a bus") };
        map.points.truncate(1);
        (map.points[0].point, map.points[0].map) = (point, Vec::new());
        let mut rows = Rows::new(Kind::Cabinet, Outlet::Figures);
        rows.add_model(&profile, &[]);
        assert!(rows.fields[0].guard.as_ref().unwrap().contains(rule), "{:?}", rows.fields[0]);
    }
}

#[test]
fn an_auditor_finds_places_fates_guards_and_hosts() {
    let text = words::text(&Audit::of(&small()));
    let line = |words: &[&str]| text.lines().any(|line| words.iter().all(|word| line.contains(word)));
    for words in [
        &["https://tsdb.example.cn/base", "org fz, bucket fz15", "no readings"][..],
        &["broker", "kiosk", "mqtt://127.0.0.1:1883", "NOT encrypted"],
        &["dead letters", "/var/lib/facility-gateway/dead-letter"],
        &["log", "never what is in a message"],
        &["scf/v1/{site}/{kind}/{device}/telemetry", "/compartments/occupied", "locker.comp_occupied", "stays here"],
        &["/target", "event.target", "neither stored nor sent"],
        &["computed here", "locker_5m.deposits", "to the destinations"],
        &["event.key", "stays here"],
        &["/code", "event.code", "a code of letters, digits and _.:#+-; free text: at most 64 bytes and 5 digits"],
        &["locker.occupancy_source", "one of: sensor business inferred"],
        &["/ref"],
        &["tags of every line sent", "device_id=lk-001", "district=350102"],
        &["alarm.active", "rule = ", "comm_loss"],
        &["Nothing else is contacted"],
    ] {
        assert!(line(words), "{words:?} in\n{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&words::json(&Audit::of(&small()))).unwrap();
    assert_eq!(json["databases"][0]["into"], "org fz, bucket fz15");
    let fields = json["models"].as_array().unwrap().iter().flat_map(|model| model["fields"].as_array().unwrap());
    assert!(fields.clone().any(|field| field["series"] == "event.target" && field["sent"] == "of_machine"));
    assert!(fields.clone().any(|field| field["series"] == "locker.comp_occupied" && field["sent"] == "never"));
}
