//! Device models of a site's own: read beside the configuration, as strict as the embedded ones, and never a way to a door.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use facility_config::profile::{Dialect, builtin, to_csv, to_toml};
use facility_config::{Loaded, Problem, Problems, Profile, check_profile, import_csv, open, own_profiles};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const METER: &str = "id = \"own-meter\"\nkind = \"meter\"\nmaker = \"M\"\nmodel = \"X\"\norigin = \"manual\"\ninterval_s = 30\n\
    [modbus]\nregisters_max = 10\ntimeout_ms = 500\n[[modbus.point]]\npoint = \"energy.active_w\"\naddress = 40001\ntype = \"u16\"\n";
const BOARD: &str = "id = \"own-board\"\nkind = \"locker\"\nmaker = \"M\"\nmodel = \"L24\"\norigin = \"manual\"\ninterval_s = 30\n\
    [modbus]\nregisters_max = 10\ntimeout_ms = 500\n\
    [[modbus.point]]\npoint = \"locker.door_open\"\ntable = \"coil\"\naddress = 0\ntype = \"count\"\nbits = 24\npolarity = \"commissioned\"\n";
const KIOSK: &str = "id = \"own-kiosk\"\nkind = \"cabinet\"\nmaker = \"M\"\nmodel = \"K\"\norigin = \"manual\"\ninterval_s = 30\n\
    [[mqtt.message]]\nkind = \"telemetry\"\ntopic = \"kiosk/{device}/up\"\n[[mqtt.message.field]]\npointer = \"/air\"\npoint = \"cabinet.air_c\"\n";
const SITE: &str = "[gateway]\nid = \"gw-test-01\"\nsite = \"test-site\"\ndistrict = \"350102\"\n[bus.b]\ntransport = \"rtu\"\npath = \"/dev/x\"\n\
    [device.d-1]\nprofile = \"own-meter\"\nbus = \"b\"\nunit = 1\n";

/// A site with these files in `profiles.d`.
fn site(config: &str, profiles: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gateway.toml");
    fs::write(&path, config).unwrap();
    fs::create_dir(folder.path().join("profiles.d")).unwrap();
    for (name, text) in profiles {
        fs::write(folder.path().join("profiles.d").join(name), text).unwrap();
    }
    (folder, path)
}

fn loaded(config: &str, profiles: &[(&str, &str)]) -> Loaded {
    open(&site(config, profiles).1, &[]).unwrap_or_else(|problems| panic!("{problems}"))
}

fn errors(problems: &Problems) -> Vec<&Problem> {
    problems.0.iter().filter(|problem| !problem.is_warning()).collect()
}

#[test]
fn a_device_may_be_of_a_model_of_the_sites_own() {
    let folder =
        site(SITE, &[("own-meter.toml", METER), ("own-kiosk.toml", KIOSK), (".own-meter.toml", "no TOML"), ("notes.txt", "neither")]);
    let loaded = open(&folder.1, &[]).unwrap_or_else(|problems| panic!("{problems}"));
    let profile = loaded.site.devices[1].profile.as_ref().unwrap();
    assert_eq!((&*profile.id, loaded.site.devices[1].interval.as_secs()), ("own-meter", 30));
    let files: Vec<_> = loaded.files.iter().map(|file| file.strip_prefix(folder.0.path()).unwrap().to_str().unwrap()).collect();
    assert_eq!(files, ["gateway.toml", "profiles.d/own-kiosk.toml", "profiles.d/own-meter.toml"]);
    let own = own_profiles(&folder.1).unwrap();
    assert_eq!(own.iter().map(|profile| &*profile.id).collect::<Vec<_>>(), ["own-kiosk", "own-meter"]);
    // The configuration itself may be unfinished.
    fs::write(&folder.1, "[gateway").unwrap();
    assert_eq!(own_profiles(&folder.1).unwrap().len(), 2);
    assert!(own_profiles(Path::new("/nowhere/gateway.toml")).unwrap().is_empty());
}

#[test]
fn a_json_model_of_the_sites_own_is_read_over_mqtt() {
    let config = SITE.split("[bus.b]").next().unwrap().to_owned()
        + "[mqtt.m]\nurl = \"mqtt://localhost\"\n[device.d-1]\nprofile = \"own-kiosk\"\nmqtt = \"m\"\ncold = \"frozen\"\n";
    let loaded = loaded(&config, &[("own-kiosk.toml", KIOSK)]);
    assert!(matches!(loaded.site.devices[1].profile.as_ref().unwrap().dialect, Dialect::Mqtt(_)));
}

