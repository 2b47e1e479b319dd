//! Where a store under measurement lies: a file system of its own on a block device of its own, so that every byte
//! the device is given can be counted, those of the file system's journal included.
//!
//! `/proc/self/io` would not do: it counts whole folios of the page cache, hundreds of times what a commit writes.
//! The device is a loop device on a sparse file in `TMPDIR`, which `tests/bench.sh` puts into memory. The file's name
//! is removed at once and the device goes with its mount, the mount with the namespace that `tests/bench.sh` makes for
//! this program: nothing stays behind, however it ends. Without root there is only a folder, and no device bytes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use tempfile::TempDir;

/// Default options of ext4, but no writes for reading.
pub(crate) const PLAIN: &str = "noatime";
/// What `deploy/` recommends for the data partition: the journal is written once a minute.
pub(crate) const CALM: &str = "noatime,commit=60";

/// A folder to measure in.
#[derive(Debug)]
pub(crate) struct Place {
    dir: PathBuf,
    /// `/sys/block/loopN/stat`.
    stat: Option<PathBuf>,
    _temp: TempDir,
}

impl Place {
    /// A new ext4 mounted with these options, at most `gib` large; a plain folder if that cannot be had.
    pub(crate) fn mounted(options: &str, gib: u32) -> Self {
        static TOLD: Once = Once::new();
        let temp = tempfile::tempdir().expect("a temporary folder");
        match mount(temp.path(), options, gib) {
            Ok(stat) => Self { dir: temp.path().join("mnt"), stat: Some(stat), _temp: temp },
            Err(error) => {
                TOLD.call_once(|| eprintln!("needs root for a loop device; figures without device bytes ({error})"));
                Self { dir: temp.path().to_owned(), stat: None, _temp: temp }
            }
        }
    }

    /// A plain folder, for figures that do not depend on a device.
    pub(crate) fn folder() -> Self {
        let temp = tempfile::tempdir().expect("a temporary folder");
        Self { dir: temp.path().to_owned(), stat: None, _temp: temp }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Bytes the device was given so far, everything that waits in memory written first.
    pub(crate) fn written(&self) -> Option<u64> {
        self.stat.as_ref()?;
        run("sync", &["-f", &path(&self.dir)]).ok()?;
        self.sectors()
    }

    /// The same with the file system's journal emptied into its places, as an unmount and a new mount do. Needs all
    /// files closed.
    pub(crate) fn written_and_settled(&self) -> Option<u64> {
        self.stat.as_ref()?;
        let remount = |how| run("mount", &["-o", how, &path(&self.dir)]);
        remount("remount,ro").and_then(|_| remount("remount,rw")).expect("a file system of our own");
        self.sectors()
    }

    /// Seventh field: sectors written, of 512 bytes whatever the device.
    fn sectors(&self) -> Option<u64> {
        let stat = std::fs::read_to_string(self.stat.as_ref()?).ok()?;
        stat.split_whitespace().nth(6)?.parse::<u64>().ok()?.checked_mul(512)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.stat.is_some()
            && let Err(error) = run("umount", &[&path(&self.dir)])
        {
            eprintln!("{} stays mounted: {error}", self.dir.display());
        }
    }
}

/// Makes and mounts the file system; says where its device keeps count.
fn mount(temp: &Path, options: &str, gib: u32) -> Result<PathBuf, String> {
    let (image, dir) = (temp.join("image"), temp.join("mnt"));
    let file = std::fs::File::create(&image).map_err(|error| error.to_string())?;
    file.set_len(u64::from(gib) << 30).map_err(|error| error.to_string())?;
    std::fs::create_dir(&dir).map_err(|error| error.to_string())?;
    // The defaults, finished at once: the kernel would go on formatting while something else is measured.
    run("mkfs.ext4", &["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", &path(&image)])?;
    run("mount", &["-t", "ext4", "-o", &format!("loop,{options}"), &path(&image), &path(&dir)])?;
    drop(std::fs::remove_file(&image));
    let source = run("findmnt", &["-n", "-o", "SOURCE", &path(&dir)])?;
    let name = source.trim().trim_start_matches("/dev/");
    Ok(Path::new("/sys/block").join(name).join("stat"))
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", said.lines().next().unwrap_or("failed without a word")))
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
