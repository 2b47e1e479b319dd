//! A store in memory behind the real handle, for tests of its readers. Test code only.
#![allow(clippy::unwrap_used)]

use super::handle::Request;
use super::record::{KEEP, MetricName, Origin, PROVISIONAL};
use super::{Append, Cursor, Durable, Gap, History, Names, Page, Record, Seq, Sink, Store};
use facility_config::DeviceIx;
use facility_drivers::{Ack, Batch, Clock};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use tokio::sync::{mpsc, oneshot, watch};

#[derive(Debug, Default)]
struct State {
    records: Vec<Record>,
    names: Arc<Names>,
    start: Seq,
    cursors: BTreeMap<Sink, Cursor>,
    moves: Vec<Cursor>,
    appended: Vec<Batch>,
    /// What makes appended batches records, and says when.
    log: Option<Clock>,
    /// Acknowledgements of what is not durable yet; `None` while everything is durable at once.
    held: Option<Vec<Ack>>,
    /// Questions for history that are left unanswered, once that was asked for.
    unanswered: Option<Vec<oneshot::Sender<History>>>,
}

/// The other end of the handle.
#[derive(Debug, Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    durable: Arc<watch::Sender<Durable>>,
}

/// A store that holds what [`Memory::push`] puts into it, and keeps apart what is appended through the handle. Its
/// threads end with the last handle.
#[must_use]
pub fn memory(names: Names) -> (Store, Memory) {
    let (requests, mut inbox) = mpsc::channel(8);
    let (appends, mut arriving) = mpsc::channel(8);
    let (durable, watched) = watch::channel(Durable::default());
    let state = Arc::new(Mutex::new(State { names: Arc::new(names), ..State::default() }));
    let memory = Memory { state, durable: Arc::new(durable) };
    // A store whose other end is dropped has ended, so its threads must not keep it.
    let (shared, published) = (Arc::clone(&memory.state), Arc::downgrade(&memory.durable));
    std::thread::spawn(move || {
        while let Some(request) = inbox.blocking_recv() {
            answer(&shared, &published, request);
        }
    });
    let (shared, published) = (Arc::clone(&memory.state), Arc::downgrade(&memory.durable));
    std::thread::spawn(move || {
        while let Some(append) = arriving.blocking_recv() {
            take(&shared, &published, append);
        }
    });
    (Store::new(appends, requests, watched), memory)
}

fn answer(state: &Mutex<State>, durable: &Weak<watch::Sender<Durable>>, request: Request) {
    let mut state = state.lock().unwrap();
    match request {
        Request::Read { from, points_max, reply } => drop(reply.send(state.page(from, points_max).into())),
        Request::Advance { sink, cursor } => {
            state.moves.push(cursor);
            state.cursors.insert(sink, cursor);
        }
        Request::Cursor { sink, reply } => drop(reply.send(state.cursors.get(&sink).copied().unwrap_or_default())),
        // The double keeps no history: whoever asks for it is tested against a real store.
        Request::History { reply, .. } => match &mut state.unanswered {
            Some(unanswered) => unanswered.push(reply),
            None => drop(reply.send(History::default())),
        },
        Request::GapTaken { gap } => publish(durable, |durable| durable.gaps.retain(|told| *told != gap)),
        Request::Close { reply } => drop(reply.send(())),
    }
}

fn take(state: &Mutex<State>, durable: &Weak<watch::Sender<Durable>>, append: Append) {
    let mut state = state.lock().unwrap();
    let mark = append.mark;
    let points: usize = append.batches.iter().map(|batch| batch.readings.len()).sum();
    for mut batch in append.batches {
        match (batch.ack.take(), &mut state.held) {
            (Some(ack), Some(held)) => held.push(ack),
            (Some(ack), None) => ack.release(),
            (None, _) => {}
        }
        state.record(&batch);
        state.appended.push(batch);
    }
    let (start, end) = (state.start, state.records.len() as Seq);
    drop(state);
    publish(durable, |durable| {
        durable.taken += points as u64;
        durable.mark = mark.or(durable.mark);
        (durable.start, durable.end) = (start, end);
    });
}

fn publish(durable: &Weak<watch::Sender<Durable>>, change: impl FnOnce(&mut Durable)) {
    if let Some(durable) = durable.upgrade() {
        durable.send_modify(change);
    }
}

