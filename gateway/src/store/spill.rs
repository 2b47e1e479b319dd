//! Finished ring segments become files, and the oldest files make room.
//!
//! Order that a power cut cannot break: file written, synced, renamed, folder synced; only then is the ring segment
//! free. The count of evicted points is on flash before the file is gone; an opening finishes what was begun.

use super::disk::{Disk, pread_patched};
use super::format::{Found, Stamp, parse};
use super::log::Log;
use super::record::Seq;
use super::sealed::{Seal, Segment, file_name, put_seal};
use facility_config::limits::STORE_RETRY_MS;
use std::io;
use std::time::{Duration, Instant};

/// Bytes collected before they are written to the new file.
const CHUNK_BYTES: usize = 256 * 1024;

impl<D: Disk> Log<D> {
    /// Puts all full segments away; after a failure again in a few seconds.
    pub(super) fn spill_due(&mut self, now: Instant) {
        if self.spill_retry_at.is_some_and(|at| now < at) {
            return;
        }
        let mut spilled = false;
        while self.ring.oldest_full().is_some() {
            match self.spill_oldest() {
                Ok(()) => spilled = true,
                Err(error) => return self.spill_failed(now, &error),
            }
        }
        self.spill_retry_at = None;
        if self.spill_fault.take().is_some() || spilled {
            self.save_cursors(now, true);
            self.publish();
        }
    }

    fn spill_failed(&mut self, now: Instant, error: &io::Error) {
        let text =
            format!("finished readings cannot be put away in {}: {error}; check the card or disk, free space", self.sealed.dir().display());
        self.spill_retry_at = Some(now + Duration::from_millis(STORE_RETRY_MS));
        if self.spill_fault.as_ref() != Some(&text) {
            tracing::error!(store = self.name, "{text}");
            self.spill_fault = Some(text);
            self.publish();
        }
    }

    /// Makes a file of the oldest full segment and frees it; evicts when the disk or the budget is full.
    pub(super) fn spill_oldest(&mut self) -> io::Result<()> {
        let Some(slot) = self.ring.oldest_full() else { return Ok(()) };
        let bytes: u64 = self.ring.slots[slot].frames.iter().map(|at| u64::from(at.len)).sum();
        while self.bytes_on_disk().saturating_add(bytes) > self.bytes_max && self.evict_oldest() {}
        loop {
            match self.write_segment(slot) {
                Err(error) if is_full(&error) && self.evict_oldest() => {}
                other => break other?,
            }
        }
        self.ring.slots[slot].frames.clear();
        while self.bytes_on_disk() > self.bytes_max && self.sealed.segments.len() > 1 && self.evict_oldest() {}
        Ok(())
    }

    fn write_segment(&mut self, slot: usize) -> io::Result<()> {
        let Some(first) = self.ring.slots[slot].frames.first().map(|at| at.first) else { return Ok(()) };
        let name = file_name(first);
        let (path, unfinished) = (self.sealed.dir().join(&name), self.sealed.dir().join(format!("{first:016x}.tmp")));
        let file = self.disk.create(&unfinished)?;
        let segment = match self.fill_segment(slot, first, &file) {
            Ok(segment) => segment,
            Err(error) => {
                drop(file);
                // Gives the space back; an opening would remove it too.
                if let Err(left) = self.disk.unlink(&unfinished) {
                    tracing::debug!(store = self.name, error = %left, "unfinished segment left behind");
                }
                return Err(error);
            }
        };
        self.disk.rename(&unfinished, &path)?;
        self.disk.sync_dir(self.sealed.dir())?;
        self.bytes_written += segment.bytes;
        let held: u64 = self.ring.slots[slot].frames.iter().map(|at| u64::from(at.count)).sum();
        self.damaged += held.saturating_sub(segment.points);
        self.sealed.insert(first, Segment { name: name.into(), ..segment });
        Ok(())
    }

