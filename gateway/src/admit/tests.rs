#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use facility_config::device::Ingest;
use facility_config::{DeviceIx, Part};
use facility_drivers::Metric;
use facility_drivers::decode::message::{Arrival, MessageDecoder};
use facility_drivers::pseudonym::Pseudonyms;
use std::sync::Arc;

const NOW: i64 = 1_790_000_000_000;
const HOUR: i64 = 3_600_000;

#[test]
fn a_reading_gets_the_time_that_can_be_believed() {
    let cases: [(&str, Option<i64>, i64, Option<Fault>); 9] = [
        ("no stamp: time of receipt", None, NOW, None),
        ("the device's own", Some(NOW - 1_000), NOW - 1_000, None),
        ("a little ahead", Some(NOW + 4_000), NOW + 4_000, None),
        ("an hour ahead", Some(NOW + HOUR), NOW, Some(Fault::ClockAhead)),
        ("kept by the device for six days", Some(NOW - 6 * 24 * HOUR), NOW - 6 * 24 * HOUR, None),
        ("kept for eight days", Some(NOW - 8 * 24 * HOUR), NOW, Some(Fault::ClockBehind)),
        ("1970", Some(1_000), NOW, Some(Fault::ClockBehind)),
        ("before the epoch", Some(i64::MIN), NOW, Some(Fault::ClockBehind)),
        ("the end of time", Some(i64::MAX), NOW, Some(Fault::ClockAhead)),
    ];
    for (what, device_ms, at_ms, fault) in cases {
        assert_eq!(settle_time(device_ms, NOW, true), (at_ms, fault), "{what}");
    }
}

#[test]
fn while_the_gateways_clock_is_not_set_a_device_that_knows_better_is_believed() {
    let boot = BUILD_TIME_MS + 1_000;
    assert_eq!(settle_time(Some(NOW), boot, false), (NOW, None));
    assert_eq!(settle_time(Some(1_000), boot, false), (boot, Some(Fault::ClockUnset)));
    assert_eq!(settle_time(None, boot, false), (boot, Some(Fault::ClockUnset)));
}

const LOCKER: DeviceIx = DeviceIx(1);
const SITE: &str = r#"
[gateway]
id = "gw-test-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:1883"
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
"#;

/// The door and what it remembers.
struct Door {
    site: Arc<Site>,
    latest: Latest,
    parcels: Parcels,
    intake: Intake,
    keys: Pseudonyms,
}

impl Door {
    fn new(series_max: u32) -> Self {
        let mut site = facility_config::from_toml("gateway.toml", SITE).unwrap();
        site.devices[LOCKER.at()].ingest = Ingest { series_max, ..Ingest::default() };
        Self::of(site)
    }

    fn of(site: Site) -> Self {
        let site = Arc::new(site);
        Self { latest: Latest::new(&site), parcels: Parcels::default(), intake: Intake::default(), keys: Pseudonyms::new(), site }
    }

    /// What is left of a message.
    fn lets_in(&mut self, mut batch: Batch) -> Batch {
        let (latest, parcels, intake) = (&mut self.latest, &mut self.parcels, &self.intake);
        Admission { site: &self.site, latest, parcels, intake, clock_is_set: true }.admit(&mut batch);
        self.latest.observe(&batch, batch.at_ms);
        assert!(batch.parcel.is_empty());
        let lost: u64 = self.intake.dropped.lost();
        assert_eq!(self.intake.readings.get(), self.intake.stored.get() + lost, "the account of values balances");
        batch
    }

    fn dropped(&self, fault: Fault) -> u64 {
        self.intake.dropped.counted().get(fault.label()).copied().unwrap_or(0)
    }

    fn lost(&self) -> u64 {
        self.latest.device(LOCKER).unwrap().lost_messages
    }

    /// An event as it comes from a broker.
    fn event(&mut self, kind: &str, target: &str, parcel: &str, at_ms: i64) -> Batch {
        let mut batch = Batch::new(LOCKER, Subject::Event, at_ms);
        let part = Part::new(kind).unwrap();
        batch.device_ms = Some(at_ms);
        batch.parcel = self.keys.of("lk-001", parcel.as_bytes(), at_ms);
        batch.push(Metric { point: Point::EventTarget, part }, Value::Text(target.into()));
        batch.push(Metric { point: Point::EventCount, part }, Value::Int(1));
        batch
    }
}

