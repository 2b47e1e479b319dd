//! Reads the ring after a start, however the last run ended.
//!
//! A bad or unreadable page is stepped over, never the end of the search. Two passes: names first, then points, so that points are
//! judged with all names known. Changes nothing on disk.

use super::bytes::Input;
use super::disk::{Disk, pread_patched};
use super::format::{Found, Frame, Kind, SEQ_MAX, Stamp, padded, parse};
use super::names::{Dictionary, NameSet};
use super::points::Decoder;
use super::record::Seq;
use super::ring::{FrameAt, Ring, origin_bit};
use facility_config::limits::PAGE_BYTES;
use std::io;

/// What the ring holds, besides what is now in its slots.
#[derive(Debug, Default)]
pub(super) struct RingScan {
    /// Newest frame of all that count, and where it ends.
    pub(super) newest: Option<(Stamp, Kind, Seq)>,
    /// One past the newest point that was ever durable, as far as frames tell.
    pub(super) end: Seq,
    /// Points in incomplete frames behind the newest.
    pub(super) cut: u64,
    /// Highest number of openings found.
    pub(super) epoch: u32,
    /// First point whose time is a guess, and of which opening.
    pub(super) provisional: Vec<(Seq, u32)>,
}

/// The newest segment of one ring file.
#[derive(Debug, Default)]
struct Lap {
    slot: usize,
    number: u32,
    frames: Vec<Seen>,
    named: NameSet,
    /// Behind the last good frame.
    tail: usize,
    cut: u64,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: FrameAt,
    kind: Kind,
    stamp: Stamp,
    /// For a gap its end, else the end of its points.
    end: Seq,
}

/// Fills the ring's slots with the points frames that are not below `floor` (put away or evicted already).
pub(super) fn scan_ring<D: Disk>(disk: &D, ring: &mut Ring<D::File>, names: &mut Dictionary, floor: Seq) -> io::Result<RingScan> {
    let mut laps = Vec::new();
    for slot in 0..ring.slots.len() {
        let bytes = read_all(disk, &ring.slots[slot].file, ring.layout().segment_bytes)?;
        let (lap, newest_number) = newest_lap(slot, &bytes, names);
        ring.next_number = ring.next_number.max(newest_number.saturating_add(1));
        laps.push(lap);
    }
    laps.retain(|lap| !lap.frames.is_empty());
    laps.sort_by_key(|lap| lap.number);
    let mut scan = RingScan { end: floor, ..RingScan::default() };
    for at in 0..laps.len() {
        let left_at = laps[at + 1..].iter().filter_map(|later| later.frames.first()).map(|seen| seen.at.first).min();
        take_lap(disk, ring, names, &laps[at], floor..left_at.unwrap_or(Seq::MAX), &mut scan)?;
    }
    if let Some(last) = laps.pop() {
        (ring.current, ring.offset, ring.announced) = (Some(last.slot), last.tail, last.named);
        scan.cut = scan.cut.saturating_add(last.cut);
    }
    Ok(scan)
}

/// The frames with the highest segment number in a file, and the highest number seen even in a broken one.
fn newest_lap(slot: usize, bytes: &[u8], names: &mut Dictionary) -> (Lap, u32) {
    let (mut lap, mut newest_number, mut at) = (Lap { slot, ..Lap::default() }, 0, 0);
    while at < bytes.len() {
        match parse(&bytes[at..]) {
            Found::Frame(frame) => {
                newest_number = newest_number.max(frame.stamp.segment);
                if frame.stamp.segment > lap.number {
                    lap = Lap { slot, number: frame.stamp.segment, ..Lap::default() };
                }
                let is_newest = frame.stamp.segment == lap.number;
                match frame.kind {
                    Kind::Names if is_newest => names.learn(frame.body, &mut lap.named),
                    Kind::Names => names.learn(frame.body, &mut NameSet::default()),
                    Kind::Points => reserve_used(&frame, names),
                    Kind::Gap | Kind::Close => {}
                }
                if is_newest {
                    lap.frames.push(seen(&frame, at));
                    (lap.tail, lap.cut) = (at + padded(frame.len), 0);
                }
                at += padded(frame.len);
            }
            Found::Broken { segment, points } => {
                newest_number = newest_number.max(segment);
                lap.cut += if segment >= lap.number { u64::from(points) } else { 0 };
                at += PAGE_BYTES;
            }
            Found::Nothing => at += PAGE_BYTES,
        }
    }
    (lap, newest_number)
}

