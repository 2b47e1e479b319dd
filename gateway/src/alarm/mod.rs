//! Alarms: each rule of each device judged on live readings, with or without a network (OPC UA Part 9, DOMAIN §5).
//!
//! Never reads a clock: `now_ms` is an argument, and when it steps the delays go on from where they were (`steady.rs`). Holds
//! the newest values and what is uneasy; a device in order has no state per rule. What is told goes into the log of
//! readings, and the log is what a restart believes: what stands is told again every [`REPEAT_MS`], so that its newest hours
//! are enough, however old an alarm is and whatever became of the snapshot.
//!
//! How missing data is treated (DOMAIN §5): it neither raises nor clears. While the newest reading has no value, or is
//! older than three intervals, no delay can run out; once three intervals have passed since the last good value, delays
//! that were running start again. Silence has its own rule, `comm_loss`, which is held while the device's link is down: that
//! is one alarm of the gateway itself, `link_down` (`link.rs`).
//!
//! A rule is about now: what a device kept while it was offline begins and ends nothing (`late.rs`, `inputs.rs`).

mod command;
mod event;
mod facility;
mod held;
mod inputs;
mod item;
mod late;
mod link;
mod mute;
mod removed;
mod run;
mod save;
mod signal;
mod sliding;
mod stand;
mod steady;
mod watch;

#[cfg(test)]
mod tests;

pub use command::{Command, LinkId};
pub use held::Held;

use crate::aggregate::save::{Save, seal_as, unseal_as};
use crate::aggregate::span_ms;
use event::Event;
use facility::Facility;
use facility_config::alarm::RuleKind;
use facility_config::{DeviceIx, Part, Point, Site};
use facility_drivers::{Batch, Value};
use mute::Mute;
use removed::Removed;
use save::{MAGIC, VERSION};
use stand::Moment;
use std::collections::BTreeMap;
use std::sync::Arc;
use steady::Steady;

pub(crate) use steady::STEP_MS_MIN;

/// How often it is told again what stands, ms. The start of a gateway without a snapshot reads twice as much of the log.
pub const REPEAT_MS: i64 = 3_600_000;

/// An alarm that stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Active {
    /// Where.
    pub device: DeviceIx,
    /// What.
    pub rule: RuleKind,
    /// Of which lane, compartment, probe or phase; the whole device for most rules.
    pub part: Part,
    /// When the condition began, Unix ms.
    pub since_ms: i64,
    /// When the alarm was raised, Unix ms.
    pub raised_ms: i64,
    /// Newest value that was judged, in the rule's unit; silent intervals for `comm_loss`; none for a door.
    pub value: Option<f64>,
    /// The limit of the rule, in the unit of the value.
    pub limit: f64,
    /// Somebody has seen it.
    pub is_acknowledged: bool,
    /// Why it is held back, if it is.
    pub held: Option<Held>,
}

/// All alarms of a site.
#[derive(Debug)]
pub struct Engine {
    site: Arc<Site>,
    devices: Vec<Facility>,
    time: Steady,
    /// From when on silence counts: the first call that was no replay.
    listening_ms: Option<i64>,
    /// Links that are known to be down.
    down: Vec<LinkId>,
    /// Those of them that are up for all their driver knows, but nobody on them has been heard since this steady time.
    mute: Vec<Mute>,
    /// When what stands was told again, steady time.
    repeated_ms: Option<i64>,
    /// Alarms of devices that are no longer declared, to be told as ended.
    removed: Vec<Removed>,
    /// Commit time of the end of the log while it is read, and devices something happened to then.
    tail: (i64, Vec<DeviceIx>),
}

impl Engine {
    /// An engine that has seen nothing. Its first call decides from when on a device's silence is counted.
    #[must_use]
    pub fn new(site: Arc<Site>) -> Self {
        let devices = site.devices.iter().map(|_| Facility::default()).collect();
        let (time, removed, tail) = (Steady::default(), Vec::new(), (i64::MIN, Vec::new()));
        Self { site, devices, time, listening_ms: None, down: Vec::new(), mute: Vec::new(), repeated_ms: None, removed, tail }
    }

    /// Takes what a device said, once the pipeline has settled its time, and returns the alarms raised and cleared by it.
    pub fn observe(&mut self, batch: &Batch, now_ms: i64) -> Vec<Batch> {
        self.beat(batch);
        let now_ms = self.listen(now_ms);
        self.take(batch, now_ms, false)
    }

