//! Which batches the stores are asked to keep when room is short.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::store::memory::{Memory, memory};
use crate::store::record::{MetricName, Origin};
use crate::store::{Names, Record};
use facility_config::Part;
use facility_drivers::{Fault, Metric};
use tokio::task::JoinHandle;

const T0: i64 = 1_788_220_800_000;
const CABINET: DeviceIx = DeviceIx(1);
const LOCKER: DeviceIx = DeviceIx(2);
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
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
[alarm.frozen_high]
on_delay_s = 60
defrost_delay_s = 0
"#;

/// A pipeline between a queue and two memory stores.
struct Rig {
    clock: Clock,
    telemetry: Arc<Telemetry>,
    queue: mpsc::Sender<Batch>,
    readings: (Store, Memory),
    /// Alarms that [`Rig::said`] took out of the log on its way.
    alarms: std::cell::RefCell<Vec<Batch>>,
    _dir: tempfile::TempDir,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Rig {
    fn start() -> Self {
        Self::start_with(Names::default(), Vec::new())
    }

    /// With what is in the log from before.
    fn start_with(names: Names, log: Vec<Record>) -> Self {
        let (clock, telemetry, stop) = (Clock::manual(T0), Arc::new(Telemetry::default()), CancellationToken::new());
        let (readings, dir) = (memory(names), tempfile::tempdir().unwrap());
        readings.1.push(log);
        let (queue, batches) = mpsc::channel(8);
        let parts = Parts {
            site: Arc::new(facility_config::from_toml("gateway.toml", SITE).unwrap()),
            clock: clock.clone(),
            telemetry: telemetry.clone(),
            deliveries: Vec::new(),
            queue: batches,
            orders: mpsc::channel(1).1,
            links: Vec::new(),
            readings: readings.0.clone(),
            snapshot: dir.path().join(SNAPSHOT),
            picture: watch::Sender::new(Arc::default()),
            wear: watch::channel(Default::default()).1,
            stop: stop.clone(),
        };
        let task = tokio::spawn(Pipeline::new(parts).run());
        Self { clock, telemetry, queue, readings, alarms: Default::default(), _dir: dir, stop, task }
    }

    /// Sends a batch at a minute and returns what went into the store for it.
    async fn stored(&self, minute: i64, batch: Batch) -> Batch {
        let at_ms = T0 + minute * 60_000;
        if self.clock.is_set() {
            self.clock.pass(at_ms - self.clock.now_ms())
        } else {
            self.clock.set(at_ms)
        }
        self.said(batch).await
    }

    /// Sends a batch and returns what went into the store for it.
    async fn said(&self, mut batch: Batch) -> Batch {
        batch.at_ms = self.clock.now_ms();
        let (device, subject, refused) = (batch.device, batch.subject, batch.refused);
        let mut durable = self.readings.0.durable();
        durable.borrow_and_update();
        self.queue.send(batch).await.unwrap();
        loop {
            let same = |stored: &Batch| (stored.device, stored.subject, stored.refused) == (device, subject, refused);
            let (alarms, stored): (Vec<_>, Vec<_>) = self.readings.1.appended().into_iter().partition(is_alarm);
            self.alarms.borrow_mut().extend(alarms);
            if let Some(stored) = stored.into_iter().find(same) {
                return stored;
            }
            durable.changed().await.unwrap();
        }
    }

    /// Ends the pipeline and returns the alarms it told.
    async fn end(self) -> Vec<Batch> {
        self.stop.cancel();
        self.task.await.unwrap();
        let stored = self.telemetry.intake.stored.get();
        self.readings.0.durable().wait_for(|durable| durable.taken == stored).await.unwrap();
        let mut alarms = self.alarms.into_inner();
        alarms.extend(self.readings.1.appended().into_iter().filter(is_alarm));
        alarms
    }
}

fn is_alarm(batch: &Batch) -> bool {
    batch.readings.first().is_some_and(|reading| reading.metric.point.measurement() == facility_config::Measurement::Alarm)
}

fn air(air_c: f64) -> Batch {
    let mut batch = Batch::new(CABINET, Subject::Telemetry, T0);
    batch.push(Point::CabinetAir, Value::Float(air_c));
    batch
}

fn locker(subject: Subject) -> Batch {
    let mut batch = Batch::new(LOCKER, subject, T0);
    match subject {
        Subject::Event => batch.push(Metric { point: Point::EventCount, part: Part::new("deposit").unwrap() }, Value::Int(1)),
        _ => batch.push(Point::LockerOccupied, Value::Int(30)),
    }
    batch
}

#[tokio::test]
async fn an_excursion_is_kept_from_its_first_reading_to_its_last() {
    let rig = Rig::start();
    // Above -15 °C for a minute raises, below -16.5 °C clears.
    let course = [
        ("cold", -20.0, false),
        ("first warm reading", -14.0, true),
        ("back below the limit before the delay is over", -15.5, true),
        ("nothing is the matter", -15.5, false),
        ("cold", -20.0, false),
        ("warm", -14.0, true),
        ("raised", -13.0, true),
        ("stands inside the deadband", -15.5, true),
        ("cleared by this one", -18.0, true),
        ("cold again", -20.0, false),
    ];
    for (minute, (case, air_c, keep)) in (0..).zip(course) {
        assert_eq!(rig.stored(minute, air(air_c)).await.keep, keep, "minute {minute}: {case}");
        assert!(!rig.stored(minute, locker(Subject::Telemetry)).await.keep, "another device, minute {minute}");
    }
    let events = rig.end().await;
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.keep), "alarms themselves are kept");
}

