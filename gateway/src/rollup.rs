//! Reads the readings log from its own cursor, folds it, and puts metrics and device events into the outbox.
//!
//! Output is exactly once across restarts: every append to the outbox carries the log position it covers as its mark,
//! in the same frame. After a crash the log is replayed from the last snapshot and whatever the newest durable mark
//! covers is computed again but not written again. The snapshot is a cache: losing it costs time, never a figure.

use crate::aggregate::Fold;
use crate::completeness::Ledger;
use crate::privacy;
use crate::snapshot as file;
use crate::store::handle;
use crate::store::record::PROVISIONAL;
use crate::store::{Append, Cursor, Durable, Names, Page, Record, Seq, Sink, Store, StoreClosed};
use crate::telemetry::{Shown, Telemetry};
use facility_config::limits::{FOLD_BATCHES_PER_CLOSE, READ_POINTS_MAX, STORE_RETRY_MS};
use facility_config::series::Class;
use facility_config::{Point, Site};
use facility_drivers::{Batch, Metric, Subject};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What is missing is shown anew after so much of the log's time, ms.
const MISSING_SHOWN_MS: i64 = 15_000;

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
        let (mut folds, mut at) = match self.load().await {
            Some((folds, seq)) if seq <= written => (folds, seq),
            _ => (Folds::new(&self.site), log.borrow().start),
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
            let before = folds.metrics.emitted_until_ms();
            if page.lost > 0 || page.first > at {
                folds.missing.lost();
            }
            self.fold_page(&mut folds, &page, written).await?;
            at = page.next;
            self.show_missing(&folds.missing);
            if at > cursor.next {
                let passed = at - cursor.next;
                let taken = passed.min(page.records.len() as u64);
                cursor = Cursor { next: at, delivered: cursor.delivered + taken, lost: cursor.lost + (passed - taken), ..cursor };
                self.readings.advance(Sink::Aggregate, cursor).await?;
            }
            if folds.metrics.emitted_until_ms() != before {
                snapshot = Some((at, folds.snapshot()));
            }
        }
        Ok(())
    }

    /// Takes a page in and hands over what comes of it, in portions: after a night without power hundreds of windows
    /// close at one record.
    async fn fold_page(&self, folds: &mut Folds, page: &Page, written: Seq) -> Result<(), StoreClosed> {
        let mut output = Vec::new();
        for (seq, record) in (page.first..).zip(&page.records) {
            loop {
                let closed = folds.metrics.close(record.log_ms);
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
            take_in(folds, record, &page.names, &mut output);
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
            && let Err(error) = file::keep(self.snapshot.clone(), seq, fold).await
        {
            tracing::warn!(path = %self.snapshot.display(), %error, "snapshot of open windows not written; a restart replays more of the log");
        }
    }

    async fn load(&self) -> Option<(Folds, Seq)> {
        let (at, body) = file::kept(self.snapshot.clone()).await?;
        Some((Folds::restore(&self.site, &body)?, at))
    }

    /// Shows what is missing, now and then.
    fn show_missing(&self, missing: &Ledger) {
        let shown_ms = self.telemetry.missing.borrow().log_ms;
        if (missing.log_ms() - shown_ms).abs() >= MISSING_SHOWN_MS {
            let newest = Shown { log_ms: missing.log_ms(), newest: missing.newest() };
            self.telemetry.missing.send_replace(Arc::new(newest));
        }
    }
}

/// Everything that is folded from the readings log at one position.
struct Folds {
    metrics: Fold,
    missing: Ledger,
}

impl Folds {
    fn new(site: &Arc<Site>) -> Self {
        Self { metrics: Fold::new(site.clone()), missing: Ledger::new(site.clone()) }
    }

    /// Length of the first part (8 bytes, little-endian), then both, each sealed by itself.
    fn snapshot(&self) -> Vec<u8> {
        let metrics = self.metrics.snapshot();
        [&(metrics.len() as u64).to_le_bytes()[..], &metrics, &self.missing.snapshot()].concat()
    }

    fn restore(site: &Arc<Site>, bytes: &[u8]) -> Option<Self> {
        let (len, rest) = bytes.split_first_chunk::<8>()?;
        let (metrics, missing) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
        Some(Self { metrics: Fold::restore(site.clone(), metrics)?, missing: Ledger::restore(site.clone(), missing)? })
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
fn take_in(folds: &mut Folds, record: &Record, names: &Names, output: &mut Vec<Batch>) {
    let (Some(origin), Some(metric)) = (names.origins.get(record.origin as usize), names.metrics.get(record.metric as usize)) else {
        return;
    };
    let (Some(device), Some(point)) = (origin.device, metric.point) else { return };
    let is_kept_back = privacy::is_kept_back(&origin.tags, metric);
    let metric = Metric { point, part: metric.part };
    // What stays here is folded all the same: its figures go out, it does not.
    folds.metrics.observe(record.log_ms, device, metric, record.at_ms, &record.value);
    let is_provisional = record.flags & PROVISIONAL != 0;
    folds.missing.observe(record.log_ms, is_provisional, (device, metric), record.at_ms, &record.value, output);
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

#[cfg(test)]
mod tests;
