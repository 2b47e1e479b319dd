//! One block or one frame, read and compared with its copies.

use super::super::super::block::{Chunk, Found as FoundBlock, HEADER_BYTES, Head, Header, Held, Loaded, counts, spans};
use super::super::super::blocks::BlockAt;
use super::super::super::disk::{Disk, is_medium_error, pread_patched};
use super::super::super::format::{Found, parse};
use super::super::super::peek::Peek;
use super::super::super::record::Seq;
use super::super::super::ring::FrameAt;
use super::super::super::scan::is_readable;
use super::{Check, Damage, Taken, What};
use std::fs::File;
use std::io;

/// What was seen at one place.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Where to go on.
    pub(super) next: Seq,
    pub(super) found: Vec<Damage>,
    /// Good points.
    pub(super) points: u64,
    pub(super) bytes: u64,
    /// Time of its newest commit.
    pub(super) log_ms: Option<i64>,
    pub(super) is_block: bool,
    pub(super) is_frame: bool,
}

/// A block under the glass.
struct Glass<'a> {
    name: String,
    at: BlockAt,
    bytes: &'a [u8],
    unreadable: bool,
}

impl Check<'_> {
    /// Looks at what comes next.
    pub(super) fn look(&mut self) -> Look {
        let block = self.card.log.blocks.after(self.at);
        let block = block.and_then(|(file, nth)| Some((file, *self.card.log.blocks.block(file, nth)?)));
        let frame = self.card.log.ring.frame_after(self.at);
        match (block, frame) {
            (Some((_, block)), _) if block.header.first > self.at => self.hole(block.header.first),
            (Some((file, block)), _) => self.look_at_block(file, block),
            (None, Some((_, frame))) if frame.first > self.at => self.hole(frame.first),
            (None, Some((slot, frame))) => self.look_at_frame(slot, frame),
            (None, None) => self.hole(self.end),
        }
    }

    fn look_at_block(&mut self, file: Seq, at: BlockAt) -> Look {
        let header = at.header;
        let name = self.card.log.blocks.files.get(&file).map(|file| format!("blk/{}", file.name)).unwrap_or_default();
        let mut bytes = vec![0; header.len as usize];
        let read = self.card.log.blocks.file(&Peek, file).and_then(|file| read(file, u64::from(at.offset), &mut bytes));
        let unreadable = !matches!(read, Ok(false));
        let glass = Glass { name, at, bytes: &bytes, unreadable };
        let (mut found, heads) = self.copies(&glass);
        match heads.filter(|_| read.is_ok()) {
            Some(head) => self.chunks(&glass, &head, &mut found),
            None => found = vec![self.of_block(&glass, What::Block, 0, header.len, u64::from(header.points))],
        }
        let lost = found.iter().map(|damage| damage.points).sum::<u64>();
        let points = u64::from(header.points).saturating_sub(lost);
        Look { next: header.end, found, points, bytes: u64::from(header.len), log_ms: Some(header.log_ms), is_block: true, is_frame: false }
    }

    /// Holds both copies of header and head against each other. Returns the head, if one is good.
    fn copies(&self, glass: &Glass<'_>) -> (Vec<Damage>, Option<Head>) {
        let (header, bytes) = (&glass.at.header, glass.bytes);
        let mut found = Vec::new();
        for offset in [0, header.len as usize - HEADER_BYTES] {
            if Header::parse(&bytes[offset..]) != FoundBlock::Block(*header) {
                found.push(self.of_block(glass, What::HeaderCopy, offset as u32, HEADER_BYTES as u32, 0));
            }
        }
        let [first, second] = [HEADER_BYTES..HEADER_BYTES + header.head_len as usize, header.copy_of_head()];
        let parsed = bytes.get(first.clone()).and_then(|bytes| Head::parse(header, bytes));
        let (head, bad) = match parsed {
            Some(head) if bytes.get(first.clone()) == bytes.get(second.clone()) => (Some(head), None),
            Some(head) => (Some(head), Some(second)),
            None => (bytes.get(second).and_then(|bytes| Head::parse(header, bytes)), Some(first)),
        };
        if let Some(bad) = bad {
            found.push(self.of_block(glass, What::HeadCopy, bad.start as u32, bad.len() as u32, 0));
        }
        (found, head)
    }

    /// Decodes every chunk.
    fn chunks(&self, glass: &Glass<'_>, head: &Head, found: &mut Vec<Damage>) {
        let loaded = Loaded::new(&glass.at.header, head, glass.bytes);
        let spans = spans(&glass.at.header, head);
        let names = &self.card.log.names;
        for (nth, chunk) in head.chunks().iter().enumerate() {
            let held = spans.as_ref().and_then(|spans| spans.get(nth).copied().flatten());
            if loaded.damaged().contains(chunk) {
                found.push(self.of_chunk(glass, What::Chunk, chunk, held, u64::from(chunk.points)));
                continue;
            }
            let nameless = match names.knows_origin(chunk.origin) {
                false => u64::from(chunk.points),
                true => counts(head, nth).into_iter().filter(|(metric, _)| !names.knows_metric(*metric)).map(|(_, points)| points).sum(),
            };
            if nameless > 0 {
                found.push(self.of_chunk(glass, What::Names, chunk, held, nameless));
            }
        }
    }

    fn of_chunk(&self, glass: &Glass<'_>, what: What, chunk: &Chunk, held: Option<Held>, points: u64) -> Damage {
        let mut damage = self.of_block(glass, what, chunk.offset, chunk.len, points);
        if let Some(held) = held {
            (damage.first, damage.end) = (held.first, held.end);
            (damage.from_ms, damage.to_ms) = (Some(held.from_ms), Some(held.to_ms));
            damage.taken = self.card.taken(held.first, held.end);
        }
        let names = self.card.names();
        let known = self.card.log.names.knows_origin(chunk.origin);
        damage.tags = names.origins.get(chunk.origin as usize).filter(|_| known).map(|origin| origin.tags.to_string());
        damage
    }

    fn of_block(&self, glass: &Glass<'_>, what: What, offset: u32, bytes: u32, points: u64) -> Damage {
        let header = &glass.at.header;
        Damage {
            what,
            file: glass.name.clone(),
            offset: u64::from(glass.at.offset) + u64::from(offset),
            bytes: u64::from(bytes),
            unreadable: glass.unreadable,
            first: header.first,
            end: header.end,
            points,
            tags: None,
            at_ms: (points > 0).then_some((header.at_min_ms, header.at_max_ms)),
            from_ms: self.before_ms,
            to_ms: Some(header.log_ms),
            taken: self.card.taken(header.first, header.end),
        }
    }

    fn look_at_frame(&mut self, slot: usize, at: FrameAt) -> Look {
        let mut bytes = vec![0; at.len as usize];
        let read = read(&self.card.log.ring.slots[slot].file, u64::from(at.offset), &mut bytes);
        let mut look = Look { next: at.end(), bytes: u64::from(at.len), is_frame: true, ..Look::default() };
        if let Found::Frame(frame) = parse(&bytes)
            && (frame.first, frame.count) == (at.first, at.count)
            && is_readable(&frame, &self.card.log.names)
        {
            (look.points, look.log_ms) = (u64::from(at.count), Some(frame.stamp.log_ms));
            return look;
        }
        look.found.push(Damage {
            what: What::Frame,
            file: format!("wal/w{slot}"),
            offset: u64::from(at.offset),
            bytes: u64::from(at.len),
            unreadable: !matches!(read, Ok(false)),
            first: at.first,
            end: at.end(),
            points: u64::from(at.count),
            tags: None,
            at_ms: None,
            from_ms: self.before_ms,
            to_ms: self.ms_after(at.end()),
            taken: self.card.taken(at.first, at.end()),
        });
        look
    }

    /// No later than this were the points before a position committed.
    pub(super) fn ms_after(&self, at: Seq) -> Option<i64> {
        let log = &self.card.log;
        if let Some((file, nth)) = log.blocks.after(at) {
            return log.blocks.block(file, nth).map(|block| block.header.log_ms);
        }
        let (slot, frame) = log.ring.frame_after(at)?;
        let mut bytes = vec![0; frame.len as usize];
        pread_patched(&Peek, &log.ring.slots[slot].file, u64::from(frame.offset), &mut bytes).ok()?;
        match parse(&bytes) {
            Found::Frame(frame) => Some(frame.stamp.log_ms),
            Found::Broken { .. } | Found::Nothing => None,
        }
    }

    /// Damage that no point hangs on.
    pub(super) fn note(&self, what: What, file: String, offset: u64, bytes: u64) -> Damage {
        Damage {
            what,
            file,
            offset,
            bytes,
            unreadable: false,
            first: self.card.start(),
            end: self.card.start(),
            points: 0,
            tags: None,
            at_ms: None,
            from_ms: None,
            to_ms: None,
            taken: Taken::All,
        }
    }
}

/// Fills `bytes`; zeros behind the end of the file and where the medium gives nothing. Says whether there was such a place.
fn read(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<bool> {
    match Peek.pread(file, offset, bytes) {
        Err(error) if is_medium_error(&error) => pread_patched(&Peek, file, offset, bytes).map(|_| true),
        other => other.map(|_| false),
    }
}
