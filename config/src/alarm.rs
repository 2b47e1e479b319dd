//! Alarm rules as data: the one table of what is alarmed, from which limit on, why, and where that figure comes from.
//!
//! Field names follow OPC UA Part 9 (`on_delay`, `off_delay`, `deadband`, `latch`, `re_alarm`). A figure here is a default
//! of DOMAIN §5; what a site changes is merged in [`rules`](crate::rules). Nothing here judges.

use crate::device::{ColdClass, Kind};
use std::time::Duration;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// To be looked at on the next round.
    Warning,
    /// To be looked at today.
    Alarm,
    /// Goods or people are at risk now.
    Critical,
}

impl Severity {
    /// Word in the log, in the database and on the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Alarm => "alarm",
            Self::Critical => "critical",
        }
    }

    /// Chinese word.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Warning => "警告",
            Self::Alarm => "报警",
            Self::Critical => "严重",
        }
    }
}

/// Which side of its limits a value is bad on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Side {
    /// Above `limit`; clears below `limit - deadband`.
    Above,
    /// Below `limit`; clears above `limit + deadband`.
    Below,
    /// Below `low` or above `limit`; clears between them, by the deadband.
    Outside(f64),
    /// A state, not a number: `limit` is unused, or counts what has to come together.
    State,
}

/// Which devices a rule can apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suits {
    /// Cabinets of the class `frozen`.
    Frozen,
    /// Cabinets of the classes `chilled` and `fresh`.
    Chilled,
    /// Cabinets of any class or none.
    Cabinets,
    /// Parcel lockers.
    Lockers,
    /// Vending machines.
    Machines,
    /// What has temperature probes: cabinets and vending machines.
    Probes,
    /// Everything but the gateway, which cannot miss itself.
    Devices,
    /// The gateway itself.
    Gateway,
}

impl Suits {
    /// Whether such a device is one of them.
    #[must_use]
    pub fn fits(self, kind: Kind, cold: Option<ColdClass>) -> bool {
        match self {
            Self::Frozen => kind == Kind::Cabinet && cold == Some(ColdClass::Frozen),
            Self::Chilled => kind == Kind::Cabinet && matches!(cold, Some(ColdClass::Chilled | ColdClass::Fresh)),
            Self::Cabinets => kind == Kind::Cabinet,
            Self::Lockers => kind == Kind::Locker,
            Self::Machines => kind == Kind::Vending,
            Self::Probes => matches!(kind, Kind::Cabinet | Kind::Vending),
            Self::Devices => kind != Kind::Gateway,
            Self::Gateway => kind == Kind::Gateway,
        }
    }

    /// What a device needs for it, in words for a hint.
    #[must_use]
    pub fn needs(self) -> &'static str {
        match self {
            Self::Frozen => "a cabinet with cold = \"frozen\"",
            Self::Chilled => "a cabinet with cold = \"chilled\" or \"fresh\"",
            Self::Cabinets => "a cabinet",
            Self::Lockers => "a locker",
            Self::Machines => "a vending machine",
            Self::Probes => "a cabinet or vending machine",
            Self::Devices => "a device",
            Self::Gateway => "the gateway itself",
        }
    }
}

/// One row of the table of rules.
#[derive(Debug)]
pub struct RuleInfo {
    /// Name in configuration, in the `rule` tag and on the page.
    pub name: &'static str,
    /// What is wrong, in English.
    pub en: &'static str,
    /// The same in Chinese.
    pub zh: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where the default comes from.
    pub source: &'static str,
    /// Devices it can apply to.
    pub suits: Suits,
    /// Unit of value and limit; empty if there is none.
    pub unit: &'static str,
    /// Which side of the limit is bad.
    pub side: Side,
    /// Default limit.
    pub limit: f64,
    /// Default deadband.
    pub deadband: f64,
    /// Default time before it is raised, s.
    pub on_delay_s: u64,
    /// Default time without judgement after a defrost, a power-up or a service, s.
    pub quiet_s: u64,
    /// Whether it stays until somebody has acknowledged it.
    pub latch: bool,
}

macro_rules! rules {
    ($( $kind:ident $name:literal $severity:ident $suits:ident $unit:literal $side:expr, $limit:literal - $deadband:literal,
        on $on:literal quiet $quiet:literal latch $latch:literal $en:literal $zh:literal $source:literal; )*) => {
        /// The closed set of alarms (DOMAIN §5).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RuleKind { $( #[doc = $en] $kind, )* }

        impl RuleKind {
            /// Every rule, in the order they are shown.
            pub const ALL: &'static [Self] = &[ $( Self::$kind, )* ];
            const INFO: &'static [RuleInfo] = &[ $( RuleInfo {
                name: $name, en: $en, zh: $zh, severity: Severity::$severity, source: $source, suits: Suits::$suits, unit: $unit,
                side: $side, limit: $limit, deadband: $deadband, on_delay_s: $on, quiet_s: $quiet, latch: $latch,
            }, )* ];
        }
    };
}

