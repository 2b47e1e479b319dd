//! What a store holds, without reading its values: from `FORMAT`, cursors, the heads of the blocks and the frames of the
//! ring. Bounded by the names and blocks there are.

use super::super::block::{Head, counts};
use super::super::blocks::{BlockAt, read_head};
use super::super::disk::{Disk, pread_patched};
use super::super::format::{Format, Found, created_ms, parse, parse_format};
use super::super::peek::Peek;
use super::super::points::Decoder;
use super::super::record::{Gap, Seq, Sink};
use super::super::seal::correct;
use super::{Card, TRIES};
use facility_config::limits::PAGE_BYTES;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;

/// Everything there is to say about a store.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Facts {
    /// Version of its format; `None` if `FORMAT` cannot be read.
    pub format: Option<u32>,
    /// When it was made, Unix ms.
    pub created_ms: Option<i64>,
    /// The process that has it open for writing, if this machine runs it.
    pub held_by: Option<u32>,
    /// The last run ended in order.
    pub closed_in_order: bool,
    /// Openings of the store so far.
    pub openings: u32,
    /// Oldest position.
    pub start: Seq,
    /// One past the newest position: points ever recorded.
    pub end: Seq,
    /// Points held.
    pub points: u64,
    /// Earliest and latest time of a value, Unix ms.
    pub at_ms: Option<(i64, i64)>,
    /// Earliest and latest time of a commit, Unix ms.
    pub committed_ms: Option<(i64, i64)>,
    /// Finished blocks.
    pub blocks: BlockFacts,
    /// The write-ahead ring.
    pub ring: RingFacts,
    /// Readers.
    pub readers: Vec<ReaderFacts>,
    /// Unread points deleted for room since the store was made.
    pub evicted: u64,
    /// Unread points thinned out for room since the store was made.
    pub thinned: u64,
    /// Points given up because nothing could be written, since the store was made.
    pub no_disk: u64,
    /// Positions that should be there and are not. `verify` finds all damage.
    pub missing: u64,
    /// Points of incomplete commits at the end, never acknowledged.
    pub cut: u64,
    /// Gaps that were not told to the database yet.
    pub gaps: Vec<GapFacts>,
    /// Openings whose times are a guess because the clock was never set.
    pub guessed_times: usize,
    /// Files that belong to no store.
    pub foreign_files: Vec<String>,
    /// Points by tag set, most first.
    pub devices: Vec<DeviceFacts>,
}

/// Finished blocks.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BlockFacts {
    /// Files.
    pub files: usize,
    /// Blocks.
    pub blocks: usize,
    /// Points in them.
    pub points: u64,
    /// Bytes of the blocks.
    pub bytes: u64,
    /// Bytes of the files, reserved room included.
    pub bytes_reserved: u64,
    /// Blocks that were thinned out.
    pub thinned: usize,
    /// Blocks whose head cannot be read: their points are in no count by device.
    pub unreadable: usize,
}

/// The write-ahead ring.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RingFacts {
    /// Bytes of all its files.
    pub bytes: u64,
    /// Files.
    pub segments: usize,
    /// Files that hold points which are in no block yet.
    pub segments_used: usize,
    /// Frames with such points.
    pub frames: usize,
    /// Such points.
    pub points: u64,
}

/// A reader's position.
#[derive(Debug, Clone, Serialize)]
pub struct ReaderFacts {
    /// Its name.
    pub reader: String,
    /// Next position it reads.
    pub next: Seq,
    /// Points it has not read.
    pub waiting: u64,
    /// Points it has taken.
    pub delivered: u64,
    /// Points the database refused for good.
    pub dead_lettered: u64,
    /// Points that were gone before it came to them, or too old for the destination.
    pub lost: u64,
    /// Points left out because a month's budget ran short.
    pub over_budget: u64,
}

