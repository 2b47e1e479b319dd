use super::super::ColdChain;
use super::super::verify::verify;
use super::{site, text};
use crate::aggregate::fixture::T0;
use crate::store::memory::{Memory, memory};
use crate::store::record::{MetricName, Origin};
use crate::store::{Names, Record, Store};
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::Value;
use std::path::Path;
use std::sync::Arc;
use tempfile::tempdir;
use tokio_util::sync::CancellationToken;

const MINUTES_A_DAY: i64 = 24 * 60;

fn names() -> Names {
    let metric = |point: Point| MetricName { name: point.info().name.into(), part: Part::WHOLE, point: Some(point) };
    Names {
        origins: vec![Origin { tags: Arc::from("device_id=fz-02,kind=cabinet"), device: Some(DeviceIx(1)) }],
        metrics: vec![metric(Point::CabinetAir), metric(Point::CabinetDoor)],
    }
}

/// Two days of a cabinet; three hours of them come five hours late.
fn readings() -> Vec<Record> {
    let mut records = Vec::new();
    let mut push = |minute: i64, log_minute: i64| {
        let at_ms = T0 + minute * 60_000;
        let air_c = -20.0 + (minute % 13) as f64 / 3.0;
        for (metric, value) in [(0, Value::Float(air_c)), (1, Value::Bool(minute % 40 == 0))] {
            records.push(Record { origin: 0, metric, flags: 0, at_ms, log_ms: T0 + log_minute * 60_000 + 500, value });
        }
    };
    for minute in 0..2 * MINUTES_A_DAY {
        if !(600..780).contains(&minute) {
            push(minute, minute);
        }
        if minute == 1080 {
            (600..780).for_each(|late| push(late, minute));
        }
    }
    records
}

/// Runs the task until the log has so many lines, then ends it.
async fn run(root: &Path, readings: &(Store, Memory), outbox: &(Store, Memory), lines: usize) {
    let stop = CancellationToken::new();
    let task = ColdChain {
        site: site(),
        readings: readings.0.clone(),
        outbox: outbox.0.clone(),
        root: root.to_owned(),
        telemetry: Arc::default(),
        stop: stop.clone(),
    };
    let task = tokio::spawn(task.run());
    let all_there = async {
        while text(root).lines().count() < lines {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), all_there).await.expect("all hours are recorded");
    stop.cancel();
    task.await.unwrap();
}

/// What the log is without any interruption, and the hashes that were sent.
async fn undisturbed(records: &[Record], lines: usize) -> (String, Vec<String>) {
    let (root, readings, outbox) = (tempdir().unwrap(), memory(names()), memory(Names::default()));
    readings.1.push(records.to_vec());
    run(root.path(), &readings, &outbox, lines).await;
    (text(root.path()), sent(&outbox.1))
}

fn sent(outbox: &Memory) -> Vec<String> {
    let heads = outbox.appended().into_iter().flat_map(|batch| batch.readings);
    heads.filter(|reading| reading.metric.point == Point::ColdChainHead).map(|reading| format!("{:?}", reading.value)).collect()
}

#[tokio::test]
async fn a_restart_anywhere_gives_the_same_bytes() {
    let records = readings();
    let (whole, heads) = undisturbed(&records, 50).await;
    // 47 hours, three of them once more.
    assert_eq!((whole.lines().count(), whole.matches("\"rev\":1").count()), (50, 3));
    assert_eq!((heads.len(), heads[0].contains(&verify_head(&whole, 15))), (2, true));
    let mut rng = fastrand::Rng::with_seed(15);
    for _ in 0..6 {
        let (root, readings, outbox) = (tempdir().unwrap(), memory(names()), memory(Names::default()));
        let cut = rng.usize(200..records.len());
        readings.1.push(records[..cut].to_vec());
        let closed = whole.lines().filter(|line| upto(line) < cut as u64).count();
        run(root.path(), &readings, &outbox, closed).await;
        // A kill in the middle of a write, and sometimes one that took the snapshot with it.
        let path = root.path().join("fz-02/2026-09.jsonl");
        if let Ok(bytes) = std::fs::read(&path) {
            std::fs::write(&path, &bytes[..bytes.len() - rng.usize(0..bytes.len().min(900))]).unwrap();
        }
        if rng.bool() {
            let _ = std::fs::remove_file(root.path().join("open.snapshot"));
        }
        readings.1.push(records[cut..].to_vec());
        run(root.path(), &readings, &outbox, 50).await;
        assert_eq!(text(root.path()), whole, "cut at {cut}");
        assert!(verify(root.path(), "fz-02", None).unwrap().is_whole());
        let mut again = sent(&outbox.1);
        again.dedup();
        assert_eq!(again, heads);
    }
}

fn upto(line: &str) -> u64 {
    line.split("\"upto\":").nth(1).unwrap().split(',').next().unwrap().parse().unwrap()
}

/// Hash of the line behind so many others.
fn verify_head(whole: &str, nth: usize) -> String {
    whole.lines().nth(nth).unwrap().rsplit('"').nth(1).unwrap().to_owned()
}

/// What is left of an hour after its log was partly deleted never takes the place of what was known of it.
#[tokio::test]
async fn a_log_that_is_partly_gone_revises_nothing() {
    let records = readings();
    let late = records.iter().position(|record| record.log_ms - record.at_ms > 3_600_000).unwrap();
    let (whole, _) = undisturbed(&records, 50).await;
    let (root, log, outbox) = (tempdir().unwrap(), memory(names()), memory(Names::default()));
    log.1.push(records[..late].to_vec());
    let closed = whole.lines().filter(|line| upto(line) < late as u64).count();
    run(root.path(), &log, &outbox, closed).await;
    // An hour before the oldest of the late ones, within what a defrost before it may decide.
    log.1.evict(540 * 2);
    log.1.push(records[late..].to_vec());
    run(root.path(), &log, &outbox, 50).await;
    let found = text(root.path());
    assert_eq!((found.matches("\"kind\":\"revision\"").count(), found.matches("\"kind\":\"late_unread\"").count()), (0, 3));
    let figures = |text: &str| text.lines().filter(|line| line.contains("\"kind\":\"hour\"")).count();
    assert_eq!(figures(&found), figures(&whole));
    let verdict = verify(root.path(), "fz-02", None).unwrap();
    assert!(verdict.is_whole() && verdict.late_unread == 3, "{verdict:?}");
}
