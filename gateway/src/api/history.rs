//! One series over a span of time as JSON: samples, or buckets with the smallest, largest and mean value.
//!
//! Readings are asked of the readings store, metrics and events of the outbox: where the class of the point puts them.
//! Asks part by part, so that the store commits in between, and gives up on a store that does not answer. Keeps nothing.
//! Bounded by [`API_HISTORIES_MAX`], [`API_HISTORY_SAMPLES_MAX`], [`API_HISTORY_PART_MS_MAX`] and [`API_HISTORY_MS_MAX`].

mod asked;

pub(super) use asked::Asked;

use super::guard;
use crate::status::{self, Status};
use crate::store::{Bucket, History, HistoryQuery, Store};
use asked::Question;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use facility_config::limits::{API_HISTORIES_MAX, API_HISTORY_MS_MAX, API_HISTORY_PART_MS_MAX, API_HISTORY_SAMPLES_MAX};
use facility_config::series::{Class, Type};
use facility_drivers::Value;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Both stores, and how many may ask them.
#[derive(Debug, Clone)]
pub struct Logs {
    readings: Store,
    outbox: Store,
    places: Arc<Semaphore>,
}

/// Why a question is not answered, and what to do.
#[derive(Debug)]
pub(super) struct Refusal {
    code: StatusCode,
    error: String,
    hint: String,
}

