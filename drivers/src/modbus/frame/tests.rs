//! What is an answer and what is not, against rmodbus as a second opinion.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use proptest::prelude::*;
use rmodbus::ModbusProto;
use rmodbus::client::ModbusRequest;

fn rtu(body: &[u8]) -> Vec<u8> {
    [body, &crc16(body).to_le_bytes()].concat()
}

/// Golden frames of DOMAIN §2.8, checked there against their makers' documents.
const GOLDEN: [(&str, [u8; 8]); 7] = [
    ("XY-MD02", [0x01, 0x04, 0x00, 0x01, 0x00, 0x01, 0x60, 0x0A]),
    ("PZEM", [0x01, 0x04, 0x00, 0x00, 0x00, 0x0A, 0x70, 0x0D]),
    ("SDM", [0x01, 0x04, 0x00, 0x00, 0x00, 0x02, 0x71, 0xCB]),
    ("DDSU", [0x01, 0x03, 0x20, 0x00, 0x00, 0x06, 0xCE, 0x08]),
    ("Dixell", [0x01, 0x03, 0x01, 0x00, 0x00, 0x01, 0x85, 0xF6]),
    ("EKC", [0x01, 0x03, 0x09, 0xE1, 0x00, 0x01, 0xD7, 0xA0]),
    ("ir33", [0x01, 0x04, 0x01, 0x93, 0x00, 0x01, 0xC0, 0x1B]),
];

#[test]
fn golden_questions_are_understood_and_nothing_else_leaves() {
    for (name, wire) in GOLDEN {
        assert!(Question::read(Framing::Rtu, &wire).is_some(), "{name}");
        let mut broken = wire;
        broken[7] ^= 1;
        assert_eq!(Question::read(Framing::Rtu, &broken), None, "{name} with a wrong checksum");
    }
    for function in (0..=255u8).filter(|function| !(1..=4).contains(function)) {
        assert_eq!(Question::read(Framing::Rtu, &rtu(&[1, function, 0, 0, 0, 1])), None, "function {function}");
        assert_eq!(Question::read(Framing::Mbap, &[0, 0, 0, 0, 0, 6, 1, function, 0, 0, 0, 1]), None, "function {function}");
    }
    assert_eq!(Question::read(Framing::Rtu, &rtu(&[1, 3, 0, 0, 0, 126])), None, "more than a frame holds");
    assert_eq!(Question::read(Framing::Rtu, &rtu(&[1, 3, 0, 0, 0, 0])), None, "nothing");
}

#[test]
fn the_answer_is_found_among_what_is_not() {
    let wire = rtu(&[1, 3, 0, 20, 0, 1]);
    let question = Question::read(Framing::Rtu, &wire).unwrap();
    let answer = rtu(&[1, 3, 2, 0x12, 0x34]);
    let refusal = rtu(&[1, 0x83, 2]);
    let cases: Vec<(&str, Vec<u8>, Option<usize>, Vec<Fault>)> = vec![
        ("answer", answer.clone(), Some(0), vec![]),
        ("refusal", refusal.clone(), Some(0), vec![]),
        ("junk before", [&[0u8; 30][..], &answer].concat(), Some(30), vec![Fault::Malformed]),
        ("junk that looks like a long answer", [&[1, 3, 250][..], &answer].concat(), Some(3), vec![Fault::Malformed]),
        ("half an answer before", [&answer[..4], &answer].concat(), Some(4), vec![Fault::Malformed]),
        ("half an answer before a refusal", [&answer[..4], &refusal].concat(), Some(4), vec![Fault::Malformed]),
        ("echo before", [&wire[..], &answer].concat(), Some(8), vec![Fault::Foreign]),
        ("another unit before", [rtu(&[2, 3, 2, 0, 9]), answer.clone()].concat(), Some(7), vec![Fault::Foreign]),
        ("echo alone", wire.clone(), None, vec![Fault::Foreign]),
        ("another unit", rtu(&[2, 3, 2, 0, 9]), None, vec![Fault::Foreign]),
        ("another function", rtu(&[1, 4, 2, 0, 9]), None, vec![Fault::Foreign]),
        ("refusal of another function", rtu(&[1, 0x84, 2]), None, vec![Fault::Foreign]),
        ("too long", rtu(&[1, 3, 4, 0, 9, 0, 9]), None, vec![Fault::Malformed]),
        ("too short", rtu(&[1, 3, 0]), None, vec![Fault::Malformed]),
        ("odd", rtu(&[1, 3, 1, 7]), None, vec![Fault::Malformed]),
        ("cut off", answer[..5].to_vec(), None, vec![Fault::Malformed]),
        ("checksum", [&answer[..6], &[answer[6] ^ 1]].concat(), None, vec![Fault::Malformed]),
        ("silence", vec![], None, vec![]),
    ];
    for (name, heard, at, faults) in cases {
        let found = question.find(&heard);
        let before = match (&found, at) {
            (Found::Answer(range), Some(at)) if range.start == at => &heard[..at],
            (Found::Nothing, None) => &heard[..],
            _ => panic!("{name}: {found:?}"),
        };
        assert_eq!(question.faults(before), faults, "{name}");
    }
    assert_eq!(unasked(&[answer.clone(), answer, vec![7, 7]].concat()), [Fault::Late, Fault::Late, Fault::Malformed]);
}

