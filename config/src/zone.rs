//! Time zones by the names people write: `Asia/Shanghai`, `UTC`, `+08:00`, `-0330`, `+8`.
//!
//! Never guesses: what it does not know is none. China has had one offset since 1991, so its zone is known also where the
//! system has no zone data.

use jiff::tz::{Offset, TimeZone};

/// The zone of days, months and years if nothing else is configured.
pub const ZONE_DEFAULT: &str = "Asia/Shanghai";

/// The zone of that name; `None` if it is no offset and this system does not know it.
#[must_use]
pub fn time_zone(name: &str) -> Option<TimeZone> {
    let sign = match name.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return TimeZone::get(name).ok().or_else(|| (name == ZONE_DEFAULT).then(china)),
    };
    let digits: String = name.chars().skip(1).filter(|c| *c != ':').collect();
    let (hours, minutes) = digits.split_at_checked(digits.len().saturating_sub(2)).filter(|_| digits.len() > 2).unwrap_or((&digits, "0"));
    let seconds = hours.parse::<i32>().ok()?.checked_mul(3600)?.checked_add(minutes.parse::<i32>().ok()? * 60)?;
    Offset::from_seconds(sign * seconds).ok().map(TimeZone::fixed)
}

/// That of China.
#[must_use]
pub fn china() -> TimeZone {
    TimeZone::fixed(Offset::constant(8))
}
