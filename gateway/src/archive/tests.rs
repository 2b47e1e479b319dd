//! Damage, kills, revisions and months that are made compact.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::aggregate::Fold;
use crate::aggregate::fixture::{Line, T0, device, said, site};
use facility_config::{Kind, Point};
use facility_drivers::Value;
use std::time::Duration;
use tempfile::{TempDir, tempdir};

const DAY_MS: i64 = 86_400_000;
/// 2026-10-01T00:00:00+08:00, and the month before it.
const OCTOBER_MS: i64 = T0 - 8 * 3_600_000 + 30 * DAY_MS;
const SEPTEMBER: (Long, Span) = (Long::Month, Span { start_ms: OCTOBER_MS - 30 * DAY_MS, end_ms: OCTOBER_MS });
const LOCKER: DeviceIx = DeviceIx(1);

fn lockers() -> Arc<Site> {
    site(Duration::from_secs(3600), vec![device("lk-01", Kind::Locker, 3600), device("lk-02", Kind::Locker, 3600)])
}

/// Turns of so many days of two lockers that are picked up from twice an hour, from 1 September on.
fn turns(days: i64) -> Vec<Turn> {
    let (mut fold, mut turns) = (Fold::new(lockers()), Vec::new());
    for hour in 0..=days * 24 - 8 {
        let line = said(hour * 3600 + 40, Point::LockerPickups, Value::Int(2 * hour));
        while !fold.close(line.log_ms).is_empty() {
            turns.extend(fold.turns());
        }
        for device in [LOCKER, DeviceIx(2)] {
            let Line { log_ms, metric, at_ms, value, .. } = line.clone();
            fold.observe(log_ms, device, metric, at_ms, &value);
        }
    }
    turns
}

fn open(dir: &TempDir) -> Archive {
    Archive::open(dir.path(), lockers()).unwrap()
}

fn cut(upto: Seq) -> Cut {
    Cut { upto, end: 0, is_replay: false }
}

/// A folder with the first days of September, a position of the log for each.
fn filled(days: i64) -> (TempDir, Archive) {
    let dir = tempdir().unwrap();
    let archive = open(&dir);
    for (turn, upto) in turns(days).iter().zip(1..) {
        archive.turn(cut(upto), turn).unwrap();
    }
    (dir, archive)
}

/// Pick-ups of a device in September as they were at a position, and the revision.
fn pickups(archive: &Archive, device: DeviceIx, cut: Cut) -> Option<(i64, i64)> {
    let long = archive.long(cut, SEPTEMBER, Some(&[device])).unwrap().pop()?;
    let row = Fold::new(lockers()).long_row(device, SEPTEMBER, &long.sums);
    let found = row.readings.iter().find(|reading| reading.metric.point == Point::LockerKpiPickups);
    found.map(|reading| match reading.value {
        Value::Int(count) => (count, long.rev),
        ref other => panic!("a count is {other:?}"),
    })
}

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join(DIR).join("2026-09.days")
}

#[test]
fn a_month_is_the_sum_of_its_days() {
    let (_dir, archive) = filled(4);
    // The first value ever gives no difference, and the first day was half over.
    assert_eq!(pickups(&archive, LOCKER, cut(9)), Some((2 * (15 + 24 + 24 + 24), 0)));
    assert_eq!(pickups(&archive, DeviceIx(0), cut(9)), None);
}

#[test]
fn what_is_done_again_after_a_kill_adds_nothing() {
    let (dir, archive) = filled(4);
    let before = std::fs::read(file(&dir)).unwrap();
    for (turn, upto) in turns(4).iter().zip(1..) {
        archive.turn(cut(upto), turn).unwrap();
        // A replay from the beginning, with other days than those that were whole.
        archive.turn(Cut { is_replay: true, ..cut(upto + 100) }, turn).unwrap();
    }
    assert_eq!(std::fs::read(file(&dir)).unwrap(), before);
    std::fs::remove_file(file(&dir)).unwrap();
    archive.turn(Cut { is_replay: true, ..cut(1) }, &turns(4)[0]).unwrap();
    assert_eq!(pickups(&archive, LOCKER, cut(9)), Some((2 * 15, 0)), "what is missing is added by a replay");
}

