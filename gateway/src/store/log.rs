//! The log itself, without its thread: every method is given the time and returns when it is done.
//!
//! One owner, no locks. What it holds in memory: one frame of pending points, one request, the frame index of the
//! ring, a few indexes of finished segments, the dictionary.

use super::cursors::{self, Cursors, Remembered};
use super::disk::Disk;
use super::handle::{Append, Cursor, Durable};
use super::names::{Dictionary, NameSet};
use super::pending::{Incoming, Pending};
use super::record::{Seq, Sink};
use super::ring::Ring;
use super::sealed::Sealed;
use facility_config::limits::{CURSOR_SAVE_MS, PAGE_BYTES};
use facility_drivers::Clock;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A store's state.
#[derive(Debug)]
pub(super) struct Log<D: Disk> {
    pub(super) disk: D,
    pub(super) dir: PathBuf,
    pub(super) name: &'static str,
    pub(super) clock: Clock,
    pub(super) commit_delay: Duration,
    pub(super) early_acks: usize,
    pub(super) bytes_max: u64,
    pub(super) ring: Ring<D::File>,
    pub(super) sealed: Sealed<D::File>,
    pub(super) cursors: Cursors<D::File>,
    pub(super) names: Dictionary,
    pub(super) pending: Pending,
    pub(super) incoming: Option<Incoming>,
    /// Openings of this store so far.
    pub(super) epoch: u32,
    /// Oldest point held.
    pub(super) start: Seq,
    /// One past the newest durable point.
    pub(super) end: Seq,
    /// Time of the newest frame.
    pub(super) log_ms: i64,
    pub(super) mark: Option<i64>,
    /// A range found lost at open, still to be written down.
    pub(super) gap: Option<Range<Seq>>,
    pub(super) evicted: u64,
    pub(super) damaged: u64,
    /// Points taken off the queue since start.
    pub(super) taken: u64,
    pub(super) commits: u64,
    pub(super) bytes_written: u64,
    pub(super) commit_fault: Option<String>,
    pub(super) spill_fault: Option<String>,
    pub(super) commit_retry_at: Option<Instant>,
    pub(super) spill_retry_at: Option<Instant>,
    pub(super) cursors_due: Option<Instant>,
    /// Position that the medium does not give, and since when it was tried.
    pub(super) unreadable: Option<(Seq, Instant)>,
    /// Names used by the segment before this one.
    pub(super) carried: NameSet,
    pub(super) to_name: NameSet,
    pub(super) scratch: Vec<u8>,
    pub(super) durable: watch::Sender<Durable>,
    /// Held as long as the log lives.
    pub(super) _lock: D::File,
}

impl<D: Disk> Log<D> {
    /// Takes a request; may commit. Only call when [`takes_more`](Self::takes_more).
    pub(super) fn append(&mut self, append: Append, now: Instant) {
        let incoming = Incoming::new(append);
        self.taken += incoming.points_left();
        self.incoming = Some(incoming);
        self.pump(now);
    }

    /// Whether another request may be taken before the next commit: the bound of what a failing disk can pile up.
    pub(super) fn takes_more(&self) -> bool {
        self.incoming.is_none() && !self.pending.is_enough()
    }

    /// Everything that is due: commits, finished segments, cursors.
    pub(super) fn work(&mut self, now: Instant) {
        if self.commit_due().is_some_and(|due| due <= now) {
            self.commit(now);
        }
        self.pump(now);
        self.spill_due(now);
        if self.cursors_due.is_some_and(|due| due <= now) {
            self.save_cursors(now, false);
        }
        // Shown to whoever looks, but no reason to wake anybody: nothing more is durable.
        let (taken, pending, cursors) = (self.taken, self.points_pending(), self.cursors_now());
        self.durable.send_if_modified(|durable| {
            (durable.taken, durable.pending, durable.cursors) = (taken, pending, cursors);
            false
        });
    }

