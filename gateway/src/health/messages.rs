//! What is wrong with what devices send: unknown ones, messages that are refused, values that are dropped.
//!
//! What an allow-list drops is no fault: it is listed under dropped fields, and no condition. A redelivered message is none
//! either; a unit without an answer is counted with the silent ones.

use super::{Code, Condition, NAMES_SHOWN_MAX};
use crate::status::{DroppedInfo, Status};
use facility_drivers::Fault;
use std::collections::{BTreeMap, BTreeSet};

/// A stranger, or a field of another type, is told of for this long after it was last seen: devices speak every few minutes.
const TOLD_MS: i64 = 3_600_000;
/// Places named in one message.
const PLACES_SHOWN_MAX: usize = 3;

/// Adds what holds now.
pub(super) fn look(status: &Status, found: &mut Vec<Condition>) {
    of_strangers(status, found);
    of_refusals(status, found);
    of_schema(status, found);
    of_limits(status, found);
    of_values(status, found);
}

fn of_strangers(status: &Status, found: &mut Vec<Condition>) {
    let rates = &status.rates;
    let lately = status.strangers.iter().filter(|one| is_lately(status, one.stranger.last_ms));
    let ids: Vec<&str> = lately.map(|one| &*one.stranger.id).collect();
    let (en, zh) = if ids.is_empty() {
        let Some(n) = rates.refused_recent.get(Fault::UnknownDevice.label()) else { return };
        (
            format!("{n} messages from devices that are not declared in the last {} s.", rates.recent_s),
            format!("最近 {} 秒收到未登记设备的消息 {n} 条。", rates.recent_s),
        )
    } else {
        let (n, names) = (ids.len(), named(&ids, NAMES_SHOWN_MAX));
        (
            format!("Devices that are not declared were heard in the last hour, {n} in all: {names}."),
            format!("最近一小时收到未登记设备的消息，共 {n} 台：{names}。"),
        )
    };
    found.push(Condition::new(Code::UnknownDevice, "", en, zh));
}

fn of_refusals(status: &Status, found: &mut Vec<Condition>) {
    let recent_s = status.rates.recent_s;
    let told_elsewhere = |fault| matches!(fault, Fault::UnknownDevice | Fault::RateLimited | Fault::NoBirth | Fault::Retained);
    if let Some((n, reasons)) = worth_telling(&status.rates.refused_recent, told_elsewhere) {
        let names = devices_of(status, |fault| is_refusal(fault) && fault != Fault::Duplicate && !told_elsewhere(fault));
        let en = format!("{n} messages refused in the last {recent_s} s ({reasons}){names}.");
        found.push(Condition::new(Code::MessagesRefused, "", en, format!("最近 {recent_s} 秒拒收消息 {n} 条（{reasons}）{names}。")));
    }
}

/// Devices of which whole messages were dropped lately for some reason, as `: one, another`.
fn devices_of(status: &Status, is_it: impl Fn(Fault) -> bool) -> String {
    let drops = status.dropped.iter().filter(|drop| is_it(drop.reason) && drop.place.is_empty() && is_lately(status, drop.last_ms));
    let devices: BTreeSet<&str> = drops.map(|drop| &*drop.device).collect();
    let devices: Vec<&str> = devices.into_iter().collect();
    if devices.is_empty() { String::new() } else { format!(": {}", named(&devices, NAMES_SHOWN_MAX)) }
}

/// Fields that are not what the profile says, of devices that are heard all the same: one condition per device, or one for
/// all if that is many: new firmware comes to a whole fleet.
fn of_schema(status: &Status, found: &mut Vec<Condition>) {
    let mut by_device: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for drop in changed(status) {
        by_device.entry(&drop.device).or_default().push(&drop.place);
    }
    if by_device.len() > NAMES_SHOWN_MAX {
        let (n, ids) = (by_device.len(), by_device.into_keys().collect::<Vec<_>>());
        let names = named(&ids, NAMES_SHOWN_MAX);
        let en = format!("Fields of {n} devices are no longer what their profiles say: {names}.");
        found.push(Condition::new(Code::SchemaChanged, "", en, format!("{n} 台设备的字段与型号文件不符：{names}。")));
        return;
    }
    for (device, places) in by_device {
        let places = named(&places, PLACES_SHOWN_MAX);
        let en = format!("A field of {device} is no longer what its profile says: {places}.");
        found.push(Condition::new(Code::SchemaChanged, device, en, format!("设备 {device} 的字段与型号文件不符：{places}。")));
    }
}

