//! Every example of the schemas to its exact readings, and the rules for what a value may be.

use super::{decode, part, readings, text};
use crate::decode::message::MessageDecoder;
use crate::decode::message::fixture::{
    CABINET, CABINET_EXAMPLE, CABINET_TOPIC, EVENT_EXAMPLE, EVENT_TOPIC, EXAMPLE_MS, LOCKER, LOCKER_EXAMPLE, LOCKER_TOPIC, STATUS_TOPIC,
    VENDING, VENDING_EXAMPLE, VENDING_TOPIC, arrival, device, field, locker, message, site_of,
};
use crate::reading::{Batch, Quality, Subject, Value};
use Point::*;
use Value::{Bool, Float, Int, Missing};
use facility_config::profile::{Message, MessageField, MessageKind, MqttMap};
use facility_config::{Kind, Point};

#[track_caller]
fn assert_readings(batch: &Batch, expected: &[(Point, &str, Value)]) {
    assert_eq!((batch.refused, &*batch.faults), (None, &[][..]));
    let expected: Vec<_> = expected.iter().map(|(point, part, value)| (*point, (*part).to_owned(), value.clone())).collect();
    assert_eq!(readings(batch), expected);
}

#[test]
fn a_lockers_snapshot() {
    let batch = decode(LOCKER_TOPIC, LOCKER_EXAMPLE);
    assert_eq!((batch.device, batch.subject), (Some(LOCKER), Subject::Telemetry));
    assert_eq!((batch.device_ms, batch.at_ms), (Some(EXAMPLE_MS), 7));
    assert_readings(
        &batch,
        &[
            (HealthRssi, "", Float(-71.0)),
            (LockerTotal, "", Int(60)),
            (LockerOccupied, "", Int(41)),
            (LockerFree, "", Int(17)),
            (LockerFaulted, "", Int(2)),
            (LockerDisabled, "", Int(0)),
            (LockerDoorOpen, "", Int(1)),
            (LockerOccupancySource, "", text("business")),
            (LockerDeposits, "", Int(18044)),
            (LockerPickups, "", Int(18003)),
            (LockerReturns, "", Int(119)),
            (LockerOpenCmds, "", Int(36410)),
            (LockerOpenFails, "", Int(73)),
            (LockerOverdue, "", Int(6)),
            (LockerTemp, "", Float(31.5)),
            (LockerMainsOk, "", Bool(true)),
            (LockerBattery, "", Missing(Quality::SensorError)),
            (SizeTotal, "l", Int(10)),
            (SizeTotal, "m", Int(20)),
            (SizeTotal, "s", Int(30)),
            (SizeOccupied, "l", Int(4)),
            (SizeOccupied, "m", Int(13)),
            (SizeOccupied, "s", Int(24)),
        ],
    );
}

#[test]
fn a_cabinets_snapshot() {
    let batch = decode(CABINET_TOPIC, CABINET_EXAMPLE);
    assert_eq!((batch.device, batch.device_ms), (Some(CABINET), Some(EXAMPLE_MS)));
    assert_readings(
        &batch,
        &[
            (CabinetAir, "", Float(-19.4)),
            (CabinetProduct, "", Missing(Quality::SensorError)),
            (CabinetEvap, "", Float(-27.1)),
            (CabinetCond, "", Float(38.2)),
            (CabinetSetpoint, "", Float(-20.0)),
            (CabinetMode, "", text("cooling")),
            (CabinetCompressor, "", Bool(true)),
            (CabinetFan, "", Bool(true)),
            (CabinetDefrost, "", Bool(false)),
            (CabinetDoor, "", Bool(false)),
            (EnergyVoltage, "", Float(228.4)),
            (EnergyCurrent, "", Float(2.31)),
            (EnergyActive, "", Float(486.0)),
            (EnergyTotal, "", Float(1374.51)),
        ],
    );
}

