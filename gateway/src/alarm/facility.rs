//! What the alarms of one device are judged on: its air, its door, its defrosts and when it was heard.

use super::signal::{Known, Signal};
use super::watch::{Raised, Stand, Transition, Watch, span_or_zero_ms};
use crate::aggregate::{Defrost, Sign, flag, float, mode_is_defrost, sign};
use facility_config::Point;
use facility_config::alarm::{Rule, RuleKind};
use facility_drivers::{Batch, Reading, Value};

/// Silence is never judged before this many intervals, whatever the rule says.
const SILENT_INTERVALS_MIN: f64 = 1.0;

#[derive(Debug)]
pub(super) struct Facility {
    interval_ms: i64,
    air: Signal<f64>,
    door: Signal<bool>,
    defrost: Defrost,
    /// First sight or newest power-up.
    started_ms: Option<i64>,
    /// Newest report of how long it has been up, and its time stamp.
    uptime: Option<(i64, i64)>,
    heard_ms: Option<i64>,
    watches: Vec<Watch>,
}

impl Facility {
    pub(super) fn new(interval_ms: i64, rules: &[Rule]) -> Self {
        Self {
            interval_ms,
            air: Signal::default(),
            door: Signal::default(),
            defrost: Defrost::default(),
            started_ms: None,
            uptime: None,
            heard_ms: None,
            watches: rules.iter().copied().map(Watch::new).collect(),
        }
    }

    /// Takes the readings of a message stamped `stamp_ms`.
    pub(super) fn observe(&mut self, batch: &Batch, stamp_ms: i64, now_ms: i64) {
        self.forget_lost(now_ms);
        let hold_ms = 3 * self.interval_ms;
        let from_ms = if stamp_ms > now_ms - hold_ms { stamp_ms.min(now_ms) } else { now_ms };
        for reading in batch.readings.iter().filter(|reading| reading.metric.part.is_whole()) {
            self.take(reading, stamp_ms, from_ms, hold_ms);
        }
        if batch.readings.iter().any(|reading| matches!(sign(reading.metric.point, &reading.value), Sign::Message | Sign::Heard)) {
            self.heard_ms = Some(now_ms);
        }
    }

    /// Judges every rule and tells what changed.
    pub(super) fn judge(&mut self, now_ms: i64, engine_started_ms: i64, mut tell: impl FnMut(RuleKind, Transition)) {
        let (air, door) = (self.air.at(now_ms), self.door.at(now_ms));
        let heard_ms = self.heard_ms.unwrap_or(engine_started_ms);
        for watch in &mut self.watches {
            let mut may_raise = true;
            let stand = match watch.rule.kind {
                RuleKind::FrozenHigh | RuleKind::ChilledHigh => {
                    let quiet_ms = span_or_zero_ms(watch.rule.defrost_delay);
                    may_raise = [self.defrost.end_ms(), self.started_ms].into_iter().flatten().all(|from_ms| now_ms >= from_ms + quiet_ms);
                    if let Known::Good(air_c, _) = air {
                        watch.value = Some(air_c);
                    }
                    stand(air, |air_c, since_ms| temperature(&watch.rule, air_c, since_ms))
                }
                RuleKind::DoorOpen => stand(door, |open, since_ms| if open { Stand::Over(since_ms) } else { Stand::Under(since_ms) }),
                RuleKind::CommLoss => {
                    watch.value = Some((now_ms - heard_ms) as f64 / self.interval_ms as f64);
                    silence(&watch.rule, self.interval_ms, heard_ms, now_ms)
                }
            };
            if let Some(transition) = watch.judge(now_ms, stand, may_raise) {
                tell(watch.rule.kind, transition);
            }
        }
    }

    /// Whether an alarm stands or its delay is running.
    pub(super) fn is_uneasy(&self) -> bool {
        self.watches.iter().any(Watch::is_uneasy)
    }

    /// Alarms that stand: rule, limit, since when, newest value.
    pub(super) fn raised(&self) -> impl Iterator<Item = (RuleKind, f64, Raised, Option<f64>)> {
        self.watches.iter().filter_map(|watch| Some((watch.rule.kind, watch.rule.limit, watch.raised?, watch.value)))
    }

    /// A value that returns after a loss nobody ticked through starts its delays again.
    fn forget_lost(&mut self, now_ms: i64) {
        let air_lost = self.air.at(now_ms) == Known::Lost;
        let door_lost = self.door.at(now_ms) == Known::Lost;
        for watch in &mut self.watches {
            let lost = match watch.rule.kind {
                RuleKind::FrozenHigh | RuleKind::ChilledHigh => air_lost,
                RuleKind::DoorOpen => door_lost,
                RuleKind::CommLoss => false,
            };
            if lost {
                watch.forget();
            }
        }
    }

    fn take(&mut self, reading: &Reading, stamp_ms: i64, from_ms: i64, hold_ms: i64) {
        let value = &reading.value;
        match reading.metric.point {
            Point::CabinetAir => {
                let air_c = float(value);
                if air_c.is_some() {
                    self.started_ms.get_or_insert(from_ms);
                }
                self.air.set(stamp_ms, from_ms, hold_ms, air_c);
            }
            Point::CabinetDoor => {
                self.door.set(stamp_ms, from_ms, hold_ms, flag(value));
            }
            Point::VendingStatus => {
                self.door.set(stamp_ms, from_ms, hold_ms, status_is_door_open(value));
            }
            Point::CabinetDefrost => {
                self.defrost.flag(from_ms, hold_ms, flag(value));
            }
            Point::CabinetMode => {
                self.defrost.mode(from_ms, hold_ms, mode_is_defrost(value));
            }
            Point::HealthUptime => self.notice_power_up(value, stamp_ms, from_ms),
            _ => {}
        }
    }

    /// A device that has been up for less time than it had been before was switched on again.
    fn notice_power_up(&mut self, uptime: &Value, stamp_ms: i64, from_ms: i64) {
        let Value::Int(uptime_s) = *uptime else { return };
        match self.uptime {
            Some((before_ms, _)) if stamp_ms < before_ms => return,
            Some((_, before_s)) if uptime_s < before_s => self.started_ms = Some(from_ms),
            _ => {}
        }
        self.uptime = Some((stamp_ms, uptime_s));
    }
}

fn stand<T>(known: Known<T>, judge: impl FnOnce(T, i64) -> Stand) -> Stand {
    match known {
        Known::Good(value, since_ms) => judge(value, since_ms),
        Known::Paused => Stand::Paused,
        Known::Lost => Stand::Lost,
    }
}

fn temperature(rule: &Rule, air_c: f64, since_ms: i64) -> Stand {
    if air_c > rule.limit {
        Stand::Over(since_ms)
    } else if rule.deadband <= 0.0 || air_c < rule.limit - rule.deadband {
        Stand::Under(since_ms)
    } else {
        Stand::Between
    }
}

fn silence(rule: &Rule, interval_ms: i64, heard_ms: i64, now_ms: i64) -> Stand {
    let allowed_ms = (rule.limit.max(SILENT_INTERVALS_MIN) * interval_ms as f64) as i64;
    if now_ms - heard_ms > allowed_ms { Stand::Over(heard_ms.saturating_add(allowed_ms)) } else { Stand::Under(heard_ms) }
}

fn status_is_door_open(status: &Value) -> Option<bool> {
    match status {
        Value::Text(word) if &**word == "unknown" => None,
        Value::Text(word) => Some(&**word == "door_open"),
        _ => None,
    }
}
