//! A bus with well-behaved, dead, refusing and vanishing devices.

use super::super::Speech;
use super::lab::{ADDRESSES, Kind, Lab, PATIENT_TIMEOUT_MS, Script, device, hasty, honest, own_addresses, point, polled, serial, unit};
use crate::serial::Serial;
use crate::sim::modbus::{Bank, Server};
use crate::{Clock, Fault, LinkState, Quality, Subject, Value};
use facility_config::profile::{ModbusMap, RegisterPoint, RegisterType, StatusCheck, Table};
use facility_config::site::{Bus, Framing, HostPort, Transport};
use facility_config::{DeviceIx, Point};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ANY: &str = "127.0.0.1:0";

fn tcp(addr: SocketAddr) -> Bus {
    dial(Framing::Tcp, addr)
}

fn rtu_over_tcp(addr: SocketAddr) -> Bus {
    dial(Framing::Rtu, addr)
}

fn dial(framing: Framing, addr: SocketAddr) -> Bus {
    let address = HostPort { host: addr.ip().to_string(), port: addr.port() };
    Bus::plain("test", framing, Transport::Dial { address, backup: None })
}

fn addressed(bank: &Bank, unit: u8) {
    for address in ADDRESSES {
        bank.set(unit, Table::Holding, address, &[address]);
    }
}

/// The bytes on the wire, for the golden frames of DOMAIN §2.8.
#[tokio::test]
async fn golden_questions_go_out() {
    use RegisterType::{F32, I16, U16, U32};
    let register = |what, table, address, ty| RegisterPoint::plain(what, table, address, ty);
    let pzem = |what, address, ty| register(what, Table::Input, address, ty);
    let cases: Vec<(&str, Vec<RegisterPoint>, u16, Vec<u8>)> = vec![
        ("XY-MD02", vec![register(Point::CabinetAmbient, Table::Input, 1, I16)], 10, vec![0x01, 0x04, 0x00, 0x01, 0x00, 0x01, 0x60, 0x0A]),
        (
            "PZEM",
            vec![
                pzem(Point::EnergyVoltage, 0, U16),
                pzem(Point::EnergyCurrent, 1, U32),
                pzem(Point::EnergyActive, 3, U32),
                pzem(Point::EnergyTotal, 5, U32),
                pzem(Point::EnergyFrequency, 7, U16),
                pzem(Point::EnergyPowerFactor, 8, U16),
                pzem(Point::CabinetAlarm, 9, U16),
            ],
            10,
            vec![0x01, 0x04, 0x00, 0x00, 0x00, 0x0A, 0x70, 0x0D],
        ),
        ("SDM", vec![register(Point::EnergyVoltage, Table::Input, 0, F32)], 10, vec![0x01, 0x04, 0x00, 0x00, 0x00, 0x02, 0x71, 0xCB]),
        (
            "DDSU",
            [(Point::EnergyVoltage, 0x2000), (Point::EnergyCurrent, 0x2002), (Point::EnergyActive, 0x2004)]
                .map(|(what, address)| register(what, Table::Holding, address, F32))
                .to_vec(),
            10,
            vec![0x01, 0x03, 0x20, 0x00, 0x00, 0x06, 0xCE, 0x08],
        ),
        ("Dixell P1", vec![register(Point::CabinetAir, Table::Holding, 256, I16)], 1, vec![0x01, 0x03, 0x01, 0x00, 0x00, 0x01, 0x85, 0xF6]),
        ("EKC S3", vec![register(Point::CabinetAir, Table::Holding, 2529, I16)], 1, vec![0x01, 0x03, 0x09, 0xE1, 0x00, 0x01, 0xD7, 0xA0]),
        ("ir33 p1", vec![register(Point::CabinetAir, Table::Input, 403, I16)], 1, vec![0x01, 0x04, 0x01, 0x93, 0x00, 0x01, 0xC0, 0x1B]),
    ];
    for (name, points, registers_max, golden) in cases {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = asked.clone();
        let script: Script = Box::new(move |_, question| {
            notes.lock().unwrap().push(question.to_vec());
            vec![(0, honest(Kind::Serial.framing(), question))]
        });
        let device = device(Kind::Serial, script).await;
        let map = ModbusMap { registers_max, gap_max: 0, ..ModbusMap::plain(points, Duration::from_millis(PATIENT_TIMEOUT_MS)) };
        let mut lab = Lab::start(device.bus.clone(), vec![polled(1, 1, map, 20)]);
        lab.telemetry().await;
        lab.stop().await;
        let asked = asked.lock().unwrap();
        assert!(asked.iter().all(|question| *question == golden), "{name}: {asked:02X?}");
        assert!(asked.len() >= 2, "{name}: a sign of life, then the poll");
    }
}

