//! What a round does with trouble, what it learns, and how units share the line.

use super::super::{Notes, Speech};
use super::lab::{ADDRESSES, Lab, PATIENT_TIMEOUT_MS, hasty, own_addresses, point, polled, serial, together, unit};
use crate::sim::modbus::{Bank, Pty, Server};
use crate::{Fault, Subject, Value};
use facility_config::profile::{Group, ModbusMap, RegisterPoint, RegisterType, Table};
use facility_config::site::{Bus, Framing, HostPort, Transport};
use facility_config::{DeviceIx, Point};
use std::collections::BTreeMap;
use std::time::Duration;

fn bank(units: std::ops::RangeInclusive<u8>) -> Bank {
    let bank = Bank::new();
    for unit in units {
        ADDRESSES.into_iter().for_each(|address| bank.set(unit, Table::Holding, address, &[address]));
    }
    bank
}

async fn serve(framing: Framing, bank: &Bank) -> (Server, Bus) {
    let server = Server::listen("127.0.0.1:0".parse().unwrap(), framing, bank.clone()).await.unwrap();
    let address = HostPort { host: "127.0.0.1".into(), port: server.addr().port() };
    let bus = Bus::plain("test", framing, Transport::Dial { address, backup: None });
    (server, bus)
}

/// What a device does once, and the fault it is counted as: where it is no fault the answer is found all the same.
const TROUBLES: [(&str, Option<Fault>); 13] = [
    ("silence", Some(Fault::Timeout)),
    ("late 120ms", Some(Fault::Timeout)),
    ("foreign", Some(Fault::Foreign)),
    ("doubled", Some(Fault::Doubled)),
    ("echo", Some(Fault::Echoed)),
    ("truncated", Some(Fault::Truncated)),
    ("length", Some(Fault::WrongLength)),
    ("crc", Some(Fault::BadChecksum)),
    ("noise 30", Some(Fault::Malformed)),
    ("function", Some(Fault::Foreign)),
    ("busy", Some(Fault::Exception)),
    ("exception 4", Some(Fault::Exception)),
    ("bytes 1ms", None),
];

/// Each trouble on each kind of line: no value stands under a wrong name, and two polls later all is as before.
#[tokio::test]
async fn whatever_goes_wrong_once_is_over_within_two_polls() {
    for framing in [Framing::Tcp, Framing::Rtu, Framing::Ascii] {
        let of_line = move |(trouble, _): &&(&str, Option<Fault>)| framing == Framing::Rtu || !["crc", "echo"].contains(trouble);
        together(TROUBLES.iter().filter(of_line).map(|(trouble, fault)| async move {
            let bank = bank(1..=1);
            // The second poll, somewhere in its middle.
            bank.script(format!("{trouble} at 6").parse().unwrap());
            let (_server, bus) = serve(framing, &bank).await;
            let mut lab = Lab::start(bus, vec![hasty(1, 1, 1, &ADDRESSES, 20)]);
            let what = format!("{trouble} on {framing:?}");
            let mut incomplete = 0;
            for _ in 0..6 {
                incomplete += u32::from(!own_addresses(&lab.telemetry().await));
            }
            assert!(incomplete <= 2, "{what}: {incomplete} incomplete polls");
            let link = lab.stop().await;
            match fault {
                Some(fault) if framing == Framing::Rtu => assert!(link.faults[*fault as usize] >= 1, "{what}: {:?}", link.faults),
                Some(_) => {}
                None => assert_eq!(link.faults.iter().sum::<u64>(), 0, "{what}: {:?}", link.faults),
            }
        }))
        .await;
    }
}

