//! However the log is cut, paged, snapshot or replayed, the same batches come out, each once.

use super::second::random_day;
use crate::aggregate::Fold;
use crate::aggregate::fixture::*;
use facility_config::{Kind, Point, Site};
use facility_drivers::{Batch, Value};
use std::sync::Arc;
use std::time::Duration;

/// Every byte of what came out.
fn bytes(batches: &[Batch]) -> Vec<String> {
    batches.iter().map(|batch| format!("{:?} {} {:?}", batch.device, batch.at_ms, batch.readings)).collect()
}

fn day() -> (Arc<Site>, Vec<Line>, i64) {
    let (site, log) = random_day(7, 4 * 3600);
    let end_ms = log.last().unwrap().log_ms + 600_000;
    (site, log, end_ms)
}

#[test]
fn a_snapshot_at_any_point_changes_nothing() {
    let (site, log, end_ms) = day();
    let whole = bytes(&fold(&mut Fold::new(site.clone()), &log, end_ms));
    assert!(whole.len() > 100);
    for cut in (0..log.len()).step_by(log.len() / 97) {
        let mut before = Fold::new(site.clone());
        let mut out = fold(&mut before, &log[..cut], log[..cut].last().map_or(0, |line| line.log_ms));
        let mut after = Fold::restore(site.clone(), &before.snapshot()).expect("an undamaged snapshot");
        assert_eq!(after.snapshot(), before.snapshot());
        assert_eq!(after.open_ms(), before.open_ms());
        out.extend(fold(&mut after, &log[cut..], end_ms));
        assert_eq!(bytes(&out), whole, "cut at record {cut}");
    }
}

#[test]
fn pages_do_not_matter() {
    let (site, log, end_ms) = day();
    let whole = bytes(&fold(&mut Fold::new(site.clone()), &log, end_ms));
    for page in [1, 7, 500, log.len()] {
        let mut pages = Fold::new(site.clone());
        let mut out = Vec::new();
        for lines in log.chunks(page) {
            for line in lines {
                pages.observe(line.log_ms, line.device, line.metric, line.at_ms, &line.value);
            }
            drain(&mut pages, lines.last().unwrap().log_ms, &mut out);
        }
        drain(&mut pages, end_ms, &mut out);
        assert_eq!(bytes(&out), whole, "pages of {page}");
    }
}

#[test]
fn a_damaged_or_foreign_snapshot_is_refused() {
    let (site, log, _) = day();
    let mut windows = Fold::new(site.clone());
    fold(&mut windows, &log[..500], log[499].log_ms);
    let snapshot = windows.snapshot();
    assert!(Fold::restore(site.clone(), &snapshot).is_some());
    for at in 0..snapshot.len() {
        let mut damaged = snapshot.clone();
        damaged[at] ^= 0x10;
        assert!(Fold::restore(site.clone(), &damaged).is_none(), "a flipped bit in byte {at}");
        assert!(Fold::restore(site.clone(), &snapshot[..at]).is_none(), "cut to {at} bytes");
    }
    let longer = Site { window: Duration::from_secs(600), ..(*site).clone() };
    assert!(Fold::restore(Arc::new(longer), &snapshot).is_none(), "another window length");
}

#[test]
fn windows_that_were_not_handed_out_are_in_no_snapshot() {
    let (site, log, end_ms) = day();
    let mut windows = Fold::new(site.clone());
    log.iter().for_each(|line| windows.observe(line.log_ms, line.device, line.metric, line.at_ms, &line.value));
    assert!(Fold::restore(site.clone(), &windows.snapshot()).is_none());
    drain(&mut windows, end_ms, &mut Vec::new());
    assert!(Fold::restore(site, &windows.snapshot()).is_some());
}

#[test]
fn a_changed_configuration_keeps_the_state_of_the_other_devices() {
    let minute = |at: i64, device: u16, count: i64| Line {
        device: facility_config::DeviceIx(device),
        ..said(at * 60, Point::LockerDeposits, Value::Int(count))
    };
    let locker = |id| device(id, Kind::Locker, 60);
    let five_min = Duration::from_secs(300);
    let mut before = Fold::new(site(five_min, vec![locker("a-old"), locker("c-kept")]));
    fold(&mut before, &[minute(0, 1, 50), minute(0, 2, 100)], T0 + 10_000);
    let changed = site(five_min, vec![locker("b-new"), locker("c-kept")]);
    let mut after = Fold::restore(changed, &before.snapshot()).unwrap();
    let batches = fold(&mut after, &[minute(1, 1, 7), minute(1, 2, 103)], T0 + 400_000);
    check("new", &figures(&batches, facility_config::DeviceIx(1), 0), &[("locker_5m.deposits", None)]);
    check("kept", &figures(&batches, facility_config::DeviceIx(2), 0), &[("locker_5m.deposits", Some(3.0))]);
}
