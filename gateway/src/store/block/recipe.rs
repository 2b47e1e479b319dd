//! How a column is written: what all columns of a metric nearly always have in common, so that it is said once.
//!
//! ```text
//! recipe  6 bits kinds | 4 bits form | for each stream: 1 bit level, wide slope, wide center, 8 bits table
//! ```
//! Streams of a column, in this order: the kinds, if there are several; then the values of each kind. Times are a
//! column too: integers, in form 0 milliseconds, in form 3 seconds.

use super::bits::{BitReader, BitWriter};
use super::ints::Prediction;
use super::kinds::{Form, KINDS, Kind};

/// Kinds in a column, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct KindSet(pub(super) u8);

impl KindSet {
    /// Only this one.
    pub(super) fn of(kind: Kind) -> Self {
        Self(1 << kind as u8)
    }

    /// And this one.
    pub(super) fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u8;
    }

    pub(super) fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// In ascending order.
    pub(super) fn kinds(self) -> impl Iterator<Item = Kind> {
        KINDS.into_iter().filter(move |kind| self.has(*kind))
    }

    /// The kind, if it is only one.
    pub(super) fn only(self) -> Option<Kind> {
        self.kinds().next().filter(|_| self.0.count_ones() == 1)
    }

    /// How many streams a column of these kinds has.
    pub(super) fn streams(self) -> usize {
        let kinds = self.0.count_ones() as usize;
        if kinds == 1 { 1 } else { 1 + kinds }
    }
}

/// How a stream of integers is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Coding {
    pub(super) prediction: Prediction,
    /// About where streams begin.
    pub(super) center: i64,
    /// Prefix code of the errors; that of the first numbers is the first table.
    pub(super) table: u8,
}

/// How a column is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Recipe {
    pub(super) kinds: KindSet,
    pub(super) form: Form,
    pub(super) codings: Vec<Coding>,
}

impl Recipe {
    /// Writes the recipe.
    pub(super) fn put(&self, bits: &mut BitWriter<'_>) {
        bits.put(u64::from(self.kinds.0), 6);
        bits.put(u64::from(self.form.code()), 4);
        for coding in &self.codings {
            bits.put(u64::from(coding.prediction.level), 1);
            bits.put_wide(coding.prediction.slope);
            bits.put_wide(coding.center);
            bits.put(u64::from(coding.table), 8);
        }
    }

    /// Reads a recipe; its tables are among the first `tables`.
    pub(super) fn parse(bits: &mut BitReader<'_>, tables: usize) -> Option<Self> {
        let kinds = KindSet(bits.take(6) as u8);
        let form = Form::from_code(bits.take(4) as u8)?;
        let mut codings = Vec::with_capacity(kinds.streams());
        for _ in 0..kinds.streams() {
            let prediction = Prediction { level: bits.take(1) == 1, slope: bits.take_wide() };
            codings.push(Coding { prediction, center: bits.take_wide(), table: bits.take(8) as u8 });
        }
        let is_good = kinds.0 != 0 && codings.iter().all(|coding| usize::from(coding.table) < tables);
        is_good.then_some(Self { kinds, form, codings })
    }
}

/// Bits that hold any number below `count`.
pub(super) fn index_bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// How many milliseconds a time of this form counts.
pub(super) fn unit_ms(form: Form) -> i64 {
    if form == Form::Decimal(3) { 1000 } else { 1 }
}
