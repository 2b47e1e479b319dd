//! The neighbourhood around the gateway: fleet, broker, bus servers and a database on loopback, moved by the script.
//!
//! Runs on its own thread and runtime. Tells what happened through one shared record that only it writes.

use super::super::DemoArgs;
use super::super::screen::Sink;
use anyhow::Context;
use facility_config::profile::{self, Dialect};
use facility_drivers::Clock;
use facility_drivers::sim::broker::Broker;
use facility_drivers::sim::fleet::{self, Address, Fleet, FleetSpec, Said};
use facility_drivers::sim::modbus::{Bank, Server};
use facility_drivers::sim::mqtt::Publisher;
use facility_drivers::sim::neighbourhood::{Database, Places, config_toml};
use facility_drivers::sim::story::{Beat, Sentence, Story};
use facility_drivers::sim::tsdb::{Mode, Tsdb};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the fleet is asked what it says, real time.
const BEAT: Duration = Duration::from_millis(100);
/// Connections that the publishing devices share; a fleet of hundreds does not need one each to be real.
const PUBLISHERS_MAX: usize = 16;

/// What kind of neighbourhood.
pub(super) struct Setting {
    pub(super) devices: usize,
    pub(super) seed: u64,
    pub(super) start_ms: i64,
    pub(super) clock: Clock,
    pub(super) story: Story,
    pub(super) own_database: bool,
}

/// What has happened so far.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Told {
    /// Real seconds since the start and what happened then.
    pub(in super::super) story: Vec<(u64, Sentence)>,
    /// What this run is too short for.
    pub(in super::super) left_out: Vec<Sentence>,
    /// Messages that the broker has acknowledged to the devices.
    pub(in super::super) published: u64,
    /// The built-in database's books.
    pub(in super::super) database: Option<Sink>,
}

/// A running neighbourhood.
pub(super) struct World {
    broker: SocketAddr,
    buses: Vec<SocketAddr>,
    database: Option<String>,
    told: watch::Receiver<Told>,
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

struct Live {
    setting: Setting,
    fleet: Fleet,
    publishers: Vec<Publisher>,
    banks: Vec<Bank>,
    served: BTreeSet<(usize, u8)>,
    told: watch::Sender<Told>,
    // Servers answer as long as they are held.
    _broker: Broker,
    _servers: Vec<Server>,
    database: Option<Tsdb>,
}

impl World {
    /// Binds every server on a free loopback port and lets the neighbourhood live.
    pub(super) fn start(setting: Setting) -> anyhow::Result<Self> {
        let told = watch::Sender::new(Told { left_out: setting.story.left_out(), ..Told::default() });
        let (receiver, stop) = (told.subscribe(), CancellationToken::new());
        let (ready, bound) = std::sync::mpsc::sync_channel(1);
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("neighbourhood".into()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = ready.send(Err(error.into()));
                    return;
                }
            };
            runtime.block_on(async {
                match Live::bind(setting, told).await {
                    Ok((live, addresses)) => {
                        let _ = ready.send(Ok(addresses));
                        live.run(stopped).await;
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
            });
        })?;
        let (broker, buses, database) = bound.recv().context("the neighbourhood did not start")??;
        Ok(Self { broker, buses, database, told: receiver, stop, thread })
    }

    /// The configuration of a gateway that serves it.
    pub(super) fn config(&self, args: &DemoArgs, dir: &Path) -> std::io::Result<String> {
        let (url, org, bucket) = match (&args.influx, &self.database) {
            (Some(url), _) => (url.as_str(), args.org.as_str(), args.bucket.as_str()),
            (None, own) => (own.as_deref().unwrap_or_default(), "community", "facilities"),
        };
        let token_file = args.token_file.as_deref().map(std::path::absolute).transpose()?;
        let database = Database { url, org, bucket, token_file: token_file.as_deref(), raw: true, delay_ms: 1000 };
        let places = Places {
            mqtt: self.broker,
            modbus: &self.buses,
            database: Some(database),
            api: SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)),
            store_dir: &dir.join("store"),
            commit_delay_ms: 250,
        };
        Ok(config_toml(usize::from(args.devices), &places))
    }

    /// What has happened so far.
    pub(super) fn told(&self) -> Told {
        self.told.borrow().clone()
    }

    /// Ends it and returns everything that happened.
    pub(super) fn stop(self) -> Told {
        self.stop.cancel();
        let _ = self.thread.join();
        self.told.borrow().clone()
    }
}

type Addresses = (SocketAddr, Vec<SocketAddr>, Option<String>);

