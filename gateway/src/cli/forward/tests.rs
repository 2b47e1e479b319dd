//! What the commands say of destinations that work, are away, or have never been there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::probe::{Answer, ask};
use super::status::{Stand, of_snapshot};
use super::*;
use facility_drivers::Clock;
use facility_drivers::sim::tsdb::{Mode, Tsdb};
use serde_json::json;
use std::net::SocketAddr;

const HEAD: &str = "[gateway]\nid = \"gw-test-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n";

fn site(url: &str) -> Site {
    let text = format!(
        "{HEAD}[forward.main]\nurl = \"{url}\"\norg = \"o\"\nbucket = \"b\"\n[forward.stick]\nprotocol = \"file\"\ndir = \"/nowhere/stick\"\n"
    );
    facility_config::from_toml("gateway.toml", &text).unwrap()
}

#[test]
fn a_snapshot_gives_each_destination_its_own_figures() {
    let site = site("http://127.0.0.1:1");
    let account =
        |buffered: u64| json!({"delivered": 7, "buffered": buffered, "dead_lettered": 2, "dropped": {"evicted": 3, "wrong_type": 9}});
    let snapshot = json!({
        "links": [
            {"kind": "broker", "name": "main", "state": "denied"},
            {"kind": "database", "name": "main", "state": "connecting", "since_ms": 5, "error": "connection refused"},
            {"kind": "database", "name": "stick", "state": "up", "since_ms": 6, "error": null},
        ],
        "forward": [{"name": "main", "accounts": [account(40), account(2)]}, {"name": "stick", "accounts": []}],
    });
    let main = of_snapshot(&site.forward[0], &snapshot);
    assert_eq!((main.state.as_str(), main.since_ms, main.error.as_deref()), ("connecting", Some(5), Some("connection refused")));
    assert_eq!((main.waiting, main.delivered, main.dead_lettered, main.lost), (42, 14, 4, 6));
    let stick = of_snapshot(&site.forward[1], &snapshot);
    assert_eq!((stick.state.as_str(), stick.waiting, stick.error.as_deref()), ("up", 0, None));
    assert!(!main.works() && stick.works());
    let text = status::text(&[main, stick]);
    assert!(text.contains("connection refused") && text.contains("42") && text.contains("/nowhere/stick"), "{text}");
    // A gateway of another version, or one that was started with another file.
    let unknown = of_snapshot(&site.forward[0], &json!({}));
    assert_eq!(unknown, Stand { name: "main".into(), address: "http://127.0.0.1:1".into(), state: "unknown".into(), ..Stand::default() });
}

#[tokio::test]
async fn a_test_says_in_words_what_came_back() {
    let tsdb = Tsdb::start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    tsdb.keep_all(true);
    let site = site(&tsdb.url());
    let table = [
        (Mode::Up, true, "stored"),
        (Mode::Down, false, "try again"),
        (Mode::Status(404, None), false, "no such bucket"),
        (Mode::Portal, false, "login page"),
    ];
    for (mode, expected, what) in table {
        tsdb.set_mode(mode);
        let (ok, words) = ask(&site.forward[0], "gateway_test,gw_id=g sent=1i 1\n", &Clock::manual(1)).await;
        assert!(ok == expected && words.contains(what), "{mode:?}: {words}");
    }
    assert_eq!(tsdb.summary().lines, 1);
    let (ok, words) = ask(&site.forward[1], "", &Clock::manual(1)).await;
    assert!(!ok && words.contains("stick"), "{words}");
    let answer = Answer { name: "stick".into(), address: "/nowhere/stick".into(), ok, words };
    assert!(probe::text(&[answer]).contains("FAILED"));
}

#[test]
fn only_configured_destinations_can_be_chosen() {
    let site = site("http://127.0.0.1:1");
    assert_eq!(chosen(&site, None).unwrap().len(), 2);
    assert_eq!(&*chosen(&site, Some("stick")).unwrap()[0].name, "stick");
    assert!(matches!(chosen(&site, Some("city")), Err(Exit::Start { code: 2, message }) if message.contains("main, stick")));
}
