//! The fleet as a gateway with perfect links would record it: values and events as points, no bytes in between.
//!
//! Controllers and meters are read once a minute, and a cabinet's door whenever it moves. What speaks by itself does so every
//! five minutes; a locker also when a parcel changes hands. Nothing is queued.

use super::{Address, Device, Event, Fleet, Model, Role, TICK_MS};
use crate::reading::{Metric, Value};
use facility_config::Point;

/// A unit on a bus is read this often, simulated ms.
pub const READ_INTERVAL_MS: i64 = 60_000;
/// A device with a connection of its own speaks at least this often, simulated ms.
pub const HEARTBEAT_MS: i64 = 300_000;

/// What is known of a device at one moment.
#[derive(Debug, Clone, PartialEq)]
pub enum Sensed {
    /// Values of points.
    Values(Vec<(Metric, Value)>),
    /// Something happened.
    Event(Event),
}

impl Fleet {
    /// Lives on until `now_ms` and tells, in order of time, what there is to record: place in the cast, Unix ms, what. For a
    /// fleet that is not also asked by [`said`](Self::said): both take the same turns to speak.
    pub fn sense(&mut self, now_ms: i64, tell: &mut dyn FnMut(usize, i64, Sensed)) {
        while self.next_tick_ms <= now_ms {
            let mut load_w = 0.0;
            for (at, device) in self.devices.iter_mut().enumerate() {
                device.sense(at, self.next_tick_ms, &mut load_w, tell);
            }
            self.next_tick_ms += TICK_MS;
        }
    }
}

impl Device {
    fn sense(&mut self, at: usize, now_ms: i64, load_w: &mut f64, tell: &mut dyn FnMut(usize, i64, Sensed)) {
        let door_was = self.door();
        let events = self.grow_older(now_ms, load_w);
        if now_ms >= self.speaks_ms {
            self.speaks_ms = next_turn(self.member.address, at, now_ms);
            tell(at, now_ms, Sensed::Values(self.values(now_ms)));
        } else if !events.is_empty() && self.member.role == Role::Locker {
            tell(at, now_ms, Sensed::Values(self.values(now_ms)));
        } else if let Some(open) = self.door().filter(|open| door_was != Some(*open)) {
            tell(at, now_ms, Sensed::Values(vec![(Point::CabinetDoor.into(), Value::Bool(open))]));
        }
        events.into_iter().for_each(|event| tell(at, event.at_ms, Sensed::Event(event)));
    }

    /// Whether the door of a cabinet is open, where its controller knows.
    fn door(&self) -> Option<bool> {
        match &self.model {
            Model::Cabinet(cabinet) if self.member.role == Role::Ekc202d => Some(cabinet.door_open()),
            _ => None,
        }
    }
}

/// Turns stay where they are within the minute or the five: the devices do not all speak in the same second.
fn next_turn(address: Address, at: usize, now_ms: i64) -> i64 {
    let every_ms = match address {
        Address::Mqtt => HEARTBEAT_MS,
        Address::Bus { .. } => READ_INTERVAL_MS,
    };
    let phase_ms = at as i64 * 7 * TICK_MS % every_ms;
    (now_ms - phase_ms).div_euclid(every_ms) * every_ms + every_ms + phase_ms
}
