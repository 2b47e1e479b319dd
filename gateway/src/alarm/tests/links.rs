//! A link that is down is one alarm of the gateway, and none of its devices.

use super::fixture::*;
use crate::aggregate::fixture::T0;
use crate::alarm::{Command, Engine, Held, LinkId, REPEAT_MS};
use facility_config::alarm::RuleKind;
use facility_config::{DeviceIx, Part, Point, Site};
use facility_drivers::Batch;
use std::sync::Arc;

const KIOSK: LinkId = LinkId::Broker(0);
const SECOND_MS: i64 = 1_000;

/// Two cabinets on a broker and one on another, each heard once a minute.
fn two_brokers(rules: &str) -> Arc<Site> {
    let head = "[gateway]\nid = \"gw-1\"\nsite = \"s-1\"\ndistrict = \"350102\"\n";
    let brokers = ["kiosk", "yard"].map(|name| format!("[mqtt.{name}]\nurl = \"mqtt://{name}\"\n"));
    let device = |(id, broker)| format!("[device.{id}]\nprofile = \"cabinet\"\nmqtt = \"{broker}\"\ninterval_s = 60\n");
    let devices = [("a-1", "kiosk"), ("b-2", "kiosk"), ("c-3", "yard")].map(device);
    Arc::new(facility_config::from_toml("test.toml", &[head, &brokers.concat(), &devices.concat(), rules].concat()).unwrap())
}

/// A gateway with its log, driven by what becomes of the broker `kiosk`.
struct Run {
    site: Arc<Site>,
    engine: Engine,
    log: Vec<(i64, Batch)>,
}

impl Run {
    fn new(rules: &str) -> Self {
        let site = two_brokers(rules);
        Self { engine: Engine::new(site.clone()), site, log: Vec::new() }
    }

    fn keep(&mut self, at_ms: i64, batches: Vec<Batch>) {
        self.log.extend(batches.into_iter().map(|batch| (at_ms, batch)));
    }

    /// Lets time pass from one minute to another. `heard` says whether the devices of the broker reach us.
    fn pass(&mut self, minutes: std::ops::Range<i64>, heard: bool) {
        for second in (minutes.start * 60..minutes.end * 60).step_by(10) {
            let at_ms = T0 + second * SECOND_MS;
            for device in (1..=3).filter(|device| second % 60 == i64::from(*device) * 10 && (heard || *device == 3)) {
                let message = said(device, at_ms, vec![whole(Point::CabinetAir, -20.0)]);
                let events = self.engine.observe(&message, at_ms);
                self.keep(at_ms, std::iter::once(message).chain(events).collect());
            }
            let events = self.engine.tick(at_ms);
            self.keep(at_ms, events);
        }
    }

    fn link(&mut self, is_up: bool, minute: i64) {
        let events = self.engine.link(KIOSK, is_up, T0 + minute * MIN_MS);
        self.keep(T0 + minute * MIN_MS, events);
    }

    fn command(&mut self, command: Command, minute: i64) {
        let events = self.engine.command(&command, T0 + minute * MIN_MS);
        self.keep(T0 + minute * MIN_MS, events);
    }

    /// A kill, with a snapshot of some log, or none, and the newest of the log.
    fn kill(&mut self, snapshot: Option<(Vec<u8>, usize)>, from: usize) {
        let (engine, at) = match snapshot {
            Some((sealed, at)) => (Engine::restore(self.site.clone(), &sealed).unwrap(), at),
            None => (Engine::new(self.site.clone()), from),
        };
        self.engine = engine;
        self.log[at..].iter().for_each(|(log_ms, batch)| self.engine.replay(batch, *log_ms));
    }

    /// What was told of links and alarms.
    fn told(&self) -> Vec<String> {
        let of_alarms = |batch: &&Batch| batch.readings[0].metric.point != Point::CabinetAir && is_news(batch);
        self.log.iter().map(|(_, batch)| batch).filter(of_alarms).map(line).collect()
    }
}

fn part() -> Part {
    Part::new("broker_kiosk").unwrap()
}

