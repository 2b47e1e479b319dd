//! A recording answers as it was answered then.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::Server;
use super::super::asked::{Heard, take};
use super::*;
use crate::modbus::trace::{Head, Wire, hex};
use facility_config::profile::{Dialect, builtin, builtin_ids};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn bytes(hex: &str) -> Vec<u8> {
    hex.split(' ').map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn wire(at_us: u64, dir: Dir, hex: &str) -> Wire {
    Wire { at_us, dir, bytes: bytes(hex) }
}

/// Golden questions of DOMAIN §2.8 and §2.9; the answers hold what the devices' manuals say they mean.
const GOLDEN: [(&str, &str); 3] = [
    // XY-MD02, 25.6 °C.
    ("01 04 00 01 00 01 60 0A", "01 04 02 01 00 B8 A0"),
    // Dixell XJP60D, probe 1: 26.0 °C.
    ("01 03 01 00 00 01 85 F6", "01 03 02 01 04 B8 17"),
    // Lock board 8A80.
    ("80 01 00 33 B2", "80 01 00 00 01 33 B3"),
];

fn golden() -> Recording {
    let pairs = GOLDEN
        .iter()
        .zip(0..)
        .flat_map(|((question, answer), at)| [wire(at * 1_000_000, Dir::Out, question), wire(at * 1_000_000 + 20_000, Dir::In, answer)]);
    Recording { head: Some(Head { bus: "hall".into(), framing: Framing::Rtu }), wires: pairs.collect() }
}

#[tokio::test]
async fn a_recording_of_golden_frames_replays() {
    let recording = Recording::parse(&golden().to_text()).unwrap();
    for tempo in [Tempo::AtOnce, Tempo::Recorded] {
        let replay = Replay::new(&recording, Framing::Rtu, tempo);
        let (mut line, other) = tokio::io::duplex(4096);
        let _server = Server::rtu(other, replay.clone());
        // Twice: the last answer repeats. A question nobody asked then gets nothing.
        line.write_all(&bytes("01 04 00 00 00 02 71 CB")).await.unwrap();
        for (question, answer) in GOLDEN.iter().chain(GOLDEN.iter().rev()) {
            line.write_all(&bytes(question)).await.unwrap();
            let mut heard = vec![0; bytes(answer).len()];
            line.read_exact(&mut heard).await.unwrap();
            assert_eq!(heard, bytes(answer), "{question}");
        }
        assert_eq!(replay.unknown(), 1);
    }
}

fn play(replay: &Replay, framing: Framing, question: &str) -> Play {
    match take(framing, &mut bytes(question), |heard| replay.known(heard)) {
        Heard::Asked(asked) => replay.play(&asked),
        other => panic!("{other:?}"),
    }
}

#[test]
fn golden_frames_of_the_profiles_replay() {
    for id in builtin_ids() {
        let profile = builtin(id).unwrap();
        let golden = match &profile.dialect {
            Dialect::Modbus(map) => &map.golden,
            Dialect::Frame(map) => &map.golden,
            Dialect::Mqtt(_) | Dialect::Internal => continue,
        };
        for golden in golden.iter().filter(|golden| !golden.answer.is_empty()) {
            let wires =
                [(Dir::Out, &golden.question), (Dir::In, &golden.answer)].map(|(dir, bytes)| Wire { at_us: 0, dir, bytes: bytes.clone() });
            let recording = Recording { head: None, wires: wires.to_vec() };
            let replay = Replay::new(&recording, Framing::Rtu, Tempo::AtOnce);
            let played = play(&replay, Framing::Rtu, &hex(&golden.question));
            assert_eq!(played, [(Duration::ZERO, Act::Send(golden.answer.clone()))], "{id}: {golden:?}");
        }
    }
}

#[test]
fn answers_come_in_their_order_with_their_delays() {
    let question = "01 03 01 00 00 01 85 F6";
    let recording = Recording {
        head: None,
        wires: vec![
            wire(0, Dir::In, "FF"),
            wire(10, Dir::Out, question),
            wire(1_010, Dir::In, "01 03"),
            wire(2_010, Dir::In, "02 01 04 B8 17"),
            wire(3_000, Dir::Out, question),
            wire(9_000, Dir::Out, question),
            wire(9_500, Dir::In, "55 55"),
        ],
    };
    let us = Duration::from_micros;
    let send = |hex| Act::Send(bytes(hex));
    for (tempo, first, second, last) in
        [(Tempo::Recorded, us(1_000), us(2_000), us(500)), (Tempo::AtOnce, Duration::ZERO, Duration::ZERO, Duration::ZERO)]
    {
        let replay = Replay::new(&recording, Framing::Rtu, tempo);
        assert_eq!(play(&replay, Framing::Rtu, question), [(first, send("01 03")), (second, send("02 01 04 B8 17"))]);
        assert_eq!(play(&replay, Framing::Rtu, question), [], "it was not answered");
        for _ in 0..2 {
            assert_eq!(play(&replay, Framing::Rtu, question), [(last, send("55 55"))]);
        }
        assert_eq!(replay.unknown(), 0);
    }
}

#[tokio::test]
async fn on_tcp_the_transactions_are_the_askers() {
    let recording = Recording {
        head: None,
        wires: vec![
            wire(0, Dir::Out, "00 05 00 00 00 06 01 03 00 0A 00 01"),
            // An older answer first, then the right one, cut in two.
            wire(1, Dir::In, "00 04 00 00 00 05 01 03 02 00 63 00"),
            wire(2, Dir::In, "05 00 00 00 05 01 03 02 00 07"),
        ],
    };
    let replay = Replay::new(&recording, Framing::Tcp, Tempo::AtOnce);
    let server = Server::tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), replay.clone()).await.unwrap();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    for (question, answer) in [
        ("A0 00 00 00 00 06 01 03 00 0A 00 01", "9F FF 00 00 00 05 01 03 02 00 63 A0 00 00 00 00 05 01 03 02 00 07"),
        ("00 00 00 00 00 06 01 03 00 0A 00 01", "FF FF 00 00 00 05 01 03 02 00 63 00 00 00 00 00 05 01 03 02 00 07"),
    ] {
        stream.write_all(&bytes(question)).await.unwrap();
        let mut heard = vec![0; bytes(answer).len()];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, bytes(answer));
    }
    assert_eq!(play(&replay, Framing::Tcp, "00 05 00 00 00 06 02 03 00 0A 00 01"), []);
    assert_eq!(replay.unknown(), 1);
}
