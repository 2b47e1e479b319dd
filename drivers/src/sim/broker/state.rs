//! What the simulated broker knows: sessions, their queues and windows, retained messages. No I/O.

use super::BrokerCounts;
use crate::decode::message::topic;
use facility_config::limits::{SIM_SESSION_QUEUE_LEN, SIM_SESSIONS_MAX};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, Packet, Publish, SubAck, Subscribe, SubscribeReasonCode};
use rumqttc::valid_filter;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;

/// Everything the broker remembers.
#[derive(Debug)]
pub(super) struct State {
    window: u16,
    sessions: BTreeMap<String, Session>,
    /// Sessions that have subscribed: most clients are devices and never do.
    listeners: BTreeSet<String>,
    retained: BTreeMap<String, Publish>,
    connections: u64,
    pub(super) counts: BrokerCounts,
}

/// One client's session.
#[derive(Debug, Default)]
struct Session {
    clean: bool,
    /// The connection that owns it; an older one finds itself replaced.
    connection: Option<u64>,
    wake: Arc<Notify>,
    filters: Vec<(String, QoS)>,
    queue: VecDeque<Publish>,
    /// Sent and not acknowledged, in order.
    window: VecDeque<Publish>,
    /// All of `window` has to be sent again.
    resend: bool,
    last_pkid: u16,
}

/// What a client gets at CONNECT.
pub(super) struct Admission {
    pub(super) connection: u64,
    pub(super) session_present: bool,
    pub(super) wake: Arc<Notify>,
}

impl State {
    pub(super) fn new(window: u16) -> Self {
        Self {
            window,
            sessions: BTreeMap::new(),
            listeners: BTreeSet::new(),
            retained: BTreeMap::new(),
            connections: 0,
            counts: BrokerCounts::default(),
        }
    }

    pub(super) fn forget(&mut self) {
        for session in self.sessions.values() {
            session.wake.notify_one();
        }
        self.sessions.clear();
        self.listeners.clear();
        self.retained.clear();
    }

    pub(super) fn waiting(&self, client_id: &str) -> usize {
        self.sessions.get(client_id).map_or(0, |session| session.queue.len() + session.window.len())
    }

    pub(super) fn is_connected(&self, client_id: &str) -> bool {
        self.sessions.get(client_id).is_some_and(|session| session.connection.is_some())
    }

    /// Opens or takes over a session. `None` if there are too many.
    pub(super) fn connect(&mut self, connect: &Connect) -> Option<Admission> {
        let known = self.sessions.contains_key(&connect.client_id);
        if !known && self.sessions.len() >= SIM_SESSIONS_MAX {
            return None;
        }
        self.connections += 1;
        self.counts.connects += 1;
        let session = self.sessions.entry(connect.client_id.clone()).or_default();
        // Whoever holds the session now has to go.
        session.wake.notify_one();
        let session_present = known && !connect.clean_session && !session.clean;
        if !session_present {
            *session = Session::default();
        }
        session.clean = connect.clean_session;
        session.connection = Some(self.connections);
        session.wake = Arc::new(Notify::new());
        session.resend = true;
        session.window.iter_mut().for_each(|publish| publish.dup = true);
        Some(Admission { connection: self.connections, session_present, wake: Arc::clone(&session.wake) })
    }

    /// A connection has ended.
    pub(super) fn disconnect(&mut self, client_id: &str, connection: u64) {
        let Some(session) = self.owned(client_id, connection) else { return };
        session.connection = None;
        session.queue.retain(|publish| publish.qos != QoS::AtMostOnce);
        if session.clean {
            self.sessions.remove(client_id);
            self.listeners.remove(client_id);
        }
    }

    pub(super) fn owns(&self, client_id: &str, connection: u64) -> bool {
        self.sessions.get(client_id).is_some_and(|session| session.connection == Some(connection))
    }

    fn owned(&mut self, client_id: &str, connection: u64) -> Option<&mut Session> {
        self.sessions.get_mut(client_id).filter(|session| session.connection == Some(connection))
    }

