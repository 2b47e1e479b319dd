#![allow(clippy::unwrap_used)]

use super::*;

const HOUR: i64 = 3_600_000;
/// 2026-11-01T00:00+08:00.
const NOVEMBER: i64 = 1_793_462_400_000;
const DECEMBER: i64 = NOVEMBER + 30 * 24 * HOUR;

fn open(path: &Path, up_ms: i64) -> Month {
    Month::open(30_000_000, TimeZone::fixed(jiff::tz::offset(8)), path.to_owned(), up_ms)
}

#[test]
fn bytes_count_in_the_months_of_the_site_and_survive_a_kill_but_for_minutes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.json");
    let mut month = open(&path, 0);
    month.charge(1_000, Some(NOVEMBER - 1));
    month.charge(2_000, Some(NOVEMBER + HOUR));
    assert_eq!(
        month.info(Some(NOVEMBER + HOUR)),
        BudgetInfo { level: Level::All, used_bytes: 2_000, allowed_bytes: 30_000_000, forecast_bytes: None }
    );
    assert_eq!(month.info(Some(NOVEMBER + 72 * HOUR)).forecast_bytes, Some(20_000));
    assert_eq!(month.due(BUDGET_SAVE_MS - 1, false), None);
    let (to, text) = month.due(BUDGET_SAVE_MS, false).unwrap();
    write_whole(&to, &[&text]).unwrap();
    assert_eq!(month.due(2 * BUDGET_SAVE_MS, false), None, "nothing was sent since");
    month.charge(500, Some(NOVEMBER + 2 * HOUR));
    assert_eq!(open(&path, 0).info(None).used_bytes, 2_000, "killed before the next save");
    // A clock that is not set yet, then a month ahead, then right again.
    let mut month = open(&path, 0);
    month.charge(10, None);
    assert_eq!(month.info(None).used_bytes, 2_010);
    month.charge(7, Some(DECEMBER));
    assert_eq!(month.info(Some(DECEMBER)).used_bytes, 7);
    month.charge(1, Some(NOVEMBER + 3 * HOUR));
    assert_eq!(month.info(None).used_bytes, 2_011);
    assert!(month.due(1, true).is_some());
}

#[test]
fn a_month_that_runs_short_shows_its_level_and_the_next_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut month = open(&dir.path().join("main.json"), 0);
    month.charge(29_000_000, Some(NOVEMBER + 15 * 24 * HOUR));
    assert_eq!(month.level(), Level::Least);
    month.charge(0, Some(DECEMBER));
    assert_eq!(month.level(), Level::All);
}

#[test]
fn until_the_clock_is_set_a_month_that_is_used_up_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.json");
    for (used_bytes, level) in [(20_000_000, Level::All), (30_000_000, Level::Least)] {
        std::fs::write(&path, format!("[{{\"start_ms\": {NOVEMBER}, \"used_bytes\": {used_bytes}}}]")).unwrap();
        let mut month = open(&path, 0);
        month.charge(0, None);
        assert_eq!(month.level(), level, "{used_bytes}");
        month.charge(0, Some(DECEMBER));
        assert_eq!(month.level(), Level::All, "the clock says it is over");
    }
}

#[test]
fn a_file_that_is_no_record_of_months_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.json");
    for text in ["", "{}", "[{\"start_ms\": 1}]", "[1, 2", "[]"] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(open(&path, 0).info(None).used_bytes, 0, "{text}");
    }
}
