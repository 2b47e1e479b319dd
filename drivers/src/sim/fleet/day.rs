//! The simulated day: China Standard Time, and chances per hour on the fleet's grid.
//!
//! Never reads a clock; every time is given.

use super::TICK_MS;
use jiff::Timestamp;
use jiff::tz::Offset;

pub(super) const SECOND_MS: i64 = 1_000;
pub(super) const MINUTE_MS: i64 = 60 * SECOND_MS;
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
/// Fuzhou is at +08:00 the whole year (DOMAIN §4: no daylight saving).
const OFFSET_HOURS: i8 = 8;

/// Milliseconds since local midnight.
pub(super) fn time_of_day_ms(now_ms: i64) -> i64 {
    (now_ms + i64::from(OFFSET_HOURS) * HOUR_MS).rem_euclid(DAY_MS)
}

/// Local hour, 0 to 23.
pub(super) fn hour(now_ms: i64) -> i64 {
    time_of_day_ms(now_ms) / HOUR_MS
}

/// The last local midnight, Unix ms.
pub(super) fn midnight(now_ms: i64) -> i64 {
    now_ms - time_of_day_ms(now_ms)
}

/// How far the day is, as an angle that is 0 at 03:00, the coldest hour, and π at 15:00, the warmest.
pub(super) fn warmth_angle(now_ms: i64) -> f64 {
    (time_of_day_ms(now_ms) - 3 * HOUR_MS) as f64 / DAY_MS as f64 * std::f64::consts::TAU
}

/// RFC 3339 with the local offset, as the payload schemas want it: `2026-09-01T08:00:00+08:00`.
pub(super) fn rfc3339(now_ms: i64) -> String {
    let at = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    at.display_with_offset(Offset::constant(OFFSET_HOURS)).to_string()
}

/// Whether something that happens `per_hour` times an hour happens in this tick.
pub(super) fn happens(random: &mut fastrand::Rng, per_hour: f64) -> bool {
    random.f64() < per_hour * TICK_MS as f64 / HOUR_MS as f64
}

/// A number between two others.
pub(super) fn between(random: &mut fastrand::Rng, low: f64, high: f64) -> f64 {
    low + random.f64() * (high - low)
}

/// Rounded as a display shows it.
pub(super) fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}
