//! What is told of an alarm, as a batch for the log and back. The log is what a restart reads.

use super::run::Record;
use facility_config::alarm::RuleKind;
use facility_config::{DeviceIx, Measurement, Part, Point};
use facility_drivers::{Batch, Metric, Subject, Value};

/// Name of the `rule` tag of a device's maintenance, which is of all its rules.
pub(super) const MAINTENANCE: &str = "maintenance";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Raised,
    Cleared,
    Acknowledged,
    Shelved,
    Unshelved,
    Suppressed,
    Released,
}

impl State {
    const ALL: [Self; 7] =
        [Self::Raised, Self::Cleared, Self::Acknowledged, Self::Shelved, Self::Unshelved, Self::Suppressed, Self::Released];

    fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
            Self::Acknowledged => "acknowledged",
            Self::Shelved => "shelved",
            Self::Unshelved => "unshelved",
            Self::Suppressed => "suppressed",
            Self::Released => "released",
        }
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
}

impl Event {
    /// A device's maintenance begins or ends.
    pub(super) fn maintenance(until_ms: Option<i64>) -> Self {
        let state = if until_ms.is_some() { State::Suppressed } else { State::Released };
        let is_active = until_ms.is_some();
        Self { rule: None, part: Part::WHOLE, state, is_active, value: None, lasted_ms: 0, until_ms, record: None }
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
            push(Point::AlarmCause, Value::Text(record.cause.as_str().into()));
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
        Some(Self {
            rule,
            part: text(Point::AlarmTarget).and_then(Part::new).unwrap_or_default(),
            // An event of a version without the word says it by what stands.
            state: State::ALL.into_iter().find(|state| Some(state.as_str()) == word).unwrap_or(match is_active {
                true => State::Raised,
                false => State::Cleared,
            }),
            is_active,
            value: float(Point::AlarmValue).zip(float(Point::AlarmLimit)),
            lasted_ms: float(Point::AlarmDurationS).map_or(0, |lasted_s| (lasted_s * 1e3).round() as i64),
            until_ms: match find(Point::AlarmUntil) {
                Some(Value::Int(until_ms)) => Some(*until_ms),
                _ => None,
            },
            // Told once; nobody asks for it again.
            record: None,
        })
    }
}
