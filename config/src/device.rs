//! One declared device: what it is, how it is reached, how often it should be heard.

use crate::alarm::Rule;
use crate::limits::{BACKOFF_MS_MAX, CALIBRATION_MONTHS_DEFAULT, MESSAGES_PER_S_MAX_DEFAULT, SERIES_MAX_DEFAULT};
use crate::profile::Profile;
use jiff::civil::Date;
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
    Bus {
        /// Index in [`Site::buses`](crate::Site::buses).
        bus: usize,
        /// Unit id: 1 to 247 on a line, 0 to 255 behind Modbus TCP; the address of a serial board.
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
    /// Word in the configuration and in the cold-chain log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Chilled => "chilled",
            Self::Fresh => "fresh",
        }
    }

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

/// How a device on a bus is asked, where it differs from its profile and from the usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polling {
    /// How long to wait for an answer; `None`: as the profile says.
    pub timeout: Option<Duration>,
    /// Time between two reads of slow points; `None`: as the profile says.
    pub slow: Option<Duration>,
    /// Times a question is asked again after no answer came.
    pub retries: u8,
    /// The same after a damaged answer: nothing is on its way any more, so it costs no waiting.
    pub retries_damaged: u8,
    /// The same after a refusal because the device is busy (exceptions 5 and 6).
    pub retries_busy: u8,
    /// Polls in a row without an answer after which the device is taken for dead.
    pub offline_after: u32,
    /// Longest time between two probes of a dead device.
    pub offline_max: Duration,
    /// What was seen at commissioning: whether a set bit means an open door. `None`: nobody has looked.
    pub door_open_is_set: Option<bool>,
    /// Channels of a lock board that have a lock; `None`: all.
    pub channels: Option<u16>,
}

impl Default for Polling {
    fn default() -> Self {
        Self {
            timeout: None,
            slow: None,
            retries: 0,
            retries_damaged: 1,
            retries_busy: 1,
            offline_after: 3,
            offline_max: Duration::from_millis(BACKOFF_MS_MAX),
            door_open_is_set: None,
            channels: None,
        }
    }
}

/// How a device's messages are taken. Only for devices on a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ingest {
    /// Whose clock stamps its readings: the device's, if it sends a time, or always the gateway's.
    pub own_clock: bool,
    /// What is taken off the device's time stamps, ms: kiosks that send local time as if it were UTC are 8 h ahead.
    pub clock_offset_ms: i64,
    /// Messages per second, on average, that are taken. [`MESSAGES_BURST`](crate::limits::MESSAGES_BURST) of them may come
    /// at once; what exceeds this is dropped and counted, so that a device gone wild does not take the others' place.
    pub messages_per_s_max: u32,
    /// Different points and parts that are taken; values of further ones are dropped and counted.
    pub series_max: u32,
}

impl Default for Ingest {
    fn default() -> Self {
        Self { own_clock: true, clock_offset_ms: 0, messages_per_s_max: MESSAGES_PER_S_MAX_DEFAULT, series_max: SERIES_MAX_DEFAULT }
    }
}

/// When the probes of a device were last held against a reference (GB 31605-2020 §3.1: monitors are calibrated
/// periodically, and that is recorded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    /// Day of the last calibration; `None`: nobody has said.
    pub at: Option<Date>,
    /// Months until the next one is due.
    pub months: u16,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { at: None, months: CALIBRATION_MONTHS_DEFAULT }
    }
}

impl Calibration {
    /// Day on which the next one is due; `None` if nobody has said when the last one was.
    #[must_use]
    pub fn due(self) -> Option<Date> {
        self.at?.checked_add(jiff::Span::new().months(i64::from(self.months))).ok()
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
    /// How it is asked. Only for devices on a bus.
    pub polling: Polling,
    /// How it is heard. Only for devices on a broker.
    pub ingest: Ingest,
    /// For cabinets.
    pub cold: Option<ColdClass>,
    /// Of its probes; for devices with a cold-chain class.
    pub calibration: Calibration,
    /// How long a parcel may stay. For lockers.
    pub keep: Duration,
    /// Net volume, litres, as GB 26920-2024 has it on the label; `None`: not declared. A meter's is that of what it feeds.
    pub net_volume_l: Option<u32>,
    /// Alarm rules in force for this device, defaults and overrides already resolved.
    pub rules: Vec<Rule>,
}
