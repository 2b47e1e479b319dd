//! What a restart makes of alarms, by way of the log: none is lost, none is told twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::alarm::Command;
use crate::app::stores::tags_of;
use crate::rollup::Rollup;
use crate::store::memory::{Memory, memory};
use crate::store::{Names, Record};
use facility_config::Part;
use facility_config::alarm::RuleKind::{self, CommLoss, FrozenHigh, LockerTamper};
use facility_drivers::link::LinkState;
use facility_drivers::{Ack, Reading};
use std::path::Path;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const T0: i64 = 1_788_220_800_000;
const MINUTE_MS: i64 = 60_000;
const CABINET: DeviceIx = DeviceIx(1);
const LOCKER: DeviceIx = DeviceIx(2);
const DEADLINE: Duration = Duration::from_secs(20);
const SITE: &str = r#"
[gateway]
id = "gw-test-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:1883"
[device.fz-001]
profile = "cabinet"
mqtt = "kiosk"
cold = "frozen"
interval_s = 60
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
interval_s = 60
[alarm.frozen_high]
on_delay_s = 60
defrost_delay_s = 0
"#;

type Log = (Names, Vec<Record>);

/// A pipeline with a log that it is given and leaves behind.
struct Life {
    clock: Clock,
    telemetry: Arc<Telemetry>,
    queue: mpsc::Sender<Batch>,
    orders: mpsc::Sender<Order>,
    link: watch::Sender<Link>,
    picture: watch::Receiver<Arc<Picture>>,
    readings: (Store, Memory),
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn site() -> Arc<Site> {
    Arc::new(facility_config::from_toml("gateway.toml", SITE).unwrap())
}

impl Life {
    async fn begin(dir: &Path, clock: &Clock, (names, records): Log) -> Self {
        let (site, telemetry, stop) = (site(), Arc::new(Telemetry::default()), CancellationToken::new());
        let readings = memory(names);
        let tags: Vec<String> = site.devices.iter().map(|device| tags_of(&site, device)).collect();
        readings.1.log(&tags.iter().map(String::as_str).collect::<Vec<_>>(), clock.clone());
        readings.1.push(records);
        let (queue, batches) = mpsc::channel(8);
        let (orders, asked) = mpsc::channel(8);
        let (link, linked) = watch::channel(Link::new(T0));
        let (shown, picture) = watch::channel(Arc::default());
        let parts = Parts {
            site,
            clock: clock.clone(),
            telemetry: telemetry.clone(),
            deliveries: Vec::new(),
            queue: batches,
            orders: asked,
            links: vec![(LinkId::Broker(0), linked)],
            readings: readings.0.clone(),
            snapshot: dir.join(SNAPSHOT),
            picture: shown,
            wear: watch::channel(Default::default()).1,
            stop: stop.clone(),
        };
        let task = tokio::spawn(Pipeline::new(parts).run());
        let mut life = Self { clock: clock.clone(), telemetry, queue, orders, link, picture, readings, stop, task };
        life.ticked().await;
        life
    }

    /// Waits for the next tick.
    async fn ticked(&mut self) {
        tokio::time::timeout(DEADLINE, self.picture.changed()).await.unwrap().unwrap();
    }

