//! What is wrong with a gateway and its connections, in words for people, with the next step from the [catalogue](Code).
//!
//! Pure: [`conditions`] looks at one snapshot and says what holds now; nothing is remembered, so a condition goes
//! when its cause goes. A cause hides its consequences: a bus that is down does not also report its silent units.
//! Bounded: at most one condition per code and subject (a link, a store, one of a few devices). Alarms of devices are not here: they
//! are readings, and the `alarm` module's.

mod catalogue;
mod messages;

pub use catalogue::{Code, Severity};

use catalogue::MUTE_HINT;

use crate::status::{DeviceInfo, LinkInfo, LinkKind, Status, StoreInfo, WearInfo};
use crate::wear::card::{Band, Reserve};
use facility_config::limits::{LINK_GRACE_MS, STATUS_AGE_MS_MAX};
use facility_drivers::link::LinkState;
use serde::Serialize;

/// The backlog is worth a word when it fills this share of its budget: early enough to act, late enough that a
/// night without network is no news.
const BACKLOG_SHARE_MAX: f64 = 0.5;
/// A card that reports this much of its life as used is due (eMMC life_time 0x09).
const LIFE_USED_PCT_MAX: u8 = 80;
/// A projected life below this is worth a word: somebody comes by about once a year.
const LIFE_YEARS_MIN: f64 = 1.0;
/// What was measured for less than a day projects one busy hour.
const WEAR_MEASURED_S_MIN: u64 = 86_400;
/// Devices named in one message; the rest are counted.
const NAMES_SHOWN_MAX: usize = 5;

/// One thing that is wrong now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// Stable code.
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

/// What is wrong, by the snapshot alone; worst first, then in the order of [`Code`] and subject.
#[must_use]
pub fn conditions(status: &Status) -> Vec<Condition> {
    let mut found = Vec::new();
    for store in &status.stores {
        of_store(store, &mut found);
    }
    of_wear(&status.wear, &mut found);
    for account in &status.accounts {
        of_account(account.name, account.missing(), &mut found);
    }
    for link in &status.links {
        of_link(link, status, &mut found);
        of_load(link, status, &mut found);
    }
    of_devices(status, &mut found);
    messages::look(status, &mut found);
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
        let (lost_en, lost_zh) = match store.no_disk_since_start {
            0 => Default::default(),
            n => (format!(" {n} points were given up, memory is full."), format!("内存已满，已放弃 {n} 个数据点。")),
        };
        let (en, zh) = (format!("The {name} store cannot write: {fault}.{lost_en}"), format!("{name} 存储无法写入：{fault}。{lost_zh}"));
        found.push(Condition::new(Code::StoreFault, name, en, zh));
    }
    if store.damaged > 0 {
        let n = store.damaged;
        let (en, zh) = (format!("{n} points of the {name} store were damaged on flash."), format!("{name} 存储中有 {n} 个数据点损坏。"));
        found.push(Condition::new(Code::StoreDamaged, name, en, zh));
    }
    let share = store.backlog_bytes as f64 / store.bytes_max.max(1) as f64;
    if store.full {
        let en = format!("The {name} store is full and may delete nothing (overflow = \"block\"): acknowledgements are withheld.");
        let zh = format!("{name} 存储已满且不允许删除（overflow = \"block\"），暂停确认消息。");
        found.push(Condition::new(Code::StoreFull, name, en, zh));
    } else if share >= BACKLOG_SHARE_MAX || is_giving_way(store) {
        found.push(backlog(store, (share * 100.0) as u64));
    }
}

/// Whether points were given up for room and nothing is left that is not waited for: so it goes on, however little of
/// the budget that is. The free space of the file system may be the narrower bound.
fn is_giving_way(store: &StoreInfo) -> bool {
    let deleted = store.evicted_since_start.saturating_add(store.thinned_since_start);
    deleted > 0 && store.backlog > 0 && store.backlog >= store.end.saturating_sub(store.start)
}

/// A backlog past its bound, or one that already costs data, deleted or thinned out: the second hides the first. What
/// was deleted in an outage that is over stays in the account and is no longer a condition.
fn backlog(store: &StoreInfo, percent: u64) -> Condition {
    let (name, thinned) = (store.name, store.thinned_since_start);
    let deleted = store.evicted_since_start.saturating_add(thinned);
    if deleted > 0 {
        let (some_en, some_zh) = match thinned {
            0 => Default::default(),
            n => (format!(", {n} of them by thinning out"), format!("（其中抽稀 {n} 个）")),
        };
        let en = format!("The {name} store is full: {deleted} points were deleted before they were delivered{some_en}.");
        return Condition::new(Code::Evicted, name, en, format!("{name} 存储已满，{deleted} 个未送达的数据点被删除{some_zh}。"));
    }
    let (left_en, left_zh) = store.room_s.map_or_else(Default::default, |room_s| {
        (format!(" At the present rate there is room for {}.", span_en(room_s)), format!("按目前速率还可保存{}。", span_zh(room_s)))
    });
    let en = format!("{} points wait in the {name} store, {percent} % of its budget.{left_en}", store.backlog);
    let zh = format!("{name} 存储积压 {} 个数据点，占预算 {percent}%。{left_zh}", store.backlog);
    Condition::new(Code::Backlog, name, en, zh)
}

