//! The forwarder of the gateway on a store, without anything else of a gateway.

use crate::backlog::{DEVICES, options};
use facility_config::limits::{FORWARD_BYTES_DEFAULT, FORWARD_LINES_DEFAULT};
use facility_config::series::Class;
use facility_config::site::{Database, Forward, Login, Revisions, Selection, Target, Tls, WriteApi};
use facility_drivers::sim::workload::Workload;
use facility_drivers::{Clock, Link};
use facility_gateway::forward::way::Way;
use facility_gateway::forward::{ForwardTask, Lane};
use facility_gateway::store::{Opened, RealDisk, Sink, Store, open};
use facility_gateway::telemetry::Delivery;
use facility_tests::meter;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Name of the store and its thread.
pub(crate) const STORE: &str = "bench";

/// Where to.
#[derive(Debug, Clone)]
pub(crate) struct To {
    pub(crate) url: String,
    /// Of an InfluxDB 1; everything else is written to as InfluxDB 2.
    pub(crate) password_file: Option<PathBuf>,
}

impl To {
    pub(crate) fn of(url: &str) -> Self {
        Self { url: url.to_owned(), password_file: None }
    }

    /// For the command line of a child.
    pub(crate) fn to_word(&self) -> String {
        json!({ "url": self.url, "password_file": self.password_file }).to_string()
    }

    fn from_word(word: &str) -> Self {
        let json: Value = serde_json::from_str(word).expect("where to, as JSON");
        Self { url: json["url"].as_str().expect("an address").to_owned(), password_file: json["password_file"].as_str().map(PathBuf::from) }
    }

    fn database(&self) -> Database {
        let (api, login) = match &self.password_file {
            Some(file) => {
                (WriteApi::Influx1 { db: "fz".to_owned(), rp: None }, Login::Password { user: "gateway".to_owned(), file: file.clone() })
            }
            None => (WriteApi::Influx2 { org: "fuzhou".to_owned(), bucket: "facilities".to_owned() }, Login::None),
        };
        Database {
            url: self.url.clone(),
            api,
            login,
            tls: Tls::default(),
            timeout: Duration::from_secs(30),
            proxy: None,
            server_name: None,
        }
    }
}

/// What a child says of its run.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) lines: u64,
    pub(crate) points: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) store_cpu_s: f64,
    /// Peak of memory in the first tenth of the backlog, and in all of it.
    pub(crate) tenth_mb: f64,
    pub(crate) peak_mb: f64,
}

impl Answer {
    fn to_json(&self) -> Value {
        json!({
            "lines": self.lines, "points": self.points, "dead_lettered": self.dead_lettered, "wall_s": self.wall_s, "cpu_s": self.cpu_s,
            "store_cpu_s": self.store_cpu_s, "tenth_mb": self.tenth_mb, "peak_mb": self.peak_mb,
        })
    }

    pub(crate) fn from_json(json: &Value) -> Self {
        let count = |key: &str| json[key].as_u64().unwrap_or_else(|| panic!("{key} in {json}"));
        let number = |key: &str| json[key].as_f64().unwrap_or_else(|| panic!("{key} in {json}"));
        Self {
            lines: count("lines"),
            points: count("points"),
            dead_lettered: count("dead_lettered"),
            wall_s: number("wall_s"),
            cpu_s: number("cpu_s"),
            store_cpu_s: number("store_cpu_s"),
            tenth_mb: number("tenth_mb"),
            peak_mb: number("peak_mb"),
        }
    }
}

/// In a child: sends what the store in `dir` holds and answers for it.
pub(crate) fn child(dir: &Path, to: &str) {
    // As in the gateway: one thread for everything, beside the store's own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    println!("{}", runtime.block_on(send(dir, &To::from_word(to))).to_json());
}

async fn send(dir: &Path, to: &To) -> Answer {
    let clock = Clock::system();
    let Opened { store, .. } = open(options(dir, Workload::tags(DEVICES)), clock.clone(), RealDisk).expect("the store opens");
    let end = store.durable().borrow().end;
    let (cpu, store_cpu, began) = (meter::cpu(), meter::cpu_of(STORE), Instant::now());
    let sending = Sending::start(store, to, clock, dir, (vec![Class::Reading], true));
    let mut tenth_mb = None;
    loop {
        let next = sending.next().await;
        if next >= end / 10 {
            tenth_mb.get_or_insert_with(|| meter::memory_mb("VmHWM"));
        }
        if next >= end {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let wall_s = began.elapsed().as_secs_f64();
    let delivery = &sending.delivery;
    Answer {
        lines: delivery.lines.get(),
        points: delivery.points.get(),
        dead_lettered: delivery.dead_lettered.get(),
        wall_s,
        cpu_s: (meter::cpu() - cpu).as_secs_f64(),
        store_cpu_s: (meter::cpu_of(STORE) - store_cpu).as_secs_f64(),
        tenth_mb: tenth_mb.unwrap_or_default(),
        peak_mb: meter::memory_mb("VmHWM"),
    }
}

/// A forwarder at work.
#[derive(Debug)]
pub(crate) struct Sending {
    store: Store,
    pub(crate) delivery: Arc<Delivery>,
}

impl Sending {
    /// Begins to send points of these classes, and of figures perhaps short windows. Must be called inside a runtime; ends with it.
    pub(crate) fn start(store: Store, to: &To, clock: Clock, dir: &Path, (classes, short_windows): (Vec<Class>, bool)) -> Self {
        let delivery = Arc::<Delivery>::default();
        let lane = Lane { name: STORE, store: store.clone(), sink: Sink::Forward, classes, readings: Selection::default() };
        let task = ForwardTask {
            forward: Forward {
                name: "main".into(),
                target: Target::Database(Box::new(to.database())),
                metrics: true,
                events: true,
                raw: Some(Selection::default()),
                start_now: false,
                retention: None,
                priority: 1,
                live_share_pct: 50,
                bytes_per_s: None,
                bytes_per_month: None,
                short_windows,
                revisions: Revisions::Over,
                lines_max: FORWARD_LINES_DEFAULT,
                bytes_max: FORWARD_BYTES_DEFAULT,
                delay: Duration::from_millis(1),
            },
            lanes: vec![lane],
            delivery: Arc::clone(&delivery),
            way: Way::alone(),
            link: watch::channel(Link::new(0)).0,
            clock,
            stop: CancellationToken::new(),
            seed: 7,
            dead_letter_dir: dir.join("dead-letter"),
            replay_dir: dir.join("replay"),
            budget_dir: dir.join("budget"),
            zone: TimeZone::UTC,
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        tokio::spawn(task.prepare().expect("a forwarder that can start").run());
        Self { store, delivery }
    }

    /// Next point to be sent.
    pub(crate) async fn next(&self) -> u64 {
        self.store.cursor(Sink::Forward).await.expect("the store runs").next
    }
}
