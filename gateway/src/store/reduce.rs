//! Rewrites a file of blocks with fewer points: the excursions only, or of every series the smallest, the largest and
//! the last value of each quarter of an hour. What is kept are points as they were, at their positions.
//!
//! One block at a time, so that commits and readers wait for milliseconds, not for a file. The new file is complete and
//! synced, and its losses are counted on flash, before it takes the old one's name; an opening finishes that.

use super::block::{Builder, Facts, Header};
use super::blocks::{BlockAt, BlockFile, Blocks, Load};
use super::disk::Disk;
use super::log::Log;
use super::names::NameSet;
use super::record::{GapReason, KEEP, Record, Seq};
use super::room::times_of;
use facility_config::limits::{BLOCK_POINTS_MAX, READ_POINTS_MAX, THIN_MS};
use facility_drivers::Value;
use std::collections::HashMap;
use std::io;
use std::time::Instant;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Smallest, largest and last value per series and [`THIN_MS`]; every point with [`KEEP`].
    Thin,
    /// Points with [`KEEP`].
    KeepOnly,
}

/// A file on its way.
#[derive(Debug)]
pub(super) struct Reducing<F> {
    pub(super) first: Seq,
    how: How,
    file: F,
    offset: u64,
    /// Next block of the old file.
    nth: usize,
    builder: Builder,
    named: NameSet,
    /// Positions given up, by position less `first`.
    gone: Vec<u64>,
    blocks: Vec<BlockAt>,
    /// Where the block that is being filled begins.
    span_first: Seq,
    /// Header of the newest old block in it.
    last: Option<Header>,
}

/// Name of the new file until it takes the old one's place.
pub(super) fn tmp_name(first: Seq) -> String {
    format!("{first:016x}.tmp")
}

impl<F> Reducing<F> {
    /// Makes the new file, with room for all that can come of the old one.
    pub(super) fn begin<D: Disk<File = F>>(disk: &D, blocks: &Blocks<F>, first: Seq, how: How) -> io::Result<Self> {
        let old = blocks.files.get(&first).ok_or(io::ErrorKind::NotFound)?;
        let path = blocks.dir().join(tmp_name(first));
        let file = disk.create(&path)?;
        if let Err(error) = disk.allocate(&file, old.bytes) {
            drop(file);
            // An opening would remove it too.
            let _ = disk.unlink(&path);
            return Err(error);
        }
        let words = usize::try_from(old.end().saturating_sub(first).div_ceil(64)).unwrap_or(0);
        Ok(Self {
            first,
            how,
            file,
            offset: 0,
            nth: 0,
            builder: Builder::default(),
            named: NameSet::default(),
            gone: vec![0; words],
            blocks: Vec::new(),
            span_first: first,
            last: None,
        })
    }

    /// Takes in what is kept of one old block.
    fn take(&mut self, records: &[(Seq, Record)]) {
        let kept = match self.how {
            How::Thin => thin(records),
            How::KeepOnly => records.iter().map(|(_, record)| record.flags & KEEP != 0).collect(),
        };
        for ((seq, record), kept) in records.iter().zip(kept) {
            if kept {
                self.builder.push(*seq, record);
            } else if let Some(word) = self.gone.get_mut(((seq - self.first) / 64) as usize) {
                *word |= 1 << ((seq - self.first) % 64);
            }
        }
    }

    /// Points given up at or after a position.
    fn gone_from(&self, from: Seq) -> u64 {
        let from = from.saturating_sub(self.first);
        let count = |(nth, word): (usize, &u64)| {
            let at = nth as u64 * 64;
            let mask = if at >= from { u64::MAX } else { u64::MAX.checked_shl((from - at) as u32).unwrap_or(0) };
            u64::from((word & mask).count_ones())
        };
        self.gone.iter().enumerate().map(count).sum()
    }
}

impl<D: Disk> Log<D> {
    /// Does one block's worth of a rewriting that is under way.
    pub(super) fn reduce_step(&mut self, now: Instant) {
        let Some(mut reducing) = self.reducing.take() else { return };
        match self.step(&mut reducing) {
            Ok(true) => self.reducing = Some(reducing),
            Ok(false) => {
                if let Err(error) = self.swap(reducing, now) {
                    tracing::warn!(store = self.name, %error, "thinned readings could not take the place of the full ones");
                }
            }
            Err(error) => {
                tracing::warn!(store = self.name, %error, "readings cannot be thinned out: the oldest are deleted instead");
                let path = self.blocks.dir().join(tmp_name(reducing.first));
                drop(reducing);
                let _ = self.disk.unlink(&path);
                self.delete_for_room();
            }
        }
    }

    /// `false` when all old blocks are in.
    fn step(&mut self, reducing: &mut Reducing<D::File>) -> io::Result<bool> {
        let Some(block) = self.blocks.block(reducing.first, reducing.nth).copied() else {
            self.write_reduced(reducing)?;
            return Ok(false);
        };
        let differs = |last: Header| (last.provisional, last.epoch) != (block.header.provisional, block.header.epoch);
        if reducing.last.is_some_and(|last| block.header.provisional | last.provisional && differs(last)) {
            self.write_reduced(reducing)?;
        }
        let records = self.records_of(reducing.first, reducing.nth, block.header.end)?;
        reducing.take(&records);
        reducing.last = Some(block.header);
        reducing.nth += 1;
        if reducing.builder.len() >= BLOCK_POINTS_MAX {
            self.write_reduced(reducing)?;
        }
        Ok(true)
    }

