//! An alarm that stood when its device was taken out of the configuration: told as ended, once, by the gateway. Pure.

use super::event::{Event, State};
use super::run::Cause;
use facility_config::alarm::RuleKind;
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::{Batch, Metric, Value};

/// An alarm nobody will judge again.
#[derive(Debug)]
pub(super) struct Removed {
    pub(super) device: Box<str>,
    pub(super) rule: RuleKind,
    pub(super) since_ms: i64,
}

impl Removed {
    /// What is told of it: the device is the target.
    pub(super) fn batch(&self, now_ms: i64, at_ms: i64) -> Batch {
        let event = Event {
            is_active: false,
            lasted_ms: now_ms - self.since_ms,
            ended: Some(Cause::Removed),
            ..Event::of(Some(self.rule), Part::WHOLE, State::Cleared)
        };
        let mut batch = event.batch(DeviceIx::GATEWAY, at_ms);
        batch.push(self.target(), Value::Text((&*self.device).into()));
        batch
    }

    /// Whether a batch of the log is that.
    pub(super) fn is_told_by(&self, batch: &Batch) -> bool {
        let mut targets = batch.readings.iter().filter(|reading| reading.metric == self.target());
        targets.any(|reading| matches!(&reading.value, Value::Text(device) if **device == *self.device))
    }

    fn target(&self) -> Metric {
        Metric { point: Point::AlarmTarget, part: Part::new(self.rule.as_str()).unwrap_or_default() }
    }
}
