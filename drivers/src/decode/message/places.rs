//! Where in the payloads of a broker's devices values are dropped, counted by place. Never a value.
//!
//! Bounded: [`DROPPED_PLACES_MAX`] places, then one more per device for all others, and one per device and reason for whole
//! messages. A place that is known costs a look-up and no allocation.

use super::personal::Names;
use super::shape::Shape;
use crate::fault::Fault;
use crate::heard::DroppedPlace;
use facility_config::DeviceIx;
use facility_config::limits::DROPPED_PLACES_MAX;
use std::collections::HashMap;
use std::ops::Range;

/// Stands for all places of a device that are not counted apart.
const OTHERS: &str = "…";
/// Room for names that is kept from one message to the next, bytes.
const NAMES_KEPT_BYTES: usize = 4 * 1024;

/// The drops of one message, noted while it is walked; they count only if it is not refused as a whole.
#[derive(Debug, Default)]
pub(super) struct Drops {
    at: Vec<Drop>,
    names: String,
}

#[derive(Debug)]
struct Drop {
    node: usize,
    /// In `names`: the unknown member of that node; empty for the node itself.
    name: Range<usize>,
    fault: Fault,
}

impl Drops {
    pub(super) fn push(&mut self, node: usize, name: &str, fault: Fault) {
        let begin = self.names.len();
        self.names.push_str(name);
        self.at.push(Drop { node, name: begin..self.names.len(), fault });
    }

    pub(super) fn len(&self) -> usize {
        self.at.len()
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.at.truncate(len);
    }

    pub(super) fn clear(&mut self) {
        self.at.clear();
        self.names.clear();
        self.names.shrink_to(NAMES_KEPT_BYTES);
        self.at.shrink_to(NAMES_KEPT_BYTES / size_of::<Drop>());
    }
}

/// The places of all devices.
#[derive(Debug, Default)]
pub(super) struct Places {
    list: Vec<DroppedPlace>,
    /// Index in `list` by a hash of device, message, node, name and fault.
    known: HashMap<u64, usize>,
    /// Index in `list` of what stands for all others.
    others: HashMap<DeviceIx, usize>,
    /// Index in `list` of those that stand for whole messages.
    wholes: HashMap<(DeviceIx, Fault), usize>,
    changed: bool,
}

impl Places {
    /// Counts the drops of one message of a device; `message` is its shape's number.
    pub(super) fn count(&mut self, names: &Names, device: DeviceIx, message: usize, shape: &Shape, drops: &Drops, now_ms: i64) {
        for drop in &drops.at {
            let name = drops.names.get(drop.name.clone()).unwrap_or_default();
            let key = names.hash((device, message, drop.node, name, drop.fault));
            let at = match self.known.get(&key) {
                Some(at) => *at,
                None => self.find(names, key, device, shape, drop, name, now_ms),
            };
            if let Some(place) = self.list.get_mut(at) {
                place.count = place.count.saturating_add(1);
                place.last_ms = now_ms;
            }
            self.changed = true;
        }
    }

    /// Counts a message of a known device that was refused as a whole. Its place is empty.
    pub(super) fn count_whole(&mut self, device: DeviceIx, fault: Fault, now_ms: i64) {
        let next = self.list.len();
        let at = *self.wholes.entry((device, fault)).or_insert(next);
        if at == next {
            self.add(device, "".into(), fault, now_ms);
        }
        let place = &mut self.list[at];
        place.count = place.count.saturating_add(1);
        place.last_ms = now_ms;
        self.changed = true;
    }

    #[expect(clippy::too_many_arguments, reason = "all of it names one place")]
    fn find(&mut self, names: &Names, key: u64, device: DeviceIx, shape: &Shape, drop: &Drop, name: &str, now_ms: i64) -> usize {
        if self.list.len() - self.others.len() - self.wholes.len() >= DROPPED_PLACES_MAX {
            let next = self.list.len();
            let at = *self.others.entry(device).or_insert(next);
            if at == next {
                self.add(device, OTHERS.into(), drop.fault, now_ms);
            }
            return at;
        }
        let mut place = shape.nodes[drop.node].path.to_string();
        if !drop.name.is_empty() {
            place.push('/');
            place.push_str(&names.harmless(name));
        }
        let same = |known: &DroppedPlace| known.device == device && known.fault == drop.fault && *known.place == *place;
        let at = self.list.iter().position(same).unwrap_or(self.list.len());
        if at == self.list.len() {
            self.add(device, place.into(), drop.fault, now_ms);
        }
        // Two names may share a short hash; the memory of keys stays bounded all the same.
        if self.known.len() < 4 * DROPPED_PLACES_MAX {
            self.known.insert(key, at);
        }
        at
    }

    fn add(&mut self, device: DeviceIx, place: Box<str>, fault: Fault, now_ms: i64) {
        self.list.push(DroppedPlace { device, place, fault, count: 0, first_ms: now_ms, last_ms: now_ms });
    }

    /// Whether something was counted since the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The most recent first.
    pub(super) fn list(&self) -> Vec<DroppedPlace> {
        let mut list = self.list.clone();
        list.sort_by_key(|place| std::cmp::Reverse(place.last_ms));
        list
    }
}
