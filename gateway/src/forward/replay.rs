//! What was sent before is sent again, because somebody asked for it: a database that was set back, or values that a budget left
//! out. An order is a file in the store's folder; it goes when it is done, and after a restart it begins again: the same bytes.
//!
//! Never moves a cursor, and counts in no account: what is sent again was accounted for before. Of a span only what is still held
//! can be sent. Bounded: one order at a time, others wait in their folder.

use super::batch::Share;
use super::{Ended, Forwarder};
use crate::operator::{Refusal, Spool};
use crate::store::Seq;
use facility_config::limits::REPLAY_LOOK_MS;
use serde::{Deserialize, Serialize};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Folder of orders in the store's folder; each destination has one of its name in it.
pub const DIR: &str = "replay";

/// Where orders for a destination are.
#[must_use]
pub fn dir(store: &Path, destination: &str) -> PathBuf {
    store.join(DIR).join(destination)
}

/// Send again what has its time in a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// First moment, Unix ms.
    pub from_ms: i64,
    /// First moment after it, Unix ms.
    pub to_ms: i64,
}

impl Order {
    /// An order as it is written in its file; `None` if it is none.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().filter(|order: &Self| order.from_ms < order.to_ms)
    }
}

/// A stretch of one lane that is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    first: Seq,
    /// Next point to read.
    pub next: Seq,
    /// One past the last one.
    pub end: Seq,
    /// Times that are sent, Unix ms.
    pub of_ms: Range<i64>,
    sent: u64,
    refused: u64,
}

impl Again {
    /// A stretch of the log, of which only points of the order's span are sent.
    #[must_use]
    pub fn new(span: Range<Seq>, order: &Order) -> Self {
        Self { first: span.start, next: span.start, end: span.end, of_ms: order.from_ms..order.to_ms, sent: 0, refused: 0 }
    }

    /// A part is done.
    pub fn settle(&mut self, share: Share, stored: bool) {
        self.next = self.next.max(share.next);
        *if stored { &mut self.sent } else { &mut self.refused } += share.points;
    }
}

/// How far it is, as it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayInfo {
    /// First moment, Unix ms.
    pub from_ms: i64,
    /// First moment after it, Unix ms.
    pub to_ms: i64,
    /// Points looked at so far, of all lanes.
    pub done_points: u64,
    /// Points to look at.
    pub of_points: u64,
    /// Of those, sent and stored.
    pub sent_points: u64,
    /// Of those, refused for good.
    pub refused_points: u64,
}

/// The order under way and the folder of those that wait.
#[derive(Debug)]
pub(super) struct Replay {
    spool: Spool,
    /// Its name and what it says.
    running: Option<(String, Order)>,
    look_at: Option<Instant>,
}

impl Replay {
    pub(super) fn new(dir: &Path) -> Self {
        Self { spool: Spool::new(dir), running: None, look_at: None }
    }

    /// When the folder is looked at next.
    pub(super) fn look_at(&self) -> Option<Instant> {
        self.look_at.filter(|_| self.running.is_none())
    }
}

impl Forwarder {
    /// Makes the folder for orders; without it nobody can leave one.
    pub(super) async fn begin_replay(&mut self) {
        if let Err(error) = blocking(&self.replay.spool, Spool::make).await {
            tracing::warn!(%error, "the folder for orders to send again cannot be made; there will be none");
        }
        self.replay.look_at = Some(Instant::now());
    }

    /// Ends the order that is done, and takes the next one, the oldest first.
    pub(super) async fn look_for_replay(&mut self) -> Result<(), Ended> {
        let is_left = self.feeds.iter().filter_map(|feed| feed.again()).any(|again| again.next < again.end);
        if let Some((id, order)) = self.replay.running.take_if(|_| !is_left) {
            tracing::info!(from_ms = order.from_ms, to_ms = order.to_ms, "history was sent again");
            self.feeds.iter_mut().for_each(super::feed::Feed::forget_again);
            if let Err(error) = blocking(&self.replay.spool, move |spool| spool.remove(&id)).await {
                tracing::warn!(%error, "an order that is done cannot be removed; it is done again");
            }
        }
        let now = Instant::now();
        // What was done ahead of a backlog is behind no position yet: the order waits until the lane is one again.
        if self.replay.look_at().is_none_or(|at| now < at) || self.feeds.iter().any(super::feed::Feed::is_split) {
            return Ok(());
        }
        self.replay.look_at = Some(now + Duration::from_millis(REPLAY_LOOK_MS));
        // Nothing waits, or the disk does not answer: it is looked at again.
        let Ok(Some((id, order))) = blocking(&self.replay.spool, next).await else { return Ok(()) };
        for feed in &mut self.feeds {
            if !feed.send_again(&order).await? {
                // The disk does not answer: the order is begun when it does.
                self.feeds.iter_mut().for_each(super::feed::Feed::forget_again);
                return Ok(());
            }
        }
        tracing::info!(from_ms = order.from_ms, to_ms = order.to_ms, "history is sent again");
        self.replay.running = Some((id, order));
        Ok(())
    }

    /// How far the order under way is.
    pub(super) fn replay_info(&self) -> Option<ReplayInfo> {
        let (_, order) = self.replay.running.as_ref()?;
        let mut info = ReplayInfo { from_ms: order.from_ms, to_ms: order.to_ms, ..ReplayInfo::default() };
        for again in self.feeds.iter().filter_map(|feed| feed.again()) {
            info.done_points += again.next - again.first;
            info.of_points += again.end - again.first;
            info.sent_points += again.sent;
            info.refused_points += again.refused;
        }
        Some(info)
    }
}

/// Takes the oldest order; what is none is put aside.
fn next(spool: &Spool) -> io::Result<Option<(String, Order)>> {
    for id in spool.ids()? {
        spool.take(&id)?;
        match spool.read(&id).ok().and_then(|text| Order::parse(&text)) {
            Some(order) => return Ok(Some((id, order))),
            None => spool.refuse(&id, Refusal::NoCommand)?,
        }
    }
    Ok(None)
}

/// Does something on the disk beside the runtime.
async fn blocking<T: Send + 'static>(spool: &Spool, work: impl FnOnce(&Spool) -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let spool = spool.clone();
    tokio::task::spawn_blocking(move || work(&spool)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
