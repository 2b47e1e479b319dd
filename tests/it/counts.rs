//! Real databases over a way full of faults: at the end they hold what was produced, point by point, and nothing else.
//!
//! What was produced is known from two sides: readings from what was published, everything else from a second
//! destination that is always well.

use facility_drivers::Clock;
use facility_drivers::sim::mqtt::Publisher;
use facility_drivers::sim::tsdb::Tsdb;
use facility_tests::{Fault, Gateway, Influx, Mosquitto, Victoria, Way, until};
use std::collections::BTreeMap;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(150);
const LOCKERS: u32 = 10;
/// Messages between two troubles.
const PER_ROUND: u32 = 300;
/// Every third request at least gets through.
const FAULTS: [Fault; 10] = [
    Fault::None,
    Fault::AnswerLost,
    Fault::None,
    Fault::Late,
    Fault::Reset,
    Fault::None,
    Fault::AnswerCut,
    Fault::Late,
    Fault::Busy,
    Fault::None,
];

/// Series with its tags, field, time in ms.
type Key = (String, String, i64);

/// What befalls the site in a round, beside the faults of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    DatabaseStopped,
    DatabaseKilled,
    GatewayKilled,
}

const TROUBLES: [Trouble; 6] = [
    Trouble::None,
    Trouble::DatabaseStopped,
    Trouble::GatewayKilled,
    Trouble::DatabaseKilled,
    Trouble::GatewayKilled,
    Trouble::DatabaseStopped,
];

/// Broker, gateway, a way with faults to the database under test, and a database that is always well.
struct Site {
    broker: Mosquitto,
    gateway: Gateway,
    way: Way,
    truth: Tsdb,
    publisher: Publisher,
    published: BTreeMap<Key, i64>,
    start_ms: i64,
}

impl Site {
    /// `database` has the keys of the destination that are not those of the way.
    async fn start(port: u16, database: &str) -> Self {
        let (broker, way) = tokio::join!(Mosquitto::start(), Way::to(port));
        let truth = Tsdb::start(([127, 0, 0, 1], 0).into()).unwrap();
        truth.keep_all(true);
        let gateway = Gateway::start(&config(broker.port, &way.url(), database, &truth.url())).await;
        until("the broker", DEADLINE, || async {
            gateway.status().await["links"].as_array()?.iter().any(|link| link["kind"] == "broker" && link["state"] == "up").then_some(())
        })
        .await;
        let publisher = Publisher::connect(([127, 0, 0, 1], broker.port).into(), "counts-test", None).await.unwrap();
        let start_ms = Clock::system().now_ms();
        Self { broker, gateway, way, truth, publisher, published: BTreeMap::new(), start_ms }
    }

    async fn publish(&mut self, nth: u32, at_ms: i64) {
        let device = format!("lk-{:03}", nth % LOCKERS);
        let ts = jiff::Timestamp::from_millisecond(at_ms).unwrap();
        let occupied = i64::from(nth % 58);
        let text = format!(
            r#"{{"v":1,"id":"{device}","ts":"{ts}","seq":{nth},"compartments":{{"total":60,"occupied":{occupied},"faulted":2}},"counters":{{"deposits_total":{nth}}}}}"#
        );
        self.publisher.publish_nowait(&format!("scf/v1/gl-junmen/locker/{device}/telemetry"), text).await;
        let series = format!("locker,device_id={device},district=350102,gw_id=gw-counts-01,kind=locker,site_id=gl-junmen");
        for (field, value) in [("comp_total", 60), ("comp_occupied", occupied), ("comp_faulted", 2), ("deposits_total", i64::from(nth))] {
            self.published.insert((series.clone(), field.to_owned(), at_ms), value);
        }
    }

    /// What the healthy database got: every point that was produced. All readings that were published are there.
    async fn produced(&self) -> BTreeMap<Key, String> {
        until("all readings at the healthy database", DEADLINE, || async {
            let points = self.truth.points();
            self.published.keys().all(|key| points.contains_key(key)).then_some(())
        })
        .await;
        assert_eq!(self.truth.summary().conflicts, 0, "what is sent again is the same");
        let points = self.truth.points();
        let readings = points.iter().filter(|((series, ..), _)| series.starts_with("locker,"));
        let readings: BTreeMap<Key, i64> =
            readings.map(|(key, value)| (key.clone(), value.trim_end_matches('i').parse().unwrap())).collect();
        assert_eq!(readings, self.published, "the same readings, no other");
        points
    }
}

