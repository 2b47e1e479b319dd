//! Blocks of every kind.

use super::*;
use std::sync::Arc;

/// Rows of random devices, with all that may vary.
fn random_records(rng: &mut fastrand::Rng, rows: usize) -> Vec<(Seq, Record)> {
    let (origins, metrics) = (rng.u32(1..40), rng.u32(1..12));
    let is_wild = rng.bool();
    let mut at = rng.u64(..1000);
    let mut at_ms = [0, NOW_MS, 4_291_747_200_000, i64::MAX, i64::MIN, -1][rng.usize(..6)];
    let mut log_ms = NOW_MS;
    let mut records = Vec::new();
    for _ in 0..rows {
        at += if rng.u8(..10) == 0 { rng.u64(..50) } else { 0 };
        at_ms = i64::wrapping_add(at_ms, rng.i64(-100..1000));
        log_ms += if rng.u8(..3) == 0 { rng.i64(0..5000) } else { 0 };
        let (origin, flags) = (rng.u32(..origins), [0, 0, 0, KEEP, PROVISIONAL, 255][rng.usize(..6)]);
        let begin = rng.u32(..metrics);
        for metric in begin..begin + rng.u32(1..6) {
            let value = match metric % 5 {
                _ if is_wild => random_value(rng),
                0 => Value::Float(f64::from(rng.i32(-400..400)) / 10.0),
                1 => Value::Int(at as i64 * 3),
                2 => Value::Bool(rng.u8(..20) == 0),
                3 => Value::Text(["open", "closed"][rng.usize(..2)].into()),
                _ => Value::Missing(Quality::Stale),
            };
            records.push((at, Record { origin, metric: metric % metrics, at_ms, log_ms, flags, value }));
            at += 1;
        }
    }
    records
}

#[test]
fn random_blocks_come_back_bit_for_bit_in_order() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut builder = Builder::default();
    for round in 0..300 {
        let rows = rng.usize(1..if round % 10 == 0 { 3000 } else { 60 });
        let records = random_records(&mut rng, rows);
        let (header, block) = encode_with(&mut builder, &records);
        assert_eq!(encode(&records), (header, block.clone()), "a builder that was used before does the same");
        assert_eq!(Header::parse(&block), Found::Block(header));
        assert_eq!(Header::parse(&block[block.len() - HEADER_BYTES..]), Found::Block(header));
        let head = head_of(&header, &block);
        assert_eq!(head.names(), b"names");
        assert_eq!(Head::parse(&header, &block[header.copy_of_head()]).unwrap().chunks(), head.chunks());
        let mut loaded = Loaded::new(&header, &head, &block);
        assert_eq!((loaded.damaged().len(), loaded.lost()), (0, 0));
        assert_same(&read_all(&mut loaded, rng.usize(1..500)), &records);
    }
}

#[test]
fn a_series_is_what_reading_everything_gives() {
    let mut rng = fastrand::Rng::with_seed(2);
    for round in 0..40 {
        let records = random_records(&mut rng, if round == 0 { 20_000 } else { 200 });
        let (header, block) = encode(&records);
        let head = head_of(&header, &block);
        for chunk in head.chunks() {
            let (at, found) = head.chunk_of(chunk.origin).unwrap();
            assert_eq!(found, chunk);
            let bytes = &block[chunk.offset as usize..][..chunk.len as usize];
            let mut points = 0;
            for metric in 0..13 {
                let of_series = records.iter().filter(|(_, record)| record.origin == chunk.origin && record.metric == metric);
                let mut expected = of_series.map(|(_, record)| (record.at_ms, record.flags, format!("{:?}", record.value)));
                series(&head, at, bytes, metric, |at_ms, flags, value| {
                    assert_eq!(Some((at_ms, flags, format!("{value:?}"))), expected.next());
                    points += 1;
                })
                .unwrap();
                assert_eq!(expected.next(), None);
            }
            assert_eq!(points, chunk.points);
        }
        assert!(head.chunk_of(99).is_none());
    }
}

#[test]
fn any_position_can_be_read_from() {
    let mut rng = fastrand::Rng::with_seed(3);
    let records = random_records(&mut rng, 300);
    let (header, block) = encode(&records);
    let mut loaded = Loaded::new(&header, &head_of(&header, &block), &block);
    for _ in 0..3000 {
        let (from, max) = (rng.u64(header.first.saturating_sub(5)..header.end + 5), rng.usize(1..30));
        let begin = records.partition_point(|(at, _)| *at < from);
        let run = records[begin..].iter().zip(from..).take(max).take_while(|((at, _), expected)| at == expected);
        let expected: Vec<_> = run.map(|(record, _)| record.clone()).collect();
        let mut read = Vec::new();
        let next = loaded.read(from, max, &mut read);
        assert_same(&(from..).zip(read).collect::<Vec<_>>(), &expected);
        let after_hole = records.get(begin).map_or(header.end.max(from), |(at, _)| *at);
        assert_eq!(next, if expected.is_empty() { after_hole } else { from + expected.len() as u64 });
    }
}

