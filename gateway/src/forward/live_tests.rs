#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn each_side_gets_its_share_to_one_request() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let share = random.u8(0..=95);
        let (mut turns, mut new, mut old, mut largest) = (Turns::default(), 0_u64, 0_u64, 0_u64);
        for _ in 0..300 {
            let bytes = random.u64(1..5_000);
            let is_new = turns.is_new_next(share);
            turns.charge(is_new, bytes);
            *if is_new { &mut new } else { &mut old } += bytes;
            largest = largest.max(bytes);
            let due = f64::from(share) / 100.0 * (new + old) as f64;
            assert!((new as f64 - due).abs() <= largest as f64, "seed {seed}: {new} of {} at {share} %", new + old);
        }
    }
    assert!(Turns::default().is_new_next(1), "of two that wait the new one begins");
}

#[test]
fn a_pace_is_told_after_a_second_and_fades() {
    let mut pace = Pace::new(5_000);
    assert_eq!(pace.per_s(5_900), None);
    for second in 6..=600 {
        pace.add(40, second * 1_000);
        let per_s = pace.per_s(second * 1_000).unwrap();
        assert!((39.0..41.0).contains(&per_s) || second < 20, "{second}: {per_s}");
    }
    assert!(pace.per_s(600_000 + 600_000).unwrap() < 0.01);
    pace.add(1, 0);
    assert!(pace.per_s(600_000).unwrap() > 39.0, "a time before does no harm");
}

#[test]
fn only_a_clock_that_is_believed_lets_values_expire() {
    const DAY: i64 = 86_400_000;
    const T: i64 = 1_800_000_000_000;
    let keeps = Duration::from_secs(7 * 86_400);
    let mut trust = Trust::default();
    let mut ask = |wall: Option<i64>, up: i64, log: i64| trust.not_before_ms(keeps, wall, up, log);
    assert_eq!(ask(None, 0, T), i64::MIN, "not set");
    assert_eq!(ask(Some(T), 1_000, T - 1_000), T - 7 * DAY);
    // A year ahead, and the log follows at once.
    assert_eq!(ask(Some(T + 365 * DAY), 2_000, T), i64::MIN);
    assert_eq!(ask(Some(T + 365 * DAY + 1_000), 3_000, T + 365 * DAY), i64::MIN);
    // Set right: that was a jump too.
    assert_eq!(ask(Some(T + 3_000), 4_000, T + 365 * DAY), i64::MIN);
    assert_eq!(ask(Some(T + 1_000_000), 1_001_000, T + 1_000_000), i64::MIN);
    assert_eq!(ask(Some(T + 3_604_000), 3_605_000, T + 3_604_000), T + 3_604_000 - 7 * DAY);
    // A board that was off for ten days looks like a clock that is wrong: believed after an hour.
    let mut trust = Trust::default();
    assert_eq!(trust.not_before_ms(keeps, Some(T), 0, T - 10 * DAY), i64::MIN);
    assert_eq!(trust.not_before_ms(keeps, Some(T + 60_000), 60_000, T + 60_000), i64::MIN);
    assert_eq!(trust.not_before_ms(keeps, Some(T + 3_600_000), 3_600_000, T + 3_600_000), T + 3_600_000 - 7 * DAY);
}
