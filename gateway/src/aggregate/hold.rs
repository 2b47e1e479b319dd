//! Step-hold with cut-off (DOMAIN §4): a value stands until the next one, or for three expected intervals, whichever
//! comes first; "no value" ends it. And the walk over the time between two samples.
//!
//! Never interpolates and never carries a value across a gap. Two windows are open at most.

use super::save::Save;
use facility_config::limits::{PROBE_C_MAX, PROBE_C_MIN};
use facility_drivers::Value;

/// The windows that are open: the oldest, which still waits for its grace to pass, and the one after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Start of the oldest open window, Unix ms.
    pub(super) open_ms: i64,
    /// Length of a window, ms.
    pub(super) window_ms: i64,
}

impl Frame {
    /// Which of the two open windows a time is in; `None` if its window is closed.
    pub(super) fn slot(self, at_ms: i64) -> Option<usize> {
        (at_ms >= self.open_ms).then_some(usize::from(at_ms >= self.open_end_ms()))
    }

    /// End of the oldest open window, Unix ms.
    pub(super) fn open_end_ms(self) -> i64 {
        self.open_ms + self.window_ms
    }
}

/// What the configuration says about one device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Expected time between two readings, ms.
    pub(super) interval_ms: i64,
    /// Upper air-temperature limit of its cold-chain class, °C.
    pub(super) limit_c: Option<f64>,
    /// How long a parcel may stay, ms.
    pub(super) keep_ms: i64,
    /// Net volume, litres.
    pub(super) net_volume_l: Option<u32>,
}

impl Terms {
    /// How long a value stands without a successor.
    pub(super) fn hold_ms(self) -> i64 {
        3 * self.interval_ms
    }
}

/// One record on its way into a device's state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'a> {
    pub(super) frame: Frame,
    pub(super) terms: Terms,
    pub(super) at_ms: i64,
    /// When the log took it, Unix ms.
    pub(super) log_ms: i64,
    pub(super) value: &'a Value,
}

impl Sample<'_> {
    /// The window a difference of a counter is booked in: its own, or the oldest open one if that is closed, so that
    /// no vend and no parcel is missing from a sum over windows.
    pub(super) fn slot_or_oldest(&self) -> usize {
        self.frame.slot(self.at_ms).unwrap_or(0)
    }

    /// A measured quantity; a number that is not finite is no value.
    pub(super) fn float(&self) -> Option<f64> {
        float(self.value)
    }

    /// A temperature of air or goods.
    pub(super) fn probe_c(&self) -> Option<f64> {
        probe_c(self.value)
    }

    /// A count; a negative one cannot be believed.
    pub(super) fn count(&self) -> Option<i64> {
        match self.value {
            Value::Int(count) if *count >= 0 => Some(*count),
            _ => None,
        }
    }

    /// Yes or no.
    pub(super) fn flag(&self) -> Option<bool> {
        flag(self.value)
    }
}

/// A measured quantity as a float; `None` without a value or if it is not finite.
pub(crate) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(float) if float.is_finite() => Some(*float),
        Value::Int(count) => Some(*count as f64),
        _ => None,
    }
}

/// A temperature of air or goods, °C; `None` without a value or if no probe can say it: a broken wire reads as one or the
/// other end of its scale.
pub(crate) fn probe_c(value: &Value) -> Option<f64> {
    float(value).filter(|c| (PROBE_C_MIN..=PROBE_C_MAX).contains(c))
}

/// Yes or no; `None` without a value.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        _ => None,
    }
}

/// The newest value of a signal and until when it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held<T> {
    at_ms: i64,
    until_ms: i64,
    value: Option<T>,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self { at_ms: i64::MIN, until_ms: i64::MIN, value: None }
    }
}

impl<T: Copy> Held<T> {
    /// Takes a newer value, or the news that there is none. False, and unchanged, if a newer one is known.
    pub(crate) fn set(&mut self, at_ms: i64, hold_ms: i64, value: Option<T>) -> bool {
        if at_ms < self.at_ms {
            return false;
        }
        let until_ms = if value.is_some() { at_ms + hold_ms } else { at_ms };
        *self = Self { at_ms, until_ms, value };
        true
    }

    /// The value that stands at a moment not before the newest sample.
    pub(crate) fn at(&self, ms: i64) -> Option<T> {
        self.value.filter(|_| ms < self.until_ms)
    }

    /// The value that stood just before a new sample; none if there was a gap.
    pub(crate) fn before(&self, ms: i64) -> Option<T> {
        self.value.filter(|_| ms <= self.until_ms)
    }

    /// The newest value, even one that no longer stands.
    pub(crate) fn newest(&self) -> Option<T> {
        self.value
    }

    /// End of the time for which it stands, Unix ms.
    pub(crate) fn until_ms(&self) -> i64 {
        self.until_ms
    }

    /// Whether anything, even "no value", was ever heard.
    pub(crate) fn is_known(&self) -> bool {
        self.at_ms != i64::MIN
    }
}

impl<T: Save> Save for Held<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.at_ms.save(out);
        self.until_ms.save(out);
        self.value.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Some(Self { at_ms: Save::load(input)?, until_ms: Save::load(input)?, value: Save::load(input)? })
    }
}

/// Walks a clock forward to `to_ms` in steps inside which no window ends and none of `edges_ms` is passed, so that
/// every signal is constant during a step. `add` gets the slot, the start and the length of each.
pub(super) fn walk(clock_ms: &mut i64, to_ms: i64, frame: Frame, edges_ms: &[i64], mut add: impl FnMut(usize, i64, i64)) {
    *clock_ms = (*clock_ms).max(frame.open_ms);
    while *clock_ms < to_ms {
        let from_ms = *clock_ms;
        let slot = usize::from(from_ms >= frame.open_end_ms());
        let window_end_ms = if slot == 0 { frame.open_end_ms() } else { to_ms };
        let step_end_ms = edges_ms.iter().copied().filter(|edge_ms| *edge_ms > from_ms).fold(to_ms.min(window_end_ms), i64::min);
        add(slot, from_ms, step_end_ms - from_ms);
        *clock_ms = step_end_ms;
    }
}