#[test]
fn on_tcp_the_transaction_decides() {
    let question = Question::read(Framing::Mbap, &[0, 9, 0, 0, 0, 6, 1, 3, 0, 20, 0, 1]).unwrap();
    let answer = vec![0, 9, 0, 0, 0, 5, 1, 3, 2, 0x12, 0x34];
    let older = vec![0, 8, 0, 0, 0, 5, 1, 3, 2, 0, 7];
    let cases: Vec<(&str, Vec<u8>, Found, Vec<Fault>)> = vec![
        ("answer", answer.clone(), Found::Answer(0..11), vec![]),
        ("refusal", vec![0, 9, 0, 0, 0, 3, 1, 0x83, 2], Found::Answer(0..9), vec![]),
        ("older answer before", [older.clone(), answer.clone()].concat(), Found::Answer(11..22), vec![Fault::Foreign]),
        ("older answer", older, Found::Nothing, vec![Fault::Foreign]),
        ("another unit", vec![0, 9, 0, 0, 0, 5, 255, 3, 2, 0, 7], Found::Nothing, vec![Fault::Foreign]),
        ("another function", vec![0, 9, 0, 0, 0, 5, 1, 4, 2, 0, 7], Found::Nothing, vec![Fault::Foreign]),
        ("longer than asked", vec![0, 9, 0, 0, 0, 7, 1, 3, 4, 0, 7, 0, 7], Found::Nothing, vec![Fault::Malformed]),
        ("byte count and length disagree", vec![0, 9, 0, 0, 0, 4, 1, 3, 2, 0], Found::Nothing, vec![Fault::Malformed]),
        ("cut off", answer[..10].to_vec(), Found::Nothing, vec![Fault::Malformed]),
        ("another protocol", vec![0, 9, 0, 1, 0, 5, 1, 3, 2, 0, 7], Found::Lost, vec![Fault::Malformed]),
        ("no length", vec![0, 9, 0, 0, 0, 0, 1, 3, 2], Found::Lost, vec![Fault::Malformed]),
        ("RTU instead", rtu(&[1, 3, 2, 0x12, 0x34]), Found::Lost, vec![Fault::Malformed]),
    ];
    for (name, heard, found, faults) in cases {
        assert_eq!(question.find(&heard), found, "{name}");
        let before = if let Found::Answer(range) = found { &heard[..range.start] } else { &heard[..] };
        assert_eq!(question.faults(before), faults, "{name}");
    }
}

proptest! {
    #[test]
    fn rmodbus_reads_the_same(unit in 1u8..=247, address in any::<u16>(), input in any::<bool>(), words in prop::collection::vec(any::<u16>(), 1..=125), flip in any::<prop::sample::Index>()) {
        let count = words.len() as u16;
        let mut other = ModbusRequest::new(unit, ModbusProto::Rtu);
        let mut wire = Vec::new();
        if input { other.generate_get_inputs(address, count, &mut wire) } else { other.generate_get_holdings(address, count, &mut wire) }.unwrap();
        let question = Question::read(Framing::Rtu, &wire).unwrap();
        let data: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let answer = rtu(&[&[unit, if input { 4 } else { 3 }, data.len() as u8], &data[..]].concat());
        prop_assert_eq!(question.find(&answer), Found::Answer(0..answer.len()));
        let mut theirs = Vec::new();
        other.parse_u16(&answer, &mut theirs).unwrap();
        prop_assert_eq!(theirs, words);
        let mut flipped = answer;
        let bit = flip.index(flipped.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(question.find(&flipped), Found::Nothing);
        prop_assert!(!question.faults(&flipped).is_empty());
    }

    #[test]
    fn noise_is_named_without_panic(noise in prop::collection::vec(any::<u8>(), 0..600)) {
        let wire = [0, 9, 0, 0, 0, 6, 1, 3, 0, 20, 0, 1];
        let tcp = Question::read(Framing::Mbap, &wire).unwrap();
        let serial = Question::read(Framing::Rtu, &rtu(&wire[6..])).unwrap();
        for question in [tcp, serial] {
            question.find(&noise);
            prop_assert!(question.faults(&noise).len() <= noise.len());
        }
    }
}
