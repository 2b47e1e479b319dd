#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::sim::fleet::{FleetSpec, Said};
use std::mem::discriminant;

/// 2026-09-01T10:00:00+08:00.
const MORNING: i64 = 1_788_228_000_000;

fn story(seconds: u64, speed: f64) -> Story {
    Story::new(Duration::from_secs(seconds), speed, 6)
}

/// Plays a story on a fleet, a tenth of a real second at a time, and tells what was to be seen: real second, air of the
/// failing cabinet, whether the second locker said something since the last look.
fn played(seconds: u64, speed: f64, seed: u64) -> Vec<(f64, f64, bool)> {
    let mut story = story(seconds, speed);
    let mut fleet = Fleet::new(FleetSpec { devices: 6, seed, start_ms: MORNING });
    let look = |tenth: u64| {
        let elapsed = Duration::from_millis(tenth * 100);
        story.due(elapsed).iter().for_each(|beat| beat.play(&mut fleet));
        let said = fleet.said(MORNING + (elapsed.as_secs_f64() * speed * 1e3) as i64);
        let heard = said
            .iter()
            .any(|said| matches!(said, Said::Mqtt { device, topic, .. } if &**device == "lk-junmen-02" && topic.ends_with("telemetry")));
        (elapsed.as_secs_f64(), fleet.cabinet("fz-ekc-01").unwrap().air_c(), heard)
    };
    (0..=seconds * 10).map(look).collect()
}

#[test]
fn beats_come_once_and_in_order() {
    use Beat as B;
    let (cabinet, locker): (Arc<str>, Arc<str>) = ("fz-ekc-01".into(), "lk-junmen-02".into());
    let expected = [
        (3, B::CabinetFails(cabinet.clone())),
        (12, B::DeviceSilent(locker.clone())),
        (17, B::DoorLeftOpen(cabinet.clone())),
        (20, B::DatabaseDown),
        (29, B::DoorClosed(cabinet.clone())),
        (38, B::DatabaseUp),
        (50, B::DeviceBack(locker)),
        (60, B::CabinetRepaired(cabinet)),
    ];
    for seconds in [75, 90, 600] {
        let mut story = story(seconds, 60.0);
        let told: Vec<_> =
            (0..=seconds).flat_map(|second| story.due(Duration::from_secs(second)).into_iter().map(move |beat| (second, beat))).collect();
        assert_eq!(told, expected, "{seconds} s");
        assert_eq!(story.due(Duration::MAX), []);
        assert_eq!(story.due(Duration::ZERO), [], "time that steps back tells nothing twice");
    }
    let mut late = story(90, 60.0);
    assert_eq!(late.due(Duration::MAX).len(), expected.len(), "a late look loses no beat");
}

#[test]
fn every_run_keeps_the_order_of_cause_and_effect() {
    for (seconds, speed) in
        [(1, 60.0), (20, 60.0), (45, 60.0), (60, 60.0), (60, 120.0), (90, 1.0), (3_600, 10.0), (30, f64::NAN), (30, -3.0)]
    {
        let story = story(seconds, speed);
        let at = |wanted: &Beat| story.beats().find(|(_, beat)| discriminant(*beat) == discriminant(wanted)).unwrap().0;
        let id: Arc<str> = "any".into();
        for (cause, effect) in [
            (Beat::CabinetFails(id.clone()), Beat::CabinetRepaired(id.clone())),
            (Beat::DeviceSilent(id.clone()), Beat::DeviceBack(id.clone())),
            (Beat::DatabaseDown, Beat::DatabaseUp),
            (Beat::DoorLeftOpen(id.clone()), Beat::DoorClosed(id.clone())),
        ] {
            assert!(at(&cause) < at(&effect), "{seconds} s at {speed}: {cause:?}");
            assert!(at(&effect) <= Duration::from_secs(seconds), "{seconds} s at {speed}: {effect:?}");
        }
    }
}

#[test]
fn the_warm_cabinet_alarms_and_recovers_within_ninety_seconds() {
    for seed in 0..12 {
        let seen = played(90, 60.0, seed);
        let warm_s = seen.iter().find(|(_, air_c, _)| *air_c > -15.0).unwrap().0;
        // 30 simulated minutes of on-delay are 30 s.
        let alarm_s = warm_s + 30.0;
        assert!((40.0..=46.0).contains(&alarm_s), "seed {seed}: alarm at {alarm_s} s");
        let stays = seen.iter().filter(|(at_s, ..)| (warm_s + 0.2..60.0).contains(at_s)).all(|(_, air_c, _)| *air_c > -16.5);
        assert!(stays, "seed {seed}: nothing clears before the repair");
        let cold_s = seen.iter().find(|(at_s, air_c, _)| *at_s > 60.0 && *air_c < -16.5).unwrap().0;
        assert!((66.0..=85.0).contains(&cold_s), "seed {seed}: cold again at {cold_s} s");
        assert!(seen.iter().all(|(at_s, _, heard)| !heard || !(12.1..50.0).contains(at_s)), "seed {seed}: the locker is silent");
        assert!(seen.iter().any(|(at_s, _, heard)| *heard && *at_s > 50.0), "seed {seed}: the locker is back");
    }
}

#[test]
fn a_minute_still_shows_the_alarm() {
    for seed in 0..12 {
        let seen = played(60, 60.0, seed);
        let warm_s = seen.iter().find(|(_, air_c, _)| *air_c > -15.0).unwrap().0;
        let repaired_s = story(60, 60.0).beats().find(|(_, beat)| matches!(beat, Beat::CabinetRepaired(_))).unwrap().0.as_secs_f64();
        assert!(warm_s + 31.0 < repaired_s, "seed {seed}: warm at {warm_s}, repaired at {repaired_s} s");
    }
}

#[test]
fn a_run_says_what_it_cannot_show() {
    let missing = |seconds, speed| story(seconds, speed).left_out().into_iter().map(|sentence| sentence.en).collect::<Vec<_>>();
    assert_eq!(missing(90, 60.0), Vec::<String>::new());
    for (seconds, speed, count, word) in [
        (75, 60.0, 1, "clearing"),
        (60, 60.0, 1, "clearing"),
        (50, 60.0, 1, "clearing"),
        (40, 60.0, 2, "temperature alarm: it takes 43"),
        (40, 240.0, 0, ""),
        (90, 1.0, 4, "the silent device"),
    ] {
        let missing = missing(seconds, speed);
        assert_eq!(missing.len(), count, "{seconds} s at {speed}: {missing:?}");
        assert!(count == 0 || missing.iter().any(|sentence| sentence.contains(word)), "{missing:?}");
    }
}

#[test]
fn a_small_fleet_has_a_small_story() {
    for (devices, beats) in [(0, 2), (1, 4), (3, 4), (4, 8), (500, 8)] {
        assert_eq!(Story::new(Duration::from_secs(90), 60.0, devices).beats().count(), beats, "{devices} devices");
    }
}

#[test]
fn every_beat_has_a_sentence_that_names_its_device() {
    for (_, beat) in story(90, 60.0).beats() {
        let Sentence { en, zh } = beat.sentence();
        let id = match beat {
            Beat::CabinetFails(id) | Beat::CabinetRepaired(id) | Beat::DeviceSilent(id) | Beat::DeviceBack(id) => id,
            Beat::DoorLeftOpen(id) | Beat::DoorClosed(id) => id,
            Beat::DatabaseDown | Beat::DatabaseUp => "",
        };
        assert!(en.contains(id) && zh.contains(id) && en.ends_with('.') && zh.ends_with('。'), "{en} {zh}");
    }
}
