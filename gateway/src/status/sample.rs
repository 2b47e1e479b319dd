//! A gateway of Fuzhou as the tests see it: one of everything, with Chinese names, an alarm and a dead bus.

use super::*;
use crate::completeness::{Missing, Reason};
use crate::forward::budget::Level;
use crate::store::{Cursor, Durable};
use crate::wear::card::{Band, CardInfo, CardKind, Reserve};
use facility_config::Kind;
use facility_config::alarm::RuleKind;
use facility_config::{Part, Point};
use facility_drivers::Quality;
use facility_drivers::heard::Stranger;
use facility_drivers::{Fault, LinkState, Metric, Value};

/// 2026-09-01T08:00:00+08:00.
pub(crate) const NOW_MS: i64 = 1_788_220_800_000;

/// The snapshot, judged.
pub(crate) fn busy() -> Status {
    let mut status = Status::starting(gateway());
    status.rates = Rate { messages_per_s: 3.4, readings_per_s: 41.5, recent_s: 60, ..Rate::default() };
    status.rates.refused_recent.insert("unknown_device", 3);
    let (readings, outbox) = books();
    status.accounts = crate::ledger::accounts(&intake(), &readings, &outbox);
    status.corrected.insert("clock_ahead", 12);
    status.forward = vec![ForwardInfo {
        name: "main".to_owned(),
        requests: 310,
        retries: 2,
        lines: 9_600,
        points: 41_000,
        dead_lettered: 3,
        wire_bytes: 201_344,
        backlog: Some(BacklogInfo { points: 360, points_per_s: Some(24.5), empty_s: Some(15) }),
        replay: Some(ReplayInfo {
            from_ms: NOW_MS - 86_400_000,
            to_ms: NOW_MS,
            done_points: 1_200,
            of_points: 4_800,
            sent_points: 1_100,
            refused_points: 0,
        }),
        budget: Some(BudgetInfo {
            level: Level::ThinReadings,
            used_bytes: 21_400_000,
            allowed_bytes: 30_000_000,
            forecast_bytes: Some(33_100_000),
        }),
        waits_for: Some("city".to_owned()),
        accounts: vec![status.accounts[2].clone()],
    }];
    status.stores =
        vec![StoreInfo::new("readings", 512 << 20, &readings, false, 86_400), StoreInfo::new("outbox", 128 << 20, &outbox, true, 86_400)];
    status.wear = wear();
    status.links = links();
    status.devices = devices();
    status.alarms = alarms();
    status.strangers = vec![StrangerInfo::new("local", stranger())];
    status.dropped = dropped();
    status.letters = LettersInfo { kept: 3, waiting: 1, written: 4, replayed: 1, lost: 0 };
    status.judged()
}

/// The same site on a good day.
pub(crate) fn well() -> Status {
    let mut status = busy();
    status.rates.refused_recent.clear();
    status.strangers.clear();
    status.dropped.retain(|drop| drop.reason == Fault::UnknownField);
    status.alarms.clear();
    for device in &mut status.devices {
        device.online = true;
        device.alarms.clear();
    }
    for link in &mut status.links {
        link.state = LinkState::Up;
        link.error = None;
    }
    status.judged()
}

fn gateway() -> GatewayInfo {
    GatewayInfo {
        id: "gw-gulou-01".into(),
        site: "junmen".into(),
        district: "350102".into(),
        district_name: "鼓楼区",
        community: Some("军门社区".into()),
        version: "0.1.0",
        started_ms: NOW_MS - 86_400_000,
        now_ms: NOW_MS,
        mono_ms: 86_400_000,
        uptime_s: 86_400,
        clock_set: true,
    }
}

/// 20 refused of 290 000 messages; 41 of 3.6 million values dropped and two times corrected.
pub(crate) fn intake() -> Intake {
    let intake = Intake::default();
    intake.messages.add(290_000);
    intake.refused.add(Fault::UnknownDevice, 17);
    intake.refused.add(Fault::Undecodable, 3);
    intake.accepted.add(289_980);
    intake.readings.add(3_600_041);
    intake.dropped.add(Fault::OutOfRange, 40);
    intake.dropped.add(Fault::WrongType, 1);
    intake.dropped.add(Fault::ClockAhead, 2);
    intake.stored.add(3_600_000);
    intake.produced.add(41_000);
    intake
}

