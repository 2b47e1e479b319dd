//! Whom the forwarder believes to be the database, the operator's own authority or the system's roots, and how the gateway
//! proves itself.
//!
//! There is no switch that skips the check.

use super::NotReady;
use facility_config::site::Tls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use std::path::Path;
use std::sync::Arc;

/// A TLS 1.2 and 1.3 client.
///
/// # Errors
/// [`NotReady::Roots`] if a certificate or key cannot be used.
pub(super) fn client(tls: &Tls) -> Result<ClientConfig, NotReady> {
    let mut roots = RootCertStore::empty();
    let (source, certificates) = match tls.ca_file.as_deref() {
        Some(file) => (file.display().to_string(), from_file(file)?),
        None => ("the system's certificates".to_owned(), rustls_native_certs::load_native_certs().certs),
    };
    let (added, unusable) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(NotReady::Roots { source, why: format!("no usable certificate authority ({unusable} unusable)") });
    }
    let builder = builder(source)?.with_root_certificates(roots);
    let (Some(cert_file), Some(key_file)) = (&tls.cert_file, &tls.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    let wrong = |file: &Path, why: String| NotReady::Roots { source: file.display().to_string(), why };
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| wrong(key_file, error.to_string()))?;
    let fits = builder.with_client_auth_cert(from_file(cert_file)?, key);
    fits.map_err(|error| wrong(cert_file, format!("certificate and key {} do not fit together: {error}", key_file.display())))
}

/// A client that believes nobody, for addresses without TLS.
///
/// # Errors
/// [`NotReady::Roots`] if the provider knows no TLS version that is still safe.
pub(super) fn nobody() -> Result<ClientConfig, NotReady> {
    Ok(builder("no authority".to_owned())?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn builder(source: String) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, NotReady> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NotReady::Roots { source, why: error.to_string() })
}

fn from_file(file: &Path) -> Result<Vec<CertificateDer<'static>>, NotReady> {
    let wrong = |why: String| NotReady::Roots { source: file.display().to_string(), why };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    certificates.collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))
}
