//! Opens a store: takes the lock, checks the format, finds out what is there, repairs what can be repaired.
//!
//! Never refuses because of damage. All it writes can be interrupted and done again: missing files, the rest of an
//! eviction or of a thinning, leftovers of an unfinished file.

use super::Options;
use super::block::Builder;
use super::blocks::{Blocks, Filling, Load};
use super::cursors::{Cursors, Remembered};
use super::disk::{Disk, is_medium_error};
use super::epochs::Epochs;
use super::find::{learn_names, list_files};
use super::format::{Format, Kind, Layout, VERSION, format_file, parse_format};
use super::handle::Durable;
use super::log::Log;
use super::names::{Dictionary, NameSet};
use super::old;
use super::open_error::OpenError;
use super::pending::Pending;
use super::recent::Recent;
use super::record::{GapReason, Seq};
use super::recovery::Recovery;
use super::ring::Ring;
use super::scan::{RingScan, scan_ring};
use super::scrub::Scrub;
use super::waiting::Waiting;
use facility_config::limits::{BLOCK_FILE_BYTES_MAX, PAGE_BYTES};
use facility_drivers::Clock;
use std::io;
use std::path::Path;
use std::time::Instant;
use tokio::sync::watch;

/// Opens or creates a store; `layout` is that of a new one.
pub(super) fn open_log<D: Disk + Clone>(options: Options, clock: Clock, disk: D, layout: Layout) -> Result<(Log<D>, Recovery), OpenError> {
    let blk = options.dir.join("blk");
    let (mut log, report) = open_once(options.clone(), clock.clone(), disk.clone(), layout)?;
    let at = |source| OpenError::Disk { path: blk.clone(), source };
    if old::segments(&disk, &blk).map_err(at)?.is_empty() {
        log.start_up(&report, Instant::now());
        return Ok((log, report));
    }
    log.convert_old().map_err(at)?;
    drop(log);
    let (mut log, report) = open_once(options, clock, disk, layout)?;
    log.start_up(&report, Instant::now());
    Ok((log, report))
}

