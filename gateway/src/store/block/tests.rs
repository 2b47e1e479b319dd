//! What goes into a block comes back, bit for bit, and damage costs what it must and no more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod format;
mod ints;
mod round_trip;
mod size;
mod workload;

use super::super::record::{KEEP, PROVISIONAL, Record, Seq};
use super::{Builder, Facts, Found, HEADER_BYTES, Head, Header, Loaded, series};
use facility_drivers::{Quality, Value};

const NOW_MS: i64 = 1_790_000_000_000;

fn facts(records: &[(Seq, Record)]) -> Facts<'static> {
    let (first, end) = (records.first().map_or(0, |(at, _)| *at), records.last().map_or(1, |(at, _)| at + 1));
    Facts { first, end, epoch: 3, mark: Some(-7), next_origin: 40, next_metric: 50, names: b"names", thinned: false, provisional: false }
}

fn encode_with(builder: &mut Builder, records: &[(Seq, Record)]) -> (Header, Vec<u8>) {
    records.iter().for_each(|(at, record)| builder.push(*at, record));
    let mut out = Vec::new();
    let header = builder.encode(&facts(records), &mut out);
    assert!(builder.is_empty());
    assert_eq!(out.len(), header.len as usize);
    (header, out)
}

fn encode(records: &[(Seq, Record)]) -> (Header, Vec<u8>) {
    encode_with(&mut Builder::default(), records)
}

fn head_of(header: &Header, block: &[u8]) -> Head {
    Head::parse(header, &block[HEADER_BYTES..][..header.head_len as usize]).expect("a head")
}

/// Everything that can be read, and that positions with nothing are passed.
fn read_all(loaded: &mut Loaded, max: usize) -> Vec<(Seq, Record)> {
    let (mut all, mut at) = (Vec::new(), loaded.header().first);
    while at < loaded.header().end {
        let mut records = Vec::new();
        let next = loaded.read(at, max, &mut records);
        assert!(next > at && records.len() <= max);
        assert!(records.is_empty() || next == at + records.len() as u64, "positions of a read are consecutive");
        all.extend((at..).zip(records));
        at = next;
    }
    all
}

/// Equal, floats by their bits.
fn assert_same(read: &[(Seq, Record)], written: &[(Seq, Record)]) {
    assert_eq!(read.len(), written.len());
    for (read, written) in read.iter().zip(written) {
        if let (Value::Float(a), Value::Float(b)) = (&read.1.value, &written.1.value) {
            assert_eq!(a.to_bits(), b.to_bits());
            let value = Value::Int(0);
            assert_eq!((read.0, Record { value: value.clone(), ..read.1.clone() }), (written.0, Record { value, ..written.1.clone() }));
        } else {
            assert_eq!(read, written);
        }
    }
}

/// Consecutive positions from 0.
fn numbered(records: Vec<Record>) -> Vec<(Seq, Record)> {
    (0..).zip(records).collect()
}

fn random_float(rng: &mut fastrand::Rng) -> f64 {
    match rng.u8(..8) {
        0 => f64::from(rng.i32(-400..400)) / 10.0,
        1 => f64::from(rng.f32()),
        2 => f64::from(rng.i16(..) as f32 / 10.0),
        3 => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MAX, f64::MIN_POSITIVE, 5e-324][rng.usize(..8)],
        4 => f64::from_bits(rng.u64(..)),
        5 => f64::from(f32::from_bits(rng.u32(..))),
        6 => f64::from(rng.i32(-999_999_999..999_999_999)) / 1e6,
        _ => [1e15, 0.1 + 0.2, 4_503_599_627_370_496.0, -4_503_599_627_370_495.5, 1e300][rng.usize(..5)],
    }
}

fn random_value(rng: &mut fastrand::Rng) -> Value {
    match rng.u8(..6) {
        0 => Value::Float(random_float(rng)),
        1 => Value::Int([i64::MIN, i64::MAX, 0, -1, 12_345][rng.usize(..5)]),
        2 => Value::Int(rng.i64(..)),
        3 => Value::Bool(rng.bool()),
        4 => Value::Text(["", "in_service", "化霜中", &"x".repeat(4096)][rng.usize(..4)].into()),
        _ => Value::Missing([Quality::SensorError, Quality::CommError, Quality::Stale][rng.usize(..3)]),
    }
}
