//! The neighbourhood of the kill and power tests: a real broker, which keeps what was not acknowledged, and a real
//! database.

use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{Gateway, Mosquitto, Victoria, locker, until, vending};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

pub(super) struct Real {
    broker: Mosquitto,
    database: Victoria,
    publisher: Publisher,
    start_ms: i64,
    published: BTreeMap<i64, f64>,
    wide: u32,
    random: fastrand::Rng,
}

impl Real {
    pub(super) async fn start() -> Self {
        let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start());
        let publisher = Publisher::connect(([127, 0, 0, 1], broker.port).into(), "kiosk", None).await.unwrap();
        let start_ms = facility_drivers::Clock::system().now_ms();
        let (published, wide, random) = (BTreeMap::new(), 0, fastrand::Rng::with_seed(7));
        Self { broker, database, publisher, start_ms, published, wide, random }
    }

    /// A gateway in it that commits often and has little room; it listens.
    pub(super) async fn gateway(&self, store: &Path, overflow: &str) -> Gateway {
        let (broker, database) = (self.broker.port, self.database.url());
        let config = format!(
            r#"
[gateway]
id = "gw-power-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:{broker}"
[forward.main]
url = "{database}"
org = "fz"
bucket = "fz"
raw = true
delay_ms = 100
[device.lk-000]
profile = "locker"
mqtt = "kiosk"
[device.vm-000]
profile = "vending"
mqtt = "kiosk"
"#
        );
        let mut gateway = Gateway::prepare_at(&config, store);
        for (name, value) in
            [("COMMIT_DELAY_MS", 100), ("FREE_BYTES_MIN", 0), ("READINGS_BYTES_MAX", 32 << 20), ("OUTBOX_BYTES_MAX", 1 << 20)]
        {
            gateway.set_env(&format!("GW__STORE__{name}"), value);
        }
        gateway.set_env("GW__STORE__OVERFLOW", overflow);
        gateway.resume().await;
        until("the broker's link", SOON, || async {
            let status = gateway.status().await;
            status["links"].as_array()?.iter().any(|link| link["kind"] == "broker" && link["state"] == "up").then_some(())
        })
        .await;
        gateway
    }

    /// The locker publishes; the broker has it afterwards.
    pub(super) async fn publish(&mut self, count: u32) {
        for _ in 0..count {
            let nth = self.published.len() as u32;
            let at_ms = self.start_ms + i64::from(nth);
            self.publisher.publish_nowait("scf/v1/gl-junmen/locker/lk-000/telemetry", locker("lk-000", at_ms, nth)).await;
            self.published.insert(at_ms, f64::from(nth));
        }
        self.publisher.flush().await;
    }

    /// The vending machine publishes messages of 2 000 readings: 33 of them are a block.
    pub(super) async fn publish_wide(&mut self, count: u32) {
        for _ in 0..count {
            self.wide += 1;
            let text = vending("vm-000", self.start_ms + i64::from(self.wide), &mut self.random);
            self.publisher.publish_nowait("scf/v1/gl-junmen/vending/vm-000/telemetry", text).await;
        }
        self.publisher.flush().await;
    }

    /// The database goes: from now on only the store has what is acknowledged.
    pub(super) fn stop_database(&mut self) {
        self.database.stop();
    }

    pub(super) async fn resume_database(&mut self) {
        self.database.resume().await;
    }

    /// Of what was published some was given up for room, or damaged: it is counted, and what is in the database is
    /// unaltered. The row of the readings store.
    pub(super) async fn assert_losses_are_counted(&self, gateway: &Gateway) -> Value {
        let status = gateway.until_drained(SOON).await;
        let store = status["stores"][0].clone();
        let found = self.database.series("locker_deposits_total", "device_id").await;
        let found = found.get("lk-000").cloned().unwrap_or_default();
        for (at_ms, value) in &found {
            assert_eq!(self.published.get(at_ms), Some(value), "at {at_ms}");
        }
        let lost: u64 = ["evicted", "thinned", "damaged"].iter().filter_map(|count| store[count].as_u64()).sum();
        assert!(found.len() == self.published.len() || lost > 0, "{} of {}: {store}", found.len(), self.published.len());
        store
    }

    /// Everything that was published is in the database, once, and nothing else; nothing is damaged, the account is
    /// balanced.
    pub(super) async fn assert_all_delivered(&self, gateway: &Gateway) {
        until("everything that was published to be in the database", SOON, || async {
            let found = self.database.series("locker_deposits_total", "device_id").await;
            (found.values().map(BTreeMap::len).sum::<usize>() >= self.published.len()).then_some(())
        })
        .await;
        let found = self.database.series("locker_deposits_total", "device_id").await;
        assert_eq!(found.get("lk-000"), Some(&self.published), "the same points, no other");
        let status = gateway.until_drained(SOON).await;
        let stores = status["stores"].as_array().unwrap();
        assert!(stores.iter().all(|store| store["damaged"] == 0 && store["evicted"] == 0), "{stores:?}");
        let prices = self.database.series("lane_price_fen", "no").await;
        assert!(self.wide == 0 || prices.len() == 400, "{} lanes", prices.len());
        for (lane, prices) in prices {
            assert_eq!(prices.len(), self.wide as usize, "lane {lane}");
        }
    }
}
