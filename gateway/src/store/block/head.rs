//! Everything of a block but the values: what is needed to find a series and to know every position.
//!
//! Parsing takes any bytes: counts are held against the header, and nothing is allocated that the points do not justify.

use super::alone;
use super::arrival::Arrivals;
use super::bits::BitReader;
use super::decoder::{Decoder, Table};
use super::header::{HEADER_BYTES, Header};
use super::recipe::{Recipe, index_bits};
use super::shapes::{Column, RowShapes, Shapes};
use std::ops::Range;
use std::sync::Arc;

/// Where the points of one origin are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Chunk {
    /// Number of the origin.
    pub(in crate::store) origin: u32,
    /// From the start of the block, bytes.
    pub(in crate::store) offset: u32,
    /// Bytes.
    pub(in crate::store) len: u32,
    /// Points in it.
    pub(in crate::store) points: u32,
}

/// Everything but the values.
#[derive(Debug)]
pub(in crate::store) struct Head {
    bytes: Vec<u8>,
    names: Range<usize>,
    chunks: Vec<Chunk>,
    rows: Vec<Rows>,
    /// Shapes of the rows of chunks that have several.
    mixed: Vec<u32>,
    pub(super) shapes: Shapes,
    /// Numbers of the metrics.
    pub(super) metrics: Vec<u32>,
    codes: Vec<Table>,
    recipes: Vec<Recipe>,
    /// Usual recipe of each metric; the last is that of the times.
    usual: Vec<u32>,
    /// How many texts the dictionary has.
    pub(super) texts_len: usize,
    /// Where the rest begins, bits: texts and order of arrival.
    rest_at: usize,
}

/// The rows of one chunk.
#[derive(Debug, Clone, Copy)]
struct Rows {
    len: u32,
    /// Their shape, or as many as there are shapes if they have several.
    shape: u32,
    /// Where these are in [`Head::mixed`].
    mixed_at: u32,
}

/// Tables are numbered in eight bits.
const TABLES_MAX: usize = 256;

impl Head {
    /// Reads the head of a block; `bytes` are exactly the `head_len` bytes that belong to the header.
    pub(in crate::store) fn parse(header: &Header, bytes: &[u8]) -> Option<Self> {
        if bytes.len() != header.head_len as usize || crc32c::crc32c(bytes) != header.head_crc {
            return None;
        }
        let points = header.points as usize;
        let (names_len, rest) = bytes.split_first_chunk::<4>()?;
        let names = 4..4usize.checked_add(u32::from_le_bytes(*names_len) as usize)?;
        let mut bits = BitReader::new(bytes, names.end.checked_mul(8)?);
        rest.get(..names.len())?;

        let metrics = bits.take_count(points)?;
        let metrics = alone::take_below(&mut bits, metrics, 1 << 32)?;
        let shapes = take_shapes(&mut bits, points, metrics.len())?;
        let codes = bits.take_count(TABLES_MAX)?;
        let codes = (0..codes).map(|_| Table::parse(&mut bits)).collect::<Option<Vec<_>>>()?;
        let recipes = bits.take_count(2 * points + 1)?;
        let recipes = (0..recipes).map(|_| Recipe::parse(&mut bits, codes.len())).collect::<Option<Vec<_>>>()?;
        let usual = alone::take_below(&mut bits, metrics.len() + 1, recipes.len().max(1) as u64)?;
        let mut head = Self {
            bytes: bytes.to_vec(),
            names,
            chunks: Vec::new(),
            rows: Vec::new(),
            mixed: Vec::new(),
            shapes,
            metrics,
            codes,
            recipes,
            usual,
            texts_len: 0,
            rest_at: 0,
        };
        head.take_chunks(header, &mut bits)?;
        head.texts_len = bits.take_count(points)?;
        head.rest_at = bits.at();
        Some(head)
    }

    fn take_chunks(&mut self, header: &Header, bits: &mut BitReader<'_>) -> Option<()> {
        let points = header.points as usize;
        let count = bits.take_count(points)?;
        let origins = alone::take_below(bits, count, 1 << 32)?;
        let lens = alone::take_below(bits, count, u64::from(header.len))?;
        let lens_of_rows = alone::take_below(bits, count, points as u64 + 1)?;
        let all_rows = lens_of_rows.iter().map(|len| u64::from(*len)).sum::<u64>();
        if all_rows > points as u64 || !origins.is_sorted_by(|a, b| a < b) {
            return None;
        }
        let shapes = alone::take_below(bits, count, self.shapes.len() as u64 + 1)?;
        let mut mixed_at = 0;
        self.rows.reserve_exact(count);
        self.chunks.reserve_exact(count);
        for (len, shape) in lens_of_rows.into_iter().zip(shapes) {
            self.rows.push(Rows { len, shape, mixed_at });
            mixed_at += if self.is_mixed(shape) { len } else { 0 };
        }
        self.mixed = alone::take_below(bits, mixed_at as usize, self.shapes.len() as u64)?;
        let mut offset = (HEADER_BYTES as u32).checked_add(header.head_len)?;
        for (at, (origin, len)) in origins.into_iter().zip(lens).enumerate() {
            let points = self.points_of(self.shapes_of(at));
            self.chunks.push(Chunk { origin, offset, len, points: u32::try_from(points).ok()? });
            offset = offset.checked_add(len)?;
        }
        let held = self.chunks.iter().map(|chunk| u64::from(chunk.points)).sum::<u64>();
        (held == points as u64 && offset as usize <= header.copy_of_head().start).then_some(())
    }

