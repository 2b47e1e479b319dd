//! Frames of lock boards: those of DOMAIN §2.9, and random ones inside junk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use facility_config::{Part, Point};
use proptest::prelude::*;
use std::time::Duration;

fn bytes(bytes: &[u8]) -> Field {
    Field::Bytes(bytes.to_vec())
}

fn door(channel: u16, polarity: Polarity) -> FramePoint {
    let point = if channel == 0 { Point::LockerDoorOpen } else { Point::CabinetDoor };
    FramePoint { point, part: Part::WHOLE, channel, polarity }
}

fn map(channels: u16, ask: Vec<Field>, answer: Vec<Field>, packing: Packing) -> FrameMap {
    FrameMap {
        timeout: Duration::from_millis(300),
        turnaround: Duration::from_millis(10),
        serial: None,
        units: 0..=32,
        channels,
        ask: Template(ask),
        answer: Template(answer),
        packing,
        golden: Vec::new(),
        quirks: "".into(),
        points: vec![door(0, Polarity::Commissioned)],
    }
}

const UNIT: Field = Field::Unit(Coding::Byte);
const XOR: Field = Field::Check(Check::Xor);
const REST: Field = Field::Data(Cut::Rest);

/// 24 channels, the first eight in the last byte; cut where the rest begins, or after three bytes.
fn board_8a80(cut: Cut) -> FrameMap {
    let ask = vec![bytes(&[0x80]), UNIT, bytes(&[0x00, 0x33]), XOR];
    map(24, ask, vec![bytes(&[0x80]), UNIT, Field::Data(cut), bytes(&[0x33]), XOR], Packing::BitsLast)
}

fn board_wkly() -> FrameMap {
    let head = || vec![bytes(b"WKLY"), Field::Length, UNIT, bytes(&[0x84])];
    map(24, [head(), vec![XOR]].concat(), [head(), vec![REST, XOR]].concat(), Packing::Bytes)
}

fn board_yt() -> FrameMap {
    let unit = Field::Unit(Coding::Decimal);
    let end = || vec![bytes(b"*"), Field::Check(Check::CrcHex), bytes(b"\r\n")];
    let ask = [vec![bytes(b"YT+GETALLLOCKSSTATUS="), unit.clone()], end()].concat();
    map(12, ask, [vec![bytes(b"+CMD:"), unit, bytes(b","), REST], end()].concat(), Packing::List)
}

/// With the number of channels in front of them.
fn board_counting(packing: Packing) -> FrameMap {
    let answer = vec![bytes(b"A"), Field::Length, UNIT, Field::Count, REST, XOR];
    map(24, vec![bytes(b"Q"), UNIT, XOR], answer, packing)
}

fn board_sum() -> FrameMap {
    let ask = vec![bytes(&[0x02]), UNIT, bytes(&[0x30, 0x03]), Field::Check(Check::Sum)];
    map(
        16,
        ask,
        vec![bytes(&[0x02]), UNIT, bytes(&[0x35]), Field::Data(Cut::Bytes(2)), bytes(&[0x03]), Field::Check(Check::Sum)],
        Packing::BitsFirst,
    )
}

fn boards() -> Vec<FrameMap> {
    let counting = [Packing::BitsFirst, Packing::Bytes, Packing::Digits, Packing::List].map(board_counting);
    let mut boards = vec![board_8a80(Cut::Rest), board_8a80(Cut::Bytes(3)), board_wkly(), board_yt(), board_sum()];
    boards.extend(counting);
    boards
}

#[test]
fn questions_are_those_of_the_makers() {
    assert_eq!(question(&board_8a80(Cut::Rest), 1), [0x80, 0x01, 0x00, 0x33, 0xB2]);
    assert_eq!(question(&board_wkly(), 0), [0x57, 0x4B, 0x4C, 0x59, 0x08, 0x00, 0x84, 0x85]);
    let yt = question(&board_yt(), 12);
    assert!(yt.starts_with(b"YT+GETALLLOCKSSTATUS=12*") && yt.ends_with(b"\r\n"));
    // CRC-16/MODBUS has the check value 4B37h for these nine digits.
    let digits = Template(vec![bytes(b"123456789"), Field::Check(Check::CrcHex)]);
    assert_eq!(render(&digits, Packing::List, 0, &[]), b"1234567894B37");
    let announced = Template(vec![bytes(b"123456789*"), Field::Check(Check::CrcHex)]);
    assert_eq!(render(&announced, Packing::List, 0, &[]), b"123456789*4B37", "the star is not covered");
}

