//! The cold-chain log: a record of every hour of every device with a cold-chain class, chained by hashes so that nobody can
//! change one without it being seen (GB 31605-2020 §3.1 asks for monitoring that is recorded and kept).
//!
//! [`fold`] makes hours of readings and [`hour`] their figures, [`record`] is what a line says, [`chain`] writes, [`verify`]
//! checks, [`files`] knows where it lies. The task here follows the readings log at its own position. It has no cursor in
//! the store, so it never holds readings back: what is deleted before it was read makes a record say `gap`.
//!
//! What comes late for a closed hour makes a revision, but only while the log holds everything from before that hour on; otherwise
//! the record stands, and one more says that something came too late to be counted.
//!
//! Exactly once over a kill: each record says which position of the readings log it covers. After a start the log is
//! replayed from a snapshot, and hours that are recorded already are not recorded again.

pub mod chain;
pub mod files;
pub mod fold;
mod heads;
pub mod hour;
pub mod record;
pub mod verify;

use crate::snapshot;
use crate::store::handle;
use crate::store::{Page, Seq, Store, StoreClosed};
use crate::telemetry::Telemetry;
use chain::{Chain, Entry, What};
use facility_config::limits::{COLDCHAIN_LATE_HOURS_PER_PASS, COLDCHAIN_LATE_READINGS_MAX, READ_POINTS_MAX, STORE_RETRY_MS};
use facility_config::{DeviceIx, Site};
use fold::{Closed, Fold, Sample};
use hour::HOUR_MS;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Cache of the fold, in the folder of the log.
const SNAPSHOT: &str = "open.snapshot";

/// The task that keeps the log.
#[derive(Debug, Clone)]
pub struct ColdChain {
    /// What is declared.
    pub site: Arc<Site>,
    /// Where readings come from.
    pub readings: Store,
    /// Where the hashes go that are sent once a day.
    pub outbox: Store,
    /// Folder of the log, `coldchain` in the store's.
    pub root: PathBuf,
    /// Counts what is produced.
    pub telemetry: Arc<Telemetry>,
    /// Ends the task.
    pub stop: CancellationToken,
}

/// The chains, by device.
type Chains = Vec<(DeviceIx, Chain)>;
/// What is to be recorded of each device.
type Entries = Vec<(DeviceIx, Vec<Entry>)>;

/// Why it ends.
enum Ended {
    Asked,
    Closed,
}

impl From<StoreClosed> for Ended {
    fn from(_: StoreClosed) -> Self {
        Self::Closed
    }
}

impl ColdChain {
    /// Runs until stopped or until a store has ended. Does nothing at a site without a cold-chain class.
    pub async fn run(self) {
        if self.site.devices.iter().all(|device| device.cold.is_none()) {
            return self.stop.cancelled().await;
        }
        if matches!(self.follow().await, Err(Ended::Closed)) {
            tracing::debug!("cold-chain log ends: a store has stopped");
        }
    }

    async fn follow(&self) -> Result<(), Ended> {
        let mut log = self.readings.durable();
        let (start, end) = { (log.borrow().start, log.borrow().end) };
        let mut chains = self.open_chains(end).await?;
        let (mut fold, mut at) = match self.load(end, &chains).await {
            Some(loaded) => loaded,
            None => (Fold::new(self.site.clone()), 0),
        };
        if at < start || chains.iter().any(|(_, chain)| chain.is_of_older_log()) {
            // What was there before is gone.
            fold.lost();
            at = at.max(start);
        }
        while !self.stop.is_cancelled() {
            let page = self.readings.read(at, READ_POINTS_MAX).await?;
            if page.next == at {
                tokio::select! {
                    more = handle::more(&mut log) => more?,
                    // The disk does not give it just now, and no commit may come to say that it does again.
                    () = tokio::time::sleep(Duration::from_millis(STORE_RETRY_MS)) => {}
                    () = self.stop.cancelled() => return Err(Ended::Asked),
                }
                continue;
            }
            if page.lost > 0 || page.first > at {
                fold.lost();
            }
            chains = self.take_in(&mut fold, chains, &page).await?;
            at = page.next;
        }
        Ok(())
    }

