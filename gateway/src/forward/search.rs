//! Where in a log a moment is: by halving, for log time only rises. Reads one point at a time.

use crate::store::{Seq, Store, StoreClosed};
use std::ops::Range;

/// Log time of the first point from a position on, Unix ms; `None` if there is none or the disk does not answer.
///
/// # Errors
/// [`StoreClosed`].
pub(super) async fn log_ms(store: &Store, at: Seq) -> Result<Option<i64>, StoreClosed> {
    let page = store.read(at, 1).await?;
    Ok(page.records.first().map(|record| record.log_ms))
}

/// The first position of a span whose log time is not before `log_ms`; its end if there is none. `None` if the disk does not
/// answer.
///
/// # Errors
/// [`StoreClosed`].
pub(super) async fn position_at(store: &Store, span: Range<Seq>, log_ms: i64) -> Result<Option<Seq>, StoreClosed> {
    let Range { mut start, mut end } = span;
    while start < end {
        let middle = start + (end - start) / 2;
        let page = store.read(middle, 1).await?;
        match page.records.first() {
            Some(record) if record.log_ms < log_ms => start = page.next,
            None if page.next <= middle => return Ok(None),
            Some(_) | None => end = middle,
        }
    }
    Ok(Some(start))
}
