//! What devices send, good and bad, and exactly what is kept of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad;
mod dialect;
mod dialects;
mod formats;
mod good;
mod heard;
mod limits;
mod private;
mod random;
mod shared;
mod speed;
mod times;
mod topics;
mod words;

use super::MessageDecoder;
use super::fixture::{arrival, site};
use crate::reading::{Batch, Value};
use facility_config::Part;
use facility_config::Point;

fn decode(topic: &str, payload: impl AsRef<[u8]>) -> Batch {
    MessageDecoder::new(&site(), 0).decode(&arrival(topic, payload.as_ref()))
}

/// Readings in the order of points and parts, so that a payload may order its members as it likes.
fn readings(batch: &Batch) -> Vec<(Point, String, Value)> {
    let mut all: Vec<_> = batch.readings.iter().map(|r| (r.metric.point, r.metric.part.to_string(), r.value.clone())).collect();
    all.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    all
}

fn text(word: &str) -> Value {
    Value::Text(word.into())
}

fn part(name: &str) -> Part {
    Part::new(name).unwrap()
}
