//! Pages that were read lately. Readers follow each other closely, and a page is taken apart once for all of them.
//!
//! Bounded by [`PAGES_KEPT`]. Forgotten when points are given up: to whoever reads on from there they are lost.

use super::record::{Page, Record, Seq};
use std::collections::VecDeque;
use std::sync::Arc;

/// More would be memory for readers that are far apart, which share nothing anyway.
const PAGES_KEPT: usize = 2;

/// A page, where it was read from, and where the log ended then.
#[derive(Debug)]
struct Kept {
    from: Seq,
    end: Seq,
    page: Arc<Page>,
}

/// The newest pages, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pages: VecDeque<Kept>,
    /// Room of a page that nobody holds any more.
    spare: Vec<Record>,
}

impl Recent {
    /// The page that was read from a position. One that ended where the log did may be longer by now: it is none, unless the log
    /// still ends there.
    pub(super) fn page(&self, from: Seq, end: Seq) -> Option<Arc<Page>> {
        let kept = self.pages.iter().rev().find(|kept| kept.from == from)?;
        (kept.page.next < kept.end || kept.end == end).then(|| kept.page.clone())
    }

    /// Room for the next page.
    pub(super) fn room(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.spare)
    }

    /// Keeps a page for the readers behind this one. An empty one is no answer to the next.
    pub(super) fn keep(&mut self, from: Seq, end: Seq, page: Page) -> Arc<Page> {
        let page = Arc::new(page);
        if page.next > from {
            self.pages.push_back(Kept { from, end, page: page.clone() });
        }
        if self.pages.len() > PAGES_KEPT {
            let oldest = self.pages.pop_front().and_then(|oldest| Arc::into_inner(oldest.page));
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
