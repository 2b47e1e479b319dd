//! Hours, days, months, quarters and years: where the window that holds a moment begins and ends.
//!
//! Hours are those of UTC, the others those of the site's zone (DOMAIN §4). Pure. A time beyond what the calendar knows
//! (year 9999) lies in a window that never ends.

use super::save::{Save, saved};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

const HOUR_MS: i64 = 3_600_000;

/// A window longer than those the fold is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Long {
    Hour,
    Day,
    Month,
    Quarter,
    Year,
}

impl Long {
    /// Each, the shorter first.
    pub(crate) const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Month, Self::Quarter, Self::Year];

    /// Name in the `window` tag.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "1d",
            Self::Month => "1mo",
            Self::Quarter => "1q",
            Self::Year => "1y",
        }
    }

    /// The window that holds a moment.
    pub(crate) fn around(self, at_ms: i64, zone: &TimeZone) -> Span {
        if self == Self::Hour {
            let start_ms = at_ms.div_euclid(HOUR_MS) * HOUR_MS;
            return Span { start_ms, end_ms: start_ms.saturating_add(HOUR_MS) };
        }
        self.local(at_ms, zone).unwrap_or(Span { start_ms: at_ms, end_ms: i64::MAX })
    }

    fn local(self, at_ms: i64, zone: &TimeZone) -> Option<Span> {
        let local = Timestamp::from_millisecond(at_ms).ok()?.to_zoned(zone.clone());
        let first = self.first_day(&local)?;
        let next = match self {
            Self::Hour | Self::Day => first.checked_add(1.day()),
            Self::Month => first.checked_add(1.month()),
            Self::Quarter => first.checked_add(3.months()),
            Self::Year => first.checked_add(1.year()),
        };
        let ms = |day: DateTime| Some(day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond());
        Some(Span { start_ms: ms(first)?, end_ms: ms(next.ok()?)? })
    }

    fn first_day(self, local: &Zoned) -> Option<DateTime> {
        let date = local.date();
        let month = match self {
            Self::Hour | Self::Day => return Some(date.to_datetime(jiff::civil::Time::midnight())),
            Self::Month => date.month(),
            Self::Quarter => (date.month() - 1) / 3 * 3 + 1,
            Self::Year => 1,
        };
        DateTime::new(date.year(), month, 1, 0, 0, 0, 0).ok()
    }
}

/// From, inclusive, to, exclusive, Unix ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
}

saved!(Span { start_ms, end_ms });

/// The long windows that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Calendar([Span; 5]);

impl Calendar {
    pub(super) fn around(at_ms: i64, zone: &TimeZone) -> Self {
        Self(Long::ALL.map(|long| long.around(at_ms, zone)))
    }

    pub(super) fn span(&self, long: Long) -> Span {
        self.0[long as usize]
    }

    /// Opens the window that holds a moment.
    pub(super) fn turn(&mut self, long: Long, at_ms: i64, zone: &TimeZone) {
        self.0[long as usize] = long.around(at_ms, zone);
    }
}

impl Save for Calendar {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|span| span.save(out));
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let mut calendar = Self::default();
        for span in &mut calendar.0 {
            *span = Span::load(input)?;
        }
        Some(calendar)
    }
}

/// Hours of the regulator's snapshot of a locker (DOMAIN §4, 利用率).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// 08:00.
    Am,
    /// 20:00.
    Pm,
}

impl Moment {
    /// Whether a window's end is one.
    pub(super) fn at(end_ms: i64, zone: &TimeZone) -> Option<Self> {
        // No offset on earth is in seconds, so that nearly every window is ruled out at once.
        if end_ms.rem_euclid(15 * 60_000) != 0 {
            return None;
        }
        let local = Timestamp::from_millisecond(end_ms).ok()?.to_zoned(zone.clone());
        match (local.hour(), local.minute()) {
            (8, 0) => Some(Self::Am),
            (20, 0) => Some(Self::Pm),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
