//! The snapshot of the roll-up: a cache of what is open, so that a start does not read the whole log again.
//!
//! ```text
//! marks (late.rs) | u64 length of the next | the fold's own sealed bytes | the ledger's own sealed bytes
//! ```
//! Numbers little-endian; position and checksum are those of every [snapshot](crate::snapshot). One that is of another version
//! is as good as none.

use super::late::Marks;
use crate::aggregate::Fold;
use crate::aggregate::save::Save;
use crate::completeness::Ledger;
use crate::store::Seq;
use facility_config::Site;
use std::path::Path;
use std::sync::Arc;

/// The roll-up at a position of the log.
pub(super) struct Snapshot {
    pub(super) at: Seq,
    pub(super) fold: Fold,
    pub(super) missing: Ledger,
    pub(super) marks: Marks,
}

impl Snapshot {
    /// Nothing is known before a position.
    pub(super) fn none(site: &Arc<Site>, at: Seq) -> Self {
        Self { at, fold: Fold::new(site.clone()), missing: Ledger::new(site.clone()), marks: Marks::default() }
    }
}

/// Reads it beside the runtime.
pub(super) async fn load(path: &Path, site: &Arc<Site>) -> Option<Snapshot> {
    let (at, body) = crate::snapshot::kept(path.to_owned()).await?;
    let body = &mut &*body;
    let marks = Marks::load(body)?;
    let (len, rest) = body.split_first_chunk::<8>()?;
    let (fold, missing) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
    Some(Snapshot { at, fold: Fold::restore(site.clone(), fold)?, missing: Ledger::restore(site.clone(), missing)?, marks })
}

/// What is to be written.
pub(super) fn body(fold: &Fold, missing: &Ledger, marks: &Marks) -> Vec<u8> {
    let mut body = Vec::new();
    marks.save(&mut body);
    let fold = fold.snapshot();
    body.extend((fold.len() as u64).to_le_bytes());
    body.extend(fold);
    body.extend(missing.snapshot());
    body
}
