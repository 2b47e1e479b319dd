//! What is watched at a device: a rule of a part, and what is told of it. There is one only while there is something to watch.

use super::event::{Event, State};
use super::inputs::Inputs;
use super::run::{Cause, Run, Step};
use super::signal::{Known, Signal};
use super::stand::{Moment, Seen, Stand, each, reported_as, temperature_of};
use super::watch::{Turn, Watch};
use crate::aggregate::save::saved;
use facility_config::alarm::{Rule, RuleKind};
use facility_config::{Part, Point};

/// Most parts of one device that are watched at a time: as many lanes as a message can have are not all empty.
pub(super) const WATCHES_MAX: usize = 1024;

/// What is not reported for this long is not there any more.
pub(super) const GONE_MS: i64 = 24 * 3_600_000;

#[derive(Debug)]
pub(super) struct Item {
    pub(super) rule: RuleKind,
    pub(super) part: Part,
    pub(super) watch: Watch,
}

saved!(Item { rule, part, watch });

impl Item {
    pub(super) fn is(&self, rule: RuleKind, part: Part) -> bool {
        self.rule == rule && self.part == part
    }

    /// Begins or goes on with the record of an excursion.
    pub(super) fn follow_run(&mut self, rule: &Rule, inputs: &Inputs, at: Moment, seen: &Seen) {
        let Some(point) = temperature_of(self.rule, self.part) else { return };
        let Known::Good(value, at_ms) = inputs.signals.at(point, at.now_ms, at.hold_ms()) else { return };
        let hold_ms = at.hold_ms();
        let door_is_open = matches!(inputs.signals.at(Point::CabinetDoor, at.now_ms, hold_ms), Known::Good(open, _) if open > 0.0);
        let step = Step { value, at_ms, hold_ms, door_is_open, defrost_end_ms: inputs.defrost.end_ms(), power_ms: inputs.power_ms };
        match self.watch.run.as_mut() {
            Some(run) => run.go_on(rule, step),
            None if matches!(seen.stand, Stand::Over(_)) => self.watch.run = Some(Box::new(Run::begin(rule, step))),
            None => {}
        }
    }

    pub(super) fn end(&mut self) -> Turn {
        self.watch.clear();
        Turn::Cleared
    }

    pub(super) fn told(&self, turn: Turn, seen: &Seen, at_ms: i64) -> Event {
        let is_active = turn != Turn::Cleared;
        let state = match turn {
            Turn::Raised => State::Raised,
            Turn::Reminded => State::Reminded,
            Turn::Cleared => State::Cleared,
        };
        Event {
            is_active,
            value: self.watch.value().map(|value| (value, seen.limit)),
            lasted_ms: self.watch.lasted_ms(at_ms),
            record: self.watch.run.as_ref().filter(|_| !is_active).map(|run| run.record()),
            ..Event::of(Some(self.rule), self.part, state)
        }
    }

    /// Ends an alarm that nobody will judge any more.
    pub(super) fn ended(&mut self, why: Option<Cause>, at_ms: i64) -> Event {
        let seen = Seen { stand: Stand::Lost, value: None, limit: 0.0, may_raise: false };
        let turn = self.end();
        Event { value: None, ended: why, ..self.told(turn, &seen, at_ms) }
    }

    /// That it stands, and whether somebody has seen it.
    pub(super) fn repeated(&self, at_ms: i64) -> Event {
        let state = if self.watch.is_acknowledged() { State::StandsSeen } else { State::Stands };
        Event { lasted_ms: self.watch.lasted_ms(at_ms), ..Event::of(Some(self.rule), self.part, state) }
    }
}

/// The watch of a part, which begins with a condition.
pub(super) fn watched<'i>(items: &'i mut Vec<Item>, rule: RuleKind, part: Part, seen: &Seen) -> Option<&'i mut Item> {
    match items.iter().position(|item| item.is(rule, part)) {
        Some(at) => items.get_mut(at),
        None if matches!(seen.stand, Stand::Over(_) | Stand::OverAnew(_)) && items.len() < WATCHES_MAX => {
            items.push(Item { rule, part, watch: Watch::default() });
            items.last_mut()
        }
        None => None,
    }
}

/// Parts that are watched by a rule of events and that nothing happened to.
pub(super) fn quiet_parts(rule: &Rule, inputs: &Inputs, items: &[Item], at: Moment) -> Vec<Part> {
    let mut quiet: Vec<Part> = items.iter().filter(|item| item.rule == rule.kind).map(|item| item.part).collect();
    each(rule, inputs, at, |part, _| quiet.retain(|known| *known != part));
    quiet
}

/// Whether the lane, compartment, probe or phase of an alarm has not been reported for [`GONE_MS`], while its device was
/// heard: it is no longer there, and nothing would ever clear it.
pub(super) fn is_gone(item: &Item, inputs: &Inputs, at: Moment) -> bool {
    let Some(metric) = reported_as(item.rule, item.part) else { return false };
    let is_heard = inputs.heard_ms.is_some_and(|heard_ms| at.now_ms - heard_ms <= at.hold_ms());
    let stamp_ms = inputs.signals.find(metric).map_or(i64::MIN, Signal::stamp_ms);
    let from_ms = stamp_ms.max(at.listening_ms).max(inputs.heard_since_ms.unwrap_or(at.now_ms));
    is_heard && at.now_ms.saturating_sub(from_ms) >= GONE_MS
}

/// A lockout ends with the service.
pub(super) fn is_serviced(rule: RuleKind, serviced_ms: Option<i64>, watch: &Watch) -> bool {
    matches!(rule, RuleKind::VendingHealthLockout | RuleKind::VendingHotLockout)
        && watch.raised_ms().is_some_and(|(_, raised_ms)| serviced_ms.is_some_and(|serviced_ms| serviced_ms >= raised_ms))
}

/// The limit that decides about what is watched.
pub(super) fn limit_of(rules: &[Rule], item: &Item, inputs: &Inputs, at: Moment) -> f64 {
    let Some(rule) = rules.iter().find(|rule| rule.kind == item.rule) else { return 0.0 };
    let mut limit = rule.limit;
    each(rule, inputs, at, |part, seen| {
        if part == item.part {
            limit = seen.limit;
        }
    });
    limit
}
