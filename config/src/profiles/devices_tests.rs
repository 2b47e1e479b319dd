//! Device profiles against what the makers and the field say (DOMAIN §2), written down a second time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "devices_table.rs"]
mod table;

use super::*;
use crate::profile::{
    ByteOrder, Check, Expect, Field, FrameMap, Group, ModbusMap, Polarity, RegisterPoint, RegisterType, StatusCheck, Table,
};
use table::told;

fn modbus(id: &str) -> ModbusMap {
    match &builtin(id).unwrap().dialect {
        Dialect::Modbus(map) => map.clone(),
        other => panic!("{id}: {other:?}"),
    }
}

fn frame(id: &str) -> FrameMap {
    match &builtin(id).unwrap().dialect {
        Dialect::Frame(map) => map.clone(),
        other => panic!("{id}: {other:?}"),
    }
}

fn all_modbus() -> Vec<(&'static str, ModbusMap)> {
    builtin_ids().filter(|id| matches!(builtin(id).unwrap().dialect, Dialect::Modbus(_))).map(|id| (id, modbus(id))).collect()
}

fn all_frames() -> Vec<(&'static str, FrameMap)> {
    builtin_ids().filter(|id| matches!(builtin(id).unwrap().dialect, Dialect::Frame(_))).map(|id| (id, frame(id))).collect()
}

fn point<'a>(map: &'a ModbusMap, name: &str) -> &'a RegisterPoint {
    map.points.iter().find(|point| named(point) == name).unwrap_or_else(|| panic!("{name}"))
}

fn named(point: &RegisterPoint) -> String {
    let part = if point.part.is_whole() { String::new() } else { format!("#{}", point.part) };
    format!("{}{part}", point.point)
}

#[test]
fn an_erc_213_is_an_erc_214_without_light() {
    let mut larger: Vec<String> = modbus("danfoss-erc214").points.iter().map(told).collect();
    larger.retain(|point| !point.starts_with("cabinet.light"));
    assert_eq!(modbus("danfoss-erc213").points.iter().map(told).collect::<Vec<_>>(), larger);
}

/// From the HACCP alarm on, which only the 204A1 has, its alarms lie one address higher. Everything else is the same.
#[test]
fn the_alarms_of_an_ekc_204a1_lie_one_address_higher() {
    let (small, large) = (modbus("danfoss-ekc202d"), modbus("danfoss-ekc204a1"));
    assert_eq!(point(&large, "controller_alarm.active#haccp").address, 20006);
    assert_eq!(large.points.len(), small.points.len() + 1);
    for theirs in &small.points {
        let ours = point(&large, &named(theirs));
        let shift = u16::from((20006..).contains(&theirs.address));
        assert_eq!(ours, &RegisterPoint { address: theirs.address + shift, origin: ours.origin.clone(), ..theirs.clone() });
    }
}

#[test]
fn a_door_is_reported_only_where_the_controller_has_one() {
    for id in ["danfoss-ekc202d", "danfoss-ekc204a1"] {
        let map = modbus(id);
        let door = point(&map, "cabinet.door_open");
        // An open input is an open door, and o02 (2 or 3) must say that the input is one.
        assert_eq!((door.polarity, door.status), (Polarity::Clear, Some(StatusCheck { address: 2000, mask: 2, bad: 0 })), "{id}");
    }
    for id in ["danfoss-ak-cc55", "danfoss-erc211", "danfoss-erc213", "danfoss-erc214"] {
        assert_eq!(point(&modbus(id), "cabinet.door_open").yes, [17, 31], "{id}");
    }
    for id in ["danfoss-ak-cc55", "danfoss-erc211"] {
        assert_eq!(point(&modbus(id), "cabinet.defrost").yes, [14, 18], "{id}");
    }
}

#[test]
fn control_states_become_modes_of_the_data_model() {
    let Dialect::Mqtt(mqtt) = &builtin("cabinet").unwrap().dialect else { panic!("cabinet") };
    let words = &mqtt.messages[0].fields.iter().find(|field| field.point == Point::CabinetMode).unwrap().words;
    let states = point(&modbus("danfoss-ekc202d"), "cabinet.mode").map.clone();
    let mode = |state: i64| states.iter().find(|(raw, _)| *raw == state).map(|(_, word)| &**word);
    let expected = [(0, "cooling"), (4, "drip"), (10, "off"), (11, "idle"), (14, "defrost"), (17, "idle"), (20, "fault"), (29, "cleaning")];
    for (state, word) in expected {
        assert_eq!(mode(state), Some(word), "state {state}");
    }
    assert_eq!(mode(13), None);
    assert_eq!(states.len(), 26);
    for (id, map) in all_modbus() {
        for point in map.points.iter().filter(|point| point.point == Point::CabinetMode) {
            assert!(id.starts_with("danfoss-") && point.map == states, "{id}: Danfoss has one list");
            assert!(point.map.iter().all(|(_, word)| words.contains(word)), "{id}");
        }
    }
}