rules! {
    FrozenHigh "frozen_high" Alarm Frozen "°C" Side::Above, -15.0 - 1.5, on 1800 quiet 5400 latch false
        "Frozen cabinet too warm" "冷冻柜超温"
        "product at or below -18 °C (GB/T 24616-2019), air of ISO 23953 class L1 -15 °C; delays of EKC A03 and A12";
    FrozenCritical "frozen_critical" Critical Frozen "°C" Side::Above, -12.0 - 3.0, on 1800 quiet 0 latch false
        "Frozen goods are thawing" "冷冻柜严重超温"
        "bound of ISO 23953 classes L2 and L3, -12 °C; product probe, or air";
    ChilledHigh "chilled_high" Alarm Chilled "°C" Side::Above, 8.0 - 1.0, on 1800 quiet 3600 latch false
        "Chilled cabinet too warm" "冷藏柜超温"
        "chilled goods at most at 8 °C (GB/T 24616-2019), EKC A13 and A03; fresh goods 0 to 4 °C";
    ChilledLow "chilled_low" Alarm Chilled "°C" Side::Below, 0.0 - 1.0, on 1800 quiet 0 latch false
        "Chilled cabinet freezing" "冷藏柜低温"
        "chilled goods above freezing (GB/T 24616-2019), ISO 23953 M1 -1 to 5, M2 -1 to 7, H1 1 to 10 °C: -1.0 for M classes";
    VendingHealthLockout "vending_health_lockout" Critical Machines "°C" Side::Above, 5.0 - 0.0, on 0 quiet 1800 latch true
        "Machine with perishable goods too warm" "冷藏售卖机超温锁定"
        "FDA Food Code 4-204.111 (41 °F) by WAC 246-215-04246 and Okla. 310:257-7-36; EVA-DTS EJH";
    VendingHotLockout "vending_hot_lockout" Critical Machines "°C" Side::Below, 57.0 - 0.0, on 0 quiet 7200 latch true
        "Machine with hot food too cold" "热食售卖机低温锁定"
        "FDA Food Code 4-204.111 (135 °F, 120 min) by WAC 246-215-04246; EVA-DTS EJH";
    ProbeFault "probe_fault" Alarm Probes "" Side::State, 2.0 - 2.0, on 0 quiet 0 latch false
        "Temperature probe broken" "温度探头故障"
        "status of XJP60D, 0x8000 of Eliwell; two polls";
    DoorOpen "door_open" Warning Cabinets "" Side::State, 0.0 - 0.0, on 180 quiet 0 latch false
        "Door standing open" "柜门未关"
        "policy: 3 min; EKC A04 is 60 min";
    DoorOpenLong "door_open_long" Alarm Cabinets "" Side::State, 0.0 - 0.0, on 600 quiet 0 latch false
        "Door standing open for long" "柜门长时间未关"
        "policy: 10 min; EKC A04 is 60 min";
    DefrostTimeout "defrost_timeout" Warning Cabinets "" Side::State, 0.0 - 0.0, on 2700 quiet 0 latch false
        "Defrost does not end" "化霜超时"
        "EKC d04 45 min; ERC d04 and easy dP 30 min";
    CondenserHigh "condenser_high" Alarm Cabinets "°C" Side::Above, 80.0 - 5.0, on 300 quiet 0 latch false
        "Condenser too hot" "冷凝器超温"
        "ERC A37";
    CondenserStop "condenser_stop" Critical Cabinets "°C" Side::Above, 85.0 - 10.0, on 300 quiet 0 latch false
        "Condenser so hot that the controller stops" "冷凝器超温停机"
        "ERC A54";
    ShortCycle "short_cycle" Warning Cabinets "1/h" Side::Above, 8.0 - 2.0, on 0 quiet 0 latch false
        "Compressor starts too often" "压缩机频繁启动"
        "policy: 8 starts in an hour; ERC C02 min-off 2 min";
    Mains "mains" Alarm Devices "V" Side::Outside(198.0), 242.0 - 5.0, on 60 quiet 0 latch false
        "Mains voltage out of bounds" "市电异常"
        "policy: 220 V ± 10 %; GB/T 12325 has +7/-10 %";
    LockerDoorAjar "locker_door_ajar" Alarm Lockers "" Side::State, 0.0 - 0.0, on 120 quiet 0 latch false
        "Compartment standing open" "格口未关"
        "policy: 120 s";
    LockerOpenFailRate "locker_open_fail_rate" Warning Lockers "%" Side::Above, 2.0 - 1.0, on 0 quiet 0 latch false
        "Compartments often do not open" "开箱失败率高"
        "policy: 2 % of at least 50 commands in 24 h";
    LockerOverdue "locker_overdue" Warning Lockers "" Side::Above, 0.0 - 0.0, on 0 quiet 0 latch false
        "Parcels past their keep period" "快件滞留"
        "the operator's keep period, counted by the locker; no statutory hour count (MOT Order 16/2019 asks for notice)";
    LockerTamper "locker_tamper" Critical Lockers "" Side::State, 0.0 - 0.0, on 0 quiet 0 latch true
        "Locker reports tampering" "箱体被撬"
        "policy; the locker's own sensor";
    UnexpectedOpen "unexpected_open" Critical Lockers "" Side::State, 0.0 - 0.0, on 0 quiet 0 latch true
        "Compartment opened without a command" "格口异常开启"
        "policy: no command in 10 s";
    LaneLow "lane_low" Warning Machines "" Side::State, 0.0 - 0.0, on 0 quiet 0 latch false
        "Lane asks for a refill" "货道待补货"
        "EVA-DTS PA109";
    LaneEmpty "lane_empty" Alarm Machines "" Side::State, 0.0 - 0.0, on 0 quiet 0 latch false
        "Lane empty" "货道缺货"
        "EVA-DTS PA108 at 0, cleared above PA109";
    VendFailBurst "vend_fail_burst" Alarm Machines "" Side::State, 3.0 - 0.0, on 0 quiet 0 latch false
        "Lane fails to vend" "货道连续出货失败"
        "three failures in a row, or motor codes 101 to 103 of Chinese boards";
    CommLoss "comm_loss" Alarm Devices "" Side::Above, 2.0 - 0.0, on 0 quiet 0 latch false
        "Nothing heard from the device" "通信中断"
        "awish: heartbeat 5 min, offline after 10; vino gateway: 3 cycles on a bus";
    UplinkReliability "uplink_reliability" Warning Gateway "%" Side::Below, 80.0 - 5.0, on 0 quiet 0 latch false
        "Requests to a destination often fail" "上行可靠性低"
        "EVA-DTS EIK: less than 80 % of the attempts of 30 days; of at least 100";
    LinkDown "link_down" Alarm Gateway "" Side::State, 0.0 - 0.0, on 60 quiet 0 latch false
        "Bus or broker does not answer" "总线或消息服务器无响应"
        "policy: 60 s; it stands for the silence of its devices (comm_loss), which is 3 polls or 10 min and held meanwhile";
}

