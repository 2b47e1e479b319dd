//! The writer of one device's log. Appends, never edits: what is wrong or late gets a record of its own.
//!
//! A torn last line, of a write that a power cut ended, is cut off; everything that was synced stays as it is. Where the
//! chain stands is read from its own end, so the log needs no other file to go on exactly where it was. A month that is
//! older than what is to be kept is deleted knowingly: first the record that says so, then the file.

use super::files;
use super::hour::Figures;
use super::record::{self, FIRST, Month, Record};
use crate::store::Seq;
use facility_config::Device;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An hour to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Start of the hour, Unix ms.
    pub hour_ms: i64,
    /// What is to be said of it.
    pub what: What,
}

/// What is to be said of an hour.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// It has closed: its figures, and whether readings of that time are known to be lost.
    Closed(Figures, bool),
    /// It closed before, something came late for it, and this is computed from all that was ever known of it.
    Again(Figures),
    /// The same, of an hour before this log of readings began: it must not take the place of what an older log knew.
    First(Figures),
    /// Something came late that cannot be counted: the log of readings no longer holds all of that time.
    Unread,
}

impl What {
    fn is_late(&self) -> bool {
        !matches!(self, Self::Closed(..))
    }
}

/// The log of one device, open for writing.
#[derive(Debug)]
pub struct Chain {
    dir: PathBuf,
    months: Vec<Month>,
    /// Bytes of the newest month that are whole lines.
    bytes: u64,
    tail: Tail,
}

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Hash of the newest record, `first` if there is none.
    pub hash: String,
    /// Records so far.
    pub n: u64,
    /// Position of the readings log that the newest record covers.
    pub upto: Seq,
    /// Start of the newest hour that was recorded when it closed, Unix ms.
    pub hour_ms: Option<i64>,
    /// Hours at that position: whether they were late, and their starts.
    written: BTreeSet<(bool, i64)>,
    /// Month that the newest record says is deleted.
    removed: Option<Month>,
}

impl Default for Tail {
    fn default() -> Self {
        Self { hash: FIRST.to_owned(), n: 0, upto: 0, hour_ms: None, written: BTreeSet::new(), removed: None }
    }
}

impl Tail {
    fn take(&mut self, record: &Record) {
        let link = record.link();
        if link.upto != self.upto {
            self.written.clear();
        }
        (self.hash, self.n, self.upto) = (link.hash.clone(), link.n, link.upto);
        self.removed = None;
        match record {
            Record::Hour(hour) => {
                self.hour_ms = Some(hour.hour_ms);
                self.written.insert((false, hour.hour_ms));
            }
            Record::Revision(hour) => drop(self.written.insert((true, hour.hour_ms))),
            Record::LateUnread(unread) => drop(self.written.insert((true, unread.hour_ms))),
            Record::Removed(removed) => self.removed = Month::parse(&removed.month),
        }
    }
}

impl Chain {
    /// Opens the log of a device in the folder of all; it need not be there. Cuts off a torn last line.
    ///
    /// # Errors
    /// The folder cannot be read or the file not be cut.
    pub fn open(root: &Path, device: &str) -> io::Result<Self> {
        let dir = root.join(device);
        let months = files::months(&dir)?;
        let mut chain = Self { dir, months, bytes: 0, tail: Tail::default() };
        // Hours that closed at one record of the log may lie on both sides of a month's end.
        for at in chain.months.len().saturating_sub(2)..chain.months.len() {
            chain.bytes = chain.read_tail(chain.months[at])?;
        }
        if let Some(month) = chain.months.last() {
            let file = OpenOptions::new().write(true).open(files::path(&chain.dir, *month))?;
            if file.metadata()?.len() > chain.bytes {
                file.set_len(chain.bytes)?;
                file.sync_all()?;
            }
        }
        chain.delete_removed()?;
        Ok(chain)
    }

    /// The end of the chain.
    #[must_use]
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Whether an hour that closed at this position of the readings log is recorded already.
    #[must_use]
    pub fn covers(&self, upto: Seq, is_late: bool, hour_ms: i64) -> bool {
        upto < self.tail.upto || upto == self.tail.upto && self.tail.written.contains(&(is_late, hour_ms))
    }

    /// Forgets which part of the readings log is covered: it is another log.
    pub fn forget_position(&mut self) {
        self.tail.upto = 0;
        self.tail.written.clear();
    }

    /// Whether its records are of another log of readings than the one that is followed.
    #[must_use]
    pub fn is_of_older_log(&self) -> bool {
        self.tail.n > 0 && self.tail.upto == 0
    }

    /// Records hours that closed at this position, durably; those that are recorded already are left out. After an error
    /// the chain has to be opened anew.
    ///
    /// # Errors
    /// Nothing can be written.
    pub fn append(&mut self, device: &Device, upto: Seq, entries: &[Entry], keep_months: u16) -> io::Result<()> {
        let mut text = String::new();
        for entry in entries {
            let is_late = entry.what.is_late();
            if self.covers(upto, is_late, entry.hour_ms) {
                continue;
            }
            let newest = self.months.last().copied();
            let month = newest.map_or(Month::of(entry.hour_ms), |newest| newest.max(Month::of(entry.hour_ms)));
            // An older record of this hour can only be there if it comes late, or after the clock was set back.
            let is_again = is_late || self.tail.hour_ms.is_some_and(|newest_ms| entry.hour_ms <= newest_ms);
            if is_again || newest != Some(month) {
                self.write(&mut text)?;
            }
            if newest != Some(month) {
                self.begin(month)?;
            }
            let before = if is_again { self.newest_of(entry.hour_ms)? } else { Before::default() };
            if let Some(body) = body(device, entry, &before) {
                self.add(&body, upto, &mut text);
            }
            if newest != Some(month) {
                self.write(&mut text)?;
                self.remove_before(&device.id, month.before(keep_months), upto)?;
            }
        }
        self.write(&mut text)
    }

