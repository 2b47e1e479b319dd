//! The archive of days: what each device's figures of a local day were made of, for ever. Months, quarters and years are
//! sums of it, so that no lost snapshot, no new version and no other window length costs one.
//!
//! ```text
//! figures/2026-11.days   tables (sheet.rs) in frames (file.rs); a day adds frames, and so does each of its revisions
//! ```
//! Eight days after its end a month cannot change any more and is written anew without what was overtaken: about 25 bytes
//! for a device and day. A row says at which position of the readings log it was made. So what is done again after a kill
//! adds nothing, and finds what was there the first time, not what had come behind it.
//!
//! Written before the outbox is told of what is in it. Blocks while the disk works: for threads that may. Bounded by
//! [`FIGURES_MONTHS_MAX`] files of [`FIGURES_FILE_BYTES_MAX`], one of
//! them in memory. What is damaged is missing, and the coverage of the month says so. What the medium does not give is an
//! error, to be tried again; only what it has not given for [`STORE_READ_PATIENCE_MS`] counts as damaged.

pub(crate) mod file;
mod sheet;
#[cfg(test)]
mod tests;

use crate::aggregate::{Cell, Cells, DaySums, Kept, Long, Name, Span, Turn};
use crate::store::{OpenError, Seq};
use facility_config::limits::{
    FIGURES_COMPACT_MS, FIGURES_FILE_BYTES_MAX, FIGURES_MONTHS_MAX, FIGURES_ROWS_MAX, STORE_READ_PATIENCE_MS, STORE_RETRY_MS,
};
use facility_config::{DeviceIx, Site};
use file::{Head, Month};
use jiff::Timestamp;
use sheet::{Key, Sheet};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Times in a row that a file is tried before it counts as damaged.
const READS_MAX: u64 = STORE_READ_PATIENCE_MS / STORE_RETRY_MS;

/// Folder of the archive, in the store's.
pub const DIR: &str = "figures";

/// Where the readings log is while something is archived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Position of the record at which it is done.
    pub(crate) upto: Seq,
    /// End of the log when the gateway started: what was archived at positions before and is beyond `upto` was done by
    /// somebody who was killed.
    pub(crate) end: Seq,
    /// What was done at this position is in the outbox already: only what is missing here is added.
    pub(crate) is_replay: bool,
}

/// A month, quarter or year, what its figures of one device are made of, and how often it was revised.
#[derive(Debug)]
pub(crate) struct LongSums {
    pub(crate) device: DeviceIx,
    pub(crate) window: (Long, Span),
    pub(crate) sums: DaySums,
    pub(crate) rev: i64,
}

/// A day of a device that was worked over.
#[derive(Debug)]
pub(crate) struct Revised {
    pub(crate) device: DeviceIx,
    /// What it was made of when it was told.
    pub(crate) before: DaySums,
    pub(crate) now: DaySums,
}

/// The archive.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    site: Arc<Site>,
    /// Damaged files that were told of.
    told: Mutex<BTreeSet<PathBuf>>,
    /// Files that the medium did not give, and how often in a row.
    failed: Mutex<BTreeMap<PathBuf, u64>>,
}

/// The newest issue of each row of a file: kind, device, day.
type Newest<'m> = BTreeMap<(&'m str, &'m str, i64), (&'m Sheet, usize)>;

impl Archive {
    /// Opens the folder `figures` in `store_dir`, made if it is not there.
    ///
    /// # Errors
    /// [`OpenError::Newer`] if a later version wrote in it, [`OpenError::Disk`] if it cannot be looked at; never for damage.
    pub fn open(store_dir: &Path, site: Arc<Site>) -> Result<Self, OpenError> {
        let dir = store_dir.join(DIR);
        std::fs::create_dir_all(&dir).map_err(|source| OpenError::Unwritable { path: dir.clone(), source })?;
        file::refuse_newer(&dir)?;
        Ok(Self { dir, site, told: Mutex::default(), failed: Mutex::default() })
    }

