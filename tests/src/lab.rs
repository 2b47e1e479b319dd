//! A neighbourhood that counts: a broker that knows what was acknowledged to it, a database that keeps every point, a
//! Modbus cabinet that knows how often it was asked. The gateway in the middle is the real one.
//!
//! The broker's window is 20 messages, as mosquitto's is.

use crate::{Gateway, until};
use facility_config::limits::BROKER_WINDOW_DEFAULT;
use facility_config::profile::Table;
use facility_drivers::Clock;
use facility_drivers::sim::broker::Broker;
use facility_drivers::sim::modbus::{Bank, Server};
use facility_drivers::sim::mqtt::Publisher;
use facility_drivers::sim::tsdb::Tsdb;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Client id of the gateway, which is its own id.
const GATEWAY: &str = "gw-disk-01";

/// Registers of the simulated cabinet.
const REGISTERS: [u16; 6] = [2575, 2529, 2530, 2531, 1010, 2545];

/// The neighbourhood.
#[derive(Debug)]
pub struct Lab {
    /// Between the devices and the gateway.
    pub broker: Broker,
    /// Behind the gateway.
    pub database: Tsdb,
    /// Registers of the cabinet on the bus.
    pub bank: Bank,
    bus: Server,
    publisher: Publisher,
    window: u16,
    start_ms: i64,
    published: BTreeMap<i64, f64>,
}

impl Lab {
    /// A broker with the usual window.
    pub async fn start() -> Self {
        Self::with_window(BROKER_WINDOW_DEFAULT).await
    }

    /// A broker that waits for an acknowledgement after so many messages: with 1 every message is a commit of its own.
    ///
    /// # Panics
    /// Without loopback.
    #[expect(clippy::expect_used, reason = "a machine without loopback runs no test")]
    pub async fn with_window(window: u16) -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (broker, database) = (Broker::with_window(anywhere, window), Tsdb::start(anywhere));
        let (broker, database) = (broker.expect("a broker"), database.expect("a database"));
        database.keep_all(true);
        let bank = Bank::new();
        let bus = Server::tcp(anywhere, bank.clone()).await.expect("a bus");
        let publisher = Publisher::connect(broker.addr(), "kiosk", None).await.expect("a publisher");
        let lab = Self { broker, database, bank, bus, publisher, window, start_ms: Clock::system().now_ms(), published: BTreeMap::new() };
        lab.set_air(-195);
        lab
    }

    /// Sets every temperature of the cabinet, in tenths of a degree.
    pub fn set_air(&self, tenths: i16) {
        for address in REGISTERS {
            self.bank.set(1, Table::Holding, address, &[tenths.cast_unsigned()]);
        }
    }

    /// Configuration of a gateway in it; readings are forwarded. `interval_s` is the cabinet's.
    #[must_use]
    pub fn config(&self, interval_s: u32) -> String {
        let window = self.window;
        let (broker, bus, database) = (self.broker.addr(), self.bus.addr(), self.database.url());
        format!(
            r#"
[gateway]
id = "{GATEWAY}"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://{broker}"
window = {window}
[bus.cold]
transport = "tcp"
address = "{bus}"
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
[device.fz-ekc-01]
profile = "danfoss-ekc202d"
bus = "cold"
unit = 1
interval_s = {interval_s}
cold = "frozen"
"#
        )
    }

    /// Waits until the gateway listens to the broker and has been to the database.
    ///
    /// # Panics
    /// When that does not come.
    pub async fn until_listening(&self, gateway: &Gateway) {
        until("the gateway's subscription at the broker", Duration::from_secs(20), || async {
            let status = gateway.status().await;
            status["links"].as_array()?.iter().any(|link| link["kind"] == "broker" && link["state"] == "up").then_some(())
        })
        .await;
    }

    /// The locker publishes so many messages of three readings; the broker has them afterwards.
    ///
    /// # Panics
    /// Never: its times can be written.
    pub async fn publish(&mut self, count: u32) {
        for _ in 0..count {
            let nth = self.published.len() as u32;
            let at_ms = self.start_ms + i64::from(nth);
            let text = locker("lk-000", at_ms, nth);
            self.publisher.publish_nowait("scf/v1/gl-junmen/locker/lk-000/telemetry", text).await;
            self.published.insert(at_ms, f64::from(nth));
        }
        self.publisher.flush().await;
    }

    /// Messages that the gateway has not acknowledged yet.
    #[must_use]
    pub fn withheld(&self) -> usize {
        self.broker.waiting(GATEWAY)
    }

    /// Messages the gateway has acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.broker.counts().acknowledged
    }

    /// What the database has of the locker: times and the number each message carried.
    #[must_use]
    pub fn delivered(&self) -> BTreeMap<i64, f64> {
        self.series("locker", "deposits_total")
    }

    /// What the database has of a field of a measurement, whatever the device.
    #[must_use]
    pub fn series(&self, measurement: &str, field: &str) -> BTreeMap<i64, f64> {
        let is_it = |series: &str| series.split(',').next() == Some(measurement);
        let points = self.database.points().into_iter().filter(|((series, name, _), _)| name == field && is_it(series));
        points.map(|((_, _, at_ms), value)| (at_ms, value.trim_end_matches('i').parse().unwrap_or(f64::NAN))).collect()
    }

    /// Waits until the gateway has acknowledged everything that was published.
    ///
    /// # Panics
    /// When it does not.
    pub async fn until_acknowledged(&self, deadline: Duration) {
        until("everything to be acknowledged", deadline, || std::future::ready((self.withheld() == 0).then_some(()))).await;
    }

    /// Every point of the locker in the database was published like that; says how many there are.
    ///
    /// # Panics
    /// When one was not.
    #[must_use]
    pub fn assert_nothing_foreign(&self) -> usize {
        let delivered = self.delivered();
        for (at_ms, value) in &delivered {
            assert_eq!(self.published.get(at_ms), Some(value), "at {at_ms}");
        }
        delivered.len()
    }

    /// Waits until everything that was published is in the database, and nothing else of the locker is.
    ///
    /// # Panics
    /// When something is missing, foreign, altered, or contradicts what came before.
    pub async fn until_all_delivered(&self, gateway: &Gateway, deadline: Duration) {
        until("everything that was published to be in the database", deadline, || {
            std::future::ready((self.delivered().len() >= self.published.len()).then_some(()))
        })
        .await;
        assert_eq!(self.delivered(), self.published, "the same points, no other");
        assert_eq!(self.database.summary().conflicts, 0, "a point that was sent again is the same");
        gateway.until_drained(deadline).await;
    }
}

