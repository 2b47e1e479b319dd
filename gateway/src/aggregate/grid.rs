//! The windows the fold is made of: base windows that records fall into, and the short windows that are told.
//!
//! Usually they are the same. With minutes, the base is a minute, which is told as such, and a short window is several of
//! them. Hours and days are made of short windows. Pure.

use super::calendar::Moment;
use super::device::State;
use super::hold::{Frame, Terms};
use super::row::{Row, Rows};
use facility_config::limits::{CLOCK_AHEAD_MS_MAX, SILENT_WINDOWS_MAX, WINDOW_GRACE_MS_MAX};
use facility_config::{DeviceIx, Site};
use facility_drivers::{Batch, Subject};

const MINUTE_MS: i64 = 60_000;

/// Lengths of windows, and what depends on them, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) base_ms: i64,
    pub(super) short_ms: i64,
    pub(super) grace_ms: i64,
    pub(super) ahead_ms: i64,
}

impl Grid {
    pub(super) fn of(site: &Site) -> Self {
        let short_ms = super::span_ms(site.window);
        let base_ms = if site.minutes && short_ms % MINUTE_MS == 0 { MINUTE_MS } else { short_ms };
        // Half a window at most: then no record can fall behind the second open window.
        Self { base_ms, short_ms, grace_ms: WINDOW_GRACE_MS_MAX.min(base_ms / 2), ahead_ms: CLOCK_AHEAD_MS_MAX.min(base_ms / 2) }
    }

    /// The base window that begins at a moment.
    pub(super) fn frame(self, open_ms: i64) -> Frame {
        Frame { open_ms, window_ms: self.base_ms }
    }

    /// Start of the base window that holds a moment.
    pub(super) fn base_around(self, ms: i64) -> i64 {
        ms.div_euclid(self.base_ms) * self.base_ms
    }

    /// Start of the short window that holds a moment.
    pub(super) fn short_around(self, ms: i64) -> i64 {
        ms.div_euclid(self.short_ms) * self.short_ms
    }

    /// Whether short windows meet at a moment.
    pub(super) fn is_edge(self, ms: i64) -> bool {
        ms.rem_euclid(self.short_ms) == 0
    }

    /// Whether a base window is over when the log's time is `log_ms`.
    pub(super) fn is_due(self, open_ms: i64, log_ms: i64) -> bool {
        open_ms + self.base_ms + self.grace_ms <= log_ms
    }

    /// Base windows that are written while the log is silent.
    pub(super) fn silent_max(self) -> u64 {
        u64::from(SILENT_WINDOWS_MAX) * (self.short_ms / self.base_ms).unsigned_abs()
    }

    /// Ends the base window of one device: its figures if it is a minute, and those of the short window if that ends with it.
    pub(super) fn close(
        self,
        state: &mut State,
        device: DeviceIx,
        frame: Frame,
        terms: Terms,
        moment: Option<Moment>,
        out: &mut Vec<Batch>,
    ) {
        let end_ms = frame.open_end_ms();
        let mut minute = (self.base_ms < self.short_ms).then(|| Batch::new(device, Subject::Metric, frame.open_ms));
        let mut short = self.is_edge(end_ms).then(|| Batch::new(device, Subject::Metric, end_ms - self.short_ms));
        let mut rows = Rows {
            minute: minute.as_mut().map(|batch| Row::minute(batch, self.base_ms)),
            short: short.as_mut().map(|batch| Row::short(batch, self.short_ms)),
        };
        state.close(frame, terms, moment, &mut rows);
        out.extend(minute.into_iter().chain(short));
    }
}
