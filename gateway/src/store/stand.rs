//! Where a reader stands and what became of the points before that. Pure.
//!
//! A reader goes through a log in order, with one exception: while it catches up it may have done a stretch further on.
//! That stretch is told to whoever keeps the account, and never kept on flash.

use super::record::Seq;
use std::ops::Range;

/// A reader's place. All counts are points since the log was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Next point to read.
    pub next: Seq,
    /// Points taken (folded, or accepted by the database).
    pub delivered: u64,
    /// Points the database refused for good, now in the dead letter.
    pub dead_lettered: u64,
    /// Points that were gone before they could be read.
    pub lost: u64,
    /// Points left behind because the destination does not keep values that old.
    pub expired: u64,
    /// Points left behind because what the destination may cost in a month was nearly used up.
    pub over_budget: u64,
    /// What was done beyond `next`; its counts are not in those above. After a crash that is done again.
    pub ahead: Ahead,
}

/// A stretch of the log that was done ahead of the rest. Empty if `next` is `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ahead {
    /// Its first point.
    pub from: Seq,
    /// The first point after it.
    pub next: Seq,
    /// Like [`Cursor::delivered`].
    pub delivered: u64,
    /// Like [`Cursor::dead_lettered`].
    pub dead_lettered: u64,
    /// Like [`Cursor::lost`].
    pub lost: u64,
    /// Like [`Cursor::expired`].
    pub expired: u64,
    /// Like [`Cursor::over_budget`].
    pub over_budget: u64,
}

impl Cursor {
    /// The same without what is not kept on flash.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { ahead: Ahead::default(), ..self }
    }

    /// The counts with those of the stretch ahead; it still stands at `next`.
    #[must_use]
    pub fn counted(self) -> Self {
        let ahead = self.ahead;
        Self {
            next: self.next,
            delivered: self.delivered.saturating_add(ahead.delivered),
            dead_lettered: self.dead_lettered.saturating_add(ahead.dead_lettered),
            lost: self.lost.saturating_add(ahead.lost),
            expired: self.expired.saturating_add(ahead.expired),
            over_budget: self.over_budget.saturating_add(ahead.over_budget),
            ahead: Ahead::default(),
        }
    }

    /// Behind the stretch ahead, if nothing is left before it; else the same.
    #[must_use]
    pub fn joined(self) -> Self {
        if self.next < self.ahead.from { self } else { Self { next: self.next.max(self.ahead.next), ..self.counted() } }
    }

    /// Points of a span that this reader has not done.
    #[must_use]
    pub fn undone(&self, span: Range<Seq>) -> u64 {
        let of = |first: Seq, end: Seq| end.min(span.end).saturating_sub(first.max(span.start));
        of(self.next, span.end).saturating_sub(of(self.ahead.from.max(self.next), self.ahead.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_ahead_is_not_waiting_and_counts_once() {
        let ahead = Ahead { from: 60, next: 90, delivered: 25, dead_lettered: 1, lost: 2, expired: 1, over_budget: 1 };
        let cursor = Cursor { next: 20, delivered: 20, ahead, ..Cursor::default() };
        let table = [(0..100, 50), (0..20, 0), (0..60, 40), (60..90, 0), (70..95, 5), (50..70, 10), (95..100, 5), (100..100, 0)];
        for (span, undone) in table {
            assert_eq!(cursor.undone(span.clone()), undone, "{span:?}");
        }
        assert_eq!(cursor.joined(), cursor, "something is left before it");
        let joined = Cursor { next: 60, delivered: 60, ..cursor }.joined();
        assert_eq!((joined.next, joined.delivered, joined.ahead), (90, 85, Ahead::default()));
        assert_eq!((joined.dead_lettered, joined.lost, joined.expired, joined.over_budget), (1, 2, 1, 1));
        assert_eq!(Cursor { next: 7, ..Cursor::default() }.joined().next, 7);
    }
}