    fn is_mixed(&self, shape: u32) -> bool {
        shape as usize == self.shapes.len()
    }

    fn points_of(&self, rows: RowShapes<'_>) -> u64 {
        match rows {
            RowShapes::Same(shape, rows) => self.shapes.of(shape).len() as u64 * rows as u64,
            RowShapes::Each(each) => each.iter().map(|shape| self.shapes.of(*shape).len() as u64).sum(),
        }
    }

    /// The names the caller gave.
    pub(in crate::store) fn names(&self) -> &[u8] {
        self.bytes.get(self.names.clone()).unwrap_or(&[])
    }

    /// Numbers of all metrics in it.
    pub(in crate::store) fn metrics(&self) -> &[u32] {
        &self.metrics
    }

    /// All chunks, by origin.
    pub(in crate::store) fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The chunk of an origin and its position among all.
    pub(in crate::store) fn chunk_of(&self, origin: u32) -> Option<(usize, &Chunk)> {
        let at = self.chunks.binary_search_by_key(&origin, |chunk| chunk.origin).ok()?;
        Some((at, &self.chunks[at]))
    }

    /// Shapes of the rows of a chunk.
    pub(super) fn shapes_of(&self, chunk: usize) -> RowShapes<'_> {
        let Rows { len, shape, mixed_at } = self.rows[chunk];
        if self.is_mixed(shape) {
            RowShapes::Each(&self.mixed[mixed_at as usize..(mixed_at + len) as usize])
        } else {
            RowShapes::Same(shape, len as usize)
        }
    }

    /// Recipes of a chunk: of its times, then of these columns.
    pub(super) fn take_recipes(&self, bits: &mut BitReader<'_>, columns: &[Column]) -> Option<Vec<&Recipe>> {
        let metrics = std::iter::once(self.metrics.len()).chain(columns.iter().map(|column| column.metric as usize));
        let is_usual = bits.take(1) == 0;
        let mut recipe = |metric| {
            let at =
                if is_usual || bits.take(1) == 0 { *self.usual.get(metric)? } else { bits.take(index_bits(self.recipes.len())) as u32 };
            self.recipes.get(at as usize)
        };
        metrics.map(&mut recipe).collect()
    }

    /// A code by its number; the first is that of first numbers.
    pub(super) fn code(&self, table: u8) -> Option<&Decoder> {
        self.codes.get(usize::from(table)).map(Table::decoder)
    }

    /// The texts that occur more than once.
    pub(super) fn texts(&self) -> Option<Vec<Arc<str>>> {
        self.take_texts(&mut BitReader::new(&self.bytes, self.rest_at))
    }

    /// The order of arrival.
    pub(super) fn arrivals(&self) -> Option<Arrivals> {
        let mut bits = BitReader::new(&self.bytes, self.rest_at);
        self.take_texts(&mut bits)?;
        let rows: Vec<u32> = self.rows.iter().map(|rows| rows.len).collect();
        Arrivals::parse(&mut bits, &rows)
    }

    fn take_texts(&self, bits: &mut BitReader<'_>) -> Option<Vec<Arc<str>>> {
        (0..self.texts_len).map(|_| take_text(bits)).collect()
    }
}

fn take_shapes(bits: &mut BitReader<'_>, points: usize, metrics: usize) -> Option<Shapes> {
    let count = bits.take_count(points)?;
    let flags = alone::take_below(bits, count, 256)?;
    let lens = alone::take_below(bits, count, points as u64 + 1)?;
    let all = lens.iter().map(|len| u64::from(*len)).sum::<u64>();
    if all > points as u64 || lens.contains(&0) {
        return None;
    }
    let of_all = alone::take_below(bits, all as usize, metrics as u64)?;
    let (mut shapes, mut rest, mut last_in) = (Shapes::default(), of_all.as_slice(), vec![u32::MAX; metrics]);
    for ((flags, len), shape) in flags.into_iter().zip(lens).zip(0..) {
        let (here, after) = rest.split_at_checked(len as usize)?;
        rest = after;
        if here.iter().any(|metric| std::mem::replace(&mut last_in[*metric as usize], shape) == shape) {
            return None;
        }
        shapes.push(flags as u8, here.iter().copied());
    }
    Some(shapes)
}

/// A text with its length in front.
pub(super) fn take_text(bits: &mut BitReader<'_>) -> Option<Arc<str>> {
    let len = bits.take_count(bits.left() / 8)?;
    if len > bits.left() / 8 {
        return None;
    }
    let bytes: Vec<u8> = (0..len).map(|_| bits.take(8) as u8).collect();
    Some(Arc::from(std::str::from_utf8(&bytes).ok()?))
}
