//! Listens to one MQTT broker: every message becomes one [`Batch`], acknowledged when its readings are durable.
//!
//! Never publishes, never gives up: it ends only when it is told to stop. One task owns the client: it alone polls,
//! decodes and acknowledges, so a connection's generation is a plain number and acknowledgements keep the order of
//! receipt. Bounded by the batch queue on one side, by the acknowledgement queue on the other, and by the packet limit.
//!
//! The client (rumqttc 0.25) is known to lose or repeat requests over a reconnect, to hang on a collision of packet
//! ids and to reconnect without a pause; therefore nothing it has queued survives a connection (`Ears::forget`), and
//! this module decides what to ask for again and when.

mod dial;
mod subscriptions;
mod trouble;

#[cfg(test)]
mod tests;

use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::decode::json::{JsonDecoder, topic};
use crate::link::{Link, LinkState};
use crate::reading::{Ack, Batch, Released};
use facility_config::Site;
use facility_config::limits::{
    ACK_QUEUE_LEN, BACKOFF_MS_MAX, MQTT_CONNECT_TIMEOUT_S, MQTT_MALFORMED_MAX, MQTT_PACKET_BYTES_MAX, MQTT_POISON_BYTES_MAX,
    MQTT_REQUEST_QUEUE_LEN,
};
use facility_config::site::Broker;
use rumqttc::{AsyncClient, ConnAck, ConnectionError, Event, EventLoop, NetworkOptions, Outgoing, Packet, Publish, QoS, SubAck};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use subscriptions::Subscriptions;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trouble::{Cause, Trouble};

/// First ceiling of the wait between two connections.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// How long a connection must hold, or a message be acknowledged on it, before the next wait is short again.
const PROVEN_AFTER: Duration = Duration::from_millis(BACKOFF_MS_MAX);
/// A session is discarded at most this often: a poisonous retained message comes back with every new session, and
/// throwing the queue away again would only lose data.
const DISCARD_PAUSE: Duration = Duration::from_secs(600);
/// Time limit for saying goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Everything one broker's task needs. [`run`](Self::run) it once; its supervisor makes a new one.
#[derive(Debug)]
pub struct BrokerTask {
    /// Where and how to connect.
    pub broker: Broker,
    /// Its index in [`Site::brokers`].
    pub index: usize,
    /// The devices that speak through it.
    pub site: Arc<Site>,
    /// Decoded messages, in order of receipt.
    pub out: mpsc::Sender<Batch>,
    /// What the status page shows.
    pub link: watch::Sender<Link>,
    /// Stamps receipt.
    pub clock: Clock,
    /// Ends the task.
    pub stop: CancellationToken,
    /// Of the waits between connections.
    pub seed: u64,
}

/// How a connection ended.
enum End {
    /// Told to stop.
    Stopped,
    /// Connect again at once.
    Again,
    /// Something went wrong.
    Lost(Trouble),
}

impl BrokerTask {
    /// Connects, listens and reconnects until it is told to stop.
    pub async fn run(self) {
        let stop = self.stop.clone();
        let link = self.link.clone();
        let clock = self.clock.clone();
        let mut backoff = Backoff::new(BACKOFF_FIRST, Duration::from_millis(BACKOFF_MS_MAX), self.seed);
        let mut ears = Ears::new(self);
        while !stop.is_cancelled() {
            let end = match dial::prepare(&ears.task.broker, clock.is_set(), &mut ears.eventloop.mqtt_options) {
                Ok(()) => ears.connection(&mut backoff).await,
                Err(words) => End::Lost(Trouble::local(words)),
            };
            ears.forget();
            let Trouble { state, words, fault, cause } = match end {
                End::Stopped => break,
                End::Again => continue,
                End::Lost(trouble) => trouble,
            };
            let words = ears.avoid(cause, words);
            let wait = backoff.next_wait();
            tracing::warn!(broker = %ears.task.broker.name, attempt = backoff.attempts(), ?wait, "{words}");
            link.send_modify(|link| {
                set_state(link, state, &clock);
                link.error = Some(words);
                if let Some(fault) = fault {
                    link.faults[fault as usize] = link.faults[fault as usize].saturating_add(1);
                }
            });
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => break,
            }
        }
        link.send_modify(|link| set_state(link, LinkState::Stopped, &clock));
    }
}

fn set_state(link: &mut Link, state: LinkState, clock: &Clock) {
    if link.state != state {
        link.state = state;
        link.since_ms = clock.now_ms();
    }
}

