//! When a gateway sends what has gathered: at a moment of its own in every span of the configured delay, so that thousands
//! of gateways whose windows end in the same second do not write in the same second. Pure.

use std::time::Duration;

/// Time until this gateway's next moment: more than nothing, at most `delay`. `seed` tells gateways apart.
pub(super) fn wait(now_ms: i64, seed: u64, delay: Duration) -> Duration {
    let delay_ms = delay.as_millis().clamp(1, i64::MAX as u128) as i64;
    let phase_ms = (seed % delay_ms.unsigned_abs()) as i64;
    Duration::from_millis((delay_ms - now_ms.wrapping_sub(phase_ms).rem_euclid(delay_ms)).unsigned_abs())
}

#[cfg(test)]
#[path = "phase_tests.rs"]
mod tests;
