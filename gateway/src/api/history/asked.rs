//! What was asked for, from the words of a request. Pure: judged against the names of a status snapshot.

use super::Refusal;
use crate::status::Status;
use axum::http::StatusCode;
use facility_config::limits::{HISTORY_BUCKETS_MAX, PART_BYTES_MAX};
use facility_config::series::Type;
use facility_config::{Part, Point, nearest};
use facility_drivers::Metric;
use serde::Deserialize;

/// Length of the span if no beginning is named: a day, ms.
const SPAN_MS: i64 = 24 * 3_600_000;
/// 9999-12-31T23:59:59.999Z, the last moment of RFC 3339.
const TIME_MS_MAX: i64 = 253_402_300_799_999;

/// The words after the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Asked {
    device: Option<String>,
    point: Option<String>,
    part: Option<String>,
    from: Option<String>,
    to: Option<String>,
    buckets: Option<String>,
}

/// The same, understood.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    pub(super) device: String,
    pub(super) metric: Metric,
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) buckets: Option<u32>,
}

impl Asked {
    /// The shortest question.
    #[cfg(test)]
    pub(super) fn of(device: &str, point: &str) -> Self {
        Self { device: Some(device.into()), point: Some(point.into()), ..Self::default() }
    }

    /// Times that are not named end at `now_ms` and begin a day before the end.
    pub(super) fn question(&self, status: &Status, now_ms: i64) -> Result<Question, Refusal> {
        let device = self.device(status)?;
        let metric = Metric { point: self.point()?, part: self.part()? };
        let to_ms = time("to", self.to.as_deref())?.unwrap_or(now_ms);
        let from_ms = time("from", self.from.as_deref())?.unwrap_or_else(|| to_ms.saturating_sub(SPAN_MS));
        if from_ms >= to_ms {
            return Err(Refusal::bad("the span is empty", "Let `from` be before `to`; without `to` the span ends now."));
        }
        let buckets = self.buckets.as_deref().map(buckets).transpose()?;
        if buckets.is_some() && metric.point.info().ty == Type::Text {
            return Err(Refusal::bad(format!("{} is a word, not a number", metric.point), "Ask without `buckets`."));
        }
        Ok(Question { device, metric, from_ms, to_ms, buckets })
    }

    fn device(&self, status: &Status) -> Result<String, Refusal> {
        let Some(id) = &self.device else {
            return Err(Refusal::bad("no device", "Add device=ID; /api/devices names them."));
        };
        let mut known = status.devices.iter().map(|device| device.id.as_str()).chain([status.gateway.id.as_str()]);
        match known.clone().any(|known| known == id) {
            true => Ok(id.clone()),
            false => Err(unknown("no such device", nearest(id, &mut known), "See /api/devices for the declared ones.")),
        }
    }

    fn point(&self) -> Result<Point, Refusal> {
        let Some(name) = &self.point else {
            return Err(Refusal::bad("no point", "Add point=MEASUREMENT.FIELD, such as cabinet.air_c; /api/devices names them."));
        };
        let names = || Point::ALL.iter().map(|point| point.info().name);
        Point::from_name(name).ok_or_else(|| unknown("no such point", nearest(name, names()), "See /api/devices for those with a value."))
    }

    fn part(&self) -> Result<Part, Refusal> {
        let part = self.part.as_deref().map_or(Some(Part::WHOLE), Part::new);
        part.ok_or_else(|| Refusal::bad("not a part", format!("A part is a name of at most {PART_BYTES_MAX} bytes, such as a lane.")))
    }
}

fn unknown(error: &str, nearest: Option<&str>, otherwise: &str) -> Refusal {
    let hint = nearest.map_or_else(|| otherwise.to_owned(), |name| format!("Did you mean {name}? {otherwise}"));
    Refusal::new(StatusCode::NOT_FOUND, error, hint)
}

/// Unix ms or RFC 3339.
fn time(name: &str, text: Option<&str>) -> Result<Option<i64>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    // A plus sign that was not escaped arrives as a space.
    let rfc3339 = || text.replace(' ', "+").parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    let at_ms = text.parse().ok().or_else(rfc3339).filter(|at_ms| (0..=TIME_MS_MAX).contains(at_ms));
    let hint = "Write Unix milliseconds, or RFC 3339 such as 2026-09-01T08:00:00+08:00.";
    at_ms.map(Some).ok_or_else(|| Refusal::bad(format!("`{name}` is not a time"), hint))
}

fn buckets(text: &str) -> Result<u32, Refusal> {
    let count = text.parse().ok().filter(|count| (1..=HISTORY_BUCKETS_MAX).contains(count));
    count.ok_or_else(|| {
        Refusal::bad("`buckets` is not a number of buckets", format!("Write 1 to {HISTORY_BUCKETS_MAX}; without it there are samples."))
    })
}