#[tokio::test]
async fn readings_carry_value_status_and_time() {
    let bank = Bank::new();
    let air = RegisterPoint {
        ty: RegisterType::I16,
        scale: 0.1,
        invalid: vec![0x8000],
        range: Some((-60.0, 80.0)),
        status: Some(StatusCheck { address: 257, mask: 3, bad: 3 }),
        ..point(Point::CabinetAir, 256)
    };
    let door = RegisterPoint { table: Table::Discrete, ty: RegisterType::Bool, ..point(Point::CabinetDoor, 43) };
    bank.set(7, Table::Holding, 256, &[260, 4354]);
    bank.set(7, Table::Discrete, 43, &[1]);
    let server = Server::tcp(ANY.parse().unwrap(), bank.clone()).await.unwrap();
    let map =
        ModbusMap { registers_max: 10, gap_max: 0, ..ModbusMap::plain(vec![air.clone(), door], Duration::from_millis(PATIENT_TIMEOUT_MS)) };
    let mut lab = Lab::start(tcp(server.addr()), vec![polled(4, 7, map, 10)]);
    let before_ms = Clock::system().now_ms();
    let batch = lab.telemetry().await;
    assert_eq!((batch.device, batch.device_ms, batch.faults.len()), (Some(DeviceIx(4)), None, 0));
    assert!(batch.ack.is_none() && batch.refused.is_none());
    assert!((before_ms - 1_000..=Clock::system().now_ms()).contains(&batch.at_ms));
    let values: Vec<(Point, Value)> = batch.readings.iter().map(|reading| (reading.metric.point, reading.value.clone())).collect();
    assert_eq!(values, [(Point::CabinetAir, Value::Float(26.0)), (Point::CabinetDoor, Value::Bool(true))]);

    for (words, expected) in [([0x8000, 0], Quality::SensorError), ([260, 3], Quality::SensorError), ([2600, 0], Quality::OutOfRange)] {
        bank.set(7, Table::Holding, 256, &words);
        let missing = loop {
            let batch = lab.telemetry().await;
            assert!(batch.faults.is_empty(), "one reading counts once");
            if let Value::Missing(quality) = batch.readings[0].value
                && quality == expected
            {
                break quality;
            }
        };
        assert_eq!(missing, expected);
    }
    assert_eq!(lab.stop().await.state, LinkState::Stopped);
}

