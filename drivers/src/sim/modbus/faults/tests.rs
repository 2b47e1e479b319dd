//! Scripts as text, when their rules apply, and what each trouble does to the bytes of an answer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::asked::{Asked, Heard, take};
use super::super::bank::Bank;
use super::super::play::{Act, Play};
use super::*;
use crate::modbus::{crc_is_right, crc16};
use facility_config::profile::Table;
use facility_config::site::Framing;

fn rule(trouble: Trouble) -> Rule {
    Rule::always(trouble)
}

#[test]
fn a_script_is_read() {
    let late = Trouble::Late(Duration::from_millis(800));
    let cases: Vec<(&str, Vec<Rule>)> = vec![
        ("", vec![]),
        ("crc every 10", vec![Rule { from: 10, every: 10, ..rule(Trouble::BadChecksum) }]),
        ("late 800ms at 5", vec![Rule { from: 5, times: Some(1), ..rule(late) }]),
        ("silence unit 3", vec![Rule { unit: Some(3), ..rule(Trouble::Silence) }]),
        (
            "exception 2 unit 3 from 7 every 2 times 4; hangup at 9\nbusy, seed 5",
            vec![
                Rule { unit: Some(3), from: 7, every: 2, times: Some(4), trouble: Trouble::Exception(2) },
                Rule { from: 9, times: Some(1), ..rule(Trouble::Hangup) },
                rule(Trouble::Busy),
            ],
        ),
        ("bytes 300us, late 2s", vec![rule(Trouble::ByteByByte(Duration::from_micros(300))), rule(Trouble::Late(Duration::from_secs(2)))]),
        (
            "foreign,doubled,echo,truncated,length,crc,bit,noise 20,function,transaction",
            [
                Trouble::Foreign,
                Trouble::Doubled,
                Trouble::Echo,
                Trouble::Truncated,
                Trouble::WrongLength,
                Trouble::BadChecksum,
                Trouble::BitFlip,
                Trouble::Noise(20),
                Trouble::WrongFunction,
                Trouble::WrongTransaction,
            ]
            .map(rule)
            .to_vec(),
        ),
    ];
    for (text, rules) in cases {
        let script: Script = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(script.rules, rules, "{text}");
        assert_eq!(script.seed, if text.contains("seed") { 5 } else { 0 });
    }
}

