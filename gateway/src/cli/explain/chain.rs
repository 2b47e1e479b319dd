//! The chain of hops from a device to the database, judged by one snapshot and the configuration. Pure.
//!
//! Every hop is judged by itself: behind one that failed, others fail because of it, and the first one is named.

use super::deliver;
use super::hop::{Hop, Step, Verdict, both};
use super::seen::{Dropped, Heard, Link, Missing, Seen};
use crate::cli::store::words::{count, time};
use crate::health::{Code, span_en, span_zh};
use crate::status::reason;
use facility_config::limits::LINK_GRACE_MS;
use facility_config::{Device, Site, Source, nearest};
use facility_drivers::Fault;

/// What was dropped longer ago than this is no news: devices speak every few minutes.
const TOLD_S: u64 = 3_600;
/// Names of a list that are written out.
const NAMES_MAX: usize = 3;

/// Every hop of a device; of one that is not declared only that.
pub(super) fn chain(seen: &Seen, site: &Site, id: &str) -> Vec<Hop> {
    let Some(declared) = declared_device(site, id) else { return vec![undeclared(site, &seen.strangers, id)] };
    let Some(device) = seen.device(id) else { return vec![declared_since(declared)] };
    let link = seen.link_of(device);
    vec![
        declared_well(declared, device),
        link_up(seen, link, device),
        heard(seen, link, device),
        messages(seen, device),
        values(device),
        deliver::stored(seen),
        deliver::windows(seen, site, device),
        deliver::forwarded(seen, site),
        deliver::suppressed(seen, id),
    ]
}

/// A device of the configuration; the gateway itself is none.
pub(super) fn declared_device<'s>(site: &'s Site, id: &str) -> Option<&'s Device> {
    site.devices.iter().find(|device| *device.id == *id && device.source != Source::Gateway)
}

/// A device nobody declared: one that was heard under that name, or a name like it.
pub(super) fn undeclared(site: &Site, strangers: &[crate::status::StrangerInfo], id: &str) -> Hop {
    let failed = |words| Hop::new(Step::Declared, Verdict::Failed, words);
    if let Some(one) = strangers.iter().find(|one| one.stranger.id.eq_ignore_ascii_case(id)) {
        let (topic, broker, last) = (&one.stranger.topic, &one.broker, time(one.stranger.last_ms));
        let said = failed((
            format!("{id} is not declared, but was heard on broker {broker} until {last}, topic {topic}."),
            format!("{id} 未登记，但曾在消息服务器 {broker} 上收到其消息（最近 {last}），主题 {topic}。"),
        ));
        return said.next((format!("Declare it: {}", one.adopt), format!("登记该设备：{}", one.adopt)));
    }
    let said = failed((format!("{id} is not declared in this configuration."), format!("本配置中没有登记设备 {id}。")));
    let ids = site.devices.iter().filter(|device| device.source != Source::Gateway).map(|device| &*device.id);
    match nearest(id, ids) {
        Some(near) => said.next((format!("Did you mean {near}?"), format!("是否为 {near}？"))),
        None => said.hint(Code::UnknownDevice),
    }
}

/// The gateway runs with an older configuration.
fn declared_since(device: &Device) -> Hop {
    let id = &device.id;
    let said = Hop::new(
        Step::Declared,
        Verdict::Failed,
        (
            format!("{id} is declared, but the running gateway does not know it: it was started with an earlier configuration."),
            format!("{id} 已登记，但运行中的网关尚不认识它：网关启动时使用的是旧配置。"),
        ),
    );
    said.next(both("Restart it: systemctl restart facility-gateway", "重启网关：systemctl restart facility-gateway"))
}

fn declared_well(device: &Device, seen: &Heard) -> Hop {
    let (kind, zh) = (device.kind.as_str(), device.kind.zh());
    let model = device.profile.as_ref().map(|profile| profile.title()).unwrap_or_default();
    let (link_kind, link) = (seen.link_kind.as_deref().unwrap_or("no link"), seen.link.as_deref().unwrap_or_default());
    let (every_en, every_zh) = (span_en(seen.interval_s as u64), span_zh(seen.interval_s as u64));
    let en = format!("{kind}, {model}, on {link_kind} {link}, expected every {every_en}.");
    Hop::new(Step::Declared, Verdict::Ok, (en, format!("{zh}，{model}，链路 {link}，应每{every_zh}上报一次。")))
}

fn link_up(seen: &Seen, link: Option<&Link>, device: &Heard) -> Hop {
    let Some(link) = link else {
        let name = device.link.as_deref().unwrap_or("?");
        return Hop::new(Step::Link, Verdict::Unknown, (format!("The gateway shows no link {name}."), format!("网关未显示链路 {name}。")));
    };
    let bus = link.kind == "bus";
    let for_s = seen.ago_s(link.since_ms);
    let (verdict, code) = match &*link.state {
        "up" => return Hop::new(Step::Link, Verdict::Ok, state(link, "up", "已连接", for_s)),
        "denied" => (Verdict::Failed, if bus { Code::BusDenied } else { Code::BrokerDenied }),
        "connecting" if for_s.saturating_mul(1000) < LINK_GRACE_MS.unsigned_abs() && link.error.is_none() => {
            (Verdict::Suspect, if bus { Code::BusDown } else { Code::BrokerDown })
        }
        _ => (Verdict::Failed, if bus { Code::BusDown } else { Code::BrokerDown }),
    };
    let words = seen.says(&link.name, &[code]).unwrap_or_else(|| match verdict {
        Verdict::Suspect => state(link, "connecting", "正在连接", for_s),
        _ => state(link, "down", "未连接", for_s),
    });
    Hop::new(Step::Link, verdict, words).hint(code)
}

