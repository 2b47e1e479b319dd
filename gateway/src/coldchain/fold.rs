//! Readings to hours, for every device with a cold-chain class: a pure fold over the log.
//!
//! Time is what the records say and what the store stamped on them; no clock is read. An hour closes for all devices when
//! the log's time has passed its end by the grace of the metrics. What comes for a closed hour is remembered as late, by
//! its hour only: the follower computes that hour again from the log. Bounded per device by two open hours and by the
//! hours of [`COLDCHAIN_LATE_HOURS_MAX`].

use super::hour::{Figures, HOUR_MS, State, Terms, is_followed};
use crate::aggregate::save::{Save, saved, seal_as, unseal_as};
use crate::aggregate::span_ms;
use crate::store::Seq;
use facility_config::limits::{
    CLOCK_AHEAD_MS_MAX, CLOCK_STEP_MS, COLDCHAIN_LATE_HOURS_MAX, COLDCHAIN_SILENT_HOURS_MAX, DEVICES_MAX, WINDOW_GRACE_MS_MAX,
};
use facility_config::{Device, DeviceIx, Point, Site};
use facility_drivers::{Metric, Value};
use std::sync::Arc;

/// Raise it with any change of what is saved: an older snapshot is then refused and the log replayed.
const MAGIC: &[u8; 4] = b"COLD";
const VERSION: u8 = 3;
/// Positions of the log are remembered for this many hours: those that can be late, and what has to be read before them.
const MARKS: usize = COLDCHAIN_LATE_HOURS_MAX as usize + 4 * 24;
/// What is read before a late hour, ms, besides the hold: a defrost and its recovery.
const LEAD_MS: i64 = 2 * HOUR_MS;

/// One hour that has closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// Its start, Unix ms.
    pub hour_ms: i64,
    /// Readings of that time are known to be lost.
    pub gap: bool,
    /// Figures of every device, in the order of the site.
    pub hours: Vec<(DeviceIx, Figures)>,
    /// Starts of closed hours that something came late for since the last closing, oldest first, by device.
    pub late: Vec<(DeviceIx, Vec<i64>)>,
}

/// One value of one device, for computing late hours again.
#[derive(Debug, Clone)]
pub struct Sample {
    /// When, Unix ms.
    pub at_ms: i64,
    /// What.
    pub point: Point,
    /// How much.
    pub value: Value,
}

#[derive(Debug, Default)]
struct Cabinet {
    state: State,
    /// Starts of hours that something came late for, in order.
    late: Vec<i64>,
}

/// Where the log was at an hour of its own time.
#[derive(Debug, Clone, Copy)]
struct Mark {
    hour_ms: i64,
    seq: u64,
}

#[derive(Debug, Default)]
struct Progress {
    open_ms: Option<i64>,
    log_ms: i64,
    silent_hours: i64,
    /// Readings were lost just before the next record; and in the oldest open hour.
    is_lost: bool,
    is_gap: bool,
    marks: Vec<Mark>,
}

saved!(Cabinet { state, late });
saved!(Mark { hour_ms, seq });
saved!(Progress { open_ms, log_ms, silent_hours, is_lost, is_gap, marks });

/// Readings to hours.
#[derive(Debug)]
pub struct Fold {
    site: Arc<Site>,
    /// By device; none for those that are not judged.
    cabinets: Vec<Option<(Terms, Box<Cabinet>)>>,
    progress: Progress,
}

impl Fold {
    /// A fold that has seen nothing.
    #[must_use]
    pub fn new(site: Arc<Site>) -> Self {
        let cabinets = site.devices.iter().map(|device| Some((terms(device)?, Box::default()))).collect();
        Self { cabinets, progress: Progress::default(), site }
    }

