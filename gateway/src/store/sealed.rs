//! Finished segments: `blk/<first seq>.seg`, immutable files of frames, the backlog and the history.
//!
//! A file is opened when a reader comes to it: then it is read once as a whole, its frames are indexed and what is
//! damaged is counted. Never rewrites a file. Bounded: a few indexes and open files at a time.

use super::bytes::Input;
use super::disk::{Disk, pread_patched};
use super::format::{Found, HEADER_BYTES, Kind, MAGIC, SEAL_BYTES, SEQ_MAX, Stamp, parse, put_frame};
use super::names::{Dictionary, NameSet};
use super::points::Decoder;
use super::record::Seq;
use super::ring::FrameAt;
use facility_config::limits::STORE_OPEN_SEGMENTS_MAX;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) name: Box<str>,
    pub(super) end: Seq,
    /// Points in it that can be read, as far as known.
    pub(super) points: u64,
    pub(super) bytes: u64,
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Loaded<F> {
    first: Seq,
    /// Some of its pages cannot be read; they count as zeros.
    pub(super) patched: bool,
    pub(super) file: F,
    pub(super) frames: Vec<FrameAt>,
}

/// What the seal of a file says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seal {
    pub(super) stamp: Stamp,
    pub(super) first: Seq,
    pub(super) end: Seq,
    pub(super) points: u64,
    pub(super) next_origin: u32,
    pub(super) next_metric: u32,
}

/// All finished segments.
#[derive(Debug)]
pub(super) struct Sealed<F> {
    dir: PathBuf,
    /// By first point; never overlapping.
    pub(super) segments: BTreeMap<Seq, Segment>,
    loaded: VecDeque<Loaded<F>>,
    pub(super) bytes: u64,
}

impl<F> Sealed<F> {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, segments: BTreeMap::new(), loaded: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Adds a file; `false` if it overlaps one that is there.
    pub(super) fn insert(&mut self, first: Seq, segment: Segment) -> bool {
        let overlaps = self.segments.range(..segment.end).next_back().is_some_and(|(_, before)| before.end > first);
        if overlaps || segment.end <= first {
            return false;
        }
        self.bytes += segment.bytes;
        self.segments.insert(first, segment);
        true
    }

    /// Forgets a file.
    pub(super) fn remove(&mut self, first: Seq) {
        self.loaded.retain(|loaded| loaded.first != first);
        if let Some(segment) = self.segments.remove(&first) {
            self.bytes = self.bytes.saturating_sub(segment.bytes);
        }
    }

    pub(super) fn end(&self) -> Seq {
        self.segments.last_key_value().map_or(0, |(_, segment)| segment.end)
    }

    /// The first file that ends after `at`.
    pub(super) fn after(&self, at: Seq) -> Option<(Seq, &Segment)> {
        let here = self.segments.range(..=at).next_back().filter(|(_, segment)| segment.end > at);
        here.or_else(|| self.segments.range(at..).next()).map(|(first, segment)| (*first, segment))
    }

    /// Makes a file ready to be read. Counts what is found damaged in it into `damaged`. With `patched`, pages that
    /// cannot be read are given up.
    pub(super) fn load<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        first: Seq,
        names: &mut Dictionary,
        damaged: &mut u64,
        patched: bool,
    ) -> io::Result<&Loaded<F>> {
        match self.loaded.iter().position(|loaded| loaded.first == first) {
            Some(at) => self.loaded.swap(0, at),
            None => {
                let segment = self.segments.get_mut(&first).ok_or(io::ErrorKind::NotFound)?;
                let file = disk.open(&self.dir.join(&*segment.name))?;
                let frames = scan_file(disk, &file, names, patched)?.frames;
                let frames: Vec<_> = frames.into_iter().filter(|at| at.first >= first && at.end() <= segment.end).collect();
                let points = frames.iter().map(|at| u64::from(at.count)).sum();
                *damaged += segment.points.saturating_sub(points);
                segment.points = points;
                self.loaded.truncate(STORE_OPEN_SEGMENTS_MAX - 1);
                self.loaded.push_front(Loaded { first, patched, file, frames });
            }
        }
        self.loaded.front().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// A file that is ready.
    pub(super) fn loaded(&self, first: Seq) -> Option<&Loaded<F>> {
        self.loaded.iter().find(|loaded| loaded.first == first)
    }

    /// Says of a file that it is ready but has pages that cannot be read.
    pub(super) fn patch(&mut self, first: Seq) {
        for loaded in self.loaded.iter_mut().filter(|loaded| loaded.first == first) {
            loaded.patched = true;
        }
    }

    /// Takes a frame that turned out bad out of the count.
    pub(super) fn drop_frame(&mut self, first: Seq, frame: FrameAt) {
        if let Some(segment) = self.segments.get_mut(&first) {
            segment.points = segment.points.saturating_sub(u64::from(frame.count));
        }
        for loaded in self.loaded.iter_mut().filter(|loaded| loaded.first == first) {
            loaded.frames.retain(|at| at.first != frame.first);
        }
    }
}

