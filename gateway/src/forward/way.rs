//! The line that all destinations share: one of higher priority that drains a backlog has it nearly to itself.
//!
//! Never holds a request up for longer than [`FORWARD_STAND_BACK_MS_MAX`], and never for a destination that is down, was told to come
//! later or waits for its own bytes per second: whoever pauses gives the line free, and so does one that ends.

use super::precedence::Needs;
use super::{Ended, Forwarder};
use facility_config::limits::FORWARD_STAND_BACK_MS_MAX;
use facility_drivers::LinkState;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A destination's place on the line.
#[derive(Debug, Clone)]
pub struct Way {
    line: Arc<watch::Sender<Needs>>,
    at: usize,
    priority: u8,
    patience: Duration,
}

impl Way {
    /// A line with nobody else on it.
    #[must_use]
    pub fn alone() -> Self {
        let line = Arc::new(watch::Sender::new(Needs::default()));
        Self { line, at: 0, priority: 1, patience: Duration::from_millis(FORWARD_STAND_BACK_MS_MAX) }
    }

    /// The same line, for another destination: its place in the configuration and its priority.
    #[must_use]
    pub fn shared(&self, at: usize, priority: u8) -> Self {
        Self { at, priority, ..self.clone() }
    }

    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Says whether the line is needed.
    pub(super) fn tell(&self, needs: bool) {
        self.line.send_if_modified(|all| all.tell(self.at, self.priority, needs));
    }

    /// Who goes first.
    pub(super) fn before(&self) -> Option<usize> {
        self.line.borrow().before(self.priority)
    }

    /// Until nobody goes first, or patience ends.
    async fn is_free(&self, patience: Duration) {
        let mut line = self.line.subscribe();
        let free = line.wait_for(|needs| needs.before(self.priority).is_none());
        // Whoever waits holds the sender: it cannot be gone.
        let _ = tokio::time::timeout(patience, free).await;
    }
}

impl Forwarder {
    /// Lets a destination of higher priority go first, for a while; then needs the line itself if it is behind.
    pub(super) async fn take_turn(&mut self) -> Result<(), Ended> {
        let (way, clock) = (&self.task.way, &self.task.clock);
        if let Some(at) = way.before() {
            self.task.delivery.shown.send_modify(|shown| shown.waits_for = Some(at));
            let stopped = self.task.stop.run_until_cancelled(way.is_free(clock.real(way.patience))).await.is_none();
            self.task.delivery.shown.send_modify(|shown| shown.waits_for = None);
            if stopped {
                return Err(Ended::Stop);
            }
        }
        // Whether it works is known from the request before: one that is down may hang for as long as it likes.
        let works = self.task.link.borrow().state == LinkState::Up;
        way.tell(works && self.feeds.iter().any(|feed| feed.behind().is_some()));
        Ok(())
    }
}

/// Also a forwarder that is stopped, or has a defect, gives the line free.
impl Drop for Forwarder {
    fn drop(&mut self) {
        self.task.way.tell(false);
    }
}
