//! What a forwarder's way may carry and what it has carried, kept, shown and obeyed: bytes per second and the month's budget.

use super::budget::{Debt, Level, connection, cost};
use super::month::{self, Month};
use super::shown::Drain;
use super::{Ended, ForwardTask, Forwarder};
use facility_config::limits::{BUDGET_BURST_S, FORWARD_BYTES_MIN};
use facility_config::site::Target;
use std::time::Duration;

/// Line protocol is packed to less than this part of itself.
const PACKED: u64 = 4;
/// Longest single wait: what the clock gained meanwhile counts.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The meter of one destination.
#[derive(Debug)]
pub(super) struct Meter {
    debt: Option<Debt>,
    month: Option<Month>,
    request_bytes_max: usize,
    /// Running time of the newest request, ms.
    sent_ms: Option<i64>,
    /// How often an idle connection gives a sign of life, ms.
    keep_alive_ms: Option<i64>,
}

impl Meter {
    /// Reads how much of the month is used.
    pub(super) fn open(task: &ForwardTask) -> Self {
        let (forward, up_ms) = (&task.forward, task.clock.up_ms());
        let path = task.budget_dir.join(format!("{}.json", forward.name));
        let within = |per_s: u64| usize::try_from(per_s.saturating_mul(BUDGET_BURST_S * PACKED)).unwrap_or(usize::MAX);
        Self {
            debt: forward.bytes_per_s.map(|per_s| Debt::new(per_s, up_ms)),
            month: forward.bytes_per_month.map(|allowed| Month::open(allowed, task.zone.clone(), path, up_ms)),
            request_bytes_max: forward.bytes_per_s.map_or(usize::MAX, |per_s| within(per_s).max(FORWARD_BYTES_MIN)),
            sent_ms: None,
            keep_alive_ms: match &forward.target {
                Target::Platform(platform) => Some(i64::try_from(platform.broker.keep_alive.as_millis()).unwrap_or(i64::MAX)),
                Target::Database(_) | Target::Files(_) => None,
            },
        }
    }

    /// Largest request that does not hold up the next one for long, bytes before compression.
    pub(super) fn request_bytes_max(&self) -> usize {
        self.request_bytes_max
    }

    /// A request failed: the next one opens a connection.
    pub(super) fn hung_up(&mut self) {
        self.sent_ms = None;
    }

    /// What the month's budget leaves now: also the time that passed has a say, and a month may have ended.
    pub(super) fn level(&mut self, wall_ms: Option<i64>) -> Level {
        let Some(month) = &mut self.month else { return Level::All };
        month.charge(0, wall_ms);
        month.level()
    }
}

impl Forwarder {
    /// Waits until the way may carry another request.
    pub(super) async fn wait_for_budget(&mut self) -> Result<(), Ended> {
        loop {
            let clock = &self.task.clock;
            let wait = self.meter.debt.map_or(Duration::ZERO, |debt| debt.wait(clock.up_ms()));
            if wait.is_zero() {
                return Ok(());
            }
            self.task.way.tell(false);
            self.pause(clock.real(wait).clamp(Duration::from_millis(1), WAIT_MAX)).await?;
        }
    }

    /// Counts a request that is sent now.
    pub(super) fn charge(&mut self, body_bytes: u64) {
        let (up_ms, wall_ms) = (self.task.clock.up_ms(), self.wall_ms());
        let (is_new, kept_alive) = connection(self.meter.sent_ms.replace(up_ms), up_ms, self.meter.keep_alive_ms);
        let bytes = cost(body_bytes, is_new, self.outlet.is_tls()) + kept_alive;
        if let Some(debt) = &mut self.meter.debt {
            debt.charge(bytes, up_ms);
        }
        if let Some(month) = &mut self.meter.month {
            month.charge(bytes, wall_ms);
        }
    }

    /// Writes the used part of the month, now and then and at the end.
    pub(super) async fn save_month(&mut self, is_end: bool) {
        let up_ms = self.task.clock.up_ms();
        let Some((path, text)) = self.meter.month.as_mut().and_then(|month| month.due(up_ms, is_end)) else { return };
        if let Err(error) = month::keep(path, text).await {
            tracing::warn!(%error, "what was used of the month's budget could not be written; a restart forgets it");
        }
    }

    /// Publishes how it stands.
    pub(super) fn show(&mut self) {
        let (up_ms, wall_ms) = (self.task.clock.up_ms(), self.wall_ms());
        let behind: Vec<u64> = self.feeds.iter().filter_map(|feed| feed.behind()).collect();
        if behind.is_empty() {
            self.task.way.tell(false);
        }
        let seen = self.feeds.iter().map(|feed| feed.progress()).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let cursors = self.feeds.iter().map(|feed| feed.cursor().counted());
        let left_out = cursors.fold([0, 0], |[expired, over], cursor| [expired + cursor.expired, over + cursor.over_budget]);
        let (budget, replay) = (self.meter.month.as_ref().map(|month| month.info(wall_ms)), self.replay_info());
        self.task.delivery.shown.send_modify(|shown| {
            let points = behind.iter().sum();
            let drain = shown.drain.map_or_else(|| Drain::new(points, seen, up_ms), |drain| drain.go_on(points, seen, up_ms));
            shown.drain = (!behind.is_empty()).then_some(drain);
            (shown.replay, shown.budget, shown.left_out) = (replay, budget, left_out);
        });
    }
}
