//! The temperature of every hour as a band from its lowest to its highest, with the mean in it and the limit beside it.
//! Pure. Where nothing was recorded there is nothing.

use super::day::Extract;
use crate::coldchain::hour::HOUR_MS;
use crate::coldchain::record::Hour;
use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 150.0;
/// Room for the numbers at the left, and above and below.
const LEFT: f64 = 44.0;
const EDGE: f64 = 8.0;

struct Scale {
    from_ms: i64,
    per_ms: f64,
    top_c: f64,
    per_c: f64,
}

impl Scale {
    fn x(&self, at_ms: i64) -> f64 {
        LEFT + (at_ms - self.from_ms) as f64 * self.per_ms
    }

    fn y(&self, air_c: f64) -> f64 {
        EDGE + (self.top_c - air_c) * self.per_c
    }
}

/// The picture; empty if no temperature was recorded.
pub(super) fn band(extract: &Extract<'_>) -> String {
    let mut times = extract.days().flat_map(|(_, hours)| hours).map(|(at_ms, _)| at_ms);
    let (Some(from_ms), Some(limit_c)) = (times.next(), extract.hours.values().next().map(|hour| hour.limit_c)) else {
        return String::new();
    };
    let to_ms = times.last().unwrap_or(from_ms) + HOUR_MS;
    let seen = || extract.hours.values().filter_map(|hour| Some((hour.air_min_c?, hour.air_max_c?)));
    if seen().next().is_none() {
        return String::new();
    }
    let (low_c, high_c) = seen().fold((limit_c, limit_c), |(low, high), (min_c, max_c)| (low.min(min_c), high.max(max_c)));
    let (low_c, high_c) = ((low_c - 1.0).floor(), (high_c + 1.0).ceil());
    let scale = Scale {
        from_ms,
        per_ms: (WIDTH - LEFT - EDGE) / (to_ms - from_ms) as f64,
        top_c: high_c,
        per_c: (HEIGHT - 2.0 * EDGE) / (high_c - low_c),
    };
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"柜温 air temperature\"><rect x=\"{LEFT}\" y=\"{EDGE}\" width=\"{:.1}\" height=\"{:.1}\" class=\"frame\"/>",
        WIDTH - LEFT - EDGE,
        HEIGHT - 2.0 * EDGE
    );
    for stretch in stretches(extract) {
        draw(&mut out, &scale, &stretch);
    }
    let (right, y) = (WIDTH - EDGE, scale.y(limit_c));
    // Writing to a String cannot fail.
    let _ = write!(out, "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" class=\"limit\"/>");
    for (air_c, words) in [(high_c, ""), (limit_c, "限 "), (low_c, "")] {
        let _ = write!(out, "<text x=\"{:.0}\" y=\"{:.1}\">{words}{air_c:.0} °C</text>", LEFT - 3.0, scale.y(air_c) + 3.0);
    }
    out.push_str("</svg>");
    out
}

/// Hours with a temperature, without one missing in between.
fn stretches<'e>(extract: &'e Extract<'_>) -> Vec<Vec<&'e Hour>> {
    let mut stretches: Vec<Vec<&Hour>> = Vec::new();
    for hour in extract.hours.values().filter(|hour| hour.air_mean_c.is_some()) {
        match stretches.last_mut() {
            Some(stretch) if stretch.last().is_some_and(|last| last.hour_ms + HOUR_MS == hour.hour_ms) => stretch.push(hour),
            _ => stretches.push(vec![hour]),
        }
    }
    stretches
}

/// A step for each hour: the band, then the mean.
fn draw(out: &mut String, scale: &Scale, stretch: &[&Hour]) {
    let steps = |figure: fn(&Hour) -> Option<f64>| {
        let ends = stretch.iter().filter_map(move |hour| Some((hour.hour_ms, figure(hour)?)));
        ends.flat_map(|(at_ms, air_c)| [(at_ms, air_c), (at_ms + HOUR_MS, air_c)])
            .map(|(at_ms, air_c)| format!("{:.1},{:.1}", scale.x(at_ms), scale.y(air_c)))
    };
    let upper: Vec<String> = steps(|hour| hour.air_max_c).collect();
    let mut lower: Vec<String> = steps(|hour| hour.air_min_c).collect();
    lower.reverse();
    let mean: Vec<String> = steps(|hour| hour.air_mean_c).collect();
    let _ = write!(
        out,
        "<polygon points=\"{} {}\" class=\"band\"/><polyline points=\"{}\" class=\"mean\"/>",
        upper.join(" "),
        lower.join(" "),
        mean.join(" ")
    );
}
