//! Keeps lines that the database refused for good, with its reason, on disk.
//!
//! A comment with time and reason in front of each line: the file is itself line protocol, so that it can be mended
//! and sent again. Two files, the newer at most half of [`DEAD_LETTER_BYTES_MAX`]; the older one goes when that is full.

use facility_config::limits::DEAD_LETTER_BYTES_MAX;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Newer file.
const NEWER: &str = "dead-letter.lp";
/// Older file.
const OLDER: &str = "dead-letter.1.lp";

/// A refused line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// When it was refused, Unix ms.
    pub at_ms: i64,
    /// What the database said, on one line.
    pub why: String,
    /// The line, without its line feed.
    pub line: String,
}

/// The file of refused lines.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    dir: PathBuf,
    bytes_max: u64,
}

impl DeadLetters {
    /// Makes the directory if it is missing.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned(), bytes_max: DEAD_LETTER_BYTES_MAX })
    }

    /// Writes a letter through to the disk. Blocks.
    ///
    /// # Errors
    /// As the file system says; the letter may then be missing or cut off.
    pub fn keep(&self, letter: &Letter) -> io::Result<()> {
        let text = render(letter);
        let newer = self.dir.join(NEWER);
        let held = fs::metadata(&newer).map_or(0, |meta| meta.len());
        if held > 0 && held.saturating_add(text.len() as u64) > self.bytes_max / 2 {
            fs::rename(&newer, self.dir.join(OLDER))?;
        }
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&newer)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        File::open(&self.dir)?.sync_all()
    }
}

fn render(letter: &Letter) -> String {
    let at = jiff::Timestamp::from_millisecond(letter.at_ms).map_or_else(|_| letter.at_ms.to_string(), |at| at.to_string());
    // An empty line first: a letter that a power cut broke off does not swallow the next one.
    format!("\n# {at} {}\n{}\n", letter.why, letter.line)
}

#[cfg(test)]
#[path = "dead_letter_tests.rs"]
mod tests;
