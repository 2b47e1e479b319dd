//! What happened in the last hour and the last day: compressor starts, and doors that did not open. Pure, bounded.

use super::save::{load_list, save_list};
use crate::aggregate::save::{Save, saved};

const HOUR_MS: i64 = 3_600_000;
/// Starts that are remembered; more in one hour are all beyond any limit.
const STARTS_MAX: usize = 64;
const HOURS: usize = 24;
/// Fewer commands in a day make no rate (DOMAIN §5).
const COMMANDS_MIN: i64 = 50;

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

/// Counts of the last 24 hours, by hour, from a counter since ever. One that falls back was reset and begins anew.
#[derive(Debug, Default)]
pub(super) struct Daily {
    newest: Option<i64>,
    hour: i64,
    /// Of the current hour, the one before it, and so on.
    counts: Vec<i64>,
}

saved!(Daily { newest, hour, counts });

impl Daily {
    fn take(&mut self, count: i64, at_ms: i64) {
        let more = self.newest.map_or(0, |before| if count >= before { count.saturating_sub(before) } else { 0 });
        self.newest = Some(count);
        let hour = at_ms.div_euclid(HOUR_MS);
        if self.counts.is_empty() {
            (self.counts, self.hour) = (vec![0; HOURS], hour);
        }
        let passed = usize::try_from(hour.saturating_sub(self.hour)).unwrap_or(0).min(HOURS);
        self.counts.rotate_right(passed % HOURS);
        self.counts.iter_mut().take(passed).for_each(|count| *count = 0);
        self.hour = self.hour.max(hour);
        if let Some(current) = self.counts.first_mut() {
            *current = current.saturating_add(more);
        }
    }

    /// Sum of the 24 hours up to the one of `now_ms`.
    fn sum(&self, now_ms: i64) -> i64 {
        let passed = usize::try_from(now_ms.div_euclid(HOUR_MS).saturating_sub(self.hour)).unwrap_or(0);
        let still = HOURS.saturating_sub(passed);
        self.counts.iter().take(still).fold(0, |sum: i64, count| sum.saturating_add(*count))
    }
}

/// Commands to open a compartment and how many failed, as the locker counts them.
#[derive(Debug, Default)]
pub(super) struct Openings {
    commands: Daily,
    fails: Daily,
}

saved!(Openings { commands, fails });

impl Openings {
    /// Takes the locker's count of commands.
    pub(super) fn commands(&mut self, count: i64, at_ms: i64) {
        self.commands.take(count, at_ms);
    }

    /// Takes the locker's count of failures.
    pub(super) fn fails(&mut self, count: i64, at_ms: i64) {
        self.fails.take(count, at_ms);
    }

    /// Share of the last day's commands that failed, %; none if they were too few.
    pub(super) fn fail_pct(&self, now_ms: i64) -> Option<f64> {
        let commands = self.commands.sum(now_ms);
        (commands >= COMMANDS_MIN).then(|| 100.0 * self.fails.sum(now_ms) as f64 / commands as f64)
    }
}
