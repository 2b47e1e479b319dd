//! Disks that fail while in use: acknowledgements are withheld, nothing piles up, and it resumes by itself.

use super::*;
use crate::store::GapReason;
use crate::store::blocks::read_head;
use crate::store::sim_disk::Fail;
use facility_config::limits::{
    BATCHES_PER_APPEND_MAX, STORE_READ_PATIENCE_MS, STORE_RETRY_MS, STORE_WAITING_BATCHES_MAX, STORE_WAITING_POINTS_MAX,
};

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
    for round in 0..4_000 {
        if log.takes_more() {
            let batches = acked(&acks, round, 60 + taken * 20);
            log.append(Append { batches, mark: None }, now);
            taken += 1;
        }
        log.work(now);
        now += Duration::from_millis(STORE_RETRY_MS);
    }
    assert!(taken < 3_000 && !log.takes_more(), "{taken} taken: what can be sent again is not given up, so no more is taken");
    assert!(log.state().fault.unwrap().contains("/store"));
    assert_eq!((log.state().pending, log.no_disk), (taken * 20, 0));
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
fn readings_that_cannot_be_asked_for_again_are_kept_in_memory_newest_first_and_the_rest_is_counted() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, ROOMY);
    let acks = Acks::new();
    fill(&mut log, 3, 20);
    (disk.state().syncs, disk.state().writes) = (Fail::Always, Fail::Always);
    let mut now = Instant::now();
    // One message that can be sent again among many that cannot: it stays.
    let (mut given, in_frame) = (0, 20);
    for round in 0..5_000 {
        assert!(log.takes_more(), "a bus is never held up");
        let mut batch = numbered(60 + given, in_frame);
        batch.ack = if round == 600 { acks.ack(9) } else { None };
        append(&mut log, vec![batch]);
        given += in_frame;
        log.work(now);
        now += Duration::from_millis(100);
    }
    let held = log.state().pending;
    assert!((STORE_WAITING_POINTS_MAX as u64..STORE_WAITING_POINTS_MAX as u64 + 5_000).contains(&held), "{held}");
    assert_eq!(held + log.no_disk, given, "held or counted");
    let told: Vec<_> = log.gaps.iter().map(|gap| (gap.reason, gap.first, gap.end)).collect();
    assert!(told.iter().all(|gap| *gap == (GapReason::NoDisk, 60, 60)), "{told:?}");
    assert_eq!(log.gaps.iter().map(|gap| gap.points).sum::<u64>(), log.no_disk);
    (disk.state().syncs, disk.state().writes) = (Fail::Never, Fail::Never);
    log.work(now + Duration::from_secs(4));
    log.work(now + Duration::from_secs(8));
    assert_eq!((log.state().fault, log.state().pending, log.end), (None, 0, 60 + held));
    let values: Vec<i64> =
        read_all(&mut log, 60).0.iter().filter_map(|(_, seen)| if let Value::Int(n) = seen.value { Some(n) } else { None }).collect();
    assert!(values.is_sorted() && values.contains(&(60 + 600 * 20)));
    assert_eq!(values.last(), Some(&(60 + given as i64 - 1)), "the newest are there");
    let no_disk = log.no_disk;
    assert!(log.close(now));
    assert_eq!(open(&disk, ROOMY).0.no_disk, no_disk);
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
        assert!(taken <= (STORE_WAITING_BATCHES_MAX + BATCHES_PER_APPEND_MAX + 1) as u64);
    }
}

#[test]
fn a_disk_too_full_to_make_blocks_goes_on_in_the_ring_then_waits() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, NARROW);
    let mut acks = Acks::new();
    fill(&mut log, 2, 20);
    disk.state().capacity = Some(0);
    let mut now = Instant::now();
    let (mut number, mut faults) = (0, 0);
    // The file that was reserved takes seven blocks; the ring takes what comes after.
    for _ in 0..600 {
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
    assert!(number - withheld > 300, "{number} {withheld}: what was reserved is used");
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
fn a_block_whose_sync_fails_is_written_to_another_file_and_counts_once() {
    for fail in ["sync", "write"] {
        let disk = SimDisk::new(5);
        let (mut log, _) = open(&disk, ROOMY);
        fill(&mut log, 100, 20);
        let blocks = log.blocks.end();
        assert!(blocks > 0);
        if fail == "sync" {
            disk.state().syncs = Fail::Once
        } else {
            disk.state().writes = Fail::Once
        }
        assert!(log.seal_block(Instant::now()).is_err());
        assert_eq!(log.blocks.end(), blocks, "{fail}: still in the ring");
        seal_all(&mut log);
        assert_eq!((log.blocks.files.len(), log.blocks.end()), (2, log.end), "{fail}");
        fill(&mut log, 200, 20);
        disk.crash();
        let (mut log, report) = open(&disk, ROOMY);
        assert_eq!((report.end, report.damaged), (6_000, 0), "{fail}");
        let (all, lost) = read_all(&mut log, 0);
        assert_eq!((all.len(), lost), (6_000, 0));
        assert_numbered(&all);
    }
}

#[test]
fn a_dead_page_is_waited_for_and_then_costs_its_own_points_only() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, NARROW);
    fill(&mut log, 120, 20);
    let (block, now) = (files(&disk, "blk")[0].clone(), Instant::now());
    let patience = Duration::from_millis(STORE_READ_PATIENCE_MS);
    let first = *log.blocks.block(0, 0).unwrap();
    let head = read_head(&disk, log.blocks.file(&disk, 0).unwrap(), &first).unwrap().unwrap();
    let chunk = head.chunks()[1].offset as usize;
    let in_ring = log.ring.slots[log.ring.current.unwrap()].frames[0];
    let ring_file = dir().join(format!("wal/w{}", log.ring.current.unwrap()));
    for (place, at) in [((block, chunk + 3), 0), ((ring_file, in_ring.offset as usize), in_ring.first)] {
        // Without what was read before.
        let mut log = open(&disk, NARROW).0;
        disk.state().dead = vec![place];
        for _ in 0..50 {
            assert_eq!(log.read(at, 10, now).next, at, "a loose card loses nothing");
        }
        let dead = std::mem::take(&mut disk.state().dead);
        assert_eq!(log.read(at, 10, now).first, at);
        let mut log = open(&disk, NARROW).0;
        disk.state().dead = dead;
        assert_eq!(log.read(at, 10, now).next, at);
        let page = log.read(at, 10, now + patience);
        let (all, lost) = read_all(&mut log, at);
        assert_numbered(&all);
        assert!(lost > 0 && lost == log.damaged && lost <= 900, "{lost} {}", log.damaged);
        assert!(page.next > at && all.len() as u64 + lost == log.end - at);
        disk.state().dead.clear();
    }
}

