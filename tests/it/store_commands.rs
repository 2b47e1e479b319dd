//! `store` on the folder of a gateway that runs, on a copy of it, on a damaged one, and from one gateway into another.

use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{Gateway, Mosquitto, Victoria, binary, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(45);
const COUNT: u32 = 300;

fn config(id: &str, broker: u16, database: &str) -> String {
    format!(
        "[gateway]\nid = \"{id}\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n[mqtt.kiosk]\nurl = \"mqtt://127.0.0.1:{broker}\"\n[forward.main]\nurl = \"{database}\"\norg = \"fz\"\nbucket = \"fz\"\nraw = true\ndelay_ms = 100\n[device.lk-001]\nprofile = \"locker\"\nmqtt = \"kiosk\"\n[device.lk-002]\nprofile = \"locker\"\nmqtt = \"kiosk\"\n"
    )
}

fn store(words: &[&str]) -> Output {
    Command::new(binary()).arg("store").args(words).env_clear().output().unwrap()
}

fn out(words: &[&str]) -> String {
    let output = store(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn publish(port: u16, device: &str, from_ms: i64) {
    let mut publisher = Publisher::connect(([127, 0, 0, 1], port).into(), &format!("store-{device}"), None).await.unwrap();
    for nth in 0..COUNT {
        let ts = jiff::Timestamp::from_millisecond(from_ms + i64::from(nth)).unwrap();
        let text = format!(
            r#"{{"v":1,"id":"{device}","ts":"{ts}","seq":{nth},"compartments":{{"total":60,"occupied":{},"faulted":2}}}}"#,
            nth % 58
        );
        publisher.publish_nowait(&format!("scf/v1/gl-junmen/locker/{device}/telemetry"), text).await;
    }
    publisher.flush().await;
}

async fn until_up(gateway: &Gateway) {
    until("the broker", DEADLINE, || async {
        let status = gateway.status().await;
        status["links"].as_array()?.iter().find(|link| link["kind"] == "broker" && link["state"] == "up").map(|_| ())
    })
    .await;
}

async fn until_stored(database: &Victoria) {
    until("all readings in the database", DEADLINE, || async {
        let found = database.series("locker_comp_occupied", "device_id").await;
        (["lk-001", "lk-002"].iter().all(|device| found.get(*device).is_some_and(|series| series.len() == COUNT as usize))).then_some(())
    })
    .await;
}

fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Points of one field in line protocol, by device: the lines of this test have no escapes.
fn occupied(text: &str, device: &str) -> BTreeMap<i64, f64> {
    let tag = format!(",device_id={device},");
    let lines = text.lines().filter(|line| line.starts_with("locker,") && line.contains(&tag));
    let points = lines.filter_map(|line| {
        let (rest, ms) = line.rsplit_once(' ')?;
        let fields = rest.rsplit_once(' ')?.1;
        let value = fields.split(',').find_map(|field| field.strip_prefix("comp_occupied="))?;
        Some((ms.parse().ok()?, value.trim_end_matches('i').parse().ok()?))
    });
    points.collect()
}

/// Everything is looked at while the gateway runs, then on a copy, then on a damaged copy.
#[tokio::test]
async fn a_running_store_is_inspected_verified_and_exported() {
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let mut gateway = Gateway::start(&config("gw-store-01", broker.port, &database.url())).await;
    until_up(&gateway).await;
    let now_ms = facility_drivers::Clock::system().now_ms();
    publish(broker.port, "lk-001", now_ms).await;
    publish(broker.port, "lk-002", now_ms - 10_000).await;
    until_stored(&database).await;

    let data = gateway.dir().join("store");
    let dir = data.to_str().unwrap();
    let facts: Value = serde_json::from_str(&out(&["inspect", dir, "--series", "--json"])).unwrap();
    assert!(facts[0]["held_by"].as_u64().is_some() && facts[0]["points"].as_u64() >= Some(6 * u64::from(COUNT)), "{facts}");
    assert!(out(&["inspect", dir]).contains("in use by process"));
    out(&["verify", dir]);
    let lines = out(&["export", dir, "--format", "lp"]);
    let stored = database.series("locker_comp_occupied", "device_id").await;
    for device in ["lk-001", "lk-002"] {
        let expected: Vec<_> = stored[device].iter().map(|(at, value)| (*at, *value)).collect();
        assert_eq!(occupied(&lines, device).into_iter().collect::<Vec<_>>(), expected);
    }

    assert!(gateway.terminate().await.success());
    let card = tempfile::tempdir().unwrap();
    copy(&data, card.path());
    let dir = card.path().to_str().unwrap();
    let before = tree(card.path());
    for words in [&["inspect", dir][..], &["verify", dir], &["export", dir, "--format", "csv"], &["export", dir, "--format", "lp"]] {
        out(words);
    }
    assert!(tree(card.path()) == before, "looking changes nothing");
    // A bit in the first frame of points of the readings.
    let wal = card.path().join("readings/wal/w0");
    let mut bytes = std::fs::read(&wal).unwrap();
    let at = (0..bytes.len()).step_by(4096).find(|at| bytes[*at..].starts_with(b"GWF1") && bytes[at + 5] == 1).unwrap();
    bytes[at + 70] ^= 1;
    std::fs::write(&wal, bytes).unwrap();
    let verified = store(&["verify", dir, "--json"]);
    assert_eq!(verified.status.code(), Some(65));
    let found: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let (sum, damage) = (&found[0]["sum"], &found[0]["damage"][0]);
    assert_eq!((damage["what"].as_str(), damage["file"].as_str()), (Some("frame"), Some("wal/w0")));
    assert_eq!(sum["lost"], damage["points"]);
    assert!(String::from_utf8(store(&["verify", dir]).stdout).unwrap().contains("LOST readings/wal/w0"));
}

/// The way to the database of the first gateway is closed; its data goes through the second one.
#[tokio::test]
async fn an_export_of_one_gateway_leaves_through_another() {
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let mut first = Gateway::start(&config("gw-store-02", broker.port, "http://127.0.0.1:9")).await;
    until_up(&first).await;
    let now_ms = facility_drivers::Clock::system().now_ms();
    publish(broker.port, "lk-001", now_ms).await;
    publish(broker.port, "lk-002", now_ms - 10_000).await;
    until("all readings on flash", DEADLINE, || async {
        // Durable, not only taken: what is not goes with the kill, and the broker keeps it for the first gateway.
        let status = first.status().await;
        let row = |rows: &str, name: &str| status[rows].as_array()?.iter().find(|row| row["name"] == name).cloned();
        let received = row("accounts", "messages")?["received"].as_u64()?;
        (received >= 2 * u64::from(COUNT) && row("stores", "readings")?["pending"] == 0).then_some(())
    })
    .await;
    first.kill();
    let file = first.dir().join("card.jsonl.gz");
    out(&["export", first.dir().join("store").to_str().unwrap(), "--unsent", "--out", file.to_str().unwrap()]);

    let mut second = Gateway::start(&config("gw-store-03", broker.port, &database.url())).await;
    let data = second.dir().join("store");
    let words = ["import", file.to_str().unwrap(), data.to_str().unwrap()];
    let refused = store(&words);
    assert_eq!(refused.status.code(), Some(75));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("process"));
    assert!(second.terminate().await.success());
    out(&words);
    out(&words);
    second.resume().await;
    until_stored(&database).await;
    let of = database.series("locker_comp_occupied", "gw_id").await;
    assert_eq!(of.keys().collect::<Vec<_>>(), ["gw-store-02"], "with the tags of the gateway it came from");
    until("an account that balances", DEADLINE, || async {
        let status = second.status().await;
        status["accounts"].as_array()?.iter().all(|row| row["missing"] == 0 && row["buffered"] == 0).then_some(())
    })
    .await;
}
