//! The only place that reads a clock. Everything else is given a [`Clock`] or a time.
//!
//! Lives in the lowest crate that stamps anything; never sleeps by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall and monotonic time, injected so that tests and the demonstration decide what time it is.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    /// The system's clock, but not before `floor_ms` plus the time since it was set, while the system's clock is
    /// evidently unset (a board without a battery-backed clock boots in 1970). Never 1970 itself: the floor begins at
    /// the build date.
    System { floor_ms: AtomicI64, floor_set_ms: AtomicI64 },
    /// Starts at `start_ms` and runs `speed` times as fast as real time.
    Scaled { start_ms: i64, speed: f64 },
    /// Stands still until told otherwise.
    Manual { now_ms: AtomicI64 },
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::with(Mode::System { floor_ms: AtomicI64::new(facility_config::limits::BUILD_TIME_MS), floor_set_ms: AtomicI64::new(0) })
    }

    /// A clock that starts at `start_ms` (Unix time, ms) and runs `speed` times as fast as real time.
    #[must_use]
    pub fn scaled(start_ms: i64, speed: f64) -> Self {
        Self::with(Mode::Scaled { start_ms, speed })
    }

    /// A clock that stands at `now_ms` until [`set`](Self::set).
    #[must_use]
    pub fn manual(now_ms: i64) -> Self {
        Self::with(Mode::Manual { now_ms: AtomicI64::new(now_ms) })
    }

    fn with(mode: Mode) -> Self {
        Self(Arc::new(Inner { started: Instant::now(), mode }))
    }

    /// Unix time in milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &self.0.mode {
            Mode::System { floor_ms, floor_set_ms } => {
                let system = system_ms();
                if system >= facility_config::limits::BUILD_TIME_MS {
                    return system;
                }
                let since_set = self.mono_ms() - floor_set_ms.load(Ordering::Relaxed);
                system.max(floor_ms.load(Ordering::Relaxed) + since_set)
            }
            Mode::Scaled { start_ms, speed } => start_ms + (self.0.started.elapsed().as_secs_f64() * speed * 1e3) as i64,
            Mode::Manual { now_ms } => now_ms.load(Ordering::Relaxed),
        }
    }

    /// Whether [`now_ms`](Self::now_ms) can be trusted: false on a board whose clock stands before the build date.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !matches!(self.0.mode, Mode::System { .. }) || system_ms() >= facility_config::limits::BUILD_TIME_MS
    }

    /// Milliseconds since this clock was made; never steps.
    #[must_use]
    pub fn mono_ms(&self) -> i64 {
        self.0.started.elapsed().as_millis() as i64
    }

    /// Tells an unset system clock that it is at least `floor_ms` (the newest time found in the store).
    pub fn raise_floor(&self, floor_ms: i64) {
        if let Mode::System { floor_ms: floor, floor_set_ms } = &self.0.mode {
            floor.fetch_max(floor_ms, Ordering::Relaxed);
            floor_set_ms.store(self.mono_ms(), Ordering::Relaxed);
        }
    }

    /// Sets a manual clock; other clocks do not listen.
    pub fn set(&self, to_ms: i64) {
        if let Mode::Manual { now_ms } = &self.0.mode {
            now_ms.store(to_ms, Ordering::Relaxed);
        }
    }

    /// How long to really wait for `span` to pass on this clock. Schedules use it; limits on I/O do not.
    #[must_use]
    pub fn real(&self, span: Duration) -> Duration {
        match self.0.mode {
            Mode::Scaled { speed, .. } => span.div_f64(speed),
            Mode::System { .. } | Mode::Manual { .. } => span,
        }
    }
}

fn system_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
