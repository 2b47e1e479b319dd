//! Figures of days in small cases that can be checked by hand: what the counters were counted over, sizes, stock, deadlines,
//! faults that are told again, clocks that are behind.

use crate::aggregate::Fold;
use crate::aggregate::fixture::*;
use facility_config::device::ColdClass;
use facility_config::{Device, DeviceIx, Kind, Part, Point};
use facility_drivers::{Batch, Metric, Value};
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR_S: i64 = 3600;
const DAY_S: i64 = 24 * HOUR_S;
/// The local day begins at 16:00 UTC; [`T0`] is 08:00 there.
const DAY_FROM_S: i64 = 16 * HOUR_S;

/// Everything that comes out of a log of one device, up to the end of so many local days.
fn folded(device: Device, log: &[Line], days: i64) -> Vec<Batch> {
    let end_ms = T0 + (DAY_FROM_S + days * DAY_S + 60) * 1000;
    fold(&mut Fold::new(site(Duration::from_secs(300), vec![device])), log, end_ms)
}

/// Figures of the nth whole local day; -1 is the rest of the first.
fn day(batches: &[Batch], nth: i64) -> BTreeMap<&'static str, f64> {
    figures_of_window(batches, DeviceIx(1), T0 + (DAY_FROM_S + nth * DAY_S) * 1000, "1d")
}

fn of_part(at_s: i64, point: Point, part: &str, value: Value) -> Line {
    Line { metric: Metric { point, part: Part::new(part).unwrap() }, ..said(at_s, point, value) }
}

/// Times from the start to the end of the day, so many seconds apart, without those in a gap.
fn times(step_s: i64, gap: std::ops::Range<i64>) -> impl Iterator<Item = i64> {
    (0..=DAY_FROM_S + DAY_S).step_by(step_s as usize).filter(move |at_s| !gap.contains(&(at_s - DAY_FROM_S)))
}

#[test]
fn energy_per_day_is_put_to_the_time_it_was_counted_over() {
    // A tenth of a kWh every five minutes, 28.8 a day, also while nobody hears of it.
    let per_day = |gap: std::ops::Range<i64>| {
        let log: Vec<_> = times(300, gap).map(|at_s| said(at_s, Point::EnergyTotal, Value::Float(1000.0 + at_s as f64 / 3000.0))).collect();
        day(&folded(Device { net_volume_l: Some(400), ..device("m-1", Kind::Meter, 300) }, &log, 1), 0)
    };
    type Case<'a> = (&'a str, std::ops::Range<i64>, &'a [(&'a str, Option<f64>)]);
    let cases: &[Case<'_>] = &[
        (
            "heard all day",
            0..0,
            &[("energy_kpi.per_day_kwh", Some(28.8)), ("energy_kpi.per_day_m3_kwh", Some(72.0)), ("energy_kpi.metered_s", Some(86_400.0))],
        ),
        (
            "six hours of silence inside",
            10 * HOUR_S..16 * HOUR_S,
            &[("energy_kpi.per_day_kwh", Some(28.8)), ("energy_kpi.energy_kwh", Some(28.8)), ("energy_kpi.quality", Some(2.0))],
        ),
        // The day before has told nothing of its end: what is booked here was counted over more than this day.
        (
            "silent since the day before",
            -12 * HOUR_S..20 * HOUR_S,
            &[("energy_kpi.metered_s", Some(36.0 * 3600.0)), ("energy_kpi.per_day_kwh", None), ("energy_kpi.per_day_m3_kwh", None)],
        ),
        ("silent for the last quarter", 18 * HOUR_S..25 * HOUR_S, &[("energy_kpi.per_day_kwh", None)]),
    ];
    for (case, gap, expected) in cases {
        check(case, &per_day(gap.clone()), expected);
    }
    // Nothing is declared.
    let log = [said(0, Point::EnergyTotal, Value::Float(1.0)), said(DAY_FROM_S + 10, Point::EnergyTotal, Value::Float(2.0))];
    check("no volume", &day(&folded(device("m-1", Kind::Meter, 300), &log, 1), 0), &[("energy_kpi.per_day_m3_kwh", None)]);
}

