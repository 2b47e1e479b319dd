//! What the status page shows, and which messages are recognised as repetitions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::aggregate::fixture::{T0, device, site};
use facility_config::{Kind, Part, Point};
use facility_drivers::Quality;
use std::time::Duration;

const DEVICE: DeviceIx = DeviceIx(1);

fn latest() -> Latest {
    Latest::new(&site(Duration::from_secs(300), vec![device("fz-02", Kind::Cabinet, 60)]))
}

fn batch(subject: Subject, at_ms: i64, points: &[(Point, Value)]) -> Batch {
    let mut batch = Batch::new(DEVICE, subject, at_ms);
    points.iter().for_each(|(point, value)| batch.push(*point, value.clone()));
    batch
}

#[test]
fn the_newest_value_by_its_own_time_is_kept() {
    let mut latest = latest();
    for (at_ms, air_c) in [(T0, -20.0), (T0 + 60_000, -19.0), (T0 + 30_000, -5.0)] {
        latest.observe(&batch(Subject::Telemetry, at_ms, &[(Point::CabinetAir, Value::Float(air_c))]), T0);
    }
    let device = latest.device(DEVICE).unwrap();
    assert_eq!(device.values[&Metric::whole(Point::CabinetAir)], Newest { value: Value::Float(-19.0), at_ms: T0 + 60_000 });
    assert_eq!((device.last_seen_ms, device.messages), (Some(T0 + 60_000), 3));
    assert_eq!(latest.snapshot().len(), 2);
}

#[test]
fn online_is_two_intervals_after_it_was_heard_and_ends_with_its_last_will() {
    let air = (Point::CabinetAir, Value::Float(-20.0));
    let failed = (Point::CabinetAir, Value::Missing(Quality::CommError));
    let errors = (Point::HealthPollsErr, Value::Int(4));
    let will = (Point::HealthOnline, Value::Bool(false));
    // (case, messages at T0 plus so many seconds, online at T0 plus so many seconds, messages counted)
    type Case<'a> = (&'a str, &'a [(Subject, i64, &'a (Point, Value))], &'a [(i64, bool)], u64);
    let cases: &[Case<'_>] = &[
        ("never heard", &[], &[(0, false)], 0),
        ("heard", &[(Subject::Telemetry, 0, &air)], &[(0, true), (119, true), (120, false)], 1),
        ("failed polls", &[(Subject::Telemetry, 0, &failed), (Subject::Health, 1, &errors)], &[(2, false)], 0),
        ("last will", &[(Subject::Telemetry, 0, &air), (Subject::Health, 10, &will)], &[(9, true), (10, false)], 1),
        ("heard after an old last will", &[(Subject::Telemetry, 10, &air), (Subject::Health, 0, &will)], &[(20, true)], 1),
    ];
    for (case, messages, online, counted) in cases {
        let mut latest = latest();
        for (subject, at_s, point) in *messages {
            latest.observe(&batch(*subject, T0 + at_s * 1000, std::slice::from_ref(*point)), T0 + at_s * 1000);
        }
        let device = latest.device(DEVICE).unwrap();
        // The last will is known as soon as it came; what was true before it is not asked for.
        for (at_s, expected) in online.iter().filter(|(at_s, _)| messages.iter().all(|message| message.1 <= *at_s)) {
            assert_eq!(device.online(T0 + at_s * 1000), *expected, "{case} after {at_s} s");
        }
        assert_eq!(device.messages, *counted, "{case}");
    }
}

/// A lock station says nothing but this of its compartments.
#[test]
fn a_device_is_there_whatever_it_measures() {
    use Point::{CabinetAir, CompartmentDoor, CompartmentLockFault, ControllerAlarmActive, LaneFault, PhaseActive, ProbeTemp};
    for point in [CabinetAir, CompartmentDoor, CompartmentLockFault, ControllerAlarmActive, PhaseActive, LaneFault, ProbeTemp] {
        let name = point.info().name;
        assert_eq!(sign(point, &Value::Int(1)), Sign::Message, "{name}");
        assert_eq!(sign(point, &Value::Missing(Quality::CommError)), Sign::Nothing, "{name}");
    }
    let [event, figure] = [Point::EventCount, Point::Device5mReceived].map(|point| sign(point, &Value::Int(1)));
    assert_eq!((event, figure), (Sign::Heard, Sign::Nothing));
}