/// The state of listening: what outlives a connection, and the client.
struct Ears {
    task: BrokerTask,
    decoder: JsonDecoder,
    client: AsyncClient,
    eventloop: EventLoop,
    /// Numbers the connections, so that an acknowledgement of an older one is never sent on a newer one, where the same
    /// packet id may stand for another message.
    generation: u64,
    acks: mpsc::Receiver<Released>,
    /// Kept so that the queue stays open, and copied into every promise.
    ack_to: mpsc::Sender<Released>,
    /// An acknowledgement that found the client's queue full.
    held: Option<Released>,
    subscriptions: Subscriptions,
    /// An acknowledgement was sent on this connection.
    acked: bool,
    /// Connections in a row that died of a malformed packet.
    malformed: u32,
    discarded: Option<Instant>,
}

impl Ears {
    fn new(task: BrokerTask) -> Self {
        let (ack_to, acks) = mpsc::channel(ACK_QUEUE_LEN);
        let (client, mut eventloop) = AsyncClient::new(dial::options(&task.broker), MQTT_REQUEST_QUEUE_LEN);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(MQTT_CONNECT_TIMEOUT_S).set_tcp_nodelay(true);
        eventloop.set_network_options(network);
        Self {
            decoder: JsonDecoder::new(&task.site, task.index),
            client,
            eventloop,
            generation: 0,
            acks,
            ack_to,
            held: None,
            subscriptions: Subscriptions::new(topic::filters(&task.site, task.index)),
            acked: false,
            malformed: 0,
            discarded: None,
            task,
        }
    }

