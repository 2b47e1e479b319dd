//! Where each reader stands, on flash: `cursor.aggregate`, `cursor.forward-NAME` for a destination, `cursor.forward` for the
//! one called `main` (the only one of earlier versions, without a name then). Two slots written in turn, the newest valid
//! one counts. Beside it what the log must know of itself and no frame or block says.
//!
//! ```text
//! slot (at 0 and 4096): magic "GWC1" | u32 version 4 | u32 length of all | u64 generation | u64 next | u64 delivered
//!   | u64 dead_lettered | u64 lost | u64 expired | u64 over_budget | u64 high_water (durable end when written) | u64 start (oldest held)
//!   | u64 evicted | u64 thinned | u64 no_disk | i64 wall_ms | u64 swap (1 + first point of the .tmp file that takes its .blk's place)
//!   | u8 gaps × (u8 reason, u64 first, u64 end, u64 points, i64 from_ms, i64 to_ms)
//!   | u8 epochs × (u32 epoch, u64 boot, i64 base_ms, u8 known, i64 shift_ms) | u32 crc32c of all before
//! version 3: no over_budget
//! version 2: nor expired
//! version 1: nor length, thinned, no_disk, swap, gaps, epochs
//! ```
//! Losing a cursor only means that its reader sees points again; so a failed write is logged and tried again, and
//! never stops the log. Bounded: one page for each reader.

use super::bytes::Input;
use super::disk::{Disk, RealDisk};
use super::epochs::Epoch;
use super::format::SEQ_MAX;
use super::record::{Destination, Gap, GapReason, Seq, Sink};
use super::stand::Cursor;
use facility_config::limits::{GAPS_TOLD_MAX, PAGE_BYTES, STORE_EPOCHS_MAX};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const MAGIC: [u8; 4] = *b"GWC1";
const VERSION: u32 = 4;
const OLD_SLOT_BYTES: usize = 84;
/// Header, numbers, both lists at their longest, checksum.
const SLOT_BYTES_MAX: usize = 136 + GAPS_TOLD_MAX * 41 + STORE_EPOCHS_MAX * 29;
const _: () = assert!(SLOT_BYTES_MAX <= PAGE_BYTES && GAPS_TOLD_MAX <= 255 && STORE_EPOCHS_MAX <= 255);
/// Length of a cursor file.
pub(super) const FILE_BYTES: usize = 2 * PAGE_BYTES;

/// What the cursors remember about the log itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Remembered {
    pub(super) high_water: Seq,
    pub(super) start: Seq,
    /// Unread points given up, by reason.
    pub(super) evicted: u64,
    pub(super) thinned: u64,
    pub(super) no_disk: u64,
    pub(super) wall_ms: i64,
    /// The file with fewer points is complete and counted: only its new name is missing.
    pub(super) swap: Option<Seq>,
    pub(super) gaps: Vec<Gap>,
    pub(super) epochs: Vec<Epoch>,
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
    /// Where the next slot goes: never where the newest one is.
    next_at: u64,
    cursor: Cursor,
    /// In memory only so far.
    dirty: bool,
}

/// All cursors of a store.
#[derive(Debug)]
pub(super) struct Cursors<F> {
    entries: BTreeMap<Sink, Entry<F>>,
    /// Counts slots written, over all files: the highest one knows most.
    generation: u64,
    /// Sinks whose file was there but had no valid slot.
    pub(super) unreadable: Vec<Sink>,
    /// Sinks that have never stood anywhere.
    pub(super) fresh: Vec<Sink>,
    /// Those of them that begin with what comes.
    start_now: Vec<Sink>,
    /// Files of readers that were taken away: one that comes back later begins like a new one. Deleted when the others have
    /// on flash what these know of the log.
    gone: Vec<PathBuf>,
}

const PREFIX: &str = "cursor.";
/// The destination whose file has no name in it.
const MAIN: &str = "main";
const OF_DESTINATION: &str = "forward-";

/// Name of a sink's cursor: its file is `cursor.<name>`.
fn name_of(sink: Sink, destinations: &[Destination]) -> String {
    let place = Sink::DESTINATIONS.iter().position(|one| *one == sink);
    match place.and_then(|place| destinations.get(place)) {
        None => sink.as_str().to_owned(),
        Some(destination) if &*destination.name == MAIN => Sink::Forward.as_str().to_owned(),
        Some(destination) => format!("{OF_DESTINATION}{}", destination.name),
    }
}

/// The destinations that a store's folder has cursors of, by name; for commands that work without a configuration.
#[must_use]
pub fn destinations(dir: &Path) -> Vec<Destination> {
    let names = RealDisk.list(dir).unwrap_or_default();
    let name = |file: &String| {
        let name = file.strip_prefix(PREFIX)?;
        if name == Sink::Forward.as_str() { Some(MAIN.to_owned()) } else { name.strip_prefix(OF_DESTINATION).map(str::to_owned) }
    };
    let mut found: Vec<String> = names.iter().filter_map(name).collect();
    found.sort();
    found.truncate(Sink::DESTINATIONS.len());
    found.into_iter().map(|name| Destination { name: name.into(), start_now: false }).collect()
}

