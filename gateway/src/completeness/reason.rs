//! Why something is missing: a closed list, the most certain first. Pure.

use crate::aggregate::save::Save;

/// Why data of a device is missing. Of several the first counts: what the gateway knows of itself is certain, what it
/// concludes from silence is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The gateway was not running: its own heartbeats are missing, and it counts its uptime anew.
    GatewayOff,
    /// The gateway ran, but nobody knows what time it was: the clock was not set, or it was set to another time.
    ClockUnknown,
    /// The link to the device's broker or bus was down.
    LinkDown,
    /// Its broker said that it is gone (last will).
    SaidOffline,
    /// It spoke, and its messages were refused as a whole.
    Refused,
    /// It was asked and did not answer, or not well.
    CommError,
    /// It may have come, but the store lost it or had no room: evicted, thinned out, damaged or no disk.
    NotStored,
    /// Somebody worked at the device.
    Maintenance,
    /// None of these: the device said nothing.
    Silent,
    /// Single messages between others, over a day, never long enough for the device to be offline.
    Sporadic,
    /// What was told as missing came after all: how much of it, over a day.
    LateFilled,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::GatewayOff,
        Self::ClockUnknown,
        Self::LinkDown,
        Self::SaidOffline,
        Self::Refused,
        Self::CommError,
        Self::NotStored,
        Self::Maintenance,
        Self::Silent,
        Self::Sporadic,
        Self::LateFilled,
    ];

    /// Word in the `reason` tag.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GatewayOff => "gateway_off",
            Self::ClockUnknown => "clock_unknown",
            Self::LinkDown => "link_down",
            Self::SaidOffline => "device_said_offline",
            Self::Refused => "refused",
            Self::CommError => "comm_error",
            Self::NotStored => "not_stored",
            Self::Maintenance => "maintenance",
            Self::Silent => "silent",
            Self::Sporadic => "sporadic",
            Self::LateFilled => "late_filled",
        }
    }

    /// Whether it says why something is missing.
    #[must_use]
    pub fn explains(self) -> bool {
        !matches!(self, Self::Silent | Self::Sporadic | Self::LateFilled)
    }

    /// For people.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::GatewayOff => "the gateway was off",
            Self::ClockUnknown => "the gateway's clock was not set or was changed",
            Self::LinkDown => "the link was down",
            Self::SaidOffline => "its broker said that it went offline",
            Self::Refused => "its messages were refused",
            Self::CommError => "it did not answer",
            Self::NotStored => "the store lost it or had no room",
            Self::Maintenance => "it was in maintenance",
            Self::Silent => "it said nothing",
            Self::Sporadic => "single messages are missing",
            Self::LateFilled => "it came later",
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::GatewayOff => "网关未运行",
            Self::ClockUnknown => "网关时钟未校准或被调整",
            Self::LinkDown => "通信链路中断",
            Self::SaidOffline => "设备声明离线",
            Self::Refused => "消息被拒收",
            Self::CommError => "设备无应答",
            Self::NotStored => "存储丢失或空间不足",
            Self::Maintenance => "设备维护中",
            Self::Silent => "设备无数据",
            Self::Sporadic => "零星丢失",
            Self::LateFilled => "数据后来补到",
        }
    }
}

impl Save for Reason {
    fn save(&self, out: &mut Vec<u8>) {
        (*self as u64).save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let code = u64::load(input)?;
        Self::ALL.into_iter().find(|reason| *reason as u64 == code)
    }
}
