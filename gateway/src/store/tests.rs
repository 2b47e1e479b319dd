//! What the store promises, against a disk that breaks every promise it may.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod card;
mod clock;
mod crash;
mod cursors;
mod damage;
mod faults;
mod format;
mod history;
mod old;
mod pages;
mod parts;
mod room;
mod thread;

use super::format::Layout;
use super::log::Log;
use super::sim_disk::SimDisk;
use super::{Append, Options, Overflow, Recovery, Seq, Sink};
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::{Ack, Batch, Clock, Metric, Quality, Released, Subject, Value};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Sixteen pages a segment: a few commits and it is full.
const SMALL: Layout = Layout { segment_bytes: 64 * 1024, segments: 4 };
const NOW_MS: i64 = 1_790_000_000_000;
/// Nothing is ever given up.
const ROOMY: u64 = 16 << 20;
/// A ring and four small files.
const NARROW: u64 = 4 * 64 * 1024 + 160_000;

/// A point as a reader sees it, by names.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    tags: String,
    metric: Metric,
    at_ms: i64,
    value: Value,
}

fn dir() -> PathBuf {
    PathBuf::from("/store")
}

fn options(bytes_max: u64) -> Options {
    Options {
        dir: dir(),
        name: "test",
        commit_delay: Duration::from_millis(100),
        bytes_max,
        overflow: Overflow::DropOldest,
        free_bytes_min: 0,
        early_acks: 10,
        origins: (0..4).map(tags).collect(),
        sinks: vec![Sink::Forward],
        destinations: Vec::new(),
    }
}

fn tags(device: usize) -> String {
    format!("device_id=cab-{device},district=350102")
}

fn open(disk: &SimDisk, bytes_max: u64) -> (Log<SimDisk>, Recovery) {
    super::open::open_log(options(bytes_max), Clock::manual(NOW_MS), disk.clone(), SMALL).unwrap()
}

fn batch(device: u16, at_ms: i64, values: &[(Metric, Value)]) -> Batch {
    let mut batch = Batch::new(DeviceIx(device), Subject::Telemetry, at_ms);
    for (metric, value) in values {
        batch.push(*metric, value.clone());
    }
    batch
}

fn seen(batch: &Batch) -> Vec<Seen> {
    let tags = tags(batch.device.unwrap().at());
    batch.readings.iter().map(|r| Seen { tags: tags.clone(), metric: r.metric, at_ms: batch.at_ms, value: r.value.clone() }).collect()
}

/// A batch of `points` points that differ from all others.
fn numbered(from: u64, points: u64) -> Batch {
    let values: Vec<_> = (from..from + points).map(|n| (Metric::whole(Point::VendingVends), Value::Int(n as i64))).collect();
    batch(1, NOW_MS + from as i64, &values)
}

fn append<D: super::Disk>(log: &mut Log<D>, batches: Vec<Batch>) {
    log.append(Append { batches, mark: None }, Instant::now());
}

/// Appends and commits `frames` frames of `points` points each, the devices in turn.
fn fill<D: super::Disk>(log: &mut Log<D>, frames: u64, points: u64) {
    for frame in 0..frames {
        let mut batch = numbered(log.end, points);
        batch.device = Some(DeviceIx((frame % 4) as u16));
        append(log, vec![batch]);
        assert!(log.commit(Instant::now()), "{:?}", log.state());
        log.work(Instant::now());
    }
}

/// Like [`fill`] with one device.
fn fill_one<D: super::Disk>(log: &mut Log<D>, frames: u64, points: u64) {
    for _ in 0..frames {
        let end = log.end;
        append(log, vec![numbered(end, points)]);
        assert!(log.commit(Instant::now()));
        log.work(Instant::now());
    }
}

/// Makes blocks of everything the ring holds.
fn seal_all<D: super::Disk>(log: &mut Log<D>) {
    while log.ring.first().is_some() {
        log.seal_block(Instant::now()).unwrap();
    }
}

