//! A simulated month as text and as JSON. Pure; the same month gives the same words.

use super::figures::{FIGURES, Figure, Figures, quantile};
use super::month::{Cost, DAY_MS, Outcome, Spec};
use crate::cli::store::words::count;
use facility_config::Kind;
use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;

/// One line of the table.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) en: &'static str,
    pub(super) zh: &'static str,
    pub(super) unit: &'static str,
    /// Devices with a value.
    pub(super) devices: usize,
    /// Of all devices together: sums of numerators over sums of denominators.
    pub(super) all: Option<f64>,
    pub(super) p10: Option<f64>,
    pub(super) median: Option<f64>,
    pub(super) p90: Option<f64>,
    /// Share of the time that was observed, 0 to 1.
    pub(super) coverage: Option<f64>,
}

/// The table of a month.
pub(super) fn lines(figures: &Figures) -> Vec<Line> {
    let line = |(at, figure): (usize, &'static Figure)| {
        let (whole, months) = (figures.whole(at), figures.months(at));
        let Figure { name, en, zh, unit, .. } = *figure;
        Line {
            kind: figure.kind.map_or("all", Kind::as_str),
            name,
            en,
            zh,
            unit,
            devices: months.len(),
            all: figures.value(&whole, at),
            p10: quantile(&months, 0.1),
            median: quantile(&months, 0.5),
            p90: quantile(&months, 0.9),
            coverage: whole.coverage(figure),
        }
    };
    FIGURES.iter().enumerate().map(line).collect()
}

/// Checksum of every figure of every device and day, to four decimals: the same seed has the same.
pub(super) fn digest(figures: &Figures) -> u32 {
    let mut text = String::new();
    for figure in 0..FIGURES.len() {
        for device in figures.devices(figure) {
            for day in 0..figures.days() {
                // Writing to a String cannot fail.
                let _ = match figures.value(&figures.cell(device, day, figure), figure) {
                    Some(value) => write!(text, "{value:.4} "),
                    None => write!(text, "- "),
                };
            }
        }
    }
    crc32c::crc32c(text.as_bytes())
}

/// For people.
pub(super) fn text(spec: Spec, outcome: &Outcome, bench: bool) -> String {
    let mut out = format!("{} devices over {} days from 2026-09-01 (UTC+8), seed {}\n\n", spec.devices, spec.days, spec.seed);
    let mut row = |text: std::fmt::Arguments<'_>| {
        let _ = writeln!(out, "{}", text.to_string().trim_end());
    };
    row(format_args!("{:<47}{:>8}{:>10}{:>9}{:>9}{:>9}  {:<9}{:>8}", "figure", "devices", "all", "p10", "median", "p90", "", "coverage"));
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    for line in lines(&outcome.figures) {
        let (all, p10, median, p90) = (number(line.all), number(line.p10), number(line.median), number(line.p90));
        let coverage = line.coverage.map_or_else(|| "–".to_owned(), |share| format!("{share:.4}"));
        let (kind, en, devices, unit, zh) = (line.kind, line.en, line.devices, line.unit, line.zh);
        row(format_args!("{kind:<8}{en:<39}{devices:>8}{all:>10}{p10:>9}{median:>9}{p90:>9}  {unit:<9}{coverage:>8}  {zh}"));
    }
    row(format_args!("\n{:<47}{:>8}{:>10}", "alarms by rule 报警", "devices", "raised"));
    for (rule, raised) in &outcome.alarms {
        row(format_args!("{rule:<47}{:>8}{:>10}", raised.devices.len(), count(raised.times)));
    }
    if outcome.alarms.is_empty() {
        row(format_args!("none"));
    }
    row(format_args!("\nchecksum of the figures {:08x}: the same seed has the same 相同种子结果一致", digest(&outcome.figures)));
    row(format_args!("{}", pace(spec, &outcome.cost)));
    if bench {
        out.push_str(&costs(spec, &outcome.cost));
    }
    out
}

fn pace(spec: Spec, cost: &Cost) -> String {
    format!("{:.1} s: {} × real time 实时倍速", cost.wall.as_secs_f64(), count(speed(spec, cost) as u64))
}

/// Simulated over real time.
fn speed(spec: Spec, cost: &Cost) -> f64 {
    spec.days as f64 * DAY_MS as f64 / 1e3 / cost.wall.as_secs_f64().max(1e-3)
}

fn costs(spec: Spec, cost: &Cost) -> String {
    let readings = cost.readings.max(1) as f64;
    let ns = |span: std::time::Duration| span.as_nanos() as f64 / readings;
    let devices = spec.devices.max(1) as u64;
    let memory = cost.rss_bytes.map_or_else(String::new, |bytes| {
        format!("memory            {} B per device: the whole process (VmRSS) over the devices\n", count(bytes / devices))
    });
    format!(
        "\nreadings          {} in all, {} a second\nfold              {:.0} ns per reading, elapsed on its thread, windows included\nengine            {:.0} ns per reading, elapsed, ticks included\nsimulation        {:.0} ns per reading, elapsed on the other thread\nstate of the fold {} B per device: its sealed snapshot at the end\n{memory}",
        count(cost.readings),
        count((readings / cost.wall.as_secs_f64().max(1e-3)) as u64),
        ns(cost.folding),
        ns(cost.judging),
        ns(cost.living),
        count(cost.snapshot_bytes / devices),
    )
}

/// For machines. What the month says does not depend on how fast it went; that is apart, and only with `bench`.
pub(super) fn json(spec: Spec, outcome: &Outcome, bench: bool) -> serde_json::Value {
    let alarms =
        outcome.alarms.iter().map(|(rule, raised)| json!({ "rule": rule, "raised": raised.times, "devices": raised.devices.len() }));
    let mut all = json!({
        "days": spec.days,
        "devices": spec.devices,
        "seed": spec.seed,
        "figures": lines(&outcome.figures),
        "alarms": alarms.collect::<Vec<_>>(),
        "checksum": format!("{:08x}", digest(&outcome.figures)),
    });
    if bench {
        let cost = &outcome.cost;
        let ns = |span: std::time::Duration| (span.as_nanos() as f64 / cost.readings.max(1) as f64).round();
        all["bench"] = json!({
            "wall_s": cost.wall.as_secs_f64(),
            "times_real_time": speed(spec, cost).round(),
            "readings": cost.readings,
            "readings_per_s": (cost.readings as f64 / cost.wall.as_secs_f64().max(1e-3)).round(),
            "fold_ns": ns(cost.folding),
            "engine_ns": ns(cost.judging),
            "simulation_ns": ns(cost.living),
            "snapshot_bytes_per_device": cost.snapshot_bytes / spec.devices.max(1) as u64,
            "process_bytes": cost.rss_bytes,
        });
    }
    all
}
