//! Publishes to the broker of a platform with QoS 1, and says when all that it was handed is acknowledged.
//!
//! Toward a platform, never toward devices: it subscribes to nothing, and the configuration refuses a broker of devices here.
//! Keeps nothing: what is not acknowledged is its owner's to hand over again. Has at most [`UPLINK_WINDOW`] messages on their
//! way, dials only when there is something to say, and begins a new connection after whatever went wrong on the old one, so a late
//! acknowledgement is never taken for that of another message. What is the first of its topic since the start goes by [`permission`],
//! which learns whether the topic is forbidden.

use super::dial;
use super::files::Files;
use super::line::Line;
use super::permission::{self, Permission};
use super::places::Places;
use super::trouble::{Cause, Trouble};
use crate::clock::Clock;
use crate::link::LinkState;
use crate::tls;
use bytes::Bytes;
use facility_config::limits::{UPLINK_HANG_UPS_MAX, UPLINK_MESSAGE_BYTES_MAX, UPLINK_TOPICS_MAX, UPLINK_WINDOW};
use facility_config::site::Broker;
use rumqttc::{ConnectionError, Event, MqttOptions, Packet, Publish, QoS};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Largest packet that is taken: a broker that is asked for nothing has only short answers.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Longest topic and head of a packet.
const HEAD_BYTES_MAX: usize = 65_535 + 16;
/// How long a broker may take to hang up after a goodbye.
pub(super) const GOODBYE: Duration = Duration::from_millis(500);

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Bytes,
}

/// Why not every message was acknowledged. Some of them may have arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// For people.
    pub words: String,
    /// The broker refuses who the gateway is: somebody has to act.
    pub denied: bool,
}

/// A connection that is made when it is needed, in a task of its own that ends with this.
#[derive(Debug)]
pub struct Uplink {
    orders: mpsc::Sender<Order>,
}

#[derive(Debug)]
struct Order {
    messages: Arc<[Message]>,
    timeout: Duration,
    answer: oneshot::Sender<Result<(), Unsent>>,
}

impl Uplink {
    /// Starts the task; dials nothing. Inside a runtime only.
    #[must_use]
    pub fn start(broker: Broker, clock: Clock) -> Self {
        let (orders, taken) = mpsc::channel(1);
        tokio::spawn(Mouth::new(broker, clock).serve(taken));
        Self { orders }
    }

    /// Whether there is something to dial with: reads password and certificates, once for every address. Blocks.
    ///
    /// # Errors
    /// In words, naming the file.
    pub fn check(broker: &Broker) -> Result<(), String> {
        let places = Places::new(broker.endpoints.len());
        (0..broker.endpoints.len()).try_for_each(|at| dial::options(broker, at, places.place(), true).map(drop))
    }

