//! Bytes that must never change, and versions.

use super::*;

/// A block as version 1 writes it, without padding and copies. If this test fails the format has changed: raise its
/// version, read the old one.
const GOLDEN: &str = "\
    47574231010c0000e8030000000000001e040000000000002a00000000100000a10000006e8667a1036c50c4a0010000c64052c4a0010000a84452c4\
    a0010000f9ffffffffffffff0300000028000000320000000e0000009bab8c3a050000006e616d6573040781800141200000040f0040201c13080c58\
    30d31e24633fa0bcca430ac60a90001160ea2a066c50c4a0038250a002030254a002038403f8a1999999999999fe030830e0430e1c80000020000200\
    810124040c1860c0871c380040604000040a84e302070485940303a0e00130300006140040201c3f1990c0e58c96e99c9c03bead31001000c08014e7\
    b20706c0807cc08304eec4aa01eae2da360a0e98341f030f47109205b8b8b68d820326cdc7c0037820cda0\
";

fn golden_points() -> Vec<(Seq, Record)> {
    let values = |n: i64| {
        [
            Value::Float(-18.4 + n as f64),
            Value::Float(f64::from(0.1f32)),
            Value::Float(0.1 + 0.2),
            Value::Int(12_345 + n * n),
            Value::Bool(n > 1),
            Value::Text(["化霜", "ok", "ok"][n as usize].into()),
            if n == 1 { Value::Missing(Quality::SensorError) } else { Value::Int(7) },
        ]
    };
    let mut records = Vec::new();
    for n in 0..3 {
        for (metric, value) in (0..).zip(values(n)) {
            for origin in [3, 300] {
                let at = 1000 + n as u64 * 20 + u64::from(origin / 300) * 7 + u64::from(metric);
                let (at_ms, log_ms) = (NOW_MS + n * 60_000 + i64::from(origin) % 7, NOW_MS + n * 60_000 + 1000);
                records.push((at, Record { origin, metric, at_ms, log_ms, flags: if n == 2 { KEEP } else { 0 }, value: value.clone() }));
            }
        }
    }
    records.sort_by_key(|(at, _)| *at);
    records
}

#[test]
fn a_block_has_the_same_bytes_on_every_machine() {
    let records = golden_points();
    let (header, block) = encode(&records);
    let head = head_of(&header, &block);
    let end = head.chunks().last().map_or(0, |chunk| (chunk.offset + chunk.len) as usize);
    let hex: String = block[..end].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN);
    assert!(block[end..header.copy_of_head().start].iter().all(|byte| *byte == 0));
    assert_eq!(block[header.copy_of_head()], block[HEADER_BYTES..][..header.head_len as usize]);
    assert_eq!(block[block.len() - HEADER_BYTES..], block[..HEADER_BYTES]);
    assert_same(&read_all(&mut Loaded::new(&header, &head, &block), 100), &records);
}

#[test]
fn what_a_header_says_comes_back() {
    let mut block = Vec::new();
    let header = Builder::default().encode(
        &Facts {
            first: 1 << 40,
            end: (1 << 40) + 9,
            epoch: 77,
            mark: None,
            next_origin: u32::MAX,
            next_metric: 1,
            names: &[1; 5000],
            thinned: true,
            provisional: true,
        },
        &mut block,
    );
    assert_eq!((header.first, header.end, header.epoch, header.mark), (1 << 40, (1 << 40) + 9, 77, None));
    assert_eq!((header.next_origin, header.thinned, header.provisional), (u32::MAX, true, true));
    assert_eq!(Header::parse(&block), Found::Block(header));
    assert_eq!(head_of(&header, &block).names(), [1; 5000]);
    assert_eq!(header.len, 12_288, "long names are there twice");
}

#[test]
fn a_header_says_what_its_points_are() {
    let records = golden_points();
    let (header, _) = encode(&records);
    assert_eq!((header.first, header.end, header.points, header.keeps), (1000, 1054, 42, 14));
    assert_eq!((header.at_min_ms, header.at_max_ms), (NOW_MS + 3, NOW_MS + 120_006));
    assert_eq!((header.log_ms, header.mark, header.next_metric), (NOW_MS + 121_000, Some(-7), 50));
}

#[test]
fn a_later_version_is_told_from_damage() {
    let (_, mut block) = encode(&golden_points());
    block[4] = 2;
    assert_eq!(Header::parse(&block), Found::Nothing, "a flipped bit is not a later version");
    let crc = crc32c::crc32c(&block[..HEADER_BYTES - 4]);
    block[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(Header::parse(&block), Found::Newer(2));
}

#[test]
fn senseless_headers_are_nothing() {
    let (good, _) = encode(&golden_points());
    let cases: [fn(&mut Header); 7] = [
        |header| header.end = header.first,
        |header| header.end = 1 << 63,
        |header| header.points = 55,
        |header| header.keeps = 43,
        |header| header.len += 1,
        |header| header.len = 0,
        |header| header.head_len = header.len / 2,
    ];
    for change in cases {
        let mut header = good;
        change(&mut header);
        let mut bytes = Vec::new();
        header.put(&mut bytes);
        assert_eq!(Header::parse(&bytes), Found::Nothing, "{header:?}");
    }
}
