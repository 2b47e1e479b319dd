//! Which requests a register map becomes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod explained;
mod random;

use super::*;
use facility_config::Point;
use facility_config::profile::{RegisterType, StatusCheck};
use facility_config::site::{Bus, Framing, HostPort, Parity, SerialLine, Transport};
use std::time::Duration;

fn point(table: Table, address: u16, ty: RegisterType) -> RegisterPoint {
    RegisterPoint::plain(Point::CabinetAir, table, address, ty)
}

fn with_status(mut point: RegisterPoint, address: u16) -> RegisterPoint {
    point.status = Some(StatusCheck { address, mask: 3, bad: 3 });
    point
}

fn bits(address: u16, bits: u16) -> RegisterPoint {
    RegisterPoint { length: bits, bits, ..RegisterPoint::plain(Point::LockerDoorOpen, Coil, address, RegisterType::Count) }
}

fn map(points: Vec<RegisterPoint>, registers_max: u16, gap_max: u16) -> ModbusMap {
    ModbusMap { registers_max, gap_max, ..ModbusMap::plain(points, Duration::from_millis(500)) }
}

fn span(table: Table, first: u16, last: u16) -> Span {
    Span { table, first, last }
}

/// A line on which every request costs more than any gap.
const SLOW_TO_ASK: Line = Line { byte_ns: 1, request_ns: 1_000_000 };

fn serial(baud: u32, parity: Parity) -> Bus {
    let line = SerialLine { path: "/dev/ttyS0".into(), baud, parity, data_bits: 8, stop_bits: 1, rs485: None };
    Bus::plain("b", Framing::Rtu, Transport::Serial(line))
}

fn requests(expected: &[(Table, u16, u16)]) -> Vec<Request> {
    expected.iter().map(|(table, address, count)| Request { table: *table, address: *address, count: *count }).collect()
}

use RegisterType::{F32, U16, U32};
use Table::{Coil, Discrete, Holding, Input};

#[test]
fn points_become_as_few_requests_as_allowed() {
    type Case<'a> = (&'a str, Vec<RegisterPoint>, u16, u16, &'a [(Table, u16, u16)]);
    let cases: Vec<Case<'_>> = vec![
        ("nothing", vec![], 10, 0, &[]),
        ("neighbours share a request", vec![point(Input, 0, U16), point(Input, 1, U32), point(Input, 3, U32)], 10, 0, &[(Input, 0, 5)]),
        (
            "order in the map does not matter",
            vec![point(Input, 3, U32), point(Input, 0, U16), point(Input, 1, U32)],
            10,
            0,
            &[(Input, 0, 5)],
        ),
        (
            "tables never mix",
            vec![point(Input, 0, U16), point(Holding, 1, U16), point(Coil, 2, RegisterType::Bool)],
            10,
            9,
            &[(Coil, 2, 1), (Holding, 1, 1), (Input, 0, 1)],
        ),
        (
            "a gap is read along up to the limit",
            vec![point(Holding, 0, U16), point(Holding, 3, U16), point(Holding, 7, U16)],
            10,
            2,
            &[(Holding, 0, 4), (Holding, 7, 1)],
        ),
        (
            "a 32-bit value is not split",
            vec![point(Input, 0, U16), point(Input, 1, U16), point(Input, 2, F32)],
            3,
            0,
            &[(Input, 0, 1), (Input, 1, 3)],
        ),
        (
            "one register per request",
            vec![point(Holding, 256, U16), point(Holding, 257, U16)],
            1,
            5,
            &[(Holding, 256, 1), (Holding, 257, 1)],
        ),
        (
            "a wide value alone may exceed the limit",
            vec![point(Holding, 7, U32), point(Holding, 9, U16)],
            1,
            0,
            &[(Holding, 7, 2), (Holding, 9, 1)],
        ),
        ("status registers are read too", vec![with_status(point(Holding, 256, U16), 257)], 1, 0, &[(Holding, 256, 1), (Holding, 257, 1)]),
        ("a status register inside its value", vec![with_status(point(Holding, 256, U32), 257)], 1, 0, &[(Holding, 256, 2)]),
        (
            "a shared status register is read once",
            vec![with_status(point(Input, 0, U16), 9), with_status(point(Input, 1, U16), 9)],
            10,
            0,
            &[(Input, 0, 2), (Input, 9, 1)],
        ),
        (
            "values over one another",
            vec![point(Input, 0, RegisterType::U64), point(Input, 1, U16), point(Input, 3, U32), point(Input, 3, U16)],
            10,
            0,
            &[(Input, 0, 5)],
        ),
        (
            "the protocol's limit holds",
            (0..200).map(|at| point(Input, at, U16)).collect(),
            u16::MAX,
            0,
            &[(Input, 0, 75), (Input, 75, 125)],
        ),
        ("a limit of 0 is 1", vec![point(Input, 0, U16), point(Input, 1, U16)], 0, 0, &[(Input, 0, 1), (Input, 1, 1)]),
        (
            "bits have a limit of their own",
            vec![bits(0, 1500), bits(1500, 500), bits(2000, 1)],
            1,
            0,
            &[(Coil, 0, 1500), (Coil, 1500, 501)],
        ),
        ("the last register", vec![point(Input, 65535, U16)], 10, 0, &[(Input, 65535, 1)]),
        ("beyond the last register", vec![point(Input, 65535, F32), point(Input, 3, U16)], 10, 0, &[(Input, 3, 1)]),
        (
            "a status register far from its value",
            vec![with_status(point(Input, 65535, U16), 0)],
            10,
            0,
            &[(Input, 0, 1), (Input, 65535, 1)],
        ),
    ];
    for (name, points, registers_max, gap_max, expected) in cases {
        let plan = plan(&map(points, registers_max, gap_max), Group::Fast, &SLOW_TO_ASK, &Learned::default());
        assert_eq!(plan, requests(expected), "{name}");
    }
}

