//! What an opening found: the report that health, log and account are given.

use super::record::{Seq, Sink};
use facility_config::limits::LOST_RANGES_REPORTED_MAX;
use std::ops::Range;

/// What an opening found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Oldest point held.
    pub start: Seq,
    /// Where the log goes on.
    pub end: Seq,
    /// Points held, as far as seals and frames tell; damage inside finished segments is found when they are read.
    pub points: u64,
    /// Points between `start` and `end` that are gone.
    pub damaged: u64,
    /// Where they were: the first [`LOST_RANGES_REPORTED_MAX`] ranges between frames and segments.
    pub damaged_ranges: Vec<Range<Seq>>,
    /// Acknowledged points missing at the end (a cursor had seen them). Part of `damaged`.
    pub lost_tail: u64,
    /// Points in frames at the very end that were not complete: a commit that the last power cut interrupted. They were
    /// not acknowledged.
    pub cut: u64,
    /// The last run ended in order.
    pub clean: bool,
    /// Readers whose cursor was unreadable: they start again at the oldest point held.
    pub cursors_lost: Vec<Sink>,
    /// Files of the store that were missing or unreadable and were made anew (never on the first opening).
    pub files_remade: usize,
    /// Files that hold nothing of this log and were left where they are.
    pub files_ignored: Vec<String>,
    /// Newest time of a commit, Unix ms: no earlier than this is it now.
    pub newest_at_ms: Option<i64>,
    /// How often this store was opened and written, this time included.
    pub epoch: u32,
}

impl Recovery {
    pub(super) fn add_range(&mut self, range: Range<Seq>) {
        if range.start < range.end && self.damaged_ranges.len() < LOST_RANGES_REPORTED_MAX {
            self.damaged_ranges.push(range);
        }
    }

    /// Writes the report to the log, loudly where something is gone.
    pub(super) fn report(&self, store: &'static str) {
        tracing::info!(store, start = self.start, end = self.end, points = self.points, clean = self.clean, cut = self.cut, "store opened");
        if self.damaged > 0 {
            tracing::error!(
                store,
                points = self.damaged,
                at_the_end = self.lost_tail,
                ranges = ?self.damaged_ranges,
                "stored points are damaged and lost; all others are used; check the card or disk"
            );
        }
        for sink in &self.cursors_lost {
            tracing::error!(store, sink = sink.as_str(), "cursor unreadable: all points held are delivered again");
        }
        if self.files_remade > 0 || !self.files_ignored.is_empty() {
            tracing::warn!(store, remade = self.files_remade, ignored = ?self.files_ignored, "files of the store were missing or foreign");
        }
    }
}
