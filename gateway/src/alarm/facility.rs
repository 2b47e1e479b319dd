//! The alarms of one device: what it is judged on, what is watched, and what is held back.
//!
//! Held back means: nothing new is raised and nothing is told again, but what stands may clear. A device in maintenance holds
//! back everything, a shelf one rule or one part of it, a link that is down the silence of its devices. Bounded: watches and
//! shelves of a device.

mod recall;

use super::command::Command;
use super::event::{Event, State};
use super::held::{Held, Shelf, covers, held};
use super::inputs::Inputs;
use super::item::{Item, WATCHES_MAX, is_gone, is_serviced, limit_of, quiet_parts, watched};
use super::late::Late;
use super::mute::Silence;
use super::run::Cause;
use super::save::{load_list, save_list};
use super::stand::{Moment, Seen, Stand, each, is_of_events, reported_as, silence_of};
use super::watch::May;
use crate::aggregate::save::Save;
use facility_config::Part;
use facility_config::alarm::{Rule, RuleKind};
use facility_drivers::Batch;

/// Most shelves of one device.
const SHELVES_MAX: usize = 64;

/// An alarm that stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) rule: RuleKind,
    pub(super) part: Part,
    pub(super) since_ms: i64,
    pub(super) raised_ms: i64,
    pub(super) value: Option<f64>,
    pub(super) limit: f64,
    pub(super) is_acknowledged: bool,
    pub(super) held: Option<Held>,
}

#[derive(Debug)]
pub(super) struct Facility {
    inputs: Inputs,
    items: Vec<Item>,
    shelves: Vec<Shelf>,
    maintenance_ms: Option<i64>,
    /// Newest event: no two of one device share a millisecond, which would be one point in the database.
    event_ms: i64,
    link_is_down: bool,
    linked_ms: i64,
    /// Whether it is silent by itself is not known yet. Found anew with every tick.
    pub(super) waits_for_link: bool,
    late: Late,
}

impl Default for Facility {
    fn default() -> Self {
        let (items, shelves) = (Vec::new(), Vec::new());
        let (event_ms, linked_ms) = (i64::MIN, i64::MIN);
        let (inputs, late) = (Inputs::default(), Late::default());
        Self { inputs, items, shelves, maintenance_ms: None, event_ms, link_is_down: false, linked_ms, waits_for_link: false, late }
    }
}

impl Facility {
    /// Takes the readings of a message stamped `stamp_ms`; false if it says nothing that could raise or clear anything now.
    pub(super) fn observe(&mut self, batch: &Batch, stamp_ms: i64, rules: &[Rule], at: Moment) -> bool {
        self.forget_lost(rules, at);
        let stamp = self.late.stamp(stamp_ms, at);
        self.inputs.observe(batch, stamp, at.now_ms);
        stamp.is_now || self.has_pulses()
    }

    /// Lets delays run out. Of what is in order only silence comes with time alone.
    pub(super) fn tick(&mut self, rules: &[Rule], at: Moment, mut tell: impl FnMut(Event, i64)) {
        let at = self.listening(at);
        self.expire(at.now_ms, &mut tell);
        self.end_without_rule(rules, at.now_ms, &mut tell);
        self.end_gone(at, &mut tell);
        for rule in rules {
            if rule.kind == RuleKind::CommLoss || self.items.iter().any(|item| item.rule == rule.kind) {
                self.judge_rule(rule, at, false, &mut tell);
            }
        }
        self.items.retain(|item| !item.watch.is_idle());
    }

    /// Judges every rule and tells what changed. What only follows the log tells nothing.
    pub(super) fn judge(&mut self, rules: &[Rule], at: Moment, follows: bool, mut tell: impl FnMut(Event, i64)) {
        let at = self.listening(at);
        if !follows {
            self.expire(at.now_ms, &mut tell);
        }
        for rule in rules {
            self.judge_rule(rule, at, follows, &mut tell);
        }
        if !follows {
            self.inputs.pulses.clear();
        }
        self.items.retain(|item| !item.watch.is_idle());
    }

