//! The write-ahead ring: a few preallocated files, overwritten in turn. Overwriting costs one flash page per commit
//! where appending costs four (BUFFER §3).
//!
//! Never writes a page twice before its segment is reused, never syncs a file again after a failed sync until the
//! file was replaced. Bounded by the layout: a segment holds at most one frame per page.

use super::disk::Disk;
use super::format::Layout;
use super::names::NameSet;
use super::record::Seq;
use std::io;
use std::path::{Path, PathBuf};

/// Where a points frame lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameAt {
    pub(super) first: Seq,
    pub(super) count: u32,
    pub(super) offset: u32,
    /// Without padding.
    pub(super) len: u32,
    /// Which origins it has points of, as [`origin_bit`]s.
    pub(super) origins: u64,
}

/// A bit for each origin, shared by every sixty-fourth: a commit is of few devices, so most frames need not be read for
/// one of them.
pub(super) fn origin_bit(origin: u32) -> u64 {
    1 << (origin % 64)
}

impl FrameAt {
    pub(super) fn end(&self) -> Seq {
        self.first.saturating_add(u64::from(self.count))
    }
}

/// One file of the ring.
#[derive(Debug)]
pub(super) struct Slot<F> {
    pub(super) file: F,
    pub(super) number: u32,
    /// Durable points frames that are not in a block yet, in order.
    pub(super) frames: Vec<FrameAt>,
    /// Names those frames use.
    pub(super) used: NameSet,
    /// A write or sync failed: not written again before the file is replaced.
    pub(super) abandoned: bool,
}

impl<F> Slot<F> {
    fn new(file: F) -> Self {
        Self { file, number: 0, frames: Vec::new(), used: NameSet::default(), abandoned: false }
    }
}

/// All files of the ring and the place of the next frame.
#[derive(Debug)]
pub(super) struct Ring<F> {
    dir: PathBuf,
    layout: Layout,
    pub(super) slots: Vec<Slot<F>>,
    pub(super) current: Option<usize>,
    /// Where the next frame goes in the current slot.
    pub(super) offset: usize,
    pub(super) next_number: u32,
    /// Names written in the current segment.
    pub(super) announced: NameSet,
}