    /// A fold that continues where a [`snapshot`](Self::snapshot) was taken; `None` if it is damaged or of another version.
    /// A device that is new starts empty, one that is gone is forgotten.
    #[must_use]
    pub fn restore(site: Arc<Site>, bytes: &[u8]) -> Option<Self> {
        let mut fold = Self::new(site);
        let input = &mut unseal_as(MAGIC, VERSION, bytes)?;
        fold.progress = Progress::load(input)?;
        let count = u64::load(input)?;
        if count > DEVICES_MAX as u64 + 1 {
            return None;
        }
        for _ in 0..count {
            let (id, cabinet) = (Box::<str>::load(input)?, Cabinet::load(input)?);
            let at = fold.site.devices.iter().position(|device| device.id == id);
            if let Some(Some((_, place))) = at.and_then(|at| fold.cabinets.get_mut(at)) {
                **place = cabinet;
            }
        }
        input.is_empty().then_some(fold)
    }

    /// The whole state, sealed. A cache: replaying the log gives the same hours.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut body = Vec::new();
        self.progress.save(&mut body);
        (self.cabinets.iter().flatten().count() as u64).save(&mut body);
        for (device, cabinet) in self.site.devices.iter().zip(&self.cabinets) {
            if let Some((_, cabinet)) = cabinet {
                device.id.save(&mut body);
                cabinet.save(&mut body);
            }
        }
        seal_as(MAGIC, VERSION, &body)
    }

    /// Start of the oldest open hour, Unix ms; none before the first record.
    #[must_use]
    pub fn open_ms(&self) -> Option<i64> {
        self.progress.open_ms
    }

    /// Readings before the next record are lost: its hour says so, and every one that has to close for it.
    pub fn lost(&mut self) {
        self.progress.is_lost = true;
    }

    /// The oldest hour that is due when the log's time is `log_ms`. Ask until there is none before a record is observed.
    pub fn close(&mut self, log_ms: i64) -> Option<Closed> {
        let log_ms = self.log_time(log_ms);
        let open_ms = self.progress.open_ms?;
        let overdue_ms = log_ms - WINDOW_GRACE_MS_MAX - open_ms;
        if overdue_ms < HOUR_MS {
            return None;
        }
        let progress = &mut self.progress;
        if progress.silent_hours >= COLDCHAIN_SILENT_HOURS_MAX {
            progress.open_ms = Some(open_ms + overdue_ms.div_euclid(HOUR_MS) * HOUR_MS);
            return None;
        }
        progress.silent_hours += 1;
        progress.open_ms = Some(open_ms + HOUR_MS);
        let gap = std::mem::take(&mut progress.is_gap) || progress.is_lost;
        let mut closed = Closed { hour_ms: open_ms, gap, hours: Vec::new(), late: Vec::new() };
        for (at, cabinet) in self.cabinets.iter_mut().enumerate() {
            let Some((terms, cabinet)) = cabinet else { continue };
            let device = DeviceIx(at as u16);
            closed.hours.push((device, cabinet.state.close(open_ms, *terms)));
            let is_over = cabinet.late.partition_point(|hour_ms| *hour_ms <= open_ms);
            let late: Vec<i64> = cabinet.late.drain(..is_over).collect();
            if !late.is_empty() {
                closed.late.push((device, late));
            }
        }
        Some(closed)
    }

    /// Takes the record at `seq`, committed at `log_ms`. Nothing may be due any more.
    pub fn observe(&mut self, seq: Seq, log_ms: i64, device: DeviceIx, metric: Metric, at_ms: i64, value: &Value) {
        let log_ms = self.log_time(log_ms);
        let hour_ms = log_ms.div_euclid(HOUR_MS) * HOUR_MS;
        let progress = &mut self.progress;
        let open_ms = *progress.open_ms.get_or_insert(hour_ms);
        progress.silent_hours = 0;
        progress.is_gap |= std::mem::take(&mut progress.is_lost);
        if progress.marks.last().is_none_or(|mark| mark.hour_ms < hour_ms) {
            if progress.marks.len() >= MARKS {
                progress.marks.remove(0);
            }
            progress.marks.push(Mark { hour_ms, seq });
        }
        let Some(Some((terms, cabinet))) = self.cabinets.get_mut(device.at()) else { return };
        if !is_taken(metric) {
            return;
        }
        let at_ms = believed(at_ms, log_ms);
        let is_used = cabinet.state.observe(metric.point, at_ms, value, open_ms, *terms);
        let late_ms = at_ms.div_euclid(HOUR_MS) * HOUR_MS;
        if !is_used
            && late_ms >= open_ms - COLDCHAIN_LATE_HOURS_MAX * HOUR_MS
            && let Err(place) = cabinet.late.binary_search(&late_ms)
        {
            cabinet.late.insert(place, late_ms);
        }
    }

    /// Where reading has to begin so that the hour at `hour_ms` of a device can be computed again; `None` if that is not
    /// known any more. Before the first hour of the log that is its beginning, if the log was followed from there.
    #[must_use]
    pub fn position_before(&self, device: DeviceIx, hour_ms: i64) -> Option<Seq> {
        let from_ms = self.first_ms(device, hour_ms)? - CLOCK_AHEAD_MS_MAX;
        let marks = &self.progress.marks;
        match marks.partition_point(|mark| mark.hour_ms <= from_ms) {
            0 => marks.first().map(|mark| mark.seq).filter(|seq| *seq == 0),
            after => marks.get(after - 1).map(|mark| mark.seq),
        }
    }

    /// Whether an hour was over before the log that is followed began. What an older log knew of it is not in this one.
    #[must_use]
    pub fn is_before_log(&self, hour_ms: i64) -> bool {
        self.progress.marks.first().is_none_or(|mark| hour_ms < mark.hour_ms)
    }

    /// Computes hours of one device again. `hours` are starts in order, `samples` everything of the device from
    /// [`position_before`](Self::position_before) the first of them on, in the order of the log.
    #[must_use]
    pub fn again(&self, device: DeviceIx, hours: &[i64], mut samples: Vec<Sample>) -> Vec<(i64, Figures)> {
        let (Some(&first), Some(&last), Some(Some((terms, _)))) = (hours.first(), hours.last(), self.cabinets.get(device.at())) else {
            return Vec::new();
        };
        let mut open_ms = self.first_ms(device, first).unwrap_or(first);
        // Stable: of two values of one moment the later one in the log counts, as it did the first time.
        samples.sort_by_key(|sample| sample.at_ms);
        let (mut state, mut found) = (State::default(), Vec::new());
        let before = samples.partition_point(|sample| sample.at_ms < open_ms);
        let mut samples = samples[before..].iter().peekable();
        while open_ms <= last {
            while let Some(sample) = samples.next_if(|sample| sample.at_ms < open_ms + HOUR_MS) {
                state.observe(sample.point, sample.at_ms, &sample.value, open_ms, *terms);
            }
            let figures = state.close(open_ms, *terms);
            if hours.binary_search(&open_ms).is_ok() {
                found.push((open_ms, figures));
            }
            open_ms += HOUR_MS;
        }
        found
    }

    /// Start of the first hour that has to be looked at for one that is computed again.
    fn first_ms(&self, device: DeviceIx, hour_ms: i64) -> Option<i64> {
        let (terms, _) = self.cabinets.get(device.at())?.as_ref()?;
        Some((hour_ms - LEAD_MS - terms.hold_ms).div_euclid(HOUR_MS) * HOUR_MS)
    }

    /// The log's time. It steps back only when the clock had been far ahead; then open hours begin anew, which depends on
    /// the log alone.
    fn log_time(&mut self, log_ms: i64) -> i64 {
        if log_ms.saturating_add(CLOCK_STEP_MS) < self.progress.log_ms {
            *self = Self::new(self.site.clone());
        }
        self.progress.log_ms = self.progress.log_ms.max(log_ms.min(1 << 60));
        self.progress.log_ms
    }
}

/// Whether a series is of any use here.
#[must_use]
pub fn is_taken(metric: Metric) -> bool {
    // The part of an alarm is its rule; of everything else only the whole device counts.
    is_followed(metric.point) && (metric.part.is_whole() || metric.point == Point::AlarmState)
}

/// The time of a value: one from the future gets the log's.
#[must_use]
pub fn believed(at_ms: i64, log_ms: i64) -> i64 {
    if at_ms > log_ms.saturating_add(CLOCK_AHEAD_MS_MAX) { log_ms } else { at_ms.max(-(1 << 60)) }
}

fn terms(device: &Device) -> Option<Terms> {
    Some(Terms { hold_ms: 3 * span_ms(device.interval), limit_c: device.cold?.limit_c() })
}
