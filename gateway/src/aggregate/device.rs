//! Everything the fold knows about one device: a part for each measurement it has spoken of.

use super::cabinet::Cabinet;
use super::calendar::{Long, Moment};
use super::days::DaySums;
use super::energy::Energy;
use super::hold::{Frame, Sample, Terms};
use super::locker::Locker;
use super::online::Online;
use super::retry::OPEN_FAIL;
use super::row::{Row, Rows};
use super::save::saved;
use super::sizes::Size;
use super::vending::Vending;
use facility_config::{Measurement, Point};
use facility_drivers::Metric;

/// Measurements of the figures that are made of the readings of another; those of [`FIGURES_OF_ALL`] are made of whatever says
/// that a device is there.
pub(crate) fn figures_of(readings: Measurement) -> &'static [Measurement] {
    match readings {
        Measurement::Locker => &[Measurement::Locker5m, Measurement::LockerKpi],
        Measurement::LockerSize => &[Measurement::LockerKpi, Measurement::LockerSizeKpi],
        Measurement::Cabinet => &[Measurement::Cabinet5m, Measurement::CabinetKpi],
        Measurement::Vending | Measurement::Lane => &[Measurement::Vending5m, Measurement::VendingKpi],
        Measurement::Energy => &[Measurement::Energy5m, Measurement::EnergyKpi],
        _ => &[],
    }
}

/// Figures that every device has.
pub(crate) const FIGURES_OF_ALL: [Measurement; 2] = [Measurement::Device5m, Measurement::DeviceKpi];

/// Types of events at a locker: a parcel is put in, taken out by its addressee, taken back by the courier.
const DEPOSIT: &str = "deposit";
const PICKUP: &str = "pickup";
const RETURN: &str = "return_to_courier";

/// Up to when a record counts, apart from what stands: a parcel does on the day of its deadline.
pub(super) fn reach_ms(metric: &Metric, at_ms: i64, terms: Terms) -> i64 {
    let is_parcel =
        matches!(metric.point, Point::EventCount | Point::EventDuration) && matches!(metric.part.as_str(), DEPOSIT | PICKUP | RETURN);
    if is_parcel { at_ms.saturating_add(terms.keep_ms) } else { at_ms }
}

/// Whether figures follow a point. What they do not follow only says that the device was there.
pub(crate) fn is_followed(metric: &Metric) -> bool {
    match metric.point.measurement() {
        Measurement::Lane => matches!(metric.point, Point::LaneLevel | Point::LanePar | Point::LaneMin),
        Measurement::Probe | Measurement::ControllerAlarm | Measurement::Compartment | Measurement::EnergyPhase => false,
        _ => true,
    }
}

/// Lives on the heap part by part: most devices have one or two.
#[derive(Debug, Default)]
pub(super) struct State {
    online: Online,
    locker: Option<Box<Locker>>,
    cabinet: Option<Box<Cabinet>>,
    vending: Option<Box<Vending>>,
    energy: Option<Box<Energy>>,
}

saved!(State { online, locker, cabinet, vending, energy });

impl State {
    /// Takes one record. False if it is older than what is known of its point.
    pub(super) fn observe(&mut self, metric: &Metric, sample: &Sample<'_>) -> bool {
        let point = metric.point;
        self.online.observe(point, sample);
        match point {
            Point::LaneLevel => return self.vending.get_or_insert_default().observe_level(metric.part, sample),
            Point::LanePar => return self.vending.get_or_insert_default().observe_par(metric.part, sample),
            Point::LaneMin => return self.vending.get_or_insert_default().observe_min(metric.part, sample),
            Point::SizeTotal | Point::SizeOccupied => {
                let Some(size) = Size::of(metric.part) else { return true };
                return self.locker.get_or_insert_default().observe_size(point, size, sample);
            }
            Point::EventCount | Point::EventDuration => self.observe_event(metric, sample),
            // Of other kinds of devices nobody tells it.
            Point::EventTarget if metric.part.as_str() == OPEN_FAIL => self.locker.get_or_insert_default().observe_failed(sample),
            _ => {}
        }
        if point.measurement() == Measurement::Alarm {
            self.online.observe_alarm(metric, sample);
        }
        if !metric.part.is_whole() {
            return true;
        }
        match point.measurement() {
            Measurement::Locker => self.locker.get_or_insert_default().observe(point, sample),
            Measurement::Cabinet => self.cabinet.get_or_insert_default().observe(point, sample),
            Measurement::Vending => self.vending.get_or_insert_default().observe(point, sample),
            Measurement::Energy => self.energy.get_or_insert_default().observe(point, sample),
            _ => true,
        }
    }

    /// What happened to a parcel.
    fn observe_event(&mut self, metric: &Metric, sample: &Sample<'_>) {
        let event = metric.part.as_str();
        if !matches!(event, DEPOSIT | PICKUP | RETURN) || sample.float().is_none() {
            return;
        }
        let locker = self.locker.get_or_insert_default();
        match (metric.point, event) {
            (Point::EventCount, DEPOSIT) => locker.observe_deposit(sample),
            (Point::EventCount, _) => locker.observe_taken(sample),
            (_, DEPOSIT) => {}
            (_, event) => {
                if event == PICKUP {
                    locker.observe_dwell(sample);
                }
                locker.observe_linked(sample);
            }
        }
    }

    /// Writes the oldest window's figures and makes room for the next.
    pub(super) fn close(&mut self, frame: Frame, terms: Terms, moment: Option<Moment>, rows: &mut Rows<'_>) {
        if let Some(locker) = &mut self.locker {
            locker.close(frame, terms, moment, rows);
        }
        if let Some(cabinet) = &mut self.cabinet {
            cabinet.close(frame, terms, rows);
        }
        if let Some(vending) = &mut self.vending {
            vending.close(frame, rows);
        }
        if let Some(energy) = &mut self.energy {
            energy.close(frame, terms, rows);
        }
        self.online.close(frame, terms, rows);
    }

    /// Writes an hour's or a day's figures and begins the next; returns what they were made of.
    pub(super) fn close_long(&mut self, long: Long, terms: Terms, row: &mut Row<'_>) -> DaySums {
        DaySums {
            locker: self.locker.as_mut().map(|locker| Box::new(locker.close_long(long, row))),
            cabinet: self.cabinet.as_mut().map(|cabinet| Box::new(cabinet.close_long(long, terms, row))),
            vending: self.vending.as_mut().map(|vending| Box::new(vending.close_long(long, row))),
            energy: self.energy.as_mut().map(|energy| Box::new(energy.close_long(long, terms, row))),
            online: Some(Box::new(self.online.close_long(long, row))),
        }
    }
}
