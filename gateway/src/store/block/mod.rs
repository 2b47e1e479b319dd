//! A column block: 64 K points of the log, compressed, in a form from which one series is read without the others.
//!
//! All numbers little-endian; bits from the lowest. Written once, never changed.
//!
//! ```text
//! block   header | head | chunks | zeros | head again | header again; ends with a page, so that it is found from
//!         behind when its beginning is bad
//! header  header.rs: what is known without reading more, checksum of itself and of the head
//! head    u32 length of names | names (the caller's) | bits:
//!         metrics   wide count | alone: numbers in the log
//!         shapes    wide count | alone: flags | alone: lengths | alone: metrics of all, by place in the list above
//!         codes     wide count | tables (code.rs)
//!         recipes   wide count | recipes (recipe.rs) | alone: usual recipe of each metric, then of the times
//!         chunks    wide count | alone: origins, ascending | alone: bytes | alone: rows | alone: the shape of the rows
//!                   of each; where they differ, how many shapes there are | alone: shapes of the rows of these
//!         texts     wide count | each: wide length, UTF-8
//!         arrival   arrival.rs: order of rows, positions skipped, commits
//! chunk   0 if the recipes of its times and columns are the usual ones; or 1, and for each: 0, or 1 and the number of its
//!         recipe
//!         256 rows or more: 6 bits width, then the bits of each of these columns
//!         times | columns, in order of first appearance in the shapes of its rows | zeros to a byte | u32 checksum
//! column  its streams (recipe.rs), each: first number in the first code | tokens in its code
//!         then the texts that are not in the dictionary: wide length, UTF-8
//! wide    a number of any size (bits.rs)   alone: a list that brings its code with it (alone.rs)
//! ```
//! A row is a run of consecutive positions with one origin, time, flags and commit and no metric twice; a shape is the
//! flags and metrics of a row. Everything about positions is in the head, which is there twice: a bad chunk is a known
//! set of positions, and a bad bit anywhere costs one chunk at most.
//!
//! Pure: no I/O, no clock. What it never does: allocate by a number in the bytes alone, panic on any bytes.

mod alone;
mod arrival;
mod bits;
mod builder;
mod chunk;
mod chunks;
mod code;
mod decoder;
mod encode;
mod gather;
mod head;
mod header;
mod held;
mod ints;
mod kinds;
mod loaded;
mod loading;
mod pack;
mod plan;
mod prepare;
mod recipe;
mod shapes;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use pack::{PackReader, PackWriter};

pub(in crate::store) use builder::Builder;
pub(in crate::store) use chunk::series;
pub(in crate::store) use head::{Chunk, Head};
pub(in crate::store) use header::{Found, HEADER_BYTES, Header};
pub(in crate::store) use held::{Held, counts, spans};
pub(in crate::store) use loaded::Loaded;

use super::record::Seq;

/// Chunks with fewer rows are decoded as a whole to find a column: that is quick, and lengths would outweigh them.
const LENGTHS_ROWS_MIN: usize = 256;

/// What the caller knows about a block.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Facts<'a> {
    /// Its span of positions begins here, not after its first point,
    pub(in crate::store) first: Seq,
    /// and ends here, after its last point.
    pub(in crate::store) end: Seq,
    /// Openings of the store.
    pub(in crate::store) epoch: u32,
    /// Newest mark of the log.
    pub(in crate::store) mark: Option<i64>,
    /// Next number of an origin to be given out.
    pub(in crate::store) next_origin: u32,
    /// Next number of a metric to be given out.
    pub(in crate::store) next_metric: u32,
    /// Names of what is in it, opaque here.
    pub(in crate::store) names: &'a [u8],
    /// Points were taken out to make room.
    pub(in crate::store) thinned: bool,
    /// Times of values are not trusted yet.
    pub(in crate::store) provisional: bool,
}
