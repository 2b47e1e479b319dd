//! How problems look to people and to scripts. Set UPDATE_GOLDEN=1 to write the golden files anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use facility_config::problem::CODES;
use facility_config::{Problems, from_toml};
use std::path::Path;

const TEXT: &str = include_str!("../tests-golden/many.toml");

fn problems() -> Problems {
    from_toml("/etc/facility-gateway/gateway.toml", TEXT).unwrap_err()
}

fn same_as_golden(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests-golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{shown}\n")).unwrap();
    }
    assert_eq!(format!("{shown}\n"), std::fs::read_to_string(&path).unwrap(), "{name}");
}

#[test]
fn for_people() {
    same_as_golden("many.txt", &problems().to_string());
}

#[test]
fn for_people_with_colours() {
    let shown = problems().render(true);
    assert!(shown.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        rest = rest[at..].split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, problems().render(false));
}

#[test]
fn for_scripts() {
    let rows: serde_json::Value = serde_json::from_str(&problems().to_json()).unwrap();
    same_as_golden("many.json", &serde_json::to_string_pretty(&rows).unwrap());
    let keys: Vec<_> = rows[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "column", "file", "hint", "key", "line", "message"]);
}

#[test]
fn no_secret_is_shown() {
    let all = format!("{}{}{}{:?}", problems(), problems().render(true), problems().to_json(), problems());
    assert!(TEXT.contains("hunter2") && !all.contains("hunter2"), "{all}");
}

#[test]
fn a_code_means_one_thing() {
    let mut codes: Vec<_> = CODES.iter().map(|(code, _)| code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), CODES.len());
    assert!(CODES.iter().all(|(code, zh)| code.len() == 7 && code.starts_with("GW-C") && !zh.is_ascii()));
}
