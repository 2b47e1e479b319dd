//! Pages of durable points for the readers.
//!
//! A page never spans a lost range: records of a page have consecutive positions. A reader at the tail costs one read
//! of one page per commit. Never returns a point whose checksum or names do not fit, nor one whose time is still a guess.

use super::blocks::Load;
use super::disk::{Disk, is_medium_error, pread_patched};
use super::format::{Found, Frame, parse};
use super::log::Log;
use super::points::Decoder;
use super::record::{GapReason, Page, Record, Seq};
use super::ring::FrameAt;
use super::seal::correct;
use facility_config::limits::{READ_POINTS_MAX, STORE_READ_PATIENCE_MS};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pages begin anew about every so many points: two thirds of what fits, for a frame of a hundred messages has a thousand. Larger
/// ones have pages of their own.
const STRIDE: Seq = READ_POINTS_MAX as Seq / 3 * 2;
/// Places waited for at a time.
const WAITED_FOR_MAX: usize = 4;

/// Where the next points are.
#[derive(Debug, Clone, Copy)]
enum Place {
    Block { file: Seq, nth: usize, first: Seq },
    Frame { slot: usize, at: FrameAt },
}

/// What a place gave.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Points up to this position.
    Points(Seq),
    /// Nothing up to this position.
    Hole(Seq),
    /// A frame was bad and is out of the index now.
    Again,
    /// What is next does not fit.
    Full,
}

impl<D: Disk> Log<D> {
    /// A page like that of [`read`](Self::read), taken apart once for readers that ask for the same one after the other.
    pub(super) fn shared(&mut self, from: Seq, points_max: usize, now: Instant) -> Arc<Page> {
        if points_max < READ_POINTS_MAX {
            return Arc::new(self.read(from, points_max, now));
        }
        let end = self.readable();
        self.recent.page(from, end).unwrap_or_else(|| {
            let page = self.read(from, points_max, now);
            self.recent.keep(from, end, page)
        })
    }

    /// One past the newest point that may be read.
    fn readable(&self) -> Seq {
        self.held_from.unwrap_or(self.end).min(self.end)
    }

    /// Up to `points_max` points from `from` on. When the disk does not answer, an empty page: ask again.
    ///
    /// A large page ends with the frame that a multiple of [`STRIDE`] lies in, if that fits, so that no frame is taken apart twice
    /// and readers that began at different places come to the same pages.
    pub(super) fn read(&mut self, from: Seq, points_max: usize, now: Instant) -> Page {
        let points_max = points_max.clamp(1, READ_POINTS_MAX);
        let end = self.readable();
        let enough = if points_max < READ_POINTS_MAX { Seq::MAX } else { (from / STRIDE + 1).saturating_mul(STRIDE) };
        let room = usize::try_from(end.saturating_sub(from)).unwrap_or(points_max).min(points_max);
        let (mut at, mut lost, mut records) = (from, 0, self.recent.room());
        records.reserve_exact(room);
        while records.len() < points_max && at < end.min(enough) {
            match self.step_from(at, end, points_max, &mut records, now) {
                Ok(Step::Points(next)) => at = next,
                Ok(Step::Hole(next)) if records.is_empty() => {
                    lost += next - at;
                    at = next;
                }
                Ok(Step::Again) => {}
                Ok(Step::Hole(_) | Step::Full) | Err(_) => break,
            }
        }
        Page { first: at - records.len() as u64, next: at, lost, records, names: self.names.names() }
    }

    fn step_from(&mut self, at: Seq, end: Seq, points_max: usize, into: &mut Vec<Record>, now: Instant) -> io::Result<Step> {
        match self.place_after(at) {
            None => Ok(Step::Hole(end)),
            Some(Place::Block { first, .. } | Place::Frame { at: FrameAt { first, .. }, .. }) if first > at => {
                Ok(Step::Hole(first.min(end)))
            }
            Some(Place::Block { file, nth, .. }) => {
                let max = (points_max - into.len()).min((STRIDE - at % STRIDE) as usize);
                self.read_block(file, nth, at, max, into, now)
            }
            Some(Place::Frame { slot, at: frame }) => {
                let wanted = at..at.saturating_add((points_max - into.len()) as u64);
                if points_max == READ_POINTS_MAX && !into.is_empty() && frame.end() > wanted.end {
                    return Ok(Step::Full);
                }
                let next = frame.end().min(wanted.end);
                Ok(if self.read_frame(slot, frame, wanted, into, now)? { Step::Points(next) } else { Step::Again })
            }
        }
    }

    /// The first block or frame that ends after `at`.
    fn place_after(&self, at: Seq) -> Option<Place> {
        let block = self.blocks.after(at).and_then(|(file, nth)| {
            let first = self.blocks.block(file, nth)?.header.first;
            Some(Place::Block { file, nth, first })
        });
        block.or_else(|| self.ring.frame_after(at).map(|(slot, at)| Place::Frame { slot, at }))
    }

