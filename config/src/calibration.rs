//! Whose probes have to be calibrated. Pure: told what day it is, so that the checks themselves need no clock.

use crate::problem::{self, Problem};
use crate::site::Site;
use jiff::civil::Date;

/// A warning for every device with a cold-chain class whose last calibration is not known or too long ago.
#[must_use]
pub fn warnings(site: &Site, today: Date) -> Vec<Problem> {
    let judged = site.devices.iter().filter(|device| device.cold.is_some());
    let warn = |code, id: &str, message: String, hint: &str| Problem {
        code,
        key: format!("device.{id}.calibrated"),
        place: None,
        message,
        hint: Some(hint.to_owned()),
    };
    judged
        .filter_map(|device| {
            let (id, calibration) = (&*device.id, device.calibration);
            let Some(at) = calibration.at else {
                let message = format!("`device.{id}` does not say when its probes were calibrated");
                return Some(warn(problem::CALIBRATION_UNKNOWN, id, message, "add calibrated = \"YYYY-MM-DD\""));
            };
            if at > today {
                let message = format!("`device.{id}`: its probes were calibrated on {at}, which is yet to come");
                return Some(warn(problem::CALIBRATION_UNKNOWN, id, message, "set the day of the last calibration"));
            }
            let due = calibration.due().filter(|due| *due < today)?;
            let message = format!("`device.{id}`: its probes were calibrated on {at}, the next time was due on {due}");
            Some(warn(problem::CALIBRATION_DUE, id, message, "hold them against a reference, then set the new day"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_calibration_is_asked_for_once_it_is_due() {
        let site = |lines: &str| {
            let text = format!(
                "[gateway]\nid = \"gw-test-01\"\nsite = \"test-site\"\ndistrict = \"350102\"\n[mqtt.m]\nurl = \"mqtt://h\"\n[device.d-1]\nprofile = \"cabinet\"\nmqtt = \"m\"\n{lines}\n"
            );
            crate::from_toml("test.toml", &text).unwrap()
        };
        let cases: [(&str, &[&str]); 7] = [
            ("", &[]),
            ("cold = \"frozen\"", &["GW-C111"]),
            ("cold = \"frozen\"\ncalibrated = \"2026-09-01\"", &[]),
            ("cold = \"frozen\"\ncalibrated = \"2025-11-26\"", &[]),
            ("cold = \"frozen\"\ncalibrated = \"2025-11-25\"", &["GW-C112"]),
            ("cold = \"frozen\"\ncalibrated = \"2025-11-25\"\ncalibration_months = 24", &[]),
            ("cold = \"frozen\"\ncalibrated = \"2026-11-27\"", &["GW-C111"]),
        ];
        for (lines, expected) in cases {
            let told: Vec<_> = warnings(&site(lines), "2026-11-26".parse().unwrap()).iter().map(|warning| warning.code).collect();
            assert_eq!(told, expected, "{lines}");
        }
    }
}