    /// Hands messages over, in this order, and waits until each is acknowledged. `timeout` is for [`UPLINK_WINDOW`] of them
    /// at a time, and for dialling on its own. Dropping this gives up the connection and what was on its way.
    ///
    /// # Errors
    /// [`Unsent`]; then all of them have to be handed over again.
    pub async fn publish(&self, messages: Arc<[Message]>, timeout: Duration) -> Result<(), Unsent> {
        let (answer, answered) = oneshot::channel();
        let ended = || Unsent { words: "the client has ended".to_owned(), denied: false };
        self.orders.send(Order { messages, timeout, answer }).await.map_err(|_| ended())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// What the task holds.
struct Mouth {
    broker: Broker,
    clock: Clock,
    places: Places,
    files: Files,
    line: Option<Line>,
    /// It acknowledged something, or the last one did.
    proven: bool,
    /// Topics that are not forbidden, as far as the broker can say. `None` where it is not to be asked.
    allowed: Option<HashSet<String>>,
    /// Connections in a row that ended without an acknowledgement.
    hang_ups: u32,
    /// Questions in a row that it did not answer.
    unanswered: u32,
}

impl Mouth {
    fn new(broker: Broker, clock: Clock) -> Self {
        let (places, files) = (Places::new(broker.endpoints.len()), Files::new(&broker));
        Self { places, files, line: None, proven: false, allowed: Some(HashSet::new()), hang_ups: 0, unanswered: 0, broker, clock }
    }

    async fn serve(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let order = tokio::select! {
                biased;
                order = orders.recv() => order,
                () = self.rest(), if self.line.is_some() => continue,
            };
            let Some(Order { messages, timeout, mut answer }) = order else { break };
            let done = tokio::select! {
                done = self.publish(&messages, timeout) => Some(done),
                () = answer.closed() => None,
            };
            if !matches!(done, Some(Ok(()))) {
                self.line = None;
            }
            if let Some(done) = done {
                // Whoever does not wait any more has given the messages up.
                let _ = answer.send(done);
            }
        }
        self.goodbye().await;
    }

    /// Keeps the connection alive while nothing is to be said, until it ends.
    async fn rest(&mut self) {
        let Some(line) = self.line.as_mut() else { return };
        if let Err(error) = line.next().await {
            tracing::debug!(destination = %self.broker.name, %error, "the connection has ended while nothing was under way");
            self.line = None;
        }
    }

    async fn publish(&mut self, messages: &[Message], timeout: Duration) -> Result<(), Unsent> {
        if self.line.is_some() && self.files.changed() == Some(true) {
            self.goodbye().await;
            self.forget_allowed();
        }
        let asked = self.ask(messages, timeout).await?;
        // Mostly there was nothing to ask, and nothing is copied.
        let rest = match asked.is_empty() {
            true => Cow::Borrowed(messages),
            false => messages.iter().enumerate().filter(|(at, _)| !asked.contains(at)).map(|(_, one)| one.clone()).collect(),
        };
        if rest.is_empty() {
            self.hang_ups = 0;
            return Ok(());
        }
        if self.line.is_none() {
            let line = self.dial().await?;
            self.line = Some(line);
        }
        let at = self.places.at();
        for window in rest.chunks(UPLINK_WINDOW) {
            let Some(line) = self.line.as_mut() else { break };
            match tokio::time::timeout(timeout, say(line, window)).await {
                Ok(Ok(())) => (self.proven, self.hang_ups) = (true, 0),
                Ok(Err(error)) => return Err(self.broken(&error, at)),
                Err(_) => return Err(self.unsent(format!("{} acknowledges nothing within {timeout:?}", self.address(at)))),
            }
        }
        // It takes messages and answers no question: asking on would cost a connection for each request.
        if let Some(allowed) = self.allowed.as_mut().filter(|_| self.unanswered >= UPLINK_HANG_UPS_MAX) {
            allowed.extend(rest.iter().map(|message| message.topic.clone()));
            self.unanswered = 0;
        }
        Ok(())
    }

    /// Publishes the first message of each topic that was not asked about yet so that a broker can say no to it. Returns which
    /// messages are done with that.
    async fn ask(&mut self, messages: &[Message], timeout: Duration) -> Result<BTreeSet<usize>, Unsent> {
        let Some(allowed) = self.allowed.as_ref().filter(|allowed| allowed.len() < UPLINK_TOPICS_MAX) else { return Ok(BTreeSet::new()) };
        let mut first = BTreeMap::new();
        for (at, message) in messages.iter().enumerate().filter(|(_, message)| !allowed.contains(&message.topic)) {
            first.entry(&*message.topic).or_insert(at);
        }
        let places: BTreeSet<usize> = first.into_values().collect();
        if places.is_empty() {
            return Ok(places);
        }
        // The other connection has the same client id: a broker would end one of them.
        self.goodbye().await;
        let options = self.options().await.map_err(|words| self.unsent(words))?;
        let asked: Vec<Message> = places.iter().map(|at| messages[*at].clone()).collect();
        let permission = permission::ask(&options, &asked, timeout).await;
        if let (Permission::Granted | Permission::CannotSay, Some(allowed)) = (&permission, &mut self.allowed) {
            allowed.extend(asked.into_iter().map(|message| message.topic));
        }
        self.unanswered = if permission == Permission::Unanswered { self.unanswered.saturating_add(1) } else { 0 };
        match permission {
            Permission::Granted => Ok(places),
            Permission::CannotSay | Permission::Unanswered => Ok(BTreeSet::new()),
            Permission::Refused(topic) => {
                let client = &self.broker.client_id;
                let words = format!("the broker forbids client `{client}` to publish to `{topic}`; check its access rules, or `topic`");
                Err(Unsent { words, denied: true })
            }
        }
    }

    fn forget_allowed(&mut self) {
        if let Some(allowed) = &mut self.allowed {
            allowed.clear();
        }
    }

    async fn dial(&mut self) -> Result<Line, Unsent> {
        self.files.note();
        self.proven = false;
        let (at, options) = (self.places.at(), self.options().await);
        let mut line = Line::new(options.map_err(|words| self.unsent(words))?);
        loop {
            match line.next().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => break,
                Ok(_) => {}
                Err(error) => {
                    let trouble = Trouble::of(&error, false, &self.broker, at);
                    let denied = trouble.state == LinkState::Denied;
                    return Err(Unsent { denied, ..self.unsent(trouble.words) });
                }
            }
        }
        tracing::info!(destination = %self.broker.name, at, "connected");
        Ok(line)
    }

