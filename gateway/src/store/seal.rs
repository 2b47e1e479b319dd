//! The ring becomes blocks: points that are durable frame by frame are written once more, in columns, for good.
//!
//! Order that a power cut cannot break: block written, synced, its file's name synced; only then are its frames free.
//! A block whose write or sync failed is left where it is and written again into another file; its pages are never
//! synced again (RELIABILITY P4). What of it can be read afterwards is the same points, and the newer file counts.

use super::block::Facts;
use super::blocks::{BlockAt, BlockFile, Filling, SPARE, file_name};
use super::disk::{Disk, pread_patched};
use super::format::{Found, Stamp, parse};
use super::log::Log;
use super::names::NameSet;
use super::points::Decoder;
use super::record::{GapReason, Record, Seq};
use super::ring::FrameAt;
use super::room::Room;
use facility_config::limits::{BLOCK_AGE_MS_MAX, BLOCK_POINTS_MAX, PAGE_BYTES, STORE_RETRY_MS};
use std::io;
use std::time::{Duration, Instant};

/// Newest points that stay in the ring: readers that follow are among them, and frames are read for less than a block is opened.
const FOLLOWED_POINTS: usize = BLOCK_POINTS_MAX;
/// Smallest file that is reserved.
const FILE_BYTES_MIN: u64 = 16 * PAGE_BYTES as u64;

/// What one block is made of.
#[derive(Debug, Default)]
struct Span {
    /// Frames that are in it, counted over the ring's slots in order.
    frames: usize,
    end: Seq,
    /// Unread damage in it is a hole, counted when the block is there.
    damaged: u64,
    /// Opening whose times are provisional, if they still are.
    unresolved: Option<u32>,
    epoch: u32,
    mark: Option<i64>,
}

impl<D: Disk> Log<D> {
    /// Makes every block that is due; after a failure again in a few seconds.
    pub(super) fn seal_due(&mut self, now: Instant) {
        if self.seal_retry_at.is_some_and(|at| now < at) {
            return;
        }
        let mut sealed = false;
        while self.is_seal_due(now) {
            match self.seal_block(now) {
                Ok(()) => sealed = true,
                // Room is being made, block by block: this comes back at once.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.seal_failed(now, &error),
            }
        }
        self.seal_retry_at = None;
        if self.seal_fault.take().is_some() || sealed {
            self.save_cursors(now, true);
            self.publish();
        }
    }

    /// Enough points for a block behind those that readers are at, no room for more frames, or points that have waited for an hour.
    fn is_seal_due(&self, now: Instant) -> bool {
        let Some(first) = self.ring.first() else { return false };
        self.end - first >= (BLOCK_POINTS_MAX + FOLLOWED_POINTS) as u64
            || self.ring.slots_waiting() + 1 >= self.ring.slots.len()
            || self.seal_at().is_some_and(|at| at <= now)
    }

    /// When the oldest points in the ring have waited long enough.
    pub(super) fn seal_at(&self) -> Option<Instant> {
        Some(self.unsealed_since? + Duration::from_millis(BLOCK_AGE_MS_MAX))
    }

    fn seal_failed(&mut self, now: Instant, error: &io::Error) {
        let failed = || {
            format!("finished readings cannot be put away in {}: {error}; check the card or disk, free space", self.blocks.dir().display())
        };
        let text = self.why_full().unwrap_or_else(failed);
        self.seal_retry_at = Some(now + Duration::from_millis(STORE_RETRY_MS));
        if self.seal_fault.as_ref() != Some(&text) {
            tracing::error!(store = self.name, "{text}");
            self.seal_fault = Some(text);
            self.publish();
        }
    }

    /// Why nothing is taken in, if that is by policy.
    pub(super) fn why_full(&self) -> Option<String> {
        let dir = self.dir.display();
        self.full.then(|| format!("the room for {dir} is used up and nothing may be deleted: bring the reader back, or raise the budget"))
    }

    /// Writes the oldest frames as a block and frees them.
    pub(super) fn seal_block(&mut self, now: Instant) -> io::Result<()> {
        let frames = self.ring.frames();
        let Some((_, oldest)) = frames.first() else { return Ok(()) };
        let first = oldest.first;
        let span = loop {
            let span = self.gather(&frames, now)?;
            let written = if self.builder.is_empty() { Ok(()) } else { self.write_block(first, &span) };
            match written {
                // A file system that cannot reserve says so only now.
                Err(error) if is_full(&error) && self.delete_for_room() => {}
                other => break other.map(|()| span)?,
            }
        };
        // Only now: until the block is there a second try finds the same frames.
        self.damaged += span.damaged;
        if span.damaged > 0 {
            self.note_gap(GapReason::Damaged, first..span.end, self.unread(first, span.end).min(span.damaged), (self.log_ms, self.log_ms));
        }
        self.ring.release(span.end);
        self.unsealed_since = self.ring.first().map(|_| now);
        Ok(())
    }