/// Readings log and outbox that balance with [`intake`].
pub(crate) fn books() -> (Books, Books) {
    let readings = Books {
        at_start: Durable { end: 1_000_000, ..Durable::default() },
        durable: Durable {
            end: 4_599_700,
            commits: 84_000,
            bytes_written: 402_653_184,
            bytes_on_disk: 13_600_000,
            block_bytes: 13_600_000 - (8 << 20),
            block_points: 4_599_700,
            pending: 200,
            ..Durable::default()
        },
        queued: 100,
        readers: vec![Cursor { next: 4_599_100, delivered: 4_599_100, ..Cursor::default() }],
    };
    let outbox = Books {
        at_start: Durable { end: 9_000, ..Durable::default() },
        durable: Durable { end: 50_000, commits: 300, bytes_written: 2_457_600, bytes_on_disk: 8_500_000, ..Durable::default() },
        queued: 0,
        readers: vec![Cursor { next: 49_600, delivered: 49_597, dead_lettered: 3, ..Cursor::default() }],
    };
    (readings, outbox)
}

/// An eMMC of 16 GB that takes 600 MB a day, three quarters of it the stores'.
pub(crate) fn wear() -> WearInfo {
    WearInfo {
        card: Some(CardInfo {
            device: "mmcblk1".into(),
            kind: CardKind::Emmc,
            name: Some("DG4016".into()),
            manufacturer: Some("0x000045".into()),
            removable: false,
            bytes: 15_758_000_128,
        }),
        why_en: "",
        why_zh: "",
        measured_s: 86_100,
        written_bytes: 597_917_696,
        written_bytes_per_day: Some(600_000_000),
        store_bytes_per_day: Some(450_000_000),
        cycles_assumed: 500,
        life_years: Some(36.0),
        life_used: Some(Band { from_pct: 10, to_pct: Some(20) }),
        reserve: Some(Reserve::Normal),
    }
}

fn links() -> Vec<LinkInfo> {
    let link = |kind, name: &str, address: &str, state, since_s: i64, error: Option<&str>| LinkInfo {
        kind,
        name: name.into(),
        address: address.into(),
        state,
        since_ms: NOW_MS - since_s * 1000,
        via: None,
        error: error.map(Into::into),
        connects: 3,
        faults: BTreeMap::new(),
        busy_pct: (kind == LinkKind::Bus).then_some(41.5),
        late_units: 0,
    };
    let mut links = vec![
        link(LinkKind::Broker, "local", "mqtt://127.0.0.1:1883", LinkState::Up, 86_000, None),
        link(LinkKind::Bus, "rs485-a", "/dev/serial/by-id/usb-FTDI_A10K-if00 9600 Bd", LinkState::Up, 86_000, None),
        link(LinkKind::Bus, "rs485-b", "tcp://192.168.7.21:502", LinkState::Connecting, 760, Some("connection refused")),
        link(LinkKind::Database, "main", "https://tsdb.example.cn/insert", LinkState::Up, 5_000, None),
    ];
    links[1].faults.insert("timeout", 1_204);
    links
}

fn devices() -> Vec<DeviceInfo> {
    vec![
        device(
            "cs-jinzhou-vm-03",
            "金洲小区 售卖机 3 号",
            Kind::Vending,
            (LinkKind::Broker, "local"),
            vec![
                value(Point::VendingStatus, "", Value::Text("in_service".into())),
                value(Point::VendingSales, "", Value::Int(9_641_250)),
                value(Point::VendingAir, "", Value::Float(4.2)),
                value(Point::LaneLevel, "A1", Value::Int(5)),
                value(Point::LaneLevel, "A2", Value::Int(0)),
                value(Point::LaneFault, "A2", Value::Bool(false)),
            ],
        ),
        device(
            "gl-junmen-cc-01",
            "军门生鲜 冷藏柜",
            Kind::Cabinet,
            (LinkKind::Bus, "rs485-a"),
            vec![value(Point::CabinetAir, "", Value::Missing(Quality::SensorError)), value(Point::CabinetDoor, "", Value::Bool(true))],
        ),
        device(
            "gl-junmen-em-01",
            "总表",
            Kind::Meter,
            (LinkKind::Bus, "rs485-a"),
            vec![
                value(Point::EnergyActive, "", Value::Float(486.0)),
                value(Point::EnergyTotal, "", Value::Float(1_374.51)),
                value(Point::EnergyVoltage, "", Value::Float(228.4)),
            ],
        ),
        device(
            "gl-junmen-lk-01",
            "军门社区 <信包箱> 1 号",
            Kind::Locker,
            (LinkKind::Broker, "local"),
            vec![
                value(Point::LockerTotal, "", Value::Int(60)),
                value(Point::LockerOccupied, "", Value::Int(41)),
                value(Point::LockerFaulted, "", Value::Int(2)),
                value(Point::LockerOverdue, "", Value::Int(6)),
                value(Point::SizeOccupied, "s", Value::Int(24)),
                value(Point::LockerTemp, "", Value::Float(31.5)),
                value(Point::LockerMainsOk, "", Value::Bool(true)),
            ],
        ),
        silent(device("gl-junmen-lk-02", "军门社区 信包箱 2 号", Kind::Locker, (LinkKind::Broker, "local"), vec![])),
        device(
            "tj-aofengzhou-fz-02",
            "鳌峰洲 冷冻柜 2 号",
            Kind::Cabinet,
            (LinkKind::Bus, "rs485-a"),
            vec![
                value(Point::CabinetAir, "", Value::Float(-13.4)),
                value(Point::CabinetDoor, "", Value::Bool(false)),
                value(Point::CabinetDefrost, "", Value::Bool(false)),
                value(Point::CabinetMode, "", Value::Text("pull_down".into())),
                value(Point::CabinetHumidity, "", Value::Float(61.0)),
            ],
        ),
        silent(device("tj-aofengzhou-fz-03", "鳌峰洲 冷冻柜 3 号", Kind::Cabinet, (LinkKind::Bus, "rs485-b"), vec![])),
    ]
}

