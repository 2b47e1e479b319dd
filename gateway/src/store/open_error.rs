//! Why a store cannot be opened. Damage is never a reason: what is left is opened and the loss reported.

use std::io;
use std::path::PathBuf;

/// Why a store cannot be opened. Nothing in it was changed.
#[derive(Debug)]
pub enum OpenError {
    /// There is something at the path, but it is not a folder.
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// The folder that should hold the store does not exist.
    NoParent {
        /// The path of the store.
        path: PathBuf,
    },
    /// The folder cannot be written to.
    Unwritable {
        /// The path that was refused.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    InUse {
        /// The path.
        path: PathBuf,
        /// Process id of the holder, if it wrote one.
        pid: Option<u32>,
    },
    /// A later version of this software wrote it.
    Newer {
        /// The path.
        path: PathBuf,
        /// Format version found.
        found: u32,
        /// Newest format version this software reads.
        known: u32,
    },
    /// The disk failed while opening.
    Disk {
        /// What was being read or written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAFolder { path } => write!(f, "{} is not a folder: remove it or set another data folder", path.display()),
            Self::NoParent { path } => {
                write!(f, "{} cannot be made: the folder above it does not exist; create it or set another", path.display())
            }
            Self::Unwritable { path, source } => {
                write!(f, "{} cannot be written ({source}): give the folder to the user the gateway runs as", path.display())
            }
            Self::InUse { path, pid: Some(pid) } => {
                write!(f, "{} is in use by process {pid}: stop that gateway first, or give this one its own data folder", path.display())
            }
            Self::InUse { path, pid: None } => {
                write!(f, "{} is in use by another process: stop that gateway first, or give this one its own data folder", path.display())
            }
            Self::Newer { path, found, known } => write!(
                f,
                "{} was written by a later version (format {found}, this one knows {known}) and was left untouched: install that version again",
                path.display()
            ),
            Self::Disk { path, source } => write!(f, "{}: {source}: check the card or disk", path.display()),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unwritable { source, .. } | Self::Disk { source, .. } => Some(source),
            Self::NotAFolder { .. } | Self::NoParent { .. } | Self::InUse { .. } | Self::Newer { .. } => None,
        }
    }
}
