//! Catalogue of what can be wrong with a gateway and its connections: code, severity, words and next step.
//!
//! Pure: [`conditions`] looks at one snapshot and says what holds now; nothing is remembered, so a condition goes
//! when its cause goes. A cause hides its consequences: a bus that is down does not also report its silent units.
//! Bounded: at most one condition per code and subject (a link or a store). Alarms of devices are not here: they
//! are readings, and the `alarm` module's.

use crate::status::{DeviceInfo, LinkInfo, LinkKind, Status, StoreInfo};
use facility_config::limits::{LINK_GRACE_MS, STATUS_AGE_MS_MAX};
use facility_drivers::Fault;
use facility_drivers::link::LinkState;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// The backlog is worth a word when it fills this share of its budget: early enough to act, late enough that a
/// night without network is no news.
const BACKLOG_SHARE_MAX: f64 = 0.5;
/// Devices named in one message; the rest are counted.
const NAMES_SHOWN_MAX: usize = 5;

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The gateway does not do its work: `/healthz` answers 503.
    Critical,
    /// Somebody should act; everything else goes on.
    Warning,
    /// Good to know.
    Info,
}

/// The closed set of conditions, in the order they are shown within a severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// A log cannot be written.
    StoreFault,
    /// No fresh snapshot.
    Stalled,
    /// Points on flash were damaged.
    StoreDamaged,
    /// Points are being deleted before they are delivered.
    Evicted,
    /// The backlog fills its budget.
    Backlog,
    /// The account does not balance.
    Imbalance,
    /// A broker is not connected.
    BrokerDown,
    /// A broker refuses us.
    BrokerDenied,
    /// A bus is not connected.
    BusDown,
    /// The system refuses us the port.
    BusDenied,
    /// The database does not answer.
    DatabaseDown,
    /// The database refuses us.
    DatabaseDenied,
    /// Devices are not heard although their link works.
    Silent,
    /// Messages from devices that are not declared.
    UnknownDevice,
    /// Messages that cannot be read.
    MessagesRefused,
    /// Values that cannot be believed.
    ReadingsDropped,
    /// The clock stands before the build date.
    ClockUnset,
}

/// One thing that is wrong now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// Stable code.
    #[serde(serialize_with = "code")]
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What it is about: a link, a store, an account; empty for the gateway.
    pub subject: String,
    /// What happened.
    pub en: String,
    /// What happened, in Chinese.
    pub zh: String,
    /// What to do next.
    pub hint_en: &'static str,
    /// What to do next, in Chinese.
    pub hint_zh: &'static str,
}

impl Code {
    /// Every condition.
    pub const ALL: [Self; 17] = [
        Self::StoreFault,
        Self::Stalled,
        Self::StoreDamaged,
        Self::Evicted,
        Self::Backlog,
        Self::Imbalance,
        Self::BrokerDown,
        Self::BrokerDenied,
        Self::BusDown,
        Self::BusDenied,
        Self::DatabaseDown,
        Self::DatabaseDenied,
        Self::Silent,
        Self::UnknownDevice,
        Self::MessagesRefused,
        Self::ReadingsDropped,
        Self::ClockUnset,
    ];