    /// Grants filters and queues the retained messages they match.
    pub(super) fn subscribe(&mut self, client_id: &str, connection: u64, subscribe: &Subscribe) -> SubAck {
        let mut codes = Vec::with_capacity(subscribe.filters.len());
        for filter in &subscribe.filters {
            let qos = if filter.qos == QoS::AtMostOnce { QoS::AtMostOnce } else { QoS::AtLeastOnce };
            if !valid_filter(&filter.path) {
                codes.push(SubscribeReasonCode::Failure);
                continue;
            }
            codes.push(SubscribeReasonCode::Success(qos));
            let heard: Vec<Publish> = self.retained.values().filter(|kept| topic::matches(&filter.path, &kept.topic)).cloned().collect();
            let Some(session) = self.sessions.get_mut(client_id).filter(|session| session.connection == Some(connection)) else {
                continue;
            };
            session.filters.retain(|(path, _)| *path != filter.path);
            session.filters.push((filter.path.clone(), qos));
            self.listeners.insert(client_id.to_owned());
            for kept in &heard {
                session.offer(kept, qos, &mut self.counts);
            }
        }
        SubAck::new(subscribe.pkid, codes)
    }

    pub(super) fn unsubscribe(&mut self, client_id: &str, connection: u64, paths: &[String]) {
        if let Some(session) = self.owned(client_id, connection) {
            session.filters.retain(|(path, _)| !paths.contains(path));
        }
    }

    /// Takes a message: keeps it if it is to be retained, queues it for everyone who listens.
    pub(super) fn publish(&mut self, mut publish: Publish) {
        self.counts.received += 1;
        if publish.retain {
            if publish.payload.is_empty() {
                self.retained.remove(&publish.topic);
            } else if self.retained.len() < SIM_SESSIONS_MAX || self.retained.contains_key(&publish.topic) {
                self.retained.insert(publish.topic.clone(), publish.clone());
            } else {
                self.counts.dropped += 1;
            }
        }
        // Who listens already gets it as news, not as a retained message (MQTT 3.1.1, 3.3.1.3).
        publish.retain = false;
        for client_id in &self.listeners {
            let Some(session) = self.sessions.get_mut(client_id) else { continue };
            let granted = session.filters.iter().filter(|(path, _)| topic::matches(path, &publish.topic)).map(|(_, qos)| *qos);
            if let Some(qos) = granted.max_by_key(|qos| *qos as u8) {
                session.offer(&publish, qos, &mut self.counts);
                session.wake.notify_one();
            }
        }
    }

    pub(super) fn acknowledged(&mut self, client_id: &str, connection: u64, pkid: u16) {
        let Some(session) = self.owned(client_id, connection) else { return };
        let Some(at) = session.window.iter().position(|publish| publish.pkid == pkid) else { return };
        session.window.remove(at);
        self.counts.acknowledged += 1;
    }

    /// What may be sent to a client now, in order: first again what it did not acknowledge, then as much as its window
    /// holds.
    pub(super) fn due(&mut self, client_id: &str, connection: u64) -> Vec<Packet> {
        let limit = usize::from(self.window);
        let Some(session) = self.sessions.get_mut(client_id).filter(|session| session.connection == Some(connection)) else {
            return Vec::new();
        };
        let again = if std::mem::take(&mut session.resend) { session.window.len() } else { 0 };
        let mut due: Vec<Packet> = session.window.iter().take(again).cloned().map(Packet::Publish).collect();
        self.counts.redelivered += again as u64;
        while session.window.len() < limit || session.queue.front().is_some_and(|next| next.qos == QoS::AtMostOnce) {
            let Some(mut publish) = session.queue.pop_front() else { break };
            if publish.qos != QoS::AtMostOnce {
                publish.pkid = session.free_pkid();
                session.window.push_back(publish.clone());
            }
            self.counts.sent += 1;
            due.push(Packet::Publish(publish));
        }
        due
    }
}

impl Session {
    /// Queues a message at the lower of both service levels. Nothing of QoS 0 waits for a client that is away.
    fn offer(&mut self, publish: &Publish, granted: QoS, counts: &mut BrokerCounts) {
        let qos = if granted == QoS::AtMostOnce { QoS::AtMostOnce } else { publish.qos };
        if qos == QoS::AtMostOnce && self.connection.is_none() {
            return;
        }
        if self.queue.len() >= SIM_SESSION_QUEUE_LEN {
            counts.dropped += 1;
            return;
        }
        self.queue.push_back(Publish { qos, dup: false, pkid: 0, ..publish.clone() });
    }

    fn free_pkid(&mut self) -> u16 {
        loop {
            self.last_pkid = self.last_pkid.checked_add(1).unwrap_or(1);
            if !self.window.iter().any(|publish| publish.pkid == self.last_pkid) {
                return self.last_pkid;
            }
        }
    }
}