#[test]
fn answers_are_found_in_what_was_heard() {
    let right = [0x80, 0x01, 0x02, 0x00, 0x81, 0x33, 0x80 ^ 0x01 ^ 0x02 ^ 0x81 ^ 0x33];
    let echo = [0x80, 0x01, 0x00, 0x33, 0xB2];
    let change = |at: usize, to: u8| {
        let mut frame = right;
        frame[at] = to;
        frame.to_vec()
    };
    let cases: Vec<(&str, Vec<u8>, Option<usize>)> = vec![
        ("the answer", right.to_vec(), Some(0)),
        ("after our own question", [&echo[..], &right].concat(), Some(5)),
        ("only our own question", echo.to_vec(), None),
        ("after noise that begins like it", [&[0x80, 0x01, 0xFF][..], &right].concat(), Some(3)),
        ("before noise", [&right[..], &[0x80, 0x80]].concat(), Some(0)),
        ("the first of two", [right, right].concat(), Some(0)),
        ("not complete", right[..6].to_vec(), None),
        ("wrong checksum", change(6, 0), None),
        ("a bit flipped", change(3, 1), None),
        ("of another board", answer(&board_8a80(Cut::Rest), 2, &[true; 24]), None),
        ("of another command", change(5, 0x34), None),
        ("nothing", vec![], None),
    ];
    for map in [board_8a80(Cut::Rest), board_8a80(Cut::Bytes(3))] {
        for (name, heard, expected) in &cases {
            let found = find(&map, 1, heard);
            assert_eq!(found, expected.map(|at| Answer { at: at..at + 7, data: at + 2..at + 5 }), "{name}");
        }
    }
    let found = channels(&board_8a80(Cut::Rest), &right[2..5]).unwrap();
    let set: Vec<usize> = (1..=24).filter(|channel| found[channel - 1]).collect();
    assert_eq!(set, [1, 8, 18]);
}

#[test]
fn a_length_must_be_the_length() {
    let map = board_wkly();
    let right = answer(&map, 3, &[true, false]);
    assert_eq!(right[..9], [0x57, 0x4B, 0x4C, 0x59, 0x0A, 0x03, 0x84, 0x01, 0x00]);
    assert_eq!(find(&map, 3, &right), Some(Answer { at: 0..10, data: 7..9 }));
    let mut longer = right.clone();
    longer[4] = 0x0B;
    longer[9] ^= 0x01;
    assert_eq!(find(&map, 3, &longer), None, "a byte is missing");
    longer.push(1);
    assert_eq!(find(&map, 3, &longer), None, "its checksum stands elsewhere");
    // The question has no data, and a board that tells of a door by itself (85h) was not asked.
    assert_eq!(find(&map, 3, &question(&map, 3)), None);
    let mut unasked = right;
    unasked[6] = 0x85;
    unasked[9] ^= 0x01;
    assert_eq!(find(&map, 3, &unasked), None);
}

#[test]
fn a_count_must_be_the_count() {
    let map = board_counting(Packing::Bytes);
    let right = answer(&map, 1, &[true, false, true]);
    assert_eq!(right[..7], [b'A', 8, 1, 3, 1, 0, 1]);
    assert_eq!(find(&map, 1, &right), Some(Answer { at: 0..8, data: 4..7 }));
    let mut wrong = right;
    wrong[3] = 2;
    wrong[7] ^= 1;
    assert_eq!(find(&map, 1, &wrong), None);
}

#[test]
fn data_becomes_channels() {
    let of = |packing, channels| FrameMap { channels, packing, ..board_yt() };
    let cases: Vec<(&str, FrameMap, &[u8], Option<&[bool]>)> = vec![
        ("list", of(Packing::List, 3), b"0,1,2", Some(&[false, true, true])),
        ("list with blanks", of(Packing::List, 3), b"0, 1", Some(&[false, true])),
        ("more than there are", of(Packing::List, 2), b"0,1,1", Some(&[false, true])),
        ("no number", of(Packing::List, 3), b"0,x", None),
        ("a number is missing", of(Packing::List, 3), b"0,,1", None),
        ("not even characters", of(Packing::List, 3), &[0xFF, 0x2C], None),
        ("nothing", of(Packing::List, 3), b"", None),
        ("no bytes", of(Packing::Bytes, 3), b"", None),
        ("bytes", of(Packing::Bytes, 4), &[0x00, 0x11, 0x01], Some(&[false, true, true])),
        (
            "first byte first",
            of(Packing::BitsFirst, 10),
            &[0x01, 0xFE],
            Some(&[true, false, false, false, false, false, false, false, false, true]),
        ),
        (
            "last byte first",
            of(Packing::BitsLast, 10),
            &[0xFE, 0x01],
            Some(&[true, false, false, false, false, false, false, false, false, true]),
        ),
        ("digits", of(Packing::Digits, 4), b"0110", Some(&[false, true, true, false])),
        ("no digit", of(Packing::Digits, 4), b"01 0", None),
        ("fewer than there are", of(Packing::BitsLast, 24), &[0x03], Some(&[true, true, false, false, false, false, false, false])),
    ];
    for (name, map, data, expected) in cases {
        assert_eq!(channels(&map, data).as_deref(), expected, "{name}");
    }
}

