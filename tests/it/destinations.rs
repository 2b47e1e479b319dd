//! Several destinations at once: each gets everything that is meant for it, whatever becomes of the others.

use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{Gateway, Mosquitto, Victoria, until};
use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

fn config(broker: u16, main: &str, older: &str, stick: &Path) -> String {
    format!(
        r#"
[gateway]
id = "gw-many-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:{broker}"
[forward.main]
url = "{main}"
org = "fz"
bucket = "fz"
raw = true
delay_ms = 100
[forward.older]
protocol = "influx1"
url = "{older}"
db = "fz"
raw = true
raw_measurements = "locker"
delay_ms = 100
[forward.stick]
protocol = "file"
dir = "{}"
raw = true
raw_kinds = "locker"
metrics = false
events = false
delay_ms = 100
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
"#,
        stick.display()
    )
}

async fn publish(port: u16, from_ms: i64, count: u32) {
    let mut publisher = Publisher::connect(([127, 0, 0, 1], port).into(), "destinations-test", None).await.unwrap();
    for nth in 0..count {
        let ts = jiff::Timestamp::from_millisecond(from_ms + i64::from(nth)).unwrap();
        let text = format!(r#"{{"v":1,"id":"lk-001","ts":"{ts}","seq":{nth},"compartments":{{"total":60,"occupied":41,"faulted":2}}}}"#);
        publisher.publish_nowait("scf/v1/gl-junmen/locker/lk-001/telemetry", text).await;
    }
    publisher.flush().await;
}

async fn until_stored(database: &Victoria, count: usize) {
    until(&format!("{count} readings in the database"), DEADLINE, || async {
        let found = database.series("locker_comp_occupied", "device_id").await;
        (found.get("lk-001").map_or(0, BTreeMap::len) == count).then_some(())
    })
    .await;
}

/// Lines of readings in all files of the folder.
fn on_the_stick(dir: &Path) -> usize {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let texts = files.map(|entry| {
        let mut text = String::new();
        let _ = MultiGzDecoder::new(std::fs::File::open(entry.path()).unwrap()).read_to_string(&mut text);
        text
    });
    let lines: std::collections::BTreeSet<String> = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert!(lines.iter().all(|line| line.contains("kind=locker")), "{lines:?}");
    lines.iter().filter(|line| line.starts_with("locker,")).count()
}

#[tokio::test]
async fn one_that_is_away_holds_up_no_other_and_gets_its_part_later() {
    let (broker, mut main, older) = tokio::join!(Mosquitto::start(), Victoria::start(), Victoria::start());
    let folder = tempfile::tempdir().unwrap();
    let stick = folder.path().join("stick");
    let mut gateway = Gateway::start(&config(broker.port, &main.url(), &older.url(), &stick)).await;
    until("the broker", DEADLINE, || async {
        let status = gateway.status().await;
        status["links"].as_array()?.iter().find(|link| link["kind"] == "broker" && link["state"] == "up").map(|_| ())
    })
    .await;
    let start_ms = facility_drivers::Clock::system().now_ms();
    publish(broker.port, start_ms, 100).await;
    until_stored(&main, 100).await;
    until_stored(&older, 100).await;

    main.stop();
    publish(broker.port, start_ms + 100, 100).await;
    until_stored(&older, 200).await;
    until("files on the stick", DEADLINE, || async { (on_the_stick(&stick) == 200).then_some(()) }).await;
    until("only one to wait", DEADLINE, || async {
        let status = gateway.status().await;
        let waiting = |name: &str| {
            let one = status["forward"].as_array()?.iter().find(|one| one["name"] == name)?;
            one["accounts"].as_array()?.iter().find(|row| row["name"] == "readings")?["buffered"].as_u64()
        };
        (waiting("main")? >= 300 && waiting("older")? < 300 && waiting("stick")? < 300).then_some(())
    })
    .await;
    assert!(gateway.terminate().await.success());
    gateway.resume().await;
    main.resume().await;
    until_stored(&main, 200).await;
    until("every account to balance", DEADLINE, || async {
        let status = gateway.status().await;
        let rows = |list: &serde_json::Value| list.as_array().into_iter().flatten().cloned().collect::<Vec<_>>();
        let all: Vec<_> = rows(&status["forward"]).iter().flat_map(|one| rows(&one["accounts"])).chain(rows(&status["accounts"])).collect();
        (all.len() == 3 + 5 && all.iter().all(|row| row["missing"] == 0)).then_some(())
    })
    .await;
    until_stored(&older, 200).await;
    assert_eq!(on_the_stick(&stick), 200);
}

#[tokio::test]
async fn servers_with_a_base_path_get_everything_below_it() {
    // Tenant 0 of a VictoriaMetrics cluster; GreptimeDB; the older API below a base path.
    let below = ["/insert/0", "/v1/influxdb", "/base"].map(Victoria::start_below);
    let [cluster, greptime, older] = below;
    let (broker, cluster, greptime, older) = tokio::join!(Mosquitto::start(), cluster, greptime, older);
    let folder = tempfile::tempdir().unwrap();
    let text = config(broker.port, &format!("{}/influx", cluster.url()), &older.url(), &folder.path().join("stick"));
    let text =
        text + &format!("[forward.greptime]\nurl = \"{}\"\norg = \"fz\"\nbucket = \"fz\"\nraw = true\ndelay_ms = 100\n", greptime.url());
    let gateway = Gateway::start(&text).await;
    until("the broker", DEADLINE, || async {
        let status = gateway.status().await;
        status["links"].as_array()?.iter().find(|link| link["kind"] == "broker" && link["state"] == "up").map(|_| ())
    })
    .await;
    publish(broker.port, facility_drivers::Clock::system().now_ms(), 100).await;
    for database in [&cluster, &greptime, &older] {
        until_stored(database, 100).await;
    }
}