impl State {
    fn record(&mut self, batch: &Batch) {
        let (Some(clock), Some(device)) = (&self.log, batch.device) else { return };
        let log_ms = clock.now_ms();
        let names = Arc::make_mut(&mut self.names);
        for reading in &batch.readings {
            let (point, part) = (reading.metric.point, reading.metric.part);
            let known = names.metrics.iter().position(|name| (name.point, name.part) == (Some(point), part));
            let metric = known.unwrap_or_else(|| {
                names.metrics.push(MetricName { name: point.info().name.into(), part, point: Some(point) });
                names.metrics.len() - 1
            });
            let flags = (if batch.keep { KEEP } else { 0 }) | (if batch.provisional { PROVISIONAL } else { 0 });
            let (origin, metric, value) = (device.at() as u32, metric as u32, reading.value.clone());
            self.records.push(Record { origin, metric, flags, at_ms: batch.at_ms, log_ms, value });
        }
    }

    fn page(&self, from: Seq, points_max: usize) -> Page {
        let end = self.records.len() as Seq;
        let first = from.clamp(self.start, end.max(self.start));
        let records: Vec<Record> = self.records.iter().skip(first as usize).take(points_max).cloned().collect();
        Page { first, next: first + records.len() as Seq, lost: first.saturating_sub(from), records, names: Arc::clone(&self.names) }
    }
}

impl Memory {
    /// From now on nothing that is appended becomes durable, until [`commit`](Self::commit) or [`lose`](Self::lose).
    pub fn hold(&self) {
        self.state.lock().unwrap().held = Some(Vec::new());
    }

    /// What was held is durable, and what comes as well.
    pub fn commit(&self) {
        self.state.lock().unwrap().held.take().into_iter().flatten().for_each(Ack::release);
    }

    /// What was held is given up; what comes is durable.
    pub fn lose(&self) {
        self.state.lock().unwrap().held = None;
    }

    /// From now on what is appended can be read, like what is pushed. Devices are known by their order.
    pub fn log(&self, tags: &[&str], clock: Clock) {
        let origin = |(at, tags): (usize, &&str)| Origin { tags: (*tags).into(), device: Some(DeviceIx(at as u16)) };
        let mut state = self.state.lock().unwrap();
        Arc::make_mut(&mut state.names).origins = tags.iter().enumerate().map(origin).collect();
        state.log = Some(clock);
    }

    /// Everything there is to read, with its names.
    #[must_use]
    pub fn records(&self) -> (Names, Vec<Record>) {
        let state = self.state.lock().unwrap();
        ((*state.names).clone(), state.records.clone())
    }

    /// From now on no question for history is answered.
    pub fn ignore_history(&self) {
        self.state.lock().unwrap().unanswered = Some(Vec::new());
    }

    /// Takes what was appended through the handle, in order, acknowledgements apart. [`Durable::taken`] counts its points.
    #[must_use]
    pub fn appended(&self) -> Vec<Batch> {
        std::mem::take(&mut self.state.lock().unwrap().appended)
    }

    /// Points of what was appended and not taken yet.
    #[must_use]
    pub fn appended_points(&self) -> usize {
        self.state.lock().unwrap().appended.iter().map(|batch| batch.readings.len()).sum()
    }

    /// The newest durable mark is this one.
    pub fn push_mark(&self, mark: Option<i64>) {
        self.durable.send_modify(|durable| durable.mark = mark);
    }

    /// Tells a gap.
    pub fn push_gap(&self, gap: Gap) {
        self.durable.send_modify(|durable| durable.gaps.push(gap));
    }

    /// Makes points durable.
    pub fn push(&self, records: impl IntoIterator<Item = Record>) {
        let mut state = self.state.lock().unwrap();
        state.records.extend(records);
        let (start, end) = (state.start, state.records.len() as Seq);
        drop(state);
        self.durable.send_modify(|durable| (durable.start, durable.end) = (start, end));
    }

    /// Forgets the points before a position.
    pub fn evict(&self, before: Seq) {
        self.state.lock().unwrap().start = before;
        self.durable.send_modify(|durable| durable.start = before);
    }

    /// The process of the store starts again: readers keep what was on flash.
    pub fn restart(&self) {
        self.state.lock().unwrap().cursors.values_mut().for_each(|cursor| *cursor = cursor.kept());
    }

    /// Where a reader stands.
    #[must_use]
    pub fn cursor(&self, sink: Sink) -> Cursor {
        self.state.lock().unwrap().cursors.get(&sink).copied().unwrap_or_default()
    }

    /// Every position a reader has told.
    #[must_use]
    pub fn moves(&self) -> Vec<Cursor> {
        self.state.lock().unwrap().moves.clone()
    }
}
