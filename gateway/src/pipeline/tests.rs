//! Which batches the stores are asked to keep when room is short.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::store::Names;
use crate::store::memory::{Memory, memory};
use facility_config::Part;
use facility_drivers::Fault;
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
    outbox: (Store, Memory),
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Rig {
    fn start() -> Self {
        let (clock, telemetry, stop) = (Clock::manual(T0), Arc::new(Telemetry::default()), CancellationToken::new());
        let (readings, outbox) = (memory(Names::default()), memory(Names::default()));
        let (queue, batches) = mpsc::channel(8);
        let parts = Parts {
            site: Arc::new(facility_config::from_toml("gateway.toml", SITE).unwrap()),
            clock: clock.clone(),
            telemetry: telemetry.clone(),
            queue: batches,
            readings: readings.0.clone(),
            outbox: outbox.0.clone(),
            picture: watch::Sender::new(Arc::default()),
            wear: watch::channel(Default::default()).1,
            stop: stop.clone(),
        };
        let task = tokio::spawn(Pipeline::new(parts).run());
        Self { clock, telemetry, queue, readings, outbox, stop, task }
    }

    /// Sends a batch at a minute and returns what went into the store for it.
    async fn stored(&self, minute: i64, batch: Batch) -> Batch {
        self.clock.set(T0 + minute * 60_000);
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
            if let Some(stored) = self.readings.1.appended().into_iter().find(same) {
                return stored;
            }
            durable.changed().await.unwrap();
        }
    }

    /// Ends the pipeline and returns what went into the outbox.
    async fn end(self) -> Vec<Batch> {
        self.stop.cancel();
        self.task.await.unwrap();
        let produced = self.telemetry.intake.produced.get();
        self.outbox.0.durable().wait_for(|durable| durable.taken == produced).await.unwrap();
        self.outbox.1.appended()
    }
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
