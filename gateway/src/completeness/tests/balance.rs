use super::*;
use crate::aggregate::Fold;
use crate::aggregate::fixture::{figures_of_window, fold as fold_figures, is_of};
use fastrand::Rng;
use std::collections::BTreeMap;

const DAYS: i64 = 4;
const DAY_S: i64 = 86_400;

/// Days of a cabinet in which everything goes wrong: outages of all lengths, single losses, a clock that wanders, events,
/// last wills, the gateway off, the link down.
fn wild(seed: u64) -> (Log, Vec<(i64, i64, Reason)>) {
    let (mut rng, mut log, mut causes) = (Rng::with_seed(seed), Log::default(), Vec::new());
    let outages: Vec<(i64, i64)> = (0..rng.usize(3..12)).map(|_| (rng.i64(0..DAYS * DAY_S), rng.i64(30..20_000))).collect();
    let is_out = |at_s: i64| outages.iter().any(|(from_s, len_s)| (*from_s..from_s + len_s).contains(&at_s));
    let off: Vec<(i64, i64)> = (0..3).map(|nth| ((nth + 1) * 100_000 / 60, rng.i64(4..120))).collect();
    let mut start = 0;
    for (from, len) in &off {
        log.gateway(start..*from);
        start = from + len;
        // From the last heartbeat to the first.
        causes.push(((from - 1) * 60, start * 60, Reason::GatewayOff));
    }
    log.gateway(start..DAYS * 1440 + 5);
    let is_off = |at_s: i64| causes.iter().any(|(from_s, to_s, _)| (from_s + 2..*to_s).contains(&at_s));
    let phase_s = rng.i64(10..50);
    for minute in 0..DAYS * 1440 {
        let at_s = minute * 60 + phase_s + rng.i64(-5..=5);
        if !is_out(at_s) && !is_off(at_s) && rng.u32(..100) > 2 {
            log.say(1, at_s, Point::CabinetAir, Value::Float(-20.0)).say(1, at_s, Point::CabinetDoor, Value::Bool(false));
        }
        if !is_off(at_s) && rng.u32(..200) == 0 {
            log.say(1, at_s + 20, Metric { point: Point::EventCount, part: Part::new("vend").unwrap() }, Value::Int(1));
        }
        if !is_off(at_s) && rng.u32(..400) == 0 {
            log.say(1, at_s + 10, Point::HealthOnline, Value::Bool(false));
        }
    }
    let down: Vec<(i64, i64)> = (0..4).map(|nth| (nth * 80_000 + rng.i64(0..20_000), rng.i64(600..30_000))).collect();
    for (from_s, len_s) in down {
        log.say(0, from_s, link("broker_"), Value::Bool(false)).say(0, from_s + len_s, link("broker_"), Value::Bool(true));
        causes.push((from_s, from_s + len_s, Reason::LinkDown));
    }
    (log, causes)
}

/// Over a day: what is missing is what was expected less what was received, and the intervals are the time it was offline.
#[test]
fn a_days_rows_add_up_to_its_figures() {
    for seed in 0..40 {
        let (log, causes) = wild(seed);
        let lines = log.lines();
        let plain: Vec<Line> = lines.iter().map(|said| said.line.clone()).collect();
        let figures = fold_figures(&mut Fold::new(site()), &plain, plain.last().unwrap().log_ms);
        let rows = log.rows();
        let mut days = BTreeMap::new();
        for row in &rows {
            let day = (row.from_s - MIDNIGHT_MIN * 60).div_euclid(DAY_S);
            let (expected, dur_s) = days.entry(day).or_insert((0, 0.0));
            *expected += row.expected;
            *dur_s += row.dur_s;
        }
        let ended = figures.iter().filter(|batch| batch.device == Some(DeviceIx(1)) && is_of(batch, "1d"));
        let starts: Vec<i64> = ended.map(|batch| batch.at_ms).collect();
        assert_eq!(starts.len() as i64, DAYS);
        for start_ms in starts {
            let day = (start_ms - T0 - MIDNIGHT_MIN * MINUTE_MS).div_euclid(DAY_S * 1000);
            let figure = figures_of_window(&figures, DeviceIx(1), start_ms, "1d");
            let of = |name: &str| figure[&*format!("device_kpi.{name}")];
            let (expected, dur_s) = days.get(&day).copied().unwrap_or_default();
            let missing = (of("expected") - of("received")) as i64;
            assert!((expected - missing).abs() <= 1, "seed {seed}, day {day}: {expected} of {missing} {rows:#?}");
            // What lacks nothing is not told: a last will between two messages, a moment around midnight.
            let untold_s = of("window_s") - of("online_s") - dur_s;
            assert!(untold_s > -1e-6 && untold_s <= 60.0 * (of("outages") + 2.0), "seed {seed}, day {day}: {untold_s} {figure:?}");
        }
        check_reasons(seed, &rows, &causes, &plain);
    }
}

