//! What was heard, and what it means.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn heard(change: impl Fn(&mut Heard)) -> Heard {
    let mut heard = Heard { asked: 64, ..Heard::nothing(9600, Parity::None) };
    change(&mut heard);
    heard
}

#[test]
fn what_was_heard_has_a_likely_cause() {
    let well = || heard(|heard| heard.answered = [(1, 2), (3, 2)].into());
    let silent = || heard(|_| {});
    let even = |mut heard: Heard| {
        heard.parity = Parity::Even;
        heard
    };
    let cases: Vec<(&str, Vec<Heard>, Vec<Trouble>)> = vec![
        ("nothing was asked", vec![], vec![]),
        ("all is well", vec![well()], vec![]),
        ("well at the second speed", vec![silent(), even(well())], vec![]),
        ("dead", vec![silent(), even(silent())], vec![Trouble::Silence]),
        ("a loop", vec![heard(|heard| heard.echoed = 64)], vec![Trouble::EchoOnly]),
        ("an adapter with echo", vec![heard(|heard| (heard.echoed, heard.answered) = (64, [(1, 2)].into()))], vec![Trouble::Echo]),
        ("one echo is chance", vec![heard(|heard| (heard.echoed, heard.answered) = (1, [(1, 2)].into()))], vec![]),
        ("A and B swapped", vec![heard(|heard| (heard.rubbish_bytes, heard.flat_bytes) = (90, 80)), silent()], vec![Trouble::Flat]),
        ("answers of others", vec![heard(|heard| heard.foreign = 3)], vec![Trouble::Foreign]),
        ("another speed", vec![heard(|heard| (heard.rubbish_bytes, heard.flat_bytes) = (90, 20))], vec![Trouble::Rubbish]),
        ("damaged only", vec![heard(|heard| heard.damaged = [(1, 2)].into())], vec![Trouble::Damaged]),
        (
            "the only unit is damaged now and then",
            vec![heard(|heard| (heard.answered, heard.damaged) = ([(1, 4)].into(), [(1, 3)].into()))],
            vec![Trouble::Damaged],
        ),
        (
            "two of one id that garble each other",
            vec![heard(|heard| (heard.answered, heard.garbled, heard.rubbish_bytes) = ([(1, 8)].into(), [(3, 8)].into(), 70))],
            vec![Trouble::TwoUnits { unit: 3 }],
        ),
        (
            "two of one id",
            vec![heard(|heard| (heard.answered, heard.damaged) = ([(1, 8), (3, 1)].into(), [(3, 7)].into()))],
            vec![Trouble::TwoUnits { unit: 3 }],
        ),
        (
            "two of one id that never answer well",
            vec![heard(|heard| (heard.answered, heard.damaged) = ([(1, 8)].into(), [(3, 8)].into()))],
            vec![Trouble::TwoUnits { unit: 3 }],
        ),
        ("one damaged of many", vec![heard(|heard| (heard.answered, heard.damaged) = ([(1, 20)].into(), [(1, 1)].into()))], vec![]),
        (
            "a bad line",
            vec![heard(|heard| (heard.answered, heard.damaged) = ([(1, 4), (3, 4)].into(), [(1, 3), (3, 2)].into()))],
            vec![Trouble::Damaged],
        ),
        (
            "another master",
            vec![heard(|heard| (heard.answered, heard.unasked_bytes, heard.unasked_frames) = ([(1, 2)].into(), 60, 4))],
            vec![Trouble::OtherMaster],
        ),
        (
            "another master, nobody for us",
            vec![heard(|heard| (heard.unasked_bytes, heard.unasked_frames) = (60, 4))],
            vec![Trouble::OtherMaster],
        ),
        (
            "a board that reports",
            vec![heard(|heard| (heard.answered, heard.unasked_bytes) = ([(1, 2)].into(), 12))],
            vec![Trouble::Unasked],
        ),
        (
            "the other parity",
            vec![heard(|heard| heard.rubbish_bytes = 30), even(well())],
            vec![Trouble::OtherParity { parity: Parity::Even }],
        ),
    ];
    for (name, heard, expected) in cases {
        assert_eq!(diagnose(&heard), expected, "{name}");
    }
}

#[test]
fn every_trouble_has_a_sentence_without_codes() {
    let all = [
        Trouble::Silence,
        Trouble::EchoOnly,
        Trouble::Echo,
        Trouble::Flat,
        Trouble::Rubbish,
        Trouble::TwoUnits { unit: 3 },
        Trouble::Damaged,
        Trouble::Foreign,
        Trouble::OtherMaster,
        Trouble::Unasked,
        Trouble::OtherParity { parity: Parity::Even },
    ];
    for trouble in all {
        let (en, zh) = (trouble.en(), trouble.zh());
        assert!(en.ends_with('.') && zh.ends_with('。') && !en.contains("GW-"), "{trouble:?}");
    }
}
