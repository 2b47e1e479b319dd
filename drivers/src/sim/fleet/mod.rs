//! The devices of a simulated neighbourhood: what they go through and what they say about it.
//!
//! Pure: no socket, no clock. Time is given and every model lives on one grid of [`TICK_MS`], so the same seed says
//! the same bytes however often the fleet is asked. Bounded by [`cast()`]: at most
//! [`DEVICES_MAX`](facility_config::limits::DEVICES_MAX) devices. Nothing is queued: what nobody asks for is not said.

pub mod cabinet;
pub mod cast;
mod day;
pub mod locker;
pub mod meter;
pub mod month;
pub mod said;
mod sense;
#[cfg(test)]
mod tests;
mod thermal;
pub mod vending;

pub use cabinet::Cabinet;
pub use cast::{Address, Member, Role, SITE, buses, cast};
pub use month::{Arrival, Month, MonthSpec};
pub use said::{Event, EventKind, Said};
pub use sense::{HEARTBEAT_MS, READ_INTERVAL_MS, Sensed};

use crate::reading::{Metric, Value};
use facility_config::Point;
use facility_config::device::ColdClass;
use locker::Locker;
use meter::Meter;
use vending::Vending;

/// Every model moves in steps of this length, simulated ms.
pub const TICK_MS: i64 = 5_000;
/// A device speaks over MQTT this often, simulated ms.
pub const TELEMETRY_INTERVAL_MS: i64 = 60_000;
/// A controller on a bus refreshes its registers this often, simulated ms; the gateway asks when it wants.
pub const REGISTER_INTERVAL_MS: i64 = 10_000;
/// Compartments of the first and of the second locker of a troupe: small, middle, large.
const LOCKER_SIZES: [[usize; 3]; 2] = [[30, 20, 10], [22, 14, 6]];

/// Which fleet.
#[derive(Debug, Clone, Copy)]
pub struct FleetSpec {
    /// How many devices; 6 is the cast of the demonstration.
    pub devices: usize,
    /// The same seed lives the same life.
    pub seed: u64,
    /// Simulated time at which it begins, Unix ms.
    pub start_ms: i64,
}

/// All devices of a neighbourhood.
#[derive(Debug)]
pub struct Fleet {
    devices: Vec<Device>,
    next_tick_ms: i64,
}

#[derive(Debug)]
struct Device {
    member: Member,
    model: Model,
    silent: bool,
    speaks_ms: i64,
    seq: u64,
    events: u64,
}

#[derive(Debug)]
enum Model {
    Locker(Locker),
    Vending(Vending),
    Cabinet(Box<Cabinet>),
    Meter(Meter),
}

impl Fleet {
    /// A fleet that begins at the grid point at or before `start_ms`.
    #[must_use]
    pub fn new(spec: FleetSpec) -> Self {
        let start_ms = spec.start_ms.div_euclid(TICK_MS).saturating_mul(TICK_MS);
        let devices = cast(spec.devices).into_iter().enumerate().map(|(at, member)| Device::new(member, at, spec.seed, start_ms)).collect();
        Self { devices, next_tick_ms: start_ms }
    }

    /// The cast, in order.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.devices.iter().map(|device| &device.member)
    }

    /// Lives on until `now_ms` with nobody listening: what is said on the way is lost.
    pub fn step(&mut self, now_ms: i64) {
        self.live(now_ms, &mut |_| {});
    }

    /// Lives on until `now_ms` and returns what was said on the way, in order of time. The answer grows with the time
    /// passed: ask at least once per [`TELEMETRY_INTERVAL_MS`].
    pub fn said(&mut self, now_ms: i64) -> Vec<Said> {
        let mut said = Vec::new();
        self.live(now_ms, &mut |words| said.push(words));
        said
    }

    /// Lets a device say nothing, or speak again; on a bus it does not answer either. False if there is no such device.
    pub fn silence(&mut self, id: &str, silent: bool) -> bool {
        self.device(id).map(|device| device.silent = silent).is_some()
    }

    /// Breaks a cabinet's compressor. False if there is no such cabinet, as with the next three.
    pub fn fail_compressor(&mut self, id: &str) -> bool {
        self.cabinet_mut(id).map(Cabinet::fail_compressor).is_some()
    }

    /// Mends a cabinet's compressor.
    pub fn repair(&mut self, id: &str) -> bool {
        self.cabinet_mut(id).map(Cabinet::repair).is_some()
    }

    /// Opens a cabinet's door and leaves it.
    pub fn leave_door_open(&mut self, id: &str) -> bool {
        self.cabinet_mut(id).map(Cabinet::leave_door_open).is_some()
    }

    /// Closes a cabinet's door.
    pub fn close_door(&mut self, id: &str) -> bool {
        self.cabinet_mut(id).map(Cabinet::close_door).is_some()
    }

    /// A cabinet as it is, whatever its controller can say of it.
    #[must_use]
    pub fn cabinet(&self, id: &str) -> Option<&Cabinet> {
        self.devices.iter().find(|device| &*device.member.id == id).and_then(|device| match &device.model {
            Model::Cabinet(cabinet) => Some(&**cabinet),
            Model::Locker(_) | Model::Vending(_) | Model::Meter(_) => None,
        })
    }

    fn cabinet_mut(&mut self, id: &str) -> Option<&mut Cabinet> {
        self.device(id).and_then(|device| match &mut device.model {
            Model::Cabinet(cabinet) => Some(&mut **cabinet),
            Model::Locker(_) | Model::Vending(_) | Model::Meter(_) => None,
        })
    }

    fn device(&mut self, id: &str) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| &*device.member.id == id)
    }

    fn live(&mut self, now_ms: i64, hear: &mut dyn FnMut(Said)) {
        while self.next_tick_ms <= now_ms {
            // A meter counts the cabinets that stand before it in the cast, back to the meter before.
            let mut load_w = 0.0;
            for device in &mut self.devices {
                device.tick(self.next_tick_ms, &mut load_w, hear);
            }
            self.next_tick_ms += TICK_MS;
        }
    }
}

