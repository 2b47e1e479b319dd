//! A stream of integers: a prediction for each, and what it was wrong by in a prefix code.
//!
//! ```text
//! delta   the number before, plus the slope; the first number is written
//! level   a straight line; its height at the first number is written
//! ```
//! How many numbers there are is known to the reader. All arithmetic wraps, so that every i64 comes back.

use super::super::bytes::{unzigzag, zigzag};
use super::bits::BitReader;
use super::code::Token;
use super::decoder::{Decoder, Said};

/// How the numbers of a stream are predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Prediction {
    /// From a straight line; otherwise from the number before.
    pub(super) level: bool,
    /// Step from one number to the next.
    pub(super) slope: i64,
}

impl Prediction {
    /// The number that is written apart from the others: the first, or the height of the line.
    pub(super) fn first(self, values: &[i64]) -> i64 {
        if !self.level {
            return values.first().copied().unwrap_or(0);
        }
        let mut line = 0i64;
        let mut sum = 0i128;
        for value in values {
            sum += i128::from(value.wrapping_sub(line));
            line = line.wrapping_add(self.slope);
        }
        (sum / values.len().max(1) as i128) as i64
    }

    /// What each number is wrong by, sign folded into the lowest bit.
    fn errors(self, first: i64, values: &[i64]) -> impl Iterator<Item = u64> {
        let keep = if self.level { 0 } else { -1 };
        let (values, mut line) =
            if self.level { (values, first.wrapping_sub(self.slope)) } else { (values.get(1..).unwrap_or(&[]), first) };
        values.iter().map(move |value| {
            let next = line.wrapping_add(self.slope);
            let error = value.wrapping_sub(next);
            line = next.wrapping_add(error & keep);
            zigzag(error)
        })
    }

    /// About what the numbers will take, quarters of a bit: nothing for a right prediction, otherwise two bits and as
    /// many as the error has.
    pub(super) fn cost(self, values: &[i64]) -> u64 {
        // Exponent and first digits of a float are four times the logarithm of the number.
        let cost = |error: u64| u64::from(((error as f32).to_bits() >> 21).saturating_sub(4 * 127 - 8));
        self.errors(self.first(values), values).map(cost).sum()
    }

    /// Hands out the tokens of a stream whose first number is `first`.
    pub(super) fn tokens(self, first: i64, values: &[i64], mut each: impl FnMut(Token)) {
        let mut zeros = 0;
        for error in self.errors(first, values) {
            if error == 0 {
                zeros += 1;
                continue;
            }
            match zeros {
                0 => {}
                1 => each(Token::number(0)),
                _ => each(Token::zeros(zeros)),
            }
            zeros = 0;
            each(Token::number(error));
        }
        if zeros > 0 {
            each(Token::END);
        }
    }
}

/// Fills `out` with the numbers of a stream. `None` if the bits do not fit.
pub(super) fn decode(bits: &mut BitReader<'_>, code: &Decoder, prediction: Prediction, first: i64, out: &mut [i64]) -> Option<()> {
    let Prediction { level, slope } = prediction;
    let keep = if level { 0 } else { -1 };
    // A copy stays in registers.
    let mut input = *bits;
    let (mut at, mut line) = (0, first.wrapping_sub(slope));
    if !level && !out.is_empty() {
        (out[0], at, line) = (first, 1, first);
    }
    while at < out.len() {
        match code.take(&mut input) {
            Said::Number(error) => {
                let (next, error) = (line.wrapping_add(slope), unzigzag(error));
                out[at] = next.wrapping_add(error);
                line = next.wrapping_add(error & keep);
                at += 1;
            }
            zeros => {
                let len = if let Said::Zeros(len) = zeros { usize::try_from(len).ok()? } else { out.len() - at };
                for value in out.get_mut(at..at.checked_add(len)?)? {
                    line = line.wrapping_add(slope);
                    *value = line;
                }
                at += len;
            }
        }
    }
    *bits = input;
    bits.is_within().then_some(())
}

/// A typical step between two numbers, from the ends of a stream.
pub(super) fn slope(values: &[i64]) -> i64 {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return 0 };
    last.wrapping_sub(*first) / (values.len() as i64 - 1).max(1)
}

/// A round number if one is near: what is done at intervals is done at round ones.
pub(super) fn rounded(slope: i64) -> i64 {
    let near = |unit: i64| {
        let rounded = slope.saturating_add(unit / 2).div_euclid(unit).saturating_mul(unit);
        (rounded.abs_diff(slope) <= slope.unsigned_abs() / 1000).then_some(rounded)
    };
    [1_000_000, 100_000, 10_000, 1_000, 100, 10].into_iter().find_map(near).unwrap_or(slope)
}
