//! Disks that fail while in use: acknowledgements are withheld, nothing piles up, and it resumes by itself.

use super::*;
use crate::store::sim_disk::Fail;
use facility_config::limits::{BATCHES_PER_APPEND_MAX, STORE_READ_PATIENCE_MS, STORE_RETRY_MS};

fn acked(acks: &Acks, number: u64, end: Seq) -> Vec<Batch> {
    let mut batch = numbered(end, 20);
    batch.ack = acks.ack(number);
    vec![batch]
}

#[test]
fn a_failed_sync_moves_the_points_to_another_segment() {
    for fail in ["sync", "write"] {
        let disk = SimDisk::new(3);
        let (mut log, _) = open(&disk, ROOMY);
        let mut acks = Acks::new();
        fill(&mut log, 3, 20);
        let before = log.ring.current;
        if fail == "sync" {
            disk.state().syncs = Fail::Once
        } else {
            disk.state().writes = Fail::Once
        }
        let batches = acked(&acks, 1, log.end);
        append(&mut log, batches);
        assert_eq!(acks.drain(), [0u64; 0], "not before it is durable");
        assert!(log.commit(Instant::now()));
        assert_eq!(acks.drain(), [1]);
        assert_ne!(log.ring.current, before, "the segment is given up");
        assert_eq!(log.state().fault, None);
        fill(&mut log, 60, 20);
        // What the system called clean after the failed sync is not there after a power cut.
        disk.crash();
        let (mut log, report) = open(&disk, ROOMY);
        assert_eq!((report.end, report.damaged), (64 * 20, 0), "{fail}");
        assert_numbered(&read_all(&mut log, 0).0);
    }
}

#[test]
fn a_dead_disk_withholds_acknowledgements_within_bounds_and_resumes() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, ROOMY);
    let mut acks = Acks::new();
    fill(&mut log, 3, 20);
    (disk.state().syncs, disk.state().writes) = (Fail::Always, Fail::Always);
    let mut now = Instant::now();
    let mut taken = 0;
    for round in 0..200 {
        if log.takes_more() {
            let batches = acked(&acks, round, 60 + taken * 20);
            log.append(Append { batches, mark: None }, now);
            taken += 1;
        }
        log.work(now);
        now += Duration::from_millis(STORE_RETRY_MS);
    }
    assert!(taken < 60 && !log.takes_more(), "{taken} taken");
    assert!(log.state().fault.unwrap().contains("/store"));
    assert!(log.state().pending > 0);
    assert_eq!((acks.drain(), log.end), (vec![], 60));
    assert_eq!(read_all(&mut log, 0).0.len(), 60, "readers are still served");
    (disk.state().syncs, disk.state().writes) = (Fail::Never, Fail::Never);
    log.work(now);
    log.work(now + Duration::from_millis(STORE_RETRY_MS));
    assert_eq!(log.state().fault, None);
    assert_eq!(acks.drain().len() as u64, taken);
    disk.crash();
    let (mut log, report) = open(&disk, ROOMY);
    assert_eq!((report.end, report.damaged), (60 + taken * 20, 0));
    assert_numbered(&read_all(&mut log, 0).0);
}

#[test]
fn refused_messages_do_not_pile_up_behind_a_dead_disk() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, ROOMY);
    let acks = Acks::new();
    disk.state().syncs = Fail::Always;
    let batches = acked(&acks, 0, 0);
    append(&mut log, batches);
    log.work(Instant::now() + Duration::from_secs(1));
    let mut taken = 1;
    while log.takes_more() {
        let mut refused = Batch::refused(None, facility_drivers::Fault::Undecodable, NOW_MS);
        refused.ack = acks.ack(taken);
        append(&mut log, vec![refused]);
        taken += 1;
        assert!(taken <= BATCHES_PER_APPEND_MAX as u64);
    }
}

