//! Where each reader stands, on flash: `cursor.<sink>`, two slots written in turn, the newer valid one counts.
//!
//! ```text
//! slot (at 0 and 4096): magic "GWC1" | u32 version | u64 generation | u64 next | u64 delivered | u64 dead_lettered
//!                       | u64 lost | u64 high_water (durable end when written) | u64 start (oldest held)
//!                       | u64 evicted | i64 wall_ms | u32 crc32c of all before
//! ```
//! Losing a cursor only means that its reader sees points again; so a failed write is logged and tried again, and
//! never stops the log.

use super::bytes::Input;
use super::disk::Disk;
use super::format::SEQ_MAX;
use super::handle::Cursor;
use super::record::{Seq, Sink};
use facility_config::limits::PAGE_BYTES;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const MAGIC: [u8; 4] = *b"GWC1";
const VERSION: u32 = 1;
const SLOT_BYTES: usize = 84;
/// Length of a cursor file.
pub(super) const FILE_BYTES: usize = 2 * PAGE_BYTES;

/// What the cursors remember about the log itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Remembered {
    pub(super) high_water: Seq,
    pub(super) start: Seq,
    pub(super) evicted: u64,
    pub(super) wall_ms: i64,
}

#[derive(Debug)]
struct Slot {
    generation: u64,
    cursor: Cursor,
    log: Remembered,
}

#[derive(Debug)]
struct Entry<F> {
    path: PathBuf,
    file: Option<F>,
    generation: u64,
    cursor: Cursor,
    /// In memory only so far.
    dirty: bool,
}

/// All cursors of a store.
#[derive(Debug)]
pub(super) struct Cursors<F> {
    entries: BTreeMap<Sink, Entry<F>>,
    /// Sinks whose file was there but had no valid slot.
    pub(super) unreadable: Vec<Sink>,
    /// Sinks that have never stood anywhere.
    pub(super) fresh: Vec<Sink>,
}

impl<F> Cursors<F> {
    /// Reads the cursors of `sinks`; never fails, an unreadable one starts again. Also what they remember.
    pub(super) fn load<D: Disk<File = F>>(disk: &D, dir: &Path, sinks: &[Sink]) -> (Self, Remembered) {
        let mut all = Self { entries: BTreeMap::new(), unreadable: Vec::new(), fresh: Vec::new() };
        let mut log = Remembered::default();
        for gone in Sink::ALL.into_iter().filter(|sink| !sinks.contains(sink)) {
            // A reader that was taken away and comes back later begins like a new one.
            drop(disk.unlink(&dir.join(format!("cursor.{}", gone.as_str()))));
        }
        for sink in sinks {
            let path = dir.join(format!("cursor.{}", sink.as_str()));
            let file = disk.open(&path).ok();
            let newest = file.as_ref().and_then(|file| read(disk, file));
            match (&file, &newest) {
                (None, _) => all.fresh.push(*sink),
                (Some(_), None) => all.unreadable.push(*sink),
                (Some(_), Some(_)) => {}
            }
            let (generation, cursor) = newest.map_or((0, Cursor::default()), |slot| {
                log.high_water = log.high_water.max(slot.log.high_water).max(slot.cursor.next);
                log.start = log.start.max(slot.log.start);
                log.evicted = log.evicted.max(slot.log.evicted);
                log.wall_ms = log.wall_ms.max(slot.log.wall_ms);
                (slot.generation, slot.cursor)
            });
            all.entries.insert(*sink, Entry { path, file, generation, cursor, dirty: false });
        }
        (all, log)
    }

    /// Puts readers that have no cursor at the oldest point held.
    pub(super) fn start_new_at(&mut self, start: Seq) {
        for sink in self.unreadable.iter().chain(&self.fresh) {
            if let Some(entry) = self.entries.get_mut(sink) {
                // What was deleted before a reader was appointed was never due to it.
                (entry.cursor.next, entry.cursor.delivered) = (start, start);
            }
        }
    }

    pub(super) fn get(&self, sink: Sink) -> Cursor {
        self.entries.get(&sink).map_or_else(Cursor::default, |entry| entry.cursor)
    }

    /// Moves a cursor in memory; `false` if there is no such sink.
    pub(super) fn set(&mut self, sink: Sink, cursor: Cursor) -> bool {
        let Some(entry) = self.entries.get_mut(&sink) else { return false };
        entry.dirty |= entry.cursor != cursor;
        entry.cursor = cursor;
        true
    }

    /// What every reader has read; `None` without readers.
    pub(super) fn oldest(&self) -> Option<Seq> {
        self.entries.values().map(|entry| entry.cursor.next).min()
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.entries.values().any(|entry| entry.dirty)
    }

    /// Makes all cursors durable, also those that did not move if `all` (the log's own numbers changed).
    pub(super) fn save<D: Disk<File = F>>(&mut self, disk: &D, log: &Remembered, all: bool) -> io::Result<u64> {
        let mut written = 0;
        for entry in self.entries.values_mut().filter(|entry| all || entry.dirty) {
            // Also after a failure the other slot is next: the pages of a failed sync are not synced again.
            entry.generation = entry.generation.saturating_add(1);
            let slot = encode(&Slot { generation: entry.generation, cursor: entry.cursor, log: *log });
            let file = match entry.file.take() {
                Some(file) => file,
                None => create(disk, &entry.path)?,
            };
            let at = (entry.generation % 2) * PAGE_BYTES as u64;
            let done = disk.pwrite(&file, at, &slot).and_then(|()| disk.fdatasync(&file));
            entry.file = Some(file);
            done?;
            entry.dirty = false;
            written += PAGE_BYTES as u64;
        }
        Ok(written)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

fn create<D: Disk>(disk: &D, path: &Path) -> io::Result<D::File> {
    let file = disk.create(path)?;
    disk.pwrite(&file, 0, &[0; FILE_BYTES])?;
    disk.fdatasync(&file)?;
    disk.sync_dir(path.parent().unwrap_or(path))?;
    Ok(file)
}

fn read<D: Disk>(disk: &D, file: &D::File) -> Option<Slot> {
    let slot = |at: usize| {
        let mut bytes = [0; SLOT_BYTES];
        let read = disk.pread(file, at as u64, &mut bytes).ok()?;
        decode(&bytes[..read])
    };
    [slot(0), slot(PAGE_BYTES)].into_iter().flatten().max_by_key(|slot| slot.generation)
}

fn encode(slot: &Slot) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    let Slot { generation, cursor, log } = slot;
    let numbers = [*generation, cursor.next, cursor.delivered, cursor.dead_lettered, cursor.lost, log.high_water, log.start, log.evicted];
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&log.wall_ms.to_le_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out.resize(PAGE_BYTES, 0);
    out
}

fn decode(bytes: &[u8]) -> Option<Slot> {
    let mut input = Input(bytes);
    if input.take(4)? != MAGIC || input.u32()? != VERSION {
        return None;
    }
    let generation = input.u64()?;
    let cursor = Cursor { next: input.u64()?, delivered: input.u64()?, dead_lettered: input.u64()?, lost: input.u64()? };
    let log = Remembered { high_water: input.u64()?, start: input.u64()?, evicted: input.u64()?, wall_ms: input.i64()? };
    let believed = cursor.next.max(log.high_water).max(log.start) <= SEQ_MAX;
    (believed && input.u32()? == crc32c::crc32c(&bytes[..SLOT_BYTES - 4])).then_some(Slot { generation, cursor, log })
}
