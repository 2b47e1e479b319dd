//! Marks hold, fail, and ask no more than they have to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use facility_config::profile::Table;
use std::time::Duration;

const AIR: Request = Request { table: Table::Holding, address: 2531, count: 1 };
const COIL: Request = Request { table: Table::Coil, address: 0, count: 1 };
const VOLTS: Request = Request { table: Table::Input, address: 0, count: 2 };

fn mark(request: Request, expect: Expect) -> Mark {
    Mark { table: request.table, address: request.address, count: request.count, expect }
}

fn map(marks: Vec<&Mark>) -> ModbusMap {
    ModbusMap { fingerprint: marks.into_iter().cloned().collect(), ..ModbusMap::plain(Vec::new(), Duration::from_millis(100)) }
}

fn number(ty: RegisterType, low: f64, high: f64) -> Expect {
    Expect::Number { ty, order: ByteOrder::big(usize::from(ty.width().unwrap()) * 2), low, high }
}

#[test]
fn marks_are_judged_by_what_was_said() {
    let air = mark(AIR, number(RegisterType::I16, -600.0, 800.0));
    let no_coils = mark(COIL, Expect::Refused(1));
    let volts = mark(VOLTS, number(RegisterType::F32, 50.0, 300.0));
    let float = 229.5_f32.to_bits();
    let float = vec![(float >> 16) as u16, float as u16];
    let cases: [(&str, Vec<&Mark>, Vec<(Request, Said)>, Next); 13] = [
        ("no marks", vec![], vec![], Next::Fails),
        ("nothing asked yet", vec![&air, &no_coils], vec![], Next::Ask(AIR)),
        ("a value below zero", vec![&air], vec![(AIR, Said::Words(vec![(-185_i16).cast_unsigned()]))], Next::Holds),
        ("beyond its range", vec![&air, &no_coils], vec![(AIR, Said::Words(vec![900]))], Next::Fails),
        ("a refusal for a value", vec![&air], vec![(AIR, Said::Refused(2))], Next::Fails),
        ("silence for a value", vec![&air], vec![(AIR, Said::Nothing)], Next::Fails),
        ("the second mark is left", vec![&air, &no_coils], vec![(AIR, Said::Words(vec![5]))], Next::Ask(COIL)),
        ("the refusal expected", vec![&no_coils], vec![(COIL, Said::Refused(1))], Next::Holds),
        ("another refusal", vec![&no_coils], vec![(COIL, Said::Refused(2))], Next::Fails),
        ("bits for a refusal", vec![&no_coils], vec![(COIL, Said::Words(vec![1]))], Next::Fails),
        ("a float", vec![&volts], vec![(VOLTS, Said::Words(float))], Next::Holds),
        ("not a number", vec![&volts], vec![(VOLTS, Said::Words(vec![0x7FC0, 0]))], Next::Fails),
        ("too few words", vec![&volts], vec![(VOLTS, Said::Words(vec![1]))], Next::Fails),
    ];
    for (name, marks, said, expected) in cases {
        assert_eq!(next(&map(marks), &said.into_iter().collect()), expected, "{name}");
    }
}
