//! JSON messages of MQTT devices to readings, by the field maps of their profiles.
//!
//! Pure: no I/O, no clock, never fails and never logs a payload. Every message becomes exactly one [`Batch`], so that
//! acknowledgements keep the order of receipt. A payload is bounded in bytes, depth and readings before any of it is
//! believed; what a profile does not name is skipped unread, because these protocols carry telephone numbers.

mod grade;
mod repair;
mod shape;
pub mod topic;
mod value;
mod walk;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub(super) use value::is_plain;

use crate::fault::Fault;
use crate::reading::{Batch, Subject, Value};
use facility_config::limits::PAYLOAD_BYTES_MAX;
use facility_config::profile::MessageKind;
use facility_config::{DeviceIx, Point, Site};
use shape::Shape;
use std::collections::HashMap;
use walk::Walk;

/// Decodes the messages of one broker's devices.
#[derive(Debug)]
pub struct JsonDecoder {
    shapes: Vec<Shape>,
    routes: Vec<Route>,
    /// Routes by topic.
    exact: HashMap<Box<str>, usize>,
    /// Filter and route of the topics that hold `+`: looked through one by one, after `exact`.
    loose: Vec<(Box<str>, usize)>,
}

/// One message of one device.
#[derive(Debug)]
struct Route {
    device: DeviceIx,
    topic_id: Box<str>,
    shape: usize,
}

impl JsonDecoder {
    /// Compiles the profiles of the devices that speak through the broker at index `broker` of the site.
    #[must_use]
    pub fn new(site: &Site, broker: usize) -> Self {
        let mut decoder = Self { shapes: Vec::new(), routes: Vec::new(), exact: HashMap::new(), loose: Vec::new() };
        // Devices of one model share its compiled messages; a profile is known by where its messages lie.
        let mut compiled = HashMap::new();
        for (ix, device, topic_id, messages) in topic::messages(site, broker) {
            let shapes = &mut decoder.shapes;
            let first = *compiled.entry(messages.as_ptr()).or_insert_with(|| {
                shapes.extend(messages.iter().map(Shape::new));
                shapes.len() - messages.len()
            });
            for (at, message) in messages.iter().enumerate() {
                let topic = topic::of_device(&message.topic, site, device, topic_id).into_boxed_str();
                decoder.routes.push(Route { device: ix, topic_id: topic_id.into(), shape: first + at });
                let route = decoder.routes.len() - 1;
                if topic.contains('+') {
                    decoder.loose.push((topic, route));
                } else {
                    decoder.exact.entry(topic).or_insert(route);
                }
            }
        }
        decoder
    }

    /// What a message says, or why it was refused. `now_ms` is the time of receipt, Unix ms.
    #[must_use]
    pub fn decode(&self, topic: &str, payload: &[u8], now_ms: i64) -> Batch {
        let Some(route) = self.route(topic) else { return Batch::refused(None, Fault::UnknownDevice, now_ms) };
        let shape = &self.shapes[route.shape];
        let decoded = match shape.kind {
            _ if payload.len() > PAYLOAD_BYTES_MAX => Err(Fault::Oversize),
            MessageKind::Status => status(route.device, payload, now_ms),
            MessageKind::Telemetry => snapshot(shape, route, Subject::Telemetry, payload, now_ms),
            MessageKind::Event => snapshot(shape, route, Subject::Event, payload, now_ms),
        };
        decoded.unwrap_or_else(|fault| Batch::refused(Some(route.device), fault, now_ms))
    }

    fn route(&self, topic: &str) -> Option<&Route> {
        let loose = || self.loose.iter().find(|(filter, _)| topic::matches(filter, topic)).map(|(_, route)| route);
        self.exact.get(topic).or_else(loose).map(|route| &self.routes[*route])
    }
}

/// A birth message or a last will. An empty payload only clears a retained one and says nothing.
fn status(device: DeviceIx, payload: &[u8], now_ms: i64) -> Result<Batch, Fault> {
    let online = match payload.trim_ascii() {
        b"online" => true,
        b"offline" => false,
        _ => return Err(Fault::Undecodable),
    };
    let mut batch = Batch::new(device, Subject::Health, now_ms);
    batch.push(Point::HealthOnline, Value::Bool(online));
    Ok(batch)
}

fn snapshot(shape: &Shape, route: &Route, subject: Subject, payload: &[u8], now_ms: i64) -> Result<Batch, Fault> {
    let text = std::str::from_utf8(payload).map_err(|_| Fault::Undecodable)?;
    if repair::is_too_deep(text) {
        return Err(Fault::Undecodable);
    }
    let walk = |text| Walk::new(shape, &route.topic_id, Batch::new(route.device, subject, now_ms)).run(text);
    let refused = match walk(text) {
        Ok(batch) => return Ok(batch),
        Err(refused) => refused,
    };
    // Only what the reader itself refused can be cured, and only of its infinities.
    let repaired = if refused.is_none() { repair::without_infinities(text) } else { None };
    match repaired {
        Some(text) => walk(&text).map_err(|fault| fault.unwrap_or(Fault::Undecodable)),
        None => Err(refused.unwrap_or(Fault::Undecodable)),
    }
}