#[tokio::test]
async fn a_dead_unit_does_not_hold_up_the_other_nine() {
    for over_rtu in [false, true] {
        let bank = Bank::new();
        (1..=10).for_each(|unit| addressed(&bank, unit));
        bank.silence(5, true);
        let any = ANY.parse().unwrap();
        let server = if over_rtu { Server::rtu_over_tcp(any, bank.clone()).await } else { Server::tcp(any, bank.clone()).await }.unwrap();
        let bus = if over_rtu { rtu_over_tcp(server.addr()) } else { tcp(server.addr()) };
        let units = (1..=10).map(|at| if at == 5 { hasty } else { unit }(u16::from(at), at, 1, &ADDRESSES, 60)).collect();
        let mut lab = Lab::start(bus, units);
        let mut polls: BTreeMap<u16, u32> = BTreeMap::new();
        while polls.len() < 9 || polls.values().any(|polls| *polls < 15) {
            let batch = lab.telemetry().await;
            assert!(own_addresses(&batch), "the others never miss a value");
            *polls.entry(batch.device.unwrap().0).or_default() += 1;
        }
        assert!(!polls.contains_key(&5), "a dead unit has no readings");
        let (most, least) = (polls.values().max().unwrap(), polls.values().min().unwrap());
        assert!(most - least <= 3, "all have the same rate: {polls:?}");
        assert!(bank.asked(5) * 4 < bank.asked(1), "the dead one is asked {} times, a living one {}", bank.asked(5), bank.asked(1));
        assert!(lab.count(Fault::Timeout) >= 1);

        bank.silence(5, false);
        while lab.telemetry().await.device != Some(DeviceIx(5)) {}
        lab.stop().await;
    }
}

#[tokio::test]
async fn health_goes_out_once_a_minute_dead_or_alive() {
    let bank = Bank::new();
    addressed(&bank, 1);
    addressed(&bank, 2);
    bank.silence(2, true);
    let server = Server::rtu_over_tcp(ANY.parse().unwrap(), bank.clone()).await.unwrap();
    // A minute takes 200 ms here.
    let clock = Clock::scaled(1_790_000_000_000, 300.0);
    let units = vec![unit(1, 1, 1, &ADDRESSES, 6_000), hasty(2, 2, 1, &ADDRESSES, 6_000)];
    let mut lab = Lab::with(rtu_over_tcp(server.addr()), units, clock, 64);
    let mut reports: BTreeMap<u16, Vec<(i64, BTreeMap<Point, Value>)>> = BTreeMap::new();
    while reports.len() < 2 || reports.values().any(|reports| reports.len() < 3) {
        let batch = lab.batch().await;
        if batch.subject == Subject::Health {
            let figures = batch.readings.into_iter().map(|reading| (reading.metric.point, reading.value)).collect();
            reports.entry(batch.device.unwrap().0).or_default().push((batch.at_ms, figures));
        }
    }
    lab.stop().await;
    for (device, reports) in reports {
        for pair in reports.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= 59_000, "at most once a minute: {pair:?}");
        }
        let (_, last) = reports.last().unwrap();
        let count = |point| if let Some(Value::Int(count)) = last.get(&point) { *count } else { panic!("{point} is missing: {last:?}") };
        let dead = device == 2;
        assert_eq!(last.contains_key(&Point::HealthRttMs), !dead, "{last:?}");
        assert_eq!(count(Point::HealthPollsOk) > 0, !dead);
        assert_eq!(count(Point::HealthTimeouts) > 0, dead);
        assert_eq!(count(Point::HealthPollsErr), count(Point::HealthTimeouts));
        assert_eq!((count(Point::HealthExceptions), count(Point::HealthDiscarded)), (0, 0));
    }
}

#[tokio::test]
async fn a_refused_register_is_missing_once_and_not_asked_for_again() {
    let bank = Bank::new();
    bank.set(1, Table::Holding, 0, &[0, 1, 2, 3, 4]);
    bank.exception(1, 2, 2);
    let server = Server::tcp(ANY.parse().unwrap(), bank.clone()).await.unwrap();
    let mut five = unit(1, 1, 20, &[0, 1, 2, 3, 4], 10);
    let Speech::Modbus(map) = &mut five.speech else { panic!("{five:?}") };
    map.gap_max = 5;
    let mut lab = Lab::start(tcp(server.addr()), vec![five]);
    let first = lab.telemetry().await;
    assert_eq!(first.readings.len(), 5);
    for (at, reading) in first.readings.iter().enumerate() {
        let expected = if at == 2 { Value::Missing(Quality::CommError) } else { Value::Float(at as f64) };
        assert_eq!(reading.value, expected);
    }
    let refusals = lab.count(Fault::Exception);
    let asked = bank.asked(1);
    for _ in 0..10 {
        let batch = lab.telemetry().await;
        assert_eq!(batch.readings.iter().map(|reading| reading.value.clone()).collect::<Vec<_>>(), [0.0, 1.0, 3.0, 4.0].map(Value::Float));
    }
    assert_eq!(lab.count(Fault::Exception), refusals, "not asked for again");
    assert!(bank.asked(1) - asked <= 24, "two blocks a poll");
    lab.stop().await;
}

