//! The later hops: flash, figures, database, and what is kept quiet on purpose. Pure.

use super::hop::{Hop, Step, Verdict, both};
use super::seen::{Alarm, Heard, Link, Seen, Store};
use crate::cli::store::words::{count, time};
use crate::health::{Code, span_en, span_zh};
use facility_config::Site;

/// Figures are told a few minutes after their window, and a gateway needs two windows to have one.
const FIRST_WINDOWS_S: u64 = 900;
/// A newest window that began longer ago than this many lengths of one is old: one is open, one waits for late readings.
const WINDOWS_OLD: u64 = 4;
/// A figure of which less was observed is insufficient (DOMAIN §4).
const COVERAGE_MIN: f64 = 0.80;
/// More points than this wait for longer than the next request takes.
const BACKLOG_MAX: u64 = 100_000;

/// Whether readings reach the flash, and are handed on from there.
pub(super) fn stored(seen: &Seen) -> Hop {
    let Some(store) = seen.store("readings") else {
        return Hop::new(Step::Stored, Verdict::Unknown, both("The gateway shows no readings store.", "网关未显示读数存储。"));
    };
    if let Some(hop) = broken(seen, store, Step::Stored) {
        return hop;
    }
    if !seen.gateway.clock_set {
        let words = both(
            "The gateway's clock is not set: readings are stored and held back until their time is known.",
            "网关时钟未设置：读数已存储，但在时间确定之前暂不处理。",
        );
        return Hop::new(Step::Stored, Verdict::Failed, words).hint(Code::ClockUnset);
    }
    let gone = store.evicted_since_start.saturating_add(store.thinned_since_start).saturating_add(store.no_disk_since_start);
    if gone > 0 {
        let n = count(gone);
        let words = (
            format!("{n} points of all devices were given up for room since the gateway started."),
            format!("自网关启动以来，因空间不足放弃了 {n} 个数据点（所有设备）。"),
        );
        return Hop::new(Step::Stored, Verdict::Suspect, words).hint(Code::Evicted);
    }
    let n = count(store.backlog);
    Hop::new(
        Step::Stored,
        Verdict::Ok,
        (format!("Written to flash; {n} points wait for the next step."), format!("已写入闪存；{n} 个数据点等待下一步。")),
    )
}

/// A log that takes nothing more.
fn broken(seen: &Seen, store: &Store, step: Step) -> Option<Hop> {
    let (code, words) = match &store.fault {
        Some(fault) => (
            Code::StoreFault,
            (format!("The {} store cannot write: {fault}.", store.name), format!("{} 存储无法写入：{fault}。", store.name)),
        ),
        None if store.full => (
            Code::StoreFull,
            (format!("The {} store is full and may delete nothing.", store.name), format!("{} 存储已满且不允许删除。", store.name)),
        ),
        None => return None,
    };
    Some(Hop::new(step, Verdict::Failed, seen.says(&store.name, &[code]).unwrap_or(words)).hint(code))
}

/// Whether readings become figures, and how much of the last hour those saw.
pub(super) fn windows(seen: &Seen, site: &Site, device: &Heard) -> Hop {
    let hop = |verdict, words| Hop::new(Step::Windows, verdict, words);
    let Some(windows) = &seen.windows else {
        return hop(Verdict::Unknown, both("The gateway's history did not answer.", "网关历史查询没有应答。"));
    };
    let Some((at_ms, coverage)) = windows.last() else { return without_windows(seen, device) };
    let (n, newest) = (windows.len(), time(*at_ms));
    let mean = windows.iter().map(|(_, coverage)| coverage).sum::<f64>() / n as f64;
    let words = (
        format!(
            "{n} windows of late have figures, the newest from {newest}: {:.0} % of it observed, {:.0} % of all.",
            coverage * 1e2,
            mean * 1e2
        ),
        format!("近期有 {n} 个窗口有指标，最新为 {newest}：覆盖率 {:.0}%，平均 {:.0}%。", coverage * 1e2, mean * 1e2),
    );
    if seen.ago_s(*at_ms) > WINDOWS_OLD * site.window.as_secs() {
        let stopped = both("Figures of it have stopped: see the hops before this one.", "该设备的指标已中断：请查看前面的环节。");
        return hop(if device.online { Verdict::Suspect } else { Verdict::Failed }, words).next(stopped);
    }
    if *coverage >= COVERAGE_MIN {
        return hop(Verdict::Ok, words);
    }
    hop(Verdict::Suspect, words).next(both(
        "Below 80 % a figure is insufficient: the device speaks less often than its interval says, or lost its link now and then.",
        "低于 80% 时指标视为不足：设备上报少于设定周期，或链路时断时续。",
    ))
}

/// No window of late has a figure of it.
fn without_windows(seen: &Seen, device: &Heard) -> Hop {
    let hop = |verdict, words| Hop::new(Step::Windows, verdict, words);
    if seen.gateway.uptime_s < FIRST_WINDOWS_S {
        let words = both("No window of it is closed yet: the gateway has only just started.", "网关刚启动，尚无已结束的统计窗口。");
        return hop(Verdict::Suspect, words);
    }
    let words = both("No window of the last hour has a figure of it.", "最近一小时没有该设备的指标。");
    if device.online && !device.values.is_empty() {
        return hop(Verdict::Failed, words).next(both(
            "Its values may be none that figures are made of: see `facility-gateway profile show ID`. Otherwise save /api/status and the log, and report it.",
            "其数值可能不参与指标计算：请查看 facility-gateway profile show 型号；否则请保存 /api/status 和日志并反馈。",
        ));
    }
    hop(Verdict::Failed, words).next(both("Mend the hops before this one.", "请先处理前面的环节。"))
}