/// What is in a file, found by looking at every byte of it.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) frames: Vec<FrameAt>,
    pub(super) newest: Option<Stamp>,
}

/// Reads a whole file and lists its good points frames in order; learns its names.
pub(super) fn scan_file<D: Disk>(disk: &D, file: &D::File, names: &mut Dictionary, patched: bool) -> io::Result<Scan> {
    let bytes = read_all(disk, file, patched)?;
    let (mut scan, mut named) = (Scan::default(), NameSet::default());
    for_each_frame(&bytes, |_, frame| {
        if frame.kind == Kind::Names {
            names.learn(frame, &mut named);
        }
        scan.newest = Some(frame.stamp);
    });
    for_each_frame(&bytes, |offset, frame| {
        let after = scan.frames.last().is_none_or(|last: &FrameAt| last.end() <= frame.first);
        if frame.kind == Kind::Points && frame.count > 0 && after && is_readable(frame, names) {
            scan.frames.push(FrameAt { first: frame.first, count: frame.count, offset: offset as u32, len: frame.len as u32 });
        }
    });
    Ok(scan)
}

/// Whether every point of a frame can be decoded and named.
pub(super) fn is_readable(frame: &super::format::Frame<'_>, names: &Dictionary) -> bool {
    let mut decoder = Decoder::new(frame);
    decoder.by_ref().all(|point| names.knows(point.origin, point.metric)) && decoder.is_complete()
}

fn for_each_frame(bytes: &[u8], mut visit: impl FnMut(usize, &super::format::Frame<'_>)) {
    let mut at = 0;
    while at + HEADER_BYTES <= bytes.len() {
        if let Found::Frame(frame) = parse(&bytes[at..]) {
            visit(at, &frame);
            at += frame.len;
        } else {
            let next = bytes[at + 1..].windows(MAGIC.len()).position(|window| window == MAGIC);
            let Some(skip) = next else { return };
            at += 1 + skip;
        }
    }
}

/// A whole file; with `patched`, zeros for pages that cannot be read.
pub(super) fn read_all<D: Disk>(disk: &D, file: &D::File, patched: bool) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(disk.len(file)?).unwrap_or(usize::MAX).min(FILE_BYTES_MAX)];
    let read = if patched { pread_patched(disk, file, 0, &mut bytes)? } else { disk.pread(file, 0, &mut bytes)? };
    bytes.truncate(read);
    Ok(bytes)
}

/// A segment and its names; a longer file is not ours beyond this.
const FILE_BYTES_MAX: usize = 8 * facility_config::limits::WAL_SEGMENT_BYTES;

/// Appends the last frame of a file.
pub(super) fn put_seal(out: &mut Vec<u8>, seal: &Seal) {
    let mut body = Vec::with_capacity(24);
    body.extend_from_slice(&seal.end.to_le_bytes());
    body.extend_from_slice(&seal.points.to_le_bytes());
    body.extend_from_slice(&seal.next_origin.to_le_bytes());
    body.extend_from_slice(&seal.next_metric.to_le_bytes());
    put_frame(out, Kind::Seal, &seal.stamp, seal.first, 0, &body);
}

/// The seal at the end of a file, if it is whole.
pub(super) fn read_seal<D: Disk>(disk: &D, file: &D::File) -> Option<Seal> {
    let at = disk.len(file).ok()?.checked_sub(SEAL_BYTES as u64)?;
    let mut bytes = [0; SEAL_BYTES];
    if disk.pread(file, at, &mut bytes).ok()? != SEAL_BYTES {
        return None;
    }
    let Found::Frame(frame) = parse(&bytes) else { return None };
    let mut body = Input(frame.body);
    let (end, points, next_origin, next_metric) = (body.u64()?, body.u64()?, body.u32()?, body.u32()?);
    (frame.kind == Kind::Seal && (frame.first + 1..=SEQ_MAX).contains(&end) && points <= end - frame.first).then_some(Seal {
        stamp: frame.stamp,
        first: frame.first,
        end,
        points,
        next_origin,
        next_metric,
    })
}

/// File name of the segment that begins with point `first`.
pub(super) fn file_name(first: Seq) -> String {
    format!("{first:016x}.seg")
}
