//! A value that was put somewhere is found there, and the usual place comes first.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::decode::registers::encode;
use crate::plan::Request;
use proptest::prelude::*;

const TOLERANCE: f64 = 0.05;

fn shown(value: f64) -> Shown {
    Shown { value, tolerance: TOLERANCE }
}

fn registers(address: u16, words: &[u16]) -> Registers {
    let mut registers = Registers::default();
    registers.put(&Request { table: Table::Holding, address, count: 0 }, words);
    registers
}

#[test]
fn the_usual_comes_first() {
    let float = |value: f32| vec![(value.to_bits() >> 16) as u16, value.to_bits() as u16];
    let swapped = |value: f32| vec![value.to_bits() as u16, (value.to_bits() >> 16) as u16];
    let cases = [
        ("tenths", vec![(-185_i16).cast_unsigned()], -18.5, "i16", "AB", 0.1),
        ("tenths of zero", vec![0], 0.0, "i16", "AB", 1.0),
        ("whole", vec![(-18_i16).cast_unsigned()], -18.0, "i16", "AB", 1.0),
        ("hundredths", vec![22_954], 229.54, "i16", "AB", 0.01),
        ("a float", float(229.54), 229.5, "f32", "ABCD", 1.0),
        ("a float, low word first", swapped(229.54), 229.5, "f32", "CDAB", 1.0),
        ("a counter", vec![1, 0xE240], 12_345.6, "i32", "ABCD", 0.1),
    ];
    for (name, words, value, ty, order, scale) in cases {
        let found = guess(&registers(2531, &words), shown(value), None);
        let best = found.first().unwrap_or_else(|| panic!("{name}: nothing"));
        assert_eq!(
            (best.address, best.ty.as_str(), best.order.to_string().as_str(), best.scale),
            (2531, ty, order, scale),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn lines_can_be_pasted() {
    let found = guess(&registers(2531, &[(-185_i16).cast_unsigned()]), shown(-18.5), None);
    let text = found[0].to_toml("cabinet.air_c");
    assert_eq!(text, "[[modbus.point]]\npoint = \"cabinet.air_c\"\ntable = \"holding\"\naddress = 2531\ntype = \"i16\"\nscale = 0.1\n");
}

#[test]
fn an_earlier_read_tells_chance_from_truth() {
    // The set point happens to be what the display shows now.
    let (now, before) = (registers(100, &[185, 185]), registers(100, &[179, 185]));
    assert!(guess(&now, shown(18.5), None).iter().any(|guess| guess.address == 101));
    let found = guess(&now, shown(18.5), Some((&before, shown(17.9))));
    assert!(!found.is_empty() && found.iter().all(|guess| guess.address == 100), "{found:?}");
}

#[test]
fn bits_and_what_was_not_read_are_no_places() {
    let mut registers = Registers::default();
    registers.put(&Request { table: Table::Coil, address: 0, count: 1 }, &[1]);
    assert!(guess(&registers, shown(1.0), None).is_empty());
    assert!(guess(&Registers::default(), shown(1.0), None).is_empty());
}

fn place() -> impl Strategy<Value = (RegisterType, ByteOrder, f64)> {
    let types = TYPES.iter().map(|(ty, _)| *ty).filter(|ty| !matches!(ty, RegisterType::F16)).collect::<Vec<_>>();
    (prop::sample::select(types), any::<prop::sample::Index>(), prop::sample::select(vec![1.0, 0.1, 0.01])).prop_map(
        |(ty, which, scale)| {
            let bytes = usize::from(ty.width().unwrap()) * 2;
            let orders = ByteOrder::usual(bytes);
            let order = if orders.is_empty() || !has_order(ty) { ByteOrder::big(bytes) } else { orders[which.index(orders.len())] };
            (ty, order, scale)
        },
    )
}

proptest! {
    #[test]
    fn what_was_put_there_is_among_the_guesses(
        (ty, order, scale) in place(), raw in 2_i32..90, at in 0u16..60, seed in any::<u64>(),
    ) {
        // Noise without small numbers: a hundred places that show the same would push the true one out.
        let mut random = fastrand::Rng::with_seed(seed);
        let mut words: Vec<u16> = (0..64).map(|_| random.u16(0x3000..0x7000)).collect();
        let point = RegisterPoint { scale, ..plain(Table::Holding, 0, ty, order) };
        let value = f64::from(raw) * scale;
        let put = encode(&point, &Value::Float(value)).unwrap();
        words.splice(usize::from(at)..usize::from(at) + put.len(), put);
        let noisy = registers(0, &words);
        let found = guess(&noisy, Shown { value, tolerance: 0.4 * scale }, None);
        let reads_right = |guess: &Guess| {
            let read = super::value(&plain(guess.table, guess.address, guess.ty, guess.order), &noisy).unwrap();
            (read * guess.scale - value).abs() <= 0.41 * scale
        };
        prop_assert!(found.iter().all(reads_right), "{:?}", found);
        // The same bits under a plainer name, or inside a wider value, are as good.
        let end = at + point.length;
        let there = |guess: &&Guess| guess.address < end && guess.address + guess.ty.width().unwrap() > at;
        prop_assert!(found.iter().any(|guess| there(&guess)), "{} {} ×{} at {}: {:?}", ty.as_str(), order, scale, at, found);
    }

    #[test]
    fn any_registers_are_searched_within_bounds(words in prop::collection::vec(any::<u16>(), 0..80), value in any::<f64>(), tolerance in any::<f64>()) {
        let shown = Shown { value, tolerance };
        prop_assert!(guess(&registers(65000, &words), shown, None).len() <= GUESSES_MAX);
    }
}