impl<F> Cursors<F> {
    /// Reads the cursors of `sinks`; never fails, an unreadable one starts again. Also what they remember.
    pub(super) fn load<D: Disk<File = F>>(disk: &D, dir: &Path, sinks: &[Sink], destinations: &[Destination]) -> (Self, Remembered) {
        let mut all = Self {
            entries: BTreeMap::new(),
            generation: 0,
            unreadable: Vec::new(),
            fresh: Vec::new(),
            start_now: Vec::new(),
            gone: Vec::new(),
        };
        let mut log = Remembered::default();
        let wanted: Vec<(Sink, String)> = sinks.iter().map(|sink| (*sink, format!("{PREFIX}{}", name_of(*sink, destinations)))).collect();
        for name in disk.list(dir).unwrap_or_default() {
            if name.starts_with(PREFIX) && !wanted.iter().any(|(_, wanted)| *wanted == name) {
                let path = dir.join(name);
                let newest = disk.open(&path).ok().and_then(|file| read(disk, &file));
                newest.map(|(_, slot)| all.learn(slot, &mut log));
                all.gone.push(path);
            }
        }
        for (sink, name) in &wanted {
            let path = dir.join(name);
            let (file, is_there) = match disk.open(&path) {
                Ok(file) => (Some(file), true),
                // One that is there and cannot be opened just now is no new destination.
                Err(error) => (None, error.kind() != io::ErrorKind::NotFound),
            };
            let newest = file.as_ref().and_then(|file| read(disk, file));
            match (&newest, is_there) {
                (None, false) => {
                    all.fresh.push(*sink);
                    let place = Sink::DESTINATIONS.iter().position(|one| one == sink);
                    if place.and_then(|place| destinations.get(place)).is_some_and(|destination| destination.start_now) {
                        all.start_now.push(*sink);
                    }
                }
                (None, true) => all.unreadable.push(*sink),
                (Some(_), _) => {}
            }
            let (next_at, cursor) = newest.map_or((0, Cursor::default()), |(at, slot)| (other(at), all.learn(slot, &mut log)));
            all.entries.insert(*sink, Entry { path, file, next_at, cursor, dirty: !all.gone.is_empty() });
        }
        (all, log)
    }

    /// Takes in what a slot says of the log: the highest of each number, the lists of the newest slot.
    fn learn(&mut self, slot: Slot, log: &mut Remembered) -> Cursor {
        let Slot { generation, cursor, log: said } = slot;
        log.high_water = log.high_water.max(said.high_water).max(cursor.next);
        log.start = log.start.max(said.start);
        log.evicted = log.evicted.max(said.evicted);
        log.thinned = log.thinned.max(said.thinned);
        log.no_disk = log.no_disk.max(said.no_disk);
        log.wall_ms = log.wall_ms.max(said.wall_ms);
        if generation > self.generation {
            self.generation = generation;
            (log.swap, log.gaps, log.epochs) = (said.swap, said.gaps, said.epochs);
        }
        cursor
    }

    /// Puts readers that have no cursor at the oldest point held, or at the end if they are to begin there.
    pub(super) fn start_new_at(&mut self, start: Seq, end: Seq) {
        for sink in self.unreadable.iter().chain(&self.fresh) {
            if let Some(entry) = self.entries.get_mut(sink) {
                // Saved soon: what comes from now on is due to it, also after a crash.
                let is_now = self.start_now.contains(sink);
                entry.dirty |= is_now;
                let begin = if is_now { end } else { start };
                // What was there before a reader was appointed was never due to it.
                (entry.cursor.next, entry.cursor.delivered) = (begin, begin);
            }
        }
    }

    /// Name of a reader's cursor; its file is `cursor.<name>`.
    pub(super) fn name(&self, sink: Sink) -> Option<&str> {
        self.entries.get(&sink)?.path.file_name()?.to_str()?.strip_prefix(PREFIX)
    }

    pub(super) fn get(&self, sink: Sink) -> Cursor {
        self.entries.get(&sink).map_or_else(Cursor::default, |entry| entry.cursor)
    }

    /// Moves a cursor in memory; `false` if there is no such sink.
    pub(super) fn set(&mut self, sink: Sink, cursor: Cursor) -> bool {
        let Some(entry) = self.entries.get_mut(&sink) else { return false };
        entry.dirty |= entry.cursor.kept() != cursor.kept();
        entry.cursor = cursor;
        true
    }

    /// What every reader has read; `None` without readers.
    pub(super) fn oldest(&self) -> Option<Seq> {
        self.entries.values().map(|entry| entry.cursor.next).min()
    }

    /// The log's own numbers changed: one cursor is written soon.
    pub(super) fn touch(&mut self) {
        if let Some(entry) = self.entries.values_mut().next() {
            entry.dirty = true;
        }
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.entries.values().any(|entry| entry.dirty)
    }