    /// Names, points, names again, seal. Frames that have gone bad since their commit are left out and counted.
    fn fill_segment(&mut self, slot: usize, first: Seq, file: &D::File) -> io::Result<Segment> {
        let frames = self.ring.slots[slot].frames.clone();
        let end = frames.last().map_or(first, |at| at.end());
        let stamp = Stamp { epoch: self.epoch, segment: self.ring.slots[slot].number, log_ms: self.log_ms, mark: self.mark };
        let (mut out, mut written, mut points) = (Vec::new(), 0u64, 0u64);
        self.put_segment_names(slot, &stamp, first, &mut out);
        let mut frame = Vec::new();
        for at in &frames {
            frame.resize(at.len as usize, 0);
            let read = pread_patched(&self.disk, &self.ring.slots[slot].file, u64::from(at.offset), &mut frame)?;
            if !matches!(parse(&frame[..read]), Found::Frame(found) if found.first == at.first && found.count == at.count) {
                continue;
            }
            points += u64::from(at.count);
            out.extend_from_slice(&frame);
            if out.len() >= CHUNK_BYTES {
                self.disk.pwrite(file, written, &out)?;
                written += out.len() as u64;
                out.clear();
            }
        }
        self.put_segment_names(slot, &stamp, end, &mut out);
        let (next_origin, next_metric) = self.names.next();
        put_seal(&mut out, &Seal { stamp, first, end, points, next_origin, next_metric });
        self.disk.pwrite(file, written, &out)?;
        self.disk.fdatasync(file)?;
        Ok(Segment { name: "".into(), end, points, bytes: written + out.len() as u64 })
    }

    fn put_segment_names(&self, slot: usize, stamp: &Stamp, first: Seq, out: &mut Vec<u8>) {
        let used = &self.ring.slots[slot].used;
        let ids = (&*used.origins.ids, &*used.metrics.ids);
        self.names.put_frames(out, stamp, first, ids, self.ring.layout().frame_bytes_max(), |_| ());
    }

    /// Deletes the oldest file, delivered or not; `false` if there is none or it cannot be deleted.
    fn evict_oldest(&mut self) -> bool {
        let Some((&first, segment)) = self.sealed.segments.first_key_value() else { return false };
        let (end, path) = (segment.end, self.sealed.dir().join(&*segment.name));
        let undelivered = self.undelivered_in(first, end);
        let start_before = self.start;
        let next = self.sealed.segments.range(end..).next().map(|(next, _)| *next).or_else(|| self.ring.first());
        self.start = next.unwrap_or(self.end);
        self.evicted += undelivered;
        self.save_cursors(Instant::now(), true);
        if let Err(error) = self.disk.unlink(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(store = self.name, %error, path = %path.display(), "oldest readings cannot be deleted");
            (self.start, self.evicted) = (start_before, self.evicted - undelivered);
            return false;
        }
        if let Err(error) = self.disk.sync_dir(self.sealed.dir()) {
            tracing::debug!(store = self.name, %error, "deletion not durable yet");
        }
        self.sealed.remove(first);
        if undelivered > 0 {
            tracing::warn!(store = self.name, points = undelivered, "no room: oldest points deleted before their reader had them");
        }
        self.publish();
        true
    }

    /// Points of a file that at least one reader has not read.
    fn undelivered_in(&mut self, first: Seq, end: Seq) -> u64 {
        let Some(read_to) = self.cursors.oldest().filter(|read_to| *read_to < end) else { return 0 };
        let points = |segment: Option<&Segment>| segment.map_or(0, |segment| segment.points);
        if read_to <= first {
            return points(self.sealed.segments.get(&first));
        }
        match self.sealed.load(&self.disk, first, &mut self.names, &mut self.damaged, false) {
            Ok(loaded) => loaded.frames.iter().map(|at| at.end().saturating_sub(at.first.max(read_to))).sum(),
            Err(_) => (end - read_to).min(points(self.sealed.segments.get(&first))),
        }
    }
}

/// No space, no inodes or no quota left.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
