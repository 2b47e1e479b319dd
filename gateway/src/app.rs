//! The wiring: [`App::build`] opens stores, binds sockets and makes every channel; [`App::run`] spawns and waits.
//!
//! Nothing is decided here that a part could decide itself. What `build` accepts, `run` can run.

mod brokers;
mod buses;
mod forward;
mod operator;
pub(crate) mod stores;

use crate::api::{Api, Logs, Taps};
use crate::archive::Archive;
use crate::coldchain::{self, ColdChain};
use crate::collect::{Collector, Watched};
use crate::gaps::Gaps;
use crate::letters::LettersInfo;
use crate::operator::{ORDER_QUEUE_LEN, Order};
use crate::pipeline::{Parts, Picture, Pipeline, SNAPSHOT};
use crate::rollup::Rollup;
use crate::status::Status;
use crate::store::{OpenError, Store};
use crate::strangers;
use crate::tasks::{Fatal, Kind, Tasks};
use crate::telemetry::{Delivery, Telemetry};
use crate::wear::{self, Gauge};
use anyhow::Context;
use facility_config::Site;
use facility_config::limits::{BATCH_QUEUE_LEN, LETTER_QUEUE_LEN};
use facility_drivers::heard::Heard;
use facility_drivers::{Batch, Clock, Link};
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// How long the stores may take to write what they have and end.
pub(crate) const STORE_CLOSE: Duration = Duration::from_secs(3);

/// Why a valid configuration does not start.
#[derive(Debug)]
pub enum BuildError {
    /// The store cannot be opened.
    Store(OpenError),
    /// Everything else: a port that is taken, a secret that vanished since the check.
    Other(anyhow::Error),
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// As asked.
    Stopped,
    /// Not at all: a person has to set something right (a token that cannot be read, no certificate authority).
    NotStarted(String),
    /// By a defect.
    Fatal(Fatal),
}

/// A gateway that can run.
pub struct App {
    site: Arc<Site>,
    clock: Clock,
    telemetry: Arc<Telemetry>,
    readings: Store,
    outbox: Store,
    archive: Arc<Archive>,
    threads: Vec<JoinHandle<()>>,
    links: Links,
    status: (watch::Sender<Arc<Status>>, watch::Receiver<Arc<Status>>),
    collector: Collector,
    picture: watch::Sender<Arc<Picture>>,
    gauge: Gauge,
    api: Option<Api>,
    tasks: Tasks,
}

/// One per connection to the outside, written by its driver.
struct Links {
    brokers: Vec<watch::Sender<Link>>,
    buses: Vec<watch::Sender<Link>>,
    taps: Taps,
    /// Destinations, in their order, and what was done for each.
    databases: Vec<(watch::Sender<Link>, Arc<Delivery>)>,
    /// What brokers show besides readings, in their order.
    heard: Vec<watch::Sender<Arc<Heard>>>,
    /// Strangers known before this start.
    strangers: Arc<strangers::Known>,
    letters: watch::Sender<LettersInfo>,
}