#[test]
fn a_block_is_not_made_without_frames_that_a_loose_card_holds_back() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, NARROW);
    fill(&mut log, 10, 20);
    let frame = log.ring.frames()[4].1;
    disk.state().dead = vec![(dir().join("wal/w0"), frame.offset as usize + 5)];
    let now = Instant::now();
    for second in 0..100 {
        assert!(log.seal_block(now + Duration::from_secs(second)).is_err());
    }
    assert_eq!((log.damaged, log.blocks.end(), log.ring.first()), (0, 0, Some(0)));
    let dead = std::mem::take(&mut disk.state().dead);
    let mut whole = open(&disk.copy(), NARROW).0;
    seal_all(&mut whole);
    assert_eq!(read_all(&mut whole, 0).0.len(), 200, "it came back: nothing is lost");
    // It does not come back: in the end that frame is given up, and only that.
    disk.state().dead = dead;
    while log.ring.first().is_some() {
        log.seal_block(now + Duration::from_millis(STORE_READ_PATIENCE_MS)).unwrap();
    }
    assert_eq!((log.damaged, read_all(&mut log, 0).1), (20, 20));
    assert_eq!(
        log.gaps.iter().map(|gap| (gap.reason, gap.first, gap.end, gap.points)).collect::<Vec<_>>(),
        [(GapReason::Damaged, 80, 100, 20)]
    );
}

#[test]
fn a_deleted_file_is_lost_at_once_and_once() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, NARROW);
    fill(&mut log, 700, 20);
    log.blocks.handles.clear();
    disk.remove(&files(&disk, "blk")[0]);
    let page = log.read(0, 10, Instant::now());
    assert!(page.lost > 0 && page.lost == log.damaged && page.first == page.lost, "{} {}", page.lost, log.damaged);
    let (all, lost) = read_all(&mut log, 0);
    assert_eq!(lost, log.damaged);
    assert_numbered(&all);
    // What is gone already does not stand in the way of making room.
    log.bytes_max = 0;
    fill(&mut log, 800, 20);
    assert!(log.start >= 6_000, "{}", log.start);
}

#[test]
fn blocks_are_looked_at_in_turn_and_damage_is_known_before_it_is_read() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, NARROW);
    fill(&mut log, 200, 20);
    drop(log);
    let path = files(&disk, "blk")[0].clone();
    let (mut log, _) = open(&disk, NARROW);
    let second = *log.blocks.block(0, 1).unwrap();
    let chunk = read_head(&disk, log.blocks.file(&disk, 0).unwrap(), &second).unwrap().unwrap().chunks()[0];
    let mut bytes = disk.bytes(&path);
    bytes[(second.offset + chunk.offset) as usize + 1] ^= 4;
    disk.put(&path, bytes);
    let (mut log, _) = open(&disk, NARROW);
    let mut now = Instant::now();
    for round in 1..=2 * log.blocks.all().count() as u64 {
        now += Duration::from_secs(3_601);
        log.work(now);
        assert_eq!(log.state().scrubbed, round);
        assert_eq!(log.damaged, if round == 1 { 0 } else { u64::from(chunk.points) });
    }
    assert_eq!(log.gaps.iter().map(|gap| (gap.reason, gap.points)).collect::<Vec<_>>(), [(GapReason::Damaged, u64::from(chunk.points))]);
}

#[test]
fn a_ring_with_dead_pages_opens() {
    let disk = SimDisk::new(3);
    let (mut log, _) = open(&disk, ROOMY);
    fill_one(&mut log, 8, 20);
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
