//! A stream of integers that brings everything with it but its length: the lists of a head.
//!
//! ```text
//! 2 bits what (0 a straight line, 1 delta, 2 level) | 2 bits unit: a power of ten that divides all
//! | wide slope | wide first | unless it is a line: table (code.rs) | tokens
//! ```

use super::bits::{BitReader, BitWriter};
use super::code::{Encoder, Histogram};
use super::decoder::Table;
use super::ints::{Prediction, decode, rounded, slope};

const LINE: u64 = 0;
const DELTA: u64 = 1;
const LEVEL: u64 = 2;
const UNITS: [i64; 4] = [1, 10, 100, 1000];

/// Writes a stream.
pub(super) fn put(bits: &mut BitWriter<'_>, values: &[i64]) {
    put_as(bits, values, slope);
}

/// The same for one that may be of several runs, days of one device after those of another: each goes up by the first step, all
/// together hardly do.
pub(super) fn put_runs(bits: &mut BitWriter<'_>, values: &[i64]) {
    put_as(bits, values, |values| values.first_chunk().map_or(0, |[first, second]: &[i64; 2]| second.wrapping_sub(*first)));
}

fn put_as(bits: &mut BitWriter<'_>, values: &[i64], other_slope: impl Fn(&[i64]) -> i64) {
    let unit = (1..UNITS.len()).rev().find(|unit| values.iter().all(|value| value % UNITS[*unit] == 0)).unwrap_or(0);
    let values: Vec<i64> = values.iter().map(|value| value / UNITS[unit]).collect();
    let candidate = |level, slope| Prediction { level, slope };
    let step = rounded(slope(&values));
    let delta = [slope(&values), step, other_slope(&values)].map(|slope| candidate(false, slope));
    let candidates = delta.into_iter().chain([candidate(true, step), candidate(true, 0)]);
    let Some(prediction) = candidates.min_by_key(|candidate| candidate.cost(&values)) else { return };
    let first = prediction.first(&values);
    let is_line = prediction.cost(&values) == 0;
    let what = if is_line {
        LINE
    } else if prediction.level {
        LEVEL
    } else {
        DELTA
    };
    if values.is_empty() {
        return;
    }
    bits.put(what, 2);
    bits.put(unit as u64, 2);
    bits.put_wide(prediction.slope);
    bits.put_wide(first);
    if is_line {
        return;
    }
    let mut histogram = Histogram::default();
    prediction.tokens(first, &values, |token| histogram.add(token));
    let code = Encoder::new(&histogram);
    code.put_table(bits);
    prediction.tokens(first, &values, |token| code.put(bits, token));
}

/// Reads a stream. The caller has made sure that `count` is reasonable.
pub(super) fn take(bits: &mut BitReader<'_>, count: usize) -> Option<Vec<i64>> {
    let mut out = vec![0; count];
    if count == 0 {
        return Some(out);
    }
    let (what, unit) = (bits.take(2), UNITS[bits.take(2) as usize]);
    let prediction = Prediction { level: what == LEVEL, slope: bits.take_wide() };
    let first = bits.take_wide();
    if what == LINE {
        let mut line = first;
        for value in &mut out {
            *value = line;
            line = line.wrapping_add(prediction.slope);
        }
    } else {
        let table = Table::parse(bits)?;
        decode(bits, table.decoder(), prediction, first, &mut out)?;
    }
    if unit != 1 {
        out.iter_mut().for_each(|value| *value = value.wrapping_mul(unit));
    }
    bits.is_within().then_some(out)
}

/// Reads a stream of numbers that are not negative and less than `limit`, which is at most 2^32.
pub(super) fn take_below(bits: &mut BitReader<'_>, count: usize, limit: u64) -> Option<Vec<u32>> {
    let values = take(bits, count)?;
    let are_good = values.iter().fold(true, |good, value| good & ((*value as u64) < limit));
    are_good.then(|| values.iter().map(|value| *value as u32).collect())
}
