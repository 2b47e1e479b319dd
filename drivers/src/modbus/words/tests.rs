//! Frames in words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    hex.split(' ').map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn rtu_frames() {
    let cases: &[(Dir, &str, &str)] = &[
        (Dir::Out, "01 04 00 00 00 02 71 CB", "unit 1: read input registers 0 to 1 (0x0000, 2)"),
        (Dir::Out, "01 03 09 E1 00 01 D7 A0", "unit 1: read holding registers 2529 (0x09E1)"),
        (Dir::Out, "01 01 00 00 00 30 3C 1E", "unit 1: read coils 0 to 47 (0x0000, 48)"),
        (Dir::In, "01 03 02 01 04 B8 17", "unit 1: holding registers: 260 (0x0104)"),
        (Dir::In, "01 04 02 FF 33 B8 D5", "unit 1: input registers: 65331/-205 (0xFF33)"),
        (Dir::In, "01 84 02 C2 C1", "unit 1: refuses to read input registers: 2 illegal address"),
        (Dir::In, "01 83 0B 00 F7", "unit 1: refuses to read holding registers: 11 device behind the gateway does not answer"),
        (Dir::In, "01 01 02 0D 01 7C AC", "unit 1: coils: 10110000 10000000 (first bit left)"),
        (Dir::In, "01 04 00 00 00 02 71 CB", "unit 1: read input registers 0 to 1 (0x0000, 2) (a question: an echo?)"),
        (Dir::Out, "01 06 00 0A 00 01 68 08", "unit 1: function 6 (write registers): 00 0A 00 01"),
        (Dir::In, "01 03 02 01 04 B8 17 01 03", "unit 1: holding registers: 260 (0x0104), then 01 03"),
        (Dir::In, "01 03 02 01 04 B8 16", "checksum wrong (is B8 16, should be B8 17): 01 03 02 01 04 B8 16"),
        (Dir::In, "01 03 02", "too short: 01 03 02"),
    ];
    for (dir, hex, expected) in cases {
        assert_eq!(describe(Framing::Rtu, *dir, &bytes(hex)), *expected);
    }
    assert_eq!(describe(Framing::Rtu, Dir::In, &[]), "too short: nothing");
}

#[test]
fn tcp_frames() {
    let cases: &[(Dir, &str, &str)] = &[
        (Dir::Out, "00 09 00 00 00 06 07 03 01 00 00 02", "transaction 9, unit 7: read holding registers 256 to 257 (0x0100, 2)"),
        (Dir::In, "00 09 00 00 00 07 07 03 04 01 04 00 00", "transaction 9, unit 7: holding registers: 260 (0x0104), 0 (0x0000)"),
        (Dir::In, "00 09 00 00 00 03 07 83 06", "transaction 9, unit 7: refuses to read holding registers: 6 busy"),
        (
            Dir::In,
            "00 09 00 00 00 05 07 03 04 01 04",
            "transaction 9, unit 7: holding registers, length wrong: 4 bytes announced, 2 came: 01 04",
        ),
        (Dir::In, "00 09 00 00 00 03 07 83 06 FF", "transaction 9, unit 7: refuses to read holding registers: 6 busy, then FF"),
        (Dir::In, "00 09 00 00 00 07 07 03", "transaction 9, too short: 7 bytes announced, 2 came: 00 09 00 00 00 07 07 03"),
        (Dir::In, "00 09 00 01 00 03 07 83 06", "not Modbus TCP (protocol 1): 00 09 00 01 00 03 07 83 06"),
        (Dir::In, "00 09 00 00", "too short: 00 09 00 00"),
    ];
    for (dir, hex, expected) in cases {
        assert_eq!(describe(Framing::Tcp, *dir, &bytes(hex)), *expected);
    }
}

#[test]
fn ascii_frames() {
    let cases: &[(Dir, &str, &str)] = &[
        (Dir::Out, ":010400000002F9\r\n", "unit 1: read input registers 0 to 1 (0x0000, 2)"),
        (Dir::In, "\0:01040443663333E8\r\n:", "unit 1: input registers: 17254 (0x4366), 13107 (0x3333), then 3A"),
        (Dir::In, ":01040443663333E7\r\n", "checksum wrong (is E7, should be E8): 01 04 04 43 66 33 33 E7"),
        (Dir::In, ":0104", "too short, CR LF has not come: 3A 30 31 30 34"),
        (Dir::In, ":01\r\n", "too short: 3A 30 31 0D 0A"),
        (Dir::In, ":0G\r\n", "not pairs of hexadecimal digits: 3A 30 47 0D 0A"),
        (Dir::In, "hm", "no frame begins: 68 6D"),
    ];
    for (dir, text, expected) in cases {
        assert_eq!(describe(Framing::Ascii, *dir, text.as_bytes()), *expected);
    }
}

#[test]
fn many_values_are_counted_not_listed() {
    let data = [vec![0, 9, 0, 0, 0, 203, 1, 3, 200], vec![0; 200]].concat();
    let said = describe(Framing::Tcp, Dir::In, &data);
    assert!(said.ends_with("0 (0x0000) and 84 more"), "{said}");
    let noise = describe(Framing::Rtu, Dir::In, &[0x55; 300]);
    assert!(noise.ends_with("55 55 and 276 more"), "{noise}");
}

proptest! {
    #[test]
    fn any_bytes_have_one_short_line(bytes in prop::collection::vec(any::<u8>(), 0..600), like_ascii in any::<bool>(), right in any::<bool>(), function in 0u8..=0x90) {
        let mut bytes = bytes;
        if like_ascii {
            bytes = [b":".to_vec(), hex(&bytes).replace(' ', "").into_bytes(), b"\r\n".to_vec()].concat();
        } else if right && bytes.len() > 2 {
            bytes[1] = function;
            let crc = crc16(&bytes).to_le_bytes();
            bytes.extend(crc);
        }
        for framing in [Framing::Tcp, Framing::Rtu, Framing::Ascii] {
            for dir in [Dir::In, Dir::Out] {
                let said = describe(framing, dir, &bytes);
                prop_assert!(!said.is_empty() && !said.contains('\n') && said.len() < 600, "{}", said);
            }
        }
    }
}
