//! The order of arrival: which chunk each row belongs to, where positions were skipped, and the commits.
//!
//! ```text
//! queue    alone: for each row, the place of its chunk in a queue; the chunk then goes to the end of it. Places in the
//!          second half count from the end, as negative numbers. The queue begins in the order of the chunks.
//! skips    alone: for each row, positions skipped before it
//! commits  wide count | alone: rows of each | alone: log_ms of each
//! ```
//! Devices that report in turn are always first in the queue.

use super::super::record::Seq;
use super::alone;
use super::bits::{BitReader, BitWriter};
use super::builder::Builder;
use std::collections::VecDeque;

/// Chunks by the time of their last row.
struct Queue(VecDeque<u32>);

impl Queue {
    fn new(chunks: usize) -> Self {
        Self((0..chunks as u32).collect())
    }

    /// Place of a chunk, which then goes to the end.
    fn place_of(&mut self, chunk: u32) -> i64 {
        let len = self.0.len() as i64;
        let place =
            if self.0.back() == Some(&chunk) { len - 1 } else { self.0.iter().position(|other| *other == chunk).unwrap_or(0) as i64 };
        self.0.remove(place as usize);
        self.0.push_back(chunk);
        if place > len / 2 { place - len } else { place }
    }

    /// The chunk at a place, which then goes to the end.
    fn take(&mut self, place: i64) -> Option<u32> {
        let len = self.0.len() as i64;
        let place = if place < 0 { place.checked_add(len)? } else { place };
        let chunk = self.0.remove(usize::try_from(place).ok()?)?;
        self.0.push_back(chunk);
        Some(chunk)
    }
}

/// Writes everything about the order of rows. `arrivals` are their chunks.
pub(super) fn put(bits: &mut BitWriter<'_>, builder: &Builder, first: Seq, arrivals: &[u32], chunks: usize) {
    let mut queue = Queue::new(chunks);
    alone::put(bits, &arrivals.iter().map(|chunk| queue.place_of(*chunk)).collect::<Vec<_>>());
    let mut next = first;
    let ends = builder.rows.iter().skip(1).map(|row| row.value).chain([builder.len() as u32]);
    let skips = builder.rows.iter().zip(ends).map(|(row, end)| {
        let skipped = row.at.wrapping_sub(next) as i64;
        next = row.at + u64::from(end - row.value);
        skipped
    });
    alone::put(bits, &skips.collect::<Vec<_>>());
    bits.put_wide(builder.commits.len() as i64);
    alone::put(bits, &builder.commits.iter().map(|commit| i64::from(commit.rows)).collect::<Vec<_>>());
    alone::put(bits, &builder.commits.iter().map(|commit| commit.log_ms).collect::<Vec<_>>());
}

/// The rows of a block in order of arrival.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// Chunk of each row.
    pub(super) chunks: Vec<u32>,
    /// Positions skipped before each row.
    pub(super) skips: Vec<u64>,
    /// Rows of each commit.
    pub(super) commits: Vec<u32>,
    /// Time of each commit.
    pub(super) log_ms: Vec<i64>,
}

impl Arrivals {
    /// Reads what [`put`] wrote; `rows` is how many rows each chunk has.
    pub(super) fn parse(bits: &mut BitReader<'_>, rows: &[u32]) -> Option<Self> {
        let all: usize = rows.iter().map(|rows| *rows as usize).sum();
        let mut queue = Queue::new(rows.len());
        let chunks = alone::take(bits, all)?.into_iter().map(|place| queue.take(place)).collect::<Option<Vec<_>>>()?;
        let skips = alone::take(bits, all)?.into_iter().map(|skip| u64::try_from(skip).ok()).collect::<Option<Vec<_>>>()?;
        let mut left = rows.to_vec();
        for chunk in &chunks {
            let left = left.get_mut(*chunk as usize)?;
            *left = left.checked_sub(1)?;
        }
        let count = bits.take_count(all)?;
        let commits = alone::take_below(bits, count, all as u64 + 1)?;
        let log_ms = alone::take(bits, count)?;
        let is_whole = commits.iter().map(|rows| u64::from(*rows)).sum::<u64>() == all as u64;
        is_whole.then_some(Self { chunks, skips, commits, log_ms })
    }
}
