//! The page of a simulated month: one file, English and Chinese, for a desk and for a phone, light and dark. Pure.

use super::figures::{FIGURES, Figure};
use super::month::{Outcome, Spec, Trace};
use super::{plot, table};
use facility_config::{Kind, Site};
use std::fmt::Write as _;

const STYLE: &str = "
:root{--bg:#fff;--fg:#1c2329;--soft:#5d6a74;--rule:#d5dbe0;--line:#0b6aa8;--band:#0b6aa830;--warm:#c2461a;--shade:#e9a83c40;
--c0:#8e1b1b;--c1:#d1571f;--c2:#e8b13a;--c3:#9fc98d;--c4:#2f8f5b}
@media (prefers-color-scheme:dark){:root{--bg:#14191d;--fg:#e4e9ed;--soft:#97a4ae;--rule:#34404a;--line:#5ab4ee;--band:#5ab4ee38;--warm:#ff8a5c;--shade:#e9a83c38;
--c0:#c43c3c;--c1:#e0713a;--c2:#d9a636;--c3:#5f8f58;--c4:#2b6e4a}}
*{box-sizing:border-box}body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif}
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}p{margin:.3rem 0;color:var(--soft)}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:.8rem}
figure{margin:0;border:1px solid var(--rule);border-radius:6px;padding:.5rem}figcaption{font-size:.85rem}figcaption span{color:var(--soft)}
svg{display:block;width:100%;height:auto}svg text{font-size:9px;fill:var(--soft)}.l{text-anchor:start}.m{text-anchor:middle}.r{text-anchor:end}.s{font-size:7px}
.ax{fill:none;stroke:var(--rule)}.line{fill:none;stroke:var(--line);stroke-width:1.4;stroke-linejoin:round}.band{fill:var(--band)}.limit{fill:none;stroke:var(--warm);stroke-dasharray:4 3}.shade{fill:var(--shade)}
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{padding:.25rem .5rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal;min-width:11rem}th{font-weight:600}td small{color:var(--soft)}
@media (max-width:44rem){.stack,.stack tbody{display:block}.stack tr{display:grid;grid-template-columns:repeat(4,1fr);gap:.2rem .6rem;padding:.5rem 0;border-bottom:1px solid var(--rule)}.stack tr:first-child{display:none}
.stack td{border:0;padding:0;text-align:left;min-width:0}.stack td:first-child{grid-column:1/-1;font-weight:600}.stack td::before{content:attr(data-l);display:block;font-size:.72rem;color:var(--soft);white-space:normal}.stack td:first-child::before{content:none}}
.key{display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.85rem}.key i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.3em}";

/// The whole file.
pub(super) fn page(site: &Site, spec: Spec, outcome: &Outcome) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>A simulated month 模拟月报</title><style>{STYLE}</style></head><body>\n<h1>A simulated month 模拟月报</h1>\n<p>{} devices over {} days from 2026-09-01 (UTC+8), seed {}. Simulated: nothing here is of a real device.<br>{} 台设备，自 2026-09-01 起 {} 天（北京时间），种子 {}。均为模拟数据。</p>\n",
        spec.devices, spec.days, spec.seed, spec.devices, spec.days, spec.seed
    );
    figures(&mut out, outcome);
    alarms(&mut out, outcome);
    multiples(&mut out, outcome);
    outcome.traces.iter().for_each(|trace| day(&mut out, site, trace));
    map(&mut out, outcome);
    out.push_str("</body></html>\n");
    out
}

fn figures(out: &mut String, outcome: &Outcome) {
    out.push_str("<h2>Figures 指标</h2><p>All: sums of numerators over sums of denominators. Per device: 10 %, median, 90 %.<br>合计：分子之和除以分母之和；各设备：10%、中位数、90%。</p><table class=\"stack\"><tr><th>Figure 指标</th><th>Devices 设备</th><th>All 合计</th><th>10 %</th><th>Median 中位</th><th>90 %</th><th>Unit 单位</th><th>Coverage 覆盖率</th></tr>\n");
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    for line in table::lines(&outcome.figures) {
        let (p10, median, p90) = (number(line.p10), number(line.median), number(line.p90));
        let coverage = line.coverage.map_or_else(|| "–".to_owned(), |share| format!("{share:.4}"));
        let _ = writeln!(
            out,
            "<tr><td>{} <small>{}</small></td><td data-l=\"Devices 设备\">{}</td><td data-l=\"All 合计\">{}</td><td data-l=\"10 %\">{p10}</td><td data-l=\"Median 中位\">{median}</td><td data-l=\"90 %\">{p90}</td><td data-l=\"Unit 单位\">{}</td><td data-l=\"Coverage 覆盖率\">{coverage}</td></tr>",
            line.zh,
            line.en,
            line.devices,
            number(line.all),
            line.unit
        );
    }
    out.push_str("</table>\n");
}

fn alarms(out: &mut String, outcome: &Outcome) {
    out.push_str(
        "<h2>Alarms by rule 报警</h2><div class=\"wide\"><table><tr><th>Rule 规则</th><th>Devices 设备</th><th>Raised 次数</th></tr>\n",
    );
    for (rule, raised) in &outcome.alarms {
        let _ = writeln!(out, "<tr><td>{rule}</td><td>{}</td><td>{}</td></tr>", raised.devices.len(), raised.times);
    }
    out.push_str("</table></div>\n");
}

fn multiples(out: &mut String, outcome: &Outcome) {
    out.push_str("<h2>Day by day 逐日</h2><p>Line: median over devices; band: 10 to 90 %.<br>线：各设备中位数；带：10% 至 90%。</p><div class=\"grid\">\n");
    for (at, Figure { en, zh, unit, kind, .. }) in FIGURES.iter().enumerate() {
        let kind = kind.map_or("所有设备", Kind::zh);
        if let Some(svg) = plot::days(&outcome.figures, at, &format!("{en} {zh}")) {
            let _ = writeln!(out, "<figure><figcaption>{zh} <span>{en}, {unit} · {kind}</span></figcaption>{svg}</figure>");
        }
    }
    out.push_str("</div>\n");
}

fn day(out: &mut String, site: &Site, trace: &Trace) {
    let Some(device) = site.device(trace.device) else { return };
    let limit_c = device.cold.map(facility_config::device::ColdClass::limit_c);
    let (id, day) = (&device.id, trace.day + 1);
    if let Some(svg) = plot::day(trace, limit_c, &format!("air temperature of {id} on day {day}")) {
        let _ = writeln!(
            out,
            "<h2>Day {day} of {id} 第 {day} 天柜温</h2><p>Air temperature, °C; shaded: defrost; dashed: limit of the compliance figure.<br>柜温（°C）；阴影：化霜；虚线：合规限值。</p><figure>{svg}</figure>"
        );
    }
}

fn map(out: &mut String, outcome: &Outcome) {
    out.push_str("<h2>Online rate by device and day 在线率：设备 × 日</h2><div class=\"key\">");
    let bounds = plot::CLASSES_PCT;
    for at in 0..=bounds.len() {
        let words = match (at.checked_sub(1).and_then(|below| bounds.get(below)), bounds.get(at)) {
            (None, Some(high)) => format!("&lt; {high} %"),
            (Some(low), Some(high)) => format!("{low}–{high} %"),
            (Some(low), None) => format!("≥ {low} %"),
            (None, None) => String::new(),
        };
        let _ = write!(out, "<span><i style=\"background:var(--c{at})\"></i>{words}</span>");
    }
    let svg = plot::map(&outcome.figures, "online rate by device and day");
    let _ = writeln!(out, "</div><figure>{svg}</figure>");
}