    /// Code in messages, manuals and labels. Never given to another condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StoreFault => "GW-H001",
            Self::Stalled => "GW-H002",
            Self::StoreDamaged => "GW-H003",
            Self::Evicted => "GW-H004",
            Self::Backlog => "GW-H005",
            Self::Imbalance => "GW-H006",
            Self::BrokerDown => "GW-H010",
            Self::BrokerDenied => "GW-H011",
            Self::BusDown => "GW-H012",
            Self::BusDenied => "GW-H013",
            Self::DatabaseDown => "GW-H014",
            Self::DatabaseDenied => "GW-H015",
            Self::Silent => "GW-H020",
            Self::UnknownDevice => "GW-H030",
            Self::MessagesRefused => "GW-H031",
            Self::ReadingsDropped => "GW-H032",
            Self::ClockUnset => "GW-H040",
        }
    }

    /// How bad. Only what stops the gateway's own work is critical: a watchdog restarts on it, and a restart mends
    /// neither a cable nor a password.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::StoreFault | Self::Stalled => Severity::Critical,
            Self::ReadingsDropped => Severity::Info,
            _ => Severity::Warning,
        }
    }

    /// Next step, English and Chinese.
    #[must_use]
    pub fn hint(self) -> (&'static str, &'static str) {
        match self {
            Self::StoreFault => (
                "Check free space and the card: `df -h`, `dmesg`. Replace the card if it turned read-only. Nothing is acknowledged meanwhile; it goes on by itself.",
                "检查剩余空间和存储卡（df -h、dmesg）；若卡已变为只读，请更换。期间不会确认任何消息，恢复后自动继续。",
            ),
            Self::Stalled => (
                "Restart the service; nothing acknowledged is lost. Keep the log: `journalctl -u facility-gateway`.",
                "重启服务，已确认的数据不会丢失；请保留日志（journalctl -u facility-gateway）。",
            ),
            Self::StoreDamaged => (
                "Plan to replace the card: flash that damages data once does it again.",
                "请安排更换存储卡：闪存一旦损坏数据，往往会再次发生。",
            ),
            Self::Evicted => (
                "Bring the connection to the database back, or raise the byte budget in the [store] section.",
                "请恢复与数据库的连接，或在 [store] 中调大字节预算。",
            ),
            Self::Backlog => (
                "Bring the connection to the database back before the oldest points are deleted.",
                "请在最旧的数据被删除之前恢复与数据库的连接。",
            ),
            Self::Imbalance => (
                "This is a fault of the gateway. Save /api/status and the log, and report it.",
                "这是网关自身的故障。请保存 /api/status 和日志并反馈。",
            ),
            Self::BrokerDown => (
                "Check that the broker runs and that its address and port are right; then the network between.",
                "检查消息服务器是否运行、地址和端口是否正确，再检查网络。",
            ),
            Self::BrokerDenied => (
                "Check user name, password file or certificate, and the broker's access rules for this client.",
                "检查用户名、密码文件或证书，以及消息服务器对该客户端的访问规则。",
            ),
            Self::BusDown => {
                ("Check the cable, the converter's power and the address or port of the bus.", "检查线缆、转换器电源以及总线的地址或串口。")
            }
            Self::BusDenied => (
                "Give the service's user access to the port (group dialout), and see that nothing else holds it.",
                "请授予服务用户串口权限（dialout 组），并确认没有其他程序占用。",
            ),
            Self::DatabaseDown => (
                "Check the uplink and the database's address. Everything is kept on flash and sent later.",
                "检查上行网络和数据库地址。数据保存在本地闪存，恢复后补传。",
            ),
            Self::DatabaseDenied => (
                "Check the token file, the organisation and the bucket. A new token is read without a restart.",
                "检查令牌文件、组织和存储桶名称。更换令牌后无需重启。",
            ),
            Self::Silent => (
                "Check the device's power and wiring, and its unit id or topic; the connection itself works.",
                "检查设备电源、接线以及站号或主题；链路本身正常。",
            ),
            Self::UnknownDevice => (
                "Declare the device in the configuration, or find out who is publishing on its topics.",
                "请在配置中登记该设备，或查明是谁在发布这些主题。",
            ),
            Self::MessagesRefused => (
                "Check that the device's profile fits its firmware; the reasons say what was wrong.",
                "检查设备型号文件与其固件是否一致；原因见括号。",
            ),
            Self::ReadingsDropped => (
                "Other values of the same messages were kept. Check the profile's fields and ranges.",
                "同一消息中的其他值已保留。请检查型号文件中的字段和取值范围。",
            ),
            Self::ClockUnset => (
                "Give the board a time source: network time, or a battery-backed clock. Readings are kept and put right later.",
                "请为设备提供时间来源：网络校时或带电池的时钟。读数会保留并在校时后修正。",
            ),
        }
    }
}

/// What is wrong, by the snapshot alone; worst first, then in the order of [`Code`] and subject.
#[must_use]
pub fn conditions(status: &Status) -> Vec<Condition> {
    let mut found = Vec::new();
    for store in &status.stores {
        of_store(store, &mut found);
    }
    for account in &status.accounts {
        of_account(account.name, account.missing(), &mut found);
    }
    for link in &status.links {
        of_link(link, status, &mut found);
    }
    of_devices(status, &mut found);
    of_intake(status, &mut found);
    if !status.gateway.clock_set {
        found.push(Condition::new(
            Code::ClockUnset,
            "",
            "The clock is not set: it stands before this program was built.".to_owned(),
            "时钟未设置：早于本程序的构建日期。".to_owned(),
        ));
    }
    found.sort_by(|a, b| (a.severity, a.code, &a.subject).cmp(&(b.severity, b.code, &b.subject)));
    found
}

