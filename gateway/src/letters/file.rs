//! Letters on disk: `messages/ID.json` kept, `replay/ID.json` waiting to be decoded again. Blocks; never waits for a sync, for
//! a letter that a power cut takes is no loss of data.
//!
//! A running gateway and a command work on the same folders without a lock: a letter is only ever created, renamed from one
//! folder to the other, or removed, and each of these is one step of the file system.

use facility_config::limits::{FREE_TEXT_DIGITS_MAX, LETTER_BYTES_MAX};
use facility_config::profile::Dialect;
use facility_config::{Device, Site, Source};
use facility_drivers::heard::Letter;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Most that a letter's file can hold: its body with every byte escaped, and what is around it.
const FILE_BYTES_MAX: u64 = 6 * LETTER_BYTES_MAX as u64 + 16 * 1024;
/// Longest topic that is kept, bytes; MQTT allows 65 535, and no model's is near this.
const TOPIC_BYTES_MAX: usize = 256;
/// Letters of one second that get a name.
const PER_SECOND_MAX: u32 = 10_000;

/// A letter as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Time of receipt, Unix ms.
    pub at_ms: i64,
    /// Name of the broker.
    pub broker: String,
    /// Topic; levels that may be personal are masked, and what is longer than 256 bytes is cut.
    pub topic: String,
    /// Id of the device, if that was known.
    pub device: Option<String>,
    /// Label of the reason it was refused for; see [`Fault`](facility_drivers::Fault).
    pub reason: String,
    /// Its size as it came, bytes.
    pub bytes: usize,
    /// Whether `body` and `topic` are the whole message, so that it can be decoded again.
    pub is_whole: bool,
    /// What may be kept of its body.
    pub body: String,
}

impl Kept {
    /// A letter with the names of its site.
    #[must_use]
    pub fn of(site: &Site, letter: Letter) -> Self {
        let device = letter.device.and_then(|ix| site.device(ix));
        let mut topic = harmless_topic(site, device, &letter.topic);
        topic.truncate((0..=TOPIC_BYTES_MAX).rev().find(|at| topic.is_char_boundary(*at)).unwrap_or(0));
        Self {
            at_ms: letter.at_ms,
            broker: letter.broker.into(),
            is_whole: letter.is_whole && topic == *letter.topic,
            topic,
            device: device.map(|device| device.id.to_string()),
            reason: letter.fault.label().to_owned(),
            bytes: letter.bytes,
            body: letter.body,
        }
    }
}

/// A topic without levels that may be personal: those that hold many digits and are not of the configuration.
fn harmless_topic(site: &Site, device: Option<&Device>, topic: &str) -> String {
    let topic_id = device.and_then(|device| match &device.source {
        Source::Mqtt { topic_id, .. } => Some(&**topic_id),
        _ => None,
    });
    let templates: Vec<&str> = match device.and_then(|device| device.profile.as_ref()).map(|profile| &profile.dialect) {
        Some(Dialect::Mqtt(map)) => map.messages.iter().map(|message| &*message.topic).collect(),
        _ => Vec::new(),
    };
    // The whole level: a short id is in many a number.
    let is_of = |declared: &str, level: &str| declared == level || topic_id.is_some_and(|id| declared.replace("{device}", id) == level);
    let is_declared = |at: usize, level: &str| {
        level == &*site.gateway.site
            || topic_id == Some(level)
            || templates.iter().filter_map(|template| template.split('/').nth(at)).any(|declared| is_of(declared, level))
    };
    let digits = |level: &str| level.chars().filter(|char| char.is_numeric()).count();
    let shown = topic
        .split('/')
        .enumerate()
        .map(|(at, level)| if digits(level) <= FREE_TEXT_DIGITS_MAX || is_declared(at, level) { level } else { "…" });
    shown.collect::<Vec<_>>().join("/")
}

/// Where a letter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Kept for a person.
    Person,
    /// To be decoded again by the gateway.
    Replay,
}

/// The folders of letters.
#[derive(Debug, Clone)]
pub struct Shelf {
    messages: PathBuf,
    replay: PathBuf,
}

