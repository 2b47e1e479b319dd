//! A rig of memory stores, the forwarder and a loopback database, for the tests beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod again;
mod ahead;
mod order;
mod refusal;
mod script;
mod turns;
mod way;

use super::*;
use crate::store::memory::{Memory, memory};
use crate::store::record::{MetricName, Origin};
use crate::store::{Cursor, Names, Record, Sink};
use facility_config::{Part, Point};
use facility_drivers::Value;
use facility_drivers::sim::tsdb::{Mode, Tsdb};
use std::io::Read;
use std::net::SocketAddr;
use tokio::task::JoinHandle;

/// Nothing here takes that long unless it never happens.
const DEADLINE: Duration = Duration::from_secs(60);
const AT_MS: i64 = 1_767_225_600_000;

fn names() -> Names {
    let metric = |name: &str| MetricName { name: name.into(), part: Part::WHOLE, point: Point::from_name(name) };
    Names {
        origins: ["device_id=a", "device_id=poison", "device_id=b"].map(|tags| Origin { tags: tags.into(), device: None }).to_vec(),
        metrics: ["cabinet_5m.coverage", "cabinet_5m.door_openings", "cabinet_5m.door_open_s"].map(metric).to_vec(),
    }
}

/// One line of two fields for each moment.
fn lines(moments: std::ops::Range<i64>, origin: u32) -> Vec<Record> {
    let record = |metric, at, value| Record { origin, metric, flags: 0, at_ms: AT_MS + at, log_ms: AT_MS, value };
    moments.flat_map(|at| [record(0, at, Value::Float(at as f64 / 8.0)), record(1, at, Value::Int(at))]).collect()
}

/// A forwarder between memory stores and a loopback database.
struct Rig {
    tsdb: Tsdb,
    lanes: Vec<(Store, Memory)>,
    delivery: Arc<Delivery>,
    link: watch::Receiver<Link>,
    forward: site::Forward,
    way: Way,
    dir: tempfile::TempDir,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Rig {
    fn new(lanes: usize) -> Self {
        let tsdb = Tsdb::start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        tsdb.keep_all(true);
        let dir = tempfile::tempdir().unwrap();
        let token_file = dir.path().join("token");
        std::fs::write(&token_file, "first").unwrap();
        let database = site::Database {
            url: tsdb.url(),
            api: site::WriteApi::Influx2 { org: "o".to_owned(), bucket: "b".to_owned() },
            login: site::Login::Token(token_file),
            tls: site::Tls::default(),
            timeout: Duration::from_secs(30),
            proxy: None,
            server_name: None,
        };
        let forward = site::Forward {
            name: "main".into(),
            target: site::Target::Database(Box::new(database)),
            metrics: true,
            events: true,
            raw: None,
            start_now: false,
            retention: None,
            priority: 1,
            live_share_pct: 50,
            short_windows: true,
            revisions: site::Revisions::Over,
            bytes_per_s: None,
            bytes_per_month: None,
            lines_max: 100,
            bytes_max: 100_000,
            delay: Duration::from_millis(5),
        };
        let link = watch::channel(Link::new(0)).1;
        let lanes = (0..lanes).map(|_| memory(names())).collect();
        Self { tsdb, lanes, delivery: Arc::default(), link, forward, way: Way::alone(), dir, running: None }
    }

    fn database(&mut self) -> &mut site::Database {
        match &mut self.forward.target {
            site::Target::Database(database) => database,
            site::Target::Platform(_) | site::Target::Files(_) => panic!("the rig has a database"),
        }
    }

    /// The forwarder's parts, with a link and a stop of its own.
    fn task(&self) -> ForwardTask {
        let lane = |(store, _): &(Store, Memory)| Lane {
            name: "lane",
            store: store.clone(),
            sink: Sink::Forward,
            classes: vec![Class::Metric],
            readings: site::Selection::default(),
        };
        ForwardTask {
            forward: self.forward.clone(),
            lanes: self.lanes.iter().map(lane).collect(),
            delivery: Arc::clone(&self.delivery),
            way: self.way.clone(),
            link: watch::channel(Link::new(0)).0,
            clock: Clock::manual(AT_MS),
            stop: CancellationToken::new(),
            seed: 7,
            dead_letter_dir: self.dir.path().join("dead"),
            replay_dir: self.dir.path().join("replay"),
            budget_dir: self.dir.path().join("budget"),
            zone: jiff::tz::TimeZone::UTC,
        }
    }

    fn start(&mut self) {
        let task = self.task();
        self.link = task.link.subscribe();
        let stop = task.stop.clone();
        let mut forwarder = task.prepare().unwrap();
        // The same waits, a thousand times shorter.
        let quick = |ms| Backoff::new(Duration::from_millis(ms), Duration::from_millis(BACKOFF_MS_MAX / 1_000), 7);
        (forwarder.retry, forwarder.hold) = (quick(1), quick(10));
        self.running = Some((stop, tokio::spawn(forwarder.run())));
    }

    async fn stop(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        stop.cancel();
        tokio::time::timeout(DEADLINE, task).await.expect("the forwarder stops in time").unwrap();
        assert_eq!(self.link.borrow().state, LinkState::Stopped);
    }

    fn push(&self, records: Vec<Record>) {
        self.lanes[0].1.push(records);
    }

    fn cursor(&self) -> Cursor {
        self.lanes.first().map(|(_, memory)| memory.cursor(Sink::Forward)).unwrap_or_default()
    }

    /// Waits until a condition holds.
    async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let polled = async {
            while !condition(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, polled).await.is_err() {
            panic!("never: {what}; cursor {:?}, link {:?}, got {:?}", self.cursor(), self.link.borrow(), self.tsdb.summary());
        }
    }

    async fn until_read(&self, next: u64) {
        self.until(&format!("cursor at {next}"), |rig| rig.cursor().next == next).await;
    }

    fn dead_letters(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("dead/dead-letter.lp")).unwrap_or_default()
    }

    /// The sink holds what was produced, once and unchanged.
    fn assert_sink_holds(&self, records: &[Record]) {
        let mut expected = std::collections::BTreeMap::new();
        let names = names();
        for record in records {
            let field = names.metrics[record.metric as usize].point.unwrap().info().field;
            let value = match &record.value {
                Value::Float(value) => format!("{value:?}"),
                Value::Int(value) => format!("{value}i"),
                value => panic!("{value:?}"),
            };
            expected.insert((format!("cabinet_5m,{}", names.origins[record.origin as usize].tags), field.to_owned(), record.at_ms), value);
        }
        assert_eq!(self.tsdb.points(), expected);
        assert_eq!(self.tsdb.summary().conflicts, 0);
    }
}

fn unpacked(body: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap();
    text
}
