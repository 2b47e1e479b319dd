//! The account: `received = delivered + buffered + dropped{reason} + dead-lettered`, held against itself (P3).
//!
//! Pure. The two sides come from different books, so that a loss anywhere between them shows:
//!
//! | term | kept by | counted where |
//! |---|---|---|
//! | received | position of the log when the process opened it and what it had lost before, plus the intake's counter | at the wire |
//! | dropped, by reason | the intake's counters | at decode |
//! | dropped: no_disk | the store's counter of points that never got a position | between memory and flash |
//! | buffered: queued | the sender's counter less the store's | between two threads |
//! | buffered: pending, durable | the store's memory and the log's positions | on flash |
//! | delivered, dead-lettered, expired, gone (evicted, thinned, damaged) | the reader's cursor | where a point was folded, sent, refused or missed |
//!
//! No term is computed from the others: a reader that moves on without saying what became of its points, a store
//! that loses one on the way to flash, or a value neither stored nor dropped leaves a difference.
//!
//! A position is the number of points since the log was created, so totals go on over restarts. What never got a
//! position is counted by the store over restarts too, and stands on both sides; so do values dropped at decode, counted
//! since start. What a destination got ahead of its backlog counts as delivered at once. Points thinned out ahead of a reader stay buffered until it comes to where they were and misses them.

use crate::store::{Cursor, Durable, GapReason, Sink};
use crate::telemetry::{ByFault, Intake};
use facility_drivers::Fault;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Reason of points that a destination does not keep any more (`retention_d`).
const EXPIRED: &str = "expired";
/// Reason of points that were left behind for a destination's budget (`mb_per_month`).
const OVER_BUDGET: &str = "over_budget";

/// One row of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// What is counted: `messages`, `readings` or `metrics` (metric and event points).
    pub name: &'static str,
    /// All that came in or was produced.
    pub received: u64,
    /// Accepted (messages), folded (readings, and sent if they are forwarded raw) or taken by the database (metrics).
    pub delivered: u64,
    /// Held here, not delivered yet.
    pub buffered: u64,
    /// Given up, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Refused by the database for good, kept in the dead letter.
    pub dead_lettered: u64,
    /// Received less all other terms: 0 when the account balances, positive when something is missing, negative when
    /// more went out than came in. For readers of the JSON; the code asks [`missing`](Account::missing).
    #[serde(rename = "missing")]
    difference: i64,
}

/// A log's side of the account, taken at one moment.
///
/// For the account to be exact while data flows, take `durable` first, then the intake's counters and the cursor on
/// the thread of the pipeline, without waiting in between.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// What the log said when this process opened it.
    pub at_start: Durable,
    /// What the log says of itself now.
    pub durable: Durable,
    /// Points on their way to the store's thread: those handed over (counted by the sender) less those the thread
    /// had taken when it published `durable` (counted by the thread).
    pub queued: u64,
    /// Every reader that must have a point before it counts as delivered: the fold, and for raw readings the
    /// database. The account follows the one furthest behind. Empty if nobody reads.
    pub readers: Vec<Cursor>,
}

/// All three rows.
#[must_use]
pub fn accounts(intake: &Intake, readings: &Books, outbox: &Books) -> [Account; 3] {
    [Account::messages(intake), Account::readings(intake, readings), Account::metrics(intake, outbox)]
}

impl Account {
    /// Messages and poll results since start: every one is accepted or refused for a reason.
    #[must_use]
    pub fn messages(intake: &Intake) -> Self {
        let row = Self {
            name: "messages",
            received: intake.messages.get(),
            delivered: intake.accepted.get(),
            dropped: lost_by_reason(&intake.refused),
            ..Self::default()
        };
        row.closed()
    }

    /// Values of all accepted messages, since the log was created.
    #[must_use]
    pub fn readings(intake: &Intake, books: &Books) -> Self {
        Self::points("readings", intake.readings.get(), lost_by_reason(&intake.dropped), books)
    }

