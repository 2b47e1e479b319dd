//! One declared device: what it is, how it is reached, how often it should be heard.

use crate::alarm::Rule;
use crate::profile::Profile;
use std::sync::Arc;
use std::time::Duration;

/// Position of a device in [`Site::devices`](crate::Site::devices). Valid for one run; the store keeps names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceIx(pub u16);

impl DeviceIx {
    /// The gateway itself, always the first device of a site.
    pub const GATEWAY: Self = Self(0);

    /// As a slice index.
    #[must_use]
    pub fn at(self) -> usize {
        usize::from(self.0)
    }
}

/// What kind of facility a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The gateway itself.
    Gateway,
    /// 智能信包箱/快件箱, parcel locker.
    Locker,
    /// 智能冷冻柜/冷藏柜, refrigerated cabinet.
    Cabinet,
    /// 自助售卖机, vending machine.
    Vending,
    /// 电表, energy meter.
    Meter,
}

impl Kind {
    /// Value of the `kind` tag and of the `{kind}` part of a topic.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Locker => "locker",
            Self::Cabinet => "cabinet",
            Self::Vending => "vending",
            Self::Meter => "meter",
        }
    }

    /// Chinese name.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Gateway => "网关",
            Self::Locker => "信包箱",
            Self::Cabinet => "冷柜",
            Self::Vending => "售卖机",
            Self::Meter => "电表",
        }
    }
}

/// How a device is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// It is this process.
    Gateway,
    /// It publishes to a broker.
    Mqtt {
        /// Index in [`Site::brokers`](crate::Site::brokers).
        broker: usize,
        /// Its name in topics and payloads (`{device}`); usually the device id.
        topic_id: Box<str>,
    },
    /// It answers on a bus.
    Modbus {
        /// Index in [`Site::buses`](crate::Site::buses).
        bus: usize,
        /// Unit id, 1 to 247.
        unit: u8,
    },
}

/// Cold-chain class of a cabinet: decides limits and default alarms (DOMAIN §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColdClass {
    /// Product at or below −18 °C (GB/T 24616-2019).
    Frozen,
    /// Above freezing, at most 8 °C (GB/T 24616-2019).
    Chilled,
    /// 0 to 4 °C.
    Fresh,
}

impl ColdClass {
    /// Upper air-temperature limit of the compliance figure, °C.
    #[must_use]
    pub fn limit_c(self) -> f64 {
        match self {
            Self::Frozen => -18.0,
            Self::Chilled => 8.0,
            Self::Fresh => 4.0,
        }
    }
}

/// One device of the site.
#[derive(Debug, Clone)]
pub struct Device {
    /// Registry id, `[a-z0-9][a-z0-9-]{2,63}`; the `device_id` tag.
    pub id: Box<str>,
    /// Name for people, any script.
    pub name: Option<Box<str>>,
    /// What it is.
    pub kind: Kind,
    /// How its words become points. The gateway itself has none.
    pub profile: Option<Arc<Profile>>,
    /// How it is reached.
    pub source: Source,
    /// Expected time between two readings: the poll interval (Modbus) or the heartbeat (MQTT). A reading holds for
    /// three of these, a device is offline after two.
    pub interval: Duration,
    /// For cabinets.
    pub cold: Option<ColdClass>,
    /// Alarm rules in force for this device, defaults and overrides already resolved.
    pub rules: Vec<Rule>,
}
