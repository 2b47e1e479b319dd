//! A block while it is filled: points in order of arrival, ten bytes each, and 32 for each row.
//!
//! Bounded by the points of one block; encoding empties it and keeps its memory.

use super::super::record::{KEEP, Record, Seq};
use super::Facts;
use super::encode;
use super::header::Header;
use super::kinds::Fit;
use super::tree::Tree;
use facility_drivers::Value;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Points of one origin that came together and share everything but metric and value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) at: Seq,
    pub(super) at_ms: i64,
    /// Position in the list of origins.
    pub(super) origin: u32,
    /// Last node of its shape.
    pub(super) node: u32,
    /// First of its values.
    pub(super) value: u32,
}

/// Rows that were committed together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Commit {
    pub(super) log_ms: i64,
    pub(super) rows: u32,
}

/// How a value is kept while the block is filled: floats, integers and bools as 64 bits, texts by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    Float(Fit),
    Int,
    Bool,
    Text,
    Missing,
}

/// Texts of the block, each once.
#[derive(Debug, Default)]
pub(super) struct Texts {
    known: HashMap<Arc<str>, u32>,
    pub(super) list: Vec<Arc<str>>,
    pub(super) uses: Vec<u32>,
}

impl Texts {
    /// Number of a text; `like` is a guess.
    fn number(&mut self, text: &Arc<str>, like: u32) -> u32 {
        let number = match self.list.get(like as usize) {
            Some(guess) if guess == text => like,
            _ => *self.known.entry(text.clone()).or_insert_with(|| {
                self.list.push(text.clone());
                self.uses.push(0);
                self.list.len() as u32 - 1
            }),
        };
        self.uses[number as usize] += 1;
        number
    }
}

/// Takes points and makes a block of them.
#[derive(Debug, Default)]
pub(in crate::store) struct Builder {
    pub(super) rows: Vec<Row>,
    pub(super) commits: Vec<Commit>,
    pub(super) held: Vec<Held>,
    pub(super) bits: Vec<u64>,
    pub(super) shapes: Tree,
    pub(super) texts: Texts,
    /// Numbers of the origins, in order of appearance.
    pub(super) origins: Vec<u32>,
    known_origins: HashMap<u32, u32>,
    pub(super) keeps: u32,
    /// Of the last row.
    flags: u8,
}

impl Builder {
    /// Adds a point. Positions must ascend. A block is full at
    /// [`BLOCK_POINTS_MAX`](facility_config::limits::BLOCK_POINTS_MAX) points; it takes the rest of a commit that goes
    /// beyond, up to twice as many.
    pub(in crate::store) fn push(&mut self, at: Seq, record: &Record) {
        let node = self.node_in_row(at, record).unwrap_or_else(|| self.begin_row(at, record));
        if let Some(row) = self.rows.last_mut() {
            row.node = node;
        }
        let hint = *self.shapes.hint(node);
        let (held, bits, hint) = match &record.value {
            Value::Float(value) => {
                let fit = Fit::of(*value, Fit::from_hint(hint));
                (Held::Float(fit), value.to_bits(), fit.hint())
            }
            Value::Int(value) => (Held::Int, *value as u64, hint),
            Value::Bool(value) => (Held::Bool, u64::from(*value), hint),
            Value::Text(text) => {
                let number = self.texts.number(text, hint);
                (Held::Text, u64::from(number), number)
            }
            Value::Missing(quality) => (Held::Missing, *quality as u64, hint),
        };
        *self.shapes.hint(node) = hint;
        self.held.push(held);
        self.bits.push(bits);
        self.keeps += u32::from(record.flags & KEEP != 0);
    }

    /// Numbers of the origins in it.
    pub(in crate::store) fn origins(&self) -> &[u32] {
        &self.origins
    }

    /// Numbers of the metrics in it.
    pub(in crate::store) fn metrics(&self) -> &[u32] {
        &self.shapes.metrics
    }

    /// Points so far.
    pub(in crate::store) fn len(&self) -> usize {
        self.bits.len()
    }

    /// Whether there are none.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// From the first position to the one after the last.
    pub(super) fn span(&self) -> Range<Seq> {
        let end = self.rows.last().map_or(0, |row| row.at + self.len() as u64 - u64::from(row.value));
        self.rows.first().map_or(Seq::MAX, |row| row.at)..end
    }

    /// Appends the block to `out` and is empty again.
    pub(in crate::store) fn encode(&mut self, facts: &Facts<'_>, out: &mut Vec<u8>) -> Header {
        let header = encode::encode(self, facts, out);
        self.clear();
        header
    }

    /// Forgets all points.
    pub(in crate::store) fn clear(&mut self) {
        self.rows.clear();
        self.commits.clear();
        self.held.clear();
        self.bits.clear();
        self.shapes.clear();
        self.texts = Texts::default();
        self.origins.clear();
        self.known_origins.clear();
        (self.keeps, self.flags) = (0, 0);
    }

    /// The shape of the last row with this point in it, if it belongs there.
    fn node_in_row(&mut self, at: Seq, record: &Record) -> Option<u32> {
        let (row, commit) = (self.rows.last()?, self.commits.last()?);
        let is_next = row.at + (self.bits.len() as u64 - u64::from(row.value)) == at;
        let is_same = row.at_ms == record.at_ms && commit.log_ms == record.log_ms && self.flags == record.flags;
        if !is_next || !is_same || self.origins[row.origin as usize] != record.origin {
            return None;
        }
        self.shapes.follow(row.node, record.metric)
    }

    fn begin_row(&mut self, at: Seq, record: &Record) -> u32 {
        let new = self.origins.len() as u32;
        let origin = *self.known_origins.entry(record.origin).or_insert(new);
        if origin == new {
            self.origins.push(record.origin);
        }
        match self.commits.last_mut() {
            Some(commit) if commit.log_ms == record.log_ms => commit.rows += 1,
            _ => self.commits.push(Commit { log_ms: record.log_ms, rows: 1 }),
        }
        self.flags = record.flags;
        let begin = self.shapes.begin(record.flags);
        self.rows.push(Row { at, at_ms: record.at_ms, origin, node: begin, value: self.bits.len() as u32 });
        // Only a metric that is there already ends a row, and there is none yet.
        self.shapes.follow(begin, record.metric).unwrap_or(begin)
    }
}
