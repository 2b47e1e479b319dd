//! One series over a span of time: samples as they were recorded, or buckets of smallest, largest and mean value. Reads
//! the blocks that overlap the span, in each only the chunk and the column that are asked for, and the frames of the
//! ring. There is no second copy of the data and no index on flash.
//!
//! Bounded: [`HISTORY_SAMPLES_MAX`] samples or [`HISTORY_BUCKETS_MAX`] buckets, and [`HISTORY_BLOCKS_MAX`] blocks at a
//! time: a long span is answered in parts, and the thread that answers commits between them.

use super::block::series;
use super::blocks::BlockAt;
use super::disk::{Disk, pread_patched};
use super::format::{Found, parse};
use super::log::Log;
use super::points::Decoder;
use super::record::{PROVISIONAL, Seq};
use super::ring::origin_bit;
use super::seal::correct;
use facility_config::limits::{HISTORY_BLOCKS_MAX, HISTORY_BUCKETS_MAX, HISTORY_SAMPLES_MAX};
use facility_drivers::{Metric, Value};
use std::io;

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryQuery {
    /// A tag that its origin carries, e.g. `device_id=fz-01`: whatever the other tags were at the time.
    pub tag: String,
    /// The series.
    pub metric: Metric,
    /// First moment, Unix ms.
    pub from_ms: i64,
    /// First moment after the span, Unix ms.
    pub to_ms: i64,
    /// Into how many equal parts the span is divided; `None` for samples.
    pub buckets: Option<u32>,
    /// Where to go on: [`History::next`] of the part before; 0 to begin.
    pub from: Seq,
}

impl HistoryQuery {
    /// What samples of the span are in its buckets, without empty ones.
    #[must_use]
    pub fn buckets_of(&self, samples: Vec<(i64, Value)>) -> Vec<Bucket> {
        let mut gathering = Gathering::new(self);
        samples.into_iter().for_each(|(at_ms, value)| gathering.add(at_ms, value));
        gathering.finish().buckets
    }
}

/// One part of a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Where it begins, Unix ms.
    pub from_ms: i64,
    /// Samples in it that are numbers (yes counts as 1, no as 0).
    pub count: u64,
    /// Smallest of them.
    pub min: f64,
    /// Largest of them.
    pub max: f64,
    /// Sum of them: with `count`, the mean of any number of buckets.
    pub sum: f64,
}

impl Bucket {
    /// Arithmetic mean of the samples.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
    }
}

/// The answer, or a part of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Samples by time, if no buckets were asked for.
    pub samples: Vec<(i64, Value)>,
    /// Buckets by time, without empty ones.
    pub buckets: Vec<Bucket>,
    /// There were more samples than are returned: exactly the newest are missing.
    pub cut: bool,
    /// Blocks in the span whose part of the series cannot be read: damaged, or the disk does not answer.
    pub unreadable: u32,
    /// Where the next part begins; `None` with the last one. What is recorded in the meantime comes in a later part.
    pub next: Option<Seq>,
}

impl History {
    /// Adds the part that follows: an answer to the same question, asked from [`next`](Self::next) on.
    pub fn add(&mut self, later: Self) {
        self.cut |= later.cut;
        self.unreadable = self.unreadable.saturating_add(later.unreadable);
        self.next = later.next;
        self.samples.extend(later.samples);
        self.settle();
        for bucket in later.buckets {
            match self.buckets.binary_search_by_key(&bucket.from_ms, |known| known.from_ms) {
                Ok(at) => self.buckets[at].add(&bucket),
                Err(at) => self.buckets.insert(at, bucket),
            }
        }
    }

    /// Puts the samples in order and gives up the newest that are too many.
    fn settle(&mut self) {
        self.samples.sort_by_key(|(at_ms, _)| *at_ms);
        if self.samples.len() > HISTORY_SAMPLES_MAX {
            self.samples.truncate(HISTORY_SAMPLES_MAX);
            self.cut = true;
        }
    }
}

/// The answer being put together.
struct Gathering<'a> {
    query: &'a HistoryQuery,
    buckets: Vec<Bucket>,
    history: History,
}

impl<'a> Gathering<'a> {
    fn new(query: &'a HistoryQuery) -> Self {
        let span = query.to_ms.saturating_sub(query.from_ms).max(1);
        let parts = i64::from(query.buckets.unwrap_or(0).min(HISTORY_BUCKETS_MAX)).min(span);
        let empty = |nth: i64| Bucket {
            from_ms: query.from_ms + (i128::from(span) * i128::from(nth) / i128::from(parts)) as i64,
            count: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: 0.0,
        };
        Self { query, buckets: (0..parts).map(empty).collect(), history: History::default() }
    }

