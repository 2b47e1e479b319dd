//! Reference results of DOMAIN §4, in windows of one hour.

use crate::aggregate::Fold;
use crate::aggregate::fixture::*;
use facility_config::device::ColdClass;
use facility_config::{Device, DeviceIx, Kind, Part, Point};
use facility_drivers::{Metric, Quality, Subject, Value};
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR_S: i64 = 3600;

/// Figures of the first hour of one device.
fn hour(device: Device, log: &[Line]) -> BTreeMap<&'static str, f64> {
    let mut hours = Fold::new(site(Duration::from_secs(3600), vec![device]));
    let batches = fold(&mut hours, log, T0 + (HOUR_S + 60) * 1000);
    figures(&batches, DeviceIx(1), 0)
}

/// One sample a minute; `None` where nothing was sent.
fn each_minute(value: impl Fn(i64) -> Option<Vec<(Point, Value)>>) -> Vec<Line> {
    (0..60).flat_map(|minute| value(minute).into_iter().flatten().map(move |(point, value)| said(minute * 60, point, value))).collect()
}

#[test]
fn mean_holds_three_intervals_into_a_gap_and_no_further() {
    // 30 until the gap from minute 20 to 30, then 45: the sample mean would be 39.0, carrying on 37.5.
    let log = each_minute(|minute| match minute {
        0..20 => Some(vec![(Point::EnergyActive, Value::Float(30.0))]),
        20..30 => None,
        _ => Some(vec![(Point::EnergyActive, Value::Float(45.0))]),
    });
    let figures = hour(device("m-1", Kind::Meter, 60), &log);
    let expected = [
        ("energy_5m.active_mean_w", Some(38.6538)),
        ("energy_5m.coverage", Some(0.8667)),
        ("energy_5m.energy_kwh", None),
        ("energy_5m.resets", None),
        // The last message before the gap is at minute 19: online until 21, then again from 30.
        ("device_5m.online_s", Some(51.0 * 60.0)),
        ("device_5m.online_rate", Some(0.85)),
        ("device_5m.received", Some(50.0)),
        ("device_5m.expected", Some(60.0)),
    ];
    check("gap", &figures, &expected);
}

#[test]
fn defrost_is_left_out_of_the_adjusted_compliance_only() {
    // Defrost from minute 20 to 30; the air is 6 °C too warm from minute 20 to 35. Door opened twice for two minutes.
    let log = each_minute(|minute| {
        let air_c = if (20..35).contains(&minute) { -12.0 } else { -20.0 };
        Some(vec![
            (Point::CabinetAir, Value::Float(air_c)),
            (Point::CabinetDefrost, Value::Bool((20..30).contains(&minute))),
            (Point::CabinetDoor, Value::Bool(matches!(minute, 5 | 6 | 40 | 41))),
            (Point::CabinetCompressor, Value::Bool(minute % 2 == 0)),
        ])
    });
    let expected = [
        ("cabinet_5m.compliance_raw", Some(0.75)),
        ("cabinet_5m.compliance_adjusted", Some(1.0)),
        ("cabinet_5m.observed_s", Some(3600.0)),
        ("cabinet_5m.compliant_s", Some(45.0 * 60.0)),
        ("cabinet_5m.adj_observed_s", Some(20.0 * 60.0)),
        ("cabinet_5m.adj_compliant_s", Some(20.0 * 60.0)),
        ("cabinet_5m.degree_min", Some(90.0)),
        ("cabinet_5m.air_mean_c", Some(-18.0)),
        ("cabinet_5m.air_min_c", Some(-20.0)),
        ("cabinet_5m.air_max_c", Some(-12.0)),
        ("cabinet_5m.door_open_s", Some(240.0)),
        ("cabinet_5m.door_openings", Some(2.0)),
        ("cabinet_5m.compressor_s", Some(1800.0)),
        ("cabinet_5m.coverage", Some(1.0)),
    ];
    check("defrost", &hour(cabinet(ColdClass::Frozen), &log), &expected);
}

