//! What the archive keeps of a day is enough for its figures.

use super::second::random_day;
use crate::aggregate::fixture::*;
use crate::aggregate::{Fold, Long};
use crate::archive::{Archive, Cut};
use facility_drivers::{Batch, Value};

const DAY_S: i64 = 86_400;

fn number(value: &Value) -> f64 {
    match value {
        Value::Float(float) => *float,
        Value::Int(count) => *count as f64,
        other => panic!("a figure is a number, not {other:?}"),
    }
}

/// Figures of one batch by name, without those that only a day has.
fn by_name(batch: &Batch) -> Vec<(&'static str, f64)> {
    batch.readings.iter().map(|reading| (reading.metric.point.info().name, number(&reading.value))).collect()
}

#[test]
fn a_day_comes_back_from_the_archive_with_the_same_figures() {
    for seed in 20..24 {
        let (site, log) = random_day(seed, 16 * 3600 + 2 * DAY_S + 600);
        let dir = tempfile::tempdir().unwrap();
        let archive = Archive::open(dir.path(), site.clone()).unwrap();
        let mut windows = Fold::new(site);
        let (mut days, mut turns) = (Vec::new(), Vec::new());
        for line in &log {
            loop {
                let batches = windows.close(line.log_ms);
                if batches.is_empty() {
                    break;
                }
                days.extend(batches.into_iter().filter(|batch| is_of(batch, "1d")));
                turns.extend(windows.turns());
            }
            windows.observe(line.log_ms, line.device, line.metric, line.at_ms, &line.value);
        }
        assert_eq!((days.len(), turns.len()), (12, 3));
        for mut turn in turns {
            // A window that is as long as the day: the row of it must be the row of the day.
            turn.ended = vec![(Long::Day, turn.day)];
            for long in archive.turn(Cut { upto: 1, end: 0, is_replay: false }, &turn).unwrap() {
                let kept = windows.long_row(long.device, long.window, &long.sums);
                let day = days.iter().find(|day| day.device == kept.device && day.at_ms == kept.at_ms).unwrap();
                for ((name, kept), (of_day, figure)) in by_name(&kept).into_iter().zip(by_name(day)) {
                    assert_eq!(name, of_day);
                    let tolerance = 1e-4 * figure.abs().max(1.0) + if name.ends_with("_s") { 0.5 } else { 0.0 };
                    assert!((kept - figure).abs() <= tolerance, "seed {seed}, {name}: {kept}, was {figure}");
                }
                assert_eq!(kept.readings.len(), day.readings.len());
            }
        }
    }
}
