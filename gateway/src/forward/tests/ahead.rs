//! New values go ahead of a backlog; every point goes, is settled once, and the account balances all the way.

use super::*;
use crate::forward::batch::Batch;
use crate::forward::budget::Level;
use crate::forward::feed::{Feed, Terms};
use crate::ledger::{Account, Books};
use crate::store::Durable;
use crate::telemetry::Intake;
use std::collections::BTreeSet;

const MINUTE: i64 = 60_000;

/// A line of two points at each of these minutes, logged when they were.
pub(super) fn minutes(moments: std::ops::Range<i64>) -> Vec<Record> {
    let logged = |record: Record| Record {
        at_ms: AT_MS + (record.at_ms - AT_MS) * MINUTE,
        log_ms: AT_MS + (record.at_ms - AT_MS) * MINUTE,
        ..record
    };
    lines(moments, 0).into_iter().map(logged).collect()
}

fn lane(store: &Store) -> Lane {
    Lane { name: "lane", store: store.clone(), sink: Sink::Forward, classes: vec![Class::Metric], readings: site::Selection::default() }
}

const TERMS: Terms = Terms {
    bounds: Bounds { lines: 10, bytes: 100_000 },
    not_before_ms: i64::MIN,
    short_windows: true,
    revisions: site::Revisions::Over,
    level: Level::All,
    live_share_pct: 50,
};

/// Minutes of the lines of a batch.
fn minutes_of(batch: &Batch) -> Vec<i64> {
    let minute = |line: &str| (line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap() - AT_MS) / MINUTE;
    batch.text(0..batch.len()).lines().map(minute).collect()
}

/// The account as the status has it: what it says is missing.
fn missing(memory: &Memory, (start, end): (u64, u64), evicted: u64) -> i64 {
    let intake = Intake::default();
    intake.produced.add(end);
    let durable = Durable { start, end, evicted, ..Durable::default() };
    Account::metrics(&intake, &Books { durable, readers: vec![memory.cursor(Sink::Forward)], ..Books::default() }).missing()
}

/// One log, read by feeds that come and go.
struct Log {
    store: Store,
    memory: Memory,
    feed: Feed,
    /// Minutes committed, and the first position held.
    minutes: i64,
    start: u64,
}

impl Log {
    async fn new() -> Self {
        let (store, memory) = memory(names());
        let feed = Feed::open(lane(&store)).await.unwrap();
        Self { store, memory, feed, minutes: 0, start: 0 }
    }

    fn commit(&mut self, minutes_more: i64) {
        self.memory.push(minutes(self.minutes..self.minutes + minutes_more));
        self.minutes += minutes_more;
    }

    async fn restart(&mut self) {
        self.memory.restart();
        self.feed = Feed::open(lane(&self.store)).await.unwrap();
    }

    fn end(&self) -> u64 {
        self.minutes as u64 * 2
    }

    /// Everything waiting is due.
    async fn take(&mut self, share_pct: u8) -> Batch {
        self.feed.due(Instant::now(), 1, Duration::ZERO);
        self.feed.take(Terms { live_share_pct: share_pct, ..TERMS }, Batch::default()).await.unwrap()
    }

    /// The next batch that is not of the backlog's first part.
    async fn take_new(&mut self) -> Batch {
        loop {
            let batch = self.take(50).await;
            if minutes_of(&batch)[0] >= 1_000 {
                return batch;
            }
            self.settle(&batch).await;
        }
    }

    async fn settle(&mut self, batch: &Batch) {
        match batch.passed() {
            Some(share) => self.feed.settle(share, true).await.unwrap(),
            None => self.feed.settle(batch.share(0..batch.len()), true).await.unwrap(),
        }
        self.feed.charge(batch.text(0..batch.len()).len() as u64);
        // What a feed says is on its way to the store; a question after it waits for that.
        self.store.cursor(Sink::Forward).await.unwrap();
    }

    fn assert_balanced(&self, what: &str) {
        assert_eq!(missing(&self.memory, (self.start, self.end()), self.start), 0, "{what}: {:?}", self.memory.cursor(Sink::Forward));
    }
}