/// A locker's message: how many parcels were ever put in is `nth`.
///
/// # Panics
/// When the time has no name.
#[must_use]
#[expect(clippy::expect_used, reason = "times of this century have names")]
pub fn locker(device: &str, at_ms: i64, nth: u32) -> String {
    let ts = jiff::Timestamp::from_millisecond(at_ms).expect("a time");
    format!(
        r#"{{"v":1,"id":"{device}","ts":"{ts}","seq":{nth},"compartments":{{"total":60,"occupied":{},"faulted":2}},"counters":{{"deposits_total":{nth}}}}}"#,
        nth % 58
    )
}

/// A vending machine's message of 2 000 readings that do not compress: it fills blocks and files.
///
/// # Panics
/// When the time has no name.
#[must_use]
#[expect(clippy::expect_used, reason = "times of this century have names")]
pub fn vending(device: &str, at_ms: i64, random: &mut fastrand::Rng) -> String {
    let ts = jiff::Timestamp::from_millisecond(at_ms).expect("a time");
    let mut lanes = String::new();
    for no in 0..400 {
        let comma = if no > 0 { "," } else { "" };
        let mut level = || random.u32(0..100_000);
        let (level, par, min, capacity) = (level(), level(), level(), level());
        let price = random.u32(0..100_000_000);
        // Writing to a string does not fail.
        let _ =
            write!(lanes, r#"{comma}{{"no":"{no}","level":{level},"par":{par},"min":{min},"capacity":{capacity},"price_fen":{price}}}"#);
    }
    format!(r#"{{"v":1,"id":"{device}","ts":"{ts}","seq":1,"status":"in_service","lanes":[{lanes}]}}"#)
}
