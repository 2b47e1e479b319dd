//! Pages that were read lately. Readers follow each other closely, and a page is taken apart once for all of them.
//!
//! Bounded by [`PAGES_KEPT`]. Forgotten when points are given up: to whoever reads on from there they are lost.

use super::record::{Page, Record, Seq};
use std::collections::VecDeque;
use std::sync::Arc;

/// More would be memory for readers that are far apart, which share nothing anyway.
const PAGES_KEPT: usize = 2;

/// The newest pages, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pages: VecDeque<(Seq, Arc<Page>)>,
    /// Room of a page that nobody holds any more.
    spare: Vec<Record>,
}

impl Recent {
    /// The page that was read from a position.
    pub(super) fn page(&self, from: Seq) -> Option<Arc<Page>> {
        self.pages.iter().rev().find(|(at, _)| *at == from).map(|(_, page)| page.clone())
    }

    /// Room for the next page.
    pub(super) fn room(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.spare)
    }

    /// Keeps a page for the readers behind this one. An empty one is no answer to the next.
    pub(super) fn keep(&mut self, from: Seq, page: Page) -> Arc<Page> {
        let page = Arc::new(page);
        if page.next > from {
            self.pages.push_back((from, page.clone()));
        }
        if self.pages.len() > PAGES_KEPT {
            let oldest = self.pages.pop_front().and_then(|(_, oldest)| Arc::into_inner(oldest));
            if let Some(Page { mut records, .. }) = oldest {
                records.clear();
                self.spare = records;
            }
        }
        page
    }

    /// Points were given up.
    pub(super) fn forget(&mut self) {
        self.pages.clear();
    }
}