#[tokio::test]
async fn a_device_that_refuses_blocks_is_read_register_by_register() {
    let script: Script = Box::new(move |_, question| {
        let single = question[10..12] == [0, 1];
        let refusal = [&question[..4], &[0, 3, question[6], question[7] | 0x80, 2]].concat();
        vec![(0, if single { honest(Kind::Tcp.framing(), question) } else { refusal })]
    });
    let device = device(Kind::Tcp, script).await;
    let mut lab = Lab::start(device.bus.clone(), vec![unit(1, 1, 20, &[10, 11, 12], 10)]);
    for _ in 0..5 {
        let batch = lab.telemetry().await;
        let values: Vec<Value> = batch.readings.into_iter().map(|reading| reading.value).collect();
        assert_eq!(values, [10.0, 11.0, 12.0].map(Value::Float));
    }
    let refusals = lab.count(Fault::Exception);
    for _ in 0..5 {
        lab.telemetry().await;
    }
    assert_eq!(lab.count(Fault::Exception), refusals, "learned");
    lab.stop().await;
}

#[tokio::test]
async fn refusals_are_told_apart_by_their_code() {
    // Code, whether the register is asked for again, whether the neighbours are read.
    for (code, again, neighbours) in [
        (1, false, true),
        (2, false, true),
        (3, false, true),
        (4, true, true),
        (5, true, true),
        (6, true, true),
        (8, true, true),
        (11, true, false),
    ] {
        let bank = Bank::new();
        addressed(&bank, 1);
        bank.exception(1, ADDRESSES[0], code);
        let server = Server::tcp(ANY.parse().unwrap(), bank.clone()).await.unwrap();
        let mut lab = Lab::start(tcp(server.addr()), vec![unit(1, 1, 1, &ADDRESSES, 10)]);
        lab.shows(|link| link.faults[Fault::Exception as usize] > 0).await;
        let before = lab.count(Fault::Exception);
        if neighbours {
            for _ in 0..5 {
                let batch = lab.telemetry().await;
                let value =
                    |point| batch.readings.iter().find(|reading| reading.metric.point == point).map(|reading| reading.value.clone());
                assert_eq!(value(Point::EnergyCurrent), Some(Value::Float(20.0)), "code {code}");
                assert_eq!(value(Point::EnergyActive), Some(Value::Float(30.0)), "code {code}");
                assert!(matches!(value(Point::EnergyVoltage), None | Some(Value::Missing(Quality::CommError))), "code {code}");
            }
        } else {
            lab.shows(|link| link.faults[Fault::Exception as usize] > before + 1).await;
        }
        assert_eq!(lab.count(Fault::Exception) > before + 1, again, "code {code}");
        lab.stop().await;
    }
}

#[tokio::test]
async fn a_peer_that_goes_is_found_again() {
    let bank = Bank::new();
    addressed(&bank, 1);
    let server = Server::tcp(ANY.parse().unwrap(), bank.clone()).await.unwrap();
    let addr = server.addr();
    let mut lab = Lab::start(tcp(addr), vec![unit(1, 1, 1, &ADDRESSES, 10)]);
    assert!(own_addresses(&lab.telemetry().await));
    drop(server);
    lab.shows(|link| link.state == LinkState::Connecting).await;
    assert!(lab.link.borrow().error.as_ref().unwrap().contains(&addr.to_string()));
    let _server = Server::tcp(addr, bank).await.unwrap();
    assert!(own_addresses(&lab.telemetry().await));
    let link = lab.stop().await;
    assert!(link.connects >= 2 && link.faults[Fault::Disconnected as usize] >= 1);
}

