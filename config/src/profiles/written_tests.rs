#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What is written reads back the same, as TOML and as a spreadsheet, also after a spreadsheet program has had it.

use super::*;
use crate::profile::{
    ByteOrder, Encoding, Expect, Group, Layout, Mark, ModbusMap, Polarity, RegisterPoint, RegisterType, Span, StatusCheck, Table,
};
use proptest::prelude::*;

fn embedded() -> Vec<Arc<Profile>> {
    builtin_ids().map(|id| builtin(id).unwrap()).filter(|profile| matches!(profile.dialect, Dialect::Modbus(_))).collect()
}

fn from_csv(text: &str) -> Result<Profile, Faults> {
    from_sheet(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A map with everything a head can say.
fn full() -> Profile {
    let mut profile = (*builtin("dixell-xjp60d").unwrap()).clone();
    let Dialect::Modbus(map) = &mut profile.dialect else { panic!() };
    map.quirks = "First line; with \"quotes\", and a tail.\n  - 第二行\n".into();
    map.serial = Some(SerialDefaults { baud: 9600, parity: Parity::Even, stop_bits: 1 });
    (map.bits_max, map.turnaround, map.slow) = (7, Duration::ZERO, Duration::from_secs(3600));
    map.unreadable = vec![Span { table: Table::Holding, first: 3, last: 9 }, Span { table: Table::Coil, first: 0, last: 0 }];
    let order = ByteOrder::parse("CDAB").unwrap();
    let number = Expect::Number { ty: RegisterType::F32, order, low: -0.5, high: 1e9 };
    map.fingerprint = vec![
        Mark { table: Table::Input, address: 70, count: 2, expect: number },
        Mark { table: Table::Holding, address: 256, count: 2, expect: Expect::Refused(3) },
        Mark {
            table: Table::Holding,
            address: 256,
            count: 1,
            expect: Expect::Number { ty: RegisterType::U16, order: ByteOrder::big(2), low: 1.0, high: 1.0 },
        },
    ];
    let frame = vec![1, 3, 1, 0, 0, 1, 0x85, 0xF6];
    let values = vec![(Point::CabinetAir, Part::WHOLE, "26.0".into()), (Point::ProbeTemp, Part::new("2").unwrap(), "=1|2".into())];
    map.golden = vec![
        Golden { question: frame.clone(), answer: frame.clone(), values, origin: "a live bus".into() },
        Golden { question: frame, answer: Vec::new(), values: Vec::new(), origin: "=HYPERLINK(\"x\")".into() },
    ];
    Profile { maker: "'s Gravenhage".into(), model: "007".into(), origin: "May 5, or -1 or 1E5".into(), ..profile }
}

#[test]
fn every_embedded_register_map_reads_back_the_same() {
    assert!(embedded().len() >= 3);
    for profile in embedded().into_iter().map(|profile| (*profile).clone()).chain([full()]) {
        let toml = to_toml(&profile);
        assert_eq!(parse(&toml).as_ref(), Ok(&profile), "\n{toml}");
        assert_eq!(to_toml(&parse(&toml).unwrap()), toml, "the order changes");
        let csv = to_csv(&profile).unwrap();
        assert_eq!(from_csv(&csv).as_ref(), Ok(&profile), "\n{csv}");
        for line in csv.lines().flat_map(|line| line.split(',')) {
            assert!(!line.trim_start_matches('"').starts_with(['=', '+', '@']), "a formula: {line}");
        }
    }
    assert!(to_csv(&builtin("cabinet").unwrap()).is_none());
}

/// The table as another program stores it: cells in other quotes, another separator, a decimal comma, other line ends.
#[test]
fn what_spreadsheet_programs_make_of_it_reads_back_the_same() {
    let profile = full();
    let csv = to_csv(&profile).unwrap();
    let rows: Vec<Vec<String>> = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(csv.trim_start_matches('\u{feff}').as_bytes())
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect();
    let number = |cell: &str| cell.parse::<f64>().is_ok() && cell.contains('.');
    let stored = |separator: u8, comma: bool, all_quoted: bool, end: &str| {
        let style = if all_quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut writer = csv::WriterBuilder::new().delimiter(separator).quote_style(style).from_writer(Vec::new());
        for row in &rows {
            let cells = row.iter().map(|cell| if comma && number(cell) { cell.replace('.', ",") } else { cell.clone() });
            writer.write_record(cells.map(|cell| cell.replace('\n', end))).unwrap();
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    };
    for (separator, comma, all_quoted, end) in
        [(b',', false, true, "\n"), (b';', true, false, "\r\n"), (b'\t', true, false, "\n"), (b';', false, true, "\n")]
    {
        let text = stored(separator, comma, all_quoted, end);
        assert_eq!(from_csv(&text).as_ref(), Ok(&profile), "{}\n{text}", char::from(separator));
    }
    let with_hint = format!("sep=;\r\n\r\n# a note;;\r\n{}", stored(b';', false, false, "\n"));
    assert_eq!(from_csv(&with_hint).as_ref(), Ok(&profile));
}

const SHEET: &str = "#id,own\n#kind,meter\n#maker,M\n#model,X\n#origin,manual\n#interval_s,60\n#registers_max,10\n#timeout_ms,500\n\
    #quirks,\"two\nlines\"\n\nPoint,Table,Address,Type,scale,range,#note\nenergy.active_w,Input,0x10,F32,,,anything\n\
    energy.voltage_v,,30007,u16,0.1,0..500,\n";

#[test]
fn a_sheet_may_be_typed_by_hand() {
    let Dialect::Modbus(map) = from_csv(SHEET).unwrap().dialect else { panic!() };
    let expected = [
        RegisterPoint::plain(Point::EnergyActive, Table::Input, 16, RegisterType::F32),
        RegisterPoint {
            scale: 0.1,
            range: Some((0.0, 500.0)),
            ..RegisterPoint::plain(Point::EnergyVoltage, Table::Input, 6, RegisterType::U16)
        },
    ];
    assert_eq!(map.points, expected);
    assert_eq!(&*map.quirks, "two\nlines");
}

/// Rows are numbered as the program shows them: an empty row counts, a line inside a cell does not.
#[test]
fn faults_name_row_and_column() {
    let cases = [
        ("energy.active_w", "energy.watts", "row 12: there is no point `energy.watts`"),
        ("F32", "f33", "row 12, column D: unknown variant `f33`"),
        (",0.1,", ",abc,", "row 13, column E: `abc` is no number"),
        (",0.1,", ",\"1,000\",", "row 13, column E: `1,000`: write the decimals behind a full stop"),
        (",0..500,", ",0-500,", "row 13, column F: `0-500`: a range is two numbers"),
        (",0..500,", ",500..0,", "row 13: energy.voltage_v: the range is empty"),
        ("0x10", "256.1", "row 12, column C: `256.1`: put the bit into the column `bit`"),
        ("0x10", "", "row 12: missing field `address`"),
        ("anything", "anything,8", "row 12, column H: a value without the name of its column"),
        ("scale,", "scal,", "row 11, column E: there is no column `scal`; did you mean `scale`?"),
        ("scale,", "type,", "row 11, column E: the column `type` is there twice"),
        ("#maker", "#makr", "row 3, column A: there is no `#makr`; did you mean `#maker`?"),
        ("#maker", "maker", "row 3, column A: rows above the column names begin with #"),
        ("#interval_s,60", "#interval_s,soon", "row 6, column B: `soon` is no whole number"),
        ("#registers_max,10", "#registers_max,300", "registers_max must be 1 to 125"),
        ("#timeout_ms,500\n", "", "missing field `timeout_ms`"),
        ("#kind,meter", "#kind,toaster", "row 2, column B: unknown variant `toaster`"),
        ("#timeout_ms,500\n", "#timeout_ms,500\n#golden,01 06,,m\n", "row 9: golden: function 6 does not read"),
        ("#timeout_ms,500\n", "#timeout_ms,500\n#unreadable,coil,9,2\n", "row 9: unreadable 9 to 2"),
        ("#id,own", "#", "missing field `id`"),
        ("Point,", "Pointe,", "no row of column names"),
    ];
    for (from, to, expected) in cases {
        assert!(SHEET.contains(from), "{from}");
        let text = SHEET.replacen(from, to, 1);
        let Err(faults) = from_csv(&text) else { panic!("accepted: {expected}") };
        assert!(faults.to_string().contains(expected), "{expected} is not in: {faults}");
        if let Some(row) = expected.strip_prefix("row 1").filter(|_| expected.starts_with("row 12") || expected.starts_with("row 13")) {
            let shown = text[faults.0[0].span.clone()].to_owned();
            assert!(
                shown.starts_with(if row.starts_with('2') { "energy.active_w" } else { "energy.voltage_v" }) || to == "energy.watts",
                "{shown}"
            );
        }
    }
    let wide = format!("{SHEET}{}point,address,type\n", ",".repeat(100_000)).replace("Point,", "Pointe,");
    assert!(from_csv(&wide).unwrap_err().to_string().contains("200 are read"));
    let two = SHEET.replace("0.1", "x").replace("0x10", "y");
    assert_eq!(from_csv(&two).unwrap_err().0.len(), 2);
}

#[test]
fn no_sheet_makes_it_panic() {
    let full = to_csv(&full()).unwrap();
    for text in [SHEET, full.as_str()] {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let _ = from_csv(&text[..end]);
        }
    }
    scrambled(|bytes| drop(from_csv(&String::from_utf8_lossy(&bytes))));
}

/// Sheets with some bytes replaced by others that mean something.
fn scrambled(mut check: impl FnMut(Vec<u8>)) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..2000 {
        let mut bytes = SHEET.as_bytes().to_vec();
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] = b",;\t\"\n\r#'=|.0-&\\x"[(state >> 20) as usize % 16];
        }
        check(bytes);
    }
}

