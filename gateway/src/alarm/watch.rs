//! One rule of one device: the delays before it is raised and before it is cleared.
//!
//! Edge-triggered: one transition when it is raised, one when it is cleared, each at a moment of its own.

use crate::aggregate::span_ms;
use facility_config::alarm::Rule;

/// How a signal stands to a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stand {
    /// Beyond the limit, since.
    Over(i64),
    /// Within the limit, but not yet below it by the deadband.
    Between,
    /// Below the limit by the deadband, since.
    Under(i64),
    /// Not known for the moment.
    Paused,
    /// Not known for longer than a value holds.
    Lost,
}

/// An alarm was raised or cleared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Transition {
    pub(super) at_ms: i64,
    pub(super) active: bool,
    /// Value and limit, where the rule compares numbers.
    pub(super) value: Option<(f64, f64)>,
    /// Time since the condition began.
    pub(super) lasted_ms: i64,
}

/// When an alarm that stands began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raised {
    pub(super) since_ms: i64,
    pub(super) raised_ms: i64,
}

#[derive(Debug)]
pub(super) struct Watch {
    pub(super) rule: Rule,
    pub(super) raised: Option<Raised>,
    /// Newest value that was judged.
    pub(super) value: Option<f64>,
    over_since_ms: Option<i64>,
    under_since_ms: Option<i64>,
    event_ms: i64,
}

impl Watch {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, raised: None, value: None, over_since_ms: None, under_since_ms: None, event_ms: i64::MIN }
    }

    /// Whether the alarm stands or its delay is running.
    pub(super) fn is_uneasy(&self) -> bool {
        self.raised.is_some() || self.over_since_ms.is_some()
    }

    /// Delays that were running start again.
    pub(super) fn forget(&mut self) {
        self.over_since_ms = None;
        self.under_since_ms = None;
    }

    /// Judges. `may_raise` is false after a defrost and a start.
    pub(super) fn judge(&mut self, now_ms: i64, stand: Stand, may_raise: bool) -> Option<Transition> {
        match stand {
            Stand::Paused => return None,
            Stand::Lost => {
                self.forget();
                return None;
            }
            Stand::Over(since_ms) => {
                self.over_since_ms.get_or_insert(since_ms);
                self.under_since_ms = None;
            }
            Stand::Between => self.forget(),
            Stand::Under(since_ms) => {
                self.over_since_ms = None;
                self.under_since_ms.get_or_insert(since_ms);
            }
        }
        match (self.raised, self.over_since_ms, self.under_since_ms) {
            (None, Some(since_ms), _) if may_raise && now_ms - since_ms >= span_or_zero_ms(self.rule.on_delay) => {
                self.raised = Some(Raised { since_ms, raised_ms: now_ms });
                Some(self.transition(now_ms, true, since_ms))
            }
            (Some(raised), _, Some(since_ms)) if now_ms - since_ms >= span_or_zero_ms(self.rule.off_delay) => {
                self.raised = None;
                Some(self.transition(now_ms, false, raised.since_ms))
            }
            _ => None,
        }
    }

    fn transition(&mut self, now_ms: i64, active: bool, since_ms: i64) -> Transition {
        // Two transitions in one millisecond would be one point in the database.
        self.event_ms = now_ms.max(self.event_ms.saturating_add(1));
        let value = self.value.map(|value| (value, self.rule.limit));
        Transition { at_ms: self.event_ms, active, value, lasted_ms: now_ms - since_ms }
    }
}

/// A configured delay in ms; zero is allowed.
pub(super) fn span_or_zero_ms(span: std::time::Duration) -> i64 {
    if span.is_zero() { 0 } else { span_ms(span) }
}
