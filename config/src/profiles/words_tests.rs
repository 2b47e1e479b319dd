#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What may be said of a point, a map and a frame, what becomes of it, and what is refused with which words.

use super::*;
use crate::profile::{
    ByteOrder, Encoding, Expect, Field, FrameMap, Group, Layout, ModbusMap, Packing, Polarity, RegisterPoint, RegisterType, Span,
    StatusCheck, Table,
};

const HEAD: &str = "id = \"own\"\nkind = \"meter\"\nmaker = \"M\"\nmodel = \"X\"\norigin = \"manual\"\ninterval_s = 60\n";
const MAP: &str = "[modbus]\nregisters_max = 125\ntimeout_ms = 500\n";
/// Line of `[[modbus.point]]` in a profile of one point.
const POINT_LINE: usize = 10;

fn profile_of(point: &str) -> String {
    format!("{HEAD}{MAP}[[modbus.point]]\n{point}\n")
}

fn map_of(text: &str) -> ModbusMap {
    match parse(text).unwrap_or_else(|error| panic!("{error}\n{text}")).dialect {
        Dialect::Modbus(map) => map,
        other => panic!("{other:?}"),
    }
}

fn point_of(point: &str) -> RegisterPoint {
    map_of(&profile_of(point)).points.remove(0)
}

/// A point of a number in holding register 10; `lines` may say anything else.
fn number(lines: &str) -> String {
    format!("point = \"energy.active_w\"\ntable = \"holding\"\naddress = 10\n{lines}")
}

fn plain(ty: RegisterType) -> RegisterPoint {
    RegisterPoint::plain(Point::EnergyActive, Table::Holding, 10, ty)
}

fn refused(text: &str, reason: &str) -> Faults {
    let Err(faults) = read(text) else { panic!("accepted, though {reason}:\n{text}") };
    assert!(faults.to_string().contains(reason), "{reason} is not in: {faults}\n{text}");
    faults
}

#[test]
fn every_type_of_a_number_is_read_as_the_plainest_of_its_kind() {
    for (ty, word) in RegisterType::ALL {
        if matches!(ty, RegisterType::Text | RegisterType::Count) {
            continue;
        }
        assert_eq!(point_of(&number(&format!("type = \"{word}\""))), plain(ty), "{word}");
    }
}

#[test]
fn texts_and_counts_say_how_long_they_are() {
    let text = "point = \"device_health.fw\"\ntable = \"input\"\naddress = 3\ntype = \"text\"\nlength = 8\nlayout = \"swapped\"\nencoding = \"gbk\"";
    let expected = RegisterPoint {
        length: 8,
        layout: Layout::Swapped,
        encoding: Encoding::Gbk,
        ..RegisterPoint::plain(Point::HealthFirmware, Table::Input, 3, RegisterType::Text)
    };
    assert_eq!(point_of(text), expected);
    for (table, bits, length) in [("coil", 48, 48), ("discrete", 1, 1), ("holding", 16, 1), ("input", 17, 2)] {
        let point = point_of(&format!(
            "point = \"locker.door_open\"\ntable = \"{table}\"\naddress = 0\ntype = \"count\"\nbits = {bits}\npolarity = \"commissioned\""
        ));
        assert_eq!((point.bits, point.length, point.polarity), (bits, length, Polarity::Commissioned), "{table}");
    }
}

