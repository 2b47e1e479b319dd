//! A live signal: its newest good value, and whether that can still be judged.

use crate::aggregate::Held;

/// What is known of a signal at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Known<T> {
    /// This value, since this time.
    Good(T, i64),
    /// Nothing at the moment, but not for long: delays wait.
    Paused,
    /// Nothing for longer than a value holds: delays start again.
    Lost,
}

/// A signal.
#[derive(Debug)]
pub(super) struct Signal<T> {
    good: Held<T>,
    good_ms: i64,
    missing: bool,
    /// Device time of the newest reading: a reading that overtook another does not count.
    stamp_ms: i64,
}

impl<T> Default for Signal<T> {
    fn default() -> Self {
        Self { good: Held::default(), good_ms: i64::MIN, missing: false, stamp_ms: i64::MIN }
    }
}

impl<T: Copy> Signal<T> {
    /// Takes a reading stamped `stamp_ms` that counts from `from_ms` on. An older one than the newest is passed over
    /// while the newest holds, no longer: a device may have set its clock back.
    pub(super) fn set(&mut self, stamp_ms: i64, from_ms: i64, hold_ms: i64, value: Option<T>) -> bool {
        if stamp_ms < self.stamp_ms && from_ms < self.good.until_ms() {
            return false;
        }
        self.stamp_ms = stamp_ms;
        self.missing = value.is_none();
        if value.is_some() {
            self.good_ms = from_ms.max(self.good_ms);
            self.good.set(self.good_ms, hold_ms, value);
        }
        true
    }

    pub(super) fn at(&self, now_ms: i64) -> Known<T> {
        match self.good.before(now_ms) {
            None => Known::Lost,
            Some(_) if self.missing => Known::Paused,
            Some(value) => Known::Good(value, self.good_ms),
        }
    }
}
