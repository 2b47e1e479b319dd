//! Sends what the stores hold to one destination. Each destination has a forwarder of its own, with its own positions in
//! the stores, so that one that is down holds up no other.
//!
//! A cursor moves only after the database has stored the points or has refused them for good; then they are in the
//! dead letter with its reason. Points without a value, or of a class a lane does not send, count as delivered: for
//! them the database's truth is that there is nothing. Holds one batch in memory; everything else waits on flash.

pub mod batch;
pub mod budget;
pub mod dead_letter;
mod deliver;
pub mod feed;
pub mod files;
pub mod http;
pub mod line;
pub mod live;
mod message;
mod meter;
pub mod month;
mod not_ready;
pub mod outcome;
mod outlet;
mod phase;
pub mod platform;
mod precedence;
pub mod replay;
mod search;
pub mod shown;
mod tls;
pub mod way;

use crate::store::{Sink, Store, StoreClosed};
use crate::telemetry::Delivery;
use batch::{Batch, Bounds};
use dead_letter::DeadLetters;
use facility_config::limits::{BACKOFF_MS_MAX, FORWARD_HOLD_MS, FORWARD_RETRY_MS};
use facility_config::series::Class;
use facility_config::site;
use facility_drivers::{Backoff, Clock, Link, LinkState};
use feed::{Due, Feed, Terms};
use live::Trust;
use meter::Meter;
pub use not_ready::NotReady;
use outlet::Outlet;
use replay::Replay;
use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use way::Way;

/// One store to be forwarded. Earlier lanes go first; none waits for more than one batch of another.
#[derive(Debug, Clone)]
pub struct Lane {
    /// For the log.
    pub name: &'static str,
    /// Read with the cursor of `sink`.
    pub store: Store,
    /// The destination's place in the store.
    pub sink: Sink,
    /// Which points are sent; the others are passed over. Points of a measurement this version does not know are sent.
    pub classes: Vec<Class>,
    /// Of readings only these.
    pub readings: site::Selection,
}

/// What the forwarder is made of.
#[derive(Debug)]
pub struct ForwardTask {
    /// Where to, and in what portions.
    pub forward: site::Forward,
    /// What; at least one.
    pub lanes: Vec<Lane>,
    /// What was done, counted.
    pub delivery: Arc<Delivery>,
    /// The line it shares with other destinations.
    pub way: Way,
    /// State of the way to the database.
    pub link: watch::Sender<Link>,
    /// Time; portions and pauses follow it, limits on requests do not.
    pub clock: Clock,
    /// Ends [`Forwarder::run`].
    pub stop: CancellationToken,
    /// For the jitter of pauses and the phase of flushes; another for each gateway.
    pub seed: u64,
    /// Where refused lines are kept.
    pub dead_letter_dir: PathBuf,
    /// Where orders to send again are left.
    pub replay_dir: PathBuf,
    /// Where the used part of the month is kept.
    pub budget_dir: PathBuf,
    /// Zone of the site's months.
    pub zone: jiff::tz::TimeZone,
}

/// Why nothing more is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Told to.
    Stop,
    /// A store's thread has ended.
    StoreClosed,
}

impl From<StoreClosed> for Ended {
    fn from(_: StoreClosed) -> Self {
        Self::StoreClosed
    }
}

/// A forwarder that can start.
#[derive(Debug)]
pub struct Forwarder {
    task: ForwardTask,
    feeds: Vec<Feed>,
    outlet: Outlet,
    letters: DeadLetters,
    retry: Backoff,
    hold: Backoff,
    /// Bytes of a request; smaller than configured after a 413.
    bytes_max: usize,
    /// Parts stored since `bytes_max` changed.
    stored_in_a_row: u32,
    /// Lines refused since one was accepted.
    refusals_in_a_row: u32,
    /// Lane of the batch before.
    served: usize,
    /// The batch before, for its memory.
    room: Batch,
    meter: Meter,
    replay: Replay,
    trust: Trust,
}

impl ForwardTask {
    /// Reads token and certificates and makes the directory for refused lines; sends nothing.
    ///
    /// # Errors
    /// [`NotReady`] in words for the technician.
    pub fn prepare(self) -> Result<Forwarder, NotReady> {
        let outlet = Outlet::open(&self.forward)?;
        let letters = DeadLetters::open(&self.dead_letter_dir, &self.forward.name)
            .map_err(|error| NotReady::DeadLetter { dir: self.dead_letter_dir.clone(), why: error.to_string() })?;
        let cap = Duration::from_millis(BACKOFF_MS_MAX);
        Ok(Forwarder {
            retry: Backoff::new(Duration::from_millis(FORWARD_RETRY_MS), cap, self.seed),
            hold: Backoff::new(Duration::from_millis(FORWARD_HOLD_MS), cap, self.seed.wrapping_add(1)),
            bytes_max: self.forward.bytes_max,
            served: self.lanes.len().saturating_sub(1),
            room: Batch::default(),
            feeds: Vec::with_capacity(self.lanes.len()),
            meter: Meter::open(&self),
            replay: Replay::new(&self.replay_dir),
            trust: Trust::default(),
            refusals_in_a_row: 0,
            stored_in_a_row: 0,
            task: self,
            outlet,
            letters,
        })
    }
}

impl Forwarder {
    /// Sends until told to stop. A request under way then has
    /// [`FORWARD_STOP_MS_MAX`](facility_config::limits::FORWARD_STOP_MS_MAX) to be answered.
    pub async fn run(mut self) {
        if self.serve().await == Ended::StoreClosed {
            self.note(LinkState::Connecting, Some(StoreClosed.to_string()));
            self.task.stop.cancelled().await;
        }
        self.save_month(true).await;
        self.note(LinkState::Stopped, None);
    }

