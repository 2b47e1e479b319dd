//! Cursors on flash.

use super::*;
use crate::store::Cursor;

fn at(next: Seq) -> Cursor {
    Cursor { next, delivered: next, dead_lettered: 1, lost: 2 }
}

/// A store whose cursor was written twice, at 40 and then at 60.
fn stored() -> SimDisk {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 5, 20);
    for next in [40, 60] {
        log.advance(Sink::Forward, at(next), Instant::now());
        log.save_cursors(Instant::now(), false);
    }
    disk
}

fn spoil(disk: &SimDisk, slots: &[usize]) {
    let path = dir().join("cursor.forward");
    let mut bytes = disk.bytes(&path);
    for slot in slots {
        bytes[slot * 4096 + 30] ^= 0x10;
    }
    disk.put(&path, bytes);
}

#[test]
fn the_newest_readable_slot_counts() {
    let cases: [(&[usize], Seq, usize); 4] = [(&[], 60, 0), (&[1], 60, 0), (&[0], 40, 0), (&[0, 1], 0, 1)];
    for (bad, next, lost) in cases {
        let disk = stored();
        spoil(&disk, bad);
        let (log, report) = open(&disk, ROOMY);
        assert_eq!((log.cursor(Sink::Forward).next, report.cursors_lost.len()), (next, lost), "{bad:?}");
        if next > 0 {
            assert_eq!(log.cursor(Sink::Forward), at(next));
        }
    }
}

#[test]
fn a_cursor_is_written_within_seconds_and_only_if_it_moved() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 2, 20);
    let now = Instant::now();
    log.advance(Sink::Forward, at(20), now);
    assert!(log.wake_at().unwrap() <= now + Duration::from_secs(5));
    log.work(now + Duration::from_secs(5));
    let ops = disk.state().ops;
    log.advance(Sink::Forward, at(20), now);
    log.work(now + Duration::from_secs(20));
    assert_eq!((disk.state().ops, log.wake_at()), (ops, None));
    assert_eq!(open(&disk, ROOMY).0.cursor(Sink::Forward), at(20));
}

#[test]
fn a_new_reader_starts_at_the_oldest_point_held() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, 4 * 64 * 1024 + 20_000);
    fill(&mut log, 100, 20);
    let start = log.start;
    drop(log);
    disk.remove(&dir().join("cursor.forward"));
    let (log, report) = open(&disk, ROOMY);
    assert!(start > 0 && report.cursors_lost.is_empty());
    assert_eq!(log.cursor(Sink::Forward).next, log.start);
    assert!(log.start <= start);
}

#[test]
fn two_readers_hold_what_the_slower_one_has_not_read() {
    let disk = SimDisk::new(1);
    let mut both = options(4 * 64 * 1024 + 20_000);
    both.sinks = vec![Sink::Aggregate, Sink::Forward];
    let (mut log, _) = super::super::open::open_log(both, Clock::manual(NOW_MS), disk, SMALL).unwrap();
    for _ in 0..10 {
        fill(&mut log, 15, 20);
        log.advance(Sink::Aggregate, at(log.end), Instant::now());
    }
    assert_eq!(log.evicted, log.start, "the database had read none of it");
}
