//! How the alarms' state becomes bytes: the words of [`aggregate::save`](crate::aggregate::save), and the few of our own.
//!
//! Rules and points are saved by name, so that a version with more of them reads what an older one wrote; what is known no
//! more is left out. Lists are bounded where they are read.

use crate::aggregate::save::Save;
use facility_config::alarm::RuleKind;
use facility_config::{Part, Point};
use facility_drivers::Metric;

/// First bytes of a snapshot of alarms.
pub(super) const MAGIC: &[u8; 4] = b"ALRM";
/// Raise it with any change of a saved struct: an older snapshot is then refused and the log replayed.
pub(super) const VERSION: u8 = 3;

impl Save for RuleKind {
    fn save(&self, out: &mut Vec<u8>) {
        Box::<str>::from(self.as_str()).save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Self::from_name(&Box::<str>::load(input)?)
    }
}

impl Save for Metric {
    fn save(&self, out: &mut Vec<u8>) {
        Box::<str>::from(self.point.info().name).save(out);
        self.part.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let point = Point::from_name(&Box::<str>::load(input)?)?;
        Some(Self { point, part: Part::load(input)? })
    }
}

/// Saves a list of any length.
pub(super) fn save_list<T: Save>(list: &[T], out: &mut Vec<u8>) {
    (list.len() as u64).save(out);
    list.iter().for_each(|item| item.save(out));
}

/// Loads a list that is not longer than `max`. Room is made as items are found.
pub(super) fn load_list<T: Save>(input: &mut &[u8], max: usize) -> Option<Vec<T>> {
    let len = usize::try_from(u64::load(input)?).ok().filter(|len| *len <= max)?;
    let mut list = Vec::new();
    for _ in 0..len {
        list.push(T::load(input)?);
    }
    Some(list)
}
