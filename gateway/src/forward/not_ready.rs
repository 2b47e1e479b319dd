//! Why a destination cannot be served, in words for the technician. None holds a secret.

use std::fmt;
use std::path::PathBuf;

/// Why the forwarder cannot start. Each says what to do next and none holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReady {
    /// The destination's `url` is no address that can be written to.
    Url {
        /// As configured.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The file with token or password cannot be used.
    Token {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// There is no certificate authority to believe.
    Roots {
        /// File or system store.
        source: String,
        /// What is wrong.
        why: String,
    },
    /// The directory for refused lines cannot be made.
    DeadLetter {
        /// The directory.
        dir: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The folder for files cannot be used.
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// There is nothing to reach the broker with yet: password or certificates.
    Broker(String),
    /// The HTTP client refused its settings.
    Client(String),
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, why } => write!(f, "address of the database: {url}: {why}"),
            Self::Token { file, why } => {
                write!(f, "file with the token or password: {}: {why}; put what the database asks for into it", file.display())
            }
            Self::Roots { source, why } => {
                write!(f, "TLS to the database: {source}: {why}; install ca-certificates or set ca_file")
            }
            Self::DeadLetter { dir, why } => {
                write!(f, "directory for refused lines: {}: {why}; check its owner and free space", dir.display())
            }
            Self::Folder { dir, why } => {
                write!(f, "folder for files: {}: {why}; is the stick there, and may the gateway write to it?", dir.display())
            }
            Self::Broker(why) => write!(f, "connection to the broker: {why}"),
            Self::Client(why) => write!(f, "connection to the database: {why}"),
        }
    }
}

impl std::error::Error for NotReady {}
