//! What a bus counts about one of its units, since start.

use facility_config::Point;
use std::time::Duration;

/// Questions of one unit and what became of them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    polls_ok: u64,
    pub(super) polls_err: u64,
    pub(super) timeouts: u64,
    pub(super) exceptions: u64,
    pub(super) discarded: u64,
    rtt_sum: Duration,
    rtt_count: u32,
}

impl Counts {
    /// A question was answered well after `rtt`.
    pub(super) fn answered(&mut self, rtt: Duration) {
        self.polls_ok += 1;
        self.rtt_sum = self.rtt_sum.saturating_add(rtt);
        self.rtt_count = self.rtt_count.saturating_add(1);
    }

    /// Mean time to an answer since the last call, ms; `None` without answers.
    pub(super) fn take_rtt_ms(&mut self) -> Option<f64> {
        let (sum, count) = (std::mem::take(&mut self.rtt_sum), std::mem::take(&mut self.rtt_count));
        (count > 0).then(|| sum.as_secs_f64() * 1e3 / f64::from(count))
    }

    /// Totals since start.
    pub(super) fn totals(&self) -> [(Point, u64); 5] {
        [
            (Point::HealthPollsOk, self.polls_ok),
            (Point::HealthPollsErr, self.polls_err),
            (Point::HealthTimeouts, self.timeouts),
            (Point::HealthExceptions, self.exceptions),
            (Point::HealthDiscarded, self.discarded),
        ]
    }
}
