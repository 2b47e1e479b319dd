//! A store as somebody sees it who only looks: on a card that came out of a gateway, or beside a gateway that runs.
//!
//! Opens the log on a [`Peek`], so that everything it knows about damage, half-done deletions and torn commits holds here
//! too, and nothing is written. A running gateway goes on meanwhile: what is missing because the folder has changed since
//! it was listed is looked for again, at most [`TRIES`] times, before it is called damaged.

pub mod check;
pub mod facts;

use super::cursors::destinations;
use super::format::Layout;
use super::log::Log;
use super::open::open_log;
use super::peek::Peek;
use super::record::{Names, Page, Seq, Sink};
use super::{Cursor, OpenError, Options, Overflow, Recovery, old};
use facility_config::limits::{READ_POINTS_MAX, STORE_READ_PATIENCE_MS};
use facility_drivers::Clock;
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a listing is made again before what is not there is called damaged.
pub const TRIES: usize = 3;

/// A store that is looked at.
#[derive(Debug)]
pub struct Card {
    log: Log<Peek>,
    recovery: Recovery,
    dir: PathBuf,
    /// What the folder looked like when it was listed.
    listed: Listing,
    /// Points found damaged while reading.
    found: u64,
}

/// Names, lengths and times of change of all files of a store.
type Listing = Vec<(String, u64, i64, i64)>;

