//! What people and links change: acknowledged, latched, shelved, told again, in maintenance, suppressed by a link.

use super::fixture::*;
use crate::aggregate::fixture::{T0, site};
use crate::alarm::{Command, Engine, Held, LinkId};
use facility_config::alarm::{Rule, RuleKind};
use facility_config::{Device, DeviceIx, Part, Point};
use facility_drivers::{Batch, Value};
use std::sync::Arc;

const DEVICE: DeviceIx = DeviceIx(1);
const RULE: RuleKind = RuleKind::FrozenHigh;

fn acknowledge(rule: RuleKind) -> Command {
    Command::Acknowledge { device: DEVICE, rule, part: Part::WHOLE }
}

fn shelve(until_min: i64) -> Command {
    Command::Shelve { device: DEVICE, rule: RULE, part: Part::WHOLE, until_ms: T0 + until_min * MIN_MS }
}

/// Warm from the start to a minute, cold from then on.
fn warm_until(minute: i64) -> impl Fn(i64) -> Says {
    move |m| vec![whole(Point::CabinetAir, if m < minute { -10.0 } else { -20.0 })]
}

fn commanded(rule: Rule, warm_min: i64, commands: &[(i64, Command)]) -> Vec<String> {
    let does = |minute: i64, at_ms: i64, engine: &mut Engine| -> Vec<Batch> {
        let due = commands.iter().filter(|(at_min, _)| *at_min == minute);
        due.flat_map(|(_, command)| engine.command(command, at_ms)).collect()
    };
    act(&mut engine(&[rule]), 100, warm_until(warm_min), does).iter().map(line).collect()
}

#[test]
fn commands() {
    let latched = Rule { latch: true, ..frozen_at_once() };
    let insistent = Rule { re_alarm: minutes(10), ..frozen_at_once() };
    let unshelve = Command::Unshelve { device: DEVICE, rule: RULE, part: Part::WHOLE };
    let maintenance = |until_min: Option<i64>| Command::Maintenance { device: DEVICE, until_ms: until_min.map(|min| T0 + min * MIN_MS) };
    type Case<'a> = (&'a str, Rule, i64, &'a [(i64, Command)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        ("latched: it stays", latched, 40, &[], &["30 frozen_high raised"]),
        (
            "latched: it stays until somebody has seen it",
            latched,
            40,
            &[(60, acknowledge(RULE))],
            &["30 frozen_high raised", "60 frozen_high acknowledged", "60 frozen_high cleared"],
        ),
        (
            "seen while it holds, it clears by itself; seen once is enough",
            latched,
            40,
            &[(35, acknowledge(RULE)), (36, acknowledge(RULE))],
            &["30 frozen_high raised", "35 frozen_high acknowledged", "40 frozen_high cleared"],
        ),
        (
            "told again until somebody has seen it",
            insistent,
            90,
            &[(55, acknowledge(RULE))],
            &[
                "30 frozen_high raised",
                "40 frozen_high reminded",
                "50 frozen_high reminded",
                "55 frozen_high acknowledged",
                "90 frozen_high cleared",
            ],
        ),
        (
            "shelved until a moment",
            frozen_at_once(),
            90,
            &[(10, shelve(50))],
            &["10 frozen_high shelved", "50 frozen_high unshelved", "50 frozen_high raised", "90 frozen_high cleared"],
        ),
        (
            "shelved, and taken down again",
            frozen_at_once(),
            200,
            &[(10, shelve(90)), (40, unshelve), (41, unshelve)],
            &["10 frozen_high shelved", "40 frozen_high unshelved", "40 frozen_high raised"],
        ),
        (
            "what stands may clear on the shelf, and is not told again",
            insistent,
            60,
            &[(35, shelve(90))],
            &["30 frozen_high raised", "35 frozen_high shelved", "60 frozen_high cleared", "90 frozen_high unshelved"],
        ),
        (
            "in maintenance until a moment",
            frozen_at_once(),
            200,
            &[(10, maintenance(Some(50)))],
            &["10 maintenance suppressed", "50 maintenance released", "50 frozen_high raised"],
        ),
        (
            "maintenance that ends early",
            frozen_at_once(),
            200,
            &[(10, maintenance(Some(90))), (40, maintenance(None)), (41, maintenance(None))],
            &["10 maintenance suppressed", "40 maintenance released", "40 frozen_high raised"],
        ),
        (
            "what makes no sense is nothing",
            frozen_at_once(),
            0,
            &[(10, acknowledge(RULE)), (11, shelve(5)), (12, unshelve), (13, maintenance(Some(3))), (14, acknowledge(RuleKind::LaneLow))],
            &[],
        ),
    ];
    for (case, rule, warm_min, commands, expected) in cases {
        assert_eq!(commanded(*rule, *warm_min, commands), *expected, "{case}");
    }
}

