//! Every way a bus is connected, every frame it speaks, every profile that ships.

use super::super::trace::Dir;
use super::super::{Reception, Speech, Unit};
use super::lab::{ADDRESSES, Lab, own_addresses, serial, together, unit};
use crate::sim::modbus::{Bank, Dtu, Pty, Server};
use crate::{Batch, Fault, Quality, Value};
use facility_config::device::Polling;
use facility_config::profile::{Dialect, Group, Polarity, Table, builtin, builtin_ids};
use facility_config::site::{Bus, Framing, HostPort, Rs485, Transport};
use facility_config::{DeviceIx, Point};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

fn bank() -> Bank {
    let bank = Bank::new();
    ADDRESSES.into_iter().for_each(|address| bank.set(1, Table::Holding, address, &[address]));
    bank
}

fn host(addr: SocketAddr) -> HostPort {
    HostPort { host: addr.ip().to_string(), port: addr.port() }
}

fn dial(framing: Framing, addr: SocketAddr) -> Bus {
    Bus::plain("test", framing, Transport::Dial { address: host(addr), backup: None })
}

fn any() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A port that nobody listens at.
fn nowhere() -> SocketAddr {
    std::net::TcpListener::bind(any()).unwrap().local_addr().unwrap()
}

async fn reads(mut lab: Lab, what: &str) -> Lab {
    for _ in 0..3 {
        assert!(own_addresses(&lab.telemetry().await), "{what}");
    }
    assert_eq!(lab.count(Fault::Timeout), 0, "{what}");
    lab
}

#[tokio::test]
async fn three_framings_over_tcp_and_over_a_serial_line() {
    for framing in [Framing::Tcp, Framing::Rtu, Framing::Ascii] {
        let server = Server::listen(any(), framing, bank()).await.unwrap();
        let lab = Lab::start(dial(framing, server.addr()), vec![unit(1, 1, 1, &ADDRESSES, 10)]);
        reads(lab, &format!("{framing:?} over TCP")).await.stop().await;
        if framing != Framing::Tcp {
            let (pty, near) = Pty::open().unwrap();
            let _server = Server::line(near, framing, bank());
            let lab = Lab::start(Bus { framing, ..serial(pty.path()) }, vec![unit(1, 1, 1, &ADDRESSES, 10)]);
            reads(lab, &format!("{framing:?} on a line")).await.stop().await;
        }
    }
}

#[tokio::test]
async fn an_adapter_that_hands_back_what_it_sends_is_no_fault_if_it_is_known() {
    for echo in [true, false] {
        let bank = bank();
        bank.script("echo".parse().unwrap());
        let (pty, near) = Pty::open().unwrap();
        let _server = Server::rtu(near, bank);
        let mut lab = Lab::start(Bus { echo, ..serial(pty.path()) }, vec![unit(1, 1, 1, &ADDRESSES, 10)]);
        for _ in 0..3 {
            assert!(own_addresses(&lab.telemetry().await));
        }
        assert_eq!(lab.count(Fault::Echoed) == 0, echo, "told apart, and told");
        lab.stop().await;
    }
}

#[tokio::test]
async fn the_second_address_serves_when_the_first_does_not() {
    let server = Server::tcp(any(), bank()).await.unwrap();
    let transport = Transport::Dial { address: host(nowhere()), backup: Some(host(server.addr())) };
    let lab = Lab::start(Bus::plain("test", Framing::Tcp, transport), vec![unit(1, 1, 1, &ADDRESSES, 10)]);
    let lab = reads(lab, "backup").await;
    assert!(lab.link.borrow().error.as_ref().is_some_and(|words| words.contains("backup")), "and says so");
    lab.stop().await;
}

#[tokio::test]
async fn a_connection_with_nothing_to_carry_is_closed_and_opened_again_without_a_fault() {
    let server = Server::tcp(any(), bank()).await.unwrap();
    let bus = Bus { idle_close: Some(Duration::from_millis(20)), ..dial(Framing::Tcp, server.addr()) };
    let lab = reads(Lab::start(bus, vec![unit(1, 1, 1, &ADDRESSES, 100)]), "idle").await;
    let link = lab.stop().await;
    assert!(link.connects >= 3, "{link:?}");
    assert_eq!(link.faults.iter().sum::<u64>(), 0, "{link:?}");
}

#[tokio::test]
async fn a_port_that_somebody_else_has_is_left_alone() {
    let (pty, near) = Pty::open().unwrap();
    let _server = Server::rtu(near, bank());
    let first = reads(Lab::start(serial(pty.path()), vec![unit(1, 1, 1, &ADDRESSES, 10)]), "first").await;
    let mut second = Lab::start(serial(pty.path()), vec![unit(1, 1, 1, &ADDRESSES, 10)]);
    second.shows(|link| link.error.as_ref().is_some_and(|words| words.contains("another program"))).await;
    first.stop().await;
    assert!(own_addresses(&second.telemetry().await), "once it is free");
    second.stop().await;
}

