//! Opens a store: takes the lock, checks the format, finds out what is there, repairs what can be repaired.
//!
//! Never refuses because of damage. All it writes can be interrupted and done again: missing files, the rest of an
//! eviction, leftovers of an unfinished segment.

use super::Options;
use super::cursors::{Cursors, Remembered};
use super::disk::Disk;
use super::format::{Format, Kind, Layout, VERSION, format_file, parse_format};
use super::handle::Durable;
use super::log::Log;
use super::names::{Dictionary, NameSet};
use super::open_error::OpenError;
use super::pending::Pending;
use super::record::Seq;
use super::recovery::Recovery;
use super::ring::Ring;
use super::scan::{RingScan, scan_ring};
use super::sealed::{Seal, Sealed, Segment, read_seal, scan_file};
use facility_config::limits::PAGE_BYTES;
use facility_drivers::Clock;
use std::io;
use std::path::Path;
use tokio::sync::watch;

/// Opens or creates a store; `layout` is that of a new one.
pub(super) fn open_log<D: Disk>(options: Options, clock: Clock, disk: D, layout: Layout) -> Result<(Log<D>, Recovery), OpenError> {
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
    let mut sealed = Sealed::new(blk.clone());
    let newest_seal = list_sealed(&disk, &mut sealed, &mut names, &mut report).map_err(at(&blk))?;
    let (mut cursors, remembered) = Cursors::load(&disk, &dir, &options.sinks);
    finish_eviction(&disk, &mut sealed, remembered.start);
    let floor = sealed.end().max(remembered.start);
    let scan = scan_ring(&disk, &mut ring, &mut names, floor).map_err(at(&wal))?;
    sync_ring(&disk, &mut ring);
    if let Some(seal) = &newest_seal {
        ring.next_number = ring.next_number.max(seal.stamp.segment.saturating_add(1));
    }
    account(&ring, &sealed, &remembered, &scan, newest_seal.as_ref(), &mut report);
    cursors.start_new_at(report.start);
    report.cursors_lost.clone_from(&cursors.unreadable);
    let mark = scan.newest.map(|(stamp, _)| stamp).or(newest_seal.map(|seal| seal.stamp)).and_then(|stamp| stamp.mark);
    let log = Log {
        disk,
        dir,
        name: options.name,
        clock,
        commit_delay: options.commit_delay,
        early_acks: options.early_acks.max(1),
        bytes_max: options.bytes_max,
        pending: Pending::new(ring.layout(), mark),
        gap: (report.lost_tail > 0).then(|| report.end - report.lost_tail..report.end),
        ring,
        sealed,
        cursors,
        names,
        incoming: None,
        epoch: report.epoch,
        start: report.start,
        end: report.end,
        log_ms: report.newest_at_ms.unwrap_or(0),
        mark,
        evicted: remembered.evicted,
        damaged: report.damaged,
        taken: 0,
        commits: 0,
        bytes_written: 0,
        commit_fault: None,
        spill_fault: None,
        commit_retry_at: None,
        spill_retry_at: None,
        cursors_due: None,
        unreadable: None,
        carried: NameSet::default(),
        to_name: NameSet::default(),
        scratch: Vec::new(),
        durable: watch::Sender::new(Durable::default()),
        _lock: lock,
    };
    log.publish();
    Ok((log, report))
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
    let read = disk.pread(&file, 0, &mut bytes).map_err(|source| OpenError::Disk { path, source })?;
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
    let layout = if let Some(Format::Known(found)) = format { found } else { layout };
    let (wal, blk) = (dir.join("wal"), dir.join("blk"));
    disk.make_dir(&wal)?;
    disk.make_dir(&blk)?;
    let (ring, made) = Ring::open(disk, &wal, layout)?;
    let is_new = format.is_none() && made == layout.segments && disk.list(&blk)?.is_empty();
    if !matches!(format, Some(Format::Known(_))) {
        let (path, new) = (dir.join("FORMAT"), dir.join("FORMAT.new"));
        let file = disk.create(&new)?;
        disk.pwrite(&file, 0, &format_file(layout, clock.now_ms()))?;
        disk.fdatasync(&file)?;
        disk.rename(&new, &path)?;
    }
    disk.sync_dir(dir)?;
    if !is_new {
        report.files_remade = made + usize::from(!matches!(format, Some(Format::Known(_))));
    }
    Ok(ring)
}

