#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cold;
mod month;
mod schema;

use super::day::{DAY_MS, HOUR_MS, MINUTE_MS};
use super::vending::Vending;
use super::*;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// 2026-08-31T00:00:00+08:00, a Monday.
const MIDNIGHT: i64 = 1_788_105_600_000;
const WEEK_MS: i64 = 7 * DAY_MS;

fn fleet(devices: usize, seed: u64, start_ms: i64) -> Fleet {
    Fleet::new(FleetSpec { devices, seed, start_ms })
}

fn is_id(id: &str) -> bool {
    let first = id.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    first && (3..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// What one device said over MQTT in a week, telemetry and events apart, in order.
fn week_of(id: &str, seed: u64) -> (Vec<Json>, Vec<Json>) {
    let mut messages = (Vec::new(), Vec::new());
    for said in fleet(6, seed, MIDNIGHT).said(MIDNIGHT + WEEK_MS - 1) {
        let Said::Mqtt { device, topic, payload } = said else { continue };
        if &*device == id {
            let list = if topic.ends_with("/event") { &mut messages.1 } else { &mut messages.0 };
            list.push(serde_json::from_slice(&payload).unwrap());
        }
    }
    messages
}

fn int(message: &Json, pointer: &str) -> i64 {
    message.pointer(pointer).and_then(Json::as_i64).unwrap_or_else(|| panic!("{pointer} in {message}"))
}

fn float(values: &[(Metric, Value)], point: Point) -> f64 {
    match values.iter().find(|(metric, _)| metric.point == point) {
        Some((_, Value::Float(value))) => *value,
        other => panic!("{point}: {other:?}"),
    }
}

fn of_kind<'m>(events: &'m [Json], kind: &'m str) -> impl Iterator<Item = &'m Json> {
    events.iter().filter(move |event| event["type"] == kind)
}

fn local_hour(message: &Json) -> i64 {
    message["ts"].as_str().unwrap()[11..13].parse().unwrap()
}

#[test]
fn every_message_of_a_week_is_what_its_schema_says() {
    let schemas: BTreeMap<&str, Json> = [
        ("locker/telemetry", include_str!("schemas/locker.json")),
        ("vending/telemetry", include_str!("schemas/vending.json")),
        ("event", include_str!("schemas/event.json")),
    ]
    .map(|(name, text)| (name, serde_json::from_str(text).unwrap()))
    .into();
    let mut seen = BTreeMap::<&str, usize>::new();
    for said in fleet(6, 11, MIDNIGHT).said(MIDNIGHT + WEEK_MS - 1) {
        let Said::Mqtt { device, topic, payload } = said else { continue };
        let parts: Vec<_> = topic.split('/').collect();
        assert!(topic.starts_with("scf/v1/fz-junmen/") && parts.len() == 6 && parts[4] == &*device, "{topic}");
        let (name, schema) = schemas.iter().find(|(name, _)| topic.replace(&format!("{device}/"), "").ends_with(**name)).unwrap();
        let message = serde_json::from_slice(&payload).unwrap();
        assert_eq!(schema::faults(schema, &message), Vec::<String>::new());
        assert_eq!(message["id"], *device, "a device speaks for itself");
        *seen.entry(name).or_default() += 1;
    }
    assert_eq!(seen["locker/telemetry"], 2 * 7 * 1440, "one message a minute");
    assert_eq!(seen["vending/telemetry"], 7 * 1440);
    assert!(seen["event"] > 1_000, "{seen:?}");
}

#[test]
fn the_schema_check_itself_finds_what_is_wrong() {
    let schema: Json = serde_json::from_str(include_str!("schemas/locker.json")).unwrap();
    let (telemetry, _) = week_of("lk-junmen-01", 1);
    for (pointer, value) in [("/v", Json::from(2)), ("/seq", Json::from(-1)), ("/seq", Json::from(1.5)), ("/ts", Json::from("yesterday"))] {
        let mut wrong = telemetry[0].clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        assert_eq!(schema::faults(&schema, &wrong).len(), 1, "{pointer}");
    }
    let mut wrong = telemetry[0].clone();
    wrong["phone"] = Json::from("13900000000");
    wrong["compartments"].as_object_mut().unwrap().remove("faulted");
    assert_eq!(schema::faults(&schema, &wrong).len(), 2);
}

#[test]
fn locker_accounts_always_balance() {
    for (id, seed) in [("lk-junmen-01", 1), ("lk-junmen-02", 1), ("lk-junmen-01", 2)] {
        let (telemetry, _) = week_of(id, seed);
        let first_fails = int(&telemetry[0], "/counters/open_fail_total");
        let first_cmds = int(&telemetry[0], "/counters/open_cmd_total");
        for pair in telemetry.windows(2) {
            let (before, now) = (&pair[0], &pair[1]);
            let count = |name: &str| int(now, &format!("/compartments/{name}"));
            let total = |name: &str| int(now, &format!("/counters/{name}_total"));
            assert_eq!(count("free") + count("occupied") + count("faulted") + count("disabled"), count("total"), "{now}");
            for what in ["total", "occupied"] {
                let by_size: i64 = ["s", "m", "l"].iter().map(|size| int(now, &format!("/compartments/by_size/{size}/{what}"))).sum();
                assert_eq!(by_size, count(what), "{now}");
            }
            assert_eq!(total("deposits") - total("pickups"), count("occupied"), "what went in is there or went out: {now}");
            assert_eq!(total("open_cmd"), total("deposits") + total("pickups") + total("open_fail"), "{now}");
            assert!(total("returns") <= total("pickups") && int(now, "/counters/overdue_now") <= count("occupied"), "{now}");
            for name in ["deposits", "pickups", "returns", "open_cmd", "open_fail"] {
                assert!(total(name) >= int(before, &format!("/counters/{name}_total")), "{name}: {before} then {now}");
            }
            assert_eq!(int(now, "/seq"), int(before, "/seq") + 1);
        }
        let last = telemetry.last().unwrap();
        let fails = int(last, "/counters/open_fail_total") - first_fails;
        let cmds = int(last, "/counters/open_cmd_total") - first_cmds;
        assert!(cmds > 300 && fails * 50 < cmds, "{fails} of {cmds} commands failed: below the 2 % that alarm");
    }
}

#[test]
fn parcels_come_by_day_and_go_in_the_evening() {
    let (telemetry, events) = week_of("lk-junmen-01", 3);
    assert!(of_kind(&events, "deposit").all(|event| (7..22).contains(&local_hour(event))));
    for day in 0..7 {
        let date = format!("2026-{}", if day == 0 { "08-31".to_owned() } else { format!("09-{day:02}") });
        let that_day = |kind: &'static str| of_kind(&events, kind).filter(|event| event["ts"].as_str().unwrap().starts_with(&date));
        assert!((20..120).contains(&that_day("deposit").count()), "{date}");
        let evening = that_day("pickup").filter(|event| local_hour(event) >= 17).count();
        assert!(evening * 2 > that_day("pickup").count(), "{date}: most are fetched after work");
    }
    assert!(events.iter().all(|event| event["target"].is_null() || !["deposit", "pickup"].contains(&event["type"].as_str().unwrap())));
    assert!(of_kind(&events, "open_fail").count() > 0);
    let lay_h = |event: &Json| event["dur_s"].as_f64().unwrap() / 3_600.0;
    assert!(of_kind(&events, "pickup").all(|event| (0.2..72.0).contains(&lay_h(event))), "a pick-up says how long its parcel lay");
    let peak = telemetry.iter().map(|message| int(message, "/compartments/occupied")).max().unwrap();
    assert!((20..=60).contains(&peak), "{peak} of 60 at the busiest time");
    assert!(telemetry.iter().any(|message| int(message, "/counters/overdue_now") > 0));
}

#[test]
fn sales_are_the_sum_of_the_prices() {
    let (telemetry, events) = week_of("vm-junmen-01", 4);
    let (first, last) = (&telemetry[0], telemetry.last().unwrap());
    let (from, to) = (first["ts"].as_str().unwrap(), last["ts"].as_str().unwrap());
    // RFC 3339 with one offset sorts like time; the milliseconds of a second burst sort before the zone.
    let sold: Vec<_> = of_kind(&events, "vend_ok").filter(|event| (from..to).contains(&event["ts"].as_str().unwrap())).collect();
    let grown = |name: &str| int(last, &format!("/counters/{name}")) - int(first, &format!("/counters/{name}"));
    let amount: i64 = sold.iter().map(|event| int(event, "/amount_fen")).sum();
    assert!((sold.len() as i64 - grown("vends_total")).abs() <= 1, "{} sold, {} counted", sold.len(), grown("vends_total"));
    assert!((amount - grown("sales_fen_total")).abs() <= 600, "{amount} fen sold, {} counted", grown("sales_fen_total"));
    assert!(grown("vend_fail_total") > 0 && grown("vend_fail_total") * 10 < grown("vends_total"));
    for pair in telemetry.windows(2) {
        for name in ["vends_total", "sales_fen_total", "vend_fail_total", "power_outages_total"] {
            assert!(int(&pair[1], &format!("/counters/{name}")) >= int(&pair[0], &format!("/counters/{name}")), "{name}");
        }
        for lane in pair[1]["lanes"].as_array().unwrap() {
            assert!((0..=int(lane, "/par")).contains(&int(lane, "/level")), "{lane}");
        }
        assert!((1.0..14.0).contains(&pair[1]["temps"]["air"].as_f64().unwrap()), "{}", pair[1]["temps"]);
    }
}

#[test]
fn a_machine_sells_every_day_and_is_refilled_every_morning() {
    let (telemetry, events) = week_of("vm-junmen-01", 5);
    for day in telemetry.chunks(1440) {
        let (morning, evening) = (&day[10 * 60], &day[21 * 60]);
        assert!(int(evening, "/counters/vends_total") > int(morning, "/counters/vends_total") + 20, "sales by day");
        let statuses: BTreeSet<_> = day.iter().map(|message| message["status"].as_str().unwrap()).collect();
        assert!(statuses.contains("door_open") && statuses.contains("in_service"), "{statuses:?}");
        let open = day.iter().filter(|message| message["status"] == "door_open").collect::<Vec<_>>();
        assert!((11..=13).contains(&open.len()) && open.iter().all(|message| (8..10).contains(&local_hour(message))));
    }
    assert_eq!(of_kind(&events, "refill").count(), 7);
    assert!(
        telemetry.iter().any(|message| message["lanes"].as_array().unwrap().iter().any(|lane| lane["level"] == 0)),
        "a lane runs empty"
    );
}

#[test]
fn a_machine_that_nobody_refills_sells_out_and_says_so() {
    let evening = MIDNIGHT + 18 * HOUR_MS;
    let mut machine = Vending::new(6, evening);
    let mut events = Vec::new();
    let mut status = |machine: &mut Vending, ticks: usize| {
        (0..ticks).for_each(|_| machine.tick(evening, &mut events));
        machine.payload("vm-any-01", 0, evening)["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(&mut machine, 10), "in_service");
    let empty = status(&mut machine, 200_000);
    let end = machine.payload("vm-any-01", 0, evening);
    let sellable = end["lanes"].as_array().unwrap().iter().filter(|lane| lane["fault"] == false).all(|lane| lane["level"] == 0);
    assert!(sellable, "{end}");
    let expected = if end["lanes"].as_array().unwrap().iter().any(|lane| lane["level"] != 0) { "fault" } else { "sold_out" };
    assert_eq!(empty, expected);
}

#[test]
fn a_meter_fits_together() {
    let mut energy = Vec::new();
    let mut watts = Vec::new();
    for said in fleet(6, 8, MIDNIGHT).said(MIDNIGHT + DAY_MS) {
        let Said::Registers { device, values, .. } = said else { continue };
        if &*device != "em-sdm-01" {
            continue;
        }
        let get = |point| float(&values, point);
        let (volts, amps, active, pf) =
            (get(Point::EnergyVoltage), get(Point::EnergyCurrent), get(Point::EnergyActive), get(Point::EnergyPowerFactor));
        assert!((volts * amps * pf - active).abs() < active * 0.01, "{values:?}");
        assert!((212.0..244.0).contains(&volts) && (49.9..50.1).contains(&get(Point::EnergyFrequency)) && (0.7..=1.0).contains(&pf));
        let apparent = volts * amps;
        assert!((get(Point::EnergyReactive).hypot(active) - apparent).abs() < apparent * 0.01, "{values:?}");
        energy.push(get(Point::EnergyTotal));
        watts.push(active);
    }
    assert!(energy.windows(2).all(|pair| pair[1] >= pair[0]));
    let used = energy.last().unwrap() - energy[0];
    let mean = watts.iter().sum::<f64>() / watts.len() as f64;
    assert!((used - mean * 24.0 / 1e3).abs() < used * 0.05, "{used} kWh at {mean} W");
    assert!((5.0..25.0).contains(&used), "{used} kWh a day");
}

#[test]
fn a_meter_sees_what_the_controller_of_a_failed_compressor_cannot() {
    let watts = |said: &[Said]| {
        let of_meter = said.iter().filter_map(|said| match said {
            Said::Registers { device, values, .. } if &**device == "em-sdm-01" => Some(float(values, Point::EnergyActive)),
            _ => None,
        });
        of_meter.fold(0.0, f64::max)
    };
    let mut fleet = fleet(6, 8, MIDNIGHT);
    let cooling = watts(&fleet.said(MIDNIGHT + HOUR_MS));
    assert!(fleet.fail_compressor("fz-ekc-01") && fleet.fail_compressor("fz-dixell-01"));
    // Before the first defrost, whose heater the meter would see too.
    let failed = watts(&fleet.said(MIDNIGHT + 2 * HOUR_MS));
    assert!(cooling > 450.0 && failed < 150.0, "{cooling} W, then {failed} W");
    let (_, relay) =
        fleet.cabinet("fz-ekc-01").unwrap().values().into_iter().find(|(metric, _)| metric.point == Point::CabinetCompressor).unwrap();
    assert_eq!(relay, Value::Bool(true), "the controller still asks for cold");
}

#[test]
fn the_same_seed_says_the_same_bytes_however_often_it_is_asked() {
    let end_ms = MIDNIGHT + 12 * HOUR_MS;
    let told = |step_ms: i64, seed: u64| {
        let mut fleet = fleet(12, seed, MIDNIGHT + 1_234);
        let mut said: Vec<Said> = (MIDNIGHT..end_ms).step_by(step_ms as usize).flat_map(|now_ms| fleet.said(now_ms)).collect();
        said.extend(fleet.said(end_ms));
        said
    };
    let once = told(DAY_MS, 9);
    for step_ms in [777, TICK_MS, 61_000, HOUR_MS] {
        assert!(told(step_ms, 9) == once, "asked every {step_ms} ms");
    }
    assert!(told(DAY_MS, 10) != once, "another seed, another life");
}

#[test]
fn one_more_device_changes_nothing_about_the_others() {
    let end_ms = MIDNIGHT + 9 * HOUR_MS;
    let six: Vec<_> = fleet(6, 1, MIDNIGHT).said(end_ms);
    let ids: BTreeSet<_> = cast(6).into_iter().map(|member| member.id).collect();
    let mut of_many = fleet(25, 1, MIDNIGHT).said(end_ms);
    of_many.retain(|said| match said {
        Said::Mqtt { device, .. } | Said::Registers { device, .. } => ids.contains(device),
    });
    assert!(six == of_many);
}

#[test]
fn a_silent_device_lives_on_unheard() {
    let mut fleet = fleet(6, 2, MIDNIGHT);
    assert!(fleet.silence("lk-junmen-02", true) && !fleet.silence("lk-nowhere-01", true));
    assert!(!fleet.fail_compressor("lk-junmen-01"), "a locker has none");
    let heard = |said: Vec<Said>| -> Vec<i64> {
        let of_locker = said.into_iter().filter_map(|said| match said {
            Said::Mqtt { device, topic, payload } if &*device == "lk-junmen-02" && topic.ends_with("telemetry") => {
                Some(serde_json::from_slice::<Json>(&payload).unwrap())
            }
            _ => None,
        });
        of_locker.map(|message| int(&message, "/counters/deposits_total")).collect()
    };
    assert!(heard(fleet.said(MIDNIGHT + HOUR_MS)).is_empty());
    fleet.silence("lk-junmen-02", false);
    let morning = heard(fleet.said(MIDNIGHT + 2 * HOUR_MS));
    assert_eq!(morning.len(), 60);
    fleet.silence("lk-junmen-02", true);
    assert!(heard(fleet.said(MIDNIGHT + 16 * HOUR_MS)).is_empty());
    fleet.silence("lk-junmen-02", false);
    assert!(heard(fleet.said(MIDNIGHT + 17 * HOUR_MS))[0] > morning[0] + 10, "couriers came all the same");
}

#[test]
fn what_stands_on_the_bus_shows_what_its_model_can_show() {
    let said = fleet(6, 1, MIDNIGHT).said(MIDNIGHT);
    let points: BTreeMap<_, BTreeSet<_>> = said
        .iter()
        .filter_map(|said| match said {
            Said::Registers { device, values, bus: 0, unit } => {
                Some(((&**device, *unit), values.iter().map(|(metric, _)| metric.point).collect()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(points[&("fz-dixell-01", 2)], BTreeSet::from([Point::CabinetAir]), "an XJP60D is a probe, no controller");
    assert_eq!(points[&("fz-ekc-01", 1)].len(), 10);
    assert_eq!(points[&("em-sdm-01", 3)].len(), 7);
    assert_eq!(points.len(), 3, "every unit can be asked from the first moment on");
}

#[test]
fn the_cast_is_readable_and_addresses_are_unique() {
    let ids: Vec<_> = cast(6).iter().map(|member| member.id.to_string()).collect();
    assert_eq!(ids, ["lk-junmen-01", "lk-junmen-02", "vm-junmen-01", "fz-ekc-01", "fz-dixell-01", "em-sdm-01"]);
    let many = cast(usize::MAX);
    assert_eq!(many.len(), facility_config::limits::DEVICES_MAX);
    assert!(
        many.iter().all(|member| is_id(&member.id) && (member.cold.is_some() == (member.role.kind() == facility_config::Kind::Cabinet)))
    );
    assert_eq!(many.iter().map(|member| &member.id).collect::<BTreeSet<_>>().len(), many.len());
    let units: Vec<_> = many
        .iter()
        .filter_map(|member| match member.address {
            Address::Bus { bus, unit } => Some((bus, unit)),
            Address::Mqtt => None,
        })
        .collect();
    assert_eq!(units.iter().collect::<BTreeSet<_>>().len(), units.len());
    assert!(units.iter().all(|(bus, unit)| *bus < buses(usize::MAX) && (1..=247).contains(unit)));
    for (devices, expected) in [(0, 0), (3, 0), (6, 1), (494, 1), (496, 1), (497, 2), (usize::MAX, 5)] {
        assert_eq!(buses(devices), expected, "{devices} devices");
    }
}
