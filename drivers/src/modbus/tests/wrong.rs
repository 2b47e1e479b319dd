//! Answers that are no answers: each is refused and counted by its kind, and the neighbours are read all the same.

use super::lab::{ADDRESSES, Kind, Lab, Script, device, framed, hasty, honest, own_addresses, together, unit};
use crate::Fault;
use facility_config::site::Framing;

/// What the device does to the right answer, whether the answer is found all the same, and what is counted.
type Case = (&'static str, fn(&[u8], Vec<u8>) -> Vec<(u64, Vec<u8>)>, bool, Option<Fault>);

fn body(framing: Framing, question: &[u8], body: &[u8]) -> Vec<(u64, Vec<u8>)> {
    vec![(0, framed(framing, question, body))]
}

fn rtu(question: &[u8], bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    body(Framing::Rtu, question, bytes)
}

fn tcp(question: &[u8], bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    body(Framing::Tcp, question, bytes)
}

const RTU: &[Case] = &[
    ("another unit", |q, _| rtu(q, &[2, 3, 2, 0, 99]), false, Some(Fault::Foreign)),
    ("another function", |q, _| rtu(q, &[1, 4, 2, 0, 99]), false, Some(Fault::Foreign)),
    ("refusal of another function", |q, _| rtu(q, &[1, 0x84, 2]), false, Some(Fault::Foreign)),
    ("more registers than asked", |q, _| rtu(q, &[1, 3, 4, 0, 99, 0, 99]), false, Some(Fault::WrongLength)),
    ("no registers", |q, _| rtu(q, &[1, 3, 0]), false, Some(Fault::WrongLength)),
    ("an odd byte", |q, _| rtu(q, &[1, 3, 3, 0, 99, 0]), false, Some(Fault::WrongLength)),
    ("cut off", |_, a| vec![(0, a[..a.len() - 2].to_vec())], false, Some(Fault::Truncated)),
    (
        "wrong checksum",
        |_, mut a| {
            a[4] ^= 0x10;
            vec![(0, a)]
        },
        false,
        Some(Fault::BadChecksum),
    ),
    ("junk only", |_, _| vec![(0, vec![0x55; 40])], false, Some(Fault::Malformed)),
    ("noise without end", |_, _| vec![(0, vec![0xFF; 5_000])], false, Some(Fault::Malformed)),
    ("junk before the answer", |_, a| vec![(0, [vec![0x00; 40], a].concat())], true, Some(Fault::Malformed)),
    ("echo only", |q, _| vec![(0, q.to_vec())], false, Some(Fault::Echoed)),
    ("echo before the answer", |q, a| vec![(0, [q.to_vec(), a].concat())], true, Some(Fault::Echoed)),
    ("twice", |_, a| vec![(0, [a.clone(), a].concat())], true, Some(Fault::Doubled)),
    ("byte by byte", |_, a| a.into_iter().map(|byte| (1, vec![byte])).collect(), true, None),
    ("a function nobody knows", |q, _| rtu(q, &[1, 0x66, 1, 2, 3, 4, 5, 6]), false, Some(Fault::Malformed)),
];

const TCP: &[Case] = &[
    ("another transaction", |q, _| tcp(&[0xAB, q[1]], &[1, 3, 2, 0, 99]), false, Some(Fault::Foreign)),
    ("another unit", |q, _| tcp(q, &[255, 3, 2, 0, 99]), false, Some(Fault::Foreign)),
    ("another function", |q, _| tcp(q, &[1, 4, 2, 0, 99]), false, Some(Fault::Foreign)),
    ("more registers than asked", |q, _| tcp(q, &[1, 3, 4, 0, 99, 0, 99]), false, Some(Fault::WrongLength)),
    ("no registers", |q, _| tcp(q, &[1, 3, 0]), false, Some(Fault::WrongLength)),
    ("byte count and length disagree", |q, _| tcp(q, &[1, 3, 200, 0, 99]), false, Some(Fault::WrongLength)),
    ("cut off", |_, a| vec![(0, a[..a.len() - 1].to_vec())], false, Some(Fault::Truncated)),
    (
        "another protocol",
        |_, mut a| {
            a[3] = 7;
            vec![(0, a)]
        },
        false,
        Some(Fault::Malformed),
    ),
    (
        "a length no frame has",
        |_, mut a| {
            a[4] = 0xFF;
            vec![(0, a)]
        },
        false,
        Some(Fault::Malformed),
    ),
    ("hanging up in the middle", |_, a| vec![(0, a[..7].to_vec()), (0, vec![])], false, Some(Fault::Disconnected)),
    (
        "an older answer before the right one",
        |q, a| vec![(0, [framed(Framing::Tcp, &[9, 9], &[1, 3, 2, 0, q[1]]), a].concat())],
        true,
        Some(Fault::Foreign),
    ),
    ("twice", |_, a| vec![(0, [a.clone(), a].concat())], true, Some(Fault::Doubled)),
    ("byte by byte", |_, a| a.into_iter().map(|byte| (1, vec![byte])).collect(), true, None),
];

#[tokio::test]
async fn wrong_answers_are_refused_and_counted() {
    for (kind, cases) in [(Kind::RtuOverTcp, RTU), (Kind::Serial, RTU), (Kind::Tcp, TCP)] {
        together(cases.iter().map(|case| wrong_answer(kind, *case))).await;
    }
}

async fn wrong_answer(kind: Kind, (name, act, found, fault): Case) {
    let script: Script = Box::new(move |_, question| {
        let answer = honest(kind.framing(), question);
        let address = question[if kind == Kind::Tcp { 9 } else { 3 }];
        if u16::from(address) == ADDRESSES[1] { act(question, answer) } else { vec![(0, answer)] }
    });
    let device = device(kind, script).await;
    let of = if found { unit } else { hasty };
    let mut lab = Lab::start(device.bus.clone(), vec![of(1, 1, 1, &ADDRESSES, 10)]);
    let mut neighbours = [false, false];
    for _ in 0..4 {
        let batch = lab.telemetry().await;
        assert_eq!(own_addresses(&batch), found, "{kind:?}, {name}: {batch:?}");
        let known = |at: usize| matches!(batch.readings[at].value, crate::Value::Float(_));
        assert_eq!(known(1), found, "{kind:?}, {name}: {batch:?}");
        neighbours = [neighbours[0] || known(0), neighbours[1] || known(2)];
    }
    assert_eq!(neighbours, [true, true], "{kind:?}, {name}: the other registers are read");
    let link = lab.stop().await;
    let counted = |fault: Fault| link.faults[fault as usize];
    match fault {
        Some(fault) => assert!(counted(fault) >= 2, "{kind:?}, {name}: {:?}", link.faults),
        None => assert_eq!(link.faults.iter().sum::<u64>(), 0, "{kind:?}, {name}"),
    }
    // A damaged answer is not waited for any longer.
    let known = found || counted(Fault::Disconnected) > 0 || counted(Fault::BadChecksum) > 0;
    assert_eq!(counted(Fault::Timeout) == 0, known, "{kind:?}, {name}: {:?}", link.faults);
}
