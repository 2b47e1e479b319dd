//! Whether the configuration is another than at the last start: told in the log, so that whoever looks for the day on which
//! something changed finds it.
//!
//! One line in a file beside the stores, written when it changes. A cache: without it a change goes untold, nothing else.

use std::io::{self, Read as _};
use std::path::Path;

/// Name of the file in the store's folder.
const FILE: &str = "config.sha256";
/// What is read of it: a SHA-256 in hexadecimal and a line feed.
const BYTES_MAX: u64 = 65;

/// Tells of a change since the last start, and notes what runs now.
pub fn note(dir: &Path, sha256: &str) {
    let path = dir.join(FILE);
    let before = read(&path).unwrap_or_default();
    if before.trim_end() == sha256 {
        return;
    }
    if !before.is_empty() {
        tracing::info!(before = before.trim_end(), now = sha256, "the configuration is another than at the last start");
    }
    if let Err(error) = write(&path, sha256) {
        tracing::warn!(path = %path.display(), %error, "which configuration runs is not noted; the next change of it is not told");
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn write(path: &Path, sha256: &str) -> io::Result<()> {
    let next = path.with_extension("next");
    std::fs::write(&next, format!("{sha256}\n"))?;
    std::fs::rename(&next, path)
}
