//! A log as it is shown: how much it holds, and for how long that can go on. Pure.

use crate::ledger::Books;
use serde::Serialize;

/// Bytes of a point in a sealed block are known once this much is on flash; before that [`POINT_BYTES_UNKNOWN`] is
/// assumed.
const SAMPLE_BYTES_MIN: u64 = 1024 * 1024;
/// Bytes of a point as rows, before blocks compress it to one or two (BUFFER §6): the careful guess.
const POINT_BYTES_UNKNOWN: f64 = 5.0;
/// No forecast before this long: metrics come in bursts every five minutes.
const FORECAST_UPTIME_S_MIN: u64 = 900;

/// One log on flash.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StoreInfo {
    /// `readings` or `outbox`.
    pub name: &'static str,
    /// Points since the log was created.
    pub end: u64,
    /// Oldest point still held.
    pub start: u64,
    /// Points in memory, not on flash yet.
    pub pending: u64,
    /// Durable points not delivered yet.
    pub backlog: u64,
    /// About how much of the budget the backlog takes, bytes.
    pub backlog_bytes: u64,
    /// Byte budget.
    pub bytes_max: u64,
    /// Bytes on disk.
    pub bytes_on_disk: u64,
    /// Bytes written since start.
    pub bytes_written: u64,
    /// Group commits since start.
    pub commits: u64,
    /// Points deleted unread by the byte budget, since the log was created.
    pub evicted: u64,
    /// Those of this run.
    pub evicted_since_start: u64,
    /// Points thinned out unread for room, since the log was created.
    pub thinned: u64,
    /// Those of this run.
    pub thinned_since_start: u64,
    /// Points given up because nothing could be written and memory was full, since the log was created.
    pub no_disk: u64,
    /// Those of this run.
    pub no_disk_since_start: u64,
    /// Whether acknowledgements are withheld because the log is full of unread points and none may be deleted.
    pub full: bool,
    /// Points lost to damage found at open.
    pub damaged: u64,
    /// Why nothing can be written.
    pub fault: Option<String>,
    /// How long the backlog may go on growing at the mean rate since start before the oldest points are deleted,
    /// seconds; `None` for a log the database does not read and while there is no rate to go by.
    pub room_s: Option<u64>,
}

impl StoreInfo {
    /// A log, from the same books as its account. `to_database` if the database is one of its readers: only then does
    /// an outage let it grow.
    #[must_use]
    pub fn new(name: &'static str, bytes_max: u64, books: &Books, to_database: bool, uptime_s: u64) -> Self {
        let durable = &books.durable;
        let backlog = books.waiting();
        // Ring and reserved room are taken whatever comes.
        let fixed = durable.bytes_on_disk.saturating_sub(durable.block_bytes);
        let known = durable.block_bytes >= SAMPLE_BYTES_MIN && durable.block_points > 0;
        let point_bytes = if known { durable.block_bytes as f64 / durable.block_points as f64 } else { POINT_BYTES_UNKNOWN };
        let backlog_bytes = (backlog as f64 * point_bytes) as u64;
        let appended = durable.end.saturating_sub(books.at_start.end);
        let bytes_per_s = appended as f64 * point_bytes / uptime_s.max(1) as f64;
        let room = bytes_max.saturating_sub(fixed).saturating_sub(backlog_bytes) as f64;
        let foreseeable = to_database && uptime_s >= FORECAST_UPTIME_S_MIN && appended > 0;
        Self {
            name,
            end: durable.end,
            start: durable.start,
            pending: durable.pending,
            backlog,
            backlog_bytes,
            bytes_max,
            bytes_on_disk: durable.bytes_on_disk,
            bytes_written: durable.bytes_written,
            commits: durable.commits,
            evicted: durable.evicted,
            evicted_since_start: durable.evicted.saturating_sub(books.at_start.evicted),
            thinned: durable.thinned,
            thinned_since_start: durable.thinned.saturating_sub(books.at_start.thinned),
            no_disk: durable.no_disk,
            no_disk_since_start: durable.no_disk.saturating_sub(books.at_start.no_disk),
            full: durable.full,
            damaged: durable.damaged,
            fault: durable.fault.clone(),
            room_s: foreseeable.then(|| (room / bytes_per_s) as u64),
        }
    }
}