    async fn serve(&mut self) -> Ended {
        for lane in std::mem::take(&mut self.task.lanes) {
            match Feed::open(lane).await {
                Ok(feed) => self.feeds.push(feed),
                Err(ended) => return ended,
            }
        }
        self.begin_replay().await;
        // After a power cut a district starts in one second.
        if let Err(ended) = self.pause(self.until_flush()).await {
            return ended;
        }
        loop {
            let done = self.send_next().await;
            self.show();
            self.save_month(false).await;
            if let Err(ended) = done {
                return ended;
            }
        }
    }

    async fn send_next(&mut self) -> Result<(), Ended> {
        let at = self.next_due().await?;
        self.served = at;
        let terms = self.terms(at).await?;
        let before = self.task.delivery.wire_bytes.get();
        let batch = self.feeds[at].take(terms, std::mem::take(&mut self.room)).await?;
        let done = self.send_batch(at, &batch).await;
        self.room = batch;
        self.feeds[at].charge(self.task.delivery.wire_bytes.get() - before);
        done
    }

    async fn send_batch(&mut self, at: usize, batch: &Batch) -> Result<(), Ended> {
        match batch.passed() {
            Some(share) => self.feeds[at].settle(share, true).await,
            // The store announced points and gave none; asking again at once would be a busy loop.
            None if batch.is_empty() => self.pause(Duration::from_millis(FORWARD_RETRY_MS)).await,
            None => {
                let before = self.task.delivery.dead_lettered.get();
                let done = self.deliver(at, batch).await;
                let points = self.task.delivery.dead_lettered.get() - before;
                if points > 0 {
                    tracing::warn!(
                        points,
                        lane = self.feeds[at].name(),
                        "refused by the destination for good; see the dead letter for its reasons"
                    );
                }
                done
            }
        }
    }

    /// Waits until a lane has something to send; of several, the one after the lane served last.
    async fn next_due(&mut self) -> Result<usize, Ended> {
        loop {
            self.look_for_replay().await?;
            let (now, wait) = (Instant::now(), self.until_flush());
            let (count, mut wake) = (self.feeds.len(), self.replay.look_at());
            for at in (1..=count).map(|step| (self.served + step) % count) {
                match self.feeds[at].due(now, self.task.forward.lines_max, wait) {
                    Due::Now if self.task.stop.is_cancelled() => return Err(Ended::Stop),
                    Due::Now => return Ok(at),
                    Due::At(at) => wake = Some(wake.map_or(at, |wake| wake.min(at))),
                    Due::Idle => {}
                }
            }
            // Whoever waits needs no line.
            self.task.way.tell(false);
            let feeds = &mut self.feeds;
            tokio::select! {
                () = self.task.stop.cancelled() => return Err(Ended::Stop),
                () = tokio::time::sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
                changed = any_changed(feeds) => changed?,
            }
        }
    }

    /// What the next batch of a lane may be.
    async fn terms(&mut self, at: usize) -> Result<Terms, Ended> {
        let not_before_ms = match self.task.forward.retention {
            None => i64::MIN,
            Some(keeps) => {
                let log_ms = self.feeds[at].newest_ms().await?.unwrap_or(i64::MIN);
                self.trust.not_before_ms(keeps, self.wall_ms(), self.task.clock.up_ms(), log_ms)
            }
        };
        let bytes = self.bytes_max.min(self.meter.request_bytes_max());
        Ok(Terms {
            bounds: Bounds { lines: self.task.forward.lines_max.max(1), bytes },
            not_before_ms,
            short_windows: self.task.forward.short_windows,
            revisions: self.task.forward.revisions,
            level: self.meter.level(self.wall_ms()),
            live_share_pct: self.task.forward.live_share_pct,
        })
    }

    /// Unix time, ms; `None` while the clock is not set.
    fn wall_ms(&self) -> Option<i64> {
        self.task.clock.is_set().then(|| self.task.clock.now_ms())
    }

    /// How long a line that comes now waits for others: until this gateway's moment in the delay that is configured.
    fn until_flush(&self) -> Duration {
        self.task.clock.real(phase::wait(self.task.clock.now_ms(), self.task.seed, self.task.forward.delay))
    }

    fn note(&self, state: LinkState, error: Option<String>) {
        let (now_ms, destination) = (self.task.clock.now_ms(), &self.task.forward.name);
        self.task.link.send_if_modified(|link| {
            if link.state == state && link.error == error {
                return false;
            }
            match &error {
                Some(error) => tracing::warn!(%destination, ?state, %error, "forwarding"),
                None => tracing::info!(%destination, ?state, "forwarding"),
            }
            if link.state != state {
                link.since_ms = now_ms;
                link.connects = link.connects.saturating_add(u64::from(state == LinkState::Up));
            }
            link.state = state;
            link.error = error;
            true
        });
    }
}

/// Waits for a commit in any of the stores.
async fn any_changed(feeds: &mut [Feed]) -> Result<(), Ended> {
    let mut waits: Vec<_> = feeds.iter_mut().map(|feed| Box::pin(feed.changed())).collect();
    poll_fn(|context| {
        let ready = waits.iter_mut().find_map(|wait| match wait.as_mut().poll(context) {
            Poll::Ready(changed) => Some(changed),
            Poll::Pending => None,
        });
        ready.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

#[cfg(test)]
mod tests;
