//! EVA-DTS 6 (DEX) audit files as JSON: `{"VA1":{"01":9641250,"02":20817},"PA1":{"A1":{"02":350}},"EA2":{"EJB":{"03":4}}}`.
//!
//! `/VA1/02` is the second element of the segment VA1. Segments of a selection (PA1 and the PA2… after it) lie under its name
//! (PA101), events (EA2) under their code. A segment that stands more than once elsewhere is a list of coins, tariffs or past
//! events, which nothing refers to: left out. So are empty elements, elements beyond the standard's 99 999 999 (counters roll
//! over there), and selections that are not present (PA107). Of cashless devices only counters are read, never a text: no card
//! passes here. Amounts in [`money`] are in fen whatever decimals the machine writes (ID401).
//!
//! A file is taken whole or not at all: it must reach its SE, with as many segments as that says and with the checksum of its
//! G85, where there is one. The bytes that frame it on a DEX line (DLE, STX…) are not part of a file. Bounded by its size and
//! in values.

mod frame;
mod money;

use super::body::VALUES_MAX;
use crate::fault::Fault;
use facility_config::limits::PART_BYTES_MAX;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Digits of the largest number the standard knows.
const DIGITS_MAX: usize = 8;

/// Reads a whole file.
///
/// # Errors
/// [`Fault::Undecodable`] for a file that is cut, damaged or none, [`Fault::Oversize`] for one with too many values.
pub fn read(body: &[u8]) -> Result<Value, Fault> {
    let mut audit = Audit::default();
    for segment in frame::segments(body)? {
        audit.segment(&frame::elements(segment))?;
    }
    Ok(audit.finish())
}

/// What has been read so far.
#[derive(Default)]
struct Audit<'a> {
    segments: Map<String, Value>,
    values: usize,
    /// Segments that stood before, with the selection or event they are about.
    seen: HashSet<(&'a str, &'a str)>,
    /// Those that stood more than once.
    repeated: Vec<(&'a str, &'a str)>,
    /// The selection that is being described.
    selection: Option<&'a str>,
    /// Selections that are not present.
    absent: Vec<&'a str>,
    decimals: Option<u8>,
}

impl<'a> Audit<'a> {
    fn segment(&mut self, segment: &[&'a str]) -> Result<(), Fault> {
        let [id, elements @ ..] = segment else { return Ok(()) };
        let id = *id;
        let key = match id {
            _ if !is_segment(id) => return Ok(()),
            "PA1" => {
                self.selection = elements.first().copied().filter(|name| is_name(name));
                if elements.get(6) == Some(&"1") {
                    self.absent.extend(self.selection);
                }
                self.selection
            }
            _ if id.starts_with("PA") => self.selection,
            "EA2" => elements.first().copied().filter(|code| is_name(code)),
            _ => Some(""),
        };
        // What does not say what it is about has no place.
        let Some(key) = key else { return Ok(()) };
        if !self.seen.insert((id, key)) {
            self.repeated.push((id, key));
            return Ok(());
        }
        if id == "ID4" {
            let digits = elements.first().filter(|digits| !digits.is_empty());
            self.decimals = digits.map(|digits| digits.parse().unwrap_or(u8::MAX));
        }
        let members = members(id, elements);
        self.values += members.len();
        if self.values > VALUES_MAX {
            return Err(Fault::Oversize);
        }
        let place = self.segments.entry(id).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(place) = place else { return Ok(()) };
        if key.is_empty() {
            place.extend(members);
        } else {
            place.insert(key.to_owned(), Value::Object(members));
        }
        Ok(())
    }

    fn finish(mut self) -> Value {
        for (id, key) in std::mem::take(&mut self.repeated) {
            self.remove(id, key);
        }
        for key in std::mem::take(&mut self.absent) {
            let of_selection = self.segments.iter_mut().filter(|(id, _)| id.starts_with("PA"));
            of_selection.filter_map(|(_, place)| place.as_object_mut()).for_each(|place| drop(place.remove(key)));
        }
        money::to_fen(&mut self.segments, self.decimals);
        Value::Object(self.segments)
    }

    fn remove(&mut self, id: &str, key: &str) {
        if key.is_empty() {
            self.segments.remove(id);
        } else if let Some(place) = self.segments.get_mut(id).and_then(Value::as_object_mut) {
            place.remove(key);
        }
    }
}

/// The elements of a segment that say something, by position.
fn members(id: &str, elements: &[&str]) -> Map<String, Value> {
    if id == "ID5" {
        return frame::date_time(elements).map(|time| ("time".to_owned(), Value::String(time))).into_iter().collect();
    }
    let of_card = ["DA", "DB"].iter().any(|device| id.starts_with(device));
    let numbered = (1..=99).zip(elements);
    numbered.filter_map(|(position, element)| Some((format!("{position:02}"), value(element, of_card)?))).collect()
}

fn value(element: &str, numbers_only: bool) -> Option<Value> {
    let is_number = !element.is_empty() && element.bytes().all(|byte| byte.is_ascii_digit());
    match is_number {
        true if element.len() <= DIGITS_MAX => element.parse::<u32>().ok().map(Value::from),
        true => None,
        false if element.is_empty() || numbers_only => None,
        false => Some(Value::String(element.to_owned())),
    }
}

/// Whether a segment has a name as the standard gives them: two letters and one or two digits. The marks of loops have none.
fn is_segment(id: &str) -> bool {
    matches!(id.as_bytes(), [a, b, digits @ ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase()
        && matches!(digits.len(), 1 | 2) && digits.iter().all(u8::is_ascii_digit))
}

/// Whether a selection's or event's name can stand for a part.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= PART_BYTES_MAX
}

#[cfg(test)]
mod tests;
