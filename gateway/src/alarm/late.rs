//! Which readings of a device say how things are now. Pure.
//!
//! A reading that is at most three intervals old does, from its own time on. An older one comes from what a device kept while
//! it was offline, or its clock is behind. The two are told apart by how they come: a clock that is behind is as far behind
//! with every message, one interval after the other; a backlog catches up. So a device with a slow clock is supervised like
//! any other from its second interval on, from when its readings came in, and a backlog is not mistaken for the present.

use super::signal::Stamp;
use super::stand::Moment;
use crate::aggregate::save::saved;

/// How far behind a device's readings are.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// As long as nothing newer came.
    lag_ms: Option<i64>,
    /// Since when they have been that far behind.
    since_ms: i64,
}

saved!(Late { lag_ms, since_ms });

impl Late {
    /// When a reading of this time counts.
    pub(super) fn stamp(&mut self, stamp_ms: i64, at: Moment) -> Stamp {
        let hold_ms = at.hold_ms();
        // A device's clock may also be ahead: order is then that of arrival.
        let stamp_ms = stamp_ms.min(at.now_ms);
        let lag_ms = at.now_ms.saturating_sub(stamp_ms);
        if lag_ms < hold_ms {
            self.lag_ms = None;
            return Stamp { stamp_ms, from_ms: stamp_ms, hold_ms, is_now: true };
        }
        if self.lag_ms.is_none_or(|known_ms| lag_ms.abs_diff(known_ms) > at.interval_ms.unsigned_abs()) {
            (self.lag_ms, self.since_ms) = (Some(lag_ms), at.now_ms);
        }
        let is_now = at.now_ms - self.since_ms >= at.interval_ms;
        Stamp { stamp_ms, from_ms: if is_now { at.now_ms } else { stamp_ms }, hold_ms, is_now }
    }
}
