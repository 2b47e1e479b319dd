//! Makes room: what is given up when the budget or the disk is full, in which order, and that it is counted.
//!
//! First what every reader has read, oldest first. Then, by the policy: routine points before excursions and events,
//! old ones before new ones, thinned before deleted. A deletion is counted on flash before it is done, and an opening
//! finishes what was begun, so a power cut counts once.

use super::blocks::{BlockAt, Load};
use super::disk::Disk;
use super::log::Log;
use super::record::{Gap, GapReason, Seq};
use super::reduce::{How, Reducing};
use facility_config::Overflow;
use facility_config::limits::{CURSOR_SAVE_MS, GAPS_TOLD_MAX};
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

/// What became of a wish for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It is there.
    Made,
    /// A file is being rewritten with fewer points: ask again.
    InTheMaking,
    /// Nothing more may be given up.
    Full,
}

impl<D: Disk> Log<D> {
    /// Gives up as little as possible until `need` more bytes fit the budget, and leave the free-space floor alone or
    /// at least no worse than before.
    pub(super) fn make_room(&mut self, need: u64) -> Room {
        loop {
            let over = self.bytes_on_disk().saturating_add(need) > self.bytes_max;
            // A file gives back less than it was given: what it did not need was given back when it was full.
            if !over && (self.freed >= need / 8 * 7 || self.is_above_floor(need)) {
                (self.full, self.freed) = (false, 0);
                return Room::Made;
            }
            if self.reducing.is_some() {
                return Room::InTheMaking;
            }
            // The last file stays, however small the budget is.
            if self.blocks.files.len() <= 1 {
                return Room::Made;
            }
            let before = self.blocks.bytes;
            match self.give_up() {
                Room::Made => self.freed += before.saturating_sub(self.blocks.bytes),
                other => return other,
            }
        }
    }

    fn is_above_floor(&self, need: u64) -> bool {
        self.free_bytes_min == 0 || self.disk.free_bytes(&self.dir).map_or(true, |free| free >= self.free_bytes_min.saturating_add(need))
    }

    /// One step.
    fn give_up(&mut self) -> Room {
        let Some((oldest, end)) = self.blocks.files.first_key_value().map(|(first, file)| (*first, file.end())) else { return Room::Full };
        let is_read = self.cursors.oldest().is_none_or(|read_to| end <= read_to);
        if self.overflow == Overflow::Thin
            && let Some(first) = self.oldest_full(is_read, |block| !block.header.thinned)
        {
            return self.reduce(first, How::Thin);
        }
        if is_read {
            return self.delete_oldest();
        }
        if self.overflow == Overflow::Block {
            self.full = true;
            return Room::Full;
        }
        match self.oldest_full(false, |block| block.header.points > block.header.keeps) {
            // Something older was kept because it matters more.
            Some(first) if first != oldest || self.keeps(first) => self.reduce(first, How::KeepOnly),
            _ => self.delete_oldest(),
        }
    }

    /// The oldest file that nothing more is written to and that has such a block; only among read ones if `read`.
    fn oldest_full(&self, read: bool, such: impl Fn(&BlockAt) -> bool) -> Option<Seq> {
        let read_to = self.cursors.oldest().unwrap_or(Seq::MAX);
        let files = self.blocks.files.iter().filter(|(first, file)| self.blocks.is_full(**first) && (!read || file.end() <= read_to));
        files.filter(|(_, file)| file.blocks.iter().any(&such)).map(|(first, _)| *first).next()
    }

    fn keeps(&self, first: Seq) -> bool {
        self.blocks.files.get(&first).is_some_and(|file| file.blocks.iter().any(|block| block.header.keeps > 0))
    }

    fn reduce(&mut self, first: Seq, how: How) -> Room {
        if self.swap_on_flash && !self.save_cursors(Instant::now(), true) {
            return self.delete_oldest();
        }
        match Reducing::begin(&self.disk, &self.blocks, first, how) {
            Ok(reducing) => {
                self.reducing = Some(reducing);
                Room::InTheMaking
            }
            Err(error) => {
                tracing::warn!(store = self.name, %error, "no room to thin readings out: the oldest are deleted instead");
                self.delete_oldest()
            }
        }
    }

    /// Deletes the oldest file, whatever the budget says; `false` if the policy or the disk does not let it.
    pub(super) fn delete_for_room(&mut self) -> bool {
        let is_read = match (self.blocks.files.first_key_value(), self.cursors.oldest()) {
            (Some((_, file)), Some(read_to)) => file.end() <= read_to,
            _ => true,
        };
        (is_read || self.overflow != Overflow::Block) && self.delete_oldest() == Room::Made
    }

