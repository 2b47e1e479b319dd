//! Moments as a person writes them. Pure: what is relative is told the time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::ops::RangeInclusive;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Moment {
    /// Unix ms.
    At(i64),
    /// So many milliseconds before now.
    Ago(i64),
}

impl Moment {
    fn ms(self, now_ms: i64) -> i64 {
        match self {
            Self::At(ms) => ms,
            Self::Ago(ms) => now_ms.saturating_sub(ms),
        }
    }
}

/// From `from` on, before `to`; Unix ms.
pub(in crate::cli) fn between(from: Option<Moment>, to: Option<Moment>, now_ms: i64) -> RangeInclusive<i64> {
    from.map_or(i64::MIN, |from| from.ms(now_ms))..=to.map_or(i64::MAX, |to| to.ms(now_ms).saturating_sub(1))
}

/// Reads RFC 3339, a date or a date and time in UTC, milliseconds since 1970, or a time ago such as `-24h`.
pub(in crate::cli) fn parse(text: &str) -> Result<Moment, String> {
    let ago = text.strip_prefix('-').and_then(ago);
    let at = || text.parse::<i64>().ok().filter(|ms| *ms >= 0);
    let rfc3339 = || text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    let civil = || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond());
    let moment = ago.map(Moment::Ago).or_else(|| at().or_else(rfc3339).or_else(civil).map(Moment::At));
    moment.ok_or_else(|| "write 2026-11-25T08:00:00+08:00, 2026-11-25 (UTC), milliseconds since 1970, or -24h (s, m, h, d)".to_owned())
}

fn ago(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u32>().ok().map(|number| i64::from(number) * unit_ms)
}
