//! The bytes on flash, field by field. All numbers little-endian, version 2.
//!
//! ```text
//! FORMAT           4 KiB, written once: magic "GWBUF\0\0\1" | u32 version | u32 segment_bytes | u32 segments | u32 0
//!                  | i64 created_ms | u32 crc32c(0..32); the rest zero. These 36 bytes mean the same in every version.
//! wal/w0..w3       the ring: segment_bytes each, zero-filled at creation, then overwritten in place, never grown
//! blk/<seq>.blk    finished blocks one after the other (block/), each from a 4 KiB boundary on; seq = the first point
//!                  of the first block in 16 hex digits. Reserved ahead, so it may end in zeros; cut when it is full.
//! blk/spare.new    the next such file, reserved already
//! blk/<seq>.tmp    the same file with fewer points, about to take its place (reduce.rs)
//! cursor.<sink>    two slots of 4 KiB, written in turn (cursors.rs)
//! lock             pid of the holder, for people; the lock itself is the system's
//!
//! frame  0 u32 magic "GWF1"   4 u8 version   5 u8 kind   6 u16 flags (1 there is a mark, 2 the clock was not set)
//!        8 u32 payload_len   12 u32 count (points)   16 u64 first_seq   24 u32 epoch (openings of the store)
//!       28 u32 segment (number of the ring segment it was written to)   32 u32 crc32c(payload)
//!       36 u32 crc32c(0..36)
//!       40 payload: i64 log_ms | i64 mark | body
//! kind 1 points   body: count × point (points.rs)
//!      2 names    body: u32 next_origin | u32 next_metric | entries (names.rs)
//!      3 gap      body: u64 end; the points first_seq..end are lost
//!      4 close    no body: the store was closed, nothing was cut off after this
//! ```
//! A frame starts on a 4 KiB boundary and is zero-padded to the next: a page that was acknowledged is never written
//! again before its segment is reused (BUFFER §5, bad-page test). The same holds for blocks.
//!
//! A ring segment has a number, one more than the last; frames of an earlier lap have a lower one and are ignored.
//! Points in segment n at or after the first frame of segment n+1 were never acknowledged there (the segment was left
//! after a failed sync) and are ignored too.
//! Names are written twice wherever they are written: one bad page must not take the meaning of all points after it.
//!
//! Version 1 had `blk/<seq>.seg` instead of blocks, and points without flags, known texts and next metrics (`old.rs`).

use super::bytes::Input;
use super::record::Seq;
use facility_config::limits;

pub(super) const VERSION: u32 = 2;
/// No log gets this far: a larger position is damage, and sums of positions and counts never overflow.
pub(super) const SEQ_MAX: Seq = 1 << 62;
pub(super) const HEADER_BYTES: usize = 40;
const STAMP_BYTES: usize = 16;
const FRAME_VERSION: u8 = 2;
pub(super) const MAGIC: [u8; 4] = *b"GWF1";
const STORE_MAGIC: [u8; 8] = *b"GWBUF\0\0\x01";
const FLAG_MARK: u16 = 1;
const FLAG_PROVISIONAL: u16 = 2;

/// Sizes of a ring. Kept in `FORMAT`; tests use a small one to go round often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) segment_bytes: usize,
    pub(super) segments: usize,
}

impl Layout {
    pub(super) const STANDARD: Self = Self { segment_bytes: limits::WAL_SEGMENT_BYTES, segments: limits::WAL_SEGMENTS };

    /// Largest body of a frame, and largest sum of names in front of it: both twice fit a segment (see `Pending`).
    pub(super) fn frame_bytes_max(self) -> usize {
        (self.segment_bytes / 8).min(limits::WAL_FRAME_BYTES_MAX)
    }

    /// A commit is due when this much is waiting.
    pub(super) fn commit_bytes(self) -> usize {
        (self.frame_bytes_max() / 4).min(limits::COMMIT_BYTES)
    }

    fn is_sane(self) -> bool {
        let page = limits::PAGE_BYTES;
        self.segment_bytes.is_multiple_of(page)
            && (16 * page..=limits::WAL_SEGMENT_BYTES * 8).contains(&self.segment_bytes)
            && (2..=16).contains(&self.segments)
    }
}

/// What kind of frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Points = 1,
    Names = 2,
    Gap = 3,
    Close = 4,
}

impl Kind {
    fn from_code(code: u8) -> Option<Self> {
        [Self::Points, Self::Names, Self::Gap, Self::Close].into_iter().find(|kind| *kind as u8 == code)
    }
}

/// What all frames of one commit share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub(super) epoch: u32,
    pub(super) segment: u32,
    pub(super) log_ms: i64,
    pub(super) mark: Option<i64>,
    /// `log_ms` is not to be trusted yet (epochs.rs).
    pub(super) provisional: bool,
}

