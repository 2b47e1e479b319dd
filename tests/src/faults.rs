//! Faults below the gateway: failing system calls, full and vanishing file systems, a clock of its own.
//!
//! Needs root (mounts, loop devices) and strace, xfsprogs and libfaketime from Debian. What the machine refuses ends the
//! test with the words of the system; nothing is skipped in silence.

use crate::until;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// strace on a running process or one of its threads, injecting what it is told.
#[derive(Debug)]
pub struct Strace {
    process: Child,
    dir: TempDir,
}

impl Strace {
    /// Attaches to one thread, or with `-f` among `args` to all of them, and waits until it has it.
    ///
    /// # Panics
    /// When strace is not there or may not attach.
    #[expect(clippy::expect_used, reason = "tests/run.sh installs strace")]
    pub async fn attach(id: u32, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let said = std::fs::File::create(dir.path().join("said")).expect("a file");
        let mut command = Command::new("strace");
        command.args(args).arg("-o").arg(dir.path().join("trace")).args(["-p", &id.to_string()]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().expect("strace: run tests/run.sh");
        let mut strace = Self { process, dir };
        until("strace to attach", Duration::from_secs(10), || {
            let said = std::fs::read_to_string(strace.dir.path().join("said")).unwrap_or_default();
            if let Ok(Some(status)) = strace.process.try_wait() {
                // Its process may be dead by now, as ordered.
                assert!(said.contains("attached"), "strace ended with {status}: {said}");
            }
            std::future::ready(said.contains("attached").then_some(()))
        })
        .await;
        strace
    }

    /// What it has seen so far, a line for each call.
    #[must_use]
    pub fn trace(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("trace")).unwrap_or_default()
    }

    /// Lets go: the fault is over. What it has seen.
    pub fn detach(mut self) -> String {
        self.end();
        self.trace()
    }

    fn end(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

/// A mounted file system that goes with the test.
#[derive(Debug)]
pub struct Mount {
    /// Where it is mounted.
    point: PathBuf,
    /// Its block image, if it has one.
    image: Option<PathBuf>,
    dir: TempDir,
}

impl Mount {
    /// A file system in memory of so many bytes.
    ///
    /// # Panics
    /// When mounting is refused.
    #[must_use]
    pub fn tmpfs(bytes: u64) -> Self {
        let mount = Self::new(None);
        run("mount", &["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs", text(&mount.point)]);
        mount
    }

    /// ext4 on a loop device over a file of so many MiB in memory.
    ///
    /// # Panics
    /// When mounting or loop devices are refused.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a laboratory without files cannot go on")]
    pub fn ext4(mib: u64) -> Self {
        let mut mount = Self::new(Some(Path::new("/dev/shm")));
        let image = mount.dir.path().join("image");
        std::fs::File::create(&image).and_then(|file| file.set_len(mib << 20)).expect("an image");
        run("mkfs.ext4", &["-q", "-F", text(&image)]);
        mount.image = Some(image);
        mount.mount_image();
        mount
    }

    #[expect(clippy::expect_used, reason = "a laboratory without files cannot go on")]
    fn new(within: Option<&Path>) -> Self {
        let dir = within.map_or_else(tempfile::tempdir, tempfile::tempdir_in).expect("a temporary directory");
        let point = dir.path().join("mounted");
        std::fs::create_dir(&point).expect("a mount point");
        Self { point, image: None, dir }
    }

    fn mount_image(&self) {
        if let Some(image) = &self.image {
            run("mount", &["-o", "loop,noatime,errors=remount-ro", text(image), text(&self.point)]);
        }
    }

    /// Its root folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.point
    }

    /// Bytes that are free.
    ///
    /// # Panics
    /// When it is not mounted.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a mount that is gone fails the test")]
    pub fn free_bytes(&self) -> u64 {
        let stat = rustix::fs::statvfs(&self.point).expect("a mounted file system");
        stat.f_bavail * stat.f_frsize
    }

    /// Somebody else takes all that is free; once more into another file if told so. Removing the file ends it.
    ///
    /// # Panics
    /// When it cannot be filled.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a laboratory without files cannot go on")]
    pub fn fill(&self, name: &str) -> PathBuf {
        let path = self.point.join(name);
        let file = std::fs::File::create(&path).expect("a file");
        let free = self.free_bytes();
        if free > 0 {
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, free).expect("room to take");
        }
        path
    }

