//! Listening to a broker: what is done with everything that happens on a connection, in the order in which it happens.
//!
//! Waits for the pipeline, never for the store: acknowledgements come back through a queue that holds all that can be
//! outstanding. A broker that stops answering, in whichever way, is left and called again.

mod flow;
mod standing;

use super::again::{Again, Seen};
use super::files::Files;
use super::intake::Intake;
use super::line::Line;
use super::places::Places;
use super::subscriptions::Subscriptions;
use super::trouble::Trouble;
use super::{BrokerTask, dial, set_state};
use crate::backoff::Backoff;
use crate::decode::message::topic;
use crate::reading::{Ack, Batch, Released};
use facility_config::limits::{ACK_QUEUE_LEN, BACKOFF_MS_MAX};
use rumqttc::{ConnAck, ConnectionError, Event, MqttOptions, Packet, Publish, QoS};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// How long a connection must hold, or a message be acknowledged on it, before the next wait is short again.
const PROVEN_AFTER: Duration = Duration::from_millis(BACKOFF_MS_MAX);
/// How often things are looked at that have no event of their own.
const TICK: Duration = Duration::from_secs(1);

/// How a connection ended.
pub(super) enum End {
    /// Told to stop.
    Stopped,
    /// Connect again at once, after waiting this long for outstanding acknowledgements.
    Again(Duration),
    /// Something went wrong.
    Lost(Trouble),
}

/// The state of listening: what outlives a connection.
pub(super) struct Ears {
    task: BrokerTask,
    intake: Intake,
    places: Places,
    files: Files,
    subscriptions: Subscriptions,
    again: Again,
    /// Numbers the connections, so that an acknowledgement of an older one is never sent on a newer one, where the same
    /// packet id may stand for another message.
    generation: u64,
    acks: mpsc::Receiver<Vec<Released>>,
    /// Kept so that the queue stays open, and copied into every promise.
    ack_to: mpsc::Sender<Vec<Released>>,
    /// Acknowledgements on their way from the queue to the line; empty in between.
    released: Vec<Vec<Released>>,
    /// Batches on their way from the line to the pipeline. Of a connection that broke on the way they are handed on with the
    /// first of the next one; the broker sends them again too, and the store knows them then.
    batches: Vec<Batch>,
    tick: Interval,
    /// The present connection works, or the last one did.
    proven: bool,
}

/// One connection.
struct Call {
    line: Line,
    /// Since when it stands.
    since: Option<Instant>,
    /// Ticks since the client last reported anything. Counted, not measured: after a pause of the whole process there is
    /// only one.
    quiet_ticks: u64,
    /// Messages that wait for their acknowledgement.
    outstanding: usize,
    /// An acknowledgement was sent.
    acked: bool,
}

/// What happened next.
enum Step {
    Stop,
    Acks,
    Tick,
    Event(Result<Event, ConnectionError>),
}

impl Ears {
    pub(super) fn new(task: BrokerTask) -> Self {
        let (ack_to, acks) = mpsc::channel(ACK_QUEUE_LEN);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Self {
            intake: Intake::new(&task),
            places: Places::new(task.broker.endpoints.len()),
            files: Files::new(&task.broker),
            subscriptions: Subscriptions::new(topic::filters(&task.site, task.index), task.former.clone()),
            again: Again::default(),
            generation: 0,
            acks,
            ack_to,
            released: Vec::new(),
            batches: Vec::new(),
            tick,
            proven: false,
            task,
        }
    }

    /// One connection, from dialling to its end.
    pub(super) async fn connection(&mut self, backoff: &mut Backoff) -> End {
        // From here on acknowledgements of older connections are stale.
        self.generation += 1;
        self.proven = false;
        self.files.note();
        let options = match self.options() {
            Ok(options) => options,
            Err(words) => return End::Lost(Trouble::local(words)),
        };
        let mut call = Call { line: Line::new(options), since: None, quiet_ticks: 0, outstanding: 0, acked: false };
        let end = loop {
            if let Err(end) = self.advance(&mut call).await {
                break end;
            }
            if !self.proven && (call.acked || call.since.is_some_and(|since| since.elapsed() >= PROVEN_AFTER)) {
                backoff.reset();
                self.now_proven();
            }
        };
        match end {
            End::Stopped => self.goodbye(&mut call, Duration::ZERO).await,
            End::Again(patience) => self.goodbye(&mut call, patience).await,
            End::Lost(_) => {}
        }
        self.intake.publish(&self.task);
        end
    }

    fn options(&self) -> Result<MqttOptions, String> {
        dial::options(&self.task.broker, self.places.at(), self.places.place(), self.task.clock.is_set())
    }