const DOWN: &str = "5 link Bool(false)";
const RAISED: &str = "6 link_down/broker_kiosk raised";

#[test]
fn a_link_that_stays_down_is_one_alarm_and_a_flap_is_none() {
    type Case = (&'static str, &'static str, i64, bool, &'static [&'static str]);
    let cases: [Case; 5] = [
        ("down for a quarter of an hour", "", 20, true, &[DOWN, RAISED, "20 link Bool(true)", "20 link_down/broker_kiosk cleared"]),
        (
            "down for a quarter of an hour, cleared after a minute",
            "[alarm.link_down]\noff_delay_s = 60\n",
            20,
            true,
            &[DOWN, RAISED, "20 link Bool(true)", "21 link_down/broker_kiosk cleared"],
        ),
        ("shorter than the delay", "[alarm.link_down]\non_delay_s = 600\n", 14, true, &[DOWN, "14 link Bool(true)"]),
        (
            "told again while nobody has seen it",
            "[alarm.link_down]\nre_alarm_s = 600\n",
            20,
            true,
            &[DOWN, RAISED, "16 link_down/broker_kiosk reminded", "20 link Bool(true)", "20 link_down/broker_kiosk cleared"],
        ),
        ("no rule, as before", "[alarm.link_down]\nenabled = false\n", 20, true, &[DOWN, "20 link Bool(true)"]),
    ];
    for (case, rules, up_min, heard, told) in cases {
        let mut run = Run::new(rules);
        run.pass(0..5, true);
        run.link(false, 5);
        run.pass(5..up_min, false);
        run.link(true, up_min);
        run.pass(up_min..40, heard);
        assert_eq!(run.told(), told, "{case}");
    }
}

#[test]
fn a_broker_that_was_never_reached_raises_too() {
    let mut run = Run::new("");
    run.pass(0..1, false);
    run.link(false, 1);
    run.pass(1..40, false);
    assert_eq!(run.told(), ["1 link Bool(false)", "2 link_down/broker_kiosk raised"]);
}

/// A line that is cut behind a converter that answers.
#[test]
fn a_link_on_which_nobody_is_heard_is_the_same_alarm() {
    let mut run = Run::new("");
    run.pass(0..5, true);
    run.pass(5..20, false);
    run.pass(20..30, true);
    let told = ["6 link Bool(false)", "7 link_down/broker_kiosk raised", "20 link Bool(true)", "20 link_down/broker_kiosk cleared"];
    assert_eq!(run.told(), told);
}

/// Who says nothing of a link by his silence: whoever may be silent, and whoever is being worked at.
#[test]
fn silence_that_is_no_alarm_says_nothing_of_the_link() {
    let cases = [("[alarm.comm_loss]\nenabled = false\n", false), ("", true)];
    for (rules, in_maintenance) in cases {
        let mut run = Run::new(rules);
        run.pass(0..5, true);
        for device in (1..=2).filter(|_| in_maintenance) {
            run.command(Command::Maintenance { device: DeviceIx(device), until_ms: Some(T0 + 60 * MIN_MS) }, 5);
        }
        run.pass(5..50, false);
        assert!(run.told().iter().all(|told| !told.contains("link") && !told.contains("raised")), "{rules}: {:?}", run.told());
    }
}

#[test]
fn without_the_rule_each_device_has_its_own_alarm() {
    let mut run = Run::new("[alarm.link_down]\nenabled = false\n");
    run.pass(0..5, true);
    run.pass(5..40, false);
    let told = run.told();
    assert!(told.len() == 2 && told.iter().all(|told| told.ends_with("comm_loss raised")), "{told:?}");
}

#[test]
fn a_mute_link_that_is_lost_too_stays_down_until_it_is_back() {
    let mut run = Run::new("");
    run.pass(0..5, true);
    run.pass(5..20, false);
    // Somebody is heard, and within the same second the broker is gone.
    run.link(false, 20);
    run.pass(20..25, true);
    run.link(true, 25);
    run.pass(25..40, true);
    let told = ["6 link Bool(false)", "7 link_down/broker_kiosk raised", "25 link Bool(true)", "25 link_down/broker_kiosk cleared"];
    assert_eq!(run.told(), told);
}

