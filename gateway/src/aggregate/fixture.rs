//! Sites built by hand and a log to fold, for the tests of metrics, alarms and newest values.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::Fold;
use crate::archive::{Archive, Cut};
use facility_config::device::ColdClass;
use facility_config::site::{Api, Gateway, Store};
use facility_config::{Device, DeviceIx, Kind, Overflow, Point, Site, Source};
use facility_drivers::{Batch, Metric, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// 2026-09-01T00:00:00Z, the start of a window of any length that divides a day.
pub(crate) const T0: i64 = 1_788_220_800_000;

/// A site of these devices behind the gateway itself, which has index 0.
pub(crate) fn site(window: Duration, devices: Vec<Device>) -> Arc<Site> {
    let gateway = Gateway { id: "gw-1".into(), site: "s-1".into(), district: "350102".into(), community: None, circle_type: None };
    let store = Store {
        dir: "unused".into(),
        commit_delay: Duration::from_secs(1),
        readings_bytes_max: 1 << 20,
        outbox_bytes_max: 1 << 20,
        overflow: Overflow::DropOldest,
        free_bytes_min: 0,
        card_cycles: 500,
    };
    let itself = Device { source: Source::Gateway, ..device("gw-1", Kind::Gateway, 60) };
    Arc::new(Site {
        gateway,
        store,
        brokers: Vec::new(),
        buses: Vec::new(),
        devices: std::iter::once(itself).chain(devices).collect(),
        forward: Vec::new(),
        api: Api { listen: None },
        window,
        minutes: false,
        zone: facility_config::zone::china(),
        coldchain: facility_config::site::ColdChain::default(),
    })
}

/// A device that is heard every `interval_s`.
pub(crate) fn device(id: &str, kind: Kind, interval_s: u64) -> Device {
    Device {
        id: id.into(),
        name: None,
        kind,
        profile: None,
        source: Source::Mqtt { broker: 0, topic_id: id.into() },
        interval: Duration::from_secs(interval_s),
        cold: None,
        calibration: facility_config::device::Calibration::default(),
        keep: Duration::from_secs(24 * 3600),
        net_volume_l: None,
        polling: facility_config::device::Polling::default(),
        ingest: facility_config::device::Ingest::default(),
        rules: Vec::new(),
    }
}

/// A cabinet that is heard every minute.
pub(crate) fn cabinet(cold: ColdClass) -> Device {
    Device { cold: Some(cold), ..device("fz-02", Kind::Cabinet, 60) }
}

/// A word.
pub(crate) fn text(word: &str) -> Value {
    Value::Text(word.into())
}

/// One record as it lies in the log.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) log_ms: i64,
    pub(crate) device: DeviceIx,
    pub(crate) metric: Metric,
    pub(crate) at_ms: i64,
    pub(crate) value: Value,
}

/// The first device behind the gateway said this, `at_s` after [`T0`]; committed a second later.
pub(crate) fn said(at_s: i64, point: Point, value: Value) -> Line {
    let at_ms = T0 + at_s * 1000;
    Line { log_ms: at_ms + 1000, device: DeviceIx(1), metric: point.into(), at_ms, value }
}

/// Folds a log as a reader should: everything that is due is handed out before a record of a newer time is taken.
pub(crate) fn fold(fold: &mut Fold, log: &[Line], end_log_ms: i64) -> Vec<Batch> {
    let mut out = Vec::new();
    for line in log {
        drain(fold, line.log_ms, &mut out);
        fold.observe(line.log_ms, line.device, line.metric, line.at_ms, &line.value);
    }
    drain(fold, end_log_ms, &mut out);
    out
}

pub(crate) fn drain(fold: &mut Fold, log_ms: i64, out: &mut Vec<Batch>) {
    loop {
        let batches = fold.close(log_ms);
        // Days that are not archived make no months.
        fold.turns();
        if batches.is_empty() {
            break;
        }
        out.extend(batches);
    }
}

/// A fold whose days are archived, so that it has months.
pub(crate) struct Archived {
    pub(crate) fold: Fold,
    archive: Archive,
}

impl Archived {
    pub(crate) fn new(site: Arc<Site>, dir: &Path) -> Self {
        Self { fold: Fold::new(site.clone()), archive: Archive::open(dir, site).unwrap() }
    }

    /// Everything that is due, with the months, quarters and years that end.
    pub(crate) fn drain(&mut self, log_ms: i64, out: &mut Vec<Batch>) {
        loop {
            let batches = self.fold.close(log_ms);
            if batches.is_empty() {
                break;
            }
            out.extend(batches);
            for turn in self.fold.turns() {
                let longer = self.archive.turn(Cut { upto: log_ms as u64, end: 0, is_replay: false }, &turn).unwrap();
                let rows = longer.into_iter().map(|long| self.fold.long_row(long.device, long.window, &long.sums));
                out.extend(rows.filter(|batch| !batch.readings.is_empty()));
            }
        }
    }
}

/// The figures of one device in the short window that starts `start_s` after [`T0`], by name.
pub(crate) fn figures(batches: &[Batch], device: DeviceIx, start_s: i64) -> BTreeMap<&'static str, f64> {
    figures_of_window(batches, device, T0 + start_s * 1000, "")
}

/// Whether a batch is of a window of that name; of a short one if it is empty.
pub(crate) fn is_of(batch: &Batch, window: &str) -> bool {
    batch.readings.iter().all(|reading| reading.metric.part.as_str() == window)
}

/// The figures of one device in the window of that name that starts at `at_ms`.
pub(crate) fn figures_of_window(batches: &[Batch], device: DeviceIx, at_ms: i64, window: &str) -> BTreeMap<&'static str, f64> {
    let mut found = batches.iter().filter(|batch| batch.device == Some(device) && batch.at_ms == at_ms && is_of(batch, window));
    let batch = found.next().expect("the window was closed");
    assert!(found.next().is_none(), "one batch per device and window");
    let number = |value: &Value| match value {
        Value::Float(float) => *float,
        Value::Int(count) => *count as f64,
        other => panic!("a figure is a number, not {other:?}"),
    };
    let figures: BTreeMap<_, _> = batch.readings.iter().map(|reading| (reading.metric.point.info().name, number(&reading.value))).collect();
    assert_eq!(figures.len(), batch.readings.len(), "each figure once");
    figures
}

/// Holds figures against expected ones, `None` meaning absent, to the last digit that is written in DOMAIN §4.
pub(crate) fn check(case: &str, figures: &BTreeMap<&'static str, f64>, expected: &[(&str, Option<f64>)]) {
    check_within(case, figures, expected, 5e-5);
}

/// The same to within a tolerance.
pub(crate) fn check_within(case: &str, figures: &BTreeMap<&'static str, f64>, expected: &[(&str, Option<f64>)], tolerance: f64) {
    for (name, value) in expected {
        match (figures.get(name), value) {
            (None, None) => {}
            (Some(got), Some(want)) if (got - want).abs() < tolerance => {}
            (got, want) => panic!("{case}: {name} is {got:?}, expected {want:?} in {figures:?}"),
        }
    }
}