#[test]
fn a_broken_probe_is_known_where_the_device_tells() {
    let probes = [("cabinet.air_c", 257), ("probe.temp_c#2", 259), ("probe.temp_c#6", 267)];
    for (name, address) in probes {
        assert_eq!(point(&modbus("dixell-xjp60d"), name).status, Some(StatusCheck { address, mask: 3, bad: 3 }), "{name}");
    }
    for name in ["cabinet.air_c", "cabinet.evap_c", "probe.temp_c#3"] {
        assert_eq!(point(&modbus("eliwell-idplus"), name).invalid, [0x8000], "{name}");
    }
    for (name, address) in [("probe.temp_c#3", 20001), ("probe.temp_c#4", 20002), ("cabinet.evap_c", 20003)] {
        assert_eq!(point(&modbus("danfoss-ekc204a1"), name).status, Some(StatusCheck { address, mask: 1, bad: 1 }), "{name}");
    }
    for (id, map) in all_modbus() {
        let degrees = map.points.iter().filter(|point| point.point.unit() == "°C");
        degrees.for_each(|point| assert!(point.range.is_some(), "{id}: {}", named(point)));
    }
}

/// One count of a PZEM is 1 Wh: a public template that has 0.1 Wh shows a tenth of what was used.
#[test]
fn a_count_of_a_pzem_is_a_watt_hour() {
    let map = modbus("pzem-016");
    let energy = point(&map, "energy.energy_kwh_total");
    assert_eq!(energy.order.join(&[0x00, 0x01, 0x00, 0x00]), 1, "low word first");
    assert_eq!(1.0 * energy.scale, 0.001);
    assert_eq!(energy.order.join(&[0x00, 0x26, 0x00, 0x01]), 65536 + 38);
}

#[test]
fn the_energy_of_an_le_01mp_is_one_number_in_one_request() {
    let map = modbus("fif-le01mp");
    let energy = point(&map, "energy.energy_kwh_total");
    let words: Vec<u8> = [38u16, 49806].into_iter().flat_map(u16::to_be_bytes).collect();
    let kwh = energy.order.join(&words) as f64 / (1.0 / energy.scale).round();
    assert_eq!((kwh, energy.length, map.registers_max), (25401.74, 2, 2));
}

#[test]
fn switched_off_is_the_set_bit_where_the_maker_says_so() {
    for (id, polarity) in [("carel-ir33", Polarity::Clear), ("carel-easy", Polarity::Clear), ("eliwell-idplus", Polarity::Clear)] {
        assert_eq!(point(&modbus(id), "cabinet.enabled").polarity, polarity, "{id}");
    }
    for id in ["danfoss-ak-cc55", "danfoss-ekc202d", "danfoss-erc213"] {
        assert_eq!(point(&modbus(id), "cabinet.enabled").yes, [1], "{id}: -1 is service, 0 is stop");
    }
}

/// What every maker's alarm is called; a code outside this list would be a second name for something.
const CODES: &[&str] = &[
    "clock",
    "condenser_high",
    "defrost_timeout",
    "door",
    "external",
    "haccp",
    "high_temp",
    "hold_timeout",
    "input_1",
    "input_2",
    "low_temp",
    "over_temp",
    "overload",
    "probe_1",
    "probe_2",
    "probe_3",
    "probe_4",
    "probe_5",
    "standby",
];

#[test]
fn alarms_have_one_name_whoever_reports_them() {
    let mut used: Vec<String> = all_modbus()
        .iter()
        .flat_map(|(_, map)| map.points.iter().filter(|point| point.point == Point::ControllerAlarmActive))
        .map(|point| point.part.to_string())
        .collect();
    used.sort_unstable();
    used.dedup();
    assert_eq!(used, CODES);
}

/// The roll-up holds a value until the next one, for a bounded time: what it holds is read at the device's interval.
#[test]
fn what_a_metric_holds_over_time_is_never_slow() {
    for (id, map) in all_modbus() {
        for point in map.points.iter().filter(|point| point.group != Group::Fast) {
            assert!(matches!(point.point, Point::CabinetSetpoint | Point::CabinetEnabled), "{id}: {}", named(point));
        }
    }
}