fn text() -> impl Strategy<Value = Box<str>> {
    prop_oneof!["[a-z ]{0,12}", "[!-~]{0,12}", "\\PC{0,8}", Just("1E5".to_owned()), Just("=1+1".to_owned()), Just("True".to_owned())]
        .prop_map(|text| text.trim().into())
}

fn word() -> impl Strategy<Value = Box<str>> {
    text().prop_filter("a word", |word| !word.is_empty() && word.len() <= 64)
}

/// Points of numbers with whatever fits their type.
fn a_number() -> impl Strategy<Value = RegisterPoint> {
    let types: Vec<RegisterType> =
        RegisterType::ALL.iter().map(|(ty, _)| *ty).filter(|ty| !matches!(ty, RegisterType::Text | RegisterType::Count)).collect();
    let usual = (0..4096_u16, any::<bool>(), prop::sample::select(types), 0..6_usize, text());
    let sums = (-1e12..1e12_f64, -1e3..1e3_f64, prop::option::of(0..=9_u8), prop::option::of((-1e9..0.0_f64, 0.1..1e9_f64)));
    let rest = (prop::option::of((0..9_u16, 1..=u16::MAX)), 0..8_u8, 0..3_usize, prop::collection::vec(0..=255_u64, 0..3));
    (usual, sums, rest).prop_map(|((address, input, ty, order, origin), (scale, offset, round, range), (status, bit, group, invalid))| {
        let table = if input { Table::Input } else { Table::Holding };
        let plain = RegisterPoint::plain(Point::EnergyActive, table, address, ty);
        let orders = ByteOrder::usual(usize::from(plain.length) * 2);
        let whole = !matches!(ty, RegisterType::F16 | RegisterType::F32 | RegisterType::F64);
        let (mask, shift) = match bit {
            1 if whole => (Some(1 << 5), 5),
            2 if whole => (Some(0b1110), 1),
            3 if whole => (Some(0b1110), 0),
            4 if whole => (None, 3),
            _ => (None, 0),
        };
        RegisterPoint {
            order: orders.get(order).copied().unwrap_or(plain.order),
            scale: if scale == 0.0 { 1.0 } else { scale },
            status: status.map(|(address, mask)| StatusCheck { address, mask, bad: mask }),
            group: Group::ALL[group],
            ..RegisterPoint { offset, round, range, invalid, origin, mask, shift, ..plain }
        }
    })
}

