//! Snapshots of what is folded from the log: position, state, checksum, in one file that is replaced as a whole.
//!
//! A cache: a file that is missing, damaged or too large is none, and the log is read again instead. A new one is written
//! beside the old one and synced before it takes its place, so a power cut leaves one of the two, never a part. Blocks; whoever
//! is on the runtime uses [`keep`] and [`kept`]. Bounded by [`SNAPSHOT_BYTES_MAX`].

use crate::store::Seq;
use facility_config::limits::SNAPSHOT_BYTES_MAX;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Writes a snapshot durably: `body` knows of everything before the position `at`.
///
/// # Errors
/// The file cannot be written, synced or renamed; the old one is still there then.
pub fn write(path: &Path, at: Seq, body: &[u8]) -> io::Result<()> {
    let at = at.to_le_bytes();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&at), body);
    write_whole(path, &[&at, body, &checksum.to_le_bytes()])
}

/// Writes a file so that after a power cut either the old content is there or the new one.
///
/// # Errors
/// The file cannot be written, synced or renamed; the old one is still there then.
pub fn write_whole(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// Reads a snapshot: its position and its body. None if there is none that is whole and of a believable size.
#[must_use]
pub fn read(path: &Path) -> Option<(Seq, Vec<u8>)> {
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(SNAPSHOT_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > SNAPSHOT_BYTES_MAX {
        return None;
    }
    let (content, checksum) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (at, body) = content.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*at), body.to_vec()))
}

/// [`write`], beside the runtime: a slow card must not hold up the collection of readings.
///
/// # Errors
/// Those of [`write`].
pub async fn keep(path: PathBuf, at: Seq, body: Vec<u8>) -> io::Result<()> {
    tokio::task::spawn_blocking(move || write(&path, at, &body)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// [`read`], beside the runtime.
pub async fn kept(path: PathBuf) -> Option<(Seq, Vec<u8>)> {
    tokio::task::spawn_blocking(move || read(&path)).await.ok()?
}

#[cfg(test)]
mod tests;
