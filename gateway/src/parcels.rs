//! How long a parcel lay in a locker, without knowing which parcel: a deposit waits under its pseudonym for its pick-up.
//!
//! Pure. In memory only and never written: a restart forgets what waits, and those pick-ups have no duration. That is by
//! design, for a file of pseudonyms would outlive the keys that make them meaningless. Bounded by [`PARCELS_LINKED_MAX`], of
//! which the oldest gives way, and by [`PARCEL_LINK_MS_MAX`].

use crate::privacy::event_of;
use facility_config::Point;
use facility_config::limits::{PARCEL_LINK_MS_MAX, PARCELS_LINKED_MAX};
use facility_drivers::pseudonym::Pseudonym;
use facility_drivers::{Batch, Metric, Value};
use std::collections::{BTreeMap, HashMap};

/// Deposits that wait.
#[derive(Debug, Default)]
pub struct Parcels {
    waiting: HashMap<Pseudonym, Deposit>,
    /// By age.
    order: BTreeMap<u64, Pseudonym>,
    next: u64,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
struct Deposit {
    /// By the clock that stamped the event, Unix ms.
    at_ms: i64,
    /// By our own, Unix ms.
    taken_ms: i64,
    order: u64,
}

impl Parcels {
    /// Takes the pseudonyms out of an admitted batch: they are used here and nowhere else. A pick-up, by the addressee or the
    /// courier, whose deposit is known gets `event.dur_s`, unless the device has said it itself.
    pub fn link(&mut self, batch: &mut Batch, now_ms: i64) {
        let names = std::mem::take(&mut batch.parcel);
        let Some(event) = event_of(batch) else { return };
        // A guessed time makes no duration.
        if names.is_empty() || batch.provisional {
            return;
        }
        self.expire(now_ms);
        match event.as_str() {
            "deposit" => self.put(&names, batch.at_ms, now_ms),
            "pickup" | "return_to_courier" => {
                let Some(deposit) = names.iter().find_map(|name| self.take(name)) else { return };
                let lay_ms = batch.at_ms.saturating_sub(deposit.at_ms);
                let is_said = batch.readings.iter().any(|reading| reading.metric.point == Point::EventDuration);
                if lay_ms >= 0 && !is_said {
                    batch.push(Metric { point: Point::EventDuration, part: event }, Value::Float(lay_ms as f64 / 1e3));
                }
            }
            _ => {}
        }
    }

    /// Deposits that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Remembers a deposit under its newest pseudonym. One that is known already, under any key, keeps its first time.
    fn put(&mut self, names: &[Pseudonym], at_ms: i64, taken_ms: i64) {
        let Some(newest) = names.first().filter(|_| !names.iter().any(|name| self.waiting.contains_key(name))) else { return };
        while self.waiting.len() >= PARCELS_LINKED_MAX && self.forget_oldest() {}
        self.waiting.insert(*newest, Deposit { at_ms, taken_ms, order: self.next });
        self.order.insert(self.next, *newest);
        self.next += 1;
    }

    fn take(&mut self, name: &Pseudonym) -> Option<Deposit> {
        let deposit = self.waiting.remove(name)?;
        self.order.remove(&deposit.order);
        Some(deposit)
    }

    /// Forgets what has waited too long. What lies days in the future was taken by a clock that was wrong.
    fn expire(&mut self, now_ms: i64) {
        loop {
            let oldest = self.order.first_key_value().and_then(|(_, name)| self.waiting.get(name));
            let Some(waited_ms) = oldest.map(|deposit| now_ms.saturating_sub(deposit.taken_ms)) else { return };
            if waited_ms.abs() < PARCEL_LINK_MS_MAX || !self.forget_oldest() {
                return;
            }
        }
    }

    fn forget_oldest(&mut self) -> bool {
        self.order.pop_first().is_some_and(|(_, name)| self.waiting.remove(&name).is_some())
    }
}

#[cfg(test)]
mod tests;
