//! Random points, random registers: there and back, and never a panic.

use super::*;
use proptest::prelude::*;

const POINTS: [Point; 4] = [Point::CabinetAir, Point::VendingVends, Point::CabinetDoor, Point::CabinetMode];
const TABLES: [Table; 4] = Table::ALL;
const POLARITIES: [Polarity; 3] = [Polarity::Set, Polarity::Clear, Polarity::Commissioned];
const LAYOUTS: [Layout; 4] = [Layout::Both, Layout::Swapped, Layout::High, Layout::Low];
const ENCODINGS: [Encoding; 3] = [Encoding::Ascii, Encoding::Utf8, Encoding::Gbk];
const SCALES: [f64; 7] = [1.0, 0.1, 0.01, 0.001, 10.0, -1.0, 0.5];

/// A usual order or, from the end of their list on, any permutation.
fn order_of(bytes: usize, which: usize, mut letters: Vec<char>) -> ByteOrder {
    letters.retain(|letter| usize::from(*letter as u8 - b'A') < bytes);
    let any = ByteOrder::parse(&letters.into_iter().collect::<String>()).unwrap_or(ByteOrder::big(bytes));
    ByteOrder::usual(bytes).get(which).copied().unwrap_or(any)
}

/// A point as a profile could have it, and registers of its length.
fn believable() -> impl Strategy<Value = (RegisterPoint, Vec<u16>)> {
    let letters = Just(('A'..='H').collect::<Vec<_>>()).prop_shuffle();
    let words = prop::collection::vec(prop_oneof![any::<u16>(), 0u16..100, Just(0u16)], 64);
    let plain = (0usize..4, 0usize..25, 0usize..8, letters, 0usize..SCALES.len(), words);
    let more = (1u16..40, 0usize..2, 0usize..4, 0usize..3, prop::option::of((any::<u16>(), 0u8..16)), any::<bool>());
    (plain, more).prop_map(|((what, ty, which, letters, scale, words), (bits, polarity, layout, encoding, mask, in_coils))| {
        let ty = RegisterType::ALL[ty].0;
        let what = if ty == RegisterType::Text { Point::HealthFirmware } else { POINTS[what] };
        let table = if ty == RegisterType::Count && in_coils { Table::Coil } else { Table::Holding };
        let length = match ty {
            RegisterType::Count if table.is_bits() => bits,
            RegisterType::Count => bits.div_ceil(16),
            RegisterType::Text => bits,
            _ => ty.width().unwrap_or(1),
        };
        let map =
            if what == Point::CabinetMode { (0..100).map(|code| (code, format!("state {code}").into())).collect() } else { Vec::new() };
        let point = RegisterPoint {
            length,
            bits: if ty == RegisterType::Count { bits } else { 0 },
            order: order_of(usize::from(ty.width().unwrap_or(1)) * 2, which, letters),
            mask: mask.map(|(mask, _)| u64::from(mask) | 1 << 15),
            shift: mask.map_or(0, |(_, shift)| shift),
            scale: if what == Point::VendingVends { 1.0 } else { SCALES[scale] },
            map,
            polarity: POLARITIES[polarity],
            layout: LAYOUTS[layout],
            encoding: ENCODINGS[encoding],
            ..RegisterPoint::plain(what, table, 0, ty)
        };
        let mut words = words;
        words.truncate(usize::from(length));
        (point, words)
    })
}

/// Whether all digits of the value survive the arithmetic of its scale.
fn is_exact(point: &RegisterPoint, value: &Value) -> bool {
    match value {
        Float(value) => (point.scale == 1.0 || point.ty != RegisterType::F64) && (value / point.scale).abs() < 1e15,
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn encoding_and_decoding_are_inverse((point, words) in believable()) {
        let value = match decode(&point, &words, None) {
            Ok(value) => value,
            // Only a state without a word, or registers that hold no text.
            Err(fault) => {
                prop_assert_eq!(fault, Fault::BadText);
                prop_assert!(point.point == Point::CabinetMode || point.ty == RegisterType::Text);
                return Ok(());
            }
        };
        match encode(&point, &value) {
            Some(back) => {
                prop_assert_eq!(back.len(), words.len());
                prop_assert!(back.iter().zip(bits_of(&point)).all(|(word, own)| point.table.is_bits() || word & !own == 0), "{:?}", back);
                let again = decode(&point, &back, None).unwrap();
                if is_exact(&point, &value) {
                    prop_assert_eq!(again, value, "{:?} {:?}", words, back);
                } else if let (Float(again), Float(value)) = (again, value) {
                    prop_assert!((again - value).abs() <= value.abs() * 1e-15, "{} {}", again, value);
                }
            }
            // A count that was turned into yes, no or a word has no way back, nor has what is no value.
            None => prop_assert!(matches!(value, Missing(_)) || point.ty == RegisterType::Count || !is_exact(&point, &value), "{:?}", value),
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same((point, _) in believable(), number in -1_000_000i64..1_000_000, yes in any::<bool>()) {
        let value = match point.point {
            Point::CabinetAir => Float(number as f64 / 10.0),
            Point::VendingVends => Int(number),
            Point::CabinetDoor => Yes(yes),
            Point::CabinetMode => Text(format!("state {}", number.rem_euclid(100)).into()),
            _ => Text(format!("v{number}").into()),
        };
        if is_clock(&point) || matches!(value, Float(_)) && point.scale != 0.1 {
            return Ok(());
        }
        if let Some(words) = encode(&point, &value) {
            let back = decode(&point, &words, None);
            let near = matches!((&back, &value), (Ok(Float(back)), Float(value)) if bits::is_real(point.ty) && (back - value).abs() <= value.abs() * 1e-3);
            prop_assert!(back == Ok(value.clone()) || near, "{:?} {:?}", back, value);
        }
    }

    #[test]
    fn any_registers_of_any_point_decode_without_panic(
        (base, _) in believable(),
        words in prop::collection::vec(any::<u16>(), 0..70),
        (scale, offset, mask, shift) in (any::<f64>(), any::<f64>(), any::<Option<u64>>(), any::<u8>()),
        (length, bits, round, table) in (0u16..70, any::<u16>(), any::<Option<u8>>(), 0usize..4),
        (low, high, status, yes) in (any::<f64>(), any::<f64>(), any::<Option<u16>>(), prop::collection::vec(any::<i64>(), 0..3)),
        (order_bytes, polarity, invalid) in (0usize..9, 0usize..3, prop::collection::vec(any::<u64>(), 0..3)),
        fits in any::<bool>(),
    ) {
        let length = if fits { words.len() as u16 } else { length };
        let point = RegisterPoint {
            scale, offset, mask, shift, length, bits, round, yes, invalid,
            table: TABLES[table],
            range: Some((low, high)),
            order: ByteOrder::big(order_bytes),
            polarity: POLARITIES[polarity],
            ..base
        };
        for point in [RegisterPoint { length: point.ty.width().unwrap_or(length), ..point.clone() }, point] {
            let value = decode(&point, &words, status);
            if let Ok(Float(value)) = value {
                prop_assert!(value.is_finite());
            }
            for value in value.into_iter().chain([Float(scale), Int(shift.into()), Yes(fits), Missing(Quality::Stale), Text("état".into())]) {
                prop_assert!(encode(&point, &value).is_none_or(|words| words.len() == usize::from(point.length)));
            }
            prop_assert!(bits_of(&point).len() <= 4.max(usize::from(point.length)));
        }
    }
}
