//! How a message writes its time: the words for it, and whether a pattern and a zone can work.
//!
//! Zones by name are looked up in the system's zone database; without one only offsets can be used.

use crate::profile::TimeFormat;
use jiff::civil::date;
use jiff::fmt::{strtime, temporal::DateTimeParser};
use jiff::tz::TimeZone;

/// Zone of texts that name none, unless a profile says otherwise: China has one.
const ZONE_DEFAULT: &str = "+08:00";
/// A pattern without seconds is precise enough.
const PRECISION_S: f64 = 60.0;

/// The format of that word or pattern.
pub(super) fn time_format(word: &str, zone: Option<&str>) -> Result<TimeFormat, String> {
    let format = match word {
        "auto" => TimeFormat::Auto,
        "s" => TimeFormat::Seconds,
        "ms" => TimeFormat::Millis,
        "us" => TimeFormat::Micros,
        "ns" => TimeFormat::Nanos,
        pattern if pattern.contains('%') => {
            check_pattern(pattern)?;
            TimeFormat::Pattern { pattern: pattern.into(), zone: zone.unwrap_or(ZONE_DEFAULT).into() }
        }
        _ => return Err(format!("time_format `{word}` is none of auto, s, ms, us, ns, and no pattern with a %, as %Y-%m-%d %H:%M:%S")),
    };
    match (&format, zone) {
        (TimeFormat::Pattern { .. }, _) | (_, None) => Ok(format),
        _ => Err("time_zone goes with a time_format that is a pattern".into()),
    }
}

/// Whether the zone is an offset, or known to this system.
pub(super) fn check_zone(zone: &str) -> Result<(), String> {
    let is_plain = zone.len() <= 64 && zone.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '+' | '-'));
    match DateTimeParser::new().parse_time_zone(zone) {
        Ok(_) if is_plain && !zone.contains([',', '<']) => Ok(()),
        _ if jiff::tz::db().is_definitively_empty() && !zone.starts_with(['+', '-']) => {
            Err(format!("this system has no time zone database to look `{zone}` up in: write an offset, as +08:00, or install tzdata"))
        }
        _ => Err(format!("time_zone `{zone}` is neither an offset, as +08:00, nor a name this system knows, as Asia/Shanghai")),
    }
}

/// A pattern must give back the moment it was written with.
fn check_pattern(pattern: &str) -> Result<(), String> {
    let fault = |why: &str| format!("time_format `{pattern}` {why}");
    let zone = TimeZone::fixed(jiff::tz::offset(8));
    // Afternoon, a day above 12, a month below 10: what `%I` without `%p` or `%e` would lose is lost here.
    let Ok(moment) = date(2026, 9, 21).at(20, 3, 11, 0).to_zoned(zone.clone()) else { return Err(fault("cannot be tried")) };
    let written = strtime::format(pattern, &moment).map_err(|_| fault("has a % that nobody knows"))?;
    let read = strtime::parse(pattern, &written).map_err(|_| fault("can be written, but not read"))?;
    let read = read.to_timestamp().ok().or_else(|| Some(read.to_datetime().ok()?.to_zoned(zone).ok()?.timestamp()));
    let distance_s = read.map(|read| read.duration_since(moment.timestamp()).as_secs_f64().abs());
    match distance_s {
        Some(distance_s) if distance_s < PRECISION_S => Ok(()),
        _ => Err(fault("does not hold a whole date and a time of day")),
    }
}
