//! Waiting to the microsecond, for the silence between two frames.
//!
//! The runtime's own timer counts whole milliseconds, and the gap of a fast line is 1.75 of them: rounding it up costs a
//! tenth of the line. A timer descriptor of the kernel does not round. Where there is none, the runtime's timer serves.

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

/// A timer of one port.
pub(super) struct Timer(Option<AsyncFd<OwnedFd>>);

impl Timer {
    #[allow(deprecated)] // Its successor is unsafe to call, for types that do not own what they wait for; this one does.
    pub(super) fn new() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(io::Error::from).and_then(AsyncFd::new);
        Self(timer.ok())
    }

    /// Waits until `end`; not at all if that is past.
    pub(super) async fn until(&self, end: Instant) {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if self.exactly(left).await.is_err() {
            sleep_until(end).await;
        }
    }

    async fn exactly(&self, span: Duration) -> io::Result<()> {
        let timer = self.0.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec { tv_sec: seconds, tv_nsec: i64::from(span.subsec_nanos()) },
        };
        timerfd_settime(timer, TimerfdTimerFlags::empty(), &once)?;
        // Setting it again takes back an expiry nobody waited for, but not that the runtime saw it: read until it is this one.
        loop {
            let mut ready = timer.readable().await?;
            let read = ready.try_io(|timer| rustix::io::read(timer, &mut [0u8; 8]).map_err(io::Error::from));
            if let Ok(read) = read {
                return read.map(drop);
            }
        }
    }
}
