//! The log: every reading on flash before it is acknowledged, kept until it was used.

pub mod handle;
#[cfg(test)]
pub mod memory;
pub mod record;

pub use handle::{Append, Cursor, Durable, Store, StoreClosed};
pub use record::{Names, Page, Record, Seq, Sink};
