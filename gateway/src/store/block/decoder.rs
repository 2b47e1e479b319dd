//! The reading side of a prefix code (its alphabet and tables stand in `code.rs`).

use super::bits::BitReader;
use super::code::{BUCKETS, END, LEN_MAX, Length, SYMBOLS, each_code};
use std::sync::OnceLock;

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Number(u64),
    Zeros(u64),
    End,
}

/// A table as it is written, and the code once it is needed.
#[derive(Debug)]
pub(super) struct Table {
    lengths: Vec<Length>,
    longest: u32,
    decoder: OnceLock<Decoder>,
}

impl Table {
    /// Reads a table.
    pub(super) fn parse(bits: &mut BitReader<'_>) -> Option<Self> {
        let (count, longest) = (bits.take(8) as usize, bits.take(4) as u32);
        if count > SYMBOLS || longest > LEN_MAX {
            return None;
        }
        let len_bits = u32::BITS - longest.leading_zeros();
        let mut lengths = Vec::with_capacity(count);
        let (mut next, mut covered) = (0, 0);
        for _ in 0..count {
            let symbol = next + take_gamma(bits)?;
            let len = bits.take(len_bits) as u32;
            if symbol >= SYMBOLS || len > longest {
                return None;
            }
            lengths.push(Length { symbol: symbol as u8, len: len as u8 });
            covered += 1u32 << (longest - len);
            next = symbol + 1;
        }
        let is_complete = count == 0 || covered == 1 << longest;
        (is_complete && bits.is_within()).then_some(Self { lengths, longest, decoder: OnceLock::new() })
    }

    /// The code.
    #[inline]
    pub(super) fn decoder(&self) -> &Decoder {
        self.decoder.get_or_init(|| Decoder::new(&self.lengths, self.longest))
    }
}

/// A code, by its next bits.
#[derive(Debug)]
pub(super) struct Decoder {
    /// A power of two of them.
    entries: Vec<Entry>,
}

/// What begins with some bits: a number (`top` with raw digits below it), a run of zeros, or the end.
#[derive(Debug, Clone, Copy)]
struct Entry {
    len: u8,
    raw_len: u8,
    top: u8,
    kind: u8,
}

const NUMBER: u8 = 0;
const ZEROS: u8 = 1;
const REST: u8 = 2;

impl Entry {
    fn new(length: Length) -> Self {
        let symbol = usize::from(length.symbol);
        let (raw_len, top, kind) = match symbol {
            ..END => (0, symbol, NUMBER),
            END => (0, 0, REST),
            _ if symbol < BUCKETS => (symbol - END, 1, ZEROS),
            _ => ((symbol - BUCKETS) / 2 + 3, (symbol - BUCKETS) % 2 + 2, NUMBER),
        };
        Self { len: length.len, raw_len: raw_len as u8, top: top as u8, kind }
    }
}

impl Decoder {
    fn new(lengths: &[Length], longest: u32) -> Self {
        // A table without symbols is that of a stream without tokens.
        let mut entries = vec![Entry { len: 0, raw_len: 0, top: 0, kind: REST }; 1 << longest];
        each_code(lengths, |length, code| {
            let entry = Entry::new(length);
            entries.iter_mut().skip(usize::from(code)).step_by(1 << length.len).for_each(|place| *place = entry);
        });
        Self { entries }
    }

    /// The next token.
    #[inline(always)]
    pub(super) fn take(&self, bits: &mut BitReader<'_>) -> Said {
        let (word, have) = bits.peek();
        let entry = self.entries[word as usize & (self.entries.len() - 1)];
        let (len, raw_len) = (u32::from(entry.len), u32::from(entry.raw_len));
        let raw = if len + raw_len <= have {
            bits.skip_short(len + raw_len);
            (word >> len) & ((1 << raw_len) - 1)
        } else {
            bits.skip_short(len);
            bits.take(raw_len)
        };
        let value = (u64::from(entry.top) << raw_len) | raw;
        match entry.kind {
            NUMBER => Said::Number(value),
            ZEROS => Said::Zeros(value),
            _ => Said::End,
        }
    }
}

/// Inverse of `put_gamma`.
fn take_gamma(bits: &mut BitReader<'_>) -> Option<usize> {
    let digits = bits.peek().0.trailing_zeros();
    if digits > 8 {
        return None;
    }
    bits.skip_short(digits + 1);
    Some((1 << digits) - 1 + bits.take(digits) as usize)
}
