//! Telephones, pick-up codes, waybills and identity cards go in by every door a message has, and six of their digits in a row
//! come out nowhere: not on flash, in the log, on the page, in a metric, on the way to the database or in an export.

mod messages;
mod secrets;

use facility_drivers::sim::mqtt::Publisher;
use facility_drivers::sim::tsdb::Tsdb;
use facility_tests::{Gateway, Mosquitto, binary, until};
use flate2::read::MultiGzDecoder;
use secrets::Search;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(45);
/// Without six digits, which an identity card begins with.
const DISTRICT: &str = "FZ-GX";

fn config(broker: u16, database: &str) -> String {
    format!(
        r#"
[gateway]
id = "gw-privacy-01"
site = "gl-junmen"
district = "{DISTRICT}"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:{broker}"
[forward.main]
url = "{database}"
org = "fz"
bucket = "fz"
raw = true
delay_ms = 100
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
[device.vm-001]
profile = "vending"
mqtt = "kiosk"
"#
    )
}

/// Sends everything, and at the end a snapshot that is known again by its figure.
async fn publish(port: u16, now_ms: i64) {
    let mut publisher = Publisher::connect(([127, 0, 0, 1], port).into(), "privacy-test", None).await.unwrap();
    for (topic, payload) in messages::all(now_ms - 3_600_000) {
        publisher.publish_nowait(&format!("scf/v1/gl-junmen/{topic}"), payload.clone()).await;
    }
    publisher.flush().await;
    let last = format!(
        r#"{{"v":1,"id":"lk-001","ts":"{}","seq":99,"compartments":{{"total":60,"occupied":57,"faulted":2}}}}"#,
        jiff::Timestamp::from_second(now_ms / 1000).unwrap()
    );
    publisher.publish_nowait("scf/v1/gl-junmen/locker/lk-001/telemetry", last).await;
    publisher.flush().await;
}

fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![(path.clone(), std::fs::read(path).unwrap())] };
    entries.flat_map(read).collect()
}

/// Everything the database was sent, as text.
fn requests(database: &Tsdb) -> String {
    let mut text = String::new();
    for request in database.requests() {
        if MultiGzDecoder::new(&*request.body).read_to_string(&mut text).is_err() {
            text.push_str(&String::from_utf8_lossy(&request.body));
        }
    }
    text
}

fn export(store: &Path, format: &str) -> String {
    let output = Command::new(binary()).args(["store", "export", "--format", format]).arg(store).env_clear().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn no_six_digits_of_a_person_or_parcel_come_out_anywhere() {
    let broker = Mosquitto::start().await;
    let database = Tsdb::start(([127, 0, 0, 1], 0).into()).unwrap();
    database.keep_all(true);
    let mut gateway = Gateway::prepare(&config(broker.port, &database.url()));
    gateway.set_env("GW_LOG", "debug");
    gateway.resume().await;
    until("the gateway's session at the broker", DEADLINE, || async {
        gateway.status().await["links"].as_array()?.iter().any(|link| link["kind"] == "broker" && link["state"] == "up").then_some(())
    })
    .await;
    let now_ms = facility_drivers::Clock::system().now_ms();
    publish(broker.port, now_ms).await;
    until("the last snapshot and the last event in the database", DEADLINE, || {
        let points = database.points();
        let has_snapshot = points.iter().any(|((_, field, _), value)| field == "comp_occupied" && value.starts_with("57"));
        let has_event = points.keys().any(|(series, field, _)| series.contains("type=vend_ok") && field == "count");
        std::future::ready((has_snapshot && has_event).then_some(()))
    })
    .await;
    gateway.until_drained(DEADLINE).await;

    let search = Search::new(now_ms);
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let status = gateway.status().await;
    assert!(status["devices"].as_array().is_some_and(|devices| devices.len() == 2));
    found.push(("status".into(), search.json(&status)));
    let metrics = gateway.get("/metrics").await.unwrap();
    let figures: Vec<&str> = metrics.lines().filter(|line| !line.contains("_bytes") && !line.contains("_seconds")).collect();
    found.push(("metrics".into(), search.text(&figures.join("\n"))));
    assert!(gateway.terminate().await.success());

    let sent = requests(&database);
    assert!(sent.contains("comp_occupied=57i"), "the requests can be read");
    // What is wrong with a locker goes out with its compartment, what people do there does not go out at all.
    assert!(sent.contains("type=open_fail") && !sent.contains("type=pickup") && !sent.contains("type=deposit"));
    found.push(("requests".into(), search.text(&sent)));
    let log = gateway.log();
    assert!(log.contains("DEBUG"), "the log tells everything it can");
    found.push(("log".into(), search.log(&log)));
    for format in ["jsonl", "csv", "lp"] {
        let text = export(gateway.store(), format);
        assert!(text.contains("comp_occupied"), "{format}");
        found.push((format!("export as {format}"), search.text(&text)));
    }
    let files = files(gateway.store());
    assert!(files.len() > 6, "{files:?}");
    found.extend(files.iter().map(|(path, bytes)| (path.display().to_string(), search.bytes(bytes))));
    found.retain(|(_, hits)| !hits.is_empty());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_audit_of_a_configuration_is_printed_and_wrong_ones_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gateway.toml");
    std::fs::write(&file, config(1883, "http://127.0.0.1:8428")).unwrap();
    let audit =
        |more: &[&str]| Command::new(binary()).args(["privacy", "audit", "--config"]).arg(&file).args(more).env_clear().output().unwrap();
    let text = audit(&[]);
    assert_eq!(text.status.code(), Some(0), "{}", String::from_utf8_lossy(&text.stderr));
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("隐私审计") && text.contains("locker.comp_occupied") && text.contains("http://127.0.0.1:8428"), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&audit(&["--json"]).stdout).unwrap();
    assert_eq!(json["models"].as_array().map(Vec::len), Some(3), "two models and the gateway itself");
    std::fs::write(&file, "nonsense = 1").unwrap();
    assert_eq!(audit(&[]).status.code(), Some(78));
}