#[test]
fn channels_become_values() {
    use Polarity::{Clear, Commissioned, Set};
    use Value::{Bool, Int, Missing};
    let unknown = || Missing(Quality::Uncertain);
    let cases: Vec<(&str, FramePoint, &[bool], u16, Option<bool>, Option<Value>)> = vec![
        ("set ones", door(0, Set), &[true, false, true, true], 3, None, Some(Int(2))),
        ("clear ones", door(0, Clear), &[true, false, true, true], 3, Some(true), Some(Int(1))),
        ("open is set", door(0, Commissioned), &[true, false, true, true], 4, Some(true), Some(Int(3))),
        ("open is clear", door(0, Commissioned), &[true, false, true, true], 4, Some(false), Some(Int(1))),
        ("nobody knows", door(0, Commissioned), &[true, false, true, true], 4, None, Some(unknown())),
        ("more in use than the board shows", door(0, Set), &[true, false], 3, None, Some(unknown())),
        ("all of a board that has fewer", door(0, Set), &[true, false], 24, None, Some(Int(1))),
        ("one of them", door(2, Set), &[true, false], 2, None, Some(Bool(false))),
        ("one of them, clear is open", door(2, Commissioned), &[true, false], 2, Some(false), Some(Bool(true))),
        ("one of them, nobody knows", door(2, Commissioned), &[true, false], 2, None, Some(unknown())),
        ("one that the board does not show", door(2, Set), &[true], 2, None, Some(unknown())),
        ("one that is not in use", door(2, Set), &[true, false], 1, None, None),
    ];
    for (name, point, channels, used, open_is_set, expected) in cases {
        let metric = Metric::whole(point.point);
        let map = FrameMap { points: vec![point], ..board_wkly() };
        let expected: Vec<(Metric, Value)> = expected.into_iter().map(|value| (metric, value)).collect();
        assert_eq!(values(&map, channels, used, open_is_set), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn an_answer_inside_junk_gives_its_channels_back(
        which in 0usize..9,
        unit in 0u8..=255,
        set in prop::collection::vec(any::<bool>(), 24),
        before in prop::collection::vec(any::<u8>(), 0..40),
        behind in prop::collection::vec(any::<u8>(), 0..40),
        echo in any::<bool>(),
    ) {
        let map = &boards()[which];
        let mine = &set[..usize::from(map.channels)];
        let asked = if echo { question(map, unit) } else { Vec::new() };
        let frame = answer(map, unit, mine);
        let heard = [before, asked, frame.clone(), behind].concat();
        let found = find(map, unit, &heard).unwrap();
        // Junk may by rare chance be an answer to a board with a short checksum; then it is a right one and comes first.
        if heard[found.at.clone()] == frame[..] {
            prop_assert_eq!(channels(map, &heard[found.data]).unwrap(), mine);
        } else {
            prop_assert!(found.at.start < heard.len() - frame.len());
        }
    }

    #[test]
    fn any_bytes_are_searched_without_panic(
        which in 0usize..9, unit in any::<u8>(), heard in prop::collection::vec(any::<u8>(), 0..200), cut in 0u16..300, count in 0u16..=u16::MAX,
        set in prop::collection::vec(any::<bool>(), 0..300), used in any::<u16>(),
    ) {
        let mut map = boards().swap_remove(which);
        map.channels = count;
        for template in [map.answer.clone(), Template(vec![bytes(&[heard.len() as u8]), Field::Data(Cut::Bytes(cut)), Field::Length]), Template(vec![])] {
            map.answer = template;
            if let Some(found) = find(&map, unit, &heard) {
                prop_assert!(found.at.start <= found.data.start && found.data.end <= found.at.end && found.at.end <= heard.len());
            }
            assert!(!answer(&map, unit, &set).is_empty() || map.answer.0.is_empty());
            assert!(!question(&map, unit).is_empty());
        }
        if let Some(channels) = channels(&map, &heard) {
            prop_assert!(values(&map, &channels, used, Some(true)).len() <= map.points.len());
        }
    }

    #[test]
    fn a_damaged_answer_is_none(which in 0usize..9, set in prop::collection::vec(any::<bool>(), 24), at in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let map = &boards()[which];
        let mut frame = answer(map, 7, &set[..usize::from(map.channels)]);
        let at = at.index(frame.len());
        frame[at] ^= flip;
        prop_assert_eq!(find(map, 7, &frame), None);
    }
}
