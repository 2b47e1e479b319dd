//! Letters that a person has asked to be decoded again, by the configuration of today: what they say goes the way of all data,
//! and the file is removed when it is durable. Refused once more, a letter goes back with its new reason.
//!
//! Bounded by [`AT_ONCE_MAX`] messages under way. A letter that a stop leaves under way is decoded again at the next start,
//! and is then a repetition that the pipeline knows.

use super::blocking;
use super::file::{Kept, Shelf, Waiting};
use crate::status::reason;
use facility_config::Site;
use facility_drivers::decode::message::{Arrival, MessageDecoder};
use facility_drivers::reading::{Ack, Released};
use facility_drivers::{Batch, Fault};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Messages decoded again that are not durable yet.
const AT_ONCE_MAX: usize = 64;

pub(super) struct Replay {
    site: Arc<Site>,
    shelf: Shelf,
    out: mpsc::Sender<Batch>,
    ack_to: mpsc::Sender<Vec<Released>>,
    acks: mpsc::Receiver<Vec<Released>>,
    /// Ids of letters under way by the number of their promise.
    under_way: BTreeMap<u16, String>,
    last: u16,
}

impl Replay {
    pub(super) fn new(site: Arc<Site>, shelf: Shelf, out: mpsc::Sender<Batch>) -> Self {
        let (ack_to, acks) = mpsc::channel(AT_ONCE_MAX);
        Self { site, shelf, out, ack_to, acks, under_way: BTreeMap::new(), last: 0 }
    }

    /// Waits until something that was decoded again is durable.
    pub(super) async fn durable(&mut self) -> Option<Vec<Released>> {
        self.acks.recv().await
    }

    /// Removes the letters that are not needed any more.
    pub(super) async fn done(&mut self, durable: Vec<Released>) -> io::Result<()> {
        let ids: Vec<String> = durable.iter().filter_map(|one| self.under_way.remove(&one.packet_id)).collect();
        blocking(&self.shelf, move |shelf| ids.iter().try_for_each(|id| shelf.remove(Waiting::Replay, id))).await
    }

    /// Decodes what waits and is not under way.
    pub(super) async fn look(&mut self, stop: &CancellationToken) {
        let ids = blocking(&self.shelf, |shelf| shelf.ids(Waiting::Replay)).await.unwrap_or_default();
        let mut decoders: BTreeMap<usize, MessageDecoder> = BTreeMap::new();
        for id in ids {
            if self.under_way.len() >= AT_ONCE_MAX || stop.is_cancelled() {
                return;
            }
            if self.under_way.values().any(|one| *one == id) {
                continue;
            }
            let name = id.clone();
            let done = match blocking(&self.shelf, move |shelf| shelf.read(Waiting::Replay, &name)).await {
                Ok(letter) => self.again(&mut decoders, id, letter, stop).await,
                Err(_) => blocking(&self.shelf, move |shelf| shelf.from_replay(&id)).await,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "a message cannot be decoded again; it stays where it is");
            }
        }
    }

    async fn again(
        &mut self,
        decoders: &mut BTreeMap<usize, MessageDecoder>,
        id: String,
        mut letter: Kept,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        let refused = match self.site.brokers.iter().position(|broker| *broker.name == *letter.broker) {
            Some(broker) if letter.is_whole => {
                let decoder = decoders.entry(broker).or_insert_with(|| MessageDecoder::new(&self.site, broker));
                let mut batch = decoder.decode(&arrival(&letter));
                match batch.refused {
                    Some(fault) => Some(fault),
                    None => {
                        batch.ack = Some(self.promise(id.clone()));
                        tokio::select! {
                            // Nobody is left to take it: the next start does.
                            _ = self.out.send(batch) => {}
                            () = stop.cancelled() => {}
                        }
                        None
                    }
                }
            }
            // Put here by hand: what was taken out of it cannot be put back.
            Some(_) => Some(reason::fault(&letter.reason).unwrap_or(Fault::Undecodable)),
            None => Some(Fault::UnknownDevice),
        };
        let Some(fault) = refused else { return Ok(()) };
        fault.label().clone_into(&mut letter.reason);
        blocking(&self.shelf, move |shelf| shelf.put_back(&id, &letter)).await
    }

    fn promise(&mut self, id: String) -> Ack {
        // Never the number of one that is under way: there are far fewer of them than numbers.
        self.last = self.last.wrapping_add(1);
        self.under_way.insert(self.last, id);
        Ack::new(self.ack_to.clone(), 0, self.last)
    }
}

fn arrival(letter: &Kept) -> Arrival<'_> {
    Arrival { topic: &letter.topic, payload: letter.body.as_bytes(), retained: false, now_ms: letter.at_ms }
}
