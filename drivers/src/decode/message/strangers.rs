//! Devices that were heard and that nobody declared: enough to adopt one, never a value.
//!
//! Bounded: [`STRANGERS_MAX`], the one heard longest ago gives way. The places of a payload are looked at once a second per
//! stranger at most, so that a flood of strangers costs little more than the look at its topics.

use super::personal::{NUMBER_DIGITS_MAX, digits_in_a_row};
use crate::heard::Stranger;
use facility_config::limits::STRANGERS_MAX;

/// Longest id that is kept, bytes; what is longer could not be configured.
const ID_BYTES_MAX: usize = 64;
/// Longest topic that is kept, bytes.
const TOPIC_BYTES_MAX: usize = 256;
/// Time between two looks at the places of a stranger's payload.
const LOOK_MS: i64 = 1_000;

/// Digits of an IMEI, the last of them for checking (3GPP TS 23.003, 6.2.1).
const IMEI_DIGITS: usize = 15;

/// The strangers of one broker.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    list: Vec<Stranger>,
    changed: bool,
}

impl Strangers {
    /// Notes a message of a device with that name. `topic` and `shape` are asked for only when they are needed.
    pub(super) fn hear(&mut self, id: &str, profile: &str, now_ms: i64, look: impl FnOnce() -> (String, Vec<Box<str>>)) {
        if id.is_empty() || id.len() > ID_BYTES_MAX || id.chars().any(char::is_control) || !is_nobodys_number(id) {
            return;
        }
        self.changed = true;
        let at = match self.list.iter().position(|stranger| *stranger.id == *id) {
            Some(at) => at,
            None => self.make_room(id, now_ms),
        };
        let stranger = &mut self.list[at];
        let due = stranger.messages == 0 || !(0..LOOK_MS).contains(&(now_ms - stranger.last_ms));
        stranger.messages = stranger.messages.saturating_add(1);
        if due {
            let (topic, shape) = look();
            let short = topic.len() <= TOPIC_BYTES_MAX && !topic.chars().any(char::is_control);
            stranger.topic = if short { topic.into() } else { "…".into() };
            stranger.profile = profile.into();
            stranger.shape = shape;
            stranger.last_ms = now_ms;
        }
    }

    /// A place for a new one.
    fn make_room(&mut self, id: &str, now_ms: i64) -> usize {
        let new = Stranger {
            id: id.into(),
            topic: "".into(),
            profile: "".into(),
            first_ms: now_ms,
            last_ms: now_ms,
            messages: 0,
            shape: Vec::new(),
        };
        if self.list.len() < STRANGERS_MAX {
            self.list.push(new);
            return self.list.len() - 1;
        }
        let oldest = (0..self.list.len()).min_by_key(|at| self.list[*at].last_ms).unwrap_or(0);
        self.list[oldest] = new;
        oldest
    }

    /// Whether anything was heard since the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// By id.
    pub(super) fn list(&self) -> Vec<Stranger> {
        let mut list = self.list.clone();
        list.sort_by(|a, b| a.id.cmp(&b.id));
        list
    }
}

/// Whether a name can be shown although nobody declared it. Some put a customer's telephone or a parcel's number where the
/// device's name belongs; who has such names for devices must declare them without seeing them here. An IMEI is told from a
/// waybill of fifteen digits by its check digit (Luhn), nine times in ten.
pub(super) fn is_nobodys_number(id: &str) -> bool {
    let is_imei = || id.len() == IMEI_DIGITS && id.bytes().all(|b| b.is_ascii_digit()) && luhn(id.bytes().map(|b| u32::from(b - b'0')));
    digits_in_a_row(id) <= NUMBER_DIGITS_MAX || is_imei()
}

/// ISO/IEC 7812-1: every second digit from the right is doubled, the digits of all are added, tens come out.
fn luhn(digits: impl DoubleEndedIterator<Item = u32>) -> bool {
    let doubled = |digit: u32| digit * 2 / 10 + digit * 2 % 10;
    digits.rev().enumerate().map(|(at, digit)| if at % 2 == 1 { doubled(digit) } else { digit }).sum::<u32>().is_multiple_of(10)
}
