//! Reads the readings log from its own cursor, folds it, and puts metrics and device events into the outbox.
//!
//! Output is exactly once across restarts: every append to the outbox carries the log position it covers as its mark,
//! in the same frame. After a crash the log is replayed from the last snapshot and whatever the newest durable mark
//! covers is computed again but not written again. The snapshot is a cache: losing it costs time, never a figure.

use crate::aggregate::Fold;
use crate::privacy;
use crate::store::handle;
use crate::store::{Append, Cursor, Durable, Names, Page, Record, Seq, Sink, Store, StoreClosed};
use crate::telemetry::Telemetry;
use facility_config::limits::{FOLD_BATCHES_PER_CLOSE, READ_POINTS_MAX, STORE_RETRY_MS};
use facility_config::series::Class;
use facility_config::{Point, Site};
use facility_drivers::{Batch, Metric, Subject};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The task between the two stores.
#[derive(Debug, Clone)]
pub struct Rollup {
    /// What is declared.
    pub site: Arc<Site>,
    /// Where readings come from.
    pub readings: Store,
    /// Where metrics and events go.
    pub outbox: Store,
    /// Cache of the fold, `fold.snapshot` in the store's directory.
    pub snapshot: PathBuf,
    /// Counts what is produced.
    pub telemetry: Arc<Telemetry>,
    /// Ends the task.
    pub stop: CancellationToken,
}

impl Rollup {
    /// Runs until stopped or until a store has ended.
    pub async fn run(self) {
        if let Err(error) = self.follow().await {
            tracing::debug!(%error, "roll-up ends");
        }
    }

    async fn follow(&self) -> Result<(), StoreClosed> {
        let mut log = self.readings.durable();
        let mut outbox = self.outbox.durable();
        let end = log.borrow().end;
        let written = covered(&outbox.borrow_and_update(), end);
        let (mut fold, mut at) = match load(&self.snapshot, &self.site) {
            Some((fold, seq)) if seq <= written => (fold, seq),
            _ => (Fold::new(self.site.clone()), log.borrow().start),
        };
        if at < written {
            tracing::info!(from = at, to = written, "replaying readings to rebuild open windows");
        }
        let mut cursor = self.readings.cursor(Sink::Aggregate).await?;
        if cursor.next < at {
            // Cursors are saved less often than snapshots: what lies between was folded before the restart.
            cursor = Cursor { next: at, delivered: cursor.delivered + (at - cursor.next), ..cursor };
            self.readings.advance(Sink::Aggregate, cursor).await?;
        }
        let mut snapshot = None;
        while !self.stop.is_cancelled() {
            let now_covered = covered(&outbox.borrow_and_update(), at);
            self.save_if_covered(&mut snapshot, now_covered).await;
            let page = self.readings.read(at, READ_POINTS_MAX).await?;
            if page.next == at {
                let is_there = {
                    let log = log.borrow();
                    at < log.held_from.unwrap_or(log.end).min(log.end)
                };
                tokio::select! {
                    more = handle::more(&mut log) => more?,
                    changed = outbox.changed(), if snapshot.is_some() => changed.map_err(|_| StoreClosed)?,
                    // The disk does not give it just now, and no commit may come to say that it does again.
                    () = tokio::time::sleep(Duration::from_millis(STORE_RETRY_MS)), if is_there => {}
                    () = self.stop.cancelled() => return Ok(()),
                }
                continue;
            }
            let before = fold.emitted_until_ms();
            self.fold_page(&mut fold, &page, written).await?;
            at = page.next;
            if at > cursor.next {
                let passed = at - cursor.next;
                let taken = passed.min(page.records.len() as u64);
                cursor = Cursor { next: at, delivered: cursor.delivered + taken, lost: cursor.lost + (passed - taken), ..cursor };
                self.readings.advance(Sink::Aggregate, cursor).await?;
            }
            if fold.emitted_until_ms() != before {
                snapshot = Some((at, fold.snapshot()));
            }
        }
        Ok(())
    }

