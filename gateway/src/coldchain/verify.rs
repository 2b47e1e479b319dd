//! Walks the log of a device and says what is whole, where it breaks, and how.
//!
//! A line that a power cut tore is told apart from one that was changed: it is the last of all, has no end, and nothing
//! stands behind it. Records that are missing at the very end leave no trace in the files; the hash that was sent once a
//! day tells whether they were there. Only reads; memory does not grow with the log.

use super::files;
use super::record::{self, FIRST, HASH, HASH_END, Record};
use facility_config::limits::COLDCHAIN_BREAKS_TOLD_MAX;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Verdict {
    /// Device id, the name of the folder.
    pub device: String,
    /// Lines that are whole and in their place.
    pub records: u64,
    /// Oldest and newest hour among them, local time.
    pub first: Option<String>,
    /// Newest.
    pub last: Option<String>,
    /// Hash of the newest record.
    pub head: Option<String>,
    /// Number of the newest record.
    pub n: u64,
    /// Months that were deleted as configured, and the log says so.
    pub removed: Vec<String>,
    /// Hours of which something came too late to be counted, as the log says.
    pub late_unread: u64,
    /// A torn last line: where.
    pub torn: Option<Spot>,
    /// Where the chain is broken, the oldest first.
    pub breaks: Vec<Break>,
    /// Breaks in all.
    pub broken: u64,
    /// Whether the hash that was asked for is in the chain.
    pub has_head: Option<bool>,
}

/// A place in the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Spot {
    /// File name, `2026-09.jsonl`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
}

/// One break.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Break {
    /// Where.
    #[serde(flatten)]
    pub spot: Spot,
    /// What is wrong there.
    pub what: What,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Its content and its hash do not go together.
    Changed,
    /// It is no record.
    NoRecord,
    /// It does not follow the line before: something was taken out, put in or moved.
    OutOfPlace,
    /// It is a record of another device.
    Foreign,
    /// What was before the first line is gone, and the log does not say that it was deleted.
    NoBeginning,
}

impl What {
    /// In words, English and Chinese.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Changed => "content and hash do not go together: the line was changed 内容与哈希不符，该行被改动",
            Self::NoRecord => "this is no record 不是有效记录",
            Self::OutOfPlace => "does not follow the line before: lines are missing, added or moved 与上一行不衔接，有记录缺失、插入或移动",
            Self::Foreign => "a record of another device 其他设备的记录",
            Self::NoBeginning => "the beginning of the chain is missing 链的开头缺失",
        }
    }
}

impl Verdict {
    /// Whether nothing is wrong. A torn last line alone is not.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.broken == 0 && self.has_head != Some(false)
    }
}

/// Walks the log of one device. `head` is a hash that should be in it.
///
/// # Errors
/// A file cannot be read.
pub fn verify(root: &Path, device: &str, head: Option<&str>) -> io::Result<Verdict> {
    let dir = root.join(device);
    let months = files::months(&dir)?;
    let newest = months.last().copied();
    let mut walk = Walk { device, head, ..Walk::default() };
    for month in months {
        walk.file = format!("{month}.jsonl");
        files::lines(&files::path(&dir, month), |number, line| walk.line(number, line, Some(month) == newest))?;
    }
    Ok(walk.finish())
}

#[derive(Default)]
struct Walk<'a> {
    device: &'a str,
    head: Option<&'a str>,
    file: String,
    /// Hash and number of the line before; of a damaged one what it says.
    before: Option<(String, u64)>,
    /// What the first line names as the one before it, and where it stands.
    beginning: Option<(String, Spot)>,
    /// Deleted months and their last hashes.
    removed: BTreeMap<String, String>,
    has_head: bool,
    verdict: Verdict,
}

impl Walk<'_> {
    fn line(&mut self, number: usize, line: &[u8], is_newest: bool) {
        let spot = Spot { file: self.file.clone(), line: number };
        if let Some(torn) = self.verdict.torn.take() {
            // Something stands behind it after all.
            self.broken(torn, What::NoRecord);
        }
        let Some(text) = line.strip_suffix(b"\n") else {
            if is_newest && may_be_torn(line) {
                self.verdict.torn = Some(spot);
            } else {
                self.broken(spot, What::NoRecord);
            }
            return;
        };
        let record = std::str::from_utf8(text).ok().and_then(Record::parse).filter(Record::is_known);
        let Some(record) = record else { return self.broken(spot, if record::is_whole(text) { What::NoRecord } else { What::Changed }) };
        let link = record.link();
        let what = match &self.before {
            _ if !record::is_whole(text) => Some(What::Changed),
            _ if record.device() != self.device => Some(What::Foreign),
            Some((hash, n)) if link.prev != *hash || link.n != n + 1 => Some(What::OutOfPlace),
            None if (link.prev == FIRST) != (link.n == 1) => Some(What::OutOfPlace),
            _ => None,
        };
        if self.before.is_none() {
            self.beginning = Some((link.prev.clone(), spot.clone()));
        }
        self.before = Some((link.hash.clone(), link.n));
        match what {
            Some(what) => self.broken(spot, what),
            None => self.take(&record),
        }
    }

    fn take(&mut self, record: &Record) {
        let (link, verdict) = (record.link(), &mut self.verdict);
        verdict.records += 1;
        verdict.head = Some(link.hash.clone());
        verdict.n = link.n;
        self.has_head |= self.head == Some(&*link.hash);
        match record {
            Record::Hour(hour) | Record::Revision(hour) => {
                verdict.first.get_or_insert_with(|| hour.local.clone());
                verdict.last = Some(hour.local.clone());
            }
            Record::Removed(removed) => {
                verdict.removed.push(removed.month.clone());
                self.removed.insert(removed.last.clone(), removed.month.clone());
            }
            Record::LateUnread(_) => verdict.late_unread += 1,
        }
    }

    fn broken(&mut self, spot: Spot, what: What) {
        self.verdict.broken += 1;
        if self.verdict.breaks.len() < COLDCHAIN_BREAKS_TOLD_MAX {
            self.verdict.breaks.push(Break { spot, what });
        }
    }

    fn finish(mut self) -> Verdict {
        if let Some((prev, spot)) = self.beginning.take()
            && prev != FIRST
            && !self.removed.contains_key(&prev)
        {
            self.broken(spot, What::NoBeginning);
        }
        let has_head = self.head.map(|_| self.has_head);
        Verdict { device: self.device.to_owned(), has_head, ..self.verdict }
    }
}

/// Whether a line without an end can be what a power cut left: the beginning of a record and nothing more.
fn may_be_torn(line: &[u8]) -> bool {
    // Once the hash has begun it is known where the line ends: only the line feed can be missing then, nothing be there instead.
    let end = line.windows(HASH.len()).position(|part| part == HASH.as_bytes()).map(|at| at + HASH_END);
    end.is_none_or(|end| line.len() < end || line.len() == end && record::is_whole(line))
}
