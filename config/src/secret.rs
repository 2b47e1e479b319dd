//! References to files with secrets and certificates, resolved and looked at.
//!
//! A reference is a path (relative ones start at the folder of `gateway.toml`) or `credential:NAME`, a file that systemd
//! puts into `$CREDENTIALS_DIRECTORY`. The content is looked at and forgotten: it is in no message and in no [`Site`]
//! (whoever needs it reads the file again, so that it can be replaced while the gateway runs). A command in a shell has no
//! such folder: what does not log in anywhere is only warned of the references it could not look at.
//!
//! [`Site`]: crate::Site

use crate::layer::PLACEHOLDER;
use crate::limits::SECRET_FILE_BYTES_MAX;
use crate::load::{Seen, read_bounded};
use crate::problem;
use crate::report::Complaint;
use std::path::{Path, PathBuf};

/// Permissions of group and others.
const OTHERS: u32 = 0o077;
/// systemd hands credentials out as 0400 or 0440: reading by the group is its own doing.
const OTHERS_OF_CREDENTIAL: u32 = 0o037;

/// Whether the permissions of a file are too wide for a secret that is read again while the gateway runs. By then nobody knows
/// whether systemd put it there, so reading by the group is left to the check at start.
#[must_use]
pub fn is_exposed(mode: u32) -> bool {
    mode & OTHERS_OF_CREDENTIAL != 0
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// One line: a password or token.
    Secret,
    /// A private key, PEM.
    PrivateKey,
    /// Certificates, PEM. No secret.
    Certificates,
    /// A list of withdrawn certificates (CRL), PEM. No secret.
    Withdrawn,
}

/// Where references start.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    /// Folder that relative paths start at.
    pub(crate) base: PathBuf,
    /// systemd's folder of credentials.
    pub(crate) credentials: Option<PathBuf>,
    /// Whether it is an error that there is no such folder.
    pub(crate) needs_credentials: bool,
}

impl Ground {
    pub(crate) fn new(base: &Path, env: &[(String, String)], needs_credentials: bool) -> Self {
        let credentials = env.iter().rev().find(|(name, _)| name == "CREDENTIALS_DIRECTORY").map(|(_, value)| PathBuf::from(value));
        Self { base: base.to_owned(), credentials, needs_credentials }
    }

    /// The file behind a reference, if it is fit for its role.
    pub(crate) fn file(&self, key: &str, reference: &str, role: Role) -> Result<PathBuf, Complaint> {
        let credential = reference.strip_prefix("credential:");
        let path = match credential {
            Some(name) => self.credential(key, name)?,
            None => self.base.join(reference),
        };
        let seen = read_bounded(&path, SECRET_FILE_BYTES_MAX).map_err(|error| unusable(key, &path, &error.to_string(), role))?;
        if role.is_secret() {
            check_mode(&path, seen.mode, credential.is_some())?;
        }
        check_content(key, &path, &seen, role)?;
        Ok(path)
    }

    fn credential(&self, key: &str, name: &str) -> Result<PathBuf, Complaint> {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
        if !plain {
            let message = format!("`{key}`: this is no name of a credential");
            return Err(Complaint::new(problem::SECRET_UNUSABLE, message).hint("write credential:NAME, without a slash"));
        }
        self.credentials.as_ref().map(|directory| directory.join(name)).ok_or_else(|| match self.needs_credentials {
            true => Complaint::new(problem::SECRET_UNUSABLE, format!("`{key}`: there is no $CREDENTIALS_DIRECTORY"))
                .hint(format!("start it by systemd with LoadCredential={name}:/path, or name a file")),
            false => Complaint::new(problem::CREDENTIAL_NOT_SEEN, format!("`{key}`: the credential {name} was not looked at"))
                .hint("only the service gets it from systemd, and looks at it when it starts; nothing is to be done here"),
        })
    }
}

fn check_mode(path: &Path, mode: u32, is_credential: bool) -> Result<(), Complaint> {
    if mode & if is_credential { OTHERS_OF_CREDENTIAL } else { OTHERS } == 0 {
        return Ok(());
    }
    let shown = path.display();
    Err(Complaint::new(problem::SECRET_EXPOSED, format!("{shown} has mode {:04o}: others can read or change the secret", mode & 0o7777))
        .hint(format!("chmod 600 {shown}")))
}

fn check_content(key: &str, path: &Path, seen: &Seen, role: Role) -> Result<(), Complaint> {
    let text = std::str::from_utf8(&seen.bytes).map_err(|_| unusable(key, path, "it is not text", role))?.trim();
    if text.is_empty() {
        return Err(unusable(key, path, "it is empty", role));
    }
    if text.starts_with(PLACEHOLDER) {
        let message = format!("{} still has a placeholder in it", path.display());
        return Err(Complaint::new(problem::PLACEHOLDER, message).hint("write the real secret into the file"));
    }
    let fault = match role {
        Role::Secret if text.chars().any(char::is_control) => "it has more than one line",
        Role::PrivateKey if !(text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----")) => "it has no private key in PEM",
        Role::Certificates if !text.contains("-----BEGIN CERTIFICATE-----") => "it has no certificate in PEM",
        Role::Withdrawn if !text.contains("-----BEGIN X509 CRL-----") => "it has no list of withdrawn certificates (CRL) in PEM",
        _ => return Ok(()),
    };
    Err(unusable(key, path, fault, role))
}

impl Role {
    fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::PrivateKey)
    }
}

fn unusable(key: &str, path: &Path, fault: &str, role: Role) -> Complaint {
    let hint = match role.is_secret() {
        true => "create the file, readable only by the user of the gateway (mode 0600)",
        false => "create the file, readable by the user of the gateway",
    };
    Complaint::new(problem::SECRET_UNUSABLE, format!("`{key}`: {} can not be used: {fault}", path.display())).hint(hint)
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
