//! Measures a whole gateway process and prints the figures of the README.
//!
//! `facility-bench [messages] [window] [brokers]` puts it under load; `facility-bench mosquitto [messages]` takes a real
//! broker; `facility-bench metrics` weighs a metric of a site that forwards nothing else; `facility-bench node-red [messages]
//! [window]` puts Node-RED under the same load.
//!
//! Devices, broker and database run in this process, the gateway in its own: processor time and memory are the
//! gateway's alone. Rates depend on the machine; processor seconds and bytes hardly do.

#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a measuring program")]

mod mosquitto;

use bytes::Bytes;
use facility_config::limits::BROKER_WINDOW_MAX;
use facility_drivers::Clock;
use facility_drivers::sim::broker::Broker;
use facility_drivers::sim::mqtt::Publisher;
use facility_drivers::sim::tsdb::Tsdb;
use facility_tests::{Gateway, until};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const DEVICES: usize = 50;
const FIELDS: u64 = 10;
/// Messages under way, unless told otherwise: as many as a configuration may have.
const WINDOW: u32 = BROKER_WINDOW_MAX as u32;
/// Messages that may wait in the broker.
const BROKER_QUEUE: usize = 500;
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("metrics") => metrics().await,
        Some("mosquitto") => mosquitto::run(argument(2, 1_000_000)).await,
        Some("node-red") => node_red(argument(2, 100_000), argument(3, WINDOW)).await,
        _ => load(argument(1, 300_000), argument(2, WINDOW), argument(3, 1) as usize).await,
    }
}

fn argument(nth: usize, usual: u32) -> u32 {
    std::env::args().nth(nth).map_or(usual, |text| text.parse().expect("a number"))
}

/// Node-RED with the flow in `tests/peers/node-red`, which `tests/bench.sh` installs: it acknowledges on receipt and keeps
/// nothing on disk.
async fn node_red(messages: u32, window: u32) {
    let broker = Broker::with_window(([127, 0, 0, 1], 0).into(), window as u16).expect("a broker");
    let database = Tsdb::start(([127, 0, 0, 1], 0).into()).expect("a database");
    database.count_only(true);
    let dir = std::env::var("NODE_RED").expect("NODE_RED: folder with the flow and node_modules; tests/bench.sh node-red sets it");
    let mut peer = std::process::Command::new("node")
        .arg("node_modules/node-red/red.js")
        .args(["--userDir", ".", "--settings", "settings.js"])
        .current_dir(&dir)
        .env("BROKER_PORT", broker.addr().port().to_string())
        .env("WRITE_URL", format!("{}/api/v2/write?org=bench&bucket=bench&precision=ms", database.url()))
        .env("UI_PORT", facility_tests::free_port().to_string())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("node is installed");
    until("Node-RED's session", DEADLINE, || async { broker.is_connected("gw-bench-01").then_some(()) }).await;
    let proc = format!("/proc/{}", peer.id());
    let cpu_idle_s = facility_tests::cpu_s(&proc);
    let load = messages_of(messages);
    let began = Instant::now();
    publish(std::slice::from_ref(&broker), &load).await;
    until("every line in the database", DEADLINE, || async { (database.summary().lines >= u64::from(messages)).then_some(()) }).await;
    let all_s = began.elapsed().as_secs_f64();
    println!("messages                    {messages:>12}, QoS 1, window {window}, Node-RED");
    println!("delivered to the database   {:>12.0} messages/s", f64::from(messages) / all_s);
    println!(
        "processor time              {:>12.2} s per million messages",
        (facility_tests::cpu_s(&proc) - cpu_idle_s) / f64::from(messages) * 1e6
    );
    println!("peak memory                 {:>12.1} MiB", mib(facility_tests::memory(&proc, "VmHWM")));
    let summary = database.summary();
    println!("on the wire                 {:>12.2} bytes per line", summary.wire_bytes as f64 / summary.lines as f64);
    peer.kill().expect("it runs");
    peer.wait().expect("it ends");
}

/// So many messages, written before anything is measured.
fn messages_of(messages: u32) -> Vec<(String, Bytes)> {
    let first_ms = Clock::system().now_ms() - i64::from(messages);
    (0..messages).map(|nth| message(nth, first_ms)).map(|(topic, payload)| (topic, payload.into())).collect()
}

async fn publisher(port: u16) -> Publisher {
    Publisher::connect(([127, 0, 0, 1], port).into(), "bench", None).await.expect("a publisher")
}

