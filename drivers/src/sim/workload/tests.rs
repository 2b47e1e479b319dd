#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use facility_config::series::Type;
use std::collections::BTreeSet;

#[test]
fn a_message_is_ten_points_of_one_device_of_the_type_the_table_says() {
    let mut load = Workload::new(3, 7, START_MS);
    for nth in 0..300u16 {
        let batch = load.next_batch();
        assert_eq!(batch.device, Some(DeviceIx(nth % 3)));
        let points: Vec<Point> = batch.readings.iter().map(|reading| reading.metric.point).collect();
        assert_eq!(points, POINTS);
        for reading in &batch.readings {
            let ty = match &reading.value {
                Value::Float(_) => Type::Float,
                Value::Int(_) => Type::Int,
                Value::Bool(_) => Type::Bool,
                Value::Text(_) => Type::Text,
                Value::Missing(quality) => panic!("{quality:?}"),
            };
            assert_eq!(ty, reading.metric.point.info().ty, "{}", reading.metric.point);
        }
    }
}

#[test]
fn a_day_is_as_long_as_a_day() {
    let mut load = Workload::new(DEVICES, 7, START_MS);
    let (mut last, mut messages) = (START_MS, 0);
    while load.now_ms() < START_MS + 24 * 3_600_000 {
        let due_ms = load.now_ms();
        last = load.next_batch().at_ms;
        assert!((last - due_ms).abs() <= JITTER_MS);
        messages += 1;
    }
    assert_eq!(messages * POINTS.len(), 2_880_000);
    assert!(last > START_MS + 24 * 3_600_000 - 1_000);
}

#[test]
fn the_same_seed_says_the_same_and_values_stay_plausible() {
    let said = |seed| {
        let mut load = Workload::new(2, seed, START_MS);
        (0..4_000).map(|_| load.next_batch().readings).collect::<Vec<_>>()
    };
    let messages = said(7);
    assert_eq!(messages, said(7));
    assert_ne!(messages, said(8));
    let (mut words, mut vends) = (BTreeSet::new(), [0; 2]);
    for (nth, readings) in messages.into_iter().enumerate() {
        let values: Vec<Value> = readings.into_iter().map(|reading| reading.value).collect();
        let [Value::Float(air), .., Value::Text(mode)] = &values[..] else { panic!("{values:?}") };
        assert!((-27.0..=-17.0).contains(air) && (air * 10.0 - (air * 10.0).round()).abs() < 1e-9, "{air}");
        let (Value::Float(voltage), Value::Int(now)) = (&values[4], &values[5]) else { panic!("{values:?}") };
        assert!((222.0..=238.0).contains(voltage) && f64::from(*voltage as f32) == *voltage, "{voltage}");
        assert!(*now >= vends[nth % 2]);
        vends[nth % 2] = *now;
        words.insert(mode.clone());
    }
    assert_eq!(words.len(), MODES.len());
}

#[test]
fn every_device_has_its_own_tags() {
    let tags = Workload::tags(1_000);
    assert_eq!(tags.iter().collect::<BTreeSet<_>>().len(), 1_000);
}
