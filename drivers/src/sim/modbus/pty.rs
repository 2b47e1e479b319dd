//! A pseudo terminal for a simulated line, under a path that the gateway opens like a serial port.

use crate::serial::{FarEnd, Serial};
use std::io;
use std::path::{Path, PathBuf};

/// The gateway's end of a line. While it lives, the line is there even when nobody has it open; dropped, it takes its
/// link with it.
#[derive(Debug)]
pub struct Pty {
    /// Open for as long as this lives, so that the line does not end when the gateway closes it.
    far: FarEnd,
    link: Option<PathBuf>,
}

impl Pty {
    /// A line: the gateway's end, and the end for a [`Server`](super::Server). Raw, without echo.
    ///
    /// # Errors
    /// If the system has no pseudo terminal left.
    pub fn open() -> io::Result<(Self, Serial)> {
        let (near, far) = Serial::pseudo()?;
        Ok((Self { far, link: None }, near))
    }

    /// As [`Pty::open`], under a path of one's own, like the links of `/dev/serial/by-id`. A link that is there already
    /// is replaced, as after a re-plug; anything else is left alone.
    ///
    /// # Errors
    /// If there is something else at `link`, or its folder cannot be written.
    pub fn open_at(link: &Path) -> io::Result<(Self, Serial)> {
        let (mut pty, near) = Self::open()?;
        if link.is_symlink() {
            std::fs::remove_file(link)?;
        }
        std::os::unix::fs::symlink(pty.far.path(), link)?;
        pty.link = Some(link.into());
        Ok((pty, near))
    }

    /// What to open: the link, if it has one.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.link.as_deref().unwrap_or(self.far.path())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // A link that shows elsewhere by now is another line's.
        if let Some(link) = self.link.as_ref().filter(|link| std::fs::read_link(link).is_ok_and(|to| to == self.far.path())) {
            let _ = std::fs::remove_file(link);
        }
    }
}

#[cfg(test)]
mod tests;
