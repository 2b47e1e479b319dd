//! What the log needs from a disk, small enough that a test can be the disk: lose power at any step, tear a write,
//! fill up, fail a sync.
//!
//! Paths are whole paths; a file handle stays valid when its name is replaced. No call here retries on its own except
//! for interrupted and short transfers (RELIABILITY F8).

use facility_config::limits::PAGE_BYTES;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file operations of a log. Every error is the system's own.
#[allow(clippy::missing_errors_doc)]
pub trait Disk: Send + 'static {
    /// An open file.
    type File: Send;

    /// Makes one folder; fine if it is there already.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// Names in a folder, in no order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes creations, renames and deletions in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// A new, empty file for reading and writing; an old one of that name is emptied.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// An existing file, for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Self::File>;
    /// Puts `from` in the place of `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a name.
    fn unlink(&self, path: &Path) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self, file: &Self::File) -> io::Result<u64>;
    /// Reads until `buf` is full or the file ends; says how much.
    fn pread(&self, file: &Self::File, offset: u64, buf: &mut [u8]) -> io::Result<usize>;
    /// Writes all of `bytes`.
    fn pwrite(&self, file: &Self::File, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes a file's bytes and length durable. After an error the pages written since the last success must be
    /// taken for lost: the system may call them clean (RELIABILITY P4).
    fn fdatasync(&self, file: &Self::File) -> io::Result<()>;
    /// Reserves room for a file of `len` bytes and makes it that long, so that writing into it cannot meet a full disk.
    /// A file system that cannot do that leaves the file as it is: then it grows as it is written.
    fn allocate(&self, file: &Self::File, len: u64) -> io::Result<()>;
    /// Cuts a file to `len` bytes.
    fn truncate(&self, file: &Self::File, len: u64) -> io::Result<()>;
    /// Bytes of a folder's file system that are free for this process.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
    /// Takes the exclusive lock of a file, creating it; `None` if someone else has it. Freed by the system when the
    /// holder ends, however it ends.
    fn lock(&self, path: &Path) -> io::Result<Option<Self::File>>;
}

/// Whether the medium failed to give the bytes, as opposed to too many open files and the like.
pub(super) fn is_medium_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Reads page by page; pages that the medium does not give are zeros, so that the rest can be used.
pub(super) fn pread_patched<D: Disk>(disk: &D, file: &D::File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    let (mut done, len) = (0, buf.len());
    while done < len {
        let at = offset.saturating_add(done as u64);
        let page = (PAGE_BYTES - (at % PAGE_BYTES as u64) as usize).min(len - done);
        let part = &mut buf[done..done + page];
        match disk.pread(file, at, part) {
            Ok(read) if read < page => return Ok(done + read),
            Ok(_) => {}
            Err(error) if is_medium_error(&error) => part.fill(0),
            Err(error) => return Err(error),
        }
        done += page;
    }
    Ok(done)
}

/// The system's file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    type File = File;

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        match std::fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn len(&self, file: &File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }

    fn pread(&self, file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            match file.read_at(&mut buf[done..], offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn pwrite(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn fdatasync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn allocate(&self, file: &File, len: u64) -> io::Result<()> {
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, len) {
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            other => Ok(other?),
        }
    }

    fn truncate(&self, file: &File, len: u64) -> io::Result<()> {
        file.set_len(len)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<File>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
