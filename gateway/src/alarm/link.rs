//! Links that come and go: one alarm of the gateway for each that stays down, none for its devices.
//!
//! A change goes into the log as the gateway's reading `link.up`, where a restart reads it; the alarm `link_down` stands behind
//! it. A link nobody spoke of is up. While the gateway was off nobody knows how a link was, so its delay begins anew with the
//! start; an alarm that stood then is not ended by a connection alone, which says nothing of a line that is cut behind it, but by
//! the first device that is heard (`mute.rs`).

use super::mute::Mute;
use super::{Engine, LinkId, told};
use facility_config::alarm::{Rule, RuleKind};
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::{Batch, Metric, Subject, Value};

impl Engine {
    /// Takes the state of a link. A change is returned as the gateway's reading `link.up` with the events it causes: they
    /// go into the log, where a restart reads them. A link nobody spoke of is up.
    pub fn link(&mut self, link: LinkId, is_up: bool, now_ms: i64) -> Vec<Batch> {
        let now_ms = self.listen(now_ms);
        // A connection that nobody answers on is none.
        if let Some(mute) = self.mute.iter_mut().find(|mute| mute.link == link) {
            mute.is_lost = !is_up;
            return Vec::new();
        }
        if is_up != self.down.contains(&link) {
            return Vec::new();
        }
        self.turn_link(link, is_up, now_ms)
    }

    pub(super) fn turn_link(&mut self, link: LinkId, is_up: bool, now_ms: i64) -> Vec<Batch> {
        let mut reading = Batch::new(DeviceIx::GATEWAY, Subject::Telemetry, self.time.wall(now_ms));
        reading.push(Metric { point: Point::LinkUp, part: link.part(&self.site) }, Value::Bool(is_up));
        let mut events = vec![reading];
        self.set_link(link, is_up, now_ms);
        let time = &self.time;
        for (at, _) in self.site.devices.iter().enumerate().filter(|(_, device)| link.has(&device.source)) {
            if let Some(facility) = self.devices.get_mut(at) {
                facility.link(is_up, now_ms, |event, at_ms| events.push(told(time, DeviceIx(at as u16), event, at_ms)));
            }
        }
        self.judge(DeviceIx::GATEWAY, now_ms, false, &mut events);
        events
    }

    /// Takes from the log which links came and went.
    pub(super) fn recall_links(&mut self, batch: &Batch) {
        let since_ms = self.time.steady(batch.at_ms);
        for reading in batch.readings.iter().filter(|reading| reading.metric.point == Point::LinkUp) {
            let (Some(link), Value::Bool(is_up)) = (LinkId::named(&self.site, reading.metric.part), &reading.value) else { continue };
            self.set_link(link, *is_up, since_ms);
            self.hang(link, *is_up);
        }
    }

    /// Takes from an alarm that stands that its link is down: that was said longer ago than the log is read back. One that is
    /// latched says nothing of now.
    pub(super) fn recall_down(&mut self, part: Part, at_ms: i64) {
        let latch = |rule: &Rule| rule.kind == RuleKind::LinkDown && rule.latch;
        let is_latched = self.site.devices.first().is_some_and(|gateway| gateway.rules.iter().any(latch));
        if let Some(link) = LinkId::named(&self.site, part).filter(|link| !is_latched && !self.down.contains(link)) {
            self.set_link(link, false, at_ms);
            self.hang(link, false);
        }
    }

    /// At the start: of links whose alarm stands, nobody is believed to be there until one is heard. A link with one device
    /// tells nothing that the device does not.
    pub(super) fn doubt_links(&mut self, since_ms: i64) {
        let Some(gateway) = self.devices.first() else { return };
        let stands = |link: &&LinkId| gateway.has_raised(RuleKind::LinkDown, link.part(&self.site)) && self.listened_on(**link) > 1;
        self.mute = self.down.iter().filter(stands).map(|link| Mute { link: *link, since_ms, is_lost: false }).collect();
    }

    fn set_link(&mut self, link: LinkId, is_up: bool, since_ms: i64) {
        self.down.retain(|known| *known != link);
        if !is_up {
            self.down.push(link);
        }
        let gateway = self.devices.first_mut();
        gateway.into_iter().for_each(|gateway| gateway.tell_link(link.part(&self.site), (!is_up).then_some(since_ms)));
    }

    fn hang(&mut self, link: LinkId, is_up: bool) {
        let now_ms = self.time.now_ms();
        for (_, facility) in self.site.devices.iter().zip(&mut self.devices).filter(|(device, _)| link.has(&device.source)) {
            facility.set_link(is_up, now_ms);
        }
    }
}
