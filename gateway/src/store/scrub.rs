//! Reads one finished block an hour and checks it, oldest first and round again, so that damage is known before the
//! data is wanted. A thousand blocks are looked at in six weeks, at the cost of reading a few bytes a second.

use super::disk::Disk;
use super::log::Log;
use super::record::Seq;
use facility_config::limits::STORE_SCRUB_MS;
use std::time::{Duration, Instant};

/// Where it is.
#[derive(Debug, Default)]
pub(super) struct Scrub {
    /// When the next block is due; `None` before the log is in use.
    due: Option<Instant>,
    /// Position it goes on from.
    at: Seq,
    /// Blocks looked at since start.
    pub(super) blocks: u64,
}

impl Scrub {
    pub(super) fn starting(now: Instant) -> Self {
        Self { due: Some(now + Duration::from_millis(STORE_SCRUB_MS)), ..Self::default() }
    }
}

impl<D: Disk> Log<D> {
    /// When the next block is due, if there is any.
    pub(super) fn scrub_at(&self) -> Option<Instant> {
        self.scrub.due.filter(|_| !self.blocks.files.is_empty())
    }

    /// Looks at the next block if it is time. What the disk does not give today is tried in the next round.
    pub(super) fn scrub_due(&mut self, now: Instant) {
        if self.scrub_at().is_none_or(|due| now < due) {
            return;
        }
        self.scrub.due = Some(now + Duration::from_millis(STORE_SCRUB_MS));
        let next = self.blocks.after(self.scrub.at).or_else(|| self.blocks.after(0));
        let Some((file, nth)) = next else { return };
        if let Err(error) = self.load(file, nth, now) {
            tracing::warn!(store = self.name, %error, "a block could not be read to be checked");
        }
        self.scrub.at = self.blocks.block(file, nth).map_or(0, |block| block.header.end);
        self.scrub.blocks += 1;
        self.publish();
    }
}
