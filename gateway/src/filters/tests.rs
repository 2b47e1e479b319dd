//! What is given back after the configuration has changed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn site(dir: &Path, profiles: &[&str]) -> Site {
    let mut text = format!(
        "[gateway]\nid = \"gw-test-01\"\nsite = \"gl-test\"\ndistrict = \"350102\"\n[store]\ndir = {dir:?}\n[mqtt.site]\nurl = \"mqtt://127.0.0.1:1\"\n"
    );
    for (at, profile) in profiles.iter().enumerate() {
        text.push_str(&format!("[device.d-{at}]\nprofile = \"{profile}\"\nmqtt = \"site\"\n"));
    }
    facility_config::from_toml("test", &text).unwrap()
}

#[test]
fn filters_of_an_earlier_configuration_are_given_back_until_they_are_wanted_again() {
    let dir = tempfile::tempdir().unwrap();
    let renewed = |profiles: &[&str]| renew(&site(dir.path(), profiles));
    let awish = vec![vec!["/server/app".to_owned()]];
    let nothing = vec![Vec::<String>::new()];
    assert_eq!(renewed(&["locker", "vending-awish"]), nothing, "the first start");
    assert_eq!(renewed(&["locker", "vending-awish"]), nothing, "nothing has changed");
    assert_eq!(renewed(&["locker"]), awish);
    assert_eq!(renewed(&["locker"]), awish, "the session may not have been there the first time");
    assert_eq!(renewed(&["locker", "vending-awish"]), nothing, "wanted again");
}

#[test]
fn a_file_that_is_broken_or_too_long_costs_nothing_but_the_knowledge() {
    let dir = tempfile::tempdir().unwrap();
    let many: Vec<String> = (0..10_000).map(|at| format!("old/{at}/{}", "x".repeat(64))).collect();
    let bounded: Vec<String> = (0..FORMER_FILTERS_MAX + 9).map(|at| format!("old/{at}")).collect();
    let rows = [
        ("{".to_owned(), 0),
        ("[1]".to_owned(), 0),
        (serde_json::to_string(&Known::from([("site".to_owned(), many)])).unwrap(), 0),
        (serde_json::to_string(&Known::from([("site".to_owned(), bounded)])).unwrap(), FORMER_FILTERS_MAX),
    ];
    for (text, expected) in rows {
        std::fs::write(dir.path().join(FILE), &text).unwrap();
        let former = renew(&site(dir.path(), &["locker"]));
        assert_eq!(former[0].len(), expected, "{text:.40}");
        assert!(read(&dir.path().join(FILE)).unwrap()["site"].len() > expected, "and what is wanted now is noted");
    }
}