#[test]
fn a_disk_too_full_to_put_segments_away_goes_on_in_the_ring_then_waits() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, ROOMY);
    let mut acks = Acks::new();
    fill(&mut log, 2, 20);
    disk.state().capacity = Some(0);
    let mut now = Instant::now();
    let (mut number, mut faults) = (0, 0);
    for _ in 0..100 {
        if log.takes_more() {
            let batches = acked(&acks, number, 40 + number * 20);
            log.append(Append { batches, mark: None }, now);
            number += 1;
        }
        now += Duration::from_secs(4);
        log.work(now);
        faults += u32::from(log.state().fault.is_some());
    }
    let withheld = number - acks.drain().len() as u64;
    assert!(faults > 50 && withheld > 0, "{faults} {withheld}");
    assert_eq!(log.evicted, 0);
    disk.state().capacity = None;
    for _ in 0..3 {
        now += Duration::from_secs(4);
        log.work(now);
    }
    assert_eq!((log.state().fault, log.end), (None, 40 + number * 20));
    assert_eq!(acks.drain().len() as u64, withheld);
    assert_numbered(&read_all(&mut log, 0).0);
}

#[test]
fn a_dead_page_is_waited_for_and_then_costs_its_own_points_only() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 60, 20);
    let (segment, now) = (files(&disk, "blk")[0].clone(), Instant::now());
    let patience = Duration::from_millis(STORE_READ_PATIENCE_MS);
    // Found while the segment is indexed, and found later in the ring.
    let in_ring = log.ring.slots[log.ring.current.unwrap()].frames[0];
    let ring_file = dir().join(format!("wal/w{}", log.ring.current.unwrap()));
    for (place, at) in [((segment, 1000), 0), ((ring_file, in_ring.offset as usize), in_ring.first)] {
        disk.state().dead = vec![place];
        for _ in 0..50 {
            assert_eq!(log.read(at, 10, now).next, at, "a loose card loses nothing");
        }
        disk.state().dead[0].1 += 1 << 30;
        assert_eq!(log.read(at, 10, now).first, at);
        disk.state().dead[0].1 -= 1 << 30;
        let mut fresh = open(&disk, ROOMY).0;
        let log = if at == 0 { &mut fresh } else { &mut log };
        assert_eq!(log.read(at, 10, now).next, at);
        let page = log.read(at, 10, now + patience);
        let (all, lost) = read_all(log, at);
        assert_numbered(&all);
        assert!(lost > 0 && lost == log.damaged && lost <= 400, "{lost} {}", log.damaged);
        assert!(page.next > at && all.len() as u64 + lost == log.end - at);
    }
}

#[test]
fn a_deleted_segment_is_lost_at_once_and_once() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 60, 20);
    disk.remove(&files(&disk, "blk")[0]);
    let page = log.read(0, 10, Instant::now());
    assert!(page.lost > 0 && page.lost == log.damaged && page.first == page.lost && !page.records.is_empty());
    let (all, lost) = read_all(&mut log, 0);
    assert_eq!(lost, log.damaged);
    assert_numbered(&all);
    // What is gone already does not stand in the way of making room.
    log.bytes_max = 0;
    fill(&mut log, 20, 20);
    assert!(log.start >= 600);
}

#[test]
fn a_ring_with_dead_pages_opens() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 8, 20);
    drop(log);
    disk.state().dead = vec![(dir().join("wal/w0"), 4 * 4096 + 9)];
    let (mut log, report) = open(&disk, ROOMY);
    assert_eq!((report.damaged, report.damaged_ranges, read_all(&mut log, 0).1), (20, std::iter::once(40..60).collect::<Vec<_>>(), 20));
}

#[test]
fn a_disk_that_fails_only_while_a_large_request_is_taken_is_tried_again() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 3, 20);
    (disk.state().syncs, disk.state().writes) = (Fail::Always, Fail::Always);
    let now = Instant::now();
    // Larger than one commit, in many messages: it is parted between two of them.
    let batches = (0..400).map(|nth| numbered(60 + nth * 20, 20)).collect();
    log.append(Append { batches, mark: None }, now);
    (disk.state().syncs, disk.state().writes) = (Fail::Never, Fail::Never);
    let mut wakes = 0;
    let mut now = now;
    while log.end < 60 + 400 * 20 {
        now = log.wake_at().expect("something is left to do, so the thread wakes up by itself").max(now);
        log.work(now);
        wakes += 1;
        assert!(wakes < 1_000, "it is tried again, but nothing becomes durable");
    }
    assert!(log.takes_more());
    assert_numbered(&read_all(&mut log, 0).0);
}
