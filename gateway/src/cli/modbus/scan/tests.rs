//! What the options of a scan mean.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn units_are_lists_of_ranges() {
    let cases = [("1-3", Some(vec![1, 2, 3])), ("1-2,250", Some(vec![1, 2, 250])), ("7", Some(vec![7])), ("2,1-3", Some(vec![2, 1, 3]))];
    for (text, expected) in cases {
        assert_eq!(text.parse::<Units>().ok().map(|units| units.0), expected, "{text}");
    }
    for wrong in ["", "x", "1-", "300", "3-1", "1 2"] {
        assert!(wrong.parse::<Units>().is_err(), "{wrong:?}");
    }
}

#[test]
fn the_longest_time_is_said_in_minutes() {
    assert_eq!((time(Duration::from_millis(300)), time(Duration::from_secs(121))), ("1 s".into(), "3 min".into()));
}
