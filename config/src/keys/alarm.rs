//! Keys of the alarm rules. Defaults here are words for people; the figures are in [`alarm`](crate::alarm) and
//! [`rules`](crate::rules), and a test holds them together.

use super::{DAY_S, IfAbsent, Key, Node, Type, key};

/// The rules of one table, and what else stands in it.
macro_rules! rules {
    ($($more:expr),* $(,)?) => { &[
        rule("frozen_high", FROZEN_HIGH, "Frozen cabinet too warm (冷冻柜超温)."),
        rule("frozen_critical", FROZEN_CRITICAL, "Frozen goods are thawing: air or product (冷冻柜严重超温)."),
        rule("chilled_high", CHILLED_HIGH, "Chilled or fresh cabinet too warm (冷藏柜超温)."),
        rule("chilled_low", CHILLED_LOW, "Chilled or fresh cabinet freezing (冷藏柜低温)."),
        rule("vending_health_lockout", VENDING_HEALTH_LOCKOUT, "Machine with perishable goods too warm (冷藏售卖机超温锁定)."),
        rule("vending_hot_lockout", VENDING_HOT_LOCKOUT, "Machine with hot food too cold (热食售卖机低温锁定)."),
        rule("probe_fault", PROBE_FAULT, "Temperature probe broken (温度探头故障)."),
        rule("door_open", DOOR_OPEN, "Cabinet door standing open (柜门未关)."),
        rule("door_open_long", DOOR_OPEN_LONG, "Cabinet door standing open for long (柜门长时间未关)."),
        rule("defrost_timeout", DEFROST_TIMEOUT, "Defrost does not end (化霜超时)."),
        rule("condenser_high", CONDENSER_HIGH, "Condenser too hot (冷凝器超温)."),
        rule("condenser_stop", CONDENSER_STOP, "Condenser so hot that the controller stops (冷凝器超温停机)."),
        rule("short_cycle", SHORT_CYCLE, "Compressor starts too often (压缩机频繁启动)."),
        rule("mains", MAINS, "Mains voltage out of bounds, or gone (市电异常)."),
        rule("locker_door_ajar", LOCKER_DOOR_AJAR, "Compartment standing open (格口未关)."),
        rule("locker_open_fail_rate", LOCKER_OPEN_FAIL_RATE, "Compartments often do not open (开箱失败率高)."),
        rule("locker_overdue", LOCKER_OVERDUE, "Parcels past their keep period (快件滞留)."),
        rule("locker_tamper", LOCKER_TAMPER, "Locker reports tampering (箱体被撬)."),
        rule("unexpected_open", UNEXPECTED_OPEN, "Compartment opened without a command (格口异常开启)."),
        rule("lane_low", LANE_LOW, "Lane asks for a refill (货道待补货)."),
        rule("lane_empty", LANE_EMPTY, "Lane empty (货道缺货)."),
        rule("vend_fail_burst", VEND_FAIL_BURST, "Lane fails to vend (货道连续出货失败)."),
        rule("comm_loss", COMM_LOSS, "Nothing heard from the device (通信中断)."),
        rule("uplink_reliability", UPLINK_RELIABILITY, "Requests of the gateway to a destination often fail (上行可靠性低)."),
        rule("link_down", LINK_DOWN, "A bus or broker does not answer; part is the link, such as broker_kiosk (总线或消息服务器无响应)."),
        $($more),*
    ] };
}

/// Rules of a device, a kind or a profile.
pub(crate) const RULES: &[Key] = rules!();

/// Rules of the site, and of its kinds and profiles.
pub(super) const SITE: &[Key] = rules![
    Key { name: "kind", node: Node::Table(KINDS), default: IfAbsent::None, doc: "Rules of all devices of a kind, where they differ." },
    Key { name: "profile", node: Node::Named(RULES), default: IfAbsent::None, doc: "Rules of all devices of a model, where they differ." },
];

const KINDS: &[Key] =
    &[kind("locker", "Lockers."), kind("cabinet", "Cabinets."), kind("vending", "Vending machines."), kind("meter", "Meters.")];

const fn kind(name: &'static str, doc: &'static str) -> Key {
    Key { name, node: Node::Table(RULES), default: IfAbsent::None, doc }
}

const fn rule(name: &'static str, keys: &'static [Key], doc: &'static str) -> Key {
    Key { name, node: Node::Table(keys), default: IfAbsent::None, doc }
}

