//! A destination for sites without a line: compressed line protocol in files that somebody carries away.
//!
//! ```text
//! NAME.part                            being written; a valid file after every request
//! NAME-20260901T080000Z-000.lp.gz      full or old enough, never touched again: a request is a gzip member, the file their sequence
//! ```
//! A request is stored when it is on flash. Never deletes a file and never takes the file system below its floor: when
//! there is no room, or as many files as may be, it waits, and what waits is in the store.

use super::NotReady;
use super::outcome::Outcome;
use crate::store::{Disk, RealDisk};
use bytes::Bytes;
use facility_config::site;
use flate2::bufread::GzDecoder;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Files that can have the same second in their names.
const SAME_SECOND_MAX: u32 = 1_000;
const END: &str = ".lp.gz";

/// The folder of one destination.
#[derive(Debug, Clone)]
pub struct Files {
    settings: site::Files,
    name: String,
}

impl Files {
    /// Makes the folder, if only its last part is missing, and cuts off what a power cut left half written.
    ///
    /// # Errors
    /// [`NotReady::Folder`] in words for the technician.
    pub fn open(settings: &site::Files, name: &str) -> Result<Self, NotReady> {
        let files = Self { settings: settings.clone(), name: name.to_owned() };
        let wrong = |error: io::Error| NotReady::Folder { dir: settings.dir.clone(), why: error.to_string() };
        match fs::create_dir(&settings.dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(wrong(error)),
            _ => {}
        }
        if mend(&files.part()).map_err(wrong)? == Mended::Damaged {
            files.put_aside().map_err(wrong)?;
        }
        Ok(files)
    }

    /// Writes a compressed request through to flash. Blocks.
    #[must_use]
    pub fn send(&self, body: &Bytes, now_ms: i64) -> Outcome {
        match self.keep(body, now_ms) {
            Ok(None) => Outcome::Stored,
            Ok(Some(why)) => Outcome::Hold { why, token: false },
            Err(error) => Outcome::unanswered(format!("{}: {error}", self.settings.dir.display())),
        }
    }

    /// Why nothing was written, if a person has to act.
    fn keep(&self, body: &Bytes, now_ms: i64) -> io::Result<Option<String>> {
        let (dir, part) = (&self.settings.dir, self.part());
        let free_bytes = RealDisk.free_bytes(dir)?;
        if free_bytes < self.settings.free_bytes_min.saturating_add(body.len() as u64) {
            return Ok(Some(format!("{} has only {free_bytes} bytes free; take files away", dir.display())));
        }
        let mut held = fs::metadata(&part).map_or(0, |meta| meta.len());
        if held >= self.settings.file_bytes_max || held > 0 && self.is_old(&part, now_ms) {
            // Full: it could not be done when it became so.
            self.turn(now_ms)?;
            held = 0;
        }
        if held == 0 && self.full_files()? >= self.settings.files_max {
            return Ok(Some(format!("{} holds {} files, no more may be; take them away", dir.display(), self.settings.files_max)));
        }
        let mut file = OpenOptions::new().create(true).append(true).mode(0o640).open(&part)?;
        if let Err(error) = file.write_all(body).and_then(|()| file.sync_data()) {
            // Half a member would spoil what comes behind it.
            file.set_len(held)?;
            return Err(error);
        }
        if held == 0 {
            RealDisk.sync_dir(dir)?;
        }
        if held.saturating_add(body.len() as u64) >= self.settings.file_bytes_max
            && let Err(error) = self.turn(now_ms)
        {
            // What was to be written is on the disk: not a reason to write it again.
            tracing::warn!(file = %part.display(), %error, "a full file keeps its name for now");
        }
        Ok(None)
    }

