//! Late data: once its days are worked over, every figure is what it would have been had nothing come late.

use super::second::random_day;
use crate::aggregate::again::Redo;
use crate::aggregate::fixture::*;
use crate::aggregate::{Fold, Heard};
use facility_config::limits::LATE_DEVICES_PER_CLOSE;
use facility_config::{DeviceIx, Kind, Point};
use facility_drivers::{Batch, Reading, Value};
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR_S: i64 = 3600;
const LENGTH_S: i64 = 66 * HOUR_S;

/// What was said last of each window: device, start, name.
type Told = BTreeMap<(DeviceIx, i64, String), Vec<Reading>>;

fn told(batches: impl IntoIterator<Item = Batch>, into: &mut Told) {
    for batch in batches {
        let window = batch.readings.first().map_or_else(String::new, |reading| reading.metric.part.to_string());
        into.insert((batch.device.unwrap(), batch.at_ms, window), batch.readings);
    }
}

/// A sign of life of the gateway itself every minute: it moves the log's time.
fn heartbeats(until_s: i64) -> impl Iterator<Item = Line> {
    (0..until_s / 60).map(|minute| Line { device: DeviceIx(0), ..said(minute * 60, Point::GatewayUptime, Value::Int(minute)) })
}

/// Stretches of some devices come hours later.
fn delayed(log: &[Line], random: &mut fastrand::Rng) -> Vec<Line> {
    let mut delayed = log.to_vec();
    for device in 1..4 {
        for _ in 0..3 {
            let (from_s, length_s, delay_s) = (random.i64(0..LENGTH_S), random.i64(60..5 * HOUR_S), random.i64(1..30 * HOUR_S));
            for line in delayed.iter_mut().filter(|line| line.device == DeviceIx(device)) {
                let at_s = (line.at_ms - T0) / 1000;
                if (from_s..from_s + length_s).contains(&at_s) {
                    line.log_ms = line.log_ms.max(T0 + (from_s + length_s + delay_s) * 1000);
                }
            }
        }
    }
    delayed.sort_by_key(|line| line.log_ms);
    delayed
}

/// Folds a log and works days over as they fall due. Returns what was told last, and how many windows were told again.
fn live(fold: &mut Fold, log: &[Line]) -> (Told, usize) {
    let (mut all, mut again) = (Told::new(), 0);
    for (at, line) in log.iter().enumerate() {
        let mut has_closed = false;
        loop {
            let batches = fold.close(line.log_ms);
            if batches.is_empty() {
                break;
            }
            has_closed = true;
            told(batches, &mut all);
        }
        let due = if has_closed { fold.due_days() } else { Vec::new() };
        for (device, days) in due {
            let mine = log[..at].iter().filter(|line| line.device == device);
            let heard: Vec<Heard> =
                mine.map(|line| Heard { log_ms: line.log_ms, at_ms: line.at_ms, metric: line.metric, value: line.value.clone() }).collect();
            for day in days {
                let Some(changed) = fold.again(device, day, &heard).and_then(Redo::end) else { continue };
                again += changed.batches.len();
                told(changed.batches, &mut all);
            }
        }
        fold.observe(line.log_ms, line.device, line.metric, line.at_ms, &line.value);
    }
    (all, again)
}

#[test]
fn late_figures_are_those_of_the_same_data_in_time() {
    for seed in 40..46 {
        let (site, said) = random_day(seed, LENGTH_S);
        let mut log: Vec<Line> = said.iter().cloned().chain(heartbeats(120 * HOUR_S)).collect();
        log.sort_by_key(|line| line.log_ms);
        let (in_time, none) = live(&mut Fold::new(site.clone()), &log);
        assert_eq!(none, 0, "nothing was late");
        let late = delayed(&log, &mut fastrand::Rng::with_seed(seed));
        let mut windows = Fold::new(site);
        let (told, again) = live(&mut windows, &late);
        assert!(windows.irregular().late > 100 && again > 20, "{again}");
        assert_eq!(told.len(), in_time.len());
        for (window, readings) in &in_time {
            assert_eq!(&told[window], readings, "seed {seed}: {window:?}");
        }
    }
}

#[test]
fn a_day_is_worked_over_after_an_hour_and_then_every_six_until_a_week_has_passed() {
    let (site, _) = random_day(1, 0);
    let mut windows = Fold::new(site);
    let minute = |at_s: i64, came_s: i64| Line { log_ms: T0 + came_s * 1000, ..said(at_s, Point::CabinetAir, Value::Float(-20.0)) };
    let mut due = Vec::new();
    // The local day begins at 16:00 and ends a day later.
    let end_s = 40 * HOUR_S;
    for hour in 0..14 * 24 {
        let now_s = hour * HOUR_S;
        // An hour of the day comes at its 20th hour, more after its end, and something eight days later.
        let late_s = [(36, 18 * HOUR_S), (42, 19 * HOUR_S), (43, 20 * HOUR_S), (40 + 7 * 24 - 1, 39 * HOUR_S), (40 + 8 * 24, 39 * HOUR_S)];
        for (_, at_s) in late_s.iter().filter(|(at, _)| *at == hour) {
            let line = minute(*at_s, now_s);
            windows.observe(line.log_ms, line.device, line.metric, line.at_ms, &line.value);
        }
        let line = minute(now_s, now_s + 1);
        drain(&mut windows, line.log_ms, &mut Vec::new());
        let of_day =
            |(_, days): (DeviceIx, Vec<crate::aggregate::DueDay>)| days.into_iter().filter(|day| day.day.end_ms == T0 + end_s * 1000);
        due.extend(windows.due_days().into_iter().flat_map(of_day).map(|day| (hour - 40, day.since_ms > 0)));
        windows.observe(line.log_ms, line.device, line.metric, line.at_ms, &line.value);
    }
    assert_eq!(due, [(1, false), (7, true), (7 * 24 - 1, true)]);
}

#[test]
fn days_of_very_many_devices_are_worked_over_a_few_at_a_time_oldest_first() {
    let names: Vec<String> = (0..2 * LATE_DEVICES_PER_CLOSE + 1).map(|nth| format!("lk-{nth:04}")).collect();
    let devices = names.iter().map(|name| device(name, Kind::Locker, 3600)).collect();
    let mut windows = Fold::new(site(Duration::from_secs(3600), devices));
    let mut seen = Vec::new();
    for hour in 0..60 {
        let now_ms = T0 + hour * HOUR_S * 1000;
        drain(&mut windows, now_ms, &mut Vec::new());
        let due = windows.due_days();
        seen.extend((!due.is_empty()).then(|| (hour, due.len(), due[0].0.at(), due[0].1[0].day.end_ms == T0 + 16 * HOUR_S * 1000)));
        for nth in 1..=names.len() {
            let device = DeviceIx(nth as u16);
            windows.observe(now_ms, device, Point::LockerTotal.into(), now_ms, &Value::Int(9));
            // Of the first day for all, which may change the second too; of the second for the last.
            let late = [(20, 10), (45, 30)].into_iter().find(|(came, _)| *came == hour && (hour == 20 || nth == names.len()));
            if let Some((_, at)) = late {
                windows.observe(now_ms, device, Point::LockerTotal.into(), T0 + at * HOUR_S * 1000, &Value::Int(9));
            }
        }
    }
    let (all, half) = (names.len(), LATE_DEVICES_PER_CLOSE);
    assert_eq!(
        seen,
        [
            (21, half, 1, true),
            (22, half, 1 + half, true),
            (23, 1, all, true),
            (41, half, 1, false),
            (42, half, 1 + half, false),
            (43, 1, all, false),
            (49, 1, all, false)
        ]
    );
}