    fn records_of(&mut self, file: Seq, nth: usize, end: Seq) -> io::Result<Vec<(Seq, Record)>> {
        let Load::Block(loaded, _) = self.blocks.load(&self.disk, &self.names, file, nth, true)? else { return Ok(Vec::new()) };
        let (mut at, mut all, mut page) = (loaded.header().first, Vec::new(), Vec::new());
        while at < end {
            let next = loaded.read(at, READ_POINTS_MAX, &mut page);
            let first = next - page.len() as u64;
            all.extend((first..).zip(page.drain(..)));
            at = next.max(at + 1);
        }
        Ok(all)
    }

    /// Writes what has been taken in as one block; an empty one where nothing is left of its span.
    fn write_reduced(&mut self, reducing: &mut Reducing<D::File>) -> io::Result<()> {
        let Some(last) = reducing.last.take() else { return Ok(()) };
        let mut used = NameSet::of(reducing.builder.origins(), reducing.builder.metrics());
        used.subtract(&reducing.named);
        reducing.named.add(&used);
        let facts = Facts {
            epoch: last.epoch,
            mark: last.mark,
            next_origin: last.next_origin,
            next_metric: last.next_metric,
            names: &self.names.body(&used),
            thinned: true,
            provisional: last.provisional,
            first: reducing.span_first,
            end: last.end,
        };
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        let header = reducing.builder.encode(&facts, &mut bytes);
        let written = self.disk.pwrite(&reducing.file, reducing.offset, &bytes);
        self.scratch = bytes;
        written?;
        reducing.blocks.push(BlockAt { offset: reducing.offset as u32, header, lost: 0, given_up: false });
        reducing.offset += u64::from(header.len);
        reducing.span_first = last.end;
        self.bytes_written += u64::from(header.len);
        Ok(())
    }

    /// The new file takes the old one's place.
    fn swap(&mut self, reducing: Reducing<D::File>, now: Instant) -> io::Result<()> {
        let Some(old) = self.blocks.files.get(&reducing.first).cloned() else { return Ok(()) };
        self.disk.truncate(&reducing.file, reducing.offset)?;
        self.disk.fdatasync(&reducing.file)?;
        let (dir, first) = (self.blocks.dir().to_owned(), reducing.first);
        self.disk.sync_dir(&dir)?;
        let before = (self.thinned, self.evicted, self.gaps.clone());
        let points = self.count_gone(&reducing, &old);
        self.swap = Some(first);
        let renamed = match self.save_cursors(now, true) {
            true => self.disk.rename(&dir.join(tmp_name(first)), &dir.join(&*old.name)),
            false => Err(io::Error::other("the count of what is given up cannot be written")),
        };
        self.swap = None;
        if let Err(error) = renamed {
            (self.thinned, self.evicted, self.gaps) = before;
            // The intention must not outlive the file it speaks of.
            if self.save_cursors(now, true) {
                let _ = self.disk.unlink(&dir.join(tmp_name(first)));
            }
            return Err(error);
        }
        if let Err(error) = self.disk.sync_dir(&dir) {
            tracing::debug!(store = self.name, %error, "new name not durable yet");
        }
        self.blocks.remove(first);
        self.freed += old.bytes.saturating_sub(reducing.offset);
        self.blocks.insert(first, BlockFile { name: old.name, blocks: reducing.blocks, bytes: reducing.offset });
        tracing::info!(store = self.name, from = first, unread = points, "readings thinned out to make room");
        self.publish();
        Ok(())
    }

    /// Counts the points that are given up and not read by everyone at this moment, and notes the gap.
    fn count_gone(&mut self, reducing: &Reducing<D::File>, old: &BlockFile) -> u64 {
        let read_to = self.cursors.oldest().unwrap_or(Seq::MAX);
        let points = reducing.gone_from(read_to);
        let reason = match reducing.how {
            How::Thin => {
                self.thinned += points;
                GapReason::Thinned
            }
            How::KeepOnly => {
                self.evicted += points;
                GapReason::Evicted
            }
        };
        self.note_gap(reason, reducing.first.max(read_to.min(old.end()))..old.end(), points, times_of(old.blocks.iter()));
        points
    }
}

/// The span of a series that is being looked at, and where its values worth keeping are.
#[derive(Debug)]
struct Window {
    nth: i64,
    min: (f64, usize),
    max: (f64, usize),
    last: usize,
}

/// Which of these points stay.
fn thin(records: &[(Seq, Record)]) -> Vec<bool> {
    let mut kept = vec![false; records.len()];
    let mut windows: HashMap<(u32, u32), Window> = HashMap::new();
    for (at, (_, record)) in records.iter().enumerate() {
        kept[at] = record.flags & KEEP != 0;
        let (nth, value) = (record.at_ms.div_euclid(THIN_MS), number(&record.value));
        let window = windows.entry((record.origin, record.metric)).or_insert_with(|| Window::new(nth, value, at));
        if window.nth != nth {
            window.close(&mut kept);
            *window = Window::new(nth, value, at);
        }
        window.last = at;
        if value < window.min.0 {
            window.min = (value, at);
        }
        if value > window.max.0 {
            window.max = (value, at);
        }
    }
    for window in windows.values() {
        window.close(&mut kept);
    }
    kept
}

impl Window {
    fn new(nth: i64, value: f64, at: usize) -> Self {
        Self { nth, min: (value, at), max: (value, at), last: at }
    }

    fn close(&self, kept: &mut [bool]) {
        // A value that never changed is said once, by its last point.
        if self.min.0 < self.max.0 {
            kept[self.min.1] = true;
            kept[self.max.1] = true;
        }
        kept[self.last] = true;
    }
}

/// What a value counts as when it is compared; words and missing values have no order, their last one stays.
fn number(value: &Value) -> f64 {
    match value {
        Value::Float(value) => *value,
        Value::Int(value) => *value as f64,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Text(_) | Value::Missing(_) => f64::NAN,
    }
}