    /// Says something at a minute and waits until it is in the log.
    async fn says(&self, minute: i64, mut batch: Batch) {
        self.clock.pass(T0 + minute * MINUTE_MS - self.clock.now_ms());
        (batch.at_ms, batch.device_ms) = (self.clock.now_ms(), Some(self.clock.now_ms()));
        let messages = self.telemetry.intake.messages.get() + 1;
        self.queue.send(batch).await.unwrap();
        tokio::time::timeout(DEADLINE, async {
            while self.telemetry.intake.messages.get() < messages {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        self.settled().await;
    }

    /// Waits until the store has what was handed to it, and holds the account against itself.
    async fn settled(&self) {
        let intake = &self.telemetry.intake;
        let mut durable = self.readings.0.durable();
        tokio::time::timeout(DEADLINE, durable.wait_for(|durable| durable.taken == intake.stored.get())).await.unwrap().unwrap();
        assert_eq!(intake.readings.get(), intake.stored.get() + intake.dropped.lost(), "the account balances");
    }

    /// Wants something and says whether it changed anything; if so, waits until that is durable.
    async fn wants(&self, command: Command) -> bool {
        let ((taken, answer), (to, mut durable)) = (oneshot::channel(), mpsc::channel(1));
        self.orders.send(Order { command, taken, durable: Ack::new(to, 0, 0) }).await.unwrap();
        let changed = answer.await.unwrap();
        assert_eq!(durable.recv().await.is_some(), changed);
        changed
    }

    /// A stop in order.
    async fn end(self) -> Log {
        self.stop.cancel();
        self.task.await.unwrap();
        let stored = self.telemetry.intake.stored.get();
        self.readings.0.durable().wait_for(|durable| durable.taken == stored).await.unwrap();
        self.readings.1.records()
    }

    /// kill -9.
    async fn killed(self) -> Log {
        self.task.abort();
        let _ = self.task.await;
        self.readings.1.records()
    }
}

fn air(air_c: f64) -> Batch {
    let mut batch = Batch::new(CABINET, Subject::Telemetry, T0);
    batch.push(Point::CabinetAir, Value::Float(air_c));
    batch
}

fn tamper() -> Batch {
    let mut batch = Batch::new(LOCKER, Subject::Event, T0);
    batch.push(facility_drivers::Metric { point: Point::EventCount, part: Part::new("tamper").unwrap() }, Value::Int(1));
    batch
}

fn locker() -> Batch {
    let mut batch = Batch::new(LOCKER, Subject::Telemetry, T0);
    batch.push(Point::LockerOccupied, Value::Int(30));
    batch
}

/// Whether it was raised, of every event of a rule in a log.
fn told(rule: RuleKind, (names, records): &Log) -> Vec<bool> {
    let of = |record: &Record| {
        let name = &names.metrics[record.metric as usize];
        (name.point == Some(Point::AlarmActive) && name.part.as_str() == rule.as_str()).then(|| record.value == Value::Int(1))
    };
    records.iter().filter_map(of).collect()
}

/// Cold, warm, too long warm, cold again: minute and °C.
const COURSE: [(i64, f64); 5] = [(0, -20.0), (1, -14.0), (2, -13.0), (3, -18.0), (4, -20.0)];

#[tokio::test]
async fn an_alarm_that_stands_is_not_raised_again_by_a_restart_and_is_cleared_after_it() {
    // (orderly stop, what becomes of the snapshot)
    type Ruin = fn(&Path);
    let cases: [(&str, bool, Ruin); 4] = [
        ("stop in order", true, |_| {}),
        ("kill", false, |_| {}),
        ("no snapshot", true, |path| drop(std::fs::remove_file(path))),
        ("a damaged snapshot", true, |path| drop(std::fs::write(path, b"FOLD"))),
    ];
    for (case, in_order, ruin) in cases {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(T0));
        let life = Life::begin(dir.path(), &clock, Default::default()).await;
        for (minute, air_c) in &COURSE[..3] {
            life.says(*minute, air(*air_c)).await;
        }
        let log = if in_order { life.end().await } else { life.killed().await };
        assert_eq!(told(FrozenHigh, &log), [true], "{case}: before");
        ruin(&dir.path().join(SNAPSHOT));
        let mut life = Life::begin(dir.path(), &clock, log).await;
        assert_eq!(life.picture.borrow().alarms.len(), 1, "{case}: it stands");
        life.ticked().await;
        for (minute, air_c) in &COURSE[3..] {
            life.says(*minute, air(*air_c)).await;
        }
        assert_eq!(told(FrozenHigh, &life.end().await), [true, false], "{case}: after");
    }
}

#[tokio::test]
async fn a_log_that_ends_anywhere_neither_loses_nor_doubles_an_alarm() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(T0));
    let life = Life::begin(dir.path(), &clock, Default::default()).await;
    for (minute, air_c) in COURSE {
        life.says(minute, air(air_c)).await;
    }
    let (names, records) = life.end().await;
    assert_eq!(told(FrozenHigh, &(names.clone(), records.clone())), [true, false]);
    for end in 0..=records.len() {
        let log = (names.clone(), records[..end].to_vec());
        let is_there = |minute: i64| {
            let (names, records) = &log;
            let air = |record: &&Record| names.metrics[record.metric as usize].point == Some(Point::CabinetAir);
            records.iter().filter(air).any(|record| record.at_ms == T0 + minute * MINUTE_MS)
        };
        // What was not durable was not acknowledged: the broker sends it again.
        let again: Vec<_> = COURSE.into_iter().filter(|(minute, _)| !is_there(*minute)).collect();
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(log.1.last().map_or(T0, |record| record.log_ms)));
        let life = Life::begin(dir.path(), &clock, log).await;
        for (minute, air_c) in again {
            life.says(minute, air(air_c)).await;
        }
        assert_eq!(told(FrozenHigh, &life.end().await), [true, false], "the log ended after {end} points");
    }
}

