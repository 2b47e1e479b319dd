//! One series over a span of time, from blocks and ring, part by part.

use super::*;
use crate::store::{Bucket, History, HistoryQuery};
use facility_config::limits::{HISTORY_BLOCKS_MAX, HISTORY_SAMPLES_MAX};

const AIR: Metric = Metric { point: Point::CabinetAir, part: Part::WHOLE };
const SPAN_MS: i64 = 1_000_000;

/// What is asked of the first device's air temperature.
fn asked(from_ms: i64, to_ms: i64, buckets: Option<u32>) -> HistoryQuery {
    HistoryQuery { tag: "device_id=cab-1".into(), metric: AIR, from_ms, to_ms, buckets, from: 0 }
}

/// Asks for all parts; between two of them `meanwhile` happens.
fn whole(log: &mut Log<SimDisk>, mut query: HistoryQuery, mut meanwhile: impl FnMut(&mut Log<SimDisk>)) -> (History, usize) {
    let (mut whole, mut parts) = (History::default(), 0);
    loop {
        let part = log.history(&query);
        let next = part.next;
        whole.add(part);
        parts += 1;
        let Some(next) = next else { return (whole, parts) };
        query.from = next;
        meanwhile(log);
    }
}

/// Samples as a straightforward reader would find them: by time, and of one moment in the order of arrival.
fn samples(said: &[(i64, Value)], query: &HistoryQuery) -> Vec<(i64, Value)> {
    let mut within: Vec<_> = said.iter().filter(|(at_ms, _)| (query.from_ms..query.to_ms).contains(at_ms)).cloned().collect();
    within.sort_by_key(|(at_ms, _)| *at_ms);
    within
}

/// Buckets of these samples, each found by its own bounds.
fn buckets(samples: &[(i64, Value)], query: &HistoryQuery) -> Vec<Bucket> {
    let (span, parts) = (query.to_ms - query.from_ms, i64::from(query.buckets.unwrap()).min(query.to_ms - query.from_ms));
    let bound = |nth: i64| query.from_ms + span * nth / parts;
    let of = |nth: i64| {
        let inside = samples.iter().filter(|(at_ms, _)| (bound(nth)..bound(nth + 1)).contains(at_ms));
        let numbers: Vec<f64> =
            inside.filter_map(|(_, value)| if let Value::Float(number) = value { Some(*number) } else { None }).collect();
        let fold = |first, join: fn(f64, f64) -> f64| numbers.iter().copied().fold(first, join);
        Bucket {
            from_ms: bound(nth),
            count: numbers.len() as u64,
            min: fold(f64::INFINITY, f64::min),
            max: fold(f64::NEG_INFINITY, f64::max),
            sum: numbers.iter().sum(),
        }
    };
    (0..parts).map(of).filter(|bucket| bucket.count > 0).collect()
}

/// One message: a value of two devices, sometimes none, in steps of 1/8 so that sums are exact in any order; most in
/// time, some late.
fn say(log: &mut Log<SimDisk>, rng: &mut fastrand::Rng, at_ms: i64, said: &mut Vec<(i64, Value)>) {
    let at_ms = if rng.u8(..10) == 0 { at_ms - rng.i64(0..SPAN_MS / 3) } else { at_ms };
    let value = match rng.u8(..20) {
        0 => Value::Missing(Quality::SensorError),
        _ => Value::Float(f64::from(rng.i32(-200..200)) / 8.0),
    };
    said.push((at_ms, value.clone()));
    let other = Value::Float(1e9);
    append(
        log,
        vec![batch(1, at_ms, &[(AIR, value)]), batch(2, at_ms, &[(AIR, other.clone()), (Metric::whole(Point::CabinetEvap), other)])],
    );
}