    /// Deletes the oldest file, read or not; never the one that is being filled.
    fn delete_oldest(&mut self) -> Room {
        let mut files = self.blocks.files.iter();
        let Some((&first, file)) = files.next().filter(|(first, _)| self.blocks.is_full(**first)) else { return Room::Full };
        let next = files.next().map(|(next, _)| *next).or_else(|| self.ring.first()).unwrap_or(self.end);
        let (path, end) = (self.blocks.path(file), file.end());
        let times = times_of(file.blocks.iter());
        let before = (self.start, self.evicted, self.gaps.clone());
        let points = self.unread_points(first);
        self.start = next;
        self.evicted += points;
        self.note_gap(GapReason::Evicted, first..end, points, times);
        let counted = self.save_cursors(Instant::now(), true);
        let deleted =
            if counted { self.disk.unlink(&path) } else { Err(io::Error::other("the count of what is given up cannot be written")) };
        if let Err(error) = deleted
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(store = self.name, %error, path = %path.display(), "oldest readings cannot be deleted");
            (self.start, self.evicted, self.gaps) = before;
            return Room::Full;
        }
        if let Err(error) = self.disk.sync_dir(self.blocks.dir()) {
            tracing::debug!(store = self.name, %error, "deletion not durable yet");
        }
        self.blocks.remove(first);
        if let Some((_, _, block)) = self.blocks.all().next() {
            self.epochs.forget_before(block.header.epoch);
        }
        if points > 0 {
            tracing::warn!(store = self.name, points, "no room: oldest points deleted before their reader had them");
        }
        self.publish();
        Room::Made
    }

    /// Points of a file that at least one reader has not read and could have.
    fn unread_points(&mut self, first: Seq) -> u64 {
        let Some(read_to) = self.cursors.oldest() else { return 0 };
        let Some(file) = self.blocks.files.get(&first) else { return 0 };
        let whole = |block: &&BlockAt| block.header.first >= read_to;
        let held = |block: &BlockAt| u64::from(block.header.points).saturating_sub(block.lost);
        let mut points: u64 = file.blocks.iter().filter(whole).map(held).sum();
        let parted = file.blocks.iter().position(|block| block.header.first < read_to && read_to < block.header.end);
        if let Some(nth) = parted {
            points += self.points_from(first, nth, read_to);
        }
        points
    }

    /// Points of one block from a position on.
    fn points_from(&mut self, file: Seq, nth: usize, from: Seq) -> u64 {
        let Some(end) = self.blocks.block(file, nth).map(|block| block.header.end) else { return 0 };
        let Ok(Load::Block(loaded, _)) = self.blocks.load(&self.disk, &self.names, file, nth, true) else { return 0 };
        let (mut at, mut points, mut records) = (from, 0, Vec::new());
        while at < end {
            records.clear();
            at = loaded.read(at, facility_config::limits::READ_POINTS_MAX, &mut records).max(at + 1);
            points += records.len() as u64;
        }
        points
    }

    /// Positions of a range that at least one reader has not read.
    pub(super) fn unread(&self, first: Seq, end: Seq) -> u64 {
        self.cursors.oldest().map_or(0, |read_to| end.saturating_sub(first.max(read_to)))
    }

    /// Notes points that are gone, so that they are told as data. Only when too many wait already does one join another:
    /// what was told once must not change.
    pub(super) fn note_gap(&mut self, reason: GapReason, range: Range<Seq>, points: u64, (from_ms, to_ms): (i64, i64)) {
        self.recent.forget();
        if points == 0 {
            return;
        }
        if self.gaps.len() < GAPS_TOLD_MAX {
            let mut gap = Gap { reason, first: range.start, end: range.end, points, from_ms, to_ms };
            while self.gaps.contains(&gap) {
                // More of the same block: not the same gap.
                gap.from_ms -= 1;
            }
            self.gaps.push(gap);
            return;
        }
        match self.gaps.iter_mut().rev().find(|known| known.reason == reason) {
            Some(known) => {
                (known.end, known.points) = (known.end.max(range.end), known.points + points);
                (known.from_ms, known.to_ms) = (known.from_ms.min(from_ms), known.to_ms.max(to_ms));
            }
            // Thirty-two of other reasons, none taken: the count is kept, the place is not.
            None => tracing::error!(store = self.name, ?range, points, "too many gaps wait to be told"),
        }
    }

    /// Somebody else keeps this gap now.
    pub(super) fn gap_taken(&mut self, gap: &Gap, now: Instant) {
        let Some(at) = self.gaps.iter().position(|known| known.reason == gap.reason && known.first == gap.first) else { return };
        let known = &mut self.gaps[at];
        if known.points <= gap.points {
            self.gaps.remove(at);
        } else {
            // It has grown meanwhile: the rest is a gap of its own.
            (known.first, known.points, known.from_ms) = (gap.end, known.points - gap.points, gap.to_ms);
        }
        self.cursors.touch();
        self.cursors_due.get_or_insert(now + Duration::from_millis(CURSOR_SAVE_MS));
        self.publish();
    }
}

/// Oldest and newest time in blocks.
pub(super) fn times_of<'a>(blocks: impl Iterator<Item = &'a BlockAt> + Clone) -> (i64, i64) {
    let from = blocks.clone().map(|block| block.header.at_min_ms).min().unwrap_or(0);
    (from, blocks.map(|block| block.header.at_max_ms).max().unwrap_or(0))
}
