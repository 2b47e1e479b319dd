//! New values before old ones: whose turn it is while both wait, how fast a backlog shrinks, and whether a clock may let values
//! expire. Pure.
//!
//! Ordering at the database is by time stamp, so the order of sending is free. Never keeps either side from being served.

use facility_config::limits::{EXPIRE_DOUBT_MS, EXPIRE_TRUST_MS};
use std::time::Duration;

/// Time over which speeds are averaged, ms.
const MEAN_MS: f64 = 60_000.0;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turns {
    new: u64,
    old: u64,
}

impl Turns {
    /// Whether new values go next. Their share of the bytes is kept to one request, as long as both sides wait.
    #[must_use]
    pub fn is_new_next(&self, share_pct: u8) -> bool {
        u128::from(self.new) * 100 <= u128::from(share_pct) * (u128::from(self.new) + u128::from(self.old))
    }

    /// Counts what was sent while both waited.
    pub fn charge(&mut self, is_new: bool, bytes: u64) {
        let side = if is_new { &mut self.new } else { &mut self.old };
        *side = side.saturating_add(bytes);
    }
}

/// A mean over the last minute that needs no history: each point counts less the longer ago it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    since_ms: i64,
    at_ms: i64,
    /// Points, weighed.
    sum: f64,
}

impl Pace {
    /// Nothing so far. Times are those of a clock that never steps, ms.
    #[must_use]
    pub fn new(now_ms: i64) -> Self {
        Self { since_ms: now_ms, at_ms: now_ms, sum: 0.0 }
    }

    /// Counts points.
    pub fn add(&mut self, points: u64, now_ms: i64) {
        (self.sum, self.at_ms) = (self.weighed(now_ms) + points as f64, now_ms.max(self.at_ms));
    }

    /// Points per second; `None` in the first second.
    #[must_use]
    pub fn per_s(&self, now_ms: i64) -> Option<f64> {
        let span_ms = now_ms.saturating_sub(self.since_ms);
        (span_ms >= 1_000).then(|| self.weighed(now_ms) * 1e3 / (MEAN_MS * (1.0 - (-(span_ms as f64) / MEAN_MS).exp())))
    }

    fn weighed(&self, now_ms: i64) -> f64 {
        self.sum * (-(now_ms.saturating_sub(self.at_ms).max(0) as f64) / MEAN_MS).exp()
    }
}

/// Whether the wall clock is good enough to give values up by it. One wrong answer of a time server must not empty a store.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trust {
    /// Wall clock and running time of the last look.
    last: Option<(i64, i64)>,
    /// Running time of the last jump.
    doubt_ms: Option<i64>,
}

impl Trust {
    /// What is older than this has expired, Unix ms; `i64::MIN` for nothing. Asked before every request: with the wall clock
    /// (`None` while it is not set), the running time, and the log's newest time.
    pub fn not_before_ms(&mut self, keeps: Duration, wall_ms: Option<i64>, up_ms: i64, log_ms: i64) -> i64 {
        let Some(wall_ms) = wall_ms else { return i64::MIN };
        let went = self.last.map(|(wall, up)| (wall_ms.saturating_sub(wall)).saturating_sub(up_ms.saturating_sub(up)));
        // At the start the log's time is the only witness: it goes on with the wall clock at the next commit.
        let jump = went.unwrap_or_else(|| wall_ms.saturating_sub(log_ms));
        self.last = Some((wall_ms, up_ms));
        if jump.abs() > EXPIRE_DOUBT_MS {
            self.doubt_ms = Some(up_ms);
        }
        let is_doubted = self.doubt_ms.is_some_and(|at| up_ms.saturating_sub(at) < EXPIRE_TRUST_MS);
        if is_doubted || wall_ms.saturating_sub(log_ms).abs() > EXPIRE_DOUBT_MS {
            return i64::MIN;
        }
        wall_ms.saturating_sub(i64::try_from(keeps.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