#[tokio::test]
async fn a_peer_that_never_answers_is_not_hammered() {
    // Accepts and says nothing: every connection ends with a timeout.
    let device = device(Kind::RtuOverTcp, Box::new(|_, _| vec![])).await;
    let mut lab = Lab::start(device.bus.clone(), vec![hasty(1, 1, 1, &ADDRESSES, 1)]);
    lab.shows(|link| link.faults[Fault::Timeout as usize] >= 4).await;
    assert!(lab.link.borrow().connects >= 2, "an open socket may lead nowhere");
    assert!(lab.link.borrow().connects <= lab.count(Fault::Timeout));
    lab.stop().await;
}

#[tokio::test]
async fn a_serial_adapter_that_is_plugged_in_again_is_found_by_its_path() {
    let bank = Bank::new();
    addressed(&bank, 1);
    let path = std::env::temp_dir().join(format!("facility-by-id-{}", std::process::id()));
    let plug = |path: &std::path::Path| {
        let (near, far) = Serial::pseudo().unwrap();
        let _ = std::fs::remove_file(path);
        std::os::unix::fs::symlink(far.path(), path).unwrap();
        (Server::rtu(near, bank.clone()), far)
    };
    let (server, far) = plug(&path);
    let mut lab = Lab::start(serial(&path), vec![unit(1, 1, 1, &ADDRESSES, 10)]);
    assert!(own_addresses(&lab.telemetry().await));
    std::fs::remove_file(&path).unwrap();
    drop((server, far));
    lab.shows(|link| link.state == LinkState::Connecting).await;
    assert!(lab.link.borrow().error.as_ref().unwrap().contains("by-id"));
    let _plugged = plug(&path);
    assert!(own_addresses(&lab.telemetry().await));
    lab.stop().await;
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_full_queue_makes_the_bus_wait_and_loses_nothing() {
    let bank = Bank::new();
    addressed(&bank, 1);
    let server = Server::tcp(ANY.parse().unwrap(), bank.clone()).await.unwrap();
    let mut lab = Lab::with(tcp(server.addr()), vec![unit(1, 1, 1, &ADDRESSES, 1)], Clock::system(), 1);
    // One poll on the queue, one waiting to get there: three questions each.
    while bank.asked(1) < 6 {
        tokio::task::yield_now().await;
    }
    for _ in 0..200 {
        tokio::task::yield_now().await;
        assert!(bank.asked(1) <= 6);
    }
    for _ in 0..5 {
        assert!(own_addresses(&lab.telemetry().await));
    }
    lab.stop().await;
}

/// The report of a unit's health wakes the bus and is no use of the connection.
#[tokio::test]
async fn an_idle_connection_is_closed_however_often_health_is_told() {
    let bank = Bank::new();
    addressed(&bank, 1);
    let server = Server::tcp(ANY.parse().unwrap(), bank.clone()).await.unwrap();
    // 60 s between two reports are 150 ms here, 400 s between two polls a second.
    let clock = Clock::scaled(0, 400.0);
    let bus = Bus { idle_close: Some(Duration::from_millis(300)), ..tcp(server.addr()) };
    let mut lab = Lab::with(bus, vec![unit(1, 1, 1, &ADDRESSES, 400_000)], clock, 64);
    lab.shows(|link| link.connects >= 3).await;
    let link = lab.stop().await;
    assert!(link.faults.iter().all(|count| *count == 0), "nothing is wrong with that: {link:?}");
}
