//! A rule is about now: clocks that are set forward, what devices kept while they were offline, and what is no longer there.

use super::fixture::*;
use crate::aggregate::fixture::T0;
use crate::alarm::Engine;
use facility_config::alarm::{Rule, RuleKind};
use facility_config::{DeviceIx, Point};
use facility_drivers::{Batch, Subject, Value};
use std::time::Duration;

const HOUR_MS: i64 = 60 * MIN_MS;

/// A heartbeat of the gateway.
fn beat(at_ms: i64, up_s: i64) -> Batch {
    let mut batch = Batch::new(DeviceIx::GATEWAY, Subject::Health, at_ms);
    batch.push(Point::GatewayUptime, Value::Int(up_s));
    batch
}

#[test]
fn a_clock_set_forward_lets_no_delay_run_out_and_the_log_gives_the_same() {
    let rules = [frozen_at_once(), comm_loss(), RuleKind::FrozenCritical.default_rule()];
    for step_ms in [0, 10 * MIN_MS, 50 * 365 * 24 * HOUR_MS] {
        // The gateway starts anew at a minute; before the step, after it, or never.
        for restart in [15, 25, 99] {
            let (mut engine, mut events, mut log) = (engine(&rules), Vec::new(), Vec::new());
            for minute in 0..60 {
                let now_ms = T0 + minute * MIN_MS + if minute < 20 { 0 } else { step_ms };
                if minute == restart {
                    let mut next = super::fixture::engine(&rules);
                    log.iter().for_each(|(batch, log_ms)| next.replay(batch, *log_ms));
                    engine = next;
                }
                let up_s = 60 * if minute < restart { minute } else { minute - restart };
                for batch in [beat(now_ms, up_s), message(now_ms, air(-13.0))] {
                    let told = engine.observe(&batch, now_ms);
                    log.push((batch, now_ms));
                    events.extend(told);
                }
                events.extend(engine.tick(now_ms + 30_000));
            }
            let raised_min = 30 + step_ms / MIN_MS;
            assert_eq!(told(&events), [(raised_min, "frozen_high", true, 30)], "{step_ms} {restart}");
        }
    }
}

