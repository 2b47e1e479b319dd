//! What was asked of the broker and what it granted. Pure bookkeeping; whoever owns the connection sends.
//!
//! Bounded by the filters of the configuration and of earlier ones; one SUBSCRIBE is on its way at a time. A session that was
//! there before us may hold filters of an earlier configuration, and MQTT has no way to ask which: those that are known are
//! given back on every such session. Messages others bring are acknowledged and counted like those of any unknown device.

use super::trouble;
use crate::decode::message::topic::Filter;
use facility_config::limits::BACKOFF_MS_MAX;
use rumqttc::{Packet, QoS, SubAck, Subscribe, SubscribeFilter, SubscribeReasonCode, Unsubscribe};
use std::time::Duration;
use tokio::time::Instant;

/// Pause before a refused filter is asked for again on a connection that otherwise works.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(BACKOFF_MS_MAX);
/// A broker that does not answer a SUBSCRIBE for this long has lost it.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The filters of one broker's devices.
pub(super) struct Subscriptions {
    wanted: Vec<Filter>,
    /// Of an earlier configuration.
    former: Vec<String>,
    /// Per filter: the service level granted by the broker's present session, in an answer to this process. A session that
    /// was there before us may lack what a changed configuration asks for.
    granted: Vec<Option<u8>>,
    /// The address those grants are from: another broker has another session.
    place: usize,
    /// The SUBSCRIBE that is on its way, if one is.
    asked: Option<Asked>,
    /// When to ask for refused filters again.
    again: Option<Instant>,
    last_pkid: u16,
}

struct Asked {
    pkid: u16,
    filters: Vec<usize>,
    since: Instant,
}

impl Subscriptions {
    pub(super) fn new(wanted: Vec<Filter>, former: Vec<String>) -> Self {
        Self { granted: vec![None; wanted.len()], wanted, former, place: 0, asked: None, again: None, last_pkid: 0 }
    }

    /// A connection was made; a session that is not there any more has forgotten everything.
    pub(super) fn connected(&mut self, place: usize, session_present: bool) {
        self.again = None;
        self.asked = None;
        if !session_present || place != self.place {
            self.granted.fill(None);
        }
        self.place = place;
    }

    /// The address that the present session is at.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    pub(super) fn is_complete(&self) -> bool {
        self.granted.iter().all(Option::is_some)
    }

    /// Whether something was refused long enough ago to be [asked](Self::ask) for once more.
    pub(super) fn is_due(&self) -> bool {
        self.again.is_some_and(|again| again <= Instant::now())
    }

    /// Whether the broker owes an answer for too long.
    pub(super) fn is_overdue(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.since.elapsed() >= ANSWER_WITHIN)
    }

    /// The UNSUBSCRIBE for what an earlier configuration may have left in a session that was there before. Its answer is not
    /// waited for: a filter that is not there is given back as well.
    pub(super) fn give_back(&mut self, session_present: bool) -> Option<Packet> {
        if !session_present || self.former.is_empty() {
            return None;
        }
        Some(Packet::Unsubscribe(Unsubscribe { pkid: self.next_pkid(), topics: self.former.clone() }))
    }

    fn next_pkid(&mut self) -> u16 {
        self.last_pkid = self.last_pkid.checked_add(1).unwrap_or(1);
        self.last_pkid
    }

    /// The SUBSCRIBE for every filter that is not granted; `None` if there is none, or one is on its way.
    pub(super) fn ask(&mut self) -> Option<Packet> {
        if self.asked.is_some() || self.is_complete() {
            return None;
        }
        self.again = None;
        let pkid = self.next_pkid();
        let missing = self.granted.iter().enumerate().filter(|(_, granted)| granted.is_none());
        let filters: Vec<usize> = missing.map(|(at, _)| at).collect();
        let mut subscribe = Subscribe::new_many(filters.iter().map(|at| {
            let Filter { filter, qos } = &self.wanted[*at];
            SubscribeFilter::new(filter.clone(), if *qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce })
        }));
        subscribe.pkid = pkid;
        self.asked = Some(Asked { pkid, filters, since: Instant::now() });
        Some(Packet::Subscribe(subscribe))
    }

    /// Notes what the broker granted. False if nobody asked for this answer.
    pub(super) fn answered(&mut self, suback: &SubAck) -> bool {
        let Some(asked) = self.asked.take_if(|asked| asked.pkid == suback.pkid) else { return false };
        for (at, code) in asked.filters.into_iter().zip(&suback.return_codes) {
            self.granted[at] = match code {
                SubscribeReasonCode::Success(qos) => Some(*qos as u8),
                SubscribeReasonCode::Failure => None,
            };
        }
        self.again = (!self.is_complete()).then(|| Instant::now() + ASK_AGAIN_AFTER);
        true
    }

    /// What is wrong with the answer, in words for people.
    pub(super) fn complaint(&self, client_id: &str) -> Option<String> {
        let filters = |wrong: fn(&Filter, Option<u8>) -> bool| {
            let both = self.wanted.iter().zip(&self.granted);
            both.filter(|(wanted, granted)| wrong(wanted, **granted)).map(|(wanted, _)| wanted.filter.as_str()).collect::<Vec<_>>()
        };
        let (refused, lowered) =
            (filters(|_, granted| granted.is_none()), filters(|wanted, granted| granted.is_some_and(|granted| granted < wanted.qos)));
        match (self.asked.is_none() && !refused.is_empty(), lowered.is_empty()) {
            (true, _) => Some(trouble::refused_filters(&refused, client_id)),
            (false, false) => Some(trouble::lowered_filters(&lowered)),
            (false, true) => None,
        }
    }
}

#[cfg(test)]
mod tests;
