//! What is between the points: positions that nothing holds, broken frames, and the small files beside the data.

use super::super::super::bytes::Input;
use super::super::super::cursors::{FILE_BYTES, bad_slots};
use super::super::super::disk::{Disk, pread_patched};
use super::super::super::format::{Format, Found, padded, parse, parse_format};
use super::super::super::peek::Peek;
use super::super::super::record::{Seq, Sink};
use super::super::Card;
use super::look::Look;
use super::{Check, Damage, Taken, What};
use facility_config::limits::PAGE_BYTES;
use std::ops::Range;

/// A frame of the ring whose header is right and whose payload is not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Broken {
    slot: usize,
    offset: u64,
    bytes: u64,
    first: Seq,
    points: u64,
    /// Something was written behind it: it was whole once, not cut off by the end of a run.
    was_whole: bool,
}

impl Broken {
    fn end(&self) -> Seq {
        self.first.saturating_add(self.points)
    }
}

impl Card {
    /// Broken frames of the newest lap of each ring file, by position.
    pub(super) fn broken_frames(&self) -> Vec<Broken> {
        let mut all = Vec::new();
        for (slot, at) in self.log.ring.slots.iter().enumerate() {
            let mut bytes = vec![0; self.log.ring.layout().segment_bytes];
            let read = pread_patched(&Peek, &at.file, 0, &mut bytes).unwrap_or(0);
            broken_in(slot, at.number, &bytes[..read], &mut all);
        }
        all.sort_by_key(|broken| (broken.first, broken.slot, broken.offset));
        all
    }
}

fn broken_in(slot: usize, number: u32, bytes: &[u8], into: &mut Vec<Broken>) {
    let (mut at, begin) = (0, into.len());
    while at < bytes.len() {
        match parse(&bytes[at..]) {
            Found::Frame(frame) => {
                if frame.stamp.segment == number {
                    into[begin..].iter_mut().for_each(|broken| broken.was_whole = true);
                }
                at += padded(frame.len);
            }
            Found::Broken { segment, points } => {
                let mut input = Input(&bytes[at + 8..]);
                let (len, _, first) = (input.u32().unwrap_or(0), input.u32(), input.u64().unwrap_or(0));
                if segment == number {
                    let (offset, bytes) = (at as u64, u64::from(len) + super::super::super::format::HEADER_BYTES as u64);
                    into.push(Broken { slot, offset, bytes, first, points: u64::from(points), was_whole: false });
                }
                at += PAGE_BYTES;
            }
            Found::Nothing => at += PAGE_BYTES,
        }
    }
}

impl Check<'_> {
    /// Positions from here to `to` that neither a block nor a frame in use holds.
    pub(super) fn hole(&mut self, to: Seq) -> Look {
        let to = to.min(self.end);
        let mut found = Vec::new();
        let mut at = self.at;
        let frames: Vec<Broken> =
            self.broken.iter().filter(|broken| broken.points > 0 && broken.first < to && broken.end() > at).copied().collect();
        for broken in frames {
            if broken.first > at {
                found.push(self.missing(at..broken.first));
            }
            let range = at.max(broken.first)..broken.end().min(to);
            if range.is_empty() {
                continue;
            }
            at = range.end;
            let (file, lost) = (format!("wal/w{}", broken.slot), range.end - range.start);
            found.push(Damage { offset: broken.offset, bytes: broken.bytes, file, ..self.lost(What::Frame, range, lost) });
        }
        if at < to {
            found.push(self.missing(at..to));
        }
        Look { next: to, found, ..Look::default() }
    }

    /// Positions without a trace; where they were is known if there is a hole between two blocks of one file.
    fn missing(&self, range: Range<Seq>) -> Damage {
        let blocks = &self.card.log.blocks;
        let before = blocks.files.range(..range.start).next_back();
        let around = before.and_then(|(key, file)| {
            let nth = file.blocks.partition_point(|block| block.header.end <= range.start);
            let before = file.blocks.get(nth.checked_sub(1)?)?.end_bytes();
            let after = file.blocks.get(nth).map(|after| u64::from(after.offset));
            // Behind the last block of a file that is being filled there never was one.
            let end = after.or_else(|| blocks.is_full(*key).then_some(file.bytes))?;
            (end > before).then(|| (format!("blk/{}", file.name), before, end - before))
        });
        let (file, offset, bytes) = around.unwrap_or_default();
        let lost = range.end - range.start;
        Damage { file, offset, bytes, ..self.lost(What::Missing, range, lost) }
    }

    fn lost(&self, what: What, range: Range<Seq>, points: u64) -> Damage {
        Damage {
            first: range.start,
            end: range.end,
            points,
            from_ms: self.before_ms,
            to_ms: self.ms_after(range.end),
            taken: self.card.taken(range.start, range.end),
            ..self.note(what, String::new(), 0, 0)
        }
    }

    /// Damage to what stands beside the points: it costs none.
    pub(super) fn beside_the_points(&self) -> Vec<Damage> {
        let mut found = Vec::new();
        if !self.has_format() {
            found.push(self.note(What::Format, "FORMAT".to_owned(), 0, PAGE_BYTES as u64));
        }
        for sink in Sink::ALL {
            self.check_cursor(sink, &mut found);
        }
        for broken in self.broken.iter().filter(|broken| broken.was_whole && !self.is_needed(broken)) {
            let damage = self.note(What::FrameCopy, format!("wal/w{}", broken.slot), broken.offset, broken.bytes);
            found.push(Damage { first: broken.first, end: broken.end(), ..damage });
        }
        for name in &self.card.recovery.files_ignored {
            found.push(self.note(What::Foreign, format!("blk/{name}"), 0, 0));
        }
        found
    }

    /// Whether points of it are nowhere else: then it is told where they are missed.
    fn is_needed(&self, broken: &Broken) -> bool {
        broken.points > 0 && broken.end() > self.card.log.blocks.end().max(self.card.start())
    }

    fn has_format(&self) -> bool {
        let mut bytes = [0; PAGE_BYTES];
        let read = Peek.open(&self.card.dir.join("FORMAT")).and_then(|file| pread_patched(&Peek, &file, 0, &mut bytes));
        read.is_ok_and(|read| parse_format(&bytes[..read]) != Format::Damaged)
    }

    fn check_cursor(&self, sink: Sink, found: &mut Vec<Damage>) {
        let Some(name) = self.card.log.cursors.name(sink).map(|name| format!("cursor.{name}")) else { return };
        let Ok(file) = Peek.open(&self.card.dir.join(&name)) else { return };
        let mut bytes = vec![0; FILE_BYTES];
        let read = pread_patched(&Peek, &file, 0, &mut bytes).unwrap_or(0);
        let is_lost = self.card.recovery.cursors_lost.contains(&sink);
        if is_lost {
            found.push(Damage { taken: Taken::None, ..self.note(What::Cursor, name.clone(), 0, FILE_BYTES as u64) });
        }
        for slot in bad_slots(&bytes[..read]).into_iter().filter(|_| !is_lost) {
            found.push(self.note(What::CursorCopy, name.clone(), (slot * PAGE_BYTES) as u64, PAGE_BYTES as u64));
        }
    }
}