#[test]
fn a_vending_machines_snapshot_names_lanes_wherever_the_number_stands() {
    let batch = decode(VENDING_TOPIC, VENDING_EXAMPLE);
    assert_eq!((batch.device, batch.device_ms), (Some(VENDING), Some(EXAMPLE_MS)));
    assert_readings(
        &batch,
        &[
            (HealthRssi, "", Float(-67.0)),
            (HealthUptime, "", Int(86400)),
            (VendingStatus, "", text("in_service")),
            (VendingVends, "", Int(20817)),
            (VendingSales, "", Int(9_641_250)),
            (VendingFails, "", Int(164)),
            (VendingOutages, "", Int(119)),
            (VendingAir, "", Float(4.2)),
            (VendingSetpoint, "", Float(4.0)),
            (LaneLevel, "A1", Int(5)),
            (LaneLevel, "A2", Int(0)),
            (LanePar, "A1", Int(8)),
            (LanePar, "A2", Int(8)),
            (LaneMin, "A1", Int(2)),
            (LaneMin, "A2", Int(2)),
            (LaneCapacity, "A1", Int(10)),
            (LaneCapacity, "A2", Int(10)),
            (LaneFault, "A1", Bool(false)),
            (LaneFault, "A2", Bool(false)),
            (LanePrice, "A1", Int(350)),
        ],
    );
}

#[test]
fn an_event_counts_one_under_its_type() {
    let batch = decode(EVENT_TOPIC, EVENT_EXAMPLE);
    assert_eq!((batch.device, batch.subject), (Some(LOCKER), Subject::Event));
    assert_eq!(batch.device_ms, Some(EXAMPLE_MS + 191_204));
    assert_readings(
        &batch,
        &[
            (EventTarget, "open_fail", text("17")),
            (EventOutcome, "open_fail", text("fail")),
            (EventCode, "open_fail", text("LOCK_NO_FEEDBACK")),
            // FNV-1a of the example's eid, 32 bits.
            (EventKey, "open_fail", Int(2_370_380_951)),
            (EventCount, "open_fail", Int(1)),
        ],
    );
}

#[test]
fn births_and_wills_say_whether_a_device_is_online() {
    for (payload, online) in [("online", true), ("offline", false), ("online\n", true)] {
        let batch = decode(STATUS_TOPIC, payload);
        assert_eq!((batch.device, batch.subject), (Some(LOCKER), Subject::Health), "{payload:?}");
        assert_readings(&batch, &[(HealthOnline, "", Bool(online))]);
    }
}