#[test]
fn stock_is_put_to_the_sales_of_two_weeks() {
    // One vend an hour for 16 days, then two; 30 and 18 items in two lanes, at half past the hour.
    let mut log = Vec::new();
    let mut vends = 99_999_900;
    for hour in 0..22 * 24 {
        vends = (vends + if hour < 16 + 16 * 24 { 1 } else { 2 }) % 100_000_000;
        log.push(said(hour * HOUR_S + 60, Point::VendingVends, Value::Int(vends)));
        for (lane, level) in [("A1", 30), ("A2", 18)] {
            log.push(of_part(hour * HOUR_S + 60, Point::LaneLevel, lane, Value::Int(level)));
        }
    }
    let batches = folded(device("vm-03", Kind::Vending, 3600), &log, 21);
    // From eight in the morning on: 15 hours of the first day, so that a week is full at the end of the eighth.
    check("six days and a bit", &day(&batches, 5), &[("vending_kpi.stock_items", Some(48.0)), ("vending_kpi.days_of_supply", None)]);
    for (nth, supply) in [(6, 2.0), (15, 2.0), (20, 48.0 / ((9.0 * 24.0 + 5.0 * 48.0) / 14.0))] {
        check_within(&format!("day {nth}"), &day(&batches, nth), &[("vending_kpi.days_of_supply", Some(supply))], 0.02);
    }
    let expected = [
        ("vending_kpi.per_day_vends", Some(24.0)),
        ("vending_kpi.vends_counted_s", Some(86_400.0)),
        ("vending_kpi.per_day_fen", None),
        ("vending_kpi.resets", Some(0.0)),
    ];
    check("a rollover is no reset", &day(&batches, 3), &expected);
}

#[test]
fn lanes_below_their_refill_level_are_those_that_name_one() {
    let log: Vec<_> = times(300, 0..0)
        .flat_map(|at_s| {
            // Below two of the time from noon on: level 1 of at least 2. The other lane is empty and names no level.
            let level = if at_s - DAY_FROM_S < 18 * HOUR_S { 2 } else { 1 };
            [
                of_part(at_s, Point::LaneMin, "A1", Value::Int(2)),
                of_part(at_s, Point::LaneLevel, "A1", Value::Int(level)),
                of_part(at_s, Point::LaneLevel, "A2", Value::Int(0)),
            ]
        })
        .collect();
    let expected = [
        ("vending_kpi.below_min", Some(0.25)),
        ("vending_kpi.below_min_s", Some(6.0 * 3600.0)),
        ("vending_kpi.min_observed_s", Some(86_400.0)),
        ("vending_kpi.stock_out", Some(0.5)),
        ("vending_kpi.stock_items", Some(1.0)),
    ];
    check("lanes", &day(&folded(device("vm-03", Kind::Vending, 300), &log, 1), 0), &expected);
    // Silent in its last hours: nobody knows what was in it at its end.
    let until_s = DAY_FROM_S + 20 * HOUR_S;
    let log: Vec<_> = log.into_iter().filter(|line| line.at_ms < T0 + until_s * 1000).collect();
    check("silent", &day(&folded(device("vm-03", Kind::Vending, 300), &log, 1), 0), &[("vending_kpi.stock_items", None)]);
}

