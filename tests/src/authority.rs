//! Certificates for one test: an authority of its own, and what it signs.

use crate::servers::write;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, date_time_ymd,
};
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
    serial: u64,
}

#[expect(clippy::expect_used, reason = "a laboratory without certificates cannot go on")]
impl Identity {
    /// A certificate that nobody else vouches for, in a folder of its own.
    ///
    /// # Panics
    /// When the name cannot stand in a certificate.
    #[must_use]
    pub fn signed_by_itself(name: &str, years: (i32, i32), folder: &Path) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a host name");
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        let identity = Self { cert_file: folder.join("itself.pem"), key_file: folder.join("itself.key"), serial: 0 };
        write(&identity.cert_file, &params.self_signed(&key).expect("a certificate").pem());
        write(&identity.key_file, &key.serialize_pem());
        identity
    }

    /// Where its files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.cert_file.parent().unwrap_or(Path::new("."))
    }
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
        params.key_usages.extend([KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]);
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

    /// The list of what it has revoked, PEM.
    ///
    /// # Panics
    /// Without a temporary directory.
    #[must_use]
    pub fn revoke(&self, identity: &Identity) -> PathBuf {
        let revoked = RevokedCertParams {
            serial_number: identity.serial.into(),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2090, 1, 1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let file = self.dir.path().join("revoked.pem");
        write(&file, &list.signed_by(&self.issuer).expect("a list").pem().expect("PEM"));
        file
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
        let serial = fastrand::u64(1..);
        params.serial_number = Some(serial.into());
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        let file = |ending: &str| self.dir.path().join(format!("{name}.{ending}"));
        let identity = Identity { cert_file: file("pem"), key_file: file("key"), serial };
        write(&identity.cert_file, &params.signed_by(&key, &self.issuer).expect("a certificate").pem());
        write(&identity.key_file, &key.serialize_pem());
        std::fs::set_permissions(&identity.key_file, Permissions::from_mode(0o600)).expect("mode of a file");
        identity
    }
}