/// What the card says of itself is a fact and hides what is projected.
fn of_wear(wear: &WearInfo, found: &mut Vec<Condition>) {
    let Some(card) = wear.card.as_ref().map(|card| &card.device) else { return };
    let short = wear.life_years.filter(|years| *years < LIFE_YEARS_MIN && wear.measured_s >= WEAR_MEASURED_S_MIN);
    let (en, zh) = match (wear.reserve, wear.life_used, short) {
        (Some(Reserve::Urgent), ..) => {
            (format!("The card {card} has nearly no spare blocks left."), format!("存储卡 {card} 的备用块即将用尽。"))
        }
        (_, Some(Band { to_pct: None, .. }), _) => {
            (format!("The card {card} reports that its life is over."), format!("存储卡 {card} 报告其寿命已用尽。"))
        }
        (_, Some(Band { from_pct, to_pct: Some(to_pct) }), _) if from_pct >= LIFE_USED_PCT_MAX => (
            format!("The card {card} reports {from_pct} to {to_pct} % of its life as used."),
            format!("存储卡 {card} 报告已用寿命 {from_pct}% 至 {to_pct}%。"),
        ),
        (Some(Reserve::Warning), ..) => {
            (format!("The card {card} has used 80 % of its spare blocks."), format!("存储卡 {card} 的备用块已用 80%。"))
        }
        (.., Some(years)) => {
            let (days, per_day) = ((years * 365.25) as u64, wear.written_bytes_per_day.unwrap_or(0) as f64 / 1e9);
            let en = format!("{per_day:.1} GB are written to the card {card} a day: a new one would last about {days} days.");
            (en, format!("存储卡 {card} 每天写入 {per_day:.1} GB：按此速率新卡约可用 {days} 天。"))
        }
        _ => return,
    };
    found.push(Condition::new(Code::CardWorn, card, en, zh));
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
        // It was not asked for anything yet: the first window is not closed.
        LinkState::Connecting if link.kind == LinkKind::Database && link.error.is_none() => return,
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
        LinkKind::Database => ("Destination", "转发目标"),
    };
    // The name of the only destination says nothing.
    let is_only = link.kind == LinkKind::Database && status.forward.len() < 2;
    let name = if is_only { String::new() } else { format!(" {}", link.name) };
    let span_s = u64::try_from(for_ms / 1000).unwrap_or(0);
    let cause = link.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
    let mut en = format!("{noun_en}{name} at {} {what_en} for {}{cause}.", link.address, span_en(span_s));
    let mut zh = format!("{noun_zh}{name}（{}）{what_zh}，已持续{}{cause}。", link.address, span_zh(span_s));
    let room_s = status.stores.iter().filter_map(|store| store.room_s).min();
    if let Some(room_s) = room_s.filter(|_| link.kind == LinkKind::Database) {
        en.push_str(&format!(" At the present rate there is room for {}.", span_en(room_s)));
        zh.push_str(&format!("按目前速率还可离线保存{}。", span_zh(room_s)));
    }
    found.push(Condition::new(code, &link.name, en, zh));
}

/// A bus whose line is too slow for what is asked of it: rates sink, for all alike, long before a device is silent.
fn of_load(link: &LinkInfo, status: &Status, found: &mut Vec<Condition>) {
    let (Some(busy_pct), late @ 1..) = (link.busy_pct, link.late_units) else { return };
    let all = status.devices.iter().filter(|device| device.link_kind == Some(LinkKind::Bus) && device.link.as_deref() == Some(&link.name));
    let (all, name) = (all.count(), &link.name);
    let en =
        format!("{late} of {all} devices on {name} are polled much less often than asked; the line was busy {busy_pct:.0} % of the time.");
    let zh = format!("{name} 上 {all} 台设备中有 {late} 台的轮询远低于设定频率；线路占用 {busy_pct:.0}%。");
    found.push(Condition::new(Code::BusOverloaded, name, en, zh));
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
        let condition = Condition::new(Code::Silent, name, en, format!("{name} 上 {all} 台设备中有 {n} 台无数据：{shown}{dots}。"));
        let is_mute = n == all && all > 1;
        let (hint_en, hint_zh) = if is_mute { MUTE_HINT } else { Code::Silent.hint() };
        found.push(Condition { hint_en, hint_zh, ..condition });
    }
}

/// `40 s`, `12 min`, `5 h`, `9 days`.
pub(crate) fn span_en(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

pub(crate) fn span_zh(seconds: u64) -> String {
    match seconds {
        0..120 => format!(" {seconds} 秒"),
        120..7_200 => format!(" {} 分钟", seconds / 60),
        7_200..172_800 => format!(" {} 小时", seconds / 3_600),
        _ => format!(" {} 天", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests;
