//! Small plots as inline SVG: a median with its band, a day of a cabinet, a map of days. Pure; no script, no outside file.
//!
//! Colours come from the page's style. A gap in the data is a gap in the line.

use super::figures::{Figures, ONLINE, quantile};
use super::month::Trace;
use facility_config::Kind;
use std::fmt::Write as _;

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 110.0;
/// Room for numbers left of and below a plot.
const LEFT: f64 = 40.0;
const BELOW: f64 = 18.0;
/// Longest time between two readings that a line bridges, ms: three intervals.
const BRIDGE_MS: i64 = 180_000;
/// Upper bounds of the classes of the map, %; the rest is the last class.
pub(super) const CLASSES_PCT: [f64; 4] = [50.0, 80.0, 95.0, 99.0];

/// Where numbers lie on paper.
struct Frame {
    from_x: f64,
    to_x: f64,
    low: f64,
    high: f64,
    /// Lowest and highest number there is.
    written: [f64; 2],
    width: f64,
}

impl Frame {
    /// A little air above and below, and never a span of nothing.
    fn new(from_x: f64, to_x: f64, low: f64, high: f64, width: f64) -> Self {
        let air = ((high - low) * 0.06).max(high.abs().max(1.0) * 0.002);
        Self { from_x, to_x, low: low - air, high: high + air, written: [low, high], width }
    }

    fn x(&self, x: f64) -> f64 {
        LEFT + (x - self.from_x) / (self.to_x - self.from_x).max(1e-9) * (self.width - LEFT - 6.0)
    }

    fn y(&self, y: f64) -> f64 {
        4.0 + (self.high - y) / (self.high - self.low) * (HEIGHT - BELOW - 4.0)
    }

    /// Opening tag, frame, lowest and highest number.
    fn open(&self, label: &str) -> String {
        let (width, bottom) = (self.width, HEIGHT - BELOW);
        let [low, high] = self.written.map(short);
        format!(
            "<svg viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\" aria-label=\"{label}\"><path class=\"ax\" d=\"M{LEFT} 4V{bottom}H{}\"/><text x=\"{}\" y=\"12\" class=\"r\">{high}</text><text x=\"{}\" y=\"{bottom}\" class=\"r\">{low}</text>",
            width - 6.0,
            LEFT - 4.0,
            LEFT - 4.0,
        )
    }
}

/// Median over devices by day, with the band between the tenth and the ninetieth percentile. None without a value.
pub(super) fn days(figures: &Figures, figure: usize, label: &str) -> Option<String> {
    let days: Vec<(f64, [f64; 3])> = (0..figures.days())
        .filter_map(|day| {
            let spread = figures.spread(day, figure);
            Some((day as f64 + 1.0, [quantile(&spread, 0.1)?, quantile(&spread, 0.5)?, quantile(&spread, 0.9)?]))
        })
        .collect();
    let low = days.iter().map(|(_, [low, ..])| *low).fold(f64::INFINITY, f64::min);
    let high = days.iter().map(|(_, [.., high])| *high).fold(f64::NEG_INFINITY, f64::max);
    let ((first, _), (last, _)) = (*days.first()?, *days.last()?);
    let frame = Frame::new(first, last, low, high, WIDTH);
    let mut out = frame.open(label);
    let upper = days.iter().map(|(day, [.., high])| (*day, *high));
    let lower = days.iter().rev().map(|(day, [low, ..])| (*day, *low));
    let _ = write!(out, "<path class=\"band\" d=\"{}Z\"/>", path(&frame, upper.chain(lower)));
    let _ = write!(out, "<path class=\"line\" d=\"{}\"/>", path(&frame, days.iter().map(|(day, [_, median, _])| (*day, *median))));
    let ticks = [first, ((first + last) / 2.0).floor(), last];
    for (at, day) in ticks.iter().enumerate().filter(|(at, day)| *at == 0 || ticks[at - 1] < **day) {
        let class = ["l", "m", "r"][at];
        let _ = write!(out, "<text x=\"{:.1}\" y=\"{}\" class=\"{class}\">{day}</text>", frame.x(*day), HEIGHT - 4.0);
    }
    out.push_str("</svg>");
    Some(out)
}