    /// One connection, from dialling to its end.
    async fn connection(&mut self, backoff: &mut Backoff) -> End {
        self.generation += 1;
        self.acked = false;
        let mut since: Option<Instant> = None;
        let mut proven = false;
        loop {
            let Some(event) = self.next().await else {
                self.goodbye(since.is_some()).await;
                return End::Stopped;
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) if self.eventloop.mqtt_options.clean_session() => {
                    return self.session_discarded().await;
                }
                Ok(Event::Incoming(Packet::ConnAck(connack))) => {
                    since = Some(Instant::now());
                    self.connected(&connack);
                }
                Ok(Event::Incoming(Packet::Publish(publish))) if publish.qos == QoS::ExactlyOnce => {
                    return End::Lost(Trouble::exactly_once());
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if !self.take(&publish).await {
                        return End::Stopped;
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(suback))) => self.answered(&suback),
                Ok(_) => {}
                Err(error) => {
                    self.salvage().await;
                    return End::Lost(Trouble::of(&error, since.is_some(), &self.task.broker));
                }
            }
            if !proven && (self.acked || since.is_some_and(|since| since.elapsed() >= PROVEN_AFTER)) {
                proven = true;
                backoff.reset();
                self.proven();
            }
        }
    }

    /// Waits for the client's next event, and hands it acknowledgements and refused subscriptions meanwhile. The poll is
    /// finished whatever comes between: dropping it would abort a connect, or lose a request it had taken. `None` when
    /// told to stop.
    async fn next(&mut self) -> Option<Result<Event, ConnectionError>> {
        let Self { eventloop, client, acks, held, generation, acked, subscriptions, task, .. } = self;
        if let Some(released) = held.take() {
            *held = acknowledge(client, released, *generation, acked);
        }
        let mut poll = pin!(eventloop.poll());
        loop {
            let again = subscriptions.again();
            tokio::select! {
                biased;
                () = task.stop.cancelled() => return None,
                Some(released) = acks.recv(), if held.is_none() => *held = acknowledge(client, released, *generation, acked),
                event = &mut poll => return Some(event),
                () = tokio::time::sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => subscriptions.ask(client),
            }
        }
    }

    /// Hands one message on. False if there is nobody left to take it.
    ///
    /// Waiting for room is right: while this task waits it does not read, the connection's window closes and the
    /// broker keeps the messages, which is what its queue is for. If that takes longer than the keep-alive allows, the
    /// broker drops the connection and sends again whatever was not acknowledged.
    async fn take(&mut self, publish: &Publish) -> bool {
        let mut batch = self.decoder.decode(&publish.topic, &publish.payload, self.task.clock.now_ms());
        if publish.qos == QoS::AtLeastOnce {
            batch.ack = Some(Ack::new(self.ack_to.clone(), self.generation, publish.pkid));
        }
        tokio::select! {
            sent = self.task.out.send(batch) => sent.is_ok(),
            () = self.task.stop.cancelled() => false,
        }
    }

    /// Takes what was read in the same breath as the packet that broke the connection. Its acknowledgements will be
    /// stale; the broker sends it again and the store knows it then.
    async fn salvage(&mut self) {
        while let Some(event) = self.eventloop.state.events.pop_front() {
            if let Event::Incoming(Packet::Publish(publish)) = event
                && publish.qos != QoS::ExactlyOnce
                && !self.take(&publish).await
            {
                return;
            }
        }
    }

    /// Drops everything the client would carry over to the next connection: collisions that block it for ever, requests
    /// that belong to the old session, acknowledgements that would name other messages.
    fn forget(&mut self) {
        self.eventloop.clean();
        self.eventloop.pending.clear();
        self.eventloop.state.events.clear();
        self.eventloop.state.collision = None;
        self.held = None;
        // From here on acknowledgements of the old connection are stale.
        self.generation += 1;
    }

    fn connected(&mut self, connack: &ConnAck) {
        self.subscriptions.connected(connack.session_present);
        let complete = self.subscriptions.is_complete();
        let Self { task, generation, .. } = self;
        tracing::info!(broker = %task.broker.name, generation, session_present = connack.session_present, "connected");
        task.link.send_modify(|link| {
            link.connects = link.connects.saturating_add(1);
            if complete {
                set_state(link, LinkState::Up, &task.clock);
            }
        });
        if !complete {
            self.subscriptions.ask(&self.client);
        }
    }

    fn answered(&mut self, suback: &SubAck) {
        let Self { task, subscriptions, .. } = self;
        let refused = subscriptions.answered(suback);
        task.link.send_modify(|link| {
            if refused.is_empty() {
                set_state(link, LinkState::Up, &task.clock);
                return;
            }
            set_state(link, LinkState::Denied, &task.clock);
            link.error = Some(trouble::refused_filters(&refused, &task.broker.client_id));
        });
    }

    /// The connection works: what was wrong before is over.
    fn proven(&mut self) {
        self.malformed = 0;
        self.task.link.send_if_modified(|link| link.state == LinkState::Up && link.error.take().is_some());
    }

    /// Prepares the next connection so that it does not die of the same packet, and says so.
    fn avoid(&mut self, cause: Cause, words: String) -> String {
        let options = &mut self.eventloop.mqtt_options;
        options.set_max_packet_size(MQTT_PACKET_BYTES_MAX, MQTT_PACKET_BYTES_MAX);
        match cause {
            Cause::Other => return words,
            Cause::Oversize(bytes) if bytes <= MQTT_POISON_BYTES_MAX => {
                options.set_max_packet_size(bytes, MQTT_PACKET_BYTES_MAX);
                return format!("{words}; it is taken once, to be counted and acknowledged");
            }
            Cause::Oversize(_) => {}
            Cause::Malformed => {
                self.malformed += 1;
                if self.malformed < MQTT_MALFORMED_MAX {
                    return words;
                }
            }
        }
        if self.discarded.is_some_and(|at| at.elapsed() < DISCARD_PAUSE) {
            return format!("{words}, again; remove the message from the broker, it may be a retained one");
        }
        self.malformed = 0;
        self.discarded = Some(Instant::now());
        options.set_clean_session(true);
        format!("{words}; the broker's session is discarded, with what it had queued for this gateway")
    }

    /// Connected only to throw the broker's session away. The next connection starts one that lasts.
    async fn session_discarded(&mut self) -> End {
        self.eventloop.mqtt_options.set_clean_session(false);
        self.goodbye(true).await;
        End::Again
    }

    /// Sends the acknowledgements that are ready and a DISCONNECT, within [`GOODBYE`].
    async fn goodbye(&mut self, connected: bool) {
        if !connected {
            return;
        }
        let mut acked = false;
        while let Some(released) = self.held.take().or_else(|| self.acks.try_recv().ok()) {
            if acknowledge(&self.client, released, self.generation, &mut acked).is_some() {
                break;
            }
        }
        if self.client.try_disconnect().is_err() {
            return;
        }
        let sent = async {
            while let Ok(event) = self.eventloop.poll().await {
                if event == Event::Outgoing(Outgoing::Disconnect) {
                    return;
                }
            }
        };
        if tokio::time::timeout(GOODBYE, sent).await.is_err() {
            tracing::debug!(broker = %self.task.broker.name, "no goodbye: the broker does not read");
        }
    }
}

/// Hands an acknowledgement to the client, unless it belongs to an older connection. Gives it back if the client's queue
/// is full.
fn acknowledge(client: &AsyncClient, released: Released, generation: u64, acked: &mut bool) -> Option<Released> {
    if released.generation != generation {
        tracing::debug!(packet_id = released.packet_id, "stale acknowledgement dropped; the broker sends the message again");
        return None;
    }
    let mut publish = Publish::new(String::new(), QoS::AtLeastOnce, Vec::new());
    publish.pkid = released.packet_id;
    if client.try_ack(&publish).is_err() {
        return Some(released);
    }
    *acked = true;
    None
}
