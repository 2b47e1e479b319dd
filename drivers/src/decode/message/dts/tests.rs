//! Audit files, whole and damaged, with the checksums that machines write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{VALUES_MAX, read};
use crate::fault::Fault;
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Value, json};

/// A machine with two selections of which one is not present, in the words of EVA-DTS 6.
const SEGMENTS: &[&str] = &[
    "ID1*CSJ000000042*LANE-60*0102**front hall",
    "ID4*2*1156*CNY",
    "ID5*20260901*080000",
    "VA1*9641250*20817*350*1",
    "CA1*SN00042*COIN3*0100",
    "CA2*641250*1817*350*1",
    "CA11*50*10*4*6",
    "CA11*100*7*7*0",
    "DA1*6222020200112233*READER*0100",
    "DA2*9000000*19000*0*0",
    "DA7*6222020200112233445*CARD",
    "PA1*A1*350*TEA*10*8**0*5*2",
    "PA2*120*42000*1*350",
    "PA7*A1*CA*0*350*60*21000",
    "PA7*A1*DA*1*350*60*21000",
    "PA1*A2*400**10*8**1*0*2",
    "PA2*7*2800",
    "EA2*EJB*1*4**1",
    "EA2*EGS*0*31",
    "EA2*EC*0*1",
    "EA2*EC*0*2",
    "EA7*3*119",
];

/// Bit by bit, by the polynomial as the standard gives it: another way than the reader's.
fn crc(bytes: &[u8]) -> u16 {
    let mut crc = 0_u16;
    for byte in bytes {
        for bit in 0..8 {
            let carry = crc >> 15 ^ u16::from(byte >> bit & 1);
            crc <<= 1;
            if carry == 1 {
                crc ^= 0x8005;
            }
        }
    }
    crc.reverse_bits()
}

fn file(segments: &[&str]) -> String {
    let set: String = std::iter::once(&"ST*001*0001").chain(segments).map(|line| format!("{line}\r\n")).collect();
    let count = segments.len() + 3;
    format!("DXS*CSJ0000042*VA*V1/6*1\r\n{set}G85*{:04X}\r\nSE*{count}*0001\r\nDXE*1*1\r\n", crc(set.as_bytes()))
}

fn read_text(text: &str) -> Result<Value, Fault> {
    read(text.as_bytes())
}

#[test]
fn a_whole_file_is_read() {
    let audit = read_text(&file(SEGMENTS)).unwrap();
    let expected = json!({
        "ID1": {"02": "LANE-60", "03": 102, "05": "front hall", "01": "CSJ000000042"},
        "ID4": {"01": 2, "02": 1156, "03": "CNY"},
        "ID5": {"time": "2026-09-01 08:00:00"},
        "VA1": {"01": 9_641_250, "02": 20817, "03": 350, "04": 1},
        "CA1": {"01": "SN00042", "02": "COIN3", "03": 100},
        "CA2": {"01": 641_250, "02": 1817, "03": 350, "04": 1},
        "DA1": {"03": 100},
        "DA2": {"01": 9_000_000, "02": 19000, "03": 0, "04": 0},
        "DA7": {},
        "PA1": {"A1": {"01": "A1", "02": 350, "03": "TEA", "04": 10, "05": 8, "07": 0, "08": 5, "09": 2}},
        "PA2": {"A1": {"01": 120, "02": 42000, "03": 1, "04": 350}},
        "PA7": {},
        "EA2": {"EJB": {"01": "EJB", "02": 1, "03": 4, "05": 1}, "EGS": {"01": "EGS", "02": 0, "03": 31}},
        "EA7": {"01": 3, "02": 119},
    });
    assert_eq!(audit, expected);
    assert!(!audit.to_string().contains("62220202"), "a card number passed");
}

