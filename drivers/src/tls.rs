//! What went wrong with TLS, in words for the person who has to change something. Pure.
//!
//! The library names its own cases and counts seconds since 1970; a technician needs to know which file, name or clock
//! to look at. Every sentence goes on after "no connection to …:" and speaks of the other side as "it".

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage};
use std::error::Error;
use std::io;

/// The TLS failure behind an error, if that is what it was.
#[must_use]
pub fn failure<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error leaves what it wraps out of its chain of causes.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// What happened and what to look at.
#[must_use]
pub fn words(failure: &rustls::Error) -> String {
    match failure {
        rustls::Error::InvalidCertificate(error) => certificate(error),
        rustls::Error::AlertReceived(alert) => refusal(*alert),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => "it does not answer in TLS; check the port".to_owned(),
        other => format!("TLS failed: {other}"),
    }
}

fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "its certificate is from an authority that is not trusted here; check `ca_file`".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let names = if names.is_empty() { "no name at all".to_owned() } else { format!("`{}`", names.join("`, `")) };
            format!("its certificate is for {names}, not for `{}`; check the host in `url`", expected.to_str())
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate expired on {}; it has to be renewed there", day(*not_after))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("its certificate is not valid before {}, and here it is {}; check both clocks", day(*not_before), day(*time))
        }
        CertificateError::Revoked => "its certificate was withdrawn by its issuer (`crl_file`); it needs a new one there".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not meant for a server".to_owned()
        }
        // The name of the case is all that the library behind the library says.
        CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => {
            "it shows the certificate of an authority, as self-signed ones are, and not one of its own; issue it one (CA:FALSE)".to_owned()
        }
        CertificateError::Other(other) => format!("its certificate cannot be trusted: {}", other.0),
        other => format!("its certificate cannot be trusted: {other}"),
    }
}

/// What the other side said before it hung up.
fn refusal(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "it asks for a client certificate, and none is configured".to_owned()
        }
        AlertDescription::UnknownCA => "it does not accept this gateway's certificate: it does not trust the issuing authority".to_owned(),
        AlertDescription::CertificateExpired => "it does not accept this gateway's certificate: expired".to_owned(),
        AlertDescription::CertificateRevoked => "it does not accept this gateway's certificate: revoked".to_owned(),
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => format!("it does not accept this gateway's certificate ({alert:?})"),
        other => format!("it broke off the TLS handshake ({other:?})"),
    }
}

/// `DnsName("kiosk.example.cn")` without its wrapping.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"')
}

fn day(time: UnixTime) -> String {
    let at = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.map_or_else(|| "a day out of range".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}