fn open_once<D: Disk>(options: Options, clock: Clock, disk: D, layout: Layout) -> Result<(Log<D>, Recovery), OpenError> {
    let dir = options.dir;
    let format = find_format(&disk, &dir)?;
    let lock = take_lock(&disk, &dir)?;
    let mut report = Recovery::default();
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Disk { path, source }
    };
    let (wal, blk) = (dir.join("wal"), dir.join("blk"));
    let mut ring = make_files(&disk, &dir, format, layout, &clock, &mut report).map_err(at(&wal))?;
    let mut names = Dictionary::new(options.origins);
    let (mut cursors, remembered) = Cursors::load(&disk, &dir, &options.sinks, &options.destinations);
    let mut blocks = Blocks::new(blk.clone());
    finish_swap(&disk, &blk, remembered.swap).map_err(at(&blk))?;
    if let Some(found) = list_files(&disk, &mut blocks, &mut report).map_err(at(&blk))? {
        return Err(OpenError::Newer { path: dir, found: u32::from(found), known: VERSION });
    }
    finish_eviction(&disk, &mut blocks, remembered.start);
    let old_end = old::end(&disk, &blk, &mut names).map_err(at(&blk))?;
    let floor = blocks.end_of_all_but_last().max(remembered.start).max(old_end);
    let named = learn_names(&disk, &mut blocks, &mut names).map_err(at(&blk))?;
    let mut scan = scan_ring(&disk, &mut ring, &mut names, floor).map_err(at(&wal))?;
    sync_ring(&disk, &mut ring);
    let file_bytes = file_bytes(options.bytes_max, ring.layout());
    take_last_block(&disk, &mut blocks, &mut ring, &names, (named, file_bytes));
    scan.end = scan.end.max(blocks.end()).max(old_end);
    account(&ring, &blocks, &remembered, &scan, &mut report);
    cursors.start_new_at(report.start, report.end);
    report.cursors_lost.clone_from(&cursors.unreadable);
    let last = blocks.all().last().map(|(_, _, block)| block.header);
    // A segment that was given up takes its newest frames with it: then the block that was made of them knows more.
    let in_ring = scan.newest.filter(|(_, _, end)| last.is_none_or(|last| *end >= last.end)).map(|(stamp, ..)| stamp.mark);
    let mark = in_ring.or(last.map(|last| last.mark)).flatten();
    let epochs = Epochs(remembered.epochs);
    let held_from = held_from(&blocks, &scan, &epochs);
    let to_save = cursors.is_dirty();
    let log = Log {
        disk,
        dir,
        name: options.name,
        clock,
        commit_delay: options.commit_delay,
        early_acks: options.early_acks.max(1),
        bytes_max: options.bytes_max,
        free_bytes_min: options.free_bytes_min,
        overflow: options.overflow,
        file_bytes,
        pending: Pending::new(ring.layout(), mark),
        gap: (report.lost_tail > 0).then(|| report.end - report.lost_tail..report.end),
        ring,
        blocks,
        builder: Builder::default(),
        unsealed_since: None,
        last_block_bytes: 0,
        recent: Recent::default(),
        reducing: None,
        reduce_at: None,
        swap: None,
        swap_on_flash: remembered.swap.is_some(),
        cursors,
        names,
        incoming: None,
        waiting: Waiting::default(),
        epoch: report.epoch,
        epochs,
        held_from,
        start: report.start,
        end: report.end,
        log_ms: report.newest_at_ms.unwrap_or(0),
        mark,
        evicted: remembered.evicted,
        thinned: remembered.thinned,
        no_disk: remembered.no_disk,
        damaged: report.damaged,
        gaps: remembered.gaps,
        full: false,
        freed: 0,
        scrub: Scrub::default(),
        taken: 0,
        commits: 0,
        bytes_written: 0,
        commit_fault: None,
        seal_fault: None,
        commit_retry_at: None,
        seal_retry_at: None,
        cursors_due: to_save.then(Instant::now),
        unreadable: Vec::new(),
        carried: NameSet::default(),
        to_name: NameSet::default(),
        scratch: Vec::new(),
        durable: watch::Sender::new(Durable::default()),
        _lock: lock,
    };
    log.publish();
    Ok((log, report))
}

impl<D: Disk> Log<D> {
    /// What a freshly opened log does before anybody speaks to it.
    fn start_up(&mut self, report: &Recovery, now: Instant) {
        for range in &report.damaged_ranges {
            let unread = self.unread(range.start, range.end);
            self.note_gap(GapReason::Damaged, range.clone(), unread, self.times_around(range));
        }
        self.scrub = Scrub::starting(now);
        self.unsealed_since = self.ring.first().map(|_| now);
        self.settle_clock(now);
        self.prepare_spare();
        self.publish();
    }

    /// Between which times points are missing, as far as the blocks around them tell.
    fn times_around(&self, range: &std::ops::Range<Seq>) -> (i64, i64) {
        let before = self.blocks.all().filter(|(_, _, block)| block.header.end <= range.start).last();
        let after = self.blocks.all().find(|(_, _, block)| block.header.first >= range.end);
        let to_ms = after.map_or(self.log_ms, |(_, _, block)| block.header.at_min_ms);
        (before.map_or(to_ms, |(_, _, block)| block.header.at_max_ms).min(to_ms), to_ms)
    }
}

/// A thirty-second of the budget: the step in which room is made.
fn file_bytes(bytes_max: u64, layout: Layout) -> u64 {
    let page = PAGE_BYTES as u64;
    let least = layout.segment_bytes as u64 / 2;
    (bytes_max / 32 / page * page).clamp(least, (BLOCK_FILE_BYTES_MAX as u64).max(least))
}

/// The first point whose time is a guess that may still be put right.
fn held_from<F>(blocks: &Blocks<F>, scan: &RingScan, epochs: &Epochs) -> Option<Seq> {
    let in_blocks = blocks.all().filter(|(_, _, block)| block.header.provisional);
    let in_blocks = in_blocks.map(|(_, _, block)| (block.header.first, block.header.epoch));
    let mut all = in_blocks.chain(scan.provisional.iter().copied());
    all.find(|(_, epoch)| epochs.shift_ms(*epoch).is_none()).map(|(first, _)| first)
}

