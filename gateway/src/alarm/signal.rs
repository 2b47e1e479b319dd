//! Live signals: the newest good value of each judged point, and whether it can still be judged.
//!
//! A value stands for three intervals at most and is never carried across a gap. Yes and no are 1 and 0. Bounded by
//! [`SIGNALS_MAX`] of one device.

use super::save::{load_list, save_list};
use crate::aggregate::save::Save;
use facility_config::limits::LANES_MAX;
use facility_config::{Part, Point};
use facility_drivers::Metric;

/// Most points and parts of one device that are followed.
const SIGNALS_MAX: usize = LANES_MAX + 64;
/// Longest row of good or bad readings that is counted.
const STREAK_MAX: i8 = 101;

/// What is known of a signal at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Known {
    /// This value, since this time.
    Good(f64, i64),
    /// Nothing at the moment, but not for long: delays wait.
    Paused,
    /// Nothing for longer than a value holds: delays start again.
    Lost,
}

/// What a reading says of a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Said {
    /// A value that can be believed.
    Value(f64),
    /// The probe is broken, or its value cannot be believed.
    Broken,
    /// Nothing: not asked, stale, not known.
    Nothing,
}

/// When a reading counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    /// Device time, for the order of readings.
    pub(super) stamp_ms: i64,
    /// From when on it counts.
    pub(super) from_ms: i64,
    /// How long a value stands without a successor.
    pub(super) hold_ms: i64,
    /// It says how things are now. What a device kept while it was offline does not.
    pub(super) is_now: bool,
}

/// A signal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    value: f64,
    good_ms: i64,
    /// Device time of the newest reading: a reading that overtook another does not count.
    stamp_ms: i64,
    /// The level a lane asks for a refill at; not a number if it is not known.
    min: f32,
    is_known: bool,
    is_missing: bool,
    /// Good readings in a row, or bad ones below zero.
    streak: i8,
}

const NEW: Signal =
    Signal { value: 0.0, good_ms: i64::MIN, stamp_ms: i64::MIN, min: f32::NAN, is_known: false, is_missing: false, streak: 0 };

impl Signal {
    /// Takes a reading. An older one than the newest is passed over while the newest holds, no longer: a device may have
    /// set its clock back.
    fn set(&mut self, stamp: Stamp, said: Said) -> bool {
        if stamp.stamp_ms < self.stamp_ms && stamp.from_ms < self.until_ms(stamp.hold_ms) {
            return false;
        }
        self.stamp_ms = stamp.stamp_ms;
        self.is_missing = !matches!(said, Said::Value(_));
        match said {
            Said::Value(value) => {
                (self.value, self.is_known) = (value, true);
                self.good_ms = stamp.from_ms.max(self.good_ms);
                self.streak = self.streak.max(0).saturating_add(1).min(STREAK_MAX);
            }
            Said::Broken => self.streak = self.streak.min(0).saturating_sub(1).max(-STREAK_MAX),
            Said::Nothing => {}
        }
        true
    }

    /// What is known at a moment.
    pub(super) fn at(&self, now_ms: i64, hold_ms: i64) -> Known {
        if !self.is_known || now_ms > self.until_ms(hold_ms) {
            Known::Lost
        } else if self.is_missing {
            Known::Paused
        } else {
            Known::Good(self.value, self.good_ms)
        }
    }

    /// The newest value, even one that no longer stands.
    pub(super) fn newest(&self) -> Option<f64> {
        self.is_known.then_some(self.value)
    }

    /// Good readings in a row; bad ones below zero.
    pub(super) fn streak(&self) -> i32 {
        i32::from(self.streak)
    }

    /// Device time of the newest reading, with a value or without.
    pub(super) fn stamp_ms(&self) -> i64 {
        self.stamp_ms
    }

    /// The level a lane asks for a refill at.
    pub(super) fn min(&self) -> Option<f64> {
        self.min.is_finite().then(|| f64::from(self.min))
    }

    fn until_ms(&self, hold_ms: i64) -> i64 {
        self.good_ms.saturating_add(hold_ms)
    }
}