    /// Whether something happened whose alarm was not told yet. Between two messages only while the log is read.
    pub(super) fn has_pulses(&self) -> bool {
        !self.inputs.pulses.is_empty()
    }

    /// What happened was told, or held back: the log goes on behind it.
    pub(super) fn forget_pulses(&mut self) {
        self.inputs.pulses.clear();
    }

    fn judge_rule(&mut self, rule: &Rule, at: Moment, follows: bool, tell: &mut impl FnMut(Event, i64)) {
        let Self { inputs, items, shelves, maintenance_ms, event_ms, link_is_down, waits_for_link, .. } = self;
        let waits = *waits_for_link && rule.kind == RuleKind::CommLoss;
        let is_watched = items.iter().any(|item| item.rule == rule.kind);
        let mut judge = |items: &mut Vec<Item>, part: Part, seen: Seen| {
            let held = held(rule.kind, part, shelves, *maintenance_ms, *link_is_down);
            let may = match (follows, held) {
                (true, _) => May::Follow,
                (false, Some(_)) => May::Clear,
                (false, None) if waits => May::Clear,
                (false, None) => May::Turn,
            };
            let Some(item) = watched(items, rule.kind, part, &seen) else { return };
            item.follow_run(rule, inputs, at, &seen);
            let serviced = !follows && is_serviced(rule.kind, inputs.serviced_ms, &item.watch);
            let next_ms = at.now_ms.max(event_ms.saturating_add(1));
            let turn = if serviced { Some(item.end()) } else { item.watch.judge(at.now_ms, next_ms, rule, &seen, may) };
            if let Some(turn) = turn {
                *event_ms = next_ms;
                tell(item.told(turn, &seen, next_ms), next_ms);
            }
        };
        each(rule, inputs, at, |part, seen| {
            if is_watched || matches!(seen.stand, Stand::Over(_) | Stand::OverAnew(_)) {
                judge(items, part, seen);
            }
        });
        if is_watched && is_of_events(rule.kind) {
            for part in quiet_parts(rule, inputs, items, at) {
                let seen = Seen { stand: Stand::Under(at.now_ms), value: None, limit: 0.0, may_raise: true };
                judge(items, part, seen);
            }
        }
    }

    /// Whether an alarm stands or its delay is running that the readings around it explain. What is low or broken for days
    /// makes none of them precious.
    pub(super) fn is_uneasy(&self) -> bool {
        use RuleKind::{LaneEmpty, LaneLow, LinkDown, LockerOverdue, ProbeFault, UplinkReliability};
        let lasting = [LaneLow, LaneEmpty, LockerOverdue, ProbeFault, UplinkReliability, LinkDown];
        self.items.iter().any(|item| !lasting.contains(&item.rule))
    }

    /// Alarms that stand.
    pub(super) fn standing(&self, rules: &[Rule], at: Moment) -> impl Iterator<Item = Standing> {
        let at = self.listening(at);
        self.items.iter().filter_map(move |item| {
            let (since_ms, raised_ms) = item.watch.raised_ms()?;
            Some(Standing {
                rule: item.rule,
                part: item.part,
                since_ms,
                raised_ms,
                value: item.watch.value(),
                limit: limit_of(rules, item, &self.inputs, at),
                is_acknowledged: item.watch.is_acknowledged(),
                held: held(item.rule, item.part, &self.shelves, self.maintenance_ms, self.link_is_down),
            })
        })
    }