/// Columns that look like nothing else.
fn special_columns() -> Vec<(&'static str, Vec<Value>)> {
    let floats = |values: Vec<f64>| values.into_iter().map(Value::Float).collect();
    let ints = |values: Vec<i64>| values.into_iter().map(Value::Int).collect();
    let mut rng = fastrand::Rng::with_seed(4);
    vec![
        ("short decimals", floats((0..400).map(|n| f64::from(n) / 10.0 - 18.0).collect())),
        ("six decimals", floats((0..400).map(|n| 24.5 + f64::from(n) / 1e6).collect())),
        ("decimals as 32-bit floats", floats((0..400).map(|n| f64::from(n as f32 / 100.0)).collect())),
        ("noise as 32-bit floats", floats((0..400).map(|_| f64::from(rng.f32() * 5.0 - 2.5)).collect())),
        ("noise", floats((0..400).map(|_| rng.f64()).collect())),
        ("decimals, now and then something else", floats((0..400).map(|n| if n % 40 == 7 { 0.1 + 0.2 } else { f64::from(n) }).collect())),
        (
            "no numbers",
            floats(vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::from_bits(0x7ff0_0000_0000_0001)]),
        ),
        ("extremes", floats(vec![f64::MAX, f64::MIN, 5e-324, -5e-324, 4_503_599_627_370_495.5, 9_007_199_254_740_993.0])),
        ("far integers", ints(vec![i64::MIN, i64::MAX, i64::MIN, 0, -1, 1, i64::MAX - 1])),
        ("a counter that starts again", ints((0..700).map(|n| n % 350 * 7).collect())),
        ("a rare change", (0..1000).map(|n| Value::Bool((200..203).contains(&n) || n > 900)).collect()),
        (
            "texts, some of them once",
            (0..300).map(|n| Value::Text(if n % 3 == 0 { format!("{n}").into() } else { Arc::from("ok") })).collect(),
        ),
        ("long and empty texts", ["", "x", ""].map(|text| Value::Text(text.repeat(4096).into())).to_vec()),
        (
            "a sensor that fails",
            (0..300).map(|n| if n / 100 == 1 { Value::Missing(Quality::SensorError) } else { Value::Float(7.5) }).collect(),
        ),
        ("a change of type", (0..90).map(|n| if n < 30 { Value::Int(n) } else { Value::Float(n as f64 / 2.0) }).collect()),
    ]
}

#[test]
fn every_column_comes_back_alone_and_among_others() {
    let record = |origin, metric, n: usize, value: &Value| Record {
        origin,
        metric,
        at_ms: NOW_MS + n as i64 * 1000,
        log_ms: NOW_MS,
        flags: 0,
        value: value.clone(),
    };
    let mut all = Vec::new();
    for (metric, (name, values)) in (0..).zip(special_columns()) {
        let records: Vec<_> = values.iter().enumerate().map(|(n, value)| record(1, metric, n, value)).collect();
        all.extend(records.iter().cloned().map(|record| Record { origin: metric % 3, ..record }));
        let records = numbered(records);
        let (header, block) = encode(&records);
        let mut loaded = Loaded::new(&header, &head_of(&header, &block), &block);
        assert_eq!(loaded.lost(), 0, "{name}");
        assert_same(&read_all(&mut loaded, 1000), &records);
    }
    let all = numbered(all);
    let (header, block) = encode(&all);
    assert_same(&read_all(&mut Loaded::new(&header, &head_of(&header, &block), &block), 1000), &all);
}

#[test]
fn strange_rows_come_back_in_order() {
    let record = |origin, metric, value| Record { origin, metric, at_ms: NOW_MS, log_ms: NOW_MS, flags: 0, value: Value::Int(value) };
    let cases: [(&str, Vec<Record>); 5] = [
        ("one point", vec![record(0, 0, 0)]),
        ("the same metric again and again", (0..500).map(|n| record(7, 3, n)).collect()),
        ("a metric twice in one message", (0..500).map(|n| record(7, [1, 2, 1, 3][n as usize % 4], n)).collect()),
        ("five thousand origins", (0..20_000).map(|n| record((n * 7919 % 5000) as u32, 0, n)).collect()),
        ("two thousand metrics", (0..20_000).map(|n| record(3, (n % 2000) as u32, n)).collect()),
    ];
    for (name, records) in cases {
        let records = numbered(records);
        let (header, block) = encode(&records);
        let mut loaded = Loaded::new(&header, &head_of(&header, &block), &block);
        assert_eq!(loaded.lost(), 0, "{name}");
        assert_same(&read_all(&mut loaded, 777), &records);
    }
}

#[test]
fn holes_in_the_span_stay_holes() {
    let rng = &mut fastrand::Rng::with_seed(5);
    let kept: Vec<_> = numbered(workload::points(20, 10_000, 100)).into_iter().filter(|(at, _)| at % 50 == 7 || rng.u8(..9) == 0).collect();
    let mut builder = Builder::default();
    kept.iter().for_each(|(at, record)| builder.push(*at, record));
    let mut block = Vec::new();
    let facts = Facts { first: 0, end: 10_000, thinned: true, ..facts(&kept) };
    let header = builder.encode(&facts, &mut block);
    assert_eq!((header.first, header.end, header.points, header.thinned), (0, 10_000, kept.len() as u32, true));
    assert_same(&read_all(&mut Loaded::new(&header, &head_of(&header, &block), &block), 100), &kept);
}

#[test]
fn a_block_without_points_is_a_block() {
    let mut block = Vec::new();
    let header = Builder::default().encode(&Facts { first: 5, end: 9, thinned: true, ..facts(&[]) }, &mut block);
    assert_eq!(Header::parse(&block), Found::Block(header));
    let head = head_of(&header, &block);
    assert!(head.chunks().is_empty());
    assert!(read_all(&mut Loaded::new(&header, &head, &block), 10).is_empty());
}
