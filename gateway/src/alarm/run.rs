//! An excursion as a record: how far, how much, and what went with it (DOMAIN §4, §5). Pure.
//!
//! Integrates from reading to reading, each value standing for three intervals at most: a gap adds nothing, and a run with a
//! gap in it is open-ended, for nobody knows what happened meanwhile.

use crate::aggregate::save::saved;
use facility_config::alarm::Rule;

/// How long before its beginning a power-up, or the end of a defrost, can have caused it at least.
const BEFORE_MS: i64 = 30 * 60_000;
const MIN_MS: f64 = 60_000.0;

/// What went with an excursion, the likelier first, and why an alarm ended that was not over. A closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Data stopped while it lasted.
    OpenEnded,
    /// Power was lost or came back shortly before its peak.
    Power,
    /// The door was open for at least half of the time to its peak.
    Door,
    /// It began in a defrost or shortly after one.
    Defrost,
    /// None of these.
    Unknown,
    /// Ended: the lane, compartment, probe or phase is no longer reported.
    NotReported,
    /// Ended: the device is no longer declared.
    Removed,
}

impl Cause {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::OpenEnded => "open_ended",
            Self::Power => "power",
            Self::Door => "door",
            Self::Defrost => "defrost",
            Self::Unknown => "unknown",
            Self::NotReported => "not_reported",
            Self::Removed => "removed",
        }
    }
}

/// What is told of a run when it has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Record {
    /// Value farthest beyond the limit.
    pub(super) peak: f64,
    /// Sum of degrees beyond the limit times minutes.
    pub(super) area_c_min: f64,
    pub(super) cause: Cause,
}

/// A reading of the temperature with what was known at its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) value: f64,
    pub(super) at_ms: i64,
    pub(super) hold_ms: i64,
    pub(super) door_is_open: bool,
    /// End of the newest defrost; while it runs, a time to come.
    pub(super) defrost_end_ms: Option<i64>,
    /// Newest power-up or loss of mains.
    pub(super) power_ms: Option<i64>,
}

/// An excursion that goes on.
#[derive(Debug)]
pub(super) struct Run {
    began_ms: i64,
    last_ms: i64,
    last: f64,
    peak: f64,
    peak_ms: i64,
    area_c_ms: f64,
    door_ms: i64,
    door_to_peak_ms: i64,
    door_is_open: bool,
    had_power: bool,
    had_defrost: bool,
    had_gap: bool,
}

saved!(Run { began_ms, last_ms, last, peak, peak_ms, area_c_ms, door_ms, door_to_peak_ms, door_is_open, had_power, had_defrost, had_gap });

impl Run {
    /// Begins with the first reading beyond the limit.
    pub(super) fn begin(rule: &Rule, step: Step) -> Self {
        let before_ms = step.at_ms - BEFORE_MS.max(super::watch::span_or_zero_ms(rule.defrost_delay));
        Self {
            began_ms: step.at_ms,
            last_ms: step.at_ms,
            last: step.value,
            peak: step.value,
            peak_ms: step.at_ms,
            area_c_ms: 0.0,
            door_ms: 0,
            door_to_peak_ms: 0,
            door_is_open: step.door_is_open,
            had_power: step.power_ms.is_some_and(|power_ms| power_ms >= before_ms),
            had_defrost: step.defrost_end_ms.is_some_and(|end_ms| end_ms >= before_ms),
            had_gap: false,
        }
    }

    /// Takes the next reading.
    pub(super) fn go_on(&mut self, rule: &Rule, step: Step) {
        let span_ms = step.at_ms - self.last_ms;
        if span_ms <= 0 {
            return;
        }
        self.had_gap |= span_ms > step.hold_ms;
        let held_ms = span_ms.min(step.hold_ms);
        self.area_c_ms += super::stand::excess(rule, self.last) * held_ms as f64;
        self.door_ms += if self.door_is_open { held_ms } else { 0 };
        (self.last, self.last_ms, self.door_is_open) = (step.value, step.at_ms, step.door_is_open);
        self.had_power |= step.power_ms.is_some_and(|power_ms| power_ms >= self.began_ms && power_ms <= step.at_ms);
        if super::stand::excess(rule, step.value) > super::stand::excess(rule, self.peak) {
            (self.peak, self.peak_ms, self.door_to_peak_ms) = (step.value, step.at_ms, self.door_ms);
        }
    }

    /// Data stopped.
    pub(super) fn gap(&mut self) {
        self.had_gap = true;
    }

    /// What is to be told at its end.
    pub(super) fn record(&self) -> Record {
        let to_peak_ms = self.peak_ms - self.began_ms;
        let by_door = if to_peak_ms > 0 { 2 * self.door_to_peak_ms >= to_peak_ms } else { self.door_is_open };
        let cause = match (self.had_gap, self.had_power, by_door, self.had_defrost) {
            (true, ..) => Cause::OpenEnded,
            (_, true, ..) => Cause::Power,
            (_, _, true, _) => Cause::Door,
            (_, _, _, true) => Cause::Defrost,
            _ => Cause::Unknown,
        };
        Record { peak: self.peak, area_c_min: self.area_c_ms / MIN_MS, cause }
    }
}