fn changed(status: &Status) -> impl Iterator<Item = &DroppedInfo> {
    let delivers: BTreeSet<&str> = status.devices.iter().filter(|device| device.online).map(|device| device.id.as_str()).collect();
    status.dropped.iter().filter(move |drop| {
        matches!(drop.reason, Fault::WrongType | Fault::BadText) && is_lately(status, drop.last_ms) && delivers.contains(&*drop.device)
    })
}

/// Messages that are refused as such, whatever is in them.
fn of_limits(status: &Status, found: &mut Vec<Condition>) {
    let recent_s = status.rates.recent_s;
    for (fault, code, what_en, what_zh) in [
        (Fault::RateLimited, Code::RateLimited, "a device sends more than it may", "因设备发送过于频繁被丢弃"),
        (Fault::NoBirth, Code::NoBirth, "no Sparkplug birth has come yet", "因尚未收到 Sparkplug birth 被丢弃"),
    ] {
        let Some(n) = status.rates.refused_recent.get(fault.label()) else { continue };
        let names = devices_of(status, |reason| reason == fault);
        let en = format!("{n} messages were dropped in the last {recent_s} s because {what_en}{names}.");
        found.push(Condition::new(code, "", en, format!("最近 {recent_s} 秒有 {n} 条消息{what_zh}{names}。")));
    }
}

/// Values that cannot be believed, with the places where that was seen last.
fn of_values(status: &Status, found: &mut Vec<Condition>) {
    let recent_s = status.rates.recent_s;
    let is_told = changed(status).next().is_some();
    let told_elsewhere = |fault| fault == Fault::UnknownField || is_told && matches!(fault, Fault::WrongType | Fault::BadText);
    let Some((n, reasons)) = worth_telling(&status.rates.dropped_recent, told_elsewhere) else { return };
    let since_ms = status.gateway.now_ms.saturating_sub(i64::try_from(recent_s).unwrap_or(0).saturating_mul(1000));
    // Without a place it was the whole message.
    let is_value = |drop: &&DroppedInfo| !is_refusal(drop.reason) && !drop.place.is_empty();
    let at = status.dropped.iter().filter(|drop| drop.last_ms >= since_ms && !told_elsewhere(drop.reason)).filter(is_value);
    let at: Vec<String> = at.map(|drop| format!("{} {}", drop.device, drop.place)).collect();
    let places = if at.is_empty() { String::new() } else { format!(": {}", named(&at, PLACES_SHOWN_MAX)) };
    let is_full = status.rates.dropped_recent.contains_key(Fault::TooManySeries.label());
    let (full_en, full_zh) =
        if is_full { (" A device has more parts than its `series_max`.", "有设备的部件超过 `series_max`。") } else { ("", "") };
    let en = format!("{n} values dropped in the last {recent_s} s ({reasons}){places}.{full_en}");
    found.push(Condition::new(Code::ReadingsDropped, "", en, format!("最近 {recent_s} 秒丢弃数值 {n} 个（{reasons}）{places}。{full_zh}")));
}

/// Whether it is a reason to refuse whole messages.
fn is_refusal(fault: Fault) -> bool {
    fault < Fault::UnknownField
}

fn is_lately(status: &Status, last_ms: i64) -> bool {
    status.gateway.now_ms.saturating_sub(last_ms) < TOLD_MS
}

/// The first names of a list.
fn named(names: &[impl AsRef<str>], shown_max: usize) -> String {
    let shown: Vec<&str> = names.iter().take(shown_max).map(AsRef::as_ref).collect();
    format!("{}{}", shown.join(", "), if names.len() > shown_max { ", …" } else { "" })
}

/// Sum and list of the reasons that are the data's fault, not the line's.
fn worth_telling(recent: &BTreeMap<&'static str, u64>, told_elsewhere: impl Fn(Fault) -> bool) -> Option<(u64, String)> {
    let told = |fault: Fault| match fault {
        Fault::Duplicate | Fault::Timeout | Fault::Exception | Fault::Disconnected => false,
        other if other.is_discarded() => false,
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
