//! The frames of a bus as they go by: one JSON line each, for as long as somebody reads.
//!
//! The bus never waits for a reader; one that is too slow is told how many frames it missed. A blank line now and then
//! keeps an idle connection open. Registers of devices are no personal data; what MQTT brings is not shown here.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use facility_config::limits::API_IDLE_MS_MAX;
use facility_drivers::modbus::Tap;
use facility_drivers::modbus::trace::Wire;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

/// The taps of all buses, by name.
pub type Taps = BTreeMap<Box<str>, Tap>;

const BLANK_AFTER: Duration = Duration::from_millis(API_IDLE_MS_MAX / 3);

/// An answer that ends with its reader, or with the gateway.
pub(super) fn stream(tap: &Tap) -> Response {
    let lines = futures_util::stream::unfold(tap.watch(), |mut frames| async move {
        let line = next(&mut frames).await?;
        Some((Ok::<_, io::Error>(line), frames))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

async fn next(frames: &mut Receiver<Arc<Wire>>) -> Option<String> {
    match timeout(BLANK_AFTER, frames.recv()).await {
        Ok(Ok(wire)) => Some(wire.to_line() + "\n"),
        Ok(Err(RecvError::Lagged(missed))) => Some(format!("{{\"missed\":{missed}}}\n")),
        Ok(Err(RecvError::Closed)) => None,
        Err(_) => Some("\n".into()),
    }
}
