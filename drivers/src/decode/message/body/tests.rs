//! Packed bodies: real ones, damaged ones, and ones that would be gigabytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{PAYLOAD_BYTES_MAX, unpack};
use crate::fault::Fault;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::{ProptestConfig, any, proptest};
use std::io::Write as _;

const PLAIN: &[u8] = br#"{"v":1,"temps":{"air":-19.4,"setpoint":-20.0},"again":{"air":-19.4,"setpoint":-20.0}}"#;
/// `gzip` of `{"v":1}`.
const GZIPPED: &str = "1f8b0800000000000203ab562a53b232ac05003de7db8407000000";
/// `zstd -19` of [`PLAIN`], with a checksum.
const ZSTD: &str = "28b52ffd0468c5010052c30b11b0eb6823d385e542949473862481ce58a851f1a27d46110401fa56bc581ff72cc10ca06fbc877ac7d2e9e7d0bfc30100a4700505198a88c1";

pub(in super::super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(2).map(|two| u8::from_str_radix(&two.iter().collect::<String>(), 16).unwrap()).collect()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// A frame with an 8 MiB window, made of the blocks given.
fn zstd_frame(blocks: &[u8]) -> Vec<u8> {
    [&bytes("28b52ffd 00 68"), blocks].concat()
}

/// A block of 128 KiB of one letter, in four bytes.
fn run(is_last: bool) -> Vec<u8> {
    let header = (128_u32 << 10) << 3 | 1 << 1 | u32::from(is_last);
    [&header.to_le_bytes()[..3], b"a"].concat()
}

#[test]
fn bodies_are_unpacked() {
    let big = vec![b' '; PAYLOAD_BYTES_MAX];
    let cases: [(&str, Vec<u8>, Option<&str>, &[u8]); 9] = [
        ("not packed", PLAIN.to_vec(), None, PLAIN),
        ("empty", Vec::new(), None, b""),
        ("real gzip", bytes(GZIPPED), Some("gzip"), br#"{"v":1}"#),
        ("gzip in two members", [bytes(GZIPPED), gzip(PLAIN)].concat(), Some("gzip"), &[br#"{"v":1}"#, PLAIN].concat()),
        ("the most that may come out of gzip", gzip(&big), Some("gzip"), &big),
        ("real zstd", bytes(ZSTD), Some("zstd"), PLAIN),
        ("zstd in two frames", [bytes(ZSTD), bytes(ZSTD)].concat(), Some("zstd"), &[PLAIN, PLAIN].concat()),
        ("the most that may come out of zstd", zstd_frame(&[run(false), run(true)].concat()), Some("zstd"), &vec![b'a'; PAYLOAD_BYTES_MAX]),
        ("packed twice", gzip(&bytes(GZIPPED)), Some("gzip"), &bytes(GZIPPED)),
    ];
    for (name, packed, by, plain) in cases {
        let (body, how) = unpack(&packed).unwrap();
        assert_eq!(how, by, "{name}");
        assert!(body == plain, "{name}");
    }
}

#[test]
fn damaged_and_endless_bodies_are_refused() {
    let mut flipped = bytes(GZIPPED);
    flipped[12] ^= 0x10;
    let zeros = gzip(&vec![0; 64 << 20]);
    let cases: [(&str, Vec<u8>, Fault); 13] = [
        ("too big as it is", vec![b' '; PAYLOAD_BYTES_MAX + 1], Fault::Oversize),
        ("gzip of 64 MiB", zeros, Fault::Oversize),
        ("gzip of one byte too many", gzip(&vec![0; PAYLOAD_BYTES_MAX + 1]), Fault::Oversize),
        ("gzip of too much, in members", gzip(&vec![0; PAYLOAD_BYTES_MAX - 1]).repeat(2), Fault::Oversize),
        ("gzip, a bit wrong", flipped, Fault::Undecodable),
        ("gzip, cut", bytes(GZIPPED)[..20].to_vec(), Fault::Undecodable),
        ("gzip, and something else", [bytes(GZIPPED), b"{}".to_vec()].concat(), Fault::Undecodable),
        ("only the first bytes of gzip", bytes("1f8b"), Fault::Undecodable),
        ("zstd, cut", bytes(ZSTD)[..40].to_vec(), Fault::Undecodable),
        ("zstd, and something else", [bytes(ZSTD), b"{}".to_vec()].concat(), Fault::Undecodable),
        ("zstd of gigabytes in runs", zstd_frame(&run(false).repeat(60_000)), Fault::Oversize),
        ("zstd of too much, in frames", zstd_frame(&run(true)).repeat(3), Fault::Oversize),
        ("zstd with a window of 3 TiB", [bytes("28b52ffd 00 ff"), run(true)].concat(), Fault::Undecodable),
    ];
    for (name, packed, fault) in cases {
        assert_eq!(unpack(&packed).map(drop), Err(fault), "{name}");
    }
}

/// A hundred copies of one letter, each a match of 128 KiB: 13 MiB out of one block of two hundred bytes. A block may not
/// hold so much, and decoders that look only at the end have used the memory by then.
#[test]
fn a_block_that_holds_more_than_a_block_may_is_refused() {
    let literals = bytes("4506 61");
    // 100 sequences; one code each for literals (1), offset (as before) and match (65 539 and 16 more bits).
    let sequences = [bytes("64 54 01 00 34"), vec![0xff; 200], bytes("01")].concat();
    let block = [literals, sequences].concat();
    let header = (block.len() as u32) << 3 | 2 << 1 | 1;
    let frame = zstd_frame(&[&header.to_le_bytes()[..3], &block].concat());
    assert_eq!(unpack(&frame).map(drop), Err(Fault::Undecodable));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_behind_any_beginning(start in 0..3_usize, rest in proptest::collection::vec(any::<u8>(), 0..300)) {
        let start = [bytes("1f8b08"), bytes("28b52ffd"), bytes(ZSTD)[..9].to_vec()][start].clone();
        if let Ok((body, _)) = unpack(&[start, rest].concat()) {
            assert!(body.len() <= PAYLOAD_BYTES_MAX);
        }
    }

    #[test]
    fn real_bodies_with_a_byte_changed(at in 0..70_usize, byte in any::<u8>()) {
        for packed in [bytes(ZSTD), bytes(GZIPPED)] {
            let mut packed = packed;
            let at = at % packed.len();
            packed[at] = byte;
            if let Ok((body, _)) = unpack(&packed) {
                assert!(body.len() <= PAYLOAD_BYTES_MAX);
            }
        }
    }
}
