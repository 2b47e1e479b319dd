//! What the integration tests share: paths of the workspace.

use std::path::PathBuf;

/// Root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
