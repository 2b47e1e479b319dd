#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

const NOW: i64 = 1_790_000_000_000;
const HOUR: i64 = 3_600_000;

#[test]
fn a_reading_gets_the_time_that_can_be_believed() {
    let cases: [(&str, Option<i64>, i64, Option<Fault>); 9] = [
        ("no stamp: time of receipt", None, NOW, None),
        ("the device's own", Some(NOW - 1_000), NOW - 1_000, None),
        ("a little ahead", Some(NOW + 4_000), NOW + 4_000, None),
        ("an hour ahead", Some(NOW + HOUR), NOW, Some(Fault::ClockAhead)),
        ("kept by the device for six days", Some(NOW - 6 * 24 * HOUR), NOW - 6 * 24 * HOUR, None),
        ("kept for eight days", Some(NOW - 8 * 24 * HOUR), NOW, Some(Fault::ClockBehind)),
        ("1970", Some(1_000), NOW, Some(Fault::ClockBehind)),
        ("before the epoch", Some(i64::MIN), NOW, Some(Fault::ClockBehind)),
        ("the end of time", Some(i64::MAX), NOW, Some(Fault::ClockAhead)),
    ];
    for (what, device_ms, at_ms, fault) in cases {
        assert_eq!(settle_time(device_ms, NOW, true), (at_ms, fault), "{what}");
    }
}

#[test]
fn while_the_gateways_clock_is_not_set_a_device_that_knows_better_is_believed() {
    let boot = BUILD_TIME_MS + 1_000;
    assert_eq!(settle_time(Some(NOW), boot, false), (NOW, None));
    assert_eq!(settle_time(Some(1_000), boot, false), (boot, Some(Fault::ClockUnset)));
    assert_eq!(settle_time(None, boot, false), (boot, Some(Fault::ClockUnset)));
}
