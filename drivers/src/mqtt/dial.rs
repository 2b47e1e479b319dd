//! How a broker is dialled: client options once, credentials and certificates anew for every connection, so that a
//! rotated password or certificate needs no restart.
//!
//! Never sends a password over an unverified TLS connection: there is no switch for that. Files are small and read at
//! reconnects only, which are paced by a back-off.

use facility_config::limits::MQTT_PACKET_BYTES_MAX;
use facility_config::site::{Broker, Tls};
use rumqttc::{MqttOptions, TlsConfiguration, Transport};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Largest keep-alive the protocol can say (16 bits of seconds).
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(65_535);

/// What never changes between connections: a persistent session under a stable name, acknowledged by hand.
pub(super) fn options(broker: &Broker) -> MqttOptions {
    // An IPv6 address stays without brackets: the client appends `:port`, the resolver cuts at the last colon, and the
    // name in a certificate has no brackets either.
    let mut options = MqttOptions::new(broker.client_id.clone(), broker.host.clone(), broker.port);
    options
        .set_clean_session(false)
        .set_manual_acks(true)
        .set_keep_alive(broker.keep_alive.clamp(Duration::from_secs(1), KEEP_ALIVE_MAX))
        .set_max_packet_size(MQTT_PACKET_BYTES_MAX, MQTT_PACKET_BYTES_MAX);
    options
}

/// Reads what may have changed since the last connection.
///
/// # Errors
/// In words, when there is nothing to connect with yet.
pub(super) fn prepare(broker: &Broker, clock_is_set: bool, options: &mut MqttOptions) -> Result<(), String> {
    if let Some(username) = &broker.username {
        let password = broker.password_file.as_deref().map(password).transpose()?;
        options.set_credentials(username.clone(), password.unwrap_or_default());
    }
    let Some(tls) = &broker.tls else { return Ok(()) };
    if !clock_is_set {
        return Err("TLS waits for the clock: it stands before the build date, so no certificate can be checked; \
                    check the time server (NTP)"
            .to_owned());
    }
    options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(client_config(tls)?))));
    Ok(())
}

fn password(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn client_config(tls: &Tls) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .with_root_certificates(roots(tls.ca_file.as_deref())?);
    let (Some(cert_file), Some(key_file)) = (&tls.cert_file, &tls.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| unreadable(key_file, &error))?;
    builder
        .with_client_auth_cert(certificates(cert_file)?, key)
        .map_err(|error| format!("client certificate {} and key {} do not fit together: {error}", cert_file.display(), key_file.display()))
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| unreadable(path, &error))?;
        }
        return Ok(roots);
    }
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(format!("no certificate authority found on this system{why}; name one with `ca_file`"));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Vec<_> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| unreadable(path, &error))?;
    if all.is_empty() { Err(unreadable(path, &"it holds no certificate")) } else { Ok(all) }
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!("cannot use {}: {why}", path.display())
}