#[test]
fn a_gap_is_read_along_when_that_is_cheaper() {
    // Two registers with a gap in between. 9600 baud, 8N1: a register along is 2.08 ms; another request is 13 bytes and
    // 3.5 characters of silence, 17.2 ms, and the device's turnaround.
    type Case<'a> = (&'a str, Bus, u64, u16, usize);
    let tcp = Bus::plain("t", Framing::Tcp, Transport::Dial { address: HostPort { host: "h".into(), port: 502 }, backup: None });
    let cases: Vec<Case<'_>> = vec![
        ("3 along are 6.25 ms", serial(9600, Parity::None), 0, 3, 1),
        ("8 along are 16.7 ms", serial(9600, Parity::None), 0, 8, 1),
        ("9 along are 18.8 ms", serial(9600, Parity::None), 0, 9, 2),
        ("40 along are 83 ms", serial(9600, Parity::None), 0, 40, 2),
        ("a device that thinks for 20 ms is asked once", serial(9600, Parity::None), 20, 17, 1),
        ("but not for 18 registers", serial(9600, Parity::None), 20, 18, 2),
        ("115200 baud: 12 along are 2.1 ms, another request 2.9", serial(115_200, Parity::None), 0, 12, 1),
        ("17 along are 3.0 ms", serial(115_200, Parity::None), 0, 17, 2),
        ("a pause makes requests dear", Bus { pause: Duration::from_millis(70), ..serial(9600, Parity::None) }, 0, 40, 1),
        ("through a network any gap is cheap", tcp, 10, 100, 1),
    ];
    for (name, bus, turnaround_ms, gap, expected) in cases {
        let line = Line::of(&bus, Duration::from_millis(turnaround_ms));
        let map = map(vec![point(Holding, 10, U16), point(Holding, 11 + gap, U16)], 125, 125);
        assert_eq!(plan(&map, Group::Fast, &line, &Learned::default()).len(), expected, "{name}");
    }
}

#[test]
fn the_cheapest_cut_is_not_always_the_first_that_fits() {
    // At most 6 registers a request. Taking all that fits from the front reads 0 to 5 and 6 to 10, twice across a gap.
    let points = vec![point(Holding, 0, U16), point(Holding, 5, U16), point(Holding, 6, U16), point(Holding, 10, U16)];
    let line = Line { byte_ns: 1_000, request_ns: 1_000 };
    let plan = plan(&map(points, 6, 4), Group::Fast, &line, &Learned::default());
    assert_eq!(plan, requests(&[(Holding, 0, 1), (Holding, 5, 6)]));
}

#[test]
fn what_was_learned_is_kept_to() {
    let points = || vec![point(Holding, 0, U16), point(Holding, 2, U16), with_status(point(Holding, 4, U32), 9), point(Input, 2, U16)];
    type Case<'a> = (&'a str, Learned, &'a [(Table, u16, u16)]);
    let refused = |all: &[(Table, u16)]| Learned { refused: all.iter().copied().collect(), ..Learned::default() };
    let unreadable = |span| Learned { unreadable: vec![span], ..Learned::default() };
    let cases: Vec<Case<'_>> = vec![
        ("nothing", Learned::default(), &[(Holding, 0, 10), (Input, 2, 1)]),
        ("a value", refused(&[(Holding, 2)]), &[(Holding, 0, 10), (Input, 2, 1)]),
        ("the first value", refused(&[(Holding, 0)]), &[(Holding, 2, 8), (Input, 2, 1)]),
        ("a value in another table", refused(&[(Input, 2)]), &[(Holding, 0, 10)]),
        ("a status register", refused(&[(Holding, 9)]), &[(Holding, 0, 3), (Input, 2, 1)]),
        ("a gap", unreadable(span(Holding, 1, 1)), &[(Holding, 0, 1), (Holding, 2, 8), (Input, 2, 1)]),
        ("a gap in another table", unreadable(span(Discrete, 1, 1)), &[(Holding, 0, 10), (Input, 2, 1)]),
        ("a gap with a value in it", unreadable(span(Holding, 1, 2)), &[(Holding, 0, 1), (Holding, 4, 6), (Input, 2, 1)]),
        ("half a value", unreadable(span(Holding, 5, 6)), &[(Holding, 0, 3), (Input, 2, 1)]),
        (
            "short requests",
            Learned { registers_max: Some(3), ..Learned::default() },
            &[(Holding, 0, 3), (Holding, 4, 2), (Holding, 9, 1), (Input, 2, 1)],
        ),
        (
            "single requests",
            Learned { registers_max: Some(0), ..Learned::default() },
            &[(Holding, 0, 1), (Holding, 2, 1), (Holding, 4, 2), (Holding, 9, 1), (Input, 2, 1)],
        ),
        ("longer ones than the profile's", Learned { registers_max: Some(99), ..Learned::default() }, &[(Holding, 0, 10), (Input, 2, 1)]),
    ];
    for (name, learned, expected) in cases {
        assert_eq!(plan(&map(points(), 10, 3), Group::Fast, &SLOW_TO_ASK, &learned), requests(expected), "{name}");
        let text = serde_json::to_string(&learned).unwrap();
        assert_eq!(serde_json::from_str::<Learned>(&text).unwrap(), learned, "{name}: {text}");
    }
    assert_eq!(serde_json::from_str::<Learned>("{}").unwrap(), Learned::default());
    let told = ModbusMap { unreadable: vec![span(Holding, 1, 1)], ..map(points(), 10, 3) };
    assert_eq!(plan(&told, Group::Fast, &SLOW_TO_ASK, &Learned::default())[0], Request { table: Holding, address: 0, count: 1 });
}