#[tokio::test]
async fn new_values_go_first_and_old_ones_follow_beside_them() {
    let mut log = Log::new().await;
    log.commit(1_000);
    let first = log.take(50).await;
    assert_eq!(minutes_of(&first), (0..10).collect::<Vec<_>>(), "the batch in hand when the backlog is found");
    log.settle(&first).await;
    assert_eq!(log.feed.behind(), Some(2 * (998 - 10)));
    let mut seen = Vec::new();
    for _ in 0..6 {
        log.commit(10);
        let batch = log.take(50).await;
        seen.push(minutes_of(&batch)[0] >= 998);
        log.settle(&batch).await;
        log.assert_balanced("in the middle");
    }
    assert!(seen[0] && seen.iter().filter(|is_new| **is_new).count() == 3, "half of the way each: {seen:?}");
    let cursor = log.memory.cursor(Sink::Forward);
    assert_eq!((cursor.next, cursor.ahead.from, cursor.ahead.next, cursor.ahead.delivered), (80, 1_996, 2_056, 60));
    // What only the old part waits for is its own.
    while log.memory.cursor(Sink::Forward).next < log.end() {
        let batch = log.take(50).await;
        log.settle(&batch).await;
        log.assert_balanced("to the end");
    }
    let cursor = log.memory.cursor(Sink::Forward);
    assert_eq!(cursor, Cursor { next: 2_120, delivered: 2_120, ..Cursor::default() });
    assert_eq!(log.feed.behind(), None);
}

#[tokio::test]
async fn old_values_of_which_none_is_sent_do_not_keep_new_ones_waiting() {
    let mut log = Log::new().await;
    log.commit(1_000);
    let first = log.take(50).await;
    log.settle(&first).await;
    let mut new = 0;
    for _ in 0..8 {
        log.commit(10);
        // Of the old ones nothing is left to send, as by a budget; they are many all the same.
        let not_before_ms = AT_MS + 998 * MINUTE;
        log.feed.due(Instant::now(), 1, Duration::ZERO);
        let bounds = Bounds { lines: 10, bytes: 100_000 };
        let batch = log.feed.take(Terms { not_before_ms, bounds, ..TERMS }, Batch::default()).await.unwrap();
        new += usize::from(!batch.is_empty());
        log.settle(&batch).await;
    }
    assert!(new >= 4, "{new} of 8");
}

#[tokio::test]
async fn what_fits_a_request_or_is_fresh_is_no_backlog_and_without_a_share_the_order_stays() {
    // Minutes committed, share, whether a part goes ahead.
    for (count, share, splits) in [(8, 50, false), (10, 50, false), (11, 50, false), (200, 0, false), (200, 1, true), (200, 95, true)] {
        let mut log = Log::new().await;
        log.commit(count);
        let mut before = -1;
        while log.memory.cursor(Sink::Forward).next < log.end() {
            let batch = log.take(share).await;
            let first = minutes_of(&batch)[0];
            assert!(splits || first > before, "{count} {share}: in order");
            before = first;
            log.settle(&batch).await;
            if log.memory.cursor(Sink::Forward).ahead.from > 0 {
                assert!(splits, "{count} {share}");
                break;
            }
            // The part ahead is told with the first batch that moves.
            log.assert_balanced("table");
        }
        let is_ahead = log.memory.cursor(Sink::Forward).ahead.from > 0;
        assert_eq!(is_ahead, splits, "{count} minutes at {share} %");
    }
}

#[tokio::test]
async fn an_outage_in_the_middle_of_a_backlog_lets_the_newest_go_first_again() {
    let mut log = Log::new().await;
    log.commit(1_000);
    let batch = log.take(50).await;
    log.settle(&batch).await;
    log.commit(2);
    let batch = log.take(50).await;
    assert_eq!(minutes_of(&batch), (998..1_002).collect::<Vec<_>>());
    log.settle(&batch).await;
    // Far more than what was sent ahead: that is sent again, with the rest.
    log.commit(500);
    let batch = log.take_new().await;
    assert!(minutes_of(&batch)[0] >= 1_500, "{:?}", minutes_of(&batch));
    log.settle(&batch).await;
    log.assert_balanced("begun anew");
    assert_eq!(log.memory.cursor(Sink::Forward).ahead.from, 3_000);
    // Only little more: what is ahead stays in order.
    log.commit(15);
    let batch = log.take_new().await;
    assert_eq!(minutes_of(&batch)[0], 1_502);
}

