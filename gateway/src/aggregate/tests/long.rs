//! Hours, days, months, quarters and years: against a second implementation that goes second by second, against themselves
//! put together another way, and the reference results of DOMAIN §4.

use super::second::{CABINET, Heard, LOCKER, Samples, VENDING, forgiven, positive, random_day, standing};
use crate::aggregate::Fold;
use crate::aggregate::calendar::Long;
use crate::aggregate::fixture::*;
use facility_config::device::ColdClass;
use facility_config::zone::time_zone;
use facility_config::{DeviceIx, Kind, Part, Point, Site};
use facility_drivers::{Batch, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const HOUR_S: i64 = 3600;
/// The local day begins at 16:00 UTC; [`T0`] is 08:00 there.
const DAY_FROM_S: i64 = 16 * HOUR_S;
const DAY_S: i64 = 24 * HOUR_S;

type Expected = BTreeMap<&'static str, Option<f64>>;

/// ∫ over the local day; seconds in which it is not known are left out.
fn day(value: impl Fn(i64) -> Option<f64>) -> f64 {
    (DAY_FROM_S..DAY_FROM_S + DAY_S).filter_map(value).sum()
}

fn known(value: impl Fn(i64) -> Option<f64>) -> f64 {
    day(|s| value(s).map(|_| 1.0))
}

fn yes(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn quality(coverage: f64) -> f64 {
    yes(coverage < 0.95) + yes(coverage < 0.80)
}

/// Times a state became true without a gap before it.
fn begun(samples: &Samples) -> f64 {
    let begun = samples.windows(2).filter(|pair| pair[0].1 == Some(0.0) && pair[1].1 == Some(1.0) && pair[1].0 - pair[0].0 <= 180);
    begun.filter(|pair| (DAY_FROM_S..DAY_FROM_S + DAY_S).contains(&pair[1].0)).count() as f64
}

/// What a counter added in the day, over which time, and how often it started again; walking over all its values.
fn counted(samples: &Samples, range: Option<f64>) -> (f64, f64, f64) {
    let values: Vec<_> = samples.iter().filter_map(|(at_s, value)| Some((*at_s, (*value)?))).collect();
    let steps = values.windows(2).filter(|pair| (DAY_FROM_S..DAY_FROM_S + DAY_S).contains(&pair[1].0));
    steps.fold((0.0, 0.0, 0.0), |(sum, over_s, resets), pair| {
        let (before, after) = (pair[0].1, pair[1].1);
        let rolled = range.map(|range| range - before + after).filter(|rolled| after < before && *rolled < 1e7);
        let added = rolled.unwrap_or(if after >= before { after - before } else { after * yes(after < before / 2.0) });
        (sum + added, over_s + (pair[1].0 - pair[0].0) as f64, resets + yes(after < before && rolled.is_none()))
    })
}

fn per_day((sum, over_s, _): (f64, f64, f64)) -> Option<f64> {
    let days = over_s / DAY_S as f64;
    (0.9..=1.1).contains(&days).then(|| sum / days)
}

/// Longest run of seconds, counted from before the day if it began there.
fn longest(is: impl Fn(i64) -> bool) -> f64 {
    let (mut run, mut longest) = (0, 0);
    for s in 0..DAY_FROM_S + DAY_S {
        run = if is(s) { run + 1 } else { 0 };
        longest = if s >= DAY_FROM_S { longest.max(run) } else { 0 };
    }
    longest as f64
}

fn cabinet_day(heard: &Heard<'_>, forgiven: &[(i64, i64)]) -> Expected {
    let of = |point| heard.samples(point, "");
    let (air, product, door) = (of(Point::CabinetAir), of(Point::CabinetProduct), of(Point::CabinetDoor));
    let (compressor, defrost) = (of(Point::CabinetCompressor), of(Point::CabinetDefrost));
    let limit = -18.0;
    let (at, warm) = (|s| standing(&air, s), |s| standing(&product, s));
    let adjusted = |s| at(s).filter(|_| !forgiven.iter().any(|(from, to)| (*from..*to).contains(&s)));
    let duty = |s| standing(&compressor, s).filter(|_| standing(&defrost, s) != Some(1.0));
    let observed = known(at);
    let rate = day(|s| at(s).map(|c| (-10_000.0 / (c + 273.15)).exp())) / observed;
    let energy = counted(&of(Point::EnergyTotal), None);
    BTreeMap::from([
        ("energy_kpi.energy_kwh", Some(energy.0)),
        ("energy_kpi.metered_s", Some(energy.1)),
        ("energy_kpi.per_day_kwh", per_day(energy)),
        ("energy_kpi.resets", Some(energy.2)),
        ("cabinet_kpi.air_mean_c", positive(day(at), observed)),
        ("cabinet_kpi.mkt_c", Some(10_000.0 / -rate.ln() - 273.15)),
        ("cabinet_kpi.compliance_raw", positive(day(|s| at(s).map(|c| yes(c <= limit))), observed)),
        ("cabinet_kpi.compliance_adjusted", positive(day(|s| adjusted(s).map(|c| yes(c <= limit))), known(adjusted))),
        ("cabinet_kpi.observed_s", Some(observed)),
        ("cabinet_kpi.adj_observed_s", Some(known(adjusted))),
        ("cabinet_kpi.degree_min", Some(day(|s| at(s).map(|c| (c - limit).max(0.0))) / 60.0)),
        ("cabinet_kpi.product_compliance", positive(day(|s| warm(s).map(|c| yes(c <= limit))), known(warm))),
        ("cabinet_kpi.product_observed_s", Some(known(warm))),
        ("cabinet_kpi.door_open_s", Some(day(|s| standing(&door, s)))),
        ("cabinet_kpi.door_observed_s", Some(known(|s| standing(&door, s)))),
        ("cabinet_kpi.door_openings", Some(begun(&door))),
        ("cabinet_kpi.door_longest_s", Some(longest(|s| standing(&door, s) == Some(1.0)))),
        ("cabinet_kpi.compressor_duty", positive(day(duty), known(duty))),
        ("cabinet_kpi.compressor_starts", Some(begun(&compressor))),
        ("cabinet_kpi.defrost_s", Some(day(|s| standing(&defrost, s)))),
        ("cabinet_kpi.coverage", Some(observed / DAY_S as f64)),
        ("cabinet_kpi.quality", Some(quality(observed / DAY_S as f64))),
    ])
}

fn locker_day(heard: &Heard<'_>) -> Expected {
    let of = |point| heard.samples(point, "");
    let (total, occupied) = (of(Point::LockerTotal), of(Point::LockerOccupied));
    let (faulted, disabled) = (of(Point::LockerFaulted), of(Point::LockerDisabled));
    let usable = |s| Some(standing(&total, s)? - standing(&faulted, s)? - standing(&disabled, s)?);
    let held = |s| usable(s).and(standing(&occupied, s));
    let used = |s| held(s).and(usable(s));
    let window = |from: i64| {
        let part = |value: &dyn Fn(i64) -> Option<f64>| (from..from + 300).filter_map(value).sum::<f64>();
        positive(part(&held), part(&used))
    };
    let peak = (DAY_FROM_S..DAY_FROM_S + DAY_S).step_by(300).filter_map(window).max_by(f64::total_cmp);
    let snapshot = |s| Some((1000.0 * standing(&occupied, s)? / standing(&total, s)?).floor() / 10.0);
    let share = |s| Some((standing(&faulted, s)?, standing(&total, s)?));
    let dwell: Vec<f64> = heard
        .samples(Point::EventDuration, "pickup")
        .into_iter()
        .filter(|(at_s, _)| *at_s >= DAY_FROM_S && *at_s < DAY_FROM_S + DAY_S)
        .filter_map(|(_, value)| value)
        .collect();
    let size = |no| {
        let (total, occupied) = (heard.samples(Point::SizeTotal, no), heard.samples(Point::SizeOccupied, no));
        let both = |s| Some((standing(&occupied, s)?, standing(&total, s)?));
        (day(|s| both(s).map(|b| b.0)), day(|s| both(s).map(|b| b.1)), known(|s| both(s).map(|b| b.0)))
    };
    let (small, huge) = (size("s"), size("xl"));
    let put = heard.samples(Point::EventCount, "deposit").into_iter().map(|(at_s, _)| at_s);
    let due: Vec<i64> = put.filter(|at_s| (DAY_FROM_S..DAY_FROM_S + DAY_S).contains(&(at_s + 86_400))).collect();
    let taken = heard.samples(Point::EventDuration, "pickup");
    let in_time = |put_s: i64| taken.iter().any(|(at_s, lay_s)| at_s - lay_s.unwrap() as i64 == put_s && *at_s <= put_s + 86_400);
    let overdue = due.iter().filter(|put_s| !in_time(**put_s)).count() as f64;
    let counters = [Point::LockerDeposits, Point::LockerPickups].map(|point| counted(&of(point), None));
    BTreeMap::from([
        ("locker_kpi.due_parcels", Some(due.len() as f64)),
        ("locker_kpi.overdue_parcels", Some(overdue)),
        ("locker_kpi.overdue_unknown", Some(0.0)),
        ("locker_kpi.overdue_rate", positive(overdue, due.len() as f64)),
        ("locker_kpi.deposits", Some(counters[0].0)),
        ("locker_kpi.pickups_counted_s", Some(counters[1].1)),
        ("locker_kpi.turnover_per_day", per_day(counters[1]).map(|pickups| pickups / (day(used) / known(used)))),
        ("locker_kpi.resets", Some(counters[0].2 + counters[1].2)),
        ("locker_size_kpi.s_occupancy", positive(small.0, small.1)),
        ("locker_size_kpi.s_occupied_s", Some(small.0)),
        ("locker_size_kpi.xl_occupancy", positive(huge.0, huge.1)),
        ("locker_size_kpi.xl_installed_s", Some(huge.1)),
        ("locker_size_kpi.coverage", Some(small.2.min(huge.2) / DAY_S as f64)),
        ("locker_kpi.occupancy", positive(day(held), day(used))),
        ("locker_kpi.occupied_s", Some(day(held))),
        ("locker_kpi.usable_s", Some(day(used))),
        ("locker_kpi.occupancy_peak", peak),
        // The instant before the hour: what is said at eight belongs to the window that begins then.
        ("locker_kpi.utilization_08_pct", snapshot(DAY_FROM_S + 8 * HOUR_S - 1)),
        ("locker_kpi.utilization_20_pct", snapshot(DAY_FROM_S + 20 * HOUR_S - 1)),
        ("locker_kpi.faulted_share", positive(day(|s| share(s).map(|p| p.0)), day(|s| share(s).map(|p| p.1)))),
        ("locker_kpi.dwell_parcels", Some(dwell.len() as f64)),
        ("locker_kpi.coverage", Some(known(held) / DAY_S as f64)),
    ])
}

fn vending_day(heard: &Heard<'_>) -> Expected {
    let status = heard.samples(Point::VendingStatus, "");
    let lanes = ["A1", "A2", "B1"].map(|no| heard.samples(Point::LaneLevel, no));
    let par = heard.samples(Point::LanePar, "A1");
    // Par stands until the next word about it.
    let par_at = |s: i64| par.get(par.partition_point(|(at_s, _)| *at_s <= s).checked_sub(1)?)?.1;
    let filled = |s| Some((standing(&lanes[0], s)?, par_at(s)?));
    let lane_observed: f64 = lanes.iter().map(|lane| known(|s| standing(lane, s))).sum();
    let lane_empty: f64 = lanes.iter().map(|lane| day(|s| standing(lane, s).map(|level| yes(level == 0.0)))).sum();
    let observed = known(|s| standing(&status, s));
    let min = heard.samples(Point::LaneMin, "A1");
    let min_at = |s: i64| min.get(min.partition_point(|(at_s, _)| *at_s <= s).checked_sub(1)?)?.1;
    let below = |s| Some(yes(standing(&lanes[0], s)? < min_at(s)?));
    let stock: Vec<f64> = lanes.iter().filter_map(|lane| standing(lane, DAY_FROM_S + DAY_S - 1)).collect();
    let [vends, sales] = [Point::VendingVends, Point::VendingSales].map(|point| counted(&heard.samples(point, ""), Some(1e8)));
    BTreeMap::from([
        ("vending_kpi.vends", Some(vends.0)),
        ("vending_kpi.vends_counted_s", Some(vends.1)),
        ("vending_kpi.per_day_vends", per_day(vends)),
        ("vending_kpi.per_day_fen", per_day(sales)),
        ("vending_kpi.resets", Some(vends.2 + sales.2)),
        ("vending_kpi.below_min", positive(day(below), known(below))),
        ("vending_kpi.stock_items", (!stock.is_empty()).then(|| stock.iter().sum())),
        ("vending_kpi.days_of_supply", None),
        ("vending_kpi.availability", positive(day(|s| standing(&status, s)), observed)),
        ("vending_kpi.observed_s", Some(observed)),
        ("vending_kpi.stock_out", positive(lane_empty, lane_observed)),
        ("vending_kpi.fill", positive(day(|s| filled(s).map(|f| f.0)), day(|s| filled(s).map(|f| f.1)))),
        ("vending_kpi.coverage", Some(observed / DAY_S as f64)),
    ])
}

fn online_day(heard: &Heard<'_>) -> Expected {
    let messages = heard.messages();
    let online = |s: i64| messages.partition_point(|at_s| *at_s <= s).checked_sub(1).is_some_and(|at| s < messages[at] + 120);
    let went = (DAY_FROM_S..DAY_FROM_S + DAY_S).filter(|s| online(s - 1) && !online(*s)).count();
    let in_day = messages.iter().filter(|at_s| (DAY_FROM_S..DAY_FROM_S + DAY_S).contains(at_s)).count() as f64;
    BTreeMap::from([
        ("device_kpi.online_rate", Some(day(|s| Some(yes(online(s)))) / DAY_S as f64)),
        ("device_kpi.window_s", Some(DAY_S as f64)),
        ("device_kpi.received", Some(in_day)),
        ("device_kpi.expected", Some(1440.0)),
        ("device_kpi.completeness", Some((in_day / 1440.0).min(1.0))),
        ("device_kpi.outages", Some(went as f64)),
    ])
}

#[test]
fn a_day_agrees_with_one_that_goes_second_by_second() {
    for seed in 0..2 {
        let (site, log) = random_day(seed, DAY_FROM_S + DAY_S + HOUR_S);
        let batches = fold(&mut Fold::new(site), &log, T0 + (DAY_FROM_S + DAY_S + HOUR_S) * 1000);
        for device in [CABINET, LOCKER, VENDING] {
            let heard = Heard { lines: log.iter().filter(|line| line.device == device).collect() };
            let mut expected = online_day(&heard);
            expected.extend(match device {
                CABINET => cabinet_day(&heard, &forgiven(&heard.samples(Point::CabinetDefrost, ""), DAY_FROM_S + DAY_S + HOUR_S)),
                LOCKER => locker_day(&heard),
                _ => vending_day(&heard),
            });
            let expected: Vec<_> = expected.into_iter().collect();
            let figures = figures_of_window(&batches, device, T0 + DAY_FROM_S * 1000, "1d");
            check_within(&format!("seed {seed}, {device:?}"), &figures, &expected, 3e-4);
        }
    }
}

/// Everything said about windows of a name, but the peak, which is that of the short windows.
fn rows(batches: &[Batch], window: &str) -> Vec<String> {
    let row = |batch: &Batch| {
        let kept = batch.readings.iter().filter(|reading| reading.metric.point != Point::LockerKpiPeak);
        format!("{:?} {} {:?}", batch.device, batch.at_ms, kept.collect::<Vec<_>>())
    };
    batches.iter().filter(|batch| is_of(batch, window)).map(row).collect()
}

#[test]
fn however_short_the_windows_a_day_is_made_of_it_is_the_same_to_the_last_bit() {
    let length_s = 50 * HOUR_S;
    let (site, log) = random_day(11, length_s);
    let day_of = |window_s: u64| {
        let site = Arc::new(Site { window: Duration::from_secs(window_s), ..(*site).clone() });
        rows(&fold(&mut Fold::new(site), &log, T0 + (length_s + 120) * 1000), "1d")
    };
    let hours = day_of(3600);
    assert_eq!(hours.len(), 2 * 4, "two days end in fifty hours from eight in the morning");
    for window_s in [60, 300, 900] {
        assert_eq!(day_of(window_s), hours, "windows of {window_s} s");
    }
}

#[test]
fn minutes_are_told_beside_the_short_windows_and_change_nothing() {
    let length_s = 30 * HOUR_S;
    let (site, log) = random_day(12, length_s);
    let of = |minutes: bool| {
        let site = Arc::new(Site { minutes, ..(*site).clone() });
        fold(&mut Fold::new(site), &log, T0 + (length_s + 120) * 1000)
    };
    let (without, with) = (of(false), of(true));
    for window in ["", "1h", "1d"] {
        let rows = |batches: &[Batch]| -> Vec<String> {
            let of_window = batches.iter().filter(|batch| is_of(batch, window));
            of_window.map(|batch| format!("{:?} {} {:?}", batch.device, batch.at_ms, batch.readings)).collect()
        };
        assert_eq!(rows(&with), rows(&without), "window {window:?}");
    }
    let minutes = rows(&with, "1m");
    assert!(rows(&without, "1m").is_empty());
    assert_eq!(minutes.len() as i64, 4 * (length_s / 60 + 1));
    // The seconds of five minutes are those of the short window.
    let observed = |batch: &Batch, point: Point| {
        batch
            .readings
            .iter()
            .filter(|reading| reading.metric.point == point)
            .map(|r| if let Value::Float(s) = r.value { s } else { 0.0 })
            .sum::<f64>()
    };
    let sum = |window: &str, point: Point| -> f64 {
        with.iter().filter(|batch| is_of(batch, window) && batch.at_ms < T0 + length_s * 1000).map(|b| observed(b, point)).sum()
    };
    assert!(sum("", Point::Cabinet5mObservedS) > 1000.0);
    assert_eq!(sum("1m", Point::CabinetKpiObservedS), sum("", Point::Cabinet5mObservedS));
    assert_eq!(sum("1m", Point::DeviceKpiOnlineS), sum("", Point::Device5mOnlineS));
}

#[test]
fn windows_of_every_length_end_when_the_calendar_says() {
    // One reading an hour over fourteen months.
    let start_ms = "2026-11-30T16:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let dir = tempfile::tempdir().unwrap();
    let mut windows = Archived::new(site(Duration::from_secs(3600), vec![device("m-1", Kind::Meter, 3600)]), dir.path());
    let mut out = Vec::new();
    let hours = 425 * 24;
    for hour in 0..hours {
        let at_ms = start_ms + hour * 3_600_000 + 60_000;
        windows.drain(at_ms, &mut out);
        windows.fold.observe(at_ms, DeviceIx(1), Point::EnergyTotal.into(), at_ms, &Value::Float(100.0 + hour as f64 / 10.0));
    }
    let of = |window: &str| -> Vec<_> { out.iter().filter(|b| b.device == Some(DeviceIx(1)) && is_of(b, window)).collect() };
    let counts = Long::ALL.map(|long| of(long.as_str()).len());
    // To 2028-01-29 local time.
    assert_eq!(counts, [hours as usize - 1, 424, 13, 5, 2]);
    let zone = time_zone("Asia/Shanghai").unwrap();
    let local = |batch: &Batch| jiff::Timestamp::from_millisecond(batch.at_ms).unwrap().to_zoned(zone.clone()).date().to_string();
    assert_eq!(
        of("1q").iter().map(|batch| local(batch)).collect::<Vec<_>>(),
        ["2026-10-01", "2027-01-01", "2027-04-01", "2027-07-01", "2027-10-01"]
    );
    assert_eq!(of("1y").iter().map(|batch| local(batch)).collect::<Vec<_>>(), ["2026-01-01", "2027-01-01"]);
    // A whole year of 2.4 kWh a day; of the year before only December was seen, and it says so.
    let year = |at: usize| figures_of_window(&out, DeviceIx(1), of("1y")[at].at_ms, "1y");
    check_within(
        "2027",
        &year(1),
        &[("energy_kpi.energy_kwh", Some(876.0)), ("energy_kpi.per_day_kwh", Some(2.4)), ("energy_kpi.quality", Some(0.0))],
        0.2,
    );
    check(
        "2026",
        &year(0),
        &[("energy_kpi.per_day_kwh", None), ("energy_kpi.quality", Some(2.0)), ("device_kpi.window_s", Some(31.0 * 86_400.0))],
    );
    // Months add up to the year, to the Wh that a day is kept in.
    let months: f64 = of("1mo").iter().skip(1).map(|m| figures_of_window(&out, DeviceIx(1), m.at_ms, "1mo")["energy_kpi.energy_kwh"]).sum();
    assert!((months - year(1)["energy_kpi.energy_kwh"]).abs() < 1e-6, "{months}");
}

#[test]
fn mean_kinetic_temperature_of_the_reference() {
    // 23 hours at -18 °C and one at -10 °C: a minute of -10 does more harm than its share of the day.
    let mut log = Vec::new();
    for minute in 0..(DAY_FROM_S + DAY_S) / 60 + 2 {
        let in_day = minute - DAY_FROM_S / 60;
        let air_c = if (600..660).contains(&in_day) { -10.0 } else { -18.0 };
        log.push(said(minute * 60, Point::CabinetAir, Value::Float(air_c)));
    }
    let batches =
        fold(&mut Fold::new(site(Duration::from_secs(300), vec![cabinet(ColdClass::Frozen)])), &log, T0 + (DAY_FROM_S + DAY_S + 60) * 1000);
    let figures = figures_of_window(&batches, DeviceIx(1), T0 + DAY_FROM_S * 1000, "1d");
    let expected = [
        ("cabinet_kpi.mkt_c", Some(-17.405)),
        ("cabinet_kpi.air_mean_c", Some(-18.0 + 8.0 / 24.0)),
        ("cabinet_kpi.compliance_raw", Some(23.0 / 24.0)),
        ("cabinet_kpi.degree_min", Some(480.0)),
        ("cabinet_kpi.quality", Some(0.0)),
    ];
    check_within("DOMAIN §4", &figures, &expected, 1e-3);
}

#[test]
fn dwell_times_are_those_of_the_parcels_picked_up_in_the_window() {
    let pickup = |at_s: i64, hours: f64| Line {
        metric: facility_drivers::Metric { point: Point::EventDuration, part: Part::new("pickup").unwrap() },
        ..said(at_s, Point::EventDuration, Value::Float(hours * 3600.0))
    };
    // Nine parcels of one to nine hours, and one of fifty that the next day gets.
    let mut log: Vec<Line> = (1..10).map(|hours| pickup(DAY_FROM_S + hours * 100, hours as f64)).collect();
    log.push(pickup(DAY_FROM_S + DAY_S + 10, 50.0));
    let batches = fold(
        &mut Fold::new(site(Duration::from_secs(300), vec![device("lk-01", Kind::Locker, 60)])),
        &log,
        T0 + (DAY_FROM_S + 2 * DAY_S + 60) * 1000,
    );
    let day = |nth: i64| figures_of_window(&batches, DeviceIx(1), T0 + (DAY_FROM_S + nth * DAY_S) * 1000, "1d");
    let expected = [("locker_kpi.dwell_p50_h", Some(5.0)), ("locker_kpi.dwell_p90_h", Some(9.0)), ("locker_kpi.dwell_parcels", Some(9.0))];
    check_within("first", &day(0), &expected, 0.25);
    // One parcel is one household.
    check("second", &day(1), &[("locker_kpi.dwell_p50_h", None), ("locker_kpi.dwell_parcels", None)]);
    assert!(
        batches
            .iter()
            .filter(|batch| is_of(batch, "1h"))
            .all(|hour| hour.readings.iter().all(|r| r.metric.point != Point::LockerKpiDwellP50))
    );
    // A pick-up is the device being heard.
    check("heard", &day(1), &[("device_kpi.online_s", Some(120.0))]);
}

#[test]
fn faults_are_what_alarms_say_is_broken() {
    let alarm = |at_s: i64, rule: &str, active: i64, lasted_s: f64| {
        let line =
            |point, value| Line { metric: facility_drivers::Metric { point, part: Part::new(rule).unwrap() }, ..said(at_s, point, value) };
        let word = ["cleared", "raised"][active as usize];
        [
            line(Point::AlarmActive, Value::Int(active)),
            line(Point::AlarmState, text(word)),
            line(Point::AlarmDurationS, Value::Float(lasted_s)),
        ]
    };
    let mut log: Vec<Line> =
        (0..(DAY_FROM_S + DAY_S) / 60 + 2).map(|minute| said(minute * 60, Point::CabinetAir, Value::Float(-20.0))).collect();
    // Two probes break for one and for three hours; a shelf was warm, which is no fault; the second probe is still broken.
    for event in [
        alarm(DAY_FROM_S + 100, "probe_fault", 1, 120.0),
        alarm(DAY_FROM_S + 3_580, "probe_fault", 0, 3_600.0),
        alarm(DAY_FROM_S + 4_000, "frozen_high", 1, 1_800.0),
        alarm(DAY_FROM_S + 8_000, "frozen_high", 0, 5_800.0),
        alarm(DAY_FROM_S + 10_000, "probe_fault", 1, 120.0),
        alarm(DAY_FROM_S + 20_680, "probe_fault", 0, 10_800.0),
        alarm(DAY_FROM_S + 30_000, "probe_fault", 1, 120.0),
    ] {
        log.extend(event);
    }
    log.sort_by_key(|line| line.log_ms);
    let batches =
        fold(&mut Fold::new(site(Duration::from_secs(300), vec![cabinet(ColdClass::Frozen)])), &log, T0 + (DAY_FROM_S + DAY_S + 60) * 1000);
    let figures = figures_of_window(&batches, DeviceIx(1), T0 + DAY_FROM_S * 1000, "1d");
    let expected = [
        ("device_kpi.faults", Some(3.0)),
        ("device_kpi.repaired", Some(2.0)),
        ("device_kpi.repair_s", Some(14_400.0)),
        ("device_kpi.mttr_h", Some(2.0)),
        ("device_kpi.mtbf_h", Some(8.0)),
        ("device_kpi.outages", Some(0.0)),
    ];
    check("faults", &figures, &expected);
}