/// Publishes messages at QoS 1, each to the broker of its device, without letting more wait in a broker than it would keep.
async fn publish(brokers: &[Broker], messages: &[(String, Bytes)]) {
    let mut publishers = Vec::new();
    for broker in brokers {
        publishers.push(publisher(broker.addr().port()).await);
    }
    for (nth, (topic, payload)) in messages.iter().enumerate() {
        publishers[nth % DEVICES % brokers.len()].publish_nowait(topic, payload.clone()).await;
        // A broker keeps a bounded queue, like mosquitto's `max_queued_messages`: what does not fit is lost there.
        while nth % 100 == 0 && brokers.iter().any(|broker| broker.waiting("gw-bench-01") > BROKER_QUEUE) {
            for publisher in &mut publishers {
                publisher.flush().await;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
    for publisher in &mut publishers {
        publisher.flush().await;
    }
}

/// Fifty cabinets at one message a second, windows of five seconds: a request holds what a request holds in the
/// field, the metrics of fifty devices, only sooner.
async fn metrics() {
    let broker = Broker::start(([127, 0, 0, 1], 0).into()).expect("a broker");
    let database = Tsdb::start(([127, 0, 0, 1], 0).into()).expect("a database");
    let text = config(&[broker.addr().port()], 20, &database.url()).replace("raw = true", "raw = false") + "\n[metrics]\nwindow_s = 5\n";
    let _gateway = Gateway::start(&text).await;
    until("the gateway's session", DEADLINE, || async { broker.is_connected("gw-bench-01").then_some(()) }).await;
    let mut publisher = publisher(broker.addr().port()).await;
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut nth = 0;
    while database.summary().lines < 1_000 {
        seconds.tick().await;
        let now_ms = Clock::system().now_ms();
        for _ in 0..DEVICES {
            let (topic, payload) = message(nth, now_ms - i64::from(nth));
            publisher.publish_nowait(&topic, payload).await;
            nth += 1;
        }
        publisher.flush().await;
    }
    let summary = database.summary();
    let (lines, points, bytes) = (summary.lines as f64, summary.points as f64, summary.wire_bytes as f64);
    println!(
        "metrics on the wire         {:>12.2} bytes per value, {:.1} per line ({lines} lines, {points} values, {} requests)",
        bytes / points,
        bytes / lines,
        summary.requests
    );
    println!("a month, with headers, hours and alarms: tests/bench.sh forward month");
}

async fn load(messages: u32, window: u32, brokers: usize) {
    let window = u16::try_from(window).expect("the broker's in-flight window");
    let broker = |_| Broker::with_window(([127, 0, 0, 1], 0).into(), window).expect("a broker");
    let brokers: Vec<Broker> = (0..brokers).map(broker).collect();
    let ports: Vec<u16> = brokers.iter().map(|broker| broker.addr().port()).collect();
    let database = Tsdb::start(([127, 0, 0, 1], 0).into()).expect("a database");
    database.count_only(true);
    let started = Instant::now();
    let gateway = Gateway::start(&config(&ports, window, &database.url())).await;
    let everywhere = || async { brokers.iter().all(|broker| broker.is_connected("gw-bench-01")).then_some(()) };
    until("the gateway's sessions", DEADLINE, everywhere).await;
    println!("start to session            {:>12.0} ms", started.elapsed().as_secs_f64() * 1e3);

    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("idle memory                 {:>12.1} MiB", mib(gateway.memory("VmRSS")));
    let cpu_idle_s = gateway.cpu_s();
    let size = std::fs::metadata(facility_tests::binary()).expect("the binary").len();
    println!("binary                      {:>12.2} MB", size as f64 / 1e6);

    let load = messages_of(messages);
    let bytes: usize = load.iter().map(|(_, payload)| payload.len()).sum();
    let own_cpu_s = facility_tests::cpu_s("/proc/self");
    let began = Instant::now();
    publish(&brokers, &load).await;
    let points = u64::from(messages) * FIELDS;
    // What the broker has back is on flash; the gateway's own account is asked afterwards, for it is told once a second.
    until("every message acknowledged", DEADLINE, || async {
        brokers.iter().all(|broker| broker.waiting("gw-bench-01") == 0).then_some(())
    })
    .await;
    let durable_s = began.elapsed().as_secs_f64();
    until("every reading in the database", DEADLINE, || async { (database.summary().points >= points).then_some(()) }).await;
    let all_s = began.elapsed().as_secs_f64();
    let accounted = || async {
        let status = gateway.status().await;
        let readings = row(&status, "accounts", "readings")?;
        (readings["delivered"].as_u64()? >= points).then_some(())
    };
    until("an account of every reading", DEADLINE, accounted).await;

    let millions = f64::from(messages) / 1e6;
    let status = gateway.status().await;
    let store = row(&status, "stores", "readings").expect("a store of readings");
    assert!(store["end"].as_u64().unwrap() >= points, "acknowledged and not durable: {store}");
    let summary = database.summary();
    println!(
        "messages                    {:>12} of {} bytes, {FIELDS} readings each, QoS 1, window {window}, brokers {}",
        messages,
        bytes / messages as usize,
        brokers.len()
    );
    println!("durable and acknowledged    {:>12.0} messages/s", f64::from(messages) / durable_s);
    println!("delivered to the database   {:>12.0} messages/s", f64::from(messages) / all_s);
    println!("processor time              {:>12.2} s per million messages", (gateway.cpu_s() - cpu_idle_s) / millions);
    println!("  of devices, broker, database {:>9.2} s per million messages", (facility_tests::cpu_s("/proc/self") - own_cpu_s) / millions);
    println!("peak memory                 {:>12.1} MiB", mib(gateway.memory("VmHWM")));
    println!("written to disk             {:>12.2} bytes per reading", store["bytes_written"].as_f64().unwrap() / points as f64);
    println!("held on disk                {:>12.2} bytes per reading", store["bytes_on_disk"].as_f64().unwrap() / points as f64);
    println!("group commits               {:>12}", store["commits"]);
    println!(
        "on the wire                 {:>12.2} bytes per line, {:.2} per value",
        summary.wire_bytes as f64 / summary.lines as f64,
        summary.wire_bytes as f64 / summary.points as f64
    );
    println!(
        "account missing             {:>12}",
        status["accounts"].as_array().unwrap().iter().map(|row| row["missing"].as_i64().unwrap()).sum::<i64>()
    );
}

/// A row of one of the status' tables.
fn row(status: &serde_json::Value, table: &str, name: &str) -> Option<serde_json::Value> {
    status[table].as_array()?.iter().find(|row| row["name"] == name).cloned()
}

fn config(ports: &[u16], window: u16, database: &str) -> String {
    let mut text = format!(
        "[gateway]\nid = \"gw-bench-01\"\nsite = \"bench\"\ndistrict = \"350102\"\n\
         [forward.main]\nurl = \"{database}\"\norg = \"bench\"\nbucket = \"bench\"\nraw = true\ndelay_ms = 1000\n"
    );
    for (nth, port) in ports.iter().enumerate() {
        writeln!(text, "[mqtt.load-{nth}]\nurl = \"mqtt://127.0.0.1:{port}\"\nwindow = {window}").unwrap();
    }
    for nth in 0..DEVICES {
        let broker = nth % ports.len();
        writeln!(
            text,
            "[device.fz-{nth:03}]\nprofile = \"cabinet\"\nmqtt = \"load-{broker}\"\ncold = \"frozen\"\nmessages_per_s_max = 100000"
        )
        .unwrap();
    }
    text
}

/// About 250 bytes and ten numbers, each moving a little: the load of the peers' comparison.
fn message(nth: u32, first_ms: i64) -> (String, String) {
    let device = format!("fz-{:03}", nth as usize % DEVICES);
    let ts = jiff::Timestamp::from_millisecond(first_ms + i64::from(nth)).unwrap();
    let wave = f64::from(nth / DEVICES as u32 % 600) / 100.0;
    let payload = format!(
        r#"{{"v":1,"id":"{device}","ts":"{ts}","seq":{nth},"temps":{{"air":{:.1},"product":{:.1},"evaporator":{:.1},"condenser":{:.1},"ambient":{:.1},"setpoint":-20.0}},"power":{{"voltage_v":{:.1},"current_a":{:.2},"active_w":{:.1},"energy_kwh_total":{:.2}}}}}"#,
        -22.0 + wave,
        -20.0 + wave / 2.0,
        -28.0 + wave,
        36.0 + wave,
        26.0 + wave / 4.0,
        226.0 + wave,
        2.1 + wave / 50.0,
        470.0 + wave * 5.0,
        1374.5 + f64::from(nth) / 1e4,
    );
    (format!("scf/v1/bench/cabinet/{device}/telemetry"), payload)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
