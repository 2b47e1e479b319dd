//! How the rest of the gateway talks to a store's thread: bounded requests in, one watch out.

use super::history::{History, HistoryQuery};
use super::record::{Gap, Page, Seq, Sink};
use super::stand::Cursor;
use facility_config::limits::FOLLOW_MS;
use facility_drivers::Batch;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// The store's thread has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreClosed;

impl std::fmt::Display for StoreClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the store has stopped")
    }
}

impl std::error::Error for StoreClosed {}

/// Batches to be made durable together.
#[derive(Debug)]
pub struct Append {
    /// In order. Batches without readings carry only an acknowledgement that must keep its place.
    pub batches: Vec<Batch>,
    /// The writer's own position, kept in the same frame as the points: after a crash the newest durable mark says
    /// exactly which of its output is in the log.
    pub mark: Option<i64>,
}

/// What a store has made durable, published after every commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Durable {
    /// Oldest point still held.
    pub start: Seq,
    /// One past the newest durable point.
    pub end: Seq,
    /// Newest durable [`Append::mark`].
    pub mark: Option<i64>,
    /// Group commits since start.
    pub commits: u64,
    /// Bytes written since start, padding and cursors included.
    pub bytes_written: u64,
    /// Bytes held on disk, ring and reserved room included.
    pub bytes_on_disk: u64,
    /// Bytes of the finished blocks among them.
    pub block_bytes: u64,
    /// Points in finished blocks.
    pub block_points: u64,
    /// Points deleted for room before their reader had them, since the log was created.
    pub evicted: u64,
    /// Points thinned out for room before their reader had them, since the log was created.
    pub thinned: u64,
    /// Points given up because nothing could be written and memory was full, since the log was created. They never had
    /// a position.
    pub no_disk: u64,
    /// Gaps that nobody has taken yet, oldest first, at most [`GAPS_TOLD_MAX`](facility_config::limits::GAPS_TOLD_MAX);
    /// kept on flash until [`Store::gap_taken`].
    pub gaps: Vec<Gap>,
    /// The budget is used up by unread points and the policy is to keep them: acknowledgements are withheld soon.
    pub full: bool,
    /// From this position on nothing is read yet: the clock is not set, and times are put right when it is.
    pub held_from: Option<Seq>,
    /// Blocks read and checked in the background since start.
    pub scrubbed: u64,
    /// Points lost to damage, found when the store was opened or when they were read.
    pub damaged: u64,
    /// Points the thread has taken off its queue since start: the store's side of what its writers handed over.
    pub taken: u64,
    /// Points taken and not durable yet.
    pub pending: u64,
    /// Where each reader stands, by [`Sink`]; see [`cursor`](Self::cursor).
    pub cursors: [Cursor; Sink::ALL.len()],
    /// Why nothing can be written at the moment, or why finished segments cannot be put away and the ring will be full
    /// soon. Acknowledgements of what is not durable are withheld. Tried again every few seconds.
    pub fault: Option<String>,
}

impl Durable {
    /// Where a reader stands; the beginning for a sink this store does not have.
    #[must_use]
    pub fn cursor(&self, sink: Sink) -> Cursor {
        self.cursors[sink as usize]
    }
}

/// Waits until more is durable and then a moment longer, so that under load one look serves many commits: every waiting
/// reader costs the store's thread a wake-up of another.
///
/// # Errors
/// [`StoreClosed`] when the thread has ended.
pub async fn more(durable: &mut watch::Receiver<Durable>) -> Result<(), StoreClosed> {
    durable.changed().await.map_err(|_| StoreClosed)?;
    tokio::time::sleep(Duration::from_millis(FOLLOW_MS)).await;
    Ok(())
}

pub(super) enum Request {
    Read { from: Seq, points_max: usize, reply: oneshot::Sender<Arc<Page>> },
    Advance { sink: Sink, cursor: Cursor },
    Cursor { sink: Sink, reply: oneshot::Sender<Cursor> },
    History { query: HistoryQuery, reply: oneshot::Sender<History> },
    GapTaken { gap: Gap },
    Close { reply: oneshot::Sender<()> },
}

