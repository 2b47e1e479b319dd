//! Forwarders: one task for each destination.

use super::{App, seed_of};
use crate::forward::way::Way;
use crate::forward::{ForwardTask, Lane, NotReady, month, replay};
use crate::letters;
use crate::store::Sink;
use crate::tasks::Kind;
use crate::uplink::Uplink;
use facility_config::limits::BACKOFF_MS_MAX;
use facility_config::series::Class;
use facility_config::site::{Forward, Selection, Target};
use std::time::Duration;

impl App {
    pub(super) fn spawn_forward(&mut self) -> anyhow::Result<()> {
        let (site, line) = (self.site.clone(), Way::alone());
        for (place, forward) in site.forward.iter().enumerate() {
            let way = match forward.target {
                Target::Database(_) | Target::Platform(_) => line.shared(place, forward.priority),
                Target::Files(_) => Way::alone(),
            };
            self.spawn_destination(place, forward, way)?;
        }
        Ok(())
    }

    /// Tells what destinations with a budget or a retention did not get.
    pub(super) fn spawn_uplink(&mut self) {
        let tells = |forward: &Forward| forward.bytes_per_month.is_some() || forward.retention.is_some();
        let all = self.site.forward.iter().zip(&self.links.databases).filter(|(forward, _)| tells(forward));
        let uplink = Uplink {
            destinations: all.map(|(forward, (_, delivery))| (forward.clone(), delivery.clone())).collect(),
            outbox: self.outbox.clone(),
            telemetry: self.telemetry.clone(),
            clock: self.clock.clone(),
            stop: self.tasks.stop_of(Kind::Gaps),
        };
        if !uplink.destinations.is_empty() {
            self.tasks.spawn(Kind::Gaps, "uplink", move || uplink.clone().run());
        }
    }

    fn spawn_destination(&mut self, place: usize, forward: &Forward, way: Way) -> anyhow::Result<()> {
        let (Some(sink), Some((link, delivery))) = (Sink::DESTINATIONS.get(place), self.links.databases.get(place)) else { return Ok(()) };
        let lanes = self.lanes(*sink, forward);
        let (forward, clock, link, delivery) = (forward.clone(), self.clock.clone(), link.clone(), delivery.clone());
        let stop = self.tasks.stop_of(Kind::Forward);
        let seed = seed_of(&format!("{} {}", self.site.gateway.id, forward.name));
        let dead_letter_dir = self.site.store.dir.join(letters::DIR);
        let replay_dir = replay::dir(&self.site.store.dir, &forward.name);
        let (budget_dir, zone) = (self.site.store.dir.join(month::DIR), self.site.zone.clone());
        let name = format!("forward {}", forward.name);
        let task = move || ForwardTask {
            forward: forward.clone(),
            lanes: lanes.clone(),
            delivery: delivery.clone(),
            way: way.clone(),
            link: link.clone(),
            clock: clock.clone(),
            stop: stop.clone(),
            seed,
            dead_letter_dir: dead_letter_dir.clone(),
            replay_dir: replay_dir.clone(),
            budget_dir: budget_dir.clone(),
            zone: zone.clone(),
        };
        // What is wrong now is said at the start, not in the log of a task; but a stick that was carried away comes back, and
        // what is collected meanwhile must not depend on it.
        let mut first = match task().prepare() {
            Err(error) if !matches!(error, NotReady::Folder { .. }) => return Err(error.into()),
            prepared => Some(prepared),
        };
        self.tasks.spawn(Kind::Forward, &name, move || {
            let (first, task) = (first.take(), task.clone());
            async move {
                let mut prepared = first.unwrap_or_else(|| task().prepare());
                // Also after a defect: what was readable at the start, a token that is being changed, will be again.
                while let Err(error) = &prepared {
                    tracing::error!("{error}");
                    let ForwardTask { link, stop, .. } = task();
                    link.send_modify(|link| link.error = Some(error.to_string()));
                    if stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(BACKOFF_MS_MAX))).await.is_none() {
                        return;
                    }
                    prepared = task().prepare();
                }
                if let Ok(forwarder) = prepared {
                    forwarder.run().await;
                }
            }
        });
        Ok(())
    }

    /// What a destination gets of each store. Events reach the outbox through the roll-up.
    fn lanes(&self, sink: Sink, forward: &Forward) -> Vec<Lane> {
        let mut lanes = Vec::new();
        if forward.takes_outbox() {
            let classes = [(Class::Reading, true), (Class::Metric, forward.metrics), (Class::Event, forward.events)];
            let classes = classes.into_iter().filter_map(|(class, is_sent)| is_sent.then_some(class)).collect();
            lanes.push(Lane { name: "outbox", store: self.outbox.clone(), sink, classes, readings: Selection::default() });
        }
        if let Some(readings) = &forward.raw {
            let (store, readings) = (self.readings.clone(), readings.clone());
            lanes.push(Lane { name: "readings", store, sink, classes: vec![Class::Reading], readings });
        }
        lanes
    }
}
