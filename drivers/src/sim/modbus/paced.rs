//! A line that takes its time: bytes through a pseudo terminal arrive as late as through a UART.
//!
//! An answer arrives in one piece, when its last byte would have: never before the question's time on the wire, the
//! turnaround and its own time on the wire have passed since the question was read. tokio's timers count milliseconds; a
//! character at 115200 Bd takes 87 µs. So time is kept by a timer of the kernel.

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes under way on the line; above it, writing waits.
const UNDER_WAY_BYTES_MAX: usize = 64 * 1024;

/// Speed of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uart {
    /// Bits per second.
    pub baud: u32,
    /// Bits of a character, start and stop bits included.
    pub char_bits: u32,
    /// From the end of a question to the beginning of its answer, at least. A bank's own delay goes on at the same time.
    pub turnaround: Duration,
}

impl Uart {
    /// Time of so many characters.
    #[must_use]
    pub fn time_of(&self, chars: usize) -> Duration {
        let bits = (chars as u64).saturating_mul(self.char_bits.into());
        Duration::from_nanos(bits.saturating_mul(1_000_000_000) / u64::from(self.baud.max(1)))
    }
}

/// The device's end of a line, slowed down.
#[derive(Debug)]
pub struct Paced<T> {
    io: T,
    uart: Uart,
    alarm: Alarm,
    /// When the last byte so far, of either direction, is through.
    free: Instant,
    /// Whether that byte was heard, not sent.
    heard: bool,
    under_way: VecDeque<(Instant, Vec<u8>)>,
}

impl<T> Paced<T> {
    /// Slows a line down.
    ///
    /// # Errors
    /// If the kernel has no timer left.
    ///
    /// # Panics
    /// Outside a tokio runtime that does I/O.
    pub fn new(io: T, uart: Uart) -> io::Result<Self> {
        Ok(Self { io, uart, alarm: Alarm::new()?, free: Instant::now(), heard: false, under_way: VecDeque::new() })
    }
}

impl<T: AsyncWrite + Unpin> Paced<T> {
    /// Passes on what is through; pending while something is under way.
    fn pass_on(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((through, bytes)) = self.under_way.front_mut() {
            let wait = through.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                self.alarm.set(wait)?;
                ready!(self.alarm.poll(cx))?;
                continue;
            }
            let passed = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
            bytes.drain(..passed.min(bytes.len()));
            if passed == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if bytes.is_empty() {
                self.under_way.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Paced<T> {
    /// Also passes on what is through in the other direction: whoever serves a line always listens.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, chunk: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Poll::Ready(Err(error)) = this.pass_on(cx) {
            return Poll::Ready(Err(error));
        }
        let before = chunk.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, chunk))?;
        let bytes = chunk.filled().len() - before;
        this.free = this.free.max(Instant::now()) + this.uart.time_of(bytes);
        this.heard = true;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let passed = this.pass_on(cx);
        if let Poll::Ready(Err(error)) = passed {
            return Poll::Ready(Err(error));
        }
        let under_way: usize = this.under_way.iter().map(|(_, bytes)| bytes.len()).sum();
        if under_way + bytes.len() > UNDER_WAY_BYTES_MAX && passed.is_pending() {
            return Poll::Pending;
        }
        let turnaround = if std::mem::replace(&mut this.heard, false) { this.uart.turnaround } else { Duration::ZERO };
        this.free = (this.free + turnaround).max(Instant::now()) + this.uart.time_of(bytes.len());
        this.under_way.push_back((this.free, bytes.to_vec()));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.pass_on(cx))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.pass_on(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

/// A timer of the kernel, exact to some ten microseconds.
#[derive(Debug)]
struct Alarm(AsyncFd<OwnedFd>);

impl Alarm {
    fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // Deprecated for descriptors that change behind its back, which an owned one does not; its successor is not safe code.
        #[expect(deprecated, reason = "the only constructor without unsafe")]
        let fd = AsyncFd::new(fd)?;
        Ok(Self(fd))
    }

    /// Goes off once, after `wait`; what was set before is forgotten.
    fn set(&self, wait: Duration) -> io::Result<()> {
        let it_value = Timespec { tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: wait.subsec_nanos().into() };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            let mut expirations = [0; 8];
            if let Ok(read) = ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut expirations)?)) {
                return Poll::Ready(read.map(|_| ()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