#[test]
fn addresses_are_written_as_manuals_print_them() {
    let cases: &[(&str, &str, (Table, u16))] = &[
        ("", "address = 40001", (Table::Holding, 0)),
        ("", "address = 400001", (Table::Holding, 0)),
        ("", "address = 465536", (Table::Holding, 65535)),
        ("", "address = \"30010\"", (Table::Input, 9)),
        ("", "address = 49999", (Table::Holding, 9998)),
        ("", "table = \"holding\"\naddress = 40001", (Table::Holding, 40001)),
        ("", "table = \"input\"\naddress = 0x0048", (Table::Input, 72)),
        ("", "table = \"input\"\naddress = \"72\"", (Table::Input, 72)),
        ("address_base = 1\n", "table = \"holding\"\naddress = 1", (Table::Holding, 0)),
        ("address_base = 1\n", "table = \"holding\"\naddress = 65535", (Table::Holding, 65534)),
        // PLC notation counts from 1 whatever the base.
        ("address_base = 1\n", "address = 40001", (Table::Holding, 0)),
    ];
    for (base, lines, expected) in cases {
        let map = map_of(&format!("{HEAD}{MAP}{base}[[modbus.point]]\npoint = \"energy.active_w\"\ntype = \"u16\"\n{lines}\n"));
        assert_eq!((map.points[0].table, map.points[0].address), *expected, "{base}{lines}");
    }
    let coils = [("\"00001\"", (Table::Coil, 0)), ("10012", (Table::Discrete, 11)), ("\"000101\"", (Table::Coil, 100))];
    for (address, expected) in coils {
        let point = point_of(&format!("point = \"cabinet.door_open\"\ntype = \"bool\"\naddress = {address}"));
        assert_eq!((point.table, point.address), expected, "{address}");
    }
}

#[test]
fn the_base_of_addresses_holds_for_everything_that_has_one() {
    let text = format!(
        "{HEAD}{MAP}address_base = 1\nunreadable = [{{ table = \"holding\", first = 5, last = 6 }}]\n\
         [[modbus.fingerprint]]\ntable = \"holding\"\naddress = 3\nrefused = 3\n\
         [[modbus.point]]\n{}\nstatus = {{ address = 12, mask = 1, bad = 1 }}\n",
        number("type = \"u16\"")
    );
    let map = map_of(&text);
    assert_eq!(map.unreadable, [Span { table: Table::Holding, first: 4, last: 5 }]);
    assert_eq!((map.fingerprint[0].address, &map.fingerprint[0].expect), (2, &Expect::Refused(3)));
    assert_eq!((map.points[0].address, map.points[0].status), (9, Some(StatusCheck { address: 11, mask: 1, bad: 1 })));
}

#[test]
fn bits_are_chosen_by_number_mask_or_shift() {
    let cases: &[(&str, Option<u64>, u8)] = &[
        ("bit = 3", Some(8), 3),
        ("bit = 15", Some(0x8000), 15),
        ("mask = 0x0F00", Some(0x0F00), 8),
        ("mask = 0x0F00\nshift = 0", Some(0x0F00), 0),
        ("mask = 0x0F00\nshift = 10", Some(0x0F00), 10),
        ("shift = 4", None, 4),
    ];
    for (lines, mask, shift) in cases {
        let point = point_of(&number(&format!("type = \"u16\"\n{lines}")));
        assert_eq!((point.mask, point.shift), (*mask, *shift), "{lines}");
    }
    let dotted = point_of("point = \"cabinet.door_open\"\ntable = \"holding\"\naddress = \"256.10\"\ntype = \"bool\"");
    assert_eq!((dotted.address, dotted.mask, dotted.shift), (256, Some(1 << 10), 10));
    let wide = point_of(&number("type = \"u64\"\nmask = 0xFFFFFFFFFFFFFFFE\ninvalid = [0xFFFFFFFFFFFFFFFF]"));
    assert_eq!((wide.mask, wide.shift, wide.invalid), (Some(u64::MAX - 1), 1, vec![u64::MAX]));
}

