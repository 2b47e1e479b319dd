//! What is refused, with which code, for which key, at which line and column. Several problems come at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use facility_config::{Problems, from_toml, open};
use std::fs;
use tempfile::TempDir;

/// Four lines; what a case adds begins at line 5.
const HEAD: &str = "[gateway]\nid = \"gw-test-01\"\nsite = \"test-site\"\ndistrict = \"350102\"\n";
/// Two more lines and a broker, for cases about devices; what a case adds begins at line 7.
const BROKER: &str = "[mqtt.m]\nurl = \"mqtt://localhost\"\n";
/// Three more lines and a bus; what a case adds begins at line 8.
const BUS: &str = "[bus.b]\ntransport = \"tcp\"\naddress = \"h:502\"\n";

type Row<'p> = (&'p str, &'p str, usize, usize);

fn errors(problems: &Problems) -> Vec<Row<'_>> {
    let place = |problem: &facility_config::Problem| problem.place.as_ref().map_or((0, 0), |place| (place.line, place.column));
    let errors = problems.0.iter().filter(|problem| !problem.is_warning());
    errors.map(|problem| (problem.code, problem.key.as_str(), place(problem).0, place(problem).1)).collect()
}

fn refused(text: &str, expected: &[Row<'_>]) {
    let problems = from_toml("t.toml", text).expect_err(text);
    assert_eq!(errors(&problems), expected, "\n{text}\n{problems}");
}

#[test]
fn whole_files() {
    let cases: &[(&str, &[Row<'_>])] = &[
        ("", &[("GW-C007", "gateway.id", 1, 1), ("GW-C007", "gateway.site", 1, 1), ("GW-C007", "gateway.district", 1, 1)]),
        ("[gateway]\nid = \"gw-test-01\"\n", &[("GW-C007", "gateway.site", 1, 2), ("GW-C007", "gateway.district", 1, 2)]),
        ("[gateway\n", &[("GW-C002", "", 1, 9)]),
        ("a = \n", &[("GW-C002", "", 1, 5)]),
        ("[gateway]\nid = \"open\nsite = 3\n", &[("GW-C002", "", 2, 11)]),
        (
            "\u{feff}[gateway]\r\nid = \"gw-test-01\"\r\nsite = \"test-site\"\r\ndistrict = 350102\r\n",
            &[("GW-C004", "gateway.district", 4, 12)],
        ),
    ];
    for (text, expected) in cases {
        refused(text, expected);
    }
}

#[test]
fn single_settings() {
    let cases: &[(&str, &[Row<'_>])] = &[
        // Types: nothing is converted.
        ("[store]\ncommit_delay_ms = 2.6", &[("GW-C004", "store.commit_delay_ms", 6, 19)]),
        ("[store]\ncommit_delay_ms = \"1000\"", &[("GW-C004", "store.commit_delay_ms", 6, 19)]),
        ("[store]\ncommit_delay_ms = true", &[("GW-C004", "store.commit_delay_ms", 6, 19)]),
        ("[store]\ncommit_delay_ms = 99999999999999999999", &[("GW-C004", "store.commit_delay_ms", 6, 19)]),
        ("[store]\ndir = 42", &[("GW-C004", "store.dir", 6, 7)]),
        ("[store]\ndir = 2026-09-01", &[("GW-C004", "store.dir", 6, 7)]),
        ("[store]\ndir = [\"/a\"]", &[("GW-C004", "store.dir", 6, 7)]),
        ("store = 1", &[("GW-C003", "gateway.store", 5, 1)]),
        ("[[device]]\nprofile = \"locker\"", &[("GW-C004", "device", 5, 1)]),
        ("[device]\nlk-1 = 3", &[("GW-C004", "device.lk-1", 6, 8)]),
        (
            "[alarm.frozen_high]\nenabled = \"on\"\nlimit_c = nan",
            &[("GW-C004", "alarm.frozen_high.enabled", 6, 11), ("GW-C004", "alarm.frozen_high.limit_c", 7, 11)],
        ),
        // Bounds and words.
        ("[store]\ncommit_delay_ms = 99", &[("GW-C005", "store.commit_delay_ms", 6, 19)]),
        ("[store]\nreadings_bytes_max = 33554431", &[("GW-C005", "store.readings_bytes_max", 6, 22)]),
        ("[store]\nfree_bytes_min = -1", &[("GW-C005", "store.free_bytes_min", 6, 18)]),
        ("[store]\nfree_bytes_min = 1099511627777", &[("GW-C005", "store.free_bytes_min", 6, 18)]),
        ("[store]\nfree_bytes_min = \"256M\"", &[("GW-C004", "store.free_bytes_min", 6, 18)]),
        ("[store]\noverflow = \"drop\"", &[("GW-C006", "store.overflow", 6, 12)]),
        ("[store]\noverflow = \"Block\"", &[("GW-C006", "store.overflow", 6, 12)]),
        ("[store]\noverflow = false", &[("GW-C004", "store.overflow", 6, 12)]),
        ("[store]\ncard_cycles = 0", &[("GW-C005", "store.card_cycles", 6, 15)]),
        ("[store]\ndir = \"\"", &[("GW-C005", "store.dir", 6, 7)]),
        ("[metrics]\nwindow_s = 7", &[("GW-C005", "metrics.window_s", 6, 12)]),
        ("[bus.b]\ntransport = \"rtu-over-tcp\"", &[("GW-C006", "bus.b.transport", 6, 13)]),
        // Names.
        ("[store]\ncomit_delay_ms = 100", &[("GW-C003", "store.comit_delay_ms", 6, 1)]),
        ("[stores]\ndir = \"/a\"", &[("GW-C003", "stores", 5, 2)]),
        ("[alarm.frozen_hi]\nlimit_c = 1", &[("GW-C003", "alarm.frozen_hi", 5, 8)]),
        ("[alarm.door_open]\nlimit_c = 1", &[("GW-C003", "alarm.door_open.limit_c", 6, 1)]),
        ("[mqtt.\"My Broker\"]\nurl = \"mqtt://h\"", &[("GW-C009", "mqtt.\"My Broker\"", 5, 7)]),
        // Twice.
        ("[store]\ndir = \"/a\"\ndir = \"/b\"", &[("GW-C017", "", 7, 1)]),
        ("[store]\ndir = \"/a\"\n[store]", &[("GW-C017", "", 7, 2)]),
        // Placeholders, secrets, addresses.
        ("[mqtt.m]\nurl = \"CHANGE_ME\"", &[("GW-C008", "mqtt.m.url", 6, 7)]),
        ("[mqtt.m]\nurl = \"mqtt://h\"\npassword = \"hunter2\"", &[("GW-C011", "mqtt.m.password", 7, 1)]),
        ("[forward.main]\nurl = \"http://h\"\norg = \"o\"\nbucket = \"b\"\ntoken = \"abc\"", &[("GW-C011", "forward.main.token", 9, 1)]),
        ("[mqtt.m]\nurl = \"mqtt://u:hunter2@h\"", &[("GW-C014", "mqtt.m.url", 6, 7)]),
        ("[mqtt.m]\nurl = \"http://h\"", &[("GW-C014", "mqtt.m.url", 6, 7)]),
        ("[mqtt.m]\nurl = \"mqtt://h/path\"", &[("GW-C014", "mqtt.m.url", 6, 7)]),
        ("[mqtt.m]\nurl = \"wss://a/mqtt, mqtts://h/path\"", &[("GW-C014", "mqtt.m.url", 6, 7)]),
        ("[mqtt.m]\nurl = \"mqtt://a, b\"", &[("GW-C014", "mqtt.m.url", 6, 7)]),
        ("[mqtt.m]\nurl = \" , \"", &[("GW-C014", "mqtt.m.url", 6, 7)]),
        ("[mqtt.m]\nurl = \"mqtt://[::1\"", &[("GW-C014", "mqtt.m.url", 6, 7)]),
        ("[mqtt.m]\nurl = \"mqtt://a mqtt://A:1883\"", &[("GW-C017", "mqtt.m.url", 6, 7)]),
        ("[mqtt.m]\nurl = \"mqtt://a:8883,mqtts://a\"", &[("GW-C017", "mqtt.m.url", 6, 7)]),
        ("[mqtt.m]\nurl = \"mqtt://h\"\nretained = \"never\"", &[("GW-C006", "mqtt.m.retained", 7, 12)]),
        (
            "[mqtt.m]\nurl = \"mqtt://h, ws://i\"\ncrl_file = \"/nowhere\"",
            &[("GW-C016", "mqtt.m.crl_file", 7, 1), ("GW-C012", "mqtt.m.crl_file", 7, 12)],
        ),
        ("[forward.main]\nurl = \"h:8086\"\norg = \"o\"\nbucket = \"b\"", &[("GW-C014", "forward.main.url", 6, 7)]),
        (
            "[forward.a]\nprotocol = \"file\"\nurl = \"http://h\"",
            &[("GW-C007", "forward.a.dir", 5, 10), ("GW-C016", "forward.a.url", 7, 1)],
        ),
        ("[forward.a]\nprotocol = \"file\"\ndir = \"/media/stick\"\npriority = 2", &[("GW-C016", "forward.a.priority", 8, 1)]),
        // Destinations have names: the table of before says what to write.
        ("[forward]\nurl = \"http://h\"\norg = \"o\"\nbucket = \"b\"", &[("GW-C004", "forward.url", 6, 1)]),
        ("[forward.main]\nurl = \"http://h\"\norg = \"o\"", &[("GW-C007", "forward.main.bucket", 5, 10)]),
        (
            "[forward.a]\nprotocol = \"influx1\"\nurl = \"http://h\"\norg = \"o\"",
            &[("GW-C007", "forward.a.db", 5, 10), ("GW-C016", "forward.a.org", 8, 1)],
        ),
        (
            "[forward.a]\nprotocol = \"influx1\"\nurl = \"http://h\"\ndb = \"d\"\n[forward.b]\nprotocol = \"influx1\"\nurl = \"http://h\"\ndb = \"d\"",
            &[("GW-C017", "forward.b", 9, 10)],
        ),
        (
            "[forward.a]\nurl = \"http://h\"\norg = \"o\"\nbucket = \"b\"\nraw_kinds = \"lockers\"\nmetrics = false\nevents = false",
            &[("GW-C016", "forward.a", 5, 10), ("GW-C016", "forward.a.raw_kinds", 9, 1), ("GW-C006", "forward.a.raw_kinds", 9, 13)],
        ),
        (
            "[forward.a]\nprotocol = \"influx1\"\nurl = \"http://127.0.0.1\"\ndb = \"d\"\nusername = \"u\"",
            &[("GW-C007", "forward.a.password_file", 5, 10)],
        ),
        ("[forward.a]\nprotocol = \"mqtt\"", &[("GW-C007", "forward.a.url", 5, 10)]),
        (
            "[forward.a]\nprotocol = \"mqtt\"\nurl = \"http://h\"\nproxy = \"http://h\"",
            &[("GW-C014", "forward.a.url", 7, 7), ("GW-C016", "forward.a.proxy", 8, 1)],
        ),
        ("[forward.a]\nprotocol = \"mqtt\"\nurl = \"mqtt://h\"\ntopic = \"a/+/b\"", &[("GW-C006", "forward.a.topic", 8, 9)]),
        ("[forward.a]\nprotocol = \"mqtt\"\nurl = \"mqtt://h\"\ntopic = \"a/{lane}\"", &[("GW-C006", "forward.a.topic", 8, 9)]),
        // What is published to a broker of devices, a device could take for an order.
        (
            "[mqtt.m]\nurl = \"mqtt://localhost\"\n[forward.a]\nprotocol = \"mqtt\"\nurl = \"ws://i, mqtt://127.0.0.1:1883\"",
            &[("GW-C016", "forward.a.url", 9, 1)],
        ),
        (
            "[forward.a]\nprotocol = \"mqtt\"\nurl = \"mqtt://h\"\nclient_id = \"x\"\n[forward.b]\nprotocol = \"mqtt\"\nurl = \"mqtt://h\"\nclient_id = \"x\"\ntopic = \"t\"",
            &[("GW-C017", "forward.b", 9, 10)],
        ),
        (
            "[forward.a]\nurl = \"http://h\"\norg = \"o\"\nbucket = \"b\"\nserver_name = \"10.0.0.1\"",
            &[("GW-C016", "forward.a.server_name", 9, 1), ("GW-C014", "forward.a.server_name", 9, 15)],
        ),
        (
            "[forward.a]\nurl = \"https://h\"\norg = \"o\"\nbucket = \"b\"\nserver_name = \"n\"\nproxy = \"http://p\"",
            &[("GW-C016", "forward.a.server_name", 9, 1)],
        ),
        ("[bus.b]\ntransport = \"tcp\"\naddress = \"h\"", &[("GW-C014", "bus.b.address", 7, 11)]),
        ("[api]\nlisten = \"0.0.0.0:8600\"", &[("GW-C019", "api.listen", 6, 10)]),
        ("[api]\nlisten = \"8600\"", &[("GW-C014", "api.listen", 6, 10)]),
        // Missing and contradicting.
        ("[bus.b]", &[("GW-C007", "bus.b.transport", 5, 6)]),
        ("[bus.b]\ntransport = \"tcp\"", &[("GW-C007", "bus.b.address", 5, 6)]),
        ("[bus.b]\ntransport = \"rtu\"\nbaud = 9601", &[("GW-C007", "bus.b.path", 5, 6), ("GW-C006", "bus.b.baud", 7, 8)]),
        ("[bus.b]\ntransport = \"tcp\"\naddress = \"h:502\"\nbaud = 9600", &[("GW-C016", "bus.b.baud", 8, 1)]),
        (
            "[mqtt.m]\nurl = \"mqtt://h\"\nca_file = \"/nowhere\"",
            &[("GW-C016", "mqtt.m.ca_file", 7, 1), ("GW-C012", "mqtt.m.ca_file", 7, 11)],
        ),
        (
            "[mqtt.m]\nurl = \"mqtts://h\"\npassword_file = \"credential:mqtt\"",
            &[("GW-C016", "mqtt.m.password_file", 7, 1), ("GW-C012", "mqtt.m.password_file", 7, 17)],
        ),
        ("[mqtt.a]\nurl = \"mqtt://h\"\n[mqtt.b]\nurl = \"mqtt://h:1883\"", &[("GW-C017", "mqtt.b", 7, 7)]),
        ("[mqtt.a]\nurl = \"mqtt://h, mqtt://i\"\n[mqtt.b]\nurl = \"mqtt://j mqtt://i\"", &[("GW-C017", "mqtt.b", 7, 7)]),
        (
            "[bus.a]\ntransport = \"rtu\"\npath = \"/dev/x\"\n[bus.b]\ntransport = \"rtu\"\npath = \"/dev/x\"\nbaud = 19200",
            &[("GW-C017", "bus.b", 8, 6)],
        ),
    ];
    for (text, expected) in cases {
        refused(&format!("{HEAD}{text}\n"), expected);
    }
}

#[test]
fn devices_over_mqtt() {
    let cases: &[(&str, &[Row<'_>])] = &[
        ("[device.d-1]\nprofile = \"loker\"\nmqtt = \"m\"", &[("GW-C015", "device.d-1.profile", 8, 11)]),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"n\"", &[("GW-C015", "device.d-1.mqtt", 9, 8)]),
        ("[device.d-1]\nprofile = \"locker\"", &[("GW-C007", "device.d-1", 7, 9)]),
        ("[device.d-1]\nmqtt = \"m\"", &[("GW-C007", "device.d-1.profile", 7, 9)]),
        ("[device.d-1]\nprofile = \"eastron-sdm120\"\nmqtt = \"m\"", &[("GW-C016", "device.d-1.mqtt", 9, 1)]),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\nunit = 1", &[("GW-C016", "device.d-1.unit", 10, 1)]),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\ncold = \"frozen\"", &[("GW-C016", "device.d-1.cold", 10, 1)]),
        ("[device.d-1]\nprofile = \"vending\"\nmqtt = \"m\"\nkeep_h = 24", &[("GW-C016", "device.d-1.keep_h", 10, 1)]),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\nkeep_h = 121", &[("GW-C005", "device.d-1.keep_h", 10, 10)]),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\nnet_volume_l = 400", &[("GW-C016", "device.d-1.net_volume_l", 10, 1)]),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\ncalibrated = \"2026-03-01\"", &[("GW-C016", "device.d-1.calibrated", 10, 1)]),
        (
            "[device.d-1]\nprofile = \"cabinet\"\nmqtt = \"m\"\ncold = \"frozen\"\ncalibrated = \"2026-02-30\"",
            &[("GW-C004", "device.d-1.calibrated", 11, 14)],
        ),
        ("[coldchain]\nkeep_months = 12\n", &[("GW-C005", "coldchain.keep_months", 8, 15)]),
        (
            "[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\n[device.d-1.alarm.door_open]\nenabled = false",
            &[("GW-C016", "device.d-1.alarm.door_open", 10, 19)],
        ),
        (
            "[alarm.kind.locker.frozen_high]\nenabled = false\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"",
            &[("GW-C016", "alarm.kind.locker.frozen_high", 7, 20)],
        ),
        (
            "[alarm.profile.vending.door_open]\nenabled = false\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"",
            &[("GW-C016", "alarm.profile.vending.door_open", 7, 24)],
        ),
        (
            "[alarm.kind.freezer.mains]\nenabled = false\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"",
            &[("GW-C003", "alarm.kind.freezer", 7, 13)],
        ),
        (
            "[alarm.profile.carel-ir34.mains]\nenabled = false\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"",
            &[("GW-C015", "alarm.profile.carel-ir34", 7, 16)],
        ),
        (
            "[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\n[device.d-1.alarm.mains]\nlow_v = 235",
            &[("GW-C005", "device.d-1.alarm.mains", 10, 19)],
        ),
        // Set for many it is told once, where it is set.
        (
            "[alarm.mains]\nlow_v = 250\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\n[device.d-2]\nprofile = \"locker\"\nmqtt = \"m\"",
            &[("GW-C005", "alarm.mains", 7, 8)],
        ),
        // Nearer settings that make it good again are no fault, and what is nearest is to blame.
        (
            "[alarm.mains]\nlow_v = 250\n[alarm.kind.locker.mains]\nlow_v = 200\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\n\
             [device.d-2]\nprofile = \"locker\"\nmqtt = \"m\"\n[device.d-2.alarm.mains]\nhigh_v = 201",
            &[("GW-C005", "device.d-2.alarm.mains", 17, 19)],
        ),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\ntopic_id = \"a/#\"", &[("GW-C009", "device.d-1.topic_id", 10, 12)]),
        // Where the payload names the device any text will do; where its topic does, only one level.
        ("[device.d-1]\nprofile = \"locker-parkbike\"\nmqtt = \"m\"\ntopic_id = \"10 15\"", &[("GW-C009", "device.d-1.topic_id", 10, 12)]),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\nclock = \"utc\"", &[("GW-C006", "device.d-1.clock", 10, 9)]),
        (
            "[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\nclock = \"gateway\"\nclock_offset_s = 1",
            &[("GW-C016", "device.d-1.clock_offset_s", 11, 1)],
        ),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\nclock_offset_s = 86401", &[("GW-C005", "device.d-1.clock_offset_s", 10, 18)]),
        (
            "[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\nmessages_per_s_max = 0",
            &[("GW-C005", "device.d-1.messages_per_s_max", 10, 22)],
        ),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\nseries_max = 15", &[("GW-C005", "device.d-1.series_max", 10, 14)]),
        ("[device.LK_1]\nprofile = \"locker\"\nmqtt = \"m\"", &[("GW-C009", "device.LK_1", 7, 9)]),
        ("[device.gw-test-01]\nprofile = \"locker\"\nmqtt = \"m\"", &[("GW-C017", "device.gw-test-01", 7, 9)]),
        (
            "[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\ntopic_id = \"d-2\"\n[device.d-2]\nprofile = \"locker\"\nmqtt = \"m\"",
            &[("GW-C017", "device.d-2", 11, 9)],
        ),
    ];
    for (text, expected) in cases {
        refused(&format!("{HEAD}{BROKER}{text}\n"), expected);
    }
}

#[test]
fn devices_on_a_bus() {
    let cases: &[(&str, &[Row<'_>])] = &[
        ("[device.d-1]\nprofile = \"locker\"\nbus = \"b\"\nunit = 1", &[("GW-C016", "device.d-1.bus", 10, 1)]),
        ("[device.d-1]\nprofile = \"eastron-sdm120\"\nbus = \"b\"", &[("GW-C007", "device.d-1.unit", 8, 9)]),
        (
            "[device.d-1]\nprofile = \"eastron-sdm120\"\nbus = \"b\"\nunit = 1\nclock = \"own\"\nseries_max = 100",
            &[("GW-C016", "device.d-1.clock", 12, 1), ("GW-C016", "device.d-1.series_max", 13, 1)],
        ),
        ("[device.d-1]\nprofile = \"eastron-sdm120\"\nbus = \"b\"\nunit = 2.6", &[("GW-C004", "device.d-1.unit", 11, 8)]),
        ("[device.d-1]\nprofile = \"eastron-sdm120\"\nbus = \"b\"\nunit = 256", &[("GW-C005", "device.d-1.unit", 11, 8)]),
        (
            "[device.d-1]\nprofile = \"eastron-sdm120\"\nbus = \"b\"\nunit = 1\n[device.d-2]\nprofile = \"dixell-xjp60d\"\nbus = \"b\"\nunit = 1",
            &[("GW-C017", "device.d-2.unit", 15, 1)],
        ),
    ];
    for (text, expected) in cases {
        refused(&format!("{HEAD}{BUS}{text}\n"), expected);
    }
}

#[test]
fn everything_wrong_in_one_file_comes_at_once() {
    let text = "[gateway]\nid = \"GW 1\"\nsite = 7\ndistrict = \"350199\"\n[mqtt.m]\nurl = \"mqtt://h\"\nkeep_alvie = 30\nwindow = \"20\"\n\
                [device.d-1]\nprofile = \"locker\"\nmqtt = \"mm\"\ninterval_s = 0\n[api]\nlisten = \"[::]:80\"\n";
    let expected = [
        ("GW-C009", "gateway.id", 2, 6),
        ("GW-C004", "gateway.site", 3, 8),
        ("GW-C006", "gateway.district", 4, 12),
        ("GW-C003", "mqtt.m.keep_alvie", 7, 1),
        ("GW-C004", "mqtt.m.window", 8, 10),
        ("GW-C015", "device.d-1.mqtt", 11, 8),
        ("GW-C005", "device.d-1.interval_s", 12, 14),
        ("GW-C019", "api.listen", 14, 10),
    ];
    refused(text, &expected);
}

#[test]
fn hints_name_what_was_probably_meant() {
    let cases = [
        ("[store]\ncomit_delay = 1", "did you mean `commit_delay_ms`?"),
        ("[gatway]\nid = \"a\"", "did you mean `gateway`?"),
        ("[mqtt.m]\nurl = \"mqtt://h\"\npasword = \"x\"", "`password_file ="),
        ("[device.d-1]\nprofile = \"danfoss-ekc-202d\"\nmqtt = \"m\"", "did you mean `danfoss-ekc202d`?"),
        ("[bus.b]\ntransport = \"RTU\"", "did you mean \"rtu\"?"),
        ("[store]\noverflow = \"drop-oldest\"", "did you mean \"drop_oldest\"?"),
        ("[store]\noverflow = \"thinn\"", "did you mean \"thin\"?"),
        ("[store]\nfree_bytes = 1", "did you mean `free_bytes_min`?"),
        ("[api]\nlisten = \"192.168.1.5:8600\"", "SSH"),
        ("[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"", "declare it: `[mqtt.m]`"),
        ("[mqtt.m]\nurl = [\"mqtt://a\", \"mqtt://b\"]", "several, the preferred first, with commas in between"),
        ("[mqtt.m]\nurl = \"mqtt://a\"\nwindow = 0", "max_inflight_messages"),
    ];
    for (text, hint) in cases {
        let problems = from_toml("t.toml", &format!("{HEAD}{text}\n")).unwrap_err();
        let hints: Vec<_> = problems.0.iter().filter_map(|problem| problem.hint.as_deref()).collect();
        assert!(hints.iter().any(|told| told.contains(hint)), "{text}: {hints:?}");
    }
}

fn with_env(env: &[(&str, &str)]) -> Problems {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gateway.toml");
    fs::write(&path, format!("{HEAD}{BROKER}[device.lk-0001]\nprofile = \"locker\"\nmqtt = \"m\"\n")).unwrap();
    let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    open(&path, &env).expect_err("a bad variable was accepted")
}

/// The variable stands nowhere; the device it spoils does.
#[test]
fn a_variable_that_leaves_a_rule_without_limits_is_refused() {
    let problems = with_env(&[("GW__ALARM__MAINS__LOW_V", "250")]);
    let told: Vec<_> = errors(&problems).into_iter().map(|(code, key, ..)| (code, key)).collect();
    assert_eq!(told, [("GW-C005", "device.lk-0001")], "{problems}");
}

#[test]
fn variables_are_as_strict_as_files() {
    let cases = [
        ("GW__STORE__DIRR", "/a", "GW-C010", "store.dirr"),
        ("GW__STORES__DIR", "/a", "GW-C010", "stores"),
        ("GW__STORE", "/a", "GW-C010", "store"),
        ("GW__STORE__DIR__X", "/a", "GW-C010", "store.dir"),
        ("GW__DEVICE__LK_0002__NAME", "x", "GW-C010", "device.lk_0002"),
        ("GW__MQTT", "x", "GW-C010", "mqtt"),
        ("GW__MQTT__M__PASSWORD", "hunter2", "GW-C011", "mqtt.m.password"),
        ("GW__STORE__COMMIT_DELAY_MS", "2.6", "GW-C004", "store.commit_delay_ms"),
        ("GW__STORE__COMMIT_DELAY_MS", "", "GW-C004", "store.commit_delay_ms"),
        ("GW__STORE__COMMIT_DELAY_MS", "99", "GW-C005", "store.commit_delay_ms"),
        ("GW__ALARM__COMM_LOSS__ENABLED", "yes", "GW-C004", "alarm.comm_loss.enabled"),
        ("GW__STORE__OVERFLOW", "thick", "GW-C006", "store.overflow"),
        ("GW__GATEWAY__ID", "CHANGE_ME", "GW-C008", "gateway.id"),
        ("GW__API__LISTEN", "0.0.0.0:1", "GW-C019", "api.listen"),
    ];
    for (name, value, code, key) in cases {
        let problems = with_env(&[(name, value)]);
        assert_eq!(errors(&problems), [(code, key, 0, 0)], "{name}={value}\n{problems}");
        assert!(problems.to_string().contains(name), "{problems}");
        assert!(!problems.to_string().contains("hunter2"));
    }
}

#[test]
fn a_problem_of_a_fragment_names_the_fragment() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("conf.d")).unwrap();
    fs::write(folder.path().join("gateway.toml"), format!("{HEAD}{BROKER}")).unwrap();
    fs::write(folder.path().join("conf.d/10-a.toml"), "# a\n[device.d-1]\nprofile = \"locker\"\nmqtt = 5\n").unwrap();
    fs::write(folder.path().join("conf.d/20-b.toml"), "[device.d-2]\nprofile = \"locker\nmqtt = \"m\"\n").unwrap();
    fs::write(folder.path().join("conf.d/30-gbk.toml"), b"# \xb8\xa3\xd6\xdd\n").unwrap();
    let problems = open(&folder.path().join("gateway.toml"), &[]).unwrap_err();
    let told = |code: &str| problems.0.iter().find(|problem| problem.code == code).unwrap();
    assert!(told("GW-C004").place.as_ref().unwrap().file.ends_with("conf.d/10-a.toml"));
    assert_eq!(told("GW-C004").place.as_ref().unwrap().line, 4);
    assert!(told("GW-C002").place.as_ref().unwrap().file.ends_with("conf.d/20-b.toml"));
    assert!(told("GW-C001").message.contains("30-gbk.toml") && told("GW-C001").message.contains("UTF-8"));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gateway.toml");
    let code = |problems: Problems| (problems.0[0].code, problems.0.len());
    assert_eq!(code(open(&path, &[]).unwrap_err()), ("GW-C001", 1));
    fs::create_dir(&path).unwrap();
    assert_eq!(code(open(&path, &[]).unwrap_err()), ("GW-C001", 1));
    fs::remove_dir(&path).unwrap();
    fs::write(&path, vec![b'#'; 4 * 1024 * 1024 + 1]).unwrap();
    assert_eq!(code(open(&path, &[]).unwrap_err()), ("GW-C001", 1));
}

#[test]
fn too_many_devices() {
    let devices: String = (1..=2001).map(|n| format!("[device.lk-{n:04}]\nprofile = \"locker\"\nmqtt = \"m\"\n")).collect();
    refused(&format!("{HEAD}{BROKER}{devices}"), &[("GW-C018", "device", 7, 2)]);
}

#[test]
fn a_flood_of_warnings_hides_no_problem() {
    let devices: String = (1..=1000).map(|n| format!("[device.cb-{n:04}]\nprofile = \"cabinet\"\nmqtt = \"m\"\n")).collect();
    let text = format!("{HEAD}{BROKER}{devices}[zz]\n");
    let problems = from_toml("t.toml", &text).unwrap_err();
    assert_eq!(errors(&problems), [("GW-C003", "zz", 3007, 2)]);
    assert_eq!(problems.0.len(), 202);
    assert!(problems.0.last().unwrap().message.starts_with("800 more"));
}

#[test]
fn no_text_makes_it_panic_and_no_list_of_problems_is_endless() {
    let shipped = include_str!("../gateway.toml");
    let full: String = shipped.lines().map(|line| format!("{}\n", line.strip_prefix('#').unwrap_or(line))).collect();
    for text in [shipped, full.as_str(), include_str!("../examples/junmen-neighbourhood.toml")] {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            if let Err(problems) = from_toml("prefix.toml", &text[..end]) {
                assert!(!problems.0.is_empty() && !problems.render(true).is_empty());
            }
        }
    }
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let bytes: Vec<u8> = (0..1024 * 1024).map(|_| (next() >> 32) as u8).collect();
    let ascii: Vec<u8> = bytes.iter().map(|byte| b"[]={}\"'#.\n\r ,abc019-_\\"[usize::from(*byte) % 22]).collect();
    let unknown = (0..100_000).flat_map(|n| format!("k{n} = 1\n").into_bytes()).collect();
    let deep = "[".repeat(1024 * 1024).into_bytes();
    for garbage in [bytes, ascii, unknown, deep, vec![0; 1024 * 1024]] {
        let text = String::from_utf8_lossy(&garbage);
        let problems = from_toml("garbage.toml", &text).unwrap_err();
        assert!(problems.0.len() <= 401, "{}", problems.0.len());
        assert!(problems.render(false).len() < 400_000);
    }
}
