//! The profiles that devices of a site can name: those in the binary, and the site's own.

use super::{builtin, builtin_ids};
use crate::profile::Profile;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Embedded profiles and the site's own. An own one never stands in for an embedded one: their ids differ.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// By id; `None` if its file is there but cannot be used.
    pub(crate) own: BTreeMap<String, Option<Arc<Profile>>>,
}

impl Known {
    /// The profile of that id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Profile>> {
        builtin(id).or_else(|| self.own.get(id).cloned().flatten())
    }

    /// Whether there is a file for it that was complained about.
    pub(crate) fn is_faulty(&self, id: &str) -> bool {
        matches!(self.own.get(id), Some(None))
    }

    /// Every id, embedded ones first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        builtin_ids().map(|id| -> &str { id }).chain(self.own.keys().map(String::as_str))
    }
}
