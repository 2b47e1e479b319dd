//! A wall clock that is set back while the gateway runs. Our own time does not follow at once: it goes on at half speed
//! until the system's clock has caught up, so that no reading is given a time that another one has, and the readings of
//! each series stay in order. A step back of more than a day says that the clock had been wrong: that is followed, and so
//! is every step forward.
//!
//! Pure: both clocks are arguments.

use facility_config::limits::CLOCK_STEP_MS;

/// Less is no step: the two clocks are not read at the same instant. Devices are polled once a second at most.
const STEP_MS_MIN: i64 = 500;

/// How far our own time is ahead of the system's.
#[derive(Debug, Default)]
pub(super) struct Steady {
    /// Wall time less monotonic time; changes only when the wall clock is set.
    base_ms: Option<i64>,
    ahead_ms: i64,
    /// Monotonic time at which it was that far ahead.
    since_ms: i64,
}

impl Steady {
    /// Our time, and by how much the system's clock was set since the last call, if it was.
    pub(super) fn now_ms(&mut self, system_ms: i64, mono_ms: i64) -> (i64, Option<i64>) {
        let base_ms = system_ms - mono_ms;
        let step_ms = base_ms - *self.base_ms.get_or_insert(base_ms);
        let is_step = step_ms.abs() >= STEP_MS_MIN;
        if is_step {
            self.base_ms = Some(base_ms);
            self.set_ahead(self.ahead_ms(mono_ms) - step_ms, mono_ms);
        }
        (system_ms + self.ahead_ms(mono_ms), is_step.then_some(step_ms))
    }

    /// Times up to `newest_ms` are used already, by the process before this one.
    pub(super) fn begin_at(&mut self, newest_ms: i64, system_ms: i64, mono_ms: i64) {
        if newest_ms - system_ms > self.ahead_ms(mono_ms) {
            self.set_ahead(newest_ms - system_ms, mono_ms);
        }
    }

    fn set_ahead(&mut self, ahead_ms: i64, mono_ms: i64) {
        self.ahead_ms = if (0..=CLOCK_STEP_MS).contains(&ahead_ms) { ahead_ms } else { 0 };
        self.since_ms = mono_ms;
    }

    fn ahead_ms(&self, mono_ms: i64) -> i64 {
        (self.ahead_ms - (mono_ms - self.since_ms) / 2).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: i64 = 1_790_000_000_000;
    const HOUR_MS: i64 = 3_600_000;
    const DAY_MS: i64 = 24 * HOUR_MS;

    #[test]
    fn steps_back_are_bridged_at_half_speed_and_others_followed() {
        // The offset of the system's clock at a monotonic time, and what is then ours and told.
        let cases = [
            (0, 0, 0, None),
            (1_000, 3, 3, None),
            (2_000, -HOUR_MS, 0, Some(-HOUR_MS)),
            (4_000, -HOUR_MS, -1_000, None),
            (2_000 + 2 * HOUR_MS, -HOUR_MS, -HOUR_MS, None),
            (2_001 + 3 * HOUR_MS, -HOUR_MS, -HOUR_MS, None),
            (4 * HOUR_MS, 365 * DAY_MS, 365 * DAY_MS, Some(365 * DAY_MS + HOUR_MS)),
            (5 * HOUR_MS, 0, 0, Some(-365 * DAY_MS)),
            (6 * HOUR_MS, -HOUR_MS, 0, Some(-HOUR_MS)),
            (6 * HOUR_MS, -HOUR_MS / 2, 0, Some(HOUR_MS / 2)),
            (6 * HOUR_MS, HOUR_MS, HOUR_MS, Some(HOUR_MS * 3 / 2)),
        ];
        let mut steady = Steady::default();
        for (mono_ms, offset_ms, expected_ms, told) in cases {
            let found = steady.now_ms(T0 + mono_ms + offset_ms, mono_ms);
            assert_eq!((found.0 - T0 - mono_ms, found.1), (expected_ms, told), "{mono_ms} {offset_ms}");
        }
    }

    #[test]
    fn time_goes_on_from_what_the_process_before_has_used() {
        for (newest_ms, expected_ms) in [(T0 + HOUR_MS, HOUR_MS), (T0 - HOUR_MS, 0), (T0 + 2 * DAY_MS, 0)] {
            let mut steady = Steady::default();
            steady.begin_at(newest_ms, T0, 0);
            assert_eq!(steady.now_ms(T0, 0), (T0 + expected_ms, None));
        }
    }

    #[test]
    fn small_steps_back_never_make_time_run_back() {
        let (mut steady, mut random, mut offset_ms, mut newest_ms) = (Steady::default(), fastrand::Rng::with_seed(17), 0, 0);
        for mono_ms in (0..HOUR_MS).step_by(1_000) {
            if random.u8(..) < 8 {
                offset_ms += random.i64(-HOUR_MS..HOUR_MS / 2);
            }
            let (now_ms, _) = steady.now_ms(T0 + offset_ms + mono_ms, mono_ms);
            assert!(now_ms > newest_ms || newest_ms - now_ms > DAY_MS / 2, "{now_ms} after {newest_ms}");
            newest_ms = now_ms;
        }
    }
}
