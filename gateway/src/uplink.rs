//! Tells as data what destinations did not get, and why: the level of a month's budget when it changes and every hour, what was
//! used, and how many values were left out. One line of measurement `uplink` for each destination that has a budget or a retention.
//!
//! Never holds anything up: a line queues like any other append. Says nothing while the clock is not set, and nothing of a
//! destination before it has looked around. Bounded: one line per destination and look.

use crate::forward::shown::Shown;
use crate::store::{Append, Store, StoreClosed};
use crate::telemetry::{Delivery, Telemetry};
use facility_config::limits::{BUDGET_TELL_MS, PART_BYTES_MAX};
use facility_config::site::Forward;
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::{Batch, Clock, Metric, Subject, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often destinations are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The task.
#[derive(Debug, Clone)]
pub struct Uplink {
    /// Destinations that have something to tell, and what they show.
    pub destinations: Vec<(Forward, Arc<Delivery>)>,
    /// Where lines are written.
    pub outbox: Store,
    /// Counts what is produced.
    pub telemetry: Arc<Telemetry>,
    /// Time.
    pub clock: Clock,
    /// Ends the task.
    pub stop: CancellationToken,
}

/// What was told of a destination last: its level, and when.
type Told = Option<(u8, i64)>;

impl Uplink {
    /// Runs until stopped or until the store has ended.
    pub async fn run(self) {
        let mut told: Vec<Told> = vec![None; self.destinations.len()];
        let stop = self.stop.clone();
        stop.run_until_cancelled(async {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                if let Err(error) = self.look(&mut told).await {
                    tracing::debug!(%error, "budgets are told no more");
                    return;
                }
            }
        })
        .await;
    }

    async fn look(&self, told: &mut [Told]) -> Result<(), StoreClosed> {
        if !self.clock.is_set() {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        for ((forward, delivery), told) in self.destinations.iter().zip(told) {
            let shown = *delivery.shown.borrow();
            let level = shown.budget.map_or(0, |budget| budget.level as u8);
            let is_known = shown.budget.is_some() || shown.left_out[0] > 0;
            let is_due = told.is_none_or(|(before, at)| before != level || (now_ms - at).abs() >= BUDGET_TELL_MS);
            if is_known && is_due {
                *told = Some((level, now_ms));
                let line = line(&forward.name, &shown, now_ms);
                self.telemetry.intake.produced.add(line.readings.len() as u64);
                self.outbox.append(Append { batches: vec![line], mark: None }).await?;
            }
        }
        Ok(())
    }
}

fn line(name: &str, shown: &Shown, now_ms: i64) -> Batch {
    // Names of destinations are ASCII.
    let part = Part::new(name.get(..PART_BYTES_MAX).unwrap_or(name)).unwrap_or_default();
    let count = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
    let mut batch = Batch::new(DeviceIx::GATEWAY, Subject::Event, now_ms);
    let mut push = |point, value| batch.push(Metric { point, part }, value);
    if let Some(budget) = shown.budget {
        push(Point::UplinkLevel, count(budget.level as u64));
        push(Point::UplinkUsed, count(budget.used_bytes));
        if let Some(forecast) = budget.forecast_bytes {
            push(Point::UplinkForecast, count(forecast));
        }
        push(Point::UplinkAllowed, count(budget.allowed_bytes));
        push(Point::UplinkOverBudget, count(shown.left_out[1]));
    }
    push(Point::UplinkExpired, count(shown.left_out[0]));
    batch
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::forward::budget::Level;
    use crate::forward::month::BudgetInfo;
    use crate::store::memory::memory;
    use crate::store::{Names, Sink};

    const NOW: i64 = 1_800_000_000_000;

    #[tokio::test(start_paused = true)]
    async fn a_level_is_told_when_it_changes_and_every_hour() {
        let (outbox, held) = memory(Names::default());
        let (site, delivery, clock) = (site(), Arc::new(Delivery::default()), Clock::manual(NOW));
        let telemetry = Arc::new(Telemetry::default());
        let uplink = Uplink {
            destinations: vec![(site.forward[0].clone(), delivery.clone())],
            outbox: outbox.clone(),
            telemetry: telemetry.clone(),
            clock: clock.clone(),
            stop: CancellationToken::new(),
        };
        let mut told = vec![None];
        let show = |level, forecast_bytes| {
            let budget = BudgetInfo { level, used_bytes: 7, allowed_bytes: 9, forecast_bytes };
            delivery.shown.send_modify(|shown| (shown.budget, shown.left_out) = (Some(budget), [3, 4]));
        };
        uplink.look(&mut told).await.unwrap();
        show(Level::All, None);
        let mut lines = Vec::new();
        for (pass_ms, level) in [(5, Level::All), (5, Level::All), (5, Level::Least), (BUDGET_TELL_MS, Level::Least)] {
            clock.pass(pass_ms);
            show(level, (level == Level::Least).then_some(11));
            uplink.look(&mut told).await.unwrap();
            // Its answer comes after what was appended before only by chance; the appended batches tell.
            while (held.appended_points() as u64) < telemetry.intake.produced.get() {
                outbox.cursor(Sink::Forward).await.unwrap();
                tokio::task::yield_now().await;
            }
            lines.push(held.appended_points());
        }
        assert_eq!(lines, [5, 5, 11, 17], "first, nothing new, another level, an hour later");
        let batches = held.appended();
        assert_eq!(batches[0].at_ms, NOW + 5);
        let figures: Vec<(&str, Value)> =
            batches[1].readings.iter().map(|one| (one.metric.point.info().field, one.value.clone())).collect();
        let expected = [("level", 4), ("used_bytes", 7), ("forecast_bytes", 11), ("allowed_bytes", 9), ("over_budget", 4), ("expired", 3)];
        assert_eq!(figures, expected.map(|(field, value)| (field, Value::Int(value))));
        assert_eq!(batches[1].readings[0].metric.part.as_str(), "main");
    }

    fn site() -> facility_config::Site {
        let head = "[gateway]\nid = \"gw-test-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n";
        let text = format!("{head}[forward.main]\nurl = \"http://127.0.0.1:1\"\norg = \"o\"\nbucket = \"b\"\nmb_per_month = 30\n");
        facility_config::from_toml("gateway.toml", &text).unwrap()
    }
}
