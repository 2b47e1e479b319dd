//! Reads the readings log from its own cursor, folds it, and puts metrics and device events into the outbox.
//!
//! Output is exactly once across restarts: every append to the outbox carries the log position it covers as its mark,
//! in the same frame. After a crash the log is replayed from the last snapshot and whatever the newest durable mark
//! covers is computed again but not written again. Days are archived before the append that covers them, and months are
//! made of archived days. So the snapshot is a cache: losing it costs the time of a replay, and of the windows and the day
//! that are open then what the log no longer has; never a month.

mod late;
mod snapshot;

use crate::aggregate::{Fold, Turn, revise};
use crate::archive::{Archive, Cut, LongSums};
use crate::completeness::Ledger;
use crate::privacy;
use crate::store::handle;
use crate::store::record::PROVISIONAL;
use crate::store::{Append, Cursor, Durable, Names, Page, Record, Seq, Sink, Store, StoreClosed};
use crate::telemetry::{Shown, Telemetry};
use facility_config::limits::{FOLD_BATCHES_PER_CLOSE, READ_POINTS_MAX, STORE_RETRY_MS};
use facility_config::series::Class;
use facility_config::{Point, Site};
use facility_drivers::{Batch, Metric, Subject};
use late::Marks;
use snapshot::Snapshot;
use std::io;
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
    /// The days that are over.
    pub archive: Arc<Archive>,
    /// Cache of the fold, `fold.snapshot` in the store's directory.
    pub snapshot: PathBuf,
    /// Counts what is produced.
    pub telemetry: Arc<Telemetry>,
    /// Ends the task.
    pub stop: CancellationToken,
}

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

/// What is carried from page to page.
struct Work {
    fold: Fold,
    missing: Ledger,
    marks: Marks,
    /// What lies before is in the outbox.
    written: Seq,
    /// End of the log at the start.
    end: Seq,
}

impl Work {
    fn cut(&self, upto: Seq) -> Cut {
        Cut { upto, end: self.end, is_replay: upto < self.written }
    }
}

impl Rollup {
    /// Runs until stopped or until a store has ended.
    pub async fn run(self) {
        if matches!(self.follow().await, Err(Ended::Closed)) {
            tracing::debug!("roll-up ends: a store has stopped");
        }
    }

