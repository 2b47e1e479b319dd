//! Where the traffic of buses and brokers can be watched, and how a watcher is answered: one line of JSON for each thing seen,
//! for as long as somebody reads.
//!
//! The traffic never waits for a reader; one that is too slow is told how much it missed. A blank line now and then keeps an
//! idle connection open.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use facility_config::limits::API_IDLE_MS_MAX;
use facility_config::{Kind, Site};
use facility_drivers::modbus::Tap;
use facility_drivers::mqtt::Tap as MqttTap;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

const BLANK_AFTER: Duration = Duration::from_millis(API_IDLE_MS_MAX / 3);

/// The taps of all buses and brokers, by name.
#[derive(Debug, Clone, Default)]
pub struct Taps {
    /// Frames of buses.
    pub buses: BTreeMap<Box<str>, Tap>,
    /// Messages of brokers.
    pub brokers: BTreeMap<Box<str>, MqttTap>,
    /// Ids and kinds of devices, by index.
    pub devices: Arc<[(Box<str>, Kind)]>,
}

impl Taps {
    /// Taps nobody listens at yet.
    #[must_use]
    pub fn of(site: &Site) -> Self {
        Self {
            buses: site.buses.iter().map(|bus| (bus.name.clone(), Tap::new())).collect(),
            brokers: site.brokers.iter().map(|broker| (broker.name.clone(), MqttTap::new())).collect(),
            devices: site.devices.iter().map(|device| (device.id.clone(), device.kind)).collect(),
        }
    }
}

/// An answer that ends with its reader, or with the gateway. `line` writes one thing seen, without its line feed.
pub(super) fn stream<T>(seen: Receiver<Arc<T>>, line: impl Fn(&T) -> String + Send + Sync + 'static) -> Response
where
    T: Send + Sync + 'static,
{
    let lines = futures_util::stream::unfold((seen, line), |(mut seen, line)| async move {
        let text = next(&mut seen, &line).await?;
        Some((Ok::<_, io::Error>(text), (seen, line)))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

async fn next<T>(seen: &mut Receiver<Arc<T>>, line: impl Fn(&T) -> String) -> Option<String> {
    match timeout(BLANK_AFTER, seen.recv()).await {
        Ok(Ok(one)) => Some(line(&one) + "\n"),
        Ok(Err(RecvError::Lagged(missed))) => Some(format!("{{\"missed\":{missed}}}\n")),
        Ok(Err(RecvError::Closed)) => None,
        Err(_) => Some("\n".into()),
    }
}
