//! The messages of a broker as they are decoded: what became of every place in them.
//!
//! A value is shown only where a profile names the field and it became a reading; of everything else the place, its type
//! and the reason. So of what people do at a locker: which compartment it was is nobody's to see, here as in the store.
//! [`Line`] is also how `mqtt tail` reads it and how `mqtt explain` writes it.

use super::taps;
use crate::privacy;
use crate::status::ValueInfo;
use axum::response::Response;
use facility_config::Kind;
use facility_drivers::decode::message::{Explained, Fate, Step};
use facility_drivers::mqtt::{Tap, Told};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Time of receipt, Unix ms.
    pub(crate) at_ms: i64,
    pub(crate) topic: String,
    /// Size as it came.
    pub(crate) bytes: usize,
    pub(crate) qos: u8,
    pub(crate) retained: bool,
    /// Whose, which model, which of its messages, if that was found out.
    pub(crate) device: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) template: Option<String>,
    pub(crate) format: String,
    /// Size when unpacked.
    pub(crate) unpacked_bytes: usize,
    /// Label of the reason the whole message was refused for.
    pub(crate) refused: Option<String>,
    pub(crate) device_ms: Option<i64>,
    pub(crate) seq: Option<u64>,
    pub(crate) steps: Vec<Place>,
}

/// One place of its body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) place: String,
    /// Type of what stands there.
    pub(crate) found: String,
    #[serde(flatten)]
    pub(crate) became: Became,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub(crate) enum Became {
    /// A reading; without good quality it has no value.
    Reading { point: String, part: String, value: serde_json::Value, quality: String },
    /// A reading that tells one household from another: neither stored nor sent.
    Withheld { point: String, part: String },
    /// Used for something else.
    Used { what: String },
    /// Known to the profile and not wanted.
    Ignored,
    /// Dropped, with the label of the reason.
    Dropped { reason: String },
}

impl Line {
    /// A message of a broker whose devices have these ids and kinds, by index.
    pub(crate) fn of(told: &Told, devices: &[(Box<str>, Kind)]) -> Self {
        let device = told.explained.route.as_ref().and_then(|route| devices.get(route.device.at()));
        let kind = device.map(|(_, kind)| *kind);
        let Told { at_ms, topic, bytes, qos, retained, explained } = told;
        let Explained { route, format, unpacked_bytes, steps, refused, device_ms, seq } = explained;
        Self {
            at_ms: *at_ms,
            topic: topic.to_string(),
            bytes: *bytes,
            qos: *qos,
            retained: *retained,
            device: device.map(|(id, _)| id.to_string()),
            profile: route.as_ref().map(|route| route.profile.to_string()),
            template: route.as_ref().map(|route| route.template.to_string()),
            format: format.to_string(),
            unpacked_bytes: *unpacked_bytes,
            refused: refused.map(|fault| fault.label().to_owned()),
            device_ms: *device_ms,
            seq: *seq,
            steps: steps.iter().map(|step| Place::of(step, kind)).collect(),
        }
    }

    /// Whether anything of it was dropped, or all of it.
    pub(crate) fn drops(&self) -> bool {
        self.refused.is_some() || self.steps.iter().any(|step| matches!(step.became, Became::Dropped { .. }))
    }
}

impl Place {
    fn of(step: &Step, kind: Option<Kind>) -> Self {
        let became = match &step.fate {
            Fate::Reading(metric, value) => {
                let ValueInfo { name, part, value, quality, .. } = ValueInfo::new(*metric, value, 0);
                let is_household = kind.is_some_and(|kind| privacy::is_household(kind, metric.part));
                if is_household && privacy::is_telling(metric.point) {
                    Became::Withheld { point: name.to_owned(), part }
                } else {
                    Became::Reading { point: name.to_owned(), part, value, quality: quality.to_owned() }
                }
            }
            Fate::Used(what) => Became::Used { what: (*what).to_owned() },
            Fate::Ignored => Became::Ignored,
            Fate::Dropped(fault) => Became::Dropped { reason: fault.label().to_owned() },
        };
        Self { place: step.place.to_string(), found: step.found.to_owned(), became }
    }
}

/// An answer that ends with its reader, or with the gateway.
pub(super) fn stream(tap: &Tap, devices: Arc<[(Box<str>, Kind)]>) -> Response {
    taps::stream(tap.watch(), move |told| serde_json::to_string(&Line::of(told, &devices)).unwrap_or_default())
}

#[cfg(test)]
mod tests;
