//! Certificates for one test: an authority of its own, and what it signs.

use crate::servers::write;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Signs certificates. Its files go with it.
#[derive(Debug)]
pub struct Authority {
    dir: TempDir,
    ca_file: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// PEM.
    pub cert_file: PathBuf,
    /// PEM, mode 0600.
    pub key_file: PathBuf,
}

#[expect(clippy::expect_used, reason = "a laboratory without certificates cannot go on")]
impl Authority {
    /// A new authority with a name of its own.
    ///
    /// # Panics
    /// Without a temporary directory.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().expect("a key"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        params.distinguished_name.push(DnType::CommonName, name);
        let dir = tempfile::tempdir().expect("a temporary directory");
        let ca_file = dir.path().join("ca.pem");
        write(&ca_file, &params.self_signed(&key).expect("a certificate").pem());
        Self { dir, ca_file, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate, PEM.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Signs a certificate for a host or client name, valid from the first day of one year to the first day of another.
    ///
    /// # Panics
    /// When the name cannot stand in a certificate.
    #[must_use]
    pub fn identity(&self, name: &str, years: (i32, i32)) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a host name");
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        let identity =
            Identity { cert_file: self.dir.path().join(format!("{name}.pem")), key_file: self.dir.path().join(format!("{name}.key")) };
        write(&identity.cert_file, &params.signed_by(&key, &self.issuer).expect("a certificate").pem());
        write(&identity.key_file, &key.serialize_pem());
        std::fs::set_permissions(&identity.key_file, Permissions::from_mode(0o600)).expect("mode of a file");
        identity
    }
}
