//! Openings that failed and were tried again: an opening that is tried three times is one failure (DOMAIN §4, retries within 10 s
//! count once).
//!
//! A locker's counters say how many commands there were and how many failed, not of which compartment. That is in the event that
//! tells a failure, which is about the machine and keeps its compartment; of a command that opened its door nobody here knows
//! which door that was, nor needs to. A locker that tells no such events, or names no compartment in them, has the figures of its
//! counters. Pure; bounded by [`FAILED_MAX`].

use super::save::saved;
use facility_config::Part;

/// The event that tells it, the part of its fields.
pub(crate) const OPEN_FAIL: &str = "open_fail";
/// Another failure of the same compartment within this time is the same one.
const RETRY_MS: i64 = 10_000;
/// Compartments that have failed within that time; of more the oldest is forgotten.
const FAILED_MAX: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Failed {
    compartment: Part,
    at_ms: i64,
}

saved!(Failed { compartment, at_ms });

/// Compartments that failed just now, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    failed: Vec<Failed>,
}

saved!(Retries { failed });

impl Retries {
    /// Takes a failure. True if it is one of an opening that has failed already: each counts from the one before it.
    pub(crate) fn take(&mut self, compartment: &str, at_ms: i64) -> bool {
        let Some(compartment) = Part::new(compartment).filter(|part| !part.is_whole()) else { return false };
        self.failed.retain(|failed| at_ms.saturating_sub(failed.at_ms) <= RETRY_MS);
        let known = self.failed.iter().position(|failed| failed.compartment == compartment);
        if let Some(known) = known {
            self.failed.remove(known);
        } else if self.failed.len() >= FAILED_MAX {
            self.failed.remove(0);
        }
        self.failed.push(Failed { compartment, at_ms });
        known.is_some()
    }
}