/// The locker's day, as if it was that of one day of [`turns`] when it was told and is that of another now.
fn revised(before: usize, now: usize) -> Vec<Revised> {
    let of = |nth: usize| turns(nth as i64 + 1).remove(nth).sums.remove(LOCKER.at());
    vec![Revised { device: LOCKER, before: of(before), now: of(now) }]
}

#[test]
fn a_day_that_cannot_be_made_again_as_it_was_stays() {
    let (dir, archive) = filled(4);
    let (day, before) = (turns(4)[1].day, std::fs::read(file(&dir)).unwrap());
    let (revs, longer) = archive.revise(cut(50), day, &revised(0, 2), &[SEPTEMBER]).unwrap();
    assert_eq!((revs, longer.iter().filter(|long| long.rev > 0).count()), (vec![None], 0));
    assert_eq!(std::fs::read(file(&dir)).unwrap(), before);
}

#[test]
fn a_revision_counts_from_where_it_was_made() {
    let (_dir, archive) = filled(4);
    let day = turns(4)[1].day;
    // Twice: the second time after a kill.
    for _ in 0..2 {
        let (revs, longer) = archive.revise(cut(50), day, &revised(1, 0), &[SEPTEMBER]).unwrap();
        assert_eq!((revs, longer.len(), longer[0].rev), (vec![Some(1)], 1, 1));
    }
    assert_eq!(pickups(&archive, LOCKER, cut(50)), Some((2 * (15 + 15 + 24 + 24), 1)));
    assert_eq!(pickups(&archive, DeviceIx(2), cut(50)), Some((2 * (15 + 24 + 24 + 24), 0)));
    let is_before = Cut { end: 1000, ..cut(49) };
    assert_eq!(pickups(&archive, LOCKER, is_before), Some((2 * (15 + 24 + 24 + 24), 0)), "done again, it does not see what came behind");
    assert_eq!(pickups(&archive, LOCKER, Cut { end: 3, ..cut(3) }), Some((2 * (15 + 15 + 24 + 24), 1)), "a log that begins anew has all");
    // Within the month the day is revised, the month is not.
    assert_eq!(archive.revise(cut(60), day, &revised(0, 0), &[]).unwrap().0, [Some(2)]);
    assert_eq!(pickups(&archive, LOCKER, cut(60)).unwrap().1, 1);
}

#[test]
fn damage_costs_the_day_that_it_is_in() {
    let (dir, archive) = filled(4);
    let whole = std::fs::read(file(&dir)).unwrap();
    let all = 2 * (15 + 24 + 24 + 24);
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        std::fs::write(file(&dir), &damaged).unwrap();
        assert!(archive.read(&file(&dir)).unwrap().is_damaged, "byte {at}");
        let found = pickups(&archive, LOCKER, cut(9)).map_or(0, |(count, _)| count);
        assert!(found >= all - 48 && found <= all, "byte {at}: {found} of {all}");
    }
    for len in 0..whole.len() {
        std::fs::write(file(&dir), &whole[..len]).unwrap();
        let found = pickups(&archive, LOCKER, cut(9)).map_or(0, |(count, _)| count);
        assert!(found <= all);
        // What is written behind a torn end is found.
        archive.turn(cut(4), &turns(4)[3]).unwrap();
        assert!(pickups(&archive, LOCKER, cut(9)).unwrap().0 >= 48, "{len} bytes were left");
    }
}

