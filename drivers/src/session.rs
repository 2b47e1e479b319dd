//! When to ask a device, and when to leave it alone; when to open a connection again. Pure: the time is an argument.
//!
//! Times are milliseconds on a clock that never steps back. Nothing here sleeps.

use crate::backoff::Backoff;
use facility_config::limits::{BACKOFF_MS_MAX, MODBUS_QUIET_MS_MIN};
use facility_config::profile::Group;
use std::time::Duration;

/// A device that left a question unanswered is left alone for this many timeouts. More than the two timeouts and the
/// quiet time that a probe and the first question after it can take, so that an answer which is late by any constant
/// time cannot meet both of them.
const REST_TIMEOUTS: i64 = 4;
/// Never: the due time of a group that is not asked any more.
const NEVER_MS: i64 = i64::MAX;

/// How a device is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answered the last poll, or has not been asked yet.
    Online,
    /// This many polls in a row went without an answer.
    Failing(u32),
    /// Taken for dead: only probed, at growing intervals.
    Offline,
}

/// What to ask next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// One question whose answer is only a sign of life: it may belong to an older question.
    Probe,
    /// Everything of a group.
    Round(Group),
}

/// How a device is to be asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time between two rounds of each group, by [`Group::ALL`]; `None` for a group without points. That of
    /// [`Group::Once`] is not used.
    pub every: [Option<Duration>; 3],
    /// Wait for an answer.
    pub timeout: Duration,
    /// Rounds without any answer after which it is taken for dead.
    pub offline_after: u32,
    /// Longest time a dead device is left alone.
    pub off_max: Duration,
    /// Whether an answer names its question (Modbus TCP): then no answer can be taken for another, and nothing is doubted.
    pub named: bool,
}

/// Schedule and health of one device on a bus.
#[derive(Debug, Clone)]
pub struct Session {
    every_ms: [i64; 3],
    due_ms: [i64; 3],
    interval_ms: i64,
    quiet_ms: i64,
    rest_ms: i64,
    off_max_ms: i64,
    offline_after: u32,
    /// Nothing is asked before.
    rest_until_ms: i64,
    failures: u32,
    named: bool,
    doubted: bool,
    /// Line time of its last rounds, smoothed, ms.
    cost_ms: i64,
}

impl Session {
    /// A device that is due now.
    ///
    /// It starts in doubt: an answer to a question of the process that ran before may still be on its way.
    #[must_use]
    pub fn new(now_ms: i64, pace: &Pace) -> Self {
        let every_ms = pace.every.map(|every| every.map_or(NEVER_MS, ms));
        let interval_ms = every_ms.iter().copied().min().unwrap_or(NEVER_MS).min(i64::from(u32::MAX));
        let quiet_ms = ms(pace.timeout).max(MODBUS_QUIET_MS_MIN as i64);
        let rest_ms = if pace.named { quiet_ms } else { quiet_ms.saturating_mul(REST_TIMEOUTS) };
        Self {
            every_ms,
            due_ms: every_ms.map(|every_ms| if every_ms == NEVER_MS { NEVER_MS } else { now_ms }),
            interval_ms,
            quiet_ms,
            rest_ms,
            off_max_ms: ms(pace.off_max).max(interval_ms).max(rest_ms),
            offline_after: pace.offline_after.max(1),
            rest_until_ms: now_ms,
            failures: 0,
            named: pace.named,
            doubted: !pace.named,
            cost_ms: 0,
        }
    }

    /// When it is to be asked next, and what.
    #[must_use]
    pub fn next(&self) -> (i64, Ask) {
        let (due_ms, group) = self
            .due_ms
            .iter()
            .zip(Group::ALL)
            .min_by_key(|(due_ms, _)| **due_ms)
            .map_or((NEVER_MS, Group::Fast), |(due, group)| (*due, group));
        let ask = if self.doubted { Ask::Probe } else { Ask::Round(group) };
        (if due_ms == NEVER_MS { NEVER_MS } else { due_ms.max(self.rest_until_ms) }, ask)
    }

    /// Until when what is due at `ready_ms` should be done, on a bus of `units`: within its interval. A device whose
    /// rounds take more than its share of the line has only a right to its share, so that it cannot crowd out the others.
    #[must_use]
    pub fn deadline_ms(&self, ready_ms: i64, units: usize) -> i64 {
        let share_ms = self.cost_ms.saturating_mul(i64::try_from(units).unwrap_or(i64::MAX));
        ready_ms.saturating_add(self.interval_ms.max(share_ms))
    }

