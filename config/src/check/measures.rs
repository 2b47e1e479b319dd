//! What only figures and records ask of a device: its keep period, its net volume, when its probes were calibrated.

use super::devices::foreign;
use crate::device::{Calibration, Kind};
use crate::limits::KEEP_H_DEFAULT;
use crate::problem;
use crate::raw;
use crate::report::{Complaint, Report, join};
use std::time::Duration;

/// How long a parcel may stay unless somebody has said.
pub(super) const KEEP_DEFAULT: Duration = hours(KEEP_H_DEFAULT);

const fn hours(hours: u16) -> Duration {
    Duration::from_secs(hours as u64 * 3600)
}

/// How long a parcel may stay.
pub(super) fn keep(path: &str, raw: &raw::Device, kind: Kind, report: &mut Report) -> Duration {
    foreign(&join(path, "keep_h"), raw.keep_h.is_some() && kind != Kind::Locker, "for a locker", report);
    raw.keep_h.map_or(KEEP_DEFAULT, hours)
}

/// Net volume of what is cooled, litres.
pub(super) fn net_volume_l(path: &str, raw: &raw::Device, kind: Kind, report: &mut Report) -> Option<u32> {
    let has_volume = matches!(kind, Kind::Cabinet | Kind::Vending | Kind::Meter);
    foreign(&join(path, "net_volume_l"), raw.net_volume_l.is_some() && !has_volume, "for a cabinet, vending machine or meter", report);
    raw.net_volume_l
}

/// When its probes were calibrated. Whether that is too long ago is asked by those who know what day it is.
pub(super) fn calibration(path: &str, raw: &raw::Device, report: &mut Report) -> Calibration {
    for (key, given) in [("calibrated", raw.calibrated.is_some()), ("calibration_months", raw.calibration_months.is_some())] {
        let is_judged = raw.cold.is_some() || report.is_bad(&join(path, "cold"));
        foreign(&join(path, key), given && !is_judged, "for a device with a cold-chain class", report);
    }
    let key = join(path, "calibrated");
    let at = raw.calibrated.as_deref().and_then(|text| {
        // Only the plain form: a date with a time behind it would be read as well.
        let day = text.parse().ok().filter(|_| text.len() == "2026-09-01".len());
        if day.is_none() {
            let message = format!("`{key}` must be a day");
            report.value(&key, Complaint::new(problem::WRONG_TYPE, message).hint("as YYYY-MM-DD, for example \"2026-03-01\""));
        }
        day
    });
    Calibration { at, months: raw.calibration_months.unwrap_or(Calibration::default().months) }
}