#[test]
fn orders_read_back_as_they_are_shown() {
    for bytes in [2, 4, 6, 8] {
        let big = ByteOrder::big(bytes);
        assert_eq!(ByteOrder::parse(&big.to_string()), Some(big));
        assert_eq!(point_of(&number(&format!("type = \"u{}\"\norder = \"{big}\"", bytes * 8))).order, big);
        for order in ByteOrder::usual(bytes) {
            assert_eq!(ByteOrder::parse(&order.to_string()), Some(order));
            let value = 0x0102_0304_0506_0708 >> (64 - 8 * bytes);
            assert_eq!(order.join(&order.split(value)), value, "{order}");
        }
    }
    for letters in ["", "A", "ABC", "AA", "AC", "ABCE", "ABCDEFGHIJ", "A\u{e9}"] {
        assert_eq!(ByteOrder::parse(letters), None, "{letters}");
    }
}

#[test]
fn every_other_setting_of_a_point_lands_where_it_belongs() {
    let u16 = || plain(RegisterType::U16);
    let cases: Vec<(&str, RegisterPoint)> = vec![
        ("scale = 0.1\noffset = -40", RegisterPoint { scale: 0.1, offset: -40.0, ..u16() }),
        ("divisor = 100", RegisterPoint { scale: 0.01, ..u16() }),
        ("scale = 3\ndivisor = 2", RegisterPoint { scale: 1.5, ..u16() }),
        ("round = 2", RegisterPoint { round: Some(2), ..u16() }),
        ("invalid = [32768, 0x7FFF]", RegisterPoint { invalid: vec![32768, 32767], ..u16() }),
        ("range = [-60, 80.5]", RegisterPoint { range: Some((-60.0, 80.5)), ..u16() }),
        (
            "status = { address = 257, mask = 3, bad = 3 }",
            RegisterPoint { status: Some(StatusCheck { address: 257, mask: 3, bad: 3 }), ..u16() },
        ),
        ("group = \"slow\"", RegisterPoint { group: Group::Slow, ..u16() }),
        ("group = \"once\"\norigin = \"PNU 7\"", RegisterPoint { group: Group::Once, origin: "PNU 7".into(), ..u16() }),
        ("order = \"ba\"", RegisterPoint { order: ByteOrder::parse("BA").unwrap(), ..u16() }),
    ];
    for (lines, expected) in cases {
        assert_eq!(point_of(&number(&format!("type = \"u16\"\n{lines}"))), expected, "{lines}");
    }
    for (ty, letters) in
        [("u32", "CDAB"), ("f32", "DCBA"), ("u48", "EFCDAB"), ("f64", "GHEFCDAB"), ("epoch_ms", "HGFEDCBA"), ("bcd32", "BADC")]
    {
        assert_eq!(point_of(&number(&format!("type = \"{ty}\"\norder = \"{letters}\""))).order.to_string(), letters);
    }
    let yes = point_of("point = \"cabinet.defrost\"\naddress = 40007\ntype = \"u16\"\nyes = [14, -1]\npolarity = \"clear\"");
    assert_eq!((yes.yes, yes.polarity), (vec![14, -1], Polarity::Clear));
    let mode = point_of("point = \"cabinet.mode\"\naddress = 40007\ntype = \"i16\"\nmap = { 10 = \"off\", 2 = \"idle\", -1 = \"fault\" }");
    assert_eq!(mode.map, [(-1, "fault".into()), (2, "idle".into()), (10, "off".into())]);
    let part = point_of("point = \"probe.temp_c\"\npart = \"2\"\naddress = 40007\ntype = \"i16\"");
    assert_eq!(part.part, Part::new("2").unwrap());
}

