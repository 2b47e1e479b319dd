//! What happened in the last hour, day or month: compressor starts, doors that did not open, requests that failed. Pure,
//! bounded.

use super::save::{load_list, save_list};
use crate::aggregate::save::{Save, saved};

const HOUR_MS: i64 = 3_600_000;
/// Starts that are remembered; more in one hour are all beyond any limit.
const STARTS_MAX: usize = 64;

/// The newest starts of a compressor.
#[derive(Debug, Default)]
pub(super) struct Starts {
    at_ms: Vec<i64>,
    /// Since when it has been known without a gap.
    known_ms: i64,
}

impl Starts {
    /// The compressor was not known until now.
    pub(super) fn begin(&mut self, at_ms: i64) {
        self.known_ms = at_ms;
    }

    /// It started.
    pub(super) fn start(&mut self, at_ms: i64) {
        if self.at_ms.len() >= STARTS_MAX {
            self.at_ms.remove(0);
        }
        self.at_ms.push(at_ms);
    }

    /// Starts in the hour before `now_ms`, and whether none of them can have been missed.
    pub(super) fn in_hour(&self, now_ms: i64) -> (usize, bool) {
        let count = self.at_ms.iter().filter(|at_ms| **at_ms > now_ms - HOUR_MS).count();
        (count, now_ms - self.known_ms >= HOUR_MS)
    }

    /// The newest start.
    pub(super) fn newest_ms(&self) -> Option<i64> {
        self.at_ms.last().copied()
    }
}

impl Save for Starts {
    fn save(&self, out: &mut Vec<u8>) {
        save_list(&self.at_ms, out);
        self.known_ms.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Some(Self { at_ms: load_list(input, STARTS_MAX)?, known_ms: Save::load(input)? })
    }
}

/// How sums slide, and what they are for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slide {
    bucket_ms: i64,
    buckets: usize,
    /// Fewer in all make no share.
    all_min: i64,
    /// What a counter says after it fell back has all happened since; of others nobody knows.
    counts_from_zero: bool,
}

/// Commands to open a compartment of the last 24 hours, at least 50 (DOMAIN §5).
pub(super) const COMMANDS: Slide = Slide { bucket_ms: HOUR_MS, buckets: 24, all_min: 50, counts_from_zero: false };
/// Requests to the database of the last 30 days (DOMAIN §5); our own counters begin with the process.
pub(super) const REQUESTS: Slide = Slide { bucket_ms: 24 * HOUR_MS, buckets: 30, all_min: 100, counts_from_zero: true };

/// What a counter since ever has gained, by bucket of time. One that falls back was reset and begins anew.
#[derive(Debug, Default)]
struct Sums {
    newest: Option<i64>,
    newest_ms: i64,
    bucket: i64,
    /// Of the current bucket, the one before it, and so on.
    counts: Vec<i64>,
}

saved!(Sums { newest, newest_ms, bucket, counts });

impl Sums {
    /// Takes a count at its own time, which may have been a while ago, but not before the newest.
    fn take(&mut self, slide: Slide, count: i64, at_ms: i64) {
        let bucket = at_ms.div_euclid(slide.bucket_ms);
        if self.newest.is_none() {
            (self.counts, self.bucket, self.newest_ms) = (vec![0; slide.buckets], bucket, at_ms);
        }
        if at_ms < self.newest_ms {
            return;
        }
        let more = match self.newest {
            Some(before) if count >= before => count.saturating_sub(before),
            Some(_) if slide.counts_from_zero => count,
            _ => 0,
        };
        (self.newest, self.newest_ms) = (Some(count), at_ms);
        let passed = usize::try_from(bucket.saturating_sub(self.bucket)).unwrap_or(0).min(slide.buckets);
        self.counts.rotate_right(passed % slide.buckets);
        self.counts.iter_mut().take(passed).for_each(|count| *count = 0);
        self.bucket = self.bucket.max(bucket);
        if let Some(current) = self.counts.first_mut() {
            *current = current.saturating_add(more);
        }
    }

    /// One of what was counted, or is about to be, does not count.
    fn less_one(&mut self) {
        if let Some(current) = self.counts.first_mut() {
            *current = current.saturating_sub(1);
        }
    }

    /// Sum of the buckets up to the one of `now_ms`.
    fn sum(&self, slide: Slide, now_ms: i64) -> i64 {
        let passed = usize::try_from(now_ms.div_euclid(slide.bucket_ms).saturating_sub(self.bucket)).unwrap_or(0);
        let still = slide.buckets.saturating_sub(passed);
        self.counts.iter().take(still).fold(0, |sum: i64, count| sum.saturating_add(*count))
    }
}

/// How many of many failed, as their counters say.
#[derive(Debug, Default)]
pub(super) struct Share {
    all: Sums,
    failed: Sums,
    /// First count.
    since_ms: Option<i64>,
}

saved!(Share { all, failed, since_ms });

impl Share {
    /// Takes the count of all.
    pub(super) fn all(&mut self, slide: Slide, count: i64, at_ms: i64) {
        self.since_ms.get_or_insert(at_ms);
        self.all.take(slide, count, at_ms);
    }

    /// Takes the count of failures.
    pub(super) fn failed(&mut self, slide: Slide, count: i64, at_ms: i64) {
        self.failed.take(slide, count, at_ms);
    }

    /// One of the failures was another try of the one before: neither was.
    pub(super) fn retried(&mut self) {
        self.all.less_one();
        self.failed.less_one();
    }

    /// How many succeeded since ever, as far as the counters say.
    pub(super) fn done(&self) -> Option<i64> {
        Some(self.all.newest?.saturating_sub(self.failed.newest.unwrap_or(0)))
    }

    /// Share that failed, %; none if they were too few.
    pub(super) fn failed_pct(&self, slide: Slide, now_ms: i64) -> Option<f64> {
        let all = self.all.sum(slide, now_ms);
        (all >= slide.all_min).then(|| 100.0 * self.failed.sum(slide, now_ms) as f64 / all as f64)
    }

    /// Whether none of the time they slide over was missed.
    pub(super) fn is_whole(&self, slide: Slide, now_ms: i64) -> bool {
        let span_ms = slide.bucket_ms.saturating_mul(slide.buckets as i64);
        self.since_ms.is_some_and(|since_ms| now_ms - since_ms >= span_ms)
    }
}