    /// Whether a file has been written to for so long that somebody may want to carry it away. A file system that does not
    /// say when a file was made has files that end by their size only; one of another clock's future is not old.
    fn is_old(&self, part: &Path, now_ms: i64) -> bool {
        let made = fs::metadata(part).and_then(|meta| meta.created()).ok();
        let made_ms = made.and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok()).map(|age| age.as_millis());
        let age_ms = made_ms.and_then(|made| now_ms.checked_sub(i64::try_from(made).ok()?));
        age_ms.and_then(|age| u128::try_from(age).ok()).is_some_and(|age| age >= self.settings.file_age_max.as_millis())
    }

    /// Gives a full file its name.
    fn turn(&self, now_ms: i64) -> io::Result<()> {
        fs::rename(self.part(), self.next_name(now_ms)?)?;
        RealDisk.sync_dir(&self.settings.dir)
    }

    /// Keeps a file that is damaged somewhere, whole: what is behind the damage may still be read, and was told to be stored.
    fn put_aside(&self) -> io::Result<()> {
        let mut names = (0..SAME_SECOND_MAX).map(|nth| self.settings.dir.join(format!("{}-damaged-{nth:03}{END}", self.name)));
        let free = names.find(|path| !path.exists());
        let aside = free.ok_or_else(|| io::Error::new(io::ErrorKind::AlreadyExists, "too many damaged files; take them away"))?;
        tracing::warn!(file = %aside.display(), "a file that was being written is damaged; it is kept as it is");
        fs::rename(self.part(), aside)?;
        RealDisk.sync_dir(&self.settings.dir)
    }

    fn part(&self) -> PathBuf {
        self.settings.dir.join(format!("{}.part", self.name))
    }

    fn full_files(&self) -> io::Result<u64> {
        let names = RealDisk.list(&self.settings.dir)?;
        Ok(names.iter().filter(|file| is_full_file(file, &self.name)).count() as u64)
    }

    fn next_name(&self, now_ms: i64) -> io::Result<PathBuf> {
        let at = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut names = (0..SAME_SECOND_MAX).map(|nth| self.settings.dir.join(format!("{}-{at}-{nth:03}{END}", self.name)));
        let free = names.find(|path| !path.exists());
        free.ok_or_else(|| io::Error::new(io::ErrorKind::AlreadyExists, "too many files of one second"))
    }
}

/// Whether a file is a full one of this destination, not of another one whose name begins alike.
fn is_full_file(file: &str, destination: &str) -> bool {
    let inner = file.strip_prefix(destination).and_then(|rest| rest.strip_prefix('-')).and_then(|rest| rest.strip_suffix(END));
    let Some((when, nth)) = inner.and_then(|inner| inner.rsplit_once('-')) else { return false };
    let is_time = when.len() == 16 && when.ends_with('Z') && when.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'T' | b'Z'));
    (is_time || when == "damaged") && !nth.is_empty() && nth.bytes().all(|byte| byte.is_ascii_digit())
}

/// What was found in a file that was being written.
#[derive(Debug, PartialEq, Eq)]
enum Mended {
    /// It can be continued.
    Whole,
    /// It does not end in the middle of a request, but something in it cannot be read.
    Damaged,
}

/// Cuts a file of gzip members behind the last whole one, if all that is wrong is that it ends too early.
fn mend(part: &Path) -> io::Result<Mended> {
    let file = match File::open(part) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Mended::Whole),
        file => file?,
    };
    let len = file.metadata()?.len();
    let (mut whole, mut rest) = (0, BufReader::new(file));
    while whole < len {
        let mut member = GzDecoder::new(&mut rest);
        match io::copy(&mut member.by_ref(), &mut io::sink()) {
            Ok(_) => whole = rest.stream_position()?,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => return Ok(Mended::Damaged),
            // The medium does not give it just now: nothing is known about it.
            Err(error) => return Err(error),
        }
    }
    if whole < len {
        tracing::warn!(file = %part.display(), bytes = len - whole, "half a request is cut off; it is written again");
        let file = OpenOptions::new().write(true).open(part)?;
        file.set_len(whole)?;
        file.sync_data()?;
    }
    if whole == 0 {
        // A file without a member is no gzip file.
        fs::remove_file(part)?;
    }
    Ok(Mended::Whole)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
