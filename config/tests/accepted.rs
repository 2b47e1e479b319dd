//! What is accepted: the shipped files, the layers and the order in which they win.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use facility_config::alarm::RuleKind;
use facility_config::device::{ColdClass, Ingest, Kind, Source};
use facility_config::site::{
    Database, Format, Forward, Framing, HostPort, Login, Parity, Retained, Revisions, Selection, SerialLine, Target, Transport, Wire,
    WriteApi,
};
use facility_config::{Device, DeviceIx, Loaded, Overflow, Site, from_toml, look, open};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const SHIPPED: &str = include_str!("../gateway.toml");
const HEAD: &str = "[gateway]\nid = \"gw-test-01\"\nsite = \"test-site\"\ndistrict = \"350102\"\n";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn accepted(text: &str) -> Site {
    from_toml("test.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn device<'s>(site: &'s Site, id: &str) -> &'s Device {
    site.devices.iter().find(|device| &*device.id == id).unwrap()
}

/// Writes files into a folder and opens its `gateway.toml`.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn opened(folder: &Path, env: &[(&str, &str)]) -> Loaded {
    let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    open(&folder.join("gateway.toml"), &env).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The shipped file with its three decisions made.
fn decided() -> String {
    let decisions = [("id", "gw-test-01"), ("site", "test-site"), ("district", "350102")];
    decisions
        .iter()
        .fold(SHIPPED.to_owned(), |text, (key, value)| text.replace(&format!("{key} = \"CHANGE_ME\""), &format!("{key} = \"{value}\"")))
}

#[test]
fn another_text_or_variable_is_another_configuration() {
    let folder = folder(&[("gateway.toml", &decided())]);
    let sum = |env: &[(&str, &str)]| opened(folder.path(), env).sha256;
    let (alone, with) = (sum(&[]), sum(&[("GW__STORE__COMMIT_DELAY_MS", "500")]));
    assert_eq!((alone.len(), alone == with), (64, false));
    assert_eq!([sum(&[("PATH", "/bin")]), sum(&[])], [alone.clone(), alone.clone()]);
    fs::create_dir(folder.path().join("conf.d")).unwrap();
    fs::write(folder.path().join("conf.d/a.toml"), "# nothing\n").unwrap();
    assert_ne!(sum(&[]), alone);
}

fn database(forward: &Forward) -> &Database {
    match &forward.target {
        Target::Database(database) => database,
        Target::Platform(_) | Target::Files(_) => panic!("{forward:?}"),
    }
}

/// Takes the `#` away from every setting and table that is commented out.
fn uncommented(text: &str) -> String {
    let bare = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with('[') || rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(bare).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_file_asks_for_three_decisions_and_nothing_else() {
    let problems = from_toml("gateway.toml", SHIPPED).unwrap_err();
    let asked: Vec<_> = problems.0.iter().map(|problem| (problem.code, problem.key.as_str())).collect();
    assert_eq!(asked[..3], [("GW-C008", "gateway.id"), ("GW-C008", "gateway.site"), ("GW-C008", "gateway.district")]);
    assert!(problems.0[3..].iter().all(facility_config::Problem::is_warning), "{problems}");
}

#[test]
fn the_shipped_file_has_the_defaults_of_the_gateway() {
    let site = accepted(&decided());
    assert_eq!(site.store.dir, Path::new("/var/lib/facility-gateway"));
    assert_eq!((site.store.commit_delay, site.store.readings_bytes_max), (secs(1), 1 << 30));
    assert_eq!((site.store.outbox_bytes_max, site.window), (256 << 20, secs(300)));
    assert_eq!((site.store.overflow, site.store.free_bytes_min), (Overflow::DropOldest, 256 << 20));
    assert_eq!(site.store.card_cycles, 500);
    assert_eq!(site.api.listen, Some("127.0.0.1:8600".parse().unwrap()));
    assert!(site.forward.is_empty() && site.brokers.is_empty() && site.buses.is_empty());
}

#[test]
fn every_setting_of_the_shipped_file_works_and_shows_its_default() {
    let folder = folder(&[
        ("mqtt.password", "hunter-two\n"),
        ("tsdb.token", "token-of-the-test"),
        ("tsdb.password", "password-of-the-test"),
        ("gateway.key", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"),
        ("gateway.pem", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"),
        ("ca.crl", "-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n"),
        ("ca.pem", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"),
    ]);
    for secret in ["mqtt.password", "tsdb.token", "tsdb.password", "gateway.key"] {
        fs::set_permissions(folder.path().join(secret), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let text = uncommented(&decided()).replace("/etc/facility-gateway", folder.path().to_str().unwrap());
    let full = accepted(&text);
    let broker = &full.brokers[0];
    assert_eq!((broker.endpoints[0].to_string().as_str(), broker.window), ("mqtts://mqtt.example.cn:8883", 20));
    assert_eq!((broker.keep_alive, broker.username.as_deref()), (secs(30), Some("gateway")));
    let tls = &broker.tls;
    assert!(tls.ca_file.is_some() && tls.cert_file.is_some() && tls.key_file.is_some() && broker.password_file.is_some());
    assert!(tls.crl_file.is_some() && broker.retained == Retained::Fresh);
    let [main, old] = &full.forward[..] else { panic!("{:?}", full.forward) };
    for forward in [main, old] {
        assert_eq!((forward.lines_max, forward.bytes_max, &forward.raw), (5000, 1 << 19, &None));
        assert_eq!((forward.metrics, forward.events, forward.start_now), (true, true, false));
        assert_eq!((forward.delay, database(forward).timeout), (secs(5), secs(10)));
    }
    assert_eq!(database(main).api, WriteApi::Influx2 { org: "fuzhou".to_owned(), bucket: "facilities".to_owned() });
    assert_eq!(database(old).api, WriteApi::Influx1 { db: "facilities".to_owned(), rp: Some("two_years".to_owned()) });
    assert!(matches!((&database(main).login, &database(old).login), (Login::Token(_), Login::Password { .. })));

    // The alarm tables show the defaults: without them a device has the same rules.
    let bare: String = text.lines().take_while(|line| !line.starts_with("# ---- Alarms")).collect::<Vec<_>>().join("\n");
    let bare = accepted(&bare);
    assert_eq!(bare.devices.len(), full.devices.len());
    for (one, other) in bare.devices.iter().zip(&full.devices) {
        let polled = matches!(one.source, Source::Bus { .. });
        // Two intervals are the default of what is heard through a broker; where the file sets them they are a bus's too.
        let rules =
            |device: &Device| device.rules.iter().filter(|rule| !polled || rule.kind != RuleKind::CommLoss).copied().collect::<Vec<_>>();
        assert_eq!((&one.id, rules(one)), (&other.id, rules(other)));
        assert_eq!((one.interval, one.ingest), (other.interval, Ingest::default()));
    }
}

#[test]
fn the_gateway_is_the_first_device_and_the_others_follow_by_id() {
    let site = accepted(include_str!("../examples/junmen-neighbourhood.toml"));
    let ids: Vec<_> = site.devices.iter().map(|device| &*device.id).collect();
    let expected =
        ["gw-junmen-01", "gl-junmen-cl-01", "gl-junmen-em-01", "gl-junmen-fz-01", "gl-junmen-lk-01", "gl-junmen-lk-02", "gl-junmen-vm-01"];
    assert_eq!(ids, expected);
    let gateway = site.device(DeviceIx::GATEWAY).unwrap();
    assert_eq!((gateway.kind, &gateway.source, gateway.interval), (Kind::Gateway, &Source::Gateway, secs(60)));
    assert!(gateway.profile.is_none());
    let rules: Vec<_> = gateway.rules.iter().map(|rule| rule.kind).collect();
    assert_eq!(rules, [RuleKind::UplinkReliability, RuleKind::LinkDown]);
    assert_eq!(site.brokers[0].client_id, "gw-junmen-01");
    let address = HostPort { host: "192.168.1.20".into(), port: 4001 };
    assert_eq!((site.buses[0].framing, &site.buses[0].transport), (Framing::Rtu, &Transport::Dial { address, backup: None }));
    assert_eq!(site.buses[0].pause, Duration::from_millis(20));
    assert_eq!(device(&site, "gl-junmen-cl-01").source, Source::Bus { bus: 0, unit: 2 });
}

#[test]
fn a_serial_line_and_a_broker_alone_make_a_site() {
    let site = accepted(include_str!("../examples/single-cabinet-rtu.toml"));
    let Transport::Serial(SerialLine { baud, parity, stop_bits, .. }) = &site.buses[0].transport else { panic!("{:?}", site.buses) };
    assert_eq!((*baud, *parity, *stop_bits), (9600, Parity::Even, 1));
    let site = accepted(include_str!("../examples/mqtt-only.toml"));
    assert_eq!(device(&site, "cs-jinzhou-vm-03").source, Source::Mqtt { broker: 0, topic_id: "VM-20817".into() });
    assert_eq!(device(&site, "cs-jinzhou-lk-01").source, Source::Mqtt { broker: 0, topic_id: "cs-jinzhou-lk-01".into() });
    assert_eq!((site.window, site.brokers[0].window, site.brokers[0].endpoints[0].port), (secs(60), 100, 1883));
    assert!(site.brokers[0].endpoints[0].wire == Wire::Tcp && site.forward[0].raw == Some(Selection::default()));
}

#[test]
fn a_broker_may_be_in_several_places() {
    let cases: [(&str, &[&str]); 5] = [
        ("mqtt://h", &["mqtt://h:1883"]),
        ("mqtts://a, mqtts://b:8884", &["mqtts://a:8883", "mqtts://b:8884"]),
        ("mqtts://b mqtts://a,", &["mqtts://b:8883", "mqtts://a:8883"]),
        ("ws://h, wss://h/mqtt", &["ws://h:80", "wss://h:443/mqtt"]),
        ("mqtt://[fe80::1],mqtts://[::1]:9", &["mqtt://[fe80::1]:1883", "mqtts://[::1]:9"]),
    ];
    for (url, expected) in cases {
        let site = accepted(&format!("{HEAD}[mqtt.m]\nurl = \"{url}\"\nretained = \"drop\"\n"));
        let endpoints: Vec<_> = site.brokers[0].endpoints.iter().map(ToString::to_string).collect();
        assert_eq!((endpoints, site.brokers[0].retained), (expected.iter().map(ToString::to_string).collect(), Retained::Drop), "{url}");
    }
}

#[test]
fn makers_speak_in_their_own_words() {
    let site = accepted(include_str!("../examples/mqtt-dialects.toml"));
    let endpoints: Vec<_> = site.brokers.iter().flat_map(|broker| &broker.endpoints).map(ToString::to_string).collect();
    assert_eq!(endpoints, ["wss://iot.example.cn:443/mqtt", "mqtts://mqtt-a.example.cn:8883", "mqtts://mqtt-b.example.cn:8883"]);
    let usual = Ingest::default();
    let expected = [
        ("tj-aofengzhou-fz-02", "tj-aofengzhou-fz-02", Ingest { clock_offset_ms: 28_800_000, ..usual }),
        ("tj-aofengzhou-lk-01", "tj-aofengzhou-lk-01", usual),
        ("tj-aofengzhou-st-01", "1015", usual),
        ("tj-aofengzhou-vm-01", "10009", usual),
        ("tj-aofengzhou-vm-02", "1520164", Ingest { own_clock: false, messages_per_s_max: 5, series_max: 512, ..usual }),
        ("tj-aofengzhou-vm-03", "tj-aofengzhou-vm-03", usual),
    ];
    for (id, name, ingest) in expected {
        let device = device(&site, id);
        let Source::Mqtt { topic_id, .. } = &device.source else { panic!("{device:?}") };
        assert_eq!((&**topic_id, device.ingest), (name, ingest), "{id}");
    }
    // Where only the payload names a device, its name need not be a level of a topic.
    let named = "profile = \"vending-showdoc\"\nmqtt = \"m\"\ntopic_id = \"机/1 #2\"";
    let site = accepted(&format!("{HEAD}[mqtt.m]\nurl = \"mqtt://h\"\n[device.d-1]\n{named}\n"));
    assert_eq!(device(&site, "d-1").source, Source::Mqtt { broker: 0, topic_id: "机/1 #2".into() });
}

#[test]
fn a_port_of_the_board_and_a_dtu_make_a_site() {
    let site = accepted(include_str!("../examples/dtu-and-rs485.toml"));
    let Transport::Listen { address, registration, heartbeat } = &site.buses[0].transport else { panic!("{:?}", site.buses) };
    assert_eq!((*address, registration.as_deref()), ("10.8.0.1:5020".parse().unwrap(), Some(&b"866123041234567"[..])));
    assert_eq!(heartbeat.as_deref(), Some(&[0xFE][..]));
    let Transport::Serial(SerialLine { rs485: Some(rs485), .. }) = &site.buses[1].transport else { panic!("{:?}", site.buses) };
    assert_eq!((rs485.rts_high, rs485.after_ms), (true, 1));
    let far = &device(&site, "tj-pingxi-cl-01").polling;
    assert_eq!((far.timeout, far.retries), (Some(secs(3)), 1));
}

#[test]
fn a_full_store_gives_way_as_it_is_told() {
    let cases = [
        ("", Overflow::DropOldest, 256 << 20),
        ("overflow = \"drop_oldest\"", Overflow::DropOldest, 256 << 20),
        ("overflow = \"block\"\nfree_bytes_min = 0", Overflow::Block, 0),
        ("overflow = \"thin\"\nfree_bytes_min = 1099511627776", Overflow::Thin, 1 << 40),
    ];
    for (lines, overflow, free_bytes_min) in cases {
        let store = accepted(&format!("{HEAD}[store]\n{lines}\n")).store;
        assert_eq!((store.overflow, store.free_bytes_min), (overflow, free_bytes_min), "{lines}");
        assert!(!lines.contains("overflow") || lines.contains(&format!("\"{}\"", overflow.as_str())), "{lines}");
    }
}

#[test]
fn rules_follow_the_kind_and_the_cold_chain_class() {
    let base = format!("{HEAD}[mqtt.m]\nurl = \"mqtt://localhost\"\n[alarm.comm_loss]\nsilent_intervals = 5\n");
    let says: Says = &[
        ("cabinet", "cold = \"frozen\"", &["frozen_high -15 1800", "frozen_critical -12 1800", CABINET]),
        ("cabinet", "cold = \"chilled\"", &["chilled_high 8 1800", "chilled_low 0 1800", CABINET]),
        ("cabinet", "cold = \"fresh\"", &["chilled_high 4 1800", "chilled_low 0 1800", CABINET]),
        ("cabinet", "", &[CABINET]),
        (
            "locker",
            "alarm.comm_loss.silent_intervals = 3",
            &["mains 242 60, locker_door_ajar 0 120, locker_open_fail_rate 2 0, locker_overdue 0 0, locker_tamper 0 0, \
                 unexpected_open 0 0, comm_loss 3 0"],
        ),
        (
            "vending",
            "alarm.comm_loss.enabled = false",
            &["vending_health_lockout 5 0, vending_hot_lockout 57 0, probe_fault 2 0, mains 242 60, lane_low 0 0, lane_empty 0 0, \
                 vend_fail_burst 3 0"],
        ),
    ];
    for (profile, lines, expected) in says {
        let site = accepted(&format!("{base}[device.d-1]\nprofile = \"{profile}\"\nmqtt = \"m\"\n{lines}\n"));
        let rules = &device(&site, "d-1").rules;
        let told: Vec<_> = rules.iter().map(|rule| format!("{} {} {}", rule.kind.as_str(), rule.limit, rule.on_delay.as_secs())).collect();
        assert_eq!(told.join(", "), expected.join(", "), "{profile} {lines}");
    }
}

/// Profile, lines of its own, its rules with limit and delay.
type Says<'a> = &'a [(&'a str, &'a str, &'a [&'a str])];
/// Rules of every cabinet.
const CABINET: &str = "probe_fault 2 0, door_open 0 180, door_open_long 0 600, defrost_timeout 0 2700, condenser_high 80 300, \
                       condenser_stop 85 300, short_cycle 8 0, mains 242 60, comm_loss 5 0";

#[test]
fn a_rule_is_the_default_changed_by_site_kind_profile_and_device() {
    let site = accepted(&format!(
        "{HEAD}[mqtt.m]\nurl = \"mqtt://localhost\"\n[alarm.frozen_high]\nlimit_c = -12\non_delay_s = 60\nre_alarm_s = 600\n\
         [alarm.kind.cabinet.frozen_high]\non_delay_s = 70\noff_delay_s = 5\nlatch = true\n\
         [alarm.profile.cabinet.frozen_high]\noff_delay_s = 6\ndeadband_c = 2.5\n[alarm.kind.locker.mains]\nenabled = false\n\
         [device.d-1]\nprofile = \"cabinet\"\nmqtt = \"m\"\ncold = \"frozen\"\n[device.d-1.alarm.frozen_high]\non_delay_s = 90\n\
         [device.d-2]\nprofile = \"sparkplug-cabinet\"\nmqtt = \"m\"\ncold = \"frozen\"\n"
    ));
    let rule = device(&site, "d-1").rules[0];
    assert_eq!((rule.kind, rule.limit, rule.deadband, rule.latch), (RuleKind::FrozenHigh, -12.0, 2.5, true));
    assert_eq!((rule.on_delay, rule.off_delay, rule.defrost_delay, rule.re_alarm), (secs(90), secs(6), secs(90 * 60), secs(600)));
    assert_eq!(device(&site, "d-1").cold, Some(ColdClass::Frozen));
    let other = device(&site, "d-2").rules[0];
    assert_eq!((other.deadband, other.on_delay, other.off_delay), (1.5, secs(70), secs(5)), "of another profile");
    assert!(device(&site, "d-1").rules.iter().any(|rule| rule.kind == RuleKind::Mains), "only lockers do without");
}

#[test]
fn a_limit_for_many_cabinets_never_loosens_that_of_fresh_goods() {
    // (settings of the site, the kind, the profile, of the device itself, limit when chilled, when fresh)
    let cases = [
        ([Some(9.0), None, None, None], 9.0, 4.0),
        ([Some(3.0), None, None, None], 3.0, 3.0),
        ([None, Some(9.0), None, None], 9.0, 4.0),
        ([None, None, Some(9.0), None], 9.0, 4.0),
        ([Some(3.0), None, Some(9.0), None], 9.0, 4.0),
        ([Some(3.0), None, None, Some(6.0)], 6.0, 6.0),
    ];
    for (settings, chilled, fresh) in cases {
        let tables = ["alarm", "alarm.kind.cabinet", "alarm.profile.cabinet", "device.d-1.alarm"];
        let table = |(table, limit): (&str, Option<f64>)| limit.map(|limit| format!("[{table}.chilled_high]\nlimit_c = {limit:.1}\n"));
        let lines: String = tables.into_iter().zip(settings).filter_map(table).collect();
        for (class, limit) in [("chilled", chilled), ("fresh", fresh)] {
            let head = format!("{HEAD}[mqtt.m]\nurl = \"mqtt://localhost\"\n");
            let site = accepted(&format!("{head}[device.d-1]\nprofile = \"cabinet\"\nmqtt = \"m\"\ncold = \"{class}\"\n{lines}"));
            assert_eq!(device(&site, "d-1").rules[0].limit, limit, "{class} {settings:?}");
        }
    }
}

#[test]
fn the_gateway_has_a_rule_of_its_own() {
    let rules = |lines: &str| accepted(&format!("{HEAD}{lines}")).devices[0].rules.clone();
    let told = |lines: &str| rules(lines).iter().map(|rule| (rule.kind, rule.limit, rule.deadband)).collect::<Vec<_>>();
    let link_down = (RuleKind::LinkDown, 0.0, 0.0);
    assert_eq!(told(""), [(RuleKind::UplinkReliability, 80.0, 5.0), link_down]);
    assert_eq!(told("[alarm.uplink_reliability]\nlimit_pct = 90\n"), [(RuleKind::UplinkReliability, 90.0, 5.0), link_down]);
    assert_eq!(told("[alarm.uplink_reliability]\nenabled = false\n[alarm.link_down]\nenabled = false\n"), []);
}

#[test]
fn defaults_follow_how_a_device_is_reached_and_what_it_is() {
    let site = accepted(&format!(
        "{HEAD}[bus.b]\ntransport = \"rtu_over_tcp\"\naddress = \"127.0.0.1:502\"\n\
         [device.d-1]\nprofile = \"danfoss-erc211\"\nbus = \"b\"\nunit = 1\ncold = \"chilled\"\n\
         [device.d-2]\nprofile = \"danfoss-ekc202d\"\nbus = \"b\"\nunit = 2\ncold = \"chilled\"\n"
    ));
    let rule = |id: &str, kind| *device(&site, id).rules.iter().find(|rule| rule.kind == kind).unwrap();
    assert_eq!(rule("d-1", RuleKind::CommLoss).limit, 3.0, "three polls");
    assert_eq!(rule("d-1", RuleKind::DefrostTimeout).on_delay, secs(30 * 60), "ERC d04");
    assert_eq!(rule("d-2", RuleKind::DefrostTimeout).on_delay, secs(45 * 60), "EKC d04");
}

#[test]
fn fragments_merge_by_key_in_the_order_of_their_names() {
    let folder = folder(&[
        ("gateway.toml", &format!("{HEAD}[mqtt.m]\nurl = \"mqtt://one\"\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\n")),
        ("conf.d/20-later.toml", "[device.d-1]\ninterval_s = 20\n[device.d-2]\nprofile = \"vending\"\nmqtt = \"m\"\n"),
        ("conf.d/10-sooner.toml", "[device.d-1]\ninterval_s = 10\nname = \"from ten\"\n"),
        ("conf.d/.hidden.toml", "this is not TOML"),
        ("conf.d/notes.txt", "nor is this"),
    ]);
    let loaded = opened(folder.path(), &[]);
    let names: Vec<_> = loaded.files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["gateway.toml", "10-sooner.toml", "20-later.toml"]);
    let first = device(&loaded.site, "d-1");
    assert_eq!((first.interval, first.name.as_deref()), (secs(20), Some("from ten")));
    assert_eq!(device(&loaded.site, "d-2").kind, Kind::Vending);
    assert_eq!(loaded.warnings, []);
}

#[test]
fn variables_win_and_become_the_type_of_their_key() {
    let base = format!(
        "{HEAD}[mqtt.m]\nurl = \"mqtt://one\"\n[device.lk-0001]\nprofile = \"locker\"\nmqtt = \"m\"\n\
         [forward.main]\nurl = \"http://localhost\"\norg = \"o\"\nbucket = \"b\"\n"
    );
    let folder = folder(&[("gateway.toml", &base), ("conf.d/a.toml", "[device.lk-0001]\ninterval_s = 10\n")]);
    let env = [
        ("GW__DEVICE__LK_0001__INTERVAL_S", "7"),
        ("GW__DEVICE__LK_0001__NAME", "007"),
        ("GW__DEVICE__LK_0001__TOPIC_ID", "1e5"),
        ("GW__FORWARD__MAIN__RAW", "true"),
        ("GW__FORWARD__MAIN__ORG", "TRUE"),
        ("GW__API__LISTEN", "off"),
        ("GW__STORE__DIR", "data"),
        ("PATH", "/usr/bin"),
        ("GWEN", "a name"),
    ];
    let loaded = opened(folder.path(), &env);
    let locker = device(&loaded.site, "lk-0001");
    assert_eq!((locker.interval, locker.name.as_deref()), (secs(7), Some("007")));
    assert_eq!(locker.source, Source::Mqtt { broker: 0, topic_id: "1e5".into() });
    let [forward] = &loaded.site.forward[..] else { panic!("{:?}", loaded.site.forward) };
    assert_eq!(database(forward).api, WriteApi::Influx2 { org: "TRUE".to_owned(), bucket: "b".to_owned() });
    assert_eq!((&forward.raw, loaded.site.api.listen), (&Some(Selection::default()), None));
    assert_eq!(loaded.site.store.dir, folder.path().join("data"));
    assert_eq!(loaded.warnings, []);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let text = format!("\u{feff}{}", include_str!("../examples/mqtt-only.toml").replace('\n', "\r\n"));
    assert_eq!(accepted(&text).devices.len(), 4);
}

#[test]
fn warnings_do_not_stop_a_site() {
    let cases = [
        ("", "GW-C101", "device"),
        (
            "[mqtt.m]\nurl = \"mqtt://h\"\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\n[bus.b]\ntransport = \"tcp\"\naddress = \"h:502\"\n",
            "GW-C102",
            "bus.b",
        ),
        (
            "[bus.b]\ntransport = \"rtu\"\npath = \"/dev/ttyUSB0\"\n[device.d-1]\nprofile = \"eastron-sdm120\"\nbus = \"b\"\nunit = 1\n",
            "GW-C105",
            "bus.b.path",
        ),
        ("[mqtt.m]\nurl = \"mqtt://h\"\n[device.d-1]\nprofile = \"cabinet\"\nmqtt = \"m\"\n", "GW-C106", "device.d-1.cold"),
    ];
    for (text, code, key) in cases {
        let folder = folder(&[("gateway.toml", &format!("{HEAD}{text}"))]);
        let warnings = opened(folder.path(), &[]).warnings;
        let told: Vec<_> = warnings.iter().map(|warning| (warning.code, warning.key.as_str())).collect();
        assert_eq!(told, [(code, key)], "{text}");
    }
}

#[test]
fn other_places_for_warnings() {
    let main = format!(
        "{HEAD}[mqtt.m]\nurl = \"mqtt://far.example.cn\"\nusername = \"u\"\npassword_file = \"p\"\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\n"
    );
    let folder = folder(&[("gateway.toml", &main), ("p", "secret"), ("conf.d/a.toml", "[device.d-1]\nprofile = \"vending\"\n")]);
    fs::set_permissions(folder.path().join("p"), fs::Permissions::from_mode(0o600)).unwrap();
    let warnings = opened(folder.path(), &[("GW_STORE__DIR", "x")]).warnings;
    let told: Vec<_> = warnings.iter().map(|warning| (warning.code, warning.key.as_str())).collect();
    assert_eq!(told, [("GW-C107", "mqtt.m.url"), ("GW-C103", "device.d-1.profile"), ("GW-C104", "")]);
}

/// Somebody in a shell asks about the configuration of a service that has its secrets from systemd.
#[test]
fn without_credentials_only_a_gateway_that_runs_is_refused() {
    let mqtt = "[mqtt.m]\nurl = \"mqtts://h\"\nusername = \"u\"\npassword_file = \"credential:mqtt-password\"\n";
    let device = "[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\n";
    let folder = folder(&[("gateway.toml", &format!("{HEAD}{mqtt}{device}")), ("mqtt-password", "secret")]);
    fs::set_permissions(folder.path().join("mqtt-password"), fs::Permissions::from_mode(0o400)).unwrap();
    let path = folder.path().join("gateway.toml");
    let env = [("CREDENTIALS_DIRECTORY".to_owned(), folder.path().display().to_string())];
    let wrong = [("CREDENTIALS_DIRECTORY".to_owned(), "/nowhere".to_owned())];
    assert_eq!(open(&path, &[]).unwrap_err().0[0].code, "GW-C012");
    let looked = look(&path, &[]).unwrap();
    let told: Vec<_> = looked.warnings.iter().map(|warning| (warning.code, warning.key.as_str())).collect();
    assert_eq!((told, &looked.site.brokers[0].password_file), (vec![("GW-C110", "mqtt.m.password_file")], &None));
    // Where there are some, both look at them: the service checks itself before it starts.
    for read in [open, look] {
        let loaded = read(&path, &env).unwrap();
        assert!(loaded.warnings.is_empty() && loaded.site.brokers[0].password_file.is_some());
        assert_eq!(read(&path, &wrong).unwrap_err().0[0].code, "GW-C012");
    }
}

/// Each address that is not encrypted is told, unless it is this machine.
#[test]
fn a_secret_on_an_open_line_is_told_for_each_address() {
    let pem = |what: &str| format!("-----BEGIN {what}-----\nAA==\n-----END {what}-----\n");
    let cases = [
        ("url = \"mqtts://a, mqtt://b, ws://c/m\"\nusername = \"u\"\npassword_file = \"p\"", vec!["mqtt://b:1883", "ws://c:80/m"]),
        ("url = \"mqtts://a, mqtt://b\"\ncert_file = \"cert\"\nkey_file = \"key\"", vec!["mqtt://b:1883"]),
        ("url = \"mqtts://a, mqtt://127.0.0.1\"\nusername = \"u\"\npassword_file = \"p\"", vec![]),
    ];
    for (lines, expected) in cases {
        let main = format!("{HEAD}[mqtt.m]\n{lines}\n[device.d-1]\nprofile = \"locker\"\nmqtt = \"m\"\n");
        let files = [("gateway.toml", &*main), ("p", "secret"), ("key", &pem("PRIVATE KEY")), ("cert", &pem("CERTIFICATE"))];
        let folder = folder(&files);
        for secret in ["p", "key"] {
            fs::set_permissions(folder.path().join(secret), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let warnings = opened(folder.path(), &[]).warnings;
        assert_eq!(warnings.len(), expected.len(), "{warnings:?}");
        for (warning, address) in warnings.iter().zip(expected) {
            assert!(warning.code == "GW-C107" && warning.message.contains(address), "{address}: {}", warning.message);
        }
    }
}

#[test]
fn a_destination_may_be_a_folder() {
    let site = accepted(&format!("{HEAD}[forward.stick]\nprotocol = \"file\"\ndir = \"/media/stick\"\nfiles_max = 5\n"));
    let Target::Files(files) = &site.forward[0].target else { panic!("{:?}", site.forward) };
    assert_eq!((files.dir.as_path(), files.file_bytes_max, files.files_max), (Path::new("/media/stick"), 16 << 20, 5));
    assert_eq!((files.free_bytes_min, site.forward[0].address().as_str()), (site.store.free_bytes_min, "/media/stick"));
}

#[test]
fn a_metered_line_gets_short_windows_only_if_asked_for_and_alike_is_the_priority_of_all() {
    let table = [
        ("", true),
        ("mb_per_month = 30\n", false),
        ("mb_per_month = 30\nshort_windows = true\n", true),
        ("short_windows = false\n", false),
    ];
    for (lines, expected) in table {
        let site = accepted(&format!("{HEAD}[forward.main]\nurl = \"http://h\"\norg = \"o\"\nbucket = \"b\"\n{lines}"));
        assert_eq!((site.forward[0].short_windows, site.forward[0].priority), (expected, 1), "{lines}");
    }
    let site = accepted(&format!("{HEAD}[forward.main]\nurl = \"http://h\"\norg = \"o\"\nbucket = \"b\"\npriority = 4\n"));
    assert_eq!(site.forward[0].priority, 4);
}

#[test]
fn a_revised_row_stands_over_the_earlier_one_unless_the_destination_wants_it_beside() {
    let table = [("", Revisions::Over), ("revisions = \"over\"\n", Revisions::Over), ("revisions = \"beside\"\n", Revisions::Beside)];
    let ends = ["url = \"http://h\"\norg = \"o\"\nbucket = \"b\"\n", "protocol = \"file\"\ndir = \"/media/stick\"\n"];
    for (lines, expected) in table {
        for end in ends {
            let site = accepted(&format!("{HEAD}[forward.main]\n{end}{lines}"));
            assert_eq!(site.forward[0].revisions, expected, "{end}{lines}");
        }
    }
}

#[test]
fn a_destination_may_be_the_broker_of_a_platform() {
    let lines = "protocol = \"mqtt\"\nurl = \"mqtts://iot.example.cn, ws://127.0.0.1:8083/mqtt\"\n";
    let platform = |lines: &str| match &accepted(&format!("{HEAD}[forward.city]\n{lines}")).forward[0].target {
        Target::Platform(platform) => (**platform).clone(),
        other => panic!("{other:?}"),
    };
    let made = platform(lines);
    let endpoints: Vec<String> = made.broker.endpoints.iter().map(ToString::to_string).collect();
    assert_eq!(endpoints, ["mqtts://iot.example.cn:8883", "ws://127.0.0.1:8083/mqtt"]);
    assert!(made.broker.client_id.ends_with("-city") && !made.prescribed_id, "{made:?}");
    let topic = made.topic.strip_prefix("facility/").and_then(|rest| rest.strip_suffix("/{measurement}")).unwrap();
    assert_eq!(made.broker.client_id, format!("{topic}-city"));
    assert_eq!((made.format, made.message_bytes_max, made.timeout), (Format::Line, 65_536, secs(10)));
    let given = "client_id = \"350102\"\nusername = \"u\"\nformat = \"json\"\ntopic = \"$oc/devices/350102/{district}/{kind}/{device}\"\n";
    let given = platform(&format!("{lines}{given}"));
    assert!(given.prescribed_id && given.format == Format::Json && given.broker.username.as_deref() == Some("u"));
    assert!(given.topic.starts_with("$oc/devices/350102/") && given.topic.ends_with("/{kind}/{device}"), "{}", given.topic);
}
