#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::forward::batch::{Bounds, Packer};
use crate::store::memory::{Memory, memory};
use crate::store::{self, GapReason, Names, Options, Overflow, RealDisk, Sink};
use facility_config::limits::READ_POINTS_MAX;
use facility_config::series::Class;
use facility_drivers::Clock;
use std::collections::BTreeSet;
use tokio::task::JoinHandle;

const AT_MS: i64 = 1_788_220_800_000;

/// What a line says: when, which reason, how many points, for how long.
type Told = (i64, String, i64, f64);

struct Rig {
    readings: (Store, Memory),
    outbox: (Store, Memory),
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
}

impl Rig {
    fn new() -> Self {
        Self {
            readings: memory(Names::default()),
            outbox: memory(Names::default()),
            telemetry: Arc::default(),
            stop: CancellationToken::new(),
        }
    }

    fn start(&self) -> JoinHandle<()> {
        let (readings, outbox) = (self.readings.0.clone(), self.outbox.0.clone());
        tokio::spawn(Gaps { readings, outbox, telemetry: self.telemetry.clone(), stop: self.stop.clone() }.run())
    }

    /// Waits until no gap is left to tell.
    async fn all_taken(&self) {
        for (store, _) in [&self.readings, &self.outbox] {
            store.durable().wait_for(|durable| durable.gaps.is_empty()).await.unwrap();
        }
    }

    /// Waits until so many lines were handed to the outbox.
    async fn written(&self, lines: u64) {
        self.outbox.0.durable().wait_for(|durable| durable.taken >= 2 * lines).await.unwrap();
    }

    fn lines(&self) -> Vec<Told> {
        self.outbox.1.appended().iter().map(told).collect()
    }
}

fn told(line: &Batch) -> Told {
    assert_eq!((line.device, line.subject, line.ack.is_none()), (Some(DeviceIx::GATEWAY), Subject::Event, true));
    let [points, duration] = &line.readings[..] else { panic!("{line:?}") };
    assert_eq!((points.metric.point, duration.metric.point), (Point::GapPoints, Point::GapDurationS));
    assert_eq!(points.metric.part, duration.metric.part);
    let (Value::Int(count), Value::Float(lasted_s)) = (&points.value, &duration.value) else { panic!("{line:?}") };
    (line.at_ms, points.metric.part.as_str().to_owned(), *count, *lasted_s)
}

fn gap(reason: GapReason, first: u64, points: u64) -> Gap {
    Gap { reason, first, end: first + points, points, from_ms: AT_MS - 90_000, to_ms: AT_MS }
}