#[test]
fn a_faulty_point_is_named_with_its_line_and_reason() {
    let cases = [
        (number("type = \"i17\""), "i17"),
        (number("type = \"u16\"\nfoo = 1"), "foo"),
        ("point = \"energy.active_w\"\naddress = 256.3\ntable = \"holding\"\ntype = \"u16\"".into(), "in quotes"),
        ("point = \"energy.active_w\"\naddress = 10\ntype = \"u16\"".into(), "`table` is missing"),
        ("point = \"energy.active_w\"\naddress = 40000\ntype = \"u16\"".into(), "40001 for the first"),
        ("point = \"energy.active_w\"\naddress = 465537\ntype = \"u16\"".into(), "40001 for the first"),
        ("point = \"energy.active_w\"\naddress = -1\ntable = \"input\"\ntype = \"u16\"".into(), "no address"),
        ("point = \"energy.active_w\"\naddress = 65535\ntable = \"input\"\ntype = \"u32\"".into(), "behind 65535"),
        ("point = \"energy.active_w\"\naddress = \"7.x\"\ntable = \"input\"\ntype = \"u16\"".into(), "full stop"),
        (number("type = \"u16\"\nbit = 16"), "does not have"),
        (number("type = \"u8_lo\"\nbit = 8"), "does not have"),
        (number("type = \"u16\"\nmask = 0x10000"), "does not have"),
        (number("type = \"u16\"\nmask = 1\nshift = 1"), "does not have"),
        (number("type = \"f32\"\nmask = 1"), "does not have"),
        (number("type = \"u16\"\nmask = 0"), "nothing through"),
        (number("type = \"u16\"\nbit = 1\nmask = 2"), "without `mask`"),
        (number("type = \"u16\"\nshift = 16"), "moves everything"),
        (number("type = \"u16\"\ninvalid = [65536]"), "65536"),
        (number("type = \"u16\"\norder = \"ABCD\""), "first 2 letters"),
        (number("type = \"u32\"\norder = \"ABCC\""), "first 4 letters"),
        (number("type = \"u16\"\nscale = 0"), "cannot be 0"),
        (number("type = \"u16\"\ndivisor = 0"), "cannot be 0"),
        (number("type = \"u16\"\nscale = nan"), "must be numbers"),
        (number("type = \"u16\"\noffset = inf"), "must be numbers"),
        (number("type = \"u16\"\nround = 10"), "decimals"),
        (number("type = \"u16\"\nrange = [1, 1]"), "range is empty"),
        (number("type = \"u16\"\nrange = [nan, 1]"), "range is empty"),
        (number("type = \"u16\"\nlength = 2"), "goes with a text"),
        (number("type = \"count\""), "how many `bits`"),
        (number("type = \"u16\"\norigin = \"a\\u001b[2J\""), "`origin` is one line"),
        (number("type = \"text\"\nlength = 4"), "is not a text"),
        (number("type = \"u16\"\nmap = { 0 = \"a\" }"), "map of words"),
        (number("type = \"u16\"\nyes = [1]"), "yes or no"),
        (number("type = \"u16\"\npolarity = \"clear\""), "`polarity`"),
        (number("type = \"u16\"\nlayout = \"low\""), "`layout`"),
        (number("type = \"u16\"\npart = \"L1\""), "has no parts"),
        (number("type = \"u16\"\nstatus = { address = 1, mask = 1, bad = 2 }"), "never be 2"),
        ("point = \"energy_phase.voltage_v\"\naddress = 40001\ntype = \"f32\"".into(), "`part` is missing, it names the phase"),
        ("point = \"energy_phase.voltage_v\"\npart = \"a part of too many letters\"\naddress = 40001\ntype = \"f32\"".into(), "too long"),
        ("point = \"cabinet.door_open\"\naddress = 40001\ntype = \"bool\"\nscale = 2".into(), "go with numbers"),
        ("point = \"cabinet.door_open\"\naddress = 10001\ntype = \"bool\"\nbit = 1".into(), "does not have"),
        ("point = \"cabinet.door_open\"\naddress = 10001\ntype = \"u16\"".into(), "coil or discrete"),
        ("point = \"cabinet.mode\"\naddress = 40001\ntype = \"u16\"\nmap = { x = \"off\" }".into(), "no whole number"),
        ("point = \"cabinet.mode\"\naddress = 40001\ntype = \"u16\"\nmap = { 1 = \"off\", 01 = \"idle\" }".into(), "1 twice"),
        ("point = \"cabinet.mode\"\naddress = 40001\ntype = \"u16\"\nmap = { 1 = \"\" }".into(), "word of 1"),
        ("point = \"device_health.fw\"\naddress = 40001\ntype = \"text\"\nlength = 65".into(), "1 to 64 registers"),
        ("point = \"device_health.fw\"\naddress = 40001\ntype = \"text\"\nlength = 2\norder = \"BA\"".into(), "not an order"),
        ("point = \"locker.nothing\"\naddress = 40001\ntype = \"u16\"".into(), "no point `locker.nothing`"),
        ("point = \"alarm.value\"\naddress = 40001\ntype = \"u16\"".into(), "does not deliver"),
    ];
    for (point, reason) in cases {
        let text = profile_of(&point);
        let faults = refused(&text, reason);
        let line = text[..faults.0[0].span.start].matches('\n').count() + 1;
        assert!(line >= POINT_LINE, "{reason}: line {line}\n{text}");
    }
}

