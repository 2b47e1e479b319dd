//! What was asked of the broker and what it granted. Pure bookkeeping around one queue that is never waited for.
//!
//! Bounded by the filters of the configuration; one SUBSCRIBE is on its way at a time.

use facility_config::limits::BACKOFF_MS_MAX;
use rumqttc::{AsyncClient, QoS, SubAck, SubscribeFilter, SubscribeReasonCode};
use std::time::Duration;
use tokio::time::Instant;

/// Pause before a refused filter is asked for again on a connection that otherwise works.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(BACKOFF_MS_MAX);

/// The filters of one broker's devices.
pub(super) struct Subscriptions {
    filters: Vec<String>,
    /// Per filter: granted by the broker's present session, in an answer to this process. A session that was there
    /// before us may lack what a changed configuration asks for.
    granted: Vec<bool>,
    /// Filters of the SUBSCRIBE that is on its way.
    asked: Vec<usize>,
    /// When to ask for refused filters again.
    again: Option<Instant>,
}

impl Subscriptions {
    pub(super) fn new(filters: Vec<String>) -> Self {
        Self { granted: vec![false; filters.len()], filters, asked: Vec::new(), again: None }
    }

    /// A connection was made; a session that is not there any more has forgotten everything.
    pub(super) fn connected(&mut self, session_present: bool) {
        self.again = None;
        self.asked.clear();
        if !session_present {
            self.granted.fill(false);
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.granted.iter().all(|granted| *granted)
    }

    /// When to [`ask`](Self::ask) once more, if something was refused.
    pub(super) fn again(&self) -> Option<Instant> {
        self.again
    }

    /// Asks for every filter that is not granted. Never waits; if the client's queue is full, asks again later.
    pub(super) fn ask(&mut self, client: &AsyncClient) {
        let missing = self.granted.iter().enumerate().filter(|(_, granted)| !**granted);
        self.asked = missing.map(|(at, _)| at).collect();
        let filters = self.asked.iter().map(|at| SubscribeFilter::new(self.filters[*at].clone(), QoS::AtLeastOnce));
        let queued = client.try_subscribe_many(filters).is_ok();
        self.again = if queued { None } else { Some(Instant::now() + ASK_AGAIN_AFTER) };
    }

    /// Notes what the broker granted; returns what it refused.
    pub(super) fn answered(&mut self, suback: &SubAck) -> Vec<&str> {
        let mut refused = Vec::new();
        for (at, code) in std::mem::take(&mut self.asked).into_iter().zip(&suback.return_codes) {
            self.granted[at] = matches!(code, SubscribeReasonCode::Success(_));
            if !self.granted[at] {
                refused.push(self.filters[at].as_str());
            }
        }
        if !refused.is_empty() {
            self.again = Some(Instant::now() + ASK_AGAIN_AFTER);
        }
        refused
    }
}
