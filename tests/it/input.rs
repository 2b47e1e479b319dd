//! Bad input is counted by reason and never stops good data.

use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{Gateway, Mosquitto, Victoria, until};
use std::time::Duration;

const GOOD: &str = r#"{"v":1,"id":"lk-001","ts":"TS","seq":1,"compartments":{"total":60,"occupied":41,"faulted":2}}"#;

/// What is sent (topic part after the site, payload with TS for the time), and the counter it moves.
const BAD: &[(&str, &str, &str, &str)] = &[
    ("not JSON", "locker/lk-001/telemetry", "51#8888#13900000000#4055#0#", "undecodable"),
    ("empty", "locker/lk-001/telemetry", "", "undecodable"),
    ("truncated", "locker/lk-001/telemetry", r#"{"v":1,"id":"lk-001","ts":"TS","se"#, "undecodable"),
    ("not UTF-8", "locker/lk-001/telemetry", "\u{0}", "undecodable"),
    ("nobody's topic", "locker/lk-999/telemetry", GOOD, "unknown_device"),
    (
        "another's id",
        "locker/lk-001/telemetry",
        r#"{"v":1,"id":"lk-002","ts":"TS","seq":1,"compartments":{"total":60,"occupied":41,"faulted":2}}"#,
        "foreign_id",
    ),
    ("no compartments", "locker/lk-001/telemetry", r#"{"v":1,"id":"lk-001","ts":"TS","seq":1}"#, "missing_field"),
    (
        "a courier's telephone",
        "locker/lk-001/telemetry",
        r#"{"v":1,"id":"lk-001","ts":"TS","seq":1,"phone":"13900000000","compartments":{"total":60,"occupied":41,"faulted":2}}"#,
        "unknown_field",
    ),
    (
        "a number in words",
        "locker/lk-001/telemetry",
        r#"{"v":1,"id":"lk-001","ts":"TS","seq":1,"compartments":{"total":60,"occupied":"forty-one","faulted":2}}"#,
        "wrong_type",
    ),
    (
        "a temperature no float can hold",
        "cabinet/fz-001/telemetry",
        r#"{"v":1,"id":"fz-001","ts":"TS","seq":1,"temps":{"air":1e400}}"#,
        "not_finite",
    ),
    (
        "a clock in 2099",
        "locker/lk-001/telemetry",
        r#"{"v":1,"id":"lk-001","ts":"2099-01-01T00:00:00Z","seq":1,"compartments":{"total":60,"occupied":41,"faulted":2}}"#,
        "clock_ahead",
    ),
    (
        "a clock in 1970",
        "locker/lk-001/telemetry",
        r#"{"v":1,"id":"lk-001","ts":"1970-01-01T00:00:07Z","seq":1,"compartments":{"total":60,"occupied":41,"faulted":2}}"#,
        "clock_behind",
    ),
];

#[tokio::test]
async fn bad_input_is_counted_by_reason_and_good_data_goes_on() {
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let gateway = Gateway::start(&format!(
        r#"
[gateway]
id = "gw-input-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:{}"
[forward.main]
url = "{}"
org = "fz"
bucket = "fz"
raw = true
delay_ms = 100
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
[device.fz-001]
profile = "cabinet"
mqtt = "kiosk"
cold = "frozen"
"#,
        broker.port,
        database.url()
    ))
    .await;
    until("the gateway's session at the broker", Duration::from_secs(20), || async {
        gateway.status().await["links"].as_array()?.iter().any(|link| link["kind"] == "broker" && link["state"] == "up").then_some(())
    })
    .await;

    let mut publisher = Publisher::connect(([127, 0, 0, 1], broker.port).into(), "input-test", None).await.unwrap();
    let start_ms = facility_drivers::Clock::system().now_ms();
    let mut at_ms = start_ms;
    let mut good = 0;
    for (_, topic, text, _) in BAD {
        // A good message before and after every bad one.
        for (topic, text) in [("locker/lk-001/telemetry", GOOD), (*topic, *text)] {
            at_ms += 1;
            let text = text.replace("TS", &jiff::Timestamp::from_millisecond(at_ms).unwrap().to_string());
            publisher.publish_nowait(&format!("scf/v1/gl-junmen/{topic}"), text).await;
        }
        good += 1;
    }
    // Oversize: more than is decoded, less than a packet may have.
    let oversize = format!(r#"{{"v":1,"id":"lk-001","junk":"{}"}}"#, "x".repeat(300 * 1024));
    publisher.publish_nowait("scf/v1/gl-junmen/locker/lk-001/telemetry", oversize).await;
    // Deep enough to overflow the stack of a careless parser.
    publisher.publish_nowait("scf/v1/gl-junmen/locker/lk-001/telemetry", "[".repeat(100_000)).await;
    publisher.flush().await;

    for (what, _, _, reason) in BAD.iter().copied().chain([("too large", "", "", "oversize")]) {
        until(&format!("{what} to be counted as {reason}"), Duration::from_secs(10), || async {
            let metrics = gateway.get("/metrics").await?;
            let counted = metrics.lines().any(|line| line.contains(&format!("reason=\"{reason}\"")) && !line.ends_with(" 0"));
            counted.then_some(())
        })
        .await;
    }
    until("every good message to be in the database", Duration::from_secs(20), || async {
        let found = database.series("locker_comp_occupied", "device_id").await;
        let points = found.get("lk-001")?;
        (points.range(start_ms..=at_ms).filter(|(_, occupied)| **occupied == 41.0).count() >= good).then_some(())
    })
    .await;
    let log = gateway.log();
    assert!(!log.contains("13900000000"), "a telephone number is in the log");
    let digits = std::process::Command::new("grep").args(["-r", "-l", "-a", "13900000000"]).arg(gateway.dir()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&digits.stdout), "", "a telephone number is on the disk");
}
