//! One store as the forwarder reads it: where it stands, when a batch is due, and the batch itself.
//!
//! Holds no points between two batches: what is not sent stays in the store. The cursor moves only when it is told
//! what became of the points before it.

use super::batch::{Batch, Bounds, Packer, Share};
use super::{Ended, Lane};
use crate::store::handle;
use crate::store::{Cursor, Durable};
use facility_config::limits::READ_POINTS_MAX;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// When a batch should be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// As many points wait as a batch may have lines, or the first one has waited long enough.
    Now,
    /// When the first waiting point has waited long enough.
    At(Instant),
    /// Nothing waits.
    Idle,
}

/// A lane with its position.
#[derive(Debug)]
pub struct Feed {
    lane: Lane,
    cursor: Cursor,
    durable: watch::Receiver<Durable>,
    /// When the first waiting point is due.
    due_at: Option<Instant>,
}

impl Feed {
    /// Goes on where the lane stood.
    ///
    /// # Errors
    /// [`Ended::StoreClosed`].
    pub async fn open(lane: Lane) -> Result<Self, Ended> {
        let cursor = lane.store.cursor(lane.sink).await?;
        let durable = lane.store.durable();
        Ok(Self { lane, cursor, durable, due_at: None })
    }

    /// Name of the lane.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.lane.name
    }

    /// When to send; a point seen now for the first time waits at most so long.
    pub fn due(&mut self, now: Instant, lines_max: usize, wait: Duration) -> Due {
        let waiting = self.durable.borrow_and_update().end.saturating_sub(self.cursor.next);
        if waiting == 0 {
            self.due_at = None;
            return Due::Idle;
        }
        let at = *self.due_at.get_or_insert(now + wait);
        if waiting >= lines_max as u64 || at <= now { Due::Now } else { Due::At(at) }
    }

    /// Waits for the next commits.
    ///
    /// # Errors
    /// [`Ended::StoreClosed`].
    pub async fn changed(&mut self) -> Result<(), Ended> {
        handle::more(&mut self.durable).await.map_err(Ended::from)
    }

    /// Reads the next batch, without points before a time, Unix ms; empty if there is nothing to send.
    ///
    /// # Errors
    /// [`Ended::StoreClosed`].
    pub async fn take(&mut self, bounds: Bounds, not_before_ms: i64) -> Result<Batch, Ended> {
        // What this batch leaves behind begins to wait anew; so does a point the store announces but does not give.
        self.due_at = None;
        let packer = Packer::new(self.cursor.next, &self.lane.classes, bounds);
        let mut packer = packer.only(&self.lane.readings).not_before(not_before_ms);
        while !packer.is_full() {
            let from = packer.position();
            let page = self.lane.store.read(from, READ_POINTS_MAX).await?;
            if page.next <= from {
                break;
            }
            packer.take(&page);
        }
        Ok(packer.finish())
    }

    /// Moves the cursor behind a part of the log that is done.
    ///
    /// # Errors
    /// [`Ended::StoreClosed`].
    pub async fn settle(&mut self, share: Share, stored: bool) -> Result<(), Ended> {
        let (delivered, refused) = if stored { (share.points, 0) } else { (0, share.points) };
        let cursor = &mut self.cursor;
        cursor.next = cursor.next.max(share.next);
        cursor.delivered = cursor.delivered.saturating_add(delivered).saturating_add(share.passed);
        cursor.dead_lettered = cursor.dead_lettered.saturating_add(refused);
        cursor.lost = cursor.lost.saturating_add(share.lost);
        cursor.expired = cursor.expired.saturating_add(share.expired);
        Ok(self.lane.store.advance(self.lane.sink, self.cursor).await?)
    }
}
