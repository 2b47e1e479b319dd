//! Registers to values: vectors of DOMAIN §2 and of every type, and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod random;
mod texts;

use super::*;
use facility_config::Point;
use facility_config::profile::{ByteOrder, Encoding, Layout, StatusCheck, Table};

fn point(point: Point, ty: RegisterType, scale: f64) -> RegisterPoint {
    RegisterPoint { scale, ..RegisterPoint::plain(point, Table::Holding, 0, ty) }
}

fn air(scale: f64) -> RegisterPoint {
    point(Point::CabinetAir, RegisterType::I16, scale)
}

fn order(letters: &str) -> ByteOrder {
    ByteOrder::parse(letters).unwrap()
}

fn counting(table: Table, bits: u16, polarity: Polarity) -> RegisterPoint {
    let length = if table.is_bits() { bits } else { bits.div_ceil(16) };
    RegisterPoint { length, bits, polarity, ..RegisterPoint::plain(Point::LockerDoorOpen, table, 0, RegisterType::Count) }
}

type Case = (&'static str, RegisterPoint, Vec<u16>, Option<u16>, Result<Value, Fault>);

fn check(cases: Vec<Case>) {
    for (name, point, words, status, expected) in cases {
        assert_eq!(decode(&point, &words, status), expected, "{name}");
    }
}

use Value::{Bool as Yes, Float, Int, Missing, Text};

#[test]
fn registers_of_known_devices_become_values() {
    use RegisterType::{F32, I32, U32};
    let dixell = RegisterPoint { status: Some(StatusCheck { address: 257, mask: 3, bad: 3 }), ..air(0.1) };
    let eliwell = RegisterPoint { invalid: vec![0x8000], ..air(0.1) };
    let ranged = RegisterPoint { range: Some((-60.0, 80.0)), ..air(0.1) };
    let pzem = RegisterPoint { order: order("CDAB"), ..point(Point::EnergyTotal, U32, 0.001) };
    let ddsu = point(Point::EnergyActive, F32, 1000.0);
    let sdm = point(Point::EnergyVoltage, F32, 1.0);
    let mode =
        RegisterPoint { map: vec![(0, "cooling".into()), (14, "defrost".into())], ..point(Point::CabinetMode, RegisterType::I16, 1.0) };
    let f32_words = |single: f32| vec![(single.to_bits() >> 16) as u16, single.to_bits() as u16];
    check(vec![
        ("Dixell XJP60D, probe high", dixell.clone(), vec![260], Some(4354), Ok(Float(26.0))),
        ("Dixell XJP60D, probe broken", dixell.clone(), vec![260], Some(4355), Ok(Missing(Quality::SensorError))),
        ("Dixell XJP60D, status not read", dixell, vec![260], None, Ok(Missing(Quality::CommError))),
        ("XR75CX", air(0.1), vec![153], None, Ok(Float(15.3))),
        ("Eliwell, no probe", eliwell.clone(), vec![0x8000], None, Ok(Missing(Quality::SensorError))),
        ("Eliwell, one above", eliwell, vec![0x8001], None, Ok(Float(-3276.7))),
        ("XY-MD02 below zero", air(0.1), vec![0xFF33], None, Ok(Float(-20.5))),
        ("no float dust", air(0.1), vec![3], None, Ok(Float(0.3))),
        ("hundredths", air(0.01), vec![0xF8C3], None, Ok(Float(-18.53))),
        ("range, lowest", ranged.clone(), vec![(-600i16) as u16], None, Ok(Float(-60.0))),
        ("range, below", ranged.clone(), vec![(-601i16) as u16], None, Ok(Missing(Quality::OutOfRange))),
        ("PZEM energy, low word first", pzem.clone(), vec![0x86A0, 0x0001], None, Ok(Float(100.0))),
        ("DDSU666 kW to W", ddsu, f32_words(1.5), None, Ok(Float(1500.0))),
        ("SDM voltage", sdm.clone(), vec![0x4366, 0x3333], None, Ok(Float(f64::from(230.2f32)))),
        ("SDM voltage, rounded", RegisterPoint { round: Some(1), ..sdm.clone() }, vec![0x4366, 0x3333], None, Ok(Float(230.2))),
        ("NaN", sdm.clone(), f32_words(f32::NAN), None, Ok(Missing(Quality::SensorError))),
        ("infinite", sdm, f32_words(f32::NEG_INFINITY), None, Ok(Missing(Quality::SensorError))),
        ("LE-01MP energy", point(Point::EnergyTotal, U32, 0.01), vec![38, 49806], None, Ok(Float(25401.74))),
        ("int", point(Point::VendingVends, I32, 1.0), vec![0xFFFF, 0xFFFE], None, Ok(Int(-2))),
        ("state 14", mode.clone(), vec![14], None, Ok(Text("defrost".into()))),
        ("state without a word", mode, vec![15], None, Err(Fault::BadText)),
        ("too few registers", pzem, vec![1], None, Err(Fault::Malformed)),
        ("too many registers", ranged.clone(), vec![1, 2], None, Err(Fault::Malformed)),
        ("none", ranged.clone(), vec![], None, Err(Fault::Malformed)),
        ("as wide as the point, not as its type", RegisterPoint { length: 2, ..ranged }, vec![1, 2], None, Err(Fault::Malformed)),
    ]);
}

#[test]
fn every_type_has_its_meaning() {
    use RegisterType::{Bcd8, Bcd16, Bcd24, Bcd32, F16, F64, I8Hi, I8Lo, I24, I64, U8Hi, U8Lo, U24, U48, U64};
    let float = |ty| point(Point::EnergyTotal, ty, 1.0);
    let int = |ty| point(Point::VendingVends, ty, 1.0);
    let f64_words: Vec<u16> = 1.25_f64.to_be_bytes().chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    check(vec![
        ("u8_hi", float(U8Hi), vec![0xFE01], None, Ok(Float(254.0))),
        ("u8_lo", float(U8Lo), vec![0xFE01], None, Ok(Float(1.0))),
        ("i8_hi", float(I8Hi), vec![0xFE01], None, Ok(Float(-2.0))),
        ("i8_lo", float(I8Lo), vec![0x01FE], None, Ok(Float(-2.0))),
        ("u24 leaves the top byte", float(U24), vec![0xAAFF, 0xFFFE], None, Ok(Float(16_777_214.0))),
        ("i24", float(I24), vec![0x00FF, 0xFFFE], None, Ok(Float(-2.0))),
        ("u48", int(U48), vec![1, 0, 2], None, Ok(Int((1 << 32) + 2))),
        ("u64 to the last digit", int(U64), vec![0x7FFF, 0xFFFF, 0xFFFF, 0xFFFE], None, Ok(Int(i64::MAX - 1))),
        ("u64 beyond", int(U64), vec![0x8000, 0, 0, 0], None, Ok(Missing(Quality::OutOfRange))),
        ("i64", int(I64), vec![0x8000, 0, 0, 1], None, Ok(Int(i64::MIN + 1))),
        ("u64 with a scale", point(Point::VendingSales, U64, 100.0), vec![0, 0, 0, 7], None, Ok(Int(700))),
        ("u64 with a scale, beyond", point(Point::VendingSales, U64, 1e9), vec![0x7FFF, 0, 0, 0], None, Ok(Missing(Quality::OutOfRange))),
        ("f16", float(F16), vec![0xC500], None, Ok(Float(-5.0))),
        ("f16, not a number", float(F16), vec![0x7E00], None, Ok(Missing(Quality::SensorError))),
        ("f64", float(F64), f64_words.clone(), None, Ok(Float(1.25))),
        (
            "f64, low word first",
            RegisterPoint { order: order("GHEFCDAB"), ..float(F64) },
            f64_words.into_iter().rev().collect(),
            None,
            Ok(Float(1.25)),
        ),
        ("bcd8 leaves the high byte", float(Bcd8), vec![0xFF42], None, Ok(Float(42.0))),
        ("bcd16", float(Bcd16), vec![0x1234], None, Ok(Float(1234.0))),
        ("bcd16, swapped", RegisterPoint { order: order("BA"), ..float(Bcd16) }, vec![0x3412], None, Ok(Float(1234.0))),
        ("bcd24", float(Bcd24), vec![0x0012, 0x3456], None, Ok(Float(123_456.0))),
        ("bcd32", float(Bcd32), vec![0x1234, 0x5678], None, Ok(Float(12_345_678.0))),
        ("no decimal digit", float(Bcd16), vec![0x12A4], None, Ok(Missing(Quality::SensorError))),
        ("bcd of its low digits", RegisterPoint { mask: Some(0xFF), ..float(Bcd16) }, vec![0xF042], None, Ok(Float(42.0))),
        ("epoch_s", float(RegisterType::EpochS), vec![0x6926, 0x0000], None, Ok(Int(0x6926_0000 * 1000))),
        ("epoch_ms", float(RegisterType::EpochMs), vec![0, 0x019A, 0, 1], None, Ok(Int((0x019A << 32) + 1))),
        ("epoch_ms beyond", float(RegisterType::EpochMs), vec![0xFFFF, 0, 0, 0], None, Ok(Missing(Quality::OutOfRange))),
    ]);
    assert!(is_clock(&float(RegisterType::EpochS)) && is_clock(&float(RegisterType::EpochMs)) && !is_clock(&float(U64)));
}

#[test]
fn masks_rounding_and_invalid_values_apply_in_order() {
    use RegisterType::{I8Lo, U8Hi, U16};
    let masked = |mask, shift, ty| RegisterPoint { mask: Some(mask), shift, ..point(Point::EnergyTotal, ty, 1.0) };
    let shifted = RegisterPoint { shift: 4, ..air(1.0) };
    let rounded = |round| RegisterPoint { round: Some(round), ..air(0.01) };
    let invalid = RegisterPoint { invalid: vec![0xFF], ..point(Point::EnergyTotal, U8Hi, 1.0) };
    check(vec![
        ("bits 8 to 11", masked(0x0F00, 8, U16), vec![0xA3FF], None, Ok(Float(3.0))),
        ("what is left of a signed value is unsigned", masked(0xFFFF, 0, RegisterType::I16), vec![0xFFFF], None, Ok(Float(65535.0))),
        ("a shift alone keeps the sign", shifted, vec![0xFFE0], None, Ok(Float(-2.0))),
        ("a mask over a byte", masked(0x0C, 2, I8Lo), vec![0xFF08], None, Ok(Float(2.0))),
        ("one decimal", rounded(1), vec![1234], None, Ok(Float(12.3))),
        ("half goes up", rounded(1), vec![1235], None, Ok(Float(12.4))),
        ("no decimals", rounded(0), vec![(-1250_i16) as u16], None, Ok(Float(-13.0))),
        ("more decimals than there are", rounded(255), vec![1234], None, Ok(Float(12.34))),
        ("one zero", rounded(0), vec![(-1_i16) as u16], None, Ok(Float(0.0))),
        ("invalid, of the type's width", invalid.clone(), vec![0xFF07], None, Ok(Missing(Quality::SensorError))),
        ("valid", invalid, vec![0xFE07], None, Ok(Float(254.0))),
        (
            "invalid, before the mask",
            RegisterPoint { invalid: vec![0xFFFF], ..masked(0x0F, 0, U16) },
            vec![0xFFFF],
            None,
            Ok(Missing(Quality::SensorError)),
        ),
        ("an offset", RegisterPoint { offset: -40.0, ..air(0.5) }, vec![10], None, Ok(Float(-35.0))),
    ]);
}

#[test]
fn yes_and_no_come_in_every_way() {
    use RegisterType::{Bool, U16};
    let fan = |ty| point(Point::CabinetFan, ty, 1.0);
    let bit3 = RegisterPoint { mask: Some(8), shift: 3, ..fan(Bool) };
    let listed = RegisterPoint { yes: vec![14, 15], ..fan(U16) };
    let with = |polarity, of: &RegisterPoint| RegisterPoint { polarity, ..of.clone() };
    let coil = RegisterPoint { table: Table::Coil, ..fan(Bool) };
    let closed_is_0 = RegisterPoint { scale: -1.0, offset: 1.0, ..fan(Bool) };
    check(vec![
        ("any bit set is yes", fan(U16), vec![0x0100], None, Ok(Yes(true))),
        ("a coil", coil, vec![1], None, Ok(Yes(true))),
        ("the bit", bit3.clone(), vec![0x0008], None, Ok(Yes(true))),
        ("all but the bit", bit3.clone(), vec![0xFFF7], None, Ok(Yes(false))),
        ("the bit says no", with(Polarity::Clear, &bit3), vec![0x0008], None, Ok(Yes(false))),
        ("a value of the list", listed.clone(), vec![14], None, Ok(Yes(true))),
        ("another value", listed.clone(), vec![1], None, Ok(Yes(false))),
        ("a list turned round", with(Polarity::Clear, &listed), vec![1], None, Ok(Yes(true))),
        ("turned round by arithmetic", closed_is_0.clone(), vec![0], None, Ok(Yes(true))),
        ("turned round by arithmetic, set", closed_is_0, vec![1], None, Ok(Yes(false))),
        ("not commissioned", with(Polarity::Commissioned, &bit3), vec![8], None, Ok(Missing(Quality::Uncertain))),
        ("polarity is nothing to a number", with(Polarity::Commissioned, &air(0.1)), vec![1], None, Ok(Float(0.1))),
    ]);
}

#[test]
fn bits_are_counted() {
    use Table::{Coil, Holding};
    let swapped = RegisterPoint { order: order("BA"), ..counting(Holding, 4, Polarity::Set) };
    check(vec![
        ("coils, a word each", counting(Coil, 5, Polarity::Set), vec![1, 0, 1, 1, 0], None, Ok(Int(3))),
        ("coils, clear ones", counting(Coil, 5, Polarity::Clear), vec![1, 0, 1, 1, 0], None, Ok(Int(2))),
        ("registers, lowest bit first", counting(Holding, 20, Polarity::Set), vec![0x8001, 0xFFF3], None, Ok(Int(4))),
        ("registers, clear ones", counting(Holding, 20, Polarity::Clear), vec![0x8001, 0xFFF3], None, Ok(Int(16))),
        ("bytes swapped", swapped, vec![0x0F00], None, Ok(Int(4))),
        ("not commissioned", counting(Coil, 2, Polarity::Commissioned), vec![1, 1], None, Ok(Missing(Quality::Uncertain))),
        ("too few", counting(Coil, 2, Polarity::Set), vec![1], None, Err(Fault::Malformed)),
    ]);
}

#[test]
fn what_no_register_can_say_is_not_encoded() {
    let cases = [
        (air(0.1), Float(4_000.0)),
        (air(0.1), Float(f64::NAN)),
        (air(0.1), Missing(Quality::SensorError)),
        (air(0.0), Float(1.0)),
        (RegisterPoint { invalid: vec![0x8000], ..air(0.1) }, Float(-3276.8)),
        (RegisterPoint { mask: Some(0x0F00), shift: 8, ..air(1.0) }, Float(16.0)),
        (point(Point::EnergyVoltage, RegisterType::U16, 0.1), Float(-0.1)),
        (point(Point::EnergyVoltage, RegisterType::F32, 1.0), Float(1e300)),
        (point(Point::EnergyVoltage, RegisterType::F16, 1.0), Float(65_520.0)),
        (point(Point::EnergyVoltage, RegisterType::Bcd16, 1.0), Float(10_000.0)),
        (point(Point::EnergyVoltage, RegisterType::Bcd16, 1.0), Float(-1.0)),
        (point(Point::CabinetMode, RegisterType::U16, 1.0), Text("dancing".into())),
        (counting(Table::Coil, 5, Polarity::Set), Int(6)),
        (counting(Table::Coil, 5, Polarity::Set), Int(-1)),
    ];
    for (point, value) in cases {
        assert_eq!(encode(&point, &value), None, "{value:?}");
    }
}

#[test]
fn a_point_knows_its_own_bits() {
    use RegisterType::{I8Hi, U8Lo, U16, U24};
    let float = |ty| point(Point::EnergyTotal, ty, 1.0);
    for (point, expected) in [
        (float(U16), vec![0xFFFF]),
        (float(I8Hi), vec![0xFF00]),
        (float(U8Lo), vec![0x00FF]),
        (float(U24), vec![0x00FF, 0xFFFF]),
        (RegisterPoint { mask: Some(8), ..float(U16) }, vec![8]),
        (RegisterPoint { order: order("CDAB"), mask: Some(8), ..float(RegisterType::U32) }, vec![8, 0]),
        (counting(Table::Holding, 20, Polarity::Clear), vec![0xFFFF, 0x000F]),
        (counting(Table::Coil, 2, Polarity::Set), vec![0xFFFF, 0xFFFF]),
        (RegisterPoint { layout: Layout::Low, ..point(Point::HealthFirmware, RegisterType::Text, 1.0) }, vec![0x00FF]),
    ] {
        assert_eq!(bits_of(&point), expected, "{:?}", point.ty);
    }
}