impl Live {
    async fn bind(setting: Setting, told: watch::Sender<Told>) -> anyhow::Result<(Self, Addresses)> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let broker = Broker::start(any)?;
        let (mut banks, mut servers) = (Vec::new(), Vec::new());
        for _ in 0..fleet::buses(setting.devices) {
            let bank = Bank::new();
            servers.push(Server::tcp(any, bank.clone()).await?);
            banks.push(bank);
        }
        let database = if setting.own_database { Some(Tsdb::start(any)?) } else { None };
        let fleet = Fleet::new(FleetSpec { devices: setting.devices, seed: setting.seed, start_ms: setting.start_ms });
        let mut publishers = Vec::new();
        for nth in 0..setting.devices.min(PUBLISHERS_MAX) {
            publishers.push(Publisher::connect(broker.addr(), &format!("kiosk-{nth}"), None).await?);
        }
        let buses = servers.iter().map(Server::addr).collect();
        let addresses = (broker.addr(), buses, database.as_ref().map(Tsdb::url));
        Ok((
            Self { setting, fleet, publishers, banks, served: BTreeSet::new(), told, _broker: broker, _servers: servers, database },
            addresses,
        ))
    }

    async fn run(mut self, stop: CancellationToken) {
        let started = Instant::now();
        let mut every = tokio::time::interval(BEAT);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = stop.cancelled() => break,
            }
            for beat in self.setting.story.due(started.elapsed()) {
                self.play(&beat, started.elapsed());
            }
            for said in self.fleet.said(self.setting.clock.now_ms()) {
                self.say(said).await;
            }
            for publisher in &mut self.publishers {
                // A device whose broker does not answer keeps its messages and sends them again at the next beat.
                let _ = tokio::time::timeout(Duration::from_secs(1), publisher.flush()).await;
            }
            self.report();
        }
    }

    fn play(&mut self, beat: &Beat, elapsed: Duration) {
        beat.play(&mut self.fleet);
        match (beat, &self.database) {
            (Beat::DatabaseDown, Some(database)) => database.set_mode(Mode::Down),
            (Beat::DatabaseUp, Some(database)) => database.set_mode(Mode::Up),
            // A real database is not ours to stop.
            (Beat::DatabaseDown | Beat::DatabaseUp, None) => return,
            (Beat::DeviceSilent(id), _) => self.silence_unit(id, true),
            (Beat::DeviceBack(id), _) => self.silence_unit(id, false),
            _ => {}
        }
        let sentence = beat.sentence();
        tracing::info!(target: "demo", "{}", sentence.en);
        self.told.send_modify(|told| told.story.push((elapsed.as_secs(), sentence)));
    }

    fn silence_unit(&self, id: &str, silent: bool) {
        if let Some(Address::Bus { bus, unit }) = self.fleet.members().find(|member| *member.id == *id).map(|member| member.address)
            && let Some(bank) = self.banks.get(bus)
        {
            bank.silence(unit, silent);
        }
    }

    async fn say(&mut self, said: Said) {
        match said {
            Said::Mqtt { device, topic, payload } => {
                let count = self.publishers.len().max(1);
                // One device always speaks through the same connection, so its messages keep their order.
                let nth = device.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte))) % count;
                if let Some(publisher) = self.publishers.get_mut(nth) {
                    publisher.publish_nowait(&topic, payload).await;
                }
            }
            Said::Registers { device, bus, unit, values } => {
                let profile =
                    self.fleet.members().find(|member| member.id == device).and_then(|member| profile::builtin(member.role.profile()));
                let (Some(bank), Some(profile)) = (self.banks.get(bus), profile) else { return };
                let Dialect::Modbus(map) = &profile.dialect else { return };
                // What the neighbourhood does not tell of (other probes, alarms) is there all the same.
                if self.served.insert((bus, unit)) {
                    bank.serve(unit, &profile);
                    // The neighbourhood's time runs faster than any device thinks.
                    bank.delay(unit, Duration::ZERO);
                }
                for (metric, value) in &values {
                    for point in map.points.iter().filter(|point| point.point == metric.point) {
                        bank.set_point(unit, point, value);
                    }
                }
            }
        }
    }

    fn report(&self) {
        let published = self.publishers.iter().map(Publisher::acked).sum();
        let database = self.database.as_ref().map(|database| {
            let summary = database.summary();
            Sink {
                lines: summary.lines,
                points: summary.points,
                duplicates: summary.duplicates,
                conflicts: summary.conflicts,
                bytes: summary.wire_bytes,
            }
        });
        self.told.send_modify(|told| {
            told.published = published;
            told.database = database;
        });
    }
}