    /// Fills the builder. A block ends where its size is reached, where points are missing, and where times change
    /// from guessed to known.
    fn gather(&mut self, frames: &[(usize, FrameAt)], now: Instant) -> io::Result<Span> {
        self.builder.clear();
        let mut span = Span::default();
        let mut bytes = std::mem::take(&mut self.scratch);
        for (slot, at) in frames {
            let full = self.builder.len() + at.count as usize > BLOCK_POINTS_MAX;
            if span.frames > 0 && (full || at.first != span.end) {
                break;
            }
            bytes.resize(at.len as usize, 0);
            let mut read = self.disk.pread(&self.ring.slots[*slot].file, u64::from(at.offset), &mut bytes);
            if let Err(error) = read {
                // A loose card: the ring holds what comes meanwhile, and nothing is given up before its time.
                self.wait_for(at.first, now, error)?;
                read = pread_patched(&self.disk, &self.ring.slots[*slot].file, u64::from(at.offset), &mut bytes);
            }
            let read = read?;
            let Found::Frame(frame) = parse(&bytes[..read]) else {
                // Bad since it was committed: it ends this block, and is left behind with the next.
                if span.frames > 0 {
                    break;
                }
                (span.frames, span.end, span.damaged) = (1, at.end(), u64::from(at.count));
                break;
            };
            let shift_ms = self.epochs.shift_ms(frame.stamp.epoch);
            let unresolved = (frame.stamp.provisional && shift_ms.is_none()).then_some(frame.stamp.epoch);
            if span.frames > 0 && unresolved != span.unresolved {
                break;
            }
            let (mut points, mut seq) = (Decoder::new(&frame), at.first);
            loop {
                let taken = points.next_to(|mut record| {
                    correct(&mut record, frame.stamp.provisional, shift_ms.unwrap_or(0));
                    self.builder.push(seq, &record);
                });
                if taken.is_none() {
                    break;
                }
                seq += 1;
            }
            (span.frames, span.end, span.unresolved) = (span.frames + 1, at.end(), unresolved);
            (span.epoch, span.mark) = (frame.stamp.epoch, frame.stamp.mark);
        }
        self.scratch = bytes;
        Ok(span)
    }

    /// Writes points that are in no frame of the ring as blocks.
    pub(super) fn seal_records(&mut self, records: &[(Seq, Record)], stamp: &Stamp) -> io::Result<()> {
        for part in records.chunks(BLOCK_POINTS_MAX) {
            let (Some((first, _)), Some((last, _))) = (part.first(), part.last()) else { continue };
            self.builder.clear();
            for (seq, record) in part {
                self.builder.push(*seq, record);
            }
            self.write_block(*first, &Span { end: last + 1, epoch: stamp.epoch, mark: stamp.mark, ..Span::default() })?;
        }
        Ok(())
    }

    fn write_block(&mut self, first: Seq, span: &Span) -> io::Result<()> {
        if self.blocks.filling.as_ref().is_none_or(|filling| filling.offset + self.block_reserve() > filling.capacity) {
            self.next_file()?;
        }
        let mut used = NameSet::of(self.builder.origins(), self.builder.metrics());
        if let Some(filling) = &self.blocks.filling {
            used.subtract(&filling.named);
        }
        let names = self.names.body(&used);
        let (next_origin, next_metric) = self.names.next();
        let Span { end, epoch, mark, unresolved, .. } = *span;
        let provisional = unresolved.is_some();
        let facts = Facts { epoch, mark, next_origin, next_metric, names: &names, thinned: false, provisional, first, end };
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        let header = self.builder.encode(&facts, &mut bytes);
        let written = self.append_block(&bytes);
        self.scratch = bytes;
        let offset = match written {
            Ok(offset) => offset,
            Err(error) => {
                self.end_file();
                return Err(error);
            }
        };
        self.bytes_written += u64::from(header.len);
        self.last_block_bytes = u64::from(header.len);
        self.add_block(BlockAt { offset: offset as u32, header, lost: 0, given_up: false }, &used)
    }

    /// Room a file should have left for one more block.
    fn block_reserve(&self) -> u64 {
        self.last_block_bytes + self.last_block_bytes / 4
    }

