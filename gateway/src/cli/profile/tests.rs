//! Every command as it is typed, on the models that ship and on a site's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use clap::Parser;
use facility_config::profile::{to_csv, to_toml};
use std::fs;
use tempfile::TempDir;

#[derive(Parser)]
struct Typed {
    #[command(subcommand)]
    command: ProfileCommand,
}

/// Does what somebody types behind `facility-gateway profile`; the exit code.
fn run(words: &[&str]) -> u8 {
    let typed = Typed::try_parse_from(std::iter::once("profile").chain(words.iter().copied())).unwrap();
    match act(&typed.command) {
        Exit::Done => 0,
        Exit::Found(code) | Exit::Start { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn own(id: &str) -> Profile {
    Profile { id: id.into(), ..(*builtin("danfoss-ekc202d").unwrap()).clone() }
}

/// A folder with `gateway.toml` and this model of its own.
fn site(name: &str, text: &str) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("profiles.d")).unwrap();
    fs::write(folder.path().join("profiles.d").join(name), text).unwrap();
    let config = folder.path().join("gateway.toml").display().to_string();
    (folder, config)
}

#[test]
fn every_model_can_be_listed_shown_and_exported() {
    let (folder, config) = site("own-ekc.toml", &to_toml(&own("own-ekc")));
    let out = folder.path().join("out").display().to_string();
    assert_eq!(run(&["list", "--config", &config]), 0);
    assert_eq!(run(&["list", "--json", "-c", &config]), 0);
    for id in builtin_ids().chain(["own-ekc"]) {
        assert_eq!(run(&["show", id, "-c", &config]), 0, "{id}");
        assert_eq!(run(&["export", id, "-c", &config, "--output", &out]), 0, "{id}");
        let expected = if id == "own-ekc" { to_toml(&own("own-ekc")) } else { facility_config::profile::builtin_text(id).unwrap().into() };
        assert_eq!(fs::read_to_string(&out).unwrap(), expected, "{id}");
        let is_map = matches!(own_or_builtin(id).dialect, facility_config::profile::Dialect::Modbus(_));
        assert_eq!(run(&["export", id, "--csv", "-c", &config, "-o", &out]), if is_map { 0 } else { 65 }, "{id}");
    }
}

fn own_or_builtin(id: &str) -> Profile {
    builtin(id).map_or_else(|| own(id), |profile| (*profile).clone())
}

#[test]
fn what_is_not_there_has_its_own_number() {
    let (folder, config) = site("own-ekc.toml", "id = \"own-ekc\"\n");
    assert_eq!(run(&["list", "-c", &config]), 78);
    assert_eq!(run(&["show", "danfoss-ekc202d", "-c", &config]), 78);
    assert_eq!(run(&["show", "own-ekc", "-c", &config]), 78);
    fs::remove_dir_all(folder.path().join("profiles.d")).unwrap();
    assert_eq!(run(&["show", "own-ekc", "-c", &config]), 66);
    assert_eq!(run(&["export", "own-ekc", "-c", &config]), 66);
    assert_eq!(run(&["export", "danfoss-ekc202d", "-c", &config, "-o", "/nowhere/x.toml"]), 74);
    assert_eq!(run(&["check", "/nowhere/x.toml"]), 66);
    assert_eq!(run(&["import", "/nowhere/x.csv"]), 66);
}

/// The way of an author: export, edit in a spreadsheet, import, check, put into place.
#[test]
fn a_spreadsheet_becomes_a_model_of_the_site() {
    let (folder, config) = site("notes.txt", "");
    let sheet = folder.path().join("own-ekc.csv").display().to_string();
    let made = folder.path().join("profiles.d/own-ekc.toml").display().to_string();
    fs::write(&sheet, to_csv(&own("own-ekc")).unwrap()).unwrap();
    assert_eq!(run(&["check", &sheet]), 0);
    assert_eq!(run(&["import", &sheet, "--output", &made]), 0);
    assert_eq!(run(&["check", &made]), 0);
    assert_eq!(run(&["check", "--json", &made]), 0);
    assert_eq!(run(&["show", "own-ekc", "-c", &config]), 0);
    fs::write(&sheet, to_csv(&own("danfoss-ekc202d")).unwrap()).unwrap();
    assert_eq!(run(&["import", &sheet]), 65);
    fs::write(&made, fs::read_to_string(&made).unwrap().replace("i16", "i17")).unwrap();
    assert_eq!(run(&["check", &made]), 65);
    assert_eq!(run(&["check", "--json", &made]), 65);
}

#[test]
fn a_page_says_what_a_technician_needs() {
    let text = "id = \"own-board\"\nkind = \"locker\"\nmaker = \"M\"\nmodel = \"L24\"\norigin = \"manual\"\ninterval_s = 30\n[modbus]\n\
        registers_max = 10\nbits_max = 48\ntimeout_ms = 500\nquirks = \"Set the address with the switch.\\n\\nThen restart.\"\n\
        serial = { baud = 9600, parity = \"even\", stop_bits = 1 }\nunreadable = [{ table = \"holding\", first = 3, last = 9 }]\n\
        [[modbus.fingerprint]]\ntable = \"holding\"\naddress = 16\ncount = 2\nrefused = 3\n\
        [[modbus.golden]]\nquestion = \"01 01 00 00 00 18 3C 00\"\nanswer = \"0101\"\norigin = \"emulator\"\nvalues = { \"locker.door_open\" = \"3\" }\n\
        [[modbus.point]]\npoint = \"locker.door_open\"\ntable = \"coil\"\naddress = 0\ntype = \"count\"\nbits = 24\npolarity = \"commissioned\"\n\
        [[modbus.point]]\npoint = \"locker.temp_c\"\ntable = \"holding\"\naddress = 0x0A2B\ntype = \"i32\"\norder = \"CDAB\"\nscale = 0.1\noffset = -4\n\
        range = [-40, 80]\ngroup = \"slow\"\ninvalid = [32768]\nstatus = { address = 7, mask = 3, bad = 2 }\norigin = \"T1\"\n";
    let (_folder, config) = site("own-board.toml", text);
    let models = Site { config: config.into() }.models();
    let (profile, builtin) = models.find("own-board").unwrap();
    let page = show::page(profile, builtin);
    for expected in [
        "own-board  M L24 (locker 信包箱, from profiles.d)",
        "of at most 10 registers or 48 bits",
        "9600 8E1",
        "holding 3 to 9",
        "holding 16 × 2 is refused with exception 3",
        "01 01 00 00 00 18 3C 00  (emulator)",
        "locker.door_open = 3",
        "know         Then restart.",
        "count[24]",
        "door_open_is",
        "2603  0A2B  i32        CDAB   ×0.1 -4  °C    -40..80  slow   bad if 7 & 3 = 2, none: 8000h  T1",
    ] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed(&page).contains(&squeezed(expected)), "{expected} is not in:\n{page}");
    }
    assert!(models.find("own-bord").is_err_and(|exit| matches!(exit, Exit::Start { code: 66, message } if message.contains("own-board"))));
}

#[test]
fn models_of_other_languages_have_a_page_too() {
    let page = show::page(&builtin("cabinet").unwrap(), true);
    assert!(page.contains("scf/v1/{site}/{kind}/{device}/telemetry") && page.contains("/temps/air") && page.contains("defrost"), "{page}");
}