    /// Lets delays run out. To be called every second or so, whether anything was heard or not.
    pub fn tick(&mut self, now_ms: i64) -> Vec<Batch> {
        let now_ms = self.listen(now_ms);
        let mut events = Vec::new();
        self.end_removed(now_ms, &mut events);
        // The log ended between what happened and its alarm.
        for ix in std::mem::take(&mut self.tail.1) {
            self.judge(ix, now_ms, false, &mut events);
        }
        self.listen_to_links(now_ms, &mut events);
        let is_due = self.repeated_ms.is_some_and(|repeated_ms| now_ms - repeated_ms >= REPEAT_MS);
        self.repeated_ms = self.repeated_ms.filter(|_| !is_due).or(Some(now_ms));
        let time = &self.time;
        for (at, (device, facility)) in self.site.devices.iter().zip(&mut self.devices).enumerate() {
            let moment = moment(device, now_ms, self.listening_ms);
            let mut tell = |event, at_ms| events.push(told(time, DeviceIx(at as u16), event, at_ms));
            facility.tick(&device.rules, moment, &mut tell);
            if is_due {
                facility.repeat(now_ms, tell);
            }
        }
        events
    }

    /// Does what an operator wants, and returns the events this is: none if there is no such alarm.
    pub fn command(&mut self, command: &Command, now_ms: i64) -> Vec<Batch> {
        let now_ms = self.listen(now_ms);
        let mut events = Vec::new();
        let command = command.map_until(|until_ms| self.time.steady(until_ms));
        let (ix, time) = (command.device(), &self.time);
        let (Some(device), Some(facility)) = (self.site.devices.get(ix.at()), self.devices.get_mut(ix.at())) else { return events };
        let at = moment(device, now_ms, self.listening_ms);
        facility.command(&command, &device.rules, at, |event, at_ms| events.push(told(time, ix, event, at_ms)));
        self.judge(ix, now_ms, false, &mut events);
        events
    }

    /// Takes a heartbeat of the gateway, which says what of the time that has passed was only a step of the clock. To be
    /// taken before anything else that came after the step; taking it again changes nothing.
    pub fn beat(&mut self, batch: &Batch) {
        if batch.device == Some(DeviceIx::GATEWAY) {
            let uptime = batch.readings.iter().find(|reading| reading.metric.point == Point::GatewayUptime);
            if let Some(Value::Int(up_s)) = uptime.map(|reading| &reading.value) {
                self.time.beat(batch.at_ms, *up_s);
            }
        }
    }

    /// Takes what the log holds, committed at `log_ms`: readings are observed, and alarms are what their events say.
    pub fn replay(&mut self, batch: &Batch, log_ms: i64) {
        self.beat(batch);
        let now_ms = self.time.advance(log_ms);
        let Some(ix) = batch.device else { return };
        if log_ms != self.tail.0 {
            // Alarms stand behind their causes in the same commit: of the one before, everything was told.
            for ix in std::mem::take(&mut self.tail.1) {
                self.devices.get_mut(ix.at()).into_iter().for_each(Facility::forget_pulses);
            }
            self.tail.0 = log_ms;
        }
        if ix == DeviceIx::GATEWAY {
            self.recall_links(batch);
            self.removed.retain(|removed| !removed.is_told_by(batch));
        }
        drop(self.take(batch, now_ms, true));
        let Some(facility) = self.devices.get_mut(ix.at()) else { return };
        let event = Event::read(batch);
        if let Some(event) = &event {
            let (at_ms, until_ms) = (self.time.steady(batch.at_ms), event.until_ms.map(|until_ms| self.time.steady(until_ms)));
            facility.recall(&Event { until_ms, ..*event }, at_ms);
            self.repeated_ms = if event.state.is_repeated() { Some(at_ms) } else { self.repeated_ms };
        }
        if facility.has_pulses() && !self.tail.1.contains(&ix) {
            self.tail.1.push(ix);
        }
        if let Some(event) = event.filter(|event| event.rule == Some(RuleKind::LinkDown) && event.is_active) {
            self.recall_down(event.part, now_ms);
        }
    }

