//! Which certificates are believed, and in which words the others are refused. `tls/` holds the certificates of two
//! authorities made for this, without their keys; all are for `broker.example.cn`.

use crate::mqtt::certificates::{client_config, verifier};
use crate::tls;
use facility_config::site::Tls;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/mqtt/tests/tls").join(name)
}

fn trusting(ca: &str, crl: Option<&str>) -> Tls {
    Tls { ca_file: Some(file(ca)), crl_file: crl.map(file), ..Tls::default() }
}

/// How a certificate is judged on 2030-01-01.
fn judged(tls: &Tls, certificate: &str, host: &str) -> Result<(), String> {
    let verifier = verifier(tls, &Arc::new(rustls::crypto::ring::default_provider())).unwrap();
    let certificate = CertificateDer::from_pem_file(file(certificate)).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000));
    let verdict = verifier.verify_server_cert(&certificate, &[], &ServerName::try_from(host).unwrap(), &[], now);
    verdict.map(drop).map_err(|error| tls::words(&error))
}

#[test]
fn who_is_believed() {
    let (plain, strict) = (trusting("authority.pem", None), trusting("authority.pem", Some("withdrawn.crl.pem")));
    let other = trusting("other-authority.pem", Some("withdrawn.crl.pem"));
    let host = "broker.example.cn";
    let cases = [
        (&plain, "good.pem", host, ""),
        (&strict, "good.pem", host, ""),
        (&plain, "withdrawn.pem", host, ""),
        (&strict, "withdrawn.pem", host, "`crl_file`"),
        (&other, "elsewhere.pem", host, ""),
        (&strict, "elsewhere.pem", host, "`ca_file`"),
        (&strict, "expired.pem", host, "expired on 2027-01-01"),
        (&strict, "early.pem", host, "not valid before 2080-01-01"),
        (&plain, "authority.pem", host, "of an authority, as self-signed ones are"),
        (&strict, "good.pem", "10.0.0.7", "for `broker.example.cn`, not for `10.0.0.7`"),
    ];
    for (tls, certificate, host, words) in cases {
        match judged(tls, certificate, host) {
            Ok(()) => assert!(words.is_empty(), "{certificate} is believed"),
            Err(why) => assert!(!words.is_empty() && why.contains(words), "{certificate}: {why}"),
        }
    }
}

#[test]
fn a_list_of_withdrawn_certificates_must_be_one() {
    let cases = [("good.pem", "no list of withdrawn certificates"), ("nowhere.pem", "nowhere.pem")];
    for (crl, words) in cases {
        let why = client_config(&trusting("authority.pem", Some(crl))).unwrap_err();
        assert!(why.contains(words), "{why}");
    }
}
