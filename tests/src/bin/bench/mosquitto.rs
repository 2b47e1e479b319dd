//! The load through a real mosquitto with its default window of 20: what the broker gives to a client that only
//! acknowledges, and what it gives to the gateway, which has every reading on flash before it does.

use super::{DEADLINE, DEVICES, FIELDS, config, messages_of, publisher, row};
use bytes::Bytes;
use facility_drivers::sim::tsdb::Tsdb;
use facility_tests::{Gateway, Mosquitto, until};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The bare client first, then the gateway, each with a broker of its own.
pub(super) async fn run(messages: u32) {
    let load = messages_of(messages);
    println!("messages                    {messages:>12}, {DEVICES} devices, QoS 1, mosquitto, window 20");
    let bare = bare(&load).await;
    println!("only acknowledged           {bare:>12.0} messages/s (mosquitto_sub)");
    let (durable, cpu_s, commits) = durable(&load).await;
    println!("durable and acknowledged    {durable:>12.0} messages/s, {:.2} of that", durable / bare);
    println!("processor time              {:>12.2} s per million messages", cpu_s / f64::from(messages) * 1e6);
    println!("group commits               {commits:>12}");
}

async fn bare(load: &[(String, Bytes)]) -> f64 {
    let broker = broker().await;
    let mut client = Command::new("mosquitto_sub")
        .args(["-p", &broker.port.to_string(), "-i", "bare", "-c", "-q", "1", "-t", "scf/#", "-C", &load.len().to_string()])
        .stdout(Stdio::null())
        .spawn()
        .expect("mosquitto-clients is installed");
    until_subscribed(&broker, "bare").await;
    let began = Instant::now();
    send(&broker, load).await;
    let end = tokio::task::spawn_blocking(move || client.wait()).await.unwrap().expect("it ends");
    assert!(end.success(), "mosquitto_sub: {end}");
    load.len() as f64 / began.elapsed().as_secs_f64()
}

/// Messages per second, processor time through to the database, commits.
async fn durable(load: &[(String, Bytes)]) -> (f64, f64, u64) {
    let broker = broker().await;
    let database = Tsdb::start(([127, 0, 0, 1], 0).into()).expect("a database");
    database.count_only(true);
    let gateway = Gateway::start(&config(&[broker.port], 20, &database.url())).await;
    until_subscribed(&broker, "gw-bench-01").await;
    let (idle_s, began) = (gateway.cpu_s(), Instant::now());
    send(&broker, load).await;
    let readings = load.len() as u64 * FIELDS;
    // It is told once a second: the rate is the true one or less.
    let commits = until("every reading on flash", DEADLINE, || async {
        let store = row(&gateway.status().await, "stores", "readings")?;
        (store["end"].as_u64()? >= readings).then(|| store["commits"].as_u64())?
    })
    .await;
    let rate = load.len() as f64 / began.elapsed().as_secs_f64();
    until("every reading in the database", DEADLINE, || async { (database.summary().points >= readings).then_some(()) }).await;
    (rate, gateway.cpu_s() - idle_s, commits)
}

async fn broker() -> Mosquitto {
    Mosquitto::start_with("log_type subscribe\n").await
}

async fn until_subscribed(broker: &Mosquitto, client: &str) {
    until("a subscription", DEADLINE, || async { broker.log().contains(&format!("{client} 1 scf/")).then_some(()) }).await;
}

async fn send(broker: &Mosquitto, load: &[(String, Bytes)]) {
    let mut publisher = publisher(broker.port).await;
    for (topic, payload) in load {
        publisher.publish_nowait(topic, payload.clone()).await;
    }
    publisher.flush().await;
}
