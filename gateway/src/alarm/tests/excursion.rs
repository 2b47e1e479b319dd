//! The record of an excursion against sums done by hand: 5 K above the limit, so many minutes.

use super::fixture::*;
use crate::aggregate::fixture::T0;
use facility_config::Point;
use facility_drivers::{Batch, Value};

fn number(batch: &Batch, point: Point) -> f64 {
    let value = batch.readings.iter().find(|reading| reading.metric.point == point).map(|reading| &reading.value);
    match value {
        Some(Value::Float(number)) => *number,
        other => panic!("{point} is {other:?}"),
    }
}

fn cause(batch: &Batch) -> &str {
    match batch.readings.iter().find(|reading| reading.metric.point == Point::AlarmCause).map(|reading| &reading.value) {
        Some(Value::Text(word)) => word,
        other => panic!("the cause is {other:?}"),
    }
}

#[test]
fn what_is_told_when_it_ends() {
    type Case<'a> = (&'a str, &'a dyn Fn(i64) -> Says, (f64, f64, &'a str));
    let air = |m: i64, from: i64| whole(Point::CabinetAir, if (from..50).contains(&m) { -10.0 } else { -20.0 });
    let cases: &[Case<'_>] = &[
        ("fifty minutes at 5 K", &|m| vec![air(m, 0)], (-10.0, 250.0, "unknown")),
        ("a peak of one reading", &|m| vec![if m == 20 { whole(Point::CabinetAir, -8.0) } else { air(m, 0) }], (-8.0, 252.0, "unknown")),
        (
            "the door stood open until the peak",
            &|m| vec![if m == 20 { whole(Point::CabinetAir, -8.0) } else { air(m, 0) }, is(Point::CabinetDoor, m < 15)],
            (-8.0, 252.0, "door"),
        ),
        (
            "the door was opened after it",
            &|m| vec![if m == 20 { whole(Point::CabinetAir, -8.0) } else { air(m, 0) }, is(Point::CabinetDoor, m > 20)],
            (-8.0, 252.0, "unknown"),
        ),
        ("after a defrost", &|m| vec![air(m, 15), is(Point::CabinetDefrost, m < 10)], (-10.0, 175.0, "defrost")),
        (
            "after a power-up",
            &|m| vec![air(m, 6), (Point::HealthUptime.into(), Value::Int(if m < 5 { 9000 + m } else { m }))],
            (-10.0, 220.0, "power"),
        ),
        (
            "with a gap: 34 minutes, 3 that a value stands, 5 after it",
            &|m| if (35..45).contains(&m) { vec![] } else { vec![air(m, 0)] },
            (-10.0, 210.0, "open_ended"),
        ),
    ];
    for (case, says, expected) in cases {
        let events = act(&mut engine(&[frozen_at_once()]), 70, says, |_, _, _| Vec::new());
        let told: Vec<_> = events.iter().map(line).collect();
        let cleared = events.last().unwrap();
        assert_eq!((events.len(), cleared.at_ms), (2, T0 + 50 * MIN_MS), "{case}: {told:?}");
        let got = (number(cleared, Point::AlarmPeak), number(cleared, Point::AlarmArea), cause(cleared));
        assert_eq!(got, *expected, "{case}");
        assert!(events[0].readings.iter().all(|reading| reading.metric.point != Point::AlarmPeak), "{case}: told when it ends");
    }
}

#[test]
fn readings_below_the_limit_that_do_not_clear_it_add_nothing() {
    // At -16 °C it is within the limit, but not by the deadband.
    let says = |m: i64| {
        vec![whole(
            Point::CabinetAir,
            if m < 40 {
                -10.0
            } else if m < 60 {
                -16.0
            } else {
                -20.0
            },
        )]
    };
    let events = act(&mut engine(&[frozen_at_once()]), 70, says, |_, _, _| Vec::new());
    assert_eq!(number(&events[1], Point::AlarmArea), 200.0);
}
