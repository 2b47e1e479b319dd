//! What comes while nothing can be written: kept in memory within a bound, the newest rather than the oldest.
//!
//! A message that can be sent again (it has an acknowledgement) or whose writer waits (it has a mark) is never given
//! up; readings of a bus cannot be asked for again, so the oldest of them make room and are counted.

use super::handle::Append;
use facility_config::limits::{STORE_WAITING_BATCHES_MAX, STORE_WAITING_POINTS_MAX};
use facility_drivers::Batch;
use std::collections::VecDeque;

/// Requests in order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    appends: VecDeque<Append>,
    points: usize,
    batches: usize,
}

/// What was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GivenUp {
    pub(super) points: u64,
    /// Oldest and newest time of it, Unix ms.
    pub(super) times: (i64, i64),
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.appends.is_empty()
    }

    pub(super) fn points(&self) -> u64 {
        self.points as u64
    }

    /// Whether another request may be taken: there is room, or something that may be given up for it.
    pub(super) fn takes_more(&self) -> bool {
        !self.is_over() || self.appends.iter().any(|append| append.batches.iter().any(|batch| may_go(append.mark, batch)))
    }

    fn is_over(&self) -> bool {
        self.points >= STORE_WAITING_POINTS_MAX || self.batches >= STORE_WAITING_BATCHES_MAX
    }

    /// Takes a request and says what had to go for it.
    pub(super) fn push(&mut self, append: Append) -> Option<GivenUp> {
        self.points += points_of(&append);
        self.batches += append.batches.len();
        self.appends.push_back(append);
        let mut gone: Option<GivenUp> = None;
        let mut at = 0;
        while self.is_over() && at < self.appends.len() {
            let Append { batches, mark } = &mut self.appends[at];
            let next = batches.iter().position(|batch| may_go(*mark, batch));
            let Some(next) = next else {
                at += 1;
                continue;
            };
            let batch = batches.remove(next);
            self.points -= batch.readings.len();
            self.batches -= 1;
            let (from, to) = gone.map_or((batch.at_ms, batch.at_ms), |gone| gone.times);
            let points = gone.map_or(0, |gone| gone.points) + batch.readings.len() as u64;
            gone = Some(GivenUp { points, times: (from.min(batch.at_ms), to.max(batch.at_ms)) });
        }
        self.appends.retain(|append| !append.batches.is_empty() || append.mark.is_some());
        gone
    }

    /// The oldest request.
    pub(super) fn pop(&mut self) -> Option<Append> {
        let append = self.appends.pop_front()?;
        self.points -= points_of(&append);
        self.batches -= append.batches.len();
        Some(append)
    }
}

fn may_go(mark: Option<i64>, batch: &Batch) -> bool {
    mark.is_none() && batch.ack.is_none()
}

fn points_of(append: &Append) -> usize {
    append.batches.iter().map(|batch| batch.readings.len()).sum()
}
