//! Streams of integers.

use super::super::bits::{BitReader, BitWriter};
use super::super::{alone, ints};
use proptest::prelude::*;

/// Runs, walks, jumps: what values of sensors look like, and what they do not.
fn values() -> impl Strategy<Value = Vec<i64>> {
    let piece = prop_oneof![
        (any::<i64>(), 1..300_usize).prop_map(|(value, len)| vec![value; len]),
        (any::<i64>(), -70_000..70_000_i64, 1..100_i64)
            .prop_map(|(from, step, len)| (0..len).map(|n| from.wrapping_add(step.wrapping_mul(n))).collect()),
        prop::collection::vec(any::<i64>(), 1..30),
        prop::collection::vec(-9..9_i64, 1..300),
        prop::collection::vec(prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0), Just(-1)], 1..9),
        prop::collection::vec((-5..5_i64).prop_map(|n| n * 1000), 1..50),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn every_stream_comes_back(streams in prop::collection::vec(values(), 1..4)) {
        let mut bytes = Vec::new();
        let mut bits = BitWriter::new(&mut bytes);
        streams.iter().for_each(|values| alone::put(&mut bits, values));
        let len = bits.bit_len();
        bits.finish();
        let mut bits = BitReader::new(&bytes, 0);
        for values in &streams {
            let read = alone::take(&mut bits, values.len());
            prop_assert_eq!(read.as_ref(), Some(values));
        }
        prop_assert_eq!(bits.at(), len);
    }

    #[test]
    fn any_bytes_are_a_stream_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0..1000_usize) {
        let mut bits = BitReader::new(&bytes, 0);
        if let Some(values) = alone::take(&mut bits, count) {
            prop_assert_eq!(values.len(), count);
            prop_assert!(bits.at() <= bytes.len() * 8);
        }
    }

    #[test]
    fn bits_of_any_width_come_back(numbers in prop::collection::vec((any::<u64>(), 0..=64_u32), 0..200)) {
        let cut = |value: u64, len: u32| if len == 64 { value } else { value & ((1 << len) - 1) };
        let mut bytes = Vec::new();
        let mut bits = BitWriter::new(&mut bytes);
        numbers.iter().for_each(|(value, len)| bits.put(cut(*value, *len), *len));
        bits.finish();
        let mut bits = BitReader::new(&bytes, 0);
        for (value, len) in numbers {
            prop_assert_eq!(bits.take(len), cut(value, len));
        }
        prop_assert!(bits.left() < 8);
    }
}

#[test]
fn intervals_are_round() {
    let cases =
        [(60_003, 60_000), (59_980, 60_000), (299_800, 300_000), (10, 10), (17, 17), (-60_001, -60_000), (0, 0), (123_456, 123_500)];
    for (slope, rounded) in cases {
        assert_eq!(ints::rounded(slope), rounded);
    }
    for slope in [i64::MIN, i64::MAX] {
        assert!(ints::rounded(slope).abs_diff(slope) <= slope.unsigned_abs() / 1000);
    }
}

#[test]
fn plain_lists_take_next_to_nothing() {
    let cases: [(&str, Vec<i64>, usize); 4] = [
        ("all zero", vec![0; 65_536], 3),
        ("counting", (0..65_536).collect(), 4),
        ("one exception", (0..6000).map(|n| i64::from(n == 777)).collect(), 12),
        ("whole tenths of seconds", (0..1000).map(|n| 1_790_000_000_000 + n * 3000 + n % 3 * 100).collect(), 300),
    ];
    for (name, values, bytes_max) in cases {
        let mut bytes = Vec::new();
        let mut bits = BitWriter::new(&mut bytes);
        alone::put(&mut bits, &values);
        bits.finish();
        assert!(bytes.len() <= bytes_max, "{name}: {}", bytes.len());
    }
}
