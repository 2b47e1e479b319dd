//! Stretches of time for which something was so, and what of them lies in an interval. Pure.
//!
//! Bounded: of more than [`MISSING_SPANS_MAX`] stretches the oldest is forgotten, and what it explained is then silence.

use super::reason::Reason;
use crate::aggregate::save::{Save, saved};
use facility_config::limits::MISSING_SPANS_MAX;

/// End of a stretch that has not ended. Sums with an interval do not overflow.
const OPEN_MS: i64 = 1 << 61;

/// From, inclusive, to, exclusive, Unix ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

saved!(Stretch { from_ms, to_ms });

impl Stretch {
    pub(super) fn holds(&self, at_ms: i64) -> bool {
        self.from_ms <= at_ms && at_ms < self.to_ms
    }
}

/// When something was so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spans(Vec<Stretch>);

impl Save for Spans {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Vec::load(input).map(Self)
    }
}

impl Spans {
    /// It was so for a while.
    pub(super) fn add(&mut self, from_ms: i64, to_ms: i64) {
        if let Some(last) = self.0.last_mut().filter(|last| last.from_ms <= from_ms && from_ms <= last.to_ms) {
            last.to_ms = last.to_ms.max(to_ms);
            return;
        }
        if self.0.len() >= MISSING_SPANS_MAX {
            self.0.remove(0);
        }
        self.0.push(Stretch { from_ms, to_ms });
    }

    /// It is so from now on.
    pub(super) fn begin(&mut self, at_ms: i64) {
        if self.0.last().is_none_or(|last| last.to_ms != OPEN_MS) {
            self.add(at_ms, OPEN_MS);
        }
    }

    /// It is so no longer than until then.
    pub(super) fn end(&mut self, at_ms: i64) {
        let Some(last) = self.0.last_mut() else { return };
        last.to_ms = last.to_ms.min(at_ms);
        if last.to_ms <= last.from_ms {
            self.0.pop();
        }
    }

    /// Forgets what was over by then.
    pub(super) fn forget_before(&mut self, at_ms: i64) {
        self.0.retain(|stretch| stretch.to_ms > at_ms);
    }

    fn holds(&self, at_ms: i64) -> bool {
        self.0.iter().any(|stretch| stretch.holds(at_ms))
    }
}

/// A part of an interval with one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) reason: Reason,
}

/// Divides an interval by what was so in it; of several the first in the list counts. What is shorter than `least_ms` joins
/// the piece before it: a link that needs a moment after a start is no reason of its own.
pub(super) fn pieces(whole: Stretch, least_ms: i64, causes: &[(Reason, &Spans)]) -> Vec<Piece> {
    let mut edges = vec![whole.from_ms, whole.to_ms];
    let stretches = causes.iter().flat_map(|(_, spans)| &spans.0);
    edges.extend(stretches.flat_map(|stretch| [stretch.from_ms, stretch.to_ms]).filter(|edge_ms| whole.holds(*edge_ms)));
    edges.sort_unstable();
    edges.dedup();
    let mut found: Vec<Piece> = Vec::new();
    for pair in edges.windows(2) {
        let [from_ms, to_ms] = [pair[0], pair[1]];
        let reason = causes.iter().find(|(_, spans)| spans.holds(from_ms)).map_or(Reason::Silent, |(reason, _)| *reason);
        match found.last_mut() {
            Some(last) if last.reason == reason => last.to_ms = to_ms,
            _ => found.push(Piece { from_ms, to_ms, reason }),
        }
    }
    let mut joined: Vec<Piece> = Vec::new();
    for piece in found {
        match joined.last_mut() {
            Some(last) if last.reason == piece.reason || piece.to_ms - piece.from_ms < least_ms => last.to_ms = piece.to_ms,
            Some(last) if last.to_ms - last.from_ms < least_ms => *last = Piece { from_ms: last.from_ms, ..piece },
            _ => joined.push(piece),
        }
    }
    joined
}
