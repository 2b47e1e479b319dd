//! Which days of a device have to be worked over because something came late for them, and when.
//!
//! Remembers days, never readings: what has changed in a day is found by computing it again from the log
//! ([`again`](super::again)). A day is worked over an hour of log time after its end at the earliest, again at most every six
//! hours, and until seven days have passed; so at most ten days of a device are remembered, and those of a keep period. Pure.

use super::calendar::{Long, Span};
use super::save::saved;
use facility_config::limits::{LATE_AGAIN_MS, LATE_FIRST_MS, LATE_MS_MAX};
use jiff::tz::TimeZone;

/// Days of one device that something came late for, oldest first.
#[derive(Debug, Default)]
pub(super) struct Late {
    days: Vec<Day>,
    /// Days that stay as they are.
    pub(super) unrevised: u64,
}

#[derive(Debug, Clone, Copy)]
struct Day {
    day: Span,
    /// Something came since it was worked over.
    is_pending: bool,
    /// Log time at which it was worked over, Unix ms; 0 if it never was.
    worked_ms: i64,
}

saved!(Late { days, unrevised });
saved!(Day { day, is_pending, worked_ms });

/// A day that is to be worked over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DueDay {
    pub(crate) day: Span,
    /// Log time at which that was done before, Unix ms; 0 for the first time.
    pub(crate) since_ms: i64,
}

impl Day {
    fn is_due(&self, log_ms: i64) -> bool {
        let is_last = log_ms >= self.day.end_ms.saturating_add(LATE_MS_MAX);
        let is_rested = is_last || self.worked_ms == 0 || log_ms >= self.worked_ms.saturating_add(LATE_AGAIN_MS);
        self.is_pending && is_rested && log_ms >= self.day.end_ms.saturating_add(LATE_FIRST_MS)
    }
}

impl Late {
    /// Something of `at_ms` came when windows up to `until_ms` may have been counted without it: at least up to the open one, for
    /// a counter's difference is booked where the next value is. All their days may have changed. False if its day is too old.
    pub(super) fn mark(&mut self, at_ms: i64, until_ms: i64, log_ms: i64, zone: &TimeZone) -> bool {
        if at_ms.saturating_add(LATE_MS_MAX) < log_ms {
            return false;
        }
        let mut ms = at_ms;
        while ms <= until_ms {
            let known = self.days.partition_point(|known| known.day.end_ms <= ms);
            match self.days.get_mut(known) {
                Some(known) if known.day.start_ms <= ms => known.is_pending = true,
                _ => self.days.insert(known, Day { day: Long::Day.around(ms, zone), is_pending: true, worked_ms: 0 }),
            }
            ms = self.days[known].day.end_ms;
        }
        self.forget(log_ms);
        true
    }

    /// Start of the first day whose time has come.
    pub(super) fn first_due_ms(&self, log_ms: i64) -> Option<i64> {
        self.days.iter().find(|known| known.is_due(log_ms)).map(|known| known.day.start_ms)
    }

    /// Days whose time has come; they count as worked over.
    pub(super) fn due(&mut self, log_ms: i64) -> Vec<DueDay> {
        let mut due = Vec::new();
        for known in self.days.iter_mut().filter(|known| known.is_due(log_ms)) {
            due.push(DueDay { day: known.day, since_ms: known.worked_ms });
            (known.is_pending, known.worked_ms) = (false, log_ms);
        }
        self.forget(log_ms);
        due
    }

    fn forget(&mut self, log_ms: i64) {
        let is_over = |known: &Day| log_ms >= known.day.end_ms.saturating_add(LATE_MS_MAX + LATE_FIRST_MS);
        self.days.retain(|known| known.is_pending || !is_over(known));
    }
}