    /// The whole state, sealed.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut body = Vec::new();
        self.time.save(&mut body);
        self.repeated_ms.save(&mut body);
        (self.down.len() as u64).save(&mut body);
        self.down.iter().for_each(|link| link.part(&self.site).save(&mut body));
        (self.devices.len() as u64).save(&mut body);
        for (device, facility) in self.site.devices.iter().zip(&self.devices) {
            device.id.save(&mut body);
            facility.save(&mut body);
        }
        seal_as(MAGIC, VERSION, &body)
    }

    /// An engine as it was when its state was taken; `None` if the bytes are not whole or of another version. Devices are
    /// found by their id, new ones have seen nothing.
    #[must_use]
    pub fn restore(site: Arc<Site>, sealed: &[u8]) -> Option<Self> {
        let mut input = unseal_as(MAGIC, VERSION, sealed)?;
        let (time, repeated_ms) = (Steady::load(&mut input)?, Save::load(&mut input)?);
        let mut down = Vec::new();
        for _ in 0..u64::load(&mut input)? {
            down.extend(LinkId::named(&site, Part::load(&mut input)?));
        }
        let mut known = BTreeMap::new();
        for _ in 0..u64::load(&mut input)? {
            known.insert(Box::<str>::load(&mut input)?, Facility::load(&mut input)?);
        }
        let mut devices: Vec<Facility> = site.devices.iter().map(|device| known.remove(&device.id).unwrap_or_default()).collect();
        // The device may hang on another link by now.
        for (device, facility) in site.devices.iter().zip(&mut devices) {
            facility.hang_on(down.iter().any(|link| link.has(&device.source)));
        }
        let now_ms = time.now_ms();
        down.iter().for_each(|link| devices.iter_mut().take(1).for_each(|gateway| gateway.tell_link(link.part(&site), Some(now_ms))));
        let gone = known.into_iter().flat_map(|(device, facility)| {
            let rules = facility.standing_rules(now_ms);
            rules.into_iter().map(move |(rule, lasted_ms)| Removed { device: device.clone(), rule, since_ms: now_ms - lasted_ms })
        });
        let removed = gone.collect();
        input.is_empty().then_some(Self { time, down, repeated_ms, removed, devices, ..Self::new(site) })
    }

    /// Whether a device has an alarm that stands, or a condition that will be one if it lasts.
    #[must_use]
    pub fn is_uneasy(&self, device: DeviceIx) -> bool {
        self.devices.get(device.at()).is_some_and(Facility::is_uneasy)
    }

    /// Alarms that stand, by device, then by rule, then by part.
    #[must_use]
    pub fn active(&self) -> Vec<Active> {
        let mut active = Vec::new();
        for (at, (device, facility)) in self.site.devices.iter().zip(&self.devices).enumerate() {
            let moment = moment(device, self.time.now_ms(), self.listening_ms);
            active.extend(facility.standing(&device.rules, moment).map(|standing| Active {
                device: DeviceIx(at as u16),
                rule: standing.rule,
                part: standing.part,
                since_ms: self.time.wall(standing.since_ms),
                raised_ms: self.time.wall(standing.raised_ms),
                value: standing.value,
                limit: standing.limit,
                is_acknowledged: standing.is_acknowledged,
                held: standing.held,
            }));
        }
        active.sort_by_key(|alarm| (alarm.device, alarm.rule, alarm.part));
        active
    }

    fn listen(&mut self, now_ms: i64) -> i64 {
        let before_ms = self.time.now_ms();
        let now_ms = self.time.advance(now_ms);
        if self.listening_ms.replace(self.listening_ms.unwrap_or(now_ms)).is_none() {
            self.doubt_links(before_ms);
        }
        now_ms
    }

    fn take(&mut self, batch: &Batch, now_ms: i64, follows: bool) -> Vec<Batch> {
        let mut events = Vec::new();
        let Some(ix) = batch.device else { return events };
        let (Some(device), Some(facility)) = (self.site.devices.get(ix.at()), self.devices.get_mut(ix.at())) else { return events };
        if !device.rules.is_empty() {
            let at = moment(device, now_ms, self.listening_ms);
            if facility.observe(batch, self.time.steady(batch.at_ms), &device.rules, at) {
                self.judge(ix, now_ms, follows, &mut events);
            }
        }
        events
    }

    /// Told by the gateway, for a device that is not declared has no place in the log.
    fn end_removed(&mut self, now_ms: i64, events: &mut Vec<Batch>) {
        let Some(gateway) = self.devices.first_mut() else { return };
        for removed in self.removed.drain(..) {
            events.push(removed.batch(now_ms, self.time.wall(gateway.next_event(now_ms))));
        }
    }

    fn judge(&mut self, ix: DeviceIx, now_ms: i64, follows: bool, events: &mut Vec<Batch>) {
        let time = &self.time;
        if let (Some(device), Some(facility)) = (self.site.devices.get(ix.at()), self.devices.get_mut(ix.at())) {
            let at = moment(device, now_ms, self.listening_ms);
            facility.judge(&device.rules, at, follows, |event, at_ms| events.push(told(time, ix, event, at_ms)));
        }
    }
}

fn moment(device: &facility_config::Device, now_ms: i64, listening_ms: Option<i64>) -> Moment {
    Moment { now_ms, interval_ms: span_ms(device.interval), listening_ms: listening_ms.unwrap_or(now_ms) }
}

fn told(time: &Steady, device: DeviceIx, event: Event, at_ms: i64) -> Batch {
    let until_ms = event.until_ms.map(|until_ms| time.wall(until_ms));
    Event { until_ms, ..event }.batch(device, time.wall(at_ms))
}