#[test]
fn defrosts_by_flag_by_mode_stuck_and_split_by_a_gap() {
    fn adjusted_min(on: impl Fn(i64) -> Option<Value>, point: Point) -> f64 {
        let log = each_minute(|minute| {
            let air = (Point::CabinetAir, Value::Float(-20.0));
            Some(std::iter::once(air).chain(on(minute).map(|on| (point, on))).collect())
        });
        let figures = hour(cabinet(ColdClass::Frozen), &log);
        figures.get("cabinet_5m.adj_observed_s").copied().unwrap_or(0.0) / 60.0
    }
    let mode = |on: bool| text(if on { "defrost" } else { "cooling" });
    // 60 minutes less [start, end + 30 min].
    let left = adjusted_min(|minute| Some(mode((10..20).contains(&minute))), Point::CabinetMode);
    assert_eq!(left, 20.0, "read from the mode");
    let left = adjusted_min(|minute| Some(Value::Bool(minute >= 10)), Point::CabinetDefrost);
    assert_eq!(left, 10.0, "still running at the end of the hour");
    let left = adjusted_min(|_| Some(Value::Bool(false)), Point::CabinetDefrost);
    assert_eq!(left, 60.0, "none");
    // On in minutes 5 to 8, silent to 20, on again to 22: one defrost, forgiven to 52.
    let split = |minute| match minute {
        0..5 => Some(Value::Bool(false)),
        5..8 | 20..22 => Some(Value::Bool(true)),
        8..20 => Some(Value::Missing(Quality::SensorError)),
        _ => Some(Value::Bool(false)),
    };
    assert_eq!(adjusted_min(split, Point::CabinetDefrost), 5.0 + 8.0, "one defrost with a gap inside");
}

#[test]
fn a_cabinet_without_cold_class_has_temperatures_and_no_compliance() {
    let log = each_minute(|_| Some(vec![(Point::CabinetAir, Value::Float(3.0))]));
    let figures = hour(device("cb-1", Kind::Cabinet, 60), &log);
    let names: Vec<_> = figures.keys().copied().filter(|name| name.starts_with("cabinet_5m")).collect();
    assert_eq!(names, ["cabinet_5m.air_max_c", "cabinet_5m.air_mean_c", "cabinet_5m.air_min_c", "cabinet_5m.coverage"]);
}

