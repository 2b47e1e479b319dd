//! How fast things come in and what was turned away of late. Pure: a ring of totals, one pushed per snapshot.
//!
//! Bounded by [`RATE_SAMPLES_MAX`].

use crate::telemetry::Intake;
use facility_config::limits::RATE_SAMPLES_MAX;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// Rates are means over this long: short enough to see a device come and go, long enough for polls every 5 s.
const RATE_SPAN_MS: i64 = 10_000;
/// What was refused longer ago than this is no news.
const RECENT_MS: i64 = 60_000;

/// Totals of the intake at one moment.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    messages: u64,
    readings: u64,
    refused: BTreeMap<&'static str, u64>,
    dropped: BTreeMap<&'static str, u64>,
}

/// What the ring says now.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rate {
    /// Messages and poll results per second, over the last ten seconds.
    pub messages_per_s: f64,
    /// Readings per second, over the last ten seconds.
    pub readings_per_s: f64,
    /// Length of the look back of the two fields below, seconds; at most a minute.
    pub recent_s: u64,
    /// Messages refused in that time, by reason.
    pub refused_recent: BTreeMap<&'static str, u64>,
    /// Values dropped in that time, by reason.
    pub dropped_recent: BTreeMap<&'static str, u64>,
}

/// The ring.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    samples: VecDeque<(i64, Totals)>,
}

impl Totals {
    /// The totals of `intake` now.
    #[must_use]
    pub fn of(intake: &Intake) -> Self {
        Self {
            messages: intake.messages.get(),
            readings: intake.readings.get(),
            refused: intake.refused.counted(),
            dropped: intake.dropped.counted(),
        }
    }
}

impl Rates {
    /// An empty ring.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds totals taken at `mono_ms` (a clock that never steps) and returns the rates up to them. Call it about once
    /// a second.
    pub fn push(&mut self, mono_ms: i64, totals: Totals) -> Rate {
        let outdated = |at_ms: i64| mono_ms.saturating_sub(at_ms) > RECENT_MS;
        while self.samples.len() == RATE_SAMPLES_MAX || self.samples.front().is_some_and(|(at_ms, _)| outdated(*at_ms)) {
            self.samples.pop_front();
        }
        self.samples.push_back((mono_ms, totals));
        self.rate()
    }

    fn rate(&self) -> Rate {
        let (Some((first_ms, first)), Some((now_ms, now))) = (self.samples.front(), self.samples.back()) else {
            return Rate::default();
        };
        let begin = self.samples.iter().find(|(at_ms, _)| now_ms.saturating_sub(*at_ms) <= RATE_SPAN_MS);
        let (begin_ms, begin) = begin.map_or((*now_ms, now), |(at_ms, totals)| (*at_ms, totals));
        let per_s = |now: u64, then: u64| match now_ms.saturating_sub(begin_ms) {
            span_ms if span_ms > 0 => now.saturating_sub(then) as f64 * 1e3 / span_ms as f64,
            _ => 0.0,
        };
        Rate {
            messages_per_s: per_s(now.messages, begin.messages),
            readings_per_s: per_s(now.readings, begin.readings),
            recent_s: u64::try_from(now_ms.saturating_sub(*first_ms) / 1000).unwrap_or(0),
            refused_recent: grown(&first.refused, &now.refused),
            dropped_recent: grown(&first.dropped, &now.dropped),
        }
    }
}

fn grown(then: &BTreeMap<&'static str, u64>, now: &BTreeMap<&'static str, u64>) -> BTreeMap<&'static str, u64> {
    now.iter().map(|(reason, n)| (*reason, n.saturating_sub(then.get(reason).copied().unwrap_or(0)))).filter(|(_, n)| *n > 0).collect()
}