/// Whether the pipeline stands still: the newest snapshot is `age_ms` old.
#[must_use]
pub fn stalled(age_ms: i64) -> Option<Condition> {
    (age_ms > STATUS_AGE_MS_MAX).then(|| {
        let age_s = age_ms / 1000;
        Condition::new(
            Code::Stalled,
            "",
            format!("The gateway has stood still for {age_s} s: no fresh figures."),
            format!("网关已停滞 {age_s} 秒，没有新数据。"),
        )
    })
}

impl Condition {
    fn new(code: Code, subject: &str, en: String, zh: String) -> Self {
        let (hint_en, hint_zh) = code.hint();
        Self { code, severity: code.severity(), subject: subject.to_owned(), en, zh, hint_en, hint_zh }
    }
}

fn of_store(store: &StoreInfo, found: &mut Vec<Condition>) {
    let name = store.name;
    if let Some(fault) = &store.fault {
        let (en, zh) = (format!("The {name} store cannot write: {fault}."), format!("{name} 存储无法写入：{fault}。"));
        found.push(Condition::new(Code::StoreFault, name, en, zh));
    }
    if store.damaged > 0 {
        let n = store.damaged;
        let (en, zh) = (format!("{n} points of the {name} store were damaged on flash."), format!("{name} 存储中有 {n} 个数据点损坏。"));
        found.push(Condition::new(Code::StoreDamaged, name, en, zh));
    }
    let share = store.backlog_bytes as f64 / store.bytes_max.max(1) as f64;
    if share >= BACKLOG_SHARE_MAX {
        found.push(backlog(store, (share * 100.0) as u64));
    }
}

/// A backlog past its bound, or one that already costs data: the second hides the first. What was deleted in an
/// outage that is over stays in the account and is no longer a condition.
fn backlog(store: &StoreInfo, percent: u64) -> Condition {
    let (name, evicted) = (store.name, store.evicted_since_start);
    if evicted > 0 {
        let en = format!("The {name} store is full: {evicted} points were deleted before they were delivered.");
        return Condition::new(Code::Evicted, name, en, format!("{name} 存储已满，{evicted} 个未送达的数据点被删除。"));
    }
    let (left_en, left_zh) = store.room_s.map_or_else(Default::default, |room_s| {
        (format!(" At the present rate there is room for {}.", span_en(room_s)), format!("按目前速率还可保存{}。", span_zh(room_s)))
    });
    let en = format!("{} points wait in the {name} store, {percent} % of its budget.{left_en}", store.backlog);
    let zh = format!("{name} 存储积压 {} 个数据点，占预算 {percent}%。{left_zh}", store.backlog);
    Condition::new(Code::Backlog, name, en, zh)
}

fn of_account(name: &str, missing: i64, found: &mut Vec<Condition>) {
    let n = missing.unsigned_abs();
    let (en, zh) = match missing {
        0 => return,
        1.. => (format!("The account of {name} does not balance: {n} missing."), format!("{name} 账目不平：缺少 {n}。")),
        _ => (format!("The account of {name} does not balance: {n} too many."), format!("{name} 账目不平：多出 {n}。")),
    };
    found.push(Condition::new(Code::Imbalance, name, en, zh));
}

fn of_link(link: &LinkInfo, status: &Status, found: &mut Vec<Condition>) {
    let for_ms = status.gateway.now_ms.saturating_sub(link.since_ms);
    let down = match link.state {
        LinkState::Up | LinkState::Stopped => return,
        LinkState::Connecting if for_ms < LINK_GRACE_MS => return,
        LinkState::Connecting => true,
        LinkState::Denied => false,
    };
    let (code, what_en, what_zh) = match (link.kind, down) {
        (LinkKind::Broker, true) => (Code::BrokerDown, "is not connected", "未连接"),
        (LinkKind::Broker, false) => (Code::BrokerDenied, "refuses the gateway", "拒绝网关接入"),
        (LinkKind::Bus, true) => (Code::BusDown, "is not connected", "未连接"),
        (LinkKind::Bus, false) => (Code::BusDenied, "may not be opened", "无权打开"),
        (LinkKind::Database, true) => (Code::DatabaseDown, "cannot be reached", "无法访问"),
        (LinkKind::Database, false) => (Code::DatabaseDenied, "refuses the gateway", "拒绝网关写入"),
    };
    let (noun_en, noun_zh) = match link.kind {
        LinkKind::Broker => ("Broker", "消息服务器"),
        LinkKind::Bus => ("Bus", "总线"),
        LinkKind::Database => ("Database", "数据库"),
    };
    // The database is one: its name says nothing.
    let name = if link.kind == LinkKind::Database { String::new() } else { format!(" {}", link.name) };
    let span_s = u64::try_from(for_ms / 1000).unwrap_or(0);
    let cause = link.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
    let mut en = format!("{noun_en}{name} at {} {what_en} for {}{cause}.", link.address, span_en(span_s));
    let mut zh = format!("{noun_zh}{name}（{}）{what_zh}，已持续{}{cause}。", link.address, span_zh(span_s));
    if link.kind == LinkKind::Database {
        if let Some(room_s) = status.stores.iter().filter_map(|store| store.room_s).min() {
            en.push_str(&format!(" At the present rate there is room for {}.", span_en(room_s)));
            zh.push_str(&format!("按目前速率还可离线保存{}。", span_zh(room_s)));
        }
    }
    found.push(Condition::new(code, &link.name, en, zh));
}

