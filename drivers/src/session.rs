//! When to ask a device, and when to leave it alone; when to open a connection again. Pure: the time is an argument.
//!
//! Times are milliseconds on a clock that never steps back. Nothing here sleeps.

use crate::backoff::Backoff;
use facility_config::limits::{BACKOFF_MS_MAX, MODBUS_QUIET_MS_MIN};
use std::time::Duration;

/// Polls without an answer after which a device is taken for dead and asked ever less often.
const FAILURES_UNTIL_OFFLINE: u32 = 3;
/// A device that left a question unanswered is left alone for this many timeouts. More than the two timeouts and the
/// quiet time that a probe and the first question after it can take, so that an answer which is late by any constant
/// time cannot meet both of them.
const REST_TIMEOUTS: u64 = 4;

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

/// Schedule and health of one device on a bus.
#[derive(Debug, Clone)]
pub struct Session {
    interval_ms: i64,
    rest_ms: i64,
    off_max_ms: i64,
    due_ms: i64,
    failures: u32,
    doubted: bool,
}

impl Session {
    /// A device that is due now. `interval` is the time between polls, `timeout` the wait for an answer, `off_max` the
    /// longest time a dead device is left alone (never less than the interval).
    ///
    /// It starts in doubt: an answer to a question of the process that ran before may still be on its way.
    #[must_use]
    pub fn new(now_ms: i64, interval: Duration, timeout: Duration, off_max: Duration) -> Self {
        let interval_ms = ms(interval).max(1);
        let rest_ms = ms(timeout).max(MODBUS_QUIET_MS_MIN as i64).saturating_mul(REST_TIMEOUTS as i64);
        Self { interval_ms, rest_ms, off_max_ms: ms(off_max).max(interval_ms).max(rest_ms), due_ms: now_ms, failures: 0, doubted: true }
    }

    /// When it is to be polled next.
    #[must_use]
    pub fn due_ms(&self) -> i64 {
        self.due_ms
    }

    /// How it is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.failures {
            0 => Health::Online,
            n if n < FAILURES_UNTIL_OFFLINE => Health::Failing(n),
            _ => Health::Offline,
        }
    }

    /// Whether its next answer may belong to an older question: it is then only a sign of life.
    #[must_use]
    pub fn doubted(&self) -> bool {
        self.doubted
    }

    /// Every question of a poll was answered, if only with a refusal.
    pub fn answered(&mut self, now_ms: i64) {
        self.failures = 0;
        self.doubted = false;
        self.due_ms = now_ms.max(self.due_ms.saturating_add(self.interval_ms));
    }

    /// It answered some questions of a poll and then fell silent.
    pub fn stumbled(&mut self, now_ms: i64) {
        self.answered(now_ms);
        self.doubted = true;
        self.due_ms = self.due_ms.max(now_ms.saturating_add(self.rest_ms));
    }

    /// A poll went without any answer.
    pub fn failed(&mut self, now_ms: i64) {
        self.failures = self.failures.saturating_add(1);
        self.doubted = true;
        let doublings = self.failures.saturating_sub(FAILURES_UNTIL_OFFLINE - 1).min(20);
        let off_ms = self.interval_ms.saturating_mul(1 << doublings).min(self.off_max_ms).max(self.rest_ms);
        self.due_ms = now_ms.saturating_add(off_ms);
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

    /// The connection could not be opened, broke, or was given up. One that had carried answers is opened again at
    /// once, so that one dead device behind it costs the others nothing; any other waits its turn.
    pub fn lost(&mut self, now_ms: i64) {
        let wait_ms = if self.proven { 0 } else { ms(self.backoff.next_wait()) };
        self.proven = false;
        self.due_ms = now_ms.saturating_add(wait_ms);
    }
}

fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
