//! Notices that a certificate, key or password file has changed while a connection stands.
//!
//! Looks at sizes and times only; what is in the files is read by whoever dials. Bounded: five files, once a minute.

use facility_config::site::Broker;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What tells one version of a file from the next: time of change in ns, size in bytes, inode. `None`: it is not there.
type Stamp = Option<(i64, i64, u64, u64)>;

/// The files that one connection was made with.
pub(super) struct Files {
    paths: Vec<PathBuf>,
    seen: Vec<Stamp>,
    look: Instant,
    /// Why changed files are not in use, in words.
    pub(super) trouble: Option<String>,
}

impl Files {
    pub(super) fn new(broker: &Broker) -> Self {
        let tls = &broker.tls;
        let encrypted = broker.endpoints.iter().any(|at| at.wire.is_encrypted());
        let of_tls = [&tls.ca_file, &tls.cert_file, &tls.key_file, &tls.crl_file].into_iter().filter(|_| encrypted);
        let paths: Vec<PathBuf> = of_tls.chain([&broker.password_file]).flatten().cloned().collect();
        Self { seen: Vec::new(), paths, look: Instant::now(), trouble: None }
    }

    /// Remembers what is there. Call before the files are read, so that a change in between is not overlooked.
    pub(super) fn note(&mut self) {
        self.seen = self.stamps();
        self.look = Instant::now() + LOOK_EVERY;
        self.trouble = None;
    }

    /// Whether it is time to look, and then whether something is different from when it was noted.
    pub(super) fn changed(&mut self) -> Option<bool> {
        if self.paths.is_empty() || self.look > Instant::now() {
            return None;
        }
        self.look = Instant::now() + LOOK_EVERY;
        Some(self.stamps() != self.seen)
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.paths.iter().map(|path| stamp(path)).collect()
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = std::fs::metadata(path).ok()?;
    Some((found.mtime(), found.mtime_nsec(), found.size(), found.ino()))
}