const ENABLED: Key = key("enabled", Type::Bool, IfAbsent::Derived("true"), "Whether the rule is in force.");
const OFF_DELAY: Key = key("off_delay_s", Type::Int(0, DAY_S), IfAbsent::Derived("0"), "The condition must be gone this long.");
const RE_ALARM: Key = key(
    "re_alarm_s",
    Type::Int(0, 30 * DAY_S),
    IfAbsent::Derived("0"),
    "It is told again this often while nobody has acknowledged it; 0 for never.",
);
const DEADBAND_C: &str = "Clear this far within the limit, K.";

const fn latch(default: &'static str) -> Key {
    key("latch", Type::Bool, IfAbsent::Derived(default), "It stays until it is acknowledged.")
}

const fn limit_c(default: &'static str, doc: &'static str) -> Key {
    key("limit_c", Type::Float(-60.0, 150.0), IfAbsent::Derived(default), doc)
}

const fn deadband_c(default: &'static str) -> Key {
    key("deadband_c", Type::Float(0.0, 20.0), IfAbsent::Derived(default), DEADBAND_C)
}

const fn on_delay(default: &'static str) -> Key {
    key("on_delay_s", Type::Int(0, DAY_S), IfAbsent::Derived(default), "The condition must hold this long.")
}

const fn defrost_delay(default: &'static str) -> Key {
    key("defrost_delay_s", Type::Int(0, DAY_S), IfAbsent::Derived(default), "Not judged for this long after a defrost or power-up.")
}

const fn grace(default: &'static str) -> Key {
    key(
        "grace_s",
        Type::Int(0, DAY_S),
        IfAbsent::Derived(default),
        "Not judged for this long after its door was opened or closed, a refill, a service or a power-up.",
    )
}

const AIR_ABOVE: &str = "Raise above this air temperature, °C.";

const FROZEN_HIGH: &[Key] = &[
    ENABLED,
    limit_c("-15.0", AIR_ABOVE),
    deadband_c("1.5"),
    on_delay("1800"),
    OFF_DELAY,
    defrost_delay("5400"),
    latch("false"),
    RE_ALARM,
];
const FROZEN_CRITICAL: &[Key] = &[
    ENABLED,
    limit_c("-12.0", "Raise above this air or product temperature, °C."),
    deadband_c("3.0"),
    on_delay("1800"),
    OFF_DELAY,
    defrost_delay("0"),
    latch("false"),
    RE_ALARM,
];
const CHILLED_ABOVE: &str =
    "Raise above this air temperature, °C. What is set for a site, kind or profile makes fresh cabinets stricter, never looser than 4.0.";
const CHILLED_HIGH: &[Key] = &[
    ENABLED,
    limit_c("8.0, for fresh 4.0", CHILLED_ABOVE),
    deadband_c("1.0"),
    on_delay("1800"),
    OFF_DELAY,
    defrost_delay("3600"),
    latch("false"),
    RE_ALARM,
];
const CHILLED_LOW: &[Key] = &[
    ENABLED,
    limit_c("0.0", "Raise below this air temperature, °C; -1.0 for ISO 23953 classes M1 and M2."),
    deadband_c("1.0"),
    on_delay("1800"),
    OFF_DELAY,
    latch("false"),
    RE_ALARM,
];
const VENDING_HEALTH_LOCKOUT: &[Key] = &[
    ENABLED,
    limit_c("5.0", "Raise above this air temperature, °C, at a machine whose setpoint is not above it."),
    on_delay("0"),
    grace("1800"),
    latch("true"),
    RE_ALARM,
];
const VENDING_HOT_LOCKOUT: &[Key] = &[
    ENABLED,
    limit_c("57.0", "Raise below this air temperature, °C, at a machine whose setpoint is not below it."),
    on_delay("0"),
    grace("7200"),
    latch("true"),
    RE_ALARM,
];
const PROBE_FAULT: &[Key] = &[
    ENABLED,
    key("polls", Type::Int(1, 100), IfAbsent::Derived("2"), "Raise, and clear, after so many readings in a row."),
    latch("false"),
    RE_ALARM,
];
const DOOR_OPEN: &[Key] = &[ENABLED, on_delay("180"), OFF_DELAY, latch("false"), RE_ALARM];
const DOOR_OPEN_LONG: &[Key] = &[ENABLED, on_delay("600"), OFF_DELAY, latch("false"), RE_ALARM];
const DEFROST_TIMEOUT: &[Key] = &[ENABLED, on_delay("2700, for ERC and easy 1800"), OFF_DELAY, latch("false"), RE_ALARM];
const COND_ABOVE: &str = "Raise above this condenser temperature, °C.";
const CONDENSER_HIGH: &[Key] =
    &[ENABLED, limit_c("80.0", COND_ABOVE), deadband_c("5.0"), on_delay("300"), OFF_DELAY, latch("false"), RE_ALARM];