/// A USB adapter has no direction to switch, and neither has a pseudo terminal.
#[tokio::test]
async fn a_port_that_cannot_switch_a_transceiver_says_so() {
    let (pty, _near) = Pty::open().unwrap();
    let mut bus = serial(pty.path());
    let Transport::Serial(line) = &mut bus.transport else { panic!("{bus:?}") };
    line.rs485 = Some(Rs485 { rts_high: true, before_ms: 0, after_ms: 0, hear_self: false });
    let mut lab = Lab::start(bus, vec![unit(1, 1, 1, &ADDRESSES, 10)]);
    lab.shows(|link| link.error.as_ref().is_some_and(|words| words.contains("remove `rs485`"))).await;
    lab.stop().await;
}

fn dtu(registration: &[u8]) -> Dtu {
    Dtu { registration: registration.to_vec(), heartbeat: Some((b"still here".to_vec(), Duration::from_millis(3))) }
}

/// Two DTUs dial one address, each is known by what it says first; what they send to keep the line is no noise.
#[tokio::test]
async fn dtus_are_known_by_their_registration() {
    let address = nowhere();
    let bus = |name: &str, registration: &[u8]| {
        let (registration, heartbeat) = (Some(registration.into()), Some(b"still here".as_slice().into()));
        Bus::plain(name, Framing::Rtu, Transport::Listen { address, registration, heartbeat })
    };
    let buses = [bus("one", b"GW-A"), bus("two", b"GW-B")];
    let (receptions, arrivals) = Reception::of(&buses);
    assert_eq!(receptions.len(), 1, "one address, one listener");
    let stop = tokio_util::sync::CancellationToken::new();
    let reception = tokio::spawn(receptions.into_iter().next().unwrap().run(stop.clone()));
    let mut servers = Vec::new();
    let mut labs = Vec::new();
    for ((bus, arrivals), number) in buses.into_iter().zip(arrivals).zip(1..) {
        let bank = Bank::new();
        ADDRESSES.into_iter().for_each(|address| bank.set(number, Table::Holding, address, &[address]));
        labs.push(Lab::arriving(bus, vec![unit(1, number, 1, &ADDRESSES, 10)], arrivals));
        servers.push(Server::dial(address, dtu(if number == 1 { b"GW-A" } else { b"GW-B" }), Framing::Rtu, bank).unwrap());
    }
    let _stranger = Server::dial(address, dtu(b"GW-C"), Framing::Rtu, Bank::new()).unwrap();
    for mut lab in labs.drain(..) {
        for _ in 0..5 {
            assert!(own_addresses(&lab.telemetry().await));
        }
        let link = lab.stop().await;
        assert_eq!(link.faults.iter().sum::<u64>(), 0, "{:?}", link.faults);
    }
    stop.cancel();
    reception.await.unwrap();
}

