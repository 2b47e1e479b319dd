//! Bytes that must never change, and versions.

use super::*;
use crate::store::format::{Format, Found, Kind, SEQ_MAX, Stamp, format_file, parse, parse_format, put_frame};
use crate::store::points::{Decoder, Encoder};
use crate::store::record::Record;
use crate::store::{OpenError, RealDisk};

/// A frame as version 1 wrote it: still read.
const GOLDEN_1: &str = "47574631010101004200000007000000e803000000000000020000000900000030e65a84204ef2d0006c50c4a0010000ffffffffffffffff010080b083c5986800ef021d01f2c0013e02070302ac0206e58c96e99c9c4e0500015c00cdcccc3d1c00343333333333d33f";

/// A frame as version 2 writes it. If this test fails the format has changed: raise its version, read the old one.
const GOLDEN_2: &str = "47574631020101004000000007000000e803000000000000020000000900000053de40789887715b006c50c4a0010000ffffffffffffffff010080b083c5986800ef029df2c001be070302ac0206e58c96e99c9c4e0500015c00cdcccc3d1c00343333333333d33f";

fn golden_points() -> Vec<(u32, u32, i64, Value)> {
    vec![
        (0, 0, NOW_MS, Value::Float(-18.4)),
        (0, 1, NOW_MS, Value::Int(12_345)),
        (0, 2, NOW_MS, Value::Bool(true)),
        (3, 300, NOW_MS + 1, Value::Text("化霜".into())),
        (3, 0, NOW_MS - 2, Value::Missing(Quality::SensorError)),
        (3, 0, NOW_MS - 2, Value::Float(f64::from(0.1f32))),
        (3, 0, NOW_MS - 2, Value::Float(0.1 + 0.2)),
    ]
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_frame_has_the_same_bytes_on_every_machine() {
    let mut encoder = Encoder::default();
    for (origin, metric, at_ms, value) in golden_points() {
        encoder.push(origin, metric, at_ms, 0, &value);
    }
    let stamp = Stamp { epoch: 2, segment: 9, log_ms: NOW_MS, mark: Some(-1), provisional: false };
    let mut bytes = Vec::new();
    put_frame(&mut bytes, Kind::Points, &stamp, 1000, encoder.count, &encoder.body);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN_2);
    for hex in [GOLDEN_1, GOLDEN_2] {
        check_golden(&unhex(hex));
    }
}

fn check_golden(bytes: &[u8]) {
    let Found::Frame(frame) = parse(bytes) else { panic!("unreadable") };
    assert_eq!((frame.first, frame.count, frame.stamp.mark, frame.stamp.segment, frame.len), (1000, 7, Some(-1), 9, bytes.len()));
    let expected: Vec<_> = golden_points()
        .into_iter()
        .map(|(origin, metric, at_ms, value)| Record { origin, metric, flags: 0, at_ms, log_ms: NOW_MS, value })
        .collect();
    assert_eq!(Decoder::new(&frame).collect::<Vec<_>>(), expected);
}

#[test]
fn every_value_comes_back_with_the_same_bits() {
    let mut rng = fastrand::Rng::with_seed(4);
    let mut encoder = Encoder::default();
    let points: Vec<_> = (0..5000).map(|_| (rng.u32(..9), rng.u32(..9), rng.i64(..), random_value(&mut rng))).collect();
    for (origin, metric, at_ms, value) in &points {
        encoder.push(*origin, *metric, *at_ms, (*at_ms & 3) as u8, value);
    }
    let stamp = Stamp { epoch: 0, segment: 0, log_ms: 0, mark: None, provisional: false };
    let mut bytes = Vec::new();
    put_frame(&mut bytes, Kind::Points, &stamp, 0, encoder.count, &encoder.body);
    let Found::Frame(frame) = parse(&bytes) else { panic!("unreadable") };
    let mut decoder = Decoder::new(&frame);
    for (origin, metric, at_ms, value) in points {
        let record = decoder.next().unwrap();
        assert_eq!((record.origin, record.metric, record.at_ms, record.flags), (origin, metric, at_ms, (at_ms & 3) as u8));
        match (record.value, value) {
            (Value::Float(read), Value::Float(written)) => assert_eq!(read.to_bits(), written.to_bits()),
            (read, written) => assert_eq!(read, written),
        }
    }
    assert!(decoder.is_complete());
}

#[test]
fn any_bytes_can_be_parsed_without_a_panic() {
    let mut rng = fastrand::Rng::with_seed(4);
    for _ in 0..20_000 {
        // Checksums that fit, so that the body is looked at.
        let body: Vec<u8> = (0..rng.usize(..80)).map(|_| rng.u8(..)).collect();
        let mut bytes = Vec::new();
        let stamp = Stamp { epoch: rng.u32(..), segment: rng.u32(..), log_ms: rng.i64(..), mark: None, provisional: rng.bool() };
        put_frame(&mut bytes, Kind::Points, &stamp, rng.u64(..=SEQ_MAX), rng.u32(..), &body);
        let Found::Frame(frame) = parse(&bytes) else { panic!("unreadable") };
        drop(Decoder::new(&frame).collect::<Vec<_>>());
        let mut names = crate::store::names::Dictionary::new(Vec::new());
        names.learn(frame.body, &mut crate::store::names::NameSet::default());
        bytes.truncate(rng.usize(..bytes.len()));
        assert!(!matches!(parse(&bytes), Found::Frame(_)));
    }
}

#[test]
fn a_later_version_is_refused_and_nothing_is_touched() {
    let disk = SimDisk::new(1);
    drop(open(&disk, ROOMY));
    let mut bytes = format_file(SMALL, NOW_MS);
    assert_eq!(parse_format(&bytes), Format::Known(SMALL, 2));
    bytes[8] = 3;
    let crc = crc32c::crc32c(&bytes[..32]);
    bytes[32..36].copy_from_slice(&crc.to_le_bytes());
    disk.put(&dir().join("FORMAT"), bytes);
    let before: Vec<_> = disk.files().iter().map(|path| disk.bytes(path)).collect();
    let opened = super::super::open::open_log(options(ROOMY), Clock::manual(NOW_MS), disk.clone(), SMALL);
    let Err(error) = opened else { panic!("opened") };
    assert!(matches!(error, OpenError::Newer { found: 3, known: 2, .. }), "{error}");
    assert!(error.to_string().contains("untouched"));
    assert_eq!(before, disk.files().iter().map(|path| disk.bytes(path)).collect::<Vec<_>>());
}

#[test]
fn a_place_that_cannot_hold_a_store_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for (path, word) in [(file.clone(), "not a folder"), (temp.path().join("a/b"), "does not exist"), (file.join("x"), "not a folder")] {
        let mut options = options(ROOMY);
        options.dir = path.clone();
        let Err(error) = super::super::open::open_log(options, Clock::manual(NOW_MS), RealDisk, SMALL) else { panic!("opened") };
        assert!(error.to_string().contains(word) && error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_second_opener_is_told_who_has_it() {
    let temp = tempfile::tempdir().unwrap();
    let mut options = options(ROOMY);
    options.dir = temp.path().join("readings");
    let held = super::super::open::open_log(options.clone(), Clock::manual(NOW_MS), RealDisk, SMALL).unwrap();
    let second = super::super::open::open_log(options.clone(), Clock::manual(NOW_MS), RealDisk, SMALL);
    assert!(matches!(second, Err(OpenError::InUse { pid: Some(pid), .. }) if pid == std::process::id()));
    drop(held);
    assert!(super::super::open::open_log(options, Clock::manual(NOW_MS), RealDisk, SMALL).is_ok());
}
