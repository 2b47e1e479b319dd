//! Registers to values: vectors of DOMAIN §2, and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use facility_config::Point;
use facility_config::profile::{StatusCheck, Table};
use proptest::prelude::*;

fn point(point: Point, ty: RegisterType, scale: f64) -> RegisterPoint {
    RegisterPoint {
        point,
        table: Table::Holding,
        address: 0,
        ty,
        order: WordOrder::HighFirst,
        scale,
        offset: 0.0,
        invalid: Vec::new(),
        map: Vec::new(),
        range: None,
        status: None,
    }
}

fn air(scale: f64) -> RegisterPoint {
    point(Point::CabinetAir, RegisterType::I16, scale)
}

#[test]
fn registers_become_values() {
    use RegisterType::{Bool, F32, I32, U16, U32};
    use Value::{Bool as Yes, Float, Int, Missing, Text};
    let dixell = RegisterPoint { status: Some(StatusCheck { address: 257, mask: 3, bad: 3 }), ..air(0.1) };
    let eliwell = RegisterPoint { invalid: vec![0x8000], ..air(0.1) };
    let ranged = RegisterPoint { range: Some((-60.0, 80.0)), ..air(0.1) };
    let pzem = RegisterPoint { order: WordOrder::LowFirst, ..point(Point::EnergyTotal, U32, 0.001) };
    let ddsu = point(Point::EnergyActive, F32, 1000.0);
    let sdm = point(Point::EnergyVoltage, F32, 1.0);
    let door_closed_is_0 = RegisterPoint { scale: -1.0, offset: 1.0, ..point(Point::CabinetDoor, Bool, 1.0) };
    let mode =
        RegisterPoint { map: vec![(0, "cooling".into()), (14, "defrost".into())], ..point(Point::CabinetMode, RegisterType::I16, 1.0) };
    let f32_words = |single: f32| vec![(single.to_bits() >> 16) as u16, single.to_bits() as u16];
    let cases: Vec<(&str, RegisterPoint, Vec<u16>, Option<u16>, Result<Value, Fault>)> = vec![
        ("Dixell XJP60D, probe high", dixell.clone(), vec![260], Some(4354), Ok(Float(26.0))),
        ("Dixell XJP60D, probe broken", dixell.clone(), vec![260], Some(4355), Ok(Missing(Quality::SensorError))),
        ("Dixell XJP60D, status not read", dixell.clone(), vec![260], None, Ok(Missing(Quality::CommError))),
        ("XR75CX", air(0.1), vec![153], None, Ok(Float(15.3))),
        ("Eliwell, no probe", eliwell.clone(), vec![0x8000], None, Ok(Missing(Quality::SensorError))),
        ("Eliwell, one above", eliwell.clone(), vec![0x8001], None, Ok(Float(-3276.7))),
        ("XY-MD02 below zero", air(0.1), vec![0xFF33], None, Ok(Float(-20.5))),
        ("no float dust", air(0.1), vec![3], None, Ok(Float(0.3))),
        ("hundredths", air(0.01), vec![0xF8C3], None, Ok(Float(-18.53))),
        ("range, lowest", ranged.clone(), vec![(-600i16) as u16], None, Ok(Float(-60.0))),
        ("range, below", ranged.clone(), vec![(-601i16) as u16], None, Ok(Missing(Quality::OutOfRange))),
        ("PZEM energy, low word first", pzem.clone(), vec![0x86A0, 0x0001], None, Ok(Float(100.0))),
        ("DDSU666 kW to W", ddsu.clone(), f32_words(1.5), None, Ok(Float(1500.0))),
        ("SDM voltage", sdm.clone(), vec![0x4366, 0x3333], None, Ok(Float(f64::from(230.2f32)))),
        ("NaN", sdm.clone(), f32_words(f32::NAN), None, Ok(Missing(Quality::SensorError))),
        ("infinite", sdm.clone(), f32_words(f32::NEG_INFINITY), None, Ok(Missing(Quality::SensorError))),
        ("LE-01MP energy", point(Point::EnergyTotal, U32, 0.01), vec![38, 49806], None, Ok(Float(25401.74))),
        ("int", point(Point::VendingVends, I32, 1.0), vec![0xFFFF, 0xFFFE], None, Ok(Int(-2))),
        ("any bit set is true", point(Point::CabinetFan, U16, 1.0), vec![0x0100], None, Ok(Yes(true))),
        ("inverted bit", door_closed_is_0.clone(), vec![0], None, Ok(Yes(true))),
        ("inverted bit, set", door_closed_is_0.clone(), vec![1], None, Ok(Yes(false))),
        ("state 14", mode.clone(), vec![14], None, Ok(Text("defrost".into()))),
        ("state without a word", mode.clone(), vec![15], None, Err(Fault::BadText)),
        ("too few registers", pzem.clone(), vec![1], None, Err(Fault::Malformed)),
        ("too many registers", ranged.clone(), vec![1, 2], None, Err(Fault::Malformed)),
        ("none", ranged.clone(), vec![], None, Err(Fault::Malformed)),
    ];
    for (name, point, words, status, expected) in cases {
        assert_eq!(decode(&point, &words, status), expected, "{name}");
    }
}

