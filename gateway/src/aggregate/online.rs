//! Whether a device was there: the one figure in which a gap is the measure (DOMAIN §4, online rate).
//!
//! A device is online for two expected intervals after it was heard. What the driver counts about a device is not the
//! device being heard; a broker's last will ends the time online at once.

use super::calendar::Long;
use super::cascade::{Cascade, sums};
use super::fault::{Faults, Turn};
use super::hold::{Frame, Sample, Terms, walk};
use super::row::{Row, Rows};
use super::save::saved;
use facility_config::series::Class;
use facility_config::{Measurement, Point};
use facility_drivers::{Metric, Quality, Value};

const HOUR_MS: f64 = 3_600_000.0;

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
    /// At the clock's time.
    is_online: bool,
    faults: Faults,
    slots: [Slot; 2],
    long: Cascade<Slot>,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    window_ms: i64,
    online_ms: i64,
    received: i64,
    expected: i64,
    /// Times it fell silent.
    outages: i64,
    faults: i64,
    repaired: i64,
    repair_ms: i64,
}

sums!(Slot { window_ms, online_ms, received, expected, outages, faults, repaired, repair_ms });
saved!(Online { clock_ms, heard_ms, until_ms, counted_ms, is_online, faults, slots, long });

impl Default for Online {
    fn default() -> Self {
        Self {
            clock_ms: i64::MIN,
            heard_ms: i64::MIN,
            until_ms: i64::MIN,
            counted_ms: i64::MIN,
            is_online: false,
            faults: Faults::default(),
            slots: Default::default(),
            long: Cascade::default(),
        }
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

    /// Takes what the gateway says about an alarm of the device.
    pub(super) fn observe_alarm(&mut self, metric: &Metric, sample: &Sample<'_>) {
        let slot = &mut self.slots[sample.slot_or_oldest()];
        match self.faults.read(metric, sample) {
            Some(Turn::Began) => slot.faults += 1,
            Some(Turn::Ended { lasted_ms }) => {
                slot.repaired += 1;
                slot.repair_ms = slot.repair_ms.saturating_add(lasted_ms);
            }
            None => {}
        }
    }

    fn heard(&mut self, sample: &Sample<'_>) {
        self.advance(sample.at_ms, sample.frame);
        if sample.at_ms >= self.heard_ms {
            self.heard_ms = sample.at_ms;
            self.until_ms = self.until_ms.max(sample.at_ms + online_ms(sample.terms.interval_ms));
        }
        if sample.at_ms < sample.frame.open_ms {
            self.heard_late(sample);
        }
    }

    /// A message about a window that is closed came from a device that is there now: its clock is behind, or it sends what it
    /// kept. The closed window is another matter, and nothing is counted twice: time online is time, not messages.
    fn heard_late(&mut self, sample: &Sample<'_>) {
        self.advance(sample.log_ms, sample.frame);
        self.until_ms = self.until_ms.max(sample.log_ms + online_ms(sample.terms.interval_ms));
    }

    fn gone(&mut self, sample: &Sample<'_>) {
        self.advance(sample.at_ms, sample.frame);
        if sample.at_ms >= self.heard_ms {
            self.until_ms = self.until_ms.min(sample.at_ms);
        }
    }

    pub(super) fn advance(&mut self, to_ms: i64, frame: Frame) {
        let Self { clock_ms, until_ms, is_online, slots, .. } = self;
        walk(clock_ms, to_ms, frame, &[*until_ms], |slot, from_ms, step_ms| {
            let is_now = from_ms < *until_ms;
            slots[slot].online_ms += if is_now { step_ms } else { 0 };
            slots[slot].outages += i64::from(*is_online && !is_now);
            *is_online = is_now;
        });
    }

    /// Writes the oldest window's figures and makes room for the next.
    pub(super) fn close(&mut self, frame: Frame, terms: Terms, rows: &mut Rows<'_>) {
        self.advance(frame.open_end_ms(), frame);
        let mut base = super::shift(&mut self.slots);
        base.window_ms = frame.window_ms;
        base.expected = expected(frame, terms.interval_ms);
        if let Some(row) = &mut rows.minute {
            base.write_long(row);
        }
        let Some((slot, row)) = self.long.step(&base, rows) else { return };
        row.share(Point::Device5mOnlineRate, slot.online_ms, slot.window_ms);
        row.seconds(Point::Device5mOnlineS, slot.online_ms);
        row.seconds(Point::Device5mWindowS, slot.window_ms);
        row.int(Point::Device5mReceived, slot.received);
        row.int(Point::Device5mExpected, slot.expected);
        self.long.add(&slot);
    }

    /// Writes a long window's figures and begins the next.
    pub(super) fn close_long(&mut self, long: Long, row: &mut Row<'_>) -> Slot {
        let sums = self.long.close(long);
        sums.write_long(row);
        sums
    }
}

impl Slot {
    /// Of time that nobody looked at nothing is said.
    pub(super) fn write_long(&self, row: &mut Row<'_>) {
        if self.window_ms == 0 {
            return;
        }
        row.share(Point::DeviceKpiOnlineRate, self.online_ms, self.window_ms);
        row.seconds(Point::DeviceKpiOnlineS, self.online_ms);
        row.seconds(Point::DeviceKpiWindowS, self.window_ms);
        row.int(Point::DeviceKpiReceived, self.received);
        row.int(Point::DeviceKpiExpected, self.expected);
        // Devices that speak more often than they are declared to are not more than complete.
        row.share(Point::DeviceKpiCompleteness, self.received.min(self.expected), self.expected);
        row.int(Point::DeviceKpiOutages, self.outages);
        row.int(Point::DeviceKpiFaults, self.faults);
        if self.faults > 0 {
            row.float(Point::DeviceKpiMtbf, self.online_ms as f64 / self.faults as f64 / HOUR_MS);
        }
        if self.repaired > 0 {
            row.int(Point::DeviceKpiRepaired, self.repaired);
            row.seconds(Point::DeviceKpiRepairS, self.repair_ms);
            row.float(Point::DeviceKpiMttr, self.repair_ms as f64 / self.repaired as f64 / HOUR_MS);
        }
    }
}

/// Messages expected in the oldest window: whole intervals since 1970 that end in it, so that the counts of any run of
/// windows add up, also when an interval is no divisor of a window or longer than one.
fn expected(frame: Frame, interval_ms: i64) -> i64 {
    frame.open_end_ms().div_euclid(interval_ms) - frame.open_ms.div_euclid(interval_ms)
}
