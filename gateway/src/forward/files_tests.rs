#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::http::gzip;
use super::*;
use flate2::read::MultiGzDecoder;
use std::time::Duration;

/// 2026-09-01T00:00:00Z.
const NOW_MS: i64 = 1_788_220_800_000;
const DAY: Duration = Duration::from_secs(86_400);

fn settings(dir: &Path) -> site::Files {
    site::Files { dir: dir.join("out"), file_bytes_max: 200, file_age_max: DAY, files_max: 3, free_bytes_min: 0 }
}

fn line(nth: u32) -> String {
    format!("cabinet_5m,device_id=a coverage={}.0 {nth}\n", nth * 7)
}

/// Everything in the folder, in the order of names.
fn text(settings: &site::Files) -> String {
    let mut paths: Vec<PathBuf> = fs::read_dir(&settings.dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let unpacked = paths.iter().map(|path| {
        let mut text = String::new();
        MultiGzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        text
    });
    unpacked.collect()
}

#[test]
fn requests_become_files_of_bounded_size_and_number() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let files = Files::open(&settings, "stick").unwrap();
    let mut taken = String::new();
    let mut nth = 0;
    let why = loop {
        match files.send(&gzip(&line(nth)), NOW_MS) {
            Outcome::Stored => taken.push_str(&line(nth)),
            Outcome::Hold { why, token: false } => break why,
            other => panic!("{other:?}"),
        }
        nth += 1;
    };
    assert!(why.contains("holds 3 files"), "{why}");
    assert_eq!(text(&settings), taken);
    let names: std::collections::BTreeSet<String> = RealDisk.list(&settings.dir).unwrap().into_iter().collect();
    let expected = [0, 1, 2].map(|nth| format!("stick-20260901T000000Z-{nth:03}.lp.gz"));
    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
    for name in &expected {
        let len = fs::metadata(settings.dir.join(name)).unwrap().len();
        assert!((200..300).contains(&len), "{len}");
    }
    // A file that was carried away makes room; another destination's files are its own.
    assert_eq!(Files::open(&settings, "other").unwrap().send(&gzip(&line(0)), NOW_MS), Outcome::Stored);
    fs::remove_file(settings.dir.join(&expected[1])).unwrap();
    assert_eq!(files.send(&gzip(&line(nth)), NOW_MS), Outcome::Stored);
}

#[test]
fn what_a_power_cut_tore_is_cut_off_wherever_it_tore() {
    let dir = tempfile::tempdir().unwrap();
    let settings = site::Files { file_bytes_max: 1_000_000, ..settings(dir.path()) };
    let files = Files::open(&settings, "stick").unwrap();
    for nth in 0..3 {
        assert_eq!(files.send(&gzip(&line(nth)), NOW_MS), Outcome::Stored);
    }
    let part = settings.dir.join("stick.part");
    let whole = fs::read(&part).unwrap();
    let two = gzip(&line(0)).len() + gzip(&line(1)).len();
    for len in 0..=whole.len() {
        fs::write(&part, &whole[..len]).unwrap();
        let files = Files::open(&settings, "stick").unwrap();
        let kept = text(&settings);
        let lines = if len == whole.len() {
            3
        } else if len >= two {
            2
        } else {
            usize::from(len >= gzip(&line(0)).len())
        };
        assert_eq!(kept.lines().count(), lines, "{len}");
        assert_eq!(files.send(&gzip(&line(9)), NOW_MS), Outcome::Stored);
        assert_eq!(text(&settings), kept + &line(9), "{len}");
    }
}

