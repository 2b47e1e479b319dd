//! The store as the rest of the gateway sees it: on a real disk, through its handle.

use super::*;
use crate::store::{Cursor, Opened, RealDisk, Store};

fn start(dir: &Path, commit_delay: Duration, early_acks: usize) -> Opened {
    let options = Options { dir: dir.to_owned(), commit_delay, early_acks, ..options(ROOMY) };
    crate::store::open_with(options, Clock::manual(NOW_MS), RealDisk, SMALL).unwrap()
}

async fn durable_end(store: &Store, end: Seq) {
    let mut durable = store.durable();
    let reached = durable.wait_for(|durable| durable.end >= end);
    tokio::time::timeout(Duration::from_secs(30), reached).await.expect("in time").expect("alive");
}

async fn next(acks: &mut Acks) -> u64 {
    if acks.told.is_empty() {
        acks.told.extend(tokio::time::timeout(Duration::from_secs(30), acks.released.recv()).await.expect("in time").expect("alive"));
    }
    acks.told.pop_front().expect("never told of nothing").generation
}

/// Longer than any test: whatever becomes durable did so for another reason.
const NEVER: Duration = Duration::from_secs(100_000);

#[tokio::test]
async fn acknowledgements_come_in_order_and_only_for_what_is_durable() {
    let temp = tempfile::tempdir().unwrap();
    let Opened { store, thread, .. } = start(temp.path(), Duration::from_millis(1), 1000);
    let mut acks = Acks::new();
    for number in 0..200 {
        let mut batch = if number % 7 == 0 { Batch::refused(None, facility_drivers::Fault::Oversize, NOW_MS) } else { numbered(number, 1) };
        batch.ack = acks.ack(number);
        store.append(Append { batches: vec![batch], mark: None }).await.unwrap();
    }
    for number in 0..200 {
        assert_eq!(next(&mut acks).await, number);
        let before = (0..=number).filter(|number| number % 7 != 0).count() as u64;
        assert!(store.durable().borrow().end >= before);
    }
    store.close().await.unwrap();
    thread.join().unwrap();
    assert!(store.append(Append { batches: vec![], mark: None }).await.is_err());
}

#[tokio::test]
async fn a_half_used_window_commits_at_once_and_acknowledgements_alone_do_not_wait() {
    let temp = tempfile::tempdir().unwrap();
    let Opened { store, .. } = start(temp.path(), NEVER, 10);
    let mut acks = Acks::new();
    let mut refused = Batch::refused(None, facility_drivers::Fault::Undecodable, NOW_MS);
    refused.ack = acks.ack(99);
    store.append(Append { batches: vec![refused], mark: None }).await.unwrap();
    assert_eq!(next(&mut acks).await, 99);
    for number in 0..9 {
        let mut batch = numbered(number, 1);
        batch.ack = acks.ack(number);
        store.append(Append { batches: vec![batch], mark: None }).await.unwrap();
    }
    // A read is answered after the appends before it were taken, or they are still queued: either way none is due.
    assert_eq!(store.read(0, 10).await.unwrap().records.len(), 0);
    assert_eq!(acks.drain(), [0u64; 0]);
    let mut batch = numbered(9, 1);
    batch.ack = acks.ack(9);
    store.append(Append { batches: vec![batch], mark: Some(5) }).await.unwrap();
    durable_end(&store, 10).await;
    for number in 0..10 {
        assert_eq!(next(&mut acks).await, number);
    }
    assert_eq!(store.durable().borrow().mark, Some(5));
}

#[tokio::test]
async fn closing_commits_and_keeps_cursors_and_the_next_run_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    for run in 0..3 {
        let Opened { store, thread, recovery } = start(temp.path(), NEVER, 1000);
        assert_eq!((recovery.end, recovery.clean), (run * 50, run > 0));
        assert_eq!(store.cursor(Sink::Forward).await.unwrap().next, run * 50);
        assert_eq!(store.durable().borrow().end, run * 50, "published before open returns");
        store.append(Append { batches: vec![numbered(run * 50, 50)], mark: Some(run as i64) }).await.unwrap();
        store.advance(Sink::Forward, Cursor { next: (run + 1) * 50, ..Cursor::default() }).await.unwrap();
        store.close().await.unwrap();
        thread.join().unwrap();
        assert_eq!(store.durable().borrow().mark, Some(run as i64));
    }
}

#[tokio::test]
async fn dropping_the_last_handle_commits_too() {
    let temp = tempfile::tempdir().unwrap();
    let Opened { store, thread, .. } = start(temp.path(), NEVER, 1000);
    store.append(Append { batches: vec![numbered(0, 50)], mark: None }).await.unwrap();
    drop(store);
    thread.join().unwrap();
    assert_eq!(start(temp.path(), NEVER, 1000).recovery.end, 50);
}

#[tokio::test]
async fn load_makes_commits_bigger_not_more() {
    let temp = tempfile::tempdir().unwrap();
    let Opened { store, .. } = start(temp.path(), NEVER, 1000);
    for number in 0..100 {
        store.append(Append { batches: vec![numbered(number * 20, 20)], mark: None }).await.unwrap();
    }
    store.close().await.unwrap();
    let durable = store.durable().borrow().clone();
    assert_eq!((durable.end, durable.fault), (2000, None));
    assert!(durable.commits < 20, "{}", durable.commits);
}