/// Silent devices, one condition per link. A link that is down or still coming up explains its devices' silence.
fn of_devices(status: &Status, found: &mut Vec<Condition>) {
    for link in status.links.iter().filter(|link| link.is_up()) {
        let on_link = |device: &&DeviceInfo| device.link_kind == Some(link.kind) && device.link.as_deref() == Some(&link.name);
        let all = status.devices.iter().filter(on_link).count();
        let silent: Vec<&str> =
            status.devices.iter().filter(on_link).filter(|device| device.is_silent()).map(|device| device.id.as_str()).collect();
        if silent.is_empty() {
            continue;
        }
        let shown = silent[..silent.len().min(NAMES_SHOWN_MAX)].join(", ");
        let dots = if silent.len() > NAMES_SHOWN_MAX { ", …" } else { "" };
        let (n, name) = (silent.len(), &link.name);
        let en = format!("{n} of {all} devices on {name} are silent: {shown}{dots}.");
        found.push(Condition::new(Code::Silent, name, en, format!("{name} 上 {all} 台设备中有 {n} 台无数据：{shown}{dots}。")));
    }
}

/// What was turned away in the last minute. A redelivered message is no fault; a unit without an answer is counted
/// with the silent ones.
fn of_intake(status: &Status, found: &mut Vec<Condition>) {
    let rates = &status.rates;
    let recent_s = rates.recent_s;
    let unknown = Fault::UnknownDevice.label();
    if let Some(n) = rates.refused_recent.get(unknown) {
        let en = format!("{n} messages from devices that are not declared in the last {recent_s} s.");
        found.push(Condition::new(Code::UnknownDevice, "", en, format!("最近 {recent_s} 秒收到未登记设备的消息 {n} 条。")));
    }
    if let Some((n, reasons)) = worth_telling(&rates.refused_recent, |fault| fault == Fault::UnknownDevice) {
        let en = format!("{n} messages refused in the last {recent_s} s ({reasons}).");
        found.push(Condition::new(Code::MessagesRefused, "", en, format!("最近 {recent_s} 秒拒收消息 {n} 条（{reasons}）。")));
    }
    if let Some((n, reasons)) = worth_telling(&rates.dropped_recent, |_| false) {
        let en = format!("{n} values dropped in the last {recent_s} s ({reasons}).");
        found.push(Condition::new(Code::ReadingsDropped, "", en, format!("最近 {recent_s} 秒丢弃数值 {n} 个（{reasons}）。")));
    }
}

/// Sum and list of the reasons that are the data's fault, not the line's.
fn worth_telling(recent: &BTreeMap<&'static str, u64>, told_elsewhere: impl Fn(Fault) -> bool) -> Option<(u64, String)> {
    let told = |fault: Fault| match fault {
        Fault::Duplicate | Fault::Timeout | Fault::Exception | Fault::Late | Fault::Foreign | Fault::Malformed | Fault::Disconnected => {
            false
        }
        other => !other.keeps_reading() && !told_elsewhere(other),
    };
    let counted: Vec<(&str, u64)> = Fault::ALL
        .into_iter()
        .filter(|fault| told(*fault))
        .filter_map(|fault| recent.get(fault.label()).map(|n| (fault.label(), *n)))
        .collect();
    let sum = counted.iter().fold(0_u64, |sum, (_, n)| sum.saturating_add(*n));
    let words: Vec<String> = counted.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
    (sum > 0).then(|| (sum, words.join(", ")))
}

/// `40 s`, `12 min`, `5 h`, `9 days`.
fn span_en(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn span_zh(seconds: u64) -> String {
    match seconds {
        0..120 => format!(" {seconds} 秒"),
        120..7_200 => format!(" {} 分钟", seconds / 60),
        7_200..172_800 => format!(" {} 小时", seconds / 3_600),
        _ => format!(" {} 天", seconds / 86_400),
    }
}

fn code<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

#[cfg(test)]
mod tests;