/// What it shows, its rules, age of the backlog's beginning, what it says in its minutes, what is said live, what is told.
type Case<'a> = (&'a str, &'a [RuleKind], i64, &'a dyn Fn(i64) -> Says, &'a dyn Fn(i64) -> Says, &'a [&'a str]);

#[test]
fn what_a_device_kept_while_it_was_offline_is_not_the_present() {
    use RuleKind::*;
    let count = |point: Point, count: i64| (point.into(), Value::Int(count));
    let cold = |_: i64| vec![whole(Point::CabinetAir, -20.0)];
    let level = |_: i64| vec![of(Point::LaneLevel, "A1", Value::Int(5))];
    let opened = |cmds: i64, fails: i64| vec![count(Point::LockerOpenCmds, cmds), count(Point::LockerOpenFails, fails)];
    let fails = |i: i64| if i < 3 { event("vend_fail", "A1", "10003") } else { vec![] };
    let day = 25 * 60;
    let cases: &[Case<'_>] = &[
        (
            "starts of yesterday",
            &[ShortCycle],
            day,
            &|i| vec![is(Point::CabinetCompressor, i % 2 == 0)],
            &|_| vec![is(Point::CabinetCompressor, true)],
            &[],
        ),
        ("a door of yesterday", &[DoorOpen], day, &|_| vec![is(Point::CabinetDoor, true)], &cold, &[]),
        (
            "a door of an hour ago, still open",
            &[DoorOpen],
            70,
            &|_| vec![is(Point::CabinetDoor, true)],
            &|_| vec![is(Point::CabinetDoor, true)],
            &["3 door_open raised"],
        ),
        (
            "goods that were warm and are cold",
            &[VendingHealthLockout],
            day,
            &|_| vec![whole(Point::VendingSetpoint, 4.0), whole(Point::VendingAir, 9.0)],
            &|_| vec![whole(Point::VendingSetpoint, 4.0), whole(Point::VendingAir, 3.0)],
            &[],
        ),
        ("a lane that was empty", &[LaneEmpty, LaneLow], day, &|_| vec![of(Point::LaneLevel, "A1", Value::Int(0))], &level, &[]),
        ("doors that did not open, more than a day ago", &[LockerOpenFailRate], day, &|i| opened(10 * i, i), &|_| opened(590, 59), &[]),
        (
            "the same two hours ago",
            &[LockerOpenFailRate],
            120,
            &|i| opened(10 * i, i),
            &|_| opened(590, 59),
            &["0 locker_open_fail_rate raised"],
        ),
        (
            "tampering is news",
            &[LockerTamper],
            day,
            &|i| if i == 7 { event("tamper", "", "") } else { vec![] },
            &|_| opened(0, 0),
            &["0 locker_tamper raised"],
        ),
        ("a lane that failed and still does", &[VendFailBurst], day, &fails, &level, &["0 vend_fail_burst/A1 raised"]),
        (
            "a lane that failed and works",
            &[VendFailBurst],
            day,
            &|i| if i == 5 { event("vend_ok", "A1", "") } else { fails(i) },
            &level,
            &[],
        ),
        ("a last sign of life", &[CommLoss], day, &cold, &|m| if m == 0 { cold(m) } else { vec![] }, &["2 comm_loss raised"]),
    ];
    for (case, rules, age_min, kept, live, expected) in cases {
        let mut engine = with(rules);
        let mut told: Vec<_> =
            (0..60).flat_map(|i| engine.observe(&said(1, T0 + (i - age_min) * MIN_MS, kept(i)), T0 - 2000 + 20 * i)).collect();
        told.extend(act(&mut engine, 10, live, |_, _, _| Vec::new()));
        let lines: Vec<_> = told.iter().map(|event| line(event).replace("-0 ", "0 ")).collect();
        assert_eq!(lines, *expected, "{case}");
    }
}

#[test]
fn a_defrost_told_late_still_explains_the_warmth_after_it() {
    let mut engine = engine(&[frozen()]);
    // Running for long; the defrost was last seen 21 minutes before the cabinet is heard again, and stood for three more.
    engine.observe(&message(T0 - 300 * MIN_MS, air(-20.0)), T0 - 300 * MIN_MS);
    for minute in 50..80 {
        engine.observe(&message(T0 - (100 - minute) * MIN_MS, vec![(Point::CabinetDefrost, Value::Bool(minute < 80))]), T0);
    }
    assert_eq!(told(&play(&mut engine, 100, |_| air(-10.0))), [(72, "frozen_high", true, 72)]);
}

#[test]
fn a_lane_that_is_no_longer_reported_ends_with_its_alarm() {
    let lane = |no, level| of(Point::LaneLevel, no, Value::Int(level));
    let mut engine = with(&[RuleKind::LaneEmpty]);
    let says = |m: i64| if m < 5 { vec![lane("A1", 0), lane("A2", 9)] } else { vec![lane("A2", 9)] };
    let events = act(&mut engine, 25 * 60, says, |_, _, _| Vec::new());
    assert_eq!(events.iter().map(line).collect::<Vec<_>>(), ["0 lane_empty/A1 raised", "1444 lane_empty/A1 cleared"]);
    let cause = events[1].readings.iter().find(|reading| reading.metric.point == Point::AlarmCause).map(|reading| reading.value.clone());
    assert_eq!(cause, Some(Value::Text("not_reported".into())));
    // The whole machine is silent: nobody knows. And when it is back, its lanes come message by message.
    let silent = |m: i64| {
        if (5..3000).contains(&m) {
            vec![]
        } else if m % 2 == 0 {
            vec![lane("A1", 0)]
        } else {
            vec![lane("A2", 9)]
        }
    };
    assert_eq!(lines(&mut with(&[RuleKind::LaneEmpty]), 3100, silent), ["0 lane_empty/A1 raised"]);
}

#[test]
fn a_probe_and_a_phase_that_are_gone_end_too_but_not_the_air() {
    let says = |m: i64| match m {
        0..10 => vec![whole(Point::CabinetAir, 99.0), whole(Point::CabinetEvap, 99.0), of(Point::PhaseVoltage, "l2", Value::Float(100.0))],
        _ => vec![is(Point::CabinetDoor, false)],
    };
    let told = lines(&mut with(&[RuleKind::ProbeFault, RuleKind::Mains]), 1500, says);
    let raised = ["1 probe_fault/air raised", "1 probe_fault/evap raised", "1 mains/l2 raised"];
    assert_eq!(told, [&raised[..], &["1449 mains/l2 cleared", "1449 probe_fault/evap cleared"]].concat());
}

#[test]
fn a_rate_nobody_adds_to_slides_out_of_its_day() {
    let count = |point: Point, count: i64| (point.into(), Value::Int(count));
    let says = |m: i64| vec![count(Point::LockerOpenCmds, 10 * m.min(10)), count(Point::LockerOpenFails, m.min(10))];
    let told = lines(&mut with(&[RuleKind::LockerOpenFailRate]), 25 * 60, says);
    assert_eq!(told, ["5 locker_open_fail_rate raised", "1440 locker_open_fail_rate cleared"]);
}

#[test]
fn a_count_of_open_doors_is_one_door_only_while_none_can_have_closed() {
    let count = |point: Point, count: i64| (point.into(), Value::Int(count));
    let rule = Rule { on_delay: minutes(5), ..RuleKind::LockerDoorAjar.default_rule() };
    type Case<'a> = (&'a str, &'a dyn Fn(i64) -> Says, &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        ("one left open", &|_| vec![count(Point::LockerDoorOpen, 1)], &["5 locker_door_ajar raised"]),
        ("another one each minute", &|m| vec![count(Point::LockerDoorOpen, 1), count(Point::LockerOpenCmds, m)], &[]),
        (
            "one left open while another is used",
            &|m| vec![count(Point::LockerOpenCmds, i64::from(m >= 1)), count(Point::LockerDoorOpen, 1 + i64::from(m == 1))],
            &["7 locker_door_ajar raised"],
        ),
        (
            "seen once when somebody opened it, closed by the next heartbeat",
            &|m| if m % 9 == 0 { vec![count(Point::LockerDoorOpen, 1), count(Point::LockerOpenCmds, m)] } else { vec![] },
            &[],
        ),
        ("closed and opened again", &|m| vec![count(Point::LockerDoorOpen, (m + 1) % 2)], &[]),
        (
            "open before and after a silence",
            &|m| if (1..10).contains(&m) { vec![] } else { vec![count(Point::LockerDoorOpen, 1)] },
            &["15 locker_door_ajar raised"],
        ),
    ];
    for (case, says, expected) in cases {
        assert_eq!(lines(&mut engine(&[rule]), 18, says), *expected, "{case}");
    }
}