    /// Does what an operator wants. `until_ms` of the events is steady time.
    pub(super) fn command(&mut self, command: &Command, rules: &[Rule], at: Moment, mut tell: impl FnMut(Event, i64)) {
        let now_ms = at.now_ms;
        match *command {
            Command::Acknowledge { rule, part, .. } => self.of_standing(rule, part, State::Acknowledged, now_ms, &mut tell),
            Command::Shelve { rule, part, until_ms, .. } => {
                self.shelves.retain(|shelf| shelf.rule != rule || shelf.part != part);
                let fits = until_ms > now_ms && self.shelves.len() < SHELVES_MAX && rules.iter().any(|known| known.kind == rule);
                if fits {
                    self.shelves.push(Shelf { rule, part, until_ms });
                    tell(self.shelf_event(rule, part, Some(until_ms)), self.next_event(now_ms));
                }
            }
            Command::Unshelve { rule, part, .. } => {
                self.unshelve(now_ms, |shelf| shelf.rule == rule && covers(part, shelf.part), &mut tell)
            }
            Command::Maintenance { until_ms, .. } => {
                let until_ms = until_ms.filter(|until_ms| *until_ms > now_ms);
                if until_ms.is_some() || self.maintenance_ms.is_some() {
                    self.maintenance_ms = until_ms;
                    tell(Event::maintenance(until_ms), self.next_event(now_ms));
                }
            }
        }
    }

    /// Takes the state of the device's link.
    pub(super) fn link(&mut self, is_up: bool, now_ms: i64, mut tell: impl FnMut(Event, i64)) {
        self.set_link(is_up, now_ms);
        let state = if is_up { State::Released } else { State::Suppressed };
        self.of_standing(RuleKind::CommLoss, Part::WHOLE, state, now_ms, &mut tell);
    }

    pub(super) fn set_link(&mut self, is_up: bool, now_ms: i64) {
        if is_up && self.link_is_down {
            self.linked_ms = now_ms;
        }
        self.link_is_down = !is_up;
    }

    /// Whether the link it hangs on is down, after a restart.
    pub(super) fn hang_on(&mut self, link_is_down: bool) {
        self.link_is_down = link_is_down;
    }

    /// Takes that a link is down, since when, or that it is up. Of the gateway.
    pub(super) fn tell_link(&mut self, link: Part, down_ms: Option<i64>) {
        self.inputs.down.retain(|(known, _)| *known != link);
        self.inputs.down.extend(down_ms.map(|down_ms| (link, down_ms)));
    }

    /// Whether an alarm stands.
    pub(super) fn has_raised(&self, rule: RuleKind, part: Part) -> bool {
        self.items.iter().any(|item| item.is(rule, part) && item.watch.is_raised())
    }

    /// How silent it is.
    pub(super) fn silence(&self, rule: &Rule, at: Moment) -> Silence {
        silence_of(rule, &self.inputs, self.listening(at))
    }

    /// Whether somebody works at it.
    pub(super) fn is_in_maintenance(&self) -> bool {
        self.maintenance_ms.is_some()
    }

    fn listening(&self, at: Moment) -> Moment {
        Moment { listening_ms: at.listening_ms.max(self.linked_ms), ..at }
    }

    /// A value that returns after a loss nobody ticked through starts its delays again.
    fn forget_lost(&mut self, rules: &[Rule], at: Moment) {
        if self.items.is_empty() {
            return;
        }
        let Self { inputs, items, .. } = self;
        for rule in rules.iter().filter(|rule| !is_of_events(rule.kind)) {
            if !items.iter().any(|item| item.rule == rule.kind) {
                continue;
            }
            each(rule, inputs, at, |part, seen| {
                if seen.stand == Stand::Lost {
                    items.iter_mut().filter(|item| item.rule == rule.kind && item.part == part).for_each(|item| item.watch.forget());
                }
            });
        }
    }

    /// What stood under a rule that is no more in force clears with it: nobody would judge it ever again.
    fn end_without_rule(&mut self, rules: &[Rule], now_ms: i64, tell: &mut impl FnMut(Event, i64)) {
        self.end(|item, _| !rules.iter().any(|rule| rule.kind == item.rule), None, now_ms, tell);
    }

    /// What stood of a lane, compartment, probe or phase that is not there any more clears, and nothing is kept of it.
    fn end_gone(&mut self, at: Moment, tell: &mut impl FnMut(Event, i64)) {
        self.end(|item, inputs| item.watch.is_raised() && is_gone(item, inputs, at), Some(Cause::NotReported), at.now_ms, tell);
    }

