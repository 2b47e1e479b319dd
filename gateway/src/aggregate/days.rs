//! A day's sums of one device, all its kinds together: what the archive keeps and what months, quarters and years are made of.
//!
//! Pure: it names what is to be kept and adds what was; the files are those of `archive/`.

use super::calendar::{Long, Span};
use super::cascade::Sums;
use super::column::{Cells, Kept};
use super::hold::Terms;
use super::row::Row;
use super::{cabinet, energy, locker, online, vending};

/// A local day that is over, and the longer windows that ended with it.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) day: Span,
    /// Of every device, in the order of the site.
    pub(crate) sums: Vec<DaySums>,
    pub(crate) ended: Vec<(Long, Span)>,
}

/// Sums of one device over whole days.
#[derive(Debug, Default)]
pub(crate) struct DaySums {
    pub(super) locker: Option<Box<locker::Slot>>,
    pub(super) cabinet: Option<Box<cabinet::Slot>>,
    pub(super) vending: Option<Box<vending::Slot>>,
    pub(super) energy: Option<Box<energy::Slot>>,
    pub(super) online: Option<Box<online::Slot>>,
}

impl DaySums {
    /// What is to be kept, by kind.
    pub(crate) fn parts(&self) -> Vec<(&'static str, Cells)> {
        fn part<S: Sums>(kind: &'static str, sums: Option<&S>) -> Option<(&'static str, Cells)> {
            let mut cells = Vec::new();
            sums?.keep(&mut cells);
            Some((kind, cells))
        }
        let parts = [
            part("locker", self.locker.as_deref()),
            part("cabinet", self.cabinet.as_deref()),
            part("vending", self.vending.as_deref()),
            part("energy", self.energy.as_deref()),
            part("device", self.online.as_deref()),
        ];
        parts.into_iter().flatten().collect()
    }

    /// Adds a day as it was kept; a kind that is not known here is left alone.
    pub(crate) fn take_in(&mut self, kind: &str, row: &dyn Kept) {
        fn add<S: Sums>(sums: &mut Option<Box<S>>, row: &dyn Kept) {
            sums.get_or_insert_default().add(&S::recall(row));
        }
        match kind {
            "locker" => add(&mut self.locker, row),
            "cabinet" => add(&mut self.cabinet, row),
            "vending" => add(&mut self.vending, row),
            "energy" => add(&mut self.energy, row),
            "device" => add(&mut self.online, row),
            _ => {}
        }
    }

    /// Writes the figures of a long window.
    pub(super) fn write(&self, terms: Terms, row: &mut Row<'_>) {
        if let Some(locker) = &self.locker {
            locker.write_long(row);
        }
        if let Some(cabinet) = &self.cabinet {
            cabinet.write_long(terms, row);
        }
        if let Some(vending) = &self.vending {
            // For how long a stock lasts is told of days and hours, while the days before are at hand.
            vending.write_long(None, row);
        }
        if let Some(energy) = &self.energy {
            energy.write_long(terms, row);
        }
        if let Some(online) = &self.online {
            online.write_long(row);
        }
    }
}
