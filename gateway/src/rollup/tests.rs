#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod kills;
mod late;

use super::*;
use crate::store::{self, Options, Overflow, RealDisk};
use facility_config::DeviceIx;
use facility_drivers::{Clock, Value};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const START_MS: i64 = 1_790_000_100_000;
const SITE: &str = r#"
[gateway]
id = "gw-test-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:1883"
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
interval_s = 60
"#;

struct Bench {
    dir: TempDir,
    clock: Clock,
    site: Arc<Site>,
}

/// Two open stores and the roll-up between them.
struct Running {
    readings: Store,
    outbox: Store,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Bench {
    fn new() -> Self {
        Self::of(SITE)
    }

    fn of(site: &str) -> Self {
        let site = Arc::new(facility_config::from_toml("gateway.toml", site).unwrap());
        Self { dir: tempfile::tempdir().unwrap(), clock: Clock::manual(START_MS), site }
    }

    fn open(&self, name: &'static str, sink: Sink) -> Store {
        let options = Options {
            dir: self.dir.path().join(name),
            name,
            commit_delay: Duration::from_millis(1),
            bytes_max: 64 << 20,
            overflow: Overflow::DropOldest,
            free_bytes_min: 0,
            early_acks: 1,
            origins: self.site.devices.iter().map(|device| format!("device_id={},kind={}", device.id, device.kind.as_str())).collect(),
            sinks: vec![sink],
            destinations: Vec::new(),
        };
        store::open(options, self.clock.clone(), RealDisk).unwrap().store
    }

    fn snapshot(&self) -> PathBuf {
        self.dir.path().join("fold.snapshot")
    }

    fn start(&self) -> Running {
        let (readings, outbox, stop) =
            (self.open("readings", Sink::Aggregate), self.open("outbox", Sink::Forward), CancellationToken::new());
        let rollup = Rollup {
            site: self.site.clone(),
            readings: readings.clone(),
            outbox: outbox.clone(),
            archive: Arc::new(Archive::open(self.dir.path(), self.site.clone()).unwrap()),
            snapshot: self.snapshot(),
            telemetry: Arc::default(),
            stop: stop.clone(),
        };
        Running { readings, outbox, stop, task: tokio::spawn(rollup.run()) }
    }

    /// `minutes` of a locker that reports every minute, each time that a lock has failed, that a parcel has gone in and that
    /// a compartment stands open.
    async fn live(&self, running: &Running, minutes: i64) {
        for _ in 0..minutes {
            let now_ms = self.clock.now_ms() + 60_000;
            self.clock.set(now_ms);
            let mut telemetry = Batch::new(DeviceIx(1), Subject::Telemetry, now_ms);
            telemetry.push(Point::LockerTotal, Value::Int(60));
            telemetry.push(Point::LockerOccupied, Value::Int(30));
            let mut event = Batch::new(DeviceIx(1), Subject::Event, now_ms);
            let count = |of: &str| Metric { point: Point::EventCount, part: facility_config::Part::new(of).unwrap() };
            event.push(count("open_fail"), Value::Int(1));
            let mut private = Batch::new(DeviceIx(1), Subject::Event, now_ms);
            private.push(count("deposit"), Value::Int(1));
            private.push(Metric { point: Point::CompartmentDoor, ..count("7") }, Value::Bool(true));
            let before = running.readings.durable().borrow().end;
            running.readings.append(Append { batches: vec![telemetry, event, private], mark: None }).await.unwrap();
            running.readings.durable().wait_for(|durable| durable.end == before + 5).await.unwrap();
        }
    }

    /// Waits until the roll-up has taken all readings and what it made is durable, then ends everything.
    async fn end(&self, running: Running) -> u64 {
        let end = running.readings.durable().borrow().end;
        while running.readings.cursor(Sink::Aggregate).await.unwrap().next < end {
            tokio::task::yield_now().await;
        }
        running.stop.cancel();
        running.task.await.unwrap();
        running.readings.close().await.unwrap();
        running.outbox.close().await.unwrap();
        running.outbox.durable().borrow().end
    }
}

/// Lines of the outbox: who, what, which part, when. A line that stands twice was written twice.
async fn lines(bench: &Bench) -> Vec<(String, String, i64)> {
    let outbox = bench.open("outbox", Sink::Forward);
    let (mut found, mut at) = (Vec::new(), 0);
    loop {
        let page = outbox.read(at, READ_POINTS_MAX).await.unwrap();
        for record in &page.records {
            let (origin, metric) = (&page.names.origins[record.origin as usize], &page.names.metrics[record.metric as usize]);
            found.push((origin.tags.to_string(), format!("{}/{}", metric.name, metric.part), record.at_ms));
        }
        if page.next == at {
            outbox.close().await.unwrap();
            return found;
        }
        at = page.next;
    }
}

fn assert_once(found: &[(String, String, i64)]) {
    let mut sorted = found.to_vec();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), found.len(), "something was written twice");
}

