//! What a destination has used of the calendar month's bytes, and what of that is left out. Its file is read at the start and
//! replaced every few minutes; a power cut forgets those. Blocks; whoever is on the runtime uses [`keep`].
//!
//! Never counts in a month that a clock which is not set believes in: until it is set the newest one known goes on. The month
//! before is kept too, for a clock that was ahead and is set back. Bounded: two months.

use super::budget::Level;
use crate::snapshot::write_whole;
use facility_config::limits::BUDGET_SAVE_MS;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Folder of the files in the store's folder.
pub const DIR: &str = "budget";
/// Longest file that is read.
const FILE_BYTES_MAX: u64 = 4096;
/// No forecast in the first hours of a month, ms: it would be that of the moment.
const FORECAST_AFTER_MS: i64 = 6 * 3_600_000;
const MONTHS_MAX: usize = 2;

/// A month as it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    /// Its beginning, Unix ms.
    start_ms: i64,
    /// Bytes.
    used_bytes: u64,
}

/// How a budget stands, as it is shown and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetInfo {
    /// What is left out.
    pub level: Level,
    /// Bytes used in the calendar month.
    pub used_bytes: u64,
    /// Bytes allowed.
    pub allowed_bytes: u64,
    /// What the month comes to if it goes on like that; `None` in its first hours and while the clock is not set.
    pub forecast_bytes: Option<u64>,
}

/// The meter of one destination.
#[derive(Debug)]
pub struct Month {
    allowed: u64,
    zone: TimeZone,
    path: PathBuf,
    /// The newest last.
    months: Vec<Used>,
    /// The month that is counted in; `None` until one is known.
    span: Option<Range<i64>>,
    level: Level,
    /// Running time of the last save, ms.
    saved_ms: i64,
    is_dirty: bool,
}

impl Month {
    /// Goes on with what its file says; one that cannot be read is a month of which nothing is used.
    #[must_use]
    pub fn open(allowed: u64, zone: TimeZone, path: PathBuf, up_ms: i64) -> Self {
        let mut months = read(&path).unwrap_or_default();
        months.sort_by_key(|month| month.start_ms);
        months.drain(..months.len().saturating_sub(MONTHS_MAX));
        let span = months.last().and_then(|month| month_of(month.start_ms, &zone));
        let mut month = Self { allowed, zone, path, months, span, level: Level::All, saved_ms: up_ms, is_dirty: false };
        // Until the clock is set nobody knows how much of the month is left: only one that is used up says something.
        month.level = if month.span.is_some() { Level::All.next(month.used(), allowed, 1.0) } else { Level::All };
        month
    }

    /// Counts bytes in the month of `wall_ms` (`None` while the clock is not set), and judges.
    pub fn charge(&mut self, bytes: u64, wall_ms: Option<i64>) {
        self.turn(wall_ms);
        if let Some(month) = self.current() {
            month.used_bytes = month.used_bytes.saturating_add(bytes);
            self.is_dirty |= bytes > 0;
        }
        if let (Some(wall_ms), Some(span)) = (wall_ms, &self.span) {
            let length_ms = span.end.saturating_sub(span.start).max(1);
            let elapsed = wall_ms.saturating_sub(span.start) as f64 / length_ms as f64;
            self.level = self.level.next(self.used(), self.allowed, elapsed.clamp(0.0, 1.0));
        }
    }

    /// What is left out.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// How it stands.
    #[must_use]
    pub fn info(&self, wall_ms: Option<i64>) -> BudgetInfo {
        let used_bytes = self.used();
        let forecast = wall_ms.zip(self.span.as_ref()).and_then(|(wall_ms, span)| {
            let gone_ms = wall_ms.clamp(span.start, span.end) - span.start;
            let length_ms = span.end - span.start;
            (gone_ms >= FORECAST_AFTER_MS).then(|| (used_bytes as f64 * length_ms as f64 / gone_ms as f64) as u64)
        });
        BudgetInfo { level: self.level, used_bytes, allowed_bytes: self.allowed, forecast_bytes: forecast }
    }

    /// What has to be written now, and where: every few minutes while something is sent, or at the end.
    pub fn due(&mut self, up_ms: i64, is_end: bool) -> Option<(PathBuf, Vec<u8>)> {
        let is_due = self.is_dirty && (is_end || up_ms.saturating_sub(self.saved_ms) >= BUDGET_SAVE_MS);
        if !is_due {
            return None;
        }
        (self.saved_ms, self.is_dirty) = (up_ms, false);
        serde_json::to_vec_pretty(&self.months).ok().map(|text| (self.path.clone(), text))
    }

    fn used(&self) -> u64 {
        let start_ms = self.span.as_ref().map(|span| span.start);
        self.months.iter().find(|month| Some(month.start_ms) == start_ms).map_or(0, |month| month.used_bytes)
    }

    fn current(&mut self) -> Option<&mut Used> {
        let start_ms = self.span.as_ref()?.start;
        self.months.iter_mut().find(|month| month.start_ms == start_ms)
    }

    fn turn(&mut self, wall_ms: Option<i64>) {
        let is_other = |at: &i64| self.span.as_ref().is_none_or(|span| !span.contains(at));
        let Some(span) = wall_ms.filter(is_other).and_then(|at| month_of(at, &self.zone)) else { return };
        if self.months.iter().all(|month| month.start_ms != span.start) {
            self.months.push(Used { start_ms: span.start, used_bytes: 0 });
            self.months.drain(..self.months.len().saturating_sub(MONTHS_MAX));
        }
        (self.span, self.level) = (Some(span), Level::All);
    }
}

/// The calendar month of a moment; `None` for one beyond all calendars.
fn month_of(at_ms: i64, zone: &TimeZone) -> Option<Range<i64>> {
    let first = Timestamp::from_millisecond(at_ms).ok()?.to_zoned(zone.clone()).date().first_of_month();
    let begin_ms = |date: Date| Some(date.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond());
    Some(begin_ms(first)?..begin_ms(first.checked_add(1.month()).ok()?)?)
}

/// Writes what [`Month::due`] gave, beside the runtime.
///
/// # Errors
/// As the file system says; the old file is still there then.
pub async fn keep(path: PathBuf, text: Vec<u8>) -> io::Result<()> {
    let write = move || {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        write_whole(&path, &[&text])
    };
    tokio::task::spawn_blocking(write).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn read(path: &Path) -> Option<Vec<Used>> {
    let mut text = Vec::new();
    std::fs::File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
#[path = "month_tests.rs"]
mod tests;
