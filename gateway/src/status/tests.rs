#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::link::{host_port, without_credentials};
use super::*;
use crate::store::{Cursor, Durable};
use facility_config::Point;
use facility_config::limits::{WAL_SEGMENT_BYTES, WAL_SEGMENTS};
use facility_drivers::Quality;
use facility_drivers::{Fault, Value};

#[test]
fn the_snapshot_serialises_as_published() {
    // Dashboards, `doctor` and the page read this: a change here is a change for them.
    let actual = serde_json::to_string_pretty(&sample::busy()).unwrap() + "\n";
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/src/status/golden.json");
    if std::env::var_os("GOLDEN_WRITE").is_some() {
        std::fs::write(golden, &actual).unwrap();
    }
    assert_eq!(actual, std::fs::read_to_string(golden).unwrap(), "run with GOLDEN_WRITE=1 if this is meant");
}

#[test]
fn a_cabinet_tells_the_limits_of_its_class_and_of_its_alarm() {
    let text = r#"
        gateway = { id = "gw-1", site = "gl-junmen", district = "350102" }
        bus.shop = { transport = "tcp", address = "127.0.0.1:502" }
        [device.cab-1]
        profile = "danfoss-ekc202d"
        bus = "shop"
        unit = 1
        cold = "frozen"
        [device.cab-2]
        profile = "danfoss-ekc202d"
        bus = "shop"
        unit = 2
        cold = "chilled"
        alarm.chilled_high.limit_c = 6.5
    "#;
    let site = facility_config::from_toml("gateway.toml", text).unwrap();
    let limits: Vec<_> =
        site.devices.iter().map(|device| DeviceInfo::new(&site, device)).map(|info| (info.limit_c, info.alarm_c)).collect();
    assert_eq!(limits, [(None, None), (Some(-18.0), Some(-15.0)), (Some(8.0), Some(6.5))]);
}

#[test]
fn a_value_that_is_not_good_is_null_with_its_reason() {
    let at = |value: Value| ValueInfo::new(Point::CabinetAir.into(), &value, 7);
    let missing = at(Value::Missing(Quality::Stale));
    assert_eq!((missing.value, missing.quality), (serde_json::Value::Null, "stale"));
    let good = at(Value::Float(-19.4));
    assert_eq!(
        (good.value, good.quality, good.name, good.field, good.at_ms),
        (serde_json::json!(-19.4), "good", "cabinet.air_c", "air_c", 7)
    );
    assert_eq!(at(Value::Text("冷".into())).value, serde_json::json!("冷"));
}

#[test]
fn an_address_is_shown_without_credentials() {
    for (url, shown) in [
        ("http://127.0.0.1:8086", "http://127.0.0.1:8086"),
        ("https://user:geheim@db.example.cn:8428/insert/0/influx", "https://db.example.cn:8428/insert/0/influx"),
        ("https://db.example.cn/x?token=geheim#geheim", "https://db.example.cn/x"),
        ("https://a:b@c:d@db.example.cn/", "https://db.example.cn"),
        ("geheim@db.example.cn", "db.example.cn"),
    ] {
        assert_eq!(without_credentials(url), shown);
    }
    assert_eq!(host_port("fe80::1", 1883), "[fe80::1]:1883");
    assert_eq!(host_port("broker", 1883), "broker:1883");
}

#[test]
fn a_device_is_waiting_only_until_it_is_due() {
    let template = sample::busy().devices.remove(0);
    for (case, online, last_seen_ms, uptime_s, waiting, silent) in [
        ("just started", false, None, 10, true, false),
        ("never heard and due", false, None, 90, false, true),
        ("heard and gone", false, Some(5), 10, false, true),
        ("heard", true, Some(5), 10, false, false),
    ] {
        let device = template.clone().heard(online, last_seen_ms, uptime_s);
        assert_eq!((device.waiting, device.is_silent()), (waiting, silent), "{case}");
    }
}

