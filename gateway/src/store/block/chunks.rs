//! Writes the chunks of a block.

use super::super::bytes::zigzag;
use super::LENGTHS_ROWS_MIN;
use super::bits::{BitReader, BitWriter};
use super::code::Token;
use super::encode::{Encoding, put_text};
use super::gather::Chunk;
use super::prepare::PreparedColumn;
use super::recipe::index_bits;

impl Encoding<'_> {
    /// Appends all chunks, each with its checksum, and returns how long they are.
    pub(super) fn put_chunks(&self, out: &mut Vec<u8>) -> Vec<i64> {
        let (mut columns, mut lens) = (self.prepared.columns.as_slice(), Vec::with_capacity(self.all.chunks.len()));
        for chunk in &self.all.chunks {
            let (here, rest) = columns.split_at(1 + chunk.columns.len());
            columns = rest;
            let begun_at = out.len();
            self.put_chunk(chunk, here, BitWriter::new(out));
            let crc = crc32c::crc32c(&out[begun_at..]);
            out.extend_from_slice(&crc.to_le_bytes());
            lens.push((out.len() - begun_at) as i64);
        }
        lens
    }

    fn put_chunk(&self, chunk: &Chunk, columns: &[PreparedColumn], mut bits: BitWriter<'_>) {
        let metrics = self.all.columns[chunk.columns.clone()].iter().map(|column| column.metric as usize);
        let usual = std::iter::once(self.usual.len() - 1).chain(metrics).map(|metric| self.usual[metric]);
        self.put_recipes(columns, usual, &mut bits);
        if chunk.rows.len() < LENGTHS_ROWS_MIN {
            columns.iter().for_each(|column| self.put_column(column, &mut bits));
        } else {
            self.put_with_lengths(columns, &mut bits);
        }
        bits.finish();
    }

    fn put_recipes(&self, columns: &[PreparedColumn], usual: impl Iterator<Item = u32> + Clone, bits: &mut BitWriter<'_>) {
        let is_usual = columns.iter().zip(usual.clone()).all(|(column, usual)| column.recipe == usual);
        bits.put(u64::from(!is_usual), 1);
        if is_usual {
            return;
        }
        for (column, usual) in columns.iter().zip(usual) {
            bits.put(u64::from(column.recipe != usual), 1);
            if column.recipe != usual {
                bits.put(u64::from(column.recipe), index_bits(self.prepared.recipes.len()));
            }
        }
    }

    /// Writes columns behind a list of their lengths, so that each is found without the others.
    fn put_with_lengths(&self, columns: &[PreparedColumn], bits: &mut BitWriter<'_>) {
        let (mut bytes, mut lens) = (Vec::new(), Vec::with_capacity(columns.len()));
        let mut inner = BitWriter::new(&mut bytes);
        for column in columns {
            let before = inner.bit_len();
            self.put_column(column, &mut inner);
            lens.push(inner.bit_len() - before);
        }
        let mut left = inner.bit_len();
        inner.finish();
        let width = usize::BITS - lens.iter().max().map_or(0, |len| len.leading_zeros());
        bits.put(u64::from(width), 6);
        lens.iter().for_each(|len| bits.put(*len as u64, width));
        let mut copy = BitReader::new(&bytes, 0);
        while left > 0 {
            let len = left.min(64);
            bits.put(copy.take(len as u32), len as u32);
            left -= len;
        }
    }

    fn put_column(&self, column: &PreparedColumn, bits: &mut BitWriter<'_>) {
        for stream in &self.prepared.plan.streams[column.streams.clone()] {
            let (coding, values) = (self.prepared.plan.coding(stream), self.prepared.plan.values(stream));
            if !values.is_empty() {
                self.codes[0].put(bits, Token::number(zigzag(stream.first.wrapping_sub(coding.center))));
                let code = &self.codes[usize::from(coding.table)];
                stream.prediction.tokens(stream.first, values, |token| code.put(bits, token));
            }
        }
        for text in &self.prepared.inline[column.inline.clone()] {
            put_text(bits, &self.builder.texts.list[*text as usize]);
        }
    }
}