/// Lists the finished segments by their seals; a file without one is searched byte by byte.
fn list_sealed<D: Disk>(disk: &D, sealed: &mut Sealed<D::File>, names: &mut Dictionary, report: &mut Recovery) -> io::Result<Option<Seal>> {
    let mut files = disk.list(sealed.dir())?;
    files.sort();
    let mut newest: Option<Seal> = None;
    for name in files {
        let path = sealed.dir().join(&name);
        if name.ends_with(".tmp") {
            disk.unlink(&path)?;
            continue;
        }
        let found = if name.ends_with(".seg") { identify(disk, &path, &name, names) } else { None };
        let Some((seal, segment)) = found else {
            report.files_ignored.push(name);
            continue;
        };
        if !sealed.insert(seal.first, segment) {
            report.files_ignored.push(name);
            continue;
        }
        names.reserve(seal.next_origin, seal.next_metric);
        report.epoch = report.epoch.max(seal.stamp.epoch);
        report.newest_at_ms = report.newest_at_ms.max(Some(seal.stamp.log_ms));
        if newest.is_none_or(|newest| newest.end < seal.end) {
            newest = Some(seal);
        }
    }
    Ok(newest)
}

fn identify<D: Disk>(disk: &D, path: &Path, name: &str, names: &mut Dictionary) -> Option<(Seal, Segment)> {
    let file = disk.open(path).ok()?;
    let bytes = disk.len(&file).ok()?;
    let seal = match read_seal(disk, &file) {
        Some(seal) => seal,
        None => {
            let scan = scan_file(disk, &file, names, true).ok()?;
            let (first, last) = (scan.frames.first()?, scan.frames.last()?);
            let points = scan.frames.iter().map(|at| u64::from(at.count)).sum();
            let (next_origin, next_metric) = names.next();
            Seal { stamp: scan.newest?, first: first.first, end: last.end(), points, next_origin, next_metric }
        }
    };
    Some((seal, Segment { name: name.into(), end: seal.end, points: seal.points, bytes }))
}

/// Deletes what a cursor file says is deleted: the power went between the two.
fn finish_eviction<D: Disk>(disk: &D, sealed: &mut Sealed<D::File>, start: Seq) {
    let gone: Vec<Seq> = sealed.segments.iter().filter(|(_, segment)| segment.end <= start).map(|(first, _)| *first).collect();
    for first in gone {
        if let Some(segment) = sealed.segments.get(&first)
            && let Err(error) = disk.unlink(&sealed.dir().join(&*segment.name))
        {
            tracing::warn!(%error, file = %segment.name, "a deleted segment is still there");
        }
        sealed.remove(first);
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
fn account<F>(ring: &Ring<F>, sealed: &Sealed<F>, remembered: &Remembered, scan: &RingScan, seal: Option<&Seal>, report: &mut Recovery) {
    let found_end = scan.end.max(sealed.end());
    report.end = found_end.max(remembered.high_water);
    report.lost_tail = report.end - found_end;
    let mut at = remembered.start;
    let first = sealed.segments.keys().next().copied().or_else(|| ring.first()).unwrap_or(found_end);
    if at == 0 && remembered.high_water == 0 {
        at = first;
    }
    report.start = first.max(at).min(report.end);
    let mut ring_frames: Vec<_> = ring.slots.iter().flat_map(|slot| &slot.frames).collect();
    ring_frames.sort_by_key(|frame| frame.first);
    let sealed_parts = sealed.segments.iter().map(|(first, segment)| (*first, segment.end, segment.points));
    let ring_parts = ring_frames.iter().map(|frame| (frame.first, frame.end(), u64::from(frame.count)));
    for (first, end, points) in sealed_parts.chain(ring_parts) {
        report.add_range(at..first);
        report.damaged += first.saturating_sub(at) + (end - first).saturating_sub(points);
        report.points += points;
        at = end;
    }
    report.add_range(at..report.end);
    report.damaged += report.end.saturating_sub(at);
    let newest_ms = [scan.newest.map(|(stamp, _)| stamp.log_ms), seal.map(|seal| seal.stamp.log_ms), Some(remembered.wall_ms)];
    report.newest_at_ms = newest_ms.into_iter().flatten().max().filter(|ms| *ms > 0);
    report.clean = scan.newest.is_some_and(|(_, kind)| kind == Kind::Close) && scan.cut == 0;
    report.cut = scan.cut;
    report.epoch = report.epoch.max(scan.epoch).saturating_add(1);
}