fn snapshot(number: Option<u64>, occupied: i64) -> Batch {
    let mut batch = Batch::new(LOCKER, Subject::Telemetry, NOW);
    batch.seq = number;
    batch.push(Point::LockerOccupied, Value::Int(occupied));
    batch
}

fn points(batch: &Batch) -> Vec<Point> {
    batch.readings.iter().map(|reading| reading.metric.point).collect()
}

#[test]
fn of_what_people_do_at_a_locker_neither_compartment_nor_parcel_gets_in_but_how_long_it_lay() {
    let mut door = Door::new(100);
    let deposit = door.event("deposit", "A07", "SF1234567890123", NOW);
    let elsewhere = door.event("deposit", "A08", "SF1234567890124", NOW);
    let pickup = door.event("pickup", "A07", "SF1234567890123", NOW + HOUR);
    let fault = door.event("lock_fault", "A07", "", NOW + HOUR);
    assert_eq!(points(&door.lets_in(deposit)), [Point::EventCount]);
    assert_eq!(points(&door.lets_in(elsewhere)), [Point::EventCount], "another compartment at the same moment is no repetition");
    let pickup = door.lets_in(pickup);
    assert_eq!(points(&pickup), [Point::EventCount, Point::EventDuration]);
    assert_eq!(pickup.readings[1].value, Value::Float(3600.0));
    assert_eq!(points(&door.lets_in(fault)), [Point::EventTarget, Point::EventCount]);
    let again = door.event("deposit", "A07", "SF1234567890123", NOW);
    assert_eq!(points(&door.lets_in(again)), []);
    assert_eq!((door.dropped(Fault::Duplicate), door.intake.dropped.lost()), (1, 1), "what is not kept is no fault");
}

