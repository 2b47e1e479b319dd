#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use influxdb_line_protocol::parse_lines;
use std::os::unix::fs::PermissionsExt;

fn letter(at_ms: i64) -> Letter {
    Letter { at_ms, why: "400: field type conflict".to_owned(), line: format!("cabinet,device_id=a t=1.0 {at_ms}") }
}

#[test]
fn the_file_is_line_protocol_with_the_reason_above_each_line() {
    let dir = tempfile::tempdir().unwrap();
    let letters = DeadLetters::open(&dir.path().join("new/dir"), "main").unwrap();
    letters.keep(&letter(1_767_225_600_000)).unwrap();
    letters.keep(&letter(1_767_225_600_001)).unwrap();
    let file = dir.path().join("new/dir/dead-letter.lp");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("\n# 2026-01-01T00:00:00Z 400: field type conflict\ncabinet,device_id=a t=1.0 1767225600000\n\n# "), "{text}");
    assert_eq!(parse_lines(&text).map(Result::unwrap).count(), 2);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn stays_within_its_bytes_and_keeps_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let letters = DeadLetters { bytes_max: 1_000, ..DeadLetters::open(dir.path(), "park").unwrap() };
    for at_ms in 0..100 {
        letters.keep(&letter(at_ms)).unwrap();
        let held: u64 = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(held <= 1_000, "{held}");
    }
    let files = files(dir.path()).unwrap();
    assert!(files.iter().all(|file| file.to_str().unwrap().contains("dead-letter-park")), "{files:?}");
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let kept: Vec<i64> = parse_lines(&text).map(|line| line.unwrap().timestamp.unwrap()).collect();
    assert!(kept.len() >= 5 && kept == (100 - kept.len() as i64..100).collect::<Vec<_>>(), "{kept:?}");
}