    /// Archives a day, and returns the longer windows that ended with it.
    pub(crate) fn turn(&self, cut: Cut, turn: &Turn) -> io::Result<Vec<LongSums>> {
        let path = self.path(turn.day.start_ms);
        let month = self.read(&path)?;
        let known: BTreeSet<_> = rows(&month)
            .filter(|(_, _, key)| cut.is_replay || key.rev == 0 && key.upto == cut.at())
            .map(|(kind, id, key)| (kind, id, key.day_ms))
            .collect();
        let mut adding = Adding::default();
        for (device, sums) in self.site.devices.iter().zip(&turn.sums) {
            let key = Key { device: 0, day_ms: turn.day.start_ms, rev: 0, after: [0; 3], upto: cut.at() };
            adding.add(&device.id, &key, sums, |kind| known.contains(&(kind, &*device.id, key.day_ms)));
        }
        self.write(&path, adding)?;
        let mut ended = Vec::new();
        if !cut.is_replay {
            for window in &turn.ended {
                ended.extend(self.long(cut, *window, None)?);
            }
            self.keep_house(turn.day.end_ms);
        }
        Ok(ended)
    }

    /// Archives what has become of a day of some devices, unless what it was said to have been is not what is archived: then it
    /// could not be made again as it was, and the day stays. Returns which revision each is, in their order, and the longer
    /// windows `ended` around the day, which it changes.
    pub(crate) fn revise(
        &self,
        cut: Cut,
        day: Span,
        revised: &[Revised],
        ended: &[(Long, Span)],
    ) -> io::Result<(Vec<Option<i64>>, Vec<LongSums>)> {
        let path = self.path(day.start_ms);
        let month = self.read(&path)?;
        let is_before = |key: &Key| cut.sees(key) && !(key.rev > 0 && key.upto == cut.at());
        let before = newest(&month, is_before);
        let known: BTreeSet<_> =
            rows(&month).filter(|(_, _, key)| key.upto == cut.at()).map(|(kind, id, key)| (kind, id, key.day_ms, key.rev)).collect();
        let is_over = |long: Long| i64::from(ended.iter().any(|(of, _)| *of == long));
        let mut adding = Adding::default();
        let (mut revs, mut devices) = (Vec::new(), Vec::new());
        for Revised { device, before: told, now: sums } in revised {
            let id = self.id(*device);
            let is_as_told = |(kind, cells): &(&str, Cells)| {
                before.get(&(*kind, id, day.start_ms)).is_none_or(|(sheet, row)| cells.iter().all(|cell| stands_in(&sheet.row(*row), cell)))
            };
            // Of a day that is not in what is left of its file nobody knows how often it was revised.
            let is_lost = (month.is_damaged || month.is_unreadable) && !before.contains_key(&(DEVICE, id, day.start_ms));
            if is_lost || !told.parts().iter().all(is_as_told) {
                revs.push(None);
                continue;
            }
            devices.push(*device);
            let (mut rev, mut after) = (0, [0; 3]);
            if let Some((sheet, row)) = before.get(&(DEVICE, id, day.start_ms)) {
                (rev, after) = (sheet.keys[*row].rev, sheet.keys[*row].after);
            }
            for (count, long) in after.iter_mut().zip(LONGER) {
                *count += is_over(long);
            }
            let key = Key { device: 0, day_ms: day.start_ms, rev: rev + 1, after, upto: cut.at() };
            adding.add(id, &key, sums, |kind| known.contains(&(kind, id, key.day_ms, key.rev)));
            revs.push(Some(key.rev));
        }
        self.write(&path, adding)?;
        let mut longer = Vec::new();
        for window in ended {
            longer.extend(self.long(cut, *window, Some(&devices))?);
        }
        Ok((revs, longer))
    }