/// Points that were given up.
#[derive(Debug, Clone, Serialize)]
pub struct GapFacts {
    /// Why.
    pub reason: &'static str,
    /// Unread points given up.
    pub points: u64,
    /// Time of the oldest of them, Unix ms.
    pub from_ms: i64,
    /// Time of the newest of them, Unix ms.
    pub to_ms: i64,
}

/// Points of one tag set.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceFacts {
    /// Its tags as the store keeps them; `None` if they are lost.
    pub tags: Option<String>,
    /// Points.
    pub points: u64,
    /// Points by series, by name.
    pub series: Vec<SeriesFacts>,
}

/// Points of one series.
#[derive(Debug, Clone, Serialize)]
pub struct SeriesFacts {
    /// `measurement.field`; `None` if the name is lost.
    pub name: Option<String>,
    /// Part of the device; empty for the whole.
    pub part: String,
    /// Points.
    pub points: u64,
}

/// Points by numbers of tag set and series.
type Counts = BTreeMap<(u32, u32), u64>;

impl Card {
    /// Everything there is to say.
    pub fn facts(&mut self) -> Facts {
        let mut tries = 0;
        loop {
            let facts = self.gather();
            if facts.blocks.unreadable == 0 || tries >= TRIES || !self.is_overtaken() {
                return facts;
            }
            tries += 1;
            self.list_again();
        }
    }

    fn gather(&mut self) -> Facts {
        let mut facts = self.frame_of_facts();
        let mut counts = Counts::new();
        self.count_blocks(&mut facts, &mut counts);
        self.count_frames(&mut facts, &mut counts);
        facts.points = facts.blocks.points + facts.ring.points;
        let oldest = self.read_oldest();
        facts.committed_ms = oldest.map(|oldest| (oldest.min(self.log.log_ms), self.log.log_ms));
        facts.devices = self.by_device(counts);
        facts
    }

    fn frame_of_facts(&self) -> Facts {
        let mut bytes = [0; PAGE_BYTES];
        let read = Peek.open(&self.dir.join("FORMAT")).and_then(|file| pread_patched(&Peek, &file, 0, &mut bytes)).unwrap_or(0);
        let format = match parse_format(&bytes[..read]) {
            Format::Known(_, version) | Format::Newer(version) => Some(version),
            Format::Damaged => None,
        };
        let (log, recovery) = (&self.log, &self.recovery);
        let reader = |sink: Sink| {
            let at = self.cursor(sink)?;
            let (reader, waiting) = (log.cursors.name(sink)?.to_owned(), log.end.saturating_sub(at.next));
            Some(ReaderFacts {
                reader,
                next: at.next,
                waiting,
                delivered: at.delivered,
                dead_lettered: at.dead_lettered,
                lost: at.lost + at.expired,
                over_budget: at.over_budget,
            })
        };
        let gap = |gap: &Gap| GapFacts { reason: gap.reason.as_str(), points: gap.points, from_ms: gap.from_ms, to_ms: gap.to_ms };
        Facts {
            format,
            created_ms: created_ms(&bytes[..read]),
            held_by: self.holder(),
            closed_in_order: recovery.clean,
            openings: recovery.epoch.saturating_sub(1),
            start: self.start(),
            end: log.end,
            readers: Sink::ALL.into_iter().filter_map(reader).collect(),
            evicted: log.evicted,
            thinned: log.thinned,
            no_disk: log.no_disk,
            missing: recovery.damaged,
            cut: recovery.cut,
            gaps: log.gaps.iter().map(gap).collect(),
            guessed_times: log.epochs.0.iter().filter(|epoch| epoch.shift_ms.is_none()).count(),
            foreign_files: recovery.files_ignored.clone(),
            ..Facts::default()
        }
    }

