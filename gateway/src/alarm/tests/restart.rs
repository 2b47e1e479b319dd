//! A restart: state saved and restored goes on as if nothing had been, and the log gives the same alarms back.

use super::fixture::*;
use crate::aggregate::fixture::{T0, device, site, text};
use crate::alarm::{Active, Command, Engine, LinkId};
use facility_config::alarm::RuleKind;
use facility_config::{Device, DeviceIx, Kind, Part, Point, Site, Source};
use facility_drivers::{Batch, Quality, Subject, Value};
use std::sync::Arc;

/// Three devices of a broker, with every rule but those of silence, which listen anew after a restart.
fn three() -> Arc<Site> {
    let head = "[gateway]\nid = \"gw-1\"\nsite = \"s-1\"\ndistrict = \"350102\"\n[mqtt.local]\nurl = \"mqtt://localhost\"\n";
    let devices = ["a-1", "b-2", "c-3"].map(|id| format!("[device.{id}]\nprofile = \"cabinet\"\nmqtt = \"local\"\ninterval_s = 60\n"));
    let mut site = facility_config::from_toml("test.toml", &(head.to_owned() + &devices.concat())).unwrap();
    let listens = [RuleKind::CommLoss, RuleKind::LinkDown];
    let rules: Vec<_> = RuleKind::ALL.iter().filter(|kind| !listens.contains(kind)).map(|kind| kind.default_rule()).collect();
    site.devices[0].rules.retain(|rule| !listens.contains(&rule.kind));
    site.devices.iter_mut().skip(1).for_each(|device| device.rules.clone_from(&rules));
    Arc::new(site)
}

/// What one device says in a random minute: mostly what raises or clears something.
fn random_says(random: &mut fastrand::Rng) -> Says {
    let temperatures = [-20.0, -16.0, -10.0, 3.0, 6.0, 12.0];
    let mut says = Vec::new();
    for point in [Point::CabinetAir, Point::CabinetProduct, Point::VendingAir, Point::CabinetCond] {
        match random.u8(..10) {
            0 => says.push((point.into(), Value::Missing(Quality::SensorError))),
            1 => {}
            _ => says.push(whole(
                point,
                temperatures[random.usize(..temperatures.len())] + if point == Point::CabinetCond { 75.0 } else { 0.0 },
            )),
        }
    }
    says.push(whole(Point::EnergyVoltage, if random.u8(..4) == 0 { 190.0 } else { 230.0 }));
    says.push(is(Point::CabinetDoor, random.u8(..4) > 0));
    says.push(is(Point::CabinetCompressor, random.bool()));
    says.push(of(Point::LaneLevel, ["A1", "A2"][random.usize(..2)], Value::Int(random.i64(0..4))));
    says.push(of(Point::LaneMin, "A1", Value::Int(2)));
    match random.u8(..8) {
        0 => says.extend(event("vend_fail", "A1", "10003")),
        1 => says.extend(event("vend_ok", "A1", "")),
        2 => says.extend(event("tamper", "", "")),
        3 => says.extend(event("refill", "", "")),
        4 => says.push((Point::CabinetMode.into(), text(if random.bool() { "defrost" } else { "cooling" }))),
        _ => {}
    }
    says
}

fn random_command(random: &mut fastrand::Rng, now_ms: i64) -> Command {
    let device = DeviceIx(random.u16(1..4));
    let rule = RuleKind::ALL[random.usize(..RuleKind::ALL.len())];
    let (part, until_ms) = (Part::WHOLE, now_ms + random.i64(1..30) * MIN_MS);
    match random.u8(..6) {
        0 => Command::Shelve { device, rule, part, until_ms },
        1 => Command::Unshelve { device, rule, part },
        2 => Command::Maintenance { device, until_ms: Some(until_ms).filter(|_| random.bool()) },
        _ => Command::Acknowledge { device, rule, part },
    }
}

/// A random minute of all three, as it goes into the log.
fn minute(engine: &mut Engine, random: &mut fastrand::Rng, now_ms: i64, log: &mut Vec<(i64, Batch)>) {
    for ix in 1..4 {
        if random.u8(..8) > 0 {
            let message = said(ix, now_ms - random.i64(0..2000), random_says(random));
            let events = engine.observe(&message, now_ms);
            log.push((now_ms, message));
            log.extend(events.into_iter().map(|event| (now_ms, event)));
        }
    }
    let mut events = Vec::new();
    if random.u8(..3) == 0 {
        events.extend(engine.command(&random_command(random, now_ms), now_ms));
    }
    if random.u8(..20) == 0 {
        events.extend(engine.link(LinkId::Broker(0), random.bool(), now_ms));
    }
    events.extend(engine.tick(now_ms + 30_000));
    log.extend(events.into_iter().map(|event| (now_ms + 30_000, event)));
}

