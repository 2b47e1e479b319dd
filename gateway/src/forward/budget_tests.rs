#![allow(clippy::unwrap_used)]

use super::*;
use crate::store::record::MetricName;
use facility_config::Point;

const MB: u64 = 1_000_000;

#[test]
fn a_month_that_runs_short_leaves_out_more() {
    use Level::{All, Least, NoReadings, NoShort, ThinReadings};
    // Megabytes used of 100, share of the month, the level before, the level then.
    let table = [
        (0, 0.0, All, All),
        (50, 0.5, All, All),
        // A backlog on the first day is no reason yet.
        (9, 0.03, All, All),
        (20, 0.03, All, ThinReadings),
        (60, 0.5, All, ThinReadings),
        (70, 0.5, All, NoReadings),
        (80, 0.5, All, NoShort),
        (90, 0.5, All, Least),
        (100, 0.5, All, Least),
        (140, 0.99, ThinReadings, Least),
        (99, 0.99, All, All),
        // Only a little better than where it began: it stays.
        (54, 0.5, ThinReadings, ThinReadings),
        (52, 0.5, ThinReadings, All),
        (63, 0.5, NoReadings, NoReadings),
        (62, 0.5, NoReadings, ThinReadings),
        (0, 0.0, Least, All),
    ];
    for (used, elapsed, before, then) in table {
        assert_eq!(before.next(used * MB, 100 * MB, elapsed), then, "{used} MB at {elapsed} from {before:?}");
    }
    assert_eq!(All.next(1, 0, 1.0), Least, "nothing allowed and nothing left is no fault");
}

#[test]
fn a_level_does_not_flap_and_a_month_of_thrice_the_budget_ends_near_it() {
    // Bytes of an hour at each level, with a budget of 720: readings are most of it.
    let hourly = [3.0, 1.2, 0.9, 0.5, 0.2];
    let (mut level, mut used, mut changes) = (Level::All, 0.0, 0);
    for hour in 0..720 {
        let next = level.next((used * 1e6) as u64, 720 * MB, f64::from(hour) / 720.0);
        changes += u32::from(next != level);
        level = next;
        used += hourly[level as usize];
    }
    assert!(used < 1.02 * 720.0, "{used}");
    assert!(changes < 120, "{changes}");
}

#[test]
fn alarms_and_days_always_go_and_the_rest_in_order() {
    // Name, part, and the first level that leaves it out.
    let table = [
        ("cabinet.air_c", "", 2),
        ("cabinet_5m.air_mean_c", "", 3),
        ("device_5m.online_rate", "", 3),
        ("cabinet_kpi.air_mean_c", "1h", 4),
        ("cabinet_kpi.air_mean_c", "1d", 5),
        ("locker_kpi.deposits", "1mo", 5),
        ("alarm.active", "frozen_high", 5),
        ("gap.points", "evicted", 5),
        ("uplink.level", "main", 5),
        ("of_tomorrow.field", "", 5),
    ];
    for (name, part, out_from) in table {
        let metric = MetricName { name: name.into(), part: Part::new(part).unwrap(), point: Point::from_name(name) };
        for level in Level::ALL {
            let expected = match (level as usize) < out_from {
                true if level == Level::ThinReadings && out_from == 2 => Leaves::Thinned,
                true => Leaves::All,
                false => Leaves::Nothing,
            };
            assert_eq!(level.leaves(&Name::of(&metric).unwrap(), metric.part), expected, "{name} {part} at {level:?}");
        }
    }
}

#[test]
fn of_each_series_one_moment_in_a_quarter_of_an_hour_is_left() {
    let mut thinner = Thinner::default();
    let minute = 60_000;
    let table = [
        (1, 1, 0, true),
        (1, 2, 0, true),
        (1, 1, 0, true),
        (1, 1, 14 * minute, false),
        (1, 1, 15 * minute, true),
        (2, 1, 16 * minute, true),
    ];
    for (origin, metric, at_ms, takes) in table {
        assert_eq!(thinner.takes(origin, metric, at_ms), takes, "{origin} {metric} {at_ms}");
    }
}

#[test]
fn what_comes_late_between_what_comes_now_is_left_out_like_it() {
    let mut thinner = Thinner::default();
    let minute = |nth: i64| nth * 60_000;
    let times = (0..30).flat_map(|nth| [minute(1_000 + nth), minute(nth)]);
    let sent = times.filter(|at_ms| thinner.takes(1, 1, *at_ms)).count();
    assert_eq!(sent, 3 + 2, "one in each quarter of an hour of either stretch");
}

#[test]
fn bytes_per_second_hold_over_any_minute_to_one_request() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut now_ms, mut sent, mut debt, mut largest) = (0_i64, 0_u64, Debt::new(1_000, 0), 0);
        for _ in 0..500 {
            now_ms += debt.wait(now_ms).as_millis() as i64 + 1;
            let bytes = random.u64(1..20_000);
            largest = largest.max(bytes);
            debt.charge(bytes, now_ms);
            sent += bytes;
            assert!(sent <= now_ms as u64 + largest, "seed {seed}");
        }
        assert!(sent + largest >= (now_ms as u64 - 500), "seed {seed}: what may be used can be used");
    }
    assert_eq!(Debt::new(1_000, 0).wait(0), Duration::ZERO);
}

#[test]
fn a_request_costs_its_body_and_what_goes_with_it() {
    let table = [((0, false, true), 900), ((10_000, false, false), 11_400), ((0, true, false), 1_300), ((0, true, true), 5_900)];
    for ((body, is_new, is_tls), bytes) in table {
        assert_eq!(cost(body, is_new, is_tls), bytes);
    }
}

#[test]
fn an_idle_connection_is_made_anew_or_was_kept_alive() {
    const HOUR: i64 = 3_600_000;
    let table = [
        // The first one; one after a failure.
        (None, HOUR, None, (true, 0)),
        (None, HOUR, Some(120_000), (true, 0)),
        // HTTP: closed after a minute without a request.
        (Some(0), 60_000, None, (false, 0)),
        (Some(0), 60_001, None, (true, 0)),
        // MQTT: it stands, for 30 signs of life in an hour.
        (Some(0), 119_999, Some(120_000), (false, 0)),
        (Some(HOUR), 2 * HOUR, Some(120_000), (false, 30 * MQTT_PING_BYTES)),
        (Some(HOUR), 0, Some(0), (false, 0)),
    ];
    for (before, now, keep_alive, expected) in table {
        assert_eq!(connection(before, now, keep_alive), expected, "{before:?} {now} {keep_alive:?}");
    }
}
