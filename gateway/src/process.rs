//! What the kernel says of this process. Reads two small files of `/proc/self`; elsewhere than on Linux it knows
//! nothing, and says nothing.

use std::fs;

/// Clock ticks per second in `/proc/*/stat`: part of Linux' interface to programs, 100 on ARM and x86 whatever the
/// kernel's own tick is (proc_pid_stat(5), `sysconf(_SC_CLK_TCK)`).
const TICKS_PER_S: f64 = 100.0;

/// Memory and time used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Memory in use, bytes.
    pub rss_bytes: u64,
    /// Processor time since start, user and system, seconds.
    pub cpu_s: f64,
}

/// This process, now.
pub fn usage() -> Option<Usage> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    Some(Usage { rss_bytes: rss_bytes(&status)?, cpu_s: cpu_s(&stat)? })
}

/// `VmRSS:   12345 kB`, in kilobytes whatever the page size.
fn rss_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Fields 14 and 15 (utime, stime). The name in field 2 may hold blanks and brackets; it ends at the last bracket.
fn cpu_s(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? as f64 + ticks()? as f64) / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_are_found_whatever_the_name() {
        assert_eq!(rss_bytes("Name:\tx\nVmRSS:\t   12345 kB\nRssAnon:\t 1 kB\n"), Some(12345 * 1024));
        assert_eq!(rss_bytes("Name:\tx\n"), None);
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 5 0 100 1 2";
        assert_eq!(cpu_s(stat), Some(3.0));
        assert_eq!(cpu_s("7 (short) S 1"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_memory() {
        assert!(usage().unwrap().rss_bytes > 1024 * 1024);
    }
}