const CONDENSER_STOP: &[Key] =
    &[ENABLED, limit_c("85.0", COND_ABOVE), deadband_c("10.0"), on_delay("300"), OFF_DELAY, latch("false"), RE_ALARM];
const SHORT_CYCLE: &[Key] = &[
    ENABLED,
    key("starts_per_h", Type::Int(1, 60), IfAbsent::Derived("8"), "Raise above this many starts in an hour."),
    key("deadband_starts", Type::Int(0, 60), IfAbsent::Derived("2"), "Clear this far below the limit."),
    latch("false"),
    RE_ALARM,
];
const MAINS: &[Key] = &[
    ENABLED,
    key("low_v", Type::Float(0.0, 500.0), IfAbsent::Derived("198.0"), "Raise below this voltage, V."),
    key("high_v", Type::Float(0.0, 500.0), IfAbsent::Derived("242.0"), "Raise above this voltage, V."),
    key("deadband_v", Type::Float(0.0, 50.0), IfAbsent::Derived("5.0"), "Clear this far within the limits, V."),
    on_delay("60"),
    OFF_DELAY,
    latch("false"),
    RE_ALARM,
];
const LOCKER_DOOR_AJAR: &[Key] = &[ENABLED, on_delay("120"), OFF_DELAY, latch("false"), RE_ALARM];
const LOCKER_OPEN_FAIL_RATE: &[Key] = &[
    ENABLED,
    key("limit_pct", Type::Float(0.0, 100.0), IfAbsent::Derived("2.0"), "Raise above this share of at least 50 commands in 24 h, %."),
    key("deadband_pct", Type::Float(0.0, 100.0), IfAbsent::Derived("1.0"), "Clear this far below the limit, %."),
    latch("false"),
    RE_ALARM,
];
const LOCKER_OVERDUE: &[Key] = &[
    ENABLED,
    key("parcels", Type::Int(0, 10_000), IfAbsent::Derived("0"), "Raise above this many parcels."),
    on_delay("0"),
    OFF_DELAY,
    latch("false"),
    RE_ALARM,
];
const LOCKER_TAMPER: &[Key] = &[ENABLED, latch("true"), RE_ALARM];
const UNEXPECTED_OPEN: &[Key] = &[ENABLED, latch("true"), RE_ALARM];
const LANE_OFF_DELAY: Key = key("off_delay_s", Type::Int(0, DAY_S), IfAbsent::Derived("60"), "The condition must be gone this long.");
const LANE_LOW: &[Key] = &[ENABLED, on_delay("0"), LANE_OFF_DELAY, latch("false"), RE_ALARM];
const LANE_EMPTY: &[Key] = &[ENABLED, on_delay("0"), LANE_OFF_DELAY, latch("false"), RE_ALARM];
const VEND_FAIL_BURST: &[Key] =
    &[ENABLED, key("fails", Type::Int(1, 100), IfAbsent::Derived("3"), "Raise after so many failures in a row."), latch("false"), RE_ALARM];
const COMM_LOSS: &[Key] = &[
    ENABLED,
    key("silent_intervals", Type::Int(1, 1000), IfAbsent::Derived("2, on a bus 3"), "Raise after this many intervals without a reading."),
    OFF_DELAY,
    latch("false"),
    RE_ALARM,
];
const UPLINK_RELIABILITY: &[Key] = &[
    ENABLED,
    key("limit_pct", Type::Float(0.0, 100.0), IfAbsent::Derived("80.0"), "Raise below this share of at least 100 requests in 30 days, %."),
    key("deadband_pct", Type::Float(0.0, 100.0), IfAbsent::Derived("5.0"), "Clear this far above the limit, %."),
    latch("false"),
    RE_ALARM,
];
const LINK_DOWN: &[Key] = &[ENABLED, on_delay("60"), OFF_DELAY, latch("false"), RE_ALARM];
