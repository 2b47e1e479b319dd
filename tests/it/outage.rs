//! The database away, the broker away: nothing is lost, the page says what is wrong, the backlog drains by itself.

use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{Gateway, Mosquitto, Victoria, until};
use serde_json::Value;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(45);

fn config(broker: u16, database: &str) -> String {
    format!(
        r#"
[gateway]
id = "gw-outage-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:{broker}"
keep_alive_s = 5
[forward.main]
url = "{database}"
org = "fz"
bucket = "fz"
raw = true
delay_ms = 100
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
"#
    )
}

async fn publish(port: u16, from_ms: i64, count: u32) {
    let mut publisher = Publisher::connect(([127, 0, 0, 1], port).into(), "outage-test", None).await.unwrap();
    for nth in 0..count {
        let ts = jiff::Timestamp::from_millisecond(from_ms + i64::from(nth)).unwrap();
        let text = format!(r#"{{"v":1,"id":"lk-001","ts":"{ts}","seq":{nth},"compartments":{{"total":60,"occupied":41,"faulted":2}}}}"#);
        publisher.publish_nowait("scf/v1/gl-junmen/locker/lk-001/telemetry", text).await;
    }
    publisher.flush().await;
}

async fn link(gateway: &Gateway, kind: &str) -> Option<Value> {
    gateway.status().await["links"].as_array()?.iter().find(|link| link["kind"] == kind).cloned()
}

async fn until_link(gateway: &Gateway, kind: &str, state: &str) {
    until(&format!("{kind} {state}"), DEADLINE, || async { (link(gateway, kind).await?["state"] == state).then_some(()) }).await;
}

async fn until_stored(database: &Victoria, count: usize) {
    until(&format!("{count} readings in the database"), DEADLINE, || async {
        let found = database.series("locker_comp_occupied", "device_id").await;
        (found.get("lk-001").map_or(0, std::collections::BTreeMap::len) == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_backlog_of_an_outage_drains_also_over_a_restart() {
    let (broker, mut database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let mut gateway = Gateway::start(&config(broker.port, &database.url())).await;
    until_link(&gateway, "broker", "up").await;
    let start_ms = facility_drivers::Clock::system().now_ms();
    publish(broker.port, start_ms, 200).await;
    until_stored(&database, 200).await;

    database.stop();
    publish(broker.port, start_ms + 200, 200).await;
    until_link(&gateway, "database", "connecting").await;
    assert!(gateway.terminate().await.success(), "an unreachable database does not hold up the end");
    gateway.resume().await;
    until_link(&gateway, "broker", "up").await;
    publish(broker.port, start_ms + 400, 200).await;
    until("the backlog to be shown", DEADLINE, || async {
        let status = gateway.status().await;
        let row = status["accounts"].as_array()?.iter().find(|row| row["name"] == "readings")?.clone();
        (row["buffered"].as_u64()? >= 400 * 3).then_some(())
    })
    .await;

    database.resume().await;
    until_stored(&database, 600).await;
    until("an account that balances with nothing left", DEADLINE, || async {
        let status = gateway.status().await;
        status["accounts"].as_array()?.iter().all(|row| row["missing"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_lost_its_sessions_is_subscribed_again() {
    let (mut broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let gateway = Gateway::start(&config(broker.port, &database.url())).await;
    until_link(&gateway, "broker", "up").await;
    broker.kill();
    until_link(&gateway, "broker", "connecting").await;
    broker.resume().await;
    until_link(&gateway, "broker", "up").await;
    publish(broker.port, facility_drivers::Clock::system().now_ms(), 50).await;
    until_stored(&database, 50).await;
}