impl RuleKind {
    /// Its row of the table.
    #[must_use]
    pub fn info(self) -> &'static RuleInfo {
        &Self::INFO[self as usize]
    }

    /// Name in configuration, in the `rule` tag and on the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.info().name
    }

    /// Chinese name.
    #[must_use]
    pub fn zh(self) -> &'static str {
        self.info().zh
    }

    /// The rule of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// The rule before any setting.
    #[must_use]
    pub fn default_rule(self) -> Rule {
        let info = self.info();
        let low = match info.side {
            Side::Outside(low) => Some(low),
            Side::Above | Side::Below | Side::State => None,
        };
        Rule {
            kind: self,
            limit: info.limit,
            low,
            deadband: info.deadband,
            on_delay: Duration::from_secs(info.on_delay_s),
            off_delay: match self {
                // Raised at once; but a level sensor that flutters tells its news once a minute and not with every message.
                Self::LaneLow | Self::LaneEmpty => Duration::from_secs(60),
                _ => Duration::ZERO,
            },
            defrost_delay: Duration::from_secs(info.quiet_s),
            latch: info.latch,
            re_alarm: Duration::ZERO,
        }
    }
}

/// One rule as it applies to one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Which.
    pub kind: RuleKind,
    /// Raise beyond this value, in the unit of the rule; silent intervals for `comm_loss`.
    pub limit: f64,
    /// The other limit of a rule that has two.
    pub low: Option<f64>,
    /// Clear only this far within the limit. Same unit.
    pub deadband: f64,
    /// The condition must hold this long before it is raised.
    pub on_delay: Duration,
    /// The condition must be gone this long before it is cleared.
    pub off_delay: Duration,
    /// After a defrost or power-up (EKC A12, ERC A12), at a vending machine after a service, the condition is not judged
    /// for this long.
    pub defrost_delay: Duration,
    /// It stays until somebody has acknowledged it or the machine was serviced.
    pub latch: bool,
    /// It is told again this often while nobody has acknowledged it; zero: never.
    pub re_alarm: Duration,
}