#[test]
fn room_is_told_from_the_mean_rate_once_there_is_one() {
    let ring = (WAL_SEGMENT_BYTES * WAL_SEGMENTS) as u64;
    let books = |end: u64, bytes_on_disk: u64, next: u64| Books {
        durable: Durable { end, bytes_on_disk, block_bytes: bytes_on_disk - ring, block_points: end, ..Durable::default() },
        readers: vec![Cursor { next, delivered: next, ..Cursor::default() }],
        ..Books::default()
    };
    // 2 MiB sealed for 1 Mi points: 2 bytes each; half of them wait, so 1 MiB of the budget is taken. In 1024 s
    // 1 Mi points came: 2 KiB/s. 101 MiB of room last 51 712 s.
    let sealed = books(1 << 20, ring + (2 << 20), 1 << 19);
    let known = StoreInfo::new("outbox", ring + (102 << 20), &sealed, true, 1024);
    assert_eq!((known.backlog, known.backlog_bytes, known.room_s), (1 << 19, 1 << 20, Some(51_712)));
    // Nothing sealed yet: five bytes a point.
    let young = StoreInfo::new("outbox", ring + 5_000_000, &books(1_000, ring, 1_000), true, 1_000);
    assert_eq!(young.room_s, Some(1_000_000));
    let local = StoreInfo::new("readings", ring + 5_000_000, &books(1_000, ring, 1_000), false, 1_000);
    assert_eq!(local.room_s, None, "an outage does not touch a log the database does not read");
    assert_eq!(
        StoreInfo::new("outbox", ring + 5_000_000, &books(1_000, ring, 0), true, 60).room_s,
        None,
        "no forecast in the first minutes"
    );
    assert_eq!(StoreInfo::new("outbox", ring, &books(0, ring, 0), true, 90_000).room_s, None, "no forecast without a rate");
    assert_eq!(StoreInfo::new("outbox", ring, &books(1_000, ring, 0), true, 90_000).room_s, Some(0), "a full store has no room");
}

#[test]
fn rates_are_means_of_ten_seconds_and_refusals_of_a_minute() {
    let intake = Intake::default();
    let mut rates = Rates::new();
    assert_eq!(rates.push(0, Totals::of(&intake)), Rate::default());
    intake.refused.add(Fault::UnknownDevice, 4);
    for second in 1..=60 {
        // 2 messages a second at first, 5 in the last ten seconds.
        intake.messages.add(if second > 50 { 5 } else { 2 });
        intake.readings.add(20);
        let rate = rates.push(second * 1000, Totals::of(&intake));
        assert_eq!(rate.refused_recent.get("unknown_device"), Some(&4), "second {second}");
        match second {
            50 => assert_eq!((rate.messages_per_s, rate.readings_per_s), (2.0, 20.0)),
            60 => assert_eq!((rate.messages_per_s, rate.recent_s), (5.0, 60)),
            _ => {}
        }
    }
    let later = rates.push(61_000, Totals::of(&intake));
    assert!(later.refused_recent.is_empty(), "a minute later it is no news: {later:?}");
}

#[test]
fn a_pause_or_a_clock_that_stands_gives_no_absurd_rate() {
    let intake = Intake::default();
    let mut rates = Rates::new();
    rates.push(5_000, Totals::of(&intake));
    intake.messages.add(100);
    assert_eq!(rates.push(5_000, Totals::of(&intake)).messages_per_s, 0.0, "same moment");
    assert_eq!(rates.push(905_000, Totals::of(&intake)), Rate::default(), "nothing is known of the last minute");
}

#[test]
fn the_command_that_adopts_a_stranger_can_be_copied_into_a_shell_whatever_it_calls_itself() {
    for (id, command) in [
        ("vm-04", "facility-gateway mqtt adopt vm-04"),
        ("AA:BB:CC_1.2", "facility-gateway mqtt adopt AA:BB:CC_1.2"),
        ("-rf", "facility-gateway mqtt adopt -- '-rf'"),
        ("a b; reboot", "facility-gateway mqtt adopt -- 'a b; reboot'"),
        ("it's $(x)", r"facility-gateway mqtt adopt -- 'it'\''s $(x)'"),
        ("柜1", "facility-gateway mqtt adopt -- '柜1'"),
    ] {
        let mut stranger = sample::busy().strangers.remove(0).stranger;
        stranger.id = id.into();
        assert_eq!(StrangerInfo::new("local", stranger).adopt, command);
    }
}

#[test]
fn every_reason_has_words_in_both_languages_and_its_label_leads_back_to_it() {
    for fault in Fault::ALL {
        let (en, zh) = reason::words(fault);
        assert!(!en.is_empty() && en.is_ascii() && zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{fault:?}");
        assert!(reason::next(fault).ends_with('.'));
        assert_eq!(reason::fault(fault.label()), Some(fault));
    }
    assert_eq!(reason::of_label("from a later version"), "from a later version");
}