    async fn follow(&self) -> Result<(), Ended> {
        let mut log = self.readings.durable();
        let mut outbox = self.outbox.durable();
        let end = log.borrow().end;
        let written = covered(&outbox.borrow_and_update(), end);
        let Snapshot { mut at, fold, missing, marks } = match snapshot::load(&self.snapshot, &self.site).await {
            Some(snapshot) if snapshot.at <= written => snapshot,
            _ => Snapshot::none(&self.site, log.borrow().start),
        };
        let mut work = Work { fold, missing, marks, written, end };
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
                    changed = outbox.changed(), if snapshot.is_some() => changed.map_err(|_| Ended::Closed)?,
                    // The disk does not give it just now, and no commit may come to say that it does again.
                    () = tokio::time::sleep(Duration::from_millis(STORE_RETRY_MS)), if is_there => {}
                    () = self.stop.cancelled() => return Ok(()),
                }
                continue;
            }
            let before = work.fold.open_ms();
            if page.lost > 0 || page.first > at {
                work.missing.lost();
            }
            self.fold_page(&mut work, &page).await?;
            at = page.next;
            self.show_missing(&work);
            if at > cursor.next {
                let passed = at - cursor.next;
                let taken = passed.min(page.records.len() as u64);
                cursor = Cursor { next: at, delivered: cursor.delivered + taken, lost: cursor.lost + (passed - taken), ..cursor };
                self.readings.advance(Sink::Aggregate, cursor).await?;
            }
            if work.fold.open_ms() != before {
                snapshot = Some((at, snapshot::body(&work.fold, &work.missing, &work.marks)));
            }
        }
        Ok(())
    }

    /// Takes a page in and hands over what comes of it, in portions: after a night without power hundreds of windows
    /// close at one record.
    async fn fold_page(&self, work: &mut Work, page: &Page) -> Result<(), Ended> {
        let mut output = Vec::new();
        for (seq, record) in (page.first..).zip(&page.records) {
            let mut has_closed = false;
            loop {
                let closed = work.fold.close(record.log_ms);
                if closed.is_empty() {
                    break;
                }
                has_closed = true;
                output.extend(closed);
                for turn in work.fold.turns() {
                    output.extend(self.archive_day(work, turn, seq).await?);
                }
                if seq < work.written {
                    output.clear();
                }
                self.write_portion(&mut output, seq).await?;
            }
            if has_closed {
                self.work_over(work, seq, &mut output).await?;
            }
            work.marks.note(record.log_ms, seq);
            take_in(work, record, &page.names, &mut output);
            if seq < work.written {
                // The newest durable mark covers it: computed again, not written again.
                output.clear();
            }
        }
        Ok(self.write(output, page.next).await?)
    }

    /// Archives a day that is over; returns the months, quarters and years that end with it.
    async fn archive_day(&self, work: &Work, turn: Turn, seq: Seq) -> Result<Vec<Batch>, Ended> {
        let (cut, turn) = (work.cut(seq), Arc::new(turn));
        let longer = self.archived(move |archive| archive.turn(cut, &turn)).await?;
        Ok(long_rows(&work.fold, longer))
    }

    /// Works on the archive beside the runtime, and until it works: a full disk costs readings their acknowledgement long before.
    async fn archived<T, F>(&self, work: F) -> Result<T, Ended>
    where
        T: Send + 'static,
        F: Fn(&Archive) -> io::Result<T> + Clone + Send + 'static,
    {
        loop {
            let (archive, work) = (self.archive.clone(), work.clone());
            let done = tokio::task::spawn_blocking(move || work(&archive)).await;
            match done.unwrap_or_else(|error| Err(io::Error::other(error))) {
                Ok(done) => return Ok(done),
                Err(error) => tracing::error!(%error, "GW-S040 the archive of figures cannot be used; tried again"),
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

    /// Hands over what has gathered if it is a lot. Everything before this record is covered; a kill between two portions
    /// repeats the same lines.
    async fn write_portion(&self, output: &mut Vec<Batch>, seq: Seq) -> Result<(), Ended> {
        if output.len() >= FOLD_BATCHES_PER_CLOSE {
            self.write(std::mem::take(output), seq).await?;
        }
        Ok(())
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
            && let Some((seq, body)) = snapshot.take()
            && let Err(error) = crate::snapshot::keep(self.snapshot.clone(), seq, body).await
        {
            tracing::warn!(path = %self.snapshot.display(), %error, "snapshot of open windows not written; a restart replays more of the log");
        }
    }

    /// Shows what is missing, now and then.
    fn show_missing(&self, Work { fold, missing, .. }: &Work) {
        let shown_ms = self.telemetry.missing.borrow().log_ms;
        if (missing.log_ms() - shown_ms).abs() >= MISSING_SHOWN_MS {
            let shown = Shown { log_ms: missing.log_ms(), newest: missing.newest(), unrevised_days: fold.unrevised_days() };
            self.telemetry.missing.send_replace(Arc::new(shown));
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

/// Figures of months, quarters and years.
fn long_rows(fold: &Fold, longer: Vec<LongSums>) -> Vec<Batch> {
    let row = |long: LongSums| {
        let mut batch = fold.long_row(long.device, long.window, &long.sums);
        if long.rev > 0 {
            revise(&mut batch, long.rev);
        }
        batch
    };
    longer.into_iter().map(row).filter(|batch| !batch.readings.is_empty()).collect()
}

/// One record of the log: device events are passed on unless they stay here, everything else is folded.
fn take_in(work: &mut Work, record: &Record, names: &Names, output: &mut Vec<Batch>) {
    let (Some(origin), Some(metric)) = (names.origins.get(record.origin as usize), names.metrics.get(record.metric as usize)) else {
        return;
    };
    let (Some(device), Some(point)) = (origin.device, metric.point) else { return };
    let is_kept_back = privacy::is_kept_back(&origin.tags, metric);
    let metric = Metric { point, part: metric.part };
    // What stays here is folded all the same: its figures go out, it does not.
    work.fold.observe(record.log_ms, device, metric, record.at_ms, &record.value);
    let is_provisional = record.flags & PROVISIONAL != 0;
    work.missing.observe(record.log_ms, is_provisional, (device, metric), record.at_ms, &record.value, output);
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