    /// When [`work`](Self::work) has something to do next.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        [self.commit_due(), self.spill_retry_at, self.cursors_due].into_iter().flatten().min()
    }

    fn commit_due(&self) -> Option<Instant> {
        let since = self.pending.since()?;
        let at_once = self.pending.is_enough() || self.pending.acks_len() >= self.early_acks || self.incoming.is_some();
        let due = if at_once { since } else { since + self.commit_delay };
        Some(self.commit_retry_at.map_or(due, |retry| due.max(retry)))
    }

    /// Encodes the request at hand, with as many commits as it takes.
    fn pump(&mut self, now: Instant) {
        while let Some(mut incoming) = self.incoming.take() {
            if !self.pending.take(&mut incoming, &mut self.names, self.end, now) {
                self.incoming = Some(incoming);
                if !self.commit(now) {
                    return;
                }
            }
        }
        // Acknowledgements with nothing undurable before them need no commit.
        self.pending.release(self.end);
    }

    pub(super) fn cursor(&self, sink: Sink) -> Cursor {
        self.cursors.get(sink)
    }

    pub(super) fn advance(&mut self, sink: Sink, cursor: Cursor, now: Instant) {
        if !self.cursors.set(sink, cursor) {
            tracing::error!(store = self.name, sink = sink.as_str(), "a cursor of a reader this store does not have: not kept");
        }
        if self.cursors.is_dirty() {
            self.cursors_due.get_or_insert(now + Duration::from_millis(CURSOR_SAVE_MS));
        }
    }

    /// Writes the cursors that moved, or all of them.
    pub(super) fn save_cursors(&mut self, now: Instant, all: bool) {
        let log = Remembered { high_water: self.end, start: self.start, evicted: self.evicted, wall_ms: self.log_ms };
        self.cursors_due = None;
        match self.cursors.save(&self.disk, &log, all) {
            Ok(bytes) => self.bytes_written += bytes,
            Err(error) => {
                tracing::warn!(store = self.name, %error, "cursors cannot be written: points may be delivered again after a restart");
                self.cursors_due = Some(now + Duration::from_millis(CURSOR_SAVE_MS));
            }
        }
    }

    /// Takes the rest of the request at hand and commits; `true` if everything taken is durable.
    pub(super) fn flush(&mut self, now: Instant) -> bool {
        self.pump(now);
        self.incoming.is_none() && self.commit(now)
    }

    /// The last commit and the cursors; `true` if nothing is left undurable.
    pub(super) fn close(&mut self, now: Instant) -> bool {
        self.commit_retry_at = None;
        let complete = self.flush(now);
        self.save_cursors(now, true);
        if complete && self.commits > 0 {
            self.write_close();
        }
        self.publish();
        complete
    }

    /// Tells everyone what is durable now.
    pub(super) fn publish(&self) {
        self.durable.send_replace(self.state());
    }

    pub(super) fn state(&self) -> Durable {
        Durable {
            start: self.start,
            end: self.end,
            mark: self.mark,
            commits: self.commits,
            bytes_written: self.bytes_written,
            bytes_on_disk: self.bytes_on_disk(),
            evicted: self.evicted,
            damaged: self.damaged,
            taken: self.taken,
            pending: self.points_pending(),
            cursors: self.cursors_now(),
            fault: self.commit_fault.clone().or_else(|| self.spill_fault.clone()),
        }
    }

    fn points_pending(&self) -> u64 {
        u64::from(self.pending.points.count) + self.incoming.as_ref().map_or(0, Incoming::points_left)
    }

    fn cursors_now(&self) -> [Cursor; Sink::ALL.len()] {
        Sink::ALL.map(|sink| self.cursors.get(sink))
    }

    pub(super) fn bytes_on_disk(&self) -> u64 {
        let layout = self.ring.layout();
        let fixed = layout.segment_bytes * layout.segments + PAGE_BYTES + self.cursors.len() * cursors::FILE_BYTES;
        self.sealed.bytes + fixed as u64
    }
}
