//! The snapshot of the roll-up: a cache of the open windows, so that a start does not read the whole log again.
//!
//! ```text
//! u64 position of the log | marks (late.rs) | the fold's own sealed bytes | u32 checksum of all
//! ```
//! Numbers little-endian. One that is damaged, too large or of another version is as good as none.

use super::late::Marks;
use crate::aggregate::Fold;
use crate::aggregate::save::Save;
use crate::store::Seq;
use facility_config::Site;
use facility_config::limits::SNAPSHOT_BYTES_MAX;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// The roll-up at a position of the log.
pub(super) struct Snapshot {
    pub(super) at: Seq,
    pub(super) fold: Fold,
    pub(super) marks: Marks,
}

/// Reads it beside the runtime.
pub(super) async fn load(path: &Path, site: &Arc<Site>) -> Option<Snapshot> {
    let (path, site) = (path.to_owned(), site.clone());
    tokio::task::spawn_blocking(move || parse(&read(&path)?, site)).await.ok()?
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(SNAPSHOT_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= SNAPSHOT_BYTES_MAX).then_some(bytes)
}

fn parse(bytes: &[u8], site: Arc<Site>) -> Option<Snapshot> {
    let (content, checksum) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (head, mut body) = content.split_first_chunk::<8>()?;
    let marks = Marks::load(&mut body)?;
    Some(Snapshot { at: u64::from_le_bytes(*head), fold: Fold::restore(site, body)?, marks })
}

/// What is to be written.
pub(super) fn bytes(at: Seq, fold: &Fold, marks: &Marks) -> Vec<u8> {
    let mut bytes = at.to_le_bytes().to_vec();
    marks.save(&mut bytes);
    bytes.extend(fold.snapshot());
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}