/// Makes the folder and reads `FORMAT`, before anything else is touched. `None`: there is none.
fn find_format<D: Disk>(disk: &D, dir: &Path) -> Result<Option<Format>, OpenError> {
    let path = dir.to_owned();
    disk.make_dir(dir).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => OpenError::NotAFolder { path },
        io::ErrorKind::NotFound => OpenError::NoParent { path },
        _ => OpenError::Unwritable { path, source },
    })?;
    let path = dir.join("FORMAT");
    let file = match disk.open(&path) {
        Ok(file) => file,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(OpenError::Unwritable { path, source }),
    };
    let mut bytes = [0; PAGE_BYTES];
    let read = match disk.pread(&file, 0, &mut bytes) {
        // The page is dead: as good as damaged.
        Err(error) if is_medium_error(&error) => 0,
        other => other.map_err(|source| OpenError::Disk { path, source })?,
    };
    match parse_format(&bytes[..read]) {
        Format::Newer(found) => Err(OpenError::Newer { path: dir.to_owned(), found, known: VERSION }),
        format => Ok(Some(format)),
    }
}

fn take_lock<D: Disk>(disk: &D, dir: &Path) -> Result<D::File, OpenError> {
    let path = dir.join("lock");
    match disk.lock(&path) {
        Ok(Some(file)) => {
            let pid = format!("{:<20}", std::process::id());
            disk.pwrite(&file, 0, pid.as_bytes()).map_err(|source| OpenError::Unwritable { path, source })?;
            Ok(file)
        }
        Ok(None) => Err(OpenError::InUse { path: dir.to_owned(), pid: read_pid(disk, &path) }),
        Err(source) => Err(OpenError::Unwritable { path, source }),
    }
}

fn read_pid<D: Disk>(disk: &D, path: &Path) -> Option<u32> {
    let mut bytes = [0; 20];
    let read = disk.open(path).and_then(|file| disk.pread(&file, 0, &mut bytes)).ok()?;
    std::str::from_utf8(&bytes[..read]).ok()?.trim().parse().ok()
}

/// Makes what is missing. `FORMAT` comes last: a store without it is one whose creation was interrupted.
fn make_files<D: Disk>(
    disk: &D,
    dir: &Path,
    format: Option<Format>,
    layout: Layout,
    clock: &Clock,
    report: &mut Recovery,
) -> io::Result<Ring<D::File>> {
    let (layout, is_current) = match format {
        Some(Format::Known(found, version)) => (found, version == VERSION),
        _ => (layout, false),
    };
    let (wal, blk) = (dir.join("wal"), dir.join("blk"));
    disk.make_dir(&wal)?;
    disk.make_dir(&blk)?;
    let (ring, made) = Ring::open(disk, &wal, layout)?;
    let is_new = format.is_none() && made == layout.segments && disk.list(&blk)?.is_empty();
    if !is_current {
        let (path, new) = (dir.join("FORMAT"), dir.join("FORMAT.new"));
        let file = disk.create(&new)?;
        disk.pwrite(&file, 0, &format_file(layout, clock.now_ms()))?;
        disk.fdatasync(&file)?;
        disk.rename(&new, &path)?;
    }
    disk.sync_dir(dir)?;
    if !is_new {
        report.files_remade = made + usize::from(!matches!(format, Some(Format::Known(..))));
    }
    Ok(ring)
}

/// A file with fewer points was complete and counted: it takes its place.
fn finish_swap<D: Disk>(disk: &D, dir: &Path, swap: Option<Seq>) -> io::Result<()> {
    let Some(first) = swap else { return Ok(()) };
    match disk.rename(&dir.join(super::reduce::tmp_name(first)), &dir.join(super::blocks::file_name(first))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => disk.sync_dir(dir),
    }
}

