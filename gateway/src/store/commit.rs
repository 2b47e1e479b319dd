//! Group commit: everything pending becomes one frame, one write, one sync.
//!
//! After a failed write or sync the segment is given up and the same points go to another one; the pages are never
//! synced again (RELIABILITY P4). While nothing can be written, acknowledgements are withheld and it is tried again
//! every few seconds.

use super::disk::Disk;
use super::format::{Kind, Stamp, pad, put_frame};
use super::log::Log;
use super::ring::{FrameAt, origin_bit};
use facility_config::limits::{CLOCK_STEP_MS, LOG_STEP_MS, STORE_RETRY_MS};
use std::io;
use std::time::{Duration, Instant};

/// Segments tried before a commit is put off.
const TRIES: usize = 2;

impl<D: Disk> Log<D> {
    /// Makes everything pending durable, releases its acknowledgements and publishes; `false` if that failed or has
    /// to wait after an earlier failure.
    pub(super) fn commit(&mut self, now: Instant) -> bool {
        if self.pending.is_empty() {
            self.pending.release(self.end);
            return true;
        }
        if self.commit_retry_at.is_some_and(|at| now < at) {
            return false;
        }
        self.settle_clock(now);
        let log_ms = log_time(self.clock.now_ms(), self.log_ms);
        let provisional = !self.clock.is_set();
        for _ in 0..TRIES {
            match self.write_pending(now, log_ms, provisional) {
                Ok(()) => {
                    self.committed(log_ms, provisional);
                    return true;
                }
                Err(error) => {
                    self.ring.abandon();
                    self.commit_failed(now, &error);
                }
            }
        }
        self.publish();
        false
    }

    fn committed(&mut self, log_ms: i64, provisional: bool) {
        if provisional {
            self.held_from.get_or_insert(self.end);
        }
        if self.commit_fault.take().is_some() {
            tracing::info!(store = self.name, "writing again");
        }
        self.commit_retry_at = None;
        self.log_ms = log_ms;
        self.end += u64::from(self.pending.points.count);
        self.mark = self.pending.mark;
        self.commits += 1;
        self.pending.committed();
        self.publish();
        self.pending.release(self.end);
    }

    fn commit_failed(&mut self, now: Instant, error: &io::Error) {
        let failed = || format!("readings cannot be written to {}: {error}; check the card or disk", self.dir.display());
        let text = self.why_full().unwrap_or_else(failed);
        if self.commit_fault.as_ref() != Some(&text) {
            tracing::error!(store = self.name, "{text}");
        }
        self.commit_fault = Some(text);
        self.commit_retry_at = Some(now + Duration::from_millis(STORE_RETRY_MS));
    }

    fn write_pending(&mut self, now: Instant, log_ms: i64, provisional: bool) -> io::Result<()> {
        let mut pages = std::mem::take(&mut self.scratch);
        let written = self.write_pages(now, (log_ms, provisional), &mut pages);
        self.scratch = pages;
        written
    }

    fn write_pages(&mut self, now: Instant, time: (i64, bool), pages: &mut Vec<u8>) -> io::Result<()> {
        if self.ring.current.is_none() {
            self.begin_segment(now)?;
        }
        let mut frame_at = self.encode_pending(time, pages);
        if pages.len() > self.ring.room() {
            self.begin_segment(now)?;
            frame_at = self.encode_pending(time, pages);
        }
        if pages.len() > self.ring.room() {
            return Err(io::Error::other("one commit is larger than a segment"));
        }
        let offset = self.ring.offset;
        self.ring.write(&self.disk, pages)?;
        self.bytes_written += pages.len() as u64;
        self.gap = None;
        self.carried.clear();
        self.ring.announced.add(&self.to_name);
        if let (Some(current), true) = (self.ring.current, frame_at.count > 0) {
            frame_at.offset += offset as u32;
            self.ring.slots[current].frames.push(frame_at);
            self.ring.slots[current].used.add(&self.pending.used);
            self.unsealed_since.get_or_insert(now);
        }
        Ok(())
    }

