//! What a unit holds and refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::decode::registers::decode;
use facility_config::Point;
use facility_config::profile::StatusCheck;

#[test]
fn a_point_is_set_with_its_status() {
    let point = RegisterPoint {
        scale: 0.1,
        status: Some(StatusCheck { address: 257, mask: 3, bad: 3 }),
        ..RegisterPoint::plain(Point::CabinetAir, Table::Holding, 256, RegisterType::I16)
    };
    let bank = Bank::new();
    // Bits of the status that say something else stay.
    bank.set(1, Table::Holding, 257, &[0x1100]);
    for value in [Value::Float(-18.5), Value::Missing(Quality::SensorError), Value::Float(4.0)] {
        assert!(bank.set_point(1, &point, &value), "{value:?}");
        let words = bank.words(1, Table::Holding, 256, 2).unwrap();
        assert_eq!(decode(&point, &words[..1], Some(words[1])).unwrap(), value);
        assert_eq!(words[1] & 0xFF00, 0x1100);
    }
    assert!(!bank.set_point(1, &point, &Value::Float(1e9)));
}

#[test]
fn points_that_share_a_register_leave_each_other_alone() {
    let point = |ty, mask| RegisterPoint { mask, ..RegisterPoint::plain(Point::CabinetAlarm, Table::Holding, 5, ty) };
    let cases: [(&str, RegisterPoint, &[u16]); 7] = [
        ("a bit", point(RegisterType::U16, Some(0x0010)), &[0x0010]),
        ("a high byte", point(RegisterType::U8Hi, None), &[0xFF00]),
        ("a low byte", point(RegisterType::I8Lo, None), &[0x00FF]),
        ("a bit of the high byte", point(RegisterType::U8Hi, Some(1)), &[0x0100]),
        ("two registers", point(RegisterType::U32, None), &[0xFFFF, 0xFFFF]),
        ("bits of two registers", point(RegisterType::U32, Some(0x0001_8000)), &[0x0001, 0x8000]),
        ("a coil", RegisterPoint { table: Table::Coil, ..point(RegisterType::Bool, None) }, &[0xFFFF]),
    ];
    for (name, point, expected) in cases {
        assert_eq!(masks(&point), expected, "{name}");
    }
}

#[test]
fn what_a_unit_refuses() {
    let bank = Bank::new();
    bank.set(1, Table::Holding, 0, &[7; 10]);
    bank.set(1, Table::Coil, 0, &[1; 10]);
    bank.limit(1, 2, 4);
    bank.exception(1, 9, 4);
    let answer = |pdu: &[u8]| bank.cells(1, |cells| cells.answer(pdu));
    assert_eq!(answer(&[3, 0, 0, 0, 2]), [3, 4, 0, 7, 0, 7]);
    assert_eq!(answer(&[3, 0, 0, 0, 3]), [0x83, 3], "a block");
    assert_eq!(answer(&[1, 0, 0, 0, 4]), [1, 1, 0x0F]);
    assert_eq!(answer(&[1, 0, 0, 0, 5]), [0x81, 3], "a block of bits");
    assert_eq!(answer(&[3, 0, 9, 0, 1]), [0x83, 4], "as was asked for");
    bank.limit(1, u16::MAX, u16::MAX);
    assert_eq!(answer(&[3, 0, 0, 0, 126]), [0x83, 3], "more than a frame holds");
    assert_eq!(answer(&[3, 0, 0, 0, 11]), [0x83, 4]);
    bank.exception(1, 9, 0);
    assert_eq!(answer(&[3, 0, 0, 0, 11]), [0x83, 2], "an address that was never set");
    for write in [5, 6, 15, 16, 22, 23] {
        assert_eq!(answer(&[write, 0, 0, 0, 1]), [write | 0x80, 1], "nothing is written");
    }
}