    /// Sums of the archived days of a window, by device in the order of the site; of some devices only, if they are named.
    fn long(&self, cut: Cut, (long, span): (Long, Span), only: Option<&[DeviceIx]>) -> io::Result<Vec<LongSums>> {
        let by_id: BTreeMap<&str, DeviceIx> = self.site.indexed().map(|(ix, device)| (&*device.id, ix)).collect();
        let nth = LONGER.iter().position(|longer| *longer == long).unwrap_or(0);
        let mut found: BTreeMap<DeviceIx, (DaySums, i64)> = BTreeMap::new();
        let mut at_ms = span.start_ms;
        while at_ms < span.end_ms {
            let month = self.read(&self.path(at_ms))?;
            for ((kind, id, day_ms), (sheet, row)) in newest(&month, |key| cut.sees(key)) {
                let device = by_id.get(id).copied().filter(|device| only.is_none_or(|only| only.contains(device)));
                let Some(device) = device.filter(|_| (span.start_ms..span.end_ms).contains(&day_ms)) else { continue };
                let (sums, rev) = found.entry(device).or_default();
                sums.take_in(kind, &sheet.row(row));
                // Every device has rows of this kind, once a day.
                *rev += if kind == DEVICE { sheet.keys[row].after[nth] } else { 0 };
            }
            at_ms = Long::Month.around(at_ms, &self.site.zone).end_ms;
        }
        let sums = |(device, (sums, rev))| LongSums { device, window: (long, span), sums, rev };
        Ok(found.into_iter().map(sums).collect())
    }

    /// Makes months compact that are over for good, and lets go of the oldest. What cannot be done now is tried on another day:
    /// an old month that the medium does not give must not hold up the new ones.
    fn keep_house(&self, now_ms: i64) {
        let months = file::months(&self.dir).unwrap_or_default();
        let too_many = months.len().saturating_sub(FIGURES_MONTHS_MAX);
        for (nth, (first, path)) in months.iter().enumerate() {
            let done = if nth < too_many { std::fs::remove_file(path) } else { self.compact_if_over(*first, path, now_ms) };
            if let Err(error) = done {
                tracing::warn!(path = %path.display(), %error, "GW-S041 a month of figures stays as it is");
            }
        }
    }

    fn compact_if_over(&self, first: jiff::civil::Date, path: &Path, now_ms: i64) -> io::Result<()> {
        let Ok(first) = first.to_zoned(self.site.zone.clone()) else { return Ok(()) };
        let end_ms = Long::Month.around(first.timestamp().as_millisecond(), &self.site.zone).end_ms;
        if end_ms.saturating_add(FIGURES_COMPACT_MS) <= now_ms && file::head(path)? == Some(Head::Growing) {
            self.compact(path)?;
        }
        Ok(())
    }

    /// Writes a month anew, each row once. If it does not read back as what it was made of, it stays as it is.
    fn compact(&self, path: &Path) -> io::Result<()> {
        let month = self.read(path)?;
        if month.is_unreadable {
            return Ok(());
        }
        let mut sheets: Vec<Sheet> = Vec::new();
        for ((kind, _, _), (sheet, row)) in newest(&month, |_| true) {
            if sheets.last().is_none_or(|last| *last.kind != *kind || last.len() >= FIGURES_ROWS_MAX) {
                sheets.push(Sheet::new(kind));
            }
            if let Some(last) = sheets.last_mut() {
                last.copy(sheet, row);
            }
        }
        sheets.iter_mut().for_each(Sheet::forget_positions);
        let reads_back = |sheet: &Sheet| {
            let mut bytes = Vec::new();
            sheet.encode(&mut bytes);
            Sheet::decode(&bytes).as_ref() == Some(sheet)
        };
        if !sheets.iter().all(reads_back) {
            tracing::warn!(path = %path.display(), "GW-S041 a month of figures cannot be made compact; it stays as it is");
            return Ok(());
        }
        file::replace(path, &sheets, true)
    }

    /// Adds rows to a file. One that has grown without bound, because its days were revised without end, is made compact first.
    fn write(&self, path: &Path, adding: Adding) -> io::Result<()> {
        let sheets: Vec<Sheet> = adding.0.into_values().collect();
        if sheets.is_empty() {
            return Ok(());
        }
        if std::fs::metadata(path).is_ok_and(|file| file.len() > FIGURES_FILE_BYTES_MAX / 2) {
            self.compact(path)?;
        }
        file::append(path, &sheets)
    }

