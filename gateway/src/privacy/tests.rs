//! What people do at a locker stays here, what is wrong with it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use facility_config::DeviceIx;
use facility_drivers::{Metric, Subject, Value};

const LOCKER: &str = "device_id=lk-001,district=350102,gw_id=gw-1,kind=locker,site_id=gl";
const VENDING: &str = "device_id=vm-001,district=350102,gw_id=gw-1,kind=vending,site_id=gl";

fn part(name: &str) -> Part {
    Part::new(name).unwrap()
}

fn event(kind: &str) -> Batch {
    let mut batch = Batch::new(DeviceIx(1), Subject::Event, 0);
    for (point, value) in [
        (Point::EventTarget, Value::Text("A07".into())),
        (Point::EventOutcome, Value::Text("ok".into())),
        (Point::EventCode, Value::Text("7".into())),
        (Point::EventAmount, Value::Int(150)),
        (Point::EventKey, Value::Int(9)),
        (Point::EventCount, Value::Int(1)),
    ] {
        batch.push(Metric { point, part: part(kind) }, value);
    }
    batch
}

#[test]
fn what_people_do_at_a_locker_loses_its_compartment_and_nothing_else_does() {
    use Kind::{Cabinet, Locker, Vending};
    let cases = [
        (Locker, "deposit", true),
        (Locker, "pickup", true),
        (Locker, "return_to_courier", true),
        (Locker, "open_cmd", true),
        (Locker, "door_open", true),
        (Locker, "door_closed", true),
        (Locker, "a word of some maker", true),
        (Locker, "", true),
        (Locker, "open_fail", false),
        (Locker, "lock_fault", false),
        (Locker, "tamper", false),
        (Locker, "door_ajar", false),
        (Locker, "power_lost", false),
        (Vending, "vend_ok", false),
        (Vending, "door_open", false),
        (Cabinet, "door_open", false),
    ];
    for (kind, name, is_stripped) in cases {
        let mut batch = event(name);
        strip(kind, &mut batch);
        let left: Vec<Point> = batch.readings.iter().map(|reading| reading.metric.point).collect();
        assert_eq!(left.len(), if is_stripped { 3 } else { 6 }, "{kind:?} {name}: {left:?}");
        assert_eq!(TELLING.iter().any(|point| left.contains(point)), !is_stripped, "{kind:?} {name}");
        assert_eq!(event_of(&batch), Some(part(name)));
    }
}

#[test]
fn stored_series_are_kept_back_by_their_names_and_tags() {
    let cases = [
        (LOCKER, "event.count", "deposit", true),
        (LOCKER, "event.dur_s", "pickup", true),
        (LOCKER, "event.of_another_version", "pickup", true),
        (LOCKER, "event.count", "open_fail", false),
        (LOCKER, "event.target", "lock_fault", false),
        (VENDING, "event.target", "vend_fail", false),
        (VENDING, "event.key", "vend_fail", true),
        (LOCKER, "compartment.door_open", "7", true),
        (VENDING, "compartment.of_another_version", "7", true),
        (LOCKER, "locker.comp_occupied", "", false),
        (LOCKER, "locker_5m.deposits", "", false),
        (LOCKER, "nodot", "", false),
        (LOCKER, "new.thing", "", false),
        ("no pairs", "event.count", "deposit", false),
    ];
    for (tags, name, of, stays) in cases {
        let metric = MetricName { name: name.into(), part: part(of), point: Point::from_name(name) };
        assert_eq!(is_kept_back(tags, &metric), stays, "{tags} {name} {of}");
    }
}

#[test]
fn every_point_that_stays_is_kept_back_whoever_recorded_it() {
    for point in Point::ALL.iter().copied().filter(|point| point.stays_here()) {
        let metric = MetricName { name: point.info().name.into(), part: part("x"), point: Some(point) };
        assert!([LOCKER, VENDING, ""].iter().all(|tags| is_kept_back(tags, &metric)), "{point}");
    }
}
