//! What is told of an alarm, as a batch for the log and back. The log is what a restart reads.

use super::run::{Cause, Record};
use facility_config::alarm::RuleKind;
use facility_config::{DeviceIx, Measurement, Part, Point};
use facility_drivers::{Batch, Metric, Subject, Value};

/// Name of the `rule` tag of a device's maintenance, which is of all its rules.
pub(super) const MAINTENANCE: &str = "maintenance";

/// What happened, or still is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Raised,
    /// Told again: nobody has acknowledged it.
    Reminded,
    Cleared,
    Acknowledged,
    Shelved,
    Unshelved,
    Suppressed,
    Released,
    /// Nothing happened: it stands, told now and then so that the newest hours of the log say all that stands.
    Stands,
    /// The same of one that was acknowledged.
    StandsSeen,
    /// The same of a shelf, or of maintenance.
    StandsHeld,
}

impl State {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Raised, "raised"),
        (Self::Reminded, "reminded"),
        (Self::Cleared, "cleared"),
        (Self::Acknowledged, "acknowledged"),
        (Self::Shelved, "shelved"),
        (Self::Unshelved, "unshelved"),
        (Self::Suppressed, "suppressed"),
        (Self::Released, "released"),
        (Self::Stands, "stands"),
        (Self::StandsSeen, "stands_seen"),
        (Self::StandsHeld, "stands_held"),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether it only repeats what was told before.
    pub(super) fn is_repeated(self) -> bool {
        matches!(self, Self::Stands | Self::StandsSeen | Self::StandsHeld)
    }
}

/// One event of an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Event {
    /// `None`: maintenance of the whole device.
    pub(super) rule: Option<RuleKind>,
    pub(super) part: Part,
    pub(super) state: State,
    /// Whether it stands now.
    pub(super) is_active: bool,
    pub(super) value: Option<(f64, f64)>,
    pub(super) lasted_ms: i64,
    /// End of a shelving or of maintenance.
    pub(super) until_ms: Option<i64>,
    pub(super) record: Option<Record>,
    /// Why it ended that was not over.
    pub(super) ended: Option<Cause>,
}

impl Event {
    /// A device's maintenance begins or ends.
    pub(super) fn maintenance(until_ms: Option<i64>) -> Self {
        let state = if until_ms.is_some() { State::Suppressed } else { State::Released };
        let is_active = until_ms.is_some();
        Self { is_active, until_ms, ..Self::of(None, Part::WHOLE, state) }
    }

    /// What happened to an alarm that stands; nothing more is known of it.
    pub(super) fn of(rule: Option<RuleKind>, part: Part, state: State) -> Self {
        let (value, until_ms, record, ended) = (None, None, None, None);
        Self { rule, part, state, is_active: true, value, lasted_ms: 0, until_ms, record, ended }
    }

    /// As it goes into the log.
    pub(super) fn batch(&self, device: DeviceIx, at_ms: i64) -> Batch {
        let mut batch = Batch::new(device, Subject::Event, at_ms);
        let part = Part::new(self.rule.map_or(MAINTENANCE, RuleKind::as_str)).unwrap_or_default();
        let mut push = |point, value| batch.push(Metric { point, part }, value);
        push(Point::AlarmActive, Value::Int(i64::from(self.is_active)));
        push(Point::AlarmState, Value::Text(self.state.as_str().into()));
        if let Some(rule) = self.rule {
            push(Point::AlarmSeverity, Value::Text(rule.info().severity.as_str().into()));
        }
        if !self.part.is_whole() {
            push(Point::AlarmTarget, Value::Text(self.part.as_str().into()));
        }
        if let Some((value, limit)) = self.value {
            push(Point::AlarmValue, Value::Float(value));
            push(Point::AlarmLimit, Value::Float(limit));
        }
        push(Point::AlarmDurationS, Value::Float(self.lasted_ms as f64 / 1e3));
        if let Some(until_ms) = self.until_ms {
            push(Point::AlarmUntil, Value::Int(until_ms));
        }
        if let Some(record) = self.record {
            push(Point::AlarmPeak, Value::Float(record.peak));
            push(Point::AlarmArea, Value::Float(record.area_c_min));
        }
        if let Some(cause) = self.ended.or(self.record.map(|record| record.cause)) {
            push(Point::AlarmCause, Value::Text(cause.as_str().into()));
        }
        batch
    }

    /// As the log has it; `None` if the batch is about no alarm, or about a rule that is known no more.
    pub(super) fn read(batch: &Batch) -> Option<Self> {
        let mut of_alarms = batch.readings.iter().filter(|reading| reading.metric.point.measurement() == Measurement::Alarm);
        let tag = of_alarms.clone().next()?.metric.part;
        let find =
            |point| batch.readings.iter().find(|reading| reading.metric == Metric { point, part: tag }).map(|reading| &reading.value);
        let float = |point| find(point).and_then(crate::aggregate::float);
        let text = |point| match find(point) {
            Some(Value::Text(text)) => Some(&**text),
            _ => None,
        };
        let is_active = of_alarms.find(|reading| reading.metric.point == Point::AlarmActive)?.value == Value::Int(1);
        let rule = if tag.as_str() == MAINTENANCE { None } else { Some(RuleKind::from_name(tag.as_str())?) };
        let word = text(Point::AlarmState);
        let by_what_stands = if is_active { State::Raised } else { State::Cleared };
        Some(Self {
            rule,
            part: text(Point::AlarmTarget).and_then(Part::new).unwrap_or_default(),
            // An event of a version without the word says it by what stands.
            state: State::ALL.into_iter().find(|(_, known)| Some(*known) == word).map_or(by_what_stands, |(state, _)| state),
            is_active,
            value: float(Point::AlarmValue).zip(float(Point::AlarmLimit)),
            lasted_ms: float(Point::AlarmDurationS).map_or(0, |lasted_s| (lasted_s * 1e3).round() as i64),
            until_ms: match find(Point::AlarmUntil) {
                Some(Value::Int(until_ms)) => Some(*until_ms),
                _ => None,
            },
            // Told once; nobody asks for it again.
            record: None,
            ended: None,
        })
    }
}