#[test]
fn every_faulty_point_is_told_at_once_each_at_its_own_line() {
    let good = number("type = \"u16\"");
    let bad = good.replace("energy.active_w", "energy.watts");
    let text = format!("{HEAD}{MAP}[[modbus.point]]\n{bad}\n[[modbus.point]]\n{good}\n[[modbus.point]]\n{bad}\n");
    let faults = refused(&text, "energy.watts");
    let lines: Vec<_> = faults.0.iter().map(|fault| text[..fault.span.start].matches('\n').count() + 1).collect();
    assert_eq!(lines, [POINT_LINE, POINT_LINE + 10]);
}

#[test]
fn a_faulty_map_is_refused_with_its_reason() {
    let good = format!("{}\n", profile_of(&number("type = \"u16\"")));
    let point = "[[modbus.point]]";
    let added = |lines: &str| format!("{lines}\n{point}");
    let cases = [
        ("id = \"own\"", "id = \"Own Meter\"".into(), "`id`"),
        ("kind = \"meter\"", "kind = \"gateway\"".into(), "gateway"),
        ("kind = \"meter\"", "kind = \"fridge\"".into(), "fridge"),
        ("maker = \"M\"", "maker = \" \"".into(), "`maker`"),
        ("interval_s = 60", "interval_s = 86401".into(), "interval_s"),
        ("registers_max = 125", "registers_max = 0".into(), "registers_max"),
        ("registers_max = 125", "registers_max = 125\nbits_max = 2001".into(), "bits_max"),
        ("timeout_ms = 500", "timeout_ms = 0".into(), "timeout_ms"),
        ("timeout_ms = 500", "timeout_ms = 500\nquirks = \"a\\u001b[2J\"".into(), "control characters"),
        ("timeout_ms = 500", "timeout_ms = 500\naddress_base = 2".into(), "address_base"),
        ("timeout_ms = 500", "timeout_ms = 500\nserial = { baud = 9600, parity = \"none\", stop_bits = 3 }".into(), "stop_bits"),
        ("timeout_ms = 500", "timeout_ms = 500\nserial = { baud = 96, parity = \"none\", stop_bits = 1 }".into(), "baud"),
        ("timeout_ms = 500", "timeout_ms = 500\nunreadable = [{ table = \"coil\", first = 2, last = 1 }]".into(), "unreadable 2 to 1"),
        (point, added("[[modbus.fingerprint]]\ntable = \"input\"\naddress = 1\nrange = [1, 2]"), "`type` is missing"),
        (point, added("[[modbus.fingerprint]]\ntable = \"input\"\naddress = 1\ntype = \"u16\""), "either a range"),
        (point, added("[[modbus.fingerprint]]\ntable = \"input\"\naddress = 1\ntype = \"text\"\nrange = [1, 2]"), "no number to look for"),
        (point, added("[[modbus.fingerprint]]\ntable = \"input\"\naddress = 1\ntype = \"u32\"\ncount = 1\nrange = [1, 2]"), "`count`"),
        (point, added("[[modbus.fingerprint]]\ntable = \"input\"\naddress = 1\ncount = 126\nrefused = 3"), "`count`"),
        (point, added("[[modbus.golden]]\nquestion = \"01 05 00 00 FF 00 8C 3A\"\norigin = \"m\""), "does not read"),
        (point, added("[[modbus.golden]]\nquestion = \"\"\norigin = \"m\""), "question is missing"),
        (point, added("[[modbus.golden]]\nquestion = \"01 0\"\norigin = \"m\""), "hexadecimal"),
        (point, added("[[modbus.golden]]\nquestion = \"0103\"\norigin = \"m\"\nvalues = { \"energy.watts\" = \"1\" }"), "no point"),
        (point, format!("{point}\n{}\n{point}", number("type = \"u16\"")), "mapped twice"),
        ("registers_max = 125\n", String::new(), "registers_max"),
    ];
    for (from, to, reason) in cases {
        assert!(good.contains(from), "{from}");
        refused(&good.replacen(from, &to, 1), reason);
    }
}

