use super::*;
use facility_drivers::Quality;

/// The cabinet is silent from minute 10 to 40; what the log says of that time, and what is told: reason, start and length in
/// minutes, messages expected.
type Case = (&'static str, fn(&mut Log), &'static [(Reason, f64, f64, i64)]);

/// Its last message was at 9:30, so its time online ends at 11:30; it speaks again at 40:30.
const CASES: [Case; 17] = [
    (
        "nothing",
        |log| {
            log.gateway(0..60);
        },
        &[(Reason::Silent, 11.5, 29.0, 30)],
    ),
    (
        "gateway off",
        |log| {
            log.gateway(0..12).gateway(40..60);
        },
        &[(Reason::GatewayOff, 11.5, 29.0, 30)],
    ),
    (
        "gateway off for a part",
        |log| {
            log.gateway(0..20).gateway(30..60);
        },
        &[(Reason::Silent, 11.5, 7.5, 10), (Reason::GatewayOff, 19.0, 11.0, 11), (Reason::Silent, 30.0, 10.5, 9)],
    ),
    (
        "a moment of no consequence",
        |log| {
            log.gateway(0..20).gateway(21..60);
        },
        &[(Reason::Silent, 11.5, 29.0, 30)],
    ),
    (
        "nothing could be written",
        |log| {
            log.gateway(0..60);
            log.0.retain(|said| !(12 * 60..40 * 60).contains(&((said.line.at_ms - T0) / 1000)));
        },
        &[(Reason::NotStored, 11.5, 29.0, 30)],
    ),
    (
        "the clock was set",
        |log| {
            log.gateway(0..12);
            (40..60).for_each(|minute| {
                log.say(0, minute * 60, Point::GatewayUptime, Value::Int((minute - 27) * 60));
            });
        },
        &[(Reason::ClockUnknown, 11.5, 29.0, 30)],
    ),
    (
        "the clock was not set",
        |log| {
            log.gateway(0..12).gateway(40..60);
            log.0.iter_mut().filter(|said| said.line.at_ms < T0 + 12 * MINUTE_MS).for_each(|said| said.is_provisional = true);
        },
        &[(Reason::ClockUnknown, 11.5, 29.0, 30)],
    ),
    (
        "link down",
        |log| {
            log.gateway(0..60).say(0, 600, link("broker_"), Value::Bool(false)).say(0, 2400, link("broker_"), Value::Bool(true));
        },
        &[(Reason::LinkDown, 11.5, 29.0, 30)],
    ),
    (
        "another link down",
        |log| {
            log.gateway(0..60).say(0, 600, link("bus_a"), Value::Bool(false));
        },
        &[(Reason::Silent, 11.5, 29.0, 30)],
    ),
    (
        "last will",
        |log| {
            log.gateway(0..60).say(1, 600, Point::HealthOnline, Value::Bool(false));
        },
        &[(Reason::SaidOffline, 10.0, 30.5, 30)],
    ),
    (
        "last will while the gateway was off, of which the gateway knows more",
        |log| {
            log.gateway(0..10).gateway(40..60).say(1, 600, Point::HealthOnline, Value::Bool(false));
        },
        &[(Reason::GatewayOff, 10.0, 30.5, 30)],
    ),
    (
        "messages that were refused, told with each heartbeat",
        |log| {
            log.gateway(0..60);
            (10..40).for_each(|minute| {
                log.say(1, minute * 60 + 30, Point::HealthRefused, Value::Int(1));
            });
        },
        &[(Reason::Refused, 11.5, 29.0, 30)],
    ),
    (
        "refused first, silent then",
        |log| {
            log.gateway(0..60);
            (10..20).for_each(|minute| {
                log.say(1, minute * 60 + 30, Point::HealthRefused, Value::Int(1));
            });
        },
        &[(Reason::Refused, 11.5, 10.0, 12), (Reason::Silent, 21.5, 19.0, 18)],
    ),
    (
        "refused by a gateway that then was off, of which it knows more",
        |log| {
            log.gateway(0..12).gateway(40..60).say(1, 630, Point::HealthRefused, Value::Int(1));
        },
        &[(Reason::GatewayOff, 11.5, 29.0, 30)],
    ),
    (
        "polls without an answer",
        |log| {
            log.gateway(0..60);
            [10, 11, 20, 39].into_iter().for_each(|minute| {
                log.say(1, minute * 60 + 30, Point::CabinetAir, Value::Missing(Quality::CommError));
            });
        },
        &[(Reason::CommError, 11.5, 29.0, 30)],
    ),
    (
        "maintenance that is over by itself",
        |log| {
            let of = |point| Metric { point, part: Part::new("maintenance").unwrap() };
            log.gateway(0..60).say(1, 300, of(Point::AlarmActive), Value::Int(1));
            log.say(1, 300, of(Point::AlarmUntil), Value::Int(T0 + 30 * MINUTE_MS));
        },
        &[(Reason::Maintenance, 11.5, 18.5, 21), (Reason::Silent, 30.0, 10.5, 9)],
    ),
    (
        "maintenance that was ended",
        |log| {
            let of = |point| Metric { point, part: Part::new("maintenance").unwrap() };
            log.gateway(0..60).say(1, 1200, of(Point::AlarmActive), Value::Int(1)).say(1, 1800, of(Point::AlarmActive), Value::Int(0));
        },
        &[(Reason::Silent, 11.5, 8.5, 11), (Reason::Maintenance, 20.0, 10.0, 10), (Reason::Silent, 30.0, 10.5, 9)],
    ),
];

