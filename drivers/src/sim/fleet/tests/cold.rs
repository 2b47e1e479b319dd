//! Cabinets: temperatures, cycles, defrosts, faults.

use super::*;
use std::sync::Arc;

/// A week of one cabinet, tick by tick: time, mode, air, compressor relay.
fn cabinet_week(class: ColdClass, seed: u64) -> Vec<(i64, Arc<str>, f64, bool)> {
    let mut cabinet = Cabinet::new(class, seed, MIDNIGHT);
    (MIDNIGHT..MIDNIGHT + WEEK_MS)
        .step_by(TICK_MS as usize)
        .map(|now_ms| {
            cabinet.tick(now_ms);
            let value = |point| cabinet.values().into_iter().find(|(metric, _)| metric.point == point).unwrap().1;
            let Value::Text(mode) = value(Point::CabinetMode) else { panic!("a mode is a word") };
            let on = value(Point::CabinetCompressor) == Value::Bool(true);
            (now_ms, mode, cabinet.air_c(), on)
        })
        .collect()
}

#[test]
fn a_cabinet_can_speak_the_cabinet_schema_too() {
    let schema: Json = serde_json::from_str(include_str!("../schemas/cabinet.json")).unwrap();
    for class in [ColdClass::Frozen, ColdClass::Chilled, ColdClass::Fresh] {
        let mut cabinet = Cabinet::new(class, 5, MIDNIGHT);
        cabinet.fail_compressor();
        for seq in 0..2_000 {
            cabinet.tick(MIDNIGHT + seq * TICK_MS);
            assert_eq!(schema::faults(&schema, &cabinet.payload("fz-any-01", seq as u64)), Vec::<String>::new());
        }
        assert_eq!(cabinet.payload("fz-any-01", 0)["alarms"], serde_json::json!(["temp_high"]), "{class:?}: warm for hours");
    }
}

#[test]
fn cabinets_keep_their_temperature_outside_defrosts() {
    for (class, seed, low, high) in [
        (ColdClass::Frozen, 1, -22.0, -14.0),
        (ColdClass::Frozen, 2, -22.0, -14.0),
        (ColdClass::Chilled, 3, 0.0, 8.0),
        (ColdClass::Fresh, 4, -0.5, 6.0),
    ] {
        let week = cabinet_week(class, seed);
        for (now_ms, mode, air_c, _) in week.iter().filter(|(_, mode, ..)| matches!(&**mode, "cooling" | "idle")) {
            assert!((low..=high).contains(air_c), "{class:?} {seed}: {air_c} °C, {mode} at {}", day::rfc3339(*now_ms));
        }
        let mean = week.iter().map(|(.., air_c, _)| air_c).sum::<f64>() / week.len() as f64;
        assert!((low..high - 2.0).contains(&mean), "{class:?}: {mean}");
    }
}

#[test]
fn compressors_neither_rest_nor_rattle() {
    for (class, seed) in [(ColdClass::Frozen, 1), (ColdClass::Frozen, 7), (ColdClass::Chilled, 3)] {
        for hour in cabinet_week(class, seed).chunks((HOUR_MS / TICK_MS) as usize) {
            if hour.iter().any(|(_, mode, ..)| !matches!(&**mode, "cooling" | "idle")) {
                continue;
            }
            let starts = hour.windows(2).filter(|pair| !pair[0].3 && pair[1].3).count();
            assert!((2..=12).contains(&starts), "{class:?} {seed}: {starts} starts in the hour from {}", day::rfc3339(hour[0].0));
        }
    }
}

#[test]
fn defrosts_come_every_eight_hours_and_last_twenty_five_minutes() {
    for seed in 0..3 {
        let week = cabinet_week(ColdClass::Frozen, seed);
        let defrosts: Vec<_> = week.chunk_by(|one, other| one.1 == other.1).filter(|run| &*run[0].1 == "defrost").collect();
        assert!((20..=21).contains(&defrosts.len()), "{} in a week", defrosts.len());
        assert!(defrosts[0][0].0 >= MIDNIGHT + 150 * MINUTE_MS, "none in the first hours: a demonstration shows a fault, not a defrost");
        for defrost in defrosts {
            let minutes = defrost.len() as i64 * TICK_MS / MINUTE_MS;
            assert!((22..=28).contains(&minutes) && defrost.iter().all(|(.., on)| !on), "{minutes} min");
        }
    }
}

#[test]
fn no_defrost_of_a_healthy_cabinet_is_warm_long_enough_to_alarm() {
    for seed in 0..3 {
        let mut warm_since_ms = None;
        for (now_ms, _, air_c, _) in cabinet_week(ColdClass::Frozen, seed) {
            // `frozen_high`: raised above −15 °C, cleared below −16.5 °C, on-delay 30 min.
            match air_c {
                air_c if air_c > -15.0 => _ = warm_since_ms.get_or_insert(now_ms),
                air_c if air_c < -16.5 => warm_since_ms = None,
                _ => {}
            }
            let warm_ms = warm_since_ms.map_or(0, |since_ms| now_ms - since_ms);
            assert!(warm_ms < 28 * MINUTE_MS, "seed {seed}: {air_c} °C at {}", day::rfc3339(now_ms));
        }
    }
}

#[test]
fn a_failed_compressor_shows_in_ten_minutes_and_a_repair_in_twenty_five() {
    for seed in 0..60 {
        // At every time of the day, so at every shop temperature and crowd at the door.
        let start_ms = MIDNIGHT + seed * 24 * MINUTE_MS;
        let mut cabinet = Cabinet::new(ColdClass::Frozen, seed as u64, start_ms);
        let until = |cabinet: &mut Cabinet, from_ms: i64, done: fn(f64) -> bool| {
            (from_ms..).step_by(TICK_MS as usize).find(|now_ms| {
                cabinet.tick(*now_ms);
                done(cabinet.air_c())
            })
        };
        let fails_ms = start_ms + 3 * MINUTE_MS;
        (start_ms..fails_ms).step_by(TICK_MS as usize).for_each(|now_ms| cabinet.tick(now_ms));
        cabinet.fail_compressor();
        let before_c = cabinet.air_c();
        let warm_ms = until(&mut cabinet, fails_ms, |air_c| air_c > -15.0).unwrap();
        let minutes = (warm_ms - fails_ms) as f64 / MINUTE_MS as f64;
        // Customers at the door can make it a minute less, and only while the shop is open.
        let earliest = if (7..22).contains(&day::hour(fails_ms)) { 7.0 } else { 8.0 };
        assert!((earliest..=12.0).contains(&minutes), "seed {seed}: −15 °C after {minutes:.1} min from {before_c}");

        let repaired_ms = fails_ms + 57 * MINUTE_MS;
        (warm_ms + TICK_MS..repaired_ms).step_by(TICK_MS as usize).for_each(|now_ms| {
            cabinet.tick(now_ms);
            assert!((-15.5..0.0).contains(&cabinet.air_c()), "seed {seed}: {} °C", cabinet.air_c());
        });
        cabinet.repair();
        let cold_ms = until(&mut cabinet, repaired_ms, |air_c| air_c < -16.5).unwrap();
        let minutes = (cold_ms - repaired_ms) as f64 / MINUTE_MS as f64;
        assert!((8.0..=25.0).contains(&minutes), "seed {seed}: cold again after {minutes:.1} min");
    }
}
