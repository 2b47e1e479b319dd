//! The file of one month: `figures/2026-11.days`, tables one after the other, each with its own checksum.
//!
//! ```text
//! file    "FGDAYS" | u8 version | u8 0 growing, 1 compact | u32 checksum of these | frames
//! frame   "DAYS" | u32 length of the sheet | u32 checksum of it | sheet (sheet.rs)
//! ```
//! All numbers little-endian. What is added is added behind; a file is replaced as a whole only when it is made compact. A
//! torn or damaged frame costs what is in it: the next one is found by its name. Nothing is read that is larger than
//! [`FIGURES_FILE_BYTES_MAX`].

use super::sheet::Sheet;
use crate::snapshot::write_whole;
use crate::store::OpenError;
use facility_config::limits::FIGURES_FILE_BYTES_MAX;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 6] = b"FGDAYS";
/// Newest version that is read, and the one that is written.
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 12;
const FRAME: &[u8; 4] = b"DAYS";
const FRAME_HEAD_BYTES: usize = 12;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Month {
    /// In the order in which they were written.
    pub(super) sheets: Vec<Sheet>,
    pub(super) is_damaged: bool,
    /// It is none of ours, or the medium has not given it for long: nothing is known about it.
    pub(super) is_unreadable: bool,
}

/// What the head of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Growing,
    Compact,
    Newer(u8),
    /// It cannot be read; the frames can.
    Damaged,
}

/// The head of a file; `None` if there is no file.
pub(super) fn head(path: &Path) -> io::Result<Option<Head>> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?.take(HEADER_BYTES as u64).read_to_end(&mut bytes)?,
    };
    Ok(Some(parse_head(&bytes)))
}

fn parse_head(bytes: &[u8]) -> Head {
    let Some((head, crc)) = bytes.first_chunk::<HEADER_BYTES>().and_then(|head| head.split_last_chunk::<4>()) else { return Head::Damaged };
    if crc32c::crc32c(head) != u32::from_le_bytes(*crc) {
        return Head::Damaged;
    }
    match head.strip_prefix(MAGIC) {
        Some([version, _]) if *version > VERSION => Head::Newer(*version),
        Some([_, 1]) => Head::Compact,
        Some(_) => Head::Growing,
        None => Head::Damaged,
    }
}

impl Month {
    /// A file of which nothing is known.
    pub(super) fn unreadable() -> Self {
        Self { is_unreadable: true, ..Self::default() }
    }
}

/// Everything in a file that can be read; nothing of one that is not there. An error is one of the medium, and may pass.
pub(super) fn read(path: &Path) -> io::Result<Month> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Month::default()),
        file => file?,
    };
    if file.metadata()?.len() > FIGURES_FILE_BYTES_MAX {
        return Ok(Month::unreadable());
    }
    let mut bytes = Vec::new();
    file.take(FIGURES_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    match parse_head(&bytes) {
        Head::Newer(_) => Ok(Month::unreadable()),
        head => {
            // One that is torn in its head may have frames right behind.
            let from = if head == Head::Damaged { 0 } else { HEADER_BYTES };
            let mut month = frames(bytes.get(from..).unwrap_or(&[]));
            month.is_damaged |= head == Head::Damaged;
            Ok(month)
        }
    }
}

fn newer() -> io::Error {
    io::Error::other("written by a later version, left untouched")
}

fn frames(mut rest: &[u8]) -> Month {
    let mut month = Month::default();
    while !rest.is_empty() {
        match frame(rest) {
            Some((sheet, len)) => {
                month.sheets.push(sheet);
                rest = rest.get(len..).unwrap_or(&[]);
            }
            None => {
                month.is_damaged = true;
                let next = rest.windows(FRAME.len()).skip(1).position(|window| window == FRAME);
                rest = next.and_then(|next| rest.get(next + 1..)).unwrap_or(&[]);
            }
        }
    }
    month
}

/// The frame at the beginning, and its length.
fn frame(bytes: &[u8]) -> Option<(Sheet, usize)> {
    let (head, rest) = bytes.split_first_chunk::<FRAME_HEAD_BYTES>()?;
    let number = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let body = rest.get(..usize::try_from(number(4)?).ok()?).filter(|_| head.starts_with(FRAME))?;
    (crc32c::crc32c(body) == number(8)?).then(|| Sheet::decode(body))?.map(|sheet| (sheet, FRAME_HEAD_BYTES + body.len()))
}

fn put_head(is_compact: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[VERSION, u8::from(is_compact)]);
    out.extend_from_slice(&crc32c::crc32c(out).to_le_bytes());
}

fn put_frame(sheet: &Sheet, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    sheet.encode(&mut body);
    out.extend_from_slice(FRAME);
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    out.append(&mut body);
}

/// Adds tables to a file, made if it is not there; they are on the disk when this returns.
pub(super) fn append(path: &Path, sheets: &[Sheet]) -> io::Result<()> {
    match head(path)? {
        None => return replace(path, sheets, false),
        Some(Head::Newer(_)) => return Err(newer()),
        Some(_) => {}
    }
    let mut bytes = Vec::new();
    sheets.iter().for_each(|sheet| put_frame(sheet, &mut bytes));
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(&bytes)?;
    file.sync_data()
}

/// Writes a file anew; after a kill either the old one is there or the new one.
pub(super) fn replace(path: &Path, sheets: &[Sheet], is_compact: bool) -> io::Result<()> {
    let mut bytes = Vec::new();
    put_head(is_compact, &mut bytes);
    sheets.iter().for_each(|sheet| put_frame(sheet, &mut bytes));
    write_whole(path, &[&bytes])
}

/// Months there are in a folder, oldest first, with their files. Files with other names are none of ours.
pub(super) fn months(dir: &Path) -> io::Result<Vec<(jiff::civil::Date, PathBuf)>> {
    let mut months = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".days"));
        if let Some(first) = name.and_then(|month| format!("{month}-01").parse().ok()) {
            months.push((first, path));
        }
    }
    months.sort_unstable();
    Ok(months)
}

/// Why a folder of figures cannot be used: a file that a later version wrote.
pub(super) fn refuse_newer(dir: &Path) -> Result<(), OpenError> {
    let disk = |source| OpenError::Disk { path: dir.to_owned(), source };
    for (_, path) in months(dir).map_err(disk)? {
        // One that the medium does not give is damaged, not newer.
        if let Ok(Some(Head::Newer(found))) = head(&path) {
            return Err(OpenError::Newer { path, found: found.into(), known: VERSION.into() });
        }
    }
    Ok(())
}
