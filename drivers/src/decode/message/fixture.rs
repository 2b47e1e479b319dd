//! A site with one device of each kind on one broker, built by hand, and the payloads of their schemas. Tests only.

use super::Arrival;
use facility_config::profile::{Dialect, Message, MessageField, MessageKind, MqttMap};
use facility_config::site::{Api, Broker, Endpoint, Gateway, Retained, Store, Tls, Wire};
use facility_config::{Device, DeviceIx, Kind, Overflow, Point, Profile, Site, Source};
use std::sync::Arc;
use std::time::Duration;

/// 2026-09-01T08:00:00+08:00, Unix ms.
pub(crate) const EXAMPLE_MS: i64 = 1_788_220_800_000;
pub(crate) const LOCKER: DeviceIx = DeviceIx(1);
pub(crate) const CABINET: DeviceIx = DeviceIx(2);
pub(crate) const VENDING: DeviceIx = DeviceIx(3);
pub(crate) const LOCKER_TOPIC: &str = "scf/v1/fz-gl/locker/gl-junmen-lk-01/telemetry";
pub(crate) const CABINET_TOPIC: &str = "scf/v1/fz-gl/cabinet/tj-aofengzhou-fz-02/telemetry";
pub(crate) const VENDING_TOPIC: &str = "scf/v1/fz-gl/vending/cs-jinzhou-vm-03/telemetry";
pub(crate) const EVENT_TOPIC: &str = "scf/v1/fz-gl/locker/gl-junmen-lk-01/event";
pub(crate) const STATUS_TOPIC: &str = "scf/v1/fz-gl/locker/gl-junmen-lk-01/status";

pub(crate) const LOCKER_EXAMPLE: &str = r#"{"v":1,"id":"gl-junmen-lk-01","ts":"2026-09-01T08:00:00+08:00","seq":18231,
"compartments":{"total":60,"occupied":41,"free":17,"faulted":2,"disabled":0,"door_open":1,
"by_size":{"s":{"total":30,"occupied":24},"m":{"total":20,"occupied":13},"l":{"total":10,"occupied":4}},"occupancy_source":"business"},
"counters":{"deposits_total":18044,"pickups_total":18003,"returns_total":119,"open_cmd_total":36410,"open_fail_total":73,"overdue_now":6},
"env":{"temp_c":31.5,"mains_ok":true,"battery_pct":null,"rssi_dbm":-71}}"#;
pub(crate) const CABINET_EXAMPLE: &str = r#"{"v":1,"id":"tj-aofengzhou-fz-02","ts":"2026-09-01T08:00:00+08:00","seq":90412,
"temps":{"air":-19.4,"product":null,"evaporator":-27.1,"condenser":38.2,"setpoint":-20.0},
"state":{"mode":"cooling","compressor":true,"evap_fan":true,"defrost":false,"door_open":false},"alarms":[],
"power":{"voltage_v":228.4,"current_a":2.31,"active_w":486.0,"energy_kwh_total":1374.51},"quality":{"temps.product":"sensor_error"}}"#;
pub(crate) const VENDING_EXAMPLE: &str = r#"{"v":1,"id":"cs-jinzhou-vm-03","ts":"2026-09-01T08:00:00+08:00","seq":5521,"status":"in_service",
"counters":{"vends_total":20817,"sales_fen_total":9641250,"vend_fail_total":164,"power_outages_total":119},
"lanes":[{"no":"A1","sku":"6901","capacity":10,"par":8,"min":2,"level":5,"fault":false,"price_fen":350},
{"capacity":10,"par":8,"min":2,"level":0,"fault":false,"no":"A2"}],
"temps":{"air":4.2,"setpoint":4.0},"net":{"type":"4g","rssi_dbm":-67,"uptime_s":86400}}"#;
pub(crate) const EVENT_EXAMPLE: &str = r#"{"v":1,"eid":"01J6Z3K9QW8V","id":"gl-junmen-lk-01","ts":"2026-09-01T08:03:11.204+08:00","type":"open_fail",
"target":"17","outcome":"fail","code":"LOCK_NO_FEEDBACK"}"#;

pub(crate) fn message(kind: MessageKind, suffix: &str, fields: Vec<MessageField>) -> Message {
    Message {
        time: Some("/ts".into()),
        id: Some("/id".into()),
        required: vec!["/v".into(), "/id".into(), "/ts".into()],
        ignored: vec!["/v".into(), "/seq".into()],
        fields,
        ..Message::plain(kind, &format!("scf/v1/{{site}}/{{kind}}/{{device}}/{suffix}"))
    }
}

