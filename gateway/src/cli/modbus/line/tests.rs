//! Lines named by hand, and why one cannot be opened.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn addresses_are_a_host_and_a_port() {
    let address = |host: &str, port| Some(HostPort { host: host.into(), port });
    let cases = [
        ("192.168.1.20:502", address("192.168.1.20", 502)),
        ("moxa.local:4001", address("moxa.local", 4001)),
        ("[fe80::1]:502", address("fe80::1", 502)),
        ("192.168.1.20", None),
        (":502", None),
        ("host:0", None),
        ("host:70000", None),
    ];
    for (text, expected) in cases {
        assert_eq!(host_port(text).ok(), expected, "{text}");
    }
}

#[test]
fn who_has_the_port_and_what_to_do_is_said() {
    let line = SerialLine { path: "/dev/ttyUSB0".into(), baud: 9600, parity: Parity::None, data_bits: 8, stop_bits: 1, rs485: None };
    let bus = Bus::plain("line1", Framing::Rtu, Transport::Serial(line));
    let cases = [
        (io::ErrorKind::WouldBlock, 75, "systemctl stop facility-gateway"),
        (io::ErrorKind::PermissionDenied, 77, "dialout"),
        (io::ErrorKind::NotFound, 66, "/dev/serial/by-id"),
        (io::ErrorKind::TimedOut, 69, "cable"),
    ];
    for (kind, expected, said) in cases {
        let Exit::Start { code, message } = not_open(&bus, &kind.into()) else { panic!("{kind:?}") };
        assert!(code == expected && message.contains(said) && message.contains("/dev/ttyUSB0"), "{kind:?}: {code} {message}");
    }
}
