//! What the pipeline is told besides readings: which links are up, and what operators want.

use super::App;
use crate::alarm::LinkId;
use crate::operator::{OperatorTask, Order};
use crate::tasks::Kind;
use facility_drivers::Link;
use tokio::sync::{mpsc, watch};

impl App {
    /// Brokers and buses, each as its driver shows it.
    pub(super) fn links_to_devices(&self) -> Vec<(LinkId, watch::Receiver<Link>)> {
        let brokers = self.links.brokers.iter().enumerate().map(|(at, link)| (LinkId::Broker(at), link.subscribe()));
        let buses = self.links.buses.iter().enumerate().map(|(at, link)| (LinkId::Bus(at), link.subscribe()));
        brokers.chain(buses).collect()
    }

    /// Reads the commands of operators.
    pub(super) fn spawn_operator(&mut self, orders: mpsc::Sender<Order>) {
        let task = OperatorTask {
            site: self.site.clone(),
            clock: self.clock.clone(),
            telemetry: self.telemetry.clone(),
            orders,
            stop: self.tasks.stop_of(Kind::Operator),
        };
        self.tasks.spawn(Kind::Operator, "operator", move || task.clone().run());
    }
}
