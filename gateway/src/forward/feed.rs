//! One store as the forwarder reads it: where it stands, when a batch is due, and the batch itself.
//!
//! A lane is read in order. When it is behind it is split: what is new goes from there on, what is old up to there, and when the
//! old part is done the cursor steps over what the new one did. Where that stands is in memory only: after a crash it is sent
//! again, the same bytes. Beside it one span of what was sent before may be sent again.
//! Holds no points between two batches: what is not sent stays in the store. The cursor moves only when it is told what became of
//! the points before it.

use super::batch::{Batch, Bounds, Packer, Share};
use super::budget::{Level, Thinner};
use super::live::Turns;
use super::replay::{Again, Order};
use super::search::{log_ms, position_at};
use super::{Ended, Lane};
use crate::store::handle;
use crate::store::{Ahead, Cursor, Durable, Page, Seq};
use facility_config::limits::{LIVE_FRESH_MS, READ_POINTS_MAX, REPLAY_LATE_MS};
use facility_config::series::Class;
use facility_config::site::Revisions;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Of what waits behind new values that fell behind too, so much may be sent twice for others to go ahead of it: one part in this.
const TWICE_SHARE: u64 = 10;
/// The new values' share beside what is sent again, if they have no other, percent.
const AGAIN_SHARE_PCT: u8 = 50;

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

/// What a batch may be.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How large.
    pub bounds: Bounds,
    /// Points before this time have expired, Unix ms.
    pub not_before_ms: i64,
    /// Of metrics also windows shorter than an hour.
    pub short_windows: bool,
    /// Where rows stand whose window was computed again.
    pub revisions: Revisions,
    /// What the budget leaves.
    pub level: Level,
    /// The new values' share while old ones wait, percent; 0 for strictly in order.
    pub live_share_pct: u8,
}

/// Where a batch is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The cursor's place.
    Cursor,
    /// The stretch ahead of it.
    Ahead,
    /// What is sent again.
    Again,
}

/// A lane with its position.
#[derive(Debug)]
pub struct Feed {
    lane: Lane,
    cursor: Cursor,
    durable: watch::Receiver<Durable>,
    /// When the first waiting point is due.
    due_at: Option<Instant>,
    /// Whether that has come.
    is_due: bool,
    again: Option<Again>,
    turns: Turns,
    /// Of the batch in hand; and whether new and old values waited for it.
    way: Way,
    is_contested: bool,
    is_new: bool,
    /// The stretch ahead began anew while it was packed.
    is_moved: bool,
    /// What does not fit a request is older than a minute.
    is_behind: bool,
    /// Points done at the cursor's place, since start.
    drained: u64,
    /// Of new and of old values, and as they will be when the batch in hand is done.
    thinners: [Thinner; 2],
    thinner_then: Option<(Seq, Thinner)>,
}

impl Feed {
    /// Goes on where the lane stood.
    ///
    /// # Errors
    /// [`Ended::StoreClosed`].
    pub async fn open(lane: Lane) -> Result<Self, Ended> {
        let cursor = lane.store.cursor(lane.sink).await?;
        let durable = lane.store.durable();
        Ok(Self {
            lane,
            cursor,
            durable,
            due_at: None,
            is_due: false,
            again: None,
            turns: Turns::default(),
            way: Way::Cursor,
            is_contested: false,
            is_new: true,
            is_moved: false,
            is_behind: false,
            drained: 0,
            thinners: Default::default(),
            thinner_then: None,
        })
    }