#[tokio::test]
async fn a_question_is_asked_again_as_often_as_its_kind_of_trouble_allows() {
    // Trouble, retries after silence, damage and busy, whether the round comes through whole.
    let cases: [(&str, [u8; 3], bool); 8] = [
        ("silence at 6", [0, 0, 0], false),
        ("silence at 6", [1, 0, 0], true),
        ("crc at 6", [0, 0, 0], false),
        ("crc at 6", [0, 1, 0], true),
        ("busy at 6", [0, 0, 0], false),
        ("busy at 6", [0, 0, 1], true),
        ("crc from 6 times 3", [0, 2, 0], false),
        ("crc from 6 times 3", [0, 3, 0], true),
    ];
    together(cases.map(|(trouble, [retries, retries_damaged, retries_busy], whole)| async move {
        let bank = bank(1..=1);
        bank.script(trouble.parse().unwrap());
        let (_server, bus) = serve(Framing::Rtu, &bank).await;
        let mut one = hasty(1, 1, 1, &ADDRESSES, 20);
        (one.polling.retries, one.polling.retries_damaged, one.polling.retries_busy) = (retries, retries_damaged, retries_busy);
        let mut lab = Lab::start(bus, vec![one]);
        // A sign of life, then the first round is questions 2 to 4; the second meets the trouble in its middle.
        assert!(own_addresses(&lab.telemetry().await));
        assert_eq!(own_addresses(&lab.telemetry().await), whole, "{trouble}, {retries} {retries_damaged} {retries_busy}");
        lab.stop().await;
    }))
    .await;
}

/// What a device refused is known after a restart, and is not asked again.
#[tokio::test]
async fn what_was_learned_outlives_the_process() {
    let bank = bank(1..=1);
    bank.set(1, Table::Holding, 11, &[11]);
    bank.exception(1, 20, 2);
    let (_server, bus) = serve(Framing::Tcp, &bank).await;
    let map = || {
        let points = [10, 11, 20, 30].map(|address| point(Point::EnergyVoltage, address));
        let points = points.into_iter().zip([Point::EnergyVoltage, Point::EnergyCurrent, Point::EnergyActive, Point::EnergyPowerFactor]);
        let points = points.map(|(point, what)| RegisterPoint { point: what, ..point }).collect();
        ModbusMap { gap_max: 20, ..ModbusMap::plain(points, Duration::from_millis(PATIENT_TIMEOUT_MS)) }
    };
    let mut lab = Lab::start(bus.clone(), vec![polled(1, 1, map(), 10)]);
    let mut refusals = 0;
    // Settled: a round without a refusal.
    loop {
        lab.telemetry().await;
        let now = lab.count(Fault::Exception);
        if now > 0 && now == refusals {
            break;
        }
        refusals = now;
    }
    let notes: Notes = lab.notes.borrow().clone();
    assert_eq!(notes[&DeviceIx(1)].refused.iter().copied().collect::<Vec<_>>(), [(Table::Holding, 20)]);
    lab.stop().await;
    let mut again = Lab::knowing(bus, vec![polled(1, 1, map(), 10)], notes);
    for _ in 0..5 {
        let batch = again.telemetry().await;
        let values: Vec<&Value> = batch.readings.iter().map(|reading| &reading.value).collect();
        assert_eq!(values, [&Value::Float(10.0), &Value::Float(11.0), &Value::Float(30.0)]);
    }
    assert_eq!(again.stop().await.faults.iter().sum::<u64>(), 0, "nothing that is known to fail is asked");
}

#[tokio::test]
async fn each_group_is_read_at_its_own_rate() {
    let bank = bank(1..=1);
    let (_server, bus) = serve(Framing::Tcp, &bank).await;
    let of = |what, address, group| RegisterPoint { group, ..point(what, address) };
    let points = vec![
        of(Point::EnergyVoltage, 10, Group::Fast),
        of(Point::EnergyCurrent, 20, Group::Slow),
        of(Point::EnergyActive, 30, Group::Once),
    ];
    let mut one = polled(1, 1, ModbusMap::plain(points, Duration::from_millis(PATIENT_TIMEOUT_MS)), 10);
    one.polling.slow = Some(Duration::from_millis(100));
    let mut lab = Lab::start(bus, vec![one]);
    let mut seen: BTreeMap<Point, u32> = BTreeMap::new();
    while seen.get(&Point::EnergyCurrent).is_none_or(|slow| *slow < 5) {
        let batch = lab.telemetry().await;
        assert_eq!(batch.readings.len(), 1, "each group is a batch of its own: {batch:?}");
        *seen.entry(batch.readings[0].metric.point).or_default() += 1;
    }
    assert_eq!(seen[&Point::EnergyActive], 1, "{seen:?}");
    assert!(seen[&Point::EnergyVoltage] > 2 * seen[&Point::EnergyCurrent], "{seen:?}");
    lab.stop().await;
}