/// A frame whose checksums were right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    pub(super) first: Seq,
    pub(super) count: u32,
    pub(super) stamp: Stamp,
    pub(super) body: &'a [u8],
    /// Without padding.
    pub(super) len: usize,
}

/// What stands at a place where a frame may start.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    Frame(Frame<'a>),
    /// The header is right, the payload is not: torn or damaged.
    Broken {
        segment: u32,
        points: u32,
    },
    Nothing,
}

/// Appends a frame, unpadded.
pub(super) fn put_frame(out: &mut Vec<u8>, kind: Kind, stamp: &Stamp, first: Seq, count: u32, body: &[u8]) {
    let at = out.len();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[FRAME_VERSION, kind as u8]);
    let marked = if stamp.mark.is_some() { FLAG_MARK } else { 0 };
    let provisional = if stamp.provisional { FLAG_PROVISIONAL } else { 0 };
    out.extend_from_slice(&(marked | provisional).to_le_bytes());
    out.extend_from_slice(&((STAMP_BYTES + body.len()) as u32).to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&stamp.epoch.to_le_bytes());
    out.extend_from_slice(&stamp.segment.to_le_bytes());
    let mut head = [0; STAMP_BYTES];
    head[..8].copy_from_slice(&stamp.log_ms.to_le_bytes());
    head[8..].copy_from_slice(&stamp.mark.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c_append(crc32c::crc32c(&head), body).to_le_bytes());
    let header_crc = crc32c::crc32c(&out[at..]);
    out.extend_from_slice(&header_crc.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(body);
}

/// Fills up to the next page boundary.
pub(super) fn pad(out: &mut Vec<u8>) {
    out.resize(padded(out.len()), 0);
}

/// A length rounded up to whole pages.
pub(super) fn padded(len: usize) -> usize {
    len.next_multiple_of(limits::PAGE_BYTES)
}

/// Looks for a frame at the start of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Found<'_> {
    header(bytes).unwrap_or(Found::Nothing)
}

fn header(bytes: &[u8]) -> Option<Found<'_>> {
    let mut input = Input(bytes);
    if input.take(4)? != MAGIC || !(1..=FRAME_VERSION).contains(&input.u8()?) {
        return None;
    }
    let kind = input.u8()?;
    let flags = input.u16()?;
    let payload_len = input.u32()? as usize;
    let count = input.u32()?;
    let first = input.u64()?;
    let epoch = input.u32()?;
    let segment = input.u32()?;
    let payload_crc = input.u32()?;
    if input.u32()? != crc32c::crc32c(&bytes[..HEADER_BYTES - 4]) {
        return None;
    }
    let broken = Some(Found::Broken { segment, points: count });
    let (Some(kind), Some(payload), ..=SEQ_MAX) = (Kind::from_code(kind), input.take(payload_len), first) else { return broken };
    if crc32c::crc32c(payload) != payload_crc || payload.len() < STAMP_BYTES {
        return broken;
    }
    let mut payload = Input(payload);
    let log_ms = payload.i64()?;
    let mark = payload.i64().filter(|_| flags & FLAG_MARK != 0);
    let stamp = Stamp { epoch, segment, log_ms, mark, provisional: flags & FLAG_PROVISIONAL != 0 };
    Some(Found::Frame(Frame { kind, first, count, stamp, body: payload.0, len: HEADER_BYTES + payload_len }))
}

/// What `FORMAT` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Sizes and version.
    Known(Layout, u32),
    /// Written by a later version of this software.
    Newer(u32),
    /// Not readable; the data beside it may be fine.
    Damaged,
}

/// Contents of a new `FORMAT`.
pub(super) fn format_file(layout: Layout, created_ms: i64) -> Vec<u8> {
    let mut out = STORE_MAGIC.to_vec();
    for number in [VERSION, layout.segment_bytes as u32, layout.segments as u32, 0] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&created_ms.to_le_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    pad(&mut out);
    out
}

/// Reads `FORMAT`.
pub(super) fn parse_format(bytes: &[u8]) -> Format {
    format_fields(bytes).unwrap_or(Format::Damaged)
}

/// When a store was created, Unix ms, as its `FORMAT` says.
pub(super) fn created_ms(bytes: &[u8]) -> Option<i64> {
    matches!(parse_format(bytes), Format::Known(..)).then(|| Input(&bytes[24..]).i64()).flatten()
}

fn format_fields(bytes: &[u8]) -> Option<Format> {
    let mut input = Input(bytes);
    let magic = input.take(8)?;
    let version = input.u32()?;
    let layout = Layout { segment_bytes: input.u32()? as usize, segments: input.u32()? as usize };
    let (_, _created_ms) = (input.u32()?, input.i64()?);
    if magic != STORE_MAGIC || input.u32()? != crc32c::crc32c(&bytes[..32]) {
        return None;
    }
    if version > VERSION {
        return Some(Format::Newer(version));
    }
    layout.is_sane().then_some(Format::Known(layout, version))
}