fn config(broker: u16, way: &str, database: &str, truth: &str) -> String {
    let mut text = format!(
        r#"
[gateway]
id = "gw-counts-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:{broker}"
[forward.main]
url = "{way}"
{database}
raw = true
lines_max = 60
delay_ms = 100
[forward.truth]
url = "{truth}"
org = "fz"
bucket = "fz"
raw = true
delay_ms = 100
"#
    );
    for nth in 0..LOCKERS {
        text += &format!("[device.lk-{nth:03}]\nprofile = \"locker\"\nmqtt = \"kiosk\"\n");
    }
    text
}

/// A database that can be troubled.
trait Database {
    fn stop(&mut self);
    /// kill -9, when it may be expected to keep what it answered for.
    async fn kill(&mut self, way: &Way);
    async fn resume(&mut self);
    /// Names of all points: what of `produced` is there, and what is there besides.
    async fn holds(&self, produced: &BTreeMap<Key, String>) -> (usize, usize);
}

impl Database for Victoria {
    fn stop(&mut self) {
        self.stop();
    }

    async fn kill(&mut self, way: &Way) {
        // It answers before anything is on disk. So the way is closed first and all it has answered for written.
        way.meets(&[Fault::Reset]);
        let before = way.met(Fault::Reset);
        until("the way to be closed", DEADLINE, || async { (way.met(Fault::Reset) > before).then_some(()) }).await;
        self.flush().await;
        self.kill();
    }

    async fn resume(&mut self) {
        self.resume().await;
    }

    async fn holds(&self, produced: &BTreeMap<Key, String>) -> (usize, usize) {
        let mut points = self.points().await;
        let mut held = 0;
        for (series, field, at_ms) in produced.keys() {
            let (measurement, tags) = series.split_once(',').unwrap_or((series, ""));
            let of_series = points.get_mut(&format!("{measurement}_{field},{tags}"));
            held += usize::from(of_series.is_some_and(|series| series.remove(at_ms).is_some()));
        }
        (held, points.values().map(BTreeMap::len).sum())
    }
}

impl Database for Influx {
    fn stop(&mut self) {
        self.stop();
    }

    async fn kill(&mut self, _: &Way) {
        self.kill();
    }

    async fn resume(&mut self) {
        self.resume().await;
    }

    async fn holds(&self, produced: &BTreeMap<Key, String>) -> (usize, usize) {
        let mut points = self.points().await;
        let is_same = |value: &serde_json::Value, text: &str| match value {
            serde_json::Value::String(value) => text == format!("{value:?}"),
            serde_json::Value::Number(number) => text.trim_end_matches('i').parse::<f64>().ok() == number.as_f64(),
            serde_json::Value::Bool(value) => text == if *value { "true" } else { "false" },
            _ => false,
        };
        let held = produced.iter().filter(|(key, text)| points.remove(key).is_some_and(|value| is_same(&value, text))).count();
        (held, points.len())
    }
}

