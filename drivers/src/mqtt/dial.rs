//! How a broker is dialled: a persistent session under a stable name, acknowledged by hand. Credentials and certificates are
//! read anew for every connection, so that a rotated one needs no restart.
//!
//! Never sends a password over an unverified TLS connection: there is no switch for that. Files are small and read at
//! reconnects only, which are paced by a back-off.

use super::certificates;
use super::places::Place;
use facility_config::limits::MQTT_PACKET_BYTES_MAX;
use facility_config::site::{Broker, Endpoint, Wire};
use rumqttc::{MqttOptions, TlsConfiguration, Transport};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Largest keep-alive the protocol can say (16 bits of seconds).
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(65_535);

/// Everything a connection to the broker's address number `at` needs.
///
/// # Errors
/// In words, when there is nothing to connect with yet.
pub(super) fn options(broker: &Broker, at: usize, place: Place, clock_is_set: bool) -> Result<MqttOptions, String> {
    let endpoint = broker.endpoints.get(at).ok_or("the broker has no address")?;
    let mut options = MqttOptions::new(broker.client_id.clone(), address(endpoint), endpoint.port);
    options
        .set_transport(transport(broker, endpoint.wire, clock_is_set)?)
        .set_clean_session(place.discard)
        .set_manual_acks(true)
        .set_keep_alive(broker.keep_alive.clamp(Duration::from_secs(1), KEEP_ALIVE_MAX))
        .set_max_packet_size(place.packet_bytes_max, MQTT_PACKET_BYTES_MAX);
    if let Some(username) = &broker.username {
        let password = broker.password_file.as_deref().map(password).transpose()?;
        options.set_credentials(username.clone(), password.unwrap_or_default());
    }
    Ok(options)
}

/// What the client looks up: a URL for websockets, a host otherwise. An IPv6 address stays without brackets then: the client
/// appends `:port`, the resolver cuts at the last colon, and the name in a certificate has no brackets either.
fn address(endpoint: &Endpoint) -> String {
    match endpoint.wire {
        Wire::Tcp | Wire::Tls => endpoint.host.clone(),
        Wire::Websocket | Wire::WebsocketTls => endpoint.to_string(),
    }
}

fn transport(broker: &Broker, wire: Wire, clock_is_set: bool) -> Result<Transport, String> {
    if wire.is_encrypted() && !clock_is_set {
        return Err("TLS waits for the clock: it stands before the build date, so no certificate can be checked; \
                    check the time server (NTP)"
            .to_owned());
    }
    let tls = || Ok::<_, String>(TlsConfiguration::Rustls(Arc::new(certificates::client_config(&broker.tls)?)));
    Ok(match wire {
        Wire::Tcp => Transport::tcp(),
        Wire::Tls => Transport::tls_with_config(tls()?),
        Wire::Websocket => Transport::ws(),
        Wire::WebsocketTls => Transport::wss_with_config(tls()?),
    })
}

fn password(path: &Path) -> Result<String, String> {
    certificates::guarded(path)?;
    let text = std::fs::read_to_string(path).map_err(|error| certificates::unreadable(path, &error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
