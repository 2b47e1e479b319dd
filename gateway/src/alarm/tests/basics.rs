//! Delays, deadband, defrosts, gaps and clocks, for the rules that have been there from the beginning.

use super::fixture::*;
use crate::aggregate::fixture::{T0, site, text};
use crate::alarm::{Active, Engine};
use facility_config::alarm::{Rule, RuleKind};
use facility_config::{Device, DeviceIx, Part, Point};
use facility_drivers::{Quality, Value};
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn temperature_alarms() {
    let flat = |air_c: f64| move |_: i64| air(air_c);
    type Case<'a> = (&'a str, Rule, &'a dyn Fn(i64) -> Vec<(Point, Value)>, &'a [Told]);
    let missing = || vec![(Point::CabinetAir, Value::Missing(Quality::SensorError))];
    let cases: &[Case<'_>] = &[
        ("at the limit", frozen_at_once(), &flat(-15.0), &[]),
        ("above it", frozen_at_once(), &flat(-14.9), &[(30, "frozen_high", true, 30)]),
        ("29 minutes", frozen_at_once(), &|m| air(if m < 29 { -10.0 } else { -20.0 }), &[]),
        (
            "two times 20 minutes",
            frozen_at_once(),
            &|m| {
                air(if (20..25).contains(&m) {
                    -15.5
                } else if m < 45 {
                    -10.0
                } else {
                    -20.0
                })
            },
            &[],
        ),
        (
            "inside the deadband it stands",
            frozen_at_once(),
            &|m| {
                air(if m < 40 {
                    -10.0
                } else if m < 60 {
                    -16.5
                } else {
                    -16.6
                })
            },
            &[(30, "frozen_high", true, 30), (60, "frozen_high", false, 60)],
        ),
        (
            "clearing waits for its delay",
            Rule { off_delay: minutes(5), ..frozen_at_once() },
            &|m| air(if m < 40 || m == 42 { -10.0 } else { -20.0 }),
            &[(30, "frozen_high", true, 30), (48, "frozen_high", false, 48)],
        ),
        ("start: not judged for 90 minutes", frozen(), &flat(-10.0), &[(90, "frozen_high", true, 90)]),
        (
            "defrost from 100 to 110: not judged until 200",
            frozen(),
            &|m| {
                let air_c = if m >= 100 { -10.0 } else { -20.0 };
                [air(air_c), vec![(Point::CabinetDefrost, Value::Bool((100..110).contains(&m)))]].concat()
            },
            &[(200, "frozen_high", true, 100)],
        ),
        (
            "a defrost that never ends hides nothing for ever",
            frozen(),
            &|_| [air(-10.0), vec![(Point::CabinetMode, text("defrost"))]].concat(),
            &[(150, "frozen_high", true, 150)],
        ),
        (
            "defrost told by the mode, warm only afterwards",
            frozen(),
            &|m| {
                let mode = if (100..110).contains(&m) { "defrost" } else { "cooling" };
                [air(if m >= 190 { -10.0 } else { -20.0 }), vec![(Point::CabinetMode, text(mode))]].concat()
            },
            &[(220, "frozen_high", true, 30)],
        ),
        (
            "missing for one minute: the delay goes on",
            frozen_at_once(),
            &|m| if m == 20 { missing() } else { air(-10.0) },
            &[(30, "frozen_high", true, 30)],
        ),
        (
            "missing when it would be raised: raised on return",
            frozen_at_once(),
            &|m| if (29..31).contains(&m) { missing() } else { air(-10.0) },
            &[(31, "frozen_high", true, 31)],
        ),
        (
            "missing beyond three intervals: the delay starts again",
            frozen_at_once(),
            &|m| if (10..20).contains(&m) { missing() } else { air(-10.0) },
            &[(50, "frozen_high", true, 30)],
        ),
        (
            "silent beyond three intervals: the delay starts again",
            frozen_at_once(),
            &|m| if (10..20).contains(&m) { vec![] } else { air(-10.0) },
            &[(50, "frozen_high", true, 30)],
        ),
        ("missing clears nothing", frozen_at_once(), &|m| if m < 40 { air(-10.0) } else { missing() }, &[(30, "frozen_high", true, 30)]),
        ("silence clears nothing", frozen_at_once(), &|m| if m < 40 { air(-10.0) } else { vec![] }, &[(30, "frozen_high", true, 30)]),
        (
            "the product probe is not judged",
            frozen_at_once(),
            &|_| vec![(Point::CabinetProduct, Value::Float(20.0)), (Point::CabinetAir, Value::Float(-20.0))],
            &[],
        ),
        (
            "raised, cleared and raised again",
            frozen_at_once(),
            &|m| air(if (50..60).contains(&m) { -20.0 } else { -10.0 }),
            &[(30, "frozen_high", true, 30), (50, "frozen_high", false, 50), (90, "frozen_high", true, 30)],
        ),
    ];
    for (case, rule, says, expected) in cases {
        assert_eq!(told(&play(&mut engine(&[*rule]), 240, says)), *expected, "{case}");
    }
}

