//! Puts the status snapshot together from what the parts publish. Reads watches and counters only; asks nobody, waits
//! for nobody, so a store or a database that hangs is shown hanging.

use crate::app::stores::{readers, takes_readings};
use crate::ledger::{Account, Books, accounts};
use crate::letters::LettersInfo;
use crate::pipeline::Picture;
use crate::status::{
    ActiveAlarm, DeviceInfo, DroppedInfo, ForwardInfo, GatewayInfo, LinkInfo, MissingInfo, Rates, Status, StoreInfo, StrangerInfo, Totals,
    ValueInfo, WearInfo,
};
use crate::store::{Durable, Sink};
use crate::strangers;
use crate::telemetry::{Delivery, Shown, Telemetry};
use facility_config::Site;
use facility_config::site::Forward;
use facility_drivers::heard::Heard;
use facility_drivers::{Clock, Link};
use std::sync::Arc;
use tokio::sync::watch;

/// Everything the parts publish.
#[derive(Debug, Clone)]
pub struct Watched {
    /// In the order of [`Site::brokers`].
    pub brokers: Vec<watch::Receiver<Link>>,
    /// In the order of [`Site::buses`].
    pub buses: Vec<watch::Receiver<Link>>,
    /// The ways to the destinations, in the order of [`Site::forward`], and what was done for each.
    pub databases: Vec<(watch::Receiver<Link>, Arc<Delivery>)>,
    /// Newest values and alarms.
    pub picture: watch::Receiver<Arc<Picture>>,
    /// The readings log.
    pub readings: watch::Receiver<Durable>,
    /// The outbox.
    pub outbox: watch::Receiver<Durable>,
    /// The card under both.
    pub wear: watch::Receiver<WearInfo>,
    /// What brokers showed besides readings, in the order of [`Site::brokers`].
    pub heard: Vec<watch::Receiver<Arc<Heard>>>,
    /// Strangers known before this start.
    pub strangers: Arc<strangers::Known>,
    /// Messages that could not be decoded.
    pub letters: watch::Receiver<LettersInfo>,
}

/// Makes snapshots.
#[derive(Debug, Clone)]
pub struct Collector {
    site: Arc<Site>,
    clock: Clock,
    telemetry: Arc<Telemetry>,
    watched: Watched,
    rates: Rates,
    /// The logs when this process opened them: readings, outbox.
    opened: [Durable; 2],
}

impl Collector {
    /// A collector whose account begins with the logs as they are now.
    #[must_use]
    pub fn new(site: Arc<Site>, clock: Clock, telemetry: Arc<Telemetry>, watched: Watched) -> Self {
        let opened = [watched.readings.borrow().clone(), watched.outbox.borrow().clone()];
        Self { site, clock, telemetry, watched, rates: Rates::new(), opened }
    }

    /// The picture of this moment.
    #[must_use]
    pub fn collect(&mut self) -> Status {
        let site = &self.site;
        let mut status = Status::starting(GatewayInfo::new(&site.gateway, &self.clock));
        let uptime_s = status.gateway.uptime_s;
        let books = self.books();
        let [readings, outbox] = &books;
        status.rates = self.rates.push(self.clock.mono_ms(), Totals::of(&self.telemetry.intake));
        status.accounts = accounts(&self.telemetry.intake, readings, outbox);
        status.corrected = self.telemetry.intake.dropped.corrected();
        status.forward = self.destinations(&books);
        status.stores = vec![
            StoreInfo::new("readings", site.store.readings_bytes_max, readings, site.forward.iter().any(takes_readings), uptime_s),
            StoreInfo::new("outbox", site.store.outbox_bytes_max, outbox, site.forward.iter().any(Forward::takes_outbox), uptime_s),
        ];
        status.wear = self.watched.wear.borrow().clone();
        status.links = self.links();
        let picture = self.watched.picture.borrow().clone();
        status.alarms = alarms(site, &picture);
        let missing = self.telemetry.missing.borrow().clone();
        status.devices = devices(site, &picture, &status.alarms, &missing, uptime_s);
        self.heard(&mut status);
        status.letters = self.watched.letters.borrow().clone();
        status.judged()
    }

    /// What brokers showed besides readings.
    fn heard(&self, status: &mut Status) {
        for (broker, heard) in self.site.brokers.iter().zip(&self.watched.heard) {
            let heard = heard.borrow().clone();
            let before = self.watched.strangers.get(&*broker.name).map_or(&[][..], Vec::as_slice);
            let all = strangers::merged(before, &heard.strangers, status.gateway.now_ms);
            status.strangers.extend(all.into_iter().map(|stranger| StrangerInfo::new(&broker.name, stranger)));
            status.dropped.extend(heard.places.iter().filter_map(|place| DroppedInfo::new(&self.site, &broker.name, place)));
        }
    }

