//! A whole block in memory, read in order of arrival: nine bytes per point and 32 per row.

use super::super::record::{Record, Seq};
use super::chunk::value;
use super::head::{Chunk, Head};
use super::header::Header;
use super::kinds::Kind;
use super::loading::Loading;
use super::shapes::Shapes;
use std::ops::Range;
use std::sync::Arc;

/// A run of points that share everything but metric and value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Position of its first point in the log.
    pub(super) at: Seq,
    pub(super) at_ms: i64,
    pub(super) commit: u32,
    pub(super) chunk: u32,
    pub(super) shape: u32,
    /// First of its values.
    pub(super) value: u32,
}

/// A block in memory.
#[derive(Debug)]
pub(in crate::store) struct Loaded {
    header: Header,
    /// Numbers of the origins in the log, by chunk.
    origins: Vec<u32>,
    /// Numbers of the metrics in the log.
    metrics: Vec<u32>,
    shapes: Shapes,
    /// Times of the commits.
    log_ms: Vec<i64>,
    /// Those that can be read, by position.
    rows: Vec<Row>,
    kinds: Vec<Kind>,
    bits: Vec<u64>,
    texts: Vec<Arc<str>>,
    damaged: Vec<Chunk>,
    /// Where the last read ended: the position, and the row to go on with.
    cursor: (Seq, usize),
}

impl Loaded {
    /// Decodes a block. Chunks may be damaged; then they are listed and their points are missing.
    pub(in crate::store) fn new(header: &Header, head: &Head, block: &[u8]) -> Self {
        let Loading { log_ms, rows, kinds, bits, texts, damaged, .. } = Loading::new(header, head, block);
        Self {
            header: *header,
            origins: head.chunks().iter().map(|chunk| chunk.origin).collect(),
            metrics: head.metrics.clone(),
            shapes: head.shapes.clone(),
            log_ms,
            rows,
            kinds,
            bits,
            texts,
            damaged,
            cursor: (header.first, 0),
        }
    }

    /// Its header.
    pub(in crate::store) fn header(&self) -> &Header {
        &self.header
    }

    /// Chunks whose checksum or content is wrong.
    pub(in crate::store) fn damaged(&self) -> &[Chunk] {
        &self.damaged
    }

    /// Points of the damaged chunks.
    pub(in crate::store) fn lost(&self) -> u64 {
        self.damaged.iter().map(|chunk| u64::from(chunk.points)).sum()
    }

    /// Appends points from position `from` on to `into`, at most `max`, and stops before a hole. Returns the position
    /// to go on from. If `from` is in a hole (lost, thinned out), appends nothing and returns where the hole ends.
    /// Quick when it goes on where it stopped; any other position works too.
    pub(in crate::store) fn read(&mut self, from: Seq, max: usize, into: &mut Vec<Record>) -> Seq {
        let mut row = if self.cursor.0 == from { self.cursor.1 } else { self.row_after(from) };
        let Some(first) = self.rows.get(row) else { return from.max(self.header.end) };
        if first.at > from {
            self.cursor = (first.at, row);
            return first.at;
        }
        let (mut at, mut left) = (from, max);
        while left > 0 {
            let Some(here) = self.rows.get(row).copied().filter(|row| row.at <= at) else { break };
            let len = self.shapes.of(here.shape).len();
            let skip = (at - here.at) as usize;
            let taken = left.min(len - skip);
            self.append(&here, skip..skip + taken, into);
            (at, left) = (at + taken as u64, left - taken);
            if skip + taken < len {
                break;
            }
            row += 1;
        }
        self.cursor = (at, row);
        at
    }

    /// The first row that ends after a position.
    fn row_after(&self, at: Seq) -> usize {
        self.rows.partition_point(|row| row.at + self.shapes.of(row.shape).len() as u64 <= at)
    }

    fn append(&self, row: &Row, points: Range<usize>, into: &mut Vec<Record>) {
        let flags = self.shapes.flags[row.shape as usize];
        let (origin, log_ms) = (self.origins[row.chunk as usize], self.log_ms[row.commit as usize]);
        let values = row.value as usize + points.start..row.value as usize + points.end;
        let values = self.kinds[values.clone()].iter().zip(&self.bits[values]);
        let points = self.shapes.of(row.shape)[points].iter().zip(values);
        into.extend(points.map(|(metric, (kind, bits))| Record {
            origin,
            metric: self.metrics[*metric as usize],
            at_ms: row.at_ms,
            log_ms,
            flags,
            value: value(*kind, *bits, &self.texts),
        }));
    }
}