#[test]
fn what_is_no_script_is_explained() {
    let many = "crc,".repeat(RULES_MAX + 1);
    let cases = [
        ("melt", "there is no trouble `melt`"),
        ("crc, late", "`late`: a time is missing after `late`, such as 800ms"),
        ("late 800", "`800` after `late` is no time"),
        ("late ms", "no time"),
        ("late 99999999s", "longer than 600 s"),
        ("late 99999999999999999999s", "no time"),
        ("noise", "a number is missing after `noise`"),
        ("noise 0", "1 to 4096"),
        ("noise 70000", "1 to 4096"),
        ("exception 256", "above 255"),
        ("silence unit 300", "above 255"),
        ("crc every 0", "counts from 1"),
        ("crc every ten", "`ten` after `every` is no whole number"),
        ("crc sometimes", "`sometimes` is none of unit, at, from, every, times"),
        ("crc at 3 from 4", "either `at` or `from`"),
        ("crc at 3 every 4", "`at` is one question"),
        ("seed", "a number is missing"),
        ("seed 1 2", "`2` does not belong there"),
        (many.as_str(), "more than 64 rules"),
    ];
    for (text, expected) in cases {
        let error = text.parse::<Script>().unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn rules_apply_in_their_turn() {
    let troubled = |text: &str, units: &[u8]| -> Vec<usize> {
        let mut playing = Playing::new(text.parse().unwrap());
        let nths = units.iter().enumerate().filter(|(_, unit)| playing.next(**unit).is_some());
        nths.map(|(at, _)| at + 1).collect()
    };
    let ones = [1; 12];
    assert_eq!(troubled("crc every 5", &ones), [5, 10]);
    assert_eq!(troubled("crc at 3", &ones), [3]);
    assert_eq!(troubled("crc from 10", &ones), [10, 11, 12]);
    assert_eq!(troubled("crc from 2 every 4 times 2", &ones), [2, 6]);
    assert_eq!(troubled("crc at 2 unit 7", &[7, 1, 1, 7, 7]), [4], "its own questions are counted");
    let mut playing = Playing::new("crc at 2, silence".parse().unwrap());
    let decided: Vec<_> = (0..3).map(|_| playing.next(1)).collect();
    assert_eq!(decided, [Some(Trouble::Silence), Some(Trouble::BadChecksum), Some(Trouble::Silence)], "the first that applies");
}

const QUESTION: [u8; 6] = [1, 3, 0, 10, 0, 2];

fn asked(framing: Framing) -> Asked {
    let mut wire = match framing {
        Framing::Tcp => [&[0x12, 0x34, 0, 0, 0, 6][..], &QUESTION].concat(),
        Framing::Rtu => [&QUESTION[..], &crc16(&QUESTION).to_le_bytes()].concat(),
        Framing::Ascii => b":0103000A0002F0\r\n".to_vec(),
    };
    match take(framing, &mut wire, |_| None) {
        Heard::Asked(asked) => asked,
        other => panic!("{other:?}"),
    }
}

fn bank(trouble: Trouble) -> Bank {
    let bank = Bank::new();
    bank.set(1, Table::Holding, 10, &[0x0102, 0x0304]);
    bank.delay(1, Duration::from_millis(7));
    bank.script(Script { seed: 9, rules: vec![rule(trouble)] });
    bank
}

fn played(trouble: Trouble, framing: Framing) -> Play {
    bank(trouble).play(&asked(framing))
}

/// The bytes of an answer that comes in one piece, after the unit's usual delay.
fn sent(trouble: Trouble, framing: Framing) -> Vec<u8> {
    match played(trouble, framing).as_slice() {
        [(after, Act::Send(bytes))] if *after == Duration::from_millis(7) => bytes.clone(),
        other => panic!("{trouble:?}, {framing:?}: {other:?}"),
    }
}

fn rtu(body: &[u8]) -> Vec<u8> {
    [body, &crc16(body).to_le_bytes()].concat()
}

const RIGHT: [u8; 7] = [1, 3, 4, 1, 2, 3, 4];
const RIGHT_TCP: [u8; 13] = [0x12, 0x34, 0, 0, 0, 7, 1, 3, 4, 1, 2, 3, 4];
const RIGHT_ASCII: &[u8] = b":01030401020304EE\r\n";

#[test]
fn troubles_on_a_line() {
    let right = rtu(&RIGHT);
    let cases: Vec<(Trouble, Vec<u8>)> = vec![
        (Trouble::Foreign, rtu(&[2, 3, 4, 1, 2, 3, 4])),
        (Trouble::Doubled, [right.clone(), right.clone()].concat()),
        (Trouble::WrongLength, rtu(&[1, 3, 6, 1, 2, 3, 4, 0, 0])),
        (Trouble::BadChecksum, [&right[..8], &[right[8] ^ 0x5A]].concat()),
        (Trouble::WrongFunction, rtu(&[1, 4, 4, 1, 2, 3, 4])),
        (Trouble::WrongTransaction, right.clone()),
        (Trouble::Busy, rtu(&[1, 0x83, 6])),
        (Trouble::Exception(4), rtu(&[1, 0x83, 4])),
    ];
    for (trouble, expected) in cases {
        assert_eq!(sent(trouble, Framing::Rtu), expected, "{trouble:?}");
    }
    let cut = sent(Trouble::Truncated, Framing::Rtu);
    assert!(!cut.is_empty() && cut.len() < right.len() && right.starts_with(&cut), "{cut:?}");
    let flipped = sent(Trouble::BitFlip, Framing::Rtu);
    let bits: u32 = flipped.iter().zip(&right).map(|(is, was)| (is ^ was).count_ones()).sum();
    assert!(bits == 1 && flipped.len() == right.len() && !crc_is_right(&flipped));
    let noisy = sent(Trouble::Noise(20), Framing::Rtu);
    assert!(noisy.len() == 20 + right.len() && noisy.ends_with(&right));
    assert_eq!(noisy, sent(Trouble::Noise(20), Framing::Rtu), "the same seed, the same noise");
}

#[test]
fn troubles_on_tcp_and_in_ascii() {
    let cases: Vec<(Trouble, Framing, Vec<u8>)> = vec![
        (Trouble::WrongTransaction, Framing::Tcp, [&[0x12, 0x33], &RIGHT_TCP[2..]].concat()),
        (Trouble::BadChecksum, Framing::Tcp, RIGHT_TCP.to_vec()),
        (Trouble::WrongLength, Framing::Tcp, vec![0x12, 0x34, 0, 0, 0, 9, 1, 3, 6, 1, 2, 3, 4, 0, 0]),
        (Trouble::Foreign, Framing::Tcp, [&RIGHT_TCP[..6], &[2], &RIGHT_TCP[7..]].concat()),
        (Trouble::Busy, Framing::Tcp, vec![0x12, 0x34, 0, 0, 0, 3, 1, 0x83, 6]),
        (Trouble::BadChecksum, Framing::Ascii, b":01030401020304E0\r\n".to_vec()),
        (Trouble::WrongTransaction, Framing::Ascii, RIGHT_ASCII.to_vec()),
        (Trouble::Doubled, Framing::Ascii, [RIGHT_ASCII, RIGHT_ASCII].concat()),
    ];
    for (trouble, framing, expected) in cases {
        assert_eq!(sent(trouble, framing), expected, "{trouble:?}, {framing:?}");
    }
    let flipped = sent(Trouble::BitFlip, Framing::Tcp);
    assert!(flipped[..8] != RIGHT_TCP[..8] && flipped[8..] == RIGHT_TCP[8..], "only where it can be seen");
}

#[test]
fn troubles_of_time() {
    let ms = Duration::from_millis;
    let right = || Act::Send(rtu(&RIGHT));
    let cases: Vec<(Trouble, Play)> = vec![
        (Trouble::Silence, vec![]),
        (Trouble::Late(ms(800)), vec![(ms(807), right())]),
        (Trouble::Echo, vec![(Duration::ZERO, Act::Send(rtu(&QUESTION))), (ms(7), right())]),
        (Trouble::Hangup, vec![(ms(7), Act::Hangup)]),
        (
            Trouble::ByteByByte(ms(5)),
            rtu(&RIGHT).into_iter().zip(1..).map(|(byte, nth)| (ms(7) + ms(5) * nth, Act::Send(vec![byte]))).collect(),
        ),
    ];
    for (trouble, expected) in cases {
        assert_eq!(played(trouble, Framing::Rtu), expected, "{trouble:?}");
    }
}

#[test]
fn a_lock_board_has_the_troubles_it_can_have() {
    let (question, answer) = (vec![0x80, 1, 0, 0x33, 0xB2], vec![0x80, 1, 0, 0, 1, 0x33, 0xB3]);
    let play = |trouble| {
        let bank = Bank::new();
        bank.board(1, question.clone(), answer.clone());
        bank.script(Script { seed: 1, rules: vec![rule(trouble)] });
        let Heard::Asked(asked) = take(Framing::Rtu, &mut question.clone(), |heard| bank.known(heard)) else { panic!("a question") };
        bank.play(&asked)
    };
    let sent = |bytes: Vec<u8>| vec![(Duration::ZERO, Act::Send(bytes))];
    assert_eq!(play(Trouble::Silence), []);
    assert_eq!(play(Trouble::Doubled), sent([answer.clone(), answer.clone()].concat()));
    assert_eq!(play(Trouble::BadChecksum), sent([&answer[..6], &[0xB3 ^ 0x5A]].concat()));
    for none in [Trouble::Busy, Trouble::Exception(2), Trouble::WrongFunction, Trouble::WrongLength, Trouble::WrongTransaction] {
        assert_eq!(play(none), sent(answer.clone()), "{none:?}");
    }
}

#[test]
fn a_unit_that_is_not_there_is_not_counted() {
    let bank = bank(Trouble::Silence);
    bank.script("silence at 2".parse().unwrap());
    let mut other = asked(Framing::Rtu);
    other.unit = 9;
    assert_eq!(bank.play(&other), []);
    assert!(!bank.play(&asked(Framing::Rtu)).is_empty());
    assert_eq!(bank.play(&asked(Framing::Rtu)), []);
    assert_eq!((bank.asked(1), bank.asked(9)), (2, 0));
}
