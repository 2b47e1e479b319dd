//! Where windows begin and end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Long, Moment, Span};
use facility_config::zone::time_zone;

fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn windows_of_the_calendar() {
    let cases = [
        // A moment, the window, the zone, from, to.
        ("2026-11-26T04:59:59.999Z", Long::Hour, "Asia/Shanghai", "2026-11-26T04:00:00Z", "2026-11-26T05:00:00Z"),
        ("2026-11-26T15:59:59Z", Long::Day, "Asia/Shanghai", "2026-11-25T16:00:00Z", "2026-11-26T16:00:00Z"),
        ("2026-11-26T16:00:00Z", Long::Day, "Asia/Shanghai", "2026-11-26T16:00:00Z", "2026-11-27T16:00:00Z"),
        ("2028-02-10T00:00:00Z", Long::Month, "+08:00", "2028-01-31T16:00:00Z", "2028-02-29T16:00:00Z"),
        ("2026-12-31T16:00:00Z", Long::Month, "Asia/Shanghai", "2026-12-31T16:00:00Z", "2027-01-31T16:00:00Z"),
        ("2026-11-26T00:00:00Z", Long::Quarter, "Asia/Shanghai", "2026-09-30T16:00:00Z", "2026-12-31T16:00:00Z"),
        ("2026-03-31T15:00:00Z", Long::Quarter, "Asia/Shanghai", "2025-12-31T16:00:00Z", "2026-03-31T16:00:00Z"),
        ("2026-11-26T00:00:00Z", Long::Year, "Asia/Shanghai", "2025-12-31T16:00:00Z", "2026-12-31T16:00:00Z"),
        // A day of 23 hours and an offset of half an hour.
        ("2026-03-29T12:00:00Z", Long::Day, "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("2026-11-26T12:00:00Z", Long::Day, "+05:30", "2026-11-25T18:30:00Z", "2026-11-26T18:30:00Z"),
    ];
    for (at, long, zone, from, to) in cases {
        let span = long.around(ms(at), &time_zone(zone).expect(zone));
        assert_eq!(span, Span { start_ms: ms(from), end_ms: ms(to) }, "{long:?} of {at} in {zone}");
        // The next window begins where this one ends.
        assert_eq!(long.around(span.end_ms, &time_zone(zone).unwrap()).start_ms, span.end_ms);
    }
    for long in Long::ALL {
        assert!(long.around(1 << 60, &time_zone("+8").unwrap()).end_ms > 1 << 60, "beyond the calendar");
    }
}

#[test]
fn moments_of_the_snapshot() {
    let zone = time_zone("Asia/Shanghai").unwrap();
    for (at, moment) in [
        ("2026-11-26T00:00:00Z", Some(Moment::Am)),
        ("2026-11-26T12:00:00Z", Some(Moment::Pm)),
        ("2026-11-26T08:00:00Z", None),
        ("2026-11-26T00:05:00Z", None),
    ] {
        assert_eq!(Moment::at(ms(at), &zone), moment, "{at}");
    }
}