/// A set whose checksum (4DEDh) and count a payment terminal's maker publishes.
#[test]
fn the_checksum_is_the_one_machines_write() {
    let mut lines = vec!["ST*001*0001", "IC1******0", "IC4*1*1643**1*50000*0*0*2*1*0*1*0*0*0*0*0*1", "AC2**internet*gdata*gdata*1*0*0*1*"];
    lines.extend(["FC1*0*1**0**0", "FC2**0**", "FC3*", "FC4*", "FC5*"]);
    let prices = [("01", "250", "0*3"), ("02", "270", "1*3"), ("03", "250", "2*3"), ("04", "250", "3*2"), ("05", "270", "4*1")];
    let prices = prices.map(|(no, price, goods)| {
        [format!("PC1*{no}*{price}*0"), format!("PC9*{no}*{goods}*"), format!("PC7*{no}*CA*0*{price}"), format!("PC7*{no}*DA*1*100")]
    });
    lines.extend(prices.iter().flatten().map(String::as_str));
    lines.extend(["MC5*0*INTERNET*1", "MC5*1*EXT1*0", "MC5*2*EXT2*0", "MC5*3*USB1*0", "MC5*4*QRTYPE*0", "MC5*5*ETH1MAC*2089846A9601"]);
    lines.extend(["MC5*6*ETH1ADDR*192.168.1.200", "MC5*7*ETH1MASK*255.255.255.0", "MC5*8*ETH1GW*192.168.1.1"]);
    lines.extend(["G85*4DED", "SE*40*0001"]);
    for end in ["\r\n", "\n"] {
        let text: String = lines.iter().map(|line| format!("{line}{end}")).collect();
        assert!(read_text(&text).is_ok(), "{end:?}");
        assert_eq!(read_text(&text.replace("1643", "1644")), Err(Fault::Undecodable));
    }
}

#[test]
fn a_file_is_taken_whole_or_not_at_all() {
    let whole = file(SEGMENTS);
    let cut = |at: &str| whole[..whole.find(at).unwrap()].to_owned();
    let without = |line: &str| whole.lines().filter(|l| !l.starts_with(line)).map(|l| format!("{l}\r\n")).collect::<String>();
    let g85 = whole.lines().find(|line| line.starts_with("G85")).unwrap();
    let cases: [(&str, String, bool); 20] = [
        ("LF instead of CR LF", whole.replace("\r\n", "\n"), true),
        ("empty lines between", whole.replace("\r\n", "\r\n\r\n"), true),
        ("lower case checksum", whole.replace(g85, &format!("G85*{}", g85[4..].to_lowercase())), true),
        ("without DXS and DXE", without("DX"), true),
        ("something before DXS", format!("MC5*LIST\r\n{whole}"), true),
        ("no checksum, and counted so", without("G85").replace("SE*25", "SE*24"), true),
        ("an empty checksum", whole.replace(g85, "G85*"), true),
        ("no count", whole.replace("SE*25*0001", "SE"), true),
        ("a digit changed", whole.replace("9641250", "9641251"), false),
        ("a checksum that is none", whole.replace(g85, "G85*XYZ1"), false),
        ("a line missing, without a checksum", without("G85").replace("SE*25", "SE*24").replace("EA7*3*119\r\n", ""), false),
        ("counted as one more", whole.replace("SE*25", "SE*26"), false),
        ("a count that is none", whole.replace("SE*25", "SE*x"), false),
        ("cut in a line", cut("0*42000"), false),
        ("cut before SE", cut("SE*"), false),
        ("two sets", format!("{whole}{whole}"), false),
        ("a set in a set", whole.replace("EA7*3", "ST*3"), false),
        ("segments after the checksum", without("EA7").replace("SE*", "EA7*3*119\r\nSE*"), false),
        ("bytes of the line's frame", whole.replace("PA2*120", "\x10\x17PA2*120"), false),
        ("nothing", String::new(), false),
    ];
    for (name, text, is_taken) in cases {
        assert_eq!(read_text(&text).map(drop), if is_taken { Ok(()) } else { Err(Fault::Undecodable) }, "{name}");
    }
}

/// Machines with loops do not count the lines that mark them; others may.
#[test]
fn loops_may_be_counted_or_not() {
    let looped = ["VA1*69250*1306", "LS*0100", "PA1*1*500", "LE*0100"];
    for (count, is_taken) in [(5, true), (7, true), (6, false), (4, false)] {
        let text = file(&looped).replace("SE*7", &format!("SE*{count}"));
        assert_eq!(read_text(&text).is_ok(), is_taken, "{count}");
    }
    let audit = read_text(&file(&looped)).unwrap();
    assert_eq!(audit, json!({"VA1": {"01": 69250, "02": 1306}, "PA1": {"1": {"01": 1, "02": 500}}}));
}

