//! A link that is connected and on which nobody is heard: a cut line behind a converter, a router behind which all kiosks are.
//!
//! It is told as a link that is down, and holds back the silence of its devices like one: one cause, one thing told. It is
//! over with the first device that is heard, also after a restart. A device that falls silent alone has its own alarm: the others speak. So
//! whose time is up waits for a sign of the others, but no longer than for as long again; then its silence is told in any
//! case. A link with one device says nothing that the device does not.

use super::{Engine, LinkId, moment};
use facility_drivers::Batch;

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
        let mut links: Vec<LinkId> = self.site.devices.iter().filter_map(|device| LinkId::of(&device.source)).collect();
        links.sort_unstable();
        links.dedup();
        for link in links {
            let mute_ms = self.mute.iter().find(|(known, _)| *known == link).map(|(_, since_ms)| *since_ms);
            if self.down.contains(&link) && mute_ms.is_none() {
                continue;
            }
            let silences = self.silences(link, now_ms);
            let is_mute = silences.len() > 1
                && silences.iter().all(|(_, silence, _)| match mute_ms {
                    Some(since_ms) => silence.heard_ms.is_none_or(|heard_ms| heard_ms <= since_ms),
                    None => silence.is_over(now_ms),
                });
            if is_mute != mute_ms.is_some() {
                self.mute.retain(|(known, _)| *known != link);
                self.mute.extend(is_mute.then_some((link, now_ms)));
                events.extend(self.turn_link(link, !is_mute, now_ms));
            }
            let newest_ms = silences.iter().filter_map(|(_, silence, _)| silence.heard_ms).max();
            for (at, silence, interval_ms) in &silences {
                let waits = silences.len() > 1 && silence.may_be_the_link(newest_ms, *interval_ms, now_ms);
                self.devices.get_mut(*at).into_iter().for_each(|facility| facility.waits_for_link = waits);
            }
        }
    }

    /// Of every device on a link, with its interval.
    fn silences(&self, link: LinkId, now_ms: i64) -> Vec<(usize, Silence, i64)> {
        let of_all = self.site.devices.iter().zip(&self.devices).enumerate();
        let on_link = of_all.filter(|(_, (device, _))| link.has(&device.source));
        let silence = |(at, (device, facility)): (usize, (&facility_config::Device, &super::Facility))| {
            let moment = moment(device, now_ms, self.listening_ms);
            (at, facility.silence(&device.rules, moment), moment.interval_ms)
        };
        on_link.map(silence).collect()
    }
}