    fn count_blocks(&mut self, facts: &mut Facts, into: &mut Counts) {
        let all: Vec<(Seq, BlockAt)> = self.log.blocks.all().map(|(file, _, block)| (file, *block)).collect();
        let found = &mut facts.blocks;
        (found.files, found.blocks, found.bytes_reserved) = (self.log.blocks.files.len(), all.len(), self.log.blocks.bytes);
        for (file, block) in all {
            let header = block.header;
            found.points += u64::from(header.points);
            found.bytes += u64::from(header.len);
            found.thinned += usize::from(header.thinned);
            if header.points > 0 {
                widen(&mut facts.at_ms, header.at_min_ms, header.at_max_ms);
            }
            match self.head(file, &block) {
                Ok(Some(head)) => {
                    for (nth, chunk) in head.chunks().iter().enumerate() {
                        for (metric, points) in counts(&head, nth) {
                            *into.entry((chunk.origin, metric)).or_default() += points;
                        }
                    }
                }
                Ok(None) | Err(_) => found.unreadable += 1,
            }
        }
    }

    fn head(&mut self, file: Seq, block: &BlockAt) -> io::Result<Option<Head>> {
        let file = self.log.blocks.file(&Peek, file)?;
        read_head(&Peek, file, block)
    }

    fn count_frames(&mut self, facts: &mut Facts, into: &mut Counts) {
        let log = &self.log;
        let layout = log.ring.layout();
        facts.ring.segments = layout.segments;
        facts.ring.bytes = (layout.segments * layout.segment_bytes) as u64;
        facts.ring.segments_used = log.ring.slots.iter().filter(|slot| !slot.frames.is_empty()).count();
        for (slot, at) in log.ring.frames() {
            let mut bytes = vec![0; at.len as usize];
            let read = pread_patched(&Peek, &log.ring.slots[slot].file, u64::from(at.offset), &mut bytes).unwrap_or(0);
            facts.ring.frames += 1;
            facts.ring.points += u64::from(at.count);
            let Found::Frame(frame) = parse(&bytes[..read]) else { continue };
            let shift_ms = log.epochs.shift_ms(frame.stamp.epoch).unwrap_or(0);
            for mut point in Decoder::new(&frame) {
                correct(&mut point, false, shift_ms);
                widen(&mut facts.at_ms, point.at_ms, point.at_ms);
                *into.entry((point.origin, point.metric)).or_default() += 1;
            }
        }
    }

    /// Time of the commit of the oldest point that can be read.
    fn read_oldest(&mut self) -> Option<i64> {
        let mut at = self.start();
        while at < self.log.end {
            let page = self.read(at);
            if let Some(record) = page.records.first() {
                return Some(record.log_ms);
            }
            if page.next <= at {
                break;
            }
            at = page.next;
        }
        None
    }

    fn by_device(&self, counts: Counts) -> Vec<DeviceFacts> {
        let names = self.names();
        let mut devices: Vec<DeviceFacts> = Vec::new();
        let mut of = None;
        for ((origin, metric), points) in counts {
            if of.replace(origin) != Some(origin) {
                let known = self.log.names.knows_origin(origin).then(|| names.origins[origin as usize].tags.to_string());
                devices.push(DeviceFacts { tags: known, points: 0, series: Vec::new() });
            }
            let metric = names.metrics.get(metric as usize).filter(|metric| !metric.name.is_empty());
            let (name, part) = metric.map_or((None, String::new()), |known| (Some(known.name.to_string()), known.part.to_string()));
            if let Some(device) = devices.last_mut() {
                device.points += points;
                device.series.push(SeriesFacts { name, part, points });
            }
        }
        for device in &mut devices {
            device.series.sort_by(|a, b| (&a.name, &a.part).cmp(&(&b.name, &b.part)));
        }
        devices.sort_by(|a, b| b.points.cmp(&a.points).then_with(|| a.tags.cmp(&b.tags)));
        devices
    }
}

fn widen(span: &mut Option<(i64, i64)>, from_ms: i64, to_ms: i64) {
    let (earliest, latest) = span.unwrap_or((from_ms, to_ms));
    *span = Some((earliest.min(from_ms), latest.max(to_ms)));
}
