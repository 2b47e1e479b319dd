//! The only place that spawns. Every task has a kind, and the kind decides what its end means and when it is told
//! to stop.
//!
//! Shutdown goes by stages, in the direction of the data: who listens stops first, who sends stops last, so nothing
//! that was received is left between two parts. The stages' deadlines and the stores' add up to less than the
//! unit's `TimeoutStopSec=20`.

use facility_drivers::Backoff;
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// What a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Listens to one MQTT broker.
    Broker,
    /// Polls one Modbus bus.
    Bus,
    /// Keeps messages that could not be decoded, and hands them to the pipeline again.
    Letters,
    /// Hands what operators want to the pipeline.
    Operator,
    /// Takes batches in: time, duplicates, alarms, store.
    Pipeline,
    /// Folds readings into metrics.
    Rollup,
    /// Tells what the stores gave up.
    Gaps,
    /// Keeps the cold-chain log.
    ColdChain,
    /// Sends to the database.
    Forward,
    /// Shows what the others do.
    Status,
}

/// What the end of a task means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnPanic {
    /// One line to the outside is lost for a moment; the others must not notice.
    Restart,
    /// State that others rely on may be half-written: stop in order, let systemd start afresh.
    StopAll,
}

struct Rule {
    on_panic: OnPanic,
    stage: usize,
}

/// Stages in the order they stop, each with the time it may take.
const STAGES: [(&str, Duration); 4] = [
    ("intake", Duration::from_secs(3)),
    ("pipeline", Duration::from_secs(4)),
    ("rollup", Duration::from_secs(3)),
    ("forward", Duration::from_secs(4)),
];

const fn rule(kind: Kind) -> Rule {
    match kind {
        Kind::Broker | Kind::Bus | Kind::Letters | Kind::Operator => Rule { on_panic: OnPanic::Restart, stage: 0 },
        Kind::Pipeline => Rule { on_panic: OnPanic::StopAll, stage: 1 },
        Kind::Rollup => Rule { on_panic: OnPanic::StopAll, stage: 2 },
        // It keeps nothing, and its lines are to be in the outbox before the sender stops.
        // The log of the cold chain goes on where its files end.
        Kind::Gaps | Kind::ColdChain => Rule { on_panic: OnPanic::Restart, stage: 2 },
        Kind::Forward | Kind::Status => Rule { on_panic: OnPanic::Restart, stage: 3 },
    }
}

/// A task ended that must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal {
    /// Which.
    pub task: String,
}

struct Running {
    name: String,
    handle: JoinHandle<()>,
}

/// All tasks of one gateway.
pub struct Tasks {
    stops: [CancellationToken; STAGES.len()],
    running: [Vec<Running>; STAGES.len()],
    fatal: (mpsc::Sender<Fatal>, mpsc::Receiver<Fatal>),
}

impl Default for Tasks {
    fn default() -> Self {
        Self { stops: Default::default(), running: Default::default(), fatal: mpsc::channel(STAGES.len()) }
    }
}

impl Tasks {
    /// The token that tells tasks of this kind to stop.
    #[must_use]
    pub fn stop_of(&self, kind: Kind) -> CancellationToken {
        self.stops[rule(kind).stage].clone()
    }

    /// Spawns a task that lives until its kind's stage stops. `make` builds it anew after a panic.
    pub fn spawn<F, T>(&mut self, kind: Kind, name: impl Into<String>, make: F)
    where
        F: FnMut() -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let name = name.into();
        let stop = self.stop_of(kind);
        let handle = tokio::spawn(supervise(kind, name.clone(), stop, make, self.fatal.0.clone()));
        self.running[rule(kind).stage].push(Running { name, handle });
    }

    /// Waits until a task ends that must not.
    pub async fn fatal(&mut self) -> Fatal {
        // The channel cannot close: a sender lives in self.
        self.fatal.1.recv().await.unwrap_or(Fatal { task: "tasks".into() })
    }

    /// Stops everything stage by stage. Returns the tasks that did not make it in time and were abandoned.
    pub async fn shutdown(self) -> Vec<String> {
        let mut abandoned = Vec::new();
        for (((stage, allowed), stop), running) in STAGES.into_iter().zip(self.stops).zip(self.running) {
            stop.cancel();
            let deadline = tokio::time::Instant::now() + allowed;
            for Running { name, mut handle } in running {
                if tokio::time::timeout_at(deadline, &mut handle).await.is_err() {
                    tracing::warn!(stage, task = name, "did not stop in time, abandoned");
                    handle.abort();
                    abandoned.push(name);
                }
            }
            tracing::debug!(stage, "stopped");
        }
        abandoned
    }
}

/// Runs one task for its life: again after a panic if its kind may, the end of all otherwise.
async fn supervise<F, T>(kind: Kind, name: String, stop: CancellationToken, mut make: F, fatal: mpsc::Sender<Fatal>)
where
    F: FnMut() -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60), name.len() as u64);
    loop {
        // Dropped with this supervisor, the task is aborted, not left behind.
        let result = AbortOnDropHandle::new(tokio::spawn(make())).await;
        if stop.is_cancelled() {
            return;
        }
        match (result, rule(kind).on_panic) {
            (Err(error), OnPanic::Restart) if error.is_panic() => {
                let wait = backoff.next_wait();
                tracing::error!(
                    task = name,
                    ?wait,
                    "GW-T001 task failed by a defect of the gateway; it is started again, please report the log"
                );
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = stop.cancelled() => return,
                }
            }
            (result, _) => {
                tracing::error!(
                    task = name,
                    panicked = result.is_err(),
                    "GW-T002 a task ended that must not; the gateway stops in order and is started again by systemd"
                );
                // A full queue means that somebody was told already.
                let _ = fatal.try_send(Fatal { task: name });
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