    /// A slow card must not hold up the collection of readings.
    async fn options(&mut self) -> Result<MqttOptions, String> {
        let (broker, at, place, is_set) = (self.broker.clone(), self.places.at(), self.places.place(), self.clock.is_set());
        let read = tokio::task::spawn_blocking(move || dial::options(&broker, at, place, is_set));
        let mut options = read.await.map_err(|error| error.to_string())??;
        options
            .set_clean_session(true)
            .set_inflight(u16::try_from(UPLINK_WINDOW).unwrap_or(u16::MAX))
            .set_max_packet_size(ANSWER_BYTES_MAX, UPLINK_MESSAGE_BYTES_MAX + HEAD_BYTES_MAX);
        Ok(options)
    }

    /// A connection that stood broke. A broker of MQTT 3.1.1 can say in no other way that it does not want a message.
    fn broken(&mut self, error: &ConnectionError, at: usize) -> Unsent {
        let words = Trouble::of(error, true, &self.broker, at).words;
        match tls::failure(error) {
            Some(_) => self.unsent(words),
            None => {
                self.hang_ups = self.hang_ups.saturating_add(1);
                self.forget_allowed();
                let denied = self.hang_ups >= UPLINK_HANG_UPS_MAX;
                let unsent = self.unsent(format!("{words} before it had acknowledged what was on its way; if that repeats, check its access rule for `topic` and its limit for `message_bytes_max`"));
                Unsent { denied, ..unsent }
            }
        }
    }

    /// The next address has its turn, unless this one worked before.
    fn unsent(&mut self, words: String) -> Unsent {
        let words = self.places.lost(self.proven, Cause::Other, words);
        Unsent { words, denied: false }
    }

    fn address(&self, at: usize) -> String {
        self.broker.endpoints.get(at).map(ToString::to_string).unwrap_or_default()
    }

    /// So that the broker does not take it for a failure.
    async fn goodbye(&mut self) {
        let Some(mut line) = self.line.take() else { return };
        let said = async {
            if line.send([Packet::Disconnect]).await.is_ok() {
                while line.next().await.is_ok() {}
            }
        };
        if tokio::time::timeout(GOODBYE, said).await.is_err() {
            tracing::debug!(destination = %self.broker.name, "the broker does not hang up");
        }
    }
}

/// Writes a window of messages and waits until each is acknowledged.
async fn say(line: &mut Line, window: &[Message]) -> Result<(), ConnectionError> {
    let mut packets = Vec::with_capacity(window.len());
    for message in window {
        let publish = Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: message.topic.clone(),
            pkid: 0,
            payload: message.payload.clone(),
        };
        packets.extend(line.numbered(publish)?);
    }
    let mut waiting = packets.len();
    line.send(packets).await?;
    while waiting > 0 {
        if matches!(line.next().await?, Event::Incoming(Packet::PubAck(_))) {
            waiting -= 1;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "uplink_tests.rs"]
mod tests;