#[tokio::test]
async fn events_are_kept_and_what_is_routine_is_not() {
    let rig = Rig::start();
    assert!(rig.stored(0, locker(Subject::Event)).await.keep);
    assert!(!rig.stored(0, locker(Subject::Health)).await.keep);
    assert!(!rig.stored(0, Batch::refused(None, Fault::Undecodable, T0)).await.keep);
    // The clock has moved: a heartbeat is due.
    assert!(!rig.stored(2, Batch::new(DeviceIx::GATEWAY, Subject::Health, T0)).await.keep);
    assert_eq!(rig.end().await.len(), 0);
}

#[tokio::test]
async fn what_is_taken_and_raised_without_a_clock_is_marked_so_that_its_time_can_be_put_right() {
    let rig = Rig::start();
    rig.clock.reboot(T0);
    for _ in 0..3 {
        assert!(rig.said(air(-13.0)).await.provisional);
        rig.clock.pass(60_000);
    }
    let mut knows = locker(Subject::Telemetry);
    knows.device_ms = Some(T0 + 86_400_000);
    assert!(!rig.said(knows).await.provisional, "its own clock is set");
    assert!(!rig.stored(4, locker(Subject::Health)).await.provisional, "ours is set now");
    let events = rig.end().await;
    assert!(!events.is_empty() && events.iter().all(|event| event.provisional), "{events:?}");
}

/// Telemetry of the locker of one moment, each series with its part.
fn moment(series: &[(Point, &str)]) -> Batch {
    let mut batch = Batch::new(LOCKER, Subject::Telemetry, T0);
    batch.device_ms = Some(T0);
    let metrics = series.iter().map(|(point, part)| Metric { point: *point, part: Part::new(part).unwrap() });
    metrics.for_each(|metric| batch.push(metric, Value::Int(1)));
    batch
}

/// The log does not say where a message ended, nor what of it was not kept.
#[tokio::test]
async fn after_a_restart_what_the_log_has_of_a_message_is_not_stored_again() {
    use Point::{CompartmentDoor as Door, CompartmentLockFault as Broken, HealthRssi as Rssi};
    // Three messages of one second, the second without its last value, one with a health value in the middle.
    let in_log = [(Door, "1"), (Broken, "1"), (Door, "2"), (Rssi, ""), (Door, "3"), (Broken, "3")];
    let name =
        |(point, part): (Point, &str)| MetricName { name: point.info().name.into(), part: Part::new(part).unwrap(), point: Some(point) };
    let names = Names { origins: vec![Origin { tags: "".into(), device: Some(LOCKER) }], metrics: in_log.map(name).to_vec() };
    let record = |metric| Record { origin: 0, metric, flags: 0, at_ms: T0, log_ms: T0, value: Value::Int(2) };
    let rig = Rig::start_with(names, (0..in_log.len() as u32).map(record).collect());
    // (message, series that are left of it)
    type Case<'a> = (&'a [(Point, &'a str)], &'a [(Point, &'a str)]);
    let cases: [Case<'_>; 7] = [
        (&[(Door, "1"), (Broken, "1")], &[]),
        (&[(Door, "2"), (Broken, "2")], &[(Broken, "2")]),
        (&[(Door, "2"), (Broken, "2")], &[]),
        (&[(Door, "3"), (Rssi, ""), (Broken, "3")], &[]),
        (&[(Rssi, "")], &[]),
        (&[(Door, "4")], &[(Door, "4")]),
        (&[(Door, "4")], &[]),
    ];
    for (said, left) in cases {
        let stored = rig.said(moment(said)).await;
        let metrics: Vec<(Point, &str)> =
            stored.readings.iter().map(|reading| (reading.metric.point, reading.metric.part.as_str())).collect();
        assert_eq!(metrics, left, "{said:?}");
    }
    rig.end().await;
}