/// A unit whose rounds take twenty times as long as the others' does not slow them down by more than its share.
#[tokio::test]
async fn a_slow_unit_takes_its_share_and_no_more() {
    let bank = bank(1..=4);
    let (_server, bus) = serve(Framing::Rtu, &bank).await;
    bank.delay(4, Duration::from_millis(60));
    for unit in 1..=3 {
        bank.delay(unit, Duration::from_millis(3));
    }
    let units = (1..=4).map(|at| unit(u16::from(at), at, 1, &ADDRESSES, 1)).collect();
    let mut lab = Lab::start(bus, units);
    let mut polls: BTreeMap<u16, u32> = BTreeMap::new();
    while polls.get(&4).is_none_or(|slow| *slow < 6) {
        *polls.entry(lab.telemetry().await.device.unwrap().0).or_default() += 1;
    }
    // A slow round is 180 ms of line, a quick one 9: with equal shares a quick unit is polled twenty times as often.
    assert!((1..=3).all(|quick| polls[&quick] >= 5 * polls[&4]), "{polls:?}");
    lab.stop().await;
}

/// The clock of a device becomes its difference to ours.
#[tokio::test]
async fn a_clock_is_told_as_its_offset() {
    let bank = Bank::new();
    let now_s = crate::Clock::system().now_ms() / 1000;
    let device_s = u32::try_from(now_s - 3600).unwrap();
    bank.set(1, Table::Holding, 10, &[(device_s >> 16) as u16, device_s as u16]);
    let (_server, bus) = serve(Framing::Tcp, &bank).await;
    let clock = RegisterPoint::plain(Point::HealthClockOffset, Table::Holding, 10, RegisterType::EpochS);
    let map = ModbusMap::plain(vec![clock], Duration::from_millis(PATIENT_TIMEOUT_MS));
    let mut lab = Lab::start(bus, vec![polled(1, 1, map, 10)]);
    let batch = lab.telemetry().await;
    let Value::Float(offset_ms) = batch.readings[0].value else { panic!("{batch:?}") };
    assert!((-3_660_000.0..=-3_600_000.0).contains(&offset_ms), "{offset_ms}");
    lab.stop().await;
}

/// Kinds of trouble are told apart in a unit's own figures too.
#[tokio::test]
async fn health_counts_by_kind() {
    let bank = bank(1..=1);
    bank.script("crc every 7, foreign every 11, doubled every 13".parse().unwrap());
    let (pty, near) = Pty::open().unwrap();
    let _server = Server::rtu(near, bank);
    // A minute takes 300 ms here.
    let clock = crate::Clock::scaled(1_790_000_000_000, 200.0);
    let mut lab = Lab::with(serial(pty.path()), vec![hasty(1, 1, 1, &ADDRESSES, 2_000)], clock, 64);
    let figures = loop {
        let batch = lab.batch().await;
        let figure = |point| batch.readings.iter().find(|reading| reading.metric.point == point).map(|reading| reading.value.clone());
        let counted = |point| matches!(figure(point), Some(Value::Int(1..)));
        if batch.subject == Subject::Health && [Point::HealthCrc, Point::HealthForeign, Point::HealthLate].into_iter().all(counted) {
            break batch;
        }
    };
    assert!(figures.readings.iter().any(|reading| reading.metric.point == Point::HealthInterval), "the rate achieved: {figures:?}");
    lab.stop().await;
}

#[test]
fn speech_is_what_the_profile_says() {
    let unit = unit(1, 1, 1, &ADDRESSES, 10);
    assert!(matches!(unit.speech, Speech::Modbus(_)));
    assert_eq!(unit.slow(), Duration::from_secs(600));
}
