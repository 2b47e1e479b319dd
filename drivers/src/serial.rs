//! A serial port, or one end of a pseudo terminal, for the runtime.
//!
//! serial2 opens and sets it; here it only becomes something to wait for.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serial2::SerialPort;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// An open port.
#[derive(Debug)]
pub struct Serial(AsyncFd<SerialPort>);

impl Serial {
    /// Takes over a port that serial2 opened.
    ///
    /// # Errors
    /// If the runtime cannot wait for it.
    #[allow(deprecated)] // Its successor is unsafe to call, for types that do not own what they wait for; this one does.
    pub fn new(port: SerialPort) -> io::Result<Self> {
        AsyncFd::new(port).map(Self)
    }

    /// A new pseudo terminal: its near end, and the far end, for whoever takes it for a serial port.
    ///
    /// # Errors
    /// If the system has none left.
    pub fn pseudo() -> io::Result<(Self, FarEnd)> {
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(&near, rustix::fs::fcntl_getfl(&near)? | rustix::fs::OFlags::NONBLOCK)?;
        grantpt(&near)?;
        unlockpt(&near)?;
        let path = ptsname(&near, Vec::new())?;
        let path = PathBuf::from(String::from_utf8_lossy(path.as_bytes()).into_owned());
        let open = SerialPort::open(&path, |mut settings: serial2::Settings| {
            settings.set_raw();
            Ok(settings)
        })?;
        Ok((Self::new(SerialPort::from(near))?, FarEnd { path, _open: open }))
    }
}

/// The far end of a pseudo terminal. It is kept open and raw, so that nothing is echoed and no end is read while nobody
/// else has it open.
#[derive(Debug)]
pub struct FarEnd {
    path: PathBuf,
    _open: SerialPort,
}

impl FarEnd {
    /// Its name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for Serial {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

impl AsyncRead for Serial {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(context))?;
            let read = ready.try_io(|port| rustix::io::read(port.get_ref(), into.initialize_unfilled()).map_err(io::Error::from));
            if let Ok(read) = read {
                into.advance(read?);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Serial {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.0.poll_write_ready(context))?;
            if let Ok(written) = ready.try_io(|port| rustix::io::write(port.get_ref(), bytes).map_err(io::Error::from)) {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