fn shown(engine: &Engine) -> Vec<Active> {
    let mut active = engine.active();
    // The newest value is that of the newest judgement, and nobody judges between two messages of a log.
    active.iter_mut().for_each(|alarm| alarm.value = None);
    active
}

fn readings(batches: &[Batch]) -> Vec<String> {
    batches.iter().map(|batch| format!("{:?} {} {:?}", batch.device, batch.at_ms, batch.readings)).collect()
}

#[test]
fn state_that_was_saved_goes_on_as_if_nothing_had_been() {
    for seed in 0..20 {
        let (site, mut random) = (three(), fastrand::Rng::with_seed(seed));
        let (mut engine, mut log) = (Engine::new(site.clone()), Vec::new());
        (0..90).for_each(|m| minute(&mut engine, &mut random, T0 + m * MIN_MS, &mut log));
        let sealed = engine.snapshot();
        let mut restored = Engine::restore(site, &sealed).unwrap();
        assert!(restored.snapshot() == sealed, "seed {seed}: saved again it is the same");
        assert_eq!(engine.active(), restored.active());
        let mut again = random.clone();
        for m in 90..180 {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            minute(&mut engine, &mut random, T0 + m * MIN_MS, &mut one);
            minute(&mut restored, &mut again, T0 + m * MIN_MS, &mut other);
            let told = |log: Vec<(i64, Batch)>| readings(&log.into_iter().map(|(_, batch)| batch).collect::<Vec<_>>());
            assert_eq!(told(one), told(other), "seed {seed}, minute {m}");
        }
    }
}

#[test]
fn the_log_gives_back_what_stood() {
    let mut stood = 0;
    for seed in 0..40 {
        let (site, mut random) = (three(), fastrand::Rng::with_seed(seed));
        let (mut live, mut log) = (Engine::new(site.clone()), Vec::new());
        (0..120).for_each(|m| minute(&mut live, &mut random, T0 + m * MIN_MS, &mut log));
        let mut replayed = Engine::new(site.clone());
        // Half of it from a snapshot, as after a restart with one.
        if seed % 2 == 0 {
            let mut half = Engine::new(site.clone());
            let mut random = fastrand::Rng::with_seed(seed);
            let mut first = Vec::new();
            (0..60).for_each(|m| minute(&mut half, &mut random, T0 + m * MIN_MS, &mut first));
            replayed = Engine::restore(site, &half.snapshot()).unwrap();
            log.drain(..first.len());
        }
        log.iter().for_each(|(log_ms, batch)| replayed.replay(batch, *log_ms));
        let now_ms = T0 + 120 * MIN_MS;
        // A device whose log ended within a commit is looked at before the others.
        let [one, other] = [&mut live, &mut replayed].map(|engine| {
            let mut told = readings(&engine.tick(now_ms));
            told.sort_unstable();
            told
        });
        assert_eq!(one, other, "seed {seed}: nothing is told twice, nothing is forgotten");
        assert_eq!(shown(&live), shown(&replayed), "seed {seed}");
        stood += live.active().len();
    }
    assert!(stood > 100, "the test has something to compare: {stood}");
}

#[test]
fn silence_of_the_gateway_is_not_silence_of_its_devices() {
    let rule = comm_loss();
    let elsewhere = Source::Mqtt { broker: 1, topic_id: "other".into() };
    let two = site(minutes(5), vec![cabinet(&[rule]), Device { id: "other".into(), source: elsewhere, ..cabinet(&[rule]) }]);
    let mut engine = Engine::new(two.clone());
    let mut events = Vec::new();
    for m in 0..10 {
        let now_ms = T0 + m * MIN_MS;
        events.extend(engine.observe(&said(1, now_ms, vec![whole(Point::CabinetAir, 4.0)]), now_ms));
        events.extend(engine.tick(now_ms + 1000));
    }
    assert_eq!(events.len(), 1, "the other one was never heard");
    // Off for three hours, then back.
    let mut engine = Engine::restore(two, &engine.snapshot()).unwrap();
    let back_ms = T0 + 190 * MIN_MS;
    assert!(!engine.tick(back_ms).iter().any(is_news) && engine.tick(back_ms + MIN_MS).is_empty());
    assert_eq!(engine.active().len(), 1, "what stood stands until it is heard");
    assert_eq!(engine.tick(back_ms + 3 * MIN_MS).len(), 1, "now the first one is silent for two intervals too");
    assert_eq!(engine.observe(&said(2, back_ms + 4 * MIN_MS, vec![whole(Point::CabinetAir, 4.0)]), back_ms + 4 * MIN_MS).len(), 1);
}