/// Why there is nothing to look at.
#[derive(Debug)]
pub enum CardError {
    /// The folder is no store, or is not there.
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// Version 1 of this software wrote it, and nobody has opened it with a later one.
    Older {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be opened.
    Open(OpenError),
}

impl std::fmt::Display for CardError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing { path } => write!(
                f,
                "{} holds no store (no FORMAT, wal or blk in it, or it may not be read): name the data folder of a gateway, or readings/ or outbox/ in it",
                path.display()
            ),
            Self::Older { path } => write!(
                f,
                "{} was written by format 1: start this version's gateway on it, or on a copy of it, once; that turns it into format 2",
                path.display()
            ),
            Self::Open(OpenError::Unwritable { path, source }) => {
                write!(f, "{} cannot be read ({source}): do this as the user the gateway runs as, or as root", path.display())
            }
            Self::Open(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CardError {}

impl Card {
    /// Whether a folder looks like a store, however damaged.
    #[must_use]
    pub fn is_store(dir: &Path) -> bool {
        ["FORMAT", "wal", "blk"].iter().any(|name| dir.join(name).exists())
    }

    /// Lists what a folder holds, changing nothing.
    ///
    /// # Errors
    /// [`CardError`] in words for a person; never for damage.
    pub fn open(dir: &Path) -> Result<Self, CardError> {
        Self::open_with(dir, Layout::STANDARD)
    }

    /// The same; `layout` is believed where `FORMAT` cannot be read.
    pub(super) fn open_with(dir: &Path, layout: Layout) -> Result<Self, CardError> {
        if !Self::is_store(dir) {
            return Err(CardError::Nothing { path: dir.to_owned() });
        }
        let mut tries = 0;
        loop {
            let listed = listing(dir);
            if old::segments(&Peek, &dir.join("blk")).is_ok_and(|old| !old.is_empty()) {
                return Err(CardError::Older { path: dir.to_owned() });
            }
            // A clock that is not set: what the gateway does not know yet is not decided here.
            match open_log(options(dir), unset_clock(), Peek, layout) {
                Ok((mut log, recovery)) => {
                    log.held_from = None;
                    return Ok(Self { log, recovery, dir: dir.to_owned(), listed, found: 0 });
                }
                // A file that was deleted since it was listed.
                Err(OpenError::Disk { source, .. }) if source.kind() == io::ErrorKind::NotFound && tries < TRIES => tries += 1,
                Err(error) => return Err(CardError::Open(error)),
            }
        }
    }

    /// Oldest position that should be there.
    #[must_use]
    pub fn start(&self) -> Seq {
        // What is missing at the beginning is not held, but it was not given up either.
        self.recovery.damaged_ranges.first().map_or(self.log.start, |range| range.start.min(self.log.start))
    }

    /// One past the newest position held when the folder was listed.
    #[must_use]
    pub fn end(&self) -> Seq {
        self.log.end
    }

    /// Every name in the store.
    #[must_use]
    pub fn names(&self) -> Arc<Names> {
        self.log.names.names()
    }

    /// Where a reader stands; `None` if the store has no such reader.
    #[must_use]
    pub fn cursor(&self, sink: Sink) -> Option<Cursor> {
        let cursors = &self.log.cursors;
        cursors.name(sink).filter(|_| !cursors.fresh.contains(&sink)).map(|_| self.log.cursor(sink))
    }

    /// Where the destination furthest behind stands; `None` if the store has none.
    #[must_use]
    pub fn unsent(&self) -> Option<Cursor> {
        Sink::DESTINATIONS.into_iter().filter_map(|sink| self.cursor(sink)).min_by_key(|cursor| cursor.next)
    }

    /// Points known to be damaged so far: those missing between what is there, and those found by reading.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.recovery.damaged.saturating_add(self.found)
    }

    /// The process that has the store open for writing, if this machine runs it.
    #[must_use]
    pub fn holder(&self) -> Option<u32> {
        let inode = std::fs::metadata(self.dir.join("lock")).ok()?.ino();
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        locks.lines().find_map(|line| holder_in(line, inode))
    }

    /// Points from `from` on, in order of arrival; empty with `next` = `from` if the medium does not give them.
    pub fn read(&mut self, from: Seq) -> Page {
        let (mut tries, mut now, mut waited) = (0, Instant::now(), false);
        loop {
            let before = self.log.damaged;
            let page = self.log.read(from, READ_POINTS_MAX, now);
            let found = self.log.damaged.saturating_sub(before);
            let is_stuck = page.next == from && from < self.log.end;
            if (is_stuck || found > 0) && tries < TRIES && self.is_overtaken() {
                tries += 1;
                self.list_again();
            } else if is_stuck && !waited {
                // The log waits for its medium; nobody here does: pages that cannot be read are damage.
                (now, waited) = (now + Duration::from_millis(STORE_READ_PATIENCE_MS), true);
            } else {
                self.found = self.found.saturating_add(found);
                return page;
            }
        }
    }

    /// Where to read on from `at` when only values of this span of time, Unix ms, are wanted: behind blocks that hold none.
    #[must_use]
    pub fn skip(&self, mut at: Seq, span: &RangeInclusive<i64>) -> Seq {
        while let Some((file, nth)) = self.log.blocks.after(at)
            && let Some(block) = self.log.blocks.block(file, nth)
            && block.header.first <= at
        {
            let header = &block.header;
            let shift = if header.provisional { self.log.epochs.shift_ms(header.epoch).unwrap_or(0) } else { 0 };
            let earliest = header.at_min_ms.saturating_add(shift.min(0));
            let latest = header.at_max_ms.saturating_add(shift.max(0));
            if earliest <= *span.end() && latest >= *span.start() {
                break;
            }
            at = header.end;
        }
        at
    }

    /// Whether anything in the folder has changed since it was listed.
    fn is_overtaken(&self) -> bool {
        listing(&self.dir) != self.listed
    }

    /// Lists the folder again; what was known stays if that fails.
    fn list_again(&mut self) {
        if let Ok(again) = Self::open_with(&self.dir, self.log.ring.layout()) {
            *self = Self { found: self.found, ..again };
        }
    }
}

fn unset_clock() -> Clock {
    let clock = Clock::manual(0);
    clock.reboot(0);
    clock
}

fn options(dir: &Path) -> Options {
    let destinations = destinations(dir);
    Options {
        dir: dir.to_owned(),
        name: "card",
        commit_delay: Duration::from_secs(1),
        bytes_max: u64::MAX,
        free_bytes_min: 0,
        overflow: Overflow::Block,
        early_acks: 1,
        origins: Vec::new(),
        sinks: std::iter::once(Sink::Aggregate).chain(Sink::DESTINATIONS.into_iter().take(destinations.len())).collect(),
        destinations,
    }
}

/// What the files of a store look like; a folder that cannot be listed looks empty.
fn listing(dir: &Path) -> Listing {
    let mut found = Listing::new();
    for folder in [dir.to_owned(), dir.join("wal"), dir.join("blk")] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Ok(meta) = entry.metadata()
                && meta.is_file()
            {
                found.push((entry.file_name().to_string_lossy().into_owned(), meta.len(), meta.mtime(), meta.mtime_nsec()));
            }
        }
    }
    found.sort();
    found
}

/// The holder of a lock on a file, from a line of `/proc/locks`: `1: FLOCK ADVISORY WRITE 1234 fe:01:5678 0 EOF`.
fn holder_in(line: &str, inode: u64) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    if (words.next()?, words.nth(1)?) != ("FLOCK", "WRITE") {
        return None;
    }
    let pid = words.next()?.parse().ok()?;
    (words.next()?.rsplit(':').next()?.parse() == Ok(inode)).then_some(pid)
}