    /// Log first, then counters: while data flows the account may then show a point twice for a moment, never lose
    /// one. Everything is read on the runtime that also writes it, without a wait in between.
    fn books(&self) -> [Books; 2] {
        let intake = &self.telemetry.intake;
        let book = |durable: Durable, at_start: Durable, handed_over: u64, sinks: &[Sink]| Books {
            at_start,
            queued: handed_over.saturating_sub(durable.taken),
            readers: sinks.iter().map(|sink| durable.cursor(*sink)).collect(),
            durable,
        };
        let folded_and_sent: Vec<Sink> = std::iter::once(Sink::Aggregate).chain(readers(&self.site, takes_readings)).collect();
        let sent: Vec<Sink> = match self.site.forward.is_empty() {
            true => vec![Sink::Forward],
            false => readers(&self.site, Forward::takes_outbox).collect(),
        };
        [
            book(self.watched.readings.borrow().clone(), self.opened[0].clone(), intake.stored.get(), &folded_and_sent),
            book(self.watched.outbox.borrow().clone(), self.opened[1].clone(), intake.produced.get(), &sent),
        ]
    }

    /// Each destination with its own account, from the same books.
    fn destinations(&self, [readings, outbox]: &[Books; 2]) -> Vec<ForwardInfo> {
        let intake = &self.telemetry.intake;
        let of = |((forward, sink), (_, delivery)): ((&Forward, Sink), &(_, Arc<Delivery>))| {
            let outbox = forward.takes_outbox().then(|| Account::metrics(intake, &outbox.of_one(sink)));
            let readings = forward.raw.is_some().then(|| Account::readings(intake, &readings.of_one(sink)));
            let first = delivery.shown.borrow().waits_for.and_then(|at| self.site.forward.get(at));
            let accounts = outbox.into_iter().chain(readings).collect();
            ForwardInfo {
                waits_for: first.map(|first| first.name.to_string()),
                ..ForwardInfo::of(&forward.name, delivery, accounts, self.clock.up_ms())
            }
        };
        self.site.forward.iter().zip(Sink::DESTINATIONS).zip(&self.watched.databases).map(of).collect()
    }

    fn links(&self) -> Vec<LinkInfo> {
        let site = &self.site;
        let brokers = site.brokers.iter().zip(&self.watched.brokers).map(|(broker, link)| LinkInfo::broker(broker, &link.borrow()));
        let buses = site.buses.iter().zip(&self.watched.buses).map(|(bus, link)| LinkInfo::bus(bus, &link.borrow()));
        let databases = site.forward.iter().zip(&self.watched.databases);
        let databases = databases.map(|(forward, (link, _))| LinkInfo::database(forward, &link.borrow()));
        brokers.chain(buses).chain(databases).collect()
    }
}

fn alarms(site: &Site, picture: &Picture) -> Vec<ActiveAlarm> {
    let known = picture.alarms.iter().filter_map(|alarm| Some((alarm, site.device(alarm.device)?)));
    known.map(|(alarm, device)| ActiveAlarm::new(device, alarm)).collect()
}

fn devices(site: &Site, picture: &Picture, alarms: &[ActiveAlarm], missing: &Shown, uptime_s: u64) -> Vec<DeviceInfo> {
    let others = site.indexed().filter(|(ix, _)| *ix != facility_config::DeviceIx::GATEWAY);
    let info = others.map(|(ix, device)| {
        let mut info = DeviceInfo::new(site, device);
        if let Some(latest) = picture.devices.get(ix.at()) {
            info = info.heard(latest.online(picture.now_ms), latest.last_seen_ms, uptime_s);
            info.lost_messages = latest.lost_messages;
            info.values = latest.values.iter().map(|(metric, newest)| ValueInfo::new(*metric, &newest.value, newest.at_ms)).collect();
        }
        info.missing = missing.newest.get(ix.at()).copied().flatten().map(MissingInfo::from);
        info.unrevised_days = missing.unrevised_days.get(ix.at()).copied().unwrap_or(0);
        info.alarms = alarms.iter().filter(|alarm| alarm.is_told() && *alarm.device == *device.id).map(|alarm| alarm.rule).collect();
        info
    });
    info.collect()
}
