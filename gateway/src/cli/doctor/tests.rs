//! What the doctor finds, with and without a gateway that runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use facility_drivers::sim::tsdb::{Mode, Tsdb};
use serde_json::json;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

fn site(dir: &Path, lines: &str) -> Site {
    let head = "[gateway]\nid = \"gw-test-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n[api]\nlisten = \"off\"\n";
    let store = format!("[store]\ndir = {dir:?}\nfree_bytes_min = 1048576\n");
    facility_config::from_toml("gateway.toml", &format!("{head}{store}{lines}")).unwrap()
}

fn of<'a>(findings: &'a [Finding], what: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.what.starts_with(what)).unwrap_or_else(|| panic!("{what}: {findings:?}"))
}

#[tokio::test]
async fn each_thing_is_told_with_what_to_do_next() {
    let dir = tempfile::tempdir().unwrap();
    let there = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = there.local_addr().unwrap().port();
    let tsdb = Tsdb::start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    tsdb.keep_all(true);
    let lines = format!(
        "[mqtt.up]\nurl = \"mqtt://127.0.0.1:1, mqtt://127.0.0.1:{port}\"\n[mqtt.down]\nurl = \"mqtt://no-such-host.invalid\"\n\
         [bus.tcp]\ntransport = \"tcp\"\naddress = \"127.0.0.1:1\"\n[bus.line]\ntransport = \"rtu\"\npath = \"/dev/no-such-port\"\n\
         [forward.main]\nurl = \"{}\"\norg = \"o\"\nbucket = \"b\"\n[forward.away]\nurl = \"http://127.0.0.1:1\"\norg = \"o\"\nbucket = \"b\"\n\
         [forward.city]\nprotocol = \"mqtt\"\nurl = \"mqtt://127.0.0.1:2\"\n",
        tsdb.url()
    );
    let site = site(dir.path(), &lines);
    let findings = look(&site, &Clock::system()).await;
    let table = [
        ("clock", State::Ok, "Z"),
        ("data folder", State::Ok, "MiB free"),
        ("gateway", State::Warning, "api.listen"),
        ("broker 服务器 up", State::Ok, "login is not tried"),
        ("broker 服务器 down", State::Fail, "not found"),
        ("bus 总线 tcp", State::Fail, "refused"),
        ("bus 总线 line", State::Fail, "No such file"),
        ("destination 转发目标 main", State::Ok, "stored"),
        ("destination 转发目标 away", State::Fail, "refused"),
        ("destination 转发目标 city", State::Fail, "refused"),
    ];
    for (what, state, words) in table {
        let finding = of(&findings, what);
        assert!(finding.state == state && finding.found.contains(words), "{finding:?}");
        assert_eq!(finding.next.is_some(), state != State::Ok, "{finding:?}");
    }
    assert_eq!(tsdb.summary().lines, 1);
    let shown = text(&findings);
    assert!(shown.contains("FAIL 故障  bus 总线 line") && shown.contains("→ is the adapter plugged in"), "{shown}");
    tsdb.set_mode(Mode::Status(401, None));
    let refused = reach::destination(&site, &site.forward[2], &Clock::system()).await;
    assert!(refused.what.ends_with("main") && refused.state == State::Fail && refused.found.contains("token"), "{refused:?}");
}

#[tokio::test]
async fn a_clock_that_is_not_set_and_a_folder_that_is_not_there_are_told() {
    let clock = Clock::manual(0);
    clock.reboot(0);
    assert_eq!(here::clock(&clock).state, State::Fail);
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(here::data(&site(&dir.path().join("none"), "")).state, State::Warning);
    let full = site(dir.path(), "").store;
    let mut site = site(dir.path(), "");
    site.store = facility_config::site::Store { free_bytes_min: u64::MAX, ..full };
    assert_eq!(here::data(&site).state, State::Fail);
}

#[test]
fn of_a_gateway_that_runs_its_own_word_is_taken() {
    let links = json!([
        {"kind": "broker", "name": "a", "state": "up", "error": null},
        {"kind": "broker", "name": "b", "state": "denied", "error": "the broker refuses"},
        {"kind": "bus", "name": "a", "state": "connecting", "error": "in use by another program"},
    ]);
    let table = [("broker", "a", State::Ok), ("broker", "b", State::Fail), ("bus", "a", State::Fail), ("bus", "c", State::Warning)];
    for (kind, name, state) in table {
        assert_eq!(here::link(&links, kind, "x", name).state, state, "{kind} {name}");
    }
}