    /// Folds a page; records what closes.
    async fn take_in(&self, fold: &mut Fold, mut chains: Chains, page: &Page) -> Result<Chains, Ended> {
        for (seq, record) in (page.first..).zip(&page.records) {
            let mut has_closed = false;
            while let Some(closed) = fold.close(record.log_ms) {
                has_closed = true;
                chains = self.record(fold, chains, closed, seq).await?;
            }
            if has_closed {
                // Behind everything that is in it, so what it lacks is found in the log.
                self.save(seq, fold.snapshot()).await;
            }
            if let Some((device, metric)) = page.names.of(record) {
                fold.observe(seq, record.log_ms, device, metric, record.at_ms, &record.value);
            }
        }
        Ok(chains)
    }

    /// Records an hour of all devices, and those that something came late for; sends the hashes at the end of a day.
    async fn record(&self, fold: &Fold, chains: Chains, closed: Closed, upto: Seq) -> Result<Chains, Ended> {
        let Closed { hour_ms, gap, hours, late } = closed;
        let entry = |(device, figures)| (device, vec![Entry { hour_ms, what: What::Closed(figures, gap) }]);
        let mut entries: Entries = hours.into_iter().map(entry).collect();
        for (device, hours) in late {
            let is_recorded = |hour_ms: &i64| chains.iter().any(|(of, chain)| *of == device && chain.covers(upto, true, *hour_ms));
            let hours: Vec<i64> = hours.into_iter().filter(|hour_ms| !is_recorded(hour_ms)).collect();
            let again = self.compute_again(fold, device, &hours, upto).await?;
            if let Some((_, entries)) = entries.iter_mut().find(|(of, _)| *of == device) {
                entries.extend(again);
            }
        }
        let chains = self.write(chains, upto, Arc::new(entries)).await?;
        if record::ends_day(hour_ms) {
            let heads = chains.iter().filter(|(_, chain)| chain.tail().hour_ms == Some(hour_ms));
            let heads = heads.map(|(device, chain)| heads::head(*device, hour_ms + HOUR_MS, chain.tail())).collect();
            heads::send(&self.outbox, &self.telemetry, heads).await?;
        }
        Ok(chains)
    }

    /// Closed hours of a device, computed from everything that was ever known of them. Where the log does not hold all of it
    /// any more nothing is computed: what is left would know less than the record.
    async fn compute_again(&self, fold: &Fold, device: DeviceIx, hours: &[i64], upto: Seq) -> Result<Vec<Entry>, Ended> {
        let mut entries = Vec::new();
        let mut rest = hours;
        while let [first, ..] = rest {
            let end = rest.partition_point(|hour_ms| *hour_ms < first + COLDCHAIN_LATE_HOURS_PER_PASS * HOUR_MS);
            let (pass, behind) = rest.split_at(end);
            match self.read_back(fold, device, *first, upto).await? {
                Some(samples) => entries.extend(fold.again(device, pass, samples).into_iter().map(|(hour_ms, figures)| Entry {
                    hour_ms,
                    what: if fold.is_before_log(hour_ms) { What::First(figures) } else { What::Again(figures) },
                })),
                None => entries.extend(pass.iter().map(|hour_ms| Entry { hour_ms: *hour_ms, what: What::Unread })),
            }
            rest = behind;
        }
        Ok(entries)
    }

    /// What the log has of a device from before an hour until `upto`; `None` if that is not everything, or too much.
    async fn read_back(&self, fold: &Fold, device: DeviceIx, hour_ms: i64, upto: Seq) -> Result<Option<Vec<Sample>>, Ended> {
        let mut samples = Vec::new();
        let Some(mut at) = fold.position_before(device, hour_ms) else { return Ok(None) };
        while at < upto {
            let page = self.readings.read(at, READ_POINTS_MAX).await?;
            if page.next == at {
                // The disk does not give it just now. What it cannot give at all is told as lost in the end.
                self.wait().await?;
                continue;
            }
            if page.lost > 0 || page.first > at {
                return Ok(None);
            }
            for (_, record) in (page.first..upto).zip(&page.records) {
                let Some((of, metric)) = page.names.of(record) else { continue };
                if of != device || !fold::is_taken(metric) {
                    continue;
                }
                if samples.len() >= COLDCHAIN_LATE_READINGS_MAX {
                    return Ok(None);
                }
                let at_ms = fold::believed(record.at_ms, record.log_ms);
                samples.push(Sample { at_ms, point: metric.point, value: record.value.clone() });
            }
            at = page.next;
        }
        Ok(Some(samples))
    }

