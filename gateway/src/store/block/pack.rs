//! The coder of the blocks for tables that are kept elsewhere: numbers, words and lists of integers, one after the other.
//!
//! Reading never panics and allocates no more than the caller allows. Checksums are the caller's.

use super::alone;
use super::bits::{BitReader, BitWriter};
use super::encode::put_text;
use facility_config::limits::TEXT_BYTES_MAX;

/// Numbers of one list that share a code: a run of zeros is never longer than a token can say.
const LIST_MAX: usize = 1 << 16;

/// Appends to bytes.
#[derive(Debug)]
pub(crate) struct PackWriter<'a>(BitWriter<'a>);

impl<'a> PackWriter<'a> {
    /// Begins at the next byte of `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self(BitWriter::new(out))
    }

    /// A number of any size.
    pub(crate) fn number(&mut self, value: i64) {
        self.0.put_wide(value);
    }

    /// A word of [`TEXT_BYTES_MAX`] bytes at most.
    pub(crate) fn text(&mut self, text: &str) {
        put_text(&mut self.0, text);
    }

    /// Integers; how many there are is known to the reader.
    pub(crate) fn list(&mut self, values: &[i64]) {
        values.chunks(LIST_MAX).for_each(|values| alone::put_runs(&mut self.0, values));
    }

    /// Bits so far.
    pub(crate) fn bit_len(&self) -> usize {
        self.0.bit_len()
    }

    /// Fills the last byte.
    pub(crate) fn finish(self) {
        self.0.finish();
    }
}

/// Reads what a [`PackWriter`] has written; every read is `None` once the bits do not fit.
#[derive(Debug)]
pub(crate) struct PackReader<'a>(BitReader<'a>);

impl<'a> PackReader<'a> {
    /// Begins at the first byte.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(BitReader::new(bytes, 0))
    }

    /// A number that is not negative and at most `max`.
    pub(crate) fn count(&mut self, max: usize) -> Option<usize> {
        self.0.take_count(max).filter(|_| self.0.is_within())
    }

    /// A word.
    pub(crate) fn text(&mut self) -> Option<Box<str>> {
        let len = self.count(TEXT_BYTES_MAX)?;
        let bytes: Vec<u8> = (0..len).map(|_| self.0.take(8) as u8).collect();
        self.0.is_within().then(|| String::from_utf8(bytes).ok())?.map(Into::into)
    }

    /// So many integers; the caller has made sure that `len` is reasonable.
    pub(crate) fn list(&mut self, len: usize) -> Option<Vec<i64>> {
        let mut values = Vec::new();
        while values.len() < len {
            values.append(&mut alone::take(&mut self.0, (len - values.len()).min(LIST_MAX))?);
        }
        Some(values)
    }
}