#[test]
fn groups_are_planned_apart() {
    let of = |group, address| RegisterPoint { group, ..point(Holding, address, U16) };
    let map = map(vec![of(Group::Fast, 0), of(Group::Slow, 1), of(Group::Once, 2), of(Group::Fast, 3)], 10, 3);
    for (group, expected) in [(Group::Fast, &[(Holding, 0, 4)][..]), (Group::Slow, &[(Holding, 1, 1)]), (Group::Once, &[(Holding, 2, 1)])] {
        assert_eq!(plan(&map, group, &SLOW_TO_ASK, &Learned::default()), requests(expected), "{group:?}");
    }
}

#[test]
fn lines_cost_what_their_settings_say() {
    let ten_ms = Duration::from_millis(10);
    let rs = |baud, parity| serial(baud, parity);
    let ascii = |bus: Bus| Bus { framing: Framing::Ascii, ..bus };
    let listen = Transport::Listen { address: ([127, 0, 0, 1], 502).into(), registration: None, heartbeat: None };
    let pause = Duration::from_millis(5);
    for (name, bus, byte_ns, request_ns) in [
        ("9600 8N1: 10 bits", rs(9600, Parity::None), 1_041_666, 10_000_000 + 3_645_831),
        ("9600 8E1: 11 bits", rs(9600, Parity::Even), 1_145_833, 10_000_000 + 4_010_415),
        ("19200: still 3.5 characters", rs(19_200, Parity::None), 520_833, 10_000_000 + 1_822_915),
        ("115200: at least 1.75 ms", rs(115_200, Parity::None), 86_805, 10_000_000 + 1_750_000),
        ("a gap of its own", Bus { gap: Some(Duration::ZERO), ..rs(9600, Parity::None) }, 1_041_666, 10_000_000),
        ("a pause on top", Bus { pause, ..rs(115_200, Parity::None) }, 86_805, 16_750_000),
        ("ASCII: two characters a byte", ascii(rs(9600, Parity::None)), 2_083_332, 10_000_000 + 2_083_332),
        ("a DTU", Bus { pause, ..Bus::plain("d", Framing::Rtu, listen) }, 80, 17_000_000),
    ] {
        assert_eq!(Line::of(&bus, ten_ms), Line { byte_ns, request_ns }, "{name}");
    }
    assert!(Line::of(&rs(0, Parity::None), ten_ms).byte_ns > 0, "a line without a speed is slow, not a division by nothing");
    // 8 bytes out, 5 and two registers back.
    let line = Line { byte_ns: 10, request_ns: 1 };
    assert_eq!(line.cost_ns(&Request { table: Holding, address: 0, count: 2 }), 171);
    assert_eq!(line.cost_ns(&Request { table: Coil, address: 0, count: 9 }), 151);
    assert_eq!(Line { byte_ns: u64::MAX, request_ns: 1 }.cost_ns(&Request { table: Coil, address: 0, count: 9 }), u64::MAX);
}

#[test]
fn words_are_found_in_their_answer() {
    let request = Request { table: Holding, address: 10, count: 3 };
    let words = [1, 2, 3];
    for (table, address, count, expected) in [
        (Holding, 10, 2, Some(&words[..2])),
        (Holding, 12, 1, Some(&words[2..])),
        (Holding, 12, 2, None),
        (Holding, 9, 1, None),
        (Input, 10, 1, None),
        (Holding, 65535, 2, None),
    ] {
        assert_eq!(request.slice_of(&words, table, address, count), expected, "{table:?} {address} {count}");
    }
}
