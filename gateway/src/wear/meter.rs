//! Bytes per day and projected life from samples of a counter. Pure: times are those of the clock that never steps.
//!
//! Bounded by [`WEAR_SAMPLES_MAX`].

use super::card::SECTOR_BYTES;
use facility_config::limits::{WEAR_MEASURED_MS_MIN, WEAR_SAMPLES_MAX, WEAR_SPAN_MS};
use std::collections::VecDeque;

/// Where the counter of a 32-bit kernel (`unsigned long sectors`) wraps: after 2 TiB.
const WRAP_SECTORS: u64 = 1 << 32;
/// More than this between two samples (64 GiB in minutes) no card can take: a counter that is lower than before and
/// would have come so far by wrapping has begun anew.
const STEP_SECTORS_MAX: u64 = 64 << 21;
const DAY_MS: f64 = 86_400_000.0;
const DAYS_PER_YEAR: f64 = 365.25;
/// Longest life that is told. Nobody knows what a card is like after a hundred years.
pub const LIFE_YEARS_MAX: f64 = 100.0;

/// What was written, and when.
#[derive(Debug, Clone, Copy)]
struct Sample {
    mono_ms: i64,
    written_bytes: u64,
    store_bytes: u64,
}

/// How fast a card is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// By everybody, bytes per day.
    pub written_bytes_per_day: u64,
    /// By the stores alone, bytes per day.
    pub store_bytes_per_day: u64,
}

/// A ring of samples.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    samples: VecDeque<Sample>,
    begun_ms: i64,
    sectors: u64,
    written_bytes: u64,
}

impl Meter {
    /// Adds what the card's counter and the stores' own say at `mono_ms`; both only grow, but the card's may wrap or
    /// begin anew.
    pub fn push(&mut self, mono_ms: i64, sectors: u64, store_bytes: u64) {
        match self.samples.back() {
            None => self.begun_ms = mono_ms,
            Some(_) => {
                let grown_bytes = grown(self.sectors, sectors).saturating_mul(SECTOR_BYTES);
                self.written_bytes = self.written_bytes.saturating_add(grown_bytes);
            }
        }
        self.sectors = sectors;
        self.samples.push_back(Sample { mono_ms, written_bytes: self.written_bytes, store_bytes });
        // The oldest that stays is a whole span old, so that the mean is one of a day.
        while self.samples.len() > WEAR_SAMPLES_MAX || self.samples.get(1).is_some_and(|next| mono_ms - next.mono_ms >= WEAR_SPAN_MS) {
            self.samples.pop_front();
        }
    }

    /// Bytes written to the whole card since the first sample.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Time from the first sample to the newest, ms.
    #[must_use]
    pub fn measured_ms(&self) -> i64 {
        self.samples.back().map_or(0, |newest| newest.mono_ms - self.begun_ms)
    }

    /// The mean over the last day, or since the first sample; `None` in the first minutes.
    #[must_use]
    pub fn pace(&self) -> Option<Pace> {
        let (first, newest) = (self.samples.front()?, self.samples.back()?);
        let span_ms = newest.mono_ms - first.mono_ms;
        let per_day = |then: u64, now: u64| (now.saturating_sub(then) as f64 * DAY_MS / span_ms as f64) as u64;
        (span_ms >= WEAR_MEASURED_MS_MIN).then(|| Pace {
            written_bytes_per_day: per_day(first.written_bytes, newest.written_bytes),
            store_bytes_per_day: per_day(first.store_bytes, newest.store_bytes),
        })
    }
}

/// How far a counter has come.
fn grown(then: u64, now: u64) -> u64 {
    if let Some(grown) = now.checked_sub(then) {
        return grown;
    }
    // Lower than before, and before below the wrap: the sum is far from the end of 64 bits.
    let wrapped = (then < WRAP_SECTORS).then(|| now + WRAP_SECTORS - then);
    wrapped.filter(|sectors| *sectors <= STEP_SECTORS_MAX).unwrap_or(now)
}

/// Years a new card lasts at this pace if all of it can be written `cycles` times and it writes inside what it is given
/// and no more; at most [`LIFE_YEARS_MAX`].
#[must_use]
pub fn life_years(card_bytes: u64, cycles: u32, written_bytes_per_day: u64) -> f64 {
    let endurance_bytes = card_bytes as f64 * f64::from(cycles);
    (endurance_bytes / written_bytes_per_day.max(1) as f64 / DAYS_PER_YEAR).min(LIFE_YEARS_MAX)
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