    /// Name of the lane.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.lane.name
    }

    /// When to send; a point seen now for the first time waits at most so long.
    pub fn due(&mut self, now: Instant, lines_max: usize, wait: Duration) -> Due {
        let due = self.new_due(now, lines_max, wait);
        self.is_due = due == Due::Now;
        if self.old_way().is_some() { Due::Now } else { due }
    }

    fn new_due(&mut self, now: Instant, lines_max: usize, wait: Duration) -> Due {
        let end = readable(&self.durable.borrow_and_update());
        let waiting = end.saturating_sub(self.front().0);
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

    /// Points that are behind, if the lane is: the old part, or all of it if it goes in order.
    #[must_use]
    pub fn behind(&self) -> Option<u64> {
        match self.is_split() {
            true => Some(self.cursor.undone(self.cursor.next..self.cursor.ahead.from)),
            false => self.is_behind.then(|| self.end().saturating_sub(self.cursor.next)),
        }
    }

    /// Points of the lane done in order so far, and all there are: how fast a backlog shrinks. New values of a lane that is split
    /// do not add to it.
    #[must_use]
    pub fn progress(&self) -> (u64, Seq) {
        (self.drained, if self.is_split() { self.cursor.ahead.from } else { self.end() })
    }

    /// Where the account stands.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// What is sent again.
    #[must_use]
    pub fn again(&self) -> Option<&Again> {
        self.again.as_ref()
    }

    /// Newest time of the log, Unix ms; `None` while it is empty or does not answer.
    ///
    /// # Errors
    /// [`Ended::StoreClosed`].
    pub async fn newest_ms(&self) -> Result<Option<i64>, Ended> {
        match self.end().checked_sub(1) {
            Some(last) => Ok(log_ms(&self.lane.store, last).await?),
            None => Ok(None),
        }
    }

    /// Sends again what is held of a span of time and was sent before. By the log's time: from its beginning, for a stamp is
    /// hardly ahead of that, to days after its end, for what came late; figures to the end of the log, for those of a year stand in
    /// it a year after their time. False if the disk does not answer.
    ///
    /// # Errors
    /// [`Ended::StoreClosed`].
    pub async fn send_again(&mut self, order: &Order) -> Result<bool, Ended> {
        let (store, held) = (&self.lane.store, self.durable.borrow().start..self.cursor.next);
        let first = position_at(store, held.clone(), order.from_ms.saturating_sub(LIVE_FRESH_MS)).await?;
        let Some(first) = first else { return Ok(false) };
        let end = match self.lane.classes.contains(&Class::Metric) {
            true => Some(held.end),
            false => position_at(store, first..held.end, order.to_ms.saturating_add(REPLAY_LATE_MS)).await?,
        };
        self.again = end.map(|end| Again::new(first..end, order));
        Ok(end.is_some())
    }

    /// Ends it.
    pub fn forget_again(&mut self) {
        self.again = None;
    }

    /// Reads the next batch; empty if there is nothing to send. `room` is the memory of one that is done.
    ///
    /// # Errors
    /// [`Ended::StoreClosed`].
    pub async fn take(&mut self, terms: Terms, mut room: Batch) -> Result<Batch, Ended> {
        loop {
            self.way = self.next_way(terms.live_share_pct);
            let batch = self.pack(terms, room).await?;
            // New values that were packed are old ones now.
            if !(self.way == Way::Ahead && self.is_moved) {
                return Ok(batch);
            }
            room = batch;
        }
    }

    async fn pack(&mut self, terms: Terms, room: Batch) -> Result<Batch, Ended> {
        let (from, until) = match self.way {
            way if way == self.front().1 => (self.front().0, Seq::MAX),
            Way::Again => self.again.as_ref().map_or((0, 0), |again| (again.next, again.end)),
            Way::Cursor | Way::Ahead => (self.cursor.next, self.cursor.ahead.from),
        };
        self.is_new = until == Seq::MAX;
        if self.is_new {
            // What this batch leaves behind begins to wait anew; so does a point the store announces but does not give.
            self.due_at = None;
        }
        let mut thinner = self.thinners[usize::from(self.is_new)].clone();
        let packer = Packer::new(from, &self.lane.classes, terms.bounds).in_room_of(room);
        let packer = packer.only(&self.lane.readings).not_before(terms.not_before_ms).revisions(terms.revisions);
        let packer = if terms.short_windows { packer } else { packer.no_short_windows() };
        // What somebody asked for is sent whatever it costs.
        let mut packer = match &self.again {
            Some(again) if self.way == Way::Again => packer.of(again.of_ms.clone()),
            _ => packer.within(terms.level, &mut thinner),
        };
        while !packer.is_full() && packer.position() < until {
            let at = packer.position();
            let page = self.lane.store.read(at, READ_POINTS_MAX).await?;
            if page.next <= at {
                break;
            }
            packer.take(&clipped(page, until));
        }
        let (is_full, position) = (packer.is_full(), packer.position());
        let batch = packer.finish();
        self.is_behind &= !self.is_new;
        self.thinner_then = (self.way != Way::Again).then_some((position, thinner));
        self.is_moved = self.is_new && is_full && self.look_behind(position, terms.live_share_pct).await?;
        Ok(batch)
    }

    /// Moves the place of the batch in hand behind a part of it that is done.
    ///
    /// # Errors
    /// [`Ended::StoreClosed`].
    pub async fn settle(&mut self, share: Share, stored: bool) -> Result<(), Ended> {
        if let Some((_, thinner)) = self.thinner_then.take_if(|(end, _)| share.next >= *end) {
            self.thinners[usize::from(self.is_new)] = thinner;
        }
        match self.way {
            Way::Again => {
                if let Some(again) = &mut self.again {
                    again.settle(share, stored);
                }
                return Ok(());
            }
            Way::Cursor => {
                let cursor = &mut self.cursor;
                self.drained = self.drained.saturating_add(share.next.saturating_sub(cursor.next));
                cursor.next = cursor.next.max(share.next);
                let counts =
                    [&mut cursor.delivered, &mut cursor.dead_lettered, &mut cursor.lost, &mut cursor.expired, &mut cursor.over_budget];
                count(counts, share, stored);
                *cursor = cursor.joined();
            }
            Way::Ahead => {
                let ahead = &mut self.cursor.ahead;
                ahead.next = ahead.next.max(share.next);
                let counts = [&mut ahead.delivered, &mut ahead.dead_lettered, &mut ahead.lost, &mut ahead.expired, &mut ahead.over_budget];
                count(counts, share, stored);
            }
        }
        Ok(self.lane.store.advance(self.lane.sink, self.cursor).await?)
    }

    /// Counts what the batch in hand cost, if new and old values waited for it. Old values that cost nothing, for none of them is
    /// sent, give the turn back.
    pub fn charge(&mut self, bytes: u64) {
        match (self.is_contested, self.is_new, bytes) {
            (false, ..) => {}
            (true, false, 0) => self.turns = Turns::default(),
            (true, is_new, bytes) => self.turns.charge(is_new, bytes.max(1)),
        }
    }

    /// Whether new values go ahead of old ones.
    pub fn is_split(&self) -> bool {
        self.cursor.ahead.from > self.cursor.next
    }

    /// One past the newest point that can be read.
    fn end(&self) -> Seq {
        readable(&self.durable.borrow())
    }

    /// Where new values are.
    fn front(&self) -> (Seq, Way) {
        if self.is_split() { (self.cursor.ahead.next, Way::Ahead) } else { (self.cursor.next, Way::Cursor) }
    }

    /// Where old ones are that wait.
    fn old_way(&self) -> Option<Way> {
        let is_left = |again: &Again| again.next < again.end;
        self.is_split().then_some(Way::Cursor).or_else(|| self.again.as_ref().is_some_and(is_left).then_some(Way::Again))
    }

    fn next_way(&mut self, live_share_pct: u8) -> Way {
        let (new, old) = (self.front().1, self.old_way());
        self.is_contested = self.is_due && old.is_some();
        if !self.is_contested {
            // Nobody saves up what it did not need.
            self.turns = Turns::default();
            return old.unwrap_or(new);
        }
        // Strictly in order there is no old part; what is sent again takes half of the way at most.
        let share_pct = if live_share_pct == 0 { AGAIN_SHARE_PCT } else { live_share_pct };
        old.filter(|_| !self.turns.is_new_next(share_pct)).unwrap_or(new)
    }

    /// Splits the lane if what does not fit the batch in hand is old, and says whether it did. Of new values that fell behind themselves, those that were
    /// sent are sent again if they are few.
    async fn look_behind(&mut self, position: Seq, live_share_pct: u8) -> Result<bool, Ended> {
        let end = self.end();
        let (rest_ms, newest_ms) = (log_ms(&self.lane.store, position).await?, self.newest_ms().await?);
        let fresh_ms = newest_ms.map_or(i64::MIN, |at| at.saturating_sub(LIVE_FRESH_MS));
        self.is_behind = position < end && rest_ms.is_some_and(|at| at < fresh_ms);
        if !self.is_behind {
            return Ok(false);
        }
        let ahead = self.cursor.ahead;
        let is_little = ahead.next.saturating_sub(ahead.from).saturating_mul(TWICE_SHARE) <= end.saturating_sub(ahead.next);
        if live_share_pct == 0 || self.is_split() && !is_little {
            return Ok(false);
        }
        let Some(from) = position_at(&self.lane.store, position..end, fresh_ms).await? else { return Ok(false) };
        let is_moved = from > position;
        if is_moved {
            self.cursor.ahead = Ahead { from, next: from, ..Ahead::default() };
        }
        Ok(is_moved)
    }
}

/// One past the newest point that can be read.
fn readable(durable: &Durable) -> Seq {
    durable.held_from.unwrap_or(durable.end).min(durable.end)
}

/// Adds a part to the counts of delivered, refused, lost, expired and left out.
fn count(counts: [&mut u64; 5], share: Share, stored: bool) {
    let (delivered, refused) = if stored { (share.points, 0) } else { (0, share.points) };
    let parts = [delivered.saturating_add(share.passed), refused, share.lost, share.expired, share.over_budget];
    for (count, part) in counts.into_iter().zip(parts) {
        *count = count.saturating_add(part);
    }
}

/// A page without what is at or behind a position.
fn clipped(page: Arc<Page>, until: Seq) -> Arc<Page> {
    if page.next <= until {
        return page;
    }
    let mut page = Arc::unwrap_or_clone(page);
    page.lost = page.lost.min(until.saturating_sub(page.first.saturating_sub(page.lost)));
    page.first = page.first.min(until);
    page.records.truncate(usize::try_from(until - page.first).unwrap_or(usize::MAX));
    page.next = until;
    Arc::new(page)
}