#[test]
fn each_reason_is_told_from_what_the_log_says() {
    for (case, say, expected) in CASES {
        let mut log = Log::default();
        say(&mut log);
        log.cabinet(0..10).cabinet(40..60);
        let rows = log.rows();
        let told: Vec<_> = rows.iter().map(|row| (row.reason, row.from_s as f64 / 60.0, row.dur_s / 60.0, row.expected)).collect();
        assert_eq!(told, expected, "{case}");
        let since = (expected[0].1 * 60.0) as i64;
        assert!(rows.iter().all(|row| row.since_s == since), "{case}: {rows:?}");
        let over: Vec<_> = rows.iter().map(|row| row.over).collect();
        assert!(over.split_last().is_some_and(|(last, before)| *last && !before.contains(&true)), "{case}");
    }
}

#[test]
fn readings_that_the_log_lost_are_no_silence() {
    let mut log = Log::default();
    log.gateway(0..60).cabinet(0..60);
    let (before, after): (Vec<_>, Vec<_>) = log.lines().into_iter().partition(|said| said.line.log_ms < T0 + 600_000);
    let mut ledger = Ledger::new(site());
    assert!(fold(&mut ledger, &before).is_empty());
    ledger.lost();
    let after: Vec<_> = after.into_iter().filter(|said| said.line.log_ms > T0 + 40 * MINUTE_MS).collect();
    let rows: Vec<_> = fold(&mut ledger, &after).iter().map(row).collect();
    assert!(rows.len() == 2 && rows.iter().all(|row| row.reason == Reason::NotStored), "{rows:?}");
}

/// A silence of three days is told day by day, and goes on being one.
#[test]
fn a_long_silence_is_told_at_the_end_of_each_day() {
    let mut log = Log::default();
    log.gateway(0..3 * 1440).cabinet(0..10).cabinet(2 * 1440..3 * 1440);
    let rows = log.rows();
    let told: Vec<_> = rows.iter().map(|row| (row.from_s / 60, row.dur_s / 60.0, row.expected, row.over)).collect();
    let (first, day) = (MIDNIGHT_MIN as f64 - 11.5, 1440.0);
    assert_eq!(told, [(11, first, MIDNIGHT_MIN - 10, false), (MIDNIGHT_MIN, day, 1440, false), (MIDNIGHT_MIN + 1440, 480.5, 479, true),]);
    assert!(rows.iter().all(|row| row.since_s == 690 && row.reason == Reason::Silent));
}

/// A year without power is not told by a row for each of its days.
#[test]
fn an_endless_absence_is_told_in_a_month_of_rows() {
    let mut log = Log::default();
    log.gateway(0..10).cabinet(0..10).gateway(365 * 1440..365 * 1440 + 10).cabinet(365 * 1440..365 * 1440 + 10);
    let rows = log.rows();
    assert!((31..36).contains(&rows.len()), "{} rows", rows.len());
    assert!(rows.iter().all(|row| row.reason == Reason::GatewayOff));
    let expected: i64 = rows.iter().map(|row| row.expected).sum();
    assert!((expected - (365 * 1440 - 10)).abs() <= 1, "{expected}");
    let edges = |row: &Row| (row.from_s as f64, row.from_s as f64 + row.dur_s);
    assert!(rows.windows(2).all(|pair| edges(&pair[0]).1 == edges(&pair[1]).0), "no day is told twice, none is left out");
}

