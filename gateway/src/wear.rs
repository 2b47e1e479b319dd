//! What is written to the card, and how long it lasts at that pace.
//!
//! Everything on the card wears it: logs, swap and the file system's journal as much as the stores. So the whole disk
//! is counted (`/sys/block/*/stat`), and what the stores wrote stands beside it. The projected life is the card's
//! capacity times `store.card_cycles`, an assumption, over the bytes per day: that of a new card. What a card writes
//! inside for each byte it is given (moved blocks, half-filled pages) cannot be seen from outside and is not in it;
//! with small commits it may be several times as much. What an eMMC tells of its own wear is a fact and stands beside.
//!
//! Runs off the data path and the stores' threads, every five minutes. Looks the card up once, at the start: a folder
//! on a dead disk must not hold up anything later. A card that is exchanged is known after the next start.

pub mod card;
pub mod meter;

use crate::status::WearInfo;
use crate::store::Durable;
use card::{Card, NoCard};
use facility_config::limits::WEAR_SAMPLE_MS;
use facility_config::site;
use facility_drivers::Clock;
use meter::Meter;
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Where Linux shows its devices.
pub const SYS: &str = "/sys";

/// Looks at the card from time to time and publishes what it saw.
#[derive(Debug, Clone)]
pub struct Gauge {
    card: Result<Card, NoCard>,
    cycles: u32,
    clock: Clock,
    stores: [watch::Receiver<Durable>; 2],
    meter: Meter,
    shown: watch::Sender<WearInfo>,
}

impl Gauge {
    /// Finds the card under the stores and looks at it for the first time. `sys` is [`SYS`], elsewhere only in tests.
    #[must_use]
    pub fn new(store: &site::Store, sys: &Path, stores: [watch::Receiver<Durable>; 2], clock: Clock) -> Self {
        let card = Card::under(&store.dir, sys);
        match &card {
            Ok(card) => tracing::info!(device = %card.info.device, bytes = card.info.bytes, "the stores are on this card"),
            Err(reason) => tracing::info!("the wear of the card is not known: {}", reason.words().0),
        }
        let shown = watch::Sender::new(WearInfo::default());
        let mut gauge = Self { card, cycles: store.card_cycles, clock, stores, meter: Meter::default(), shown };
        gauge.look();
        gauge
    }

    /// What was seen last.
    #[must_use]
    pub fn shown(&self) -> watch::Receiver<WearInfo> {
        self.shown.subscribe()
    }

    /// Looks every few minutes until stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut every = tokio::time::interval(Duration::from_millis(WEAR_SAMPLE_MS));
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first tick is now, and now was looked at when this was made.
        every.tick().await;
        loop {
            tokio::select! {
                _ = every.tick() => self.look(),
                () = stop.cancelled() => return,
            }
        }
    }

    fn look(&mut self) {
        let info = match &self.card {
            Err(reason) => WearInfo::without(*reason),
            Ok(card) => {
                let store_bytes = self.stores.iter().map(|store| store.borrow().bytes_written).sum();
                // A counter that cannot be read now is read again; its next value covers the time between.
                if let Some(sectors) = card.sectors_written() {
                    self.meter.push(self.clock.mono_ms(), sectors, store_bytes);
                }
                WearInfo::new(&card.info, card.told(), &self.meter, self.cycles)
            }
        };
        self.shown.send_replace(info);
    }
}

#[cfg(test)]
mod tests;