#[test]
fn amounts_are_in_fen() {
    let body = ["VA1*1250*3", "CA2*1000*2", "PA1*1*350**10", "PA2*4*1400", "VA2*333*1", "EA7*1*2"];
    let expected = |va: Value, ca: Value, price: Value, sold: Value, tests: Value| {
        let with = |position: &str, amount: Value, rest: Value| {
            let mut all = rest;
            if !amount.is_null() {
                all[position] = amount;
            }
            all
        };
        json!({
            "VA1": with("01", va, json!({"02": 3})),
            "CA2": with("01", ca, json!({"02": 2})),
            "PA1": {"1": with("02", price, json!({"01": 1, "04": 10}))},
            "PA2": {"1": with("02", sold, json!({"01": 4}))},
            "VA2": with("01", tests, json!({"02": 1})),
            "EA7": {"01": 1, "02": 2},
        })
    };
    let none = Value::Null;
    let hundred = expected(json!(125_000), json!(100_000), json!(35_000), json!(140_000), json!(33_300));
    let as_is = expected(json!(1250), json!(1000), json!(350), json!(1400), json!(333));
    let tenth = expected(json!(125), json!(100), json!(35), json!(140), none.clone());
    let cases: [(&str, Value); 6] = [
        ("ID4*0*1156", hundred),
        ("ID4*1*1156", expected(json!(12_500), json!(10_000), json!(3500), json!(14_000), json!(3330))),
        ("ID4*2*1156", as_is.clone()),
        ("ID4**1156", as_is),
        ("ID4*3*1156", tenth),
        ("ID4*x*1156", expected(none.clone(), none.clone(), none.clone(), none.clone(), none)),
    ];
    for (id4, expected) in cases {
        // It may stand behind what it is about.
        for segments in [[&[id4], &body[..]].concat(), [&body[..], &[id4]].concat()] {
            let mut audit = read_text(&file(&segments)).unwrap();
            audit.as_object_mut().unwrap().remove("ID4");
            assert_eq!(audit, expected, "{id4}");
        }
    }
}

#[test]
fn elements_one_by_one() {
    let cases: [(&str, Value); 14] = [
        ("VA1*99999999*1", json!({"VA1": {"01": 99_999_999, "02": 1}})),
        ("VA1*100000000*1", json!({"VA1": {"02": 1}})),
        ("VA1*4294967295*000000001", json!({"VA1": {}})),
        ("VA1*00000012*0", json!({"VA1": {"01": 12, "02": 0}})),
        ("VA1*-5*1.5", json!({"VA1": {"01": "-5", "02": "1.5"}})),
        ("VA1", json!({"VA1": {}})),
        ("ID1*a  *b\u{fc}*\u{5317}", json!({"ID1": {"01": "a"}})),
        ("ID5*260901*0800", json!({"ID5": {"time": "2026-09-01 08:00:00"}})),
        ("ID5*2609*0800", json!({"ID5": {}})),
        ("DB2*10*VISA*2", json!({"DB2": {"01": 10, "03": 2}})),
        ("PA2*1*350", json!({})),
        ("EA250705*1", json!({})),
        ("va1*1", json!({})),
        ("PA1*a name that is far too long*350", json!({})),
    ];
    for (segment, expected) in cases {
        assert_eq!(read_text(&file(&[segment])), Ok(expected), "{segment}");
    }
}

#[test]
fn many_values_are_bounded() {
    let lane = |no: usize| format!("PA1*{no}*350**10*8*0*0*5*2\r\nPA2*120*42000*1*350\r\n");
    let lanes = |count: usize| format!("ST*1\r\n{}SE\r\n", (0..count).map(lane).collect::<String>());
    assert_eq!(read_text(&lanes(VALUES_MAX / 12)).map(drop), Ok(()));
    assert_eq!(read_text(&lanes(VALUES_MAX / 12 + 1)).map(drop), Err(Fault::Oversize));
    assert_eq!(read_text(&format!("ST\n{}SE\n", "X\n".repeat(VALUES_MAX + 1))).map(drop), Err(Fault::Oversize));
    assert!(read_text(&format!("ST\nVA1{}\nSE\n", "*1".repeat(100_000))).unwrap()["VA1"].as_object().unwrap().len() == 99);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_lines(lines in proptest::collection::vec("(ST|SE|G85|ID4|ID5|LS|PA1|PA2|EA2|VA1|\\PC{0,4})(\\*[0-9A-Z]{0,9}){0,9}", 0..30)) {
        let _ = read_text(&lines.join("\r\n"));
        let _ = read_text(&format!("ST\n{}\nSE", lines.join("\n")));
    }

    #[test]
    fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&[b"ST\n", &body[..], b"\nSE"].concat());
    }
}
