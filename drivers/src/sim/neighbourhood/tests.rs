#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::sim::fleet::buses;
use toml::Table;

fn places(modbus: &[SocketAddr]) -> Places<'_> {
    Places {
        mqtt: "127.0.0.1:18830".parse().unwrap(),
        modbus,
        database: Some(Database { url: "http://127.0.0.1:18086", token_file: None, raw: true, delay_ms: 200 }),
        api: "127.0.0.1:0".parse().unwrap(),
        store_dir: Path::new("/tmp/demo \"1\""),
        commit_delay_ms: 200,
    }
}

fn ports(count: usize) -> Vec<SocketAddr> {
    (0..count).map(|at| SocketAddr::from(([127, 0, 0, 1], 1_502 + at as u16))).collect()
}

#[test]
fn the_six_of_the_demonstration_are_a_site() {
    let site: Table = config_toml(6, &places(&ports(1))).parse().unwrap();
    assert_eq!(site["gateway"]["district"].as_str(), Some("350102"));
    assert_eq!(site["gateway"]["community"].as_str(), Some("军门社区"));
    assert_eq!(site["mqtt"]["kiosk"]["url"].as_str(), Some("mqtt://127.0.0.1:18830"));
    assert_eq!(site["bus"]["cold"]["address"].as_str(), Some("127.0.0.1:1502"));
    assert_eq!(site["store"]["dir"].as_str(), Some("/tmp/demo \"1\""), "a path keeps its quotes");
    assert_eq!(site["forward"]["raw"].as_bool(), Some(true));
    assert!(site["forward"].get("token_file").is_none());
    let device = |id: &str| site["device"][id].clone();
    let expected: Table = "name = \"军门社区 1 号冷冻柜（EKC 202D）\"\nprofile = \"danfoss-ekc202d\"\nbus = \"cold\"\nunit = 1\ninterval_s = 60\ncold = \"frozen\"".parse().unwrap();
    assert_eq!(device("fz-ekc-01"), expected.into());
    let expected: Table = "name = \"军门社区 1 号信包箱\"\nprofile = \"locker\"\nmqtt = \"kiosk\"\ninterval_s = 60".parse().unwrap();
    assert_eq!(device("lk-junmen-01"), expected.into());
    assert_eq!(site["device"].as_table().unwrap().len(), 6);
}

#[test]
fn a_large_fleet_has_several_buses_and_no_unit_twice() {
    let devices = facility_config::limits::DEVICES_MAX;
    let site: Table = config_toml(devices, &places(&ports(buses(devices)))).parse().unwrap();
    assert_eq!(site["bus"].as_table().unwrap().len(), 5);
    assert_eq!(site["device"].as_table().unwrap().len(), devices);
    let mut seen = std::collections::BTreeSet::new();
    for device in site["device"].as_table().unwrap().values() {
        if let Some(bus) = device.get("bus") {
            assert!(site["bus"].get(bus.as_str().unwrap()).is_some(), "{device}");
            assert!(seen.insert((bus.to_string(), device["unit"].as_integer().unwrap())), "{device}");
        }
    }
    assert_eq!(seen.len(), 999);
}

#[test]
fn devices_without_a_bus_are_left_out() {
    let site: Table = config_toml(6, &Places { database: None, ..places(&[]) }).parse().unwrap();
    assert!(site.get("bus").is_none() && site.get("forward").is_none());
    assert_eq!(site["device"].as_table().unwrap().keys().collect::<Vec<_>>(), ["lk-junmen-01", "lk-junmen-02", "vm-junmen-01"]);
}