#[test]
fn devices_are_found_by_their_id_and_damage_is_noticed() {
    let mut engine = Engine::new(site(minutes(5), vec![cabinet(&[frozen_at_once()])]));
    act(&mut engine, 40, |_| vec![whole(Point::CabinetAir, -10.0)], |_, _, _| Vec::new());
    let sealed = engine.snapshot();
    let moved = site(minutes(5), vec![device("aa-new", Kind::Meter, 60), cabinet(&[frozen_at_once()])]);
    let restored = Engine::restore(moved.clone(), &sealed).unwrap();
    assert_eq!(restored.active().first().map(|alarm| alarm.device), Some(DeviceIx(2)));
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[at] ^= 0x10;
        assert!(Engine::restore(moved.clone(), &damaged).is_none(), "byte {at}");
        assert!(Engine::restore(moved.clone(), &sealed[..at]).is_none(), "cut at {at}");
    }
}

#[test]
fn events_of_other_versions_are_read_as_far_as_they_go() {
    let mut engine = Engine::new(site(minutes(5), vec![cabinet(&[frozen_at_once()])]));
    let mut old = Batch::new(DeviceIx(1), Subject::Event, T0);
    old.push(of(Point::AlarmActive, "frozen_high", Value::Int(1)).0, Value::Int(1));
    engine.replay(&old, T0);
    assert_eq!(engine.active().len(), 1, "raised, by what stands");
    let mut new = Batch::new(DeviceIx(1), Subject::Event, T0 + 1);
    new.push(of(Point::AlarmActive, "ice_on_the_moon", Value::Int(1)).0, Value::Int(1));
    engine.replay(&new, T0 + 1);
    assert_eq!(engine.active().len(), 1);
}

#[test]
fn an_alarm_whose_rule_is_no_more_clears_at_the_first_look() {
    let with_rule = site(minutes(5), vec![cabinet(&[frozen_at_once(), door()])]);
    let mut engine = Engine::new(with_rule);
    act(&mut engine, 40, |_| vec![whole(Point::CabinetAir, -10.0)], |_, _, _| Vec::new());
    let mut restored = Engine::restore(site(minutes(5), vec![cabinet(&[door()])]), &engine.snapshot()).unwrap();
    assert_eq!(restored.tick(T0 + 50 * MIN_MS).iter().map(line).collect::<Vec<_>>(), ["50 frozen_high cleared"]);
    assert!(restored.tick(T0 + 51 * MIN_MS).is_empty() && restored.active().is_empty());
}

#[test]
fn the_newest_hours_of_the_log_say_all_that_stands_and_all_that_is_held_back() {
    let rules = [frozen_at_once(), door(), RuleKind::FrozenCritical.default_rule()];
    let says = |_: i64| vec![whole(Point::CabinetAir, -10.0), is(Point::CabinetDoor, true)];
    let (ix, part) = (DeviceIx(1), Part::WHOLE);
    let (mut engine, mut log) = (Engine::new(site(minutes(5), vec![cabinet(&rules)])), Vec::new());
    let length_min = 600;
    for m in 0..length_min {
        let now_ms = T0 + m * MIN_MS;
        let message = said(1, now_ms, says(m));
        let mut batches = engine.observe(&message, now_ms);
        batches.insert(0, message);
        match m {
            5 => batches.extend(
                engine.command(&Command::Shelve { device: ix, rule: RuleKind::DoorOpen, part, until_ms: T0 + 700 * MIN_MS }, now_ms),
            ),
            40 => batches.extend(engine.command(&Command::Acknowledge { device: ix, rule: RuleKind::FrozenHigh, part }, now_ms)),
            _ => {}
        }
        batches.extend(engine.tick(now_ms));
        log.extend(batches.into_iter().map(|batch| (now_ms, batch)));
    }
    let news = log.iter().filter(|(_, batch)| batch.subject == Subject::Event && is_news(batch)).count();
    assert_eq!((news, engine.active().len()), (4, 2), "raised, raised, shelved, acknowledged");
    let mut replayed = Engine::new(site(minutes(5), vec![cabinet(&rules)]));
    let newest = log.iter().filter(|(log_ms, _)| *log_ms >= T0 + (length_min - 121) * MIN_MS);
    newest.for_each(|(log_ms, batch)| replayed.replay(batch, *log_ms));
    let known = |engine: &Engine| engine.active().into_iter().map(|one| (one.rule, one.since_ms, one.is_acknowledged)).collect::<Vec<_>>();
    assert_eq!(known(&engine), known(&replayed));
    let told = act_from(&mut replayed, length_min, 720, says);
    assert_eq!(told, ["700 door_open unshelved", "700 door_open raised"], "nothing is told twice");
}

