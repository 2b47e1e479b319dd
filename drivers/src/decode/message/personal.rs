//! What in a text may be somebody's: the one rule for free texts, names of parts and names of members (DOMAIN §7).
//!
//! Pure. A hash of a name is made under a key that only this process has: names cannot be tried out against it.

use crate::fault::Fault;
use facility_config::limits::{FIRMWARE_DIGITS_MAX, FREE_TEXT_DIGITS_MAX, TEXT_BYTES_MAX};
use facility_config::{Part, Point};
use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

/// Most digits of a number that nobody doubts to be a count or a device's name: telephone and waybill numbers have eleven and more.
pub(super) const NUMBER_DIGITS_MAX: usize = 10;
/// Longest name of a member that is shown as it is, bytes.
const NAME_BYTES_MAX: usize = 32;

/// Whether a text of a payload that the profile lists no words for can be the value of that point: a [code](is_code), as
/// [`free_text`] besides. People fill such fields with names, addresses and half of a telephone number.
///
/// # Errors
/// [`Fault::BadText`] or [`Fault::Personal`].
pub(super) fn code(point: Point, text: &str) -> Result<(), Fault> {
    free_text(point, text)?;
    if is_code(text) { Ok(()) } else { Err(Fault::Personal) }
}

/// Whether a text can be the value of that point: printable, not too long, nobody's number. That is enough for registers, which
/// hold what the maker wrote.
///
/// # Errors
/// [`Fault::BadText`] or [`Fault::Personal`].
pub(in crate::decode) fn free_text(point: Point, text: &str) -> Result<(), Fault> {
    let digits_max = if point == Point::HealthFirmware { FIRMWARE_DIGITS_MAX } else { FREE_TEXT_DIGITS_MAX };
    match text {
        text if digits_in_a_row(text) > digits_max => Err(Fault::Personal),
        text if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) => Err(Fault::BadText),
        _ => Ok(()),
    }
}

/// A part that a payload or a topic names: a [code](is_code) without anybody's number.
pub(super) fn part_name(text: &str) -> Result<Part, Fault> {
    if is_personal(text) {
        return Err(Fault::Personal);
    }
    let part = part_named(text).ok_or(Fault::BadText)?;
    if is_code(text) { Ok(part) } else { Err(Fault::Personal) }
}

/// A part that a profile names, in any script; never empty, because that stands for the whole device.
pub(super) fn part_named(name: &str) -> Option<Part> {
    Part::new(name).filter(|part| !part.is_whole())
}

/// Whether a text is a code, as a maker gives them: `A-7`, `E:04`, `LOCK_NO_FEEDBACK`, `door 12`. A blank may stand between two
/// words, no other script anywhere.
pub(super) fn is_code(text: &str) -> bool {
    let is_sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'#' | b'+' | b'-');
    text.split(' ').all(|word| !word.is_empty() && word.bytes().all(is_sign))
}

/// Whether a text is a word of a protocol, like `client.order.create`: what kind of message it is must be told of one that no
/// profile knows. Without a digit it is no number of a
/// person, and no pick-up code of those that DOMAIN §7 knows.
pub(super) fn is_word(text: &str) -> bool {
    let is_sign = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b'-');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_sign)
}

/// Whether a text holds enough digits for a telephone, waybill or identity card number, or a pick-up code.
pub(super) fn is_personal(text: &str) -> bool {
    digits_in_a_row(text) > FREE_TEXT_DIGITS_MAX
}

/// The most digits that stand together, whatever separates them: only a letter ends them, so that `138,0013****` has seven.
/// Digits of every script count, full-width ones (U+FF10) among them.
pub(super) fn digits_in_a_row(text: &str) -> usize {
    if text.len() <= FREE_TEXT_DIGITS_MAX {
        return 0;
    }
    let (mut run, mut most) = (0_usize, 0);
    for c in text.chars() {
        if c.is_numeric() {
            run += 1;
            most = most.max(run);
        } else if c.is_alphabetic() {
            run = 0;
        }
    }
    most
}

/// Names that come out of payloads and topics, made fit to be kept and shown.
#[derive(Debug, Default)]
pub(super) struct Names(RandomState);

impl Names {
    /// The name, or a short hash of it if the name itself may be personal or hard to read: `~5f2a01c3`.
    pub(super) fn harmless<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let readable = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        let digits = name.bytes().filter(u8::is_ascii_digit).count();
        if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(readable) && digits <= FREE_TEXT_DIGITS_MAX {
            return Cow::Borrowed(name);
        }
        Cow::Owned(format!("~{:08x}", self.0.hash_one(name) as u32))
    }

    /// A number for whatever can be hashed, without an allocation.
    pub(super) fn hash(&self, what: impl std::hash::Hash) -> u64 {
        self.0.hash_one(what)
    }
}