fn seen(frame: &Frame<'_>, offset: usize) -> Seen {
    let at = FrameAt { first: frame.first, count: frame.count, offset: offset as u32, len: frame.len as u32, origins: 0 };
    let gap_end = if frame.kind == Kind::Gap { Input(frame.body).u64() } else { None };
    Seen { at, kind: frame.kind, stamp: frame.stamp, end: gap_end.filter(|end| *end <= SEQ_MAX).unwrap_or(0).max(at.end()) }
}

/// A number that points use is never given out again, though its name may be damaged.
fn reserve_used(frame: &Frame<'_>, names: &mut Dictionary) {
    for point in Decoder::new(frame) {
        names.reserve(point.origin.saturating_add(1), point.metric.saturating_add(1));
    }
}

fn take_lap<D: Disk>(
    disk: &D,
    ring: &mut Ring<D::File>,
    names: &Dictionary,
    lap: &Lap,
    valid: std::ops::Range<Seq>,
    scan: &mut RingScan,
) -> io::Result<()> {
    ring.slots[lap.slot].number = lap.number;
    for seen in lap.frames.iter().filter(|seen| seen.at.first < valid.end) {
        scan.epoch = scan.epoch.max(seen.stamp.epoch);
        scan.end = scan.end.max(seen.at.first);
        if seen.kind == Kind::Points
            && seen.at.count > 0
            && seen.at.first >= valid.start
            && !take_points(disk, ring, names, lap.slot, seen.at)?
        {
            // Without its names it is no better than torn. If it was durable, what follows it shows the hole.
            scan.cut = scan.cut.saturating_add(u64::from(seen.at.count));
            continue;
        }
        if seen.stamp.provisional
            && seen.kind == Kind::Points
            && scan.provisional.last().is_none_or(|(_, epoch)| *epoch != seen.stamp.epoch)
        {
            scan.provisional.push((seen.at.first, seen.stamp.epoch));
        }
        scan.end = scan.end.max(seen.end);
        (scan.newest, scan.cut) = (Some((seen.stamp, seen.kind, seen.end)), 0);
    }
    Ok(())
}

/// Adds a frame to its slot; `false` if it cannot be read.
fn take_points<D: Disk>(disk: &D, ring: &mut Ring<D::File>, names: &Dictionary, slot: usize, at: FrameAt) -> io::Result<bool> {
    let slot = &mut ring.slots[slot];
    let mut bytes = vec![0; at.len as usize];
    let read = pread_patched(disk, &slot.file, u64::from(at.offset), &mut bytes)?;
    let Found::Frame(frame) = parse(&bytes[..read]) else { return Ok(false) };
    let after = slot.frames.last().is_none_or(|last| last.end() <= frame.first);
    if !after || !is_readable(&frame, names) {
        return Ok(false);
    }
    let mut origins = 0;
    for point in Decoder::new(&frame) {
        origins |= origin_bit(point.origin);
        slot.used.origins.insert(point.origin);
        slot.used.metrics.insert(point.metric);
    }
    slot.frames.push(FrameAt { origins, ..at });
    Ok(true)
}

/// Whether every point of a frame can be decoded and named.
pub(super) fn is_readable(frame: &Frame<'_>, names: &Dictionary) -> bool {
    let mut decoder = Decoder::new(frame);
    decoder.by_ref().all(|point| names.knows(point.origin, point.metric)) && decoder.is_complete()
}

/// A whole file of the ring, zeros for pages that cannot be read; what is longer is not ours.
fn read_all<D: Disk>(disk: &D, file: &D::File, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(disk.len(file)?).unwrap_or(usize::MAX).min(len)];
    let read = pread_patched(disk, file, 0, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}
