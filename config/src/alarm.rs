//! Alarm rules as data. Field names follow OPC UA Part 9 (`on_delay`, `off_delay`, `deadband`).

use std::time::Duration;

/// The closed set of alarms of this version (DOMAIN §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// Frozen cabinet too warm.
    FrozenHigh,
    /// Chilled or fresh cabinet too warm.
    ChilledHigh,
    /// Cabinet door standing open.
    DoorOpen,
    /// Nothing heard from the device.
    CommLoss,
}

impl RuleKind {
    /// Every rule, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::FrozenHigh, Self::ChilledHigh, Self::DoorOpen, Self::CommLoss];

    /// Name in configuration, in the `rule` tag and on the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FrozenHigh => "frozen_high",
            Self::ChilledHigh => "chilled_high",
            Self::DoorOpen => "door_open",
            Self::CommLoss => "comm_loss",
        }
    }

    /// Chinese name.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::FrozenHigh => "冷冻柜超温",
            Self::ChilledHigh => "冷藏柜超温",
            Self::DoorOpen => "柜门未关",
            Self::CommLoss => "通信中断",
        }
    }
}

/// One rule as it applies to one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Which.
    pub kind: RuleKind,
    /// Raise above this value: °C for temperatures, unused for `door_open`, silent intervals for `comm_loss`.
    pub limit: f64,
    /// Clear below `limit - deadband`. Same unit as `limit`.
    pub deadband: f64,
    /// The condition must hold this long before it is raised.
    pub on_delay: Duration,
    /// The condition must be gone this long before it is cleared.
    pub off_delay: Duration,
    /// After a defrost or power-up the condition is not judged for this long (EKC A12, ERC A12).
    pub defrost_delay: Duration,
}
