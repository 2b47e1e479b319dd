//! Finished blocks: which files there are, which blocks they hold, and the way to one of them.
//!
//! Keeps what a header says of each block, a few open files and the decoded blocks that readers stand in. Never writes.
//! Bounded: about a hundred bytes for each block, [`STORE_OPEN_FILES_MAX`] files, [`STORE_LOADED_BLOCKS_MAX`] blocks.

use super::block::{HEADER_BYTES, Head, Header, Loaded};
use super::disk::{Disk, pread_patched};
use super::names::{Dictionary, NameSet};
use super::record::Seq;
use facility_config::limits::{READ_POINTS_MAX, STORE_HEADS_MAX, STORE_LOADED_BLOCKS_MAX, STORE_OPEN_FILES_MAX};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

/// Name of the file that is next, reserved already.
pub(super) const SPARE: &str = "spare.new";

/// One block in its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockAt {
    pub(super) offset: u32,
    pub(super) header: Header,
    /// Points of it that are known to be damaged.
    pub(super) lost: u64,
    /// Pages of it that the medium does not give were waited for long enough: they count as zeros.
    pub(super) given_up: bool,
}

impl BlockAt {
    /// One past its last byte.
    pub(super) fn end_bytes(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.header.len)
    }
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct BlockFile {
    pub(super) name: Box<str>,
    /// In order, never empty.
    pub(super) blocks: Vec<BlockAt>,
    /// What it takes on the disk, reserved room included.
    pub(super) bytes: u64,
}

impl BlockFile {
    pub(super) fn end(&self) -> Seq {
        self.blocks.last().map_or(0, |block| block.header.end)
    }
}