pub(crate) fn field(pointer: &str, point: Point) -> MessageField {
    MessageField::plain(pointer, point)
}

fn fields(table: &[(&str, Point)]) -> Vec<MessageField> {
    table.iter().map(|(pointer, point)| field(pointer, *point)).collect()
}

fn words(pointer: &str, point: Point, words: &[&str]) -> MessageField {
    MessageField { words: words.iter().map(|word| (*word).into()).collect(), ..field(pointer, point) }
}

pub(crate) fn locker() -> MqttMap {
    use Point::{
        HealthRssi, LockerBattery, LockerDeposits, LockerDisabled, LockerDoorOpen, LockerFaulted, LockerFree, LockerMainsOk,
        LockerOccupancySource, LockerOccupied, LockerOpenCmds, LockerOpenFails, LockerOverdue, LockerPickups, LockerReturns, LockerTemp,
        LockerTotal, SizeOccupied, SizeTotal,
    };
    let mut telemetry = fields(&[
        ("/compartments/total", LockerTotal),
        ("/compartments/occupied", LockerOccupied),
        ("/compartments/free", LockerFree),
        ("/compartments/faulted", LockerFaulted),
        ("/compartments/disabled", LockerDisabled),
        ("/compartments/door_open", LockerDoorOpen),
        ("/compartments/by_size/*/total", SizeTotal),
        ("/compartments/by_size/*/occupied", SizeOccupied),
        ("/counters/deposits_total", LockerDeposits),
        ("/counters/pickups_total", LockerPickups),
        ("/counters/returns_total", LockerReturns),
        ("/counters/open_cmd_total", LockerOpenCmds),
        ("/counters/open_fail_total", LockerOpenFails),
        ("/counters/overdue_now", LockerOverdue),
        ("/env/temp_c", LockerTemp),
        ("/env/mains_ok", LockerMainsOk),
        ("/env/battery_pct", LockerBattery),
        ("/env/rssi_dbm", HealthRssi),
    ]);
    telemetry.push(words("/compartments/occupancy_source", LockerOccupancySource, &["sensor", "business", "inferred"]));
    let mut telemetry = message(MessageKind::Telemetry, "telemetry", telemetry);
    telemetry.required.push("/compartments".into());
    MqttMap { messages: vec![telemetry, event(), message(MessageKind::Status, "status", Vec::new())] }
}

fn event() -> Message {
    let mut fields = fields(&[
        ("/target", Point::EventTarget),
        ("/code", Point::EventCode),
        ("/amount_fen", Point::EventAmount),
        ("/dur_s", Point::EventDuration),
    ]);
    fields.push(words("/outcome", Point::EventOutcome, &["ok", "fail", "timeout"]));
    let event = message(MessageKind::Event, "event", fields);
    Message { key: Some("/eid".into()), part: Some("/type".into()), ignored: vec!["/v".into(), "/ref".into()], ..event }
}

pub(crate) fn cabinet() -> MqttMap {
    let mut telemetry = fields(&[
        ("/temps/product", Point::CabinetProduct),
        ("/temps/evaporator", Point::CabinetEvap),
        ("/temps/condenser", Point::CabinetCond),
        ("/temps/setpoint", Point::CabinetSetpoint),
        ("/state/compressor", Point::CabinetCompressor),
        ("/state/evap_fan", Point::CabinetFan),
        ("/state/defrost", Point::CabinetDefrost),
        ("/state/door_open", Point::CabinetDoor),
        ("/power/voltage_v", Point::EnergyVoltage),
        ("/power/current_a", Point::EnergyCurrent),
        ("/power/active_w", Point::EnergyActive),
        ("/power/energy_kwh_total", Point::EnergyTotal),
    ]);
    telemetry.push(MessageField { range: Some((-60.0, 80.0)), ..field("/temps/air", Point::CabinetAir) });
    telemetry.push(words("/state/mode", Point::CabinetMode, &["off", "cooling", "defrost", "unknown"]));
    let mut telemetry = message(MessageKind::Telemetry, "telemetry", telemetry);
    telemetry.required.push("/temps".into());
    telemetry.ignored.push("/alarms".into());
    telemetry.quality = Some("/quality".into());
    MqttMap { messages: vec![telemetry] }
}

