//! How long parcels lay: a histogram whose windows can be added, and its quantiles.
//!
//! Not told of a few parcels or of an hour: see [`DWELL_PARCELS_MIN`](facility_config::limits::DWELL_PARCELS_MIN). Buckets grow by a twentieth, so that a quantile is right to within a twentieth of itself, however many windows were put
//! together. Bounded: from a minute to two months.

use super::cascade::Add;
use super::column::{Cell, Cells, Keep, Kept, Name};
use super::save::Save;

/// Upper bound of the first bucket, s.
const FIRST_S: f64 = 60.0;
const GROWTH: f64 = 1.05;
const BUCKETS_MAX: usize = 230;

/// Parcels by how long they lay; as long as its longest parcel needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Dwell(Vec<u64>);

impl Dwell {
    /// A parcel that lay for so long.
    pub(super) fn take(&mut self, seconds: f64) {
        let at = bucket(seconds);
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] = self.0[at].saturating_add(1);
    }

    /// Parcels.
    pub(super) fn count(&self) -> i64 {
        i64::try_from(self.0.iter().sum::<u64>()).unwrap_or(i64::MAX)
    }

    /// Hours after which the given share of the parcels was gone (nearest rank); none without parcels.
    pub(super) fn quantile_h(&self, share: f64) -> Option<f64> {
        let rank = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut passed = 0;
        let at = self.0.iter().position(|count| {
            passed += count;
            passed >= rank
        })?;
        // The middle of the bucket.
        Some(FIRST_S * GROWTH.powi(at as i32) / GROWTH.sqrt() / 3600.0)
    }
}

fn bucket(seconds: f64) -> usize {
    if seconds <= FIRST_S { 0 } else { ((seconds / FIRST_S).ln() / GROWTH.ln()).ceil().min(BUCKETS_MAX as f64 - 1.0) as usize }
}

impl Add for Dwell {
    fn take_in(&mut self, later: &Self) {
        if self.0.len() < later.0.len() {
            self.0.resize(later.0.len(), 0);
        }
        self.0.iter_mut().zip(&later.0).for_each(|(sum, count)| *sum = sum.saturating_add(*count));
    }
}

impl Keep for Dwell {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        let counts = self.0.iter().map(|count| i64::try_from(*count).unwrap_or(i64::MAX));
        cells.push((Name::of(field), Cell::List(counts.collect())));
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        let counts = row.list(Name::of(field)).into_iter().take(BUCKETS_MAX);
        Self(counts.map(|count| count.max(0).unsigned_abs()).collect())
    }
}

impl Save for Dwell {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Vec::load(input).map(Self)
    }
}
