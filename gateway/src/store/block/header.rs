//! The fixed beginning and end of a block.
//!
//! ```text
//!  0 4 bytes magic "GWB1"   4 u8 version   5 u8 flags (1 thinned, 2 provisional, 4 there is a mark, 8 names)   6 u16 0
//!  8 u64 first   16 u64 end (span of positions)   24 u32 points (held)   28 u32 len (whole block)
//! 32 u32 head_len   36 u32 crc32c(head)   40 i64 at_min_ms   48 i64 at_max_ms   56 i64 log_ms (newest commit)
//! 64 i64 mark   72 u32 epoch   76 u32 next_origin   80 u32 next_metric   84 u32 keeps (points with KEEP)
//! 88 u32 crc32c(0..88)
//! ```
//! Magic, version, `len` and the length and checksum of the header are the same in every version.

use super::super::bytes::Input;
use super::super::format::SEQ_MAX;
use super::super::record::Seq;
use facility_config::limits::{BLOCK_POINTS_MAX, PAGE_BYTES};
use std::ops::Range;

/// Length of a header.
pub(in crate::store) const HEADER_BYTES: usize = 92;
pub(super) const MAGIC: [u8; 4] = *b"GWB1";
const VERSION: u8 = 1;
/// More points are not believed, so that a damaged number never asks for much memory.
pub(super) const POINTS_MAX: usize = 2 * BLOCK_POINTS_MAX - 1;
const _: () = assert!(POINTS_MAX < 1 << 17, "a run of zeros must fit a token");
const THINNED: u8 = 1;
const PROVISIONAL: u8 = 2;
const MARKED: u8 = 4;
const NAMED: u8 = 8;

/// What is known of a block without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Header {
    /// Its span of positions begins here,
    pub(in crate::store) first: Seq,
    /// and ends before this one.
    pub(in crate::store) end: Seq,
    /// Points it holds; the other positions of its span are empty.
    pub(in crate::store) points: u32,
    /// Bytes of the whole block, a multiple of the page.
    pub(in crate::store) len: u32,
    /// Bytes of its head, which follows the header.
    pub(in crate::store) head_len: u32,
    /// Checksum of its head.
    pub(in crate::store) head_crc: u32,
    /// Earliest time of a value, Unix ms.
    pub(in crate::store) at_min_ms: i64,
    /// Latest time of a value, Unix ms.
    pub(in crate::store) at_max_ms: i64,
    /// Time of its last commit, Unix ms.
    pub(in crate::store) log_ms: i64,
    /// Openings of the store when it was written.
    pub(in crate::store) epoch: u32,
    /// Newest mark of the log.
    pub(in crate::store) mark: Option<i64>,
    /// Next number of an origin to be given out.
    pub(in crate::store) next_origin: u32,
    /// Next number of a metric to be given out.
    pub(in crate::store) next_metric: u32,
    /// Points were taken out to make room.
    pub(in crate::store) thinned: bool,
    /// Times of values are not trusted yet.
    pub(in crate::store) provisional: bool,
    /// Points more important than routine.
    pub(in crate::store) keeps: u32,
    /// Its head gives names.
    pub(in crate::store) named: bool,
}

/// What stands at a place where a header may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Found {
    /// A block of this version.
    Block(Header),
    /// A block of a later version.
    Newer(u8),
    /// No header, or a damaged one.
    Nothing,
}

impl Header {
    /// Looks for a header at the start of `bytes`.
    pub(in crate::store) fn parse(bytes: &[u8]) -> Found {
        found(bytes).unwrap_or(Found::Nothing)
    }

    /// Where the second copy of the head is, in bytes from the start of the block.
    pub(in crate::store) fn copy_of_head(&self) -> Range<usize> {
        let end = self.len as usize - HEADER_BYTES;
        end - self.head_len as usize..end
    }

    fn is_sane(&self) -> bool {
        let least = 2 * (u64::from(self.head_len) + HEADER_BYTES as u64);
        self.first < self.end
            && self.end <= SEQ_MAX
            && u64::from(self.points) <= (self.end - self.first).min(POINTS_MAX as u64)
            && self.keeps <= self.points
            && (self.len as usize).is_multiple_of(PAGE_BYTES)
            && least <= u64::from(self.len)
    }

    /// Appends the header.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let at = out.len();
        let flags = [(self.thinned, THINNED), (self.provisional, PROVISIONAL), (self.mark.is_some(), MARKED), (self.named, NAMED)];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, bit)| bit).sum();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, flags, 0, 0]);
        for number in [self.first, self.end] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.points, self.len, self.head_len, self.head_crc] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.at_min_ms, self.at_max_ms, self.log_ms, self.mark.unwrap_or(0)] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.epoch, self.next_origin, self.next_metric, self.keeps] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let crc = crc32c::crc32c(&out[at..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }
}

fn found(bytes: &[u8]) -> Option<Found> {
    let mut input = Input(bytes.get(..HEADER_BYTES)?);
    if input.take(4)? != MAGIC {
        return None;
    }
    let (version, flags, _) = (input.u8()?, input.u8()?, input.u16()?);
    let (first, end) = (input.u64()?, input.u64()?);
    let (points, len, head_len, head_crc) = (input.u32()?, input.u32()?, input.u32()?, input.u32()?);
    let (at_min_ms, at_max_ms, log_ms) = (input.i64()?, input.i64()?, input.i64()?);
    let mark = input.i64().filter(|_| flags & MARKED != 0);
    let (epoch, next_origin, next_metric, keeps) = (input.u32()?, input.u32()?, input.u32()?, input.u32()?);
    if input.u32()? != crc32c::crc32c(&bytes[..HEADER_BYTES - 4]) {
        return None;
    }
    if version > VERSION {
        return Some(Found::Newer(version));
    }
    let (thinned, provisional) = (flags & THINNED != 0, flags & PROVISIONAL != 0);
    let header = Header {
        first,
        end,
        points,
        len,
        head_len,
        head_crc,
        at_min_ms,
        at_max_ms,
        log_ms,
        epoch,
        mark,
        next_origin,
        next_metric,
        thinned,
        provisional,
        keeps,
        named: flags & NAMED != 0,
    };
    header.is_sane().then_some(Found::Block(header))
}
