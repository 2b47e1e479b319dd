//! kill -9 at random moments under load: every reading that was published is in the database afterwards, once.
//!
//! mosquitto keeps what the gateway has not acknowledged, the gateway keeps what it has: nothing may fall between.

use facility_config::profile::Table;
use facility_drivers::sim::modbus::{Bank, Server};
use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{Gateway, Mosquitto, PtyPair, Victoria, until};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

const LOCKERS: usize = 20;
const ROUNDS: u32 = 6;
/// Messages between two kills.
const PER_ROUND: u32 = 600;

fn config(broker: u16, database: &str, serial: &str) -> String {
    let mut text = format!(
        r#"
[gateway]
id = "gw-crash-01"
site = "gl-junmen"
district = "350102"

[mqtt.kiosk]
url = "mqtt://127.0.0.1:{broker}"

[bus.cold]
transport = "rtu"
path = {serial:?}

[forward.main]
url = "{database}"
org = "fz"
bucket = "fz"
raw = true
delay_ms = 100

[device.fz-ekc-01]
profile = "danfoss-ekc202d"
bus = "cold"
unit = 1
interval_s = 1
cold = "frozen"
"#
    );
    for nth in 0..LOCKERS {
        text += &format!("\n[device.lk-{nth:03}]\nprofile = \"locker\"\nmqtt = \"kiosk\"\n");
    }
    text
}

fn payload(device: &str, ts: &str, nth: u32) -> String {
    format!(
        r#"{{"v":1,"id":"{device}","ts":"{ts}","seq":{nth},"compartments":{{"total":60,"occupied":{},"faulted":2}},"counters":{{"deposits_total":{nth}}}}}"#,
        nth % 58
    )
}

#[tokio::test]
async fn kill_nine_under_load_loses_nothing_and_doubles_nothing() {
    let (broker, database, line) = tokio::join!(Mosquitto::start(), Victoria::start(), PtyPair::start());
    let bank = Bank::new();
    for address in [2575, 2529, 2530, 2531, 1010, 2545] {
        bank.set(1, Table::Holding, address, &[(-195i16).cast_unsigned()]);
    }
    let serial = facility_drivers::serial::Serial::new(serial2::SerialPort::open(line.devices, 9600).unwrap()).unwrap();
    let _unit = Server::rtu(serial, bank);
    let mut gateway = Gateway::start(&config(broker.port, &database.url(), &line.gateway.to_string_lossy())).await;
    until("the gateway's session at the broker", Duration::from_secs(20), || async {
        gateway.status().await["links"].as_array()?.iter().any(|link| link["kind"] == "broker" && link["state"] == "up").then_some(())
    })
    .await;

    let address: SocketAddr = ([127, 0, 0, 1], broker.port).into();
    let mut publisher = Publisher::connect(address, "crash-test", None).await.unwrap();
    let start_ms = facility_drivers::Clock::system().now_ms();
    let mut random = fastrand::Rng::with_seed(15);
    let mut published: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    let mut nth = 0;
    for round in 0..ROUNDS {
        // The kill falls somewhere inside the round, each time elsewhere.
        let kill_at = random.u32(0..PER_ROUND);
        for step in 0..PER_ROUND {
            nth += 1;
            let device = format!("lk-{:03}", nth as usize % LOCKERS);
            let at_ms = start_ms + i64::from(nth);
            let ts = jiff::Timestamp::from_millisecond(at_ms).unwrap().to_string();
            let topic = format!("scf/v1/gl-junmen/locker/{device}/telemetry");
            publisher.publish_nowait(&topic, payload(&device, &ts, nth)).await;
            published.entry(device).or_default().insert(at_ms, f64::from(nth));
            if step == kill_at && round < ROUNDS - 1 {
                gateway.kill();
            }
        }
        publisher.flush().await;
        if round < ROUNDS - 1 {
            gateway.resume().await;
        }
    }
    assert_eq!(publisher.acked(), u64::from(nth), "the broker took everything");

    until("everything that was published to be in the database", Duration::from_secs(60), || async {
        let found = database.series("locker_deposits_total", "device_id").await;
        let points = found.values().map(BTreeMap::len).sum::<usize>();
        (points >= nth as usize).then_some(())
    })
    .await;
    let found = database.series("locker_deposits_total", "device_id").await;
    assert_eq!(found, published, "the same points, no other");

    let air = until("the cabinet on the serial line to be read twice", Duration::from_secs(60), || async {
        let cabinet = database.series("cabinet_air_c", "device_id").await;
        cabinet.get("fz-ekc-01").filter(|air| air.len() >= 2).cloned()
    })
    .await;
    assert!(air.values().all(|c| *c == -19.5), "{air:?}");

    let status = until("a drained, balanced account", Duration::from_secs(30), || async {
        let status = gateway.status().await;
        let rows = status["accounts"].as_array()?.clone();
        rows.iter().all(|row| row["missing"] == 0).then_some(status)
    })
    .await;
    assert!(status["links"].as_array().is_some_and(|links| links.iter().all(|link| link["state"] == "up")), "{}", status["links"]);
    assert!(gateway.terminate().await.success());
}
