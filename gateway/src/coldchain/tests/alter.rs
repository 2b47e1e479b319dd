use super::super::chain::{self, Chain};
use super::super::files;
use super::super::record::Month;
use super::super::verify::{Verdict, What, verify};
use super::{entry, figures, freezer, late, log, text};
use crate::aggregate::fixture::T0;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

fn file(root: &Path, month: &str) -> PathBuf {
    files::path(&root.join("fz-02"), Month::parse(month).unwrap())
}

fn verdict(root: &Path) -> Verdict {
    verify(root, "fz-02", None).unwrap()
}

fn breaks(verdict: &Verdict) -> Vec<(&str, usize, What)> {
    verdict.breaks.iter().map(|broken| (broken.spot.file.as_str(), broken.spot.line, broken.what)).collect()
}

/// A log of five hours, altered as bytes.
fn altered(alter: impl FnOnce(&mut Vec<u8>)) -> Verdict {
    let root = tempdir().unwrap();
    log(root.path(), 5);
    let path = file(root.path(), "2026-09");
    let mut bytes = std::fs::read(&path).unwrap();
    alter(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    verdict(root.path())
}

#[test]
fn a_log_that_nobody_touched_is_whole() {
    let verdict = altered(|_| ());
    assert!(verdict.is_whole() && verdict.torn.is_none());
    assert_eq!((verdict.records, verdict.n, verdict.first.as_deref()), (5, 5, Some("2026-09-01T08:00:00+08:00")));
}

#[test]
fn every_changed_byte_is_found() {
    let root = tempdir().unwrap();
    log(root.path(), 3);
    let path = file(root.path(), "2026-09");
    let bytes = std::fs::read(&path).unwrap();
    let mut rng = fastrand::Rng::with_seed(15);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= rng.u8(1..);
        std::fs::write(&path, damaged).unwrap();
        let verdict = verdict(root.path());
        assert!(!verdict.is_whole() && verdict.torn.is_none(), "byte {at}: {verdict:?}");
    }
}

#[test]
fn lines_that_are_missing_moved_doubled_or_put_in_are_found() {
    fn lines(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<String>)) {
        let mut lines: Vec<String> = std::str::from_utf8(bytes).unwrap().lines().map(|line| format!("{line}\n")).collect();
        change(&mut lines);
        *bytes = lines.concat().into_bytes();
    }
    let cases: [(&str, fn(&mut Vec<String>), &[(usize, What)]); 6] = [
        ("deleted", |lines| drop(lines.remove(2)), &[(3, What::OutOfPlace)]),
        ("first deleted", |lines| drop(lines.remove(0)), &[(1, What::NoBeginning)]),
        ("swapped", |lines| lines.swap(1, 2), &[(2, What::OutOfPlace), (3, What::OutOfPlace), (4, What::OutOfPlace)]),
        ("doubled", |lines| lines.insert(1, lines[0].clone()), &[(2, What::OutOfPlace)]),
        ("edited", |lines| lines[3] = lines[3].replace("-17.000", "-18.000"), &[(4, What::Changed)]),
        ("of another", |lines| lines[4] = "{\"what\":1}\n".to_owned(), &[(5, What::Changed)]),
    ];
    for (case, change, expected) in cases {
        let verdict = altered(|bytes| lines(bytes, change));
        let expected: Vec<_> = expected.iter().map(|(line, what)| ("2026-09.jsonl", *line, *what)).collect();
        assert_eq!(breaks(&verdict), expected, "{case}");
    }
}

/// Wherever a write was torn: it is no tampering, and the chain goes on as if it had not been.
#[test]
fn a_torn_end_is_told_apart_and_cut_off() {
    let root = tempdir().unwrap();
    log(root.path(), 4);
    let whole = text(root.path());
    let path = file(root.path(), "2026-09");
    let third = whole.match_indices('\n').nth(2).unwrap().0 + 1;
    for cut in (third + 1..whole.len()).step_by(7).chain([whole.len() - 1]) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let found = verdict(root.path());
        assert!(found.is_whole() && found.records == 3, "{found:?}");
        assert_eq!(found.torn.as_ref().map(|spot| spot.line), Some(4));
        log_again(root.path(), 4);
        assert_eq!(text(root.path()), whole);
    }
    // In the middle of the log nothing is torn.
    std::fs::write(file(root.path(), "2026-08"), &whole[..100]).unwrap();
    assert!(!verdict(root.path()).is_whole());
}

/// Writes the same hours once more, as after a restart: what is there is left out.
fn log_again(root: &Path, hours: i64) {
    log(root, hours);
}