#[test]
fn reminders_that_were_missed_come_once() {
    let rule = Rule { re_alarm: minutes(10), on_delay: Duration::ZERO, latch: true, ..frozen_at_once() };
    let mut engine = engine(&[rule]);
    assert_eq!(lines(&mut engine, 1, |_| vec![whole(Point::CabinetAir, -10.0)]), ["0 frozen_high raised"]);
    let mut told = |minute: i64| {
        let now_ms = T0 + minute * MIN_MS;
        engine
            .observe(&message(now_ms, air(-10.0)), now_ms)
            .iter()
            .chain(&engine.tick(now_ms))
            .filter(|event| is_news(event))
            .map(line)
            .collect::<Vec<_>>()
    };
    assert_eq!(told(301), ["301 frozen_high reminded"]);
    assert_eq!(told(309), [] as [&str; 0]);
    assert_eq!(told(310), ["310 frozen_high reminded"]);
}

#[test]
fn the_gateway_counts_how_often_its_database_accepts() {
    let toml = "[gateway]\nid = \"gw-1\"\nsite = \"s-1\"\ndistrict = \"350102\"\n";
    let site = std::sync::Arc::new(facility_config::from_toml("test.toml", toml).unwrap());
    let (mut engine, mut told) = (Engine::new(site.clone()), Vec::new());
    // A hundred requests an hour, every second of them in vain for ten days. The process starts anew on the fifth.
    for hour in 0..40 * 24_i64 {
        let (now_ms, ours) = (T0 + hour * HOUR_MS, hour % (5 * 24 + 7));
        let mut batch = beat(now_ms, ours * 3600);
        let failed = (hour - ours..=hour).skip(1).filter(|hour| *hour < 10 * 24).count() as i64 * 50;
        batch.push(Point::GatewayUplinkRequests, Value::Int(100 * ours));
        batch.push(Point::GatewayUplinkFailed, Value::Int(failed));
        told.extend(
            engine.observe(&batch, now_ms).iter().map(|event| ((event.at_ms - T0) / (24 * HOUR_MS), event.readings[1].value.clone())),
        );
        if hour == 7 * 24 {
            engine = Engine::restore(site.clone(), &engine.snapshot()).unwrap();
        }
    }
    assert_eq!(told, [(0, Value::Text("raised".into())), (31, Value::Text("cleared".into()))]);
}

/// DOMAIN §4: retries within 10 s count once.
#[test]
fn a_compartment_that_is_tried_again_has_failed_once() {
    for (second_s, raised) in [(5, 0), (15, 1)] {
        let mut engine = with(&[RuleKind::LockerOpenFailRate]);
        let counts = |cmds: i64, fails: i64| {
            vec![(Point::LockerOpenCmds.into(), Value::Int(cmds)), (Point::LockerOpenFails.into(), Value::Int(fails))]
        };
        let mut told = engine.observe(&said(1, T0, counts(1000, 70)), T0);
        for at_ms in [T0 + 20_000, T0 + 20_000 + second_s * 1000] {
            told.extend(engine.observe(&said(1, at_ms, event("open_fail", "7", "")), at_ms));
        }
        told.extend(engine.observe(&said(1, T0 + MIN_MS, counts(1060, 72)), T0 + MIN_MS));
        assert_eq!(told.len(), raised, "{second_s} s: two of sixty, or one");
    }
}
