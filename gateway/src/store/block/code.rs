//! A prefix code for numbers that are mostly near zero: Huffman over a fixed alphabet of magnitudes.
//!
//! ```text
//! symbol  0..16    this number
//!         16       zeros up to the end of the stream
//!         17..=32  a run of zeros: 2^(symbol-16) + as many raw bits
//!         33..153  two symbols for each power of two from 16 on (its digit after the first), the rest raw
//! table   8 bits: symbols that occur, 4 bits: longest code, then each: gap to the one before (Elias gamma), length
//! ```
//! A symbol that always comes takes no bits at all. Codes are canonical and bounded, so that one look into a small
//! table decodes a number. Parsing refuses a table that is not a complete code.

use super::bits::BitWriter;

/// Size of the alphabet.
pub(super) const SYMBOLS: usize = BUCKETS + 2 * 60;
const EXACT: u64 = 16;
/// First symbol that is not a number.
pub(super) const END: usize = 16;
/// First symbol with raw digits.
pub(super) const BUCKETS: usize = 33;
/// Longest code, bits: with more, tables take longer to build than they save.
pub(super) const LEN_MAX: u32 = 9;

/// A symbol and the digits that follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) symbol: usize,
    raw_len: u32,
    raw: u64,
}

impl Token {
    /// Zeros up to the end of the stream.
    pub(super) const END: Self = Self { symbol: END, raw_len: 0, raw: 0 };

    /// One number.
    pub(super) fn number(value: u64) -> Self {
        if value < EXACT {
            return Self { symbol: value as usize, raw_len: 0, raw: 0 };
        }
        let raw_len = 62 - value.leading_zeros();
        let top = (value >> raw_len) as usize;
        Self { symbol: BUCKETS + (raw_len as usize - 3) * 2 + (top - 2), raw_len, raw: value & ((1 << raw_len) - 1) }
    }

    /// Zeros, at least two, fewer than 2^17.
    pub(super) fn zeros(run: u32) -> Self {
        let raw_len = run.ilog2();
        Self { symbol: END + raw_len as usize, raw_len, raw: u64::from(run) - (1 << raw_len) }
    }
}

/// A symbol that occurs, and how many bits its code has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) symbol: u8,
    pub(super) len: u8,
}

/// How often each symbol occurs.
#[derive(Debug, Clone)]
pub(super) struct Histogram([u32; SYMBOLS]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; SYMBOLS])
    }
}

impl Histogram {
    pub(super) fn add(&mut self, token: Token) {
        self.0[token.symbol] += 1;
    }

    /// Code lengths that make the whole shortest.
    fn lengths(&self) -> Vec<Length> {
        let mut used: Vec<(usize, u32)> =
            (0..SYMBOLS).filter(|symbol| self.0[*symbol] > 0).map(|symbol| (symbol, self.0[symbol])).collect();
        used.sort_by_key(|(symbol, count)| (*count, *symbol));
        let mut counts: Vec<u32> = used.iter().map(|(_, count)| *count).collect();
        let mut lengths = huffman(&counts);
        while lengths.iter().any(|len| *len > LEN_MAX) {
            counts.iter_mut().for_each(|count| *count = count.div_ceil(2));
            lengths = huffman(&counts);
        }
        let length = |((symbol, _), len): (&(usize, u32), u32)| Length { symbol: *symbol as u8, len: len as u8 };
        let mut lengths: Vec<Length> = used.iter().zip(lengths).map(length).collect();
        lengths.sort_unstable_by_key(|length| length.symbol);
        lengths
    }
}

/// Depth of each leaf in a Huffman tree; `counts` are ascending.
fn huffman(counts: &[u32]) -> Vec<u32> {
    let leaves = counts.len();
    let mut weights: Vec<u64> = counts.iter().map(|count| u64::from(*count)).collect();
    let mut parents = vec![0; leaves.max(1) * 2];
    let (mut leaf, mut inner) = (0, leaves);
    while weights.len() + 1 < leaves * 2 {
        let joined = weights.len();
        let mut lightest = || {
            let from_leaves = leaf < leaves && (inner >= joined || weights[leaf] <= weights[inner]);
            let next = if from_leaves { &mut leaf } else { &mut inner };
            let node = *next;
            *next += 1;
            parents[node] = joined;
            weights[node]
        };
        let weight = lightest() + lightest();
        weights.push(weight);
    }
    let mut depths = vec![0; weights.len()];
    for node in (0..weights.len().saturating_sub(1)).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    depths.truncate(leaves);
    depths
}

/// Hands out the codes: in order of their lengths, then of their symbols. The first bit of a code is its lowest.
pub(super) fn each_code(lengths: &[Length], mut each: impl FnMut(Length, u16)) {
    let mut next = 0u16;
    for len in 0..=LEN_MAX as u8 {
        next <<= 1;
        for length in lengths.iter().filter(|length| length.len == len) {
            let code = next.reverse_bits().checked_shr(16 - u32::from(len)).unwrap_or(0);
            each(*length, code);
            next += 1;
        }
    }
}

/// The writing side of a code.
#[derive(Debug)]
pub(super) struct Encoder {
    lengths: Vec<Length>,
    codes: [(u16, u8); SYMBOLS],
}

impl Encoder {
    pub(super) fn new(histogram: &Histogram) -> Self {
        let lengths = histogram.lengths();
        let mut codes = [(0, 0); SYMBOLS];
        each_code(&lengths, |length, code| codes[usize::from(length.symbol)] = (code, length.len));
        Self { lengths, codes }
    }

    /// Writes the table.
    pub(super) fn put_table(&self, bits: &mut BitWriter<'_>) {
        bits.put(self.lengths.len() as u64, 8);
        let longest = self.lengths.iter().map(|length| length.len).max().unwrap_or(0);
        bits.put(u64::from(longest), 4);
        let mut next = 0;
        for Length { symbol, len } in &self.lengths {
            put_gamma(bits, usize::from(*symbol) - next);
            bits.put(u64::from(*len), u8::BITS - longest.leading_zeros());
            next = usize::from(*symbol) + 1;
        }
    }

    /// Writes a token; its symbol must be in the histogram.
    pub(super) fn put(&self, bits: &mut BitWriter<'_>, token: Token) {
        let (code, len) = self.codes[token.symbol];
        bits.put(u64::from(code), u32::from(len));
        bits.put(token.raw, token.raw_len);
    }
}

/// Elias gamma: as many zeros as the number plus one has digits after its first, then one, then these digits.
fn put_gamma(bits: &mut BitWriter<'_>, value: usize) {
    let digits = (value + 1).ilog2();
    bits.put(1 << digits, digits + 1);
    bits.put(value as u64 + 1 - (1 << digits), digits);
}
