//! Alarms: each rule of each device judged on live readings, with or without a network.
//!
//! Never reads a clock: `now_ms` is an argument, and when it steps back the delays go on from where they were. Holds the
//! newest values and one state per rule; nothing grows.
//!
//! How missing data is treated (DOMAIN §5): it neither raises nor clears. While the newest reading has no value, or is
//! older than three intervals, no delay can run out; once three intervals have passed since the last good value, delays
//! that were running start again. Silence has its own rule, `comm_loss`.
//!
//! Readings count from their own time if it is at most three intervals old, otherwise from when they came in: a device
//! with a slow clock is supervised like any other, and a backlog that arrives at once is not mistaken for the present.

mod facility;
mod signal;
mod watch;

#[cfg(test)]
mod tests;

use crate::aggregate::span_ms;
use facility::Facility;
use facility_config::alarm::RuleKind;
use facility_config::{DeviceIx, Part, Point, Site};
use facility_drivers::{Batch, Metric, Subject, Value};
use std::sync::Arc;
use watch::Transition;

/// Far beyond any clock, near enough that sums of a few times never overflow.
const TIME_MS_MAX: i64 = 1 << 60;

/// An alarm that stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Active {
    /// Where.
    pub device: DeviceIx,
    /// What.
    pub rule: RuleKind,
    /// When the condition began, Unix ms.
    pub since_ms: i64,
    /// When the alarm was raised, Unix ms.
    pub raised_ms: i64,
    /// Newest value that was judged: °C, silent intervals; none for a door.
    pub value: Option<f64>,
    /// The limit of the rule, in the unit of the value.
    pub limit: f64,
}

/// All alarms of a site.
#[derive(Debug)]
pub struct Engine {
    devices: Vec<Facility>,
    time: Steady,
}

impl Engine {
    /// An engine that has seen nothing. Its first call decides from when on a device's silence is counted.
    #[must_use]
    pub fn new(site: Arc<Site>) -> Self {
        let devices = site.devices.iter().map(|device| Facility::new(span_ms(device.interval), &device.rules)).collect();
        Self { devices, time: Steady::default() }
    }

    /// Takes what a device said, once the pipeline has settled its time, and returns the alarms raised and cleared by it.
    pub fn observe(&mut self, batch: &Batch, now_ms: i64) -> Vec<Batch> {
        let now_ms = self.time.advance(now_ms);
        let Some(ix) = batch.device else { return Vec::new() };
        let Some(facility) = self.devices.get_mut(ix.at()) else { return Vec::new() };
        let stamp_ms = self.time.steady(batch.at_ms);
        facility.observe(batch, stamp_ms, now_ms);
        let mut events = Vec::new();
        facility.judge(now_ms, self.time.started_ms(), |rule, transition| events.push(self.time.event(ix, rule, transition)));
        events
    }

    /// Lets delays run out. To be called every second or so, whether anything was heard or not.
    pub fn tick(&mut self, now_ms: i64) -> Vec<Batch> {
        let now_ms = self.time.advance(now_ms);
        let mut events = Vec::new();
        for (at, facility) in self.devices.iter_mut().enumerate() {
            let ix = DeviceIx(at as u16);
            facility.judge(now_ms, self.time.started_ms(), |rule, transition| events.push(self.time.event(ix, rule, transition)));
        }
        events
    }

    /// Whether a device has an alarm that stands, or a condition that will be one if it lasts.
    #[must_use]
    pub fn is_uneasy(&self, device: DeviceIx) -> bool {
        self.devices.get(device.at()).is_some_and(Facility::is_uneasy)
    }

    /// Alarms that stand, by device, then by rule.
    #[must_use]
    pub fn active(&self) -> Vec<Active> {
        let mut active = Vec::new();
        for (at, facility) in self.devices.iter().enumerate() {
            for (kind, limit, raised, value) in facility.raised() {
                active.push(Active {
                    device: DeviceIx(at as u16),
                    rule: kind,
                    since_ms: self.time.wall(raised.since_ms),
                    raised_ms: self.time.wall(raised.raised_ms),
                    value,
                    limit,
                });
            }
        }
        active.sort_by_key(|alarm| (alarm.device, alarm.rule));
        active
    }
}

/// The wall clock without its steps back: delays keep their length when the clock is set back.
#[derive(Debug, Default)]
struct Steady {
    started_ms: Option<i64>,
    newest_ms: i64,
    /// Steady time minus wall time.
    offset_ms: i64,
}

impl Steady {
    /// Steady time now.
    fn advance(&mut self, wall_ms: i64) -> i64 {
        let now_ms = self.steady(wall_ms);
        if self.started_ms.is_none() {
            self.started_ms = Some(now_ms);
            self.newest_ms = now_ms;
        }
        if now_ms < self.newest_ms {
            self.offset_ms = self.offset_ms.saturating_add(self.newest_ms - now_ms);
        }
        self.newest_ms = self.newest_ms.max(now_ms);
        self.newest_ms
    }

    fn steady(&self, wall_ms: i64) -> i64 {
        wall_ms.saturating_add(self.offset_ms).clamp(-TIME_MS_MAX, TIME_MS_MAX)
    }

    fn wall(&self, steady_ms: i64) -> i64 {
        steady_ms.saturating_sub(self.offset_ms)
    }

    fn started_ms(&self) -> i64 {
        self.started_ms.unwrap_or(self.newest_ms)
    }

    fn event(&self, device: DeviceIx, rule: RuleKind, transition: Transition) -> Batch {
        let mut batch = Batch::new(device, Subject::Event, self.wall(transition.at_ms));
        let part = Part::new(rule.as_str()).unwrap_or_default();
        let mut push = |point, value| batch.push(Metric { point, part }, value);
        push(Point::AlarmActive, Value::Int(i64::from(transition.active)));
        if let Some((value, limit)) = transition.value {
            push(Point::AlarmValue, Value::Float(value));
            push(Point::AlarmLimit, Value::Float(limit));
        }
        push(Point::AlarmDurationS, Value::Float(transition.lasted_ms as f64 / 1e3));
        batch
    }
}
