//! Pages of durable points for the readers.
//!
//! A page never spans a lost range: records of a page have consecutive positions. A reader at the tail costs one read
//! of one page per commit. Never returns a point whose checksum or names do not fit.

use super::disk::Disk;
use super::format::{Found, Frame, parse};
use super::log::Log;
use super::points::Decoder;
use super::record::{Page, Record, Seq};
use super::ring::FrameAt;
use facility_config::limits::{READ_POINTS_MAX, STORE_READ_TRIES};
use std::io;

/// Where a frame lies.
#[derive(Debug, Clone, Copy)]
enum Place {
    Ring { slot: usize },
    Sealed { first: Seq },
}

impl<D: Disk> Log<D> {
    /// Up to `points_max` points from `from` on. When the disk does not answer, an empty page: ask again.
    pub(super) fn read(&mut self, from: Seq, points_max: usize) -> Page {
        let (mut at, mut lost, mut records) = (from, 0, Vec::new());
        let points_max = points_max.clamp(1, READ_POINTS_MAX);
        while records.len() < points_max && at < self.end {
            match self.frame_after(at) {
                Ok(Some((_, frame))) if frame.first > at => {
                    if !records.is_empty() {
                        break;
                    }
                    lost += frame.first - at;
                    at = frame.first;
                }
                Ok(Some((place, frame))) => {
                    let left = points_max - records.len();
                    match self.read_frame(place, frame, at, left, &mut records) {
                        Ok(true) => at = frame.end().min(at + left as u64),
                        // Found bad and taken out of the index: what is missing is seen in the next round.
                        Ok(false) => {}
                        Err(_) => break,
                    }
                }
                Ok(None) if records.is_empty() => {
                    lost += self.end - at;
                    at = self.end;
                }
                Ok(None) | Err(_) => break,
            }
        }
        Page { first: at - records.len() as u64, next: at, lost, records, names: self.names.names() }
    }

    /// The first frame that ends after `at`.
    fn frame_after(&mut self, at: Seq) -> io::Result<Option<(Place, FrameAt)>> {
        let mut from = at;
        while let Some((first, segment)) = self.sealed.after(from) {
            let (end, is_empty) = (segment.end, segment.points == 0);
            if is_empty {
                from = end;
                continue;
            }
            match self.sealed.load(&self.disk, first, &mut self.names, &mut self.damaged) {
                Ok(loaded) => {
                    self.unreadable = (0, 0);
                    if let Some(frame) = loaded.frames.get(loaded.frames.partition_point(|frame| frame.end() <= at)) {
                        return Ok(Some((Place::Sealed { first }, *frame)));
                    }
                }
                Err(error) => self.give_up_on(first, error)?,
            }
            from = end;
        }
        Ok(self.ring.frame_after(at).map(|(slot, frame)| (Place::Ring { slot }, frame)))
    }

    /// Counts failures of one segment in a row; after enough of them its points are lost instead of an error.
    fn give_up_on(&mut self, first: Seq, error: io::Error) -> io::Result<()> {
        let tries = if self.unreadable.0 == first { self.unreadable.1.saturating_add(1) } else { 1 };
        self.unreadable = (first, tries);
        let is_dead = matches!(error.raw_os_error(), Some(EIO)) || error.kind() == io::ErrorKind::NotFound;
        if tries < STORE_READ_TRIES || !is_dead {
            return Err(error);
        }
        tracing::error!(store = self.name, first, %error, "stored readings cannot be read any more: counted as lost");
        if let Some(segment) = self.sealed.segments.get_mut(&first) {
            self.damaged += std::mem::take(&mut segment.points);
        }
        Ok(())
    }

    /// Adds points of one frame from position `from` on; `false` if the frame is bad, which is counted.
    fn read_frame(&mut self, place: Place, at: FrameAt, from: Seq, max: usize, into: &mut Vec<Record>) -> io::Result<bool> {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.resize(at.len as usize, 0);
        let read = match place {
            Place::Ring { slot } => self.disk.pread(&self.ring.slots[slot].file, u64::from(at.offset), &mut bytes),
            Place::Sealed { first } => {
                let loaded = self.sealed.load(&self.disk, first, &mut self.names, &mut self.damaged);
                loaded.and_then(|loaded| self.disk.pread(&loaded.file, u64::from(at.offset), &mut bytes))
            }
        };
        let good = read.map(|len| match parse(&bytes[..len]) {
            Found::Frame(frame) if frame.first == at.first && frame.count == at.count => self.take_points(&frame, from, max, into),
            Found::Frame(_) | Found::Broken { .. } | Found::Nothing => false,
        });
        self.scratch = bytes;
        if matches!(good, Ok(false)) {
            self.drop_frame(place, at);
        }
        good
    }

    fn take_points(&self, frame: &Frame<'_>, from: Seq, max: usize, into: &mut Vec<Record>) -> bool {
        let (before, mut decoder) = (into.len(), Decoder::new(frame));
        let wanted = from..from.saturating_add(max as u64);
        for (at, point) in (frame.first..).zip(decoder.by_ref()) {
            if !self.names.knows(point.origin, point.metric) {
                break;
            }
            if wanted.contains(&at) {
                into.push(point);
            }
        }
        if !decoder.is_complete() {
            into.truncate(before);
        }
        decoder.is_complete()
    }

    fn drop_frame(&mut self, place: Place, at: FrameAt) {
        self.damaged += u64::from(at.count);
        match place {
            Place::Ring { slot } => self.ring.slots[slot].frames.retain(|frame| frame.first != at.first),
            Place::Sealed { first } => self.sealed.drop_frame(first, at),
        }
    }
}

/// The system's number for a failed transfer.
const EIO: i32 = 5;
