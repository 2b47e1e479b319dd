//! State of one connection to the outside, for the status page and for health. Written by its driver alone.

use crate::fault::Fault;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Trying, or waiting to try again.
    Connecting,
    /// Working.
    Up,
    /// The other side refuses us: credentials or access rules. Trying on, but somebody has to act.
    Denied,
    /// Told to stop.
    Stopped,
}

/// One broker or bus as its driver sees it.
#[derive(Debug, Clone)]
pub struct Link {
    /// What it is doing.
    pub state: LinkState,
    /// Since when, Unix ms.
    pub since_ms: i64,
    /// Last error in words for people; never holds a credential.
    pub error: Option<String>,
    /// Which address of a broker is in use, while that is not the first one.
    pub via: Option<String>,
    /// Connections made since start.
    pub connects: u64,
    /// Faults since start, by [`Fault`].
    pub faults: [u64; Fault::ALL.len()],
    /// For a bus, since the last report of its health.
    pub load: Option<Load>,
}

/// How much a bus has to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Share of the time in which a question was under way, 0 to 1.
    pub busy: f64,
    /// Devices that are polled less often than they should be, although they answer.
    pub late_units: usize,
}

impl Link {
    /// A link that has not tried yet.
    #[must_use]
    pub fn new(now_ms: i64) -> Self {
        Self {
            state: LinkState::Connecting,
            since_ms: now_ms,
            error: None,
            via: None,
            connects: 0,
            faults: [0; Fault::ALL.len()],
            load: None,
        }
    }
}
