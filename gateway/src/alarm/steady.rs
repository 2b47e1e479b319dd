//! The time that delays run in: the wall clock without its steps. Pure.
//!
//! A step back is seen at once, for time never goes back. A step forward looks like time that has passed, so it is told by
//! the gateway's heartbeat, which says how long the process has been up: what the wall clock gained on that is no time.
//! The heartbeat stands in the log, so a replay takes the same steps. Time in which the gateway was off has passed.

use crate::aggregate::save::saved;

/// Far beyond any clock, near enough that sums of a few times never overflow.
const TIME_MS_MAX: i64 = 1 << 60;
/// Less than this is no step: heartbeats count whole seconds, and a clock may drift.
pub(crate) const STEP_MS_MIN: i64 = 4_000;

/// Steady time. Never goes back.
#[derive(Debug, Default)]
pub(super) struct Steady {
    has_begun: bool,
    newest_ms: i64,
    /// Steady time minus wall time.
    offset_ms: i64,
    /// The newest heartbeat.
    beat: Option<Beat>,
}

saved!(Steady { has_begun, newest_ms, offset_ms, beat });

/// What a heartbeat says of time.
#[derive(Debug, Clone, Copy)]
struct Beat {
    wall_ms: i64,
    /// How long the process had been up.
    up_ms: i64,
}

saved!(Beat { wall_ms, up_ms });

impl Steady {
    /// Takes a heartbeat, before anything else of its time. One that is taken a second time changes nothing.
    pub(super) fn beat(&mut self, wall_ms: i64, up_s: i64) {
        let next = Beat { wall_ms, up_ms: up_s.saturating_mul(1000) };
        let Some(last) = self.beat else {
            self.beat = Some(next);
            return;
        };
        let passed_ms = next.up_ms.saturating_sub(last.up_ms);
        let gained_ms = next.wall_ms.saturating_sub(last.wall_ms).saturating_sub(passed_ms);
        match passed_ms {
            // Of the same process.
            0.. => {
                self.offset_ms = self.offset_ms.saturating_sub(if gained_ms >= STEP_MS_MIN { gained_ms } else { 0 });
                self.beat = Some(next);
            }
            // Of the next one; or an older one again.
            _ if next.wall_ms > last.wall_ms => self.beat = Some(next),
            _ => {}
        }
    }

    /// Steady time now.
    pub(super) fn advance(&mut self, wall_ms: i64) -> i64 {
        let now_ms = self.steady(wall_ms);
        if !self.has_begun {
            (self.has_begun, self.newest_ms) = (true, now_ms);
        }
        if now_ms < self.newest_ms {
            self.offset_ms = self.offset_ms.saturating_add(self.newest_ms - now_ms);
        }
        self.newest_ms = self.newest_ms.max(now_ms);
        self.newest_ms
    }

    /// A time of the wall clock as steady time.
    pub(super) fn steady(&self, wall_ms: i64) -> i64 {
        wall_ms.saturating_add(self.offset_ms).clamp(-TIME_MS_MAX, TIME_MS_MAX)
    }

    /// A steady time as the wall clock has it now.
    pub(super) fn wall(&self, steady_ms: i64) -> i64 {
        steady_ms.saturating_sub(self.offset_ms)
    }

    /// The newest time it was told.
    pub(super) fn now_ms(&self) -> i64 {
        self.newest_ms
    }
}