#[tokio::test]
async fn what_was_over_at_once_is_told_wherever_the_log_ends() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(T0));
    let life = Life::begin(dir.path(), &clock, Default::default()).await;
    life.says(0, locker()).await;
    life.says(1, tamper()).await;
    let (names, records) = life.end().await;
    assert_eq!(told(LockerTamper, &(names.clone(), records.clone())), [true]);
    let is_cause = |record: &Record| names.metrics[record.metric as usize].point == Some(Point::EventCount);
    let cause = records.iter().position(is_cause).unwrap();
    for end in cause + 1..=records.len() {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(records[end - 1].log_ms));
        let mut life = Life::begin(dir.path(), &clock, (names.clone(), records[..end].to_vec())).await;
        life.ticked().await;
        assert_eq!(told(LockerTamper, &life.end().await), [true], "the log ended {} points after it", end - cause - 1);
    }
}

#[tokio::test]
async fn an_old_alarm_is_found_in_the_log_when_the_snapshot_is_lost() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(T0));
    let mut life = Life::begin(dir.path(), &clock, Default::default()).await;
    life.says(0, tamper()).await;
    for minute in 0..300 {
        life.says(minute, air(-13.0)).await;
        if minute % 50 == 49 {
            life.ticked().await;
        }
    }
    let log = life.end().await;
    std::fs::remove_file(dir.path().join(SNAPSHOT)).unwrap();
    let mut life = Life::begin(dir.path(), &clock, log).await;
    life.ticked().await;
    let shown = life.picture.borrow().alarms.iter().map(|alarm| (alarm.rule, alarm.since_ms)).collect::<Vec<_>>();
    assert!(shown.contains(&(FrozenHigh, T0)) && shown.contains(&(LockerTamper, T0)), "{shown:?}");
    life.says(300, air(-20.0)).await;
    let states = states(&life.end().await);
    let count = |word: &str| states.iter().filter(|state| *state == word).count();
    // Too warm, tampering, and the locker is silent.
    assert_eq!((count("raised"), count("cleared")), (3, 1), "{states:?}");
}

#[tokio::test]
async fn a_clock_that_is_set_forward_lets_nobody_fall_silent() {
    for step_ms in [10 * MINUTE_MS, 50 * 365 * 24 * 60 * MINUTE_MS] {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(T0));
        let mut life = Life::begin(dir.path(), &clock, Default::default()).await;
        for minute in 0..3 {
            life.says(minute, air(-14.0 - minute as f64)).await;
            life.says(minute, locker()).await;
        }
        clock.set(clock.now_ms() + step_ms);
        life.ticked().await;
        life.ticked().await;
        let log = life.end().await;
        assert!(told(CommLoss, &log).is_empty());
        let mut life = Life::begin(dir.path(), &clock, log).await;
        life.ticked().await;
        assert!(told(CommLoss, &life.end().await).is_empty());
    }
}

#[tokio::test]
async fn an_alarm_raised_by_silence_is_not_raised_again_after_a_restart() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(T0));
    let mut life = Life::begin(dir.path(), &clock, Default::default()).await;
    life.says(0, locker()).await;
    for minute in 0..5 {
        life.says(minute, air(-20.0)).await;
        life.ticked().await;
    }
    let log = life.killed().await;
    assert_eq!(told(CommLoss, &log), [true]);
    let mut life = Life::begin(dir.path(), &clock, log).await;
    life.ticked().await;
    life.says(5, air(-20.0)).await;
    life.ticked().await;
    let log = life.end().await;
    assert_eq!(told(CommLoss, &log), [true]);
    let life = Life::begin(dir.path(), &clock, log).await;
    life.says(6, locker()).await;
    assert_eq!(told(CommLoss, &life.end().await), [true, false]);
}

#[tokio::test]
async fn a_device_whose_clock_is_behind_does_not_move_the_time_of_the_others() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(T0));
    let life = Life::begin(dir.path(), &clock, Default::default()).await;
    for minute in 0..4 {
        life.says(minute, air(-20.0)).await;
        let mut slow = locker();
        slow.device_ms = Some(T0 - 8 * 3_600_000 + minute * MINUTE_MS);
        slow.at_ms = clock.now_ms();
        life.queue.send(slow).await.unwrap();
    }
    let life = Life::begin(dir.path(), &clock, life.killed().await).await;
    life.says(4, air(-14.0)).await;
    life.says(5, air(-14.0)).await;
    life.says(6, air(-14.0)).await;
    let alarms = life.picture.borrow().alarms.clone();
    assert_eq!(told(FrozenHigh, &life.end().await), [true]);
    assert!(alarms.iter().all(|alarm| alarm.since_ms >= T0), "{alarms:?}");
}

