//! Messages to batches, and what else they show: to whoever watches, to the dead letters, to the list of strangers.
//!
//! Never waits and never logs a payload. Bounded: letters per device, reason and hour, so that a flood of bad messages does
//! not wear the card.

use super::again::Seen;
use super::{BrokerTask, Told};
use crate::decode::message::{Arrival, Explained, MessageDecoder, SPARKPLUG};
use crate::fault::Fault;
use crate::heard::Letter;
use crate::reading::Batch;
use facility_config::DeviceIx;
use facility_config::limits::LETTERS_PER_HOUR_MAX;
use rumqttc::Publish;
use std::collections::HashMap;
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;

/// What every message of one broker passes.
pub(super) struct Intake {
    decoder: MessageDecoder,
    letters: Quota,
    /// A message came since it was last [published](Self::publish) what was heard.
    heard: bool,
}

impl Intake {
    pub(super) fn new(task: &BrokerTask) -> Self {
        Self { decoder: MessageDecoder::new(&task.site, task.index), letters: Quota::default(), heard: false }
    }

    /// A connection was made.
    pub(super) fn connected(&mut self, session_present: bool) {
        self.decoder.connected(session_present);
    }

    /// What a message says. The acknowledgement is the caller's business. One that is durable is counted and left: as long as it
    /// has a time or a number of its own, for without them two that are alike may be two.
    pub(super) fn take(&mut self, task: &BrokerTask, publish: &Publish, seen: Seen) -> Batch {
        self.heard = true;
        let now_ms = task.clock.now_ms();
        // Sparkplug nodes count what they send: what was counted does not reach them again.
        if seen == Seen::Waiting || seen == Seen::Durable && publish.topic.starts_with(SPARKPLUG) {
            return self.leave(task, publish, now_ms);
        }
        let arrival = Arrival { topic: &publish.topic, payload: &publish.payload, retained: publish.retain, now_ms };
        let settle = |batch: Batch| {
            let has_stamp = batch.device_ms.is_some() || batch.seq.is_some();
            let is_duplicate = seen == Seen::Durable && batch.refused.is_none() && has_stamp;
            if is_duplicate { Batch::refused(batch.device, Fault::Duplicate, now_ms) } else { batch }
        };
        let batch = if task.tap.is_watched() {
            let (batch, mut explained) = self.decoder.explain(&arrival);
            let batch = settle(batch);
            explained.refused = batch.refused;
            self.tell(task, publish, now_ms, explained);
            batch
        } else {
            settle(self.decoder.decode(&arrival))
        };
        if let Some(fault) = batch.refused.filter(|fault| is_worth_a_letter(*fault))
            && self.letters.allows(batch.device, fault, now_ms)
        {
            self.post(task, &arrival, batch.device, fault);
        }
        batch
    }

    /// Counts a message that is here already.
    fn leave(&self, task: &BrokerTask, publish: &Publish, now_ms: i64) -> Batch {
        let batch = Batch::refused(None, Fault::Duplicate, now_ms);
        if task.tap.is_watched() {
            let explained = Explained { refused: batch.refused, ..Explained::unread(publish.payload.len()) };
            self.tell(task, publish, now_ms, explained);
        }
        batch
    }

    /// What the last message says of other devices besides.
    pub(super) fn also(&mut self) -> impl Iterator<Item = Batch> {
        self.decoder.also()
    }

    /// Publishes what was heard, if something was.
    pub(super) fn publish(&mut self, task: &BrokerTask) {
        if std::mem::take(&mut self.heard)
            && let Some(heard) = self.decoder.heard()
        {
            task.heard.send_replace(Arc::new(heard));
        }
    }

    /// Shows a message to those who watch.
    fn tell(&self, task: &BrokerTask, publish: &Publish, at_ms: i64, explained: Explained) {
        task.tap.send(Told {
            at_ms,
            topic: self.decoder.shown_topic(&publish.topic).into(),
            bytes: publish.payload.len(),
            qos: publish.qos as u8,
            retained: publish.retain,
            explained,
        });
    }

    fn post(&self, task: &BrokerTask, arrival: &Arrival<'_>, device: Option<DeviceIx>, fault: Fault) {
        let (body, is_whole) = self.decoder.redact(arrival);
        let letter = Letter {
            at_ms: arrival.now_ms,
            broker: task.broker.name.clone(),
            topic: arrival.topic.into(),
            device,
            fault,
            bytes: arrival.payload.len(),
            body,
            is_whole,
        };
        // The message is counted as refused in any case; a letter is a courtesy.
        if task.letters.try_send(letter).is_err() {
            tracing::debug!(broker = %task.broker.name, fault = fault.label(), "no room for a dead letter");
        }
    }
}

/// Whether a message that was refused can teach somebody what is wrong with it. What is only too much, too old or of nobody
/// is counted and forgotten.
fn is_worth_a_letter(fault: Fault) -> bool {
    matches!(fault, Fault::Undecodable | Fault::Oversize | Fault::MissingField | Fault::ForeignId | Fault::UnknownMessage)
}

/// Letters of the present hour. Its keys are the devices of the configuration times five faults.
#[derive(Default)]
struct Quota {
    since_ms: i64,
    used: HashMap<(Option<DeviceIx>, Fault), u32>,
}

impl Quota {
    /// Uses up one letter, if there is one left.
    fn allows(&mut self, device: Option<DeviceIx>, fault: Fault, now_ms: i64) -> bool {
        // A clock that was set back begins a new hour too.
        if !(self.since_ms..self.since_ms.saturating_add(HOUR_MS)).contains(&now_ms) {
            self.since_ms = now_ms;
            self.used.clear();
        }
        let used = self.used.entry((device, fault)).or_default();
        *used = used.saturating_add(1);
        *used <= LETTERS_PER_HOUR_MAX
    }
}

#[cfg(test)]
mod tests;
