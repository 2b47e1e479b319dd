//! Frames come out whole, whatever pieces the bytes come in and whatever lies between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::modbus::crc16;
use proptest::prelude::*;

fn rtu(body: &[u8]) -> Vec<u8> {
    [body, &crc16(body).to_le_bytes()].concat()
}

fn exchange() -> Vec<(Dir, Vec<u8>)> {
    vec![
        (Dir::Out, rtu(&[1, 3, 0x09, 0xE3, 0, 1])),
        (Dir::In, rtu(&[1, 3, 2, 0xFF, 0x47])),
        (Dir::Out, rtu(&[2, 4, 0, 0, 0, 2])),
        (Dir::In, rtu(&[2, 0x84, 2])),
        (Dir::Out, rtu(&[3, 3, 0, 0, 0, 125])),
        (Dir::In, rtu(&[&[3, 3, 250][..], &[7; 250]].concat())),
        (Dir::Out, rtu(&[4, 6, 0, 1, 0, 5])),
        (Dir::In, rtu(&[4, 6, 0, 1, 0, 5])),
        (Dir::Out, rtu(&[5, 16, 0, 1, 0, 1, 2, 0, 9])),
        (Dir::In, rtu(&[5, 16, 0, 1, 0, 1])),
        // Nobody answers.
        (Dir::Out, rtu(&[9, 1, 0, 0, 0, 8])),
        (Dir::Out, rtu(&[9, 1, 0, 0, 0, 8])),
        (Dir::In, rtu(&[9, 1, 1, 0x55])),
    ]
}

proptest! {
    #[test]
    fn frames_come_out_whole(cuts in prop::collection::vec(1usize..40, 1..60)) {
        let expected = exchange();
        let bytes: Vec<u8> = expected.iter().flat_map(|(_, frame)| frame.clone()).collect();
        let (mut splitter, mut found, mut rest) = (Splitter::default(), Vec::new(), bytes.as_slice());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, left) = rest.split_at((*cut).min(rest.len()));
            found.extend(splitter.feed(piece));
            rest = left;
        }
        found.extend(splitter.flush());
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_byte_is_lost_or_made_up(bytes in prop::collection::vec(any::<u8>(), 0..1500), cut in 1usize..300) {
        let mut splitter = Splitter::default();
        let mut found = Vec::new();
        for piece in bytes.chunks(cut) {
            found.extend(splitter.feed(piece));
        }
        found.extend(splitter.flush());
        let joined: Vec<u8> = found.iter().flat_map(|(_, frame)| frame.clone()).collect();
        prop_assert_eq!(joined, bytes);
        prop_assert!(found.iter().all(|(_, frame)| frame.len() <= FRAME_BYTES_MAX + 5));
    }
}

#[test]
fn junk_between_frames_is_a_piece_of_its_own() {
    let (question, answer) = (rtu(&[1, 3, 0, 0, 0, 1]), rtu(&[1, 3, 2, 0, 7]));
    let mut splitter = Splitter::default();
    let mut found = splitter.feed(&[&[0xFF, 0x00][..], &question].concat());
    found.extend(splitter.flush());
    found.extend(splitter.feed(&answer));
    assert_eq!(found, [(Dir::In, vec![0xFF, 0]), (Dir::Out, question), (Dir::In, answer)]);
}