#[test]
fn a_device_keeps_no_more_series_than_it_may_have() {
    let mut latest = latest();
    let series_max = series_max(Ingest::default());
    for no in 0..series_max + 10 {
        let mut flood = Batch::new(DEVICE, Subject::Telemetry, T0);
        flood.push(Metric { point: Point::LaneLevel, part: Part::new(&no.to_string()).unwrap() }, Value::Int(1));
        latest.observe(&flood, T0);
    }
    assert_eq!(latest.device(DEVICE).unwrap().values.len(), series_max);
}

#[test]
fn repetitions_are_recognised() {
    use Subject::{Event, Health, Telemetry};
    // (subject, device time, content, seen before)
    let table = [
        (Telemetry, 1000, 0, false),
        (Telemetry, 1000, 0, true),
        (Telemetry, 1000, 9, false),
        (Telemetry, 1000, 9, true),
        (Telemetry, 3000, 0, false),
        (Telemetry, 2000, 0, false),
        (Telemetry, 2000, 0, true),
        (Telemetry, 3000, 0, true),
        (Telemetry, i64::MIN, 0, false),
        (Telemetry, i64::MIN, 0, true),
        (Event, 1000, 1, false),
        (Event, 1000, 2, false),
        (Event, 1000, 1, true),
        (Health, 1000, 1, false),
        (Health, 1000, 1, false),
    ];
    let mut latest = latest();
    for (row, (subject, device_ms, key, expected)) in table.into_iter().enumerate() {
        assert_eq!(latest.seen(DEVICE, subject, device_ms, key), expected, "row {row}");
    }
    assert!(!latest.seen(DeviceIx(0), Telemetry, 1000, 0), "another device has a memory of its own");
    assert!(!latest.seen(DeviceIx(9), Telemetry, 1000, 0), "an unknown device has none");
}

#[test]
fn what_the_log_had_is_known_by_time_and_series_until_as_many_messages_have_come_as_are_remembered() {
    let mut latest = latest();
    let readings =
        |points: &[Point]| points.iter().map(|point| Reading { metric: Metric::whole(*point), value: Value::Int(1) }).collect::<Vec<_>>();
    let left = |latest: &Latest, at_ms| {
        let mut said = readings(&[Point::CabinetAir, Point::CabinetDoor]);
        latest.drop_recorded(DEVICE, at_ms, &mut said);
        said
    };
    latest.recorded(DEVICE, T0, &readings(&[Point::CabinetAir, Point::CabinetSetpoint]));
    assert_eq!(left(&latest, T0), readings(&[Point::CabinetDoor]));
    assert_eq!(left(&latest, T0 + 1).len(), 2, "another time");
    for at_ms in 0..=STAMPS_REMEMBERED as i64 {
        latest.seen(DEVICE, Subject::Telemetry, T0 + at_ms, 0);
    }
    assert_eq!(left(&latest, T0).len(), 2);
}

#[test]
fn the_memory_is_exact_for_its_length_and_no_longer() {
    let mut latest = latest();
    let remembered = STAMPS_REMEMBERED as i64;
    for device_ms in 0..=remembered {
        assert!(!latest.seen(DEVICE, Subject::Telemetry, device_ms, 0));
    }
    assert!((1..=remembered).all(|device_ms| latest.seen(DEVICE, Subject::Telemetry, device_ms, 0)));
    assert!(!latest.seen(DEVICE, Subject::Telemetry, 0, 0), "the oldest was forgotten");
}

#[test]
fn events_of_one_burst_get_a_moment_each() {
    let mut latest = latest();
    let device = DeviceIx(1);
    let moments: Vec<i64> = [0, 0, 0, 1, 5_000, 0].map(|at_ms| latest.moment(device, T0 + at_ms) - T0).to_vec();
    // The last one is late by more than a burst: it keeps its time.
    assert_eq!(moments, [0, 1, 2, 3, 5_000, 0]);
}

#[test]
fn what_a_wrong_clock_left_in_the_future_does_not_hide_what_comes() {
    let mut latest = latest();
    let year_ms = 365 * 24 * 3_600_000;
    let air = |at_ms, air_c| batch(Subject::Telemetry, at_ms, &[(Point::CabinetAir, Value::Float(air_c))]);
    latest.observe(&air(T0 + year_ms, -1.0), T0 + year_ms);
    latest.observe(&air(T0, -20.0), T0);
    let device = latest.device(DeviceIx(1)).unwrap();
    assert_eq!(device.last_seen_ms, Some(T0));
    assert_eq!(device.values.values().next().unwrap().value, Value::Float(-20.0));
}