#[tokio::test]
async fn what_an_operator_wants_is_in_the_log_and_survives() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(T0));
    let life = Life::begin(dir.path(), &clock, Default::default()).await;
    let acknowledge = Command::Acknowledge { device: CABINET, rule: FrozenHigh, part: Part::WHOLE };
    assert!(!life.wants(acknowledge).await, "nothing stands");
    for (minute, air_c) in &COURSE[..3] {
        life.says(*minute, air(*air_c)).await;
    }
    assert!(life.wants(acknowledge).await);
    assert!(!life.wants(acknowledge).await, "once is enough");
    life.settled().await;
    let log = life.killed().await;
    let states = states(&log);
    assert_eq!(states.last().map(String::as_str), Some("acknowledged"), "{states:?}");
    let life = Life::begin(dir.path(), &clock, log).await;
    assert!(!life.wants(acknowledge).await, "it still is");
    assert!(life.wants(Command::Maintenance { device: CABINET, until_ms: Some(T0 + 3_600_000) }).await);
    life.settled().await;
    life.end().await;
}

/// Values of `alarm.state` in a log.
fn states((names, records): &Log) -> Vec<String> {
    let of = |record: &Record| match (&record.value, names.metrics[record.metric as usize].point) {
        (Value::Text(word), Some(Point::AlarmState)) => Some(word.to_string()),
        _ => None,
    };
    records.iter().filter_map(of).collect()
}

#[tokio::test]
async fn a_link_is_told_when_it_changes_and_not_before_it_was_tried() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(T0));
    let mut life = Life::begin(dir.path(), &clock, Default::default()).await;
    let ups = |(names, records): Log| {
        let is_link = |record: &&Record| names.metrics[record.metric as usize].point == Some(Point::LinkUp);
        records.iter().filter(is_link).map(|record| record.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ups(life.readings.1.records()), []);
    for state in [LinkState::Up, LinkState::Up, LinkState::Connecting, LinkState::Up, LinkState::Stopped] {
        life.link.send_modify(|link| (link.state, link.connects) = (state, 1));
        life.ticked().await;
        life.ticked().await;
    }
    // Up is what a link is taken for until it is told to be down.
    assert_eq!(ups(life.end().await), [false, true].map(Value::Bool));
}

#[tokio::test]
async fn the_roll_up_passes_an_alarm_on_once_however_often_both_are_started() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(T0));
    let life = Life::begin(dir.path(), &clock, Default::default()).await;
    for (minute, air_c) in COURSE {
        life.says(minute, air(air_c)).await;
    }
    let log = life.end().await;
    let life = Life::begin(dir.path(), &clock, log).await;
    let (outbox, stop) = (memory(Names::default()), CancellationToken::new());
    let rollup = Rollup {
        site: site(),
        readings: life.readings.0.clone(),
        outbox: outbox.0.clone(),
        archive: Arc::new(crate::archive::Archive::open(dir.path(), site()).unwrap()),
        snapshot: dir.path().join("fold.snapshot"),
        telemetry: Arc::default(),
        stop: stop.clone(),
    };
    let produced = rollup.telemetry.clone();
    let task = tokio::spawn(rollup.run());
    let mut durable = outbox.0.durable();
    tokio::time::timeout(DEADLINE, durable.wait_for(|durable| durable.taken > 0)).await.unwrap().unwrap();
    life.end().await;
    stop.cancel();
    task.await.unwrap();
    durable.wait_for(|durable| durable.taken == produced.intake.produced.get()).await.unwrap();
    let readings: Vec<_> = outbox.1.appended().into_iter().flat_map(|batch| batch.readings).collect();
    let is_frozen = |reading: &&Reading| (reading.metric.point, reading.metric.part.as_str()) == (Point::AlarmActive, FrozenHigh.as_str());
    let actives: Vec<&Value> = readings.iter().filter(is_frozen).map(|reading| &reading.value).collect();
    assert_eq!(actives, [&Value::Int(1), &Value::Int(0)]);
}
