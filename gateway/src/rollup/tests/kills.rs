//! Kills, lost snapshots, other windows: the same lines and the same archive. The end of a month with readings that come days
//! late.

use super::super::Rollup;
use crate::aggregate::fixture::{T0, device, site};
use crate::archive::{Archive, DIR};
use crate::store::memory::memory;
use crate::store::record::{MetricName, Origin};
use crate::store::{Names, Record, Sink};
use facility_config::{DeviceIx, Kind, Part, Point, Site};
use facility_drivers::{Batch, Reading, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::tempdir;
use tokio_util::sync::CancellationToken;

const MINUTE_MS: i64 = 60_000;
const DAY_MIN: i64 = 1440;
/// 2026-09-01T00:00:00+08:00 and 2026-09-28T00:00:00+08:00.
const SEPTEMBER_MS: i64 = T0 - 480 * MINUTE_MS;
const START_MS: i64 = SEPTEMBER_MS + 27 * DAY_MIN * MINUTE_MS;
const POINTS: [Point; 5] = [Point::LockerTotal, Point::LockerOccupied, Point::LockerPickups, Point::EnergyTotal, Point::EnergyActive];

fn two(window_s: u64) -> Arc<Site> {
    site(Duration::from_secs(window_s), vec![device("lk-01", Kind::Locker, 600), device("m-01", Kind::Meter, 600)])
}

fn names() -> Names {
    let metric = |point: Point| MetricName { name: point.info().name.into(), part: Part::WHOLE, point: Some(point) };
    let origin = |at: u16| Origin { tags: Arc::from("d"), device: Some(DeviceIx(at)) };
    Names { origins: [0, 1, 2].map(origin).into(), metrics: POINTS.map(metric).into() }
}

/// What both devices say every ten minutes from 28 September to 9 October. Some of it comes late: within September, then on
/// 2 October for the last day of September, in two portions, an hour apart.
fn readings(is_late: bool) -> Vec<Record> {
    let day = |nth: i64, hour: i64| (nth * 24 + hour) * 60;
    let late = [(day(1, 10), day(1, 13), day(2, 6)), (day(2, 12), day(2, 14), day(4, 9)), (day(2, 20), day(2, 21), day(4, 10))];
    let mut records = Vec::new();
    for minute in (0..12 * DAY_MIN).step_by(10) {
        let is_in = |span: &&(i64, i64, i64)| is_late && (span.0..span.1).contains(&minute);
        let came = late.iter().find(is_in).map_or(minute, |(_, _, came)| *came);
        let values = [
            (1, 0, Value::Int(60)),
            (1, 1, Value::Int(minute / 10 % 50)),
            (1, 2, Value::Int(minute / 30)),
            (2, 3, Value::Float(100.0 + minute as f64 / 100.0)),
            (2, 4, Value::Float((minute % 700) as f64)),
        ];
        for (origin, metric, value) in values {
            let (at_ms, log_ms) = (START_MS + minute * MINUTE_MS, START_MS + came * MINUTE_MS + 500);
            records.push(Record { origin, metric, flags: 0, at_ms, log_ms, value });
        }
    }
    records.sort_by_key(|record| record.log_ms);
    records
}

/// Rolls up what there is, with an outbox that has this mark. Returns what was appended and the mark then.
async fn roll_up(site: Arc<Site>, dir: &Path, records: &[Record], mark: Option<i64>) -> (Vec<Batch>, Option<i64>) {
    roll_up_from(0, site, dir, records, mark).await
}

/// The same with a log that has lost what is before a position.
async fn roll_up_from(start: u64, site: Arc<Site>, dir: &Path, records: &[Record], mark: Option<i64>) -> (Vec<Batch>, Option<i64>) {
    let (readings, outbox, stop) = (memory(names()), memory(Names::default()), CancellationToken::new());
    readings.1.push(records.to_vec());
    readings.1.evict(start);
    outbox.1.push_mark(mark);
    let rollup = Rollup {
        site: site.clone(),
        readings: readings.0.clone(),
        outbox: outbox.0.clone(),
        archive: Arc::new(Archive::open(dir, site).unwrap()),
        snapshot: dir.join("fold.snapshot"),
        telemetry: Arc::default(),
        stop: stop.clone(),
    };
    let telemetry = rollup.telemetry.clone();
    let task = tokio::spawn(rollup.run());
    let is_done = || {
        let taken = outbox.0.durable().borrow().taken;
        readings.1.cursor(Sink::Aggregate).next == records.len() as u64 && taken == telemetry.intake.produced.get()
    };
    let all_done = async {
        while !is_done() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), all_done).await.expect("everything is rolled up");
    stop.cancel();
    task.await.unwrap();
    let mark = outbox.0.durable().borrow().mark;
    (outbox.1.appended(), mark)
}

fn words(batches: &[Batch]) -> Vec<String> {
    batches.iter().map(|batch| format!("{:?} {} {:?}", batch.device, batch.at_ms, batch.readings)).collect()
}