/// Decides about the newest block. It may be torn, or only in the system's memory: while the ring has its points it is
/// made again, and only what the ring has no longer is taken from it.
fn take_last_block<D: Disk>(
    disk: &D,
    blocks: &mut Blocks<D::File>,
    ring: &mut Ring<D::File>,
    names: &Dictionary,
    (named, file_bytes): (NameSet, u64),
) {
    let Some((key, file)) = blocks.files.last_key_value().map(|(key, file)| (*key, file.clone())) else { return };
    let Some(last) = file.blocks.last().copied() else { return };
    let opened = disk.open(&blocks.path(&file)).ok();
    let is_synced = opened.as_ref().is_some_and(|file| disk.fdatasync(file).is_ok());
    let lost = match blocks.load(disk, names, key, file.blocks.len() - 1, true) {
        Ok(Load::Block(_, lost)) => lost,
        Ok(Load::Lost) | Err(_) => u64::from(last.header.points),
    };
    if (lost > 0 || !is_synced) && ring.covers(last.header.first, last.header.end) {
        // Made again in another file: the names this one gave are given there once more. What is left of it is cut off, or
        // else the next file counts.
        blocks.drop_last(key);
        if let Some(opened) = opened
            && disk.truncate(&opened, u64::from(last.offset)).is_ok()
        {
            blocks.shrink(key, u64::from(last.offset));
        }
        return;
    }
    ring.release(last.header.end);
    if let Some(opened) = opened.filter(|_| is_synced) {
        blocks.filling = Some(Filling { first: Some(key), file: opened, offset: last.end_bytes(), capacity: file_bytes, named });
    }
}

/// Deletes what a cursor file says is deleted: the power went between the two.
fn finish_eviction<D: Disk>(disk: &D, blocks: &mut Blocks<D::File>, start: Seq) {
    let gone: Vec<Seq> = blocks.files.iter().filter(|(_, file)| file.end() <= start).map(|(first, _)| *first).collect();
    for first in gone {
        if let Some(file) = blocks.files.get(&first)
            && let Err(error) = disk.unlink(&blocks.path(file))
        {
            tracing::warn!(%error, file = %file.name, "deleted readings are still there");
        }
        blocks.remove(first);
    }
}

/// What was found may so far be in the system's memory only: a killed process leaves it there unsynced.
fn sync_ring<D: Disk>(disk: &D, ring: &mut Ring<D::File>) {
    for at in 0..ring.slots.len() {
        if let Err(error) = disk.fdatasync(&ring.slots[at].file) {
            tracing::warn!(%error, file = at, "a file of the write-ahead ring cannot be synced: not used before it is replaced");
            ring.slots[at].abandoned = true;
            if ring.current == Some(at) {
                ring.current = None;
            }
        }
    }
}

/// Adds up what is held and what is gone.
fn account<F>(ring: &Ring<F>, blocks: &Blocks<F>, remembered: &Remembered, scan: &RingScan, report: &mut Recovery) {
    let found_end = scan.end;
    report.end = found_end.max(remembered.high_water);
    report.lost_tail = report.end - found_end;
    let mut at = remembered.start;
    let first = blocks.first().or_else(|| ring.first()).unwrap_or(found_end);
    if at == 0 && remembered.high_water == 0 {
        at = first;
    }
    report.start = first.max(at).min(report.end);
    // What was thinned out of a block was counted when it was done.
    let in_blocks = blocks.all().map(|(_, _, block)| (block.header.first, block.header.end, u64::from(block.header.points)));
    let in_ring = ring.frames().into_iter().map(|(_, frame)| (frame.first, frame.end(), u64::from(frame.count)));
    for (first, end, points) in in_blocks.chain(in_ring) {
        report.add_range(at..first);
        report.damaged += first.saturating_sub(at);
        report.points += points;
        at = end;
    }
    report.add_range(at..report.end);
    report.damaged += report.end.saturating_sub(at);
    let newest_ms = [scan.newest.map(|(stamp, ..)| stamp.log_ms), report.newest_at_ms, Some(remembered.wall_ms)];
    report.newest_at_ms = newest_ms.into_iter().flatten().max().filter(|ms| *ms > 0);
    report.clean = scan.newest.is_some_and(|(_, kind, _)| kind == Kind::Close) && scan.cut == 0;
    report.cut = scan.cut;
    report.epoch = report.epoch.max(scan.epoch).saturating_add(1);
}