/// The same as [`lines`], from a minute on.
fn act_from(engine: &mut Engine, from_min: i64, to_min: i64, says: impl Fn(i64) -> Says) -> Vec<String> {
    let mut events = Vec::new();
    for m in from_min..to_min {
        events.extend(engine.observe(&said(1, T0 + m * MIN_MS, says(m)), T0 + m * MIN_MS));
        events.extend(engine.tick(T0 + m * MIN_MS));
    }
    events.iter().filter(|event| is_news(event)).map(line).collect()
}

#[test]
fn what_happened_at_the_very_end_of_the_log_is_told_by_the_next_start() {
    let tamper = said(1, T0, event("tamper", "", ""));
    let raised = with(&[RuleKind::LockerTamper]).observe(&tamper, T0).remove(0);
    let later = said(1, T0, vec![whole(Point::LockerTemp, 20.0)]);
    type Log<'a> = &'a [(&'a Batch, i64)];
    let cases: [(&str, Log<'_>, usize); 4] = [
        ("cause and event", &[(&tamper, T0), (&raised, T0)], 0),
        ("the event is missing", &[(&tamper, T0)], 1),
        ("something else of the same commit", &[(&tamper, T0), (&later, T0)], 1),
        ("the log goes on: it was held back", &[(&tamper, T0), (&later, T0 + 1000)], 0),
    ];
    for (case, log, told) in cases {
        let mut engine = with(&[RuleKind::LockerTamper]);
        log.iter().for_each(|(batch, log_ms)| engine.replay(batch, *log_ms));
        assert_eq!(engine.tick(T0 + MIN_MS).len(), told, "{case}");
        assert_eq!(engine.tick(T0 + 2 * MIN_MS).len(), 0, "{case}: once");
    }
}

#[test]
fn an_alarm_of_a_device_that_is_no_longer_declared_is_told_as_ended_once() {
    let other = Device { id: "a-device-with-a-long-name".into(), ..cabinet(&[frozen_at_once()]) };
    let mut engine = Engine::new(site(minutes(5), vec![other, cabinet(&[frozen_at_once()])]));
    act(&mut engine, 40, |_| vec![whole(Point::CabinetAir, -10.0)], |_, _, _| Vec::new());
    let (sealed, left) = (engine.snapshot(), site(minutes(5), vec![cabinet(&[frozen_at_once()])]));
    let mut restored = Engine::restore(left.clone(), &sealed).unwrap();
    let told = restored.tick(T0 + 50 * MIN_MS);
    assert_eq!(told.len(), 1);
    let word = |point| told[0].readings.iter().find(|reading| reading.metric.point == point).map(|reading| reading.value.clone());
    assert_eq!((told[0].device, word(Point::AlarmState)), (Some(DeviceIx::GATEWAY), Some(text("cleared"))));
    assert_eq!((word(Point::AlarmTarget), word(Point::AlarmCause)), (Some(text("a-device-with-a-long-name")), Some(text("removed"))));
    assert!(restored.tick(T0 + 51 * MIN_MS).is_empty());
    assert!(Engine::restore(left.clone(), &restored.snapshot()).unwrap().tick(T0 + 52 * MIN_MS).is_empty());
    // Killed before the next snapshot: the log has it.
    let mut again = Engine::restore(left, &sealed).unwrap();
    again.replay(&told[0], T0 + 50 * MIN_MS);
    assert!(again.tick(T0 + 53 * MIN_MS).is_empty());
}
