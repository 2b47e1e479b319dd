//! A store that version 1 of this software wrote, byte for byte, is taken over.

use super::*;
use std::io::Read;

/// Files of a store of version 1 with small segments: 1 200 numbered points, then thirty random batches (seed 77), the
/// reader at 777, closed in order. Each file is a line `name length` and its bytes.
const STORE: &[u8] = include_bytes!("golden/v1.store.gz");

fn put_store(disk: &SimDisk) {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(STORE).read_to_end(&mut bytes).unwrap();
    let mut rest = &bytes[..];
    while let Some(line) = rest.iter().position(|byte| *byte == b'\n') {
        let (name, len) = std::str::from_utf8(&rest[..line]).unwrap().rsplit_once(' ').unwrap();
        let body = &rest[line + 1..][..len.parse().unwrap()];
        disk.put(&dir().join(name), body.to_vec());
        rest = &rest[line + 1 + body.len()..];
    }
}

/// All points of that store.
fn expected() -> Vec<Seen> {
    let mut rng = fastrand::Rng::with_seed(77);
    let numbered = (0..60).flat_map(|frame| seen(&numbered(frame * 20, 20))).collect::<Vec<_>>();
    numbered.into_iter().chain((0..30).flat_map(|_| seen(&random_batch(&mut rng, 30)))).collect()
}

fn check(disk: &SimDisk) {
    let (mut log, report) = open(disk, ROOMY);
    assert_eq!((report.damaged, report.lost_tail, report.start), (0, 0, 0), "{report:?}");
    let (all, lost) = read_all(&mut log, 0);
    assert_eq!(lost, 0);
    assert!(all.into_iter().map(|(_, seen)| seen).eq(expected()));
    assert_eq!(log.cursor(Sink::Forward).next, 777);
    assert!(log.mark.is_some());
    assert!(files(disk, "blk").iter().all(|path| !path.ends_with(".seg")));
    fill(&mut log, 100, 20);
    assert_eq!(log.state().fault, None);
}

#[test]
fn a_store_of_version_1_is_taken_over() {
    let disk = SimDisk::new(1);
    put_store(&disk);
    check(&disk);
}

#[test]
fn a_power_cut_while_it_is_taken_over_loses_nothing() {
    for crash_in in 0..80 {
        let disk = SimDisk::new(crash_in);
        disk.state().garbage = true;
        put_store(&disk);
        disk.state().crash_in = Some(crash_in);
        drop(super::super::open::open_log(options(ROOMY), Clock::manual(NOW_MS), disk.clone(), SMALL));
        disk.crash();
        check(&disk);
    }
}