#[test]
fn door_alarms() {
    let open = |open: bool| vec![(Point::CabinetDoor, Value::Bool(open))];
    let missing = || vec![(Point::CabinetDoor, Value::Missing(Quality::CommError))];
    type Case<'a> = (&'a str, &'a dyn Fn(i64) -> Vec<(Point, Value)>, &'a [Told]);
    let cases: &[Case<'_>] = &[
        ("a short visit", &|m| open(m < 9), &[]),
        ("left open, then closed", &|m| open((5..30).contains(&m)), &[(15, "door_open", true, 10), (31, "door_open", false, 26)]),
        ("unknown is neither", &|m| if m < 20 { open(true) } else { missing() }, &[(10, "door_open", true, 10)]),
    ];
    for (case, says, expected) in cases {
        assert_eq!(told(&play(&mut engine(&[door()]), 60, says)), *expected, "{case}");
    }
}

#[test]
fn silence_alarms() {
    let not_reached = || vec![(Point::CabinetAir, Value::Missing(Quality::CommError)), (Point::HealthPollsErr, Value::Int(3))];
    let broken = || vec![(Point::CabinetAir, Value::Missing(Quality::SensorError))];
    type Case<'a> = (&'a str, &'a dyn Fn(i64) -> Vec<(Point, Value)>, &'a [Told]);
    let cases: &[Case<'_>] = &[
        ("never heard: counted from the start", &|_| vec![], &[(2, "comm_loss", true, 0)]),
        ("heard every minute", &|_| air(-20.0), &[]),
        ("one message lost: two intervals, not more", &|m| if m == 5 { vec![] } else { air(-20.0) }, &[]),
        (
            "back with the first good message",
            &|m| if (5..20).contains(&m) { vec![] } else { air(-20.0) },
            &[(6, "comm_loss", true, 0), (20, "comm_loss", false, 14)],
        ),
        ("a failed poll is silence", &|m| if m >= 5 { not_reached() } else { air(-20.0) }, &[(6, "comm_loss", true, 0)]),
        ("a broken probe is not silence", &|_| broken(), &[]),
        (
            "a last will is not a message",
            &|m| if m >= 5 { vec![(Point::HealthOnline, Value::Bool(false))] } else { air(-20.0) },
            &[(6, "comm_loss", true, 0)],
        ),
    ];
    for (case, says, expected) in cases {
        assert_eq!(told(&play(&mut engine(&[comm_loss()]), 30, says)), *expected, "{case}");
    }
}

#[test]
fn a_power_up_is_not_judged_either() {
    // Up for a day, then switched on again at minute 100 with warm air.
    let says = |minute: i64| {
        let up_s = if minute < 100 { 86_400 + minute * 60 } else { (minute - 100) * 60 };
        [air(if minute < 100 { -20.0 } else { -5.0 }), vec![(Point::HealthUptime, Value::Int(up_s))]].concat()
    };
    assert_eq!(told(&play(&mut engine(&[frozen()]), 240, says)), [(190, "frozen_high", true, 90)]);
}

#[test]
fn standing_alarms_are_listed_by_device_and_rule() {
    let rules = [comm_loss(), door(), frozen_at_once()];
    let other = Device { id: "a-other".into(), ..cabinet(&[comm_loss()]) };
    let mut engine = Engine::new(site(minutes(5), vec![cabinet(&rules), other]));
    for minute in 0..40 {
        let at_ms = T0 + minute * MIN_MS;
        let points = [air(-10.0), vec![(Point::CabinetDoor, Value::Bool(true))]].concat();
        engine.observe(&message(at_ms, points), at_ms);
        engine.tick(at_ms + 1000);
    }
    let at = |device: u16, rule, since_min: i64, raised_ms: i64, value, limit| Active {
        device: DeviceIx(device),
        rule,
        part: Part::WHOLE,
        is_acknowledged: false,
        held: None,
        since_ms: T0 + since_min * MIN_MS,
        raised_ms: T0 + raised_ms,
        value,
        limit,
    };
    let mut active = engine.active();
    assert!(active[2].value.is_some_and(|intervals| intervals > 38.0), "the silence of the other device, in intervals");
    active[2].value = None;
    let expected = [
        at(1, RuleKind::FrozenHigh, 0, 30 * MIN_MS, Some(-10.0), -15.0),
        at(1, RuleKind::DoorOpen, 0, 10 * MIN_MS, None, 0.0),
        at(2, RuleKind::CommLoss, 2, 2 * MIN_MS + 1000, None, 2.0),
    ];
    assert_eq!(active, expected);
}

