//! From the base windows to the short and the long ones: sums are added, and only at the end of a window does a sum become a ratio.
//!
//! Everything that is added is an integer, so that a day is the same to the last bit whether it is put together from
//! hours or from five-minute windows. Never a mean of means. Months and longer are sums of archived days ([`days`](super::days)):
//! nothing here is open for longer than a day.

use super::calendar::Long;
use super::column::{Cells, Kept};
use super::row::{Row, Rows};
use super::save::Save;

/// What is known of a window, such that two that follow each other can become one.
pub(super) trait Sums: Default + Save {
    /// Takes in the window that follows.
    fn add(&mut self, later: &Self);
    /// Names what the archive keeps of a day.
    fn keep(&self, cells: &mut Cells);
    /// A day as it was kept.
    fn recall(row: &dyn Kept) -> Self;
}

/// The sums of the short window and of the long ones that are open.
#[derive(Debug, Default)]
pub(super) struct Cascade<S> {
    short: S,
    hour: S,
    day: S,
}

impl<S: Sums> Cascade<S> {
    /// Takes in a base window; the short one, and where its figures go, if that ends with it.
    pub(super) fn step<'r, 'a>(&mut self, window: &S, rows: &'r mut Rows<'a>) -> Option<(S, &'r mut Row<'a>)> {
        self.short.add(window);
        let row = rows.short.as_mut()?;
        Some((std::mem::take(&mut self.short), row))
    }

    /// Takes in a short window. Days are made of these and not of hours: in some zones they do not begin on the hour.
    pub(super) fn add(&mut self, window: &S) {
        self.hour.add(window);
        self.day.add(window);
    }

    /// Ends an hour, or else the day.
    pub(super) fn close(&mut self, long: Long) -> S {
        std::mem::take(if long == Long::Hour { &mut self.hour } else { &mut self.day })
    }
}

impl<S: Save> Save for Cascade<S> {
    fn save(&self, out: &mut Vec<u8>) {
        self.short.save(out);
        self.hour.save(out);
        self.day.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Some(Self { short: S::load(input)?, hour: S::load(input)?, day: S::load(input)? })
    }
}

/// Saves, adds and keeps field by field; leaving one out does not compile.
macro_rules! sums {
    ($name:ident { $($sum:ident),* $(,)? }) => {
        $crate::aggregate::save::saved!($name { $($sum),* });

        impl $crate::aggregate::cascade::Sums for $name {
            fn add(&mut self, later: &Self) {
                let Self { $($sum),* } = later;
                $( $crate::aggregate::cascade::Add::take_in(&mut self.$sum, $sum); )*
            }

            fn keep(&self, cells: &mut $crate::aggregate::column::Cells) {
                let Self { $($sum),* } = self;
                $( $crate::aggregate::column::Keep::keep($sum, stringify!($sum), cells); )*
            }

            fn recall(row: &dyn $crate::aggregate::column::Kept) -> Self {
                Self { $( $sum: $crate::aggregate::column::Keep::recall(stringify!($sum), row), )* }
            }
        }
    };
}
pub(super) use sums;

/// How a field of one window and that of the next become one.
pub(super) trait Add {
    fn take_in(&mut self, later: &Self);
}

impl Add for i64 {
    fn take_in(&mut self, later: &Self) {
        *self = self.saturating_add(*later);
    }
}

impl Add for i128 {
    fn take_in(&mut self, later: &Self) {
        *self = self.saturating_add(*later);
    }
}

/// A count that may not have been taken.
impl Add for Option<i64> {
    fn take_in(&mut self, later: &Self) {
        if let Some(later) = later {
            *self = Some(self.unwrap_or(0).saturating_add(*later));
        }
    }
}

/// Lowest and highest value, if there were any.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Range(pub(super) Option<(f64, f64)>);

impl Range {
    pub(super) fn widen(&mut self, value: f64) {
        self.0 = Some(self.0.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
    }
}

impl Add for Range {
    fn take_in(&mut self, later: &Self) {
        if let Some((low, high)) = later.0 {
            self.widen(low);
            self.widen(high);
        }
    }
}

impl Save for Range {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.map(|(low, _)| low).save(out);
        self.0.map(|(_, high)| high).save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let (low, high) = (Option::load(input)?, Option::load(input)?);
        Some(Self(low.zip(high)))
    }
}

/// The greatest of what there was.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Greatest(pub(super) Option<f64>);

impl Greatest {
    pub(super) fn take(&mut self, value: f64) {
        self.0 = Some(self.0.map_or(value, |greatest| greatest.max(value)));
    }
}

impl Add for Greatest {
    fn take_in(&mut self, later: &Self) {
        if let Some(value) = later.0 {
            self.take(value);
        }
    }
}

impl Save for Greatest {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Option::load(input).map(Self)
    }
}

/// What stood last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Last(pub(super) Option<i64>);

impl Add for Last {
    fn take_in(&mut self, later: &Self) {
        self.0 = later.0.or(self.0);
    }
}

impl Save for Last {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Option::load(input).map(Self)
    }
}

/// What stood at the end of a window; nothing if it was not known then, whatever was known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct AtEnd(pub(super) Option<i64>);

impl Add for AtEnd {
    fn take_in(&mut self, later: &Self) {
        *self = *later;
    }
}

impl Save for AtEnd {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Option::load(input).map(Self)
    }
}

/// A measured quantity over time, in millionths of its unit times ms: exact sums of rounded values.
///
/// The millionth is finer than anything a facility measures; 128 bits hold a megawatt for a century.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Area(pub(super) i128);

const MICRO: f64 = 1e6;

impl Area {
    /// Adds a value that stood for so long.
    pub(super) fn hold(&mut self, value: f64, step_ms: i64) {
        // A float that is too large for the cast stops at its limit.
        self.0 = self.0.saturating_add(i128::from((value * MICRO).round() as i64) * i128::from(step_ms));
    }

    /// The time-weighted mean over so long; none over no time.
    pub(super) fn mean(self, over_ms: i64) -> Option<f64> {
        (over_ms > 0).then(|| self.0 as f64 / over_ms as f64 / MICRO)
    }

    /// In units times minutes.
    pub(super) fn minutes(self) -> f64 {
        self.0 as f64 / MICRO / 60_000.0
    }
}

impl Add for Area {
    fn take_in(&mut self, later: &Self) {
        self.0.take_in(&later.0);
    }
}

impl Save for Area {
    fn save(&self, out: &mut Vec<u8>) {
        ((self.0 >> 64) as i64).save(out);
        (self.0 as u64).save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let (high, low) = (i64::load(input)?, u64::load(input)?);
        Some(Self((i128::from(high) << 64) | i128::from(low)))
    }
}