    /// Takes writing away from everybody, or gives it back. Refused while a file is open for writing.
    pub fn set_read_only(&self, yes: bool) {
        run("mount", &["-o", if yes { "remount,ro" } else { "remount,rw" }, text(&self.point)]);
    }

    /// ext4 turns read-only under whoever has files open for writing, as it does when its medium fails. Goes on until
    /// [`repair`](Self::repair).
    ///
    /// # Panics
    /// When the kernel cannot be made to.
    #[expect(clippy::expect_used, reason = "a fault that does not come tests nothing")]
    pub fn turn_read_only(&self) {
        let device = Command::new("findmnt").args(["-no", "SOURCE", text(&self.point)]).output().expect("findmnt").stdout;
        let name = String::from_utf8_lossy(&device).trim().trim_start_matches("/dev/").to_owned();
        std::fs::write(format!("/sys/fs/ext4/{name}/trigger_fs_error"), "1").expect("an error on demand");
    }

    /// What a person does about that. Nobody may be using it.
    pub fn repair(&self) {
        run("umount", &[text(&self.point)]);
        if let Some(image) = &self.image {
            // 1 says that something was repaired.
            let status = Command::new("e2fsck").args(["-fy", text(image)]).stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(status.is_ok_and(|status| matches!(status.code(), Some(0 | 1))), "e2fsck");
        }
        self.mount_image();
    }

    /// The power goes now: the device keeps what it was given so far and nothing of the system's memory. Whoever used
    /// the file system must have been frozen before ([`Gateway::signal`](crate::Gateway::signal)) and be dead after
    /// `kill`. Afterwards it is mounted again, as after a start.
    ///
    /// # Panics
    /// When it has no image or cannot be mounted again.
    #[expect(clippy::expect_used, reason = "a laboratory without files cannot go on")]
    pub fn cut_power(&mut self, kill: impl FnOnce()) {
        let image = self.image.clone().expect("a block image");
        let kept = image.with_extension("kept");
        std::fs::copy(&image, &kept).expect("room for a copy");
        kill();
        run("umount", &[text(&self.point)]);
        std::fs::rename(&kept, &image).expect("a rename");
        self.mount_image();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a gateway of a failed test may still be in it.
        let _ = Command::new("umount").arg("-l").arg(&self.point).status();
    }
}

/// What `FAKETIME` and its neighbours are set to for a gateway whose wall clock is told by a file. Its monotonic clock
/// stays true.
#[derive(Debug)]
pub struct FakeClock {
    file: PathBuf,
    _dir: TempDir,
}

impl FakeClock {
    /// A clock that stands off the true one by `offset_s` seconds.
    ///
    /// # Panics
    /// Without a temporary directory.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a machine without a temporary directory runs no test")]
    pub fn new(offset_s: i64) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clock = Self { file: dir.path().join("time"), _dir: dir };
        clock.set(offset_s);
        clock
    }

    /// Sets it off the true one by so many seconds.
    ///
    /// # Panics
    /// Without its file.
    #[expect(clippy::expect_used, reason = "a machine without a temporary directory runs no test")]
    pub fn set(&self, offset_s: i64) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{offset_s:+}s\n")).expect("a file");
        std::fs::rename(&new, &self.file).expect("a rename");
    }

    /// Variables for the gateway's environment.
    ///
    /// # Panics
    /// Without libfaketime.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let arch = std::env::consts::ARCH;
        let library = PathBuf::from(format!("/usr/lib/{arch}-linux-gnu/faketime/libfaketime.so.1"));
        assert!(library.is_file(), "{} is missing: run tests/run.sh", library.display());
        let told = |word: &str| word.to_owned();
        vec![
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_NO_CACHE", told("1")),
            ("FAKETIME_DONT_FAKE_MONOTONIC", told("1")),
        ]
    }
}

/// Runs a program that must do what it is asked.
#[expect(clippy::panic, reason = "a laboratory that may not mount cannot test what happens to a disk")]
fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}: run tests/run.sh"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?} is refused ({}); the disk tests need root: {said}", output.status);
}

#[expect(clippy::expect_used, reason = "temporary paths are plain")]
fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}