#[test]
fn a_device_is_uneasy_while_a_delay_runs_or_an_alarm_stands() {
    let mut engine = engine(&[door()]);
    // Open from minute 2 to 3, and from 5 to 20: raised at 15, cleared at 21 after a minute closed.
    for minute in 0..25 {
        let (at_ms, open) = (T0 + minute * MIN_MS, minute == 2 || (5..20).contains(&minute));
        engine.observe(&message(at_ms, vec![(Point::CabinetDoor, Value::Bool(open))]), at_ms);
        assert_eq!(engine.is_uneasy(DeviceIx(1)), minute == 2 || (5..21).contains(&minute), "minute {minute}");
    }
    assert!(!engine.is_uneasy(DeviceIx::GATEWAY) && !engine.is_uneasy(DeviceIx(9)));
}

#[test]
fn a_device_with_a_slow_clock_is_supervised_like_any_other() {
    // Its clock is eight hours behind (local time sent as UTC the wrong way round).
    let mut engine = engine(&[frozen_at_once(), comm_loss()]);
    let mut events = Vec::new();
    for minute in 0..60 {
        let now_ms = T0 + minute * MIN_MS;
        events.extend(engine.observe(&message(now_ms - 480 * MIN_MS, air(-10.0)), now_ms));
        events.extend(engine.tick(now_ms + 30_000));
    }
    // How far behind it is shows with its second message.
    assert_eq!(told(&events), [(31, "frozen_high", true, 30)]);
}

#[test]
fn a_reading_that_was_overtaken_does_not_count() {
    let mut engine = engine(&[frozen_at_once()]);
    let mut events = Vec::new();
    for minute in 0..60 {
        let now_ms = T0 + minute * MIN_MS;
        events.extend(engine.observe(&message(now_ms, air(-10.0)), now_ms));
        // The broker delivers an old, cold reading between two live ones.
        events.extend(engine.observe(&message(now_ms - 60 * MIN_MS, air(-20.0)), now_ms + 1000));
    }
    assert_eq!(told(&events), [(30, "frozen_high", true, 30)]);
}

#[test]
fn a_clock_set_back_neither_raises_nor_forgets() {
    let mut engine = engine(&[frozen_at_once(), comm_loss()]);
    let mut events = Vec::new();
    for minute in 0..60 {
        // At minute 20 the gateway's clock is set back by an hour.
        let now_ms = T0 + (minute - if minute < 20 { 0 } else { 60 }) * MIN_MS;
        events.extend(engine.observe(&message(now_ms, air(-10.0)), now_ms));
        events.extend(engine.tick(now_ms + 30_000));
    }
    // The step itself passes as no time: from the last tick at 19:30 to the message at 20.
    assert_eq!(told(&events), [(31 - 60, "frozen_high", true, 30)]);
}

#[test]
fn a_loss_counts_also_if_nobody_ticked_through_it() {
    let mut engine = engine(&[frozen_at_once(), door()]);
    let says = [air(-10.0), vec![(Point::CabinetDoor, Value::Bool(true))]].concat();
    let mut events = Vec::new();
    for minute in [0, 1, 2, 40, 41] {
        let now_ms = T0 + minute * MIN_MS;
        events.extend(engine.observe(&message(now_ms, says.clone()), now_ms));
    }
    assert_eq!(told(&events), [], "what was warm at minutes 2 and 40 was not warm for 38 minutes");
}

#[test]
fn two_transitions_are_never_one_point() {
    let rule = Rule { on_delay: Duration::ZERO, ..frozen_at_once() };
    let mut engine = engine(&[rule]);
    let mut events = Vec::new();
    for flip in 0..10 {
        // All within one millisecond.
        events.extend(engine.observe(&message(T0 + flip, air(if flip % 2 == 0 { -10.0 } else { -20.0 })), T0 + 10));
    }
    assert_eq!(events.len(), 10);
    assert!(events.is_sorted_by(|earlier, later| earlier.at_ms < later.at_ms));
}

proptest! {
    #[test]
    fn transitions_alternate_whatever_comes(steps in proptest::collection::vec((any::<i64>(), any::<i64>(), 0..6_u8, any::<f64>(), any::<bool>()), 0..200)) {
        let mut engine = engine(&[Rule { on_delay: Duration::ZERO, ..frozen_at_once() }, door(), comm_loss()]);
        let mut raised = std::collections::BTreeSet::new();
        for (now_ms, at_ms, point, float, flag) in steps {
            let now_ms = if flag { now_ms } else { T0 + now_ms.rem_euclid(100 * MIN_MS) };
            let value = match point {
                0 => (Point::CabinetAir, Value::Float(float)),
                1 => (Point::CabinetDoor, Value::Bool(flag)),
                2 => (Point::CabinetDefrost, Value::Bool(flag)),
                3 => (Point::HealthUptime, Value::Int(at_ms)),
                4 => (Point::CabinetAir, Value::Missing(Quality::CommError)),
                _ => (Point::CabinetAir, Value::Float(-10.0)),
            };
            let mut events = engine.observe(&message(at_ms, vec![value]), now_ms);
            events.extend(engine.tick(now_ms));
            for (_, rule, active, _) in told(&events) {
                prop_assert!(if active { raised.insert(rule) } else { raised.remove(rule) }, "{rule} twice {active}");
            }
            prop_assert_eq!(engine.active().len(), raised.len());
        }
    }
}
