//! The golden frames of every embedded profile: frames from manuals and live buses say what their profile makes of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::frames;
use super::registers::decode;
use crate::modbus::{crc_is_right, crc16};
use crate::plan::Request;
use crate::reading::Value;
use facility_config::Point;
use facility_config::profile::{
    ByteOrder, Dialect, FrameMap, Golden, ModbusMap, Polarity, RegisterPoint, RegisterType, Table, builtin, builtin_ids,
};
use facility_config::series::Part;
use std::time::Duration;

#[test]
fn golden_frames_of_every_profile_are_right() {
    let mut wrong = Vec::new();
    for id in builtin_ids() {
        let profile = builtin(id).unwrap();
        let (golden, check): (&[Golden], Box<dyn Fn(&Golden) -> Result<(), String>>) = match &profile.dialect {
            Dialect::Modbus(map) => (&map.golden, Box::new(|golden| modbus(map, golden))),
            Dialect::Frame(map) => (&map.golden, Box::new(|golden| board(map, golden))),
            Dialect::Mqtt(_) | Dialect::Internal => continue,
        };
        wrong.extend(golden.iter().filter_map(|golden| check(golden).err().map(|why| format!("{id}, {}: {why}", golden.origin))));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn modbus(map: &ModbusMap, golden: &Golden) -> Result<(), String> {
    let [unit, function, a0, a1, c0, c1, _, _] = golden.question[..] else { return Err("a question has 8 bytes".into()) };
    let table = *Table::ALL.get(usize::from(function).wrapping_sub(1)).ok_or("the question is not a read")?;
    let request = Request { table, address: u16::from_be_bytes([a0, a1]), count: u16::from_be_bytes([c0, c1]) };
    let known = map.points.iter().map(|point| point.table).chain(map.fingerprint.iter().map(|mark| mark.table));
    if !crc_is_right(&golden.question) || !(1..=table.count_max()).contains(&request.count) {
        return Err("checksum or count of the question".into());
    }
    if !known.into_iter().any(|known| known == table) {
        return Err(format!("no point is in the table `{}`", table.as_str()));
    }
    let data = match golden.answer[..] {
        [] => &[],
        _ if !crc_is_right(&golden.answer) => return Err("checksum of the answer".into()),
        [from, refused, _, _, _] if from == unit && refused == function | 0x80 => &[],
        [from, answered, bytes, ref data @ .., _, _] if (from, answered) == (unit, function) && usize::from(bytes) == data.len() => data,
        _ => return Err("the answer is not one to the question".into()),
    };
    if !data.is_empty() && data.len() != request.data_bytes() {
        return Err("length of the answer".into());
    }
    let words = words(table, data);
    golden.values.iter().try_for_each(|(point, part, expected)| {
        let of = map.points.iter().find(|of| (of.point, of.part) == (*point, *part)).ok_or(format!("{point}: no such point"))?;
        let words_of = |address, count| request.slice_of(&words, of.table, address, count);
        let value = words_of(of.address, of.length).ok_or(format!("{point}: not in the answer"))?;
        let status = of.status.and_then(|status| words_of(status.address, 1)).map(|words| words[0]);
        // A status register in another frame was good, and a polarity nobody knows is told as if set were yes.
        let polarity = if of.polarity == Polarity::Commissioned { Polarity::Set } else { of.polarity };
        let alone = RegisterPoint { status: of.status.filter(|_| status.is_some()), polarity, ..of.clone() };
        says(*point, &decode(&alone, value, status).map_err(|fault| format!("{point}: {fault:?}"))?, expected)
    })
}

/// As the planner sees them: a word for each register or bit. Bits that only fill up the last byte stay at the end.
fn words(table: Table, data: &[u8]) -> Vec<u16> {
    match table.is_bits() {
        true => data.iter().flat_map(|byte| (0..8).map(move |bit| u16::from(byte >> bit & 1))).collect(),
        false => data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect(),
    }
}

fn board(map: &FrameMap, golden: &Golden) -> Result<(), String> {
    let unit = map.units.clone().find(|unit| frames::question(map, *unit) == golden.question).ok_or("no board is asked like this")?;
    if golden.answer.is_empty() {
        return if golden.values.is_empty() { Ok(()) } else { Err("values of no answer".into()) };
    }
    let found = frames::find(map, unit, &golden.answer).filter(|found| found.at == (0..golden.answer.len()));
    let channels = found.and_then(|found| frames::channels(map, &golden.answer[found.data])).ok_or("the answer is not one")?;
    let values = frames::values(map, &channels, channels.len() as u16, Some(true));
    golden.values.iter().try_for_each(|(point, part, expected)| {
        let value = values.iter().find(|(metric, _)| (metric.point, metric.part) == (*point, *part));
        says(*point, &value.ok_or(format!("{point}: no such point"))?.1, expected)
    })
}

/// Numbers to seven digits: an f32 has no more.
fn says(point: Point, value: &Value, expected: &str) -> Result<(), String> {
    let right = match value {
        Value::Float(value) => expected.parse().is_ok_and(|expected: f64| (value - expected).abs() <= 1e-6 * expected.abs().max(1e-3)),
        Value::Int(value) => expected.parse() == Ok(*value),
        Value::Bool(value) => expected.parse() == Ok(*value),
        Value::Text(value) => **value == *expected,
        Value::Missing(why) => why.as_str() == expected,
    };
    if right { Ok(()) } else { Err(format!("{point} is {value:?}, not {expected}")) }
}

fn framed(body: &[u8]) -> Vec<u8> {
    [body, &crc16(body).to_le_bytes()].concat()
}

#[test]
fn wrong_golden_frames_are_noticed() {
    let volts = RegisterPoint::plain(Point::EnergyVoltage, Table::Input, 0, RegisterType::F32);
    let watts = RegisterPoint {
        order: ByteOrder::parse("CDAB").unwrap(),
        ..RegisterPoint::plain(Point::EnergyActive, Table::Input, 2, RegisterType::U32)
    };
    let map = ModbusMap::plain(vec![volts, watts], Duration::from_secs(1));
    let asked = vec![0x01, 0x04, 0x00, 0x00, 0x00, 0x02, 0x71, 0xCB];
    let answered = framed(&[0x01, 0x04, 0x04, 0x43, 0x66, 0x33, 0x33]);
    let volts = |value: &str| vec![(Point::EnergyVoltage, Part::WHOLE, value.into())];
    let cases: Vec<(&str, Vec<u8>, Vec<u8>, Vec<(Point, Part, Box<str>)>, bool)> = vec![
        ("a question alone", asked.clone(), vec![], vec![], true),
        ("a question and its answer", asked.clone(), answered.clone(), volts("230.2"), true),
        ("a refusal", asked.clone(), framed(&[0x01, 0x84, 0x02]), vec![], true),
        (
            "a word order",
            framed(&[1, 4, 0, 2, 0, 2]),
            framed(&[1, 4, 4, 0x86, 0xA0, 0, 1]),
            vec![(Point::EnergyActive, Part::WHOLE, "100000".into())],
            true,
        ),
        ("another value", asked.clone(), answered.clone(), volts("230.3"), false),
        ("no answer to have a value", asked.clone(), vec![], volts("230.2"), false),
        ("a value that is not in the answer", asked.clone(), answered.clone(), vec![(Point::EnergyActive, Part::WHOLE, "1".into())], false),
        ("a point that does not exist", asked.clone(), answered.clone(), vec![(Point::CabinetAir, Part::WHOLE, "1".into())], false),
        ("checksum of the question", [&asked[..7], &[0xCA]].concat(), vec![], vec![], false),
        ("checksum of the answer", asked.clone(), [&answered[..8], &[!answered[8]]].concat(), vec![], false),
        ("an answer of another unit", asked.clone(), framed(&[0x02, 0x04, 0x04, 0x43, 0x66, 0x33, 0x33]), vec![], false),
        ("an answer of another length", asked.clone(), framed(&[0x01, 0x04, 0x02, 0x43, 0x66]), vec![], false),
        ("an answer that counts wrong", asked, framed(&[0x01, 0x04, 0x04, 0x43, 0x66]), vec![], false),
        ("a write", framed(&[1, 6, 0, 0, 0, 1]), vec![], vec![], false),
        ("another table", framed(&[1, 3, 0, 0, 0, 2]), vec![], vec![], false),
        ("more than a request can bring", framed(&[1, 4, 0, 0, 0, 126]), vec![], vec![], false),
        ("not a frame", vec![1, 4], vec![], vec![], false),
    ];
    for (name, question, answer, values, right) in cases {
        let golden = Golden { question, answer, values, origin: name.into() };
        assert_eq!(modbus(&map, &golden).is_ok(), right, "{name}: {:?}", modbus(&map, &golden));
    }
}

#[test]
fn questions_of_the_makers_have_the_right_checksum() {
    // XY-MD02, PZEM-016, SDM120, DDSU666, XJP60D, EKC 202D, ir33 (DOMAIN §2.8).
    for frame in [
        [0x01, 0x04, 0x00, 0x01, 0x00, 0x01, 0x60, 0x0A],
        [0x01, 0x04, 0x00, 0x00, 0x00, 0x0A, 0x70, 0x0D],
        [0x01, 0x04, 0x00, 0x00, 0x00, 0x02, 0x71, 0xCB],
        [0x01, 0x03, 0x20, 0x00, 0x00, 0x06, 0xCE, 0x08],
        [0x01, 0x03, 0x01, 0x00, 0x00, 0x01, 0x85, 0xF6],
        [0x01, 0x03, 0x09, 0xE1, 0x00, 0x01, 0xD7, 0xA0],
        [0x01, 0x04, 0x01, 0x93, 0x00, 0x01, 0xC0, 0x1B],
    ] {
        assert!(crc_is_right(&frame), "{frame:02X?}");
    }
}
