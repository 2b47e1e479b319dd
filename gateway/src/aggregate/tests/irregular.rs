//! Records that come late, early or out of order, and a log that falls silent.

use crate::aggregate::fixture::*;
use crate::aggregate::{Fold, Irregular};
use facility_config::device::ColdClass;
use facility_config::limits::{FOLD_BATCHES_PER_CLOSE, LANES_MAX, SILENT_WINDOWS_MAX};
use facility_config::{DeviceIx, Kind, Part, Point};
use facility_drivers::{Metric, Value};
use std::time::Duration;

const FIVE_MIN: Duration = Duration::from_secs(300);

/// A record of a count whose commit was `delay_s` after its time.
fn count(at_s: i64, delay_s: i64, count: i64) -> Line {
    let line = said(at_s, Point::LockerDeposits, Value::Int(count));
    Line { log_ms: line.at_ms + delay_s * 1000, ..line }
}

#[test]
fn a_window_stays_open_for_its_grace_and_no_longer() {
    // Window [0, 300), grace 30 s: a record of second 299 committed at 329 is in time, one committed at 330 is late.
    for (delay_s, first, second, late) in [(30, Some(5.0), None, 0), (31, None, Some(5.0), 1)] {
        let log = [count(10, 1, 100), count(299, delay_s, 105)];
        let mut windows = Fold::new(site(FIVE_MIN, vec![device("lk-01", Kind::Locker, 60)]));
        let batches = fold(&mut windows, &log, T0 + 700_000);
        check("first", &figures(&batches, DeviceIx(1), 0), &[("locker_5m.deposits", first)]);
        // A late difference is booked in the oldest open window: the sum over windows stays right.
        check("second", &figures(&batches, DeviceIx(1), 300), &[("locker_5m.deposits", second)]);
        assert_eq!(windows.irregular().late, late);
    }
}

#[test]
fn a_late_value_stands_from_now_on() {
    // Sampled at 290, committed at 340 when its window is closed: it holds until 290 + 180.
    let late = Line { log_ms: T0 + 340_000, ..said(290, Point::CabinetAir, Value::Float(-20.0)) };
    let log = [said(0, Point::CabinetDoor, Value::Bool(false)), late];
    let mut windows = Fold::new(site(FIVE_MIN, vec![cabinet(ColdClass::Frozen)]));
    let batches = fold(&mut windows, &log, T0 + 700_000);
    check("its own window", &figures(&batches, DeviceIx(1), 0), &[("cabinet_5m.observed_s", None)]);
    // Online from its own time on, and for two intervals from when it was heard.
    let expected = [("cabinet_5m.observed_s", Some(170.0)), ("device_5m.online_s", Some(160.0)), ("device_5m.received", Some(0.0))];
    check("the open window", &figures(&batches, DeviceIx(1), 300), &expected);
}

#[test]
fn a_record_that_was_overtaken_is_not_used() {
    // 105 was overtaken by 110: taken, it would pass for a reset and count 105 parcels.
    let log = [count(10, 1, 100), count(120, 1, 110), Line { log_ms: T0 + 122_000, ..count(60, 1, 105) }];
    let mut windows = Fold::new(site(FIVE_MIN, vec![device("lk-01", Kind::Locker, 60)]));
    let batches = fold(&mut windows, &log, T0 + 400_000);
    check("sum", &figures(&batches, DeviceIx(1), 0), &[("locker_5m.deposits", Some(10.0))]);
    assert_eq!(windows.irregular(), Irregular { outdated: 1, ..Irregular::default() });
}

#[test]
fn a_record_from_the_future_gets_the_logs_time() {
    let log = [Line { at_ms: i64::MAX, ..said(100, Point::CabinetAir, Value::Float(-20.0)) }];
    let mut windows = Fold::new(site(FIVE_MIN, vec![cabinet(ColdClass::Frozen)]));
    let batches = fold(&mut windows, &log, T0 + 400_000);
    check("from its commit on", &figures(&batches, DeviceIx(1), 0), &[("cabinet_5m.observed_s", Some(180.0))]);
    assert_eq!(windows.irregular().ahead, 1);
}

#[test]
fn a_silent_log_is_written_as_silence_for_a_day_and_then_stepped_over() {
    let year_ms = 365 * 86_400_000;
    let devices = vec![cabinet(ColdClass::Frozen), device("lk-01", Kind::Locker, 60)];
    let log = [said(0, Point::CabinetAir, Value::Float(-20.0))];
    let after = Line { log_ms: T0 + year_ms + 61_000, at_ms: T0 + year_ms + 60_000, ..said(0, Point::CabinetAir, Value::Float(-20.0)) };
    let mut windows = Fold::new(site(FIVE_MIN, devices));
    let mut batches = fold(&mut windows, &log, T0 + year_ms);
    assert_eq!(batches.iter().filter(|batch| is_of(batch, "")).count(), 3 * SILENT_WINDOWS_MAX as usize);
    check(
        "a silent window",
        &figures(&batches, DeviceIx(1), 3600),
        &[("device_5m.online_rate", Some(0.0)), ("device_5m.window_s", Some(300.0))],
    );
    batches.extend(fold(&mut windows, &[after], T0 + year_ms + 400_000));
    let minutes = [("cabinet_5m.observed_s", Some(180.0))];
    check("a year on", &figures(&batches, DeviceIx(1), year_ms / 1000), &minutes);
    assert!(windows.irregular().skipped_windows > 100_000);
}

#[test]
fn one_call_hands_out_a_bounded_number_of_batches() {
    let devices = (0..1500).map(|at| device(&format!("d-{at}"), Kind::Meter, 60)).collect();
    let mut windows = Fold::new(site(FIVE_MIN, devices));
    windows.observe(T0, DeviceIx(0), Point::GatewayUptime.into(), T0, &Value::Int(1));
    let mut calls = 0;
    let mut last_ms = i64::MIN;
    loop {
        let batches = windows.close(T0 + 3_600_000);
        let Some(newest) = batches.iter().rev().find(|batch| is_of(batch, "")) else { break };
        assert!(batches.len() < FOLD_BATCHES_PER_CLOSE + 1501 && batches.len().is_multiple_of(1501), "whole windows");
        assert!(batches[0].at_ms > last_ms, "in order");
        assert_eq!(windows.open_ms(), Some(newest.at_ms + 300_000), "no window is missing");
        last_ms = newest.at_ms;
        calls += 1;
    }
    assert!(calls > 1);
}

#[test]
fn lanes_are_bounded_and_forgotten_when_silent() {
    let mut windows = Fold::new(site(FIVE_MIN, vec![device("vm-03", Kind::Vending, 60)]));
    let flood: Vec<_> = (0..LANES_MAX + 10)
        .map(|no| Line {
            metric: Metric { point: Point::LaneLevel, part: Part::new(&no.to_string()).unwrap() },
            ..said(0, Point::LaneLevel, Value::Int(0))
        })
        .collect();
    let batches = fold(&mut windows, &flood, T0 + 400_000);
    assert_eq!(windows.irregular().outdated, 10);
    let expected = [("vending_5m.lane_empty_s", Some(LANES_MAX as f64 * 180.0))];
    check("as many as allowed", &figures(&batches, DeviceIx(1), 0), &expected);
    assert!(windows.snapshot().len() < 1000, "silent lanes are gone: {} bytes", windows.snapshot().len());
}
