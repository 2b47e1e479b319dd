//! The log as one page to read and print on A4, in Chinese and English: what was watched, against what, how well, and how
//! anybody can check it. Pure. One file; no script, no network.

use super::day::{Extract, Sum, shown};
use super::svg;
use crate::cli::store::words::count;
use crate::coldchain::hour::quality;
use crate::coldchain::record::{Hour, local};
use facility_config::device::ColdClass;
use facility_config::place::district_name;
use std::fmt::Write as _;

const STYLE: &str = include_str!("page.css");
const RECIPE: &str = "sed -n 7p 2026-09.jsonl | sed 's/,\"hash\":\"[0-9a-f]*\"}$/}/' | tr -d '\\n' | sha256sum";

/// The page.
pub(super) fn html(extract: &Extract<'_>) -> String {
    let device = extract.device;
    let title = format!("冷链温度记录 Cold-chain record · {} · {} – {}", escaped(&device.id), extract.from, extract.to);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>冷链温度记录 <span class=\"en\">Cold-chain temperature record</span></h1>\n"
    );
    facts(&mut out, extract);
    figures(&mut out, extract);
    heading(&mut out, "柜温", "Air temperature: hourly lowest to highest, mean, limit");
    out.push_str(&svg::band(extract));
    runs(&mut out, extract);
    days(&mut out, extract);
    proof(&mut out, extract);
    out.push_str("</body>\n</html>\n");
    out
}

fn heading(out: &mut String, zh: &str, en: &str) {
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "<h2>{zh} <span class=\"en\">{en}</span></h2>");
}

fn fact(out: &mut String, zh: &str, en: &str, value: &str) {
    let _ = writeln!(out, "<tr><td>{zh} {en}</td><td>{value}</td></tr>");
}

fn facts(out: &mut String, extract: &Extract<'_>) {
    let (device, gateway) = (extract.device, &extract.site.gateway);
    out.push_str("<table class=\"facts\">\n");
    let name = device.name.as_deref().map(|name| format!(" · {}", escaped(name))).unwrap_or_default();
    fact(out, "设备", "Device", &format!("{}{name}", escaped(&device.id)));
    let place = [district_name(&gateway.district), gateway.community.as_deref(), Some(&*gateway.site)];
    fact(out, "地点", "Place", &escaped(&place.into_iter().flatten().collect::<Vec<_>>().join(" · ")));
    fact(out, "期间", "Period", &format!("{} – {} (UTC+8)", extract.from, extract.to));
    // What was true then, as the records say it.
    if let Some(hour) = extract.hours.values().next_back() {
        fact(out, "温度等级与上限", "Class and upper limit", &format!("{}，≤ {:.0} °C", class(&hour.class), hour.limit_c));
    }
    fact(out, "探头校准", "Probes calibrated", &calibration(extract));
    let _ = writeln!(out, "</table>");
}

fn class(word: &str) -> &str {
    match word {
        word if word == ColdClass::Frozen.as_str() => "冷冻 frozen",
        word if word == ColdClass::Chilled.as_str() => "冷藏 chilled",
        word if word == ColdClass::Fresh.as_str() => "保鲜 fresh",
        _ => "未知 unknown",
    }
}

/// As it was declared when the newest hour was recorded, and whether it was over by the last day.
fn calibration(extract: &Extract<'_>) -> String {
    let recorded = extract.hours.values().next_back().and_then(|hour| hour.calibrated.as_deref());
    let Some(day) = recorded else { return "<span class=\"weak\">未声明 not declared</span>".to_owned() };
    let months = extract.device.calibration.months;
    let at = day.parse().ok();
    let due = facility_config::device::Calibration { at, months }.due();
    match due {
        Some(due) if due < extract.to => format!("{}，<span class=\"over\">应于 {due} 前再次校准，已过期 overdue</span>", escaped(day)),
        Some(due) => format!("{}，下次 next due {due}", escaped(day)),
        None => escaped(day),
    }
}

