//! A disk that is only looked at: a card that is mounted read-only, a copy of one, the folder of a gateway that runs.
//!
//! Never changes a byte, takes no lock, and says yes to everything that would: a log opened on it repairs what it finds
//! in memory only. Files are opened for reading; a new file is `/dev/null`.

use super::disk::{Disk, RealDisk, is_medium_error};
use facility_config::limits::PAGE_BYTES;
use std::fs::File;
use std::io;
use std::path::Path;

/// The system's file system, read-only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peek;

impl Disk for Peek {
    type File = File;

    fn make_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        // A folder that an opening would have made is an empty one.
        match RealDisk.list(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, _path: &Path) -> io::Result<File> {
        File::open("/dev/null")
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        let file = File::open(path)?;
        // The one file that an opening must be able to read: on a medium that does not give it, it counts as damaged.
        let is_format = path.file_name().is_some_and(|name| name == "FORMAT");
        let lost = is_format && RealDisk.pread(&file, 0, &mut [0; PAGE_BYTES]).is_err_and(|error| is_medium_error(&error));
        if lost { self.create(path) } else { Ok(file) }
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Ok(())
    }

    fn unlink(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn len(&self, file: &File) -> io::Result<u64> {
        RealDisk.len(file)
    }

    fn pread(&self, file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        RealDisk.pread(file, offset, buf)
    }

    fn pwrite(&self, _file: &File, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn fdatasync(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }

    fn allocate(&self, _file: &File, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, _file: &File, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(dir)
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<File>> {
        File::open("/dev/null").map(Some)
    }
}
