//! Puts a block together (its layout stands in `mod.rs`).

use super::Facts;
use super::alone;
use super::arrival;
use super::bits::BitWriter;
use super::builder::Builder;
use super::code::Encoder;
use super::gather::Gathered;
use super::header::{HEADER_BYTES, Header, POINTS_MAX};
use super::prepare::{Dictionary, Prepared};
use super::shapes::RowShapes;
use facility_config::limits::PAGE_BYTES;

/// Everything that is decided before a byte is written.
pub(super) struct Encoding<'a> {
    pub(super) builder: &'a Builder,
    pub(super) all: Gathered,
    dictionary: Dictionary,
    pub(super) prepared: Prepared,
    pub(super) codes: Vec<Encoder>,
    /// Usual recipe of each metric; the last is that of the times.
    pub(super) usual: Vec<u32>,
}

/// Appends the points of `builder` as a block.
pub(super) fn encode(builder: &Builder, facts: &Facts<'_>, out: &mut Vec<u8>) -> Header {
    debug_assert!(builder.len() <= POINTS_MAX, "no more is read back");
    let span = builder.span();
    // A span that left points out would make a block that nobody can read.
    let facts = &Facts { first: facts.first.min(span.start), end: facts.end.max(span.end), ..*facts };
    let encoding = Encoding::new(builder);
    let mut chunks = Vec::new();
    let lens = encoding.put_chunks(&mut chunks);
    let mut head = (facts.names.len() as u32).to_le_bytes().to_vec();
    head.extend_from_slice(facts.names);
    encoding.put_head(facts.first, &lens, &mut head);

    let least = 2 * (HEADER_BYTES + head.len()) + chunks.len();
    let len = least.next_multiple_of(PAGE_BYTES);
    let header = encoding.header(facts, &head, len as u32);
    header.put(out);
    out.extend_from_slice(&head);
    out.extend_from_slice(&chunks);
    out.resize(out.len() + len - least, 0);
    out.extend_from_slice(&head);
    header.put(out);
    header
}

impl<'a> Encoding<'a> {
    fn new(builder: &'a Builder) -> Self {
        let all = Gathered::new(builder);
        let dictionary = Dictionary::new(&builder.texts);
        let metrics = builder.shapes.metrics.len();
        let mut prepared = Prepared::new(builder, &all, &dictionary);
        let codes = prepared.plan.decide();
        let usual = prepared.find_recipes(&all, metrics);
        Self { builder, all, dictionary, prepared, codes, usual }
    }

    fn header(&self, facts: &Facts<'_>, head: &[u8], len: u32) -> Header {
        Header {
            first: facts.first,
            end: facts.end,
            points: self.builder.len() as u32,
            len,
            head_len: head.len() as u32,
            head_crc: crc32c::crc32c(head),
            at_min_ms: self.all.times.iter().min().copied().unwrap_or(0),
            at_max_ms: self.all.times.iter().max().copied().unwrap_or(0),
            log_ms: self.builder.commits.last().map_or(0, |commit| commit.log_ms),
            epoch: facts.epoch,
            mark: facts.mark,
            next_origin: facts.next_origin,
            next_metric: facts.next_metric,
            thinned: facts.thinned,
            provisional: facts.provisional,
            keeps: self.builder.keeps,
            named: !facts.names.is_empty(),
        }
    }

    /// Writes the head after the names; `lens` are the bytes of the chunks.
    fn put_head(&self, first: u64, lens: &[i64], out: &mut Vec<u8>) {
        let mut bits = BitWriter::new(out);
        self.put_shapes(&mut bits);
        bits.put_wide(self.codes.len() as i64);
        self.codes.iter().for_each(|code| code.put_table(&mut bits));
        bits.put_wide(self.prepared.recipes.len() as i64);
        self.prepared.recipes.iter().for_each(|recipe| recipe.put(&mut bits));
        alone::put(&mut bits, &integers(&self.usual));
        self.put_chunk_list(lens, &mut bits);
        self.put_texts(&mut bits);
        arrival::put(&mut bits, self.builder, first, &self.all.arrivals, self.all.chunks.len());
        bits.finish();
    }

    fn put_shapes(&self, bits: &mut BitWriter<'_>) {
        let (metrics, shapes) = (&self.builder.shapes.metrics, &self.all.shapes);
        bits.put_wide(metrics.len() as i64);
        alone::put(bits, &integers(metrics));
        bits.put_wide(shapes.len() as i64);
        alone::put(bits, &shapes.flags.iter().map(|flags| i64::from(*flags)).collect::<Vec<_>>());
        alone::put(bits, &(0..shapes.len() as u32).map(|shape| shapes.of(shape).len() as i64).collect::<Vec<_>>());
        alone::put(bits, &integers(shapes.all()));
    }

    fn put_chunk_list(&self, lens: &[i64], bits: &mut BitWriter<'_>) {
        let chunks = &self.all.chunks;
        let rows: Vec<RowShapes<'_>> = chunks.iter().map(|chunk| RowShapes::new(&self.all.row_shapes[chunk.rows.clone()])).collect();
        let several = self.all.shapes.len() as i64;
        let mut mixed = Vec::new();
        let mut shape_of = |rows: &RowShapes<'_>| match rows {
            RowShapes::Same(shape, _) => i64::from(*shape),
            RowShapes::Each(each) => {
                mixed.extend(integers(each));
                several
            }
        };
        let shapes: Vec<i64> = rows.iter().map(&mut shape_of).collect();
        bits.put_wide(chunks.len() as i64);
        alone::put(bits, &chunks.iter().map(|chunk| i64::from(chunk.origin)).collect::<Vec<_>>());
        alone::put(bits, lens);
        alone::put(bits, &rows.iter().map(|rows| rows.len() as i64).collect::<Vec<_>>());
        alone::put(bits, &shapes);
        alone::put(bits, &mixed);
    }

    fn put_texts(&self, bits: &mut BitWriter<'_>) {
        let texts = self.builder.texts.list.iter().zip(&self.dictionary.codes).filter(|(_, code)| **code > 0);
        bits.put_wide(texts.clone().count() as i64);
        texts.for_each(|(text, _)| put_text(bits, text));
    }
}

/// Appends a text with its length in front.
pub(super) fn put_text(bits: &mut BitWriter<'_>, text: &str) {
    bits.put_wide(text.len() as i64);
    text.bytes().for_each(|byte| bits.put(u64::from(byte), 8));
}

fn integers(values: &[u32]) -> Vec<i64> {
    values.iter().map(|value| i64::from(*value)).collect()
}
