//! The brokers of a site as tasks, and what becomes of messages that are no readings: dead letters and strangers.

use super::{App, seed_of};
use crate::letters::LettersTask;
use crate::strangers::Keeper;
use crate::tasks::Kind;
use facility_drivers::Batch;
use facility_drivers::heard::Letter;
use facility_drivers::mqtt::BrokerTask;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, watch};

impl App {
    /// One task for each of them.
    pub(super) fn spawn_brokers(&mut self, queue: &mpsc::Sender<Batch>, letters: &mpsc::Sender<Letter>) {
        let former = crate::filters::renew(&self.site);
        for ((index, broker), former) in self.site.brokers.iter().enumerate().zip(former) {
            let (site, broker, queue, clock) = (self.site.clone(), broker.clone(), queue.clone(), self.clock.clone());
            let (link, stop) = (self.links.brokers[index].clone(), self.tasks.stop_of(Kind::Broker));
            let (heard, letters, tap) = (self.links.heard[index].clone(), letters.clone(), self.links.taps.brokers[&broker.name].clone());
            let name = format!("mqtt {}", broker.name);
            self.tasks.spawn(Kind::Broker, name, move || {
                let task = BrokerTask {
                    broker: broker.clone(),
                    index,
                    former: former.clone(),
                    site: site.clone(),
                    out: queue.clone(),
                    link: link.clone(),
                    heard: heard.clone(),
                    letters: letters.clone(),
                    tap: tap.clone(),
                    clock: clock.clone(),
                    stop: stop.clone(),
                    seed: seed_of(&format!("{} {}", site.gateway.id, broker.name)),
                };
                task.run()
            });
        }
    }

    /// Keeps messages that could not be decoded.
    pub(super) fn spawn_letters(&mut self, queue: &mpsc::Sender<Batch>, letters: mpsc::Receiver<Letter>) {
        if self.site.brokers.is_empty() {
            return;
        }
        let task = LettersTask {
            site: self.site.clone(),
            queue: Arc::new(Mutex::new(letters)),
            out: queue.clone(),
            shown: self.links.letters.clone(),
            stop: self.tasks.stop_of(Kind::Letters),
        };
        self.tasks.spawn(Kind::Letters, "letters", move || task.clone().run());
    }

    /// Keeps the list of devices that nobody declared.
    pub(super) fn spawn_strangers(&mut self) {
        let keeper = Keeper {
            site: self.site.clone(),
            before: self.links.strangers.clone(),
            heard: self.links.heard.iter().map(watch::Sender::subscribe).collect(),
            clock: self.clock.clone(),
            stop: self.tasks.stop_of(Kind::Status),
        };
        self.tasks.spawn(Kind::Status, "strangers", move || keeper.clone().run());
    }
}
