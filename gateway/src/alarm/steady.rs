//! The wall clock without its steps back: delays keep their length when the clock is set back. Pure.

use crate::aggregate::save::saved;

/// Far beyond any clock, near enough that sums of a few times never overflow.
const TIME_MS_MAX: i64 = 1 << 60;

/// Steady time. Never goes back.
#[derive(Debug, Default)]
pub(super) struct Steady {
    has_begun: bool,
    newest_ms: i64,
    /// Steady time minus wall time.
    offset_ms: i64,
}

saved!(Steady { has_begun, newest_ms, offset_ms });

impl Steady {
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
