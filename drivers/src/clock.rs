//! The only place that reads a clock. Everything else is given a [`Clock`] or a time.
//!
//! Lives in the lowest crate that stamps anything; never sleeps by itself.

mod steady;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use steady::Steady;

/// Wall and monotonic time, injected so that tests and the demonstration decide what time it is.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    mode: Mode,
}

/// A boot of the board and what its time since boot has to be added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// Tells this boot from all others.
    pub id: u64,
    /// Unix time of the boot, ms: exact while the clock is set, else a guess.
    pub base_ms: i64,
}

#[derive(Debug)]
enum Mode {
    /// The system's clock, but not before `floor_ms` plus the time since it was set, while the system's clock is
    /// evidently unset (a board without a battery-backed clock boots in 1970). Never 1970 itself: the floor begins at
    /// the build date. Where it is set back, see [`Steady`]; locked for a few instructions.
    System { floor_ms: AtomicI64, floor_set_ms: AtomicI64, steady: Mutex<Steady> },
    /// Starts at `start_ms` and runs `speed` times as fast as real time.
    Scaled { start_ms: i64, speed: f64 },
    /// Stands still until told otherwise.
    Manual { now_ms: AtomicI64, since_boot_ms: AtomicI64, boot: AtomicU64, is_set: AtomicBool },
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        let floor_ms = AtomicI64::new(facility_config::limits::BUILD_TIME_MS);
        Self::with(Mode::System { floor_ms, floor_set_ms: AtomicI64::new(0), steady: Mutex::default() })
    }

    /// A clock that starts at `start_ms` (Unix time, ms) and runs `speed` times as fast as real time.
    #[must_use]
    pub fn scaled(start_ms: i64, speed: f64) -> Self {
        Self::with(Mode::Scaled { start_ms, speed })
    }

    /// A clock that stands at `now_ms` until [`set`](Self::set).
    #[must_use]
    pub fn manual(now_ms: i64) -> Self {
        let (now_ms, since_boot_ms) = (AtomicI64::new(now_ms), AtomicI64::new(0));
        Self::with(Mode::Manual { now_ms, since_boot_ms, boot: AtomicU64::new(0), is_set: AtomicBool::new(true) })
    }

    fn with(mode: Mode) -> Self {
        Self(Arc::new(Inner { started: Instant::now(), mode }))
    }

    /// Unix time in milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &self.0.mode {
            Mode::System { floor_ms, floor_set_ms, steady } => {
                let system = system_ms();
                if system >= facility_config::limits::BUILD_TIME_MS {
                    let (now_ms, step) = steady.lock().unwrap_or_else(PoisonError::into_inner).now_ms(system, self.mono_ms());
                    if let Some(step_ms) = step {
                        let ahead_ms = now_ms - system;
                        tracing::warn!(step_ms, ahead_ms, "the system's clock was set; a step back of less than a day is made good slowly");
                    }
                    return now_ms;
                }
                let since_set = self.mono_ms() - floor_set_ms.load(Ordering::Relaxed);
                system.max(floor_ms.load(Ordering::Relaxed) + since_set)
            }
            Mode::Scaled { start_ms, speed } => start_ms + (self.0.started.elapsed().as_secs_f64() * speed * 1e3) as i64,
            Mode::Manual { now_ms, .. } => now_ms.load(Ordering::Relaxed),
        }
    }

    /// Whether [`now_ms`](Self::now_ms) can be trusted: false on a board whose clock stands before the build date.
    #[must_use]
    pub fn is_set(&self) -> bool {
        match &self.0.mode {
            Mode::System { .. } => system_ms() >= facility_config::limits::BUILD_TIME_MS,
            Mode::Manual { is_set, .. } => is_set.load(Ordering::Relaxed),
            Mode::Scaled { .. } => true,
        }
    }

    /// Which boot of the board this is, and when it was by this clock. The time since boot never steps, so two answers
    /// of one boot differ by exactly what the clock was set by in between.
    #[must_use]
    pub fn boot(&self) -> Boot {
        match &self.0.mode {
            Mode::System { .. } => Boot { id: boot_id(), base_ms: self.now_ms() - since_boot_ms() },
            Mode::Scaled { .. } => Boot { id: 0, base_ms: self.now_ms() - self.mono_ms() },
            Mode::Manual { now_ms, since_boot_ms, boot, .. } => {
                let base_ms = now_ms.load(Ordering::Relaxed) - since_boot_ms.load(Ordering::Relaxed);
                Boot { id: boot.load(Ordering::Relaxed), base_ms }
            }
        }
    }

    /// Milliseconds since this clock was made; never steps.
    #[must_use]
    pub fn mono_ms(&self) -> i64 {
        self.0.started.elapsed().as_millis() as i64
    }

    /// How long this clock has been running, ms, in its own time; never steps. The wall clock gains on it by what it is set by.
    #[must_use]
    pub fn up_ms(&self) -> i64 {
        match &self.0.mode {
            Mode::System { .. } => self.mono_ms(),
            Mode::Scaled { start_ms, .. } => self.now_ms() - start_ms,
            Mode::Manual { since_boot_ms, .. } => since_boot_ms.load(Ordering::Relaxed),
        }
    }

    /// Tells a system clock that it is at least `floor_ms` (the newest time found in the store). One that is set is
    /// believed if that is more than a day ahead of it.
    pub fn raise_floor(&self, floor_ms: i64) {
        if let Mode::System { floor_ms: floor, floor_set_ms, steady } = &self.0.mode {
            floor.fetch_max(floor_ms, Ordering::Relaxed);
            floor_set_ms.store(self.mono_ms(), Ordering::Relaxed);
            if self.is_set() {
                steady.lock().unwrap_or_else(PoisonError::into_inner).begin_at(floor_ms, system_ms(), self.mono_ms());
            }
        }
    }

    /// Sets a manual clock; other clocks do not listen.
    pub fn set(&self, to_ms: i64) {
        if let Mode::Manual { now_ms, is_set, .. } = &self.0.mode {
            now_ms.store(to_ms, Ordering::Relaxed);
            is_set.store(true, Ordering::Relaxed);
        }
    }

    /// The board of a manual clock starts again and does not know the time: `guess_ms` until [`set`](Self::set).
    pub fn reboot(&self, guess_ms: i64) {
        if let Mode::Manual { now_ms, since_boot_ms, boot, is_set } = &self.0.mode {
            now_ms.store(guess_ms, Ordering::Relaxed);
            since_boot_ms.store(0, Ordering::Relaxed);
            boot.fetch_add(1, Ordering::Relaxed);
            is_set.store(false, Ordering::Relaxed);
        }
    }

    /// Lets time pass on a manual clock, set or not; other clocks do not listen.
    pub fn pass(&self, span_ms: i64) {
        if let Mode::Manual { now_ms, since_boot_ms, .. } = &self.0.mode {
            now_ms.fetch_add(span_ms, Ordering::Relaxed);
            since_boot_ms.fetch_add(span_ms, Ordering::Relaxed);
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

/// Time since boot, sleep included.
fn since_boot_ms() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(now).map_or(0, |since| since.as_millis() as i64)
}

/// The kernel's random id of this boot, shortened; 0 where there is none, which then is one boot for ever.
fn boot_id() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&digits, 16).unwrap_or(0)
}

fn system_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
