//! Letters are few.

use super::{HOUR_MS, Quota, is_worth_a_letter};
use crate::fault::Fault;
use facility_config::DeviceIx;
use facility_config::limits::LETTERS_PER_HOUR_MAX;

#[test]
fn a_flood_of_bad_messages_is_a_few_letters() {
    let mut quota = Quota::default();
    let mut allowed = |device, fault, now_ms| (0..100).filter(|_| quota.allows(device, fault, now_ms)).count() as u32;
    let (one, other) = (Some(DeviceIx(1)), Some(DeviceIx(2)));
    let now_ms = 1_000 * HOUR_MS;
    assert_eq!(allowed(one, Fault::Undecodable, now_ms), LETTERS_PER_HOUR_MAX);
    assert_eq!(allowed(one, Fault::Undecodable, now_ms + HOUR_MS - 1), 0);
    assert_eq!(allowed(one, Fault::MissingField, now_ms), LETTERS_PER_HOUR_MAX, "another reason");
    assert_eq!(allowed(other, Fault::Undecodable, now_ms), LETTERS_PER_HOUR_MAX, "another device");
    assert_eq!(allowed(one, Fault::Undecodable, now_ms + HOUR_MS), LETTERS_PER_HOUR_MAX, "the next hour");
    assert_eq!(allowed(one, Fault::Undecodable, now_ms), LETTERS_PER_HOUR_MAX, "a clock that was set back");
}

#[test]
fn what_nobody_can_mend_is_only_counted() {
    let worth: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| is_worth_a_letter(*fault)).collect();
    assert_eq!(worth, [Fault::Undecodable, Fault::Oversize, Fault::ForeignId, Fault::MissingField, Fault::UnknownMessage]);
}
