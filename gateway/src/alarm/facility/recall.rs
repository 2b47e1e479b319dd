//! What the log is told so that a restart finds all that stands, and what a restart takes from it.

use super::{Facility, SHELVES_MAX};
use crate::alarm::event::{Event, State};
use crate::alarm::held::Shelf;
use crate::alarm::item::watched;
use crate::alarm::stand::{Seen, Stand};
use facility_config::alarm::RuleKind;

impl Facility {
    /// Takes what the log says of an alarm. `until_ms` of the event is steady time.
    pub(in crate::alarm) fn recall(&mut self, event: &Event, at_ms: i64) {
        self.event_ms = self.event_ms.max(at_ms);
        let Some(rule) = event.rule else {
            self.maintenance_ms = event.until_ms;
            return;
        };
        match event.state {
            State::Raised | State::Reminded | State::Acknowledged | State::Stands | State::StandsSeen => {
                self.recall_standing(rule, event, at_ms)
            }
            State::Cleared => self.items.retain(|item| item.rule != rule || item.part != event.part),
            State::Shelved | State::StandsHeld => {
                self.shelves.retain(|shelf| shelf.rule != rule || shelf.part != event.part);
                if let Some(until_ms) = event.until_ms.filter(|_| self.shelves.len() < SHELVES_MAX) {
                    self.shelves.push(Shelf { rule, part: event.part, until_ms });
                }
            }
            State::Unshelved => self.shelves.retain(|shelf| shelf.rule != rule || shelf.part != event.part),
            // Said by the link's own readings.
            State::Suppressed | State::Released => {}
        }
    }

    /// Takes from the log that an alarm stands, whichever of its events the log still has.
    fn recall_standing(&mut self, rule: RuleKind, event: &Event, at_ms: i64) {
        self.inputs.pulses.retain(|pulse| pulse.rule != rule || pulse.part != event.part);
        let seen = Seen { stand: Stand::Over(at_ms), value: None, limit: 0.0, may_raise: true };
        let Some(item) = watched(&mut self.items, rule, event.part, &seen) else { return };
        if !item.watch.is_raised() || matches!(event.state, State::Raised | State::Reminded) {
            let raised_ms = if event.state == State::Raised { at_ms } else { at_ms - event.lasted_ms };
            item.watch.raise(at_ms - event.lasted_ms, raised_ms);
        }
        item.watch.set_value(event.value.map(|(value, _)| value));
        if matches!(event.state, State::Acknowledged | State::StandsSeen) {
            item.watch.acknowledge();
        }
    }

    /// Tells again what stands and what is held back, so that the newest hours of the log say all of it.
    pub(in crate::alarm) fn repeat(&mut self, now_ms: i64, mut tell: impl FnMut(Event, i64)) {
        let Self { items, event_ms, .. } = self;
        for item in items.iter().filter(|item| item.watch.is_raised()) {
            *event_ms = now_ms.max(event_ms.saturating_add(1));
            tell(item.repeated(*event_ms), *event_ms);
        }
        let shelves = self.shelves.iter().map(|shelf| self.shelf_event(shelf.rule, shelf.part, Some(shelf.until_ms)));
        let maintenance = self.maintenance_ms.map(|until_ms| Event::maintenance(Some(until_ms)));
        let held: Vec<Event> = shelves.chain(maintenance).map(|event| Event { state: State::StandsHeld, ..event }).collect();
        for event in held {
            tell(event, self.next_event(now_ms));
        }
    }

    /// Rules of which an alarm stands, each once, with how long the longest has.
    pub(in crate::alarm) fn standing_rules(&self, now_ms: i64) -> Vec<(RuleKind, i64)> {
        let mut rules: Vec<(RuleKind, i64)> =
            self.items.iter().filter(|item| item.watch.is_raised()).map(|item| (item.rule, item.watch.lasted_ms(now_ms))).collect();
        rules.sort_unstable_by_key(|(rule, lasted_ms)| (*rule, std::cmp::Reverse(*lasted_ms)));
        rules.dedup_by_key(|(rule, _)| *rule);
        rules
    }
}