#[test]
fn occupancy_by_size_is_held_against_all_compartments_of_the_size() {
    let log: Vec<_> = times(300, 0..0)
        .flat_map(|at_s| {
            let is_second_half = at_s - DAY_FROM_S >= 12 * HOUR_S;
            let mut said = vec![
                of_part(at_s, Point::SizeTotal, "s", Value::Int(30)),
                of_part(at_s, Point::SizeOccupied, "s", Value::Int(if is_second_half { 24 } else { 12 })),
                of_part(at_s, Point::SizeTotal, "jumbo", Value::Int(9)),
                of_part(at_s, Point::SizeOccupied, "jumbo", Value::Int(9)),
            ];
            if is_second_half {
                said.push(of_part(at_s, Point::SizeTotal, "xl", Value::Int(4)));
                said.push(of_part(at_s, Point::SizeOccupied, "xl", Value::Int(1)));
            }
            said
        })
        .collect();
    let batches = folded(device("lk-01", Kind::Locker, 300), &log, 1);
    let expected = [
        ("locker_size_kpi.s_occupancy", Some(0.6)),
        ("locker_size_kpi.s_occupied_s", Some(18.0 * 86_400.0)),
        ("locker_size_kpi.s_installed_s", Some(30.0 * 86_400.0)),
        ("locker_size_kpi.m_occupancy", None),
        ("locker_size_kpi.m_installed_s", None),
        ("locker_size_kpi.xl_occupancy", Some(0.25)),
        ("locker_size_kpi.coverage", Some(0.5)),
        ("locker_size_kpi.quality", Some(2.0)),
    ];
    check("sizes", &day(&batches, 0), &expected);
    let of_hours = batches.iter().filter(|batch| is_of(batch, "1h"));
    assert!(of_hours.flat_map(|batch| &batch.readings).all(|figure| figure.metric.point != Point::LockerSizeKpiSOccupancy));
}

#[test]
fn parcels_are_overdue_in_the_day_of_their_deadline() {
    let event = |at_s: i64, kind: &str| of_part(at_s, Point::EventCount, kind, Value::Int(1));
    let lay = |at_s: i64, kind: &str, hours: i64| of_part(at_s, Point::EventDuration, kind, Value::Float(hours as f64 * 3600.0));
    // Three parcels of the rest of the first day, one of the next.
    let put_s = [HOUR_S, 2 * HOUR_S, 3 * HOUR_S, DAY_FROM_S + HOUR_S];
    let mut log: Vec<Line> = put_s.map(|at_s| event(at_s, "deposit")).into();
    let in_time_s = put_s[0] + 20 * HOUR_S;
    log.extend([event(in_time_s, "return_to_courier"), lay(in_time_s, "return_to_courier", 20)]);
    let too_late_s = put_s[1] + 25 * HOUR_S;
    log.extend([event(too_late_s, "pickup"), lay(too_late_s, "pickup", 25)]);
    // The gateway's own heartbeat: a silent log is stepped over.
    let beat = |at_s| Line { device: DeviceIx::GATEWAY, ..said(at_s, Point::GatewayUptime, Value::Int(1)) };
    log.extend((0..DAY_FROM_S + 3 * DAY_S).step_by(3600).map(beat));
    log.sort_by_key(|line| line.log_ms);
    let of_days = |keep_h: u64| {
        let locker = Device { keep: Duration::from_secs(keep_h * 3600), ..device("lk-01", Kind::Locker, 60) };
        let batches = folded(locker, &log, 3);
        [0, 1, 2].map(|nth| day(&batches, nth))
    };
    let [first, second, third] = of_days(24);
    let expected = [
        ("locker_kpi.due_parcels", Some(3.0)),
        ("locker_kpi.overdue_parcels", Some(2.0)),
        ("locker_kpi.overdue_unknown", Some(0.0)),
        ("locker_kpi.overdue_rate", Some(2.0 / 3.0)),
        ("locker_kpi.dwell_parcels", None),
    ];
    check("DOMAIN §4", &first, &expected);
    check("the next", &second, &[("locker_kpi.due_parcels", Some(1.0)), ("locker_kpi.overdue_rate", Some(1.0))]);
    check("nothing is due", &third, &[("locker_kpi.due_parcels", None), ("locker_kpi.overdue_rate", None)]);
    let [_, _, longer] = of_days(72);
    check("kept for three days", &longer, &[("locker_kpi.due_parcels", Some(3.0)), ("locker_kpi.overdue_parcels", Some(1.0))]);
    // A pick-up of which nobody knows the deposit: of one in three it is not known.
    log.push(event(in_time_s + 60, "pickup"));
    log.sort_by_key(|line| line.log_ms);
    let [first, ..] = [day(&folded(device("lk-01", Kind::Locker, 60), &log, 1), 0)];
    let expected = [
        ("locker_kpi.due_parcels", Some(3.0)),
        ("locker_kpi.overdue_parcels", Some(1.0)),
        ("locker_kpi.overdue_unknown", Some(1.0)),
        ("locker_kpi.overdue_rate", None),
    ];
    check("unknown", &first, &expected);
}

