//! What was appended and is not durable yet: one frame's worth of points, and the acknowledgements that wait for it.
//!
//! Bounded: one frame of points, [`BATCHES_PER_APPEND_MAX`] acknowledgements before more is taken, and the rest of the
//! request that is being taken.

use super::format::Layout;
use super::handle::Append;
use super::names::{Dictionary, NameSet};
use super::points::{Encoder, POINT_BYTES_MAX};
use super::record::{KEEP, PROVISIONAL, Seq};
use facility_config::limits::{BATCHES_PER_APPEND_MAX, BLOCK_POINTS_MAX};
use facility_drivers::{Ack, Batch};
use std::collections::VecDeque;
use std::time::Instant;

/// A request that is being encoded.
#[derive(Debug)]
pub(super) struct Incoming {
    batches: std::vec::IntoIter<Batch>,
    /// The batch at hand and how many of its readings are taken.
    at_hand: Option<(Batch, usize)>,
    mark: Option<i64>,
}

impl Incoming {
    pub(super) fn new(append: Append) -> Self {
        Self { batches: append.batches.into_iter(), at_hand: None, mark: append.mark }
    }

    /// The request again, if nothing of it was encoded yet.
    pub(super) fn into_append(self) -> Append {
        Append { batches: self.batches.collect(), mark: self.mark }
    }

    /// Points not encoded yet.
    pub(super) fn points_left(&self) -> u64 {
        let waiting: usize = self.batches.as_slice().iter().map(|batch| batch.readings.len()).sum();
        let at_hand = self.at_hand.as_ref().map_or(0, |(batch, taken)| batch.readings.len() - taken);
        (waiting + at_hand) as u64
    }
}

/// The next frame.
#[derive(Debug)]
pub(super) struct Pending {
    layout: Layout,
    pub(super) points: Encoder,
    pub(super) used: NameSet,
    names_bytes: usize,
    /// In order, each with the position from which on it may be released.
    acks: VecDeque<(Seq, Ack)>,
    /// Newest mark whose points are all here or durable.
    pub(super) mark: Option<i64>,
    mark_is_new: bool,
    since: Option<Instant>,
}

impl Pending {
    pub(super) fn new(layout: Layout, mark: Option<i64>) -> Self {
        Self {
            layout,
            points: Encoder::default(),
            used: NameSet::default(),
            names_bytes: 0,
            acks: VecDeque::new(),
            mark,
            mark_is_new: false,
            since: None,
        }
    }

    /// Takes as much of a request as one frame holds; `true` when all of it is taken. `end` is the durable end.
    ///
    /// A request with a mark is not parted between two frames unless it alone is larger than a frame less
    /// `COMMIT_BYTES`: its mark and its points become durable together.
    pub(super) fn take(&mut self, incoming: &mut Incoming, names: &mut Dictionary, end: Seq, now: Instant) -> bool {
        while let Some((mut batch, mut taken)) = incoming.at_hand.take().or_else(|| incoming.batches.next().map(|batch| (batch, 0))) {
            if taken == 0 && incoming.mark.is_none() && self.is_due_by_size() {
                incoming.at_hand = Some((batch, 0));
                self.since.get_or_insert(now);
                return false;
            }
            taken = self.encode(&batch, taken, names);
            if taken < batch.readings.len() {
                incoming.at_hand = Some((batch, taken));
                self.since.get_or_insert(now);
                return false;
            }
            if let Some(ack) = batch.ack.take() {
                self.acks.push_back((end + u64::from(self.points.count), ack));
            }
        }
        if let Some(mark) = incoming.mark.take() {
            self.mark_is_new |= self.mark != Some(mark);
            self.mark = Some(mark);
        }
        if !self.is_empty() {
            self.since.get_or_insert(now);
        }
        true
    }

    fn encode(&mut self, batch: &Batch, taken: usize, names: &mut Dictionary) -> usize {
        let Some(origin) = batch.device.and_then(|device| names.origin(device)) else {
            if !batch.readings.is_empty() {
                tracing::error!(device = ?batch.device, readings = batch.readings.len(), "readings of a device the store was not told about: dropped");
            }
            return batch.readings.len();
        };
        let flags = flags_of(batch);
        for (at, reading) in batch.readings.iter().enumerate().skip(taken) {
            if self.is_full() {
                return at;
            }
            let metric = names.metric(reading.metric);
            if self.used.origins.insert(origin) {
                self.names_bytes += names.origin_bytes(origin);
            }
            if self.used.metrics.insert(metric) {
                self.names_bytes += names.metric_bytes(metric);
            }
            self.points.push(origin, metric, batch.at_ms, flags, &reading.value);
        }
        batch.readings.len()
    }

    /// Nothing that needs the disk.
    pub(super) fn is_empty(&self) -> bool {
        self.points.count == 0 && !self.mark_is_new
    }

    pub(super) fn acks_len(&self) -> usize {
        self.acks.len()
    }

    /// Enough for a commit, whatever the time.
    pub(super) fn is_due_by_size(&self) -> bool {
        self.points.body.len() >= self.layout.commit_bytes()
    }

    /// No request may be taken before the next commit.
    pub(super) fn is_enough(&self) -> bool {
        self.is_due_by_size() || self.is_full() || self.acks.len() >= BATCHES_PER_APPEND_MAX
    }

    /// Not one more point fits. A frame is never parted between two blocks.
    pub(super) fn is_full(&self) -> bool {
        let max = self.layout.frame_bytes_max();
        self.points.count as usize >= BLOCK_POINTS_MAX || self.points.body.len() + POINT_BYTES_MAX > max || self.names_bytes >= max
    }

    /// Since when something waits for a commit.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since.filter(|_| !self.is_empty())
    }

    /// After a commit: what was waiting is durable.
    pub(super) fn committed(&mut self) {
        self.points.clear();
        self.used.clear();
        (self.names_bytes, self.mark_is_new, self.since) = (0, false, None);
    }

    /// Releases, in order, the acknowledgements of everything before `end`.
    pub(super) fn release(&mut self, end: Seq) {
        let ready = self.acks.partition_point(|(needed, _)| *needed <= end);
        if ready > 0 {
            Ack::release_all(self.acks.drain(..ready).map(|(_, ack)| ack));
        }
    }
}

fn flags_of(batch: &Batch) -> u8 {
    (if batch.keep { KEEP } else { 0 }) | (if batch.provisional { PROVISIONAL } else { 0 })
}