    /// Takes a page in and hands over what comes of it, in portions: after a night without power hundreds of windows
    /// close at one record.
    async fn fold_page(&self, fold: &mut Fold, page: &Page, written: Seq) -> Result<(), StoreClosed> {
        let mut output = Vec::new();
        for (seq, record) in (page.first..).zip(&page.records) {
            loop {
                let closed = fold.close(record.log_ms);
                if closed.is_empty() {
                    break;
                }
                output.extend(closed);
                if seq >= written && output.len() >= FOLD_BATCHES_PER_CLOSE {
                    // Everything before this record is covered; a kill between two portions repeats the same lines.
                    self.write(std::mem::take(&mut output), seq).await?;
                } else if seq < written {
                    output.clear();
                }
            }
            take_in(fold, record, &page.names, &mut output);
            if seq < written {
                // The newest durable mark covers it: computed again, not written again.
                output.clear();
            }
        }
        self.write(output, page.next).await
    }

    async fn write(&self, output: Vec<Batch>, covered: Seq) -> Result<(), StoreClosed> {
        if output.is_empty() {
            return Ok(());
        }
        self.telemetry.intake.produced.add(output.iter().map(|batch| batch.readings.len() as u64).sum());
        self.outbox.append(Append { batches: output, mark: i64::try_from(covered).ok() }).await
    }

    /// A snapshot may not be newer than the output that is durable: replay starts at the snapshot.
    async fn save_if_covered(&self, snapshot: &mut Option<(Seq, Vec<u8>)>, covered: Seq) {
        if snapshot.as_ref().is_some_and(|(seq, _)| *seq <= covered)
            && let Some((seq, fold)) = snapshot.take()
        {
            let path = self.snapshot.clone();
            // A slow card must not hold up the collection of readings.
            let saved = tokio::task::spawn_blocking(move || save(&path, seq, &fold)).await;
            if let Err(error) = saved.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                tracing::warn!(path = %self.snapshot.display(), %error, "snapshot of open windows not written; a restart replays more of the log");
            }
        }
    }
}

/// Log position that the newest durable output covers. A mark beyond the log's end belongs to another log, one that
/// was deleted or lost: it covers nothing of this one.
fn covered(outbox: &Durable, end: Seq) -> Seq {
    let mark = outbox.mark.and_then(|mark| u64::try_from(mark).ok()).unwrap_or(0);
    if mark > end {
        tracing::debug!(mark, end, "the outbox knows of readings that are not there");
        return 0;
    }
    mark
}

/// One record of the log: device events are passed on unless they stay here, everything else is folded.
fn take_in(fold: &mut Fold, record: &Record, names: &Names, output: &mut Vec<Batch>) {
    let (Some(origin), Some(metric)) = (names.origins.get(record.origin as usize), names.metrics.get(record.metric as usize)) else {
        return;
    };
    let (Some(device), Some(point)) = (origin.device, metric.point) else { return };
    let is_kept_back = privacy::is_kept_back(&origin.tags, metric);
    let metric = Metric { point, part: metric.part };
    // What stays here is folded all the same: its figures go out, it does not.
    fold.observe(record.log_ms, device, metric, record.at_ms, &record.value);
    if is_event(point) && !is_kept_back {
        pass_on(output, device, metric, record);
    }
}

fn is_event(point: Point) -> bool {
    point.measurement().info().class == Class::Event
}

/// Device events go to the database as they are. Fields of one event stand together in the log.
fn pass_on(output: &mut Vec<Batch>, device: facility_config::DeviceIx, metric: Metric, record: &Record) {
    match output.last_mut() {
        Some(last) if last.subject == Subject::Event && last.device == Some(device) && last.at_ms == record.at_ms => {
            last.push(metric, record.value.clone());
        }
        _ => {
            let mut batch = Batch::new(device, Subject::Event, record.at_ms);
            batch.push(metric, record.value.clone());
            output.push(batch);
        }
    }
}

/// Position (8 bytes, little-endian), the fold's own sealed bytes, checksum of both.
fn load(path: &Path, site: &Arc<Site>) -> Option<(Fold, Seq)> {
    let bytes = std::fs::read(path).ok()?;
    let (content, checksum) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (head, body) = content.split_first_chunk::<8>()?;
    Some((Fold::restore(site.clone(), body)?, u64::from_le_bytes(*head)))
}

fn save(path: &Path, at: Seq, fold: &[u8]) -> std::io::Result<()> {
    let mut bytes = at.to_le_bytes().to_vec();
    bytes.extend(fold);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, &bytes)?;
    std::fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests;
