//! Pages of durable points for the readers.
//!
//! A page never spans a lost range: records of a page have consecutive positions. A reader at the tail costs one read
//! of one page per commit. Never returns a point whose checksum or names do not fit.

use super::disk::{Disk, is_medium_error, pread_patched};
use super::format::{Found, Frame, parse};
use super::log::Log;
use super::points::Decoder;
use super::record::{Page, Record, Seq};
use super::ring::FrameAt;
use facility_config::limits::{READ_POINTS_MAX, STORE_READ_PATIENCE_MS};
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Where a frame lies.
#[derive(Debug, Clone, Copy)]
enum Place {
    Ring { slot: usize },
    Sealed { first: Seq },
}

impl<D: Disk> Log<D> {
    /// Up to `points_max` points from `from` on. When the disk does not answer, an empty page: ask again.
    pub(super) fn read(&mut self, from: Seq, points_max: usize, now: Instant) -> Page {
        let (mut at, mut lost, mut records) = (from, 0, Vec::new());
        let points_max = points_max.clamp(1, READ_POINTS_MAX);
        while records.len() < points_max && at < self.end {
            match self.frame_after(at, now) {
                Ok(Some((_, frame))) if frame.first > at => {
                    if !records.is_empty() {
                        break;
                    }
                    lost += frame.first - at;
                    at = frame.first;
                }
                Ok(Some((place, frame))) => {
                    let left = points_max - records.len();
                    match self.read_frame(place, frame, at..at.saturating_add(left as u64), &mut records, now) {
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
    fn frame_after(&mut self, at: Seq, now: Instant) -> io::Result<Option<(Place, FrameAt)>> {
        let mut from = at;
        while let Some((first, segment)) = self.sealed.after(from) {
            let (end, is_empty) = (segment.end, segment.points == 0);
            if !is_empty {
                self.load(first, now)?;
                let frame = self
                    .sealed
                    .loaded(first)
                    .and_then(|loaded| loaded.frames.get(loaded.frames.partition_point(|frame| frame.end() <= at)).copied());
                if let Some(frame) = frame {
                    return Ok(Some((Place::Sealed { first }, frame)));
                }
            }
            from = end;
        }
        Ok(self.ring.frame_after(at).map(|(slot, frame)| (Place::Ring { slot }, frame)))
    }

    /// Makes a finished segment ready. What cannot be read in it is waited for, then given up and counted.
    fn load(&mut self, first: Seq, now: Instant) -> io::Result<()> {
        let Self { disk, sealed, names, damaged, .. } = self;
        let Err(error) = sealed.load(disk, first, names, damaged, false) else { return Ok(()) };
        if error.kind() != io::ErrorKind::NotFound {
            self.wait_for(first, now, error)?;
        }
        let Self { disk, sealed, names, damaged, .. } = self;
        if let Err(error) = sealed.load(disk, first, names, damaged, true) {
            tracing::error!(store = self.name, first, %error, "stored readings cannot be read any more: counted as lost");
            if let Some(segment) = self.sealed.segments.get_mut(&first) {
                self.damaged += std::mem::take(&mut segment.points);
            }
        }
        Ok(())
    }

    /// The error, as long as there is hope that the medium comes back.
    fn wait_for(&mut self, at: Seq, now: Instant, error: io::Error) -> io::Result<()> {
        let since = match self.unreadable {
            Some((waiting_for, since)) if waiting_for == at => since,
            _ => now,
        };
        self.unreadable = Some((at, since));
        if now.duration_since(since) < Duration::from_millis(STORE_READ_PATIENCE_MS) || !is_medium_error(&error) {
            return Err(error);
        }
        Ok(())
    }

    /// Adds the wanted points of one frame; `false` if the frame is bad, which is counted.
    fn read_frame(&mut self, place: Place, at: FrameAt, wanted: Range<Seq>, into: &mut Vec<Record>, now: Instant) -> io::Result<bool> {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.resize(at.len as usize, 0);
        let mut read = self.read_bytes(place, at, &mut bytes, false);
        if let Err(error) = read {
            read = self.wait_for(at.first, now, error).and_then(|()| self.read_bytes(place, at, &mut bytes, true));
        }
        let good = read.map(|len| match parse(&bytes[..len]) {
            Found::Frame(frame) if frame.first == at.first && frame.count == at.count => self.take_points(&frame, wanted, into),
            Found::Frame(_) | Found::Broken { .. } | Found::Nothing => false,
        });
        self.scratch = bytes;
        if matches!(good, Ok(false)) {
            self.drop_frame(place, at);
        }
        good
    }

    fn read_bytes(&mut self, place: Place, at: FrameAt, bytes: &mut [u8], patched: bool) -> io::Result<usize> {
        let (file, patched) = match place {
            Place::Ring { slot } => (&self.ring.slots[slot].file, patched),
            Place::Sealed { first } => {
                if patched {
                    self.sealed.patch(first);
                }
                let loaded = self.sealed.loaded(first).ok_or(io::ErrorKind::NotFound)?;
                (&loaded.file, loaded.patched)
            }
        };
        if patched {
            pread_patched(&self.disk, file, u64::from(at.offset), bytes)
        } else {
            self.disk.pread(file, u64::from(at.offset), bytes)
        }
    }

    fn take_points(&self, frame: &Frame<'_>, wanted: Range<Seq>, into: &mut Vec<Record>) -> bool {
        let (before, mut decoder) = (into.len(), Decoder::new(frame));
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