pub(crate) fn vending() -> MqttMap {
    let mut telemetry = fields(&[
        ("/counters/vends_total", Point::VendingVends),
        ("/counters/sales_fen_total", Point::VendingSales),
        ("/counters/vend_fail_total", Point::VendingFails),
        ("/counters/power_outages_total", Point::VendingOutages),
        ("/temps/air", Point::VendingAir),
        ("/temps/setpoint", Point::VendingSetpoint),
        ("/net/rssi_dbm", Point::HealthRssi),
        ("/net/uptime_s", Point::HealthUptime),
    ]);
    let lanes = [
        ("capacity", Point::LaneCapacity),
        ("par", Point::LanePar),
        ("min", Point::LaneMin),
        ("level", Point::LaneLevel),
        ("fault", Point::LaneFault),
        ("price_fen", Point::LanePrice),
    ];
    for (name, point) in lanes {
        telemetry.push(MessageField { part: Some("no".into()), ..field(&format!("/lanes/*/{name}"), point) });
    }
    telemetry.push(words("/status", Point::VendingStatus, &["in_service", "out_of_service", "sold_out"]));
    let mut telemetry = message(MessageKind::Telemetry, "telemetry", telemetry);
    telemetry.ignored.extend(["/net/type".into(), "/lanes/*/sku".into()]);
    MqttMap { messages: vec![telemetry] }
}

pub(crate) fn device(kind: Kind, id: &str, map: MqttMap) -> Device {
    let profile = Profile {
        id: kind.as_str().into(),
        kind,
        maker: "test".into(),
        model: "test".into(),
        origin: "test".into(),
        interval: Duration::from_secs(60),
        dialect: Dialect::Mqtt(map),
    };
    Device {
        id: id.into(),
        name: None,
        kind,
        profile: Some(Arc::new(profile)),
        source: Source::Mqtt { broker: 0, topic_id: id.into() },
        interval: Duration::from_secs(60),
        cold: None,
        calibration: facility_config::device::Calibration::default(),
        keep: Duration::from_secs(24 * 3600),
        net_volume_l: None,
        polling: facility_config::device::Polling::default(),
        ingest: facility_config::device::Ingest::default(),
        rules: Vec::new(),
    }
}

/// A broker on loopback, without credentials.
pub(crate) fn broker(port: u16) -> Broker {
    Broker {
        name: "site".into(),
        endpoints: vec![Endpoint { wire: Wire::Tcp, host: "127.0.0.1".to_owned(), port, path: "".into() }],
        tls: Tls::default(),
        client_id: "facility-gw-1".to_owned(),
        username: None,
        password_file: None,
        keep_alive: Duration::from_secs(5),
        window: 20,
        retained: Retained::default(),
    }
}

/// The gateway and these devices.
pub(crate) fn site_of(devices: Vec<Device>) -> Site {
    let gateway = Device {
        id: "gw-1".into(),
        name: None,
        kind: Kind::Gateway,
        profile: None,
        source: Source::Gateway,
        interval: Duration::from_secs(60),
        cold: None,
        calibration: facility_config::device::Calibration::default(),
        keep: Duration::from_secs(24 * 3600),
        net_volume_l: None,
        polling: facility_config::device::Polling::default(),
        ingest: facility_config::device::Ingest::default(),
        rules: Vec::new(),
    };
    Site {
        gateway: Gateway { id: "gw-1".into(), site: "fz-gl".into(), district: "350102".into(), community: None, circle_type: None },
        store: Store {
            dir: "/nonexistent".into(),
            commit_delay: Duration::from_secs(1),
            readings_bytes_max: 0,
            outbox_bytes_max: 0,
            overflow: Overflow::DropOldest,
            free_bytes_min: 0,
            card_cycles: 500,
        },
        brokers: vec![broker(1883)],
        buses: Vec::new(),
        devices: std::iter::once(gateway).chain(devices).collect(),
        forward: Vec::new(),
        api: Api { listen: None },
        window: Duration::from_secs(300),
        minutes: false,
        zone: facility_config::zone::china(),
        coldchain: facility_config::site::ColdChain::default(),
    }
}

/// One locker, one cabinet, one vending machine.
pub(crate) fn site() -> Site {
    site_of(vec![
        device(Kind::Locker, "gl-junmen-lk-01", locker()),
        device(Kind::Cabinet, "tj-aofengzhou-fz-02", cabinet()),
        device(Kind::Vending, "cs-jinzhou-vm-03", vending()),
    ])
}

/// A message that has just come, at 7 ms past 1970.
pub(crate) fn arrival<'a>(topic: &'a str, payload: &'a [u8]) -> Arrival<'a> {
    Arrival { topic, payload, retained: false, now_ms: 7 }
}