    /// Makes all cursors durable, also those that did not move if `all` (the log's own numbers changed).
    pub(super) fn save<D: Disk<File = F>>(&mut self, disk: &D, log: &Remembered, all: bool) -> io::Result<u64> {
        let mut written = 0;
        for entry in self.entries.values_mut().filter(|entry| all || entry.dirty) {
            self.generation = self.generation.saturating_add(1);
            let slot = encode(self.generation, &entry.cursor, log);
            let file = match entry.file.take() {
                Some(file) => file,
                None => create(disk, &entry.path)?,
            };
            let at = entry.next_at;
            // Also after a failure the other slot is next: the pages of a failed sync are not synced again.
            entry.next_at = other(at);
            let done = disk.pwrite(&file, at, &slot).and_then(|()| disk.fdatasync(&file));
            entry.file = Some(file);
            done?;
            entry.dirty = false;
            written += PAGE_BYTES as u64;
        }
        for path in self.gone.drain(..) {
            drop(disk.unlink(&path));
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

fn other(at: u64) -> u64 {
    PAGE_BYTES as u64 - at
}

/// The newest valid slot and where it is.
fn read<D: Disk>(disk: &D, file: &D::File) -> Option<(u64, Slot)> {
    let slot = |at: u64| {
        let mut bytes = vec![0; PAGE_BYTES];
        let read = disk.pread(file, at, &mut bytes).ok()?;
        Some((at, decode(&bytes[..read])?))
    };
    [slot(0), slot(PAGE_BYTES as u64)].into_iter().flatten().max_by_key(|(_, slot)| slot.generation)
}

/// Which of the two slots of a cursor file are damaged. One that was never written is not.
pub(super) fn bad_slots(bytes: &[u8]) -> Vec<usize> {
    let slots = bytes.chunks(PAGE_BYTES).take(2).enumerate();
    slots.filter(|(_, slot)| slot.iter().any(|byte| *byte != 0) && decode(slot).is_none()).map(|(nth, _)| nth).collect()
}

fn encode(generation: u64, cursor: &Cursor, log: &Remembered) -> Vec<u8> {
    let mut body = Vec::with_capacity(PAGE_BYTES);
    for number in [generation, cursor.next, cursor.delivered, cursor.dead_lettered, cursor.lost, cursor.expired, cursor.over_budget] {
        body.extend_from_slice(&number.to_le_bytes());
    }
    let swap = log.swap.map_or(0, |first| first + 1);
    for number in [log.high_water, log.start, log.evicted, log.thinned, log.no_disk, log.wall_ms as u64, swap] {
        body.extend_from_slice(&number.to_le_bytes());
    }
    let gaps = &log.gaps[..log.gaps.len().min(GAPS_TOLD_MAX)];
    body.push(gaps.len() as u8);
    for gap in gaps {
        body.push(gap.reason as u8);
        for number in [gap.first, gap.end, gap.points, gap.from_ms as u64, gap.to_ms as u64] {
            body.extend_from_slice(&number.to_le_bytes());
        }
    }
    let epochs = &log.epochs[log.epochs.len().saturating_sub(STORE_EPOCHS_MAX)..];
    body.push(epochs.len() as u8);
    for epoch in epochs {
        epoch.put(&mut body);
    }
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&((12 + body.len() + 4) as u32).to_le_bytes());
    out.extend_from_slice(&body);
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out.resize(PAGE_BYTES, 0);
    out
}

fn decode(bytes: &[u8]) -> Option<Slot> {
    let mut input = Input(bytes);
    if input.take(4)? != MAGIC {
        return None;
    }
    let version = input.u32()?;
    let len = if version == 1 { OLD_SLOT_BYTES } else { input.u32()? as usize };
    let checked = len.checked_sub(4).filter(|_| (1..=VERSION).contains(&version))?;
    if crc32c::crc32c(bytes.get(..checked)?) != Input(&bytes[checked..]).u32()? {
        return None;
    }
    let generation = input.u64()?;
    let (next, delivered, dead_lettered, lost) = (input.u64()?, input.u64()?, input.u64()?, input.u64()?);
    let mut cursor = Cursor { next, delivered, dead_lettered, lost, ..Cursor::default() };
    if version > 2 {
        cursor.expired = input.u64()?;
    }
    if version > 3 {
        cursor.over_budget = input.u64()?;
    }
    let mut log = Remembered { high_water: input.u64()?, start: input.u64()?, evicted: input.u64()?, ..Remembered::default() };
    if version > 1 {
        (log.thinned, log.no_disk) = (input.u64()?, input.u64()?);
    }
    log.wall_ms = input.i64()?;
    if version > 1 {
        log.swap = input.u64()?.checked_sub(1);
        log.gaps = (0..input.u8()?).map(|_| gap(&mut input)).collect::<Option<_>>()?;
        log.epochs = (0..input.u8()?).map(|_| Epoch::take(&mut input)).collect::<Option<_>>()?;
    }
    let believed = cursor.next.max(log.high_water).max(log.start) <= SEQ_MAX;
    believed.then_some(Slot { generation, cursor, log })
}

fn gap(input: &mut Input<'_>) -> Option<Gap> {
    let reason = GapReason::from_code(input.u8()?)?;
    let (first, end, points) = (input.u64()?, input.u64()?, input.u64()?);
    Some(Gap { reason, first, end, points, from_ms: input.i64()?, to_ms: input.i64()? })
}
