//! Numbers of any width in a row of bytes, lowest bit first.
//!
//! Reading never panics and never allocates: past the end there are zeros, and [`BitReader::is_within`] says so.

use super::super::bytes::{unzigzag, zigzag};

/// Appends bits to bytes.
#[derive(Debug)]
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    word: u64,
    used: u32,
    begun_at: usize,
}

impl<'a> BitWriter<'a> {
    /// Begins at the next byte of `out`.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        let begun_at = out.len();
        Self { out, word: 0, used: 0, begun_at }
    }

    /// Appends the lowest `len` bits (at most 64) of a value that has no others.
    pub(super) fn put(&mut self, value: u64, len: u32) {
        self.word |= value << self.used;
        let before = self.used;
        self.used += len;
        if self.used >= 64 {
            self.out.extend_from_slice(&self.word.to_le_bytes());
            self.used -= 64;
            self.word = value.checked_shr(64 - before).unwrap_or(0);
        }
    }

    /// Appends a number of any size: seven bits for its width, then its digits.
    pub(super) fn put_wide(&mut self, value: i64) {
        let value = zigzag(value);
        let len = 64 - value.leading_zeros();
        self.put(u64::from(len), 7);
        self.put(value, len);
    }

    /// Bits written so far.
    pub(super) fn bit_len(&self) -> usize {
        (self.out.len() - self.begun_at) * 8 + self.used as usize
    }

    /// Fills the last byte with zeros.
    pub(super) fn finish(self) {
        self.out.extend_from_slice(&self.word.to_le_bytes()[..self.used.div_ceil(8) as usize]);
    }
}

/// A place in bits that are being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bytes that are in `word` or behind.
    next: usize,
    /// The next bits; `have` of them count, what is above them comes again.
    word: u64,
    have: u32,
}

impl<'a> BitReader<'a> {
    /// Begins `at` bits after the start.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        let mut reader = Self { bytes, next: at / 8, word: 0, have: 0 };
        reader.skip_short((at % 8) as u32);
        reader
    }

    /// Makes sure that the next 56 bits are in the word.
    #[inline]
    fn refill(&mut self) {
        match self.bytes.get(self.next..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(word) => {
                self.word |= u64::from_le_bytes(*word) << self.have;
                self.next += ((63 - self.have) / 8) as usize;
                self.have |= 56;
            }
            None => self.refill_at_end(),
        }
    }

    #[cold]
    fn refill_at_end(&mut self) {
        while self.have < 56 {
            let byte = self.bytes.get(self.next).copied().unwrap_or(0);
            self.word |= u64::from(byte) << self.have;
            self.next = self.next.saturating_add(1);
            self.have += 8;
        }
    }

    /// The next bits, at least 32 of them, and how many; zeros after the end.
    #[inline]
    pub(super) fn peek(&mut self) -> (u64, u32) {
        if self.have < 32 {
            self.refill();
        }
        (self.word, self.have)
    }

    /// Leaves bits behind, no more than the last peek showed.
    #[inline]
    pub(super) fn skip_short(&mut self, len: u32) {
        if len > self.have {
            self.refill();
        }
        self.word >>= len;
        self.have -= len;
    }

    /// Leaves any number of bits behind.
    pub(super) fn skip(&mut self, len: usize) {
        *self = Self::new(self.bytes, self.at().saturating_add(len));
    }

    /// The next `len` bits, at most 64.
    #[inline]
    pub(super) fn take(&mut self, len: u32) -> u64 {
        if len > 32 { self.take_short(32) | self.take_short(len - 32) << 32 } else { self.take_short(len) }
    }

    #[inline]
    fn take_short(&mut self, len: u32) -> u64 {
        let value = self.peek().0 & ((1 << len) - 1);
        self.skip_short(len);
        value
    }

    /// Inverse of [`BitWriter::put_wide`].
    pub(super) fn take_wide(&mut self) -> i64 {
        let len = (self.take(7) as u32).min(64);
        unzigzag(self.take(len))
    }

    /// A number that is not negative and at most `max`.
    pub(super) fn take_count(&mut self, max: usize) -> Option<usize> {
        usize::try_from(self.take_wide()).ok().filter(|count| *count <= max)
    }

    /// Where it stands, in bits from the start.
    pub(super) fn at(&self) -> usize {
        self.next.saturating_mul(8) - self.have as usize
    }

    /// Bits that are left.
    pub(super) fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at())
    }

    /// Whether nothing was read past the end.
    pub(super) fn is_within(&self) -> bool {
        self.at() <= self.bytes.len() * 8
    }
}
