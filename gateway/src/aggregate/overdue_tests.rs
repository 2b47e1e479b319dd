//! Cohorts by deadline, against a straightforward count that knows every parcel.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

const H: i64 = 3_600_000;
const KEEP: i64 = 24 * H;

fn due(parcels: i64, overdue: i64, unknown: i64) -> Due {
    Due { parcels, overdue, unknown }
}

/// A pick-up at a time, of a parcel that lay so long; `None`: nobody knows.
fn pickup(cohort: &mut Cohort, at_ms: i64, lay_ms: Option<i64>) {
    cohort.taken(at_ms, KEEP);
    if let Some(lay_ms) = lay_ms {
        cohort.linked(at_ms, lay_ms, KEEP);
    }
}

#[test]
fn two_of_three_are_overdue() {
    // Deposits of yesterday, whose deadlines are today: one gone in time, one gone too late, one still there.
    let mut cohort = Cohort::default();
    [1, 2, 3].iter().for_each(|hour| assert!(cohort.deposit(hour * H)));
    // One of today, whose deadline is tomorrow.
    assert!(cohort.deposit(30 * H));
    pickup(&mut cohort, 20 * H, Some(19 * H));
    pickup(&mut cohort, 29 * H, Some(27 * H));
    assert_eq!(cohort.close(24 * H, KEEP), due(0, 0, 0));
    assert_eq!(cohort.close(48 * H, KEEP), due(3, 2, 0));
    assert_eq!(cohort.close(72 * H, KEEP), due(1, 1, 0));
}

#[test]
fn the_deadline_itself_is_in_time() {
    for (lay_ms, overdue) in [(KEEP - 1, 0), (KEEP, 0), (KEEP + 1, 1)] {
        let mut cohort = Cohort::default();
        cohort.deposit(H);
        pickup(&mut cohort, H + lay_ms, Some(lay_ms));
        assert_eq!(cohort.close(H + KEEP, KEEP), due(0, 0, 0), "the window that ends with it does not have it");
        assert_eq!(cohort.close(H + KEEP + 1, KEEP), due(1, overdue, 0), "{lay_ms}");
    }
}

#[test]
fn what_a_pickup_without_a_deposit_took_is_unknown() {
    type Case<'a> = (&'a str, &'a [i64], &'a [(i64, Option<i64>)], Due);
    let cases: &[Case<'_>] = &[
        ("never linked", &[1, 2], &[], due(2, 0, 2)),
        ("one of two", &[1, 2, 3], &[(5, Some(2)), (6, None)], due(3, 1, 1)),
        ("known later: the other one is unknown then", &[1, 2], &[(5, None), (6, Some(5))], due(2, 0, 1)),
        ("more than there were", &[1], &[(5, None), (6, None), (7, Some(1))], due(1, 0, 1)),
        ("of a parcel from before the first that was seen", &[3], &[(7, Some(5))], due(1, 1, 0)),
        ("of a parcel that was not seen then: its deposit may have another time", &[1], &[(7, Some(5))], due(1, 0, 1)),
        ("after the deadline", &[1], &[(2, Some(20)), (26, None)], due(1, 1, 0)),
        ("before the deposit", &[5], &[(2, None), (6, Some(5))], due(1, 1, 0)),
    ];
    for (case, deposits, pickups, expected) in cases {
        let mut cohort = Cohort::default();
        deposits.iter().for_each(|hour| assert!(cohort.deposit(hour * H)));
        for (hour, lay_h) in *pickups {
            pickup(&mut cohort, hour * H, lay_h.map(|hours| hours * H));
        }
        assert_eq!(cohort.close(60 * H, KEEP), *expected, "{case}");
    }
}

#[test]
fn the_duration_may_come_before_its_pickup_and_in_whole_seconds() {
    let mut cohort = Cohort::default();
    [H + 400, H + 700, H + 90_000].iter().for_each(|at_ms| assert!(cohort.deposit(*at_ms)));
    // Two at one moment, in both orders.
    cohort.linked(5 * H, 4 * H, KEEP);
    cohort.taken(5 * H, KEEP);
    cohort.taken(5 * H, KEEP);
    cohort.linked(5 * H, 4 * H - 1_000, KEEP);
    assert_eq!(cohort.close(60 * H, KEEP), due(3, 1, 0));
}

/// A kiosk whose clock is wrong tells how long a parcel lay by that clock; both events have the time of their receipt.
#[test]
fn a_deposit_is_found_by_a_time_that_is_not_quite_its_own() {
    let mut cohort = Cohort::default();
    [H, H + 20 * 60_000].iter().for_each(|at_ms| assert!(cohort.deposit(*at_ms)));
    pickup(&mut cohort, 5 * H, Some(4 * H - 7_000));
    pickup(&mut cohort, 6 * H, Some(5 * H - 20 * 60_000 + 45_000));
    assert_eq!(cohort.close(60 * H, KEEP), due(2, 0, 0));
}

#[test]
fn it_is_bounded() {
    let mut cohort = Cohort::default();
    assert!((0..PARCELS_DUE_MAX as i64).all(|at_ms| cohort.deposit(at_ms)));
    assert!(!cohort.deposit(7));
}

#[test]
fn with_every_name_known_it_is_the_plain_count() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let parcels: Vec<(i64, i64)> = (0..60).map(|_| (random.i64(0..96 * H), random.i64(0..60 * H))).collect();
        let mut events: Vec<(i64, Option<i64>)> = parcels.iter().flat_map(|(at, lay)| [(*at, None), (at + lay, Some(*lay))]).collect();
        events.sort_unstable();
        let mut cohort = Cohort::default();
        let mut made = Vec::new();
        let mut events = events.into_iter().peekable();
        for end_ms in (0..=200 * H).step_by(H as usize) {
            while let Some((at_ms, lay_ms)) = events.next_if(|(at_ms, _)| *at_ms < end_ms) {
                match lay_ms {
                    None => assert!(cohort.deposit(at_ms)),
                    Some(_) => pickup(&mut cohort, at_ms, lay_ms),
                }
            }
            made.push(cohort.close(end_ms, KEEP));
        }
        for (end_ms, made) in (0..=200 * H).step_by(H as usize).zip(made) {
            let mine = parcels.iter().filter(|(at, _)| (end_ms - H..end_ms).contains(&(at + KEEP)));
            let late = mine.clone().filter(|(_, lay)| *lay > KEEP).count();
            assert_eq!(made, due(mine.count() as i64, late as i64, 0), "seed {seed}, to {end_ms}");
        }
    }
}
