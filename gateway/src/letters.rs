//! Messages that could not be decoded, kept for a person: one small file each, with the reason, and the way back.
//!
//! What may be kept of a message was decided by its decoder; here only the topic is looked at once more. Decides nothing
//! about acknowledgements: such a message was acknowledged in its turn. A disk that fails costs letters, which are counted,
//! and nothing else. Bounded by [`LETTERS_MAX`] files of [`LETTER_BYTES_MAX`] and some more; below the free-space floor of the
//! store nothing is written.
//!
//! [`LETTER_BYTES_MAX`]: facility_config::limits::LETTER_BYTES_MAX

mod file;
mod replay;

pub use file::{Kept, Shelf, Waiting};

use facility_config::Site;
use facility_config::limits::LETTERS_MAX;
use facility_drivers::Batch;
use facility_drivers::heard::Letter;
use replay::Replay;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

/// How often the folder of letters to be decoded again is looked at.
const REPLAY_EVERY: Duration = Duration::from_secs(10);

/// Folder of all dead letters in the store's folder.
pub const DIR: &str = "dead-letter";

/// What the status page shows of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct LettersInfo {
    /// Messages kept now.
    pub kept: usize,
    /// Of these, waiting to be decoded again.
    pub waiting: usize,
    /// Messages kept since start.
    pub written: u64,
    /// Messages since start that became readings when they were decoded again.
    pub replayed: u64,
    /// Messages since start that could not be kept: no room on the disk, or a fault of it.
    pub lost: u64,
}

/// Keeps letters, and takes those back that a person has asked for.
#[derive(Debug, Clone)]
pub struct LettersTask {
    /// Whose devices they are about.
    pub site: Arc<Site>,
    /// From the brokers' tasks. Shared, so that a task that is started again goes on with it.
    pub queue: Arc<Mutex<mpsc::Receiver<Letter>>>,
    /// To the pipeline, for what is decoded again.
    pub out: mpsc::Sender<Batch>,
    /// What the status page shows.
    pub shown: watch::Sender<LettersInfo>,
    /// Ends it.
    pub stop: CancellationToken,
}

impl LettersTask {
    /// Runs until told to stop; what has arrived by then is written.
    pub async fn run(self) {
        let shelf = Shelf::new(&self.store_dir().join(DIR));
        let mut replay = Replay::new(self.site.clone(), shelf.clone(), self.out.clone());
        let mut queue = self.queue.lock().await;
        let mut every = tokio::time::interval(REPLAY_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        if let Err(error) = blocking(&shelf, Shelf::make).await {
            tracing::warn!(%error, "GW-L001 messages that cannot be decoded are not kept: their folder cannot be made");
        }
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                Some(letter) = queue.recv() => self.keep(&shelf, letter).await,
                Some(durable) = replay.durable() => {
                    self.finished(replay.done(durable).await);
                    self.count(&shelf).await;
                }
                _ = every.tick() => {
                    replay.look(&self.stop).await;
                    self.count(&shelf).await;
                }
            }
        }
        while let Ok(letter) = queue.try_recv() {
            self.keep(&shelf, letter).await;
        }
    }

    async fn keep(&self, shelf: &Shelf, letter: Letter) {
        let kept = Kept::of(&self.site, letter);
        let floor_bytes = self.site.store.free_bytes_min;
        let done = blocking(shelf, move |shelf| {
            if shelf.free_bytes()? < floor_bytes {
                return Err(io::Error::new(io::ErrorKind::StorageFull, "less space is free than store.free_bytes_min"));
            }
            shelf.put(&kept)?;
            shelf.trim(LETTERS_MAX)
        })
        .await;
        match done {
            Ok(()) => self.shown.send_modify(|info| info.written += 1),
            Err(error) => {
                // Once: a disk that fails for letters fails for more than them, and that is told elsewhere.
                if self.shown.borrow().lost == 0 {
                    tracing::warn!(%error, "GW-L002 a message that cannot be decoded was not kept; further ones are only counted");
                }
                self.shown.send_modify(|info| info.lost += 1);
            }
        }
        self.count(shelf).await;
    }

    fn finished(&self, removed: io::Result<()>) {
        if let Err(error) = removed {
            tracing::warn!(%error, "a message that was decoded again could not be removed; it is a repetition next time");
        }
        self.shown.send_modify(|info| info.replayed += 1);
    }

    async fn count(&self, shelf: &Shelf) {
        let Ok((kept, waiting)) = blocking(shelf, Shelf::count).await else { return };
        self.shown.send_if_modified(|info| {
            let changed = (info.kept, info.waiting) != (kept, waiting);
            (info.kept, info.waiting) = (kept, waiting);
            changed
        });
    }

    fn store_dir(&self) -> PathBuf {
        self.site.store.dir.clone()
    }
}

/// Does something on the disk beside the runtime: one that hangs must not hold up the data.
async fn blocking<T: Send + 'static>(shelf: &Shelf, work: impl FnOnce(&Shelf) -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let shelf = shelf.clone();
    tokio::task::spawn_blocking(move || work(&shelf)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests;
