//! Faults of a device, read from what its alarms say (DOMAIN §4, MTBF and MTTR).
//!
//! A fault begins once: an alarm that is told again while it stands, whatever for, is no other one. Bounded by
//! [`FAULTS_STANDING_MAX`]; of a fault beyond them each "raised" counts.

use super::hold::Sample;
use super::save::saved;
use facility_config::limits::FAULTS_STANDING_MAX;
use facility_config::{Part, Point};
use facility_drivers::{Metric, Value};

/// Alarms that mean that something is broken: the device itself, a probe, a fan, a motor.
const RULES: [&str; 5] = ["comm_loss", "probe_fault", "condenser_high", "defrost_timeout", "vend_fail_burst"];

/// What an alarm's event is for a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Began,
    Ended { lasted_ms: i64 },
}

/// The faults that stand, and the event that is being read.
#[derive(Debug, Default)]
pub(super) struct Faults {
    standing: Vec<Fault>,
    reading: Option<Reading>,
}

/// A rule and the lane, probe or phase it was raised for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault {
    rule: Part,
    target: Part,
}

/// The fields of one event follow each other, the state first, how long it lasted behind the target.
#[derive(Debug)]
struct Reading {
    at_ms: i64,
    fault: Fault,
    is_raised: bool,
}

saved!(Fault { rule, target });
saved!(Reading { at_ms, fault, is_raised });
saved!(Faults { standing, reading });

impl Faults {
    /// Takes a field of an alarm's event; with the last that matters it says what became of a fault.
    pub(super) fn read(&mut self, metric: &Metric, sample: &Sample<'_>) -> Option<Turn> {
        let rule = metric.part;
        if !RULES.contains(&rule.as_str()) {
            return None;
        }
        let at_ms = sample.at_ms;
        match (metric.point, sample.value) {
            (Point::AlarmState, Value::Text(word)) => {
                // What people do about an alarm, that it is held back, and that it is told again is neither.
                let is_turn = matches!(&**word, "raised" | "cleared");
                let fault = Fault { rule, target: Part::WHOLE };
                self.reading = is_turn.then_some(Reading { at_ms, fault, is_raised: &**word == "raised" });
                None
            }
            (Point::AlarmTarget, Value::Text(target)) => {
                if let Some(reading) = self.reading.as_mut().filter(|reading| reading.is_of(rule, at_ms)) {
                    reading.fault.target = Part::new(target).unwrap_or_default();
                }
                None
            }
            (Point::AlarmDurationS, Value::Float(seconds)) => {
                let reading = self.reading.take_if(|reading| reading.is_of(rule, at_ms))?;
                self.settle(&reading, *seconds)
            }
            _ => None,
        }
    }

    fn settle(&mut self, reading: &Reading, seconds: f64) -> Option<Turn> {
        let known = self.standing.iter().position(|fault| *fault == reading.fault);
        if !reading.is_raised {
            known.map(|at| self.standing.swap_remove(at));
            // A float that is too large for the cast stops at its limit.
            return Some(Turn::Ended { lasted_ms: (seconds * 1e3) as i64 });
        }
        if known.is_some() {
            return None;
        }
        if self.standing.len() < FAULTS_STANDING_MAX {
            self.standing.push(reading.fault);
        }
        Some(Turn::Began)
    }
}

impl Reading {
    fn is_of(&self, rule: Part, at_ms: i64) -> bool {
        (self.fault.rule, self.at_ms) == (rule, at_ms)
    }
}