    fn end(&mut self, ends: impl Fn(&Item, &Inputs) -> bool, why: Option<Cause>, now_ms: i64, tell: &mut impl FnMut(Event, i64)) {
        let Self { inputs, items, event_ms, .. } = self;
        items.retain_mut(|item| {
            let is_over = ends(item, inputs);
            if is_over && item.watch.is_raised() {
                *event_ms = now_ms.max(event_ms.saturating_add(1));
                tell(item.ended(why, *event_ms), *event_ms);
            }
            if is_over && why == Some(Cause::NotReported) {
                reported_as(item.rule, item.part).into_iter().for_each(|metric| inputs.signals.remove(metric));
            }
            !is_over
        });
    }

    fn expire(&mut self, now_ms: i64, tell: &mut impl FnMut(Event, i64)) {
        if self.maintenance_ms.is_some_and(|until_ms| until_ms <= now_ms) {
            self.maintenance_ms = None;
            tell(Event::maintenance(None), self.next_event(now_ms));
        }
        if !self.shelves.is_empty() {
            self.unshelve(now_ms, |shelf| shelf.until_ms <= now_ms, tell);
        }
    }

    fn unshelve(&mut self, now_ms: i64, ends: impl Fn(&Shelf) -> bool, tell: &mut impl FnMut(Event, i64)) {
        let (ended, left) = self.shelves.iter().partition(|shelf| ends(shelf));
        self.shelves = left;
        let ended: Vec<Shelf> = ended;
        for shelf in ended {
            tell(self.shelf_event(shelf.rule, shelf.part, None), self.next_event(now_ms));
        }
    }

    fn shelf_event(&self, rule: RuleKind, part: Part, until_ms: Option<i64>) -> Event {
        let state = if until_ms.is_some() { State::Shelved } else { State::Unshelved };
        let is_active = self.items.iter().any(|item| item.rule == rule && covers(part, item.part) && item.watch.is_raised());
        Event { is_active, until_ms, ..Event::of(Some(rule), part, state) }
    }

    /// What is said of each alarm of a rule that stands.
    fn of_standing(&mut self, rule: RuleKind, part: Part, state: State, now_ms: i64, tell: &mut impl FnMut(Event, i64)) {
        let Self { items, event_ms, .. } = self;
        let standing = items.iter_mut().filter(|item| item.rule == rule && covers(part, item.part) && item.watch.is_raised());
        for item in standing {
            if state == State::Acknowledged {
                if item.watch.is_acknowledged() {
                    continue;
                }
                item.watch.acknowledge();
            }
            *event_ms = now_ms.max(event_ms.saturating_add(1));
            let lasted_ms = item.watch.lasted_ms(*event_ms);
            tell(Event { lasted_ms, ..Event::of(Some(item.rule), item.part, state) }, *event_ms);
        }
    }

    /// A time of its own for the next event.
    pub(super) fn next_event(&mut self, now_ms: i64) -> i64 {
        self.event_ms = now_ms.max(self.event_ms.saturating_add(1));
        self.event_ms
    }
}

impl Save for Facility {
    fn save(&self, out: &mut Vec<u8>) {
        self.inputs.save(out);
        save_list(&self.items, out);
        save_list(&self.shelves, out);
        self.maintenance_ms.save(out);
        self.event_ms.save(out);
        self.link_is_down.save(out);
        self.linked_ms.save(out);
        self.late.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Some(Self {
            inputs: Save::load(input)?,
            items: load_list(input, WATCHES_MAX)?,
            shelves: load_list(input, SHELVES_MAX)?,
            maintenance_ms: Save::load(input)?,
            event_ms: Save::load(input)?,
            link_is_down: Save::load(input)?,
            linked_ms: Save::load(input)?,
            waits_for_link: false,
            late: Save::load(input)?,
        })
    }
}