    fn read_block(&mut self, file: Seq, nth: usize, at: Seq, max: usize, into: &mut Vec<Record>, now: Instant) -> io::Result<Step> {
        let end = self.blocks.block(file, nth).map_or(at, |block| block.header.end);
        if !self.load(file, nth, now)? {
            return Ok(Step::Hole(end));
        }
        let Self { disk, blocks, names, epochs, .. } = self;
        let Load::Block(loaded, _) = blocks.load(disk, names, file, nth, false)? else { return Ok(Step::Hole(end)) };
        let before = into.len();
        let next = loaded.read(at, max, into);
        let shift_ms = if loaded.header().provisional { epochs.shift_ms(loaded.header().epoch) } else { None };
        for record in &mut into[before..] {
            correct(record, shift_ms.is_some(), shift_ms.unwrap_or(0));
        }
        // Names lost twice over: what they meant is lost, and was counted with the block.
        let nameless = |record: &Record| !names.knows(record.origin, record.metric);
        let named = into[before..].iter().position(nameless).unwrap_or(into.len() - before);
        let skipped = into[before..].iter().skip(named).take_while(|record| nameless(record)).count();
        into.truncate(before + named);
        Ok(match (named, skipped) {
            (0, 0) => Step::Hole(next),
            (0, skipped) => Step::Hole(at + skipped as u64),
            (named, _) => Step::Points(at + named as u64),
        })
    }

    /// Makes a block ready; `false` if nothing of it can be read any more. What the medium does not give is waited for,
    /// then given up; what is damaged is counted once.
    pub(super) fn load(&mut self, file: Seq, nth: usize, now: Instant) -> io::Result<bool> {
        let Some((first, given_up)) = self.blocks.block(file, nth).map(|block| (block.header.first, block.given_up)) else {
            return Ok(false);
        };
        let mut lost = self.try_load(file, nth, given_up);
        if let Err(error) = lost {
            lost = match error.kind() {
                io::ErrorKind::NotFound => Ok(None),
                _ => self.wait_for(first, now, error).and_then(|()| {
                    if let Some(block) = self.blocks.block_mut(file, nth) {
                        block.given_up = true;
                    }
                    self.try_load(file, nth, true)
                }),
            };
        }
        let lost = lost?;
        self.note_lost(file, nth, lost);
        Ok(lost.is_some())
    }

    /// Points lost in a block; `None` for all of them.
    fn try_load(&mut self, file: Seq, nth: usize, patched: bool) -> io::Result<Option<u64>> {
        match self.blocks.load(&self.disk, &self.names, file, nth, patched)? {
            Load::Block(_, lost) => Ok(Some(lost)),
            Load::Lost => Ok(None),
        }
    }

    /// Counts what is found lost in a block, once.
    pub(super) fn note_lost(&mut self, file: Seq, nth: usize, lost: Option<u64>) {
        let read_to = self.cursors.oldest().unwrap_or(Seq::MAX);
        let Some(block) = self.blocks.block_mut(file, nth) else { return };
        let lost = lost.unwrap_or(u64::from(block.header.points));
        let new = lost.saturating_sub(block.lost);
        if new == 0 {
            return;
        }
        block.lost = lost;
        let header = block.header;
        self.damaged += new;
        let unread = header.end.saturating_sub(header.first.max(read_to));
        self.note_gap(GapReason::Damaged, header.first..header.end, new.min(unread), (header.at_min_ms, header.at_max_ms));
        tracing::error!(store = self.name, points = new, from = header.first, to = header.end, "stored points are damaged and lost");
    }

    /// The error, as long as there is hope that the medium comes back.
    pub(super) fn wait_for(&mut self, at: Seq, now: Instant, error: io::Error) -> io::Result<()> {
        let since = match self.unreadable.iter().find(|(waiting_for, _)| *waiting_for == at) {
            Some((_, since)) => *since,
            None => {
                // Readers and the making of blocks may wait at places of their own.
                self.unreadable.truncate(WAITED_FOR_MAX - 1);
                self.unreadable.insert(0, (at, now));
                now
            }
        };
        if now.duration_since(since) < Duration::from_millis(STORE_READ_PATIENCE_MS) || !is_medium_error(&error) {
            return Err(error);
        }
        Ok(())
    }

    /// Adds the wanted points of one frame; `false` if the frame is bad, which is counted.
    fn read_frame(&mut self, slot: usize, at: FrameAt, wanted: Range<Seq>, into: &mut Vec<Record>, now: Instant) -> io::Result<bool> {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.resize(at.len as usize, 0);
        let file = &self.ring.slots[slot].file;
        let mut read = self.disk.pread(file, u64::from(at.offset), &mut bytes);
        if let Err(error) = read {
            let waited = self.wait_for(at.first, now, error);
            read = waited.and_then(|()| pread_patched(&self.disk, &self.ring.slots[slot].file, u64::from(at.offset), &mut bytes));
        }
        let good = read.map(|len| match parse(&bytes[..len]) {
            Found::Frame(frame) if frame.first == at.first && frame.count == at.count => self.take_points(&frame, wanted, into),
            Found::Frame(_) | Found::Broken { .. } | Found::Nothing => false,
        });
        self.scratch = bytes;
        if matches!(good, Ok(false)) {
            self.damaged += u64::from(at.count);
            self.ring.slots[slot].frames.retain(|frame| frame.first != at.first);
        }
        good
    }

    fn take_points(&self, frame: &Frame<'_>, wanted: Range<Seq>, into: &mut Vec<Record>) -> bool {
        let shift_ms = self.epochs.shift_ms(frame.stamp.epoch).unwrap_or(0);
        let (before, mut decoder, mut at) = (into.len(), Decoder::new(frame), frame.first);
        while decoder.next_to(|point| into.push(point)).is_some() {
            let Some(point) = into.last_mut() else { break };
            let is_known = self.names.knows(point.origin, point.metric);
            correct(point, frame.stamp.provisional, shift_ms);
            if !is_known || !wanted.contains(&at) {
                into.pop();
            }
            if !is_known {
                break;
            }
            at += 1;
        }
        if !decoder.is_complete() {
            into.truncate(before);
        }
        decoder.is_complete()
    }
}
