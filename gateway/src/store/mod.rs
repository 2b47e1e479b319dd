//! The log: every reading on flash before it is acknowledged, kept until it was used, and longer while there is room.
//!
//! One engine, used twice (readings, outbox). A small preallocated write-ahead ring takes group commits; what is in it
//! becomes immutable blocks of columns, which are the backlog and the history at once; the oldest file of them makes
//! room when the budget is spent. All state is derived from frames and blocks; only the readers' cursors are kept
//! apart, and losing one only means that its reader sees points again. The bytes are described in `format.rs`,
//! `points.rs`, `names.rs`, `cursors.rs` and `block/`.
//!
//! ```text
//! append ─► pending ─► commit ─► ring ─► seal ─► blocks ─► room, reduce (make room)
//!                                  └──► reading, history ◄─┘   scrub (checks)
//! ```
//! What it never does: acknowledge before `fdatasync` returned 0, write an acknowledged page again, sync pages again
//! after a failed sync, refuse to open because of damage, lose points without counting them.

mod block;
mod blocks;
mod bytes;
pub mod card;
mod commit;
mod cursors;
pub mod disk;
mod epochs;
mod find;
mod format;
pub mod handle;
pub mod history;
mod log;
#[cfg(test)]
pub mod memory;
mod names;
mod old;
mod open;
pub mod open_error;
pub mod peek;
mod pending;
mod points;
mod reading;
mod recent;
pub mod record;
pub mod recovery;
mod reduce;
mod ring;
mod room;
mod scan;
mod scrub;
mod seal;
mod stand;
mod thread;
mod waiting;

#[cfg(test)]
mod sim_disk;
#[cfg(test)]
mod tests;

pub(crate) use block::{PackReader, PackWriter};
pub use cursors::destinations;
pub use disk::{Disk, RealDisk};
pub use facility_config::Overflow;
pub use handle::{Append, Durable, Store, StoreClosed};
pub use history::{Bucket, History, HistoryQuery};
pub use open_error::OpenError;
pub use record::{Destination, Gap, GapReason, Names, Page, Record, Seq, Sink};
pub use recovery::Recovery;
pub use stand::{Ahead, Cursor};

use facility_config::limits::STORE_QUEUE_LEN;
use facility_drivers::Clock;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// What a store is told when it is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its folder; made if only the last part is missing.
    pub dir: PathBuf,
    /// Name of its thread and `store` field of its log lines.
    pub name: &'static str,
    /// Longest wait of a point for its commit, in real time.
    pub commit_delay: Duration,
    /// Bytes it may use. The ring (8 MiB) is always there; at least one file of blocks is kept.
    pub bytes_max: u64,
    /// Bytes of its file system that it leaves free: it does not grow beyond that. 0 for no such floor.
    pub free_bytes_min: u64,
    /// What goes when the room is used up by points that some reader has not read.
    pub overflow: Overflow,
    /// Commit at once when this many acknowledgements wait: half of the smallest window of a broker, or it would stop
    /// sending until the delay has passed. At least 1.
    pub early_acks: usize,
    /// Tag set of `DeviceIx(i)` at position i, as it goes into [`record::Origin::tags`].
    pub origins: Vec<String>,
    /// Readers with a cursor. What they have not read is deleted last, and counted as evicted.
    pub sinks: Vec<Sink>,
    /// Destinations behind [`Sink::DESTINATIONS`], in their order; a place without one is known by its own word.
    pub destinations: Vec<Destination>,
}

/// An open store.
#[derive(Debug)]
pub struct Opened {
    /// To speak to it.
    pub store: Store,
    /// Its thread; ends after [`Store::close`] or when the last handle is gone.
    pub thread: JoinHandle<()>,
    /// What was found.
    pub recovery: Recovery,
}

/// Opens a store, creating it if it is not there, and starts its thread. Blocks while the disk is read: up to the
/// ring's 8 MiB, the header of every block and the newest block. [`Durable`] is published before this returns.
///
/// # Errors
/// [`OpenError`] if the folder cannot be used, another process has it, or a later version wrote it; never for damage.
pub fn open(options: Options, clock: Clock, disk: impl Disk + Clone) -> Result<Opened, OpenError> {
    open_with(options, clock, disk, format::Layout::STANDARD)
}

fn open_with(options: Options, clock: Clock, disk: impl Disk + Clone, layout: format::Layout) -> Result<Opened, OpenError> {
    let (name, dir) = (options.name, options.dir.clone());
    let (log, recovery) = open::open_log(options, clock, disk, layout)?;
    recovery.report(name);
    let failed = |source| OpenError::Disk { path: dir.clone(), source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
    let (appends, taken) = mpsc::channel(STORE_QUEUE_LEN);
    let (requests, asked) = mpsc::channel(STORE_QUEUE_LEN);
    let store = Store::new(appends, requests, log.durable.subscribe());
    let serve = move || runtime.block_on(thread::run(log, taken, asked));
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(serve).map_err(failed)?;
    Ok(Opened { store, thread, recovery })
}