/// Whether figures and events reach the destinations.
pub(super) fn forwarded(seen: &Seen, site: &Site) -> Hop {
    let hop = |verdict, words| Hop::new(Step::Forwarded, verdict, words);
    if seen.forward.is_empty() || site.forward.is_empty() {
        let words = both("No destination is configured: everything stays on this gateway.", "未配置转发目标：所有数据只保存在本网关。");
        return hop(Verdict::Failed, words)
            .next(both("Add a [forward.main] section with url, org and bucket.", "请添加 [forward.main] 配置（url、org、bucket）。"));
    }
    let outbox = seen.store("outbox").cloned().unwrap_or_default();
    if let Some(hop) = broken(seen, &outbox, Step::Forwarded) {
        return hop;
    }
    let waiting = count(outbox.backlog);
    if let Some(hop) = unreachable(seen, &waiting) {
        return hop;
    }
    let (raw_en, raw_zh) = match site.forward.iter().any(|forward| forward.raw.is_some()) {
        true => ("readings, figures and events", "读数、指标和事件"),
        false => ("figures and events, not the readings themselves (raw = false)", "指标和事件，不含原始读数（raw = false）"),
    };
    let refused = seen.forward.iter().map(|forward| forward.dead_lettered).sum();
    let (taken, dead) = (count(seen.forward.iter().map(|forward| forward.points).sum()), count(refused));
    let words = (
        format!("The destinations took {taken} points since start and refused {dead}; {waiting} wait. Sent are {raw_en}."),
        format!("自启动以来转发目标接收 {taken} 个数据点，拒绝 {dead} 个；待发送 {waiting} 个。发送内容：{raw_zh}。"),
    );
    if refused > 0 {
        return hop(Verdict::Suspect, words).next(both(
            "See why in dead-letter.lp of the store folder: a type that changed, or a bucket with a shorter retention.",
            "请查看存储目录中的 dead-letter.lp：可能是字段类型变化，或 bucket 保留期过短。",
        ));
    }
    if outbox.backlog > BACKLOG_MAX {
        return hop(Verdict::Suspect, words).hint(Code::Backlog);
    }
    hop(Verdict::Ok, words)
}

/// A destination that takes nothing.
fn unreachable(seen: &Seen, waiting: &str) -> Option<Hop> {
    // One that is not up and has no error was not asked for anything yet.
    let is_away = |link: &&Link| link.kind == "database" && link.state != "up" && (link.error.is_some() || link.state == "denied");
    let link = seen.links.iter().find(is_away)?;
    let code = if link.state == "denied" { Code::DatabaseDenied } else { Code::DatabaseDown };
    let error = link.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
    let (for_en, for_zh) = (span_en(seen.ago_s(link.since_ms)), span_zh(seen.ago_s(link.since_ms)));
    let (en, zh) = seen.says(&link.name, &[code]).unwrap_or_else(|| {
        (
            format!("The destination at {} has not taken anything for {for_en}{error}.", link.address),
            format!("转发目标（{}）已{for_zh}无法写入{error}。", link.address),
        )
    });
    let words = (format!("{en} {waiting} points wait."), format!("{zh}待发送 {waiting} 个数据点。"));
    Some(Hop::new(Step::Forwarded, Verdict::Failed, words).hint(code))
}

/// Alarms of the device, and whether they are told.
pub(super) fn suppressed(seen: &Seen, id: &str) -> Hop {
    let of: Vec<&Alarm> = seen.alarms.iter().filter(|alarm| alarm.device == id).collect();
    let quiet: Vec<&&Alarm> = of.iter().filter(|alarm| alarm.held.is_some()).collect();
    let listed = |alarms: &mut dyn Iterator<Item = &Alarm>, zh: bool| -> String {
        let name = |alarm: &Alarm| {
            let words = if zh { &alarm.zh } else { &alarm.en };
            format!("{} ({words})", alarm.rule)
        };
        alarms.map(name).collect::<Vec<_>>().join(if zh { "、" } else { ", " })
    };
    if !quiet.is_empty() {
        let words = (
            format!(
                "Alarms kept quiet, by maintenance, by a link that is down or by a person: {}.",
                listed(&mut quiet.iter().map(|alarm| **alarm), false)
            ),
            format!("被抑制的报警（检修、链路中断或人工搁置）：{}。", listed(&mut quiet.iter().map(|alarm| **alarm), true)),
        );
        return Hop::new(Step::Suppressed, Verdict::Suspect, words);
    }
    let standing = || of.iter().copied().filter(|alarm| alarm.raised);
    let since = standing().map(|alarm| alarm.since_ms).min().map(time);
    let words = match since {
        None => both("No alarm of it stands, none is kept quiet.", "无报警，也没有被抑制的报警。"),
        Some(since) => (
            format!("None is kept quiet. Standing since {since}: {}.", listed(&mut standing(), false)),
            format!("没有被抑制的报警。{since} 起存在：{}。", listed(&mut standing(), true)),
        ),
    };
    Hop::new(Step::Suppressed, Verdict::Ok, words)
}
