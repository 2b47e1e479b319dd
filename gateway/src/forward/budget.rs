//! What a metered way may carry: bytes per second, and what is left out as a month's bytes run short. Pure.
//!
//! Never leaves out alarms, events and days, whatever they cost: a budget is a wish, an alarm is not. What is left out is counted
//! as `over_budget`, stays in the store, and can be sent again by `forward replay`.

use super::line::Name;
use facility_config::Part;
use facility_config::limits::{
    BUDGET_SERIES_MAX, BUDGET_THIN_MS, MQTT_PING_BYTES, REQUEST_OVERHEAD_BYTES, TCP_HANDSHAKE_BYTES, TLS_HANDSHAKE_BYTES,
};
use facility_config::series::Class;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

/// How much is left out. Each level leaves out what those before it do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing.
    #[default]
    All,
    /// Readings but the first of each series in 15 minutes; those of excursions are sent.
    ThinReadings,
    /// Readings.
    NoReadings,
    /// Windows shorter than an hour.
    NoShort,
    /// Hours: alarms, events, days and longer are left.
    Least,
}

/// Share of the even pace that is left, below which a level begins. 1 is a month used evenly; 0 a month used up.
const BEGINS_BELOW: [f64; 4] = [0.9, 0.7, 0.5, 0.25];
/// So much better it has to be for a level to end, so that none comes and goes.
const ENDS_ABOVE_BY: f64 = 0.05;
/// An HTTP connection that was idle for longer is closed; the next request opens another, ms.
const CONNECTION_IDLE_MS: i64 = 60_000;
/// A month is never closer to its end than this.
const REST_MIN: f64 = 1e-4;

impl Level {
    /// Every level, by its number.
    pub const ALL: [Self; 5] = [Self::All, Self::ThinReadings, Self::NoReadings, Self::NoShort, Self::Least];

    /// The level for a month of which so many bytes of those allowed are used and which is over to that share, 0 to 1.
    #[must_use]
    pub fn next(self, used: u64, allowed: u64, elapsed: f64) -> Self {
        let left = (1.0 - used as f64 / allowed.max(1) as f64) / (1.0 - elapsed).max(REST_MIN);
        let at = |better: f64| BEGINS_BELOW.iter().filter(|begins| left < **begins + better).count();
        let level = (self as usize).clamp(at(0.0), at(ENDS_ABOVE_BY));
        Self::ALL[level.min(Self::ALL.len() - 1)]
    }

    /// What it leaves of a point.
    #[must_use]
    pub fn leaves(self, name: &Name<'_>, part: Part) -> Leaves {
        let out_from = match name.class {
            Some(Class::Reading) if self == Self::ThinReadings => return Leaves::Thinned,
            Some(Class::Reading) => Self::NoReadings,
            Some(Class::Metric) if is_short(name) => Self::NoShort,
            Some(Class::Metric) if part.as_str() == "1h" => Self::Least,
            // What a later version means by it is not known here, so it goes.
            Some(Class::Metric | Class::Event) | None => return Leaves::All,
        };
        if self < out_from { Leaves::All } else { Leaves::Nothing }
    }

    /// What is sent, in English and Chinese.
    #[must_use]
    pub fn words(self) -> [&'static str; 2] {
        match self {
            Self::All => ["everything is sent", "全部发送"],
            Self::ThinReadings => ["readings only every 15 minutes", "原始读数每 15 分钟一条"],
            Self::NoReadings => ["no readings", "不发原始读数"],
            Self::NoShort => ["neither readings nor windows shorter than an hour", "不发原始读数和短窗口"],
            Self::Least => ["only alarms, events, days and longer", "只发报警、事件和日及以上指标"],
        }
    }
}

/// Whether a figure is one of a window shorter than an hour: longer ones stand side by side under the tag `window`.
pub(super) fn is_short(name: &Name<'_>) -> bool {
    name.class == Some(Class::Metric) && name.part_tag != "window"
}

/// What a level leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// The point.
    All,
    /// The first of its series in 15 minutes.
    Thinned,
    /// Nothing of its kind.
    Nothing,
}

/// When each series was sent last while readings are thinned, twice: what comes late may stand between what comes now. Forgets everything when it has too many series: then one more
/// of each is sent.
#[derive(Debug, Clone, Default)]
pub struct Thinner(HashMap<(u32, u32), [i64; 2]>);

impl Thinner {
    /// Whether a point is the first of its series in its 15 minutes, or of the moment of that one.
    pub fn takes(&mut self, origin: u32, metric: u32, at_ms: i64) -> bool {
        if self.0.len() >= BUDGET_SERIES_MAX {
            self.0.clear();
        }
        let slot = |at_ms: i64| at_ms.div_euclid(BUDGET_THIN_MS);
        let sent = self.0.entry((origin, metric)).or_insert([i64::MIN; 2]);
        match sent.iter().find(|sent| slot(**sent) == slot(at_ms)) {
            Some(known) => *known == at_ms,
            None => {
                *sent = [at_ms, sent[0]];
                true
            }
        }
    }
}

/// Bytes per second, as a debt that is paid off: a request goes when nothing is owed, whatever its size.
#[derive(Debug, Clone, Copy)]
pub struct Debt {
    per_s: u64,
    owed: f64,
    at_ms: i64,
}

impl Debt {
    /// Nothing is owed. Times are those of a clock that never steps, ms.
    #[must_use]
    pub fn new(per_s: u64, now_ms: i64) -> Self {
        Self { per_s: per_s.max(1), owed: 0.0, at_ms: now_ms }
    }

    /// How long until the next request may go.
    #[must_use]
    pub fn wait(&self, now_ms: i64) -> Duration {
        Duration::from_secs_f64((self.rest(now_ms) / self.per_s as f64).clamp(0.0, 86_400.0))
    }

    /// Counts what was sent.
    pub fn charge(&mut self, bytes: u64, now_ms: i64) {
        (self.owed, self.at_ms) = (self.rest(now_ms) + bytes as f64, now_ms.max(self.at_ms));
    }

    fn rest(&self, now_ms: i64) -> f64 {
        let paid = now_ms.saturating_sub(self.at_ms).max(0) as f64 / 1e3 * self.per_s as f64;
        (self.owed - paid).max(0.0)
    }
}

/// The connection that a request goes over: whether it is a new one, and the bytes of its signs of life since the request before. That one
/// was at `before_ms` of a clock that never steps, if its connection stands. One of MQTT is kept alive every `keep_alive_ms`.
#[must_use]
pub fn connection(before_ms: Option<i64>, now_ms: i64, keep_alive_ms: Option<i64>) -> (bool, u64) {
    let Some(idle_ms) = before_ms.map(|at| now_ms.saturating_sub(at).max(0)) else { return (true, 0) };
    match keep_alive_ms {
        Some(every_ms) => (false, idle_ms.unsigned_abs() / every_ms.max(1).unsigned_abs() * MQTT_PING_BYTES),
        None => (idle_ms > CONNECTION_IDLE_MS, 0),
    }
}

/// About what a request costs on the line, both ways: its body, a twentieth of that for packets and their acknowledgements,
/// headers and answer, and the connection if it is a new one.
#[must_use]
pub fn cost(body_bytes: u64, is_new: bool, is_tls: bool) -> u64 {
    let connection = match (is_new, is_tls) {
        (false, _) => 0,
        (true, false) => TCP_HANDSHAKE_BYTES,
        (true, true) => TLS_HANDSHAKE_BYTES,
    };
    body_bytes + body_bytes / 20 + REQUEST_OVERHEAD_BYTES + connection
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
