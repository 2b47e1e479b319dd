//! One rule of one part of a device: the delays before it is raised and before it is cleared, and who has seen it.
//!
//! Edge-triggered (OPC UA Part 9): raised once, told again only while nobody has acknowledged it, cleared once. A latched one
//! clears when it is acknowledged. There is a watch only while there is something to watch.

use super::run::Run;
use super::stand::{Seen, Stand};
use crate::aggregate::save::{Save, saved};
use crate::aggregate::span_ms;
use facility_config::alarm::Rule;

const NEVER: i64 = i64::MIN;

/// What became of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Raised,
    /// Told again.
    Reminded,
    Cleared,
}

/// What a judgement may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Raise and clear.
    Turn,
    /// Only clear: shelved, in maintenance, its link down.
    Clear,
    /// Only follow the delays: the log says what was raised and cleared.
    Follow,
}

/// At most 48 bytes: a site has thousands.
#[derive(Debug)]
pub(super) struct Watch {
    /// Since when the condition holds that raised it.
    since_ms: i64,
    /// Raised: since when the condition is gone. Not raised: since when it holds. Or never.
    turned_ms: i64,
    raised_ms: i64,
    /// Newest value that was judged; not a number if there is none.
    value: f64,
    /// Of a temperature.
    pub(super) run: Option<Box<Run>>,
    /// Times it was told, those missed while the gateway was off included.
    told: u32,
    is_acknowledged: bool,
}

const _: () = assert!(size_of::<Watch>() <= 48, "a watch is small");

saved!(Watch { since_ms, turned_ms, raised_ms, value, run, told, is_acknowledged });

impl Default for Watch {
    fn default() -> Self {
        Self { since_ms: NEVER, turned_ms: NEVER, raised_ms: NEVER, value: f64::NAN, run: None, told: 0, is_acknowledged: false }
    }
}

impl Watch {
    pub(super) fn is_raised(&self) -> bool {
        self.raised_ms != NEVER
    }

    /// Whether there is nothing to watch any more.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_raised() && self.turned_ms == NEVER
    }

    /// Since when the condition holds, and when it was raised.
    pub(super) fn raised_ms(&self) -> Option<(i64, i64)> {
        self.is_raised().then_some((self.since_ms, self.raised_ms))
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.is_acknowledged
    }

    pub(super) fn value(&self) -> Option<f64> {
        self.value.is_finite().then_some(self.value)
    }

    /// Time since the condition began.
    pub(super) fn lasted_ms(&self, now_ms: i64) -> i64 {
        if self.since_ms == NEVER { 0 } else { now_ms - self.since_ms }
    }

    /// Delays that were running start again.
    pub(super) fn forget(&mut self) {
        self.turned_ms = NEVER;
        match self.run.as_mut() {
            Some(run) if self.raised_ms != NEVER => run.gap(),
            _ => self.run = None,
        }
    }

    /// Judges. What it tells is told at `event_ms`, which is now or a few milliseconds later.
    pub(super) fn judge(&mut self, now_ms: i64, event_ms: i64, rule: &Rule, seen: &Seen, may: May) -> Option<Turn> {
        if let Some(value) = seen.value {
            self.value = value;
        }
        self.follow(seen.stand);
        if may == May::Follow || seen.stand == Stand::Paused {
            return None;
        }
        let turned = self.turned_ms != NEVER;
        if !self.is_raised() {
            let is_due = turned && now_ms - self.turned_ms >= span_or_zero_ms(rule.on_delay);
            return (is_due && seen.may_raise && may == May::Turn).then(|| self.raise(self.turned_ms, event_ms));
        }
        if turned && now_ms - self.turned_ms >= span_or_zero_ms(rule.off_delay) && (!rule.latch || self.is_acknowledged) {
            self.clear();
            return Some(Turn::Cleared);
        }
        self.tell_again(now_ms, rule, may)
    }

    fn follow(&mut self, stand: Stand) {
        match stand {
            Stand::Paused => {}
            Stand::Lost => self.forget(),
            Stand::Between if self.is_raised() => self.turned_ms = NEVER,
            Stand::Between => self.forget(),
            Stand::Over(_) | Stand::OverAnew(_) if self.is_raised() => self.turned_ms = NEVER,
            Stand::Over(since_ms) if self.turned_ms == NEVER => self.turned_ms = since_ms,
            Stand::Over(_) => {}
            Stand::OverAnew(since_ms) => self.turned_ms = since_ms,
            Stand::Under(since_ms) if self.is_raised() => {
                if self.turned_ms == NEVER {
                    self.turned_ms = since_ms;
                }
            }
            Stand::Under(_) => self.forget(),
        }
    }

    fn tell_again(&mut self, now_ms: i64, rule: &Rule, may: May) -> Option<Turn> {
        let every_ms = span_or_zero_ms(rule.re_alarm);
        if every_ms == 0 || self.is_acknowledged || may != May::Turn {
            return None;
        }
        let due_ms = self.raised_ms.saturating_add(every_ms.saturating_mul(i64::from(self.told)));
        (now_ms >= due_ms).then(|| {
            // Once, however many were missed.
            let passed = (now_ms - self.raised_ms) / every_ms;
            self.told = u32::try_from(passed.saturating_add(1)).unwrap_or(u32::MAX);
            Turn::Reminded
        })
    }

    /// Raises it, or notes that it was told again.
    pub(super) fn raise(&mut self, since_ms: i64, now_ms: i64) -> Turn {
        if !self.is_raised() {
            (self.since_ms, self.raised_ms, self.turned_ms) = (since_ms, now_ms, NEVER);
            (self.told, self.is_acknowledged) = (0, false);
        }
        self.told = self.told.saturating_add(1);
        Turn::Raised
    }

    /// Takes the value that an event in the log was told with.
    pub(super) fn set_value(&mut self, value: Option<f64>) {
        self.value = value.unwrap_or(self.value);
    }

    /// Clears it. What it lasted and its run are still there to be told.
    pub(super) fn clear(&mut self) {
        (self.raised_ms, self.turned_ms) = (NEVER, NEVER);
    }

    /// Somebody has seen it.
    pub(super) fn acknowledge(&mut self) {
        self.is_acknowledged = true;
    }
}

impl Save for u32 {
    fn save(&self, out: &mut Vec<u8>) {
        u64::from(*self).save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Self::try_from(u64::load(input)?).ok()
    }
}

/// A configured delay in ms; zero is allowed.
pub(super) fn span_or_zero_ms(span: std::time::Duration) -> i64 {
    if span.is_zero() { 0 } else { span_ms(span) }
}
