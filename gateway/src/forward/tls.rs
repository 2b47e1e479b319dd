//! Whom the forwarder believes to be the database: the operator's own authority, or the system's roots.
//!
//! There is no switch that skips the check.

use super::NotReady;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// A TLS 1.2 and 1.3 client.
///
/// # Errors
/// [`NotReady::Roots`] if no certificate can be read.
pub(super) fn client(ca_file: Option<&Path>) -> Result<ClientConfig, NotReady> {
    let mut roots = RootCertStore::empty();
    let (source, certificates) = match ca_file {
        Some(file) => (file.display().to_string(), from_file(file)?),
        None => ("the system's certificates".to_owned(), rustls_native_certs::load_native_certs().certs),
    };
    let (added, unusable) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(NotReady::Roots { source, why: format!("no usable certificate authority ({unusable} unusable)") });
    }
    config(roots, source)
}

/// A client that believes nobody, for addresses without TLS.
///
/// # Errors
/// [`NotReady::Roots`] if the provider knows no TLS version that is still safe.
pub(super) fn nobody() -> Result<ClientConfig, NotReady> {
    config(RootCertStore::empty(), "no authority".to_owned())
}

fn config(roots: RootCertStore, source: String) -> Result<ClientConfig, NotReady> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NotReady::Roots { source, why: error.to_string() })?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn from_file(file: &Path) -> Result<Vec<CertificateDer<'static>>, NotReady> {
    let wrong = |why: String| NotReady::Roots { source: file.display().to_string(), why };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    certificates.collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))
}
