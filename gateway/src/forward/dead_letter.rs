//! Keeps lines that a database refused for good, with its reason, on disk: a pair of files for each destination.
//!
//! A comment with time and reason in front of each line: the file is itself line protocol, so that it can be mended
//! and sent again. Two files, the newer at most half of [`DEAD_LETTER_BYTES_MAX`]; the older one goes when that is full.

use facility_config::limits::DEAD_LETTER_BYTES_MAX;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What every file of refused lines begins and ends with.
const BEGIN: &str = "dead-letter";
const END: &str = ".lp";
/// The destination whose files have no name in them, as in versions that knew only one.
const MAIN: &str = "main";

/// Files of refused lines in a directory, of all destinations, the older of each first.
///
/// # Errors
/// As the file system says; a directory that is not there holds none.
pub fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(BEGIN) && name.ends_with(END) {
            found.push(dir.join(name));
        }
    }
    // "x.1.lp" stands before "x.lp".
    found.sort();
    Ok(found)
}

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
    /// Names of the newer and the older file.
    names: [String; 2],
    bytes_max: u64,
}

impl DeadLetters {
    /// Makes the directory if it is missing.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(dir: &Path, destination: &str) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let begin = if destination == MAIN { BEGIN.to_owned() } else { format!("{BEGIN}-{destination}") };
        let names = [format!("{begin}{END}"), format!("{begin}.1{END}")];
        Ok(Self { dir: dir.to_owned(), names, bytes_max: DEAD_LETTER_BYTES_MAX })
    }

    /// Writes a letter through to the disk. Blocks.
    ///
    /// # Errors
    /// As the file system says; the letter may then be missing or cut off.
    pub fn keep(&self, letter: &Letter) -> io::Result<()> {
        let text = render(letter);
        let [newer, older] = &self.names;
        let (newer, older) = (self.dir.join(newer), self.dir.join(older));
        let held = fs::metadata(&newer).map_or(0, |meta| meta.len());
        if held > 0 && held.saturating_add(text.len() as u64) > self.bytes_max / 2 {
            fs::rename(&newer, older)?;
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
