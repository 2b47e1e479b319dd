//! Openings of a store during which the clock was not set, and what puts their times right (RELIABILITY P9).
//!
//! A board without a battery-backed clock does not know the time when it starts. Its points then carry provisional
//! times: a base that is a guess, plus the time since boot, which is exact. When the clock is set the true base is
//! known, and the difference moves every time of that opening, also of an earlier one of the same boot. Nobody reads
//! provisional points before that. Times of a boot that ended without ever knowing the time stay the guess they are.
//!
//! Pure. Bounded: [`STORE_EPOCHS_MAX`] openings are remembered, the oldest are forgotten.

use super::bytes::Input;
use facility_config::limits::STORE_EPOCHS_MAX;
use facility_drivers::clock::Boot;

/// One opening with provisional times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    /// Number of the opening.
    pub(super) epoch: u32,
    /// Which boot of the board, and the base its times were guessed from.
    pub(super) boot: Boot,
    /// What is added to its times, ms; `None` until that is known.
    pub(super) shift_ms: Option<i64>,
}

impl Epoch {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&self.boot.id.to_le_bytes());
        out.extend_from_slice(&self.boot.base_ms.to_le_bytes());
        out.push(u8::from(self.shift_ms.is_some()));
        out.extend_from_slice(&self.shift_ms.unwrap_or(0).to_le_bytes());
    }

    pub(super) fn take(input: &mut Input<'_>) -> Option<Self> {
        let (epoch, id, base_ms) = (input.u32()?, input.u64()?, input.i64()?);
        let (known, shift_ms) = (input.u8()?, input.i64()?);
        Some(Self { epoch, boot: Boot { id, base_ms }, shift_ms: (known != 0).then_some(shift_ms) })
    }
}

/// All openings that matter.
#[derive(Debug, Clone, Default)]
pub(super) struct Epochs(pub(super) Vec<Epoch>);

impl Epochs {
    /// Notes that an opening has provisional times; `true` if that is new.
    pub(super) fn note(&mut self, epoch: u32, boot: Boot) -> bool {
        if self.0.iter().any(|known| known.epoch == epoch) {
            return false;
        }
        if self.0.len() >= STORE_EPOCHS_MAX {
            self.0.remove(0);
        }
        self.0.push(Epoch { epoch, boot, shift_ms: None });
        true
    }

    /// What to add to the provisional times of an opening; `None` while that is not known.
    pub(super) fn shift_ms(&self, epoch: u32) -> Option<i64> {
        // One that was forgotten is so old that its guess has to do.
        self.0.iter().find(|known| known.epoch == epoch).map_or(Some(0), |known| known.shift_ms)
    }

    /// Whether some opening's times are not known yet.
    pub(super) fn are_open(&self) -> bool {
        self.0.iter().any(|epoch| epoch.shift_ms.is_none())
    }

    /// The clock is set, and this is the boot and its true base: every opening gets its shift.
    pub(super) fn resolve(&mut self, now: Boot) {
        for epoch in self.0.iter_mut().filter(|epoch| epoch.shift_ms.is_none()) {
            let known = epoch.boot.id == now.id;
            epoch.shift_ms = Some(if known { now.base_ms.saturating_sub(epoch.boot.base_ms) } else { 0 });
        }
    }

    /// Forgets openings before `epoch`: none of their points are held any more.
    pub(super) fn forget_before(&mut self, epoch: u32) {
        self.0.retain(|known| known.epoch >= epoch);
    }
}
