//! Buses and the devices on them: what every setting becomes, and every contradiction with its place and its words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use facility_config::device::{Polling, Source};
use facility_config::site::{Framing, HostPort, Parity, Rs485, SerialLine, Transport};
use facility_config::{Problems, Site, from_toml};
use std::time::Duration;

/// Four lines; what a case adds begins at line 5.
const HEAD: &str = "[gateway]\nid = \"gw-test-01\"\nsite = \"test-site\"\ndistrict = \"350102\"\n";

fn accepted(text: &str) -> Site {
    from_toml("t.toml", &format!("{HEAD}{text}\n")).unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(text: &str) -> Problems {
    from_toml("t.toml", &format!("{HEAD}{text}\n")).expect_err(text)
}

/// One problem with this code, at this place, for this key, with these words in message or hint.
fn refused(text: &str, (code, key, line, column): (&str, &str, usize, usize), words: &str) {
    let problems = problems(text);
    let errors: Vec<_> = problems.0.iter().filter(|problem| !problem.is_warning()).collect();
    let [problem] = errors.as_slice() else { panic!("{} problems for\n{text}\n{problems}", errors.len()) };
    let place = problem.place.as_ref().unwrap();
    assert_eq!((problem.code, problem.key.as_str(), place.line, place.column), (code, key, line, column), "\n{text}\n{problems}");
    let said = format!("{} {}", problem.message, problem.hint.as_deref().unwrap_or_default());
    assert!(said.contains(words), "{words} is not in: {said}");
}

fn host_port(host: &str, port: u16) -> HostPort {
    HostPort { host: host.into(), port }
}

fn listen(port: u16, registration: Option<&[u8]>, heartbeat: Option<&[u8]>) -> Transport {
    Transport::Listen {
        address: ([0, 0, 0, 0], port).into(),
        registration: registration.map(Into::into),
        heartbeat: heartbeat.map(Into::into),
    }
}

fn line(rs485: Option<Rs485>) -> SerialLine {
    SerialLine { path: "/dev/ttyS3".into(), baud: 9600, parity: Parity::None, data_bits: 8, stop_bits: 1, rs485 }
}

#[test]
fn every_way_to_a_line() {
    let serial = "path = \"/dev/ttyS3\"\n";
    let usual = Rs485 { rts_high: true, before_ms: 0, after_ms: 0, hear_self: false };
    let cases: Vec<(String, Framing, Transport)> = vec![
        ("transport = \"tcp\"\naddress = \"h:502\"".into(), Framing::Tcp, Transport::Dial { address: host_port("h", 502), backup: None }),
        (
            "transport = \"rtu_over_tcp\"\naddress = \"h:502\"\nbackup = \"[fe80::1]:503\"".into(),
            Framing::Rtu,
            Transport::Dial { address: host_port("h", 502), backup: Some(host_port("fe80::1", 503)) },
        ),
        (
            "transport = \"ascii_over_tcp\"\naddress = \"h:502\"".into(),
            Framing::Ascii,
            Transport::Dial { address: host_port("h", 502), backup: None },
        ),
        ("transport = \"tcp\"\nlisten = \"0.0.0.0:5020\"".into(), Framing::Tcp, listen(5020, None, None)),
        (
            "transport = \"rtu_over_tcp\"\nlisten = \"0.0.0.0:5020\"\nregistration = \"8661 é\"\nheartbeat = \"hex: 00 fE\"".into(),
            Framing::Rtu,
            listen(5020, Some("8661 é".as_bytes()), Some(&[0, 0xFE])),
        ),
        (format!("transport = \"rtu\"\n{serial}"), Framing::Rtu, Transport::Serial(line(None))),
        (
            format!("transport = \"ascii\"\n{serial}baud = 1200\nparity = \"odd\"\ndata_bits = 7\nstop_bits = 2"),
            Framing::Ascii,
            Transport::Serial(SerialLine { baud: 1200, parity: Parity::Odd, data_bits: 7, stop_bits: 2, ..line(None) }),
        ),
        (format!("transport = \"rtu\"\n{serial}rs485 = false"), Framing::Rtu, Transport::Serial(line(None))),
        (format!("transport = \"rtu\"\n{serial}rs485 = true"), Framing::Rtu, Transport::Serial(line(Some(usual)))),
        (
            format!(
                "transport = \"rtu\"\n{serial}rs485 = true\nrs485_rts_high = false\nrs485_before_ms = 1\nrs485_after_ms = 100\n\
                 rs485_hear_self = true\necho = true"
            ),
            Framing::Rtu,
            Transport::Serial(line(Some(Rs485 { rts_high: false, before_ms: 1, after_ms: 100, hear_self: true }))),
        ),
    ];
    for (lines, framing, transport) in cases {
        let site = accepted(&format!("[bus.b]\n{lines}"));
        assert_eq!((site.buses[0].framing, &site.buses[0].transport), (framing, &transport), "{lines}");
    }
}

#[test]
fn pauses_of_a_bus() {
    let ms = Duration::from_millis;
    let cases = [
        ("transport = \"tcp\"\naddress = \"h:502\"", (ms(0), None, ms(0), None, false)),
        ("transport = \"rtu_over_tcp\"\naddress = \"h:502\"", (ms(20), None, ms(0), None, false)),
        ("transport = \"rtu\"\npath = \"/dev/x\"", (ms(20), None, ms(0), None, false)),
        (
            "transport = \"rtu_over_tcp\"\naddress = \"h:502\"\npause_ms = 0\ngap_us = 1750\nconnect_delay_ms = 60000\nidle_close_s = 5\necho = true",
            (ms(0), Some(Duration::from_micros(1750)), ms(60_000), Some(ms(5000)), true),
        ),
    ];
    for (lines, expected) in cases {
        let site = accepted(&format!("[bus.b]\n{lines}"));
        let bus = &site.buses[0];
        assert_eq!((bus.pause, bus.gap, bus.connect_delay, bus.idle_close, bus.echo), expected, "{lines}");
    }
}

#[test]
fn settings_of_a_device_on_a_bus() {
    let bus = "[bus.b]\ntransport = \"tcp\"\naddress = \"h:502\"\n[device.d-1]\nprofile = \"eastron-sdm120\"\nbus = \"b\"\n";
    let secs = Duration::from_secs;
    let cases = [
        ("unit = 0", Source::Bus { bus: 0, unit: 0 }, Polling::default()),
        ("unit = 255", Source::Bus { bus: 0, unit: 255 }, Polling::default()),
        (
            "unit = 1\ntimeout_ms = 60000\nslow_interval_s = 7\nretries = 5\nretries_damaged = 0\nretries_busy = 2\noffline_after = 1\noffline_max_s = 86400",
            Source::Bus { bus: 0, unit: 1 },
            Polling {
                timeout: Some(secs(60)),
                slow: Some(secs(7)),
                retries: 5,
                retries_damaged: 0,
                retries_busy: 2,
                offline_after: 1,
                offline_max: secs(86400),
                ..Polling::default()
            },
        ),
    ];
    for (lines, source, polling) in cases {
        let site = accepted(&format!("{bus}{lines}"));
        assert_eq!((&site.devices[1].source, &site.devices[1].polling), (&source, &polling), "{lines}");
    }
    let usual = Polling::default();
    assert_eq!((usual.retries, usual.retries_damaged, usual.retries_busy, usual.offline_after), (0, 1, 1, 3));
}

#[test]
fn a_setting_that_has_no_meaning_here_is_refused() {
    let tcp = "[bus.b]\ntransport = \"tcp\"\naddress = \"h:502\"\n";
    let rtu = "[bus.b]\ntransport = \"rtu\"\npath = \"/dev/x\"\n";
    let dtu = "[bus.b]\ntransport = \"rtu_over_tcp\"\nlisten = \"0.0.0.0:5020\"\n";
    let cases = [
        (tcp, "path = \"/dev/x\"", "path", "transport = \"rtu\""),
        (tcp, "baud = 9600", "baud", "transport = \"rtu\""),
        (tcp, "parity = \"even\"", "parity", "transport = \"rtu\""),
        (tcp, "data_bits = 8", "data_bits", "transport = \"rtu\""),
        (tcp, "stop_bits = 1", "stop_bits", "transport = \"rtu\""),
        (tcp, "gap_us = 4000", "gap_us", "`rtu` and `rtu_over_tcp`"),
        (tcp, "echo = true", "echo", "a serial line"),
        (tcp, "registration = \"hello\"", "registration", "`listen`"),
        (tcp, "heartbeat = \"hello\"", "heartbeat", "`listen`"),
        (tcp, "listen = \"0.0.0.0:5020\"", "address", "both `listen` and `address`"),
        (tcp, "backup = \"h:502\"", "backup", "same `address` and `backup`"),
        (dtu, "backup = \"h:502\"", "backup", "both `listen` and `backup`"),
        (rtu, "address = \"h:502\"", "address", "through TCP"),
        (rtu, "backup = \"h:502\"", "backup", "through TCP"),
        (rtu, "listen = \"0.0.0.0:5020\"", "listen", "through TCP"),
        (rtu, "registration = \"hello\"", "registration", "through TCP"),
        (rtu, "heartbeat = \"hello\"", "heartbeat", "through TCP"),
        (rtu, "idle_close_s = 5", "idle_close_s", "through TCP"),
        (rtu, "rs485_rts_high = true", "rs485_rts_high", "`rs485 = true`"),
        (rtu, "rs485_before_ms = 1", "rs485_before_ms", "`rs485 = true`"),
        (rtu, "rs485_after_ms = 1", "rs485_after_ms", "`rs485 = true`"),
        (rtu, "rs485_hear_self = false", "rs485_hear_self", "`rs485 = true`"),
        (rtu, "rs485 = true\nrs485_hear_self = true", "rs485_hear_self", "echo = true"),
        (rtu, "data_bits = 7", "data_bits", "\"ascii\""),
    ];
    for (bus, lines, key, words) in cases {
        let line = if key == "address" && bus == tcp { 7 } else { 8 + lines.matches('\n').count() };
        refused(&format!("{bus}{lines}"), ("GW-C016", &format!("bus.b.{key}"), line, 1), words);
    }
}

#[test]
fn addresses_and_packets_that_are_none() {
    let dial = "[bus.b]\ntransport = \"rtu_over_tcp\"\naddress = \"h:1\"\n";
    let dtu = "[bus.b]\ntransport = \"rtu_over_tcp\"\nlisten = \"0.0.0.0:5020\"\n";
    let long = format!("registration = \"{}\"", "x".repeat(129));
    let cases = [
        (dial, "backup = \"other\"", ("GW-C014", "bus.b.backup", 8, 10), "needs a port"),
        (dial, "backup = \"h:0\"", ("GW-C014", "bus.b.backup", 8, 10), "1 to 65535"),
        (dtu, "registration = \"hex:0\"", ("GW-C009", "bus.b.registration", 8, 16), "1 to 128 bytes"),
        (dtu, "registration = \"hex:rubbish\"", ("GW-C009", "bus.b.registration", 8, 16), "1 to 128 bytes"),
        (dtu, "registration = \"hex:\"", ("GW-C009", "bus.b.registration", 8, 16), "1 to 128 bytes"),
        (dtu, long.as_str(), ("GW-C009", "bus.b.registration", 8, 16), "1 to 128 bytes"),
        (dtu, "heartbeat = \"hex:zz\"", ("GW-C009", "bus.b.heartbeat", 8, 13), "hex:48 45"),
        ("[bus.b]\ntransport = \"tcp\"\n", "listen = \"5020\"", ("GW-C014", "bus.b.listen", 7, 10), "0.0.0.0:5020"),
        ("[bus.b]\ntransport = \"tcp\"\n", "listen = \"vpn.example:5020\"", ("GW-C014", "bus.b.listen", 7, 10), "numeric"),
    ];
    for (bus, line, expected, words) in cases {
        refused(&format!("{bus}{line}"), expected, words);
    }
}

#[test]
fn what_a_dtu_registers_with_is_not_shown() {
    let shared = "listen = \"0.0.0.0:5020\"\nregistration = \"hunter2\"\n";
    for text in [
        "[bus.b]\ntransport = \"rtu_over_tcp\"\nlisten = \"0.0.0.0:5020\"\nregistration = \"hex:hunter2\"".to_owned(),
        "[bus.b]\ntransport = \"tcp\"\naddress = \"h:502\"\nregistration = \"hunter2\"".to_owned(),
        "[bus.b]\ntransport = \"rtu\"\npath = \"/dev/x\"\nregistration = \"hunter2\"".to_owned(),
        format!("[bus.a]\ntransport = \"tcp\"\n{shared}[bus.b]\ntransport = \"tcp\"\n{shared}"),
        "bus.b = { transport = \"tcp\", address = \"h:502\", registration = \"hunter2\" }".to_owned(),
    ] {
        let problems = from_toml("t.toml", &format!("{text}\n{HEAD}")).expect_err(&text);
        let all = format!("{problems}{}{problems:?}", problems.to_json());
        assert!(!all.contains("hunter2"), "{all}");
    }
}

#[test]
fn two_buses_on_one_line_are_refused() {
    let listening = |registrations: [&str; 2]| {
        let bus = |(name, registration): (&str, &&str)| {
            let registration = if registration.is_empty() { String::new() } else { format!("registration = \"{registration}\"\n") };
            format!("[bus.{name}]\ntransport = \"rtu_over_tcp\"\nlisten = \"0.0.0.0:5020\"\n{registration}")
        };
        ["a", "b"].into_iter().zip(&registrations).map(bus).collect::<String>()
    };
    assert_eq!(accepted(&listening(["GW1", "GW2"])).buses.len(), 2);
    for registrations in [["", ""], ["GW1", ""], ["", "GW1"], ["GW1", "GW1"], ["GW1", "GW12"], ["hex:01", "hex:0102"]] {
        let line = 5 + 3 + usize::from(!registrations[0].is_empty());
        refused(&listening(registrations), ("GW-C017", "bus.b", line, 6), "`registration`");
    }
    let dialled = |second: &str| {
        format!(
            "[bus.a]\ntransport = \"rtu_over_tcp\"\naddress = \"h:4001\"\n[bus.b]\ntransport = \"rtu_over_tcp\"\naddress = \"{second}\"\n"
        )
    };
    assert_eq!(accepted(&dialled("h:4002")).buses.len(), 2);
    refused(&dialled("h:4001"), ("GW-C017", "bus.b", 8, 6), "same line");
    refused(&dialled("h:4002\"\nbackup = \"h:4001"), ("GW-C017", "bus.b", 8, 6), "same line");
    // The wildcard takes the port from every other address, whatever the DTUs say first.
    let wildcard = listening(["GW1", "GW2"]).replacen("0.0.0.0", "10.8.0.1", 1);
    assert_eq!(problems(&wildcard).0.iter().filter(|problem| problem.code == "GW-C017").count(), 1);
    // A port that is picked anew at each start is none a DTU can be set to.
    assert!(problems(&listening(["GW1", "GW2"]).replace(":5020", ":0")).0.iter().any(|problem| problem.code == "GW-C014"));
    // A Modbus TCP server takes several connections.
    assert_eq!(accepted(&dialled("h:4001").replace("rtu_over_tcp", "tcp")).buses.len(), 2);
}

#[test]
fn units_that_cannot_be() {
    let on = |bus: &str, unit: i32| format!("[bus.b]\n{bus}\n[device.d-1]\nprofile = \"eastron-sdm120\"\nbus = \"b\"\nunit = {unit}\n");
    let (serial, behind) = ("transport = \"rtu\"\npath = \"/dev/x\"", "transport = \"rtu_over_tcp\"\naddress = \"h:4001\"");
    for bus in [serial, behind] {
        for unit in [0, 248, 255] {
            refused(&on(bus, unit), ("GW-C005", "device.d-1.unit", 11, 8), "1 to 247");
        }
        assert_eq!(accepted(&on(bus, 247)).devices[1].source, Source::Bus { bus: 0, unit: 247 });
    }
    refused(&on("transport = \"tcp\"\naddress = \"h:502\"", 256), ("GW-C005", "device.d-1.unit", 11, 8), "between 0 and 255");
}

#[test]
fn settings_of_lock_boards_are_for_lock_boards() {
    let bus = "[bus.b]\ntransport = \"rtu\"\npath = \"/dev/x\"\n[device.d-1]\nprofile = \"danfoss-ekc202d\"\nbus = \"b\"\nunit = 1\ncold = \"frozen\"\n";
    refused(&format!("{bus}door_open_is = \"set\""), ("GW-C016", "device.d-1.door_open_is", 13, 1), "only for a lock board");
    refused(&format!("{bus}channels = 12"), ("GW-C016", "device.d-1.channels", 13, 1), "only for a lock board");
    let board =
        "[bus.b]\ntransport = \"rtu\"\npath = \"/dev/x\"\n[device.d-1]\nprofile = \"lock-8a80\"\nbus = \"b\"\ndoor_open_is = \"set\"\n";
    assert_eq!(accepted(&format!("{board}unit = 32\nchannels = 20")).devices[1].polling.channels, Some(20));
    refused(&format!("{board}unit = 32\nchannels = 25"), ("GW-C005", "device.d-1.channels", 13, 12), "24 channels");
    let both = problems(&format!("{board}unit = 77\nchannels = 25")).0;
    let keys: Vec<&str> = both.iter().filter(|problem| !problem.is_warning()).map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["device.d-1.unit", "device.d-1.channels"], "one does not hide the other");
    // A lock board's frames are none of Modbus' business: the same number twice on a line are two devices.
    let beside = "[device.d-2]\nprofile = \"eastron-sdm120\"\nbus = \"b\"\nunit = 32\n";
    assert_eq!(accepted(&format!("{board}unit = 32\n{beside}")).devices.len(), 3);
    let mqtt = "[mqtt.m]\nurl = \"mqtt://localhost\"\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\n";
    for key in [
        "slow_interval_s = 60",
        "timeout_ms = 500",
        "retries = 1",
        "retries_damaged = 1",
        "retries_busy = 1",
        "offline_after = 3",
        "offline_max_s = 60",
    ] {
        let name = key.split(' ').next().unwrap();
        refused(&format!("{mqtt}{key}"), ("GW-C016", &format!("device.d-1.{name}"), 10, 1), "only on a bus");
    }
}