/// Troubles of every kind while messages come, then a good way: the database holds what was produced.
async fn ends_with_everything(database: &mut impl Database, port: u16, keys: &str) {
    let mut site = Site::start(port, keys).await;
    let mut random = fastrand::Rng::with_seed(7);
    let mut nth = 0;
    site.way.limit_body(Some(600));
    for trouble in TROUBLES {
        site.way.meets(&FAULTS);
        // The trouble falls somewhere inside the round, each time elsewhere.
        let at = random.u32(0..PER_ROUND);
        for step in 0..PER_ROUND {
            nth += 1;
            site.publish(nth, site.start_ms + i64::from(nth)).await;
            match trouble {
                Trouble::DatabaseStopped if step == at => database.stop(),
                Trouble::DatabaseKilled if step == at => database.kill(&site.way).await,
                Trouble::GatewayKilled if step == at => site.gateway.kill(),
                _ => {}
            }
        }
        site.publisher.flush().await;
        let before = site.way.met(Fault::None);
        match trouble {
            Trouble::DatabaseStopped | Trouble::DatabaseKilled => database.resume().await,
            Trouble::GatewayKilled => site.gateway.resume().await,
            Trouble::None => {}
        }
        site.way.meets(&FAULTS);
        until("the next request to get through", DEADLINE, || async { (site.way.met(Fault::None) > before).then_some(()) }).await;
    }
    // How many requests carry so many messages is for the machine to decide: a message each until every fault has come.
    while FAULTS.iter().any(|fault| site.way.met(*fault) == 0) {
        let before = site.way.requests();
        nth += 1;
        site.publish(nth, site.start_ms + i64::from(nth)).await;
        until("the next request", DEADLINE, || async { (site.way.requests() > before).then_some(()) }).await;
    }
    site.publisher.flush().await;
    assert_eq!(site.publisher.acked(), u64::from(nth), "the broker took everything");
    assert!(site.way.too_large() > 0, "no request was too large");
    site.way.meets(&[]);
    let produced = until("the database to hold what was produced, and nothing else", DEADLINE, || async {
        let produced = site.produced().await;
        let held = database.holds(&produced).await;
        (held == (produced.len(), 0)).then_some(produced)
    })
    .await;
    assert!(produced.len() > 4 * nth as usize, "readings and what the gateway itself has to say");
    let status = site.gateway.until_drained(DEADLINE).await;
    assert!(status["accounts"].as_array().is_some_and(|rows| rows.iter().all(|row| row["dead_lettered"] == 0)), "{status}");
    assert!(site.gateway.terminate().await.success());
    drop(site.broker);
}

#[tokio::test]
async fn victoria_metrics_holds_what_was_produced_whatever_happened() {
    let mut database = Victoria::start().await;
    let port = database.port;
    ends_with_everything(&mut database, port, "org = \"fz\"\nbucket = \"fz\"").await;
}

#[tokio::test]
async fn influxdb_holds_what_was_produced_whatever_happened() {
    let mut database = Influx::start().await;
    let (port, file) = (database.port, database.password_file());
    let keys = format!("protocol = \"influx1\"\ndb = \"fz\"\nusername = \"gateway\"\npassword_file = {file:?}");
    ends_with_everything(&mut database, port, &keys).await;
}

#[tokio::test]
async fn a_line_that_influxdb_refuses_is_kept_with_its_reason_and_all_others_are_stored() {
    let database = Influx::start().await;
    let keys = format!("protocol = \"influx1\"\ndb = \"fz\"\nusername = \"gateway\"\npassword_file = {:?}", database.password_file());
    let mut site = Site::start(database.port, &keys).await;
    // Somebody else wrote a text into this hour of the field: it is a text there for good.
    let at_ms = site.start_ms - 3 * 86_400_000;
    database.write(&format!("locker,device_id=other comp_occupied=\"many\",by_hand=1i {at_ms}\n")).await;
    for nth in 0..200 {
        site.publish(nth, if nth == 137 { at_ms } else { site.start_ms + i64::from(nth) }).await;
    }
    site.publisher.flush().await;
    let is_poison = |key: &Key| key.0.starts_with("locker,") && key.2 == at_ms;
    until("everything but one line in the database", DEADLINE, || async {
        let mut produced = site.produced().await;
        produced.retain(|key, _| !is_poison(key));
        // Besides: what was written by hand. A field of two types is answered with one of them, so its text is not.
        (database.holds(&produced).await == (produced.len(), 1)).then_some(())
    })
    .await;
    let letters = std::fs::read_to_string(site.gateway.store().join("dead-letter/dead-letter.lp")).unwrap();
    let lines: Vec<&str> = letters.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 2, "{letters}");
    assert!(
        lines[0].starts_with("# ") && lines[0].contains("field type conflict") && lines[0].contains("already exists as type string"),
        "{letters}"
    );
    assert!(lines[1].starts_with("locker,device_id=lk-007,") && lines[1].ends_with(&format!(" {at_ms}")), "{letters}");
    until("the account to tell of one line of four fields", DEADLINE, || async {
        let status = site.gateway.status().await;
        let dead = status["accounts"].as_array()?.iter().filter_map(|row| row["dead_lettered"].as_u64()).sum::<u64>();
        (dead == 4).then_some(())
    })
    .await;
}
