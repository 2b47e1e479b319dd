//! Whether a device was there: the one figure in which a gap is the measure (DOMAIN §4, online rate).
//!
//! A device is online for two expected intervals after it was heard. What the driver counts about a device is not the
//! device being heard; a broker's last will ends the time online at once.

use super::hold::{Frame, Sample, Terms, walk};
use super::row::Row;
use super::save::saved;
use facility_config::series::Class;
use facility_config::{Measurement, Point};
use facility_drivers::{Quality, Value};

/// What one record says about the device being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// A message or poll result that counts towards what is expected in an interval.
    Message,
    /// It was heard, outside its rhythm: an event, a birth message.
    Heard,
    /// Its broker says that it is gone.
    Gone,
    /// Nothing.
    Nothing,
}

/// Reads the sign of a record. A broken probe is a device that was heard; a device that could not be asked is not.
pub(crate) fn sign(point: Point, value: &Value) -> Sign {
    if matches!(value, Value::Missing(Quality::CommError)) {
        return Sign::Nothing;
    }
    match point.measurement() {
        Measurement::DeviceHealth => match (point, value) {
            (Point::HealthOnline, Value::Bool(false)) => Sign::Gone,
            (Point::HealthOnline, Value::Bool(true)) => Sign::Heard,
            (Point::HealthRssi | Point::HealthUptime, _) => Sign::Heard,
            _ => Sign::Nothing,
        },
        Measurement::Event => Sign::Heard,
        measured if measured.info().class == Class::Reading => Sign::Message,
        _ => Sign::Nothing,
    }
}

/// How long after it was heard a device is still online, ms.
pub(crate) fn online_ms(interval_ms: i64) -> i64 {
    2 * interval_ms
}

#[derive(Debug)]
pub(super) struct Online {
    clock_ms: i64,
    heard_ms: i64,
    until_ms: i64,
    counted_ms: i64,
    slots: [Slot; 2],
}

#[derive(Debug, Default)]
struct Slot {
    online_ms: i64,
    received: i64,
}

saved!(Slot { online_ms, received });
saved!(Online { clock_ms, heard_ms, until_ms, counted_ms, slots });

impl Default for Online {
    fn default() -> Self {
        Self { clock_ms: i64::MIN, heard_ms: i64::MIN, until_ms: i64::MIN, counted_ms: i64::MIN, slots: Default::default() }
    }
}

impl Online {
    pub(super) fn observe(&mut self, point: Point, sample: &Sample<'_>) {
        match sign(point, sample.value) {
            Sign::Nothing => {}
            Sign::Gone => self.gone(sample),
            Sign::Heard => self.heard(sample),
            // The records of one message follow each other and share its time stamp.
            Sign::Message if sample.at_ms == self.counted_ms => {}
            Sign::Message => {
                self.counted_ms = sample.at_ms;
                if let Some(slot) = sample.frame.slot(sample.at_ms) {
                    self.slots[slot].received += 1;
                }
                self.heard(sample);
            }
        }
    }

    fn heard(&mut self, sample: &Sample<'_>) {
        self.advance(sample.at_ms, sample.frame);
        if sample.at_ms >= self.heard_ms {
            self.heard_ms = sample.at_ms;
            self.until_ms = sample.at_ms + online_ms(sample.terms.interval_ms);
        }
    }

    fn gone(&mut self, sample: &Sample<'_>) {
        self.advance(sample.at_ms, sample.frame);
        if sample.at_ms >= self.heard_ms {
            self.until_ms = self.until_ms.min(sample.at_ms);
        }
    }

    pub(super) fn advance(&mut self, to_ms: i64, frame: Frame) {
        let Self { clock_ms, until_ms, slots, .. } = self;
        walk(clock_ms, to_ms, frame, &[*until_ms], |slot, from_ms, step_ms| {
            if from_ms < *until_ms {
                slots[slot].online_ms += step_ms;
            }
        });
    }

    /// Writes the oldest window's figures and makes room for the next.
    pub(super) fn close(&mut self, frame: Frame, terms: Terms, row: &mut Row<'_>) {
        self.advance(frame.open_end_ms(), frame);
        let slot = super::shift(&mut self.slots);
        row.share(Point::Device5mOnlineRate, slot.online_ms, frame.window_ms);
        row.seconds(Point::Device5mOnlineS, slot.online_ms);
        row.seconds(Point::Device5mWindowS, frame.window_ms);
        row.int(Point::Device5mReceived, slot.received);
        row.int(Point::Device5mExpected, expected(frame, terms.interval_ms));
    }
}

/// Messages expected in the oldest window: whole intervals since 1970 that end in it, so that the counts of any run of
/// windows add up, also when an interval is no divisor of a window or longer than one.
fn expected(frame: Frame, interval_ms: i64) -> i64 {
    frame.open_end_ms().div_euclid(interval_ms) - frame.open_ms.div_euclid(interval_ms)
}