#[test]
fn counters_roll_over_reset_and_survive_gaps() {
    type Case = (&'static str, Point, &'static [i64], &'static str, Option<f64>);
    let cases: &[Case] = &[
        ("DEX rollover", Point::VendingVends, &[99_999_990, 99_999_999, 4], "vending_5m.vends", Some(14.0)),
        ("DEX sales rollover", Point::VendingSales, &[99_999_000, 500], "vending_5m.sales_fen", Some(1500.0)),
        ("DEX reset", Point::VendingFails, &[164, 166, 3], "vending_5m.vend_fails", Some(5.0)),
        ("two messages that changed places", Point::LockerDeposits, &[18_044, 18_050, 18_049, 18_051], "locker_5m.deposits", Some(8.0)),
        ("reset of a locker", Point::LockerDeposits, &[18_044, 18_050, 2], "locker_5m.deposits", Some(8.0)),
        ("no rollover of a locker", Point::LockerPickups, &[99_999_999, 4], "locker_5m.pickups", Some(4.0)),
        ("standing still", Point::LockerOpenCmds, &[7, 7], "locker_5m.open_cmds", Some(0.0)),
        ("first value ever", Point::LockerOpenFails, &[7], "locker_5m.open_fails", None),
        ("nonsense is passed over", Point::LockerDeposits, &[10, -5, 12], "locker_5m.deposits", Some(2.0)),
    ];
    for (case, point, counts, name, expected) in cases {
        // Ten minutes apart: far beyond the hold of three minutes.
        let log: Vec<_> = counts.iter().zip(0..).map(|(count, at)| said(at * 600, *point, Value::Int(*count))).collect();
        check(case, &hour(device("d-1", Kind::Vending, 60), &log), &[(name, *expected)]);
    }
}

#[test]
fn energy_counts_through_resets_and_not_through_jitter() {
    type Case = (&'static str, &'static [f64], Option<f64>, Option<f64>);
    let cases: &[Case] = &[
        ("reset", &[1374.5, 1376.0, 0.4, 1.9], Some(3.4), Some(1.0)),
        ("set back, or messages that changed places", &[1374.5, 1376.0, 1375.8, 1376.1], Some(1.8), Some(1.0)),
        ("last digit steps back", &[1374.51, 1374.50, 1374.52], Some(0.01), Some(0.0)),
        ("one value", &[1374.5], None, None),
        ("below zero", &[1.0, -3.0, 2.0], Some(1.0), Some(0.0)),
    ];
    for (case, totals, kwh, resets) in cases {
        let log: Vec<_> = totals.iter().zip(0..).map(|(kwh, at)| said(at * 600, Point::EnergyTotal, Value::Float(*kwh))).collect();
        let expected = [("energy_5m.energy_kwh", *kwh), ("energy_5m.resets", *resets), ("energy_5m.active_mean_w", None)];
        check(case, &hour(device("m-1", Kind::Meter, 60), &log), &expected);
    }
}

#[test]
fn offline_is_unknown_and_not_down() {
    // 40 minutes in service, 15 sold out, five unknown.
    let log = each_minute(|minute| {
        let status = match minute {
            0..40 => "in_service",
            40..50 => "sold_out",
            50..55 => "fault",
            _ => "unknown",
        };
        Some(vec![(Point::VendingStatus, text(status))])
    });
    let expected = [
        ("vending_5m.availability", Some(0.7273)),
        ("vending_5m.coverage", Some(0.9167)),
        ("vending_5m.in_service_s", Some(2400.0)),
        ("vending_5m.observed_s", Some(3300.0)),
        ("vending_5m.lane_observed_s", None),
    ];
    check("vending", &hour(device("vm-03", Kind::Vending, 60), &log), &expected);
}

#[test]
fn stock_outs_are_counted_over_all_lanes() {
    let lane = |minute: i64, no: &str, level: Value| Line {
        metric: Metric { point: Point::LaneLevel, part: Part::new(no).unwrap() },
        ..said(minute * 60, Point::LaneLevel, level)
    };
    let log: Vec<_> = (0..60)
        .flat_map(|minute| {
            let sold_out = i64::from(minute < 45);
            let broken = if minute < 30 { Value::Int(3) } else { Value::Missing(Quality::SensorError) };
            [lane(minute, "B2", broken), lane(minute, "A1", Value::Int(5)), lane(minute, "A2", Value::Int(sold_out))]
        })
        .collect();
    let expected = [("vending_5m.lane_observed_s", Some(150.0 * 60.0)), ("vending_5m.lane_empty_s", Some(900.0))];
    check("lanes", &hour(device("vm-03", Kind::Vending, 60), &log), &expected);
}

#[test]
fn occupancy_needs_all_its_inputs_at_once() {
    let counts = |minute: i64, faulted: Option<i64>| {
        let faulted = faulted.map(|count| if count < 0 { Value::Missing(Quality::Uncertain) } else { Value::Int(count) });
        let mut said = vec![
            (Point::LockerTotal, Value::Int(60)),
            (Point::LockerOccupied, Value::Int(if minute < 30 { 20 } else { 40 })),
            (Point::LockerDisabled, Value::Int(8)),
        ];
        said.extend(faulted.map(|faulted| (Point::LockerFaulted, faulted)));
        Some(said)
    };
    type Case<'a> = (&'a str, &'a dyn Fn(i64) -> Option<i64>, &'a [(&'a str, Option<f64>)]);
    let cases: &[Case<'_>] = &[
        (
            "all known",
            &|_| Some(2),
            &[
                ("locker_5m.occupancy", Some(0.6)),
                ("locker_5m.occupied_s", Some(30.0 * 3600.0)),
                ("locker_5m.usable_s", Some(50.0 * 3600.0)),
                ("locker_5m.faulted_share", Some(2.0 / 60.0)),
                ("locker_5m.coverage", Some(1.0)),
            ],
        ),
        (
            "faults unknown in the second half",
            &|minute| Some(if minute < 30 { 2 } else { -1 }),
            &[("locker_5m.occupancy", Some(0.4)), ("locker_5m.coverage", Some(0.5)), ("locker_5m.faulted_share", Some(2.0 / 60.0))],
        ),
        (
            "a locker that never speaks of faults",
            &|_| None,
            &[("locker_5m.occupancy", Some(30.0 / 52.0)), ("locker_5m.faulted_share", None)],
        ),
        ("none usable", &|_| Some(60), &[("locker_5m.occupancy", None), ("locker_5m.usable_s", Some(0.0))]),
    ];
    for (case, faulted, expected) in cases {
        check(case, &hour(device("lk-01", Kind::Locker, 60), &each_minute(|minute| counts(minute, faulted(minute)))), expected);
    }
}

#[test]
fn a_value_from_before_the_window_counts_within_its_hold() {
    // Heard 100 s before the hour, never again: 80 s of the hour are known, and none of the next.
    let log = [said(-100, Point::CabinetAir, Value::Float(-20.0))];
    let mut hours = Fold::new(site(Duration::from_secs(3600), vec![cabinet(ColdClass::Frozen)]));
    let batches = fold(&mut hours, &log, T0 + (2 * HOUR_S + 60) * 1000);
    let expected = [("cabinet_5m.observed_s", Some(80.0)), ("cabinet_5m.coverage", Some(80.0 / 3600.0))];
    check("first hour", &figures(&batches, DeviceIx(1), 0), &expected);
    let expected = [("cabinet_5m.observed_s", None), ("cabinet_5m.coverage", None), ("device_5m.online_rate", Some(0.0))];
    check("second hour", &figures(&batches, DeviceIx(1), HOUR_S), &expected);
}

#[test]
fn online_follows_what_the_device_says_and_not_what_the_driver_counts() {
    let health = |value| vec![(Point::HealthOnline, value)];
    type Case<'a> = (&'a str, Vec<(i64, Vec<(Point, Value)>)>, f64, f64);
    let comm_error = || Value::Missing(Quality::CommError);
    let cases: [Case<'_>; 6] = [
        ("silent", vec![], 0.0, 0.0),
        ("last will", vec![(0, vec![(Point::CabinetAir, Value::Float(1.0))]), (30, health(Value::Bool(false)))], 30.0, 1.0),
        ("birth", vec![(0, health(Value::Bool(true)))], 120.0, 0.0),
        ("broken probe", vec![(0, vec![(Point::CabinetAir, Value::Missing(Quality::SensorError))])], 120.0, 1.0),
        ("not reached", vec![(0, vec![(Point::CabinetAir, comm_error()), (Point::HealthPollsErr, Value::Int(4))])], 0.0, 0.0),
        (
            "one message of many values",
            vec![(0, vec![(Point::CabinetAir, Value::Float(1.0)), (Point::EnergyActive, Value::Float(1.0))])],
            120.0,
            1.0,
        ),
    ];
    for (case, messages, online_s, received) in cases {
        let log: Vec<_> = messages.into_iter().flat_map(|(at_s, points)| points.into_iter().map(move |(p, v)| said(at_s, p, v))).collect();
        // The gateway's own heartbeat opens the hour also where the device is silent.
        let beat = Line { device: DeviceIx::GATEWAY, ..said(0, Point::GatewayUptime, Value::Int(1)) };
        let log: Vec<_> = std::iter::once(beat).chain(log).collect();
        let figures = hour(device("d-1", Kind::Cabinet, 60), &log);
        let expected =
            [("device_5m.online_s", Some(online_s)), ("device_5m.window_s", Some(3600.0)), ("device_5m.received", Some(received))];
        check(case, &figures, &expected);
    }
}

#[test]
fn batches_come_in_the_order_of_devices_and_points() {
    let log = each_minute(|_| {
        Some(vec![
            (Point::EnergyActive, Value::Float(30.0)),
            (Point::CabinetAir, Value::Float(-20.0)),
            (Point::VendingStatus, text("fault")),
        ])
    });
    let mut hours = Fold::new(site(Duration::from_secs(3600), vec![cabinet(ColdClass::Frozen), device("z-9", Kind::Meter, 60)]));
    let batches = fold(&mut hours, &log, T0 + (HOUR_S + 60) * 1000);
    // The short window of every device, then the hour of the calendar that ends with it.
    assert_eq!(batches.iter().map(|batch| batch.device.unwrap().0).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
    for batch in &batches {
        assert_eq!((batch.subject, batch.at_ms), (Subject::Metric, T0));
        assert!(batch.readings.is_sorted_by_key(|reading| reading.metric), "table order: {batch:?}");
    }
    assert_eq!(hours.open_ms(), Some(T0 + HOUR_S * 1000));
}

/// DOMAIN §4: retries within 10 s count once.
#[test]
fn an_opening_that_is_tried_three_times_is_one_failure() {
    let fail = |at_s: i64, compartment: &str| {
        let part = Part::new("open_fail").unwrap();
        Line { metric: Metric { point: Point::EventTarget, part }, ..said(at_s, Point::LockerTotal, text(compartment)) }
    };
    // Three tries of one compartment, two of another in between, one that names none twice, and the first again later.
    let fails = [(600, "7"), (605, "7"), (606, "9"), (612, "7"), (615, "9"), (620, ""), (622, ""), (640, "7")];
    let mut log: Vec<Line> = fails.into_iter().map(|(at_s, compartment)| fail(at_s, compartment)).collect();
    for (at_s, cmds, fails) in [(0, 1000, 50), (660, 1103, 58)] {
        log.extend([said(at_s, Point::LockerOpenCmds, Value::Int(cmds)), said(at_s, Point::LockerOpenFails, Value::Int(fails))]);
    }
    log.sort_by_key(|line| line.at_ms);
    let site = site(Duration::from_secs(300), vec![device("lk-01", Kind::Locker, 600)]);
    let batches = fold(&mut Fold::new(site), &log, T0 + 3 * 3_600_000);
    let hour = figures_of_window(&batches, DeviceIx(1), T0, "1h");
    let of = |name: &str| hour[&*format!("locker_kpi.{name}")];
    assert_eq!((of("open_cmds"), of("open_fails"), of("open_retries")), (103.0, 8.0, 3.0));
    assert_eq!(of("open_fail_rate"), 5.0 / 100.0);
}