/// The second implementation: the middle of each row, second by second from what was done.
fn check_reasons(seed: u64, rows: &[Row], causes: &[(i64, i64, Reason)], log: &[Line]) {
    let signs: Vec<(i64, bool)> = log
        .iter()
        .filter(|line| line.device == DeviceIx(1))
        .map(|line| ((line.at_ms - T0) / 1000, line.metric.point == Point::HealthOnline))
        .collect();
    for row in rows.iter().filter(|row| row.dur_s >= 600.0) {
        let middle_s = row.from_s + (row.dur_s / 2.0) as i64;
        let mut known: Vec<Reason> =
            causes.iter().filter(|(from_s, to_s, _)| (*from_s..*to_s).contains(&middle_s)).map(|(_, _, reason)| *reason).collect();
        if signs.iter().rfind(|(at_s, _)| *at_s <= middle_s).is_some_and(|(_, is_gone)| *is_gone) {
            known.push(Reason::SaidOffline);
        }
        assert_eq!(row.reason, known.into_iter().min().unwrap_or(Reason::Silent), "seed {seed}: {row:?}");
    }
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    let (log, _) = wild(7);
    let lines = log.lines();
    let whole = fold(&mut Ledger::new(site()), &lines);
    assert!(whole.len() > 20);
    let mut rng = Rng::with_seed(3);
    for _ in 0..30 {
        let cut = rng.usize(..lines.len());
        let mut ledger = Ledger::new(site());
        let mut rows = fold(&mut ledger, &lines[..cut]);
        let sealed = ledger.snapshot();
        let mut ledger = Ledger::restore(site(), &sealed).unwrap();
        assert_eq!(ledger.snapshot(), sealed);
        rows.extend(fold(&mut ledger, &lines[cut..]));
        assert_eq!(format!("{rows:?}"), format!("{whole:?}"), "cut at {cut}");
        let mut damaged = sealed;
        let at = rng.usize(..damaged.len());
        damaged[at] ^= 16;
        assert!(Ledger::restore(site(), &damaged).is_none());
    }
}

/// Any record at any time: no panic, and what is kept stays small.
#[test]
fn nonsense_is_survived() {
    for seed in 0..20 {
        let mut rng = Rng::with_seed(seed);
        let (mut ledger, mut rows, mut log_ms) = (Ledger::new(site()), Vec::new(), T0);
        for _ in 0..3_000 {
            log_ms += if rng.u32(..300) == 0 { rng.i64(-200_000_000..4_000_000_000) } else { rng.i64(0..60_000) };
            let at_ms = [log_ms, rng.i64(..), log_ms - rng.i64(0..500_000_000), i64::MIN, i64::MAX][rng.usize(..5)];
            let point = Point::ALL[rng.usize(..Point::ALL.len())];
            let points =
                [point, Point::GatewayUptime, Point::CabinetAir, Point::HealthOnline, Point::LinkUp, Point::AlarmActive, Point::AlarmUntil];
            let part = ["", "maintenance", "broker_"][rng.usize(..3)];
            let value = [Value::Bool(false), Value::Int(rng.i64(..)), Value::Float(f64::NAN), Value::Int(1)][rng.usize(..4)].clone();
            let metric = Metric { point: points[rng.usize(..points.len())], part: Part::new(part).unwrap() };
            if rng.u32(..50) == 0 {
                ledger.lost();
            }
            ledger.observe(log_ms, rng.bool(), (DeviceIx(rng.u16(..3)), metric), at_ms, &value, &mut rows);
        }
        let sealed = ledger.snapshot();
        assert!(sealed.len() < 16 * 1024, "{} bytes", sealed.len());
        assert!(Ledger::restore(site(), &sealed).is_some());
    }
}