    /// Begins another segment; makes blocks of the oldest points if none is free.
    fn begin_segment(&mut self, now: Instant) -> io::Result<()> {
        let last = self.ring.current;
        while let Err(error) = self.ring.begin(&self.disk) {
            if self.ring.first().is_none() {
                return Err(error);
            }
            match self.seal_block(now) {
                // Now there is no time to make room in small steps.
                Err(sealing) if sealing.kind() == io::ErrorKind::WouldBlock && self.reducing.is_some() => self.reduce_step(now),
                other => other?,
            }
        }
        // What the last segment used will be used again: named once here, it needs no page of its own later.
        self.carried.clear();
        if let Some(last) = last.filter(|last| Some(*last) != self.ring.current) {
            self.carried.add(&self.ring.slots[last].used);
        }
        Ok(())
    }

    /// Frames of this commit as pages; says where in them the points are.
    fn encode_pending(&mut self, (log_ms, provisional): (i64, bool), pages: &mut Vec<u8>) -> FrameAt {
        pages.clear();
        let before = Stamp { epoch: self.epoch, segment: self.ring.number(), log_ms, mark: self.mark, provisional };
        if let Some(gap) = &self.gap {
            put_frame(pages, Kind::Gap, &before, gap.start, 0, &gap.end.to_le_bytes());
            pad(pages);
        }
        self.choose_names();
        if !self.to_name.is_empty() || self.ring.offset == 0 {
            let ids = (&*self.to_name.origins.ids, &*self.to_name.metrics.ids);
            // Twice: one bad page must not take the names of all points after it.
            for _ in 0..2 {
                self.names.put_frames(pages, &before, self.end, ids, self.ring.layout().frame_bytes_max(), pad);
            }
        }
        let (offset, stamp, points) = (pages.len(), Stamp { mark: self.pending.mark, ..before }, &self.pending.points);
        put_frame(pages, Kind::Points, &stamp, self.end, points.count, &points.body);
        let len = pages.len() - offset;
        pad(pages);
        let origins = self.pending.used.origins.ids.iter().fold(0, |bits, id| bits | origin_bit(*id));
        FrameAt { first: self.end, count: points.count, offset: offset as u32, len: len as u32, origins }
    }

    /// Chooses what has to be named in front of the points: what they use and this segment does not name yet; at the
    /// start of a segment also what the one before used, as far as it fits.
    fn choose_names(&mut self) {
        self.to_name.clear();
        for id in self.pending.used.origins.ids.iter().filter(|id| !self.ring.announced.origins.contains(**id)) {
            self.to_name.origins.insert(*id);
        }
        for id in self.pending.used.metrics.ids.iter().filter(|id| !self.ring.announced.metrics.contains(**id)) {
            self.to_name.metrics.insert(*id);
        }
        let mut left = self.ring.layout().frame_bytes_max();
        let mut fits = |len: usize| left.checked_sub(len).map(|rest| left = rest).is_some();
        for id in &self.carried.origins.ids {
            if fits(self.names.origin_bytes(*id)) {
                self.to_name.origins.insert(*id);
            }
        }
        for id in &self.carried.metrics.ids {
            if fits(self.names.metric_bytes(*id)) {
                self.to_name.metrics.insert(*id);
            }
        }
    }
}

/// Time of the next frame, in whole [`LOG_STEP_MS`]. Small steps of the clock back are bridged; a clock that was far ahead was wrong, and the
/// log must not stand still until that time really comes.
fn log_time(now_ms: i64, newest_ms: i64) -> i64 {
    let now_ms = now_ms - now_ms.rem_euclid(LOG_STEP_MS);
    if now_ms.saturating_add(CLOCK_STEP_MS) < newest_ms { now_ms } else { now_ms.max(newest_ms) }
}

impl<D: Disk> Log<D> {
    /// A last frame that says that nothing was cut off after it. Without it nothing is lost; so it is not insisted on.
    pub(super) fn write_close(&mut self) {
        let mut page = Vec::new();
        let provisional = self.held_from.is_some();
        let stamp = Stamp { epoch: self.epoch, segment: self.ring.number(), log_ms: self.log_ms, mark: self.mark, provisional };
        put_frame(&mut page, Kind::Close, &stamp, self.end, 0, &[]);
        pad(&mut page);
        if page.len() <= self.ring.room() {
            match self.ring.write(&self.disk, &page) {
                Ok(()) => self.bytes_written += page.len() as u64,
                Err(error) => tracing::warn!(store = self.name, %error, "the mark of an orderly end could not be written"),
            }
        }
    }
}
