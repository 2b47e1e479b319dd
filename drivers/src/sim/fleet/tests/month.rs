//! What goes wrong in a month, and that nothing else does.

use super::*;
use crate::reading::{Quality, Subject};

const DAYS: u32 = 20;

fn month(devices: usize, seed: u64) -> Vec<Arrival> {
    let fleet = FleetSpec { devices, seed, start_ms: MIDNIGHT };
    let mut month = Month::new(MonthSpec { fleet, days: DAYS });
    let mut all = Vec::new();
    for hour in 1..=24 * i64::from(DAYS) {
        month.arrivals(MIDNIGHT + hour * HOUR_MS, &mut all);
    }
    all
}

/// Values of a point of one member, with the day and the log's time.
fn of(all: &[Arrival], at: usize, point: Point) -> Vec<(i64, &Value)> {
    let arrivals = all.iter().filter(|arrival| arrival.at == at);
    let values = arrivals.flat_map(|arrival| arrival.values.iter().map(move |(metric, value)| (arrival.at_ms, metric, value)));
    values.filter(|(_, metric, _)| metric.point == point).map(|(at_ms, _, value)| (at_ms, value)).collect()
}

#[test]
fn a_month_is_a_log_in_order_and_the_same_every_time() {
    let all = month(12, 5);
    assert!(all.is_sorted_by_key(|arrival| arrival.log_ms));
    assert!(all.iter().all(|arrival| arrival.log_ms > arrival.at_ms && !arrival.values.is_empty()), "nothing comes before its time");
    assert!(all == month(12, 5), "one seed, one month");
    assert!(all != month(12, 6));
    let end_ms = MIDNIGHT + i64::from(DAYS) * DAY_MS;
    assert!(all.iter().all(|arrival| arrival.at_ms < end_ms));
}

#[test]
fn rhythms_are_a_minute_on_the_bus_and_five_elsewhere() {
    let all = month(6, 5);
    let per_day = |at, point| of(&all, at, point).len() as f64 / f64::from(DAYS);
    // Roles by place: two lockers, a vending machine, two cabinets, a meter.
    assert!((270.0..=289.0).contains(&per_day(2, Point::VendingStatus)), "{}", per_day(2, Point::VendingStatus));
    assert!((1_400.0..=1_441.0).contains(&per_day(3, Point::CabinetAir)), "{}", per_day(3, Point::CabinetAir));
    assert!((1_400.0..=1_441.0).contains(&per_day(5, Point::EnergyTotal)), "{}", per_day(5, Point::EnergyTotal));
    assert!(per_day(1, Point::LockerOccupied) > 330.0, "and whenever a parcel changes hands");
    assert!(per_day(3, Point::CabinetDoor) > per_day(3, Point::CabinetAir) + 50.0, "and whenever a door moves");
}

#[test]
fn sizes_add_up_and_a_door_is_left_open_now_and_then() {
    let all = month(12, 5);
    let size_of = |arrival: &Arrival, point| {
        arrival.values.iter().filter(|(metric, _)| metric.point == point).map(|(_, value)| int_of(value)).sum::<i64>()
    };
    let of_lockers = all.iter().filter(|arrival| arrival.values.iter().any(|(metric, _)| metric.point == Point::LockerTotal));
    for arrival in of_lockers {
        assert_eq!(size_of(arrival, Point::SizeTotal), size_of(arrival, Point::LockerTotal));
        assert_eq!(size_of(arrival, Point::SizeOccupied), size_of(arrival, Point::LockerOccupied));
    }
    let told = |kind| {
        all.iter()
            .flat_map(|arrival| &arrival.values)
            .filter(|(metric, _)| metric.part.as_str() == kind && metric.point == Point::EventCount)
            .count()
    };
    assert!((1..20).contains(&told("door_ajar")), "{}", told("door_ajar"));
    assert!(told("pickup") > 1_000);
}

#[test]
fn counters_roll_over_and_meters_start_again_once() {
    let all = month(6, 5);
    let fen: Vec<i64> = of(&all, 2, Point::VendingSales).iter().map(|(_, value)| int_of(value)).collect();
    let falls: Vec<_> = fen.windows(2).filter(|pair| pair[1] < pair[0]).collect();
    assert!(matches!(falls[..], [[before, after]] if *before > 99_990_000 && *after < 10_000), "{falls:?}");
    let kwh: Vec<f64> = of(&all, 5, Point::EnergyTotal).iter().map(|(_, value)| float_of(value)).collect();
    let falls: Vec<_> = kwh.windows(2).filter(|pair| pair[1] < pair[0]).collect();
    assert!(matches!(falls[..], [[before, after]] if *before > 1_000.0 && *after < 1.0), "{falls:?}");
}

#[test]
fn what_a_kiosk_kept_comes_late_and_what_a_bus_could_not_say_never() {
    let all = month(12, 5);
    let members: Vec<Member> = cast(12);
    let noon_ms = MIDNIGHT + 5 * DAY_MS + 11 * HOUR_MS;
    let during = |at: usize| all.iter().filter(move |arrival| arrival.at == at && (noon_ms..noon_ms + HOUR_MS).contains(&arrival.at_ms));
    let (mut kept, mut lost) = (0, 0);
    for (at, _) in members.iter().enumerate().filter(|(_, member)| member.address == Address::Mqtt) {
        match during(at).count() {
            0 => lost += 1,
            _ => kept += 1,
        }
        assert!(during(at).all(|arrival| arrival.log_ms >= noon_ms + 90 * MINUTE_MS), "it is sent when the broker is back");
    }
    assert!(kept > 0 && lost > 0, "{kept} {lost}");
    let cut_ms = MIDNIGHT + 17 * DAY_MS + 2 * HOUR_MS;
    let on_bus = |arrival: &&Arrival| members[arrival.at].address != Address::Mqtt;
    let in_cut = all.iter().filter(on_bus).filter(|arrival| (cut_ms..cut_ms + 45 * MINUTE_MS).contains(&arrival.at_ms));
    assert_eq!(in_cut.count(), 0);
}

#[test]
fn a_broken_probe_has_no_value_and_a_clock_that_is_behind_says_so() {
    let all = month(12, 5);
    let missing = all.iter().flat_map(|arrival| &arrival.values).filter(|(_, value)| matches!(value, Value::Missing(_)));
    let missing: BTreeSet<_> = missing.map(|(metric, value)| (metric.point, value == &Value::Missing(Quality::SensorError))).collect();
    assert_eq!(missing, BTreeSet::from([(Point::CabinetAir, true)]));
    // What was kept during the outage of day 5 is older than its commit as well.
    let of_outage = |arrival: &Arrival| (5 * DAY_MS..6 * DAY_MS).contains(&(arrival.log_ms - MIDNIGHT));
    let behind = |arrival: &&Arrival| {
        arrival.subject == Subject::Telemetry && !of_outage(arrival) && arrival.log_ms - arrival.at_ms == 20 * MINUTE_MS + 1_000
    };
    let days: BTreeSet<_> = all.iter().filter(behind).map(|arrival| (arrival.at, (arrival.log_ms - MIDNIGHT) / DAY_MS)).collect();
    assert_eq!(days, BTreeSet::from([(0, 7), (0, 8)]));
}

fn int_of(value: &Value) -> i64 {
    let Value::Int(count) = value else { panic!("{value:?}") };
    *count
}

fn float_of(value: &Value) -> f64 {
    let Value::Float(number) = value else { panic!("{value:?}") };
    *number
}