#[test]
fn a_lock_board_has_doors_when_somebody_has_looked() {
    let board = |lines: &str| SITE.replace("own-meter", "own-board") + lines;
    let files = [("own-board.toml", BOARD)];
    let silent = loaded(&board(""), &files);
    assert_eq!(silent.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), ["GW-C109"]);
    for (word, is_set) in [("set", true), ("clear", false)] {
        let loaded = loaded(&board(&format!("door_open_is = \"{word}\"\nchannels = 24\n")), &files);
        let polling = &loaded.site.devices[1].polling;
        assert_eq!((polling.door_open_is_set, polling.channels, loaded.warnings.len()), (Some(is_set), Some(24), 0));
    }
    let folder = site(&board("door_open_is = \"set\"\nchannels = 25\n"), &files);
    let problems = open(&folder.1, &[]).unwrap_err();
    let place = problems.0[0].place.as_ref().unwrap();
    assert_eq!((problems.0[0].code, place.line, place.column), ("GW-C005", 13, 12));
    assert!(problems.0[0].message.contains("24 channels"), "{problems}");
}

#[test]
fn what_is_wrong_with_a_model_is_told_at_its_place_and_nowhere_else() {
    let frame = "id = \"own-meter\"\nkind = \"locker\"\nmaker = \"M\"\nmodel = \"L\"\norigin = \"manual\"\ninterval_s = 30\n[frame]\nask = \"8A\"\n";
    let cases = [
        (METER.replace("energy.active_w", "energy.watts"), ("GW-C021", 10, 1), "no point `energy.watts`"),
        (METER.replace("u16", "u17"), ("GW-C021", 13, 8), "u17"),
        (METER.replace("interval_s = 30", "interval_s = 0"), ("GW-C021", 6, 14), "at least 1"),
        (METER.replace("timeout_ms = 500", "timeout = 500"), ("GW-C021", 9, 1), "timeout"),
        (METER.replace("kind = \"meter\"", "kind = \"meter"), ("GW-C002", 2, 14), "not valid TOML"),
        (METER.replace("maker", "model"), ("GW-C017", 4, 1), "twice"),
        (METER.replace("own-meter", "other-meter"), ("GW-C009", 1, 6), "call the file other-meter.toml"),
        (frame.to_owned(), ("GW-C021", 7, 2), "could open a door"),
    ];
    for (text, (code, line, column), words) in cases {
        let (_folder, path) = site(SITE, &[("own-meter.toml", &text)]);
        let problems = open(&path, &[]).expect_err(&text);
        let [problem] = errors(&problems)[..] else { panic!("{problems}") };
        let place = problem.place.as_ref().unwrap();
        assert_eq!((problem.code, place.line, place.column), (code, line, column), "{problems}");
        assert!(place.file.ends_with("profiles.d/own-meter.toml"), "{problems}");
        let said = format!("{} {}", problem.message, problem.hint.as_deref().unwrap_or_default());
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(check_profile(&path.with_file_name("profiles.d").join("own-meter.toml")).unwrap_err(), problems);
    }
}

#[test]
fn what_is_wrong_with_a_dialect_is_told_at_its_place() {
    let kiosk = |lines: &str| KIOSK.replace("[[mqtt.message.field]]", &format!("{lines}\n[[mqtt.message.field]]"));
    let cases = [
        (KIOSK.replace("kiosk/{device}/up", "kiosk/#"), (9, 9), "has a `#`"),
        (KIOSK.replace("/air", "/user/phone"), (10, 1), "PIPL art. 6"),
        (kiosk("qos = 2"), (10, 7), "qos is 0 or 1"),
        (kiosk("id = \"/order_no\""), (10, 6), "PIPL art. 6"),
        (kiosk("time = \"/ts\"\ntime_format = \"%Y\""), (11, 15), "time of day"),
        (kiosk("time = \"/ts\"\ntime_format = \"%F %T\"\ntime_zone = \"Asia/Fuzhou\""), (12, 13), "Asia/Fuzhou"),
        (kiosk("when = { \"{room}\" = \"1\" }"), (10, 8), "no level `{room}`"),
        (kiosk("formats = \"json\""), (10, 1), "formats"),
        (kiosk("format = \"xml\""), (10, 10), "xml"),
    ];
    for (text, (line, column), words) in cases {
        let (_folder, path) = site(SITE, &[("own-meter.toml", METER), ("own-kiosk.toml", &text)]);
        let problems = open(&path, &[]).expect_err(&text);
        let [problem] = errors(&problems)[..] else { panic!("{problems}") };
        let place = problem.place.as_ref().unwrap();
        assert_eq!((problem.code, place.line, place.column), ("GW-C021", line, column), "{problems}");
        assert!(place.file.ends_with("profiles.d/own-kiosk.toml") && problem.message.contains(words), "{words}: {}", problem.message);
    }
}

