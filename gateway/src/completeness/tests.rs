//! Reasons one by one, sums against the figures and against a second implementation, restarts, late messages, nonsense.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod balance;
mod late;
mod reasons;

use super::{Ledger, Missing, Reason};
use crate::aggregate::fixture::{Line, T0, cabinet, site as site_of};
use facility_config::device::ColdClass;
use facility_config::{DeviceIx, Part, Point, Site};
use facility_drivers::{Batch, Metric, Subject, Value};
use std::sync::Arc;
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;
/// Midnight of the site, 16 hours after the beginning.
const MIDNIGHT_MIN: i64 = 16 * 60;

/// The gateway and one cabinet that is heard every minute.
fn site() -> Arc<Site> {
    site_of(Duration::from_secs(300), vec![cabinet(ColdClass::Frozen)])
}

/// A row, times in seconds after the beginning.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    device: DeviceIx,
    reason: Reason,
    from_s: i64,
    dur_s: f64,
    expected: i64,
    since_s: i64,
    over: bool,
    filled: i64,
}

fn row(batch: &Batch) -> Row {
    let reason = batch.readings[0].metric.part;
    assert!(batch.readings.iter().all(|reading| reading.metric.part == reason));
    let find = |point| batch.readings.iter().find(|reading| reading.metric.point == point).map(|reading| &reading.value);
    let int = |point| match find(point) {
        Some(Value::Int(count)) => *count,
        _ => 0,
    };
    let dur_s = match find(Point::MissingDurationS) {
        Some(Value::Float(dur_s)) => *dur_s,
        _ => 0.0,
    };
    Row {
        device: batch.device.unwrap(),
        reason: Reason::ALL.into_iter().find(|known| known.as_str() == reason.as_str()).unwrap(),
        from_s: (batch.at_ms - T0) / 1000,
        dur_s,
        expected: int(Point::MissingExpected),
        since_s: find(Point::MissingSince).map_or(0, |_| (int(Point::MissingSince) - T0) / 1000),
        over: find(Point::MissingOver) == Some(&Value::Bool(true)),
        filled: int(Point::MissingFilled),
    }
}

/// Something that was said.
#[derive(Debug, Clone)]
struct Said {
    line: Line,
    is_provisional: bool,
}

/// A log in the making.
#[derive(Debug, Default)]
struct Log(Vec<Said>);

impl Log {
    /// Said by a device at a moment, committed a second later.
    fn say(&mut self, device: u16, at_s: i64, metric: impl Into<Metric>, value: Value) -> &mut Self {
        self.late(device, at_s, at_s, metric, value)
    }

    /// The same, but committed a second after another moment.
    fn late(&mut self, device: u16, at_s: i64, log_s: i64, metric: impl Into<Metric>, value: Value) -> &mut Self {
        let line =
            Line { log_ms: T0 + log_s * 1000 + 1000, device: DeviceIx(device), metric: metric.into(), at_ms: T0 + at_s * 1000, value };
        self.0.push(Said { line, is_provisional: false });
        self
    }

    /// The gateway lives at these minutes, started at the first of them.
    fn gateway(&mut self, minutes: std::ops::Range<i64>) -> &mut Self {
        let start = minutes.start;
        minutes.for_each(|minute| {
            self.say(0, minute * 60, Point::GatewayUptime, Value::Int((minute - start) * 60));
        });
        self
    }

    /// The cabinet speaks half a minute after each of these minutes.
    fn cabinet(&mut self, minutes: std::ops::Range<i64>) -> &mut Self {
        minutes.for_each(|minute| {
            self.say(1, minute * 60 + 30, Point::CabinetAir, Value::Float(-20.0));
        });
        self
    }

    /// In the order in which it was committed.
    fn lines(&self) -> Vec<Said> {
        let mut lines = self.0.clone();
        lines.sort_by_key(|said| said.line.log_ms);
        lines
    }

    /// What is told of the cabinet.
    fn rows(&self) -> Vec<Row> {
        let rows = fold(&mut Ledger::new(site()), &self.lines());
        rows.iter().filter(|batch| batch.subject == Subject::Event).map(row).filter(|row| row.device == DeviceIx(1)).collect()
    }
}

fn link(name: &str) -> Metric {
    Metric { point: Point::LinkUp, part: Part::new(name).unwrap() }
}

fn fold(ledger: &mut Ledger, lines: &[Said]) -> Vec<Batch> {
    let mut rows = Vec::new();
    for Said { line, is_provisional } in lines {
        ledger.observe(line.log_ms, *is_provisional, (line.device, line.metric), line.at_ms, &line.value, &mut rows);
    }
    rows
}