/// What is answered.
#[derive(Debug, Serialize)]
struct Answer {
    device: String,
    name: &'static str,
    part: String,
    #[serde(rename = "type")]
    ty: &'static str,
    unit: &'static str,
    en: &'static str,
    zh: &'static str,
    from_ms: i64,
    to_ms: i64,
    /// `[time, smallest, largest, mean, count]`, without empty ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    buckets: Option<Vec<(i64, f64, f64, f64, u64)>>,
    /// `[time, value]`, or `[time, null, why]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<Vec<Sample>>,
    /// The first moment of what is missing because there were too many samples.
    next_ms: Option<i64>,
    /// Damaged blocks: the series may have a hole there.
    unreadable: u32,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Sample {
    Good(i64, serde_json::Value),
    Missing(i64, (), &'static str),
}

impl Logs {
    /// Over the two stores of a gateway.
    #[must_use]
    pub fn new(readings: Store, outbox: Store) -> Self {
        Self { readings, outbox, places: Arc::new(Semaphore::new(API_HISTORIES_MAX)) }
    }

    /// Answers a question about a device of `status`.
    pub(super) async fn answer(&self, asked: &Asked, status: &Status, now_ms: i64) -> Result<Response, Refusal> {
        let question = asked.question(status, now_ms)?;
        let whole = timeout(Duration::from_millis(API_HISTORY_MS_MAX), self.ask(&question)).await;
        let history = whole.map_err(|_| Refusal::later("this takes too long", "Ask for a shorter span, or again when fewer ask."))??;
        Ok(Json(Answer::new(question, history)).into_response())
    }

    async fn ask(&self, question: &Question) -> Result<History, Refusal> {
        let _place = self.places.acquire().await.map_err(|_| stopped())?;
        let query = HistoryQuery {
            tag: format!("device_id={}", question.device),
            metric: question.metric,
            from_ms: question.from_ms,
            to_ms: question.to_ms,
            buckets: question.buckets,
            from: 0,
        };
        match question.metric.point.measurement().info().class {
            Class::Reading => whole(&self.readings, query).await,
            Class::Event => whole(&self.outbox, query).await,
            Class::Metric => newest_of_all(&self.outbox, query).await,
        }
    }
}

/// All parts of an answer.
async fn whole(store: &Store, mut query: HistoryQuery) -> Result<History, Refusal> {
    let silent = || Refusal::later("the store does not answer", "See /healthz; ask again in a minute.");
    let mut whole = History::default();
    loop {
        let part = timeout(Duration::from_millis(API_HISTORY_PART_MS_MAX), store.history(query.clone())).await;
        let part = part.map_err(|_| silent())?.map_err(|_| stopped())?;
        let next = part.next;
        whole.add(part);
        match next {
            Some(next) => query.from = next,
            None => return Ok(whole),
        }
    }
}

/// The same of figures, of which the newest issue counts, in buckets too: only samples tell issues apart. If they are too
/// many at once, the rest is asked for next.
async fn newest_of_all(store: &Store, query: HistoryQuery) -> Result<History, Refusal> {
    let (mut told, mut from_ms) = (History::default(), query.from_ms);
    loop {
        let mut part = whole(store, HistoryQuery { buckets: None, from_ms, ..query.clone() }).await?;
        let cut_ms = part.samples.last().filter(|_| part.cut).map(|(at_ms, _)| (*at_ms).max(from_ms + 1));
        newest_issues(&mut part.samples);
        if query.buckets.is_none() {
            return Ok(part);
        }
        let mut samples = std::mem::take(&mut part.samples);
        // Of the moment of the cut some issues may be missing.
        samples.retain(|(at_ms, _)| cut_ms.is_none_or(|cut_ms| *at_ms < cut_ms));
        told.add(History { buckets: query.buckets_of(samples), ..part });
        match cut_ms {
            Some(cut_ms) => from_ms = cut_ms,
            None => return Ok(told),
        }
    }
}

fn stopped() -> Refusal {
    Refusal::later("the store has stopped", "The gateway is stopping; ask again when it runs.")
}

impl Answer {
    fn new(question: Question, history: History) -> Self {
        let info = question.metric.point.info();
        let History { mut samples, buckets, unreadable, .. } = history;
        let next_ms = cut(&mut samples);
        let with_buckets = question.buckets.is_some();
        Self {
            device: question.device,
            name: info.name,
            part: question.metric.part.to_string(),
            ty: match info.ty {
                Type::Float => "float",
                Type::Int => "int",
                Type::Bool => "bool",
                Type::Text => "text",
            },
            unit: question.metric.point.unit(),
            en: info.en,
            zh: info.zh,
            from_ms: question.from_ms,
            to_ms: question.to_ms,
            buckets: with_buckets.then(|| buckets.iter().map(row).collect()),
            samples: (!with_buckets).then(|| samples.iter().map(|(at_ms, value)| Sample::new(*at_ms, value)).collect()),
            next_ms,
            unreadable,
        }
    }
}

/// Of a figure that was revised the newest issue counts: the last of a moment, for they are in the order of the log.
fn newest_issues(samples: &mut Vec<(i64, Value)>) {
    samples.dedup_by(|later, kept| {
        let is_revised = later.0 == kept.0;
        if is_revised {
            std::mem::swap(later, kept);
        }
        is_revised
    });
}

/// Gives up the newest of too many samples, all of a moment or none of it; says which is the first moment without.
fn cut(samples: &mut Vec<(i64, Value)>) -> Option<i64> {
    let (first_ms, _) = *samples.first()?;
    let next_ms = samples.get(API_HISTORY_SAMPLES_MAX)?.0.max(first_ms + 1);
    samples.truncate(samples.partition_point(|(at_ms, _)| *at_ms < next_ms));
    Some(next_ms)
}

fn row(bucket: &Bucket) -> (i64, f64, f64, f64, u64) {
    (bucket.from_ms, bucket.min, bucket.max, bucket.mean(), bucket.count)
}

impl Sample {
    fn new(at_ms: i64, value: &Value) -> Self {
        match (value, status::shown(value)) {
            (Value::Missing(_), (_, why)) => Self::Missing(at_ms, (), why),
            (_, (value, _)) => Self::Good(at_ms, value),
        }
    }
}

impl Refusal {
    fn new(code: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, error: error.into(), hint: hint.into() }
    }

    /// The question is wrong.
    fn bad(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, hint)
    }

    /// The question may be right, but not now.
    fn later(error: &str, hint: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, hint)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        guard::problem(self.code, &self.error, &self.hint)
    }
}

#[cfg(test)]
mod tests;
