//! The alarms' state on disk, so that a restart need not read far back. A cache: losing it costs time, delays that were running
//! and sums of days; what stands is in the newest hours of the log.
//!
//! Read and written beside the runtime, as any [`snapshot`]; only when everything it knows of is durable, or a power cut would
//! leave alarms whose events were never told.

use super::Pipeline;
use crate::alarm::Engine;
use crate::snapshot;
use crate::store::{Durable, Seq};
use facility_config::Site;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Name of the file in the store's folder.
pub const SNAPSHOT: &str = "alarm.snapshot";
/// Between two snapshots, ms of real time. What is written wears the card, what is not is read at the next start.
const EVERY_MS: i64 = 10 * 60_000;
/// Longest wait at the end, less than the pipeline's stage of the shutdown.
const END_WAIT: Duration = Duration::from_secs(3);

/// Takes a snapshot now and then and brings it to the disk.
#[derive(Debug)]
pub(super) struct Keeper {
    path: PathBuf,
    /// Taken last, by the clock that never steps.
    taken_ms: Option<i64>,
    waiting: Option<Taken>,
    writing: Option<JoinHandle<io::Result<()>>>,
}

/// A snapshot that waits for what it knows of to be durable.
#[derive(Debug)]
struct Taken {
    /// First position it does not know of.
    at: Seq,
    /// Points the store had given up: one more, and `at` is wrong.
    no_disk: u64,
    alarms: Vec<u8>,
}

impl Keeper {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, taken_ms: None, waiting: None, writing: None }
    }

    /// The state that was kept and the position it stands at. One from beyond the log's end belongs to another log.
    pub(super) async fn load(&self, site: &Arc<Site>, end: Seq) -> Option<(Engine, Seq)> {
        let (at, body) = snapshot::kept(self.path.clone()).await.filter(|(at, _)| *at <= end)?;
        Some((Engine::restore(site.clone(), &body)?, at))
    }

    /// Waits until nothing is being written.
    async fn written(&mut self) {
        if let Some(writing) = &mut self.writing {
            let _ = writing.await;
        }
        self.writing = None;
    }

    /// Writes what waits, if it may be written and nothing is being written.
    fn write(&mut self, durable: &Durable) {
        if self.writing.as_ref().is_some_and(|writing| !writing.is_finished()) {
            return;
        }
        self.waiting.take_if(|taken| taken.no_disk != durable.no_disk);
        if let Some(Taken { at, alarms, .. }) = self.waiting.take_if(|taken| taken.at <= durable.end) {
            let path = self.path.clone();
            self.writing = Some(tokio::task::spawn_blocking(move || {
                snapshot::write(&path, at, &alarms).inspect_err(
                    |error| tracing::warn!(path = %path.display(), %error, "state of the alarms not written; a restart reads more of the log"),
                )
            }));
        }
    }
}

impl Pipeline {
    /// Keeps the alarms, if it is time. The first time is at the start: what was read back need not be read again.
    pub(super) fn keep(&mut self) {
        let now_ms = self.clock.mono_ms();
        if self.keeper.waiting.is_none() && self.keeper.taken_ms.is_none_or(|taken_ms| now_ms - taken_ms >= EVERY_MS) {
            self.keeper.taken_ms = Some(now_ms);
            self.keeper.waiting = Some(self.taken());
        }
        self.keeper.write(&self.readings.durable().borrow());
    }

    /// Keeps the alarms as they are at the end, unless what led to them does not become durable soon.
    pub(super) async fn keep_at_the_end(&mut self) {
        let _ = tokio::time::timeout(END_WAIT, async {
            self.keeper.written().await;
            let (taken, mut durable) = (self.taken(), self.readings.durable());
            if let Ok(durable) = durable.wait_for(|durable| durable.end >= taken.at).await {
                self.keeper.waiting = Some(taken);
                self.keeper.write(&durable);
            }
            self.keeper.written().await;
        })
        .await;
    }

    /// The alarms now. Everything they know of was handed to the store, which says how much of that is behind its end.
    fn taken(&self) -> Taken {
        let durable = self.readings.durable();
        let durable = durable.borrow();
        let queued = self.telemetry.intake.stored.get().saturating_sub(durable.taken);
        Taken { at: durable.end + durable.pending + queued, no_disk: durable.no_disk, alarms: self.alarms.snapshot() }
    }
}