fn figures(out: &mut String, extract: &Extract<'_>) {
    let hours = extract.days().map(|(_, hours)| hours.len()).sum();
    let sum = Sum::of(extract.hours.values(), hours);
    let missing = usize::saturating_sub(hours, extract.hours.len());
    let revised = extract.hours.values().filter(|hour| hour.rev > 0).count();
    heading(out, "汇总", "Summary");
    out.push_str("<table class=\"facts\">\n");
    let weak = if sum.quality == "good" { "" } else { " class=\"weak\"" };
    fact(out, "观测覆盖率", "Coverage", &format!("<span{weak}>{:.2} % · {}</span>", sum.coverage * 100.0, quality_words(sum.quality)));
    fact(out, "记录小时", "Hours recorded", &format!("{} / {hours}，缺 missing {missing}，修订 revised {revised}", extract.hours.len()));
    let three = [sum.air_min_c, sum.air_mean_c, sum.air_max_c].map(|air_c| shown(air_c, 2));
    fact(out, "柜温 最低 / 平均 / 最高", "Air min / mean / max", &format!("{} °C", three.join(" / ")));
    fact(out, "动力学平均温度", "Mean kinetic temperature", &format!("{} °C", shown(sum.mkt_c, 3)));
    if sum.product_max_c.is_some() {
        let two = [sum.product_min_c, sum.product_max_c].map(|product_c| shown(product_c, 2));
        fact(out, "品温 最低 / 最高", "Product min / max", &format!("{} °C", two.join(" / ")));
    }
    let above = [sum.above_min, sum.above_adjusted_min].map(|minutes| shown(minutes, 1));
    fact(out, "超温 / 扣除化霜", "Above limit / without defrosts", &format!("{} min", above.join(" / ")));
    fact(out, "超温度分", "Degree-minutes", &format!("{} °C·min", shown(sum.degree_min, 1)));
    let openings = sum.door_openings.map_or_else(String::new, |openings| openings.to_string());
    fact(out, "开门 / 次数", "Door open / openings", &format!("{} min / {openings}", shown(sum.door_min, 1)));
    fact(out, "报警", "Alarms raised", &sum.alarms_raised.to_string());
    out.push_str("</table>\n<p><small>覆盖率低于 95 % 为不确定，低于 80 % 为不足；缺失的时间不插值、不计为合格。 Below 95 % coverage a figure is uncertain, below 80 % insufficient; nothing is interpolated, and time that was not observed counts as nothing.</small></p>\n");
}

fn quality_words(word: &str) -> &'static str {
    match word {
        "good" => "良好 good",
        "uncertain" => "不确定 uncertain",
        _ => "不足 insufficient",
    }
}

fn runs(out: &mut String, extract: &Extract<'_>) {
    heading(out, "超温", "Above the limit: hours one after the other");
    let runs = extract.runs();
    if runs.is_empty() {
        out.push_str("<p>观测时间内无超温。 None in the time that was observed.</p>\n");
        return;
    }
    out.push_str("<table>\n<tr><th>开始 from</th><th>小时 hours</th><th>超温 min</th><th>扣除化霜 min</th><th>°C·min</th><th>最高 peak °C</th></tr>\n");
    for run in runs {
        let adjusted = shown(run.above_adjusted_min, 1);
        let (from, peak_c) = (escaped(&run.first), run.peak_c);
        let _ = writeln!(
            out,
            "<tr><td>{from}</td><td>{}</td><td>{:.1}</td><td>{adjusted}</td><td>{:.1}</td><td>{peak_c:.2}</td></tr>",
            run.hours, run.above_min, run.degree_min
        );
    }
    out.push_str("</table>\n");
}

