//! What the kernel says of this process: processor time to the nanosecond, and memory.

use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::Duration;

/// Processor time of this process so far, user and system, threads that have ended included.
#[must_use]
pub fn cpu() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// Processor time of the calling thread so far.
#[must_use]
pub fn cpu_here() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// Processor time so far of the thread with this name; zero if there is none.
#[must_use]
pub fn cpu_of(name: &str) -> Duration {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let is_it = |path: &std::path::PathBuf| fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim_end() == name);
    let task = tasks.map(|entry| entry.path()).find(is_it);
    let stat = task.and_then(|path| fs::read_to_string(path.join("schedstat")).ok()).unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default())
}

/// A line of `/proc/self/status` that counts kilobytes, in MB.
#[must_use]
pub fn memory_mb(field: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')?.trim().strip_suffix(" kB"));
    line.and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() * 1024.0 / 1e6
}

/// From here on `VmHWM` is the peak since now.
pub fn forget_peak() {
    // Without it the peak is that of the whole run: larger, never smaller.
    drop(fs::write("/proc/self/clear_refs", "5"));
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
