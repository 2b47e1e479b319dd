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

fn ask(framing: Framing, unit: u8, table: Table, address: u16, count: u16) -> Question {
    Question::new(framing, unit, &Request { table, address, count }, 9)
}

#[test]
fn golden_questions_go_out_as_their_makers_print_them() {
    for (name, wire) in GOLDEN {
        let table = if wire[1] == 3 { Table::Holding } else { Table::Input };
        let [address, count] = [2, 4].map(|at| u16::from_be_bytes([wire[at], wire[at + 1]]));
        assert_eq!(ask(Framing::Rtu, wire[0], table, address, count).wire(), wire, "{name}");
        let tcp = [&[0, 9, 0, 0, 0, 6], &wire[..6]].concat();
        assert_eq!(ask(Framing::Tcp, wire[0], table, address, count).wire(), tcp, "{name}");
    }
    // Modbus over serial line V1.02, 6.2.1: the LRC of 01 03 21 02 00 02 is D7.
    assert_eq!(ask(Framing::Ascii, 1, Table::Holding, 0x2102, 2).wire(), b":010321020002D7\r\n");
    let functions: Vec<u8> = Table::ALL.map(|table| ask(Framing::Rtu, 1, table, 0, 1).wire()[1]).to_vec();
    assert_eq!(functions, [1, 2, 3, 4], "nothing but reads can be put together");
}

#[test]
fn the_answer_is_found_among_what_is_not() {
    let wire = rtu(&[1, 3, 0, 20, 0, 1]);
    let question = ask(Framing::Rtu, 1, Table::Holding, 20, 1);
    let answer = rtu(&[1, 3, 2, 0x12, 0x34]);
    let refusal = rtu(&[1, 0x83, 2]);
    let cases: Vec<(&str, Vec<u8>, Option<usize>, Vec<Fault>)> = vec![
        ("answer", answer.clone(), Some(0), vec![]),
        ("refusal", refusal.clone(), Some(0), vec![]),
        ("junk before", [&[0u8; 30][..], &answer].concat(), Some(30), vec![Fault::Malformed]),
        ("junk that looks like a long answer", [&[1, 3, 250][..], &answer].concat(), Some(3), vec![Fault::Malformed]),
        ("half an answer before", [&answer[..4], &answer].concat(), Some(4), vec![Fault::Truncated]),
        ("half an answer before a refusal", [&answer[..4], &refusal].concat(), Some(4), vec![Fault::Truncated]),
        ("echo before", [&wire[..], &answer].concat(), Some(8), vec![Fault::Echoed]),
        ("another unit before", [rtu(&[2, 3, 2, 0, 9]), answer.clone()].concat(), Some(7), vec![Fault::Foreign]),
        ("echo alone", wire.clone(), None, vec![Fault::Echoed]),
        ("another unit", rtu(&[2, 3, 2, 0, 9]), None, vec![Fault::Foreign]),
        ("another function", rtu(&[1, 4, 2, 0, 9]), None, vec![Fault::Foreign]),
        ("refusal of another function", rtu(&[1, 0x84, 2]), None, vec![Fault::Foreign]),
        ("too long", rtu(&[1, 3, 4, 0, 9, 0, 9]), None, vec![Fault::WrongLength]),
        ("too short", rtu(&[1, 3, 0]), None, vec![Fault::WrongLength]),
        ("odd", rtu(&[1, 3, 1, 7]), None, vec![Fault::WrongLength]),
        ("cut off", answer[..5].to_vec(), None, vec![Fault::Truncated]),
        ("checksum", [&answer[..6], &[answer[6] ^ 1]].concat(), None, vec![Fault::BadChecksum]),
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
    let later = [answer.clone(), answer.clone(), vec![7, 7]].concat();
    assert_eq!(unasked(Framing::Rtu, &later, &[]), [Fault::Late, Fault::Late, Fault::Malformed]);
    assert_eq!(unasked(Framing::Rtu, &later, &answer), [Fault::Doubled, Fault::Doubled, Fault::Malformed]);
}

#[test]
fn on_tcp_the_transaction_decides() {
    let question = ask(Framing::Tcp, 1, Table::Holding, 20, 1);
    let answer = vec![0, 9, 0, 0, 0, 5, 1, 3, 2, 0x12, 0x34];
    let older = vec![0, 8, 0, 0, 0, 5, 1, 3, 2, 0, 7];
    let cases: Vec<(&str, Vec<u8>, Found, Vec<Fault>)> = vec![
        ("answer", answer.clone(), Found::Answer(0..11), vec![]),
        ("refusal", vec![0, 9, 0, 0, 0, 3, 1, 0x83, 2], Found::Answer(0..9), vec![]),
        ("older answer before", [older.clone(), answer.clone()].concat(), Found::Answer(11..22), vec![Fault::Late]),
        ("older answer", older, Found::Nothing, vec![Fault::Late]),
        ("a transaction never used", vec![0x80, 9, 0, 0, 0, 5, 1, 3, 2, 0, 7], Found::Nothing, vec![Fault::Foreign]),
        ("another unit", vec![0, 9, 0, 0, 0, 5, 255, 3, 2, 0, 7], Found::Nothing, vec![Fault::Foreign]),
        ("another function", vec![0, 9, 0, 0, 0, 5, 1, 4, 2, 0, 7], Found::Nothing, vec![Fault::Foreign]),
        ("longer than asked", vec![0, 9, 0, 0, 0, 7, 1, 3, 4, 0, 7, 0, 7], Found::Nothing, vec![Fault::WrongLength]),
        ("byte count and length disagree", vec![0, 9, 0, 0, 0, 4, 1, 3, 2, 0], Found::Nothing, vec![Fault::WrongLength]),
        ("cut off", answer[..10].to_vec(), Found::Nothing, vec![Fault::Truncated]),
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
        let question = ask(Framing::Rtu, unit, if input { Table::Input } else { Table::Holding }, address, count);
        prop_assert_eq!(question.wire(), &wire[..]);
        let data: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let answer = rtu(&[&[unit, if input { 4 } else { 3 }, data.len() as u8], &data[..]].concat());
        prop_assert_eq!(question.find(&answer), Found::Answer(0..answer.len()));
        let mut theirs = Vec::new();
        other.parse_u16(&answer, &mut theirs).unwrap();
        prop_assert_eq!(&theirs, &words);
        prop_assert_eq!(question.words(&answer), Ok(words));
        let mut flipped = answer;
        let bit = flip.index(flipped.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(question.find(&flipped), Found::Nothing);
        prop_assert!(!question.faults(&flipped).is_empty());
    }

    #[test]
    fn noise_is_named_without_panic(noise in prop::collection::vec(any::<u8>(), 0..600)) {
        for framing in [Framing::Tcp, Framing::Rtu, Framing::Ascii] {
            let question = ask(framing, 1, Table::Holding, 20, 1);
            question.find(&noise);
            prop_assert!(question.faults(&noise).len() <= noise.len());
        }
    }
}
