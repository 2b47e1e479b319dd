//! The simulated devices behave like devices; a plain socket is the second opinion.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use facility_config::Point;
use facility_config::profile::{RegisterType, StatusCheck, WordOrder};

fn rtu(body: &[u8]) -> Vec<u8> {
    [body, &crc16(body).to_le_bytes()].concat()
}

#[tokio::test]
async fn only_loopback_is_served() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    assert_eq!(Server::tcp(everywhere, Bank::new()).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_line_answers_for_its_own_units_reads_only_and_survives_junk() {
    let bank = Bank::new();
    bank.set(3, Table::Holding, 10, &[7, 0x0102]);
    bank.set(3, Table::Coil, 0, &[1, 0, 1, 1, 0, 0, 0, 0, 1]);
    bank.exception(3, 11, 4);
    let (mut line, other) = tokio::io::duplex(4096);
    let _server = Server::rtu(other, bank.clone());
    let cases: Vec<(&str, Vec<u8>, Vec<u8>)> = vec![
        ("read", rtu(&[3, 3, 0, 10, 0, 1]), rtu(&[3, 3, 2, 0, 7])),
        (
            "after junk, and unknown units stay silent",
            [vec![1; 11], rtu(&[4, 3, 0, 10, 0, 1]), rtu(&[3, 3, 0, 10, 0, 1])].concat(),
            rtu(&[3, 3, 2, 0, 7]),
        ),
        ("bits", rtu(&[3, 1, 0, 0, 0, 9]), rtu(&[3, 1, 2, 0b0000_1101, 1])),
        ("an address that was never set", rtu(&[3, 3, 0, 12, 0, 1]), rtu(&[3, 0x83, 2])),
        ("the other table", rtu(&[3, 4, 0, 10, 0, 1]), rtu(&[3, 0x84, 2])),
        ("a refused address", rtu(&[3, 3, 0, 10, 0, 2]), rtu(&[3, 0x83, 4])),
        ("too many", rtu(&[3, 3, 0, 10, 0, 126]), rtu(&[3, 0x83, 3])),
        ("a write", rtu(&[3, 6, 0, 10, 0, 1]), rtu(&[3, 0x86, 1])),
    ];
    for (name, question, expected) in cases {
        line.write_all(&question).await.unwrap();
        let mut answer = vec![0; expected.len()];
        line.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, expected, "{name}");
    }
    assert_eq!(bank.asked(3), 8);
}

#[test]
fn a_point_is_set_with_its_status() {
    let point = RegisterPoint {
        point: Point::CabinetAir,
        table: Table::Holding,
        address: 256,
        ty: RegisterType::I16,
        order: WordOrder::HighFirst,
        scale: 0.1,
        offset: 0.0,
        invalid: Vec::new(),
        map: Vec::new(),
        range: None,
        status: Some(StatusCheck { address: 257, mask: 3, bad: 3 }),
    };
    let bank = Bank::new();
    let decoded = || {
        let (_, answer) = bank.answer(1, &[3, 1, 0, 0, 2]).unwrap();
        let words: Vec<u16> = answer[2..].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        crate::decode::registers::decode(&point, &words[..1], words.get(1).copied()).unwrap()
    };
    for value in [Value::Float(-18.5), Value::Missing(Quality::SensorError), Value::Float(4.0)] {
        assert!(bank.set_point(1, &point, &value), "{value:?}");
        assert_eq!(decoded(), value);
    }
    assert!(!bank.set_point(1, &point, &Value::Float(1e9)));
    bank.silence(1, true);
    assert_eq!(bank.answer(1, &[3, 1, 0, 0, 2]), None);
}
