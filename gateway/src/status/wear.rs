//! The wear of the card as it is shown. Pure.

use crate::wear::card::{Band, CardInfo, NoCard, Reserve, Told};
use crate::wear::meter::{Meter, life_years};
use serde::Serialize;

/// What is written to the card the stores are on, and how long it lasts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WearInfo {
    /// The card; `None` if the stores are not on one that can be told of.
    pub card: Option<CardInfo>,
    /// Why there is none; empty if there is.
    pub why_en: &'static str,
    /// The same in Chinese.
    pub why_zh: &'static str,
    /// How long was measured, seconds.
    pub measured_s: u64,
    /// Written to the whole card in that time, by everything on it, bytes.
    pub written_bytes: u64,
    /// Written to the whole card per day: the mean of the last 24 h, or since start. `None` in the first quarter of an
    /// hour.
    pub written_bytes_per_day: Option<u64>,
    /// What the stores wrote of it per day. The file system's own writes for them are not in it.
    pub store_bytes_per_day: Option<u64>,
    /// Times the card can be written over, as configured: an assumption. 0 without a card.
    pub cycles_assumed: u32,
    /// Years a new card lasts at this pace with so many cycles, at most
    /// [`LIFE_YEARS_MAX`](crate::wear::meter::LIFE_YEARS_MAX).
    pub life_years: Option<f64>,
    /// Life the card itself reports as used; eMMC only.
    pub life_used: Option<Band>,
    /// Spare blocks as the card itself reports them; eMMC only.
    pub reserve: Option<Reserve>,
}

impl WearInfo {
    /// A card as far as it was measured.
    #[must_use]
    pub fn new(card: &CardInfo, told: Told, meter: &Meter, cycles: u32) -> Self {
        let pace = meter.pace();
        Self {
            card: Some(card.clone()),
            why_en: "",
            why_zh: "",
            measured_s: u64::try_from(meter.measured_ms() / 1000).unwrap_or(0),
            written_bytes: meter.written_bytes(),
            written_bytes_per_day: pace.map(|pace| pace.written_bytes_per_day),
            store_bytes_per_day: pace.map(|pace| pace.store_bytes_per_day),
            cycles_assumed: cycles,
            life_years: pace.map(|pace| life_years(card.bytes, cycles, pace.written_bytes_per_day)),
            life_used: told.life_used,
            reserve: told.reserve,
        }
    }

    /// No card, and why.
    #[must_use]
    pub fn without(reason: NoCard) -> Self {
        let (why_en, why_zh) = reason.words();
        Self { why_en, why_zh, ..Self::default() }
    }
}
