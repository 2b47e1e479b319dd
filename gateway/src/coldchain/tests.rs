//! Hours computed by hand, every way to change a log, restarts, late readings, months that are deleted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alter;
mod follow;
mod hours;

use super::chain::{Chain, Entry, What};
use super::hour::{Air, Figures, HOUR_MS};
use crate::aggregate::fixture::{T0, cabinet};
use facility_config::device::ColdClass;
use facility_config::{Device, Site};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A site with one frozen cabinet, `fz-02`, that is heard every minute.
fn site() -> Arc<Site> {
    crate::aggregate::fixture::site(Duration::from_secs(300), vec![freezer()])
}

fn freezer() -> Device {
    cabinet(ColdClass::Frozen)
}

/// An hour at −18 °C.
fn figures() -> Figures {
    let air = Air { min_c: -18.5, mean_c: -18.0, max_c: -17.0, mkt_c: -17.9, above_ms: 60_000, degree_min: 1.0 };
    Figures {
        observed_ms: HOUR_MS,
        air: Some(air),
        above_adjusted_ms: Some(0),
        product_c: None,
        door: Some((30_000, 2)),
        defrost_ms: Some(0),
        samples: 60,
        alarms: [0, 0],
    }
}

/// An hour that closed, `nth` after the beginning.
fn entry(nth: i64) -> Entry {
    Entry { hour_ms: T0 + nth * HOUR_MS, what: What::Closed(figures(), false) }
}

/// The same hour with something else to be said of it.
fn late(nth: i64, what: What) -> Entry {
    Entry { what, ..entry(nth) }
}

/// A log of so many hours, each covering ten more records of the readings log.
fn log(root: &Path, hours: i64) {
    let mut chain = Chain::open(root, "fz-02").unwrap();
    for nth in 0..hours {
        chain.append(&freezer(), nth.unsigned_abs() * 10 + 10, &[entry(nth)], 36).unwrap();
    }
}

/// All files of the log, one after the other.
fn text(root: &Path) -> String {
    let dir = root.join("fz-02");
    let months = super::files::months(&dir).unwrap();
    months.into_iter().map(|month| std::fs::read_to_string(super::files::path(&dir, month)).unwrap()).collect()
}
