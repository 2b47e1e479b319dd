//! Decodes a whole block: the columns of every chunk, put back in order of arrival.

use super::chunk::{ChunkReader, Values};
use super::head::{Chunk, Head};
use super::header::Header;
use super::kinds::Kind;
use super::loaded::Row;
use super::shapes::ColumnFinder;
use std::sync::Arc;

/// A block that is being decoded.
pub(super) struct Loading<'a> {
    head: &'a Head,
    pub(super) log_ms: Vec<i64>,
    pub(super) rows: Vec<Row>,
    /// Kinds and bits of all values, in order of arrival.
    pub(super) kinds: Vec<Kind>,
    pub(super) bits: Vec<u64>,
    pub(super) texts: Vec<Arc<str>>,
    pub(super) damaged: Vec<Chunk>,
    /// Of the chunk in hand: its columns, their values, and the next one of each.
    columns: ColumnFinder,
    values: Values,
    next: Vec<usize>,
}

impl<'a> Loading<'a> {
    /// Decodes everything that is not damaged.
    pub(super) fn new(header: &Header, head: &'a Head, block: &[u8]) -> Self {
        let points = header.points as usize;
        let mut loading = Self {
            head,
            log_ms: Vec::new(),
            rows: Vec::new(),
            kinds: vec![Kind::Int; points],
            bits: vec![0; points],
            texts: Vec::new(),
            damaged: Vec::new(),
            columns: ColumnFinder::new(head.metrics.len(), head.shapes.len()),
            values: Values::default(),
            next: Vec::new(),
        };
        if loading.take_rows(header).is_none() {
            loading.rows.clear();
            loading.damaged = head.chunks().to_vec();
        } else {
            loading.take_chunks(block);
        }
        loading
    }

    /// Finds out which positions there are.
    fn take_rows(&mut self, header: &Header) -> Option<()> {
        self.texts = self.head.texts()?;
        let arrivals = self.head.arrivals()?;
        let mut next_rows = vec![0; self.head.chunks().len()];
        let commits = (0..).zip(&arrivals.commits).flat_map(|(commit, rows)| std::iter::repeat_n(commit, *rows as usize));
        let (mut at, mut value) = (header.first, 0);
        for ((chunk, skip), commit) in arrivals.chunks.iter().zip(&arrivals.skips).zip(commits) {
            let next = next_rows.get_mut(*chunk as usize)?;
            let shape = self.head.shapes_of(*chunk as usize).get(*next)?;
            *next += 1;
            at = at.checked_add(*skip)?;
            self.rows.push(Row { at, at_ms: 0, commit, chunk: *chunk, shape, value });
            let len = self.head.shapes.of(shape).len();
            at = at.checked_add(len as u64).filter(|end| *end <= header.end)?;
            value += len as u32;
        }
        self.log_ms = arrivals.log_ms;
        Some(())
    }

    fn take_chunks(&mut self, block: &[u8]) {
        let by_chunk = self.rows_by_chunk();
        let mut rest = by_chunk.as_slice();
        let mut is_damaged = vec![false; self.head.chunks().len()];
        for (at, chunk) in self.head.chunks().iter().enumerate() {
            let (rows, after) = rest.split_at(self.head.shapes_of(at).len());
            rest = after;
            let begin = chunk.offset as usize;
            let taken = block.get(begin..begin + chunk.len as usize).and_then(|bytes| self.take_chunk(at, bytes, rows));
            if taken.is_none() {
                self.damaged.push(*chunk);
                is_damaged[at] = true;
            }
        }
        self.rows.retain(|row| !is_damaged[row.chunk as usize]);
    }

    /// Positions in [`Loading::rows`] of the rows of each chunk, chunk by chunk.
    fn rows_by_chunk(&self) -> Vec<u32> {
        let mut end = 0;
        let mut begin_of = |chunk| {
            let begin = end;
            end += self.head.shapes_of(chunk).len();
            begin
        };
        let mut next: Vec<usize> = (0..self.head.chunks().len()).map(&mut begin_of).collect();
        let mut sorted = vec![0; self.rows.len()];
        for (at, row) in (0..).zip(&self.rows) {
            let next = &mut next[row.chunk as usize];
            sorted[*next] = at;
            *next += 1;
        }
        sorted
    }

    /// Decodes one chunk; `rows` are its rows.
    fn take_chunk(&mut self, chunk: usize, bytes: &[u8], rows: &[u32]) -> Option<()> {
        let shapes = &self.head.shapes;
        self.columns.find(shapes, self.head.shapes_of(chunk));
        let mut reader = ChunkReader::new(self.head, chunk, bytes, &self.columns)?;
        self.values.clear();
        self.next.clear();
        for column in &self.columns.list {
            self.next.push(self.values.bits.len());
            reader.next(column.len, &mut self.values)?;
        }
        self.take_texts();
        for (row, at_ms) in rows.iter().zip(&reader.times) {
            let row = &mut self.rows[*row as usize];
            row.at_ms = *at_ms;
            for (to, metric) in (row.value as usize..).zip(shapes.of(row.shape)) {
                let from = &mut self.next[self.columns.of(*metric)];
                self.kinds[to] = self.values.kinds[*from];
                self.bits[to] = self.values.bits[*from] as u64;
                *from += 1;
            }
        }
        Some(())
    }

    /// Adds the texts of a chunk that are not in the dictionary to those of the others.
    fn take_texts(&mut self) {
        if self.values.texts.is_empty() {
            return;
        }
        let dictionary = self.head.texts_len;
        let moved = (self.texts.len() - dictionary) as i64;
        let numbers = self.values.bits.iter_mut().zip(&self.values.kinds).filter(|(_, kind)| **kind == Kind::Text);
        numbers.filter(|(number, _)| **number >= dictionary as i64).for_each(|(number, _)| *number += moved);
        self.texts.append(&mut self.values.texts);
    }
}
