//! Who lives in the neighbourhood: ids, names, profiles and addresses of a fleet of any size.
//!
//! Pure and without chance: the same number of devices is always the same cast, so that the simulator, its
//! configuration and the demonstration's script agree without talking. At most
//! [`DEVICES_MAX`](facility_config::limits::DEVICES_MAX) members.

use facility_config::Kind;
use facility_config::device::ColdClass;
use facility_config::limits::DEVICES_MAX;
use std::sync::Arc;

/// `{site}` part of every topic and the configuration's `gateway.site`.
pub const SITE: &str = "fz-junmen";
/// Units on one simulated bus: the largest number of addresses Modbus has (Modbus over serial line V1.02, 2.2).
pub const UNITS_PER_BUS: usize = 247;
/// Two lockers, a vending machine, two cabinets and the meter they hang on.
const TROUPE: [Role; 6] = [Role::Locker, Role::Locker, Role::Vending, Role::Ekc202d, Role::Xjp60d, Role::Sdm120];

/// What a member plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Parcel locker, publishes over MQTT.
    Locker,
    /// Vending machine, publishes over MQTT.
    Vending,
    /// Frozen cabinet with a Danfoss EKC 202D on the bus.
    Ekc202d,
    /// Cabinet of which only the air temperature is known, by a Dixell XJP60D on the bus.
    Xjp60d,
    /// Eastron SDM120 meter on the bus.
    Sdm120,
}

impl Role {
    /// Kind of facility.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Locker => Kind::Locker,
            Self::Vending => Kind::Vending,
            Self::Ekc202d | Self::Xjp60d => Kind::Cabinet,
            Self::Sdm120 => Kind::Meter,
        }
    }

    /// Profile in the configuration.
    #[must_use]
    pub fn profile(self) -> &'static str {
        match self {
            Self::Locker => "locker",
            Self::Vending => "vending",
            Self::Ekc202d => "danfoss-ekc202d",
            Self::Xjp60d => "dixell-xjp60d",
            Self::Sdm120 => "eastron-sdm120",
        }
    }

    fn on_bus(self) -> bool {
        matches!(self, Self::Ekc202d | Self::Xjp60d | Self::Sdm120)
    }
}

/// How a member is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// It publishes under its id.
    Mqtt,
    /// It answers on a bus.
    Bus {
        /// Which server, from 0.
        bus: usize,
        /// Unit id, 1 to 247.
        unit: u8,
    },
}

/// One device of the cast.
#[derive(Debug, Clone)]
pub struct Member {
    /// Registry id and name in topics; `[a-z0-9][a-z0-9-]{2,63}`.
    pub id: Arc<str>,
    /// Name for people.
    pub name: String,
    /// What it plays.
    pub role: Role,
    /// How it is reached.
    pub address: Address,
    /// Cold-chain class, for cabinets.
    pub cold: Option<ColdClass>,
    /// Which of its role it is, from 1.
    pub number: usize,
}

impl Member {
    /// Topic of its `telemetry`, `event` or `status` (DOMAIN §3).
    #[must_use]
    pub fn topic(&self, what: &str) -> String {
        format!("scf/v1/{SITE}/{}/{}/{what}", self.role.kind().as_str(), self.id)
    }
}

/// The cast of a fleet: the six of the demonstration, then the same mix again and again. Every second XJP60D after
/// the first watches a chilled cabinet. More than [`DEVICES_MAX`] devices are not cast.
#[must_use]
pub fn cast(devices: usize) -> Vec<Member> {
    let mut on_bus = 0;
    (0..devices.min(DEVICES_MAX))
        .map(|at| {
            let member = member(at, on_bus);
            on_bus += usize::from(member.role.on_bus());
            member
        })
        .collect()
}

/// How many buses, each with a server of its own, a fleet needs. 0 if nothing of it is on a bus.
#[must_use]
pub fn buses(devices: usize) -> usize {
    cast(devices).iter().filter(|member| member.role.on_bus()).count().div_ceil(UNITS_PER_BUS)
}

fn member(at: usize, on_bus: usize) -> Member {
    let role = TROUPE[at % TROUPE.len()];
    let troupe = at / TROUPE.len();
    let number = if role == Role::Locker { troupe * 2 + at % TROUPE.len() + 1 } else { troupe + 1 };
    let cold = match role {
        Role::Ekc202d => Some(ColdClass::Frozen),
        Role::Xjp60d if number % 2 == 0 => Some(ColdClass::Chilled),
        Role::Xjp60d => Some(ColdClass::Frozen),
        Role::Locker | Role::Vending | Role::Sdm120 => None,
    };
    let (stem, noun) = match (role, cold) {
        (Role::Locker, _) => ("lk-junmen", "号信包箱"),
        (Role::Vending, _) => ("vm-junmen", "号售卖机"),
        (Role::Ekc202d, _) => ("fz-ekc", "号冷冻柜（EKC 202D）"),
        (Role::Xjp60d, Some(ColdClass::Chilled)) => ("cc-dixell", "号冷藏柜（XJP60D）"),
        (Role::Xjp60d, _) => ("fz-dixell", "号冷冻柜（XJP60D）"),
        (Role::Sdm120, _) => ("em-sdm", "号电表（SDM120）"),
    };
    let address = match role.on_bus() {
        true => Address::Bus { bus: on_bus / UNITS_PER_BUS, unit: (on_bus % UNITS_PER_BUS + 1) as u8 },
        false => Address::Mqtt,
    };
    Member { id: format!("{stem}-{number:02}").into(), name: format!("军门社区 {number} {noun}"), role, address, cold, number }
}