/// Handle of a store. Cheap to clone; all clones speak to one thread.
#[derive(Debug, Clone)]
pub struct Store {
    appends: mpsc::Sender<Append>,
    requests: mpsc::Sender<Request>,
    durable: watch::Receiver<Durable>,
}

impl Store {
    /// Two queues: while the disk fails no more readings are taken, but readers are still served.
    pub(super) fn new(appends: mpsc::Sender<Append>, requests: mpsc::Sender<Request>, durable: watch::Receiver<Durable>) -> Self {
        Self { appends, requests, durable }
    }

    /// Queues batches; waits while the queue is full. Returning means queued, not durable: watch [`durable`](Self::durable).
    ///
    /// # Errors
    /// [`StoreClosed`] when the thread has ended; the batches' acknowledgements are then never released.
    pub async fn append(&self, append: Append) -> Result<(), StoreClosed> {
        self.appends.send(append).await.map_err(|_| StoreClosed)
    }

    /// Reads up to `points_max` durable points from `from` on. A page never spans a lost range: its records have
    /// consecutive positions from `first` on. An empty page with `next` = `from` means nothing new yet, or a disk that
    /// does not answer at the moment.
    ///
    /// # Errors
    /// [`StoreClosed`] when the thread has ended.
    pub async fn read(&self, from: Seq, points_max: usize) -> Result<Arc<Page>, StoreClosed> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Read { from, points_max, reply }).await.map_err(|_| StoreClosed)?;
        answer.await.map_err(|_| StoreClosed)
    }

    /// Moves a reader's cursor. Kept in memory at once, on flash within seconds: after a crash a reader may see
    /// points again, never skip one.
    ///
    /// # Errors
    /// [`StoreClosed`] when the thread has ended.
    pub async fn advance(&self, sink: Sink, cursor: Cursor) -> Result<(), StoreClosed> {
        self.requests.send(Request::Advance { sink, cursor }).await.map_err(|_| StoreClosed)
    }

    /// Where a reader stands.
    ///
    /// # Errors
    /// [`StoreClosed`] when the thread has ended.
    pub async fn cursor(&self, sink: Sink) -> Result<Cursor, StoreClosed> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Cursor { sink, reply }).await.map_err(|_| StoreClosed)?;
        answer.await.map_err(|_| StoreClosed)
    }

    /// One series over a span of time, as samples or as buckets.
    ///
    /// # Errors
    /// [`StoreClosed`] when the thread has ended.
    pub async fn history(&self, query: HistoryQuery) -> Result<History, StoreClosed> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::History { query, reply }).await.map_err(|_| StoreClosed)?;
        answer.await.map_err(|_| StoreClosed)
    }

    /// A gap of [`Durable::gaps`] is durable elsewhere now and need not be kept here.
    ///
    /// # Errors
    /// [`StoreClosed`] when the thread has ended.
    pub async fn gap_taken(&self, gap: Gap) -> Result<(), StoreClosed> {
        self.requests.send(Request::GapTaken { gap }).await.map_err(|_| StoreClosed)
    }

    /// What is durable, now and after each commit.
    #[must_use]
    pub fn durable(&self) -> watch::Receiver<Durable> {
        self.durable.clone()
    }

    /// Commits what was appended before, writes cursors, and ends the thread. If the disk fails, what was not durable
    /// stays unacknowledged.
    ///
    /// # Errors
    /// [`StoreClosed`] when the thread had ended already.
    pub async fn close(&self) -> Result<(), StoreClosed> {
        let (reply, done) = oneshot::channel();
        self.requests.send(Request::Close { reply }).await.map_err(|_| StoreClosed)?;
        done.await.map_err(|_| StoreClosed)
    }
}
