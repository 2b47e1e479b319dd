//! What the log holds, as its readers see it.

use facility_config::limits::DESTINATIONS_MAX;
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::{Metric, Value};
use std::sync::Arc;

/// Position in a log: the number of points before it, since the log was created.
pub type Seq = u64;

/// Flag of a point: part of an excursion or an event, given up after routine points.
pub const KEEP: u8 = 1;
/// Flag of a point: taken while the clock was not set; its time was put right afterwards, as far as that is possible.
pub const PROVISIONAL: u8 = 2;

/// One point of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Index into [`Names::origins`].
    pub origin: u32,
    /// Index into [`Names::metrics`].
    pub metric: u32,
    /// [`KEEP`] and [`PROVISIONAL`].
    pub flags: u8,
    /// Time of the value, Unix ms.
    pub at_ms: i64,
    /// Time of the group commit that made it durable, Unix ms: the log's own time, never steps back.
    pub log_ms: i64,
    /// The value.
    pub value: Value,
}

/// Who recorded a point: fixed when it was captured, so that sending it again gives the same bytes whatever the
/// configuration says by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Tags in line-protocol form, escaped and sorted, without a leading comma: `device_id=…,district=…,…`.
    pub tags: Arc<str>,
    /// The device in today's configuration, if it is still there with these tags.
    pub device: Option<DeviceIx>,
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricName {
    /// `measurement.field`.
    pub name: Arc<str>,
    /// Part of the device.
    pub part: Part,
    /// The point, if this version still knows it.
    pub point: Option<Point>,
}

/// The dictionary of a log. Ids are never reused.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// By [`Record::origin`].
    pub origins: Vec<Origin>,
    /// By [`Record::metric`].
    pub metrics: Vec<MetricName>,
}

impl Names {
    /// Whose record it is and what of, if both are of this site.
    #[must_use]
    pub fn of(&self, record: &Record) -> Option<(DeviceIx, Metric)> {
        let (origin, metric) = (self.origins.get(record.origin as usize)?, self.metrics.get(record.metric as usize)?);
        Some((origin.device?, Metric { point: metric.point?, part: metric.part }))
    }
}

/// Why points were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum GapReason {
    /// Deleted for room.
    Evicted = 1,
    /// All but the least, greatest and last value of every 15 minutes were deleted for room.
    Thinned = 2,
    /// Flash lost them.
    Damaged = 3,
    /// Nothing could be written and memory was full.
    NoDisk = 4,
}

impl GapReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Evicted, Self::Thinned, Self::Damaged, Self::NoDisk];

    /// Word in the account and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evicted => "evicted",
            Self::Thinned => "thinned",
            Self::Damaged => "damaged",
            Self::NoDisk => "no_disk",
        }
    }

    /// From its number in the store.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| *reason as u8 == code)
    }
}

/// Points that are gone: told as data until somebody has taken it. No two of one store are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// First position.
    pub first: Seq,
    /// One past the last position; `first` for points that never had one.
    pub end: Seq,
    /// Points given up that some reader had not read.
    pub points: u64,
    /// Time of the oldest of them, Unix ms.
    pub from_ms: i64,
    /// Time of the newest of them, Unix ms.
    pub to_ms: i64,
}

/// Points in order, from one read.
#[derive(Debug, Clone)]
pub struct Page {
    /// Position of the first record; after a lost or evicted range it is greater than what was asked for.
    pub first: Seq,
    /// Where to read on. Equal to what was asked for when there is nothing new.
    pub next: Seq,
    /// Points known to be lost between what was asked for and `next` (evicted or damaged).
    pub lost: u64,
    /// The points.
    pub records: Vec<Record>,
    /// Dictionary that covers every id in `records`.
    pub names: Arc<Names>,
}

/// A reader with a durable cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sink {
    /// The fold over readings.
    Aggregate,
    /// The first destination of this run.
    Forward,
    /// The second.
    Forward2,
    /// The third.
    Forward3,
    /// The fourth.
    Forward4,
}

impl Sink {
    /// Every reader there can be.
    pub const ALL: [Self; 1 + DESTINATIONS_MAX] = [Self::Aggregate, Self::Forward, Self::Forward2, Self::Forward3, Self::Forward4];
    /// Destinations, in the order in which they are configured. Which of them a cursor belongs to is kept by name, for
    /// the order of a later run may be another.
    pub const DESTINATIONS: [Self; DESTINATIONS_MAX] = [Self::Forward, Self::Forward2, Self::Forward3, Self::Forward4];

    /// Word for the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aggregate => "aggregate",
            Self::Forward => "forward",
            Self::Forward2 => "forward2",
            Self::Forward3 => "forward3",
            Self::Forward4 => "forward4",
        }
    }
}

/// A destination as a store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its cursor is kept under this name.
    pub name: Box<str>,
    /// If it has never stood anywhere it begins with what comes, not with the oldest point held.
    pub start_now: bool,
}