/// Points of words, of yes or no, and of characters.
fn another() -> impl Strategy<Value = RegisterPoint> {
    let map = prop::collection::btree_map(any::<i64>(), word(), 1..4);
    let mode = map.prop_map(|map| RegisterPoint {
        map: map.into_iter().collect(),
        ..RegisterPoint::plain(Point::CabinetMode, Table::Holding, 6, RegisterType::I64)
    });
    let yes = (prop::collection::vec(any::<i64>(), 0..3), 0..3_usize).prop_map(|(yes, polarity)| RegisterPoint {
        yes,
        polarity: [Polarity::Set, Polarity::Clear, Polarity::Commissioned][polarity],
        ..RegisterPoint::plain(Point::CabinetDoor, Table::Input, 7, RegisterType::U16)
    });
    let fw = (1..=64_u16, 0..4_usize, 0..3_usize).prop_map(|(length, layout, encoding)| RegisterPoint {
        length,
        layout: [Layout::Both, Layout::Swapped, Layout::High, Layout::Low][layout],
        encoding: [Encoding::Ascii, Encoding::Utf8, Encoding::Gbk][encoding],
        ..RegisterPoint::plain(Point::HealthFirmware, Table::Input, 7, RegisterType::Text)
    });
    let part = "[0-9A-Za-z=+@. -]{1,12}".prop_map(|part| RegisterPoint {
        part: Part::new(&part).unwrap(),
        ..RegisterPoint::plain(Point::ProbeTemp, Table::Input, 7, RegisterType::I16)
    });
    let doors = (1..400_u16).prop_map(|bits| RegisterPoint {
        bits,
        length: bits,
        ..RegisterPoint::plain(Point::LockerDoorOpen, Table::Coil, 0, RegisterType::Count)
    });
    prop_oneof![mode, yes, fw, part, doors]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_reads_back_the_same(number in a_number(), other in another(), maker in word(), quirks in "[ -~\n]{0,40}") {
        let interval = Duration::from_secs(60);
        let map = ModbusMap { quirks: quirks.into(), ..ModbusMap::plain(vec![number, other], Duration::from_millis(500)) };
        let head = (*builtin("eastron-sdm120").unwrap()).clone();
        let profile = Profile { maker, interval, dialect: Dialect::Modbus(map), ..head };
        let toml = to_toml(&profile);
        prop_assert_eq!(parse(&toml), Ok(profile.clone()), "\n{}", toml);
        let csv = to_csv(&profile).unwrap();
        prop_assert_eq!(from_csv(&csv), Ok(profile), "\n{}", csv);
    }
}
