//! Every model that speaks Modbus can be served, and refuses what it refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::Server;
use super::*;
use facility_config::profile::{ByteOrder, Polarity, StatusCheck, builtin, builtin_ids};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn maps() -> Vec<(&'static str, ModbusMap)> {
    let profiles = builtin_ids().filter_map(|id| Some((id, builtin(id)?.dialect.clone())));
    profiles.filter_map(|(id, dialect)| if let Dialect::Modbus(map) = dialect { Some((id, map)) } else { None }).collect()
}

#[test]
fn every_embedded_model_is_served_with_values() {
    let maps = maps();
    assert!(maps.len() >= 3);
    for (id, map) in maps {
        let bank = Bank::new();
        assert!(bank.serve(1, &builtin(id).unwrap()), "{id}");
        for point in map.points.iter().filter(|point| point.polarity != Polarity::Commissioned) {
            let words = bank.words(1, point.table, point.address, point.length).unwrap_or_else(|| panic!("{id}: {} is read", point.point));
            let status = point.status.and_then(|status| bank.words(1, point.table, status.address, 1)).map(|words| words[0]);
            let value = decode(point, &words, status).unwrap();
            assert!(!matches!(value, Value::Missing(_)), "{id}: {} is {value:?} from {words:?}", point.point);
        }
    }
}

#[test]
fn every_fingerprint_holds() {
    for (id, map) in maps() {
        let bank = Bank::new();
        bank.serve(1, &builtin(id).unwrap());
        for mark in &map.fingerprint {
            let [a0, a1, c0, c1] = [mark.address.to_be_bytes(), mark.count.to_be_bytes()].concat()[..] else { unreachable!() };
            let function = 1 + mark.table as u8;
            let answer = super::super::tests::answer(&bank, 1, &[function, a0, a1, c0, c1]);
            match mark.expect {
                Expect::Refused(code) => assert_eq!(answer, [function | 0x80, code], "{id}: {mark:?}"),
                Expect::Number { ty, order, low, high } => {
                    let raw = RegisterPoint { order, ..RegisterPoint::plain(Point::EnergyVoltage, mark.table, mark.address, ty) };
                    let words = bank.words(1, mark.table, mark.address, raw.length).unwrap();
                    let value = decode(&raw, &words, None).unwrap();
                    assert!(
                        answer[0] == function && matches!(value, Value::Float(is) if (low..=high).contains(&is)),
                        "{id}: {mark:?} {value:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_has_no_registers_is_not_served() {
    assert!(!Bank::new().serve(1, &builtin("cabinet").unwrap()));
}

fn map() -> ModbusMap {
    let air = RegisterPoint {
        scale: 0.1,
        range: Some((-60.0, 80.0)),
        status: Some(StatusCheck { address: 4, mask: 3, bad: 0 }),
        ..RegisterPoint::plain(Point::CabinetAir, Table::Holding, 1, RegisterType::I16)
    };
    let total = RegisterPoint::plain(Point::EnergyTotal, Table::Holding, 10, RegisterType::U32);
    let unreadable = vec![Span { table: Table::Holding, first: 3, last: 3 }];
    let mark = |table, address, count, expect| Mark { table, address, count, expect };
    let number = |ty, low, high| Expect::Number { ty, order: ByteOrder::big(2), low, high };
    ModbusMap {
        registers_max: 6,
        bits_max: 8,
        gap_max: 3,
        turnaround: Duration::from_millis(4),
        unreadable,
        fingerprint: vec![
            mark(Table::Holding, 40, 1, number(RegisterType::U16, 7001.0, 7003.0)),
            mark(Table::Holding, 1, 1, number(RegisterType::I16, 30.0, 40.0)),
            mark(Table::Holding, 1, 7, Expect::Refused(3)),
            mark(Table::Input, 0, 1, Expect::Refused(1)),
        ],
        ..ModbusMap::plain(vec![air, total], Duration::from_millis(500))
    }
}

#[test]
fn gaps_limits_and_the_fingerprint_are_the_models() {
    let profile = Profile { dialect: Dialect::Modbus(map()), ..(*builtin("eastron-sdm120").unwrap()).clone() };
    let bank = Bank::new();
    assert!(bank.serve(1, &profile));
    let words = |address, length| bank.words(1, Table::Holding, address, length);
    assert_eq!(words(1, 2), Some(vec![35, 0]), "3.5 degrees, and a gap that may be read along");
    assert_eq!(words(3, 1), None, "unreadable, though in a gap");
    assert_eq!(words(4, 1), Some(vec![3]), "good");
    assert_eq!(words(5, 1), None, "a gap too wide");
    assert_eq!(words(10, 2), Some(vec![0, 12_346]));
    assert_eq!(words(40, 1), Some(vec![7_002]), "a mark beside the points");
    let ask = |pdu: &[u8]| super::super::tests::answer(&bank, 1, pdu);
    assert_eq!(ask(&[3, 0, 1, 0, 7]), [0x83, 3], "more than six at once");
    assert_eq!(ask(&[4, 0, 0, 0, 1]), [0x84, 1], "refused as the fingerprint says");
}

#[tokio::test]
async fn every_lock_board_answers_on_the_line() {
    for id in builtin_ids() {
        let profile = builtin(id).unwrap();
        let Dialect::Frame(map) = &profile.dialect else { continue };
        let bank = Bank::new();
        assert!(bank.serve(1, &profile), "{id}");
        let channels: Vec<bool> = (0..map.channels).map(|channel| channel % 3 == 0).collect();
        bank.channels(1, map, &channels);
        let (mut line, other) = tokio::io::duplex(4096);
        let _server = Server::rtu(other, bank);
        line.write_all(&frames::question(map, 1)).await.unwrap();
        let mut heard = Vec::new();
        let found = loop {
            if let Some(found) = frames::find(map, 1, &heard) {
                break found;
            }
            heard.push(line.read_u8().await.unwrap());
        };
        assert_eq!(frames::channels(map, &heard[found.data]), Some(channels), "{id}");
    }
}
