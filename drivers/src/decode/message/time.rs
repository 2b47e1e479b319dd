//! A device's time stamp, however it is written, to Unix ms. Pure; a time nobody could mean is none.

use super::value::Scalar;
use crate::fault::Fault;
use facility_config::profile::TimeFormat;
use facility_config::zone::time_zone;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// Where numbers of one unit end and those of the next begin, if only their size tells: below 10¹¹ they are seconds (to the
/// year 5138), below 10¹⁴ milliseconds (from March 1973), below 10¹⁷ microseconds, below 10²⁰ nanoseconds.
const AUTO: [(f64, f64); 4] = [(1e11, 1e3), (1e14, 1.0), (1e17, 1e-3), (1e20, 1e-6)];
/// Unix ms beyond it are no time: the year 5138.
const MS_MAX: f64 = 1e14;

/// How the time stamps of a message are read.
#[derive(Debug)]
pub(super) enum TimeRule {
    /// RFC 3339, or a number whose size tells its unit.
    Auto,
    /// A number in units of so many ms.
    Unit(f64),
    /// A text; the zone of texts that name none, `None` if this system does not know it.
    Pattern(Box<str>, Option<TimeZone>),
}

impl TimeRule {
    pub(super) fn new(format: &TimeFormat) -> Self {
        match format {
            TimeFormat::Auto => Self::Auto,
            TimeFormat::Seconds => Self::Unit(1e3),
            TimeFormat::Millis => Self::Unit(1.0),
            TimeFormat::Micros => Self::Unit(1e-3),
            TimeFormat::Nanos => Self::Unit(1e-6),
            TimeFormat::Pattern { pattern, zone } => Self::Pattern(pattern.clone(), time_zone(zone)),
        }
    }

    /// Unix ms; `None` if the device says that it does not know.
    ///
    /// # Errors
    /// [`Fault::WrongType`] for what is no time.
    pub(super) fn read(&self, scalar: Scalar<'_>) -> Result<Option<i64>, Fault> {
        let mut digits = [0; 40];
        let ms = match (self, scalar) {
            (_, Scalar::Null) => return Ok(None),
            (Self::Pattern(pattern, zone), scalar) => {
                return scalar
                    .as_text(&mut digits)
                    .and_then(|text| by_pattern(pattern, zone.as_ref(), text))
                    .ok_or(Fault::WrongType)
                    .map(Some);
            }
            (rule, Scalar::Text(text)) => match text.trim() {
                text if text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
                    text.parse().ok().and_then(|number| rule.number(number))
                }
                text if matches!(rule, Self::Auto) => text.parse().ok().map(jiff::Timestamp::as_millisecond),
                _ => None,
            },
            (rule, other) => other.number().and_then(|number| rule.number(number)),
        };
        ms.ok_or(Fault::WrongType).map(Some)
    }

    fn number(&self, number: f64) -> Option<i64> {
        let per_unit = match self {
            Self::Unit(per_unit) => *per_unit,
            _ => AUTO.iter().find(|(end, _)| number < *end)?.1,
        };
        let ms = (number * per_unit).round();
        (number >= 0.0 && ms < MS_MAX).then_some(ms as i64)
    }
}

fn by_pattern(pattern: &str, zone: Option<&TimeZone>, text: &str) -> Option<i64> {
    let parsed = strtime::parse(pattern, text.trim()).ok()?;
    let time = match parsed.to_timestamp() {
        Ok(time) => time,
        Err(_) => parsed.to_datetime().ok()?.to_zoned(zone?.clone()).ok()?.timestamp(),
    };
    (0.0..MS_MAX).contains(&(time.as_millisecond() as f64)).then(|| time.as_millisecond())
}