fn state(link: &Link, en: &str, zh: &str, for_s: u64) -> (String, String) {
    let Link { kind, name, address, .. } = link;
    let error = link.error.as_ref().filter(|_| link.state != "up").map(|error| format!(" ({error})")).unwrap_or_default();
    let kind_zh = if kind == "bus" { "总线" } else { "消息服务器" };
    (
        format!("{kind} {name} at {address} has been {en} for {}{error}.", span_en(for_s)),
        format!("{kind_zh} {name}（{address}）{zh}，已持续{}{error}。", span_zh(for_s)),
    )
}

fn heard(seen: &Seen, link: Option<&Link>, device: &Heard) -> Hop {
    let (last_en, last_zh) = last_heard(seen, device);
    let (mut lack_en, mut lack_zh) = device.missing.as_ref().map(missing).unwrap_or_default();
    if device.unrevised_days > 0 {
        let n = device.unrevised_days;
        lack_en.push_str(&format!(
            " The figures of {n} closed days stay without what came late for them: the log lacks some of their readings."
        ));
        lack_zh.push_str(&format!("有 {n} 个已结束日的指标未计入迟到数据：日志中缺少当日部分读数。"));
    }
    if device.online {
        return Hop::new(Step::Heard, Verdict::Ok, (format!("{last_en}.{lack_en}"), format!("{last_zh}。{lack_zh}")));
    }
    let others: Vec<&Heard> = seen.devices.iter().filter(|other| other.link == device.link && other.id != device.id).collect();
    let (n, all) = (others.iter().filter(|other| other.online).count(), others.len());
    let words = match all {
        0 => (format!("{last_en}; it is alone on its link.{lack_en}"), format!("{last_zh}；该链路上没有其他设备。{lack_zh}")),
        _ => (
            format!("{last_en}; {n} of {all} other devices on the same link are heard.{lack_en}"),
            format!("{last_zh}；同一链路上其他 {all} 台设备中有 {n} 台正常。{lack_zh}"),
        ),
    };
    if device.waiting {
        let wait = both("It is not due yet: ask again after three intervals.", "尚未到上报时间：请在三个周期后再查。");
        return Hop::new(Step::Heard, Verdict::Suspect, words).next(wait);
    }
    let hop = Hop::new(Step::Heard, Verdict::Failed, words);
    if link.is_some_and(|link| link.state != "up") {
        return hop
            .next(both("Mend the link first; the device cannot be heard without it.", "请先恢复链路；链路不通时无法收到该设备的数据。"));
    }
    if n == 0 && all > 0 {
        return hop.next(both(
            "Nobody on this link is heard: first check what all of them hang on, such as cable, converter or router.",
            "该链路上所有设备均无数据：请先检查共用的线缆、转换器或路由器。",
        ));
    }
    hop.hint(Code::Silent)
}

/// The newest interval without data and why, behind another sentence.
fn missing(missing: &Missing) -> (String, String) {
    let (from, Missing { en, zh, .. }) = (time(missing.from_ms), missing);
    match missing.to_ms {
        Some(to_ms) => {
            let to = time(to_ms);
            (format!(" Nothing came from {from} to {to}: {en}."), format!("最近一次缺数据：{from} 至 {to}，{zh}。"))
        }
        None => (format!(" Nothing has come since {from}: {en}."), format!("自 {from} 起缺数据：{zh}。")),
    }
}

/// When it was heard and how often it should be, without the full stop.
fn last_heard(seen: &Seen, device: &Heard) -> (String, String) {
    let (every_en, every_zh) = (span_en(device.interval_s as u64), span_zh(device.interval_s as u64));
    match device.last_seen_ms {
        Some(at_ms) => {
            let ago_s = seen.ago_s(at_ms);
            (
                format!("last heard {} ago ({}), expected every {every_en}", span_en(ago_s), time(at_ms)),
                format!("最近一次通信在{}前（{}），应每{every_zh}一次", span_zh(ago_s), time(at_ms)),
            )
        }
        None => {
            let up_s = seen.gateway.uptime_s;
            (
                format!("never heard since the gateway started {} ago, expected every {every_en}", span_en(up_s)),
                format!("网关启动{}以来从未收到数据，应每{every_zh}一次", span_zh(up_s)),
            )
        }
    }
}