#[test]
fn a_cut_between_records_is_found_by_the_hash_that_was_sent() {
    let root = tempdir().unwrap();
    log(root.path(), 5);
    let (whole, head) = (text(root.path()), verdict(root.path()).head.unwrap());
    let has = |root: &Path| verify(root, "fz-02", Some(&head)).unwrap();
    assert_eq!((has(root.path()).has_head, has(root.path()).is_whole()), (Some(true), true));
    let fourth = whole.match_indices('\n').nth(3).unwrap().0 + 1;
    std::fs::write(file(root.path(), "2026-09"), &whole[..fourth]).unwrap();
    assert!(verdict(root.path()).is_whole());
    assert_eq!((has(root.path()).has_head, has(root.path()).is_whole()), (Some(false), false));
}

/// The chain goes over the end of a month, local time, and a month too old is deleted with a record that says so.
#[test]
fn months_are_chained_and_deleted_knowingly() {
    let root = tempdir().unwrap();
    let mut chain = Chain::open(root.path(), "fz-02").unwrap();
    let hours: Vec<i64> = (0..4).map(|month| month * 31 * 24 + 10).collect();
    for (nth, hour) in (1..).zip(&hours) {
        chain.append(&freezer(), nth, &[entry(*hour), entry(hour + 1)], 2).unwrap();
    }
    let months = files::months(&root.path().join("fz-02")).unwrap();
    assert_eq!(months.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2026-10", "2026-11", "2026-12"]);
    let found = verdict(root.path());
    assert!(found.is_whole(), "{found:?}");
    assert_eq!((found.removed, found.n), (vec!["2026-09".to_owned()], 9));
    // A beginning that nobody said was deleted.
    std::fs::remove_file(file(root.path(), "2026-10")).unwrap();
    assert_eq!(breaks(&verdict(root.path()))[0].2, What::NoBeginning);
}

#[test]
fn a_late_hour_is_a_revision_that_names_what_it_supersedes() {
    let root = tempdir().unwrap();
    log(root.path(), 3);
    let mut chain = Chain::open(root.path(), "fz-02").unwrap();
    for upto in [40, 50] {
        chain.append(&freezer(), upto, &[entry(upto as i64 / 10), late(1, chain::What::Again(figures()))], 36).unwrap();
        // The same again: nothing is written twice.
        chain.append(&freezer(), upto, &[entry(upto as i64 / 10), late(1, chain::What::Again(figures()))], 36).unwrap();
    }
    let text = text(root.path());
    let records: Vec<_> = text.lines().map(|line| super::super::record::Record::parse(line).unwrap()).collect();
    let of: Vec<_> = records.iter().filter_map(|record| record.hour()).filter(|hour| hour.hour_ms == T0 + 3_600_000).collect();
    assert_eq!(of.iter().map(|hour| hour.rev).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(of[0].supersedes, None);
    for pair in of.windows(2) {
        assert_eq!(pair[1].supersedes.as_ref(), Some(&pair[0].link.hash));
    }
    assert!(records.len() == 7 && verdict(root.path()).is_whole());
}

/// What came late and cannot be counted is said once of an hour and takes nothing's place; figures of before this log do not
/// take the place of what an older one knew.
#[test]
fn what_cannot_be_counted_is_said_once() {
    let root = tempdir().unwrap();
    log(root.path(), 3);
    let mut chain = Chain::open(root.path(), "fz-02").unwrap();
    let first = |nth| late(nth, chain::What::First(figures()));
    chain.append(&freezer(), 40, &[late(1, chain::What::Unread), first(2), first(-5)], 36).unwrap();
    chain.append(&freezer(), 50, &[late(1, chain::What::Unread), first(2), first(1)], 36).unwrap();
    let text = text(root.path());
    let kinds: Vec<_> = text.lines().skip(3).map(|line| super::super::record::Record::parse(line).unwrap()).collect();
    assert!(kinds.iter().all(super::super::record::Record::is_known));
    let revised: Vec<_> = kinds.iter().filter_map(|record| record.hour()).map(|hour| (hour.hour_ms, hour.rev)).collect();
    assert_eq!((kinds.len(), revised), (3, vec![(T0 - 5 * 3_600_000, 0)]));
    let found = verdict(root.path());
    assert!(found.is_whole() && found.late_unread == 2, "{found:?}");
    // Like every other record it cannot be taken out or changed.
    std::fs::write(file(root.path(), "2026-09"), text.replacen("late_unread", "late_unreaD", 1)).unwrap();
    assert!(!verdict(root.path()).is_whole());
}
