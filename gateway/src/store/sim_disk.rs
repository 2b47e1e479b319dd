//! A disk in memory that behaves as badly as a real one may: seeded, so that every failure can be repeated.
//!
//! A crash keeps any subset of the 512-byte sectors written since the last sync of their file, may turn any page that
//! was being written into garbage, and keeps a prefix of the folder changes since the last folder sync. A failed sync
//! keeps a subset too and then, like Linux, calls the rest clean.

#![allow(clippy::unwrap_used)]

use super::disk::Disk;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

const SECTOR: usize = 512;
const PAGE: usize = 4096;

/// When operations of a kind fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Fail {
    #[default]
    Never,
    Once,
    Always,
}

#[derive(Debug, Default)]
struct Node {
    current: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
    /// Its length was changed since the last sync.
    resized: bool,
}

#[derive(Debug)]
enum DirChange {
    Link(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
}

#[derive(Debug)]
pub(super) struct State {
    rng: fastrand::Rng,
    nodes: Vec<Node>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    changes: Vec<DirChange>,
    is_off: bool,
    /// Operations until the power goes.
    pub(super) crash_in: Option<u64>,
    pub(super) garbage: bool,
    pub(super) writes: Fail,
    pub(super) syncs: Fail,
    pub(super) reads: Fail,
    /// Places that cannot be read any more.
    pub(super) dead: Vec<(PathBuf, usize)>,
    /// Bytes of all files together.
    pub(super) capacity: Option<usize>,
    /// What the disk says is free; without it, as much as anybody wants.
    pub(super) free: Option<u64>,
    /// Whether the file system can reserve room.
    pub(super) reserves: bool,
    pub(super) ops: u64,
}

/// Cheap to clone; all clones are one disk.
#[derive(Debug, Clone)]
pub(super) struct SimDisk(Arc<Mutex<State>>);

impl SimDisk {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng: fastrand::Rng::with_seed(seed),
            nodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            changes: Vec::new(),
            is_off: false,
            crash_in: None,
            garbage: false,
            writes: Fail::Never,
            syncs: Fail::Never,
            reads: Fail::Never,
            dead: Vec::new(),
            capacity: None,
            free: None,
            reserves: true,
            ops: 0,
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Another disk with the same files, all of them durable.
    pub(super) fn copy(&self) -> Self {
        let copy = Self::new(0);
        for path in self.files() {
            copy.put(&path, self.bytes(&path));
        }
        copy
    }

    /// The power goes and comes back.
    pub(super) fn crash(&self) {
        let mut state = self.state();
        let State { rng, nodes, garbage, .. } = &mut *state;
        let share = [0.0, 0.5, 0.9, 1.0][rng.usize(..4)];
        for node in nodes.iter_mut() {
            persist(rng, node, share);
            if *garbage {
                spoil(rng, node);
            }
            if node.resized && rng.bool() {
                node.durable.resize(node.current.len(), 0);
            }
            node.resized = false;
            node.dirty.clear();
            node.current.clone_from(&node.durable);
        }
        let changes = state.changes.len();
        let kept = state.rng.usize(..=changes);
        state.sync_names(kept);
        state.changes.clear();
        state.names = state.durable_names.clone();
        (state.is_off, state.crash_in) = (false, None);
    }

    /// All files that hold something, by name.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    pub(super) fn bytes(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.nodes[state.names[path]].current.clone()
    }

    /// Changes a file behind the log's back, durably.
    pub(super) fn put(&self, path: &Path, bytes: Vec<u8>) {
        let mut state = self.state();
        let id = state.names.get(path).copied().unwrap_or_else(|| {
            state.nodes.push(Node::default());
            state.nodes.len() - 1
        });
        state.names.insert(path.to_owned(), id);
        state.durable_names.insert(path.to_owned(), id);
        state.nodes[id] = Node { current: bytes.clone(), durable: bytes, dirty: BTreeSet::new(), resized: false };
    }

    pub(super) fn remove(&self, path: &Path) {
        let mut state = self.state();
        state.names.remove(path);
        state.durable_names.remove(path);
    }

    /// Counts an operation; the power may go right after it.
    fn step(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.is_off {
            return Err(io::Error::from_raw_os_error(5));
        }
        state.ops += 1;
        if let Some(left) = state.crash_in {
            state.crash_in = Some(left.saturating_sub(1));
            state.is_off = left == 0;
        }
        Ok(state)
    }
}

impl State {
    /// Makes the first `kept` folder changes durable.
    fn sync_names(&mut self, kept: usize) {
        for change in self.changes.drain(..kept) {
            match change {
                DirChange::Link(path, id) => _ = self.durable_names.insert(path, id),
                DirChange::Rename(from, to) => {
                    if let Some(id) = self.durable_names.remove(&from) {
                        self.durable_names.insert(to, id);
                    }
                }
                DirChange::Unlink(path) => _ = self.durable_names.remove(&path),
            }
        }
    }

    fn used(&self) -> usize {
        self.names.values().map(|id| self.nodes[*id].current.len()).sum()
    }
}