    /// A connection ended: says why, and prepares the next one.
    pub(super) fn lost(&mut self, trouble: Trouble, wait: Duration, attempt: u32) {
        let Trouble { state, words, fault, cause } = trouble;
        let words = self.places.lost(self.proven, cause, words);
        tracing::warn!(broker = %self.task.broker.name, attempt, ?wait, "{words}");
        self.task.link.send_modify(|link| {
            set_state(link, state, &self.task.clock);
            link.error = Some(words);
            link.via = None;
            if let Some(fault) = fault {
                link.faults[fault as usize] = link.faults[fault as usize].saturating_add(1);
            }
        });
    }

    /// Waits for what happens next and does it.
    async fn advance(&mut self, call: &mut Call) -> Result<(), End> {
        match self.step(call).await {
            Step::Stop => Err(End::Stopped),
            Step::Acks => self.acknowledge(call).await,
            Step::Tick => self.look_around(call).await,
            Step::Event(Ok(event)) => self.take(call, Some(event)).await,
            Step::Event(Err(error)) => {
                // What was read in the same breath as the packet that broke the connection is taken. Its acknowledgements
                // will be stale; the broker sends it again and the store knows it then.
                let rest = call.line.buffered();
                self.take(call, rest).await?;
                Err(self.broken(call, &error))
            }
        }
    }

    /// The client is left alone until it is connected; after that, see [`Line`] for why it may be interrupted.
    async fn step(&mut self, call: &mut Call) -> Step {
        let is_up = call.line.is_up();
        tokio::select! {
            biased;
            () = self.task.stop.cancelled() => Step::Stop,
            _ = self.acks.recv_many(&mut self.released, ACK_QUEUE_LEN), if is_up => Step::Acks,
            _ = self.tick.tick(), if is_up => Step::Tick,
            event = call.line.next() => Step::Event(event),
        }
    }

    fn broken(&self, call: &Call, error: &ConnectionError) -> End {
        End::Lost(Trouble::of(error, call.since.is_some(), &self.task.broker, self.places.at()))
    }

    async fn send(&self, call: &mut Call, packets: impl IntoIterator<Item = Packet>) -> Result<(), End> {
        tokio::select! {
            biased;
            sent = call.line.send(packets) => sent.map_err(|error| self.broken(call, &error)),
            () = self.task.stop.cancelled() => Err(End::Stopped),
        }
    }

    /// Takes an event and all that came with it, then hands the messages among them on.
    async fn take(&mut self, call: &mut Call, first: Option<Event>) -> Result<(), End> {
        let mut next = first;
        let mut taken = Ok(());
        while let Some(event) = next {
            taken = match event {
                Event::Incoming(Packet::Publish(publish)) => self.message(call, &publish),
                Event::Incoming(Packet::ConnAck(connack)) => self.connected(call, &connack).await,
                Event::Incoming(Packet::SubAck(suback)) => {
                    if self.subscriptions.answered(&suback) {
                        self.settle();
                    }
                    Ok(())
                }
                _ => Ok(()),
            };
            if taken.is_err() {
                break;
            }
            next = call.line.buffered();
        }
        self.hand_over(call).await?;
        taken
    }

    fn message(&mut self, call: &mut Call, publish: &Publish) -> Result<(), End> {
        if publish.qos == QoS::ExactlyOnce {
            return Err(End::Lost(Trouble::exactly_once()));
        }
        let is_at_least_once = publish.qos == QoS::AtLeastOnce;
        let seen = if is_at_least_once { self.again.see(publish, self.generation) } else { Seen::New };
        let mut batch = self.intake.take(&self.task, publish, seen);
        // One that waits has its acknowledgement coming: a second one would be for whichever message has its number next.
        if is_at_least_once && seen != Seen::Waiting {
            call.outstanding += 1;
            batch.ack = Some(Ack::new(self.ack_to.clone(), self.generation, publish.pkid));
        }
        self.batches.extend(self.intake.also());
        self.batches.push(batch);
        Ok(())
    }

    async fn connected(&mut self, call: &mut Call, connack: &ConnAck) -> Result<(), End> {
        call.since = Some(Instant::now());
        let Self { task, generation, places, .. } = self;
        if places.place().discard {
            places.discarded();
            return Err(End::Again(Duration::ZERO));
        }
        let (at, session_present) = (places.at(), connack.session_present);
        tracing::info!(broker = %task.broker.name, generation, at, session_present, "connected");
        let is_same_session = session_present && at == self.subscriptions.place();
        self.intake.connected(is_same_session);
        if !is_same_session {
            self.again.forget();
        }
        self.subscriptions.connected(at, session_present);
        let via = task.broker.endpoints.get(at).filter(|_| at > 0).map(ToString::to_string);
        task.link.send_modify(|link| {
            link.connects = link.connects.saturating_add(1);
            link.via = via;
        });
        let given_back = self.subscriptions.give_back(session_present);
        let asked = self.subscriptions.ask();
        if asked.is_none() {
            self.settle();
        }
        self.send(call, given_back.into_iter().chain(asked)).await
    }
}
