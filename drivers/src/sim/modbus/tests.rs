//! The simulated devices behave like devices; a plain socket is the second opinion.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::modbus::crc16;
use crate::serial::Serial;
use facility_config::profile::Table;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Nothing in these tests takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(30);

fn any() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn rtu(body: &[u8]) -> Vec<u8> {
    [body, &crc16(body).to_le_bytes()].concat()
}

/// The next `len` bytes.
async fn heard(line: &mut (impl AsyncRead + Unpin), len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    tokio::time::timeout(PATIENCE, line.read_exact(&mut bytes)).await.expect("an answer in time").unwrap();
    bytes
}

fn bank() -> Bank {
    let bank = Bank::new();
    bank.set(3, Table::Holding, 10, &[7, 0x0102]);
    bank.set(4, Table::Holding, 10, &[8]);
    bank
}

#[tokio::test]
async fn only_loopback_is_served() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    assert_eq!(Server::tcp(everywhere, Bank::new()).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    let dialled = Server::dial(everywhere, Dtu::default(), Framing::Rtu, Bank::new());
    assert_eq!(dialled.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_line_answers_for_its_own_units_reads_only_and_survives_junk() {
    let bank = bank();
    bank.set(3, Table::Coil, 0, &[1, 0, 1, 1, 0, 0, 0, 0, 1]);
    bank.exception(3, 11, 4);
    let (mut line, other) = tokio::io::duplex(4096);
    let _server = Server::rtu(other, bank.clone());
    let cases: Vec<(&str, Vec<u8>, Vec<u8>)> = vec![
        ("read", rtu(&[3, 3, 0, 10, 0, 1]), rtu(&[3, 3, 2, 0, 7])),
        (
            "after junk, and unknown units stay silent",
            [vec![1; 11], rtu(&[9, 3, 0, 10, 0, 1]), rtu(&[3, 3, 0, 10, 0, 1])].concat(),
            rtu(&[3, 3, 2, 0, 7]),
        ),
        ("bits", rtu(&[3, 1, 0, 0, 0, 9]), rtu(&[3, 1, 2, 0b0000_1101, 1])),
        ("an address that was never set", rtu(&[3, 3, 0, 12, 0, 1]), rtu(&[3, 0x83, 2])),
        ("the other table", rtu(&[3, 4, 0, 10, 0, 1]), rtu(&[3, 0x84, 2])),
        ("a refused address", rtu(&[3, 3, 0, 10, 0, 2]), rtu(&[3, 0x83, 4])),
        ("too many", rtu(&[3, 3, 0, 10, 0, 126]), rtu(&[3, 0x83, 3])),
        ("a write", rtu(&[3, 6, 0, 10, 0, 1]), rtu(&[3, 0x86, 1])),
        ("a long write", rtu(&[3, 16, 0, 10, 0, 1, 2, 0, 9]), rtu(&[3, 0x90, 1])),
    ];
    let asked = cases.len() as u64;
    for (name, question, expected) in cases {
        line.write_all(&question).await.unwrap();
        assert_eq!(heard(&mut line, expected.len()).await, expected, "{name}");
    }
    assert_eq!(bank.asked(3), asked);
}

/// Question and answer in each framing.
fn exchange(framing: Framing) -> (Vec<u8>, Vec<u8>) {
    match framing {
        Framing::Tcp => (vec![0, 9, 0, 0, 0, 6, 3, 3, 0, 10, 0, 1], vec![0, 9, 0, 0, 0, 5, 3, 3, 2, 0, 7]),
        Framing::Rtu => (rtu(&[3, 3, 0, 10, 0, 1]), rtu(&[3, 3, 2, 0, 7])),
        Framing::Ascii => (b":0303000A0001EF\r\n".to_vec(), b":0303020007F1\r\n".to_vec()),
    }
}

#[tokio::test]
async fn every_framing_on_every_way() {
    for framing in [Framing::Tcp, Framing::Rtu, Framing::Ascii] {
        let (question, answer) = exchange(framing);
        let server = Server::listen(any(), framing, bank()).await.unwrap();
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(&question).await.unwrap();
        assert_eq!(heard(&mut stream, answer.len()).await, answer, "{framing:?} through TCP");

        let (pty, far) = Pty::open().unwrap();
        let _server = Server::line(far, framing, bank());
        let mut port = Serial::new(serial2::SerialPort::open(pty.path(), 9600).unwrap()).unwrap();
        port.write_all(&question).await.unwrap();
        assert_eq!(heard(&mut port, answer.len()).await, answer, "{framing:?} on a pseudo terminal");

        let gateway = TcpListener::bind(any()).await.unwrap();
        let dtu = Dtu { registration: b"IMEI:8601".to_vec(), heartbeat: Some((b"\xFE\xFE".to_vec(), Duration::from_millis(5))) };
        let _server = Server::dial(gateway.local_addr().unwrap(), dtu, framing, bank()).unwrap();
        for time in ["first", "again"] {
            let (mut stream, _) = gateway.accept().await.unwrap();
            assert_eq!(heard(&mut stream, 9).await, b"IMEI:8601", "{framing:?}, {time}");
            assert_eq!(heard(&mut stream, 4).await, b"\xFE\xFE\xFE\xFE", "{framing:?}, {time}");
            stream.write_all(&question).await.unwrap();
            let mut all = Vec::new();
            while !all.windows(answer.len()).any(|bytes| bytes == answer) {
                all.extend(heard(&mut stream, 1).await);
            }
            let beats = all.iter().filter(|byte| **byte == 0xFE).count();
            assert_eq!(all.len(), answer.len() + beats, "{framing:?}, {time}: nothing but heartbeats beside the answer");
        }
    }
}

#[tokio::test]
async fn a_late_unit_does_not_hold_up_its_neighbour() {
    let bank = bank();
    bank.script("late 300ms unit 3 at 1".parse().unwrap());
    let (mut line, other) = tokio::io::duplex(4096);
    let _server = Server::rtu(other, bank);
    line.write_all(&[rtu(&[3, 3, 0, 10, 0, 1]), rtu(&[3, 3, 0, 11, 0, 1]), rtu(&[4, 3, 0, 10, 0, 1])].concat()).await.unwrap();
    let expected = [rtu(&[4, 3, 2, 0, 8]), rtu(&[3, 3, 2, 0, 7]), rtu(&[3, 3, 2, 1, 2])].concat();
    assert_eq!(heard(&mut line, expected.len()).await, expected, "its own second question waits its turn");
}

#[tokio::test]
async fn troubles_reach_the_wire() {
    let bank = bank();
    bank.script("noise 3 at 1, bytes 1ms at 2, hangup at 4".parse().unwrap());
    let server = Server::rtu_over_tcp(any(), bank).await.unwrap();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let (question, answer) = exchange(Framing::Rtu);
    for noise in [3, 0, 0] {
        stream.write_all(&question).await.unwrap();
        assert_eq!(heard(&mut stream, noise + answer.len()).await[noise..], answer);
    }
    stream.write_all(&question).await.unwrap();
    let mut rest = Vec::new();
    assert_eq!(tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap().unwrap(), 0, "hung up");
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(&question).await.unwrap();
    assert_eq!(heard(&mut stream, answer.len()).await, answer, "the next connection is served");
}

#[tokio::test]
async fn a_line_that_hangs_up_falls_dead() {
    let bank = bank();
    bank.script("hangup".parse().unwrap());
    let (pty, far) = Pty::open().unwrap();
    let _server = Server::rtu(far, bank);
    let mut port = Serial::new(serial2::SerialPort::open(pty.path(), 9600).unwrap()).unwrap();
    port.write_all(&exchange(Framing::Rtu).0).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, port.read(&mut [0; 8])).await.unwrap();
    assert!(!matches!(ended, Ok(1..)), "the end of the line, as when an adapter is pulled out: {ended:?}");
}

#[tokio::test]
async fn a_lock_board_shares_the_line() {
    let (question, answer) = ([0x80, 1, 0, 0x33, 0xB2], vec![0x80, 1, 0, 0, 1, 0x33, 0xB3]);
    let bank = bank();
    bank.board(1, question.to_vec(), answer.clone());
    let (mut line, other) = tokio::io::duplex(4096);
    let _server = Server::rtu(other, bank.clone());
    line.write_all(&[&question[..], &exchange(Framing::Rtu).0, &question].concat()).await.unwrap();
    let expected = [answer.clone(), exchange(Framing::Rtu).1, answer].concat();
    let mut sorted = heard(&mut line, expected.len()).await;
    let mut wanted = expected;
    sorted.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted);
    assert_eq!((bank.asked(1), bank.asked(3)), (2, 1));
}

/// What a unit says to a request, without its framing.
pub(super) fn answer(bank: &Bank, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let asked = asked::Asked { framing: Framing::Rtu, wire: rtu(&[&[unit], pdu].concat()), unit, pdu: pdu.to_vec() };
    match bank.play(&asked).as_slice() {
        [(_, play::Act::Send(frame))] => frame[1..frame.len() - 2].to_vec(),
        other => panic!("{other:?}"),
    }
}
