//! How the sums of a day become the integers that the archive keeps, and come back.
//!
//! Every field of a sum is a column under its own name: a field that is added later is absent in what was kept before, and
//! nothing else changes. So a field that is renamed is forgotten. What is kept is rounded, which months allow because they
//! are sums of kept days: times to seconds, extremes to a thousandth, peaks to a ten-thousandth, areas to a hundredth of a
//! unit for a minute. Ratios and means of a day come back right to 1e-4 (`tests/kept.rs`), and so do those of a sum of days
//! (`archive/tests.rs` adds a month up). Pure.

use super::cascade::{Area, AtEnd, Greatest, Last, Range};

/// Name of a column: the field, and which of its numbers if it has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(&'static str, &'static str);

impl Name {
    pub(super) fn of(field: &'static str) -> Self {
        Self(field, "")
    }

    pub(super) fn part(field: &'static str, part: &'static str) -> Self {
        Self(field, part)
    }

    /// Whether a column that was read has this name.
    pub(crate) fn is(self, text: &str) -> bool {
        text.strip_prefix(self.0)
            .is_some_and(|rest| rest.strip_prefix('.').unwrap_or(rest) == self.1 && rest.is_empty() == self.1.is_empty())
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)?;
        if self.1.is_empty() { Ok(()) } else { write!(f, ".{}", self.1) }
    }
}

/// What stands in one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A number, or that there is none.
    Int(Option<i64>),
    /// Numbers, as many as there are.
    List(Vec<i64>),
}

/// One device and day of one kind, ready to be kept.
pub(crate) type Cells = Vec<(Name, Cell)>;

/// One device and day of one kind as it was kept.
pub(crate) trait Kept {
    /// A number; none if there was none or no such column.
    fn int(&self, name: Name) -> Option<i64>;
    /// Numbers; none of no such column.
    fn list(&self, name: Name) -> Vec<i64>;
}

/// A field of a sum on its way to the archive and back.
pub(super) trait Keep: Sized {
    fn keep(&self, field: &'static str, cells: &mut Cells);
    fn recall(field: &'static str, row: &dyn Kept) -> Self;
}

pub(super) const MS_PER_S: i64 = 1000;
/// Millionths of a unit times ms in a hundredth of a unit for a minute.
const AREA_STEP: i128 = 600_000_000;
const RANGE_STEPS: f64 = 1e3;
const GREATEST_STEPS: f64 = 1e4;

/// What a count is rounded to: fields in milliseconds to seconds, all others to nothing.
fn step(field: &str) -> i64 {
    if field.ends_with("_ms") { MS_PER_S } else { 1 }
}

pub(super) fn rounded(value: i64, step: i64) -> i64 {
    value.saturating_add(step / 2).div_euclid(step)
}

impl Keep for i64 {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        cells.push((Name::of(field), Cell::Int(Some(rounded(*self, step(field))))));
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        Option::recall(field, row).unwrap_or(0)
    }
}

impl Keep for Option<i64> {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        cells.push((Name::of(field), Cell::Int(self.map(|value| rounded(value, step(field))))));
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        row.int(Name::of(field)).map(|value| value.saturating_mul(step(field)))
    }
}

impl Keep for Last {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        self.0.keep(field, cells);
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        Self(Option::recall(field, row))
    }
}

impl Keep for AtEnd {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        self.0.keep(field, cells);
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        Self(Option::recall(field, row))
    }
}

impl Keep for Range {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        let steps = |value: f64| (value * RANGE_STEPS).round() as i64;
        cells.push((Name::part(field, "low"), Cell::Int(self.0.map(|(low, _)| steps(low)))));
        cells.push((Name::part(field, "high"), Cell::Int(self.0.map(|(_, high)| steps(high)))));
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        let value = |part| row.int(Name::part(field, part)).map(|steps| steps as f64 / RANGE_STEPS);
        Self(value("low").zip(value("high")))
    }
}

impl Keep for Greatest {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        // A peak in milliseconds needs no fraction of one, nor the milliseconds.
        let steps = if step(field) == 1 { GREATEST_STEPS } else { 1.0 / MS_PER_S as f64 };
        cells.push((Name::of(field), Cell::Int(self.0.map(|value| (value * steps).round() as i64))));
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        let of = |steps: i64| if step(field) == 1 { steps as f64 / GREATEST_STEPS } else { steps as f64 * MS_PER_S as f64 };
        Self(row.int(Name::of(field)).map(of))
    }
}

impl Keep for Area {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        let steps = self.0.saturating_add(AREA_STEP / 2).div_euclid(AREA_STEP);
        cells.push((Name::of(field), Cell::Int(Some(steps.clamp(i64::MIN.into(), i64::MAX.into()) as i64))));
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        Self(i128::from(i64::recall(field, row)) * AREA_STEP)
    }
}