/// A network that loses a connection tells nobody: the DTU dials again, and its newest connection is the one that counts.
#[tokio::test]
async fn the_newest_connection_of_a_dtu_counts() {
    let address = nowhere();
    let bus = Bus::plain("one", Framing::Rtu, Transport::Listen { address, registration: None, heartbeat: None });
    let (receptions, mut arrivals) = Reception::of(std::slice::from_ref(&bus));
    let stop = tokio_util::sync::CancellationToken::new();
    let reception = tokio::spawn(receptions.into_iter().next().unwrap().run(stop.clone()));
    let mut lab = Lab::arriving(bus, vec![unit(1, 1, 1, &ADDRESSES, 10)], arrivals.remove(0));
    let plain = || Dtu { registration: Vec::new(), heartbeat: None };
    // Half open: nothing will ever come from here.
    let _stale = loop {
        match tokio::net::TcpStream::connect(address).await {
            Ok(stale) => break stale,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    lab.shows(|link| link.faults[Fault::Timeout as usize] >= 1).await;
    let _second = Server::dial(address, plain(), Framing::Rtu, bank()).unwrap();
    lab.shows(|link| link.connects >= 2).await;
    while !own_addresses(&lab.telemetry().await) {}
    lab.stop().await;
    stop.cancel();
    reception.await.unwrap();
}

/// Every model that ships, through the real driver: each point has a value, none is missing, and nothing is asked in vain.
#[tokio::test]
async fn every_profile_is_read_whole() {
    together(builtin_ids().map(|id| async move {
        let profile = builtin(id).unwrap();
        let (speech, expected) = match &profile.dialect {
            Dialect::Modbus(map) => {
                let points: BTreeSet<_> = map.points.iter().map(|point| (point.point, point.part)).collect();
                (Speech::Modbus(map.clone()), points)
            }
            Dialect::Frame(map) => (Speech::Board(map.clone()), map.points.iter().map(|point| (point.point, point.part)).collect()),
            _ => return,
        };
        let bank = Bank::new();
        assert!(bank.serve(1, &profile), "{id}");
        bank.delay(1, Duration::ZERO);
        let (pty, near) = Pty::open().unwrap();
        let _server = Server::rtu(near, bank);
        let polling = Polling { door_open_is_set: Some(true), timeout: Some(Duration::from_secs(2)), ..Polling::default() };
        let one = Unit { device: DeviceIx(1), unit: 1, speech, interval: Duration::from_millis(50), polling };
        let query = if let Speech::Board(map) = &one.speech { crate::decode::frames::question(map, 1) } else { Vec::new() };
        let mut lab = Lab::start(serial(pty.path()), vec![one]);
        let mut frames = lab.tap.watch();
        let mut heard = BTreeSet::new();
        while heard != expected {
            while let Ok(frame) = frames.try_recv() {
                // Modbus reads, or the board's one query: nothing else has ever left.
                let reads = query.is_empty() && frame.bytes.len() == 8 && (1..=4).contains(&frame.bytes[1]);
                assert!(frame.dir == Dir::In || reads || frame.bytes == query, "{id}: {frame:02X?}");
            }
            let batch: Batch = lab.telemetry().await;
            assert!(batch.faults.is_empty(), "{id}: {batch:?}");
            for reading in &batch.readings {
                assert!(!matches!(reading.value, Value::Missing(_)), "{id}: {reading:?}");
                heard.insert((reading.metric.point, reading.metric.part));
            }
        }
        let link = lab.stop().await;
        assert_eq!(link.faults.iter().sum::<u64>(), 0, "{id}: {:?}", link.faults);
    }))
    .await;
}

/// A lock board shares the line with Modbus devices. Before somebody has looked, its doors are not known.
#[tokio::test]
async fn a_lock_board_shares_the_line_and_says_nothing_before_it_is_commissioned() {
    for (seen, channels, expected) in [
        (None, None, Value::Missing(Quality::Uncertain)),
        (Some(true), None, Value::Int(3)),
        (Some(false), None, Value::Int(21)),
        (Some(false), Some(20), Value::Int(17)),
    ] {
        let profile = builtin("lock-8a80").unwrap();
        let Dialect::Frame(map) = &profile.dialect else { panic!("{profile:?}") };
        assert!(map.points.iter().all(|point| point.polarity == Polarity::Commissioned));
        let bank = bank();
        let doors: Vec<bool> = (0..24).map(|at| [2, 9, 19].contains(&at)).collect();
        bank.channels(2, map, &doors);
        let (pty, near) = Pty::open().unwrap();
        let _server = Server::rtu(near, bank);
        let polling = Polling { door_open_is_set: seen, channels, ..Polling::default() };
        let board = Unit { device: DeviceIx(2), unit: 2, speech: Speech::Board(map.clone()), interval: Duration::from_millis(10), polling };
        let mut lab = Lab::start(serial(pty.path()), vec![unit(1, 1, 1, &ADDRESSES, 10), board]);
        let (mut of_board, mut of_modbus) = (0, 0);
        while of_board < 3 || of_modbus < 3 {
            let batch = lab.telemetry().await;
            if batch.device == Some(DeviceIx(2)) {
                assert_eq!(batch.readings.len(), 1, "{batch:?}");
                assert_eq!((batch.readings[0].metric.point, &batch.readings[0].value), (Point::LockerDoorOpen, &expected));
                of_board += 1;
            } else {
                assert!(own_addresses(&batch));
                of_modbus += 1;
            }
        }
        let link = lab.stop().await;
        assert_eq!(link.faults.iter().sum::<u64>(), 0, "{:?}", link.faults);
    }
}

#[tokio::test]
async fn every_frame_can_be_watched() {
    let server = Server::rtu_over_tcp(any(), bank()).await.unwrap();
    let mut lab = Lab::start(dial(Framing::Rtu, server.addr()), vec![unit(1, 1, 1, &ADDRESSES, 10)]);
    lab.telemetry().await;
    let mut frames = lab.tap.watch();
    for _ in 0..6 {
        let (out, back) = (frames.recv().await.unwrap(), frames.recv().await.unwrap());
        assert_eq!((out.dir, back.dir), (Dir::Out, Dir::In));
        assert_eq!((out.bytes.len(), back.bytes.len()), (8, 7), "a question and its answer");
        assert!(back.at_us >= out.at_us);
    }
    lab.stop().await;
}

#[test]
fn groups_have_their_places() {
    assert_eq!(Group::ALL.map(|group| group as usize), [0, 1, 2], "they index arrays");
}
