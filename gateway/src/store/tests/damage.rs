//! Bad bytes anywhere: the store opens, loses what they hit, says exactly how much, and goes on.

use super::*;

/// A store with two files of blocks and a half-filled ring, closed in order. 20 points a frame, four devices in turn, at
/// most [`CHUNK`] points of one device in a block.
fn stored(seed: u64) -> (SimDisk, Seq) {
    let disk = SimDisk::new(seed);
    let (mut log, _) = open(&disk, NARROW);
    fill(&mut log, 360, 20);
    assert!(log.close(Instant::now()));
    (disk, log.end)
}

/// Opens, reads everything, checks that each point is right and that held + lost is all there ever was.
fn check(disk: &SimDisk, end: Seq) -> (Recovery, u64) {
    let (mut log, report) = open(disk, NARROW);
    let (all, lost) = read_all(&mut log, 0);
    assert_numbered(&all);
    assert_eq!(all.len() as u64 + lost, log.end, "every position is held or lost");
    assert_eq!(log.damaged, lost, "what readers miss is what is counted");
    assert!(log.end >= end || report.cut > 0, "a shorter log must say that it was cut: {report:?}");
    let (held, before) = (log.end, log.damaged);
    fill(&mut log, 20, 20);
    assert_eq!(read_all(&mut log, held).0.len(), 400, "goes on after the damage");
    assert_eq!(log.damaged, before);
    (report, lost)
}

const CHUNK: u64 = 240;

#[test]
fn one_flipped_bit_costs_at_most_one_frame_or_one_device_of_one_block() {
    let mut rng = fastrand::Rng::with_seed(5);
    let (mut hit, mut missed) = (0, 0);
    for round in 0..400 {
        let (disk, end) = stored(round);
        let all = disk.files();
        let path = &all[rng.usize(..all.len())];
        let mut bytes = disk.bytes(path);
        let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        if used.is_empty() {
            continue;
        }
        bytes[used[rng.usize(..used.len())]] ^= 1 << rng.u8(..8);
        disk.put(path, bytes);
        let (_, lost) = check(&disk, end);
        assert!(lost <= CHUNK, "round {round}: {} cost {lost} points", path.display());
        if lost > 0 { hit += 1 } else { missed += 1 }
    }
    assert!(hit > 50 && missed > 50, "the rounds must hit points and names: {hit} {missed}");
}

#[test]
fn damage_in_the_middle_of_the_ring_is_an_exact_hole() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, NARROW);
    fill_one(&mut log, 8, 20);
    drop(log);
    let path = dir().join("wal/w0");
    let mut bytes = disk.bytes(&path);
    // Page 0 and 1 are names; frame n is on page 2 + n.
    bytes[4 * 4096..5 * 4096].fill(0xff);
    disk.put(&path, bytes);
    let (report, lost) = check(&disk, 160);
    assert_eq!((report.damaged, report.damaged_ranges, lost), (20, std::iter::once(40..60).collect::<Vec<_>>(), 20));
}

#[test]
fn a_missing_end_is_known_from_the_cursor_and_its_positions_are_not_used_again() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, NARROW);
    fill_one(&mut log, 8, 20);
    log.save_cursors(Instant::now(), true);
    drop(log);
    let path = dir().join("wal/w0");
    let mut bytes = disk.bytes(&path);
    bytes[8 * 4096..].fill(0);
    disk.put(&path, bytes);
    let (mut log, report) = open(&disk, NARROW);
    assert_eq!((report.end, report.lost_tail, report.damaged), (160, 40, 40));
    fill(&mut log, 1, 20);
    assert_eq!(log.end, 180);
    drop(log);
    let (report, lost) = check(&disk, 180);
    assert_eq!((report.lost_tail, report.damaged, lost), (0, 40, 40), "a gap stays the same gap");
}

/// A store so small that every bit of it can be flipped: one block of five devices' points and a ring with as many.
fn tiny() -> (SimDisk, Seq) {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, NARROW);
    fill(&mut log, 8, 3);
    seal_all(&mut log);
    fill(&mut log, 3, 3);
    log.advance(Sink::Forward, crate::store::Cursor { next: 5, delivered: 5, ..Default::default() }, Instant::now());
    assert!(log.close(Instant::now()));
    (disk, log.end)
}

#[test]
fn every_single_bit_flipped_in_turn_costs_at_most_one_frame_or_one_device_of_one_block() {
    let (disk, end) = tiny();
    let (mut flips, mut costly) = (0, 0);
    for path in disk.files() {
        let good = disk.bytes(&path);
        for at in (0..good.len()).filter(|at| good[*at] != 0) {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let harmed = disk.copy();
                harmed.put(&path, bytes);
                let (mut log, report) = open(&harmed, NARROW);
                let (all, lost) = read_all(&mut log, 0);
                assert_numbered(&all);
                let place = || format!("{} byte {at} bit {bit}: {report:?}", path.display());
                assert_eq!(all.len() as u64 + lost, log.end, "{}", place());
                assert!(lost <= 6 && log.damaged == lost, "{}: {lost} lost, {} counted", place(), log.damaged);
                assert!(log.end == end || report.cut > 0, "{}", place());
                (flips, costly) = (flips + 1, costly + usize::from(lost > 0));
            }
        }
    }
    assert!(flips > 5_000 && costly > 500, "{flips} {costly}");
}

