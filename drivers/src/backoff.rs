//! How long to wait before trying again: full jitter under a doubling ceiling. Pure; the caller sleeps.

use std::time::Duration;

/// Waits that double from `first` to `cap`, each drawn evenly between nothing and its ceiling, so that a district
/// of gateways never knocks in step.
#[derive(Debug, Clone)]
pub struct Backoff {
    first_ms: u64,
    cap_ms: u64,
    attempt: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// Waits between `first` and `cap`, seeded so that tests are exact.
    #[must_use]
    pub fn new(first: Duration, cap: Duration, seed: u64) -> Self {
        Self {
            first_ms: first.as_millis().max(1) as u64,
            cap_ms: cap.as_millis().max(1) as u64,
            attempt: 0,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// The next wait. At least a quarter of `first`, so that a lucky draw is no busy loop.
    pub fn next_wait(&mut self) -> Duration {
        let ceiling = self.first_ms.saturating_mul(1 << self.attempt.min(20)).min(self.cap_ms);
        self.attempt = self.attempt.saturating_add(1);
        Duration::from_millis(self.random.u64(0..=ceiling).max(self.first_ms / 4).max(1))
    }

    /// Attempts since the last success.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempt
    }

    /// Success: the next wait is short again.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}