/// What people are shown: the interval that lasts, then the one that was told.
#[test]
fn the_newest_is_known_while_it_lasts_and_afterwards() {
    let mut log = Log::default();
    log.gateway(0..60).cabinet(0..10).cabinet(40..60).say(1, 600, Point::HealthOnline, Value::Bool(false));
    let lines = log.lines();
    let at = |minute: i64| {
        let mut ledger = Ledger::new(site());
        let known = lines.partition_point(|said| said.line.log_ms < T0 + minute * MINUTE_MS);
        fold(&mut ledger, &lines[..known]);
        ledger.newest()[1]
    };
    let (from_ms, reason) = (T0 + 600_000, Reason::SaidOffline);
    assert_eq!(at(9), None);
    assert_eq!(at(20), Some(Missing { from_ms, to_ms: None, reason }));
    assert_eq!(at(50), Some(Missing { from_ms, to_ms: Some(T0 + 40 * MINUTE_MS + 30_000), reason }));
}

/// Of a day with an hour of silence, an hour of which the reason is known, and single messages of which some were refused.
#[test]
fn a_day_says_how_much_of_its_loss_is_explained() {
    let mut log = Log::default();
    log.gateway(0..2 * 1440).cabinet(0..100).cabinet(160..200).cabinet(260..400).cabinet(410..2 * 1440);
    log.say(0, 199 * 60, link("broker_"), Value::Bool(false)).say(0, 261 * 60, link("broker_"), Value::Bool(true));
    // Every second one of twenty, half of those refused.
    log.0.retain(|said| {
        said.line.device == DeviceIx::GATEWAY
            || !(500..520).contains(&((said.line.at_ms - T0) / MINUTE_MS))
            || said.line.at_ms / MINUTE_MS % 2 == 0
    });
    (500..510).step_by(2).for_each(|minute| {
        log.say(1, minute * 60 + 40, Point::HealthRefused, Value::Int(1));
    });
    let batches = fold(&mut Ledger::new(site()), &log.lines());
    let days: Vec<_> = batches.iter().filter(|batch| batch.subject == Subject::Metric && batch.device == Some(DeviceIx(1))).collect();
    assert_eq!(days.len(), 1, "{days:?}");
    let [missing, explained] = &days[0].readings[..] else { panic!("{days:?}") };
    assert_eq!((days[0].at_ms, missing.metric.part.as_str()), (T0 + (MIDNIGHT_MIN - 1440) * MINUTE_MS, "1d"));
    let rows = log.rows();
    let of = |wanted: &dyn Fn(Reason) -> bool| rows.iter().filter(|row| wanted(row.reason)).map(|row| row.expected).sum::<i64>();
    assert_eq!((of(&|reason| reason == Reason::Refused), of(&|reason| reason == Reason::LinkDown)), (5, 60));
    assert_eq!(missing.value, Value::Int(of(&|_| true)));
    assert_eq!(explained.value, Value::Float(65.0 / of(&|_| true) as f64));
}

/// A gateway that has just started, or started again, has not listened for long enough to call a device silent.
#[test]
fn a_silence_is_shown_from_the_cut_off_after_the_start_on() {
    let at = |log: &Log, second: i64| {
        let mut ledger = Ledger::new(site());
        let lines = log.lines();
        let known = lines.partition_point(|said| said.line.log_ms < T0 + second * 1000);
        fold(&mut ledger, &lines[..known]);
        ledger.newest()[1].map(|missing| (missing.reason, (missing.from_ms - T0) / 1000))
    };
    let mut first = Log::default();
    (0..20).for_each(|tenth| {
        first.say(0, 3 + tenth * 10, Point::GatewayUptime, Value::Int(tenth * 10));
    });
    assert_eq!([5, 60, 115].map(|second| at(&first, second)), [None; 3]);
    assert_eq!(at(&first, 130), Some((Reason::Silent, 0)));
    let mut again = Log::default();
    // Off for less than a hole in the heartbeats that would be told.
    again.gateway(0..10).cabinet(0..9).gateway(11..20);
    assert_eq!([11 * 60 + 5, 12 * 60 + 5].map(|second| at(&again, second)), [None; 2]);
    assert_eq!(at(&again, 13 * 60 + 30), Some((Reason::Silent, 8 * 60 + 150)));
}

/// The day begins with the window, the gateway four minutes later, the device behind that.
#[test]
fn before_its_first_start_the_gateway_was_off_and_no_device_silent() {
    let mut log = Log::default();
    log.gateway(4..60).cabinet(9..60);
    let rows = log.rows();
    let told: Vec<_> = rows.iter().map(|row| (row.reason, row.from_s, row.dur_s, row.expected)).collect();
    assert_eq!(told, [(Reason::GatewayOff, 0, 240.0, 4), (Reason::Silent, 240, 330.0, 4)]);
}
