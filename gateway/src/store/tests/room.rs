//! Going round the ring, reading across segments, and making room.

use super::*;
use crate::store::Cursor;

const RING: u64 = 4 * 64 * 1024;

#[test]
fn many_laps_read_back_whole_and_survive_reopening() {
    let disk = SimDisk::new(1);
    for lap in 0..5 {
        let (mut log, report) = open(&disk, ROOMY);
        assert_eq!((report.end, report.damaged, report.epoch), (lap * 2000, 0, lap as u32 + 1));
        assert_eq!(report.clean, lap > 0);
        fill(&mut log, 100, 20);
        let (all, lost) = read_all(&mut log, 0);
        assert_eq!((all.len() as u64, lost), (log.end, 0));
        assert_numbered(&all);
        assert!(log.close(Instant::now()));
    }
    assert!(files(&disk, "blk").len() > 20);
    assert_eq!(files(&disk, "wal").iter().map(|path| disk.bytes(path).len()).max(), Some(64 * 1024), "the ring never grows");
}

#[test]
fn delivered_history_goes_without_being_counted() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, RING + 60_000);
    for _ in 0..20 {
        fill(&mut log, 15, 20);
        log.advance(Sink::Forward, Cursor { next: log.end, ..Cursor::default() }, Instant::now());
    }
    assert!(log.start > 0, "something had to go");
    assert_eq!(log.evicted, 0);
    assert!(log.bytes_on_disk() <= RING + 60_000 + 64 * 1024);
    let (start, held) = (log.start, log.end - log.start);
    assert_eq!(read_all(&mut log, start).0.len() as u64, held, "history is kept while there is room");
}

#[test]
fn undelivered_points_deleted_for_room_are_counted_exactly_also_after_a_restart() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, RING + 20_000);
    fill(&mut log, 60, 20);
    // Somewhere inside the oldest segment that is held.
    let read_to = log.start + 33;
    let gone = log.evicted;
    assert_eq!(gone, log.start);
    log.advance(Sink::Forward, Cursor { next: read_to, ..Cursor::default() }, Instant::now());
    fill(&mut log, 60, 20);
    assert_eq!(log.evicted, gone + (log.start - read_to));
    let page = log.read(read_to, 10, Instant::now());
    assert_eq!((page.lost, page.first), (log.start - read_to, log.start));
    let (evicted, start) = (log.evicted, log.start);
    drop(log);
    let (log, report) = open(&disk, RING + 20_000);
    assert_eq!((log.evicted, report.start, report.damaged), (evicted, start, 0));
}

#[test]
fn a_power_cut_between_counting_and_deleting_counts_once() {
    for crash_in in 0..60 {
        let disk = SimDisk::new(crash_in);
        let (mut log, _) = open(&disk, RING + 20_000);
        fill(&mut log, 60, 20);
        disk.state().crash_in = Some(crash_in);
        for _ in 0..20 {
            let end = log.end;
            append(&mut log, vec![numbered(end, 20)]);
            log.commit(Instant::now());
            log.work(Instant::now());
        }
        drop(log);
        disk.crash();
        let (log, report) = open(&disk, RING + 20_000);
        assert_eq!((log.evicted, report.damaged), (log.start, 0), "crash after {crash_in}");
    }
}

#[test]
fn a_lowered_budget_is_kept_from_the_next_segment_on() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 200, 20);
    drop(log);
    let (mut log, _) = open(&disk, RING + 30_000);
    fill(&mut log, 20, 20);
    assert!(log.bytes_on_disk() <= RING + 30_000 + 64 * 1024);
}

#[test]
fn a_full_disk_costs_the_oldest_points_not_the_newest() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 60, 20);
    let used: usize = disk.files().iter().map(|path| disk.bytes(path).len()).sum();
    disk.state().capacity = Some(used + 1000);
    fill(&mut log, 100, 20);
    assert_eq!(log.end, 3200);
    assert!(log.evicted > 0 && log.state().fault.is_none(), "{:?}", log.state());
    let (all, _) = read_all(&mut log, 0);
    assert_numbered(&all);
}

#[test]
fn more_points_than_a_frame_and_more_names_than_a_page() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    let lane = |n: u64| Metric { point: Point::LaneLevel, part: Part::new(&format!("lane-{n:05}-abcdefgh")).unwrap() };
    let values: Vec<_> = (0..3000).map(|n| (lane(n), Value::Int(n as i64))).collect();
    append(&mut log, vec![batch(2, NOW_MS, &values)]);
    assert!(log.flush(Instant::now()));
    let check = |log: &mut Log<SimDisk>| {
        let (all, lost) = read_all(log, 0);
        assert_eq!((all.len(), lost), (3000, 0));
        for (seq, seen) in all {
            assert_eq!((seen.metric, seen.value), (lane(seq), Value::Int(seq as i64)));
        }
    };
    check(&mut log);
    drop(log);
    check(&mut open(&disk, ROOMY).0);
}

#[test]
fn a_changed_tag_set_is_another_origin_and_the_old_one_stays() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 2, 5);
    drop(log);
    let mut moved = options(ROOMY);
    moved.origins[1] = "device_id=cab-1,district=350103".to_owned();
    let (mut log, _) = super::super::open::open_log(moved, Clock::manual(NOW_MS), disk, SMALL).unwrap();
    fill(&mut log, 2, 5);
    let (all, _) = read_all(&mut log, 0);
    let tags: Vec<_> = all.iter().map(|(_, seen)| seen.tags.as_str()).collect();
    assert!(tags[..10].iter().all(|tags| tags.ends_with("350102")) && tags[10..].iter().all(|tags| tags.ends_with("350103")), "{tags:?}");
    let page = log.read(0, 20, Instant::now());
    let devices: Vec<_> = page.names.origins.iter().map(|origin| origin.device).collect();
    assert_eq!(devices, [None, Some(DeviceIx(1))], "only the tag set of today is a device of today");
}

#[test]
fn log_time_never_steps_back() {
    let disk = SimDisk::new(1);
    let clock = Clock::manual(NOW_MS);
    let (mut log, _) = super::super::open::open_log(options(ROOMY), clock.clone(), disk.clone(), SMALL).unwrap();
    fill(&mut log, 1, 1);
    clock.set(NOW_MS - 3_600_000);
    fill(&mut log, 1, 1);
    clock.set(NOW_MS + 5);
    fill(&mut log, 1, 1);
    let times: Vec<_> = log.read(0, 10, Instant::now()).records.iter().map(|record| record.log_ms - NOW_MS).collect();
    assert_eq!(times, [0, 0, 5]);
    drop(log);
    assert_eq!(open(&disk, ROOMY).1.newest_at_ms, Some(NOW_MS + 5));
}