#[test]
fn what_stands_is_shown_with_what_became_of_it() {
    let mut engine = engine(&[frozen_at_once()]);
    act(&mut engine, 40, warm_until(100), |_, _, _| Vec::new());
    let now_ms = T0 + 41 * MIN_MS;
    let seen = |engine: &Engine| engine.active().first().map(|active| (active.is_acknowledged, active.held)).unwrap();
    assert_eq!(seen(&engine), (false, None));
    engine.command(&acknowledge(RULE), now_ms);
    engine.command(&shelve(90), now_ms);
    assert_eq!(seen(&engine), (true, Some(Held::Shelved)));
    engine.command(&Command::Maintenance { device: DEVICE, until_ms: Some(now_ms + MIN_MS) }, now_ms);
    assert_eq!(seen(&engine), (true, Some(Held::Maintenance)));
    engine.tick(now_ms + MIN_MS);
    assert_eq!(seen(&engine), (true, Some(Held::Shelved)));
}

#[test]
fn one_lane_is_acknowledged_or_all_of_them() {
    let empty = |_: i64| ["A1", "A2", "A3"].map(|lane| of(Point::LaneLevel, lane, Value::Int(0))).to_vec();
    let mut engine = with(&[RuleKind::LaneEmpty]);
    act(&mut engine, 1, empty, |_, _, _| Vec::new());
    let mut acknowledge = |part| {
        let command = Command::Acknowledge { device: DEVICE, rule: RuleKind::LaneEmpty, part };
        engine.command(&command, T0 + MIN_MS).iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(acknowledge(Part::new("A2").unwrap()), ["1 lane_empty/A2 acknowledged"]);
    assert_eq!(acknowledge(Part::WHOLE), ["1 lane_empty/A1 acknowledged", "1 lane_empty/A3 acknowledged"]);
}

#[test]
fn a_link_that_is_down_is_one_thing_and_not_one_per_device() {
    let does = |minute: i64, at_ms: i64, engine: &mut Engine| match minute {
        5 => engine.link(LinkId::Broker(0), false, at_ms),
        6 => engine.link(LinkId::Broker(0), false, at_ms),
        20 => engine.link(LinkId::Broker(0), true, at_ms),
        _ => Vec::new(),
    };
    let says = |heard: std::ops::Range<i64>| move |m: i64| if heard.contains(&m) { vec![] } else { vec![whole(Point::CabinetAir, -20.0)] };
    let told = |silent| act(&mut engine(&[comm_loss()]), 40, says(silent), does).iter().map(line).collect::<Vec<_>>();
    let (down, up) = ("5 link Bool(false)", "20 link Bool(true)");
    assert_eq!(told(5..21), [down, up], "silent with the link, back with it");
    assert_eq!(told(5..30), [down, up, "22 comm_loss raised", "30 comm_loss cleared"], "silence counts from when it could be heard");
    let before = ["3 comm_loss raised", down, "5 comm_loss suppressed", up, "20 comm_loss released", "25 comm_loss cleared"];
    assert_eq!(told(2..25), before, "silent before the link");
}

/// Four devices on one broker, one after the other within each minute, of which some fall silent; what is told, as
/// Only where a link that is down is an alarm is one that is mute looked for; here nobody waits for that alarm.
fn with_link_down(devices: Vec<Device>) -> Engine {
    let mut site = Arc::unwrap_or_clone(site(minutes(5), devices));
    site.devices[0].rules = vec![Rule { on_delay: minutes(600), ..RuleKind::LinkDown.default_rule() }];
    Engine::new(Arc::new(site))
}

/// `minute device what`.
fn on_one_link(silent: impl Fn(u16, i64) -> bool, length_min: i64) -> Vec<String> {
    let devices = (1..=4).map(|nth| Device { id: format!("fz-{nth}").into(), ..cabinet(&[comm_loss()]) }).collect();
    let mut engine = with_link_down(devices);
    let mut events = Vec::new();
    for second in (0..length_min * 60).step_by(5) {
        let at_ms = T0 + second * 1000;
        for device in (1..=4).filter(|device| second % 60 == i64::from(*device) * 10 && !silent(*device, second / 60)) {
            events.extend(engine.observe(&said(device, at_ms, vec![whole(Point::CabinetAir, -20.0)]), at_ms));
        }
        events.extend(engine.tick(at_ms));
    }
    events.retain(is_news);
    let who = |event: &Batch| event.device.map_or(0, |device| device.at());
    events.iter().map(|event| format!("{} {}", who(event), line(event))).collect()
}

#[test]
fn a_link_on_which_nobody_is_heard_is_one_thing_though_it_is_connected() {
    type Silent = fn(u16, i64) -> bool;
    let cases: [(&str, Silent, &[&str]); 5] = [
        ("all of them, and all come back", |_, m| (5..20).contains(&m), &["0 6 link Bool(false)", "0 20 link Bool(true)"]),
        ("one alone has its own", |device, m| device == 2 && (5..20).contains(&m), &["2 6 comm_loss raised", "2 20 comm_loss cleared"]),
        (
            "one does not come back with the others",
            |device, m| (5..20).contains(&m) || device == 3 && (5..30).contains(&m),
            &["0 6 link Bool(false)", "0 20 link Bool(true)", "3 22 comm_loss raised", "3 30 comm_loss cleared"],
        ),
        (
            "one was silent before",
            |device, m| (5..20).contains(&m) || device == 4 && (1..20).contains(&m),
            &[
                "4 2 comm_loss raised",
                "0 6 link Bool(false)",
                "4 6 comm_loss suppressed",
                "0 20 link Bool(true)",
                "4 20 comm_loss released",
                "4 20 comm_loss cleared",
            ],
        ),
        ("nobody ever", |_, _| true, &["0 2 link Bool(false)"]),
    ];
    for (case, silent, told) in cases {
        assert_eq!(on_one_link(silent, 40), told, "{case}");
    }
}

#[test]
fn a_connection_that_comes_back_to_nobody_is_no_link() {
    let devices = (1..=2).map(|nth| Device { id: format!("fz-{nth}").into(), ..cabinet(&[comm_loss()]) }).collect();
    let mut engine = with_link_down(devices);
    let mut told = Vec::new();
    for minute in 0..20 {
        let at_ms = T0 + minute * MIN_MS;
        told.extend(engine.tick(at_ms));
        if minute > 4 {
            told.extend(engine.link(LinkId::Broker(0), minute % 2 == 1, at_ms));
        }
    }
    told.extend(engine.observe(&said(1, T0 + 20 * MIN_MS, vec![whole(Point::CabinetAir, -20.0)]), T0 + 20 * MIN_MS));
    told.extend(engine.tick(T0 + 20 * MIN_MS));
    told.retain(is_news);
    assert_eq!(told.iter().map(line).collect::<Vec<_>>(), ["3 link Bool(false)", "20 link Bool(true)"]);
}