#[test]
fn parts_put_together_are_what_was_said() {
    let disk = SimDisk::new(7);
    let (mut log, _) = open(&disk, ROOMY);
    let (mut rng, mut said, mut at_ms) = (fastrand::Rng::with_seed(7), Vec::new(), NOW_MS);
    while log.blocks.all().count() < 2 * HISTORY_BLOCKS_MAX + 5 || at_ms < NOW_MS + SPAN_MS {
        say(&mut log, &mut rng, at_ms, &mut said);
        at_ms += rng.i64(0..500);
        if rng.bool() {
            assert!(log.commit(Instant::now()));
            log.work(Instant::now());
        }
    }
    assert!(log.commit(Instant::now()));
    for (from_ms, to_ms, parts) in [
        (NOW_MS - SPAN_MS, at_ms + 1, 3),
        (NOW_MS + SPAN_MS / 7, at_ms - SPAN_MS / 3, 2),
        (NOW_MS + 5, NOW_MS + 6, 1),
        (at_ms + SPAN_MS, at_ms + 2 * SPAN_MS, 1),
    ] {
        let query = asked(from_ms, to_ms, None);
        let (history, asked_parts) = whole(&mut log, query.clone(), |_| {});
        let expected = samples(&said, &query);
        assert_eq!(history.samples, expected, "{query:?}");
        assert!(asked_parts >= parts && !history.cut && history.unreadable == 0 && history.buckets.is_empty(), "{asked_parts} {query:?}");
        for count in [1, 2, 7, 333, 10_000] {
            let query = HistoryQuery { buckets: Some(count), ..query.clone() };
            let (history, _) = whole(&mut log, query.clone(), |_| {});
            assert_eq!(history.buckets, buckets(&expected, &query), "{query:?}");
            assert_eq!((history.samples.len(), history.unreadable), (0, 0));
        }
    }
}

#[test]
fn what_becomes_a_block_between_two_parts_is_neither_lost_nor_counted_twice() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, ROOMY);
    let (mut rng, mut said, mut at_ms) = (fastrand::Rng::with_seed(3), Vec::new(), NOW_MS);
    let mut go_on = |log: &mut Log<SimDisk>, said: &mut Vec<_>| {
        say(log, &mut rng, at_ms, said);
        at_ms += 100;
        assert!(log.commit(Instant::now()));
        log.work(Instant::now());
    };
    while log.blocks.all().count() <= HISTORY_BLOCKS_MAX || log.ring.frames().is_empty() {
        go_on(&mut log, &mut said);
    }
    let query = asked(NOW_MS - SPAN_MS, i64::MAX, Some(1));
    let blocks = log.blocks.all().count();
    let (history, parts) = whole(&mut log, query, |log| {
        while log.blocks.all().count() < blocks + 3 {
            go_on(log, &mut said);
        }
    });
    assert!(parts > 1);
    let numbers = said.iter().filter(|(_, value)| matches!(value, Value::Float(_))).count() as u64;
    assert_eq!(history.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), numbers);
}

#[test]
fn of_too_many_samples_exactly_the_newest_are_missing() {
    let disk = SimDisk::new(5);
    let (mut log, _) = open(&disk, ROOMY);
    let all = HISTORY_SAMPLES_MAX as i64 + 500;
    // The oldest come last.
    let at = |nth: i64| NOW_MS + (nth + 700) % all;
    for nth in (0..all).step_by(1_000) {
        append(&mut log, (nth..(nth + 1_000).min(all)).map(|nth| batch(1, at(nth), &[(AIR, Value::Float(0.5))])).collect());
        assert!(log.commit(Instant::now()));
        log.work(Instant::now());
    }
    let (history, _) = whole(&mut log, asked(NOW_MS - 1, NOW_MS + all, None), |_| {});
    let times: Vec<i64> = history.samples.iter().map(|(at_ms, _)| at_ms - NOW_MS).collect();
    assert!(history.cut && times == (0..HISTORY_SAMPLES_MAX as i64).collect::<Vec<_>>(), "{} {:?}", times.len(), times.first());
    let (history, _) = whole(&mut log, asked(NOW_MS + 10, NOW_MS + all - 900, None), |_| {});
    assert!(!history.cut && history.samples.len() as i64 == all - 910);
}
