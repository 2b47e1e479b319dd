//! Deposits and pick-ups of parcels nobody can name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use facility_config::{DeviceIx, Part};
use facility_drivers::Subject;
use facility_drivers::pseudonym::Pseudonyms;

const T0: i64 = 1_790_000_000_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

struct Site {
    keys: Pseudonyms,
    parcels: Parcels,
}

impl Site {
    fn new() -> Self {
        Self { keys: Pseudonyms::new(), parcels: Parcels::default() }
    }

    /// What a device says about a parcel; the duration that comes out, in seconds.
    fn says(&mut self, device: &str, event: &str, parcel: &str, at_ms: i64) -> Option<f64> {
        self.tells(device, event, parcel, at_ms, |_| {})
    }

    fn tells(&mut self, device: &str, event: &str, parcel: &str, at_ms: i64, change: fn(&mut Batch)) -> Option<f64> {
        let mut batch = Batch::new(DeviceIx(1), Subject::Event, at_ms);
        batch.parcel = self.keys.of(device, parcel.as_bytes(), at_ms);
        batch.push(Metric { point: Point::EventCount, part: Part::new(event).unwrap() }, Value::Int(1));
        change(&mut batch);
        self.parcels.link(&mut batch, at_ms);
        assert!(batch.parcel.is_empty(), "nothing carries a pseudonym any further");
        let durations: Vec<_> = batch.readings.iter().filter(|reading| reading.metric.point == Point::EventDuration).collect();
        assert!(durations.len() <= 1 && durations.iter().all(|reading| reading.metric.part.as_str() == event));
        durations.first().map(|reading| match reading.value {
            Value::Float(seconds) => seconds,
            ref other => panic!("{other:?}"),
        })
    }
}

#[test]
fn a_pick_up_knows_how_long_its_parcel_lay() {
    let mut site = Site::new();
    assert_eq!(site.says("lk-1", "deposit", "SF1", T0), None);
    assert_eq!(site.says("lk-1", "deposit", "SF2", T0 + MINUTE), None);
    assert_eq!(site.says("lk-1", "deposit", "SF1", T0 + 2 * MINUTE), None, "said twice: the first counts");
    assert_eq!(site.says("lk-2", "pickup", "SF1", T0 + 3 * MINUTE), None, "another locker");
    assert_eq!(site.says("lk-1", "door_open", "SF1", T0 + 3 * MINUTE), None);
    assert_eq!(site.says("lk-1", "pickup", "SF1", T0 + 10 * MINUTE), Some(600.0));
    assert_eq!(site.says("lk-1", "pickup", "SF1", T0 + 11 * MINUTE), None, "it is out");
    assert_eq!(site.says("lk-1", "return_to_courier", "SF2", T0 + 3 * DAY), Some(2.0 * 86_400.0 + 86_340.0), "keys have changed since");
    assert!(site.parcels.is_empty());
}

#[test]
fn what_cannot_be_known_is_not_said() {
    let said =
        |batch: &mut Batch| batch.push(Metric { point: Point::EventDuration, part: Part::new("pickup").unwrap() }, Value::Float(5.0));
    let mut site = Site::new();
    site.says("lk-1", "deposit", "SF1", T0);
    assert_eq!(site.tells("lk-1", "pickup", "SF1", T0 + MINUTE, said), Some(5.0), "the device has said it itself");
    site.says("lk-1", "deposit", "SF2", T0);
    assert_eq!(site.says("lk-1", "pickup", "SF2", T0 - MINUTE), None, "picked up before it was put in");
    site.tells("lk-1", "deposit", "SF3", T0, |batch| batch.provisional = true);
    assert_eq!(site.says("lk-1", "pickup", "SF3", T0 + MINUTE), None, "nobody knew the time");
    site.tells("lk-1", "deposit", "SF4", T0, |batch| batch.readings.clear());
    assert_eq!(site.says("lk-1", "pickup", "SF4", T0 + MINUTE), None, "a repetition is no deposit");
}

#[test]
fn nothing_waits_for_ever_and_never_too_much() {
    let mut site = Site::new();
    site.says("lk-1", "deposit", "SF1", T0);
    site.says("lk-1", "deposit", "SF2", T0 + PARCEL_LINK_MS_MAX - 1);
    assert_eq!(site.parcels.len(), 2);
    site.says("lk-1", "pickup", "SF9", T0 + PARCEL_LINK_MS_MAX);
    assert_eq!(site.parcels.len(), 1, "five days are over for the first");
    site.says("lk-1", "pickup", "SF9", T0 - 30 * DAY);
    assert!(site.parcels.is_empty(), "the clock had been a month ahead");

    for nth in 0..PARCELS_LINKED_MAX + 3 {
        site.says("lk-1", "deposit", &nth.to_string(), T0);
    }
    assert_eq!((site.parcels.len(), site.parcels.order.len()), (PARCELS_LINKED_MAX, PARCELS_LINKED_MAX));
    assert_eq!(site.says("lk-1", "pickup", "2", T0 + 1000), None, "the oldest gave way");
    assert_eq!(site.says("lk-1", "pickup", "3", T0 + 1000), Some(1.0));
}

#[test]
fn a_pseudonym_says_nothing_of_itself_when_it_is_printed() {
    let mut site = Site::new();
    site.says("lk-1", "deposit", "SF1", T0);
    let mut batch = Batch::new(DeviceIx(1), Subject::Event, T0);
    batch.parcel = site.keys.of("lk-1", b"SF1", T0);
    let shown = format!("{batch:?} {:?}", site.parcels);
    let bytes = format!("{:?}", batch.parcel);
    assert_eq!(bytes, "[Pseudonym]");
    assert!(!shown.contains("Pseudonym("), "{shown}");
}