    /// Metric and event points on their way to the database, since the log was created.
    #[must_use]
    pub fn metrics(intake: &Intake, books: &Books) -> Self {
        Self::points("metrics", intake.produced.get(), BTreeMap::new(), books)
    }

    fn points(name: &'static str, entered: u64, mut dropped: BTreeMap<&'static str, u64>, books: &Books) -> Self {
        let durable = &books.durable;
        // Deleted or damaged while the reader was further back: it will find out at its next read.
        let unread_gone = books.reader().undone(0..durable.start);
        let reader = books.reader().counted();
        let gone = reader.lost.saturating_add(unread_gone);
        let evicted = gone.min(durable.evicted);
        let thinned = (gone - evicted).min(durable.thinned);
        let given_up = [
            (GapReason::Evicted, evicted),
            (GapReason::Thinned, thinned),
            (GapReason::Damaged, gone - evicted - thinned),
            (GapReason::NoDisk, durable.no_disk),
        ];
        dropped.extend(given_up.into_iter().filter(|(_, n)| *n > 0).map(|(reason, n)| (reason.as_str(), n)));
        let left_behind = [(EXPIRED, reader.expired), (OVER_BUDGET, reader.over_budget)];
        dropped.extend(left_behind.into_iter().filter(|(_, n)| *n > 0));
        let row = Self {
            name,
            received: books.at_start.end.saturating_add(books.at_start.no_disk).saturating_add(entered),
            delivered: reader.delivered,
            buffered: books.waiting().saturating_add(durable.pending).saturating_add(books.queued),
            dropped,
            dead_lettered: reader.dead_lettered,
            difference: 0,
        };
        row.closed()
    }

    /// 0 when the account balances; positive when something is missing, negative when more went out than came in.
    #[must_use]
    pub fn missing(&self) -> i64 {
        self.difference
    }

    /// Sum over all reasons.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    fn closed(mut self) -> Self {
        let known =
            i128::from(self.delivered) + i128::from(self.buffered) + i128::from(self.dropped_total()) + i128::from(self.dead_lettered);
        let difference = i128::from(self.received) - known;
        self.difference = i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX });
        self
    }
}

impl Books {
    /// The same books as one reader has them.
    #[must_use]
    pub fn of_one(&self, sink: Sink) -> Self {
        Self { readers: vec![self.durable.cursor(sink)], ..self.clone() }
    }

    /// The reader furthest behind.
    #[must_use]
    pub fn reader(&self) -> Cursor {
        self.readers.iter().copied().min_by_key(|cursor| (cursor.next, cursor.delivered)).unwrap_or_default()
    }

    /// Durable points that the reader furthest behind has still to take.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.reader().undone(self.durable.start..self.durable.end)
    }
}

/// One aligned line, e.g.
/// `readings  received  1200 = delivered  1100 + buffered    60 + dropped    40 (out_of_range 40) + dead-lettered     0`.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<9} received {:>12} = delivered {:>12} + buffered {:>10} + dropped {:>8}",
            self.name,
            self.received,
            self.delivered,
            self.buffered,
            self.dropped_total()
        )?;
        for (nth, (reason, n)) in self.dropped.iter().enumerate() {
            write!(f, "{}{reason} {n}", if nth == 0 { " (" } else { ", " })?;
        }
        if !self.dropped.is_empty() {
            f.write_str(")")?;
        }
        write!(f, " + dead-lettered {:>6}", self.dead_lettered)?;
        match self.difference {
            0 => Ok(()),
            n if n > 0 => write!(f, "  MISSING {n}"),
            n => write!(f, "  TOO MANY {}", n.unsigned_abs()),
        }
    }
}

/// Only the reasons that lose something: a corrected time is counted too, but its reading was kept.
fn lost_by_reason(counted: &ByFault) -> BTreeMap<&'static str, u64> {
    let mut by_reason = counted.counted();
    for fault in Fault::ALL.into_iter().filter(|fault| fault.keeps_reading()) {
        by_reason.remove(fault.label());
    }
    by_reason
}

#[cfg(test)]
mod tests;
