//! Which requests a register map becomes.

use super::*;
use facility_config::Point;
use facility_config::profile::{RegisterType, StatusCheck, WordOrder};
use proptest::prelude::*;

fn point(table: Table, address: u16, ty: RegisterType) -> RegisterPoint {
    RegisterPoint {
        point: Point::CabinetAir,
        table,
        address,
        ty,
        order: WordOrder::HighFirst,
        scale: 1.0,
        offset: 0.0,
        invalid: Vec::new(),
        map: Vec::new(),
        range: None,
        status: None,
    }
}

fn with_status(mut point: RegisterPoint, address: u16) -> RegisterPoint {
    point.status = Some(StatusCheck { address, mask: 3, bad: 3 });
    point
}

use RegisterType::{F32, U16, U32};
use Table::{Coil, Holding, Input};

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
            vec![point(Input, 0, U16), point(Holding, 1, U16), point(Coil, 2, U16)],
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
            &[(Input, 0, 2), (Input, 2, 2)],
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
        (
            "a shared status register is read once",
            vec![with_status(point(Input, 0, U16), 9), with_status(point(Input, 1, U16), 9)],
            10,
            0,
            &[(Input, 0, 2), (Input, 9, 1)],
        ),
        (
            "the protocol's limit holds",
            (0..200).map(|at| point(Input, at, U16)).collect(),
            u16::MAX,
            0,
            &[(Input, 0, 125), (Input, 125, 75)],
        ),
        ("a limit of 0 is 1", vec![point(Input, 0, U16), point(Input, 1, U16)], 0, 0, &[(Input, 0, 1), (Input, 1, 1)]),
        ("the last register", vec![point(Input, 65535, U16)], 10, 0, &[(Input, 65535, 1)]),
        ("beyond the last register", vec![point(Input, 65535, F32), point(Input, 3, U16)], 10, 0, &[(Input, 3, 1)]),
    ];
    for (name, points, registers_max, gap_max, expected) in cases {
        let expected: Vec<Request> =
            expected.iter().map(|(table, address, count)| Request { table: *table, address: *address, count: *count }).collect();
        assert_eq!(plan(&points, registers_max, gap_max), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn every_value_lies_whole_in_one_answer(
        addresses in prop::collection::vec((0u16..300, prop::bool::ANY, prop::option::of(0u16..300)), 0..40),
        registers_max in 0u16..200,
        gap_max in 0u16..20,
    ) {
        let points: Vec<RegisterPoint> = addresses.iter().map(|(address, wide, status)| {
            let mut point = point(Holding, *address, if *wide { U32 } else { U16 });
            point.status = status.map(|address| StatusCheck { address, mask: 3, bad: 3 });
            point
        }).collect();
        let requests = plan(&points, registers_max, gap_max);
        for request in &requests {
            prop_assert!(request.count >= 1 && request.count <= registers_max.clamp(2, 125));
        }
        let covered = |address, count| requests.iter().any(|request| request.covers(&Request { table: Holding, address, count }));
        for point in &points {
            prop_assert!(covered(point.address, point.ty.width()));
            prop_assert!(point.status.is_none_or(|status| covered(status.address, 1)));
        }
    }
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