impl Shelf {
    /// The folders in a folder of dead letters; nothing is made yet.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { messages: dir.join("messages"), replay: dir.join("replay") }
    }

    /// Makes the folders.
    ///
    /// # Errors
    /// As the file system says.
    pub fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.messages)?;
        fs::create_dir_all(&self.replay)
    }

    /// Free space of the file system, bytes.
    ///
    /// # Errors
    /// As the file system says.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.messages)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Keeps a letter under a new name.
    ///
    /// # Errors
    /// As the file system says; nothing is left of it then.
    pub fn put(&self, letter: &Kept) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(letter)?;
        let moment = jiff::Timestamp::from_millisecond(letter.at_ms).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
        for nth in 0..PER_SECOND_MAX {
            let path = self.messages.join(format!("{moment}-{nth:04}.json"));
            let mut file = match OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            return file.write_all(&text).inspect_err(|_| drop(fs::remove_file(&path)));
        }
        Err(io::Error::other("too many in one second"))
    }

    /// Removes the oldest letters kept for a person beyond so many.
    ///
    /// # Errors
    /// As the file system says.
    pub fn trim(&self, letters_max: usize) -> io::Result<()> {
        let ids = names(&self.messages)?;
        ids.iter().take(ids.len().saturating_sub(letters_max)).try_for_each(|id| self.remove(Waiting::Person, id))
    }

    /// Letters in all, and those of them that wait to be decoded again.
    ///
    /// # Errors
    /// As the file system says.
    pub fn count(&self) -> io::Result<(usize, usize)> {
        let waiting = names(&self.replay)?.len();
        Ok((names(&self.messages)?.len() + waiting, waiting))
    }

    /// Names of the letters, the oldest first; a folder that is not there has none.
    ///
    /// # Errors
    /// As the file system says.
    pub fn ids(&self, waiting: Waiting) -> io::Result<Vec<String>> {
        names(self.dir(waiting))
    }

    /// Reads a letter.
    ///
    /// # Errors
    /// As the file system says, and `InvalidData` for a file that is none.
    pub fn read(&self, waiting: Waiting, id: &str) -> io::Result<Kept> {
        let mut text = Vec::new();
        fs::File::open(self.path(waiting, id)?)?.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
        // The words of the parser may hold what it stumbled over.
        serde_json::from_slice(&text).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is damaged"))
    }

    /// Hands a letter to the gateway, to be decoded again.
    ///
    /// # Errors
    /// As the file system says.
    pub fn to_replay(&self, id: &str) -> io::Result<()> {
        fs::rename(self.path(Waiting::Person, id)?, self.path(Waiting::Replay, id)?)
    }

    /// Takes a letter back as it is.
    ///
    /// # Errors
    /// As the file system says.
    pub fn from_replay(&self, id: &str) -> io::Result<()> {
        fs::rename(self.path(Waiting::Replay, id)?, self.path(Waiting::Person, id)?)
    }

    /// Puts a letter back for a person, with the reason it was refused for this time.
    ///
    /// # Errors
    /// As the file system says; it then still waits.
    pub fn put_back(&self, id: &str, letter: &Kept) -> io::Result<()> {
        let (from, to) = (self.path(Waiting::Replay, id)?, self.path(Waiting::Person, id)?);
        let next = self.messages.join(format!(".{id}.next"));
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
        file.write_all(&serde_json::to_vec_pretty(letter)?)?;
        fs::rename(&next, &to)?;
        fs::remove_file(from)
    }

    /// Removes a letter.
    ///
    /// # Errors
    /// As the file system says.
    pub fn remove(&self, waiting: Waiting, id: &str) -> io::Result<()> {
        fs::remove_file(self.path(waiting, id)?)
    }

    fn dir(&self, waiting: Waiting) -> &Path {
        match waiting {
            Waiting::Person => &self.messages,
            Waiting::Replay => &self.replay,
        }
    }

    /// A name that could lead out of the folder is that of no letter.
    fn path(&self, waiting: Waiting, id: &str) -> io::Result<PathBuf> {
        if !is_id(id) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(self.dir(waiting).join(format!("{id}.json")))
    }
}

fn is_id(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        ids.extend(name.to_str().and_then(|name| name.strip_suffix(".json")).filter(|id| is_id(id)).map(str::to_owned));
    }
    ids.sort_unstable();
    Ok(ids)
}
