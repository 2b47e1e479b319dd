//! Late readings change figures that are in the databases: one that overwrites has the newest issue, VictoriaMetrics has every
//! issue whole, and gives the newest when asked for the last.

use facility_drivers::Clock;
use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{FakeClock, Gateway, Influx, Mosquitto, Victoria, until};
use std::collections::BTreeMap;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Fields of a row, by name; rows by series (`measurement,tag=value,…`) and time.
type Row = BTreeMap<String, f64>;
type Rows = BTreeMap<(String, i64), Row>;

fn config(broker: u16, beside: &Victoria, over: &Influx) -> String {
    format!(
        r#"
[gateway]
id = "gw-rev-01"
site = "gl-junmen"
district = "350102"
[metrics]
zone = "UTC"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:{broker}"
[forward.main]
url = "{}"
org = "fz"
bucket = "fz"
revisions = "beside"
delay_ms = 100
[forward.over]
protocol = "influx1"
url = "{}"
db = "fz"
username = "gateway"
password_file = {:?}
delay_ms = 100
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
interval_s = 60
"#,
        beside.url(),
        over.url(),
        over.password_file()
    )
}

/// A gateway that is near the end of a day, by a clock that can be set forward.
struct Site {
    gateway: Gateway,
    clock: FakeClock,
    publisher: Publisher,
    /// Messages.
    said: u64,
    /// Midnight: tonight, for the clock must not be older than the program.
    midnight_ms: i64,
    beside: Victoria,
    over: Influx,
    _broker: Mosquitto,
}

impl Site {
    async fn start() -> Self {
        let (broker, beside, over) = tokio::join!(Mosquitto::start(), Victoria::start(), Influx::start());
        let midnight_ms = (Clock::system().now_ms() / (24 * HOUR_MS) + 1) * 24 * HOUR_MS;
        let clock = FakeClock::new(0);
        let mut gateway = Gateway::prepare(&config(broker.port, &beside, &over));
        clock.environment().into_iter().for_each(|(name, value)| gateway.set_env(name, value));
        let publisher = Publisher::connect(([127, 0, 0, 1], broker.port).into(), "revisions-test", None).await.unwrap();
        let mut site = Self { gateway, clock, publisher, said: 0, midnight_ms, beside, over, _broker: broker };
        site.set_clock(-10);
        site.gateway.resume().await;
        until("the broker", DEADLINE, || async {
            site.gateway.status().await["links"]
                .as_array()?
                .iter()
                .any(|link| link["kind"] == "broker" && link["state"] == "up")
                .then_some(())
        })
        .await;
        site
    }

    /// So many minutes behind midnight.
    fn set_clock(&self, minute: i64) {
        self.clock.set((self.midnight_ms + minute * MINUTE_MS - Clock::system().now_ms()) / 1000);
    }

