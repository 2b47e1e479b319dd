//! Stores of version 1: their finished segments (`blk/<seq>.seg`, frames one after the other) become blocks at the first
//! opening, oldest first. Each is deleted when its points are in a block; a power cut in between does it again.
//!
//! Frames of version 1 are read like any other: only their points lack what version 2 added.

use super::disk::{Disk, pread_patched};
use super::format::{Found, HEADER_BYTES, Kind, MAGIC, parse};
use super::log::Log;
use super::names::{Dictionary, NameSet};
use super::points::Decoder;
use super::record::{Record, Seq};
use facility_config::limits::WAL_SEGMENT_BYTES;
use std::io;
use std::path::Path;

/// A segment and its names twice were never longer.
const FILE_BYTES_MAX: usize = 8 * WAL_SEGMENT_BYTES;

/// Names of old segments in a folder, oldest first.
pub(super) fn segments<D: Disk>(disk: &D, dir: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = disk.list(dir)?.into_iter().filter(|name| name.ends_with(".seg")).collect();
    names.sort();
    Ok(names)
}

/// One past the last point of the old segments, as their names and frames tell.
pub(super) fn end<D: Disk>(disk: &D, dir: &Path, names: &mut Dictionary) -> io::Result<Seq> {
    let Some(last) = segments(disk, dir)?.pop() else { return Ok(0) };
    let bytes = read_all(disk, &dir.join(last))?;
    let mut end = 0;
    for_each_frame(&bytes, |frame| {
        end = end.max(frame.first.saturating_add(u64::from(frame.count)));
        if frame.kind == Kind::Names {
            names.learn(frame.body, &mut NameSet::default());
        }
    });
    Ok(end)
}

impl<D: Disk> Log<D> {
    /// Turns what is left of version 1 into blocks. A second try finds what is left.
    pub(super) fn convert_old(&mut self) -> io::Result<()> {
        for name in segments(&self.disk, self.blocks.dir())? {
            let path = self.blocks.dir().join(&name);
            let bytes = read_all(&self.disk, &path)?;
            let mut newest = None;
            for_each_frame(&bytes, |frame| {
                newest = Some(frame.stamp);
                if frame.kind == Kind::Names {
                    self.names.learn(frame.body, &mut NameSet::default());
                }
            });
            for (run, stamp) in self.runs(&bytes).iter().zip(newest.iter().cycle()) {
                self.seal_records(run, stamp)?;
            }
            tracing::info!(store = self.name, segment = name, "readings of an earlier version taken over");
            self.disk.unlink(&path)?;
        }
        Ok(())
    }

    /// Points of a segment that are not in a block yet, parted where some are missing.
    fn runs(&self, bytes: &[u8]) -> Vec<Vec<(Seq, Record)>> {
        let mut runs: Vec<Vec<(Seq, Record)>> = Vec::new();
        for_each_frame(bytes, |frame| {
            let points: Vec<Record> = if frame.kind == Kind::Points { Decoder::new(frame).collect() } else { Vec::new() };
            let known = points.iter().all(|point| self.names.knows(point.origin, point.metric));
            if !known || points.len() != frame.count as usize || frame.first < self.blocks.end() {
                return;
            }
            let follows = runs.last().and_then(|run| run.last()).is_some_and(|(seq, _)| seq + 1 == frame.first);
            if !follows {
                runs.push(Vec::new());
            }
            if let Some(run) = runs.last_mut() {
                run.extend((frame.first..).zip(points));
            }
        });
        runs
    }
}

fn for_each_frame(bytes: &[u8], mut visit: impl FnMut(&super::format::Frame<'_>)) {
    let mut at = 0;
    while at + HEADER_BYTES <= bytes.len() {
        if let Found::Frame(frame) = parse(&bytes[at..]) {
            visit(&frame);
            at += frame.len;
        } else {
            let next = bytes[at + 1..].windows(MAGIC.len()).position(|window| window == MAGIC);
            let Some(skip) = next else { return };
            at += 1 + skip;
        }
    }
}

fn read_all<D: Disk>(disk: &D, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let mut bytes = vec![0; usize::try_from(disk.len(&file)?).unwrap_or(usize::MAX).min(FILE_BYTES_MAX)];
    let read = pread_patched(disk, &file, 0, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}
