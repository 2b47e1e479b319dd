//! Real brokers that restart, hang, lose sessions, refuse, flood or move: what was acknowledged is kept, what can be heard is.

use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{Gateway, Mosquitto, Victoria, free_port, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

/// A gateway with two lockers on a broker with these lines of its own.
fn config(broker: &str, database: &str, devices: &str) -> String {
    format!(
        r#"
[gateway]
id = "gw-links-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
{broker}
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
{devices}
[device.lk-002]
profile = "locker"
mqtt = "kiosk"
"#
    )
}

fn at(port: u16) -> String {
    format!("url = \"mqtt://127.0.0.1:{port}\"")
}

fn topic(device: &str) -> String {
    format!("scf/v1/gl-junmen/locker/{device}/telemetry")
}

fn snapshot(device: &str, at_ms: i64, seq: u32) -> String {
    let ts = jiff::Timestamp::from_millisecond(at_ms).unwrap();
    format!(r#"{{"v":1,"id":"{device}","ts":"{ts}","seq":{seq},"compartments":{{"total":60,"occupied":41,"faulted":2}}}}"#)
}

async fn publisher(port: u16) -> Publisher {
    Publisher::connect(([127, 0, 0, 1], port).into(), "links-test", None).await.unwrap()
}

/// Publishes so many snapshots, a millisecond apart, and waits until the broker has them all.
async fn publish(port: u16, device: &str, from_ms: i64, count: u32) {
    let mut publisher = publisher(port).await;
    for nth in 0..count {
        publisher.publish_nowait(&topic(device), snapshot(device, from_ms + i64::from(nth), nth)).await;
    }
    publisher.flush().await;
}

fn now_ms() -> i64 {
    facility_drivers::Clock::system().now_ms()
}

async fn link(gateway: &Gateway) -> Option<Value> {
    gateway.status().await["links"].as_array()?.iter().find(|link| link["kind"] == "broker").cloned()
}

async fn until_link(gateway: &Gateway, state: &str) -> Value {
    until(&format!("broker {state}"), DEADLINE, || async { link(gateway).await.filter(|link| link["state"] == state) }).await
}

async fn until_stored(database: &Victoria, device: &str, count: usize) {
    until(&format!("{count} readings of {device} in the database"), DEADLINE, || async {
        let found = database.series("locker_comp_occupied", "device_id").await;
        (found.get(device).map_or(0, BTreeMap::len) == count).then_some(())
    })
    .await;
}

async fn refused(gateway: &Gateway, reason: &str) -> u64 {
    let status = gateway.status().await;
    let rows = status["accounts"].as_array().cloned().unwrap_or_default();
    rows.iter().find(|row| row["name"] == "messages").and_then(|row| row["dropped"][reason].as_u64()).unwrap_or(0)
}

#[tokio::test]
async fn a_session_that_was_kept_brings_what_came_while_gateway_and_broker_were_away() {
    let (mut broker, database) = tokio::join!(Mosquitto::start_keeping(), Victoria::start());
    let mut gateway = Gateway::start(&config(&at(broker.port), &database.url(), "")).await;
    until_link(&gateway, "up").await;
    let start_ms = now_ms();
    publish(broker.port, "lk-001", start_ms, 50).await;
    until_stored(&database, "lk-001", 50).await;

    gateway.kill();
    publish(broker.port, "lk-001", start_ms + 50, 50).await;
    let last = snapshot("lk-001", start_ms + 99, 49);
    until("the broker to have written its queue", DEADLINE, || async { broker.holds_on_disk(&last).then_some(()) }).await;
    broker.kill();
    broker.resume().await;
    gateway.resume().await;
    until_link(&gateway, "up").await;
    publish(broker.port, "lk-001", start_ms + 100, 50).await;
    until_stored(&database, "lk-001", 150).await;
    gateway.until_drained(DEADLINE).await;
}

#[tokio::test]
async fn what_only_an_earlier_configuration_subscribed_to_does_not_come_any_more() {
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let with = |devices: &str| config(&at(broker.port), &database.url(), devices);
    let mut gateway = Gateway::start(&with("[device.vm-001]\nprofile = \"vending-awish\"\nmqtt = \"kiosk\"")).await;
    until_link(&gateway, "up").await;
    gateway.terminate().await;
    gateway.configure(&with(""));
    gateway.resume().await;
    until_link(&gateway, "up").await;
    // On one connection, so that it would have come before the others.
    let mut publisher = publisher(broker.port).await;
    publisher.publish_nowait("/server/app", r#"{"machine_id":"vm-001"}"#.to_owned()).await;
    let now_ms = now_ms();
    for nth in 0..3 {
        publisher.publish_nowait(&topic("lk-001"), snapshot("lk-001", now_ms + i64::from(nth), nth)).await;
    }
    publisher.flush().await;
    until_stored(&database, "lk-001", 3).await;
    let status = gateway.status().await;
    let received = status["accounts"].as_array().unwrap().iter().find(|row| row["name"] == "messages").unwrap()["received"].clone();
    assert_eq!(received, 3, "{status:#}");
}

#[tokio::test]
async fn brokers_that_die_again_and_again_cost_nothing_that_was_acknowledged() {
    let (mut broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let gateway = Gateway::start(&config(&at(broker.port), &database.url(), "")).await;
    let start_ms = now_ms();
    for round in 0..4_u32 {
        until_link(&gateway, "up").await;
        publish(broker.port, "lk-001", start_ms + i64::from(round) * 100, 100).await;
        until_stored(&database, "lk-001", (round as usize + 1) * 100).await;
        broker.kill();
        until_link(&gateway, "connecting").await;
        broker.resume().await;
    }
    until_link(&gateway, "up").await;
    gateway.until_drained(DEADLINE).await;
}

#[tokio::test]
async fn a_poisonous_message_in_a_kept_session_does_not_keep_back_the_later_ones() {
    for megabytes in [2, 20] {
        let (broker, database) = tokio::join!(Mosquitto::start_keeping(), Victoria::start());
        let mut gateway = Gateway::start(&config(&at(broker.port), &database.url(), "")).await;
        until_link(&gateway, "up").await;
        assert!(gateway.terminate().await.success());
        let mut sender = publisher(broker.port).await;
        sender.publish(&topic("lk-001"), vec![b'x'; megabytes << 20]).await;
        gateway.resume().await;
        let began = Instant::now();
        // A session that had to be discarded has forgotten what was queued: what counts is that it flows again.
        until("later messages", DEADLINE, || async {
            publish(broker.port, "lk-002", now_ms(), 1).await;
            let found = database.series("locker_comp_occupied", "device_id").await;
            found.contains_key("lk-002").then_some(())
        })
        .await;
        assert!(began.elapsed() < Duration::from_secs(30), "{megabytes} MB: {:?}", began.elapsed());
        until("the poison to be counted", DEADLINE, || async {
            let counted = link(&gateway).await?["faults"]["oversize"].as_u64().unwrap_or(0) + refused(&gateway, "oversize").await;
            (counted >= 1).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_broker_that_hangs_is_noticed_and_found_again() {
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let gateway = Gateway::start(&config(&at(broker.port), &database.url(), "")).await;
    until_link(&gateway, "up").await;
    broker.signal("STOP");
    let began = Instant::now();
    let down = until_link(&gateway, "connecting").await;
    // Twice the keep-alive of 5 s, and a little for a busy machine.
    assert!(began.elapsed() < Duration::from_secs(16), "{:?}: {down}", began.elapsed());
    broker.signal("CONT");
    until_link(&gateway, "up").await;
    publish(broker.port, "lk-001", now_ms(), 50).await;
    until_stored(&database, "lk-001", 50).await;
}

#[tokio::test]
async fn a_storm_of_retained_messages_neither_fills_memory_nor_drowns_the_devices() {
    const STORM: u32 = 100_000;
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let mut sender = publisher(broker.port).await;
    let text = snapshot("lk-999", now_ms(), 1);
    for nth in 0..STORM {
        sender.publish_retained_nowait(&topic(&format!("storm-{nth:06}")), text.clone()).await;
    }
    sender.flush().await;
    let gateway = Gateway::start(&config(&at(broker.port), &database.url(), "")).await;
    until_link(&gateway, "up").await;
    publish(broker.port, "lk-001", now_ms(), 50).await;
    until_stored(&database, "lk-001", 50).await;
    until("the storm to be counted", DEADLINE, || async { (refused(&gateway, "unknown_device").await == u64::from(STORM)).then_some(()) })
        .await;
    // The list is renewed once a second, the counters at once.
    let strangers = until("the strangers to be listed", DEADLINE, || async {
        gateway.status().await["strangers"].as_array().map(Vec::len).filter(|listed| *listed > 0)
    })
    .await;
    assert!(strangers <= 64, "{strangers} strangers are listed");
    // A debug build; what counts is that it does not grow with the storm (100 000 messages are 25 MB).
    let peak = gateway.memory("VmHWM");
    assert!(peak < 96 << 20, "{peak} bytes at the peak");
    gateway.until_drained(DEADLINE).await;
}

#[tokio::test]
async fn one_flooding_device_does_not_take_the_others_place() {
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let gateway = Gateway::start(&config(&at(broker.port), &database.url(), "messages_per_s_max = 5")).await;
    until_link(&gateway, "up").await;
    let (mut sender, start_ms) = (publisher(broker.port).await, now_ms() - 60_000);
    // Twenty of the flood to one of the other; the flood gets its burst and no more.
    for nth in 0..20_000_u32 {
        sender.publish_nowait(&topic("lk-001"), snapshot("lk-001", start_ms + i64::from(nth), nth)).await;
        if nth % 20 == 0 {
            sender.publish_nowait(&topic("lk-002"), snapshot("lk-002", start_ms + i64::from(nth), nth)).await;
        }
    }
    sender.flush().await;
    until_stored(&database, "lk-002", 1_000).await;
    // What is over the burst of 10 080, less what the rate lets through meanwhile.
    until("the flood to be cut", DEADLINE, || async { (5_000..10_000).contains(&refused(&gateway, "rate_limited").await).then_some(()) })
        .await;
    gateway.until_drained(DEADLINE).await;
    gateway.until_told("GW-H034", true, DEADLINE).await;
}

#[tokio::test]
async fn a_broker_that_refuses_the_subscription_is_told_and_tried_again() {
    let plugin = std::fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok).map(|dir| dir.path().join("mosquitto_dynamic_security.so"));
    let plugin = plugin.filter(|path| path.exists()).last().expect("mosquitto's plugin");
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules.json");
    std::fs::write(
        &rules,
        r#"{"defaultACLAccess":{"publishClientSend":true,"publishClientReceive":true,"subscribe":false,"unsubscribe":true},"clients":[],"groups":[],"roles":[]}"#,
    )
    .unwrap();
    let lines = format!("plugin {}\nplugin_opt_config_file {}\n", plugin.display(), rules.display());
    let broker = Mosquitto::start_with(&lines).await;
    let gateway = Gateway::start(&config(&at(broker.port), "http://127.0.0.1:9", "")).await;
    let link = until_link(&gateway, "denied").await;
    let error = link["error"].as_str().unwrap_or_default();
    assert!(error.contains("scf/v1/gl-junmen/locker/+/telemetry") && error.contains("access rules"), "{error}");
    gateway.until_told("GW-H011", true, DEADLINE).await;
}

#[tokio::test]
async fn a_second_broker_takes_over_and_hands_back() {
    let (mut first, mut second, database) = tokio::join!(Mosquitto::start(), Mosquitto::start(), Victoria::start());
    let both = format!("url = \"mqtt://127.0.0.1:{}, mqtt://127.0.0.1:{}\"", first.port, second.port);
    let gateway = Gateway::start(&config(&both, &database.url(), "")).await;
    let start_ms = now_ms();
    until_link(&gateway, "up").await;
    publish(first.port, "lk-001", start_ms, 50).await;
    until_stored(&database, "lk-001", 50).await;

    first.kill();
    let via = until("the second address in use", DEADLINE, || async { link(&gateway).await?["via"].as_str().map(str::to_owned) }).await;
    assert!(via.ends_with(&second.port.to_string()), "{via}");
    publish(second.port, "lk-001", start_ms + 50, 50).await;
    until_stored(&database, "lk-001", 100).await;

    first.resume().await;
    second.kill();
    until("the first address in use", DEADLINE, || async {
        link(&gateway).await.filter(|link| link["state"] == "up" && link["via"].is_null()).map(drop)
    })
    .await;
    publish(first.port, "lk-001", start_ms + 100, 50).await;
    until_stored(&database, "lk-001", 150).await;
    gateway.until_drained(DEADLINE).await;
}

#[tokio::test]
async fn websockets_carry_the_same() {
    let port = free_port();
    let broker = Mosquitto::start_with(&format!("listener {port} 127.0.0.1\nprotocol websockets\n")).await;
    let database = Victoria::start().await;
    let gateway = Gateway::start(&config(&format!("url = \"ws://127.0.0.1:{port}/mqtt\""), &database.url(), "")).await;
    until_link(&gateway, "up").await;
    publish(broker.port, "lk-001", now_ms(), 200).await;
    until_stored(&database, "lk-001", 200).await;
}

/// What a kiosk's birth and last will make of its availability, and what a retained snapshot of last month does not.
#[tokio::test]
async fn births_and_last_wills_are_availability_and_old_retained_snapshots_are_not_data() {
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
    let mut sender = publisher(broker.port).await;
    sender.publish_retained("scf/v1/gl-junmen/locker/lk-001/status", "online").await;
    sender.publish_retained(&topic("lk-001"), snapshot("lk-001", now_ms() - 3 * 24 * 3_600_000, 1)).await;
    let gateway = Gateway::start(&config(&at(broker.port), &database.url(), "")).await;
    until("the old snapshot to be dropped", DEADLINE, || async { (refused(&gateway, "retained").await == 1).then_some(()) }).await;
    let online = |value: bool| {
        let gateway = &gateway;
        move || async move {
            let device: Value = serde_json::from_str(&gateway.get("/api/devices/lk-001").await?).ok()?;
            (device["online"] == value).then_some(())
        }
    };
    until("lk-001 online", DEADLINE, online(true)).await;
    let will = Some(("scf/v1/gl-junmen/locker/lk-001/status".to_owned(), "offline".into()));
    let kiosk = Publisher::connect(([127, 0, 0, 1], broker.port).into(), "kiosk-1", will).await.unwrap();
    drop(kiosk);
    until("lk-001 offline", DEADLINE, online(false)).await;
}
