//! The buses of a site as tasks: their pollers, the places where their DTUs dial in, and the keeper of what is learned.

use super::{App, seed_of};
use crate::learned::{self, Keeper};
use crate::tasks::Kind;
use facility_config::{Device, Site, Source};
use facility_drivers::Batch;
use facility_drivers::modbus::{BusTask, Reception, Unit};
use tokio::sync::{mpsc, watch};

impl App {
    /// One task for each of them.
    pub(super) fn spawn_buses(&mut self, queue: &mpsc::Sender<Batch>) {
        let (receptions, arrivals) = Reception::of(&self.site.buses);
        for reception in receptions {
            let stop = self.tasks.stop_of(Kind::Bus);
            self.tasks.spawn(Kind::Bus, format!("DTUs at {}", reception.address), move || reception.clone().run(stop.clone()));
        }
        let notes = watch::Sender::new(learned::notes(&self.site, &learned::read(&self.site.store.dir)));
        let keeper = Keeper { site: self.site.clone(), notes: notes.subscribe(), stop: self.tasks.stop_of(Kind::Status) };
        self.tasks.spawn(Kind::Status, "learned", move || keeper.clone().run());
        for (index, arrivals) in arrivals.into_iter().enumerate() {
            let bus = self.site.buses[index].clone();
            let name = format!("bus {}", bus.name);
            let task = BusTask {
                units: units_of(&self.site, index),
                out: queue.clone(),
                link: self.links.buses[index].clone(),
                notes: notes.clone(),
                tap: self.links.taps.buses[&bus.name].clone(),
                arrivals,
                clock: self.clock.clone(),
                stop: self.tasks.stop_of(Kind::Bus),
                seed: seed_of(&self.site.gateway.id),
                bus,
            };
            self.tasks.spawn(Kind::Bus, name, move || task.clone().run());
        }
    }
}

fn units_of(site: &Site, index: usize) -> Vec<Unit> {
    let here = |device: &Device| matches!(device.source, Source::Bus { bus, .. } if bus == index);
    site.indexed().filter(|(_, device)| here(device)).filter_map(|(ix, device)| Unit::of(ix, device)).collect()
}