impl Device {
    fn new(member: Member, at: usize, seed: u64, start_ms: i64) -> Self {
        // Every device has its own chance: one more device changes nothing about the others.
        let seed = fastrand::Rng::with_seed(seed ^ (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)).u64(..);
        let model = match member.role {
            Role::Locker => Model::Locker(Locker::new(LOCKER_SIZES[(member.number + 1) % LOCKER_SIZES.len()], seed, start_ms)),
            Role::Vending => Model::Vending(Vending::new(seed, start_ms)),
            Role::Ekc202d | Role::Xjp60d => {
                Model::Cabinet(Box::new(Cabinet::new(member.cold.unwrap_or(ColdClass::Frozen), seed, start_ms)))
            }
            Role::Sdm120 => Model::Meter(Meter::new(seed)),
        };
        // A unit on a bus can be asked from the start; the others do not all speak in the same second.
        let speaks_ms = match member.address {
            Address::Bus { .. } => start_ms,
            Address::Mqtt => start_ms + at as i64 * 7 * TICK_MS % TELEMETRY_INTERVAL_MS,
        };
        Self { member, model, silent: false, speaks_ms, seq: 0, events: 0 }
    }

    fn tick(&mut self, now_ms: i64, load_w: &mut f64, hear: &mut dyn FnMut(Said)) {
        for event in self.grow_older(now_ms, load_w) {
            self.events += 1;
            if !self.silent {
                let payload = event.payload(&self.member.id, self.events);
                hear(Said::Mqtt { device: self.member.id.clone(), topic: self.member.topic("event"), payload });
            }
        }
        if now_ms >= self.speaks_ms {
            self.speak(now_ms, hear);
        }
    }

    /// One tick of the model. What happened in it, each at a moment of its own.
    fn grow_older(&mut self, now_ms: i64, load_w: &mut f64) -> Vec<Event> {
        let mut events = Vec::new();
        match &mut self.model {
            Model::Locker(locker) => locker.tick(now_ms, &mut events),
            Model::Vending(vending) => vending.tick(now_ms, &mut events),
            Model::Cabinet(cabinet) => {
                cabinet.tick(now_ms);
                *load_w += cabinet.active_w();
            }
            Model::Meter(meter) => meter.tick(std::mem::take(load_w)),
        }
        for (at, event) in events.iter_mut().enumerate() {
            event.at_ms += at as i64;
        }
        events
    }

    fn speak(&mut self, now_ms: i64, hear: &mut dyn FnMut(Said)) {
        self.speaks_ms += match self.member.address {
            Address::Mqtt => TELEMETRY_INTERVAL_MS,
            Address::Bus { .. } => REGISTER_INTERVAL_MS,
        };
        if self.silent {
            return;
        }
        self.seq += 1;
        if let Some(said) = self.words(now_ms) {
            hear(said);
        }
    }

    fn words(&self, now_ms: i64) -> Option<Said> {
        let device = self.member.id.clone();
        Some(match self.member.address {
            Address::Mqtt => Said::Mqtt { device, topic: self.member.topic("telemetry"), payload: self.payload(now_ms)? },
            Address::Bus { bus, unit } => Said::Registers { device, bus, unit, values: self.values(now_ms) },
        })
    }

    fn payload(&self, now_ms: i64) -> Option<Vec<u8>> {
        let (id, seq) = (&*self.member.id, self.seq);
        let payload = match &self.model {
            Model::Locker(locker) => locker.payload(id, seq, now_ms),
            Model::Vending(vending) => vending.payload(id, seq, now_ms),
            Model::Cabinet(cabinet) => cabinet.payload(id, seq),
            Model::Meter(_) => return None,
        };
        Some(payload.to_string().into_bytes())
    }

    fn values(&self, now_ms: i64) -> Vec<(Metric, Value)> {
        match &self.model {
            Model::Cabinet(cabinet) if self.member.role == Role::Xjp60d => {
                cabinet.values().into_iter().filter(|(metric, _)| metric.point == Point::CabinetAir).collect()
            }
            Model::Cabinet(cabinet) => cabinet.values(),
            Model::Meter(meter) => meter.values(),
            Model::Locker(locker) => locker.values(now_ms),
            Model::Vending(vending) => vending.values(),
        }
    }
}
