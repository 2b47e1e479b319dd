//! One series over a span of time, held against what a reader of the whole log sees.

use super::*;
use crate::store::history::{Bucket, History, HistoryQuery};

/// A log with blocks, thinned blocks and points in the ring.
fn filled(seed: u64, overflow: Overflow) -> Log<SimDisk> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let options = Options { overflow, ..options(NARROW) };
    let (mut log, _) = super::super::open::open_log(options, Clock::manual(NOW_MS), SimDisk::new(seed), SMALL).unwrap();
    for _ in 0..600 {
        let mut one = random_batch(&mut rng, 30);
        one.at_ms = NOW_MS + rng.i64(0..1_000_000);
        append(&mut log, vec![one]);
        assert!(log.commit(Instant::now()));
        log.work(Instant::now());
    }
    while log.reducing.is_some() {
        log.work(Instant::now());
    }
    log
}

/// All parts of an answer together.
fn whole(log: &mut Log<SimDisk>, query: &HistoryQuery) -> History {
    let (mut all, mut from) = (History::default(), Some(0));
    while let Some(next) = from {
        let part = log.history(&HistoryQuery { from: next, ..query.clone() });
        from = part.next;
        all.add(part);
    }
    all
}

#[test]
fn samples_are_those_a_reader_of_everything_sees() {
    let mut rng = fastrand::Rng::with_seed(8);
    for (seed, overflow) in [(1, Overflow::DropOldest), (2, Overflow::Thin)] {
        let mut log = filled(seed, overflow);
        assert!(log.blocks.end() > 0 && log.ring.first().is_some());
        let (all, _) = read_all(&mut log, 0);
        for _ in 0..60 {
            let (device, metric) = (rng.usize(..4), random_metric(&mut rng));
            let from_ms = NOW_MS + rng.i64(0..900_000);
            let to_ms = from_ms + rng.i64(1..400_000);
            let mut expected: Vec<(i64, Value)> = all
                .iter()
                .filter(|(_, seen)| seen.tags == tags(device) && seen.metric == metric && (from_ms..to_ms).contains(&seen.at_ms))
                .map(|(_, seen)| (seen.at_ms, seen.value.clone()))
                .collect();
            expected.sort_by_key(|(at_ms, _)| *at_ms);
            let query = HistoryQuery { tag: format!("device_id=cab-{device}"), metric, from_ms, to_ms, buckets: None, from: 0 };
            let found = whole(&mut log, &query);
            assert_eq!((found.samples.len(), found.unreadable, found.cut), (expected.len(), 0, false));
            // Of several samples of one moment the order is that of arrival in both.
            assert_eq!(format!("{:?}", found.samples), format!("{expected:?}"));
            check_buckets(&mut log, &query, &expected, rng.u32(1..50));
        }
    }
}

fn check_buckets(log: &mut Log<SimDisk>, query: &HistoryQuery, samples: &[(i64, Value)], buckets: u32) {
    let found = whole(log, &HistoryQuery { buckets: Some(buckets), ..query.clone() });
    let (span, parts) = (query.to_ms - query.from_ms, i64::from(buckets).min(query.to_ms - query.from_ms));
    let mut expected: Vec<Bucket> = Vec::new();
    for nth in 0..parts {
        let (from_ms, to_ms) = (query.from_ms + span * nth / parts, query.from_ms + span * (nth + 1) / parts);
        let numbers = samples.iter().filter(|(at_ms, _)| (from_ms..to_ms).contains(at_ms)).filter_map(|(_, value)| match value {
            Value::Float(value) => Some(*value),
            Value::Int(value) => Some(*value as f64),
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            _ => None,
        });
        let numbers: Vec<f64> = numbers.collect();
        if !numbers.is_empty() {
            let (min, max) =
                (numbers.iter().copied().fold(f64::INFINITY, f64::min), numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            expected.push(Bucket { from_ms, count: numbers.len() as u64, min, max, sum: 0.0 });
        }
    }
    let unsummed = |bucket: &Bucket| Bucket { sum: 0.0, ..*bucket };
    assert_eq!(found.buckets.iter().map(unsummed).collect::<Vec<_>>(), expected);
    assert!(
        found
            .buckets
            .iter()
            .all(|bucket| bucket.mean() >= bucket.min - 1e-6 * bucket.min.abs() && bucket.mean() <= bucket.max + 1e-6 * bucket.max.abs())
    );
}

#[test]
fn a_series_goes_on_when_its_device_moves_and_nothing_is_said_of_strangers() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    append(&mut log, vec![numbered(0, 3)]);
    assert!(log.flush(Instant::now()));
    drop(log);
    let mut moved = options(ROOMY);
    moved.origins[1] = "device_id=cab-1,district=350103".to_owned();
    let (mut log, _) = super::super::open::open_log(moved, Clock::manual(NOW_MS), disk, SMALL).unwrap();
    append(&mut log, vec![numbered(3, 3)]);
    assert!(log.flush(Instant::now()));
    let ask = |tag: &str| HistoryQuery {
        tag: tag.to_owned(),
        metric: Metric::whole(Point::VendingVends),
        from_ms: NOW_MS - 10,
        to_ms: NOW_MS + 10,
        buckets: None,
        from: 0,
    };
    assert_eq!(log.history(&ask("device_id=cab-1")).samples.len(), 6);
    assert_eq!(log.history(&ask("device_id=cab-10")).samples.len(), 0);
    assert_eq!(log.history(&HistoryQuery { metric: Metric::whole(Point::LockerTotal), ..ask("device_id=cab-1") }).samples.len(), 0);
}

#[test]
fn damage_costs_its_own_part_of_a_series_and_is_said() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 100, 20);
    drop(log);
    let path = files(&disk, "blk")[0].clone();
    let (mut log, _) = open(&disk, ROOMY);
    let first = *log.blocks.block(0, 0).unwrap();
    let head = super::super::blocks::read_head(&disk, log.blocks.file(&disk, 0).unwrap(), &first).unwrap().unwrap();
    let mut bytes = disk.bytes(&path);
    bytes[head.chunks()[1].offset as usize + 1] ^= 1;
    disk.put(&path, bytes);
    let ask = |device: u32| HistoryQuery {
        tag: format!("device_id=cab-{device}"),
        metric: Metric::whole(Point::VendingVends),
        from_ms: 0,
        to_ms: i64::MAX,
        buckets: None,
        from: 0,
    };
    let found: Vec<_> = (0..4).map(|device| log.history(&ask(device))).collect();
    assert_eq!(found.iter().map(|found| found.unreadable).collect::<Vec<_>>(), [0, 1, 0, 0]);
    assert_eq!(found[0].samples.len(), 500);
    assert!(found[1].samples.len() < 500 && !found[1].samples.is_empty());
}
