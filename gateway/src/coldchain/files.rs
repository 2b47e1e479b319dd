//! Where the log of a device lies: `coldchain/DEVICE/2026-09.jsonl` in the folder of the store, one file per local month.
//!
//! Reads only. A line longer than any of ours is cut, so that a damaged file costs no memory.

use super::record::Month;
use facility_config::limits::COLDCHAIN_LINE_BYTES_MAX;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Folder of all devices, in the store's.
pub const DIR: &str = "coldchain";

/// Months there are of a device, oldest first. Files with other names are none of ours.
pub fn months(dir: &Path) -> io::Result<Vec<Month>> {
    let mut months = Vec::new();
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(months),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        months.extend(name.to_str().and_then(|name| name.strip_suffix(".jsonl")).and_then(Month::parse));
    }
    months.sort_unstable();
    Ok(months)
}

/// Devices there are, by id.
pub fn devices(root: &Path) -> io::Result<Vec<String>> {
    let mut devices = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            devices.extend(entry.file_name().into_string());
        }
    }
    devices.sort_unstable();
    Ok(devices)
}

/// File of a month.
#[must_use]
pub fn path(dir: &Path, month: Month) -> PathBuf {
    dir.join(format!("{month}.jsonl"))
}

/// Hands every line of a file to `take`, with its number from 1 and its line feed if it has one.
pub fn lines(path: &Path, mut take: impl FnMut(usize, &[u8])) -> io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if file.by_ref().take(COLDCHAIN_LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        take(number, &line);
    }
    Ok(())
}