#[test]
fn what_no_register_can_say_is_not_encoded() {
    let cases = [
        (air(0.1), Value::Float(4_000.0)),
        (air(0.1), Value::Float(f64::NAN)),
        (air(0.1), Value::Missing(Quality::SensorError)),
        (air(0.0), Value::Float(1.0)),
        (point(Point::EnergyVoltage, RegisterType::U16, 0.1), Value::Float(-0.1)),
        (point(Point::EnergyVoltage, RegisterType::F32, 1.0), Value::Float(1e300)),
        (point(Point::CabinetMode, RegisterType::U16, 1.0), Value::Text("dancing".into())),
    ];
    for (point, value) in cases {
        assert_eq!(encode(&point, &value), None, "{value:?}");
    }
}

proptest! {
    #[test]
    fn encoding_and_decoding_are_inverse(bits in any::<u32>(), ty in 0usize..6, low_first in any::<bool>(), scale in 0usize..4, what in 0usize..3) {
        use RegisterType::{Bool, F32, I16, I32, U16, U32};
        let ty = [Bool, U16, I16, U32, I32, F32][ty];
        let what = [Point::CabinetAir, Point::VendingVends, Point::CabinetDoor][what];
        let scale = if what == Point::VendingVends { 1.0 } else { [1.0, 0.1, 0.01, 0.001][scale] };
        let order = if low_first { WordOrder::LowFirst } else { WordOrder::HighFirst };
        let point = RegisterPoint { order, ..point(what, ty, scale) };
        let words = if ty.width() == 1 { vec![bits as u16] } else { vec![(bits >> 16) as u16, bits as u16] };
        let value = decode(&point, &words, None).unwrap();
        if let Some(back) = encode(&point, &value) {
            prop_assert_eq!(decode(&point, &back, None).unwrap(), value, "{:?}", words);
            prop_assert_eq!(back.len(), words.len());
        } else {
            // Only a float that is no number, and a count beyond what an f32 holds exactly, have no registers.
            prop_assert!(matches!(value, Value::Missing(_)) || ty == F32, "{value:?}");
        }
    }

    #[test]
    fn any_registers_decode_without_panic(words in prop::collection::vec(any::<u16>(), 0..4), scale in any::<f64>(), offset in any::<f64>(), status in any::<Option<u16>>()) {
        use RegisterType::{Bool, F32, I16, I32, U16, U32};
        for ty in [Bool, U16, I16, U32, I32, F32] {
            for what in [Point::CabinetAir, Point::VendingVends, Point::CabinetDoor, Point::CabinetMode] {
                let point = RegisterPoint { offset, ..point(what, ty, scale) };
                if let Ok(Value::Float(value)) = decode(&point, &words, status) {
                    prop_assert!(value.is_finite());
                }
            }
        }
    }
}