#[test]
fn a_file_that_is_damaged_is_kept_whole_and_another_begun() {
    let dir = tempfile::tempdir().unwrap();
    let settings = site::Files { file_bytes_max: 1_000_000, ..settings(dir.path()) };
    let files = Files::open(&settings, "stick").unwrap();
    for nth in 0..3 {
        assert_eq!(files.send(&gzip(&line(nth)), NOW_MS), Outcome::Stored);
    }
    let part = settings.dir.join("stick.part");
    let mut bytes = fs::read(&part).unwrap();
    // The checksum of the first request: only its content could be doubted.
    let at = gzip(&line(0)).len() - 8;
    bytes[at] ^= 1;
    fs::write(&part, &bytes).unwrap();
    let files = Files::open(&settings, "stick").unwrap();
    assert_eq!(fs::read(settings.dir.join("stick-damaged-000.lp.gz")).unwrap(), bytes, "what was told to be stored is still there");
    assert_eq!(files.send(&gzip(&line(9)), NOW_MS), Outcome::Stored);
    assert_eq!(fs::read(&part).unwrap(), gzip(&line(9)));
}

#[test]
fn the_floor_of_free_space_is_kept_and_a_missing_mount_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let tight = site::Files { free_bytes_min: u64::MAX / 2, ..settings(dir.path()) };
    let outcome = Files::open(&tight, "stick").unwrap().send(&gzip(&line(0)), NOW_MS);
    assert!(matches!(&outcome, Outcome::Hold { why, .. } if why.contains("bytes free")), "{outcome:?}");
    assert_eq!(text(&tight), "");
    let nowhere = site::Files { dir: dir.path().join("no/mount"), ..settings(dir.path()) };
    assert!(Files::open(&nowhere, "stick").unwrap_err().to_string().contains("no/mount"));
    // The stick is pulled out while the gateway runs: waited for like a database that is away.
    let files = Files::open(&settings(dir.path()), "stick").unwrap();
    fs::remove_dir_all(settings(dir.path()).dir).unwrap();
    assert!(matches!(files.send(&gzip(&line(0)), NOW_MS), Outcome::Retry { suspicious: false, .. }));
}

#[test]
fn only_its_own_files_count() {
    let table = [
        ("stick-20260901T000000Z-000.lp.gz", true),
        ("stick-damaged-001.lp.gz", true),
        ("stick-2-20260901T000000Z-000.lp.gz", false),
        ("stick-damaged-20260901T000000Z-000.lp.gz", false),
        ("stick-20260901T000000Z-000.lp", false),
        ("stick-notes.lp.gz", false),
        ("stick.part", false),
    ];
    for (file, is_its_own) in table {
        assert_eq!(is_full_file(file, "stick"), is_its_own, "{file}");
    }
    // Another destination has as many in the folder as this one may have.
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let files = Files::open(&settings, "stick").unwrap();
    for nth in 0..3 {
        fs::write(settings.dir.join(format!("stick-2-20260901T000000Z-{nth:03}.lp.gz")), "").unwrap();
    }
    assert_eq!(files.send(&gzip(&line(0)), NOW_MS), Outcome::Stored);
}

#[test]
fn a_file_that_is_old_is_closed_though_it_is_not_full() {
    let dir = tempfile::tempdir().unwrap();
    let settings = site::Files { file_bytes_max: 1_000_000, ..settings(dir.path()) };
    let files = Files::open(&settings, "stick").unwrap();
    let part = settings.dir.join("stick.part");
    assert_eq!(files.send(&gzip(&line(0)), 0), Outcome::Stored);
    let Ok(made) = fs::metadata(&part).unwrap().created() else { return };
    let made_ms = i64::try_from(made.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let day_ms = i64::try_from(DAY.as_millis()).unwrap();
    // Also with a clock that stands before the file was made.
    for (at_ms, held) in [(0, 2), (made_ms, 3), (made_ms + day_ms - 1, 4), (made_ms + day_ms, 1)] {
        assert_eq!(files.send(&gzip(&line(1)), at_ms), Outcome::Stored);
        let mut text = String::new();
        MultiGzDecoder::new(File::open(&part).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().count(), held, "{at_ms}");
    }
    assert_eq!(text(&settings).lines().count(), 5);
    assert_eq!(files.full_files().unwrap(), 1);
}