/// The file that takes the next block.
#[derive(Debug)]
pub(super) struct Filling<F> {
    /// Key in [`Blocks::files`]; `None` while nothing is in it.
    pub(super) first: Option<Seq>,
    pub(super) file: F,
    /// Where the next block goes.
    pub(super) offset: u64,
    /// No block begins that would end beyond this.
    pub(super) capacity: u64,
    /// Names its blocks have given.
    pub(super) named: NameSet,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Blocks<F> {
    dir: PathBuf,
    /// By the first point of their name.
    pub(super) files: BTreeMap<Seq, BlockFile>,
    /// Bytes of all files, without the spare one.
    pub(super) bytes: u64,
    /// Bytes of all blocks.
    pub(super) used_bytes: u64,
    /// Points of all blocks, damaged ones included.
    pub(super) points: u64,
    pub(super) filling: Option<Filling<F>>,
    /// The next file and the bytes it is meant for.
    pub(super) spare: Option<(F, u64)>,
    pub(super) handles: VecDeque<(Seq, F)>,
    /// With the points that are lost in it.
    loaded: VecDeque<(Loaded, u64)>,
    /// By first point; the oldest go first.
    heads: BTreeMap<Seq, Head>,
}

/// A block that was asked for.
#[derive(Debug)]
pub(super) enum Load<'a> {
    /// Decoded, and how many of its points are lost: damaged ones are a hole in it, nameless ones are not.
    Block(&'a mut Loaded, u64),
    /// Both copies of its head are bad.
    Lost,
}

impl<F> Blocks<F> {
    pub(super) fn new(dir: PathBuf) -> Self {
        let (files, handles, loaded) = (BTreeMap::new(), VecDeque::new(), VecDeque::new());
        let heads = BTreeMap::new();
        Self { dir, files, bytes: 0, used_bytes: 0, points: 0, filling: None, spare: None, handles, loaded, heads }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn path(&self, file: &BlockFile) -> PathBuf {
        self.dir.join(&*file.name)
    }

    /// Adds a file; `false` if it holds nothing or overlaps one that is there.
    pub(super) fn insert(&mut self, first: Seq, file: BlockFile) -> bool {
        let overlaps = self.files.range(..file.end()).next_back().is_some_and(|(_, before)| before.end() > first);
        if overlaps || file.blocks.is_empty() {
            return false;
        }
        self.bytes += file.bytes;
        file.blocks.iter().for_each(|block| self.count(block));
        self.files.insert(first, file);
        true
    }

    fn count(&mut self, block: &BlockAt) {
        self.used_bytes += u64::from(block.header.len);
        self.points += u64::from(block.header.points);
    }

    /// Adds a block at the end of a file that is there, which takes so many bytes now.
    pub(super) fn push(&mut self, first: Seq, block: BlockAt, bytes: u64) {
        self.count(&block);
        if let Some(file) = self.files.get_mut(&first) {
            self.bytes += bytes.saturating_sub(file.bytes);
            file.bytes = file.bytes.max(bytes);
            file.blocks.push(block);
        }
    }

    /// Forgets a file.
    pub(super) fn remove(&mut self, first: Seq) -> Option<BlockFile> {
        self.handles.retain(|(of, _)| *of != first);
        let file = self.files.remove(&first)?;
        self.loaded.retain(|(loaded, _)| !(first..file.end()).contains(&loaded.header().first));
        self.heads.retain(|of, _| !(first..file.end()).contains(of));
        self.bytes = self.bytes.saturating_sub(file.bytes);
        for block in &file.blocks {
            self.used_bytes -= u64::from(block.header.len);
            self.points -= u64::from(block.header.points);
        }
        Some(file)
    }

    /// First point held.
    pub(super) fn first(&self) -> Option<Seq> {
        self.files.first_key_value().map(|(_, file)| file.blocks[0].header.first)
    }

    /// One past the last point held.
    pub(super) fn end(&self) -> Seq {
        self.files.last_key_value().map_or(0, |(_, file)| file.end())
    }

    /// The same without the newest block.
    pub(super) fn end_of_all_but_last(&self) -> Seq {
        let newest_first = self.files.values().rev().flat_map(|file| file.blocks.iter().rev());
        newest_first.map(|block| block.header.end).nth(1).unwrap_or(0)
    }

    /// A file has given back what it has beyond this.
    pub(super) fn shrink(&mut self, first: Seq, bytes: u64) {
        if let Some(file) = self.files.get_mut(&first) {
            self.bytes -= file.bytes.saturating_sub(bytes);
            file.bytes = file.bytes.min(bytes);
        }
    }

    /// Forgets the newest block of a file, and the file if it was the only one.
    pub(super) fn drop_last(&mut self, first: Seq) {
        self.loaded.clear();
        self.heads.clear();
        let Some(file) = self.files.get_mut(&first) else { return };
        if let Some(block) = file.blocks.pop() {
            self.used_bytes -= u64::from(block.header.len);
            self.points -= u64::from(block.header.points);
        }
        if file.blocks.is_empty() {
            self.remove(first);
        }
    }

    /// The first block that ends after `at`: its file and its place in it.
    pub(super) fn after(&self, at: Seq) -> Option<(Seq, usize)> {
        let here = self.files.range(..=at).next_back().filter(|(_, file)| file.end() > at);
        let (first, file) = here.or_else(|| self.files.range(at..).next())?;
        Some((*first, file.blocks.partition_point(|block| block.header.end <= at)))
    }

    pub(super) fn block(&self, file: Seq, nth: usize) -> Option<&BlockAt> {
        self.files.get(&file)?.blocks.get(nth)
    }

    pub(super) fn block_mut(&mut self, file: Seq, nth: usize) -> Option<&mut BlockAt> {
        self.files.get_mut(&file)?.blocks.get_mut(nth)
    }

    /// Every block, oldest first, with its file.
    pub(super) fn all(&self) -> impl Iterator<Item = (Seq, usize, &BlockAt)> {
        self.files.iter().flat_map(|(first, file)| file.blocks.iter().enumerate().map(|(nth, block)| (*first, nth, block)))
    }

    /// Whether nothing more is written to a file.
    pub(super) fn is_full(&self, first: Seq) -> bool {
        self.filling.as_ref().is_none_or(|filling| filling.first != Some(first))
    }

    /// The open file of a block.
    pub(super) fn file<D: Disk<File = F>>(&mut self, disk: &D, first: Seq) -> io::Result<&F> {
        if !self.is_full(first) {
            return self.filling.as_ref().map(|filling| &filling.file).ok_or_else(|| io::ErrorKind::NotFound.into());
        }
        match self.handles.iter().position(|(of, _)| *of == first) {
            Some(at) => self.handles.swap(0, at),
            None => {
                let name = &self.files.get(&first).ok_or(io::ErrorKind::NotFound)?.name;
                let file = disk.open(&self.dir.join(&**name))?;
                self.handles.truncate(STORE_OPEN_FILES_MAX - 1);
                self.handles.push_front((first, file));
            }
        }
        self.handles.front().map(|(_, file)| file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Reads and decodes a block, or finds it decoded. With `patched`, pages that cannot be read count as zeros.
    pub(super) fn load<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        names: &Dictionary,
        file: Seq,
        nth: usize,
        patched: bool,
    ) -> io::Result<Load<'_>> {
        let at = *self.block(file, nth).ok_or(io::ErrorKind::NotFound)?;
        if let Some(found) = self.loaded.iter().position(|(loaded, _)| loaded.header().first == at.header.first) {
            self.loaded.swap(0, found);
        } else {
            let bytes = read_block(disk, self.file(disk, file)?, &at, patched)?;
            let Some(head) = head_of(&at.header, &bytes) else { return Ok(Load::Lost) };
            let mut loaded = Loaded::new(&at.header, &head, &bytes);
            let lost = loaded.lost() + nameless(&mut loaded, &head, names);
            self.loaded.truncate(STORE_LOADED_BLOCKS_MAX - 1);
            self.loaded.push_front((loaded, lost));
        }
        Ok(self.loaded.front_mut().map_or(Load::Lost, |(loaded, lost)| Load::Block(loaded, *lost)))
    }
}

impl<F> Blocks<F> {
    /// The open file and the head of a block; no head if both copies are bad.
    pub(super) fn head<D: Disk<File = F>>(&mut self, disk: &D, file: Seq, at: &BlockAt) -> io::Result<(&F, Option<&Head>)> {
        if !self.heads.contains_key(&at.header.first)
            && let Some(head) = read_head(disk, self.file(disk, file)?, at)?
        {
            if self.heads.len() >= STORE_HEADS_MAX {
                self.heads.pop_first();
            }
            self.heads.insert(at.header.first, head);
        }
        self.file(disk, file)?;
        let open = self.opened(file).ok_or(io::ErrorKind::NotFound)?;
        Ok((open, self.heads.get(&at.header.first)))
    }

