//! What the log says about the gateway itself and its links: when it did not run, when its clock was not to be trusted, when
//! its store lost something, when a link was down. Pure.
//!
//! The gateway writes a heartbeat every minute or more often. A hole between two of them is told apart by the uptime they
//! carry: counted anew, the gateway was off; gone on as long as the hole, it ran and nothing could be stored; gone on for
//! less, the clock was set.

use super::reason::Reason;
use super::spans::Spans;
use crate::aggregate::save::{Save, saved};
use facility_config::limits::HEARTBEAT_HOLE_MS;
use facility_config::{Part, Point, Site, Source};
use facility_drivers::{Metric, Value};

/// A sign of life of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heartbeat {
    at_ms: i64,
    uptime_s: i64,
    is_provisional: bool,
}

saved!(Heartbeat { at_ms, uptime_s, is_provisional });

impl Heartbeat {
    /// When the gateway started, Unix ms.
    fn started_ms(self) -> i64 {
        self.at_ms.saturating_sub(self.uptime_s.saturating_mul(1000))
    }
}

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Causes {
    heartbeat: Option<Heartbeat>,
    /// Readings were lost since the last heartbeat.
    is_lost: bool,
    off: Spans,
    unknown: Spans,
    not_stored: Spans,
    /// By name, as the log has it.
    down: Vec<(Part, Spans)>,
}

impl Causes {
    pub(super) fn new(site: &Site) -> Self {
        let mut down: Vec<(Part, Spans)> = Vec::new();
        for name in site.devices.iter().filter_map(|device| link_of(site, &device.source)) {
            if !down.iter().any(|(known, _)| *known == name) {
                down.push((name, Spans::default()));
            }
        }
        Self { down, ..Self::default() }
    }

    /// Saved by hand: links are found by their names.
    pub(super) fn save(&self, out: &mut Vec<u8>) {
        self.heartbeat.save(out);
        self.is_lost.save(out);
        [&self.off, &self.unknown, &self.not_stored].into_iter().for_each(|spans| spans.save(out));
        (self.down.len() as u64).save(out);
        for (name, spans) in &self.down {
            name.save(out);
            spans.save(out);
        }
    }

    pub(super) fn load(&mut self, input: &mut &[u8]) -> Option<()> {
        self.heartbeat = Option::load(input)?;
        self.is_lost = bool::load(input)?;
        for spans in [&mut self.off, &mut self.unknown, &mut self.not_stored] {
            *spans = Spans::load(input)?;
        }
        for _ in 0..u64::load(input)? {
            let (name, spans) = (Part::load(input)?, Spans::load(input)?);
            if let Some((_, known)) = self.down.iter_mut().find(|(known, _)| *known == name) {
                *known = spans;
            }
        }
        Some(())
    }

    /// Which of the links a device hangs on.
    pub(super) fn link(&self, site: &Site, source: &Source) -> Option<usize> {
        let name = link_of(site, source)?;
        self.down.iter().position(|(known, _)| *known == name)
    }

    /// Readings before the next record are lost.
    pub(super) fn lost(&mut self) {
        self.is_lost = true;
    }

    /// Takes a record of the gateway itself. True if it is a heartbeat: what went before it is known now.
    pub(super) fn observe(&mut self, metric: Metric, at_ms: i64, value: &Value, is_provisional: bool) -> bool {
        match (metric.point, value) {
            (Point::GatewayUptime, Value::Int(uptime_s)) => {
                self.beat(Heartbeat { at_ms, uptime_s: *uptime_s, is_provisional });
                return true;
            }
            (Point::LinkUp, Value::Bool(is_up)) => {
                if let Some((_, down)) = self.down.iter_mut().find(|(name, _)| *name == metric.part) {
                    if *is_up { down.end(at_ms) } else { down.begin(at_ms) }
                }
            }
            _ => {}
        }
        false
    }

    fn beat(&mut self, now: Heartbeat) {
        let is_lost = std::mem::take(&mut self.is_lost);
        let Some(before) = self.heartbeat.replace(now) else {
            // Where the log begins there was no gateway before.
            return self.off.add(0, now.started_ms());
        };
        let hole_ms = now.at_ms - before.at_ms;
        let ran_ms = (now.uptime_s.saturating_sub(before.uptime_s)).saturating_mul(1000);
        let spans = if is_lost {
            &mut self.not_stored
        } else if hole_ms <= HEARTBEAT_HOLE_MS {
            return;
        } else if now.is_provisional || before.is_provisional {
            &mut self.unknown
        } else if ran_ms <= 0 {
            &mut self.off
        } else if ran_ms.saturating_sub(hole_ms).saturating_abs() <= HEARTBEAT_HOLE_MS {
            &mut self.not_stored
        } else {
            &mut self.unknown
        };
        spans.add(before.at_ms, now.at_ms);
    }

    /// When the gateway started, as its newest heartbeat says, Unix ms.
    pub(super) fn started_ms(&self) -> Option<i64> {
        self.heartbeat.map(Heartbeat::started_ms)
    }

    /// What may explain an interval of a device on a link, the most certain first, without what only the device knows.
    pub(super) fn of_gateway(&self) -> [(Reason, &Spans); 2] {
        [(Reason::GatewayOff, &self.off), (Reason::ClockUnknown, &self.unknown)]
    }

    /// When a link was down.
    pub(super) fn of_link(&self, link: Option<usize>) -> Option<(Reason, &Spans)> {
        link.and_then(|at| self.down.get(at)).map(|(_, spans)| (Reason::LinkDown, spans))
    }

    /// When the store lost something.
    pub(super) fn of_store(&self) -> (Reason, &Spans) {
        (Reason::NotStored, &self.not_stored)
    }

    /// Forgets what explains nothing any more.
    pub(super) fn forget_before(&mut self, at_ms: i64) {
        let down = self.down.iter_mut().map(|(_, spans)| spans);
        [&mut self.off, &mut self.unknown, &mut self.not_stored].into_iter().chain(down).for_each(|spans| spans.forget_before(at_ms));
    }
}

/// Name of a device's link in the log.
fn link_of(site: &Site, source: &Source) -> Option<Part> {
    match source {
        Source::Gateway => None,
        Source::Mqtt { broker, .. } => Some(crate::alarm::LinkId::Broker(*broker).part(site)),
        Source::Bus { bus, .. } => Some(crate::alarm::LinkId::Bus(*bus).part(site)),
    }
}
