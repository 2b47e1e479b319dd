//! The figures of one device and window on their way out, in the order of the point table.
//!
//! A figure without observed time is left out: absence, not 0. Nothing that is not finite leaves. The figures of a minute or
//! a long window carry its name as their part.

use super::calendar::{Long, Span};
use facility_config::limits::{COVERAGE_GOOD_MIN, COVERAGE_MIN, PER_DAY_TOLERANCE};
use facility_config::{Measurement, Part, Point};
use facility_drivers::{Batch, Metric, Reading, Value};

/// Milliseconds of a day, as sums of a window are put to it.
pub(super) const DAY_MS: f64 = 86_400_000.0;

/// Adds figures to a batch.
pub(super) struct Row<'a> {
    batch: &'a mut Batch,
    pub(super) window_ms: i64,
    /// None for a minute, and for the short windows, which have measurements of their own.
    pub(super) long: Option<Long>,
    part: Part,
}

/// Where a base window's figures go: those of its own, if they are told, and those of the short window that ends with it.
pub(super) struct Rows<'a> {
    pub(super) minute: Option<Row<'a>>,
    pub(super) short: Option<Row<'a>>,
}

const MINUTE: &str = "1m";

impl<'a> Row<'a> {
    /// Of a short window.
    pub(super) fn short(batch: &'a mut Batch, window_ms: i64) -> Self {
        Self { batch, window_ms, long: None, part: Part::WHOLE }
    }

    /// Of a minute.
    pub(super) fn minute(batch: &'a mut Batch, window_ms: i64) -> Self {
        Self { batch, window_ms, long: None, part: Part::new(MINUTE).unwrap_or_default() }
    }

    /// Of a long window.
    pub(super) fn long(batch: &'a mut Batch, long: Long, span: Span) -> Self {
        let part = Part::new(long.as_str()).unwrap_or_default();
        Self { batch, window_ms: span.end_ms - span.start_ms, long: Some(long), part }
    }
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
        self.batch.push(Metric { point, part: self.part }, value);
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

/// Says of every figure of a batch that it is not the first issue.
pub(crate) fn revise(batch: &mut Batch, rev: i64) {
    let readings = std::mem::take(&mut batch.readings);
    let mut rest = readings.into_iter().peekable();
    while let Some(reading) = rest.next() {
        let (metric, measurement) = (reading.metric, reading.metric.point.measurement());
        batch.readings.push(reading);
        let is_last = rest.peek().is_none_or(|next| next.metric.point.measurement() != measurement);
        if let Some(point) = rev_of(measurement).filter(|_| is_last) {
            batch.readings.push(Reading { metric: Metric { point, ..metric }, value: Value::Int(rev) });
        }
    }
}

/// Where a measurement of figures says which issue they are.
fn rev_of(measurement: Measurement) -> Option<Point> {
    match measurement {
        Measurement::Locker5m => Some(Point::Locker5mRev),
        Measurement::Cabinet5m => Some(Point::Cabinet5mRev),
        Measurement::Vending5m => Some(Point::Vending5mRev),
        Measurement::Energy5m => Some(Point::Energy5mRev),
        Measurement::Device5m => Some(Point::Device5mRev),
        Measurement::LockerKpi => Some(Point::LockerKpiRev),
        Measurement::LockerSizeKpi => Some(Point::LockerSizeKpiRev),
        Measurement::CabinetKpi => Some(Point::CabinetKpiRev),
        Measurement::VendingKpi => Some(Point::VendingKpiRev),
        Measurement::EnergyKpi => Some(Point::EnergyKpiRev),
        Measurement::DeviceKpi => Some(Point::DeviceKpiRev),
        _ => None,
    }
}