/// Air temperature of a cabinet over a day, its defrosts shaded, the limits of figure and alarm drawn.
pub(super) fn day(trace: &Trace, limit_c: Option<f64>, label: &str) -> Option<String> {
    let temperatures = || trace.air.iter().filter_map(|(_, air_c)| *air_c).chain(limit_c);
    let low = temperatures().fold(f64::INFINITY, f64::min);
    let high = temperatures().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return None;
    }
    let frame = Frame::new(0.0, 24.0, low, high, 2.0 * WIDTH);
    let mut out = frame.open(label);
    for (from_ms, to_ms) in spans(&trace.defrost) {
        let (x, to) = (frame.x(hours(from_ms)), frame.x(hours(to_ms)));
        let _ = write!(out, "<rect class=\"shade\" x=\"{x:.1}\" y=\"4\" width=\"{:.1}\" height=\"{}\"/>", to - x, HEIGHT - BELOW - 4.0);
    }
    if let Some(limit_c) = limit_c {
        let y = frame.y(limit_c);
        let _ = write!(out, "<path class=\"limit\" d=\"M{LEFT} {y:.1}H{}\"/>", frame.width - 6.0);
        let _ = write!(out, "<text x=\"{}\" y=\"{:.1}\" class=\"r\">{limit_c}</text>", frame.width - 8.0, y - 3.0);
    }
    let _ = write!(out, "<path class=\"line\" d=\"{}\"/>", broken(&frame, &trace.air));
    for hour in [0, 6, 12, 18, 24] {
        let class = if hour == 0 {
            "l"
        } else if hour == 24 {
            "r"
        } else {
            "m"
        };
        let _ = write!(out, "<text x=\"{:.1}\" y=\"{}\" class=\"{class}\">{hour}:00</text>", frame.x(f64::from(hour)), HEIGHT - 4.0);
    }
    out.push_str("</svg>");
    Some(out)
}

/// Online rate of every device and day, kind by kind, as one path per class.
pub(super) fn map(figures: &Figures, label: &str) -> String {
    let days = figures.days();
    let mut rows: Vec<usize> = figures.devices(ONLINE).collect();
    rows.sort_by_key(|device| figures.kinds().get(*device).map(|kind| kind.as_str()));
    let mut classes = vec![String::new(); CLASSES_PCT.len() + 1];
    let mut names = String::new();
    let mut last: Option<Kind> = None;
    let (cell_w, cell_h) = (2.0 * WIDTH / (days as f64 + 4.0), 4.0);
    let left = 4.0 * cell_w;
    let mut y = 0.0;
    for device in rows {
        let kind = figures.kinds().get(device).copied();
        if kind != last {
            y += if last.is_some() { 6.0 } else { 0.0 };
            let name = kind.map_or_else(String::new, |kind| format!("{} {}", kind.zh(), kind.as_str()));
            let _ = write!(names, "<text x=\"{:.1}\" y=\"{:.1}\" class=\"r s\">{name}</text>", left - 3.0, y + 8.0);
            last = kind;
        }
        for day in 0..days {
            let Some(rate) = figures.value(&figures.cell(device, day, ONLINE), ONLINE) else { continue };
            let class = CLASSES_PCT.iter().position(|bound| rate < *bound).unwrap_or(CLASSES_PCT.len());
            let x = left + day as f64 * cell_w;
            let _ = write!(classes[class], "M{x:.1} {y}h{:.1}v3.4h-{:.1}z", cell_w - 0.6, cell_w - 0.6);
        }
        y += cell_h;
    }
    let paths: String = classes.iter().enumerate().map(|(at, d)| format!("<path class=\"c{at}\" d=\"{d}\"/>")).collect();
    format!("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{label}\">{paths}{names}</svg>", 2.0 * WIDTH, y + 2.0)
}

fn path(frame: &Frame, points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut d = String::new();
    for (at, (x, y)) in points.enumerate() {
        let _ = write!(d, "{}{:.1} {:.1}", if at == 0 { 'M' } else { 'L' }, frame.x(x), frame.y(y));
    }
    d
}

/// A line that ends where there is no value and where nothing was read for too long.
fn broken(frame: &Frame, air: &[(i64, Option<f64>)]) -> String {
    let (mut d, mut last_ms) = (String::new(), None);
    for (at_ms, air_c) in air {
        let Some(air_c) = air_c else {
            last_ms = None;
            continue;
        };
        let joined = last_ms.is_some_and(|last_ms: i64| at_ms - last_ms <= BRIDGE_MS);
        let _ = write!(d, "{}{:.1} {:.1}", if joined { 'L' } else { 'M' }, frame.x(hours(*at_ms)), frame.y(*air_c));
        last_ms = Some(*at_ms);
    }
    d
}

/// Spans in which a flag was seen set; one that is still set at the end lasts until its last reading.
fn spans(flags: &[(i64, bool)]) -> Vec<(i64, i64)> {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    let mut open = false;
    for (at_ms, on) in flags {
        match (open, spans.last_mut()) {
            (true, Some((_, to_ms))) => *to_ms = *at_ms,
            _ if *on => spans.push((*at_ms, *at_ms)),
            _ => {}
        }
        open = *on;
    }
    spans
}

fn hours(ms: i64) -> f64 {
    ms as f64 / 3_600_000.0
}

/// As many digits as there is room for.
fn short(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
