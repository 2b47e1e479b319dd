//! The figures of one device and window on their way out, in the order of the point table.
//!
//! A figure without observed time is left out: absence, not 0. Nothing that is not finite leaves. The figures of a long
//! window carry its name as their part.

use super::calendar::Long;
use facility_config::limits::{COVERAGE_GOOD_MIN, COVERAGE_MIN, PER_DAY_TOLERANCE};
use facility_config::{Part, Point};
use facility_drivers::{Batch, Metric, Value};

/// Milliseconds of a day, as sums of a window are put to it.
pub(super) const DAY_MS: f64 = 86_400_000.0;

/// Adds figures to a batch.
pub(super) struct Row<'a> {
    pub(super) batch: &'a mut Batch,
    pub(super) window_ms: i64,
    /// None for the short windows, which have measurements of their own.
    pub(super) long: Option<Long>,
}

impl Row<'_> {
    /// A measured figure.
    pub(super) fn float(&mut self, point: Point, value: f64) {
        if value.is_finite() {
            self.push(point, Value::Float(value));
        }
    }

    /// A count.
    pub(super) fn int(&mut self, point: Point, count: i64) {
        self.push(point, Value::Int(count));
    }

    fn push(&mut self, point: Point, value: Value) {
        let part = self.long.and_then(|long| Part::new(long.as_str())).unwrap_or_default();
        self.batch.push(Metric { point, part }, value);
    }

    /// A measured figure that may not be known.
    pub(super) fn known(&mut self, point: Point, value: Option<f64>) {
        if let Some(value) = value {
            self.float(point, value);
        }
    }

    /// How far the figures of a window can be trusted, by the share of it that was observed.
    pub(super) fn quality(&mut self, point: Point, observed_ms: i64) {
        let coverage = observed_ms as f64 / self.window_ms as f64;
        self.int(point, i64::from(coverage < COVERAGE_GOOD_MIN) + i64::from(coverage < COVERAGE_MIN));
    }

    /// A count that may not have been taken.
    pub(super) fn counted(&mut self, point: Point, count: Option<i64>) {
        if let Some(count) = count {
            self.int(point, count);
        }
    }

    /// Milliseconds, or part-milliseconds, as seconds.
    pub(super) fn seconds(&mut self, point: Point, ms: i64) {
        self.float(point, ms as f64 / 1e3);
    }

    /// A share; left out if there is nothing to take a share of.
    pub(super) fn share(&mut self, point: Point, of_ms: i64, in_ms: i64) {
        if in_ms > 0 {
            self.float(point, of_ms as f64 / in_ms as f64);
        }
    }

    /// What was counted, per day of the time it was counted over. Left out unless that time is the window, to a tenth of it: a
    /// part of a day is not a day, and a counter that was silent for a week has counted more than the window it speaks in.
    pub(super) fn per_day(&self, count: f64, over_ms: i64) -> Option<f64> {
        let share = over_ms as f64 / self.window_ms as f64;
        ((share - 1.0).abs() <= PER_DAY_TOLERANCE).then(|| count * DAY_MS / over_ms as f64)
    }

    /// The share of the window that was observed; left out if nothing was.
    pub(super) fn coverage(&mut self, point: Point, observed_ms: i64) {
        if observed_ms > 0 {
            self.share(point, observed_ms, self.window_ms);
        }
    }
}