#[test]
fn an_embedded_model_cannot_be_replaced() {
    let text = METER.replace("own-meter", "eastron-sdm120");
    let (_folder, path) = site(SITE, &[("own-meter.toml", METER), ("eastron-sdm120.toml", &text)]);
    let problems = open(&path, &[]).unwrap_err();
    let [problem] = errors(&problems)[..] else { panic!("{problems}") };
    assert_eq!((problem.code, problem.place.as_ref().unwrap().line), ("GW-C017", 1));
    assert!(problem.hint.as_deref().unwrap().contains("choose another id, for example eastron-sdm120-2"), "{problems}");
}

#[test]
fn models_are_bounded_in_number_and_size() {
    let (folder, path) = site(SITE, &[("own-meter.toml", METER)]);
    let big = folder.path().join("profiles.d/big.toml");
    fs::write(&big, vec![b'#'; 256 * 1024 + 1]).unwrap();
    let problems = open(&path, &[]).unwrap_err();
    assert_eq!(errors(&problems).iter().map(|problem| problem.code).collect::<Vec<_>>(), ["GW-C001"], "{problems}");
    fs::remove_file(big).unwrap();
    for n in 0..256 {
        fs::write(folder.path().join(format!("profiles.d/m-{n}.toml")), METER).unwrap();
    }
    let problems = open(&path, &[]).unwrap_err();
    assert_eq!(errors(&problems).iter().map(|problem| problem.code).collect::<Vec<_>>(), ["GW-C018"], "{problems}");
}

#[test]
fn a_misspelt_model_may_be_one_of_the_sites_own() {
    let (_folder, path) = site(&SITE.replace("own-meter", "own-metre"), &[("own-meter.toml", METER)]);
    let problems = open(&path, &[]).unwrap_err();
    assert_eq!(problems.0[0].hint.as_deref(), Some("did you mean `own-meter`?"));
}

fn renamed(id: &str) -> Profile {
    Profile { id: id.into(), ..(*builtin("danfoss-ekc202d").unwrap()).clone() }
}

/// The way of a person with a spreadsheet: export, edit, import, put into profiles.d.
#[test]
fn a_spreadsheet_becomes_a_model() {
    let folder = TempDir::new().unwrap();
    let sheet = folder.path().join("ekc.csv");
    fs::write(&sheet, to_csv(&renamed("ekc-kitchen")).unwrap().replace("2531", "2530")).unwrap();
    let profile = import_csv(&sheet).unwrap_or_else(|problems| panic!("{problems}"));
    let config = SITE.replace("own-meter", "ekc-kitchen") + "cold = \"frozen\"\n";
    let loaded = loaded(&config, &[("ekc-kitchen.toml", &to_toml(&profile))]);
    assert_eq!(loaded.site.devices[1].profile.as_ref().unwrap(), &profile);
    assert_eq!(loaded.warnings, []);
}

#[test]
fn a_faulty_spreadsheet_is_told_with_row_and_place() {
    let folder = TempDir::new().unwrap();
    let sheet = folder.path().join("x.csv");
    let good = to_csv(&renamed("ekc-kitchen")).unwrap();
    let import = |text: &[u8]| {
        fs::write(&sheet, text).unwrap();
        import_csv(&sheet).expect_err("a faulty sheet was accepted").0.remove(0)
    };
    let faulty = import(good.replace("cabinet.light", "cabinet.lamp").as_bytes());
    assert_eq!(faulty.code, "GW-C021");
    let place = faulty.place.unwrap();
    assert!(faulty.message.starts_with("row ") && faulty.message.contains("cabinet.lamp") && place.line > 12, "{}", faulty.message);
    assert!(place.text.contains("cabinet.lamp"));
    assert_eq!(import(good.replace("ekc-kitchen", "danfoss-ekc202d").as_bytes()).code, "GW-C017");
    let gbk = import(b"#id,x\n#maker,\xb8\xa3\xd6\xdd\n");
    assert!(gbk.code == "GW-C001" && gbk.hint.unwrap().contains("UTF-8"));
    assert_eq!(import_csv(&folder.path().join("none.csv")).unwrap_err().0[0].code, "GW-C001");
}