#[test]
fn it_is_acknowledged_and_shelved_like_any_other() {
    let (device, rule, part) = (DeviceIx::GATEWAY, RuleKind::LinkDown, part());
    let mut run = Run::new("[alarm.link_down]\nre_alarm_s = 600\n");
    run.link(false, 5);
    run.pass(5..7, false);
    run.command(Command::Acknowledge { device, rule, part }, 7);
    run.pass(7..30, false);
    let active = run.engine.active();
    assert_eq!(active.iter().map(|alarm| (alarm.rule, alarm.part, alarm.is_acknowledged)).collect::<Vec<_>>(), [(rule, part, true)]);
    run.command(Command::Shelve { device, rule, part, until_ms: T0 + 60 * MIN_MS }, 30);
    assert_eq!(run.engine.active()[0].held, Some(Held::Shelved));
    run.pass(30..31, false);
    run.link(true, 31);
    run.pass(31..32, true);
    run.link(false, 32);
    run.pass(32..50, false);
    let shelved = ["30 link_down/broker_kiosk shelved", "31 link Bool(true)", "31 link_down/broker_kiosk cleared", "32 link Bool(false)"];
    assert_eq!(run.told(), [&[DOWN, RAISED, "7 link_down/broker_kiosk acknowledged"], &shelved[..]].concat());
}

#[test]
fn a_kill_tells_it_neither_twice_nor_never() {
    let up = ["link Bool(true)", "link_down/broker_kiosk cleared"];
    // The log from its beginning, from a snapshot, and of its newest two hours without what began it.
    for how in ["log", "snapshot", "newest"] {
        let mut run = Run::new("");
        run.pass(0..5, true);
        run.link(false, 5);
        run.pass(5..200, false);
        let newest = run.log.iter().position(|(log_ms, _)| *log_ms >= T0 + 199 * MIN_MS - REPEAT_MS).unwrap();
        let snapshot = (how == "snapshot").then(|| (run.engine.snapshot(), run.log.len()));
        run.kill(snapshot, if how == "newest" { newest } else { 0 });
        // It is still down, and then connected to nobody.
        run.link(false, 201);
        run.pass(201..210, false);
        run.link(true, 210);
        run.pass(210..220, false);
        assert_eq!(run.engine.active().len(), 1, "{how}");
        run.pass(220..230, true);
        assert_eq!(run.told(), [DOWN, RAISED, &format!("220 {}", up[0]), &format!("220 {}", up[1])], "{how}");
        assert!(run.engine.active().is_empty(), "{how}");
    }
}

#[test]
fn how_a_link_was_while_the_gateway_was_off_nobody_knows() {
    let mut run = Run::new("");
    run.pass(0..5, true);
    run.link(false, 5);
    // The board goes off with its broker, and comes back with it ten minutes later.
    run.kill(None, 0);
    run.pass(15..16, false);
    run.link(true, 16);
    run.pass(16..30, true);
    assert_eq!(run.told(), [DOWN, "16 link Bool(true)"]);
    // The same, and it does not come back.
    let mut run = Run::new("");
    run.link(false, 5);
    run.kill(None, 0);
    run.pass(15..30, false);
    assert_eq!(run.told(), [DOWN, "16 link_down/broker_kiosk raised"]);
}

#[test]
fn a_link_that_is_declared_no_more_ends_with_its_alarm() {
    let mut run = Run::new("");
    run.link(false, 5);
    run.pass(5..10, false);
    let sealed = run.engine.snapshot();
    let head = "[gateway]\nid = \"gw-1\"\nsite = \"s-1\"\ndistrict = \"350102\"\n";
    let mut engine = Engine::restore(Arc::new(facility_config::from_toml("test.toml", head).unwrap()), &sealed).unwrap();
    let told: Vec<_> = engine.tick(T0 + 10 * MIN_MS).iter().filter(|event| is_news(event)).map(line).collect();
    assert_eq!(told, ["10 link_down/broker_kiosk cleared"]);
}