fn days(out: &mut String, extract: &Extract<'_>) {
    heading(out, "逐日与逐时", "Days; open one for its hours");
    for (day, hours) in extract.days() {
        let sum = Sum::of(hours.iter().filter_map(|(_, hour)| *hour), hours.len());
        let three = [sum.air_min_c, sum.air_mean_c, sum.air_max_c].map(|air_c| shown(air_c, 2));
        let over = if sum.above_min.is_some_and(|minutes| minutes > 0.0) { " class=\"over\"" } else { "" };
        let weak = if sum.quality == "good" { "" } else { " class=\"weak\"" };
        let _ = writeln!(
            out,
            "<details><summary><b>{day}</b> · {} °C · MKT {} °C · <span{over}>超温 above {} min</span> · <span{weak}>{:.1} % {}</span></summary>\n<table>\n<tr><th>时 hour</th><th>最低 min</th><th>平均 mean</th><th>最高 max °C</th><th>超温 min</th><th>扣除化霜</th><th>开门 min</th><th>化霜 min</th><th>覆盖 %</th><th>修订 rev</th><th>序号 no.</th></tr>",
            three.join(" / "),
            shown(sum.mkt_c, 2),
            shown(sum.above_min, 1),
            sum.coverage * 100.0,
            quality_words(sum.quality),
        );
        hours.into_iter().for_each(|(at_ms, hour)| row(out, at_ms, hour));
        out.push_str("</table></details>\n");
    }
}

fn row(out: &mut String, at_ms: i64, hour: Option<&Hour>) {
    let at = &local(at_ms)[11..16];
    let Some(hour) = hour else {
        let _ = writeln!(out, "<tr><td>{at}</td><td colspan=\"10\" class=\"weak none\">无记录 no record</td></tr>");
        return;
    };
    let over = if hour.above_min.is_some_and(|minutes| minutes > 0.0) { " class=\"over\"" } else { "" };
    let weak = if quality(hour.coverage) == "good" && !hour.gap { "" } else { " class=\"weak\"" };
    let air = [hour.air_min_c, hour.air_mean_c].map(|air_c| format!("<td>{}</td>", shown(air_c, 2))).concat();
    let _ = writeln!(
        out,
        "<tr><td>{at}</td>{air}<td{over}>{}</td><td{over}>{}</td><td>{}</td><td>{}</td><td>{}</td><td{weak}>{:.1}</td><td>{}</td><td>{}</td></tr>",
        shown(hour.air_max_c, 2),
        shown(hour.above_min, 1),
        shown(hour.above_adjusted_min, 1),
        shown(hour.door_min, 1),
        shown(hour.defrost_min, 1),
        hour.coverage * 100.0,
        hour.rev,
        hour.link.n,
    );
}

fn proof(out: &mut String, extract: &Extract<'_>) {
    let verdict = &extract.verdict;
    heading(out, "防篡改校验", "Proof that nothing was changed");
    let state = match verdict.is_whole() {
        true => "<b>完整 whole</b>".to_owned(),
        false => format!("<span class=\"over\">不完整 BROKEN: {}</span>", verdict.broken),
    };
    let _ = writeln!(out, "<p>整条记录链 The whole chain of this device: {state}，{} 条记录 records。</p>", count(verdict.records));
    for broken in &verdict.breaks {
        let _ = writeln!(out, "<p class=\"over\">{}:{} {}</p>", escaped(&broken.spot.file), broken.spot.line, broken.what.words());
    }
    if let Some(newest) = extract.hours.values().max_by_key(|hour| hour.link.n) {
        let (n, hash) = (newest.link.n, escaped(&newest.link.hash));
        let _ = writeln!(out, "<p>本期最新记录 Newest record of this period: no. {n}<br><code>{hash}</code></p>");
    }
    if let Some(head) = &verdict.head {
        let _ = writeln!(out, "<p>链首 Head of the chain: no. {}<br><code>{}</code></p>", verdict.n, escaped(head));
    }
    let _ = writeln!(
        out,
        "<p><small>每条记录含上一条的哈希（SHA-256），改动、删除、插入任何一条都会使链断开；链首哈希每日发送到转发目标。在文件所在目录执行下列命令可核对一行；结果应等于该行的 hash，并等于下一行的 prev。 Every record holds the hash of the one before, so no record can be changed, removed or put in without a break; the head is sent to the database once a day. This command checks a line of the log; it must print the line's hash, which is the prev of the next line:</small><br><code>{}</code><br><small>或 or</small> <code>facility-gateway coldchain verify --device {}</code></p>",
        escaped(RECIPE),
        escaped(&extract.device.id)
    );
}

/// Text that is text wherever it stands in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