    /// Writes beside the runtime, and until it works: a full disk costs readings their acknowledgement long before.
    async fn write(&self, mut chains: Chains, upto: Seq, entries: Arc<Entries>) -> Result<Chains, Ended> {
        loop {
            let (site, entries) = (self.site.clone(), entries.clone());
            let written = tokio::task::spawn_blocking(move || write_all(chains, &site, upto, &entries)).await;
            match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
                Ok(chains) => return Ok(chains),
                Err(error) => {
                    tracing::error!(path = %self.root.display(), %error, "GW-S030 the cold-chain log cannot be written; tried again")
                }
            }
            self.wait().await?;
            chains = self.open_chains(Seq::MAX).await?;
        }
    }

    /// Opens the chain of every device with a class. One that covers more than the log has belongs to another log.
    async fn open_chains(&self, log_end: Seq) -> Result<Chains, Ended> {
        loop {
            let (site, root) = (self.site.clone(), self.root.clone());
            let opened = tokio::task::spawn_blocking(move || open_all(&site, &root, log_end)).await;
            match opened.unwrap_or_else(|error| Err(io::Error::other(error))) {
                Ok(chains) => return Ok(chains),
                Err(error) => {
                    tracing::error!(path = %self.root.display(), %error, "GW-S031 the cold-chain log cannot be opened; tried again")
                }
            }
            self.wait().await?;
        }
    }

    async fn wait(&self) -> Result<(), Ended> {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(STORE_RETRY_MS)) => Ok(()),
            () = self.stop.cancelled() => Err(Ended::Asked),
        }
    }

    /// The fold that was kept. None of another log, and none that is ahead of a chain: what its end has lost is computed again
    /// from the log.
    async fn load(&self, end: Seq, chains: &Chains) -> Option<(Fold, Seq)> {
        let (at, body) = snapshot::kept(self.root.join(SNAPSHOT)).await?;
        let fold = Fold::restore(self.site.clone(), &body).filter(|_| at <= end)?;
        let open_ms = fold.open_ms()?;
        let is_behind = |hour_ms: i64| hour_ms + HOUR_MS < open_ms;
        (!chains.iter().any(|(_, chain)| chain.tail().hour_ms.is_some_and(is_behind))).then_some((fold, at))
    }

    async fn save(&self, at: Seq, fold: Vec<u8>) {
        if let Err(error) = snapshot::keep(self.root.join(SNAPSHOT), at, fold).await {
            tracing::warn!(path = %self.root.display(), %error, "snapshot of open hours not written; a restart replays more of the log");
        }
    }
}

fn open_all(site: &Site, root: &Path, log_end: Seq) -> io::Result<Chains> {
    std::fs::create_dir_all(root)?;
    let mut chains = Vec::new();
    for (device, declared) in site.indexed().filter(|(_, declared)| declared.cold.is_some()) {
        let mut chain = Chain::open(root, &declared.id)?;
        if chain.tail().upto > log_end {
            chain.forget_position();
        }
        chains.push((device, chain));
    }
    Ok(chains)
}

fn write_all(mut chains: Chains, site: &Site, upto: Seq, entries: &Entries) -> io::Result<Chains> {
    for (device, entries) in entries {
        let chain = chains.iter_mut().find(|(of, _)| of == device);
        if let (Some((_, chain)), Some(declared)) = (chain, site.devices.get(device.at())) {
            chain.append(declared, upto, entries, site.coldchain.keep_months)?;
        }
    }
    Ok(chains)
}

#[cfg(test)]
mod tests;
