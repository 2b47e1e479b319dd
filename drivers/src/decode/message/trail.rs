//! What a walk tells people who watch: every place it came by, and what became of the value there.
//!
//! Slow, and only there when somebody asked. Never a value that the profile does not name: readings are shown as they are
//! in the batch. Bounded by the number of readings that a message may have.

use super::personal::Names;
use super::{Fate, Step};
use crate::fault::Fault;
use crate::reading::Batch;
use facility_config::limits::READINGS_PER_MESSAGE_MAX;

/// The steps of one message.
#[derive(Debug)]
pub(super) struct Trail<'a> {
    names: &'a Names,
    path: String,
    /// Lengths of `path` on the way back.
    back: Vec<usize>,
    steps: Vec<(Box<str>, &'static str, Mark)>,
}

/// What became of a value, as far as that is known during the walk.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// The reading at that index of the batch.
    Reading(usize),
    Used(&'static str),
    Ignored,
    Dropped(Fault),
}

/// Where a trail is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Footing {
    steps: usize,
    back: usize,
    path: usize,
}

impl<'a> Trail<'a> {
    pub(super) fn new(names: &'a Names) -> Self {
        Self { names, path: String::new(), back: Vec::new(), steps: Vec::new() }
    }

    /// Down to a member, by its name in the payload.
    pub(super) fn enter(&mut self, name: &str) {
        self.back.push(self.path.len());
        self.path.push('/');
        self.path.push_str(&self.names.harmless(name));
    }

    /// Up again.
    pub(super) fn leave(&mut self) {
        self.path.truncate(self.back.pop().unwrap_or(0));
    }

    pub(super) fn note(&mut self, found: &'static str, mark: Mark) {
        if self.steps.len() < READINGS_PER_MESSAGE_MAX {
            self.steps.push((self.path.as_str().into(), found, mark));
        }
    }

    pub(super) fn mark(&self) -> Footing {
        Footing { steps: self.steps.len(), back: self.back.len(), path: self.path.len() }
    }

    /// Back to where it was, however deep it went since.
    pub(super) fn rewind(&mut self, to: Footing) {
        self.steps.truncate(to.steps);
        self.back.truncate(to.back);
        self.path.truncate(to.path);
    }

    /// The readings from that index on are dropped.
    pub(super) fn drop_readings(&mut self, from: usize, fault: Fault) {
        for (_, _, mark) in &mut self.steps {
            if matches!(mark, Mark::Reading(at) if *at >= from) {
                *mark = Mark::Dropped(fault);
            }
        }
    }

    /// Begins anew: the payload is walked once more.
    pub(super) fn clear(&mut self) {
        self.path.clear();
        self.back.clear();
        self.steps.clear();
    }

    /// With the values as they are in the batch; without them if the message was refused.
    pub(super) fn finish(self, batch: &Batch) -> Vec<Step> {
        let refused = batch.refused.unwrap_or(Fault::Undecodable);
        let fate = |mark| match mark {
            Mark::Reading(at) => {
                batch.readings.get(at).map_or(Fate::Dropped(refused), |reading| Fate::Reading(reading.metric, reading.value.clone()))
            }
            Mark::Used(what) => Fate::Used(what),
            Mark::Ignored => Fate::Ignored,
            Mark::Dropped(fault) => Fate::Dropped(fault),
        };
        self.steps.into_iter().map(|(place, found, mark)| Step { place, found, fate: fate(mark) }).collect()
    }
}