    fn add(&mut self, at_ms: i64, value: Value) {
        if !(self.query.from_ms..self.query.to_ms).contains(&at_ms) {
            return;
        }
        if self.query.buckets.is_none() {
            self.history.samples.push((at_ms, value));
            // Now and then, so that sorting costs little: what comes late belongs before what came in time.
            if self.history.samples.len() >= 2 * HISTORY_SAMPLES_MAX {
                self.history.settle();
            }
            return;
        }
        let number = match value {
            Value::Float(value) => value,
            Value::Int(value) => value as f64,
            Value::Bool(value) => f64::from(u8::from(value)),
            Value::Text(_) | Value::Missing(_) => return,
        };
        let nth = self.buckets.partition_point(|bucket| bucket.from_ms <= at_ms).saturating_sub(1);
        if let Some(bucket) = self.buckets.get_mut(nth) {
            bucket.add(&Bucket { from_ms: at_ms, count: 1, min: number, max: number, sum: number });
        }
    }

    fn finish(mut self) -> History {
        self.history.settle();
        self.buckets.retain(|bucket| bucket.count > 0);
        self.history.buckets = self.buckets;
        self.history
    }
}

impl<D: Disk> Log<D> {
    /// One series over a span of time, or the next part of it.
    pub(super) fn history(&mut self, query: &HistoryQuery) -> History {
        let mut gathering = Gathering::new(query);
        let Some(metric) = self.names.metric_id(query.metric) else { return gathering.finish() };
        let origins = self.names.origins_with(&query.tag);
        let (blocks, next) = self.blocks_of(query);
        for (file, at, shift_ms) in blocks {
            if self.block_series(file, &at, (&origins, metric, shift_ms), &mut gathering).is_err() {
                gathering.history.unreadable += 1;
            }
        }
        gathering.history.next = next;
        if next.is_none() {
            // Last: a point that leaves the ring between two parts is in a block of a later one.
            self.ring_series(&origins, metric, &mut gathering);
        }
        gathering.finish()
    }

    /// Blocks that overlap the span, with their files and by how much their times are put right; and where the next part
    /// begins, if they are too many for one.
    fn blocks_of(&self, query: &HistoryQuery) -> (Vec<(Seq, BlockAt, i64)>, Option<Seq>) {
        let shift = |at: &BlockAt| if at.header.provisional { self.epochs.shift_ms(at.header.epoch).unwrap_or(0) } else { 0 };
        let overlaps = |at: &BlockAt, shift: i64| {
            at.header.at_min_ms.saturating_add(shift.min(0)) < query.to_ms
                && at.header.at_max_ms.saturating_add(shift.max(0)) >= query.from_ms
        };
        let rest = self.blocks.all().filter(|(_, _, at)| at.header.first >= query.from && at.header.points > 0);
        let mut found = rest.map(|(file, _, at)| (file, *at, shift(at))).filter(|(_, at, shift)| overlaps(at, *shift));
        let blocks: Vec<_> = found.by_ref().take(HISTORY_BLOCKS_MAX).collect();
        let next = found.next().map(|(_, at, _)| at.header.first);
        (blocks, next)
    }

    fn ring_series(&mut self, origins: &[u32], metric: u32, into: &mut Gathering<'_>) {
        let bits = origins.iter().fold(0, |bits, origin| bits | origin_bit(*origin));
        for (slot, at) in self.ring.frames().into_iter().filter(|(_, at)| at.origins & bits != 0) {
            let mut bytes = std::mem::take(&mut self.scratch);
            bytes.resize(at.len as usize, 0);
            let read = pread_patched(&self.disk, &self.ring.slots[slot].file, u64::from(at.offset), &mut bytes).unwrap_or(0);
            if let Found::Frame(frame) = parse(&bytes[..read]) {
                let shift_ms = self.epochs.shift_ms(frame.stamp.epoch).unwrap_or(0);
                let mut points = Decoder::new(&frame);
                while let Some(mut record) = points.next_of(|origin, of| of == metric && origins.contains(&origin)) {
                    correct(&mut record, false, shift_ms);
                    into.add(record.at_ms, record.value);
                }
            }
            self.scratch = bytes;
        }
    }

    fn block_series(
        &mut self,
        file: Seq,
        at: &BlockAt,
        (origins, metric, shift_ms): (&[u32], u32, i64),
        into: &mut Gathering<'_>,
    ) -> io::Result<()> {
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let (file, head) = self.blocks.head(&self.disk, file, at)?;
        let head = head.ok_or_else(damaged)?;
        for origin in origins {
            let Some((nth, chunk)) = head.chunk_of(*origin) else { continue };
            let mut bytes = vec![0; chunk.len as usize];
            pread_patched(&self.disk, file, u64::from(at.offset) + u64::from(chunk.offset), &mut bytes)?;
            let sample = |at_ms: i64, flags: u8, value| {
                into.add(if flags & PROVISIONAL != 0 { at_ms.saturating_add(shift_ms) } else { at_ms }, value);
            };
            series(head, nth, &bytes, metric, sample).ok_or_else(damaged)?;
        }
        Ok(())
    }
}
