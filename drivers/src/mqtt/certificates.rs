//! Whom the gateway believes over TLS and how it proves itself: authorities, withdrawn certificates, its own certificate.
//!
//! TLS 1.2 and 1.3, nothing older. Never connects with less than the configuration names: a file that cannot be used is an
//! error in words. A list of withdrawn certificates (CRL) says something about the certificates of its own issuer only; others
//! are judged without one.

use facility_config::site::Tls;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

/// What a TLS client needs, read from its files.
///
/// # Errors
/// In words, naming the file.
pub(super) fn client_config(tls: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = verifier(tls, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| format!("TLS: {error}"))?
        .with_webpki_verifier(verifier);
    let (Some(cert_file), Some(key_file)) = (&tls.cert_file, &tls.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    guarded(key_file)?;
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| unreadable(key_file, &error))?;
    builder
        .with_client_auth_cert(certificates(cert_file)?, key)
        .map_err(|error| format!("client certificate {} and key {} do not fit together: {error}", cert_file.display(), key_file.display()))
}

/// Judges what a broker shows.
pub(super) fn verifier(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, String> {
    let roots = Arc::new(roots(tls.ca_file.as_deref())?);
    let mut builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
    if let Some(path) = &tls.crl_file {
        let lists = read_all::<CertificateRevocationListDer<'static>>(path, "list of withdrawn certificates")?;
        builder = builder.with_crls(lists).allow_unknown_revocation_status();
    }
    builder.build().map_err(|error| match &tls.crl_file {
        Some(path) => unreadable(path, &error),
        None => format!("TLS: {error}"),
    })
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
    read_all(path, "certificate")
}

/// Every PEM item of one kind in a file that must hold at least one.
fn read_all<T: PemObject>(path: &Path, what: &str) -> Result<Vec<T>, String> {
    let all: Result<Vec<T>, pem::Error> = T::pem_file_iter(path).and_then(Iterator::collect);
    let all = all.map_err(|error| unreadable(path, &error))?;
    if all.is_empty() { Err(unreadable(path, &format!("it holds no {what}"))) } else { Ok(all) }
}

/// That nobody else can read or change a secret: what holds at start holds for a file that was replaced since.
pub(super) fn guarded(path: &Path) -> Result<(), String> {
    let mode = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.permissions().mode();
    match facility_config::is_exposed(mode) {
        true => {
            Err(unreadable(path, &format!("it has mode {:04o}, others can read or change it; chmod 600 {}", mode & 0o7777, path.display())))
        }
        false => Ok(()),
    }
}

pub(super) fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!("cannot use {}: {why}", path.display())
}
