//! A link that is connected and on which nobody is heard: a cut line behind a converter, a router behind which all kiosks are.
//!
//! It is told as a link that is down, and holds back the silence of its devices like one: one cause, one thing told. It is
//! over with the first device that is heard, also after a restart. A device that falls silent alone has its own alarm: the
//! others speak. So whose time is up waits for a sign of the others, but no longer than for as long again; then its silence is
//! told in any case. A link with one device says nothing that the device does not. Devices whose silence is no alarm (`comm_loss` off) say
//! nothing of a link, and those in maintenance cannot make it mute. Where `link_down` is off, each device has its own alarm.

use super::{Engine, LinkId, moment};
use facility_config::alarm::{Rule, RuleKind};
use facility_config::{Device, DeviceIx};
use facility_drivers::Batch;

/// A link that is told as down although it is connected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mute {
    pub(super) link: LinkId,
    pub(super) since_ms: i64,
    /// The driver has lost it since: then it stays down when somebody is heard.
    pub(super) is_lost: bool,
}

/// A device that may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silence {
    /// When it was heard last, if it was.
    pub(super) heard_ms: Option<i64>,
    /// From when on its silence counts.
    pub(super) from_ms: i64,
    /// How long it may be silent.
    pub(super) allowed_ms: i64,
}

/// A device that is listened for: its place in the site.
#[derive(Debug)]
struct Listened {
    at: usize,
    silence: Silence,
    interval_ms: i64,
    in_maintenance: bool,
}

fn comm_loss(device: &Device) -> Option<&Rule> {
    device.rules.iter().find(|rule| rule.kind == RuleKind::CommLoss)
}

impl Silence {
    pub(super) fn is_over(self, now_ms: i64) -> bool {
        now_ms - self.from_ms > self.allowed_ms
    }

    /// Whether nobody spoke since it should have spoken again, and it is not too late to wait for that.
    fn may_be_the_link(self, newest_ms: Option<i64>, interval_ms: i64, now_ms: i64) -> bool {
        let is_alone = newest_ms.is_some_and(|newest_ms| newest_ms > self.from_ms.saturating_add(interval_ms));
        !is_alone && now_ms - self.from_ms <= 2 * self.allowed_ms
    }
}

impl Engine {
    /// Finds out which links are mute, and which devices have to wait for that.
    pub(super) fn listen_to_links(&mut self, now_ms: i64, events: &mut Vec<Batch>) {
        let is_told = |gateway: &Device| gateway.rules.iter().any(|rule| rule.kind == RuleKind::LinkDown);
        if !self.site.devices.get(DeviceIx::GATEWAY.at()).is_some_and(is_told) {
            return;
        }
        let mut links: Vec<LinkId> = self.site.devices.iter().filter_map(|device| LinkId::of(&device.source)).collect();
        links.sort_unstable();
        links.dedup();
        for link in links {
            let mute = self.mute.iter().find(|mute| mute.link == link).copied();
            if self.down.contains(&link) && mute.is_none() {
                continue;
            }
            let silences = self.silences(link, now_ms);
            let is_mute = match mute {
                Some(mute) => silences.iter().all(|one| one.silence.heard_ms.is_none_or(|heard_ms| heard_ms <= mute.since_ms)),
                None => {
                    let mut expected = silences.iter().filter(|one| !one.in_maintenance);
                    expected.clone().count() > 1 && expected.all(|one| one.silence.is_over(now_ms))
                }
            };
            if is_mute != mute.is_some() {
                self.mute.retain(|mute| mute.link != link);
                self.mute.extend(is_mute.then_some(Mute { link, since_ms: now_ms, is_lost: false }));
                if !mute.is_some_and(|mute| mute.is_lost) {
                    events.extend(self.turn_link(link, !is_mute, now_ms));
                }
            }
            let newest_ms = silences.iter().filter_map(|one| one.silence.heard_ms).max();
            for one in &silences {
                let waits = silences.len() > 1 && one.silence.may_be_the_link(newest_ms, one.interval_ms, now_ms);
                self.devices.get_mut(one.at).into_iter().for_each(|facility| facility.waits_for_link = waits);
            }
        }
    }

    /// Devices on a link whose silence is an alarm.
    fn silences(&self, link: LinkId, now_ms: i64) -> Vec<Listened> {
        let mut silences = Vec::new();
        for (at, (device, facility)) in self.site.devices.iter().zip(&self.devices).enumerate() {
            let Some(rule) = comm_loss(device).filter(|_| link.has(&device.source)) else { continue };
            let moment = moment(device, now_ms, self.listening_ms);
            let (silence, in_maintenance) = (facility.silence(rule, moment), facility.is_in_maintenance());
            silences.push(Listened { at, silence, interval_ms: moment.interval_ms, in_maintenance });
        }
        silences
    }

    /// How many devices say something of a link by their silence.
    pub(super) fn listened_on(&self, link: LinkId) -> usize {
        self.site.devices.iter().filter(|device| link.has(&device.source) && comm_loss(device).is_some()).count()
    }
}
