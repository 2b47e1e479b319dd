use super::*;

/// A broker that was out of reach and sends everything it kept, in order: nothing is missing.
#[test]
fn what_comes_before_it_was_told_is_not_missing() {
    let mut log = Log::default();
    log.gateway(0..60).cabinet(0..10).cabinet(40..60);
    log.say(0, 600, link("broker_"), Value::Bool(false)).say(0, 2399, link("broker_"), Value::Bool(true));
    (10..40).for_each(|minute| {
        log.late(1, minute * 60 + 30, 2400, Point::CabinetAir, Value::Float(-20.0));
    });
    assert_eq!(log.rows(), []);
    // Half of it is gone.
    log.0.retain(|said| !(20 * MINUTE_MS..40 * MINUTE_MS).contains(&(said.line.at_ms - T0)) || said.line.device == DeviceIx::GATEWAY);
    let rows = log.rows();
    assert_eq!((rows.len(), rows[0].reason, rows[0].from_s, rows[0].expected), (1, Reason::LinkDown, 21 * 60 + 30, 20));
}

/// What comes for an interval that was told leaves its row as it is; how much it was is told at the end of the day, and again
/// if more comes.
#[test]
fn what_comes_afterwards_is_counted() {
    let mut log = Log::default();
    log.gateway(0..3 * 1440).cabinet(0..10).cabinet(40..3 * 1440);
    let mut late = |minutes: std::ops::Range<i64>, log_minute: i64| {
        minutes.for_each(|minute| {
            log.late(1, minute * 60 + 30, log_minute * 60 + 10, Point::CabinetAir, Value::Float(-20.0));
        });
    };
    // The oldest last; two of them were never missing.
    late(30..40, 50);
    late(12..20, 55);
    late(5..7, 56);
    late(20..25, 1500);
    let rows = log.rows();
    assert_eq!((rows[0].reason, rows[0].expected, rows[0].over), (Reason::Silent, 30, true));
    let start_s = (MIDNIGHT_MIN - 1440) * 60;
    let filled: Vec<_> = rows[1..].iter().map(|row| (row.reason, row.from_s, row.filled)).collect();
    assert_eq!(filled, [(Reason::LateFilled, start_s, 18), (Reason::LateFilled, start_s, 23)]);
}
