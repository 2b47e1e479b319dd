//! A real store that is fed the reference load, one durable commit after the other.
//!
//! The load is made ahead in portions and its processor time subtracted; what remains is the store's thread and the
//! hand-over to it and back, as the gateway has them. The log's time follows the load's.

use crate::place::Place;
use facility_drivers::sim::workload::{DEVICES, POINTS, START_MS, Workload};
use facility_drivers::{Ack, Batch, Clock, Released};
use facility_gateway::store::{Append, Durable, Opened, Options, RealDisk, Recovery, Sink, Store, open};
use facility_tests::meter;
use std::collections::VecDeque;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Points of one message.
pub(crate) const MESSAGE: usize = POINTS.len();
/// Messages made ahead.
const PORTION: usize = 1_000;
const SEED: u64 = 3;
/// Budget of the store: nothing is deleted here.
const BYTES_MAX: u64 = 64 << 30;
/// Name of the store's thread.
const NAME: &str = "bench";

/// Messages of one second of the reference load: 200 devices in 60 seconds, 33 points.
pub(crate) fn messages_of_second(second: u64) -> usize {
    if second % 3 == 2 { 4 } else { 3 }
}

/// What a run of commits took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) points: u64,
    pub(crate) commits: u64,
    /// Processor time of the process, the making of the load subtracted.
    pub(crate) cpu: Duration,
    /// Of that, the store's own thread.
    pub(crate) store_cpu: Duration,
    /// Elapsed, the making of the load included.
    pub(crate) wall: Duration,
}

impl Spent {
    pub(crate) fn ns_per_point(&self, time: Duration) -> f64 {
        time.as_nanos() as f64 / self.points as f64
    }
}

/// An open store and its load.
#[derive(Debug)]
pub(crate) struct Feed {
    runtime: Runtime,
    store: Store,
    thread: JoinHandle<()>,
    clock: Clock,
    load: Workload,
    ready: VecDeque<Batch>,
    generator: Duration,
    acks: (mpsc::Sender<Vec<Released>>, mpsc::Receiver<Vec<Released>>),
}

impl Feed {
    /// Opens the store in `dir`, made if it is not there; the load goes on where the log ends.
    pub(crate) fn open(dir: &Path, devices: u16, start_ms: i64) -> (Self, Recovery) {
        let clock = Clock::manual(start_ms);
        let Opened { store, thread, recovery } = open(options(dir, devices), clock.clone(), RealDisk).expect("the store opens");
        let start_ms = recovery.newest_at_ms.unwrap_or(start_ms);
        // No timers and no sockets here: a thread that waits, waits for a word of the store.
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let load = Workload::new(devices, SEED + u64::from(recovery.epoch), start_ms);
        let (ready, generator) = (VecDeque::with_capacity(PORTION), Duration::ZERO);
        (Self { runtime, store, thread, clock, load, ready, generator, acks: mpsc::channel(1) }, recovery)
    }

    /// A new store that has got into its stride: made, closed and all of it written, the file system's journal too;
    /// opened again, and every device named once. Returns what the making took, bytes.
    pub(crate) fn settled(place: &Place) -> (Self, Option<u64>) {
        let empty = place.written_and_settled();
        Self::open(place.dir(), DEVICES, START_MS).0.close();
        let made = place.written_and_settled().zip(empty).map(|(made, empty)| made - empty);
        let mut feed = Self::open(place.dir(), DEVICES, START_MS).0;
        feed.commit(usize::from(DEVICES));
        (feed, made)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub(crate) fn durable(&self) -> Durable {
        self.store.durable().borrow().clone()
    }

    /// Commits `points` points, `per_commit` at a time; `after` sees the store after each commit.
    pub(crate) fn run(&mut self, points: u64, per_commit: usize, mut after: impl FnMut(&Durable)) -> Spent {
        let (began, before) = (Instant::now(), self.durable());
        let (cpu, store_cpu, generator) = (meter::cpu(), meter::cpu_of(NAME), self.generator);
        let watch = self.store.durable();
        for _ in 0..points / per_commit as u64 {
            self.commit(per_commit / MESSAGE);
            after(&watch.borrow());
        }
        let durable = self.durable();
        Spent {
            points: durable.end - before.end,
            commits: durable.commits - before.commits,
            cpu: meter::cpu() - cpu - (self.generator - generator),
            store_cpu: meter::cpu_of(NAME) - store_cpu,
            wall: began.elapsed(),
        }
    }

    /// Appends so many messages and waits until they are durable: one commit, because their acknowledgement is waited
    /// for and nothing else is appended.
    pub(crate) fn commit(&mut self, messages: usize) {
        if self.ready.len() < messages {
            self.make(PORTION.max(messages));
        }
        let mut batches: Vec<Batch> = self.ready.drain(..messages).collect();
        let last = batches.last_mut().expect("a commit holds a message");
        self.clock.set(last.at_ms);
        last.ack = Some(Ack::new(self.acks.0.clone(), 0, 0));
        let durable = async {
            self.store.append(Append { batches, mark: None }).await.expect("the store runs");
            self.acks.1.recv().await
        };
        assert!(self.runtime.block_on(durable).is_some(), "acknowledged");
    }

    fn make(&mut self, messages: usize) {
        let began = meter::cpu_here();
        for _ in 0..messages {
            self.ready.push_back(self.load.next_batch());
        }
        self.generator += meter::cpu_here() - began;
    }

    /// Ends the store in order; its files are closed when this returns.
    pub(crate) fn close(self) -> Durable {
        self.runtime.block_on(self.store.close()).expect("the store runs");
        let durable = self.durable();
        self.thread.join().expect("the store's thread ends well");
        assert_eq!((durable.fault.as_deref(), durable.damaged, durable.evicted), (None, 0, 0));
        durable
    }
}

fn options(dir: &Path, devices: u16) -> Options {
    Options {
        dir: dir.join("store"),
        name: NAME,
        // Never by time: a commit is due when an acknowledgement waits.
        commit_delay: Duration::from_secs(3_600),
        bytes_max: BYTES_MAX,
        free_bytes_min: 0,
        overflow: facility_config::Overflow::DropOldest,
        early_acks: 1,
        origins: Workload::tags(devices),
        sinks: vec![Sink::Aggregate, Sink::Forward],
        destinations: Vec::new(),
    }
}
