//! JSON messages of MQTT devices to readings, by the field maps of their profiles.
//!
//! Pure: no I/O, no clock, never fails and never logs a payload. Every message becomes exactly one [`Batch`], so that
//! acknowledgements keep the order of receipt; of the devices of a dying Sparkplug node there are some besides. A payload is
//! bounded in bytes, depth and readings before any of it is believed; what a profile does not name is skipped unread, because
//! these protocols carry telephone numbers.

pub mod body;
mod bucket;
pub mod cbor;
mod desk;
pub mod dts;
mod explain;
mod grade;
mod leaf;
mod open;
mod peek;
mod personal;
mod places;
mod redact;
mod repair;
mod router;
mod shape;
mod sketch;
pub mod sparkplug;
mod strangers;
mod time;
pub mod topic;
mod trail;
mod value;
mod visit;
mod walk;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use explain::{Arrival, Explained, Fate, Matched, Step};
pub(super) use personal::free_text;

use crate::fault::Fault;
use crate::heard::Heard;
use crate::reading::{Batch, Subject};
use desk::{Desk, Miss, Reported};
use facility_config::limits::PAYLOAD_BYTES_MAX;
use facility_config::profile::Format;
use facility_config::site::Retained;
use facility_config::{DeviceIx, Site};
use router::Router;

/// Topics of Sparkplug begin with it (Sparkplug 3.0, 4.1.1).
pub(crate) const SPARKPLUG: &str = "spBv1.0/";

/// Decodes the messages of one broker's devices.
#[derive(Debug)]
pub struct MessageDecoder {
    router: Router,
    desk: Desk,
    /// See [`also`](Self::also).
    also: Vec<Batch>,
}

impl MessageDecoder {
    /// Compiles the profiles of the devices that speak through the broker at index `broker` of the site.
    #[must_use]
    pub fn new(site: &Site, broker: usize) -> Self {
        let retained = site.brokers.get(broker).map_or(Retained::default(), |broker| broker.retained);
        let rates = site.devices.iter().map(|device| device.ingest.messages_per_s_max);
        Self { router: Router::new(site, broker), desk: Desk::new(retained, rates), also: Vec::new() }
    }

    /// What a message says, or why it was refused.
    #[must_use]
    pub fn decode(&mut self, arrival: &Arrival<'_>) -> Batch {
        self.take(arrival, None)
    }

    /// The same, with every step. Much slower: for people who watch.
    #[must_use]
    pub fn explain(&mut self, arrival: &Arrival<'_>) -> (Batch, Explained) {
        let mut story = Explained::unread(arrival.payload.len());
        let batch = self.take(arrival, Some(&mut story));
        story.add_implied(&batch);
        (story.refused, story.device_ms, story.seq) = (batch.refused, batch.device_ms, batch.seq);
        (batch, story)
    }

    /// What the last message says of other devices than its own: the death of a Sparkplug node is that of its devices. Nobody
    /// has to acknowledge it; it goes before the message's own batch, which is acknowledged for all.
    pub fn also(&mut self) -> std::vec::Drain<'_, Batch> {
        self.also.drain(..)
    }

    /// What may be kept of a message that was refused, at most [`LETTER_BYTES_MAX`](facility_config::limits::LETTER_BYTES_MAX)
    /// bytes, and whether that is the whole message.
    #[must_use]
    pub fn redact(&self, arrival: &Arrival<'_>) -> (String, bool) {
        redact::redact(&self.router, self.desk.names(), arrival)
    }

    /// The topic of a message as it may be shown to people: levels that may be somebody's number become short hashes.
    #[must_use]
    pub fn shown_topic(&self, topic: &str) -> String {
        let pattern = self.router.patterns.iter().find(|pattern| topic::fits(&pattern.levels, topic));
        desk::shown(&self.router, pattern, topic, self.desk.names())
    }

    /// A connection was made; what depends on having heard everything starts anew if the broker lost the session.
    pub fn connected(&mut self, session_present: bool) {
        if !session_present {
            self.desk.nodes.forget();
        }
    }

    /// What else the messages have shown, if that has changed since it was last asked for.
    pub fn heard(&mut self) -> Option<Heard> {
        let strangers = self.desk.strangers.take_changed();
        let places = self.desk.places.take_changed();
        (strangers || places).then(|| Heard { strangers: self.desk.strangers.list(), places: self.desk.places.list() })
    }

    fn take(&mut self, arrival: &Arrival<'_>, story: Option<&mut Explained>) -> Batch {
        let reported = report(&self.router, &mut self.desk, arrival);
        self.also.clear();
        if let Some(Ok(report)) = &reported {
            let gone = report.gone.iter().filter_map(|name| self.router.device_of_node(arrival.topic, name));
            self.also.extend(gone.map(|device| desk::online(device, false, arrival.now_ms)));
        }
        let batch = self.sort(arrival, &reported, story);
        // What the broker had kept says nothing about the device of today.
        if let (Some(device), Some(fault)) = (batch.device, batch.refused)
            && fault != Fault::Retained
        {
            self.desk.places.count_whole(device, fault, arrival.now_ms);
        }
        batch
    }

    /// The first of the topic's templates that the message belongs to has it.
    fn sort(&mut self, arrival: &Arrival<'_>, reported: &Reported, mut story: Option<&mut Explained>) -> Batch {
        let Self { router, desk, .. } = self;
        let exact = router.exact(arrival.topic);
        let mut miss = Miss { fault: Fault::UnknownDevice, device: None };
        if let Some((pattern, device)) = exact {
            match desk.attempt(router, &router.patterns[pattern], Some(device), arrival, reported, story.as_deref_mut()) {
                Ok(batch) => return batch,
                Err(missed) => miss = missed,
            }
        }
        let mut stranger = None;
        for (at, pattern) in router.patterns.iter().enumerate() {
            if exact.is_some_and(|(tried, _)| tried == at) || !topic::fits(&pattern.levels, arrival.topic) {
                continue;
            }
            match desk.attempt(router, pattern, None, arrival, reported, story.as_deref_mut()) {
                Ok(batch) => return batch,
                Err(missed) if missed.device.is_some() || miss.fault == Fault::UnknownDevice => miss = missed,
                Err(_) => {}
            }
            stranger = stranger.or(Some(pattern));
        }
        if let (Some(pattern), None) = (stranger, miss.device) {
            desk.stranger(router, pattern, arrival, reported);
        }
        match reported {
            // What an edge node says about itself is nobody's reading; its devices' messages depend on it.
            Some(Ok(_)) if router.is_node(arrival.topic) => return Batch::new(DeviceIx::GATEWAY, Subject::Health, arrival.now_ms),
            Some(Err(fault)) if router.is_node(arrival.topic) => miss.fault = *fault,
            _ => {}
        }
        Batch::refused(miss.device, miss.fault, arrival.now_ms)
    }
}

/// A Sparkplug message must be read whoever's it is: all devices of a node share one count of messages.
fn report(router: &Router, desk: &mut Desk, arrival: &Arrival<'_>) -> Reported {
    let speaks = |pattern: &router::Pattern| pattern.format == Format::Sparkplug;
    if !arrival.topic.starts_with(SPARKPLUG) || !router.patterns.iter().any(speaks) {
        return None;
    }
    if arrival.payload.len() > PAYLOAD_BYTES_MAX {
        return Some(Err(Fault::Oversize));
    }
    Some(desk.nodes.read(arrival.topic, arrival.payload))
}
