//! Alarms as an operator meets them: the real program beside a running gateway.

use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{Gateway, Mosquitto, Victoria, binary, until};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(30);

fn config(broker: &Mosquitto, database: &Victoria) -> String {
    format!(
        r#"
[gateway]
id = "gw-alarm-01"
site = "gl-junmen"
district = "350102"

[mqtt.kiosk]
url = "mqtt://127.0.0.1:{}"

[forward.main]
url = "{}"
org = "fz"
bucket = "fz"
delay_ms = 100

[device.fz-001]
profile = "cabinet"
mqtt = "kiosk"
cold = "frozen"

[alarm.frozen_high]
on_delay_s = 0
defrost_delay_s = 0
"#,
        broker.port,
        database.url()
    )
}

fn alarm(gateway: &Gateway, words: &[&str]) -> Output {
    let config = gateway.config();
    let mut command = Command::new(binary());
    command.arg("alarm").args(words).arg("--config").arg(config).env_clear().stdin(Stdio::null());
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Publishes an air temperature of now.
async fn air(publisher: &mut Publisher, seq: u32, air_c: f64) {
    let now_ms = facility_drivers::Clock::system().now_ms();
    let ts = jiff::Timestamp::from_millisecond(now_ms).unwrap().to_string();
    let payload = format!(r#"{{"v":1,"id":"fz-001","ts":"{ts}","seq":{seq},"temps":{{"air":{air_c}}}}}"#);
    publisher.publish("scf/v1/gl-junmen/cabinet/fz-001/telemetry", payload).await;
}

async fn until_connected(gateway: &Gateway) {
    until("the gateway's session at the broker", DEADLINE, || async {
        gateway.status().await["links"].as_array()?.iter().any(|link| link["kind"] == "broker" && link["state"] == "up").then_some(())
    })
    .await;
}

async fn until_standing(gateway: &Gateway, rule: &str, standing: bool) {
    until(&format!("{rule} to stand: {standing}"), DEADLINE, || async {
        let status = gateway.status().await;
        let alarms = status["alarms"].as_array()?;
        (alarms.iter().any(|alarm| alarm["rule"] == rule) == standing).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_alarm_is_acknowledged_from_the_shell_and_stays_so_after_a_kill() {
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let mut gateway = Gateway::start(&config(&broker, &database)).await;
    until_connected(&gateway).await;
    let mut publisher = Publisher::connect(([127, 0, 0, 1], broker.port).into(), "alarm-test", None).await.unwrap();
    air(&mut publisher, 1, -5.0).await;
    until_standing(&gateway, "frozen_high", true).await;
    let listed: Value = serde_json::from_str(&out(&alarm(&gateway, &["list", "--json"]))).unwrap();
    assert_eq!((&listed[0]["device"], &listed[0]["rule"]), (&"fz-001".into(), &"frozen_high".into()));
    assert!(out(&alarm(&gateway, &["list"])).contains("冷冻柜"));

    let folder = gateway.store().join("operator");
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let said = out(&alarm(&gateway, &["ack", "fz-001", "frozen_high", "--by", "lin", "--note", "on my way"]));
    assert!(said.starts_with("fz-001 frozen_high: acknowledged"), "{said}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "nothing but the folders of taken and refused ones");
    assert!(gateway.log().contains("on my way"));

    // Durable is durable.
    gateway.kill();
    gateway.resume().await;
    until_standing(&gateway, "frozen_high", true).await;
    let again = alarm(&gateway, &["ack", "fz-001", "frozen_high"]);
    assert_eq!(again.status.code(), Some(65), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(alarm(&gateway, &["ack", "fz-001", "chilled_high"]).status.code(), Some(2));
    assert_eq!(alarm(&gateway, &["ack", "fz-002", "frozen_high"]).status.code(), Some(2));
    assert_eq!(alarm(&gateway, &["shelve", "fz-001", "frozen_high", "--for", "8d"]).status.code(), Some(2));
    out(&alarm(&gateway, &["shelve", "fz-001", "frozen_high", "--for", "2h"]));
    out(&alarm(&gateway, &["unshelve", "fz-001", "frozen_high"]));
    out(&alarm(&gateway, &["maintenance", "fz-001", "--for", "4h"]));
    out(&alarm(&gateway, &["maintenance", "fz-001", "--end"]));

    air(&mut publisher, 2, -20.0).await;
    until_standing(&gateway, "frozen_high", false).await;
    let told = until("the end of the alarm in the database", DEADLINE, || async {
        let found = database.series("alarm_active", "device_id").await;
        let told: Vec<f64> = found.get("fz-001")?.values().copied().collect();
        (told.last() == Some(&0.0)).then_some(told)
    })
    .await;
    assert_eq!(told.first(), Some(&1.0), "{told:?}");
    assert_eq!(told.iter().filter(|active| **active == 0.0).count(), 1, "{told:?}");
    let status = gateway.until_drained(DEADLINE).await;
    assert!(status["accounts"].as_array().is_some_and(|rows| rows.iter().all(|row| row["missing"] == 0)));
    assert!(gateway.terminate().await.success());
    let stopped = alarm(&gateway, &["list"]);
    assert_eq!(stopped.status.code(), Some(69), "{}", String::from_utf8_lossy(&stopped.stderr));
}

#[tokio::test]
async fn a_broker_that_is_away_is_one_alarm_and_none_of_its_devices() {
    let (mut broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let more = "[device.fz-002]\nprofile = \"cabinet\"\nmqtt = \"kiosk\"\n[alarm.link_down]\non_delay_s = 1\n";
    let mut gateway = Gateway::start(&(config(&broker, &database) + more)).await;
    until_connected(&gateway).await;
    let address = ([127, 0, 0, 1], broker.port).into();
    let mut publisher = Publisher::connect(address, "alarm-test", None).await.unwrap();
    air(&mut publisher, 1, -20.0).await;
    broker.kill();
    until_standing(&gateway, "link_down", true).await;
    out(&alarm(&gateway, &["ack", "gw-alarm-01", "link_down", "--part", "broker_kiosk"]));

    // Killed while the broker is away, it neither tells it again nor takes a new start for a new link.
    gateway.kill();
    gateway.resume().await;
    until_standing(&gateway, "link_down", true).await;
    broker.resume().await;
    let mut publisher = Publisher::connect(address, "alarm-test", None).await.unwrap();
    until_connected(&gateway).await;
    air(&mut publisher, 2, -20.0).await;
    until_standing(&gateway, "link_down", false).await;
    let found = until("the end of the alarm in the database", DEADLINE, || async {
        let found = database.series("alarm_active", "device_id").await;
        (found.get("gw-alarm-01")?.values().last() == Some(&0.0)).then_some(found)
    })
    .await;
    let told: Vec<f64> = found["gw-alarm-01"].values().copied().collect();
    assert_eq!(told, [1.0, 1.0, 0.0], "raised, acknowledged, cleared");
    assert_eq!(found.len(), 1, "nothing of its devices: {found:?}");
}
