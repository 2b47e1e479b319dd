//! How many messages of one device are taken. Pure: time is an argument.
//!
//! A device gone wild is cut down to its rate; one that was offline for a week and sends everything at once is not. A clock
//! that steps back neither blocks a device nor opens the gate for it.

use facility_config::limits::MESSAGES_BURST;

/// One message.
const MESSAGE: u64 = 1_000;
const FULL: u64 = MESSAGES_BURST as u64 * MESSAGE;

/// Room for the messages of one device, in thousandths.
#[derive(Debug)]
pub(super) struct Bucket {
    room: u64,
    last_ms: i64,
    per_s: u32,
}

impl Bucket {
    /// With room for a whole burst.
    pub(super) fn new(per_s: u32) -> Self {
        Self { room: FULL, last_ms: 0, per_s }
    }

    /// Whether one more message may pass now.
    pub(super) fn take(&mut self, now_ms: i64) -> bool {
        let passed_ms = u64::try_from(now_ms.saturating_sub(self.last_ms)).unwrap_or(0);
        self.last_ms = now_ms;
        self.room = passed_ms.saturating_mul(u64::from(self.per_s)).saturating_add(self.room).min(FULL);
        let passes = self.room >= MESSAGE;
        if passes {
            self.room -= MESSAGE;
        }
        passes
    }
}