#[test]
fn counters_that_start_again_are_flagged() {
    let deposits = |at_s: i64, count: i64| said(DAY_FROM_S + at_s, Point::LockerDeposits, Value::Int(count));
    let log = [deposits(0, 18_044), deposits(600, 18_050), deposits(1200, 2), deposits(1800, 3)];
    let expected = [("locker_kpi.deposits", Some(9.0)), ("locker_kpi.resets", Some(1.0)), ("locker_kpi.observed_s", None)];
    check("locker", &day(&folded(device("lk-01", Kind::Locker, 60), &log, 1), 0), &expected);
}

#[test]
fn a_temperature_no_probe_can_say_was_not_observed() {
    let log: Vec<_> = times(60, 0..0)
        .map(|at_s| {
            let air_c = match at_s - DAY_FROM_S {
                ..43_200 => -20.0,
                43_200..50_000 => -273.1,
                50_000..60_000 => 80.1,
                _ => 850.0,
            };
            said(at_s, Point::CabinetAir, Value::Float(air_c))
        })
        .collect();
    let expected = [
        ("cabinet_kpi.air_min_c", Some(-20.0)),
        ("cabinet_kpi.air_max_c", Some(-20.0)),
        ("cabinet_kpi.compliance_raw", Some(1.0)),
        ("cabinet_kpi.coverage", Some(0.5)),
        ("device_kpi.online_rate", Some(1.0)),
    ];
    check("broken wire", &day(&folded(cabinet(ColdClass::Frozen), &log, 1), 0), &expected);
}

#[test]
fn a_device_whose_clock_is_behind_is_there() {
    let behind_ms = 1_200_000;
    let log: Vec<_> = (0..60)
        .map(|minute| {
            let line = said(minute * 60, Point::LockerOccupied, Value::Int(3));
            Line { log_ms: line.log_ms + behind_ms, ..line }
        })
        .collect();
    let mut windows = Fold::new(site(Duration::from_secs(300), vec![device("lk-01", Kind::Locker, 60)]));
    let batches = fold(&mut windows, &log, T0 + 4_500_000);
    for start_s in [1500, 1800, 3600] {
        let expected = [("device_5m.online_rate", Some(1.0)), ("device_5m.received", Some(0.0))];
        check("behind", &figures(&batches, DeviceIx(1), start_s), &expected);
    }
    let hour = figures_of_window(&batches, DeviceIx(1), T0, "1h");
    check("no flutter", &hour, &[("device_kpi.outages", Some(0.0))]);
}

#[test]
fn an_alarm_that_is_told_again_is_one_fault() {
    let told = |at_s: i64, rule: &str, word: &str, target: &str| {
        let mut event = vec![of_part(DAY_FROM_S + at_s, Point::AlarmState, rule, text(word))];
        if !target.is_empty() {
            event.push(of_part(DAY_FROM_S + at_s, Point::AlarmTarget, rule, text(target)));
        }
        event.push(of_part(DAY_FROM_S + at_s, Point::AlarmDurationS, rule, Value::Float(600.0)));
        event
    };
    let log: Vec<Line> = [
        told(0, "probe_fault", "raised", "air"),
        told(100, "probe_fault", "raised", "product"),
        told(3_600, "probe_fault", "raised", "air"),
        told(3_700, "probe_fault", "reminded", "air"),
        told(3_800, "probe_fault", "acknowledged", "air"),
        told(7_200, "probe_fault", "cleared", "air"),
        told(7_300, "probe_fault", "raised", "air"),
        told(8_000, "comm_loss", "raised", ""),
        told(9_000, "frozen_high", "raised", ""),
    ]
    .concat();
    let expected = [("device_kpi.faults", Some(4.0)), ("device_kpi.repaired", Some(1.0)), ("device_kpi.repair_s", Some(600.0))];
    check("faults", &day(&folded(cabinet(ColdClass::Frozen), &log, 1), 0), &expected);
}
