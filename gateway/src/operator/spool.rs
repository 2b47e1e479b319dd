//! Commands on disk: `ID.json` waits for the gateway, `taken/ID.json` is being done, `refused/ID.json` was refused. Blocks.
//!
//! A running gateway and a command of the shell work on the folder without a lock: a file is only ever renamed to its name
//! when it is whole; either the gateway takes it, or whoever left it takes it back, and what is taken only the gateway removes. Names that could lead elsewhere, and what is no plain file, are no commands.
//! Bounded by [`FILE_BYTES_MAX`] of each and [`REFUSED_MAX`] that were refused.

use super::wish::Refusal;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Longest file that is read.
const FILE_BYTES_MAX: u64 = 4096;
/// Refused commands that are kept, the newest.
const REFUSED_MAX: usize = 64;

/// The folders.
#[derive(Debug, Clone)]
pub struct Spool {
    dir: PathBuf,
    taken: PathBuf,
    refused: PathBuf,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It waits.
    Waiting,
    /// The gateway does it; it is not durable yet.
    Taken,
    /// It is done, and durable.
    Done,
    /// It was refused.
    Refused(Refusal),
}

/// A command that was refused.
#[derive(Debug, Serialize, Deserialize)]
struct Refused {
    reason: Refusal,
    /// The file as it was.
    text: String,
}

impl Spool {
    /// The folders in one; nothing is made yet.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), taken: dir.join("taken"), refused: dir.join("refused") }
    }

    /// Makes the folders, closed to everybody else.
    ///
    /// # Errors
    /// As the file system says.
    pub fn make(&self) -> io::Result<()> {
        for dir in [&self.dir, &self.taken, &self.refused] {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
            fs::set_permissions(dir, Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    /// Leaves a command for the gateway, as a file of the folder's owner, and says its name.
    ///
    /// # Errors
    /// As the file system says; `NotFound` if no gateway has made the folder.
    pub fn put(&self, wish: &impl Serialize, now_ms: i64) -> io::Result<String> {
        let moment = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default().strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        let id = format!("{moment}-{}", std::process::id()).replace('.', "");
        let fresh = self.dir.join(format!(".{id}.new"));
        self.fill(&fresh, wish).and_then(|()| fs::rename(&fresh, self.path(&id)?)).inspect_err(|_| drop(fs::remove_file(&fresh)))?;
        Ok(id)
    }

    fn fill(&self, fresh: &Path, wish: &impl Serialize) -> io::Result<()> {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(fresh)?;
        file.write_all(&serde_json::to_vec_pretty(wish)?)?;
        let (about, folder) = (file.metadata()?, fs::metadata(&self.dir)?);
        // What an administrator leaves is to be read by the gateway's own user.
        // By the open file: the name may stand for another one by now.
        if about.uid() != folder.uid() { fchown(&file, Some(folder.uid()), Some(folder.gid())) } else { Ok(()) }
    }

    /// Names of the commands that are to be done, the oldest first: also those that were taken before and did not become
    /// durable.
    ///
    /// # Errors
    /// As the file system says.
    pub fn ids(&self) -> io::Result<Vec<String>> {
        let mut ids = names(&self.taken)?;
        ids.extend(names(&self.dir)?);
        ids.sort_unstable();
        Ok(ids)
    }

    /// Takes a command: from here on it cannot be taken back.
    ///
    /// # Errors
    /// As the file system says; `NotFound` if it was taken back.
    pub fn take(&self, id: &str) -> io::Result<()> {
        match fs::rename(self.path(id)?, self.taken(id)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.taken(id)?.try_exists()? => Ok(()),
            renamed => renamed,
        }
    }

    /// Text of a command that was taken.
    ///
    /// # Errors
    /// As the file system says, and `InvalidData` for what is no plain file of the folder's owner, or too long for a command.
    pub fn read(&self, id: &str) -> io::Result<Vec<u8>> {
        // Not through a link, and without waiting for the other end of a pipe.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(self.taken(id)?)?;
        let (about, owner) = (file.metadata()?, fs::metadata(&self.dir)?);
        if !about.is_file() || about.len() > FILE_BYTES_MAX || about.uid() != owner.uid() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        read(file)
    }

    /// Removes a command that is done.
    ///
    /// # Errors
    /// As the file system says; one that has gone is no error.
    pub fn remove(&self, id: &str) -> io::Result<()> {
        removed(&self.taken(id)?).map(drop)
    }

    /// Removes a command that nobody has taken; false if somebody has.
    ///
    /// # Errors
    /// As the file system says.
    pub fn take_back(&self, id: &str) -> io::Result<bool> {
        removed(&self.path(id)?)
    }

    /// Moves a command that was taken aside, with the reason.
    ///
    /// # Errors
    /// As the file system says; it then waits again.
    pub fn refuse(&self, id: &str, reason: Refusal) -> io::Result<()> {
        let text = self.read(id).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
        let fresh = self.refused.join(format!(".{id}.new"));
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(&Refused { reason, text })?)?;
        fs::rename(&fresh, self.refused.join(format!("{id}.json")))?;
        self.remove(id)?;
        let ids = names(&self.refused)?;
        ids.iter().take(ids.len().saturating_sub(REFUSED_MAX)).try_for_each(|id| fs::remove_file(self.refused.join(format!("{id}.json"))))
    }

    /// What became of a command that was left here.
    ///
    /// # Errors
    /// As the file system says.
    pub fn fate(&self, id: &str) -> io::Result<Fate> {
        if self.path(id)?.try_exists()? {
            return Ok(Fate::Waiting);
        }
        if self.taken(id)?.try_exists()? {
            return Ok(Fate::Taken);
        }
        match File::open(self.refused.join(format!("{id}.json"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Fate::Done),
            Err(error) => Err(error),
            Ok(file) => {
                Ok(Fate::Refused(serde_json::from_slice::<Refused>(&read(file)?).map_or(Refusal::NoCommand, |refused| refused.reason)))
            }
        }
    }

    fn path(&self, id: &str) -> io::Result<PathBuf> {
        file(&self.dir, id)
    }

    fn taken(&self, id: &str) -> io::Result<PathBuf> {
        file(&self.taken, id)
    }
}

fn file(dir: &Path, id: &str) -> io::Result<PathBuf> {
    if is_id(id) { Ok(dir.join(format!("{id}.json"))) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Removes a file; false if it has gone.
fn removed(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true),
    }
}

fn read(file: File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    // A refused one has its text with every byte escaped.
    file.take(8 * FILE_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}

fn is_id(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // A folder, a link or a pipe of such a name is no file to be read.
        let name = if entry.file_type()?.is_file() { entry.file_name() } else { continue };
        ids.extend(name.to_str().and_then(|name| name.strip_suffix(".json")).filter(|id| is_id(id)).map(str::to_owned));
    }
    ids.sort_unstable();
    Ok(ids)
}