/// Everything that can be read from `from` on, with positions, and how much is lost.
fn read_all<D: super::Disk>(log: &mut Log<D>, from: Seq) -> (Vec<(Seq, Seen)>, u64) {
    let (mut all, mut lost, mut at) = (Vec::new(), 0, from);
    loop {
        let page = log.read(at, 37, Instant::now());
        lost += page.lost;
        assert_eq!(page.first + page.records.len() as u64, page.next, "positions of a page are consecutive");
        assert_eq!(page.next - at, page.lost + page.records.len() as u64, "nothing is skipped uncounted");
        for (seq, record) in (page.first..).zip(&page.records) {
            let (origin, metric) = (&page.names.origins[record.origin as usize], &page.names.metrics[record.metric as usize]);
            let metric = Metric { point: metric.point.unwrap(), part: metric.part };
            all.push((seq, Seen { tags: origin.tags.to_string(), metric, at_ms: record.at_ms, value: record.value.clone() }));
        }
        if page.next == at {
            return (all, lost);
        }
        at = page.next;
    }
}

/// Numbers of [`numbered`] points: position and value must be the same.
fn assert_numbered(all: &[(Seq, Seen)]) {
    for (seq, seen) in all {
        assert_eq!(seen.value, Value::Int(*seq as i64));
    }
}

struct Acks {
    to: mpsc::Sender<Vec<Released>>,
    released: mpsc::Receiver<Vec<Released>>,
    /// Received and not looked at yet.
    told: VecDeque<Released>,
}

impl Acks {
    fn new() -> Self {
        let (to, released) = mpsc::channel(4096);
        Self { to, released, told: VecDeque::new() }
    }

    fn ack(&self, number: u64) -> Option<Ack> {
        Some(Ack::new(self.to.clone(), number, 7))
    }

    fn drain(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.released.try_recv().ok()).flatten().map(|released| released.generation).collect()
    }
}

fn random_value(rng: &mut fastrand::Rng) -> Value {
    match rng.u8(..9) {
        0 => Value::Float(f64::from(rng.i32(-400..400)) / 10.0),
        1 => Value::Float(f64::from(rng.f32())),
        2 => Value::Float([f64::MAX, f64::MIN_POSITIVE, -0.0, 0.0, 1e15, 0.1 + 0.2][rng.usize(..6)]),
        3 => Value::Int([i64::MIN, i64::MAX, 0, -1, 12_345][rng.usize(..5)]),
        4 => Value::Int(rng.i64(..)),
        5 => Value::Bool(rng.bool()),
        6 => Value::Text(["", "in_service", "化霜中"][rng.usize(..3)].into()),
        7 => Value::Missing([Quality::SensorError, Quality::CommError, Quality::Stale][rng.usize(..3)]),
        _ => Value::Float(rng.f64() * 1e6),
    }
}

fn random_metric(rng: &mut fastrand::Rng) -> Metric {
    let point = [Point::CabinetAir, Point::VendingVends, Point::LaneLevel, Point::LanePrice][rng.usize(..4)];
    let part =
        if matches!(point, Point::LaneLevel | Point::LanePrice) { Part::new(&format!("{}", rng.u8(..60))).unwrap() } else { Part::WHOLE };
    Metric { point, part }
}

fn random_batch(rng: &mut fastrand::Rng, points_max: usize) -> Batch {
    let at_ms = if rng.u8(..20) == 0 { [0, i64::MAX, i64::MIN, -1][rng.usize(..4)] } else { NOW_MS + rng.i64(-100_000..100_000) };
    let values: Vec<_> = (0..rng.usize(..=points_max)).map(|_| (random_metric(rng), random_value(rng))).collect();
    batch(rng.u16(..4), at_ms, &values)
}

fn files(disk: &SimDisk, folder: &str) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.starts_with(Path::new("/store").join(folder))).collect()
}
