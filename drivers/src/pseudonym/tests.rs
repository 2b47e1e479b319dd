use super::*;

const HOUR_MS: i64 = 3_600_000;

#[test]
fn a_parcel_is_known_again_for_days_and_then_by_nobody() {
    let mut pseudonyms = Pseudonyms::new();
    let deposit = pseudonyms.of("lk-1", b"SF1234567890123", 0)[0];
    for (after_ms, is_known) in [(0, true), (23 * HOUR_MS, true), (49 * HOUR_MS, true), (119 * HOUR_MS, true), (144 * HOUR_MS, false)] {
        let at_pickup = pseudonyms.of("lk-1", b"SF1234567890123", after_ms);
        assert_eq!(at_pickup.contains(&deposit), is_known, "{after_ms}");
        assert!(!pseudonyms.of("lk-2", b"SF1234567890123", after_ms).contains(&deposit), "another locker");
        assert!(!pseudonyms.of("lk-1", b"SF1234567890124", after_ms).contains(&deposit), "another parcel");
        assert!(at_pickup.len() <= 7);
    }
}

#[test]
fn two_gateways_make_different_pseudonyms_of_one_parcel() {
    assert_ne!(Pseudonyms::new().of("lk-1", b"1", 0), Pseudonyms::new().of("lk-1", b"1", 0));
}

#[test]
fn a_clock_that_is_set_back_by_days_ends_every_link() {
    let mut pseudonyms = Pseudonyms::new();
    let before = pseudonyms.of("lk-1", b"1", 1_000 * HOUR_MS)[0];
    assert!(!pseudonyms.of("lk-1", b"1", 0).contains(&before));
}