    fn add(&mut self, body: &str, upto: Seq, text: &mut String) {
        let (line, _) = record::sealed(body, self.tail.n + 1, upto, &self.tail.hash);
        if let Some(record) = Record::parse(line.trim_end()) {
            self.tail.take(&record);
        }
        text.push_str(&line);
    }

    /// Writes whole lines to the end of the newest month and waits until they are durable.
    fn write(&mut self, text: &mut String) -> io::Result<()> {
        let Some(month) = self.months.last().filter(|_| !text.is_empty()) else { return Ok(()) };
        let mut file = OpenOptions::new().append(true).open(files::path(&self.dir, *month))?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        self.bytes += text.len() as u64;
        text.clear();
        Ok(())
    }

    fn begin(&mut self, month: Month) -> io::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        File::create_new(files::path(&self.dir, month))?.sync_all()?;
        for dir in [Some(&*self.dir), self.dir.parent()].into_iter().flatten() {
            File::open(dir)?.sync_all()?;
        }
        self.months.push(month);
        self.bytes = 0;
        Ok(())
    }

    /// Deletes months before this one, and says so first.
    fn remove_before(&mut self, device: &str, first_kept: Month, upto: Seq) -> io::Result<()> {
        while let Some(oldest) = self.months.first().copied().filter(|oldest| *oldest < first_kept) {
            let mut last = None;
            files::lines(&files::path(&self.dir, oldest), |_, line| {
                last = std::str::from_utf8(line).ok().and_then(|line| Record::parse(line.trim_end())).or(last.take());
            })?;
            let last = last.map_or("unknown".to_owned(), |record| record.link().hash.clone());
            let mut text = String::new();
            self.add(&record::removed_body(device, oldest, &last), upto, &mut text);
            self.write(&mut text)?;
            self.delete_removed()?;
        }
        Ok(())
    }

    /// Deletes the month that the newest record says is deleted, if it is still there.
    fn delete_removed(&mut self) -> io::Result<()> {
        let Some(month) = self.tail.removed.filter(|month| self.months.first() == Some(month) && self.months.len() > 1) else {
            return Ok(());
        };
        std::fs::remove_file(files::path(&self.dir, month))?;
        File::open(&self.dir)?.sync_all()?;
        self.months.remove(0);
        Ok(())
    }

    /// What is recorded of an hour.
    fn newest_of(&self, hour_ms: i64) -> io::Result<Before> {
        let (mut found, first) = (Before::default(), Month::of(hour_ms));
        let mark = format!("\"hour\":\"{}\"", record::utc(hour_ms));
        for month in self.months.iter().filter(|month| **month >= first) {
            files::lines(&files::path(&self.dir, *month), |_, line| {
                let line = std::str::from_utf8(line).unwrap_or_default();
                match line.contains(&mark).then(|| Record::parse(line.trim_end())).flatten() {
                    Some(Record::Hour(hour) | Record::Revision(hour)) => found.newest = Some((hour.link.hash, hour.rev)),
                    Some(Record::LateUnread(_)) => found.is_unread = true,
                    Some(Record::Removed(_)) | None => {}
                }
            })?;
        }
        Ok(found)
    }

    /// Takes in a month; returns how many of its bytes are lines with an end. A line that was damaged later stays where it
    /// is: the chain goes on behind the last readable one, and whoever verifies it sees that.
    fn read_tail(&mut self, month: Month) -> io::Result<u64> {
        let (mut read, mut bytes, tail) = (0, 0, &mut self.tail);
        files::lines(&files::path(&self.dir, month), |_, line| {
            read += line.len() as u64;
            let Some(text) = line.strip_suffix(b"\n") else { return };
            bytes = read;
            if let Some(record) = std::str::from_utf8(text).ok().filter(|_| record::is_whole(text)).and_then(Record::parse) {
                tail.take(&record);
            }
        })?;
        Ok(bytes)
    }
}

/// What a chain has of an hour already.
#[derive(Debug, Default)]
struct Before {
    /// Hash and revision of the newest record with figures.
    newest: Option<(String, u32)>,
    /// It says that something came late and was not counted.
    is_unread: bool,
}

/// What is recorded of an hour; `None` if the chain says it already. A record never knows less than one it supersedes.
fn body(device: &Device, entry: &Entry, before: &Before) -> Option<String> {
    let newest = before.newest.as_ref();
    match &entry.what {
        What::Closed(figures, gap) => Some(record::hour_body(device, entry.hour_ms, figures, *gap, false, newest)),
        What::First(_) | What::Unread if before.is_unread => None,
        What::Unread => Some(record::unread_body(device, entry.hour_ms)),
        What::First(_) if newest.is_some() => Some(record::unread_body(device, entry.hour_ms)),
        What::Again(figures) | What::First(figures) => Some(record::hour_body(device, entry.hour_ms, figures, false, true, newest)),
    }
}