fn persist(rng: &mut fastrand::Rng, node: &mut Node, share: f64) {
    for sector in &node.dirty {
        let range = sector * SECTOR..((sector + 1) * SECTOR).min(node.current.len());
        if rng.f64() < share && range.start < range.end {
            if node.durable.len() < range.end {
                node.durable.resize(range.end, 0);
            }
            node.durable[range.clone()].copy_from_slice(&node.current[range]);
        }
    }
}

/// A page that was being programmed may hold anything.
fn spoil(rng: &mut fastrand::Rng, node: &mut Node) {
    let pages: BTreeSet<usize> = node.dirty.iter().map(|sector| sector * SECTOR / PAGE).collect();
    for page in pages {
        let range = (page * PAGE).min(node.durable.len())..((page + 1) * PAGE).min(node.durable.len());
        if rng.f64() < 0.3 {
            rng.fill(&mut node.durable[range]);
        }
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

fn fails(fail: &mut Fail) -> bool {
    let failing = *fail != Fail::Never;
    if *fail == Fail::Once {
        *fail = Fail::Never;
    }
    failing
}

impl Disk for SimDisk {
    type File = usize;

    fn make_dir(&self, _path: &Path) -> io::Result<()> {
        self.step().map(|_| ())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.step()?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        if state.is_off {
            return Err(eio());
        }
        let all = state.changes.len();
        state.sync_names(all);
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<usize> {
        let mut state = self.step()?;
        if state.writes == Fail::Always || state.capacity.is_some_and(|capacity| state.used() >= capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.nodes.push(Node::default());
        let id = state.nodes.len() - 1;
        state.names.insert(path.to_owned(), id);
        state.changes.push(DirChange::Link(path.to_owned(), id));
        if state.is_off { Err(eio()) } else { Ok(id) }
    }

    fn open(&self, path: &Path) -> io::Result<usize> {
        self.step()?.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        let id = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), id);
        state.changes.push(DirChange::Rename(from.to_owned(), to.to_owned()));
        if state.is_off { Err(eio()) } else { Ok(()) }
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.changes.push(DirChange::Unlink(path.to_owned()));
        if state.is_off { Err(eio()) } else { Ok(()) }
    }

    fn len(&self, file: &usize) -> io::Result<u64> {
        Ok(self.step()?.nodes[*file].current.len() as u64)
    }

    fn pread(&self, file: &usize, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.step()?;
        if fails(&mut state.reads) {
            return Err(eio());
        }
        let bytes = &state.nodes[*file].current;
        let asked = offset as usize..offset as usize + buf.len();
        if state.dead.iter().any(|(path, at)| state.names.get(path) == Some(file) && asked.contains(at)) {
            return Err(eio());
        }
        let from = bytes.len().min(offset as usize);
        let len = buf.len().min(bytes.len() - from);
        buf[..len].copy_from_slice(&bytes[from..from + len]);
        Ok(len)
    }

    fn pwrite(&self, file: &usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.step()?;
        if fails(&mut state.writes) {
            return Err(eio());
        }
        let (offset, used) = (offset as usize, state.used());
        let end = offset + bytes.len();
        let growth = end.saturating_sub(state.nodes[*file].current.len());
        if growth > 0 && state.capacity.is_some_and(|capacity| used + growth > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let node = &mut state.nodes[*file];
        if growth > 0 {
            node.current.resize(end, 0);
        }
        node.current[offset..end].copy_from_slice(bytes);
        node.dirty.extend(offset / SECTOR..end.div_ceil(SECTOR));
        if state.is_off { Err(eio()) } else { Ok(()) }
    }

    fn fdatasync(&self, file: &usize) -> io::Result<()> {
        let mut state = self.step()?;
        if state.is_off {
            return Err(eio());
        }
        let failing = fails(&mut state.syncs);
        let State { rng, nodes, .. } = &mut *state;
        let node = &mut nodes[*file];
        persist(rng, node, if failing { 0.5 } else { 1.1 });
        if node.resized && !failing {
            node.durable.resize(node.current.len(), 0);
            node.resized = false;
        }
        node.dirty.clear();
        if failing { Err(eio()) } else { Ok(()) }
    }

    fn allocate(&self, file: &usize, len: u64) -> io::Result<()> {
        let mut state = self.step()?;
        if fails(&mut state.writes) {
            return Err(eio());
        }
        let growth = (len as usize).saturating_sub(state.nodes[*file].current.len());
        if state.capacity.is_some_and(|capacity| state.used() + growth > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if state.reserves && growth > 0 {
            state.nodes[*file].current.resize(len as usize, 0);
            state.nodes[*file].resized = true;
        }
        if state.is_off { Err(eio()) } else { Ok(()) }
    }

    fn truncate(&self, file: &usize, len: u64) -> io::Result<()> {
        let mut state = self.step()?;
        let node = &mut state.nodes[*file];
        node.current.truncate(len as usize);
        node.dirty.retain(|sector| sector * SECTOR < len as usize);
        node.resized = true;
        if state.is_off { Err(eio()) } else { Ok(()) }
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(self.step()?.free.unwrap_or(u64::MAX))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<usize>> {
        match self.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.create(path).map(Some),
            other => other.map(Some),
        }
    }
}