fn messages(seen: &Seen, device: &Heard) -> Hop {
    let lately = |drop: &&Dropped| drop.device == device.id && seen.ago_s(drop.last_ms) < TOLD_S;
    let fault = |drop: &Dropped| reason::fault(&drop.reason);
    let of = |wanted: &dyn Fn(Fault) -> bool| -> Vec<&Dropped> {
        seen.dropped.iter().filter(lately).filter(|drop| fault(drop).is_some_and(wanted)).collect()
    };
    let refused = of(&|fault| fault < Fault::UnknownField && fault != Fault::Duplicate);
    if !refused.is_empty() {
        let verdict = if device.online { Verdict::Suspect } else { Verdict::Failed };
        let kept = seen.letters.kept;
        let (en, zh) = listed(&refused);
        let words = (
            format!("Messages refused in the last hour: {en}. {kept} messages of all devices are kept as dead letters."),
            format!("最近一小时拒收的报文：{zh}。所有设备的死信共 {kept} 条。"),
        );
        return Hop::new(Step::Messages, verdict, words).hint(Code::MessagesRefused);
    }
    let dropped = of(&|fault| fault > Fault::UnknownField && !fault.keeps_reading());
    if !dropped.is_empty() {
        let changed = dropped.iter().any(|drop| matches!(fault(drop), Some(Fault::WrongType | Fault::BadText)));
        let (en, zh) = listed(&dropped);
        let words = (format!("Fields dropped in the last hour: {en}."), format!("最近一小时丢弃的字段：{zh}。"));
        return Hop::new(Step::Messages, Verdict::Suspect, words).hint(if changed { Code::SchemaChanged } else { Code::ReadingsDropped });
    }
    let unnamed = of(&|fault| fault == Fault::UnknownField).len();
    unrefused(device, unnamed)
}

/// Nothing was turned away; what was lost before it came here?
fn unrefused(device: &Heard, unnamed: usize) -> Hop {
    if device.lost_messages > 0 {
        let n = count(device.lost_messages);
        let words = (
            format!("{n} messages are missing in the device's own count of them since the gateway started."),
            format!("自网关启动以来，按设备自身序号缺少 {n} 条报文。"),
        );
        return Hop::new(Step::Messages, Verdict::Suspect, words).next(both(
            "They were lost before they came here: check the device's own link (signal, SIM card) and its QoS.",
            "报文在到达网关之前丢失：请检查设备自身的网络（信号、流量卡）和 QoS 设置。",
        ));
    }
    let words = (
        format!("Nothing refused in the last hour; {unnamed} fields are not named in the profile and left out."),
        format!("最近一小时没有拒收；有 {unnamed} 个字段不在型号文件中，不予采集。"),
    );
    Hop::new(Step::Messages, Verdict::Ok, words)
}

/// Places, reasons and counts of the first of them.
fn listed(drops: &[&Dropped]) -> (String, String) {
    let more = if drops.len() > NAMES_MAX { ", …" } else { "" };
    let list = |words: &dyn Fn(&Dropped) -> String| drops.iter().take(NAMES_MAX).map(|drop| words(drop)).collect::<Vec<_>>();
    let place = |drop: &Dropped| if drop.place.is_empty() { String::new() } else { format!("{} ", drop.place) };
    let en = list(&|drop| format!("{}{} ({}), {} times", place(drop), drop.en, drop.reason, count(drop.count)));
    let zh = list(&|drop| format!("{}{}，{} 次", place(drop), drop.zh, count(drop.count)));
    (en.join("; ") + more, zh.join("；") + more)
}

fn values(device: &Heard) -> Hop {
    let all = device.values.len();
    let bad: Vec<_> = device.values.iter().filter(|value| value.quality != "good").collect();
    if all == 0 {
        let (verdict, words) = match device.last_seen_ms {
            Some(_) => {
                (Verdict::Failed, both("It was heard, but no value was ever made of what it said.", "收到过数据，但未解析出任何数值。"))
            }
            None => return Hop::new(Step::Values, Verdict::Unknown, both("No value yet: it was never heard.", "尚无数值：从未收到数据。")),
        };
        return Hop::new(Step::Values, verdict, words).hint(Code::MessagesRefused);
    }
    if bad.is_empty() {
        return Hop::new(Step::Values, Verdict::Ok, (format!("{all} values, all good."), format!("共 {all} 个数值，均正常。")));
    }
    let name = |value: &super::seen::Shown| match value.part.is_empty() {
        true => format!("{} ({})", value.name, value.quality),
        false => format!("{} [{}] ({})", value.name, value.part, value.quality),
    };
    let names: Vec<String> = bad.iter().take(NAMES_MAX).map(|value| name(value)).collect();
    let (n, names, more) = (bad.len(), names.join(", "), if bad.len() > NAMES_MAX { ", …" } else { "" });
    let verdict = if n == all { Verdict::Failed } else { Verdict::Suspect };
    let words = (format!("{n} of {all} points have no value: {names}{more}."), format!("{all} 个测点中有 {n} 个没有数值：{names}{more}。"));
    Hop::new(Step::Values, verdict, words).next(both(
        "sensor_error: check the probe and its cable; comm_error: the wiring and the unit id; out_of_range: the profile's scale and range.",
        "sensor_error：检查探头及其接线；comm_error：检查线路和站号；out_of_range：检查型号文件的倍率与量程。",
    ))
}