const FRAME: &str = "[frame]\ntimeout_ms = 300\nturnaround_ms = 20\nunits = [1, 32]\nchannels = 24\nformat = \"hex\"\n\
    ask = \"80{unit}0033{xor}\"\nanswer = \"80{unit}{data:3}33{xor}\"\npacking = \"bits_last\"\n\
    [[frame.point]]\npoint = \"locker.door_open\"\npolarity = \"commissioned\"\n";

#[test]
fn frames_are_templates_with_blanks() {
    let Dialect::Frame(FrameMap { ask, answer, packing, units, .. }) = parse(&format!("{HEAD}{FRAME}")).unwrap().dialect else { panic!() };
    let check = Field::Check(crate::profile::Check::Xor);
    let unit = Field::Unit(crate::profile::Coding::Byte);
    assert_eq!(ask.0, [Field::Bytes(vec![0x80]), unit.clone(), Field::Bytes(vec![0, 0x33]), check.clone()]);
    assert_eq!(answer.0, [Field::Bytes(vec![0x80]), unit, Field::Data(crate::profile::Cut::Bytes(3)), Field::Bytes(vec![0x33]), check]);
    assert_eq!((packing, units), (Packing::BitsLast, 1..=32));
    assert_eq!((ask.to_string().as_str(), answer.to_string().as_str()), ("80{unit}0033{xor}", "80{unit}{data:3}33{xor}"));
}

#[test]
fn a_faulty_frame_is_refused_with_its_reason() {
    let cases = [
        ("ask = \"80", "ask = \"8", "hexadecimal"),
        ("{xor}\"\nanswer", "{bcc}\"\nanswer", "no field `{bcc}`"),
        ("{unit}0033{xor}", "{unit0033", "not closed"),
        ("ask = \"80{unit}", "ask = \"{unit}", "begins with bytes"),
        ("{data:3}", "", "`{data}` once"),
        ("{data:3}", "{data:3}{data}", "`{data}` once"),
        ("{data:3}", "{data:2}", "do not hold 24"),
        ("{data:3}", "{data:0}", "no field"),
        ("ask = \"80{unit}", "ask = \"80{data}{unit}", "the question never"),
        ("units = [1, 32]", "units = [32, 1]", "units 32 to 1"),
        ("channels = 24", "channels = 0", "channels"),
        ("timeout_ms = 300", "timeout_ms = 0", "timeout_ms"),
        ("polarity = \"comm", "channel = 3\npolarity = \"comm", "counts all channels"),
        ("locker.door_open", "cabinet.door_open", "names one of 1 to 24"),
    ];
    for (from, to, reason) in cases {
        assert!(FRAME.contains(from), "{from}");
        refused(&format!("{HEAD}{}", FRAME.replacen(from, to, 1)), reason);
    }
}