#[test]
fn missing_short_and_foreign_files_are_survived() {
    type Harm = fn(&SimDisk);
    // Points of a whole file of blocks, of a segment of the ring, and of a block.
    const FILE: u64 = 6_500;
    const SEGMENT: u64 = 320;
    let cases: [(&str, Harm, u64); 12] = [
        ("a ring file is gone", |disk| disk.remove(&dir().join("wal/w1")), SEGMENT),
        ("a ring file is empty", |disk| disk.put(&dir().join("wal/w1"), Vec::new()), SEGMENT),
        ("a ring file is too long", |disk| disk.put(&dir().join("wal/w3"), vec![7; 300_000]), SEGMENT),
        ("a file of blocks is gone", |disk| disk.remove(&files(disk, "blk")[0]), FILE),
        ("a file of blocks is empty", |disk| disk.put(&files(disk, "blk")[0], Vec::new()), FILE),
        (
            "a file of blocks is there twice",
            |disk| {
                let bytes = disk.bytes(&files(disk, "blk")[0]);
                disk.put(&dir().join("blk/00000000000000ff.blk"), bytes);
            },
            0,
        ),
        (
            "a file of blocks has another name",
            |disk| {
                let path = files(disk, "blk")[0].clone();
                let bytes = disk.bytes(&path);
                disk.remove(&path);
                disk.put(&dir().join("blk/copy.blk"), bytes);
            },
            0,
        ),
        ("the newest file of blocks is gone", |disk| disk.remove(&files(disk, "blk")[1]), FILE),
        ("the reserved file is gone", |disk| disk.remove(&dir().join("blk/spare.new")), 0),
        ("FORMAT is damaged", |disk| disk.put(&dir().join("FORMAT"), vec![0xaa; 4096]), 0),
        ("a foreign file", |disk| disk.put(&dir().join("blk/readme.txt"), b"hello".to_vec()), 0),
        ("a foreign file with the name of blocks", |disk| disk.put(&dir().join("blk/00000000000fffff.blk"), vec![0x5a; 20_000]), 0),
    ];
    for (name, harm, lost_max) in cases {
        let (disk, end) = stored(1);
        harm(&disk);
        let (_, lost) = check(&disk, end);
        assert!(lost <= lost_max, "{name}: {lost}");
        assert!(lost > 0 || lost_max < FILE, "{name} costs something");
    }
}

#[test]
fn both_heads_of_a_block_bad_cost_that_block_and_no_other() {
    let (disk, end) = stored(1);
    let path = files(&disk, "blk")[0].clone();
    let blocks: Vec<_> = open(&disk, NARROW).0.blocks.all().map(|(_, _, block)| *block).collect();
    let (second, mut bytes) = (blocks[1], disk.bytes(&path));
    for at in [second.offset as usize + 110, second.offset as usize + second.header.copy_of_head().start + 10] {
        bytes[at] ^= 0xff;
    }
    disk.put(&path, bytes);
    let (_, lost) = check(&disk, end);
    assert_eq!(lost, u64::from(second.header.points));
}

#[test]
fn a_file_of_blocks_without_its_end_keeps_its_beginning() {
    let (disk, end) = stored(1);
    let path = &files(&disk, "blk")[0];
    let mut bytes = disk.bytes(path);
    bytes.truncate(bytes.len() / 2);
    disk.put(path, bytes);
    let (_, lost) = check(&disk, end);
    assert!((1..6_000).contains(&lost), "{lost}");
}

#[test]
fn garbage_in_every_file_at_once_still_opens() {
    let mut rng = fastrand::Rng::with_seed(9);
    for round in 0..40 {
        let (disk, _) = stored(round);
        for path in disk.files() {
            let mut bytes = disk.bytes(&path);
            for _ in 0..rng.usize(..200) {
                let at = rng.usize(..bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = rng.u8(..);
                }
            }
            disk.put(&path, bytes);
        }
        let (mut log, _) = open(&disk, NARROW);
        let (all, lost) = read_all(&mut log, 0);
        assert_numbered(&all);
        assert_eq!(all.len() as u64 + lost, log.end);
    }
}

#[test]
fn names_of_a_torn_block_that_is_made_again_are_given_again() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, NARROW);
    fill_one(&mut log, 3, 20);
    seal_all(&mut log);
    append(&mut log, vec![batch(2, NOW_MS, &[(Metric::whole(Point::VendingSales), Value::Int(60))])]);
    assert!(log.flush(Instant::now()));
    seal_all(&mut log);
    let second = *log.blocks.block(0, 1).unwrap();
    drop(log);
    // The power went while the second block was written; the ring has its points.
    let path = files(&disk, "blk")[0].clone();
    let mut bytes = disk.bytes(&path);
    bytes[second.offset as usize + 512..(second.offset + second.header.len) as usize].fill(0);
    bytes[second.offset as usize + super::super::block::HEADER_BYTES + second.header.head_len as usize + 1] ^= 0xff;
    disk.put(&path, bytes);
    let (mut log, report) = open(&disk, NARROW);
    assert_eq!((report.end, report.damaged), (61, 0));
    seal_all(&mut log);
    drop(log);
    // Nothing but the blocks is left to say what the numbers mean.
    for path in files(&disk, "wal") {
        disk.put(&path, vec![0; 64 * 1024]);
    }
    let (mut log, report) = open(&disk, NARROW);
    let (all, lost) = read_all(&mut log, 0);
    assert_eq!((all.len(), lost, report.damaged, log.damaged), (61, 0, 0, 0));
    assert_eq!(all[60].1.tags, tags(2));
}