fn device(id: &str, name: &str, kind: Kind, (link_kind, link): (LinkKind, &str), values: Vec<ValueInfo>) -> DeviceInfo {
    let alarms = if id == "tj-aofengzhou-fz-02" { vec!["frozen_high"] } else { vec![] };
    DeviceInfo {
        id: id.into(),
        name: Some(name.into()),
        kind: kind.as_str(),
        zh: kind.zh(),
        profile: Some("Danfoss EKC 202D".into()).filter(|_| kind == Kind::Cabinet),
        link_kind: Some(link_kind),
        link: Some(link.into()),
        interval_s: 30.0,
        limit_c: (kind == Kind::Cabinet).then_some(if id.contains("-cc-") { 8.0 } else { -18.0 }),
        alarm_c: (kind == Kind::Cabinet).then_some(if id.contains("-cc-") { 10.0 } else { -15.0 }),
        online: true,
        waiting: false,
        lost_messages: 0,
        missing: None,
        unrevised_days: 0,
        last_seen_ms: Some(NOW_MS - 5_000),
        values,
        alarms,
    }
}

fn silent(mut device: DeviceInfo) -> DeviceInfo {
    device.online = false;
    device.last_seen_ms = Some(NOW_MS - 760_000);
    device.missing = Some(MissingInfo::from(Missing { from_ms: NOW_MS - 700_000, to_ms: None, reason: Reason::Silent }));
    device
}

fn value(point: Point, part: &str, value: Value) -> ValueInfo {
    ValueInfo::new(Metric { point, part: Part::new(part).unwrap_or_default() }, &value, NOW_MS - 5_000)
}

/// A third machine that nobody has declared.
fn stranger() -> Stranger {
    Stranger {
        id: "cs-jinzhou-vm-04".into(),
        topic: "scf/v1/junmen/vending/cs-jinzhou-vm-04/telemetry".into(),
        profile: "vending".into(),
        first_ms: NOW_MS - 7_200_000,
        last_ms: NOW_MS - 60_000,
        messages: 24,
        shape: vec!["/status text".into(), "/lanes/*/level number".into()],
    }
}

/// A field nobody asked for, and one that became a text with new firmware.
fn dropped() -> Vec<DroppedInfo> {
    let place = |device: &str, place: &str, reason, count, last_s: i64| {
        let (en, zh) = reason::words(reason);
        let (first_ms, last_ms) = (NOW_MS - 86_000_000, NOW_MS - last_s * 1000);
        DroppedInfo { device: device.into(), broker: "local".into(), place: place.into(), reason, en, zh, count, first_ms, last_ms }
    };
    vec![
        place("gl-junmen-lk-01", "/courier/~5f2a01c3", Fault::UnknownField, 2_880, 5),
        place("cs-jinzhou-vm-03", "/temps/air", Fault::WrongType, 12, 900),
    ]
}

fn alarms() -> Vec<ActiveAlarm> {
    let alarm = |device: &str, name: &str, rule: RuleKind, since_s: i64, raised, value, limit| ActiveAlarm {
        device: device.into(),
        device_name: Some(name.into()),
        rule: rule.as_str(),
        target: String::new(),
        severity: rule.info().severity.as_str(),
        en: rule.info().en,
        zh: rule.zh(),
        unit: rule.info().unit,
        since_ms: NOW_MS - since_s * 1000,
        raised,
        acknowledged: false,
        held: None,
        value,
        limit,
    };
    vec![
        alarm("gl-junmen-cc-01", "军门生鲜 冷藏柜", RuleKind::DoorOpen, 70, false, None, None),
        alarm("tj-aofengzhou-fz-02", "鳌峰洲 冷冻柜 2 号", RuleKind::FrozenHigh, 2_460, true, Some(-13.4), Some(-15.0)),
    ]
}
