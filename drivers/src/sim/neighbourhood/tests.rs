#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::decode::message::{Arrival, MessageDecoder};
use crate::decode::registers;
use crate::sim::fleet::{Fleet, FleetSpec, Said, buses};
use facility_config::alarm::RuleKind;
use facility_config::profile::Dialect;
use facility_config::site::{HostPort, Login, Target, Transport};
use facility_config::{Kind, Site, Source, from_toml};
use std::collections::{BTreeMap, BTreeSet};

/// 2026-09-01T06:00:00+08:00.
const MORNING: i64 = 1_788_213_600_000;
const HOUR_MS: i64 = 3_600_000;

fn places(modbus: &[SocketAddr]) -> Places<'_> {
    Places {
        mqtt: "127.0.0.1:18830".parse().unwrap(),
        modbus,
        database: Some(Database { url: "http://127.0.0.1:18086", org: "a", bucket: "b", token_file: None, raw: true, delay_ms: 200 }),
        api: "127.0.0.1:0".parse().unwrap(),
        store_dir: Path::new("/tmp/demo \"1\""),
        commit_delay_ms: 200,
    }
}

fn ports(count: usize) -> Vec<SocketAddr> {
    (0..count).map(|at| SocketAddr::from(([127, 0, 0, 1], 1_502 + at as u16))).collect()
}

/// The product's own check reads the text; a mistake is shown as a technician would see it.
fn site(devices: usize, places: &Places<'_>) -> Site {
    from_toml("demo.toml", &config_toml(devices, places)).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

#[test]
fn the_six_of_the_demonstration_are_a_valid_site() {
    let site = site(6, &places(&ports(1)));
    assert_eq!((&*site.gateway.district, site.gateway.community.as_deref()), ("350102", Some("军门社区")));
    assert_eq!(site.brokers[0].endpoints[0].to_string(), "mqtt://127.0.0.1:18830");
    let address = HostPort { host: "127.0.0.1".into(), port: 1502 };
    assert_eq!(site.buses[0].transport, Transport::Dial { address, backup: None });
    assert_eq!(site.store.dir, Path::new("/tmp/demo \"1\""), "a path keeps its quotes");
    let [forward] = &site.forward[..] else { panic!("{:?}", site.forward) };
    let Target::Database(database) = &forward.target else { panic!("{forward:?}") };
    assert!(forward.raw.is_some() && database.login == Login::None);
    let told: Vec<_> = site
        .devices
        .iter()
        .skip(1)
        .map(|device| (&*device.id, device.kind, device.cold, matches!(device.source, Source::Mqtt { .. }), device.interval.as_secs()))
        .collect();
    let frozen = Some(ColdClass::Frozen);
    let expected = [
        ("em-sdm-01", Kind::Meter, None, false, 60),
        ("fz-dixell-01", Kind::Cabinet, frozen, false, 60),
        ("fz-ekc-01", Kind::Cabinet, frozen, false, 60),
        ("lk-junmen-01", Kind::Locker, None, true, 60),
        ("lk-junmen-02", Kind::Locker, None, true, 60),
        ("vm-junmen-01", Kind::Vending, None, true, 60),
    ];
    assert_eq!(told, expected);
    let cabinet = site.devices.iter().find(|device| &*device.id == "fz-ekc-01").unwrap();
    let rule = cabinet.rules.iter().find(|rule| rule.kind == RuleKind::FrozenHigh).unwrap();
    assert!(rule.defrost_delay < rule.on_delay, "the first hour is judged: {rule:?}");
}

#[test]
fn a_large_fleet_has_several_buses_and_no_unit_twice() {
    let devices = facility_config::limits::DEVICES_MAX - 1;
    let site = site(devices, &places(&ports(buses(devices))));
    assert_eq!((site.buses.len(), site.devices.len()), (5, devices + 1));
    let units = site.devices.iter().filter_map(|device| match device.source {
        Source::Bus { bus, unit } => Some((bus, unit)),
        Source::Mqtt { .. } | Source::Gateway => None,
    });
    assert_eq!(units.collect::<BTreeSet<_>>().len(), 999);
}

#[test]
fn devices_without_a_bus_are_left_out() {
    let site = site(6, &Places { database: None, ..places(&[]) });
    assert!(site.buses.is_empty() && site.forward.is_empty());
    let ids: Vec<_> = site.devices.iter().skip(1).map(|device| &*device.id).collect();
    assert_eq!(ids, ["lk-junmen-01", "lk-junmen-02", "vm-junmen-01"]);
}

#[test]
fn everything_the_fleet_says_is_taken_without_a_fault() {
    let site = site(12, &places(&ports(1)));
    let mut decoder = MessageDecoder::new(&site, 0);
    let maps: BTreeMap<_, _> = site.devices.iter().filter_map(|device| Some((&*device.id, &device.profile.as_ref()?.dialect))).collect();
    let mut heard = BTreeSet::new();
    for said in Fleet::new(FleetSpec { devices: 12, seed: 3, start_ms: MORNING }).said(MORNING + 12 * HOUR_MS) {
        match said {
            Said::Mqtt { device, topic, payload } => {
                let batch = decoder.decode(&Arrival { topic: &topic, payload: &payload, retained: false, now_ms: MORNING });
                assert!(batch.refused.is_none() && batch.faults.is_empty(), "{topic}: {:?} {:?}", batch.refused, batch.faults);
                assert!(!batch.readings.is_empty(), "{topic}");
                heard.insert(device);
            }
            Said::Registers { device, values, .. } => {
                let Dialect::Modbus(map) = maps[&*device] else { panic!("{device} is not on a bus") };
                for (metric, value) in values {
                    let point =
                        map.points.iter().find(|point| point.point == metric.point).unwrap_or_else(|| panic!("{device}: {metric:?}"));
                    let words = registers::encode(point, &value).unwrap_or_else(|| panic!("{device}: {metric:?} {value:?}"));
                    let good = point.status.map(|check| if check.bad == 0 { check.mask } else { 0 });
                    let read = registers::decode(point, &words, good).unwrap();
                    match (&read, &value) {
                        (crate::Value::Float(read), crate::Value::Float(said)) => {
                            assert!((read - said).abs() < 0.05, "{metric:?}: {said} {read}")
                        }
                        _ => assert_eq!(read, value, "{device}: {metric:?}"),
                    }
                }
                heard.insert(device);
            }
        }
    }
    assert_eq!(heard.len(), 12, "{heard:?}");
}