#[test]
fn what_the_medium_does_not_give_is_no_empty_month() {
    let (dir, archive) = filled(4);
    let day = turns(4)[1].day;
    assert_eq!(archive.revise(cut(50), day, &revised(1, 0), &[]).unwrap().0, [Some(1)]);
    // A folder can be opened but not read.
    let aside = dir.path().join("aside");
    std::fs::rename(file(&dir), &aside).unwrap();
    std::fs::create_dir(file(&dir)).unwrap();
    archive.turn(cut(5), &turns(5)[4]).unwrap_err();
    archive.long(cut(9), SEPTEMBER, None).unwrap_err();
    archive.revise(cut(60), day, &revised(0, 2), &[]).unwrap_err();
    std::fs::remove_dir(file(&dir)).unwrap();
    std::fs::rename(&aside, file(&dir)).unwrap();
    assert_eq!(archive.revise(cut(60), day, &revised(0, 2), &[]).unwrap().0, [Some(2)], "the second revision, not the first again");
    assert_eq!(pickups(&archive, LOCKER, cut(60)).unwrap().0, 2 * (15 + 24 + 24 + 24));
}

#[test]
fn a_file_that_cannot_be_read_for_long_is_damaged_and_its_days_are_not_revised() {
    let (dir, archive) = filled(4);
    let day = turns(4)[1].day;
    std::fs::remove_file(file(&dir)).unwrap();
    std::fs::create_dir(file(&dir)).unwrap();
    for _ in 1..READS_MAX {
        archive.long(cut(9), SEPTEMBER, None).unwrap_err();
    }
    assert!(archive.long(cut(9), SEPTEMBER, None).unwrap().is_empty());
    assert_eq!(archive.revise(cut(60), day, &revised(1, 0), &[]).unwrap().0, [None]);
}

#[test]
fn a_later_version_is_refused_and_left_alone() {
    let (dir, archive) = filled(2);
    let mut bytes = std::fs::read(file(&dir)).unwrap();
    bytes[6] = 9;
    let crc = crc32c::crc32c(&bytes[..8]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(file(&dir), &bytes).unwrap();
    let refused = Archive::open(dir.path(), lockers()).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 9, known: 1, .. }), "{refused}");
    archive.turn(cut(9), &turns(2)[0]).unwrap_err();
    assert_eq!(std::fs::read(file(&dir)).unwrap(), bytes);
}

#[test]
fn a_month_is_made_compact_when_nothing_late_can_come_and_says_the_same() {
    let dir = tempdir().unwrap();
    let archive = open(&dir);
    let (mut grown, mut before) = (0, None);
    for (turn, upto) in turns(45).iter().zip(1..) {
        if upto == 32 {
            archive.revise(cut(31), turns(3)[2].day, &revised(2, 0), &[SEPTEMBER]).unwrap();
            grown = std::fs::metadata(file(&dir)).unwrap().len();
            before = pickups(&archive, LOCKER, cut(99));
        }
        archive.turn(cut(upto), turn).unwrap();
    }
    assert_eq!(before, Some((2 * (15 + 15 + 28 * 24), 1)));
    assert_eq!(pickups(&archive, LOCKER, cut(99)), before);
    let compact = std::fs::metadata(file(&dir)).unwrap().len();
    assert!(compact < grown / 4, "{compact} of {grown} bytes");
    assert_eq!(file::head(&file(&dir)).unwrap(), Some(Head::Compact));
    let october = dir.path().join(DIR).join("2026-10.days");
    assert_eq!(file::head(&october).unwrap(), Some(Head::Growing));
    // A day that is archived behind a compact month all the same.
    archive.turn(cut(200), &turns(2)[0]).unwrap();
    assert_eq!(pickups(&archive, LOCKER, cut(200)).unwrap().0, before.unwrap().0);
}

#[test]
fn no_bytes_make_a_table_panic() {
    let (dir, archive) = filled(3);
    let month = archive.read(&file(&dir)).unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    for sheet in &month.sheets {
        let mut whole = Vec::new();
        sheet.encode(&mut whole);
        assert_eq!(Sheet::decode(&whole).as_ref(), Some(sheet));
        for _ in 0..500 {
            let mut bytes = whole.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(0..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(random.usize(0..=bytes.len()));
            if let Some(sheet) = Sheet::decode(&bytes) {
                let mut sums = DaySums::default();
                (0..sheet.len()).for_each(|row| sums.take_in(&sheet.kind, &sheet.row(row)));
            }
        }
    }
}
