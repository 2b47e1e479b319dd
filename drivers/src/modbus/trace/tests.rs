//! Recordings as text, there and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use proptest::prelude::*;

#[test]
fn a_recording_is_plain_text() {
    let text = "{\"bus\":\"hall\",\"framing\":\"rtu\"}\n\
                {\"at_us\":0,\"dir\":\"out\",\"hex\":\"01 04 00 00 00 02 71 CB\"}\n\
                {\"at_us\":21500,\"dir\":\"in\",\"hex\":\"01 84 02 C2 C1\"}\n";
    let recording = Recording::parse(text).unwrap();
    assert_eq!(recording.head, Some(Head { bus: "hall".into(), framing: Framing::Rtu }));
    assert_eq!(recording.wires[1], Wire { at_us: 21_500, dir: Dir::In, bytes: vec![1, 0x84, 2, 0xC2, 0xC1] });
    assert_eq!(recording.to_text(), text);
    assert_eq!(Recording::parse("").unwrap(), Recording::default());
    let loose = "\n{\"hex\":\"0a0B\",\"dir\":\"in\",\"at_us\":1}\r\n\n";
    assert_eq!(Recording::parse(loose).unwrap().wires, [Wire { at_us: 1, dir: Dir::In, bytes: vec![10, 11] }]);
}

#[test]
fn what_is_no_recording_is_explained() {
    let wire = |hex: &str| format!("{{\"at_us\":5,\"dir\":\"in\",\"hex\":\"{hex}\"}}");
    let long = "00".repeat(MODBUS_HEARD_BYTES_MAX + 1);
    let cases = [
        ("nonsense".to_owned(), "line 1: "),
        ("{\"at_us\":-1,\"dir\":\"in\",\"hex\":\"00\"}".to_owned(), "line 1: "),
        ("{\"at_us\":1,\"dir\":\"up\",\"hex\":\"00\"}".to_owned(), "unknown variant `up`"),
        ("{\"at_us\":1,\"dir\":\"in\",\"hex\":\"00\",\"x\":1}".to_owned(), "unknown field `x`"),
        ("{\"bus\":\"a\",\"framing\":\"udp\"}".to_owned(), "framing `udp`: is none of tcp, rtu, ascii"),
        (format!("{}\n{}", wire("00"), wire("0")), "line 2: hex: not pairs"),
        (wire("0G"), "hex: not pairs"),
        (wire("é0"), "hex: not pairs"),
        (wire(""), "hex: not pairs"),
        (wire(&long), "1 to 1024 bytes"),
        (format!("{}\n{}", wire("00"), wire("00").replace('5', "4")), "line 2: is earlier"),
        (format!("{}\n{{\"bus\":\"a\",\"framing\":\"rtu\"}}", wire("00")), "line 2: "),
    ];
    for (text, expected) in cases {
        let error = Recording::parse(&text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn there_and_back(at_us in any::<u64>(), out in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        let wire = Wire { at_us, dir: if out { Dir::Out } else { Dir::In }, bytes };
        prop_assert_eq!(Wire::from_line(&wire.to_line()).unwrap(), wire);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _ = Recording::parse(&text);
    }
}