impl<F> Ring<F> {
    /// Opens the files, makes those that are missing and fills up those that are short. Says how many were missing.
    pub(super) fn open<D: Disk<File = F>>(disk: &D, dir: &Path, layout: Layout) -> io::Result<(Self, usize)> {
        for unfinished in disk.list(dir)?.iter().filter(|name| name.ends_with(".new")) {
            disk.unlink(&dir.join(unfinished))?;
        }
        let (mut slots, mut made) = (Vec::new(), 0);
        for at in 0..layout.segments {
            let path = dir.join(format!("w{at}"));
            let file = match disk.open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    made += 1;
                    disk.create(&path)?
                }
                other => other?,
            };
            fill(disk, &file, disk.len(&file)?, layout)?;
            slots.push(Slot::new(file));
        }
        disk.sync_dir(dir)?;
        let ring = Self { dir: dir.to_owned(), layout, slots, current: None, offset: 0, next_number: 1, announced: NameSet::default() };
        Ok((ring, made))
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// Bytes free in the segment being written.
    pub(super) fn room(&self) -> usize {
        if self.current.is_some() { self.layout.segment_bytes.saturating_sub(self.offset) } else { 0 }
    }

    /// Number of the segment being written.
    pub(super) fn number(&self) -> u32 {
        self.current.map_or(0, |at| self.slots[at].number)
    }

    /// Leaves the current segment and begins another one; an error if none is free.
    pub(super) fn begin<D: Disk<File = F>>(&mut self, disk: &D) -> io::Result<()> {
        self.current = None;
        let is_free = |slot: &&Slot<F>| slot.frames.is_empty();
        let at = match self.slots.iter().position(|slot| is_free(&slot) && !slot.abandoned) {
            Some(at) => at,
            None => {
                let at = self.slots.iter().position(|slot| is_free(&slot)).ok_or_else(no_free_segment)?;
                self.replace(disk, at)?;
                at
            }
        };
        self.slots[at].number = self.next_number;
        self.next_number = self.next_number.saturating_add(1);
        self.slots[at].used.clear();
        self.announced.clear();
        (self.current, self.offset) = (Some(at), 0);
        Ok(())
    }

    /// Puts a new file in the place of one whose pages cannot be trusted.
    fn replace<D: Disk<File = F>>(&mut self, disk: &D, at: usize) -> io::Result<()> {
        let (name, new) = (self.dir.join(format!("w{at}")), self.dir.join(format!("w{at}.new")));
        let file = disk.create(&new)?;
        fill(disk, &file, 0, self.layout)?;
        disk.rename(&new, &name)?;
        disk.sync_dir(&self.dir)?;
        self.slots[at].file = file;
        self.slots[at].abandoned = false;
        Ok(())
    }

    /// Writes whole pages at the current place and makes them durable.
    pub(super) fn write<D: Disk<File = F>>(&mut self, disk: &D, pages: &[u8]) -> io::Result<()> {
        let slot = &self.slots[self.current.ok_or_else(no_free_segment)?];
        disk.pwrite(&slot.file, self.offset as u64, pages)?;
        disk.fdatasync(&slot.file)?;
        self.offset += pages.len();
        Ok(())
    }

    /// Gives the current segment up after a failed write or sync. What was durable in it stays readable.
    pub(super) fn abandon(&mut self) {
        if let Some(at) = self.current.take() {
            self.slots[at].abandoned = true;
        }
    }

    /// Segments with points that are not being written.
    pub(super) fn slots_waiting(&self) -> usize {
        self.slots.iter().enumerate().filter(|(at, slot)| Some(*at) != self.current && !slot.frames.is_empty()).count()
    }

    /// All points frames, oldest first, with their slots.
    pub(super) fn frames(&self) -> Vec<(usize, FrameAt)> {
        let in_slot = |(at, slot): (usize, &Slot<F>)| slot.frames.iter().map(move |frame| (at, *frame)).collect::<Vec<_>>();
        let mut frames: Vec<_> = self.slots.iter().enumerate().flat_map(in_slot).collect();
        frames.sort_by_key(|(_, frame)| frame.first);
        frames
    }

    /// Whether all points of a range are here.
    pub(super) fn covers(&self, first: Seq, end: Seq) -> bool {
        let mut at = first;
        for (_, frame) in self.frames() {
            if frame.first <= at {
                at = at.max(frame.end());
            }
        }
        at >= end
    }

    /// Forgets the points before a position: they are in a block.
    pub(super) fn release(&mut self, before: Seq) {
        for slot in &mut self.slots {
            slot.frames.drain(..slot.frames.partition_point(|frame| frame.end() <= before));
        }
    }

    /// First frame that ends after `at`, and its slot.
    pub(super) fn frame_after(&self, at: Seq) -> Option<(usize, FrameAt)> {
        let in_slot = |(slot_at, slot): (usize, &Slot<F>)| {
            let frame = slot.frames.get(slot.frames.partition_point(|frame| frame.end() <= at))?;
            Some((slot_at, *frame))
        };
        self.slots.iter().enumerate().filter_map(in_slot).min_by_key(|(_, frame)| frame.first)
    }

    /// First point held.
    pub(super) fn first(&self) -> Option<Seq> {
        self.slots.iter().filter_map(|slot| slot.frames.first()).map(|frame| frame.first).min()
    }
}

fn fill<D: Disk>(disk: &D, file: &D::File, from: u64, layout: Layout) -> io::Result<()> {
    let (mut at, end) = (from, layout.segment_bytes as u64);
    if at >= end {
        return Ok(());
    }
    let zeros = vec![0; layout.segment_bytes.min(64 * 1024)];
    while at < end {
        let len = (end - at).min(zeros.len() as u64);
        disk.pwrite(file, at, &zeros[..len as usize])?;
        at += len;
    }
    disk.fdatasync(file)
}

fn no_free_segment() -> io::Error {
    io::Error::other("no free segment in the write-ahead ring")
}