    /// How it is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.failures {
            0 => Health::Online,
            n if n < self.offline_after => Health::Failing(n),
            _ => Health::Offline,
        }
    }

    /// A round used the line for so long.
    pub fn cost(&mut self, cost_ms: i64) {
        self.cost_ms = (self.cost_ms.saturating_mul(3).saturating_add(cost_ms)) / 4;
    }

    /// It gave a sign of life. Whatever else is on its way from it arrives within the quiet time; then it is believed.
    pub fn probed(&mut self, now_ms: i64) {
        self.doubted = false;
        self.rest(now_ms);
    }

    /// It is left alone for the quiet time: it is busy, or its late answer may still come.
    pub fn rest(&mut self, now_ms: i64) {
        self.rest_until_ms = now_ms.saturating_add(self.quiet_ms);
    }

    /// A second answer to a question may be on its way: it is left alone for as long as after silence.
    pub fn distrust(&mut self, now_ms: i64) {
        if !self.named {
            self.rest_until_ms = now_ms.saturating_add(self.rest_ms);
        }
    }

    /// Whether its answers name their questions.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// When it may be asked again at the earliest.
    #[must_use]
    pub fn rest_until_ms(&self) -> i64 {
        self.rest_until_ms
    }

    /// Every question of a round was answered, if only with a refusal. With `doubt`, an answer to a repeated question
    /// may still be on its way.
    pub fn answered(&mut self, group: Group, now_ms: i64, doubt: bool) {
        if self.health() == Health::Offline {
            self.due_again(Group::Once, now_ms);
        }
        self.failures = 0;
        self.doubted = doubt && !self.named;
        let at = group as usize;
        let next_ms = self.due_ms[at].saturating_add(self.every_ms[at]);
        self.due_ms[at] = if group == Group::Once { NEVER_MS } else { next_ms.max(now_ms) };
    }

    /// It answered some questions of a round and then fell silent.
    pub fn stumbled(&mut self, group: Group, now_ms: i64) {
        self.answered(group, now_ms, true);
        if group == Group::Once {
            self.due_again(group, now_ms);
        }
        self.rest_until_ms = now_ms.saturating_add(self.rest_ms);
    }

    /// A probe, or a round, went without any answer.
    pub fn failed(&mut self, now_ms: i64) {
        self.failures = self.failures.saturating_add(1);
        self.doubted = !self.named;
        let doublings = self.failures.saturating_sub(self.offline_after.saturating_sub(1)).min(20);
        let off_ms = self.interval_ms.saturating_mul(1 << doublings).min(self.off_max_ms).max(self.rest_ms);
        self.rest_until_ms = now_ms.saturating_add(off_ms);
    }

    fn due_again(&mut self, group: Group, now_ms: i64) {
        if self.every_ms[group as usize] != NEVER_MS {
            self.due_ms[group as usize] = now_ms;
        }
    }
}

/// When to open a connection again.
#[derive(Debug, Clone)]
pub struct Reconnect {
    backoff: Backoff,
    proven: bool,
    due_ms: i64,
}

impl Reconnect {
    /// A connection to be opened now; `seed` spreads the waits.
    #[must_use]
    pub fn new(now_ms: i64, seed: u64) -> Self {
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_millis(BACKOFF_MS_MAX), seed);
        Self { backoff, proven: false, due_ms: now_ms }
    }

    /// When to try.
    #[must_use]
    pub fn due_ms(&self) -> i64 {
        self.due_ms
    }

    /// Something answered over the connection: it was worth opening.
    pub fn proven(&mut self) {
        self.proven = true;
        self.backoff.reset();
    }

    /// Whether something has answered over it.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    /// The connection could not be opened, broke, or was given up. One that had carried answers is opened again at
    /// once, so that one dead device behind it costs the others nothing; any other waits its turn.
    pub fn lost(&mut self, now_ms: i64) {
        let wait_ms = if self.proven { 0 } else { ms(self.backoff.next_wait()) };
        self.proven = false;
        self.due_ms = now_ms.saturating_add(wait_ms);
    }

    /// The connection was closed because there was nothing to ask.
    pub fn closed(&mut self, now_ms: i64) {
        self.due_ms = now_ms;
    }
}

fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
