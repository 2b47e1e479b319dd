//! Nonsense in every field: no panic, no endless loop, nothing but finite figures, and a snapshot that still holds.

use crate::aggregate::Fold;
use crate::aggregate::fixture::*;
use facility_config::device::ColdClass;
use facility_config::{DeviceIx, Kind, Part, Point};
use facility_drivers::{Metric, Quality, Value};
use proptest::prelude::*;
use std::time::Duration;

const YEAR_2106_MS: i64 = 4_294_967_296_000;

fn time_ms() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => T0..T0 + 3_600_000,
        1 => Just(0),
        1 => Just(YEAR_2106_MS),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        1 => any::<i64>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>().prop_map(Value::Float),
        (-40.0..40.0).prop_map(Value::Float),
        Just(Value::Float(f64::MAX)),
        any::<i64>().prop_map(Value::Int),
        (0..100_i64).prop_map(Value::Int),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof!["in_service", "defrost", "unknown", "\\PC{0,8}"].prop_map(|word| text(&word)),
        Just(Value::Missing(Quality::SensorError)),
        Just(Value::Missing(Quality::CommError)),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    let point = (0..Point::ALL.len()).prop_map(|at| Point::ALL[at]);
    let part = prop_oneof![3 => Just(Part::WHOLE), 1 => "[A-C][0-9]".prop_map(|no| Part::new(&no).unwrap())];
    (time_ms(), 0..6_u16, point, part, time_ms(), value()).prop_map(|(log_ms, device, point, part, at_ms, value)| Line {
        log_ms,
        device: DeviceIx(device),
        metric: Metric { point, part },
        at_ms,
        value,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn nothing_breaks_the_fold(lines in proptest::collection::vec(line(), 0..120), window_s in 1..4000_u64, interval_s in 0..4000_u64) {
        let devices = vec![
            cabinet(ColdClass::Fresh),
            device("lk-01", Kind::Locker, interval_s),
            device("vm-03", Kind::Vending, interval_s),
        ];
        let site = site(Duration::from_secs(window_s), devices);
        let mut windows = Fold::new(site.clone());
        for line in &lines {
            let batches = fold(&mut windows, std::slice::from_ref(line), line.log_ms);
            for reading in batches.iter().flat_map(|batch| &batch.readings) {
                prop_assert!(!matches!(reading.value, Value::Float(float) if !float.is_finite()), "{reading:?}");
            }
        }
        let snapshot = windows.snapshot();
        let restored = Fold::restore(site, &snapshot);
        prop_assert!(restored.is_some());
        prop_assert_eq!(restored.unwrap().snapshot(), snapshot);
    }
}