#[test]
fn quality_words_decide_over_the_value() {
    let cases = [
        (r#"{"temps.air":"sensor_error"}"#, Missing(Quality::SensorError)),
        (r#"{"temps.air":"comm_error"}"#, Missing(Quality::CommError)),
        (r#"{"temps.air":"out_of_range"}"#, Missing(Quality::OutOfRange)),
        (r#"{"temps.air":"stale"}"#, Missing(Quality::Stale)),
        (r#"{"temps.air":"uncertain"}"#, Float(-18.0)),
        (r#"{"temps.air":"good"}"#, Float(-18.0)),
        ("{}", Float(-18.0)),
        ("null", Float(-18.0)),
    ];
    for (quality, expected) in cases {
        let tail = r#""temps":{"air":-18}}"#;
        let head = r#"{"v":1,"id":"tj-aofengzhou-fz-02","ts":1788220800"#;
        let before = decode(CABINET_TOPIC, format!("{head},\"quality\":{quality},{tail}"));
        assert_readings(&before, &[(CabinetAir, "", expected.clone())]);
        let after = decode(CABINET_TOPIC, format!("{head},\"temps\":{{\"air\":-18}},\"quality\":{quality}}}"));
        assert_readings(&after, &[(CabinetAir, "", expected)]);
    }
    let absent = decode(CABINET_TOPIC, r#"{"v":1,"id":"tj-aofengzhou-fz-02","ts":0,"temps":{},"quality":{"temps.air":"sensor_error"}}"#);
    assert_readings(&absent, &[(CabinetAir, "", Missing(Quality::SensorError))]);
}

#[test]
fn a_devices_time_is_text_seconds_or_milliseconds() {
    let cases = [
        (r#""2026-09-01T00:00:00Z""#, Some(EXAMPLE_MS)),
        (r#""2026-09-01T08:00:00.5+08:00""#, Some(EXAMPLE_MS + 500)),
        ("1788220800", Some(EXAMPLE_MS)),
        ("1788220800.25", Some(EXAMPLE_MS + 250)),
        ("1788220800000", Some(EXAMPLE_MS)),
        (r#""1788220800""#, Some(EXAMPLE_MS)),
        // The sample of a vendor whose manual says milliseconds and means seconds.
        ("1511661561", Some(1_511_661_561_000)),
        ("0", Some(0)),
        ("null", None),
    ];
    for (time, expected) in cases {
        let batch = decode(CABINET_TOPIC, format!(r#"{{"v":1,"id":"tj-aofengzhou-fz-02","ts":{time},"temps":{{"air":1}}}}"#));
        assert_eq!((batch.device_ms, batch.readings.len(), &*batch.faults), (expected, 1, &[][..]), "{time}");
    }
}

/// A vendor's dialect: numbered lanes, amounts in yuan, minutes, positions instead of names.
#[test]
fn a_dialect_scales_and_numbers() {
    let scaled = |pointer: &str, point, scale| MessageField { scale, ..field(pointer, point) };
    let fields = vec![
        scaled("/sales", VendingSales, 100.0),
        scaled("/minutes", HealthUptime, 60.0),
        scaled("/t", VendingAir, 0.1),
        MessageField { part: Some("aisle_num".into()), ..field("/aisles/*/left", LaneLevel) },
        field("/broken/*", LaneFault),
    ];
    let message = Message { required: Vec::new(), ..message(MessageKind::Telemetry, "telemetry", fields) };
    let site = site_of(vec![device(Kind::Vending, "866262040000001", MqttMap { messages: vec![message] })]);
    let payload = r#"{"id":866262040000001,"sales":13.50,"minutes":3,"t":42,"aisles":[{"left":3,"aisle_num":7}],"broken":[false,true]}"#;
    let batch = MessageDecoder::new(&site, 0).decode(&arrival("scf/v1/fz-gl/vending/866262040000001/telemetry", payload.as_bytes()));
    assert_readings(
        &batch,
        &[
            (HealthUptime, "", Int(180)),
            (VendingSales, "", Int(1350)),
            (VendingAir, "", Float(4.2)),
            (LaneLevel, "7", Int(3)),
            (LaneFault, "1", Bool(false)),
            (LaneFault, "2", Bool(true)),
        ],
    );
}

#[test]
fn a_part_may_be_named_for_a_whole_snapshot() {
    let snapshot = message(MessageKind::Telemetry, "telemetry", vec![field("/level", LaneLevel)]);
    let snapshot = Message { part: Some("/lane".into()), required: Vec::new(), ..snapshot };
    let site = site_of(vec![device(Kind::Vending, "vm-1", MqttMap { messages: vec![snapshot] })]);
    let mut decoder = MessageDecoder::new(&site, 0);
    let batch = decoder.decode(&arrival("scf/v1/fz-gl/vending/vm-1/telemetry", br#"{"level":4,"lane":12}"#));
    assert_eq!((batch.readings.len(), batch.readings[0].metric.part), (1, part("12")));
}

#[test]
fn words_are_shared_and_not_copied() {
    let mut decoder = MessageDecoder::new(&site_of(vec![device(Kind::Locker, "gl-junmen-lk-01", locker())]), 0);
    let source = |batch: Batch| {
        batch.readings.into_iter().find_map(|reading| match reading.value {
            Value::Text(word) => Some(word),
            _ => None,
        })
    };
    let [one, other] = [0, 1].map(|_| source(decoder.decode(&arrival(LOCKER_TOPIC, LOCKER_EXAMPLE.as_bytes()))).expect("a word"));
    assert!(std::sync::Arc::ptr_eq(&one, &other));
}
