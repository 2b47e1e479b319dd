//! What a forwarder shows of itself beside its counters: a backlog and how fast it shrinks, what is sent again, its budget. Pure.

use super::live::Pace;
use super::month::BudgetInfo;
use super::replay::ReplayInfo;
use crate::store::Seq;
use serde::{Deserialize, Serialize};

/// What is published after every batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown {
    /// The backlog, while there is one.
    pub drain: Option<Drain>,
    /// What is sent again.
    pub replay: Option<ReplayInfo>,
    /// How the month's budget stands; `None` without one.
    pub budget: Option<BudgetInfo>,
    /// Which destination it lets go first now, by place in the configuration.
    pub waits_for: Option<usize>,
    /// Values left out because they were too old, and because of the budget, since the stores were made.
    pub left_out: [u64; 2],
}

/// A backlog that is being sent.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    points: u64,
    done: Pace,
    grown: Pace,
    seen: (u64, Seq),
}

/// A backlog as it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct BacklogInfo {
    /// Points that wait behind new ones, or in order.
    pub points: u64,
    /// Points sent of them per second, mean of about the last minute; `None` in the first second.
    pub points_per_s: Option<f64>,
    /// When it will be gone if that goes on, seconds; `None` while it does not shrink.
    pub empty_s: Option<u64>,
}

impl Drain {
    /// A backlog of so many points at a running time; `seen` counts what was done of it and where it ends.
    #[must_use]
    pub fn new(points: u64, seen: (u64, Seq), up_ms: i64) -> Self {
        Self { points, done: Pace::new(up_ms), grown: Pace::new(up_ms), seen }
    }

    /// It is so large now.
    #[must_use]
    pub fn go_on(mut self, points: u64, seen: (u64, Seq), up_ms: i64) -> Self {
        self.done.add(seen.0.saturating_sub(self.seen.0), up_ms);
        self.grown.add(seen.1.saturating_sub(self.seen.1), up_ms);
        (self.points, self.seen) = (points, seen);
        self
    }

    /// As it is shown at a running time.
    #[must_use]
    pub fn info(&self, up_ms: i64) -> BacklogInfo {
        let points_per_s = self.done.per_s(up_ms);
        let net = points_per_s.map(|done| done - self.grown.per_s(up_ms).unwrap_or(0.0)).filter(|net| *net * 3_600.0 >= 1.0);
        BacklogInfo { points: self.points, points_per_s, empty_s: net.map(|net| (self.points as f64 / net).ceil() as u64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_empty_follows_what_is_sent_and_what_comes() {
        let mut drain = Drain::new(100_000, (0, 100_000), 0);
        assert_eq!(drain.info(0), BacklogInfo { points: 100_000, points_per_s: None, empty_s: None });
        // 500 points a second are sent, 100 come.
        for second in 1..=120_u64 {
            drain = drain.go_on(100_000 - second * 400, (second * 500, 100_000 + second * 100), second as i64 * 1_000);
        }
        let info = drain.info(120_000);
        assert!((495.0..505.0).contains(&info.points_per_s.unwrap_or(0.0)), "{info:?}");
        assert!((128..=132).contains(&info.empty_s.unwrap_or(0)), "{info:?}");
        // The way is down for an hour: nobody knows when.
        assert_eq!(drain.info(3_720_000).empty_s, None);
    }
}
