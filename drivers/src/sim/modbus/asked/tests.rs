//! Questions are found among junk, in every framing, and nothing else is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use proptest::prelude::*;

const LOCK: [u8; 5] = [0x80, 0x01, 0x00, 0x33, 0xB2];

fn rtu(body: &[u8]) -> Vec<u8> {
    [body, &crc16(body).to_le_bytes()].concat()
}

fn lock(heard: &[u8]) -> Option<(u8, usize)> {
    heard.starts_with(&LOCK).then_some((1, LOCK.len()))
}

/// All questions in what was heard: unit and the rest. What is left over is not said.
fn questions(framing: Framing, mut heard: Vec<u8>) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while let Heard::Asked(asked) = take(framing, &mut heard, lock) {
        found.push((asked.unit, asked.pdu));
    }
    assert!(heard.len() <= WIRE_BYTES_MAX);
    found
}

#[test]
fn questions_are_found() {
    let read = rtu(&[1, 4, 0, 0, 0, 2]);
    assert_eq!(read[6..], [0x71, 0xCB], "the golden question of an SDM");
    let of_read = (1, vec![4, 0, 0, 0, 2]);
    let tcp = [0, 9, 0, 0, 0, 6, 1, 4, 0, 0, 0, 2];
    let cases: Vec<(&str, Framing, Vec<u8>, Vec<(u8, Vec<u8>)>)> = vec![
        ("read", Framing::Rtu, read.clone(), vec![of_read.clone()]),
        ("two", Framing::Rtu, [read.clone(), read.clone()].concat(), vec![of_read.clone(), of_read.clone()]),
        ("after junk", Framing::Rtu, [vec![1; 300], read.clone()].concat(), vec![of_read.clone()]),
        ("after half a question", Framing::Rtu, [&read[..5], &read].concat(), vec![of_read.clone()]),
        ("wrong checksum", Framing::Rtu, [&read[..7], &[0]].concat(), vec![]),
        ("unfinished", Framing::Rtu, read[..7].to_vec(), vec![]),
        ("a long write", Framing::Rtu, rtu(&[1, 16, 0, 1, 0, 2, 4, 1, 2, 3, 4]), vec![(1, vec![16, 0, 1, 0, 2, 4, 1, 2, 3, 4])]),
        ("a short function", Framing::Rtu, rtu(&[1, 17]), vec![(1, vec![17])]),
        ("an answer", Framing::Rtu, rtu(&[1, 0x84, 2]), vec![]),
        ("a lock board between", Framing::Rtu, [&read[..], &LOCK, &read].concat(), vec![of_read.clone(), (1, vec![]), of_read.clone()]),
        ("ascii", Framing::Ascii, b":010400000002F9\r\n".to_vec(), vec![of_read.clone()]),
        ("ascii, lower case", Framing::Ascii, b":010400000002f9\r\n".to_vec(), vec![of_read.clone()]),
        ("ascii after half a question", Framing::Ascii, b"\xFF:0104:010400000002F9\r\n".to_vec(), vec![of_read.clone()]),
        ("ascii, wrong checksum", Framing::Ascii, b":010400000002F8\r\n".to_vec(), vec![]),
        ("ascii, odd digits", Framing::Ascii, b":010400000002F\r\n".to_vec(), vec![]),
        ("ascii, no digit", Framing::Ascii, b":01040000000GF9\r\n".to_vec(), vec![]),
        ("ascii, a multi-byte character", Framing::Ascii, ":0104\u{e9}\u{e9}02F9\r\n".into(), vec![]),
        ("ascii, nothing", Framing::Ascii, b":\r\n".to_vec(), vec![]),
        ("tcp", Framing::Tcp, tcp.to_vec(), vec![of_read.clone()]),
        ("tcp, two", Framing::Tcp, [tcp, tcp].concat(), vec![of_read.clone(), of_read]),
        ("tcp, unfinished", Framing::Tcp, tcp[..11].to_vec(), vec![]),
    ];
    for (name, framing, heard, expected) in cases {
        assert_eq!(questions(framing, heard), expected, "{name}");
    }
    for lost in [[0, 9, 0, 1, 0, 6, 1], [0, 9, 0, 0, 0, 1, 1], [0, 9, 0, 0, 1, 0, 1]] {
        assert_eq!(take(Framing::Tcp, &mut lost.to_vec(), lock), Heard::Lost, "{lost:?}");
    }
}

#[test]
fn answers_are_framed() {
    let body = [4, 4, 0x43, 0x66, 0x33, 0x33];
    let cases: Vec<(Framing, Vec<u8>, Vec<u8>)> = vec![
        (Framing::Rtu, rtu(&[1, 4, 0, 0, 0, 2]), rtu(&[1, 4, 4, 0x43, 0x66, 0x33, 0x33])),
        (Framing::Ascii, b":010400000002F9\r\n".to_vec(), b":01040443663333E8\r\n".to_vec()),
        (Framing::Tcp, vec![7, 9, 0, 0, 0, 6, 1, 4, 0, 0, 0, 2], vec![7, 9, 0, 0, 0, 7, 1, 4, 4, 0x43, 0x66, 0x33, 0x33]),
        (Framing::Rtu, LOCK.to_vec(), body.to_vec()),
    ];
    for (framing, question, answer) in cases {
        let Heard::Asked(asked) = take(framing, &mut question.clone(), lock) else { panic!("{question:?} is a question") };
        assert_eq!(asked.framed(asked.unit, &body), answer, "{framing:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_leave_little_behind(heard in prop::collection::vec(any::<u8>(), 0..2_000)) {
        for framing in [Framing::Rtu, Framing::Ascii, Framing::Tcp] {
            let mut heard = heard.clone();
            while let Heard::Asked(_) = take(framing, &mut heard, lock) {}
            prop_assert!(framing == Framing::Tcp || heard.len() <= WIRE_BYTES_MAX);
        }
    }
}