    /// What can be read of a file. What is damaged is missing, and that is told once.
    fn read(&self, path: &Path) -> io::Result<Month> {
        let month = match file::read(path) {
            Ok(month) => month,
            Err(error) if self.fails(path) < READS_MAX => return Err(error),
            Err(_) => Month::unreadable(),
        };
        if !month.is_unreadable {
            lock(&self.failed).remove(path);
        }
        if (month.is_damaged || month.is_unreadable) && lock(&self.told).insert(path.to_owned()) {
            tracing::warn!(path = %path.display(), "GW-S042 archived figures cannot be read; what is missing is missing from its month");
        }
        Ok(month)
    }

    /// How often in a row the medium has not given a file, this time included.
    fn fails(&self, path: &Path) -> u64 {
        let mut failed = lock(&self.failed);
        let times = failed.entry(path.to_owned()).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// What each column of a file takes, for measurements.
    #[cfg(test)]
    #[expect(clippy::print_stdout, reason = "a measurement")]
    pub(crate) fn print_columns(&self, path: &Path) {
        for sheet in self.read(path).unwrap_or_default().sheets {
            println!("{} {} rows: {}", sheet.kind, sheet.len(), sheet.columns_cost());
        }
    }

    fn id(&self, device: DeviceIx) -> &str {
        self.site.devices.get(device.at()).map_or("", |device| &device.id)
    }

    /// File of the month that a day is in.
    fn path(&self, day_ms: i64) -> PathBuf {
        let day = Timestamp::from_millisecond(day_ms).unwrap_or_default().to_zoned(self.site.zone.clone());
        self.dir.join(format!("{:04}-{:02}.days", day.year(), day.month()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kind of the rows that every device has every day.
const DEVICE: &str = "device";
/// Windows longer than a day, as [`Key::after`] has them.
const LONGER: [Long; 3] = [Long::Month, Long::Quarter, Long::Year];

impl Cut {
    fn at(self) -> i64 {
        i64::try_from(self.upto).unwrap_or(i64::MAX)
    }

    /// Whether a row was there when the log was at this position, whoever does this again.
    fn sees(self, key: &Key) -> bool {
        key.upto <= self.at() || key.upto > i64::try_from(self.end).unwrap_or(i64::MAX)
    }
}

/// Rows on their way into a file, by kind.
#[derive(Debug, Default)]
struct Adding(BTreeMap<&'static str, Sheet>);

impl Adding {
    fn add(&mut self, id: &str, key: &Key, sums: &DaySums, is_known: impl Fn(&str) -> bool) {
        for (kind, cells) in sums.parts().into_iter().filter(|(kind, _)| !is_known(kind)) {
            self.0.entry(kind).or_insert_with(|| Sheet::new(kind)).push(id, key.clone(), &cells);
        }
    }
}

/// Whether a cell is what a row has.
fn stands_in(row: &dyn Kept, (name, cell): &(Name, Cell)) -> bool {
    match cell {
        Cell::Int(number) => row.int(*name) == *number,
        Cell::List(numbers) => row.list(*name) == *numbers,
    }
}

/// All rows of a file: kind, device, and the rest of the key.
fn rows(month: &Month) -> impl Iterator<Item = (&str, &str, &Key)> {
    month.sheets.iter().flat_map(|sheet| sheet.keys.iter().enumerate().map(|(row, key)| (&*sheet.kind, sheet.id(row), key)))
}

/// The newest issue of each row, of those that count.
fn newest(month: &Month, counts: impl Fn(&Key) -> bool) -> Newest<'_> {
    let mut newest = BTreeMap::new();
    for sheet in &month.sheets {
        for (row, key) in sheet.keys.iter().enumerate().filter(|(_, key)| counts(key)) {
            newest.insert((&*sheet.kind, sheet.id(row), key.day_ms), (sheet, row));
        }
    }
    newest
}
