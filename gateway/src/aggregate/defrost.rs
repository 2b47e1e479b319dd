//! A cabinet's defrost: when it began, when it ended, and how long its warmth is forgiven (DOMAIN §4).
//!
//! The `defrost` flag decides; a device that has none is read from its `mode` (AK-CC55 says so only there). A defrost
//! that never ends is taken as ended after an hour: a stuck relay must not hide a warm cabinet.

use super::hold::Held;
use super::save::saved;

/// Longest time one defrost counts, and longest time that is left out of the adjusted figure for it.
const DEFROST_MS_MAX: i64 = 60 * 60_000;
/// Time after a defrost that is left out with it.
const RECOVERY_MS: i64 = 30 * 60_000;

/// The newest defrost of a cabinet.
#[derive(Debug, Default)]
pub(crate) struct Defrost {
    on: Held<bool>,
    has_flag: bool,
    started_ms: Option<i64>,
    /// No "off" was seen since it started.
    unfinished: bool,
    /// Last moment it was known to run, once it does not.
    ended_ms: i64,
}

saved!(Defrost { on, has_flag, started_ms, unfinished, ended_ms });

impl Defrost {
    /// Takes the `defrost` flag. False if a newer one is known.
    pub(crate) fn flag(&mut self, at_ms: i64, hold_ms: i64, on: Option<bool>) -> bool {
        self.has_flag = true;
        self.set(at_ms, hold_ms, on)
    }

    /// Takes what the `mode` says. False if a newer one is known.
    pub(crate) fn mode(&mut self, at_ms: i64, hold_ms: i64, on: Option<bool>) -> bool {
        self.has_flag || self.set(at_ms, hold_ms, on)
    }

    /// Whether it runs, as far as is known.
    pub(crate) fn on(&self) -> Held<bool> {
        self.on
    }

    /// When it ended; while it runs, when it would end if nothing more was heard. `None` before the first.
    pub(crate) fn end_ms(&self) -> Option<i64> {
        let started_ms = self.started_ms?;
        let end_ms = if self.on.newest() == Some(true) { self.on.until_ms() } else { self.ended_ms };
        Some(end_ms.min(started_ms + DEFROST_MS_MAX))
    }

    /// The adjusted figure leaves out everything from its start to here, Unix ms.
    pub(crate) fn forgiven_until_ms(&self) -> i64 {
        let (Some(started_ms), Some(end_ms)) = (self.started_ms, self.end_ms()) else { return i64::MIN };
        (end_ms + RECOVERY_MS).min(started_ms + DEFROST_MS_MAX)
    }

    fn set(&mut self, at_ms: i64, hold_ms: i64, on: Option<bool>) -> bool {
        let before = self.on;
        if !self.on.set(at_ms, hold_ms, on) {
            return false;
        }
        if before.newest() == Some(true) && on != Some(true) {
            self.ended_ms = at_ms.min(before.until_ms());
        }
        match on {
            Some(true) if !self.continues(&before, at_ms) => {
                self.started_ms = Some(at_ms);
                self.unfinished = true;
            }
            Some(false) => self.unfinished = false,
            _ => {}
        }
        true
    }

    /// Whether "on" is still the same defrost: without a gap always, after a gap while its hour lasts.
    fn continues(&self, before: &Held<bool>, at_ms: i64) -> bool {
        let in_its_hour = self.started_ms.is_some_and(|started_ms| at_ms <= started_ms + DEFROST_MS_MAX);
        self.unfinished && (before.before(at_ms) == Some(true) || in_its_hour)
    }
}