    /// What the locker says of a moment, whenever it says it.
    async fn publish(&mut self, minute: i64, occupied: u32) {
        let ts = jiff::Timestamp::from_millisecond(self.midnight_ms + minute * MINUTE_MS).unwrap();
        let text =
            format!(r#"{{"v":1,"id":"lk-001","ts":"{ts}","seq":1,"compartments":{{"total":60,"occupied":{occupied},"faulted":2}}}}"#);
        self.publisher.publish_nowait("scf/v1/gl-junmen/locker/lk-001/telemetry", text).await;
        self.publisher.flush().await;
        self.said += 1;
        // In the log before the clock goes on: its time there is that of the commit.
        until("the message in the log", DEADLINE, || async {
            let status = self.gateway.status().await;
            let row = |name: &str| status["accounts"].as_array()?.iter().find(|row| row["name"] == name).cloned();
            let is_in = row("messages")?["delivered"].as_u64()? >= self.said;
            let is_read = row("readings").is_some_and(|row| row["buffered"] == 0 && row["missing"] == 0);
            (is_in && is_read).then_some(())
        })
        .await;
    }

    /// The rows of figures of the database that keeps values, by their measurement and tags.
    async fn beside(&self) -> Rows {
        let mut rows = Rows::new();
        for (series, points) in self.beside.points().await {
            let Some((name, tags)) = series.split_once(',') else { continue };
            let cut = ["_5m_", "_kpi_"].iter().find_map(|mark| Some(name.find(mark)? + mark.len() - 1));
            let Some((measurement, field)) = cut.map(|at| (&name[..at], &name[at + 1..])) else { continue };
            for (at_ms, value) in points {
                rows.entry((format!("{measurement},{tags}"), at_ms)).or_default().insert(field.to_owned(), value);
            }
        }
        rows
    }

    /// The same of the one that overwrites.
    async fn over(&self) -> Rows {
        let mut rows = Rows::new();
        for ((series, field, at_ms), value) in self.over.points().await {
            let is_figure = ["_5m,", "_kpi,"].iter().any(|mark| series.contains(mark));
            if let Some(value) = value.as_f64().filter(|_| is_figure) {
                rows.entry((series, at_ms)).or_default().insert(field, value);
            }
        }
        rows
    }

    /// Waits until the locker's last hour before midnight has so many issues beside each other, and the last one over them.
    async fn until_issued(&self, count: i64) -> (Rows, Rows) {
        let last = count - 1;
        until(&format!("issue {last} of the hour"), DEADLINE, || async {
            let (beside, over) = (self.beside().await, self.over().await);
            let hour = |at_ms: i64| move |(series, at): &&(String, i64)| *at == at_ms && is_hour(series);
            let is_over = over.iter().any(|(key, row)| hour(self.midnight_ms - HOUR_MS)(&key) && rev(row) == last);
            let is_beside = beside.keys().any(|key| hour(self.midnight_ms - HOUR_MS + last)(&key));
            (is_over && is_beside).then_some((beside, over))
        })
        .await;
        // Rows of one day leave together: nothing of it is still on its way.
        self.gateway.until_drained(DEADLINE).await;
        (self.beside().await, self.over().await)
    }
}

fn is_hour(series: &str) -> bool {
    series.starts_with("locker_kpi,") && series.contains("device_id=lk-001") && series.contains("window=1h")
}

fn rev(row: &Row) -> i64 {
    row.get("rev").map_or(0, |rev| *rev as i64)
}

#[tokio::test]
async fn every_issue_of_a_figure_is_whole_beside_the_others_or_the_newest_is_over_them() {
    let mut site = Site::start().await;
    site.publish(-10, 12).await;
    site.set_clock(20);
    site.publish(20, 13).await;
    let (first, _) = site.until_issued(1).await;
    // What was said before midnight comes now, in two portions, and the day is worked over after each.
    let mut issues = vec![first];
    for (nth, (said, minute)) in [(-6, 70), (-3, 8 * 60)].into_iter().enumerate() {
        site.publish(said, 40 + nth as u32).await;
        site.set_clock(minute);
        site.publish(minute, 13).await;
        issues.push(site.until_issued(nth as i64 + 2).await.0);
    }
    let (beside, over) = site.until_issued(3).await;
    let mut revised = 0;
    for ((series, start_ms), newest) in &over {
        let rows: Vec<(&i64, &Row)> =
            beside.range((series.clone(), *start_ms)..(series.clone(), start_ms + 1_000)).map(|((_, at), row)| (at, row)).collect();
        // What only the first issue tells, of the day's missing messages, stays in the row that is written over.
        let one_over_the_other: Row = rows.iter().flat_map(|(_, row)| (*row).clone()).collect();
        assert_eq!(&one_over_the_other, newest, "{series}: the last one is the one that is over the others");
        assert!(!series.starts_with("locker") || rows.last().unwrap().1 == newest, "{series}: and whole");
        for (at_ms, row) in &rows {
            assert_eq!(**at_ms, start_ms + rev(row), "{series}: each issue at its place");
            // Once there, an issue stays as it was sent.
            let key = (series.clone(), **at_ms);
            assert!(issues.iter().filter_map(|issue| issue.get(&key)).all(|sent| sent == *row), "{key:?}");
        }
        revised += rows.len() - 1;
    }
    assert_eq!(beside.len(), over.len() + revised, "nothing stands elsewhere");
    assert!(revised >= 4, "hour and day, two times: {revised}");
    let last = |start_ms: i64| over.iter().find(|((series, at), _)| *at == start_ms && is_hour(series)).unwrap().1["occupancy"];
    let start_ms = site.midnight_ms - HOUR_MS;
    let query = "last_over_time(locker_kpi_occupancy{device_id=\"lk-001\",window=\"1h\"}[1h] offset -1s)";
    let told = site.beside.range(query, start_ms, start_ms + HOUR_MS, HOUR_MS).await;
    assert_eq!(told.get(&start_ms), Some(&last(start_ms)), "{told:?}");
    assert!(site.gateway.terminate().await.success());
}
