//! The log itself, without its thread: every method is given the time and returns when it is done.
//!
//! One owner, no locks. What it holds in memory: one frame of pending points, one request, what waits for a failing
//! disk, the frame index of the ring, the headers of the blocks, one block being made, two being read, the dictionary.

use super::block::Builder;
use super::blocks::Blocks;
use super::cursors::{self, Cursors, Remembered};
use super::disk::Disk;
use super::epochs::Epochs;
use super::handle::{Append, Durable};
use super::names::{Dictionary, NameSet};
use super::pending::{Incoming, Pending};
use super::recent::Recent;
use super::record::{Gap, GapReason, Seq, Sink};
use super::reduce::Reducing;
use super::ring::Ring;
use super::scrub::Scrub;
use super::stand::Cursor;
use super::waiting::Waiting;
use facility_config::Overflow;
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
    pub(super) free_bytes_min: u64,
    pub(super) overflow: Overflow,
    /// Size of a file of blocks.
    pub(super) file_bytes: u64,
    pub(super) ring: Ring<D::File>,
    pub(super) blocks: Blocks<D::File>,
    pub(super) builder: Builder,
    /// Since when the oldest points in the ring wait for a block.
    pub(super) unsealed_since: Option<Instant>,
    pub(super) last_block_bytes: u64,
    pub(super) recent: Recent,
    pub(super) reducing: Option<Reducing<D::File>>,
    /// When the next step of it is due.
    pub(super) reduce_at: Option<Instant>,
    /// See [`Remembered::swap`].
    pub(super) swap: Option<Seq>,
    /// The newest cursors on flash speak of one: no other file of that name may be begun before they do no longer.
    pub(super) swap_on_flash: bool,
    pub(super) cursors: Cursors<D::File>,
    pub(super) names: Dictionary,
    pub(super) pending: Pending,
    pub(super) incoming: Option<Incoming>,
    pub(super) waiting: Waiting,
    /// Openings of this store so far.
    pub(super) epoch: u32,
    pub(super) epochs: Epochs,
    /// See [`Durable::held_from`].
    pub(super) held_from: Option<Seq>,
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
    pub(super) thinned: u64,
    pub(super) no_disk: u64,
    pub(super) damaged: u64,
    pub(super) gaps: Vec<Gap>,
    /// See [`Durable::full`].
    pub(super) full: bool,
    /// Bytes given back so far for the file that wants room.
    pub(super) freed: u64,
    pub(super) scrub: Scrub,
    /// Points taken off the queue since start.
    pub(super) taken: u64,
    pub(super) commits: u64,
    pub(super) bytes_written: u64,
    pub(super) commit_fault: Option<String>,
    pub(super) seal_fault: Option<String>,
    pub(super) commit_retry_at: Option<Instant>,
    pub(super) seal_retry_at: Option<Instant>,
    pub(super) cursors_due: Option<Instant>,
    /// Positions that the medium does not give, and since when they were tried; the newest first.
    pub(super) unreadable: Vec<(Seq, Instant)>,
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
        if !self.clock.is_set() && self.epochs.note(self.epoch, self.clock.boot()) {
            self.save_cursors(now, true);
        }
        if self.is_busy() {
            self.wait_for_disk(incoming.into_append());
            return;
        }
        self.incoming = Some(incoming);
        self.pump(now);
    }

    /// Whether another request may be taken: before the next commit one frame's worth, and while the disk fails what
    /// memory is set aside for.
    pub(super) fn takes_more(&self) -> bool {
        !self.is_busy() || (self.commit_fault.is_some() && self.waiting.takes_more())
    }

    /// What was taken has to be committed first.
    fn is_busy(&self) -> bool {
        self.incoming.is_some() || !self.waiting.is_empty() || self.pending.is_enough()
    }

    fn wait_for_disk(&mut self, append: Append) {
        let Some(gone) = self.waiting.push(append) else { return };
        if self.no_disk == 0 {
            tracing::error!(
                store = self.name,
                "nothing can be written and memory is full: oldest readings are given up, counted as no_disk"
            );
        }
        self.no_disk += gone.points;
        self.note_gap(GapReason::NoDisk, self.end..self.end, gone.points, gone.times);
    }

    /// Everything that is due: commits, finished segments, cursors.
    pub(super) fn work(&mut self, now: Instant) {
        if self.commit_due().is_some_and(|due| due <= now) {
            self.commit(now);
        }
        self.pump(now);
        self.settle_clock(now);
        self.seal_due(now);
        self.reduce_due(now);
        self.scrub_due(now);
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
        let due = [self.commit_due(), self.seal_retry_at.or(self.seal_at()), self.cursors_due, self.scrub_at(), self.reduce_at];
        due.into_iter().flatten().min()
    }

    /// Goes on making room, one block at a time; when a file is done, the room is used.
    fn reduce_due(&mut self, now: Instant) {
        if self.reducing.is_some() {
            self.reduce_step(now);
            if self.reducing.is_none() {
                self.prepare_spare();
            }
        }
        self.reduce_at = self.reducing.is_some().then_some(now);
    }

    /// When the clock is set, provisional times of this boot are put right and readers may have them.
    pub(super) fn settle_clock(&mut self, now: Instant) {
        if !self.clock.is_set() || !(self.epochs.are_open() || self.held_from.is_some()) {
            return;
        }
        self.epochs.resolve(self.clock.boot());
        // The shifts must be on flash before anything is built on them; what was held is held a little longer.
        if self.save_cursors(now, true) {
            tracing::info!(store = self.name, from = self.held_from, "the clock is set: times since then are put right");
            self.held_from = None;
            self.publish();
        }
    }

    fn commit_due(&self) -> Option<Instant> {
        let since = self.pending.since()?;
        let at_once = self.pending.is_enough() || self.pending.acks_len() >= self.early_acks || self.incoming.is_some();
        let due = if at_once { since } else { since + self.commit_delay };
        Some(self.commit_retry_at.map_or(due, |retry| due.max(retry)))
    }

    /// Encodes the request at hand, with as many commits as it takes.
    fn pump(&mut self, now: Instant) {
        while let Some(mut incoming) = self.incoming.take().or_else(|| self.waiting.pop().map(Incoming::new)) {
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

    /// Writes the cursors that moved, or all of them; `true` if they are on flash.
    pub(super) fn save_cursors(&mut self, now: Instant, all: bool) -> bool {
        let log = Remembered {
            high_water: self.end,
            start: self.start,
            evicted: self.evicted,
            thinned: self.thinned,
            no_disk: self.no_disk,
            wall_ms: self.log_ms,
            swap: self.swap,
            gaps: self.gaps.clone(),
            epochs: self.epochs.0.clone(),
        };
        self.cursors_due = None;
        match self.cursors.save(&self.disk, &log, all) {
            Ok(bytes) => {
                self.bytes_written += bytes;
                self.swap_on_flash = self.swap.is_some();
                true
            }
            Err(error) => {
                tracing::warn!(store = self.name, %error, "cursors cannot be written: points may be delivered again after a restart");
                self.cursors_due = Some(now + Duration::from_millis(CURSOR_SAVE_MS));
                false
            }
        }
    }

    /// Takes the rest of the request at hand and commits; `true` if everything taken is durable.
    pub(super) fn flush(&mut self, now: Instant) -> bool {
        self.pump(now);
        self.incoming.is_none() && self.waiting.is_empty() && self.commit(now)
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
            block_bytes: self.blocks.used_bytes,
            block_points: self.blocks.points,
            evicted: self.evicted,
            thinned: self.thinned,
            no_disk: self.no_disk,
            gaps: self.gaps.clone(),
            full: self.full,
            held_from: self.held_from,
            scrubbed: self.scrub.blocks,
            damaged: self.damaged,
            taken: self.taken,
            pending: self.points_pending(),
            cursors: self.cursors_now(),
            fault: self.commit_fault.clone().or_else(|| self.seal_fault.clone()),
        }
    }

    fn points_pending(&self) -> u64 {
        u64::from(self.pending.points.count) + self.waiting.points() + self.incoming.as_ref().map_or(0, Incoming::points_left)
    }

    fn cursors_now(&self) -> [Cursor; Sink::ALL.len()] {
        Sink::ALL.map(|sink| self.cursors.get(sink))
    }

    pub(super) fn bytes_on_disk(&self) -> u64 {
        let layout = self.ring.layout();
        let fixed = layout.segment_bytes * layout.segments + PAGE_BYTES + self.cursors.len() * cursors::FILE_BYTES;
        self.blocks.bytes + self.blocks.spare.as_ref().map_or(0, |(_, bytes)| *bytes) + self.unnamed_bytes() + fixed as u64
    }

    /// A file of blocks that has no name yet is in no list.
    fn unnamed_bytes(&self) -> u64 {
        self.blocks.filling.as_ref().filter(|filling| filling.first.is_none()).map_or(0, |filling| filling.capacity)
    }
}