/// Messages of one second, as the dialects send them: each says something else, and each may come twice.
#[test]
fn a_device_that_sends_itself_in_parts_is_heard_in_all_of_them() {
    let machine = |kind: &str, more: &str| format!(r#"{{"type":"{kind}","macno":7,"time":1790000000,{more}}}"#);
    let vendor = |method: &str, more: &str| format!(r#"{{"timestamp":"1790000000","machine_id":"7","method":"{method}",{more}}}"#);
    let lock = |no: u8| format!(r#"{{"siteId":"7","lockId":{no},"status":1,"timestamp":1790000000000}}"#);
    let (report, app) = ("vending/machine/report".to_owned(), "/server/app".to_owned());
    let cases: [(&str, Vec<(String, String)>); 4] = [
        ("vending-showdoc", (1..=3).map(|no| (report.clone(), machine("status_2", &format!(r#""aisle_num":{no},"status":1"#)))).collect()),
        (
            "vending-showdoc",
            (1..=2).map(|no| (report.clone(), machine("temperature", &format!(r#""temperature":4,"number":{no}"#)))).collect(),
        ),
        ("locker-parkbike", (1..=3).map(|no| (format!("device/lock/7/{no}/info"), lock(no))).collect()),
        (
            "vending-awish",
            vec![
                (app.clone(), vendor("client.heartbeat", r#""network_rssi":"-67""#)),
                (app, vendor("client.temperature.put", r#""temperature":"4.5""#)),
            ],
        ),
    ];
    for (profile, messages) in cases {
        let head = SITE.split("[device").next().unwrap();
        let text = format!("{head}[device.d-001]\nprofile = \"{profile}\"\nmqtt = \"kiosk\"\ntopic_id = \"7\"\n");
        let mut door = Door::of(facility_config::from_toml("gateway.toml", &text).unwrap());
        let mut decoder = MessageDecoder::new(&door.site, 0);
        for is_again in [false, true] {
            for (topic, payload) in &messages {
                let batch = decoder.decode(&Arrival { topic, payload: payload.as_bytes(), retained: false, now_ms: NOW });
                let said = batch.readings.len();
                assert!(batch.device_ms == Some(NOW) && said > 0, "{profile}: {batch:?}");
                assert_eq!(door.lets_in(batch).readings.len(), if is_again { 0 } else { said }, "{profile}: {payload}");
            }
        }
    }
}

/// Sparkplug reports what has changed, and may give two reports the time of one scan.
#[test]
fn of_two_messages_of_one_time_the_series_and_not_the_values_tell_whether_it_is_one() {
    let mut door = Door::new(100);
    let mut kept = |points: &[Point], value| {
        let mut batch = Batch::new(LOCKER, Subject::Telemetry, NOW);
        batch.device_ms = Some(NOW);
        points.iter().for_each(|point| batch.push(*point, Value::Int(value)));
        door.lets_in(batch).readings.len()
    };
    use Point::{LockerFaulted, LockerOccupied};
    let course: [(&[Point], i64, usize); 5] = [
        (&[LockerOccupied], 1, 1),
        (&[LockerFaulted], 1, 1),
        (&[LockerFaulted], 2, 0),
        (&[LockerOccupied, LockerFaulted], 1, 2),
        (&[LockerFaulted, LockerOccupied], 1, 0),
    ];
    for (row, (points, value, expected)) in course.into_iter().enumerate() {
        assert_eq!(kept(points, value), expected, "row {row}");
    }
}

#[test]
fn messages_without_a_time_are_known_by_their_number_and_content() {
    let mut door = Door::new(100);
    // (number, what it says, taken, lost in the device's count so far)
    let course = [
        (Some(7), 41, true, 0),
        (Some(8), 41, true, 0),
        (Some(8), 41, false, 0),
        (Some(7), 41, false, 0),
        (Some(10), 41, true, 1),
        (Some(9), 40, true, 0),
        (Some(14), 40, true, 3),
        // It has started again.
        (Some(7), 12, true, 3),
        (Some(8), 12, true, 3),
        (Some(8), 12, false, 3),
        (None, 12, true, 3),
        (None, 12, true, 3),
    ];
    for (row, (number, occupied, is_taken, lost)) in course.into_iter().enumerate() {
        let batch = door.lets_in(snapshot(number, occupied));
        assert_eq!((!batch.readings.is_empty(), door.lost()), (is_taken, lost), "row {row}");
    }
}

#[test]
fn an_event_with_an_id_is_known_whatever_its_clock_says() {
    let mut door = Door::new(100);
    let mut event = |device_ms, id| {
        let mut batch = Batch::new(LOCKER, Subject::Event, NOW);
        batch.device_ms = device_ms;
        batch.push(Metric { point: Point::EventKey, part: Part::new("tamper").unwrap() }, Value::Int(id));
        !door.lets_in(batch).readings.is_empty()
    };
    assert_eq!(
        [(None, 1), (None, 1), (Some(5), 1), (Some(NOW), 1), (None, 2)].map(|(at, id)| event(at, id)),
        [true, false, false, false, true]
    );
}

#[test]
fn a_device_with_too_many_series_keeps_those_it_has() {
    let mut door = Door::new(4);
    let sizes = |names: &[&str], at_ms| {
        let mut batch = Batch::new(LOCKER, Subject::Telemetry, at_ms);
        for name in names {
            batch.push(Metric { point: Point::SizeTotal, part: Part::new(name).unwrap() }, Value::Int(1));
        }
        batch
    };
    let day = 24 * HOUR;
    let course: [(&[&str], i64, &[&str]); 6] = [
        (&["s", "m"], 0, &["s", "m"]),
        (&["s", "m", "l", "xl", "xxl"], 1, &["s", "m", "l", "xl"]),
        (&["a", "b", "s"], 2, &["s"]),
        // The other three have been silent for a day.
        (&["s"], day, &["s"]),
        (&["a", "b"], day + 2, &["a", "b"]),
        (&["c", "d", "e"], day + 3, &["c"]),
    ];
    for (row, (said, after_ms, left)) in course.into_iter().enumerate() {
        let batch = door.lets_in(sizes(said, NOW + after_ms));
        let names: Vec<&str> = batch.readings.iter().map(|reading| reading.metric.part.as_str()).collect();
        assert_eq!(names, left, "row {row}");
    }
    assert_eq!(door.dropped(Fault::TooManySeries), 5);
}

#[test]
fn a_refused_message_leaves_nothing_behind() {
    let mut door = Door::new(100);
    let mut batch = door.event("deposit", "A07", "SF1234567890123", NOW);
    batch.refused = Some(Fault::Undecodable);
    assert!(door.lets_in(batch).readings.is_empty());
    assert!(door.parcels.is_empty());
}