fn archive(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(dir.join(DIR)).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every issue of September of a device, oldest first: its figures without the revision, and that.
fn september(batches: &[Batch], device: u16) -> Vec<(Vec<Reading>, Vec<i64>)> {
    let is_issue = |batch: &&Batch| {
        let month = batch.readings.first().is_some_and(|reading| reading.metric.part.as_str() == "1mo");
        month && batch.device == Some(DeviceIx(device)) && batch.at_ms == SEPTEMBER_MS
    };
    let issue = |batch: &Batch| {
        let (revs, figures): (Vec<&Reading>, Vec<&Reading>) =
            batch.readings.iter().partition(|reading| reading.metric.point.info().field == "rev");
        let rev = |reading: &&Reading| if let Value::Int(rev) = reading.value { rev } else { -1 };
        let is_peak = |reading: &&&Reading| reading.metric.point == Point::LockerKpiPeak;
        (figures.iter().filter(|figure| !is_peak(figure)).map(|figure| (*figure).clone()).collect(), revs.iter().map(rev).collect())
    };
    batches.iter().filter(is_issue).map(issue).collect()
}

#[tokio::test]
async fn a_month_is_told_again_when_something_comes_late_and_ends_up_as_if_it_had_not() {
    let (late_dir, dir) = (tempdir().unwrap(), tempdir().unwrap());
    let (late, _) = roll_up(two(300), late_dir.path(), &readings(true), None).await;
    let (in_time, _) = roll_up(two(300), dir.path(), &readings(false), None).await;
    for device in [1, 2] {
        let (issues, whole) = (september(&late, device), september(&in_time, device));
        let revs: Vec<&[i64]> = issues.iter().map(|(_, revs)| revs.as_slice()).collect();
        // A measurement of its own and that of being there, each with its revision.
        assert_eq!(revs, [&[][..], &[1, 1], &[2, 2]]);
        assert_eq!(whole.len(), 1);
        assert_eq!(issues[2].0, whole[0].0, "device {device}");
        assert_ne!(issues[0].0, whole[0].0);
    }
}

#[tokio::test]
async fn a_kill_anywhere_gives_the_same_lines_and_the_same_archive() {
    let (records, dir) = (readings(true), tempdir().unwrap());
    let (whole, _) = roll_up(two(300), dir.path(), &records, None).await;
    let (whole, whole_archive) = (words(&whole), archive(dir.path()));
    assert_eq!(whole_archive.keys().collect::<Vec<_>>(), ["2026-09.days", "2026-10.days"]);
    let mut random = fastrand::Rng::with_seed(6);
    for round in 0..14 {
        let (before, after) = (tempdir().unwrap(), tempdir().unwrap());
        let cut = random.usize(1..records.len() - 1);
        let (mut told, mark) = roll_up(two(300), before.path(), &records[..cut], None).await;
        copy(before.path(), after.path());
        // The archive was ahead of the outbox when it was killed.
        let ahead = random.usize(cut..records.len().min(cut + 3000));
        roll_up(two(300), before.path(), &records[..ahead], mark).await;
        copy(&before.path().join(DIR), &after.path().join(DIR));
        if round % 2 == 0 {
            let _ = std::fs::remove_file(after.path().join("fold.snapshot"));
        }
        told.extend(roll_up(two(300), after.path(), &records, mark).await.0);
        let told = words(&told);
        let differs = told.iter().zip(&whole).position(|(told, whole)| told != whole);
        assert_eq!(differs.map(|at| (&told[at], &whole[at])), None, "killed at {cut}, archived to {ahead}");
        assert_eq!(told.len(), whole.len(), "killed at {cut}, archived to {ahead}");
        assert_eq!(archive(after.path()), whole_archive, "killed at {cut}, archived to {ahead}");
    }
}

#[tokio::test]
async fn a_month_survives_its_snapshot_and_another_window() {
    let records = readings(false);
    let dir = tempdir().unwrap();
    let (whole, _) = roll_up(two(300), dir.path(), &records, None).await;
    // 30 September, in the middle of the day.
    let cut = records.partition_point(|record| record.log_ms < START_MS + (2 * DAY_MIN + 700) * MINUTE_MS);
    for window_s in [300, 600, 60] {
        let dir = tempdir().unwrap();
        let (_, mark) = roll_up(two(300), dir.path(), &records[..cut], None).await;
        if window_s == 300 {
            let _ = std::fs::remove_file(dir.path().join("fold.snapshot"));
        }
        let (rest, _) = roll_up(two(window_s), dir.path(), &records, mark).await;
        for device in [1, 2] {
            assert_eq!(september(&rest, device), september(&whole, device), "windows of {window_s} s");
        }
    }
}

#[tokio::test]
async fn a_day_whose_readings_are_gone_stays_as_it_is() {
    let (records, dir) = (readings(true), tempdir().unwrap());
    let at = |minute: i64| records.partition_point(|record| record.log_ms < START_MS + minute * MINUTE_MS);
    // Told on 1 October; on the 2nd the log has only that month.
    let (told, mark) = roll_up(two(300), dir.path(), &records[..at(4 * DAY_MIN)], None).await;
    assert_eq!(september(&told, 1).len(), 1);
    while !dir.path().join("fold.snapshot").exists() {
        roll_up(two(300), dir.path(), &records[..at(4 * DAY_MIN)], mark).await;
    }
    let start = at(3 * DAY_MIN + 300) as u64;
    let (rest, _) = roll_up_from(start, two(300), dir.path(), &records, mark).await;
    assert_eq!((september(&rest, 1), september(&rest, 2)), (Vec::new(), Vec::new()));
    assert!(rest.iter().flat_map(|batch| &batch.readings).all(|reading| reading.metric.point.info().field != "rev"));
}