impl BuildError {
    /// Exit code of the process: 75 if another process holds the store, 78 for everything a person has to set right.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Store(OpenError::InUse { .. }) => 75,
            Self::Store(_) | Self::Other(_) => 78,
        }
    }
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Other(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for BuildError {}

impl From<anyhow::Error> for BuildError {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl App {
    /// Opens the stores and binds the status page. Sends and receives nothing yet.
    ///
    /// # Errors
    /// [`BuildError`] in words for a person.
    pub fn build(site: Site, clock: Clock) -> Result<Self, BuildError> {
        let site = Arc::new(site);
        // Only the last part of the path is made: a missing parent is a mount that is not there.
        if let Err(error) = std::fs::create_dir(&site.store.dir)
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            let dir = site.store.dir.display();
            return Err(anyhow::anyhow!("store.dir = \"{dir}\" cannot be made: {error}; create the folder above it, or set another").into());
        }
        let telemetry = Arc::new(Telemetry::default());
        let [readings, outbox] = stores::open(&site, &clock).map_err(BuildError::Store)?;
        let archive = Arc::new(Archive::open(&site.store.dir, site.clone()).map_err(BuildError::Store)?);
        let api = match site.api.listen {
            Some(listen) => Some(Api::bind(listen).with_context(|| {
                format!("api.listen = \"{listen}\" cannot be used; choose another port, or see which program has it with `ss -ltnp`")
            })?),
            None => None,
        };
        let now_ms = clock.now_ms();
        let link = || watch::Sender::new(Link::new(now_ms));
        let links = Links {
            brokers: site.brokers.iter().map(|_| link()).collect(),
            buses: site.buses.iter().map(|_| link()).collect(),
            taps: Taps::of(&site),
            databases: site.forward.iter().map(|_| (link(), Arc::default())).collect(),
            heard: site.brokers.iter().map(|_| watch::Sender::new(Arc::default())).collect(),
            strangers: Arc::new(strangers::still_strange(&site, strangers::read(&site.store.dir))),
            letters: watch::Sender::new(LettersInfo::default()),
        };
        let picture = watch::Sender::new(Arc::new(Picture::default()));
        let written = [readings.store.durable(), outbox.store.durable()];
        let gauge = Gauge::new(&site.store, Path::new(wear::SYS), written, clock.clone());
        let watched = Watched {
            brokers: links.brokers.iter().map(watch::Sender::subscribe).collect(),
            buses: links.buses.iter().map(watch::Sender::subscribe).collect(),
            databases: links.databases.iter().map(|(link, delivery)| (link.subscribe(), delivery.clone())).collect(),
            picture: picture.subscribe(),
            readings: readings.store.durable(),
            outbox: outbox.store.durable(),
            wear: gauge.shown(),
            heard: links.heard.iter().map(watch::Sender::subscribe).collect(),
            strangers: links.strangers.clone(),
            letters: links.letters.subscribe(),
        };
        let mut collector = Collector::new(site.clone(), clock.clone(), telemetry.clone(), watched);
        let status = watch::channel(Arc::new(collector.collect()));
        Ok(Self {
            site,
            clock,
            telemetry,
            readings: readings.store,
            outbox: outbox.store,
            archive,
            threads: vec![readings.thread, outbox.thread],
            links,
            status,
            collector,
            picture,
            gauge,
            api,
            tasks: Tasks::default(),
        })
    }

    /// Where the status page is, if it is on.
    #[must_use]
    pub fn page(&self) -> Option<SocketAddr> {
        self.api.as_ref().map(Api::addr)
    }

    /// The status snapshot, renewed every second.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Arc<Status>> {
        self.status.1.clone()
    }

    /// Runs until `stop` is ready or a task ends that must not, then stops everything in order.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> End {
        let api_stop = CancellationToken::new();
        let api = match self.start(&api_stop) {
            Ok(api) => api,
            Err(error) => return End::NotStarted(format!("{error:#}")),
        };
        tracing::info!(gateway = %self.site.gateway.id, devices = self.site.devices.len() - 1, version = env!("CARGO_PKG_VERSION"), "running");
        notify(&[sd_notify::NotifyState::Ready]);

        let end = tokio::select! {
            () = stop => End::Stopped,
            fatal = self.tasks.fatal() => End::Fatal(fatal),
        };
        notify(&[sd_notify::NotifyState::Stopping]);
        tracing::info!("stopping: intake, pipeline, roll-up, forwarding, store");
        self.tasks.shutdown().await;
        let closed = async { tokio::join!(self.readings.close(), self.outbox.close()) };
        if tokio::time::timeout(STORE_CLOSE, closed).await.is_err() {
            tracing::warn!("GW-S020 a store did not end in time; what was acknowledged is on flash");
        }
        // The last picture is the account at the end.
        self.status.0.send_replace(Arc::new(self.collector.collect()));
        api_stop.cancel();
        if let Some(thread) = api {
            let _ = thread.join();
        }
        drop(self.threads);
        end
    }

    fn start(&mut self, api_stop: &CancellationToken) -> anyhow::Result<Option<JoinHandle<()>>> {
        let (queue, batches) = mpsc::channel(BATCH_QUEUE_LEN);
        let (letter_to, letters) = mpsc::channel(LETTER_QUEUE_LEN);
        let (order_to, orders) = mpsc::channel(ORDER_QUEUE_LEN);
        self.spawn_pipeline(batches, orders);
        self.spawn_rollup();
        self.spawn_gaps();
        self.spawn_uplink();
        self.spawn_coldchain();
        self.spawn_forward()?;
        self.spawn_status();
        self.spawn_wear();
        self.spawn_letters(&queue, letters);
        self.spawn_strangers();
        self.spawn_operator(order_to);
        self.spawn_brokers(&queue, &letter_to);
        self.spawn_buses(&queue);
        let Some(api) = self.api.take() else { return Ok(None) };
        tracing::info!(page = %format!("http://{}/", api.addr()), "status page");
        let logs = Logs::new(self.readings.clone(), self.outbox.clone());
        Ok(Some(api.serve(self.status.1.clone(), logs, self.links.taps.clone(), self.clock.clone(), api_stop.clone())?))
    }

    fn spawn_pipeline(&mut self, queue: mpsc::Receiver<Batch>, orders: mpsc::Receiver<Order>) {
        let parts = Parts {
            site: self.site.clone(),
            clock: self.clock.clone(),
            telemetry: self.telemetry.clone(),
            deliveries: self.links.databases.iter().map(|(_, delivery)| delivery.clone()).collect(),
            queue,
            orders,
            links: self.links_to_devices(),
            readings: self.readings.clone(),
            snapshot: self.site.store.dir.join(SNAPSHOT),
            picture: self.picture.clone(),
            wear: self.gauge.shown(),
            stop: self.tasks.stop_of(Kind::Pipeline),
        };
        let mut pipeline = Some(Pipeline::new(parts));
        self.tasks.spawn(Kind::Pipeline, "pipeline", move || {
            let pipeline = pipeline.take();
            async move {
                if let Some(pipeline) = pipeline {
                    pipeline.run().await;
                }
            }
        });
    }

    fn spawn_rollup(&mut self) {
        let rollup = Rollup {
            site: self.site.clone(),
            readings: self.readings.clone(),
            outbox: self.outbox.clone(),
            archive: self.archive.clone(),
            snapshot: self.site.store.dir.join("fold.snapshot"),
            telemetry: self.telemetry.clone(),
            stop: self.tasks.stop_of(Kind::Rollup),
        };
        self.tasks.spawn(Kind::Rollup, "rollup", move || rollup.clone().run());
    }

    fn spawn_gaps(&mut self) {
        let gaps = Gaps {
            readings: self.readings.clone(),
            outbox: self.outbox.clone(),
            telemetry: self.telemetry.clone(),
            stop: self.tasks.stop_of(Kind::Gaps),
        };
        self.tasks.spawn(Kind::Gaps, "gaps", move || gaps.clone().run());
    }

    fn spawn_coldchain(&mut self) {
        let coldchain = ColdChain {
            site: self.site.clone(),
            readings: self.readings.clone(),
            outbox: self.outbox.clone(),
            root: self.site.store.dir.join(coldchain::files::DIR),
            telemetry: self.telemetry.clone(),
            stop: self.tasks.stop_of(Kind::ColdChain),
        };
        self.tasks.spawn(Kind::ColdChain, "coldchain", move || coldchain.clone().run());
    }

    /// Looks at the card now and then, beside the picture that shows it.
    fn spawn_wear(&mut self) {
        let (gauge, stop) = (self.gauge.clone(), self.tasks.stop_of(Kind::Status));
        self.tasks.spawn(Kind::Status, "wear", move || gauge.clone().run(stop.clone()));
    }

    /// Renews the picture, and tells systemd that the main runtime is alive.
    fn spawn_status(&mut self) {
        let (collector, sender, stop) = (self.collector.clone(), self.status.0.clone(), self.tasks.stop_of(Kind::Status));
        self.tasks.spawn(Kind::Status, "status", move || {
            let (mut collector, sender, stop) = (collector.clone(), sender.clone(), stop.clone());
            async move {
                let mut every = tokio::time::interval(Duration::from_secs(1));
                every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
                loop {
                    tokio::select! {
                        _ = every.tick() => {}
                        () = stop.cancelled() => return,
                    }
                    sender.send_replace(Arc::new(collector.collect()));
                    notify(&[sd_notify::NotifyState::Watchdog]);
                }
            }
        });
    }
}

/// A number of its own for each gateway, so that a district of them does not act in step after a power cut.
fn seed_of(id: &str) -> u64 {
    u64::from(crc32c::crc32c(id.as_bytes()))
}

fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