#[tokio::test]
async fn every_point_goes_and_is_settled_once_whatever_comes_between() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let share = *random.choice(&[0, 10, 50, 90]).unwrap();
        let (mut log, mut sent, mut refused) = (Log::new().await, BTreeSet::new(), BTreeSet::new());
        for step in 0..200 {
            match random.u8(0..20) {
                0..=5 => log.commit(random.i64(1..40)),
                6 => log.restart().await,
                7 if random.bool() => {
                    log.start = log.start.max(random.u64(0..=log.end() / 2) / 2 * 2);
                    log.memory.evict(log.start);
                }
                _ if log.memory.cursor(Sink::Forward).next < log.end() => {
                    let batch = log.take(share).await;
                    let (cut, fate) = (random.usize(0..=batch.len()), random.u8(0..10));
                    let all = minutes_of(&batch);
                    match (batch.passed(), fate) {
                        (Some(share), _) => log.feed.settle(share, true).await.unwrap(),
                        // The way broke: part of it is stored, which nobody knows.
                        (None, 0) => sent.extend(&all[..cut]),
                        (None, _) => {
                            log.feed.settle(batch.share(0..cut), true).await.unwrap();
                            sent.extend(&all[..cut]);
                            if cut < batch.len() && fate < 5 {
                                log.feed.settle(batch.share(cut..cut + 1), false).await.unwrap();
                                refused.insert(all[cut]);
                            }
                        }
                    }
                    log.store.cursor(Sink::Forward).await.unwrap();
                }
                _ => {}
            }
            log.assert_balanced(&format!("seed {seed} step {step}"));
        }
        while log.memory.cursor(Sink::Forward).joined().next < log.end() {
            let batch = log.take(share).await;
            sent.extend(minutes_of(&batch));
            log.settle(&batch).await;
        }
        log.assert_balanced(&format!("seed {seed} at the end"));
        let cursor = log.memory.cursor(Sink::Forward);
        assert_eq!((cursor.next, cursor.delivered + cursor.dead_lettered + cursor.lost), (log.end(), log.end()), "seed {seed}: {cursor:?}");
        assert!(cursor.lost <= log.start, "seed {seed}");
        let held = (log.start as i64 / 2..log.minutes).collect::<BTreeSet<_>>();
        let gone: Vec<_> = held.iter().filter(|minute| !sent.contains(minute) && !refused.contains(minute)).collect();
        assert!(gone.is_empty(), "seed {seed}: never sent {gone:?}");
    }
}

#[tokio::test]
async fn over_the_wire_a_new_value_does_not_wait_for_a_backlog_and_the_database_has_all() {
    let mut rig = Rig::new(1);
    (rig.forward.lines_max, rig.forward.delay) = (20, Duration::from_millis(1));
    rig.tsdb.set_mode(Mode::Down);
    let old = minutes(0..2_000);
    rig.push(old.clone());
    rig.start();
    rig.until("down", |rig| rig.delivery.retries.get() >= 2).await;
    rig.tsdb.set_mode(Mode::Up);
    rig.until("behind", |rig| rig.delivery.shown.borrow().drain.is_some()).await;
    let new = minutes(2_000..2_010);
    rig.push(new.clone());
    let fresh = |rig: &Rig| rig.cursor().ahead.delivered >= 20 || rig.cursor().next == 4_020;
    rig.until("the new ones are there", fresh).await;
    rig.until("all", |rig| rig.cursor().next == 4_020).await;
    rig.until("no backlog is shown", |rig| rig.delivery.shown.borrow().drain.is_none()).await;
    rig.stop().await;
    rig.assert_sink_holds(&[old, new].concat());
    assert_eq!(rig.cursor(), Cursor { next: 4_020, delivered: 4_020, ..Cursor::default() });
}
