//! A device that says something every minute, and what is told of it.

use crate::aggregate::fixture::{T0, device, site, text};
use crate::alarm::Engine;
use facility_config::alarm::{Rule, RuleKind};
use facility_config::{Device, DeviceIx, Kind, Part, Point};
use facility_drivers::{Batch, Metric, Subject, Value};
use std::time::Duration;

pub(super) const MIN_MS: i64 = 60_000;

pub(super) fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// DOMAIN §5: above −15 °C for 30 min, cleared below −16.5 °C, not judged for 90 min after a defrost.
pub(super) fn frozen() -> Rule {
    RuleKind::FrozenHigh.default_rule()
}

/// The same without the delay after a start, so that a table can begin at minute 0.
pub(super) fn frozen_at_once() -> Rule {
    Rule { defrost_delay: Duration::ZERO, ..frozen() }
}

pub(super) fn door() -> Rule {
    Rule { on_delay: minutes(10), off_delay: minutes(1), ..RuleKind::DoorOpen.default_rule() }
}

pub(super) fn comm_loss() -> Rule {
    RuleKind::CommLoss.default_rule()
}

pub(super) fn cabinet(rules: &[Rule]) -> Device {
    Device { rules: rules.to_vec(), ..device("fz-02", Kind::Cabinet, 60) }
}

pub(super) fn engine(rules: &[Rule]) -> Engine {
    Engine::new(site(minutes(5), vec![cabinet(rules)]))
}

pub(super) fn message(at_ms: i64, points: Vec<(Point, Value)>) -> Batch {
    let mut batch = Batch::new(DeviceIx(1), Subject::Telemetry, at_ms);
    points.into_iter().for_each(|(point, value)| batch.push(point, value));
    batch
}

pub(super) fn air(air_c: f64) -> Vec<(Point, Value)> {
    vec![(Point::CabinetAir, Value::Float(air_c))]
}

/// `(minute, rule, raised)` of every event, and how long its condition had lasted in minutes.
pub(super) type Told = (i64, &'static str, bool, i64);

pub(super) fn told(events: &[Batch]) -> Vec<Told> {
    let value = |batch: &Batch, point| batch.readings.iter().find(|reading| reading.metric.point == point).map(|r| r.value.clone());
    let read = |batch: &Batch| {
        assert_eq!((batch.device, batch.subject), (Some(DeviceIx(1)), Subject::Event));
        let rule = batch.readings[0].metric.part;
        let kind = RuleKind::from_name(rule.as_str()).unwrap();
        assert!(batch.readings.iter().all(|reading| reading.metric.part == rule));
        let active = match value(batch, Point::AlarmActive) {
            Some(Value::Int(active @ 0..=1)) => active == 1,
            other => panic!("active is {other:?}"),
        };
        let Some(Value::Float(lasted_s)) = value(batch, Point::AlarmDurationS) else { panic!("no duration") };
        assert_eq!(value(batch, Point::AlarmValue).is_some(), kind != RuleKind::DoorOpen, "a door has no value");
        ((batch.at_ms - T0) / MIN_MS, kind.as_str(), active, lasted_s as i64 / 60)
    };
    events.iter().filter(|event| is_news(event)).map(read).collect()
}

/// Whether something happened: what only says again what stands has a test of its own.
pub(super) fn is_news(event: &Batch) -> bool {
    let repeats = |word: &str| word.starts_with("stands");
    !event.readings.iter().any(|one| one.metric.point == Point::AlarmState && matches!(&one.value, Value::Text(word) if repeats(word)))
}

/// Lets a device say something (or nothing) each minute, with a tick every ten seconds.
pub(super) fn play(engine: &mut Engine, length_min: i64, says: impl Fn(i64) -> Vec<(Point, Value)>) -> Vec<Batch> {
    let mut events = Vec::new();
    for minute in 0..length_min {
        let at_ms = T0 + minute * MIN_MS;
        let points = says(minute);
        if !points.is_empty() {
            events.extend(engine.observe(&message(at_ms, points), at_ms));
        }
        (0..6).for_each(|tick| events.extend(engine.tick(at_ms + tick * 10_000)));
    }
    events
}

/// What a device says in one message.
pub(super) type Says = Vec<(Metric, Value)>;

/// A value of the whole device.
pub(super) fn whole(point: Point, value: f64) -> (Metric, Value) {
    (point.into(), Value::Float(value))
}

/// A yes or no of the whole device.
pub(super) fn is(point: Point, value: bool) -> (Metric, Value) {
    (point.into(), Value::Bool(value))
}

/// A value of one part.
pub(super) fn of(point: Point, part: &str, value: Value) -> (Metric, Value) {
    (Metric { point, part: Part::new(part).unwrap() }, value)
}

/// An event, at a target, with a code.
pub(super) fn event(what: &str, target: &str, code: &str) -> Says {
    let mut says = vec![of(Point::EventCount, what, Value::Int(1))];
    if !target.is_empty() {
        says.push(of(Point::EventTarget, what, text(target)));
    }
    if !code.is_empty() {
        says.push(of(Point::EventCode, what, text(code)));
    }
    says
}

/// An engine for one device with the defaults of these rules.
pub(super) fn with(rules: &[RuleKind]) -> Engine {
    engine(&rules.iter().map(|kind| kind.default_rule()).collect::<Vec<_>>())
}

/// A message of a device.
pub(super) fn said(device: u16, at_ms: i64, says: Says) -> Batch {
    let mut batch = Batch::new(DeviceIx(device), Subject::Telemetry, at_ms);
    says.into_iter().for_each(|(metric, value)| batch.push(metric, value));
    batch
}

/// What an event says, in a line: `minute rule/target state`.
pub(super) fn line(batch: &Batch) -> String {
    let find = |point| batch.readings.iter().find(|reading| reading.metric.point == point).map(|reading| &reading.value);
    let word = |point| match find(point) {
        Some(Value::Text(word)) => word.to_string(),
        _ => String::new(),
    };
    let (minute, rule) = ((batch.at_ms - T0) / MIN_MS, batch.readings[0].metric.part);
    if batch.readings[0].metric.point == Point::LinkUp {
        return format!("{minute} link {:?}", batch.readings[0].value);
    }
    let target = Some(word(Point::AlarmTarget)).filter(|target| !target.is_empty()).map_or(String::new(), |target| format!("/{target}"));
    format!("{minute} {rule}{target} {}", word(Point::AlarmState))
}

/// Lets a device say something each minute and somebody do something then, with a tick every ten seconds.
pub(super) fn act(
    engine: &mut Engine,
    length_min: i64,
    says: impl Fn(i64) -> Says,
    does: impl Fn(i64, i64, &mut Engine) -> Vec<Batch>,
) -> Vec<Batch> {
    let mut events = Vec::new();
    for minute in 0..length_min {
        let at_ms = T0 + minute * MIN_MS;
        let said_now = says(minute);
        if !said_now.is_empty() {
            events.extend(engine.observe(&said(1, at_ms, said_now), at_ms));
        }
        events.extend(does(minute, at_ms, engine));
        (0..6).for_each(|tick| events.extend(engine.tick(at_ms + tick * 10_000)));
    }
    events.retain(is_news);
    events
}

/// The same as lines, with nobody doing anything.
pub(super) fn lines(engine: &mut Engine, length_min: i64, says: impl Fn(i64) -> Says) -> Vec<String> {
    act(engine, length_min, says, |_, _, _| Vec::new()).iter().map(line).collect()
}