#[test]
fn a_technician_is_told_what_is_not_known() {
    for id in builtin_ids() {
        let (quirks, serial) = match &builtin(id).unwrap().dialect {
            Dialect::Modbus(map) => (map.quirks.clone(), map.serial),
            Dialect::Frame(map) => (map.quirks.clone(), map.serial),
            _ => continue,
        };
        assert!(quirks.len() > 80 && !quirks.contains(['\n', '\t']) && !quirks.contains("  "), "{id}: {quirks}");
        assert!(serial.is_some() || quirks.contains("serial settings"), "{id}");
    }
}

#[test]
fn a_fingerprint_has_marks_that_ask_for_no_more_than_the_device_gives() {
    for (id, map) in all_modbus() {
        assert!(map.fingerprint.len() >= 2, "{id}");
        for mark in &map.fingerprint {
            let max = if mark.table.is_bits() { map.bits_max } else { map.registers_max };
            let refusal = matches!(mark.expect, Expect::Refused(_));
            let float = matches!(mark.expect, Expect::Number { ty: RegisterType::F32, .. });
            assert!(mark.count <= max || refusal || float && mark.count == 2, "{id}: {mark:?}");
        }
    }
    for id in ["dixell-xjp60d", "dixell-xr"] {
        let refused = modbus(id).fingerprint.iter().any(|mark| mark.count == 2 && mark.expect == Expect::Refused(3));
        assert!(refused, "{id}: a block read is refused");
    }
}

#[test]
fn golden_frames_are_reads_with_the_right_checksum() {
    let mut seen = 0;
    for (id, map) in all_modbus() {
        for golden in &map.golden {
            let (question, answer) = (&golden.question, &golden.answer);
            assert_eq!(question.len(), 8, "{id}");
            assert!((1..=4).contains(&question[1]), "{id}: not a read");
            for frame in [question, answer].into_iter().filter(|frame| !frame.is_empty()) {
                let (body, check) = frame.split_at(frame.len() - 2);
                assert_eq!(crc16(body).to_le_bytes(), check, "{id}: {}", golden.origin);
            }
            if !answer.is_empty() {
                let count = usize::from(u16::from_be_bytes([question[4], question[5]]));
                let bytes = if question[1] <= 2 { count.div_ceil(8) } else { count * 2 };
                assert_eq!((&answer[..2], usize::from(answer[2]), answer.len()), (&question[..2], bytes, bytes + 5), "{id}");
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 17);
}

#[test]
fn lock_boards_are_asked_and_never_opened() {
    for (id, map) in all_frames() {
        let Some(Field::Bytes(first)) = map.ask.0.first() else { panic!("{id}") };
        let query: &[u8] = match id {
            "lock-8a80" => &[0x80],
            "lock-wkly" => b"WKLY",
            "lock-yt" => b"YT+GETFB=",
            other => panic!("{other}: what does it ask?"),
        };
        assert_eq!(first, query, "{id}");
        assert!(map.golden.iter().all(|golden| golden.question.starts_with(query)), "{id}");
        assert!(id != "lock-wkly" || map.ask.0.contains(&Field::Bytes(vec![0x84])), "{id}: reads all doors");
        for point in &map.points {
            let told = (point.point, point.polarity, point.channel);
            assert_eq!(told, (Point::LockerDoorOpen, Polarity::Commissioned, 0), "{id}");
        }
    }
    let cu48 = modbus("lock-cu48");
    let doors = point(&cu48, "locker.door_open");
    assert_eq!((doors.ty, doors.bits, doors.polarity), (RegisterType::Count, 48, Polarity::Commissioned));
}

#[test]
fn golden_frames_of_lock_boards_have_the_right_checksum() {
    for (id, map) in all_frames() {
        for frame in map.golden.iter().flat_map(|golden| [&golden.question, &golden.answer]).filter(|frame| !frame.is_empty()) {
            if map.ask.0.contains(&Field::Check(Check::Xor)) {
                assert_eq!(frame.iter().fold(0, |xor, byte| xor ^ byte), 0, "{id}: all bytes and their xor");
                continue;
            }
            let text = std::str::from_utf8(frame).unwrap().strip_suffix("\r\n").unwrap();
            let (body, check) = text.split_once('*').unwrap();
            assert_eq!(format!("{:04X}", crc16(body.as_bytes())), check, "{id}");
        }
    }
}

/// CRC-16/MODBUS, bit by bit.
fn crc16(bytes: &[u8]) -> u16 {
    bytes
        .iter()
        .fold(0xFFFF, |crc, byte| (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 }))
}
