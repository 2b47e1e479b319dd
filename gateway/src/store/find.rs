//! Finds the files of blocks and the blocks in them after a start, whatever was done to them: by their headers from one
//! to the next, and where a header is bad by the copy behind its block or by the next good one. Removes what was left
//! unfinished, changes nothing else on disk.

use super::block::{Found, HEADER_BYTES, Header};
use super::blocks::{BlockAt, BlockFile, Blocks, read_head};
use super::disk::{Disk, pread_patched};
use super::names::{Dictionary, NameSet};
use super::record::Seq;
use super::recovery::Recovery;
use facility_config::limits::PAGE_BYTES;
use std::io;

/// Bytes searched at a time behind a bad header.
const CHUNK_BYTES: usize = 64 * PAGE_BYTES;

/// Lists the files and their blocks; the version if a later one wrote a file. A file that was given up after a failed
/// sync may end in points that the next file has again: the next file counts.
pub(super) fn list_files<D: Disk>(disk: &D, blocks: &mut Blocks<D::File>, report: &mut Recovery) -> io::Result<Option<u8>> {
    let mut names = disk.list(blocks.dir())?;
    names.sort();
    let mut found = Vec::new();
    for name in names {
        let path = blocks.dir().join(&name);
        if name.ends_with(".tmp") || name.ends_with(".new") {
            disk.unlink(&path)?;
            continue;
        }
        if name.ends_with(".seg") {
            continue;
        }
        let listing = match name.ends_with(".blk") {
            true => list_blocks(disk, &disk.open(&path)?)?,
            false => Listing::default(),
        };
        if let Some(newer) = listing.newer {
            return Ok(Some(newer));
        }
        match listing.blocks.first() {
            Some(block) => found.push((block.header.first, BlockFile { name: name.into(), bytes: listing.bytes, blocks: listing.blocks })),
            None => report.files_ignored.push(name),
        }
    }
    found.sort_by_key(|(first, _)| *first);
    let firsts: Vec<Seq> = found.iter().map(|(first, _)| *first).collect();
    for (nth, (first, mut file)) in found.into_iter().enumerate() {
        if let Some(next) = firsts.get(nth + 1).filter(|next| **next > first) {
            file.blocks.retain(|block| block.header.first < *next);
        }
        for block in &file.blocks {
            report.epoch = report.epoch.max(block.header.epoch);
            report.newest_at_ms = report.newest_at_ms.max(Some(block.header.log_ms));
        }
        let name = file.name.clone();
        if !blocks.insert(first, file) {
            report.files_ignored.push(name.into());
        }
    }
    Ok(None)
}

/// Reads the names that blocks give; those of the newest file are returned too, it may go on being filled.
pub(super) fn learn_names<D: Disk>(disk: &D, blocks: &mut Blocks<D::File>, names: &mut Dictionary) -> io::Result<NameSet> {
    let mut named = NameSet::default();
    let all: Vec<_> = blocks.all().map(|(file, _, block)| (file, *block)).collect();
    let mut of = None;
    for (first, block) in all {
        names.reserve(block.header.next_origin, block.header.next_metric);
        if of.replace(first) != Some(first) {
            named.clear();
        }
        if block.header.named
            && let Some(head) = read_head(disk, blocks.file(disk, first)?, &block)?
        {
            names.learn(head.names(), &mut named);
        }
    }
    Ok(named)
}

/// What a file holds.
#[derive(Debug, Default)]
struct Listing {
    blocks: Vec<BlockAt>,
    /// A later version wrote into it.
    newer: Option<u8>,
    bytes: u64,
}

/// Lists the blocks of a file in order. Blocks that do not follow the one before are left out.
fn list_blocks<D: Disk>(disk: &D, file: &D::File) -> io::Result<Listing> {
    let mut listing = Listing { bytes: disk.len(file)?, ..Listing::default() };
    let mut at = 0;
    while at + (HEADER_BYTES as u64) <= listing.bytes {
        let mut bytes = [0; HEADER_BYTES];
        // A page that cannot be read is a bad header.
        pread_patched(disk, file, at, &mut bytes)?;
        let found = match Header::parse(&bytes) {
            Found::Block(header) => Some((at, header)),
            Found::Newer(version) => {
                listing.newer = Some(version);
                None
            }
            Found::Nothing => None,
        };
        let Some((offset, header)) = found.map_or_else(|| search(disk, file, at, listing.bytes), |found| Ok(Some(found)))? else { break };
        at = offset + u64::from(header.len);
        let follows = listing.blocks.last().is_none_or(|last| last.header.end <= header.first);
        if follows && let Ok(offset) = u32::try_from(offset) {
            listing.blocks.push(BlockAt { offset, header, lost: 0, given_up: false });
        }
    }
    Ok(listing)
}

/// The next block at or after `from`: one whose own header is good, or one whose copy of it is.
fn search<D: Disk>(disk: &D, file: &D::File, from: u64, len: u64) -> io::Result<Option<(u64, Header)>> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = from;
    while at < len {
        let read = pread_patched(disk, file, at, &mut chunk)?;
        for (nth, page) in chunk[..read].chunks(PAGE_BYTES).enumerate() {
            let page_at = at + (nth * PAGE_BYTES) as u64;
            if page_at > from
                && page.len() >= HEADER_BYTES
                && let Found::Block(header) = Header::parse(page)
            {
                return Ok(Some((page_at, header)));
            }
            if page.len() == PAGE_BYTES
                && let Found::Block(header) = Header::parse(&page[PAGE_BYTES - HEADER_BYTES..])
                && let Some(offset) = (page_at + PAGE_BYTES as u64).checked_sub(u64::from(header.len)).filter(|offset| *offset >= from)
            {
                return Ok(Some((offset, header)));
            }
        }
        if read < CHUNK_BYTES {
            break;
        }
        at += CHUNK_BYTES as u64;
    }
    Ok(None)
}
