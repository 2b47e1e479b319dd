//! One line on the terminal that says how far a long command is. Silent where nobody watches. Four times a second at most.

use super::words;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two lines.
const EVERY: Duration = Duration::from_millis(250);

/// How far a command is.
pub(in crate::cli) struct Progress {
    shown: bool,
    begun: Instant,
    last: Option<Instant>,
}

impl Progress {
    /// Shows nothing unless `wanted` and errors go to a terminal.
    pub(in crate::cli) fn new(wanted: bool) -> Self {
        Self { shown: wanted && std::io::stderr().is_terminal(), begun: Instant::now(), last: None }
    }

    /// So much of `total` is done; `rate` is how many bytes that was, 0 if nobody knows; `what` says more.
    pub(in crate::cli) fn show(&mut self, done: u64, total: u64, rate: u64, what: &str) {
        let now = Instant::now();
        if !self.shown || self.last.is_some_and(|last| now < last + EVERY) {
            return;
        }
        self.last = Some(now);
        let seconds = now.duration_since(self.begun).as_secs_f64().max(1e-3);
        let left = if done == 0 { 0.0 } else { seconds * total.saturating_sub(done) as f64 / done as f64 };
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100).min(100);
        let speed = if rate == 0 { String::new() } else { format!(", {:.1} MB/s", rate as f64 / seconds / 1e6) };
        let line = format!("{what}: {} of {}, {percent} %{speed}, {left:.0} s left", words::count(done), words::count(total));
        // Nothing hangs on this line.
        let _ = write!(std::io::stderr(), "\r{line}\x1b[K");
    }

    /// Takes the line away.
    pub(in crate::cli) fn clear(&mut self) {
        if self.last.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