    /// A file that was just opened.
    fn opened(&self, first: Seq) -> Option<&F> {
        if self.is_full(first) { self.handles.front().map(|(_, file)| file) } else { self.filling.as_ref().map(|filling| &filling.file) }
    }
}

/// Points whose names are lost in both places; looked for only where a number has no name.
fn nameless(loaded: &mut Loaded, head: &Head, names: &Dictionary) -> u64 {
    let origins = head.chunks().iter().all(|chunk| names.knows_origin(chunk.origin));
    if origins && head.metrics().iter().all(|metric| names.knows_metric(*metric)) {
        return 0;
    }
    let (mut at, end, mut records, mut points) = (loaded.header().first, loaded.header().end, Vec::new(), 0);
    while at < end {
        at = loaded.read(at, READ_POINTS_MAX, &mut records).max(at + 1);
        points += records.drain(..).filter(|record| !names.knows(record.origin, record.metric)).count() as u64;
    }
    points
}

/// A whole block; what lies behind the end of the file is zeros.
pub(super) fn read_block<D: Disk>(disk: &D, file: &D::File, at: &BlockAt, patched: bool) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; at.header.len as usize];
    match patched {
        true => pread_patched(disk, file, u64::from(at.offset), &mut bytes)?,
        false => disk.pread(file, u64::from(at.offset), &mut bytes)?,
    };
    Ok(bytes)
}

/// The head of a block, from whichever copy is good.
pub(super) fn head_of(header: &Header, block: &[u8]) -> Option<Head> {
    let copies = [HEADER_BYTES..HEADER_BYTES + header.head_len as usize, header.copy_of_head()];
    copies.into_iter().find_map(|range| Head::parse(header, block.get(range)?))
}

/// File name of the file whose first block begins with point `first`.
pub(super) fn file_name(first: Seq) -> String {
    format!("{first:016x}.blk")
}

/// The head of a block from the disk, from whichever copy is good.
pub(super) fn read_head<D: Disk>(disk: &D, file: &D::File, at: &BlockAt) -> io::Result<Option<Head>> {
    let first = HEADER_BYTES..HEADER_BYTES + at.header.head_len as usize;
    for range in [first, at.header.copy_of_head()] {
        let mut bytes = vec![0; range.len()];
        pread_patched(disk, file, u64::from(at.offset) + range.start as u64, &mut bytes)?;
        if let Some(head) = Head::parse(&at.header, &bytes) {
            return Ok(Some(head));
        }
    }
    Ok(None)
}
