//! What the head of a block alone says of its points: how many of which series, where and when. Good for counting without
//! decoding, and for saying what a chunk held that cannot be read any more.

use super::super::record::Seq;
use super::head::Head;
use super::header::Header;
use std::collections::BTreeMap;

/// Where the points of one chunk stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Held {
    /// Position of the first of them.
    pub(in crate::store) first: Seq,
    /// One past the position of the last.
    pub(in crate::store) end: Seq,
    /// Time of the commit of the first, Unix ms.
    pub(in crate::store) from_ms: i64,
    /// Time of the commit of the last, Unix ms.
    pub(in crate::store) to_ms: i64,
}

/// Where the points of each chunk stand, by chunk; `None` for a head that contradicts itself.
pub(in crate::store) fn spans(header: &Header, head: &Head) -> Option<Vec<Option<Held>>> {
    let arrivals = head.arrivals()?;
    let mut next_row = vec![0; head.chunks().len()];
    let commits = arrivals.commits.iter().zip(&arrivals.log_ms);
    let commits = commits.flat_map(|(rows, log_ms)| std::iter::repeat_n(*log_ms, *rows as usize));
    let mut spans: Vec<Option<Held>> = vec![None; head.chunks().len()];
    let mut at = header.first;
    for ((chunk, skip), log_ms) in arrivals.chunks.iter().zip(&arrivals.skips).zip(commits) {
        let next = next_row.get_mut(*chunk as usize)?;
        let shape = head.shapes_of(*chunk as usize).get(*next)?;
        *next += 1;
        at = at.checked_add(*skip)?;
        let end = at.checked_add(head.shapes.of(shape).len() as u64).filter(|end| *end <= header.end)?;
        let held = spans.get_mut(*chunk as usize)?.get_or_insert(Held { first: at, end, from_ms: log_ms, to_ms: log_ms });
        (held.end, held.to_ms) = (end, log_ms);
        at = end;
    }
    Some(spans)
}

/// Points of each metric in a chunk, by the metric's number in the log.
pub(in crate::store) fn counts(head: &Head, chunk: usize) -> BTreeMap<u32, u64> {
    let mut shapes = BTreeMap::<u32, u64>::new();
    let rows = head.shapes_of(chunk);
    for shape in (0..rows.len()).filter_map(|row| rows.get(row)) {
        *shapes.entry(shape).or_default() += 1;
    }
    let mut metrics = BTreeMap::new();
    for (shape, rows) in shapes {
        for metric in head.shapes.of(shape) {
            if let Some(id) = head.metrics.get(*metric as usize) {
                *metrics.entry(*id).or_default() += rows;
            }
        }
    }
    metrics
}
