//! Bad bytes anywhere: the store opens, loses what they hit, says exactly how much, and goes on.

use super::*;

/// A store with finished segments and a half-filled ring, closed in order. 20 points a frame.
fn stored(seed: u64) -> (SimDisk, Seq) {
    let disk = SimDisk::new(seed);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 60, 20);
    assert!(log.close(Instant::now()));
    (disk, log.end)
}

/// Opens, reads everything, checks that each point is right and that held + lost is all there ever was.
fn check(disk: &SimDisk, end: Seq) -> (Recovery, u64) {
    let (mut log, report) = open(disk, ROOMY);
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

#[test]
fn one_flipped_bit_costs_at_most_one_frame() {
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
        assert!(lost <= 20, "round {round}: {} cost {lost} points", path.display());
        if lost > 0 { hit += 1 } else { missed += 1 }
    }
    assert!(hit > 50 && missed > 50, "the rounds must hit points and names: {hit} {missed}");
}

#[test]
fn damage_in_the_middle_of_the_ring_is_an_exact_hole() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 8, 20);
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
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 8, 20);
    log.save_cursors(Instant::now(), true);
    drop(log);
    let path = dir().join("wal/w0");
    let mut bytes = disk.bytes(&path);
    bytes[8 * 4096..].fill(0);
    disk.put(&path, bytes);
    let (mut log, report) = open(&disk, ROOMY);
    assert_eq!((report.end, report.lost_tail, report.damaged), (160, 40, 40));
    fill(&mut log, 1, 20);
    assert_eq!(log.end, 180);
    drop(log);
    let (report, lost) = check(&disk, 180);
    assert_eq!((report.lost_tail, report.damaged, lost), (0, 40, 40), "a gap stays the same gap");
}

#[test]
fn missing_short_and_foreign_files_are_survived() {
    type Harm = fn(&SimDisk);
    let cases: [(&str, Harm, u64); 8] = [
        ("a ring file is gone", |disk| disk.remove(&dir().join("wal/w1")), 320),
        ("a ring file is empty", |disk| disk.put(&dir().join("wal/w1"), Vec::new()), 320),
        ("a ring file is too long", |disk| disk.put(&dir().join("wal/w3"), vec![7; 300_000]), 320),
        ("a finished segment is gone", |disk| disk.remove(&files(disk, "blk")[0]), 320),
        ("a finished segment is empty", |disk| disk.put(&files(disk, "blk")[0], Vec::new()), 320),
        (
            "a finished segment is there twice",
            |disk| {
                let bytes = disk.bytes(&files(disk, "blk")[0]);
                disk.put(&dir().join("blk/00000000000000ff.seg"), bytes);
            },
            0,
        ),
        ("FORMAT is damaged", |disk| disk.put(&dir().join("FORMAT"), vec![0xaa; 4096]), 0),
        ("a foreign file", |disk| disk.put(&dir().join("blk/readme.txt"), b"hello".to_vec()), 0),
    ];
    for (name, harm, lost_max) in cases {
        let (disk, end) = stored(1);
        harm(&disk);
        let (_, lost) = check(&disk, end);
        assert!(lost <= lost_max, "{name}: {lost}");
    }
}

#[test]
fn a_finished_segment_without_its_end_keeps_its_beginning() {
    let (disk, end) = stored(1);
    let path = &files(&disk, "blk")[0];
    let mut bytes = disk.bytes(path);
    bytes.truncate(bytes.len() / 2);
    disk.put(path, bytes);
    let (_, lost) = check(&disk, end);
    assert!((1..300).contains(&lost), "{lost}");
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
        let (mut log, _) = open(&disk, ROOMY);
        let (all, lost) = read_all(&mut log, 0);
        assert_numbered(&all);
        assert_eq!(all.len() as u64 + lost, log.end);
    }
}