    fn append_block(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let filling = self.blocks.filling.as_mut().ok_or(io::ErrorKind::NotFound)?;
        self.disk.pwrite(&filling.file, filling.offset, bytes)?;
        self.disk.fdatasync(&filling.file)?;
        let offset = filling.offset;
        filling.offset += bytes.len() as u64;
        Ok(offset)
    }

    /// Takes a block that is on flash into the list; the first one gives its file the name.
    fn add_block(&mut self, block: BlockAt, used: &NameSet) -> io::Result<()> {
        let first = block.header.first;
        let Some(filling) = self.blocks.filling.as_mut() else { return Ok(()) };
        filling.named.add(used);
        let bytes = self.disk.len(&filling.file).unwrap_or(0).max(filling.offset);
        if let Some(key) = filling.first {
            self.blocks.push(key, block, bytes);
            return Ok(());
        }
        let name = file_name(first);
        let path = self.blocks.dir().join(&name);
        let named = self.disk.rename(&self.blocks.dir().join(SPARE), &path).and_then(|()| self.disk.sync_dir(self.blocks.dir()));
        if let Err(error) = named {
            self.end_file();
            return Err(error);
        }
        if let Some(filling) = self.blocks.filling.as_mut() {
            filling.first = Some(first);
        }
        self.blocks.insert(first, BlockFile { name: name.into(), blocks: vec![block], bytes });
        self.prepare_spare();
        Ok(())
    }

    /// Ends the file that is being filled and takes the one that was reserved.
    fn next_file(&mut self) -> io::Result<()> {
        self.end_file();
        if self.blocks.spare.is_none() {
            self.make_spare()?;
        }
        let (file, capacity) = self.blocks.spare.take().ok_or(io::ErrorKind::StorageFull)?;
        self.blocks.filling = Some(Filling { first: None, file, offset: 0, capacity, named: NameSet::default() });
        Ok(())
    }

    /// No more blocks go into this file: it is full, or a write or sync failed and its pages are not to be trusted. Gives
    /// back what it has left.
    fn end_file(&mut self) {
        let Some(filling) = self.blocks.filling.take() else { return };
        let Some(first) = filling.first else { return };
        if let Err(error) = self.disk.truncate(&filling.file, filling.offset) {
            tracing::debug!(store = self.name, %error, "reserved room not given back");
            return;
        }
        self.blocks.shrink(first, filling.offset);
    }

    /// Reserves the next file while there is time; without one the ring holds what comes.
    pub(super) fn prepare_spare(&mut self) {
        if self.blocks.spare.is_none()
            && let Err(error) = self.make_spare()
            && error.kind() != io::ErrorKind::WouldBlock
        {
            tracing::warn!(store = self.name, %error, "no room reserved for the next file of readings yet");
        }
    }

    fn make_spare(&mut self) -> io::Result<()> {
        match self.make_room(self.file_bytes) {
            Room::Made => {}
            Room::InTheMaking => return Err(io::ErrorKind::WouldBlock.into()),
            Room::Full => return Err(io::ErrorKind::StorageFull.into()),
        }
        let mut len = self.file_bytes;
        loop {
            match self.reserve(len) {
                Err(error) if is_full(&error) && self.delete_for_room() => {}
                // Somebody else has the disk: a small file is better than none.
                Err(error) if is_full(&error) && len > FILE_BYTES_MIN => len /= 2,
                other => return other,
            }
        }
    }

    fn reserve(&mut self, len: u64) -> io::Result<()> {
        let path = self.blocks.dir().join(SPARE);
        // One that is there already may hold pages of a failed sync.
        let _ = self.disk.unlink(&path);
        let file = self.disk.create(&path)?;
        match self.disk.allocate(&file, len) {
            Ok(()) => {
                self.blocks.spare = Some((file, len));
                Ok(())
            }
            Err(error) => {
                drop(file);
                if let Err(left) = self.disk.unlink(&path) {
                    tracing::debug!(store = self.name, error = %left, "file without room left behind");
                }
                Err(error)
            }
        }
    }
}

/// Puts provisional times right.
pub(super) fn correct(record: &mut Record, log_is_provisional: bool, shift_ms: i64) {
    if log_is_provisional {
        record.log_ms = record.log_ms.saturating_add(shift_ms);
    }
    if record.flags & super::record::PROVISIONAL != 0 {
        record.at_ms = record.at_ms.saturating_add(shift_ms);
    }
}

/// No space, no inodes or no quota left.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