impl Save for Signal {
    fn save(&self, out: &mut Vec<u8>) {
        self.value.save(out);
        self.good_ms.save(out);
        self.stamp_ms.save(out);
        f64::from(self.min).save(out);
        self.is_known.save(out);
        self.is_missing.save(out);
        i64::from(self.streak).save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Some(Self {
            value: Save::load(input)?,
            good_ms: Save::load(input)?,
            stamp_ms: Save::load(input)?,
            min: f64::load(input)? as f32,
            is_known: Save::load(input)?,
            is_missing: Save::load(input)?,
            streak: i8::try_from(i64::load(input)?).ok()?,
        })
    }
}

/// The signals of a device, in the order of their points, then their parts.
#[derive(Debug, Default)]
pub(super) struct Signals(Vec<(Metric, Signal)>);

impl Signals {
    /// Takes a reading of a signal; false if it is older than the newest, or of one part too many.
    pub(super) fn set(&mut self, metric: Metric, stamp: Stamp, said: Said) -> bool {
        self.entry(metric).is_some_and(|signal| signal.set(stamp, said))
    }

    /// Takes the level at which a lane asks for a refill.
    pub(super) fn set_min(&mut self, lane: Part, min: Option<f64>) {
        if let Some(signal) = self.entry(Metric { point: Point::LaneLevel, part: lane }) {
            signal.min = min.map_or(f32::NAN, |min| min as f32);
        }
    }

    /// A signal of the whole device, if it was ever heard. The whole comes before its parts.
    pub(super) fn get(&self, point: Point) -> Option<&Signal> {
        let (known, signal) = self.0.get(self.first(point))?;
        (known.point == point && known.part.is_whole()).then_some(signal)
    }

    /// A signal, if it was ever heard.
    pub(super) fn find(&self, metric: Metric) -> Option<&Signal> {
        let at = self.0.binary_search_by(|(known, _)| known.cmp(&metric)).ok()?;
        self.0.get(at).map(|(_, signal)| signal)
    }

    /// Forgets a signal that is heard no more.
    pub(super) fn remove(&mut self, metric: Metric) {
        self.0.retain(|(known, _)| *known != metric);
    }

    /// What is known of a signal of the whole device.
    pub(super) fn at(&self, point: Point, now_ms: i64, hold_ms: i64) -> Known {
        self.get(point).map_or(Known::Lost, |signal| signal.at(now_ms, hold_ms))
    }

    /// The parts of a point.
    pub(super) fn parts(&self, point: Point) -> impl Iterator<Item = (Part, &Signal)> {
        self.0[self.first(point)..].iter().take_while(move |(known, _)| known.point == point).map(|(known, signal)| (known.part, signal))
    }

    fn first(&self, point: Point) -> usize {
        self.0.partition_point(|(known, _)| (known.point as u16) < point as u16)
    }

    fn entry(&mut self, metric: Metric) -> Option<&mut Signal> {
        let found = if metric.part.is_whole() {
            let at = self.first(metric.point);
            if self.0.get(at).is_some_and(|(known, _)| *known == metric) { Ok(at) } else { Err(at) }
        } else {
            self.0.binary_search_by(|(known, _)| known.cmp(&metric))
        };
        let at = match found {
            Ok(at) => at,
            Err(_) if self.0.len() >= SIGNALS_MAX => return None,
            Err(at) => {
                self.0.insert(at, (metric, NEW));
                at
            }
        };
        self.0.get_mut(at).map(|(_, signal)| signal)
    }
}

impl Save for (Metric, Signal) {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
        self.1.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Some((Save::load(input)?, Save::load(input)?))
    }
}

impl Save for Signals {
    fn save(&self, out: &mut Vec<u8>) {
        save_list(&self.0, out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let mut signals: Vec<(Metric, Signal)> = load_list(input, SIGNALS_MAX)?;
        // Another version may have its points in another order.
        signals.sort_by_key(|(metric, _)| *metric);
        Some(Self(signals))
    }
}
