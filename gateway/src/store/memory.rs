//! A store in memory behind the real handle, for tests of its readers. Test code only.
#![allow(clippy::unwrap_used)]

use super::handle::Request;
use super::{Cursor, Durable, Names, Page, Record, Seq, Sink, Store};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

#[derive(Debug, Default)]
struct State {
    records: Vec<Record>,
    names: Arc<Names>,
    start: Seq,
    cursors: BTreeMap<Sink, Cursor>,
    moves: Vec<Cursor>,
}

/// The other end of the handle.
#[derive(Debug, Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    durable: Arc<watch::Sender<Durable>>,
}

/// A store that holds what [`Memory::push`] puts into it. Its thread ends with the last handle.
#[must_use]
pub fn memory(names: Names) -> (Store, Memory) {
    let (requests, mut inbox) = mpsc::channel(8);
    let (durable, watched) = watch::channel(Durable::default());
    let state = Arc::new(Mutex::new(State { names: Arc::new(names), ..State::default() }));
    let shared = Arc::clone(&state);
    std::thread::spawn(move || {
        while let Some(request) = inbox.blocking_recv() {
            answer(&shared, request);
        }
    });
    (Store::new(requests, watched), Memory { state, durable: Arc::new(durable) })
}

fn answer(state: &Mutex<State>, request: Request) {
    let mut state = state.lock().unwrap();
    match request {
        Request::Append(_) => {}
        Request::Read { from, points_max, reply } => drop(reply.send(state.page(from, points_max))),
        Request::Advance { sink, cursor } => {
            state.moves.push(cursor);
            state.cursors.insert(sink, cursor);
        }
        Request::Cursor { sink, reply } => drop(reply.send(state.cursors.get(&sink).copied().unwrap_or_default())),
        Request::Close { reply } => drop(reply.send(())),
    }
}

impl State {
    fn page(&self, from: Seq, points_max: usize) -> Page {
        let end = self.records.len() as Seq;
        let first = from.clamp(self.start, end.max(self.start));
        let records: Vec<Record> = self.records.iter().skip(first as usize).take(points_max).cloned().collect();
        Page { first, next: first + records.len() as Seq, lost: first.saturating_sub(from), records, names: Arc::clone(&self.names) }
    }
}

impl Memory {
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