#[tokio::test]
async fn metrics_and_events_are_written_once_whatever_becomes_of_the_snapshot() {
    let ruin: [(&str, fn(&Path)); 4] = [
        ("kept", |_| {}),
        ("deleted", |path| std::fs::remove_file(path).unwrap()),
        ("one bit of the position flipped", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            bytes[0] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }),
        ("cut short", |path| std::fs::write(path, b"short").unwrap()),
    ];
    for (what, ruin) in ruin {
        let bench = Bench::new();
        let running = bench.start();
        bench.live(&running, 23).await;
        // The snapshot is written when the output it belongs to is durable.
        while !bench.snapshot().exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bench.end(running).await;
        ruin(&bench.snapshot());
        let running = bench.start();
        bench.live(&running, 20).await;
        bench.end(running).await;

        let found = lines(&bench).await;
        assert_once(&found);
        let count = |name: &str| found.iter().filter(|(_, metric, _)| metric == name).count();
        assert_eq!(count("event.count/open_fail"), 43, "snapshot {what}");
        let stays_here = |name: &str| name.ends_with("/deposit") || name.starts_with("compartment.");
        assert!(!found.iter().any(|(_, metric, _)| stays_here(metric)), "snapshot {what}");
        // 43 minutes after a full five-minute mark at +200 s: windows that end in them and whose grace is over.
        assert_eq!(count("locker_5m.occupancy/"), count("locker_5m.coverage/"), "snapshot {what}");
        assert!((8..=9).contains(&count("locker_5m.occupancy/")), "snapshot {what}: {}", count("locker_5m.occupancy/"));
    }
}

#[tokio::test]
async fn a_readings_log_that_was_replaced_does_not_silence_the_metrics() {
    let bench = Bench::new();
    let running = bench.start();
    bench.live(&running, 30).await;
    let before = bench.end(running).await;
    std::fs::remove_dir_all(bench.dir.path().join("readings")).unwrap();
    let running = bench.start();
    bench.live(&running, 12).await;
    assert!(bench.end(running).await > before + 12, "events and metrics of the new log");
}

#[tokio::test]
async fn a_night_without_power_is_written_in_portions() {
    let bench = Bench::new();
    let running = bench.start();
    bench.live(&running, 6).await;
    bench.clock.set(bench.clock.now_ms() + 14 * 3_600_000);
    bench.live(&running, 6).await;
    bench.end(running).await;
    let found = lines(&bench).await;
    assert_once(&found);
    let silent = found.iter().filter(|(tags, metric, _)| tags.contains("lk-001") && metric == "device_5m.online_rate/").count();
    assert!(silent >= 14 * 12, "{silent} windows");
}

/// A silence is told when the device was heard again and the gateway lived on, once, whatever becomes of the snapshot.
#[tokio::test]
async fn what_is_missing_is_told_once() {
    for is_kept in [true, false] {
        let bench = Bench::new();
        for _ in 0..2 {
            let running = bench.start();
            for minute in 0..30 {
                let now_ms = bench.clock.now_ms() + 60_000;
                bench.clock.set(now_ms);
                let mut heartbeat = Batch::new(DeviceIx::GATEWAY, Subject::Health, now_ms);
                heartbeat.push(Point::GatewayUptime, Value::Int(minute * 60));
                let mut telemetry = Batch::new(DeviceIx(1), Subject::Telemetry, now_ms);
                telemetry.push(Point::LockerTotal, Value::Int(60));
                let batches = if (5..20).contains(&minute) { vec![heartbeat] } else { vec![telemetry, heartbeat] };
                let (before, new) = (running.readings.durable().borrow().end, batches.len() as u64);
                running.readings.append(Append { batches, mark: None }).await.unwrap();
                running.readings.durable().wait_for(|durable| durable.end == before + new).await.unwrap();
            }
            bench.end(running).await;
            if !is_kept {
                let _ = std::fs::remove_file(bench.snapshot());
            }
        }
        let found = lines(&bench).await;
        assert_once(&found);
        let silences = found.iter().filter(|(tags, metric, _)| tags.contains("lk-001") && metric == "missing.dur_s/silent").count();
        assert_eq!(silences, 2, "snapshot kept: {is_kept}");
    }
}