#[tokio::test]
async fn gaps_of_both_stores_become_lines_and_are_taken() {
    let rig = Rig::new();
    let task = rig.start();
    for reason in GapReason::ALL {
        rig.readings.1.push_gap(gap(reason, 0, 40));
        rig.outbox.1.push_gap(gap(reason, 0, 3));
    }
    rig.all_taken().await;
    let mut lines = rig.lines();
    lines.sort_by(|one, other| (one.2, &one.1).cmp(&(other.2, &other.1)));
    let words: Vec<_> = lines.iter().map(|(_, reason, points, lasted_s)| (reason.as_str(), *points, *lasted_s)).collect();
    let expected = [
        ("outbox_damaged", 3, 90.0),
        ("outbox_evicted", 3, 90.0),
        ("outbox_no_disk", 3, 90.0),
        ("outbox_thinned", 3, 90.0),
        ("damaged", 40, 90.0),
        ("evicted", 40, 90.0),
        ("no_disk", 40, 90.0),
        ("thinned", 40, 90.0),
    ];
    assert_eq!(words, expected);
    assert!(lines.iter().all(|(at_ms, ..)| (AT_MS - 1_000..=AT_MS).contains(at_ms)), "{lines:?}");
    assert_eq!(rig.telemetry.intake.produced.get(), 16);
    rig.stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_crash_before_a_gap_is_taken_repeats_the_same_line() {
    let rig = Rig::new();
    let lost = [gap(GapReason::Evicted, 65_536, 65_536), gap(GapReason::Damaged, 200_000, 330)];
    lost.iter().for_each(|gap| rig.readings.1.push_gap(*gap));
    // Handed over, not known to be durable.
    rig.outbox.1.hold();
    let crashed = rig.start();
    rig.written(1).await;
    crashed.abort();
    _ = crashed.await;
    assert_eq!(rig.readings.0.durable().borrow().gaps, lost, "a gap was taken before its line was durable");
    // Durable and taken, but the store did not get to writing that down.
    rig.outbox.1.commit();
    let crashed = rig.start();
    rig.all_taken().await;
    crashed.abort();
    _ = crashed.await;
    lost.iter().for_each(|gap| rig.readings.1.push_gap(*gap));
    let _task = rig.start();
    rig.all_taken().await;

    let lines = rig.lines();
    assert_eq!((lines.len(), &lines[0], &lines[1..3]), (5, &lines[1], &lines[3..5]));
    assert_ne!(lines[1], lines[2]);
}

#[tokio::test]
async fn a_gap_is_told_once_while_its_store_is_slow_to_forget_it() {
    let rig = Rig::new();
    let _task = rig.start();
    for nth in 0..200 {
        rig.readings.1.push_gap(gap(GapReason::Evicted, nth * 10, 10));
    }
    rig.all_taken().await;
    let lines = rig.lines();
    assert_eq!(lines.len(), 200);
    assert_eq!(lines.iter().map(|(at_ms, ..)| *at_ms).collect::<BTreeSet<_>>().len(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_the_outbox_gave_up_is_written_again() {
    let rig = Rig::new();
    rig.outbox.1.hold();
    rig.outbox.1.push_gap(gap(GapReason::NoDisk, 7, 0));
    let _task = rig.start();
    rig.written(1).await;
    rig.outbox.1.lose();
    rig.all_taken().await;
    let lines = rig.lines();
    assert_eq!((lines.len(), &lines[0]), (2, &lines[1]));
}

#[tokio::test]
async fn it_ends_when_it_is_stopped_or_a_store_has_ended() {
    let rig = Rig::new();
    rig.outbox.1.hold();
    rig.readings.1.push_gap(gap(GapReason::Evicted, 0, 1));
    let task = rig.start();
    rig.written(1).await;
    rig.stop.cancel();
    task.await.unwrap();
    assert_eq!(rig.readings.0.durable().borrow().gaps.len(), 1);

    let Rig { readings, outbox, telemetry, stop: _ } = Rig::new();
    let task = tokio::spawn(Gaps { readings: readings.0, outbox: outbox.0, telemetry, stop: CancellationToken::new() }.run());
    drop(readings.1);
    task.await.unwrap();
}

/// The request that the forwarder would make of an outbox.
async fn request(outbox: &Store) -> String {
    let bounds = Bounds { lines: 100, bytes: 100_000 };
    let mut packer = Packer::new(0, &[Class::Event], bounds);
    packer.take(&outbox.read(0, READ_POINTS_MAX).await.unwrap());
    let batch = packer.finish();
    batch.text(0..batch.len()).to_owned()
}

#[tokio::test]
async fn a_gap_is_on_flash_as_a_line_before_it_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: dir.path().join("outbox"),
        name: "outbox",
        commit_delay: Duration::from_millis(1),
        bytes_max: 64 << 20,
        overflow: Overflow::DropOldest,
        free_bytes_min: 0,
        early_acks: 10,
        origins: vec!["device_id=gw-1,site_id=gl-junmen".into()],
        sinks: vec![Sink::Forward],
        destinations: Vec::new(),
    };
    let outbox = store::open(options, Clock::manual(AT_MS), RealDisk).unwrap().store;
    let (readings, memory) = memory(Names::default());
    let gaps = Gaps { readings: readings.clone(), outbox: outbox.clone(), telemetry: Arc::default(), stop: CancellationToken::new() };
    let _task = tokio::spawn(gaps.run());
    memory.push_gap(gap(GapReason::Evicted, 0, 65_536));
    memory.push_gap(gap(GapReason::NoDisk, 65_536, 120));
    for left in [1, 0] {
        readings.durable().wait_for(|durable| durable.gaps.len() <= left).await.unwrap();
        let lines = request(&outbox).await;
        assert!(lines.lines().count() >= 2 - left, "{lines}");
    }
    let expected = "gap,device_id=gw-1,site_id=gl-junmen,reason=evicted points=65536i,dur_s=90.0 1788220799125\n\
                    gap,device_id=gw-1,site_id=gl-junmen,reason=no_disk points=120i,dur_s=90.0 1788220799705\n";
    assert_eq!(request(&outbox).await, expected);
}

#[test]
fn gaps_with_one_end_have_moments_of_their_own() {
    let one = gap(GapReason::Evicted, 1 << 40, 65_536);
    let series: [(&str, fn(Gap, u64) -> Gap); 5] = [
        ("blocks one after the other", |one, n| Gap { first: one.first + n * 65_536, end: one.end + n * 65_536, ..one }),
        ("points one after the other", |one, n| Gap { first: one.first + n, end: one.first + n + 1, points: 1, ..one }),
        ("chunks of one block by size", |one, n| Gap { points: n, ..one }),
        ("chunks of one block by age", |one, n| Gap { from_ms: one.from_ms - n as i64, ..one }),
        ("nothing ever written", |one, n| Gap { reason: GapReason::NoDisk, end: one.first, points: n * 10, ..one }),
    ];
    for (case, nth) in series {
        let moments: BTreeSet<i64> = (0..MOMENTS).map(|n| line(Lost::Readings, &nth(one, n)).at_ms).collect();
        assert_eq!(moments.len() as u64, MOMENTS, "{case}");
    }
}

#[test]
fn absurd_numbers_neither_wrap_nor_stop() {
    let absurd = Gap { reason: GapReason::Damaged, first: u64::MAX, end: 0, points: u64::MAX, from_ms: i64::MAX, to_ms: i64::MIN };
    assert_eq!(told(&line(Lost::Outbox, &absurd)), (i64::MIN, "outbox_damaged".into(), i64::MAX, 0.0));
}
