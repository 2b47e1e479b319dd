//! Cursors on flash.

use super::*;
use crate::store::{Cursor, Destination};

fn at(next: Seq) -> Cursor {
    Cursor { next, delivered: next, dead_lettered: 1, lost: 2, expired: 3, over_budget: 4, ..Cursor::default() }
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
    let cases: [(&[usize], Seq, usize); 4] = [(&[], 60, 0), (&[0], 60, 0), (&[1], 40, 0), (&[0, 1], 0, 1)];
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
fn a_cursor_of_an_earlier_version_is_taken_over() {
    // Without the count of points over the budget, and without that of expired ones.
    for (version, cut, taken) in
        [(3_u32, 60, Cursor { over_budget: 0, ..at(60) }), (2, 52, Cursor { over_budget: 0, expired: 0, ..at(60) })]
    {
        taken_over(version, cut, taken);
    }
}

fn taken_over(version: u32, cut: usize, taken: Cursor) {
    let disk = stored();
    let path = dir().join("cursor.forward");
    let mut bytes = disk.bytes(&path);
    for at in [0, 4096] {
        let len = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
        let mut slot = [&bytes[at..at + cut], &bytes[at + 68..at + len - 4]].concat();
        slot[4..8].copy_from_slice(&version.to_le_bytes());
        slot[8..12].copy_from_slice(&(len as u32 - (68 - cut) as u32).to_le_bytes());
        slot.extend_from_slice(&crc32c::crc32c(&slot).to_le_bytes());
        slot.resize(4096, 0);
        bytes[at..at + 4096].copy_from_slice(&slot);
    }
    disk.put(&path, bytes);
    let (log, report) = open(&disk, ROOMY);
    assert_eq!((log.cursor(Sink::Forward), report.cursors_lost.len()), (taken, 0));
}

#[test]
fn a_cursor_is_written_within_seconds_and_only_if_it_moved() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 2, 20);
    let now = Instant::now();
    log.advance(Sink::Forward, at(20), now);
    assert!(log.wake_at().unwrap() <= now + Duration::from_secs(30));
    log.work(now + Duration::from_secs(30));
    let ops = disk.state().ops;
    log.advance(Sink::Forward, at(20), now);
    log.work(now + Duration::from_secs(70));
    assert_eq!(disk.state().ops, ops);
    assert!(log.wake_at().is_none_or(|at| at > now + Duration::from_secs(60)), "only the next block is due");
    assert_eq!(open(&disk, ROOMY).0.cursor(Sink::Forward), at(20));
}

#[test]
fn a_new_reader_starts_at_the_oldest_point_held() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, NARROW);
    fill(&mut log, 3_000, 20);
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
    let mut both = options(NARROW);
    both.sinks = vec![Sink::Aggregate, Sink::Forward];
    let (mut log, _) = super::super::open::open_log(both, Clock::manual(NOW_MS), disk, SMALL).unwrap();
    for _ in 0..10 {
        fill(&mut log, 300, 20);
        log.advance(Sink::Aggregate, at(log.end), Instant::now());
    }
    assert!(log.start > 0);
    assert_eq!(log.evicted, log.start, "the database had read none of it");
}

#[test]
fn senseless_numbers_with_right_checksums_never_stop_an_opening() {
    let mut rng = fastrand::Rng::with_seed(12);
    let stored = stored();
    let path = dir().join("cursor.forward");
    let good = stored.bytes(&path);
    for round in 0..3_000 {
        let (disk, mut bytes) = (stored.copy(), good.clone());
        let slot = &mut bytes[4096..];
        let len = u32::from_le_bytes(slot[8..12].try_into().unwrap()) as usize;
        for _ in 0..rng.usize(1..6) {
            let at = rng.usize(12..len - 4);
            slot[at] = if rng.bool() { rng.u8(..) } else { 0xff };
        }
        let crc = crc32c::crc32c(&slot[..len - 4]);
        slot[len - 4..len].copy_from_slice(&crc.to_le_bytes());
        disk.put(&path, bytes);
        let (mut log, report) = open(&disk, ROOMY);
        let end = log.end;
        let (all, lost) = read_all(&mut log, 0);
        assert!(log.end == end && all.len() as u64 + lost == end, "round {round}: {report:?}");
        append(&mut log, vec![numbered(end, 20)]);
        assert!(log.commit(Instant::now()) || end > 1 << 60, "round {round}: {:?}", log.state());
    }
}

/// Opens with these destinations, each with what `start = "now"` says.
fn open_for(disk: &SimDisk, names: &[(&str, bool)]) -> Log<SimDisk> {
    let mut options = options(ROOMY);
    options.sinks = Sink::DESTINATIONS[..names.len()].to_vec();
    options.destinations = names.iter().map(|(name, start_now)| Destination { name: (*name).into(), start_now: *start_now }).collect();
    super::super::open::open_log(options, Clock::manual(NOW_MS), disk.copy(), SMALL).unwrap().0
}

#[test]
fn a_cursor_belongs_to_the_name_of_its_destination() {
    // Made by a version that knew one destination: it is called `main` now.
    let disk = stored();
    let mut log = open_for(&disk, &[("city", false), ("main", false)]);
    assert_eq!((log.cursor(Sink::Forward).next, log.cursor(Sink::Forward2)), (0, at(60)));
    log.advance(Sink::Forward, at(30), Instant::now());
    assert!(log.save_cursors(Instant::now(), true));
    let disk = log.disk.copy();
    // Another order, another name: nobody gets what was another's.
    let cases: [(&[(&str, bool)], &[Seq]); 5] = [
        (&[("main", false), ("park", false), ("city", false)], &[60, 0, 30]),
        (&[("town", false)], &[0]),
        (&[("city", true), ("main", true)], &[30, 60]),
        (&[("town", true), ("main", false)], &[100, 60]),
        (&[("city", false)], &[30]),
    ];
    for (names, expected) in cases {
        let log = open_for(&disk, names);
        let stand: Vec<Seq> = Sink::DESTINATIONS.into_iter().take(names.len()).map(|sink| log.cursor(sink).next).collect();
        assert_eq!(stand, expected, "{names:?}");
    }
}

#[test]
fn a_destination_that_was_removed_holds_nothing_and_begins_anew_when_it_comes_back() {
    let log = open_for(&stored(), &[("main", false), ("city", false)]);
    let mut log = open_for(&log.disk, &[("city", false)]);
    assert_eq!(log.cursors.oldest(), Some(0));
    log.work(Instant::now());
    assert!(!log.disk.files().contains(&dir().join("cursor.forward")), "{:?}", log.disk.files());
    assert_eq!(open_for(&log.disk, &[("main", false)]).cursor(Sink::Forward).next, 0);
}

#[test]
fn what_came_after_a_start_at_now_is_kept_for_it_over_a_crash() {
    let mut log = open_for(&stored(), &[("town", true)]);
    assert_eq!(log.cursor(Sink::Forward).delivered, 100);
    log.work(Instant::now());
    fill(&mut log, 5, 20);
    log.disk.crash();
    let log = open_for(&log.disk, &[("town", true)]);
    assert_eq!((log.cursor(Sink::Forward).next, log.end), (100, 200));
}
